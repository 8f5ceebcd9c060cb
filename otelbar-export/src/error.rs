//! What can go wrong, and what to do about it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

/// A pipeline could not be set up: an option cannot be used as it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// An option has a value that does not serve.
    #[error("{option}: {value:?} {problem}; {remedy}")]
    #[non_exhaustive]
    Option {
        /// The option.
        option: &'static str,
        /// Its value; left empty where it may be a secret.
        value: String,
        /// What is wrong with it.
        problem: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The system gave no thread or no runtime.
    #[error("the export thread could not be started: {0}")]
    Thread(#[source] io::Error),
}

impl SetupError {
    pub(crate) fn option(
        option: &'static str,
        value: impl Into<String>,
        problem: impl Into<String>,
        remedy: &'static str,
    ) -> Self {
        Self::Option { option, value: value.into(), problem: problem.into(), remedy }
    }
}

/// An attempt to send failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// No connection: refused, no such host, no route.
    #[error("no connection to {endpoint}: {reason}; see that the backend runs and listens there")]
    #[non_exhaustive]
    Connect {
        /// Where it was to go.
        endpoint: Arc<str>,
        /// The system's words.
        reason: String,
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
        "{endpoint} did not answer within {timeout:?}; if it is only slow, raise OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"
    )]
    #[non_exhaustive]
    Timeout {
        /// Where it was to go.
        endpoint: Arc<str>,
        /// The limit.
        timeout: Duration,
    },
    /// An answer other than success.
    #[error("{endpoint} answered {status}{}{}", said(message), status_hint(*status))]
    #[non_exhaustive]
    Status {
        /// Where it went.
        endpoint: Arc<str>,
        /// The answer's status.
        status: StatusCode,
        /// What the backend said in the body, shortened; for a redirect the address it names.
        message: String,
        /// How long the backend asks to be left alone.
        retry_after: Option<Duration>,
    },
}

impl SendError {
    /// Whether OTLP allows another attempt: after 429, 502, 503, 504 and whenever there was no answer.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Lost { .. } | Self::Timeout { .. } => true,
            Self::Status { status, .. } => matches!(status.as_u16(), 429 | 502 | 503 | 504),
        }
    }

    /// How long the backend asks to be left alone, from its `Retry-After`.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

fn lost_hint(endpoint: &str) -> &'static str {
    let grpc = endpoint.parse::<http::Uri>().is_ok_and(|uri| uri.port_u16() == Some(4317));
    if grpc { "; port 4317 is for gRPC as a rule, OTLP over HTTP uses 4318" } else { "" }
}

fn said(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

fn status_hint(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 | 403 => "; see the credentials in OTEL_EXPORTER_OTLP_HEADERS",
        404 | 405 => "; see the endpoint's path, which is /v1/traces as a rule",
        413 => "; lower OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
        300..=399 => "; redirects are not followed, set the endpoint to the address meant",
        _ => "",
    }
}

/// A flush or shutdown whose deadline passed, or that was called from a subscriber.
#[derive(Debug, thiserror::Error)]
#[error("{left} spans for {endpoint} were not settled in time{}", self.because())]
#[non_exhaustive]
pub struct Unfinished {
    /// The spans that were still waiting, or that a shutdown gave up.
    pub left: u64,
    /// Where they were to go.
    pub endpoint: Arc<str>,
    /// Why the destination fails, if it does.
    pub last_error: Option<Arc<SendError>>,
}

impl Unfinished {
    fn because(&self) -> String {
        self.last_error.as_ref().map(|error| format!(": {error}")).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_specification_lists_is_retried() {
        #[track_caller]
        fn check(status: u16, retryable: bool) {
            let error = SendError::Status {
                endpoint: "http://h/v1/traces".into(),
                status: StatusCode::from_u16(status).unwrap(),
                message: String::new(),
                retry_after: None,
            };
            assert_eq!(error.is_retryable(), retryable, "{status}");
        }
        for status in [429, 502, 503, 504] {
            check(status, true);
        }
        for status in [301, 307, 400, 401, 403, 404, 408, 413, 415, 422, 500, 501, 505] {
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
             see the endpoint's path, which is /v1/traces as a rule"
        );
        let error = SendError::Lost { endpoint: "http://h:4317/v1/traces".into(), reason: "not HTTP".into() };
        assert!(error.to_string().ends_with("OTLP over HTTP uses 4318"), "{error}");
    }
}
