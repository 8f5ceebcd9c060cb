//! How OTLP is spoken.

use std::fmt;

/// How OTLP is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// Protobuf over HTTP/1.1, usually to port 4318 and the path `/v1/traces`.
    #[default]
    HttpProtobuf,
    /// JSON over HTTP/1.1, usually to port 4318 and the path `/v1/traces`. Needs the feature `json`.
    HttpJson,
    /// gRPC over HTTP/2, usually to port 4317 and without a path. Needs the feature `grpc`.
    Grpc,
}

impl fmt::Display for Protocol {
    /// The name it has in `OTEL_EXPORTER_OTLP_PROTOCOL`: `http/protobuf`, `http/json` or `grpc`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HttpProtobuf => "http/protobuf",
            Self::HttpJson => "http/json",
            Self::Grpc => "grpc",
        })
    }
}
