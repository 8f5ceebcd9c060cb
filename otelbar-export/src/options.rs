//! How a pipeline is set up.

use std::fmt;
#[cfg(feature = "tls")]
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::uri::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use otelbar_config::{Compression, ConsoleFormat, Environment, ProcessEnvironment, Protocol};

use crate::destination::{Destination, DestinationKind};
use crate::encode::Encoding;
use crate::error::SetupError;
use crate::pipeline::{BreakerPolicy, Overflow, RetryPolicy};
use crate::spool::SpoolOptions;
use crate::transport::ConsoleTarget;
use crate::transport::compress;
use crate::transport::proxy::ProxyOptions;

/// One destination of a pipeline, and its limits.
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
    kind: Kind,
    pub(crate) endpoint: Endpoint,
    pub(crate) protocol: Protocol,
    pub(crate) compression: Compression,
    #[cfg(feature = "tls")]
    pub(crate) tls: crate::transport::tls::TlsOptions,
    pub(crate) proxy: ProxyOptions,
    pub(crate) headers: HeaderMap,
    pub(crate) timeout: Duration,
    pub(crate) batch_size: usize,
    pub(crate) batch_delay: Duration,
    pub(crate) concurrent_requests: usize,
    pub(crate) queue_size: usize,
    pub(crate) queue_bytes: usize,
    request_size: Option<usize>,
    pub(crate) overflow: Overflow,
    pub(crate) retry: RetryPolicy,
    pub(crate) breaker: BreakerPolicy,
    pub(crate) spool: Option<SpoolOptions>,
    pub(crate) drop_grace: Duration,
    /// Made from a configuration, so that errors name its variables.
    configured: bool,
}

impl ExporterOptions {
    /// Sends OTLP over HTTP, encoded as protobuf, to this URL as it stands; so it ends in `/v1/traces` as a rule.
    /// With [`with_protocol`](Self::with_protocol) it goes there in another way: over gRPC the URL has no path.
    ///
    /// # Errors
    ///
    /// Says so when it is no absolute `http` or `https` URL, or `https` is not in this build.
    pub fn new(url: &str) -> Result<Self, SetupError> {
        Ok(Self::with(Kind::Otlp, Endpoint::parse(ENDPOINT, url)?))
    }

    /// Sends Zipkin's JSON of version 2 to this URL as it stands; so it ends in `/api/v2/spans` as a rule. Compression
    /// is none or gzip, as Zipkin has it; a protocol set is for OTLP and means nothing here.
    ///
    #[doc = include_str!("encode/zipkin.md")]
    ///
    /// ```
    /// use otelbar_export::ExporterOptions;
    ///
    /// let options = ExporterOptions::zipkin("http://127.0.0.1:9411/api/v2/spans")?;
    /// # Ok::<(), otelbar_export::SetupError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    #[cfg(feature = "zipkin")]
    pub fn zipkin(url: &str) -> Result<Self, SetupError> {
        Ok(Self::with(Kind::Zipkin, Endpoint::parse(ZIPKIN_ENDPOINT, url)?))
    }

    /// Writes spans to this process's standard output or error. They are taken as delivered when they are written; what
    /// is about connections means nothing here.
    ///
    /// [`ConsoleFormat::Readable`] shows each trace of a batch as a tree of its spans in the order of their start, with
    /// times relative to the trace's first span:
    ///
    /// ```text
    /// trace 0af7651916cd43dd8448eb211c80319c, 2 spans, 1 error, 12.3 ms, from 2023-11-14T22:13:20.000000000Z
    ///      +0 ns    12.3 ms  shop: GET /cart [server]
    ///                        │ http.route = "/cart"
    ///   +1.20 ms    3.40 ms  └─ SELECT cart [client] ERROR "no such table"
    ///                             db.system.name = "sqlite"
    ///   +4.50 ms                  * exception
    ///                                 exception.type = "SqliteError"
    /// ```
    ///
    /// What can't be printed is escaped, so that no name or value can move the cursor or pass for a line of its own.
    /// Scopes, attributes of resources and ids of spans are not shown. The form may change at any time: let programs
    /// read [`ConsoleFormat::Json`], which needs the feature `json`: the JSON lines of the OpenTelemetry
    /// specification's "OTLP File Exporter", a batch on each.
    ///
    /// ```
    /// use otelbar_export::{ConsoleFormat, ConsoleTarget, ExporterOptions};
    ///
    /// let options = ExporterOptions::console(ConsoleTarget::Stdout, ConsoleFormat::Readable);
    /// ```
    pub fn console(target: ConsoleTarget, format: ConsoleFormat) -> Self {
        let endpoint = Endpoint { uri: Uri::default(), text: target.as_str().into() };
        Self::with(Kind::Console(target, format), endpoint)
    }

    fn with(kind: Kind, endpoint: Endpoint) -> Self {
        Self {
            kind,
            endpoint,
            protocol: Protocol::HttpProtobuf,
            compression: Compression::None,
            #[cfg(feature = "tls")]
            tls: crate::transport::tls::TlsOptions::default(),
            proxy: ProxyOptions::default(),
            headers: HeaderMap::new(),
            timeout: Duration::from_secs(10),
            batch_size: 512,
            batch_delay: Duration::from_secs(5),
            concurrent_requests: 1,
            queue_size: 2048,
            queue_bytes: 64 * 1024 * 1024,
            request_size: None,
            overflow: Overflow::default(),
            retry: RetryPolicy::default(),
            breaker: BreakerPolicy::default(),
            spool: None,
            drop_grace: Duration::from_secs(1),
            configured: false,
        }
    }

    /// How OTLP is spoken. Default [`Protocol::HttpProtobuf`].
    ///
    /// ```
    /// use otelbar_export::{ExporterOptions, Protocol};
    ///
    /// let options = ExporterOptions::new("http://collector:4317")?.with_protocol(Protocol::Grpc);
    /// # Ok::<(), otelbar_export::SetupError>(())
    /// ```
    pub fn with_protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// How requests are compressed. Default [`Compression::None`].
    pub fn with_compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// The PEM file of the authorities trusted to vouch for an `https` backend, instead of the system's. Read when
    /// the pipeline starts.
    #[cfg(feature = "tls")]
    pub fn with_certificate(mut self, authorities: impl Into<PathBuf>) -> Self {
        self.tls.authorities = Some(authorities.into());
        self
    }

    /// The PEM files of the certificate shown to an `https` backend, followed by those that vouch for it, and of its
    /// private key. Read when the pipeline starts.
    #[cfg(feature = "tls")]
    pub fn with_client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.tls.identity = Some((certificate.into(), key.into()));
        self
    }

    /// Goes through this HTTP proxy, `http://user:password@host:port`, whatever the endpoint and the environment. User
    /// and password may be left out, and are percent-encoded; without a port it is 80. Default: without a proxy.
    ///
    /// OTLP over plain HTTP is handed to the proxy to be passed on; for `https` and gRPC it is asked for a tunnel
    /// (`CONNECT`), so that it sees nothing of what is encrypted. The endpoint's name is resolved by the proxy.
    ///
    /// # Errors
    ///
    /// Says so when it is no `http://` URL, without repeating one that may hold a password. Proxies that speak TLS or
    /// SOCKS are not supported.
    ///
    /// ```
    /// use otelbar_export::ExporterOptions;
    ///
    /// let options = ExporterOptions::new("https://collector.example/v1/traces")?
    ///     .with_proxy("http://shop:secret@proxy.example:3128")?;
    /// # Ok::<(), otelbar_export::SetupError>(())
    /// ```
    pub fn with_proxy(mut self, url: &str) -> Result<Self, SetupError> {
        self.proxy = ProxyOptions::fixed(url)?;
        Ok(self)
    }

    /// Goes straight to the endpoint. The default, but for options made from a configuration.
    pub fn without_proxy(mut self) -> Self {
        self.proxy = ProxyOptions::Without;
        self
    }

    /// Goes through the proxy that the process's environment names for the endpoint, if it does;
    /// [`with_proxy_from_environment`](Self::with_proxy_from_environment) tells how. The default of options made from a
    /// configuration.
    pub fn with_proxy_from_env(self) -> Self {
        self.with_proxy_from_environment(&ProcessEnvironment)
    }

    /// Goes through the proxy that this environment names for the endpoint, if it does, as curl and Go do:
    ///
    /// - `http_proxy` or `HTTP_PROXY` for `http` endpoints, `https_proxy` or `HTTPS_PROXY` for `https` ones, over gRPC
    ///   too; else `all_proxy` or `ALL_PROXY`. The name in lower case goes first, an empty value is none, and a URL
    ///   without a scheme is of an HTTP proxy.
    /// - `HTTP_PROXY` in capitals is ignored where `REQUEST_METHOD` is set: under CGI a client can set it.
    /// - `no_proxy` or `NO_PROXY` lists what is reached without a proxy: hosts, domains with all that is in them
    ///   (`example`, `.example` and `*.example` alike), addresses and networks (`10.0.0.0/8`), each with a port or for
    ///   any, or `*` for everything.
    /// - `localhost` and loopback addresses never are reached through a proxy.
    ///
    /// It is read now. A URL that does not serve, as that of a SOCKS proxy, is an error when the pipeline starts, if it
    /// is the endpoint's.
    ///
    /// ```
    /// use otelbar_export::ExporterOptions;
    ///
    /// let environment = [("https_proxy", "http://proxy.example:3128"), ("no_proxy", "internal.example")];
    /// let options = ExporterOptions::new("https://collector.example/v1/traces")?
    ///     .with_proxy_from_environment(&environment);
    /// # Ok::<(), otelbar_export::SetupError>(())
    /// ```
    pub fn with_proxy_from_environment(mut self, environment: &dyn Environment) -> Self {
        self.proxy = ProxyOptions::from_environment(environment);
        self
    }

    /// Adds a header to each request; over gRPC it is metadata. A `User-Agent` takes the place of
    /// `otelbar/VERSION OTel-OTLP-Exporter-Rust/VERSION`, to Zipkin of `otelbar/VERSION`.
    ///
    /// # Errors
    ///
    /// Says so when the name or the value is none for HTTP, without repeating the value, which may be a secret.
    pub fn with_header(mut self, name: &str, value: &str) -> Result<Self, SetupError> {
        const OPTION: &str = "with_header";
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
    /// [`Duration::MAX`] is without limit. Connecting may take half of it, and 20 s at most, divided among the addresses
    /// of the host.
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

    /// How many requests may be under way at once while the backend does well; after a failure it is one at a time.
    /// Default 1, as the next is encoded while one is answered. More serve a backend that is far away; each may have
    /// been stored, and be sent again, when the connection is lost before it is answered.
    pub fn with_concurrent_requests(mut self, requests: usize) -> Self {
        self.concurrent_requests = requests;
        self
    }

    /// Spans that may wait in the queue. Default 2048. When a hand-over does not fit, whole hand-overs are dropped and
    /// counted, as [`with_overflow`](Self::with_overflow) chooses; one that is larger than the queue by itself is taken
    /// when the queue is empty.
    pub fn with_queue_size(mut self, spans: usize) -> Self {
        self.queue_size = spans;
        self
    }

    /// Bytes that the spans in the queue may hold, as an estimate that leaves out what the allocator adds. The batches
    /// that are being encoded and sent come on top of it.
    /// Default 64 MiB. As with the number of spans, what is larger by itself is taken when the queue is empty.
    pub fn with_queue_bytes(mut self, bytes: usize) -> Self {
        self.queue_bytes = bytes;
        self
    }

    /// The size of a request's body at most, in bytes before compression; larger ones are split. Default 64 MiB, the
    /// limit of OTLP; over gRPC 4 MiB, as receivers refuse more unless told otherwise.
    pub fn with_request_size(mut self, bytes: usize) -> Self {
        self.request_size = Some(bytes);
        self
    }

    /// What gives way when the queue is full. Default [`Overflow::Traces`]: errors and slow traces last.
    pub fn with_overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// When a backend that fails is left alone, and for how long.
    pub fn with_breaker(mut self, breaker: BreakerPolicy) -> Self {
        self.breaker = breaker;
        self
    }

    /// Keeps on disk what cannot be sent now: from the first attempt that fails on, at a shutdown, and when the backend has
    /// not taken it [a second](SpoolOptions::with_write_delay) after it was handed over, so that a process that is killed
    /// loses no more than that. It is sent when the backend is there again, by this process or by the next that is given the folder, and is not given up for its
    /// age. Each destination needs a folder of its own, and has one request under way at a time. A request from the
    /// spool that the backend finds too large is dropped: it cannot be halved any more. Default: what cannot be sent
    /// waits in the queue.
    pub fn with_spool(mut self, spool: SpoolOptions) -> Self {
        self.spool = Some(spool);
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

    /// Marks them as made from a configuration.
    pub(crate) fn configured(self) -> Self {
        Self { configured: true, ..self }
    }

    /// The error with the option named as it was given.
    pub(crate) fn named(&self, error: SetupError) -> SetupError {
        if self.configured { named_by_variable(error, self.timeout_variable()) } else { error }
    }

    /// What is sent with these options, as one of several.
    pub(crate) fn destination(&self, index: usize) -> Destination {
        let endpoint = Arc::clone(&self.endpoint.text);
        let kind = match self.kind {
            Kind::Otlp => DestinationKind::Otlp(self.protocol),
            #[cfg(feature = "zipkin")]
            Kind::Zipkin => DestinationKind::Zipkin,
            Kind::Console(..) => DestinationKind::Console,
        };
        Destination { index, kind, endpoint }
    }

    /// How requests are written, and sent.
    pub(crate) fn wire(&self) -> Wire {
        match (self.kind, self.protocol) {
            #[cfg(feature = "zipkin")]
            (Kind::Zipkin, _) => Wire::Http(Encoding::Zipkin),
            #[cfg(feature = "json")]
            (Kind::Console(target, ConsoleFormat::Json), _) => Wire::Console(target, Encoding::JsonLine),
            (Kind::Console(target, _), _) => Wire::Console(target, Encoding::Readable),
            #[cfg(feature = "grpc")]
            (Kind::Otlp, Protocol::Grpc) => Wire::Grpc,
            #[cfg(feature = "json")]
            (Kind::Otlp, Protocol::HttpJson) => Wire::Http(Encoding::Json),
            // Others are not in this build, as `check` tells.
            (Kind::Otlp, _) => Wire::Http(Encoding::Protobuf),
        }
    }

    /// With a spool, what the backend does take goes before it has to be written down.
    pub(crate) fn effective_batch_delay(&self) -> Duration {
        let longest = self.spool.as_ref().map_or(Duration::MAX, |spool| spool.write_delay / 2);
        self.batch_delay.min(longest)
    }

    /// The variable that sets how long an attempt may take.
    pub(crate) fn timeout_variable(&self) -> &'static str {
        match self.kind {
            Kind::Otlp => "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
            #[cfg(feature = "zipkin")]
            Kind::Zipkin => "OTEL_EXPORTER_ZIPKIN_TIMEOUT",
            Kind::Console(..) => "timeout",
        }
    }

    pub(crate) fn is_otlp(&self) -> bool {
        self.kind == Kind::Otlp
    }

    pub(crate) fn request_size(&self) -> usize {
        let is_grpc = self.kind == Kind::Otlp && self.protocol == Protocol::Grpc;
        let usual = if is_grpc { 4 } else { 64 } * 1024 * 1024;
        self.request_size.unwrap_or(usual)
    }

    pub(crate) fn check(&self) -> Result<(), SetupError> {
        match self.kind {
            Kind::Otlp => self.check_protocol()?,
            #[cfg(feature = "zipkin")]
            Kind::Zipkin if self.compression == Compression::Zstd => {
                let (option, value) = ("with_compression", self.compression.to_string());
                return Err(SetupError::option(
                    option,
                    value,
                    "is not read by Zipkin",
                    "set it to gzip or none",
                ));
            }
            #[cfg(feature = "zipkin")]
            Kind::Zipkin => {}
            Kind::Console(_, ConsoleFormat::Readable) => {}
            Kind::Console(_, ConsoleFormat::Json) if cfg!(feature = "json") => {}
            Kind::Console(_, format) => {
                let problem = "is not in this build";
                let remedy = "enable the feature json of otelbar-export, or set it to readable";
                return Err(SetupError::option("console", format.to_string(), problem, remedy));
            }
        }
        if matches!(self.kind, Kind::Console(..)) && self.spool.is_some() {
            let problem = "is set for a console, which has no use for it";
            return Err(SetupError::option("with_spool", "", problem, "leave it out"));
        }
        compress::check(self.compression)?;
        for (option, value) in [
            ("with_batch_size", self.batch_size),
            ("with_concurrent_requests", self.concurrent_requests),
            ("with_queue_size", self.queue_size),
            ("with_queue_bytes", self.queue_bytes),
            ("with_request_size", self.request_size()),
            ("with_breaker", self.breaker.failure_threshold as usize),
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
        if let Some(spool) = self.spool.as_ref().filter(|spool| spool.max_bytes < SpoolOptions::LEAST) {
            return Err(SetupError::option(
                "with_max_bytes",
                spool.max_bytes.to_string(),
                "leaves room for nothing",
                "set it to 1 MiB or more",
            ));
        }
        if self.timeout.is_zero() {
            return Err(SetupError::option(
                "with_timeout",
                "0",
                "leaves no time for an answer",
                "set it to 1 ms or more",
            ));
        }
        Ok(())
    }

    fn check_protocol(&self) -> Result<(), SetupError> {
        let protocol = |remedy| {
            const OPTION: &str = "with_protocol";
            Err(SetupError::option(OPTION, self.protocol.to_string(), "is not in this build", remedy))
        };
        match self.protocol {
            Protocol::HttpProtobuf => Ok(()),
            Protocol::HttpJson if cfg!(feature = "json") => Ok(()),
            Protocol::HttpJson => {
                protocol("enable the feature json of otelbar-export, or set it to http/protobuf")
            }
            Protocol::Grpc if !cfg!(feature = "grpc") => {
                protocol("enable the feature grpc of otelbar-export, or set it to http/protobuf")
            }
            Protocol::Grpc if self.endpoint.uri.path() != "/" => Err(SetupError::option(
                ENDPOINT,
                &*self.endpoint.text,
                "has a path, and gRPC uses none",
                "leave the path out, or choose the protocol http/protobuf",
            )),
            Protocol::Grpc if self.request_size() > MOST_OF_GRPC => Err(SetupError::option(
                "with_request_size",
                self.request_size().to_string(),
                "is more than a gRPC message holds",
                "leave it at its default",
            )),
            Protocol::Grpc => Ok(()),
            _ => protocol("set it to http/protobuf"),
        }
    }
}

/// An error about options from a configuration: it names the variable rather than the method.
pub(crate) fn named_by_variable(error: SetupError, timeout: &'static str) -> SetupError {
    match error {
        SetupError::Option { option, value, problem, remedy } => {
            let known = VARIABLES.into_iter().chain([("with_timeout", timeout)]);
            let variable =
                known.into_iter().find_map(|(method, variable)| (method == option).then_some(variable));
            SetupError::Option { option: variable.unwrap_or(option), value, problem, remedy }
        }
        other => other,
    }
}

/// What spans are sent as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Otlp,
    #[cfg(feature = "zipkin")]
    Zipkin,
    Console(ConsoleTarget, ConsoleFormat),
}

/// How requests go over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    #[cfg(feature = "grpc")]
    Grpc,
    Http(Encoding),
    Console(ConsoleTarget, Encoding),
}

impl Wire {
    pub(crate) fn encoding(self) -> Encoding {
        match self {
            #[cfg(feature = "grpc")]
            Self::Grpc => Encoding::Protobuf,
            Self::Http(encoding) | Self::Console(_, encoding) => encoding,
        }
    }
}

const ENDPOINT: &str = "ExporterOptions::new";
#[cfg(feature = "zipkin")]
const ZIPKIN_ENDPOINT: &str = "ExporterOptions::zipkin";
/// The variables of a configuration, by the methods that take what they say. Errors name the method; those of options
/// made from a configuration name the variable.
const VARIABLES: [(&str, &str); 15] = [
    (ENDPOINT, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
    ("ExporterOptions::zipkin", "OTEL_EXPORTER_ZIPKIN_ENDPOINT"),
    ("console", "OTELBAR_CONSOLE_FORMAT"),
    ("with_batch_size", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"),
    ("with_breaker", "OTELBAR_BREAKER_FAILURE_THRESHOLD"),
    ("with_certificate", "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE"),
    ("with_client_certificate", "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE"),
    ("with_client_certificate, key", "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY"),
    ("with_compression", "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION"),
    ("with_header", "OTEL_EXPORTER_OTLP_HEADERS"),
    ("with_max_bytes", "OTELBAR_SPOOL_MAX_BYTES"),
    ("with_protocol", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"),
    ("with_queue_bytes", "OTELBAR_BSP_MAX_QUEUE_BYTES"),
    ("with_queue_size", "OTEL_BSP_MAX_QUEUE_SIZE"),
    ("with_spool", "OTELBAR_SPOOL_DIR"),
];
/// A gRPC message's length has 32 bits; its compressed form may be a little larger than it is.
const MOST_OF_GRPC: usize = 2 * 1024 * 1024 * 1024 - 1;

/// Where requests go: an absolute `http` or `https` URL with a host and without credentials.
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
    fn parse(option: &'static str, url: &str) -> Result<Self, SetupError> {
        let url = url.trim();
        let form = match option {
            ENDPOINT => "write it like http://127.0.0.1:4318/v1/traces",
            _ => "write it like http://127.0.0.1:9411/api/v2/spans",
        };
        // A query may hold a key, so neither errors nor the account show it.
        let shown = url.split('?').next().unwrap_or_default();
        let invalid = |problem: &str| SetupError::option(option, shown, problem, form);
        if shown.contains('@') {
            // Not repeated: it holds a password as a rule.
            return Err(SetupError::option(
                option,
                "",
                "has credentials in the URL",
                "send them by header instead",
            ));
        }
        let uri: Uri = url.parse().map_err(|error| invalid(&format!("is not a URL ({error})")))?;
        let authority = uri.authority().ok_or_else(|| invalid("is not an absolute URL"))?;
        let scheme = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => scheme,
            Some(scheme) if *scheme == Scheme::HTTPS && cfg!(feature = "tls") => scheme,
            Some(scheme) if *scheme == Scheme::HTTPS => {
                return Err(SetupError::option(
                    option,
                    shown,
                    "asks for TLS, which is not in this build",
                    "enable the feature tls of otelbar-export, or use an http:// URL",
                ));
            }
            _ => return Err(invalid("has a scheme other than http and https")),
        };
        // An invalid port parses, and is then as good as left out.
        if uri.port_u16().is_none() && authority.as_str() != authority.host() {
            return Err(invalid("has an invalid port"));
        }
        let path = if uri.path() == "/" { "" } else { uri.path() };
        Ok(Self { text: format!("{scheme}://{authority}{path}").into(), uri })
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
        let name = "ExporterOptions::new";
        let form = "write it like http://127.0.0.1:4318/v1/traces";
        check("/v1/traces", &format!("{name}: \"/v1/traces\" is not an absolute URL; {form}"));
        check(
            "ftp://h/v1",
            &format!("{name}: \"ftp://h/v1\" has a scheme other than http and https; {form}"),
        );
        check("http://", &format!("{name}: \"http://\" is not a URL (empty string); {form}"));
        check("http://h:65536/v1", &format!("{name}: \"http://h:65536/v1\" has an invalid port; {form}"));
        check(
            "http://me:secret@h/v1/traces",
            &format!("{name}: \"\" has credentials in the URL; send them by header instead"),
        );
        check(
            "ftp://h/v1?key=secret",
            &format!("{name}: \"ftp://h/v1\" has a scheme other than http and https; {form}"),
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
    fn a_value_that_does_not_serve_is_named_as_it_was_given() {
        #[track_caller]
        fn check(method: &str, variable: &str, change: impl Fn(ExporterOptions) -> ExporterOptions) {
            let options = || change(ExporterOptions::new("http://h/v1/traces").unwrap());
            let error = |options: ExporterOptions| options.named(options.check().unwrap_err()).to_string();
            let by_method = error(options());
            assert!(by_method.starts_with(&format!("{method}: \"0\" leaves ")), "{by_method}");
            let by_variable = error(options().configured());
            assert!(by_variable.starts_with(&format!("{variable}: \"0\" leaves ")), "{by_variable}");
        }
        check("with_batch_size", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", |options| options.with_batch_size(0));
        check("with_queue_size", "OTEL_BSP_MAX_QUEUE_SIZE", |options| options.with_queue_size(0));
        check("with_queue_bytes", "OTELBAR_BSP_MAX_QUEUE_BYTES", |options| options.with_queue_bytes(0));
        check("with_request_size", "with_request_size", |options| options.with_request_size(0));
        check("with_concurrent_requests", "with_concurrent_requests", |options| {
            options.with_concurrent_requests(0)
        });
        check("with_breaker", "OTELBAR_BREAKER_FAILURE_THRESHOLD", |options| {
            options.with_breaker(BreakerPolicy { failure_threshold: 0, ..BreakerPolicy::default() })
        });
        check("with_timeout", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", |options| {
            options.with_timeout(Duration::ZERO)
        });
        check("with_max_bytes", "OTELBAR_SPOOL_MAX_BYTES", |options| {
            options.with_spool(SpoolOptions::new("spool").with_max_bytes(0))
        });
        ExporterOptions::new("http://h/v1/traces").unwrap().check().unwrap();
    }

    #[test]
    fn what_does_not_go_together_or_is_not_in_the_build_is_named() {
        #[track_caller]
        fn check(options: ExporterOptions, expected: &str) {
            let error = options.check().unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
        let at = |url| ExporterOptions::new(url).unwrap();
        if cfg!(feature = "grpc") {
            check(
                at("http://h:4317/v1/traces").with_protocol(Protocol::Grpc),
                "ExporterOptions::new: \"http://h:4317/v1/traces\" has a path",
            );
            let large = at("http://h:4317").with_protocol(Protocol::Grpc).with_request_size(usize::MAX);
            check(large, "with_request_size: ");
            for url in ["http://h:4317", "http://h:4317/"] {
                let options = at(url).with_protocol(Protocol::Grpc);
                options.check().unwrap();
                assert_eq!((&*options.endpoint.text, options.request_size()), ("http://h:4317", 4 << 20));
            }
        } else {
            let message = "with_protocol: \"grpc\" is not in this build; enable the feature grpc";
            check(at("http://h:4317").with_protocol(Protocol::Grpc), message);
        }
        if !cfg!(feature = "json") {
            let message = "with_protocol: \"http/json\" is not in this build; enable";
            check(at("http://h/v1/traces").with_protocol(Protocol::HttpJson), message);
        }
        if !cfg!(feature = "gzip") {
            let message = "with_compression: \"gzip\" is not in this build; enable";
            check(at("http://h/v1/traces").with_compression(Compression::Gzip), message);
        }
        if !cfg!(feature = "zstd") {
            let message = "with_compression: \"zstd\" is not in this build; enable";
            check(at("http://h/v1/traces").with_compression(Compression::Zstd), message);
        }
        if cfg!(feature = "tls") {
            assert_eq!(&*at("https://h/v1/traces").endpoint.text, "https://h/v1/traces");
        } else {
            let error = ExporterOptions::new("https://h/v1/traces").unwrap_err().to_string();
            assert!(error.contains("asks for TLS, which is not in this build"), "{error}");
        }
    }
}
