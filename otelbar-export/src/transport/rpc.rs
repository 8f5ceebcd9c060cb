//! The messages of `google.rpc` that come with errors, as far as they are read here.

#[cfg(feature = "grpc")]
use std::time::Duration;

use prost::Message;

/// `google.rpc.Status`, with what comes in the trailers of gRPC.
#[cfg(feature = "grpc")]
#[derive(Clone, PartialEq, Message)]
pub(crate) struct RpcStatus {
    #[prost(int32, tag = "1")]
    pub(crate) code: i32,
    #[prost(string, tag = "2")]
    pub(crate) message: String,
    #[prost(message, repeated, tag = "3")]
    pub(crate) details: Vec<Any>,
}

/// `google.rpc.Status`, the body of an error over HTTP, without its details: a body of four megabytes could hold two million of them.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct RpcMessage {
    #[prost(string, tag = "2")]
    pub(crate) message: String,
}

/// `google.protobuf.Any`.
#[cfg(feature = "grpc")]
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Any {
    #[prost(string, tag = "1")]
    pub(crate) type_url: String,
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) value: bytes::Bytes,
}

/// `google.rpc.RetryInfo`.
#[cfg(feature = "grpc")]
#[derive(Clone, PartialEq, Message)]
pub(crate) struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<ProtoDuration>,
}

/// `google.protobuf.Duration`.
#[cfg(feature = "grpc")]
#[derive(Clone, PartialEq, Message)]
struct ProtoDuration {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[cfg(feature = "grpc")]
impl RpcStatus {
    /// The `RetryInfo` among the details.
    pub(crate) fn retry_info(&self) -> Option<RetryInfo> {
        let any = self.details.iter().find(|any| any.type_url.ends_with("/google.rpc.RetryInfo"))?;
        RetryInfo::decode(any.value.clone()).ok()
    }
}

#[cfg(feature = "grpc")]
impl RetryInfo {
    /// The delay it asks for, if it is one.
    pub(crate) fn delay(&self) -> Option<Duration> {
        let delay = self.retry_delay.as_ref()?;
        let seconds = u64::try_from(delay.seconds).ok()?;
        let nanos = u32::try_from(delay.nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
        Some(Duration::new(seconds, nanos)).filter(|delay| !delay.is_zero())
    }
}
