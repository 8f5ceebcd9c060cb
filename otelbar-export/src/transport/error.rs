//! Why an attempt to send failed.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

/// An attempt to send failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// No connection: refused, no such host, or no route.
    #[error("no connection to {endpoint}: {reason}; check that the backend is running and listening there")]
    #[non_exhaustive]
    Connect {
        /// Where it was to go.
        endpoint: Arc<str>,
        /// The system's words.
        reason: String,
    },
    /// The TLS handshake failed: the backend's certificate is not trusted, or the backend refuses the connection.
    #[error("no TLS connection to {endpoint}: {reason}; {remedy}")]
    #[non_exhaustive]
    Tls {
        /// Where it was to go.
        endpoint: Arc<str>,
        /// What is wrong.
        reason: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The connection was lost before an answer was read, or what came was not HTTP.
    #[error("the connection to {endpoint} was lost before an answer: {reason}{}", lost_hint(endpoint))]
    #[non_exhaustive]
    Lost {
        /// Where it was to go.
        endpoint: Arc<str>,
        /// What happened.
        reason: String,
    },
    /// No answer in time. The request was cancelled.
    #[error(
        "{endpoint} did not answer{} within {timeout:?}; if it is only slow, raise {option}",
        through(proxy.as_deref())
    )]
    #[non_exhaustive]
    Timeout {
        /// Where it was to go.
        endpoint: Arc<str>,
        /// The proxy on the way there, which may be what is silent; without credentials.
        proxy: Option<Arc<str>>,
        /// The limit.
        timeout: Duration,
        /// The option that sets it: the method, or the variable of a configuration.
        option: &'static str,
    },
    /// The proxy cannot be reached, or ended the connection before an answer.
    #[error(
        "{endpoint} cannot be reached through the proxy {proxy}: {reason}; check that the proxy is running and listening \
         there, or exclude the endpoint with NO_PROXY"
    )]
    #[non_exhaustive]
    Proxy {
        /// Where it was to go.
        endpoint: Arc<str>,
        /// The proxy, without credentials.
        proxy: Arc<str>,
        /// What happened.
        reason: String,
    },
    /// The proxy refused: for want of credentials (407), or because it does not let this through or cannot reach the
    /// endpoint. What a proxy that passes requests on answers in the backend's place is told apart by 407 alone; the
    /// rest is [`Status`](Self::Status).
    #[error(
        "the proxy {proxy} answered {status} on the way to {endpoint}{}{}",
        said(message),
        proxy_hint(*status)
    )]
    #[non_exhaustive]
    ProxyStatus {
        /// Where it was to go.
        endpoint: Arc<str>,
        /// The proxy, without credentials.
        proxy: Arc<str>,
        /// The answer's status.
        status: StatusCode,
        /// What the proxy said in the body, shortened.
        message: String,
        /// How long the proxy asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// An answer other than success, over HTTP; over gRPC from what stands before the backend.
    #[error("{endpoint} answered {status}{}{}", said(message), status_hint(*status, endpoint))]
    #[non_exhaustive]
    Status {
        /// Where it went.
        endpoint: Arc<str>,
        /// The answer's status.
        status: StatusCode,
        /// What the backend said in the body, shortened; for a redirect the address it names.
        message: String,
        /// How long the backend asks for a pause.
        retry_after: Option<Duration>,
    },
    /// The console could not be written to. Part of the batch may be there, so it is not written again.
    #[error("spans could not be written to {target}: {error}")]
    #[non_exhaustive]
    Write {
        /// `stdout` or `stderr`.
        target: &'static str,
        /// The system's words.
        error: io::Error,
    },
    /// A fault in this crate's own code, while it sent. The request is not sent again.
    #[error("otelbar panicked while sending to {endpoint}: {message}; please report this as a bug")]
    #[non_exhaustive]
    Panicked {
        /// Where it was to go.
        endpoint: Arc<str>,
        /// The panic's message, shortened.
        message: Arc<str>,
    },
    /// A gRPC status other than OK.
    #[error("{endpoint} answered {code}{}{}", said(message), code_hint(*code))]
    #[non_exhaustive]
    Grpc {
        /// Where it went.
        endpoint: Arc<str>,
        /// The status.
        code: GrpcCode,
        /// What the backend said, shortened.
        message: String,
        /// Whether the answer has a `RetryInfo`, so that another attempt is welcome.
        retry_info: bool,
        /// How long the `RetryInfo` asks for.
        retry_after: Option<Duration>,
    },
}

impl SendError {
    /// Whether OTLP allows another attempt: whenever there was no answer; over HTTP after 429, 502, 503, 504, be they
    /// the backend's or a proxy's, and not after a proxy's 407 or other refusals; over
    /// gRPC after CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE and DATA_LOSS, and after
    /// RESOURCE_EXHAUSTED with a `RetryInfo`.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Connect { .. }
            | Self::Tls { .. }
            | Self::Lost { .. }
            | Self::Timeout { .. }
            | Self::Proxy { .. } => true,
            Self::Status { status, .. } | Self::ProxyStatus { status, .. } => {
                matches!(status.as_u16(), 429 | 502 | 503 | 504)
            }
            Self::Grpc { code, retry_info, .. } => match code {
                GrpcCode::Cancelled
                | GrpcCode::DeadlineExceeded
                | GrpcCode::Aborted
                | GrpcCode::OutOfRange
                | GrpcCode::Unavailable
                | GrpcCode::DataLoss => true,
                GrpcCode::ResourceExhausted => *retry_info,
                _ => false,
            },
            Self::Write { .. } | Self::Panicked { .. } => false,
        }
    }

    /// Whether the backend found the request too large, so that a smaller one may do. Over HTTP that is 413, and what
    /// the Collector (400) and Zipkin (500) say instead; over gRPC, which has no code for it, RESOURCE_EXHAUSTED or
    /// OUT_OF_RANGE with words about a message's size, and without a `RetryInfo`.
    pub fn is_too_large(&self) -> bool {
        let says = |message: &str, words: &[&str]| {
            let message = message.to_ascii_lowercase();
            words.iter().any(|words| message.contains(words))
        };
        match self {
            Self::Status { status, message, .. } => match status.as_u16() {
                413 => true,
                400 | 500 => says(message, &["request body too large", "request entity too large"]),
                _ => false,
            },
            // As the servers of Go, C++, Java and Rust put it.
            Self::Grpc { code, message, retry_info: false, .. } => {
                matches!(code, GrpcCode::ResourceExhausted | GrpcCode::OutOfRange)
                    && says(message, &["larger than max", "exceeds maximum", "too large"])
            }
            _ => false,
        }
    }

    /// Whether the fault may be the request's own, so that it says nothing about the next one.
    pub(crate) fn blames_request(&self) -> bool {
        match self {
            // Found too large though it cannot be halved, it counts: a backend may find everything too large.
            _ if self.is_too_large() => false,
            Self::Status { status, .. } => *status == StatusCode::BAD_REQUEST,
            Self::Grpc { code, .. } => *code == GrpcCode::InvalidArgument,
            _ => false,
        }
    }

    /// How long the backend or the proxy asks to be left alone, from its `Retry-After` or `RetryInfo`.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. }
            | Self::ProxyStatus { retry_after, .. }
            | Self::Grpc { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// Over HTTP an endpoint has a path, over gRPC none.
fn is_grpc(endpoint: &str) -> bool {
    endpoint.parse::<http::Uri>().is_ok_and(|uri| uri.path() == "/")
}

fn lost_hint(endpoint: &str) -> &'static str {
    let port = endpoint.parse::<http::Uri>().ok().and_then(|uri| uri.port_u16());
    match port {
        Some(4317) if !is_grpc(endpoint) => "; port 4317 is usually for gRPC, OTLP over HTTP uses 4318",
        Some(4318) if is_grpc(endpoint) => "; port 4318 is usually for OTLP over HTTP, gRPC uses 4317",
        // What a backend says about our certificate comes after the handshake seemed done, and is easily lost with the
        // connection.
        _ if endpoint.starts_with("https:") => {
            "; if the backend asks for a certificate, set OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"
        }
        _ => "",
    }
}

fn said(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

fn status_hint(status: StatusCode, endpoint: &str) -> &'static str {
    match status.as_u16() {
        400 | 404 | 405 | 415 if is_grpc(endpoint) => {
            "; this does not seem to be a gRPC server; for OTLP over HTTP set OTEL_EXPORTER_OTLP_PROTOCOL to http/protobuf"
        }
        401 | 403 => "; check the credentials in OTEL_EXPORTER_OTLP_HEADERS",
        404 | 405 => {
            "; check the endpoint's path, which is usually /v1/traces for OTLP and /api/v2/spans for Zipkin"
        }
        413 => "; lower OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
        300..=399 => "; redirects are not followed, set the endpoint to the address it redirects to",
        _ => "",
    }
}

fn through(proxy: Option<&str>) -> String {
    proxy.map(|proxy| format!(" through the proxy {proxy}")).unwrap_or_default()
}

fn proxy_hint(status: StatusCode) -> &'static str {
    match status.as_u16() {
        407 => "; check the user and the password in the proxy's URL, http://user:password@host:port",
        429 | 502 | 503 | 504 => "; check that the backend is running and the proxy reaches it",
        _ => {
            "; check that the proxy allows CONNECT to this host and port, or exclude the endpoint with NO_PROXY"
        }
    }
}

fn code_hint(code: GrpcCode) -> &'static str {
    match code {
        GrpcCode::Unauthenticated | GrpcCode::PermissionDenied => {
            "; check the credentials in OTEL_EXPORTER_OTLP_HEADERS"
        }
        GrpcCode::Unimplemented => {
            "; check that the backend takes traces over OTLP, and check OTEL_EXPORTER_OTLP_COMPRESSION"
        }
        GrpcCode::ResourceExhausted => {
            "; if it finds the request too large, lower OTEL_BSP_MAX_EXPORT_BATCH_SIZE"
        }
        _ => "",
    }
}

/// A gRPC status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GrpcCode {
    /// 0: success.
    Ok,
    /// 1: the call was cancelled.
    Cancelled,
    /// 2: any other error; also what a code that gRPC does not define is taken for.
    Unknown,
    /// 3: the request is wrong, whatever the backend's state.
    InvalidArgument,
    /// 4: it took too long.
    DeadlineExceeded,
    /// 5: what was asked for does not exist.
    NotFound,
    /// 6: what was to be made exists.
    AlreadyExists,
    /// 7: these credentials do not allow it.
    PermissionDenied,
    /// 8: a quota is used up, or the request is too large.
    ResourceExhausted,
    /// 9: the backend is not in the state for it.
    FailedPrecondition,
    /// 10: aborted, as a rule by what happened at once.
    Aborted,
    /// 11: past the valid range.
    OutOfRange,
    /// 12: the backend has no such service, or does not know the compression.
    Unimplemented,
    /// 13: the backend is broken.
    Internal,
    /// 14: the backend cannot at the moment.
    Unavailable,
    /// 15: data was lost.
    DataLoss,
    /// 16: there are no valid credentials.
    Unauthenticated,
}

impl GrpcCode {
    const NAMES: [(Self, &'static str); 17] = [
        (Self::Ok, "OK"),
        (Self::Cancelled, "CANCELLED"),
        (Self::Unknown, "UNKNOWN"),
        (Self::InvalidArgument, "INVALID_ARGUMENT"),
        (Self::DeadlineExceeded, "DEADLINE_EXCEEDED"),
        (Self::NotFound, "NOT_FOUND"),
        (Self::AlreadyExists, "ALREADY_EXISTS"),
        (Self::PermissionDenied, "PERMISSION_DENIED"),
        (Self::ResourceExhausted, "RESOURCE_EXHAUSTED"),
        (Self::FailedPrecondition, "FAILED_PRECONDITION"),
        (Self::Aborted, "ABORTED"),
        (Self::OutOfRange, "OUT_OF_RANGE"),
        (Self::Unimplemented, "UNIMPLEMENTED"),
        (Self::Internal, "INTERNAL"),
        (Self::Unavailable, "UNAVAILABLE"),
        (Self::DataLoss, "DATA_LOSS"),
        (Self::Unauthenticated, "UNAUTHENTICATED"),
    ];

    #[cfg(any(feature = "grpc", test))]
    pub(crate) fn from_number(number: u32) -> Self {
        let at = usize::try_from(number).unwrap_or(usize::MAX);
        Self::NAMES.get(at).map_or(Self::Unknown, |(code, _)| *code)
    }

    /// The number on the wire.
    pub fn number(self) -> u32 {
        self as u32
    }
}

impl fmt::Display for GrpcCode {
    /// Its name in the gRPC documentation and its number: `UNAVAILABLE (14)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES.iter().find(|(code, _)| code == self).map_or("", |(_, name)| name);
        write!(f, "{name} ({})", self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_specification_lists_is_retried() {
        #[track_caller]
        fn check(status: u16, retryable: bool) {
            let (endpoint, status) = ("http://h/v1/traces".into(), StatusCode::from_u16(status).unwrap());
            let (message, retry_after) = (String::new(), None);
            let error = SendError::Status { endpoint, status, message, retry_after };
            assert_eq!(error.is_retryable(), retryable, "{status}");
            let (endpoint, proxy, message) = ("https://h".into(), "http://proxy".into(), String::new());
            let error = SendError::ProxyStatus { endpoint, proxy, status, message, retry_after };
            assert_eq!(error.is_retryable(), retryable, "{status} of a proxy");
        }
        for status in [429, 502, 503, 504] {
            check(status, true);
        }
        for status in [301, 307, 400, 401, 403, 404, 405, 407, 408, 413, 415, 422, 500, 501, 505] {
            check(status, false);
        }
    }

    #[test]
    fn a_message_names_the_endpoint_and_the_remedy() {
        let error = SendError::Status {
            endpoint: "http://h:4318/v1/trace".into(),
            status: StatusCode::NOT_FOUND,
            message: "no such page".into(),
            retry_after: None,
        };
        assert_eq!(
            error.to_string(),
            "http://h:4318/v1/trace answered 404 Not Found: no such page; \
             check the endpoint's path, which is usually /v1/traces for OTLP and /api/v2/spans for Zipkin"
        );
        let error = SendError::Lost { endpoint: "http://h:4317/v1/traces".into(), reason: "not HTTP".into() };
        assert!(error.to_string().ends_with("OTLP over HTTP uses 4318"), "{error}");
    }

    #[test]
    fn over_grpc_too_only_what_the_specification_lists_is_retried() {
        for number in 1..=16 {
            for retry_info in [false, true] {
                let code = GrpcCode::from_number(number);
                assert_eq!(code.number(), number);
                let error = SendError::Grpc {
                    endpoint: "http://h".into(),
                    code,
                    message: String::new(),
                    retry_info,
                    retry_after: None,
                };
                let expected = matches!(number, 1 | 4 | 10 | 11 | 14 | 15) || (number == 8 && retry_info);
                assert_eq!(error.is_retryable(), expected, "{code}");
            }
        }
        assert_eq!(GrpcCode::from_number(17), GrpcCode::Unknown);
    }

    #[test]
    fn a_request_too_large_is_known_by_status_and_words() {
        #[track_caller]
        fn check(status: u16, message: &str, expected: bool) {
            let error = SendError::Status {
                endpoint: "http://h/v1/traces".into(),
                status: StatusCode::from_u16(status).unwrap(),
                message: message.to_owned(),
                retry_after: None,
            };
            assert_eq!(error.is_too_large(), expected, "{error}");
        }
        check(413, "", true);
        check(400, "http: request body too large", true);
        check(500, "413 Request Entity Too Large", true);
        check(400, "bad key", false);
        check(503, "request body too large", false);
    }

    #[test]
    fn a_request_too_large_is_known_by_code_and_words() {
        #[track_caller]
        fn check(number: u32, message: &str, retry_info: bool, expected: bool) {
            let error = SendError::Grpc {
                endpoint: "http://h".into(),
                code: GrpcCode::from_number(number),
                message: message.to_owned(),
                retry_info,
                retry_after: None,
            };
            assert_eq!(error.is_too_large(), expected, "{error}");
        }
        check(8, "grpc: received message larger than max (5000 vs. 4000)", false, true);
        check(8, "grpc: received message after decompression larger than max (5 vs. 4)", false, true);
        check(8, "gRPC message exceeds maximum size 4: 5", false, true);
        check(
            11,
            "Error, decoded message length too large: found 5 bytes, the limit is: 4 bytes",
            false,
            true,
        );
        check(8, "quota used up", false, false);
        check(8, "too large a share of the quota", true, false);
        check(14, "too large", false, false);
    }

    #[test]
    fn a_grpc_message_names_code_and_remedy() {
        let error = SendError::Grpc {
            endpoint: "https://h:4317".into(),
            code: GrpcCode::Unauthenticated,
            message: "no key".into(),
            retry_info: false,
            retry_after: None,
        };
        assert_eq!(
            error.to_string(),
            "https://h:4317 answered UNAUTHENTICATED (16): no key; check the credentials in \
             OTEL_EXPORTER_OTLP_HEADERS"
        );
        let error = SendError::Lost { endpoint: "http://h:4318".into(), reason: "not HTTP/2".into() };
        assert!(error.to_string().ends_with("gRPC uses 4317"), "{error}");
    }

    /// No error says in its own text what its source says again: those who print the chain would read it twice.
    #[test]
    fn no_cause_is_told_twice() {
        #[track_caller]
        fn check(error: &dyn std::error::Error, mentions: &str) {
            let text = error.to_string();
            assert!(text.contains(mentions), "{text}");
            let mut next = error.source();
            while let Some(source) = next {
                assert!(!text.contains(&source.to_string()), "{text}: {source}");
                next = source.source();
            }
        }
        let system = || io::Error::other("the system's words");
        let endpoint: Arc<str> = "http://h".into();
        let (reason, message) = ("why".to_owned(), "words".to_owned());
        for error in [
            SendError::Connect { endpoint: Arc::clone(&endpoint), reason: reason.clone() },
            SendError::Tls { endpoint: Arc::clone(&endpoint), reason: reason.clone(), remedy: "" },
            SendError::Lost { endpoint: Arc::clone(&endpoint), reason: reason.clone() },
            SendError::Proxy { endpoint: Arc::clone(&endpoint), proxy: "http://p".into(), reason },
        ] {
            check(&error, "why");
        }
        check(&SendError::Write { target: "stdout", error: system() }, "the system's words");
        check(&SendError::Panicked { endpoint: Arc::clone(&endpoint), message: "why".into() }, "why");
        let code = GrpcCode::Internal;
        let grpc = SendError::Grpc { endpoint, code, message, retry_info: false, retry_after: None };
        check(&grpc, "words");
    }
}
