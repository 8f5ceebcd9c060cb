//! From a request to its message.

use bytes::{Buf, Bytes};
use http::{HeaderMap, Method, StatusCode, header, request};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;

use super::json;
use super::zipkin::{self, ReceivedZipkinSpan};
use crate::decompress::{NotDecompressed, decompress};

/// OTLP lets a server refuse what is larger.
pub(crate) const LARGEST_REQUEST: usize = 64 * 1024 * 1024;
const GRPC_METHOD: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

pub(crate) const ZIPKIN_PATH: &str = "/api/v2/spans";

/// How a client speaks: the first three are OTLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Protobuf,
    Json,
    Grpc,
    Zipkin,
}

/// The spans of a request.
#[derive(Debug)]
pub(super) enum Message {
    Otlp(ExportTraceServiceRequest),
    Zipkin(Vec<ReceivedZipkinSpan>),
}

impl Message {
    pub(super) fn spans(&self) -> usize {
        match self {
            Self::Otlp(message) => {
                let scopes = message.resource_spans.iter().flat_map(|of_resource| &of_resource.scope_spans);
                scopes.map(|of_scope| of_scope.spans.len()).sum()
            }
            Self::Zipkin(spans) => spans.len(),
        }
    }
}

/// Why a collector does not take a request.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) http: StatusCode,
    pub(super) grpc: u32,
    pub(super) words: String,
}

impl Refusal {
    pub(super) fn new(http: StatusCode, grpc: u32, words: impl Into<String>) -> Self {
        Self { http, grpc, words: words.into() }
    }

    fn invalid(words: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 3, words)
    }

    /// In the words of grpc-go, of Go's `net/http` and of Zipkin; `size` where it was told before decompression.
    pub(super) fn too_large(dialect: Dialect, size: Option<usize>, limit: usize) -> Self {
        let words = match (dialect, size) {
            (Dialect::Grpc, Some(size)) => {
                format!("grpc: received message larger than max ({size} vs. {limit})")
            }
            (Dialect::Grpc, None) => {
                format!("grpc: received message after decompression larger than max {limit}")
            }
            (Dialect::Protobuf | Dialect::Json, _) => "http: request body too large".to_owned(),
            (Dialect::Zipkin, _) => "413 Request Entity Too Large".to_owned(),
        };
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, 8, words)
    }
}

impl Dialect {
    /// Zipkin by the path, OTLP by the content type; what is unknown is answered in protobuf.
    pub(super) fn of(head: &request::Parts) -> Self {
        let content_type =
            head.headers.get(header::CONTENT_TYPE).map(|value| value.as_bytes()).unwrap_or_default();
        if content_type.starts_with(b"application/grpc") {
            Self::Grpc
        } else if head.uri.path() == ZIPKIN_PATH {
            Self::Zipkin
        } else if content_type.starts_with(b"application/json") {
            Self::Json
        } else {
            Self::Protobuf
        }
    }
}

/// What a collector checks before it decodes, and the decoding.
pub(super) fn read(
    head: &request::Parts,
    body: &Bytes,
    dialect: Dialect,
    limit: usize,
) -> Result<Message, Refusal> {
    let decompressed = |coding: &[u8], body: Bytes| {
        decompress(coding, body, limit).map_err(|why| match why {
            NotDecompressed::TooLarge { size } => Refusal::too_large(dialect, size, limit),
            NotDecompressed::Unknown(_) => {
                Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, 12, why.to_string())
            }
            NotDecompressed::Broken(_) => Refusal::invalid(why.to_string()),
        })
    };
    match dialect {
        Dialect::Grpc => {
            if head.uri.path() != GRPC_METHOD {
                let words = format!("this collector knows only {GRPC_METHOD}");
                return Err(Refusal::new(StatusCode::NOT_FOUND, 12, words));
            }
            let (coding, message) = unframed(&head.headers, body.clone())?;
            decode(&decompressed(coding, message)?)
        }
        Dialect::Protobuf | Dialect::Json => {
            if head.uri.path() != "/v1/traces" {
                let words = "this collector knows only /v1/traces";
                return Err(Refusal::new(StatusCode::NOT_FOUND, 12, words));
            }
            if head.method != Method::POST {
                return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, 12, "OTLP/HTTP uses POST"));
            }
            let content_type = head.headers.get(header::CONTENT_TYPE);
            if dialect == Dialect::Protobuf
                && content_type.is_none_or(|value| value != "application/x-protobuf")
            {
                let words = "OTLP/HTTP is application/x-protobuf or application/json";
                return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, 12, words));
            }
            let coding = head.headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes());
            let body = decompressed(coding.unwrap_or(b"identity"), body.clone())?;
            if dialect == Dialect::Json {
                json::decode(&body).map(Message::Otlp).map_err(Refusal::invalid)
            } else {
                decode(&body)
            }
        }
        Dialect::Zipkin => {
            if head.method != Method::POST {
                return Err(Refusal::new(StatusCode::NOT_FOUND, 12, "404 Not Found"));
            }
            let protobuf = head.headers.get(header::CONTENT_TYPE);
            if protobuf.is_some_and(|value| value == "application/x-protobuf") {
                return Err(Refusal::invalid("this collector reads only Zipkin's JSON"));
            }
            let gzip = head.headers.get(header::CONTENT_ENCODING).is_some_and(|value| value == "gzip");
            // Zipkin passes over a coding that it doesn't know, and fails over the bytes.
            let body = decompressed(if gzip { b"gzip" } else { b"identity" }, body.clone())?;
            zipkin::decode(&body).map(Message::Zipkin).map_err(Refusal::invalid)
        }
    }
}

fn decode(body: &[u8]) -> Result<Message, Refusal> {
    ExportTraceServiceRequest::decode(body)
        .map(Message::Otlp)
        .map_err(|_| Refusal::invalid("the body is not an ExportTraceServiceRequest"))
}

/// The message of the one frame of a unary call, and its coding.
fn unframed(headers: &HeaderMap, mut body: Bytes) -> Result<(&[u8], Bytes), Refusal> {
    if body.len() < 5 {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, 13, "the body is not a gRPC frame"));
    }
    let (flag, len) = (body.get_u8(), body.get_u32());
    if usize::try_from(len) != Ok(body.len()) {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, 13, "the body is not exactly one gRPC frame"));
    }
    match (flag, headers.get("grpc-encoding")) {
        (0, _) => Ok((b"identity", body)),
        (1, Some(coding)) => Ok((coding.as_bytes(), body)),
        _ => {
            Err(Refusal::new(StatusCode::BAD_REQUEST, 13, "the frame's flag and grpc-encoding do not agree"))
        }
    }
}
