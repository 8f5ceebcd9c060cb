//! The ways to send, and what the pipeline asks of each.

mod answer;
mod cause;
mod client;
mod compress;
mod connector;
mod console;
mod destination;
mod endpoint;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
#[cfg(feature = "grpc")]
mod grpc;
mod http;
mod protocol;
mod proxy;
mod retry_after;
mod rpc;
mod sender;
mod target;
#[cfg(feature = "tls")]
mod tls;
mod user_agent;
mod version;

use std::future::Future;

use bytes::Bytes;

pub use compress::Compression;
pub use console::{ConsoleFormat, ConsoleTarget};
#[cfg(feature = "config")]
pub(crate) use destination::Unusable;
#[cfg(feature = "zipkin")]
pub use destination::ZipkinDestination;
pub use destination::{ConsoleDestination, Destination, DestinationInfo, DestinationKind, OtlpDestination};
pub(crate) use destination::{Opened, RequestLimits};
pub use error::{GrpcCode, SendError};
pub use protocol::Protocol;
pub(crate) use sender::Sender;

use crate::text::one_line;

/// Sends encoded requests and tells what came back.
pub(crate) trait Transport {
    /// Makes a request ready to be sent, however often.
    fn pack(&self, body: Bytes) -> Payload;

    /// One attempt. Cancelled by dropping the future.
    fn send(&self, payload: Payload) -> impl Future<Output = Result<Acknowledged, SendError>>;
}

/// A request as it goes over the wire. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Payload {
    /// What the protocol puts before the body.
    pub(crate) frame: Bytes,
    pub(crate) body: Bytes,
    /// The coding's name, where the body is compressed.
    pub(crate) coding: Option<&'static str>,
}

/// The backend has taken a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Acknowledged {
    /// Spans it did not want.
    pub(crate) rejected: u64,
    /// Its words about that; a warning when it rejected none.
    pub(crate) message: Option<String>,
}

impl Acknowledged {
    /// A success is a success even when its body cannot be read: sending again would store the spans twice.
    pub(crate) fn unreadable(why: &str) -> Self {
        let message = format!(
            "the answer says success, but its body {why}, so it is unknown whether spans were rejected"
        );
        Self { rejected: 0, message: Some(message) }
    }

    /// From the fields of an `ExportTracePartialSuccess`.
    pub(crate) fn partial(rejected: i64, message: &str) -> Self {
        Self {
            rejected: u64::try_from(rejected).unwrap_or(0),
            message: Some(one_line(message)).filter(|message| !message.is_empty()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backends_words_are_kept_short() {
        let long = "no room ".repeat(1_000_000);
        let kept = Acknowledged::partial(1, &long).message.unwrap();
        assert_eq!(kept.chars().count(), 301);
        assert_eq!(Acknowledged::partial(0, " \n").message, None);
    }
}
