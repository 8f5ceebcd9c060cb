//! What a backend, or a proxy before it, answers.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use prost::Message;

#[cfg(feature = "json")]
use crate::encode::JSON;
use crate::encode::PROTOBUF;
use crate::text::{beginning, one_line};
use crate::transport::error::SendError;
use crate::transport::retry_after::parse_retry_after;
use crate::transport::rpc::RpcMessage;

/// An answer, whatever its status.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Result<Bytes, Unreadable>,
    /// Empty when there were none.
    #[cfg_attr(not(feature = "grpc"), expect(dead_code, reason = "gRPC alone has trailers"))]
    pub(crate) trailers: HeaderMap,
}

/// What matters of an answer other than success.
#[derive(Clone, Debug)]
pub(crate) struct ErrorResponse {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    pub(crate) retry_after: Option<Duration>,
}

/// Why an answer's body is not there.
pub(crate) enum Unreadable {
    TooLarge,
    TooLate,
    CutOff(
        #[cfg_attr(
            not(feature = "grpc"),
            expect(dead_code, reason = "over HTTP the status has come before")
        )]
        SendError,
    ),
}

impl Answer {
    /// An answer other than success, as an error.
    pub(crate) fn refused(self, endpoint: &Arc<str>) -> SendError {
        let ErrorResponse { status, message, retry_after } = self.refusal();
        SendError::Status { endpoint: Arc::clone(endpoint), status, message, retry_after }
    }

    pub(crate) fn refusal(self) -> ErrorResponse {
        ErrorResponse::new(self.status, &self.headers, &self.body.unwrap_or_default())
    }
}

impl ErrorResponse {
    pub(crate) fn new(status: StatusCode, headers: &HeaderMap, body: &Bytes) -> Self {
        let retry_after = headers
            .get(header::RETRY_AFTER)
            .and_then(|value| parse_retry_after(value.as_bytes(), SystemTime::now()));
        Self { status, message: message(status, headers, body), retry_after }
    }
}

impl Unreadable {
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::TooLarge => "is larger than 4 MiB",
            Self::TooLate => "did not come in time",
            Self::CutOff(_) => "was cut off",
        }
    }
}

/// What an error's answer says: the message of the `google.rpc.Status` in the body, else the text.
fn message(status: StatusCode, headers: &HeaderMap, body: &Bytes) -> String {
    if status.is_redirection() {
        let to = headers.get(header::LOCATION).map(HeaderValue::as_bytes).unwrap_or_default();
        return one_line(&beginning(to));
    }
    if has_type(headers, &PROTOBUF) {
        return one_line(&RpcMessage::decode(body.clone()).unwrap_or_default().message);
    }
    #[cfg(feature = "json")]
    if has_type(headers, &JSON)
        && let Some(message) = json_message(body)
    {
        return one_line(&message);
    }
    one_line(&beginning(body))
}

/// Whether the body is of this type, whatever its parameters.
pub(super) fn has_type(headers: &HeaderMap, expected: &HeaderValue) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|value| {
        let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        essence.trim_ascii().eq_ignore_ascii_case(expected.as_bytes())
    })
}

/// The message of a `google.rpc.Status` in JSON.
#[cfg(feature = "json")]
fn json_message(body: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Status {
        message: String,
    }
    serde_json::from_slice::<Status>(body).ok().map(|status| status.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(content_type: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::LOCATION, HeaderValue::from_static("/there"));
        headers
    }

    #[test]
    fn an_errors_message_is_one_short_line() {
        #[track_caller]
        fn check(status: u16, content_type: &'static str, body: &[u8], expected: &str) {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(message(status, &typed(content_type), &Bytes::copy_from_slice(body)), expected);
        }
        check(400, "application/x-protobuf", b"\x08\x03\x12\x07bad key", "bad key");
        check(400, "application/x-protobuf", b"\xff\xff", "");
        let details = [&b"\x1a\x00".repeat(1000)[..], b"\x12\x07bad key"].concat();
        check(400, "application/x-protobuf", &details, "bad key");
        check(502, "text/html", b"<h1>Bad\r\n gateway</h1>\n\x1b[31m", "<h1>Bad gateway</h1> [31m");
        check(502, "text/plain", b"\xff\xfe", "\u{fffd}\u{fffd}");
        check(307, "text/plain", b"moved", "/there");
        check(500, "text/plain", "ü".repeat(2000).as_bytes(), &format!("{}…", "ü".repeat(300)));
        if cfg!(feature = "json") {
            check(400, "application/json; charset=utf-8", br#"{"code":3,"message":"bad key"}"#, "bad key");
        }
        check(400, "application/json", b"[bad]", "[bad]");
    }
}
