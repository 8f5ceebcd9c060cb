use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "grpc")]
use super::RequestLimits;
use super::http::{HttpOptions, Names, http_methods};
use super::{DestinationKind, Opened, info};
use crate::encode::Encoding;
use crate::error::{Setting, SetupError};
use crate::transport::compress::Compression;
#[cfg(feature = "grpc")]
use crate::transport::grpc::GrpcTransport;
use crate::transport::http::HttpTransport;
use crate::transport::protocol::Protocol;
use crate::transport::sender::Sender;
use crate::transport::user_agent::OTLP_USER_AGENT;
use crate::transport::version::Version;

const NAMES: Names = Names {
    endpoint: Setting::new("Destination::otlp", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
    example: "http://127.0.0.1:4318/v1/traces",
    compression: Setting::new("with_compression", "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION"),
    header: Setting::new("with_header", "OTEL_EXPORTER_OTLP_HEADERS"),
    timeout: Setting::new("with_timeout", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"),
};

/// A receiver of OTLP; see [`Destination::otlp`](crate::Destination::otlp).
#[derive(Clone, Debug)]
pub struct OtlpDestination {
    pub(crate) http: HttpOptions,
    pub(crate) protocol: Protocol,
}

impl OtlpDestination {
    pub(super) fn new(url: String) -> Self {
        Self { http: HttpOptions::new(url), protocol: Protocol::default() }
    }

    /// How OTLP is spoken. Default [`Protocol::HttpProtobuf`].
    ///
    /// ```
    /// use otelbar_export::{Destination, Protocol};
    ///
    /// let destination = Destination::otlp("http://collector:4317").with_protocol(Protocol::Grpc);
    /// ```
    pub fn with_protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// How requests are compressed. Default [`Compression::None`].
    pub fn with_compression(mut self, compression: Compression) -> Self {
        self.http.compression = compression;
        self
    }

    http_methods!(
        "`otlp`",
        "`otelbar/VERSION OTel-OTLP-Exporter-Rust/VERSION`",
        "64 MiB, the limit of OTLP; over gRPC 4 MiB, as receivers refuse more unless told otherwise"
    );

    pub(super) fn open(&self, configured: bool) -> Result<Opened, SetupError> {
        let size = match self.protocol {
            Protocol::Grpc => 4,
            _ => 64,
        };
        let limits = self.http.limits(size * 1024 * 1024)?;
        let (sender, encoding, endpoint) = match self.protocol {
            Protocol::HttpProtobuf => self.over_http(Encoding::Protobuf, configured)?,
            #[cfg(feature = "json")]
            Protocol::HttpJson => self.over_http(Encoding::Json, configured)?,
            #[cfg(feature = "grpc")]
            Protocol::Grpc => self.over_grpc(limits, configured)?,
            #[cfg(not(feature = "json"))]
            Protocol::HttpJson => return Err(self.missing("json")),
            #[cfg(not(feature = "grpc"))]
            Protocol::Grpc => return Err(self.missing("grpc")),
        };
        let info = info(self.http.name.as_ref(), DestinationKind::Otlp(self.protocol), endpoint);
        Ok(Opened { info, encoding, sender, limits, spools: true })
    }

    fn over_http(
        &self,
        encoding: Encoding,
        configured: bool,
    ) -> Result<(Sender, Encoding, Arc<str>), SetupError> {
        let target = self.http.target(&NAMES, Version::Http1, OTLP_USER_AGENT, configured)?;
        let endpoint = Arc::clone(&target.endpoint.text);
        Ok((Sender::Http(Box::new(HttpTransport::new(target, encoding))), encoding, endpoint))
    }

    #[cfg(feature = "grpc")]
    fn over_grpc(
        &self,
        limits: RequestLimits,
        configured: bool,
    ) -> Result<(Sender, Encoding, Arc<str>), SetupError> {
        /// A message's length has 32 bits; its compressed form may be a little larger than it is.
        const MOST: usize = 2 * 1024 * 1024 * 1024 - 1;
        if limits.size > MOST {
            return Err(SetupError::option(
                super::http::REQUEST_SIZE,
                limits.size.to_string(),
                "is more than a gRPC message holds",
                "leave it at its default",
            ));
        }
        let target = self.http.target(&NAMES, Version::Http2, OTLP_USER_AGENT, configured)?;
        if target.endpoint.uri.path() != "/" {
            return Err(SetupError::option(
                NAMES.endpoint,
                &*target.endpoint.text,
                "has a path, and gRPC uses none",
                "leave the path out, or choose the protocol http/protobuf",
            ));
        }
        let endpoint = Arc::clone(&target.endpoint.text);
        Ok((Sender::Grpc(Box::new(GrpcTransport::new(target))), Encoding::Protobuf, endpoint))
    }

    #[cfg(not(all(feature = "grpc", feature = "json")))]
    fn missing(&self, feature: &'static str) -> SetupError {
        const PROTOCOL: Setting = Setting::new("with_protocol", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL");
        SetupError::missing(PROTOCOL, self.protocol.to_string(), feature, "set it to http/protobuf")
    }
}
