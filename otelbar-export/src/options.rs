//! How a pipeline is set up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::uri::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use crate::{RetryPolicy, SetupError};

/// A pipeline's destination and limits.
///
/// The defaults are those of the OpenTelemetry specification for the batch span processor and the OTLP exporter.
///
/// ```
/// use std::time::Duration;
/// use otelbar_export::ExporterOptions;
///
/// let options = ExporterOptions::new("http://127.0.0.1:4318/v1/traces")?
///     .with_header("x-api-key", "…")?
///     .with_timeout(Duration::from_secs(3))
///     .with_queue_size(8192);
/// # Ok::<(), otelbar_export::SetupError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ExporterOptions {
    pub(crate) endpoint: Endpoint,
    pub(crate) headers: HeaderMap,
    pub(crate) timeout: Duration,
    pub(crate) batch_size: usize,
    pub(crate) batch_delay: Duration,
    pub(crate) queue_size: usize,
    pub(crate) queue_bytes: usize,
    pub(crate) request_size: usize,
    pub(crate) retry: RetryPolicy,
    pub(crate) drop_grace: Duration,
}

impl ExporterOptions {
    /// Sends OTLP over HTTP, encoded as protobuf, to this URL as it stands; so it ends in `/v1/traces` as a rule.
    ///
    /// # Errors
    ///
    /// Says so when it is no absolute `http` URL. `https` is not supported yet.
    pub fn new(url: &str) -> Result<Self, SetupError> {
        Ok(Self {
            endpoint: Endpoint::parse(url)?,
            headers: HeaderMap::new(),
            timeout: Duration::from_secs(10),
            batch_size: 512,
            batch_delay: Duration::from_secs(5),
            queue_size: 2048,
            queue_bytes: 64 * 1024 * 1024,
            request_size: 64 * 1024 * 1024,
            retry: RetryPolicy::default(),
            drop_grace: Duration::from_secs(1),
        })
    }

    /// Adds a header to each request.
    ///
    /// # Errors
    ///
    /// Says so when the name or the value is none for HTTP, without repeating the value, which may be a secret.
    pub fn with_header(mut self, name: &str, value: &str) -> Result<Self, SetupError> {
        const OPTION: &str = "OTEL_EXPORTER_OTLP_HEADERS";
        let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
            SetupError::option(OPTION, name, "is no header name", "use letters, digits and dashes")
        })?;
        let mut value = HeaderValue::from_str(value).map_err(|_| {
            SetupError::option(
                OPTION,
                name,
                "has a value that HTTP does not allow",
                "use visible ASCII characters",
            )
        })?;
        value.set_sensitive(true);
        self.headers.append(parsed, value);
        Ok(self)
    }

    /// How long one attempt may take, from connecting to the answer's end; then it is cancelled. Default 10 s;
    /// [`Duration::MAX`] is without limit.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Spans in a request at most. Default 512. A request is sent as soon as so many wait, or the queue is half
    /// full.
    pub fn with_batch_size(mut self, spans: usize) -> Self {
        self.batch_size = spans;
        self
    }

    /// How long spans wait for more at most before they are sent; the time between two requests when there is
    /// little to send. Default 5 s.
    pub fn with_batch_delay(mut self, delay: Duration) -> Self {
        self.batch_delay = delay;
        self
    }

    /// Spans that may wait in the queue. Default 2048. A hand-over that does not fit is dropped as a whole, and
    /// counted; one that is larger than the queue by itself is taken when the queue is empty.
    pub fn with_queue_size(mut self, spans: usize) -> Self {
        self.queue_size = spans;
        self
    }

    /// Bytes that the spans in the queue may hold, as an estimate that leaves out what the allocator adds.
    /// Default 64 MiB. As with the number of spans, what is larger by itself is taken when the queue is empty.
    pub fn with_queue_bytes(mut self, bytes: usize) -> Self {
        self.queue_bytes = bytes;
        self
    }

    /// The size of a request's body at most, in bytes; larger ones are split. Default 64 MiB, the limit of OTLP.
    pub fn with_request_size(mut self, bytes: usize) -> Self {
        self.request_size = bytes;
        self
    }

    /// When and how long failed attempts are repeated.
    pub fn with_retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// How long dropping the last handle may block to send what waits. Default 1 s; zero drops it at once.
    pub fn with_drop_grace(mut self, grace: Duration) -> Self {
        self.drop_grace = grace;
        self
    }

    pub(crate) fn check(&self) -> Result<(), SetupError> {
        for (option, value) in [
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", self.batch_size),
            ("OTEL_BSP_MAX_QUEUE_SIZE", self.queue_size),
            ("OTELBAR_BSP_MAX_QUEUE_BYTES", self.queue_bytes),
            ("request size", self.request_size),
        ] {
            if value == 0 {
                return Err(SetupError::option(
                    option,
                    "0",
                    "leaves room for nothing",
                    "set it to 1 or more",
                ));
            }
        }
        if self.timeout.is_zero() {
            const OPTION: &str = "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT";
            return Err(SetupError::option(
                OPTION,
                "0",
                "leaves no time for an answer",
                "set it to 1 ms or more",
            ));
        }
        Ok(())
    }
}

/// Where requests go: an absolute `http` URL with a host and without credentials.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) uri: Uri,
    /// To be shown: without the query.
    pub(crate) text: Arc<str>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl Endpoint {
    fn parse(url: &str) -> Result<Self, SetupError> {
        const OPTION: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
        // A query may hold a key, so neither errors nor the account show it.
        let shown = url.split('?').next().unwrap_or_default();
        let invalid = |problem: &str| {
            SetupError::option(OPTION, shown, problem, "write it like http://127.0.0.1:4318/v1/traces")
        };
        if shown.contains('@') {
            // Not repeated: it holds a password as a rule.
            return Err(SetupError::option(
                OPTION,
                "",
                "has credentials in the URL",
                "send them by header instead",
            ));
        }
        let uri: Uri = url.trim().parse().map_err(|error| invalid(&format!("is no URL ({error})")))?;
        let authority = uri.authority().ok_or_else(|| invalid("is no absolute URL"))?;
        match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => {}
            Some(scheme) if *scheme == Scheme::HTTPS => {
                return Err(SetupError::option(
                    OPTION,
                    shown,
                    "asks for TLS, which is not supported yet",
                    "use an http:// URL, such as that of a collector on this host, which sends on over TLS",
                ));
            }
            _ => return Err(invalid("has a scheme other than http")),
        }
        Ok(Self { text: format!("http://{authority}{}", uri.path()).into(), uri })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_that_does_not_serve_is_named_with_the_remedy() {
        #[track_caller]
        fn check(url: &str, message: &str) {
            assert_eq!(ExporterOptions::new(url).unwrap_err().to_string(), message);
        }
        let name = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
        let form = "write it like http://127.0.0.1:4318/v1/traces";
        check("/v1/traces", &format!("{name}: \"/v1/traces\" is no absolute URL; {form}"));
        check("ftp://h/v1", &format!("{name}: \"ftp://h/v1\" has a scheme other than http; {form}"));
        check("http://", &format!("{name}: \"http://\" is no URL (empty string); {form}"));
        check(
            "https://h/v1/traces",
            &format!(
                "{name}: \"https://h/v1/traces\" asks for TLS, which is not supported yet; use an http:// URL, \
                 such as that of a collector on this host, which sends on over TLS"
            ),
        );
        check(
            "http://me:secret@h/v1/traces",
            &format!("{name}: \"\" has credentials in the URL; send them by header instead"),
        );
        check(
            "ftp://h/v1?key=secret",
            &format!("{name}: \"ftp://h/v1\" has a scheme other than http; {form}"),
        );
    }

    #[test]
    fn a_header_that_does_not_serve_is_named_without_its_value() {
        let options = || ExporterOptions::new("http://h/v1/traces").unwrap();
        let error = options().with_header("x-key", "se\ncret").unwrap_err().to_string();
        assert!(error.contains("\"x-key\" has a value") && !error.contains("cret"), "{error}");
        assert!(options().with_header("no name", "v").is_err());
    }

    #[test]
    fn secrets_are_not_shown() {
        let options = ExporterOptions::new("http://h/v1/traces?key=secret").unwrap();
        let shown = format!("{:?}", options.with_header("x-key", "secret").unwrap());
        assert!(!shown.contains("secret") && shown.contains("http://h/v1/traces"), "{shown}");
    }

    #[test]
    fn zero_is_no_size() {
        let options = || ExporterOptions::new("http://h/v1/traces").unwrap();
        assert!(options().check().is_ok());
        assert!(options().with_batch_size(0).check().is_err());
        assert!(options().with_queue_size(0).check().is_err());
        assert!(options().with_timeout(Duration::ZERO).check().is_err());
    }
}
