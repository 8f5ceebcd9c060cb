//! OTLP over HTTP/1.1, protobuf in the body.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use tokio::time::{Instant, timeout_at};

use crate::retry::parse_retry_after;
use crate::time::after;
use crate::transport::{Acknowledged, Transport};
use crate::{ExporterOptions, SendError};

const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");
const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("otelbar-export/", env!("CARGO_PKG_VERSION")));
/// OTLP has clients read no more than this of an answer.
const LARGEST_RESPONSE: usize = 4 * 1024 * 1024;
/// What is kept of an error's message.
const LONGEST_MESSAGE: usize = 300;

/// One destination, with its connection kept alive between requests. To be used inside a tokio runtime.
pub(crate) struct HttpTransport {
    client: Client<HttpConnector, Full<Bytes>>,
    uri: Uri,
    endpoint: Arc<str>,
    headers: HeaderMap,
    timeout: Duration,
}

impl HttpTransport {
    pub(crate) fn new(options: &ExporterOptions) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(60))
            .pool_max_idle_per_host(1)
            .build(connector);
        let mut headers = options.headers.clone();
        headers.insert(header::CONTENT_TYPE, PROTOBUF);
        if !headers.contains_key(header::USER_AGENT) {
            headers.insert(header::USER_AGENT, USER_AGENT);
        }
        Self {
            client,
            uri: options.endpoint.uri.clone(),
            endpoint: Arc::clone(&options.endpoint.text),
            headers,
            timeout: options.timeout,
        }
    }

    fn failed(&self, error: &hyper_util::client::legacy::Error) -> SendError {
        let endpoint = Arc::clone(&self.endpoint);
        let reason = root_cause(error);
        if error.is_connect() {
            SendError::Connect { endpoint, reason }
        } else {
            SendError::Lost { endpoint, reason }
        }
    }
}

impl Transport for HttpTransport {
    async fn send(&self, body: Bytes) -> Result<Acknowledged, SendError> {
        let mut request = Request::post(self.uri.clone()).body(Full::new(body)).map_err(|error| {
            // Not reached: the URI was parsed when the options were.
            SendError::Connect { endpoint: Arc::clone(&self.endpoint), reason: error.to_string() }
        })?;
        request.headers_mut().clone_from(&self.headers);
        let deadline = after(Instant::now(), self.timeout);
        // Dropping the future cancels the request: hyper closes the connection under it.
        let (head, body) = match timeout_at(deadline, self.client.request(request)).await {
            Ok(Ok(response)) => response.into_parts(),
            Ok(Err(error)) => return Err(self.failed(&error)),
            Err(_) => {
                return Err(SendError::Timeout {
                    endpoint: Arc::clone(&self.endpoint),
                    timeout: self.timeout,
                });
            }
        };
        let body = timeout_at(deadline, read(body)).await.unwrap_or(Err("did not come in time"));
        if head.status.is_success() {
            return Ok(acknowledged(body));
        }
        let retry_after = head
            .headers
            .get(header::RETRY_AFTER)
            .and_then(|value| parse_retry_after(value.as_bytes(), SystemTime::now()));
        let message = message(head.status, &head.headers, &body.unwrap_or_default());
        Err(SendError::Status {
            endpoint: Arc::clone(&self.endpoint),
            status: head.status,
            message,
            retry_after,
        })
    }
}

async fn read(body: Incoming) -> Result<Bytes, &'static str> {
    match Limited::new(body, LARGEST_RESPONSE).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err("is larger than 4 MiB"),
        Err(_) => Err("was cut off"),
    }
}

/// A success is a success even when its body cannot be read: sending again would store the spans twice.
fn acknowledged(body: Result<Bytes, &'static str>) -> Acknowledged {
    let unreadable = |why: &str| Acknowledged {
        rejected: 0,
        message: Some(format!(
            "the answer says success, but its body {why}, so it is unknown if spans were rejected"
        )),
    };
    let body = match body {
        Ok(body) => body,
        Err(why) => return unreadable(why),
    };
    match ExportTraceServiceResponse::decode(body) {
        Ok(ExportTraceServiceResponse { partial_success: Some(partial) }) => Acknowledged {
            rejected: u64::try_from(partial.rejected_spans).unwrap_or(0),
            message: Some(partial.error_message).filter(|message| !message.is_empty()),
        },
        Ok(_) => Acknowledged::default(),
        Err(_) => unreadable("is no ExportTraceServiceResponse"),
    }
}

/// What an error's answer says: the message of the `google.rpc.Status` in a protobuf body, else the text.
fn message(status: StatusCode, headers: &HeaderMap, body: &Bytes) -> String {
    #[derive(Clone, PartialEq, Message)]
    struct RpcStatus {
        #[prost(int32, tag = "1")]
        code: i32,
        #[prost(string, tag = "2")]
        message: String,
    }
    let content_type = headers.get(header::CONTENT_TYPE);
    let text = if status.is_redirection() {
        headers
            .get(header::LOCATION)
            .map(|to| String::from_utf8_lossy(to.as_bytes()).into_owned())
            .unwrap_or_default()
    } else if content_type.is_some_and(|value| value.as_bytes().starts_with(PROTOBUF.as_bytes())) {
        RpcStatus::decode(body.clone()).map(|status| status.message).unwrap_or_default()
    } else {
        String::from_utf8_lossy(&body[..body.len().min(4 * LONGEST_MESSAGE)]).into_owned()
    };
    // One line, as it goes into logs.
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.retain(|c| !c.is_control());
    if let Some((end, _)) = line.char_indices().nth(LONGEST_MESSAGE) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// The innermost error says what happened; those around it say that something did.
fn root_cause(error: &hyper_util::client::legacy::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errors_message_is_one_short_line() {
        #[track_caller]
        fn check(status: u16, content_type: &'static str, body: &[u8], expected: &str) {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
            headers.insert(header::LOCATION, HeaderValue::from_static("/there"));
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(message(status, &headers, &Bytes::copy_from_slice(body)), expected);
        }
        check(400, "application/x-protobuf", b"\x08\x03\x12\x07bad key", "bad key");
        check(400, "application/x-protobuf", b"\xff\xff", "");
        check(502, "text/html", b"<h1>Bad\r\n gateway</h1>\n\x1b[31m", "<h1>Bad gateway</h1> [31m");
        check(502, "text/plain", b"\xff\xfe", "\u{fffd}\u{fffd}");
        check(307, "text/plain", b"moved", "/there");
        check(500, "text/plain", "ü".repeat(2000).as_bytes(), &format!("{}…", "ü".repeat(300)));
    }
}
