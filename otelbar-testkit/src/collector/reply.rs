//! Answers in each dialect.

use std::convert::Infallible;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty, Full};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use prost::Message;

use super::body::{Body, Filler, Interrupted};
use super::read::{Dialect, Refusal};
use super::received::Reply;
use super::stage::Stage;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain");
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_STATUS_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");

/// A gRPC status as it is to be told.
#[derive(Debug, Default)]
pub(super) struct GrpcStatus {
    pub(super) code: u32,
    pub(super) message: String,
    pub(super) retry_delay: Option<Duration>,
}

/// The request was accepted, perhaps in part.
pub(super) fn success(dialect: Dialect, message: &ExportTraceServiceResponse) -> (Response<Body>, Reply) {
    match dialect {
        Dialect::Protobuf | Dialect::Grpc => success_with(dialect, message.encode_to_vec()),
        Dialect::Json => {
            let body = match &message.partial_success {
                None => serde_json::json!({}),
                Some(partial) => serde_json::json!({"partialSuccess": {
                    "rejectedSpans": partial.rejected_spans.to_string(),
                    "errorMessage": partial.error_message,
                }}),
            };
            success_with(dialect, body.to_string().into_bytes())
        }
        Dialect::Zipkin => success_with(dialect, Vec::new()),
    }
}

/// A success with so many bytes that are no message.
pub(super) fn success_with_filler(dialect: Dialect, size: usize) -> (Response<Body>, Reply) {
    let frame = if dialect == Dialect::Grpc { frame_head(size) } else { Bytes::new() };
    let body = Filler::new(frame, size);
    let body = match dialect {
        Dialect::Grpc => with_status_ok(body),
        _ => body.boxed_unsync(),
    };
    accepted(dialect, body)
}

/// A success that stops short at this stage of the response and waits for what `wait` gives, which may never come.
pub(super) fn success_interrupted<F>(
    dialect: Dialect,
    stage: Stage,
    wait: impl FnOnce(Reply) -> F,
) -> Response<Body>
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut before = match dialect {
        // An empty partial success is a full one; nothing at all would be told whole by the head.
        Dialect::Protobuf => Bytes::from_static(&[10, 0]),
        Dialect::Json => Bytes::from_static(b"{}"),
        Dialect::Zipkin => Bytes::from_static(b"ok"),
        Dialect::Grpc => frame_head(0),
    };
    let after = before.split_off(match (stage, dialect) {
        (Stage::ResponseHead, _) => 0,
        (_, Dialect::Grpc) => before.len(),
        _ => 1,
    });
    let after = match dialect {
        Dialect::Grpc => with_status_ok(Full::new(after)),
        _ => Full::new(after).boxed_unsync(),
    };
    let reply = accepted_reply(dialect);
    accepted(dialect, Interrupted::new(before, wait(reply), after).boxed_unsync()).0
}

/// A success with these bytes in place of the message.
fn success_with(dialect: Dialect, message: Vec<u8>) -> (Response<Body>, Reply) {
    let body = match dialect {
        Dialect::Grpc => {
            let mut frame = BytesMut::from(frame_head(message.len()));
            frame.put_slice(&message);
            with_status_ok(Full::new(frame.freeze()))
        }
        _ => Full::new(Bytes::from(message)).boxed_unsync(),
    };
    accepted(dialect, body)
}

fn accepted(dialect: Dialect, body: Body) -> (Response<Body>, Reply) {
    let mut response = Response::new(body);
    if dialect == Dialect::Zipkin {
        *response.status_mut() = StatusCode::ACCEPTED;
    }
    response.headers_mut().insert(header::CONTENT_TYPE, content_type(dialect));
    (response, accepted_reply(dialect))
}

fn accepted_reply(dialect: Dialect) -> Reply {
    match dialect {
        Dialect::Grpc => Reply::Grpc(0),
        Dialect::Protobuf | Dialect::Json => Reply::Status(200),
        Dialect::Zipkin => Reply::Status(202),
    }
}

/// What a collector says to a request it does not take.
pub(super) fn refusal(dialect: Dialect, refusal: Refusal) -> (Response<Body>, Reply) {
    match dialect {
        Dialect::Grpc => {
            let status = GrpcStatus { code: refusal.grpc, message: refusal.words, retry_delay: None };
            (grpc_error(&status, true), Reply::Grpc(status.code))
        }
        _ => {
            let body = status_message(dialect, refusal.grpc, &refusal.words);
            (plain(refusal.http, content_type(dialect), body), Reply::Status(refusal.http.as_u16()))
        }
    }
}

/// An HTTP status, which a gRPC client is told in the way of a proxy.
pub(super) fn http_status(dialect: Dialect, status: StatusCode, words: &str) -> (Response<Body>, Reply) {
    let response = match dialect {
        Dialect::Grpc => plain(status, TEXT, words.as_bytes().to_vec()),
        _ => plain(status, content_type(dialect), status_message(dialect, 0, words)),
    };
    (response, Reply::Status(status.as_u16()))
}

/// A gRPC status, which an HTTP client is told as the nearest HTTP status.
pub(super) fn grpc_status(
    dialect: Dialect,
    status: &GrpcStatus,
    trailers_only: bool,
) -> (Response<Body>, Reply) {
    if dialect == Dialect::Grpc {
        return (grpc_error(status, trailers_only), Reply::Grpc(status.code));
    }
    // As the OpenTelemetry Collector maps them.
    let http = match status.code {
        0 => StatusCode::OK,
        3 => StatusCode::BAD_REQUEST,
        7 => StatusCode::FORBIDDEN,
        8 => StatusCode::TOO_MANY_REQUESTS,
        12 => StatusCode::NOT_FOUND,
        1 | 4 | 10 | 11 | 14 | 15 => StatusCode::SERVICE_UNAVAILABLE,
        16 => StatusCode::UNAUTHORIZED,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let body = status_message(dialect, status.code, &status.message);
    let mut response = plain(http, content_type(dialect), body);
    if let Some(delay) = status.retry_delay {
        // In whole seconds, and never sooner.
        let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    (response, Reply::Status(http.as_u16()))
}

fn content_type(dialect: Dialect) -> HeaderValue {
    HeaderValue::from_static(match dialect {
        Dialect::Protobuf => "application/x-protobuf",
        Dialect::Json => "application/json",
        Dialect::Grpc => "application/grpc",
        Dialect::Zipkin => "text/plain",
    })
}

fn plain(status: StatusCode, content_type: HeaderValue, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Full::new(Bytes::from(body)).boxed_unsync());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// The head of a frame that is not compressed.
fn frame_head(len: usize) -> Bytes {
    let mut head = BytesMut::with_capacity(5);
    head.put_u8(0);
    head.put_u32(u32::try_from(len).unwrap_or(u32::MAX));
    head.freeze()
}

fn with_status_ok(body: impl http_body::Body<Data = Bytes, Error = Infallible> + Send + 'static) -> Body {
    body.with_trailers(std::future::ready(Some(Ok(trailers(&GrpcStatus::default()))))).boxed_unsync()
}

fn grpc_error(status: &GrpcStatus, trailers_only: bool) -> Response<Body> {
    let trailers = trailers(status);
    let mut response = if trailers_only {
        let mut response = Response::new(Empty::new().boxed_unsync());
        *response.headers_mut() = trailers;
        response
    } else {
        let trailers = std::future::ready(Some(Ok(trailers)));
        Response::new(Empty::new().with_trailers(trailers).boxed_unsync())
    };
    response.headers_mut().insert(header::CONTENT_TYPE, content_type(Dialect::Grpc));
    response
}

fn trailers(status: &GrpcStatus) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert(GRPC_STATUS, status.code.into());
    let value = |text: String| HeaderValue::try_from(text).ok();
    if let Some(message) = value(percent_encoded(&status.message)).filter(|message| !message.is_empty()) {
        trailers.insert(GRPC_MESSAGE, message);
    }
    if let Some(delay) = status.retry_delay {
        let details = RpcStatus::new(status.code, &status.message, Some(delay)).encode_to_vec();
        trailers.extend(value(BASE64.encode(details)).map(|details| (GRPC_STATUS_DETAILS, details)));
    }
    trailers
}

/// What is not printable ASCII, and the percent sign, as gRPC has it.
fn percent_encoded(text: &str) -> String {
    const ENCODED: &AsciiSet = &CONTROLS.add(b'%');
    utf8_percent_encode(text, ENCODED).to_string()
}

/// An error's body is a `google.rpc.Status` in OTLP over HTTP, and a text in Zipkin.
fn status_message(dialect: Dialect, code: u32, words: &str) -> Vec<u8> {
    match dialect {
        Dialect::Json => serde_json::json!({"code": code, "message": words}).to_string().into_bytes(),
        Dialect::Zipkin => words.as_bytes().to_vec(),
        _ => RpcStatus::new(code, words, None).encode_to_vec(),
    }
}

#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(uint32, tag = "1")]
    code: u32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<ProtoDuration>,
}

#[derive(Clone, PartialEq, Message)]
struct ProtoDuration {
    #[prost(uint64, tag = "1")]
    seconds: u64,
    #[prost(uint32, tag = "2")]
    nanos: u32,
}

impl RpcStatus {
    fn new(code: u32, message: &str, retry_delay: Option<Duration>) -> Self {
        let details = retry_delay.map(|delay| {
            let retry_delay = Some(ProtoDuration { seconds: delay.as_secs(), nanos: delay.subsec_nanos() });
            Any {
                type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(),
                value: RetryInfo { retry_delay }.encode_to_vec(),
            }
        });
        Self { code, message: message.to_owned(), details: details.into_iter().collect() }
    }
}
