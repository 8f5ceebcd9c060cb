//! The HTTP client under each way to send.

use std::cell::RefCell;
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use bytes::buf::{Buf, Chain};
use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Instant, timeout_at};

use crate::http::message;
use crate::proxy::{Proxy, ProxyConnector, ProxyError};
use crate::retry::parse_retry_after;
use crate::time::after;
use crate::transport::Payload;
use crate::{ExporterOptions, SendError, SetupError};

/// Our own product, then what the specification of the OTLP exporter asks for ("User Agent").
const OTLP_USER_AGENT: HeaderValue = HeaderValue::from_static(concat!(
    "otelbar/",
    env!("CARGO_PKG_VERSION"),
    " OTel-OTLP-Exporter-Rust/",
    env!("CARGO_PKG_VERSION")
));
/// To others than OTLP's receivers.
pub(crate) const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("otelbar/", env!("CARGO_PKG_VERSION")));
/// OTLP has clients read no more than this of an answer.
const LARGEST_RESPONSE: usize = 4 * 1024 * 1024;
/// What is kept of an error's message.
const LONGEST_MESSAGE: usize = 300;
/// How long a connection may be silent before the system looks whether the other side is still there.
const TCP_KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How often it looks, and how far apart, until it takes the connection for lost.
const TCP_KEEP_ALIVE_PROBES: (u32, Duration) = (3, Duration::from_secs(10));
/// What connecting may take, however long the timeout.
const LONGEST_CONNECT: Duration = Duration::from_secs(20);

#[cfg(feature = "tls")]
type Https = hyper_rustls::HttpsConnector<ProxyConnector>;
#[cfg(not(feature = "tls"))]
type Https = ProxyConnector;

/// What opens connections to one endpoint.
#[derive(Clone)]
pub(crate) struct Connector {
    https: Https,
    proxy: Option<Arc<Proxy>>,
    /// Whether the proxy gets the requests themselves, so that its answers come as the backend's do.
    forwards: bool,
}

/// Without a copy of the request for each attempt.
type Body = Full<Chain<Bytes, Bytes>>;

/// The version of HTTP that is spoken from the connection's first byte on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Http1,
    #[cfg(feature = "grpc")]
    Http2,
}

/// One destination, with its connection kept alive between requests. To be used inside a tokio runtime.
pub(crate) struct HttpClient {
    client: RefCell<Client<Https, Body>>,
    connector: Connector,
    version: Version,
    uri: Uri,
    pub(crate) endpoint: Arc<str>,
    pub(crate) headers: HeaderMap,
    pub(crate) timeout: Duration,
    timeout_variable: &'static str,
    connections: usize,
}

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
pub(crate) struct Refusal {
    status: StatusCode,
    pub(crate) message: String,
    retry_after: Option<Duration>,
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
        let Refusal { status, message, retry_after } = self.refusal();
        SendError::Status { endpoint: Arc::clone(endpoint), status, message, retry_after }
    }

    fn refusal(self) -> Refusal {
        Refusal::new(self.status, &self.headers, &self.body.unwrap_or_default())
    }
}

impl Refusal {
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

impl HttpClient {
    pub(crate) fn new(options: &ExporterOptions, uri: Uri, version: Version, connector: Connector) -> Self {
        let mut headers = options.headers.clone();
        let user_agent = if options.is_otlp() { OTLP_USER_AGENT } else { USER_AGENT };
        headers.entry(header::USER_AGENT).or_insert(user_agent);
        if connector.forwards
            && let Some(authorization) =
                connector.proxy.as_ref().and_then(|proxy| proxy.authorization.clone())
        {
            headers.insert(header::PROXY_AUTHORIZATION, authorization);
        }
        Self {
            client: RefCell::new(client(version, connector.https.clone(), options.concurrent_requests)),
            connector,
            version,
            uri,
            endpoint: Arc::clone(&options.endpoint.text),
            headers,
            timeout: options.timeout,
            timeout_variable: options.timeout_variable(),
            connections: options.concurrent_requests,
        }
    }

    pub(crate) async fn post(&self, payload: Payload) -> Result<Answer, SendError> {
        let body = Full::new(payload.frame.chain(payload.body));
        let mut request = Request::post(self.uri.clone()).body(body).map_err(|error| {
            // Not reached: the URI was parsed when the options were.
            SendError::Connect { endpoint: Arc::clone(&self.endpoint), reason: error.to_string() }
        })?;
        request.headers_mut().clone_from(&self.headers);
        if let Some(coding) = payload.coding {
            let name = match self.version {
                Version::Http1 => header::CONTENT_ENCODING,
                #[cfg(feature = "grpc")]
                Version::Http2 => header::HeaderName::from_static("grpc-encoding"),
            };
            request.headers_mut().insert(name, HeaderValue::from_static(coding));
        }
        let deadline = after(Instant::now(), self.timeout);
        // Dropping the future cancels the request: over HTTP/1.1 hyper closes the connection under it, over
        // HTTP/2 it resets the stream.
        let sent = self.client.borrow().request(request);
        let (head, body) = match timeout_at(deadline, sent).await {
            Ok(Ok(response)) => response.into_parts(),
            Ok(Err(error)) => return Err(self.failed(&error)),
            Err(_) => {
                self.reconnect();
                return Err(self.timed_out());
            }
        };
        let (body, trailers) = match timeout_at(deadline, self.read(body)).await {
            Ok(Ok((body, trailers))) => (Ok(body), trailers),
            Ok(Err(unreadable)) => (Err(unreadable), HeaderMap::new()),
            Err(_) => {
                self.reconnect();
                (Err(Unreadable::TooLate), HeaderMap::new())
            }
        };
        let answer = Answer { status: head.status, headers: head.headers, body, trailers };
        match &self.connector.proxy {
            // No backend answers so.
            Some(proxy)
                if self.connector.forwards && answer.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED =>
            {
                Err(self.refused_by(proxy, answer.refusal()))
            }
            _ => Ok(answer),
        }
    }

    fn refused_by(&self, proxy: &Proxy, refusal: Refusal) -> SendError {
        let Refusal { status, message, retry_after } = refusal;
        let (endpoint, proxy) = (Arc::clone(&self.endpoint), Arc::clone(&proxy.text));
        SendError::ProxyStatus { endpoint, proxy, status, message, retry_after }
    }

    pub(crate) fn timed_out(&self) -> SendError {
        SendError::Timeout {
            endpoint: Arc::clone(&self.endpoint),
            proxy: self.connector.proxy.as_ref().map(|proxy| Arc::clone(&proxy.text)),
            timeout: self.timeout,
            variable: self.timeout_variable,
        }
    }

    async fn read(&self, body: Incoming) -> Result<(Bytes, HeaderMap), Unreadable> {
        match Limited::new(body, LARGEST_RESPONSE).collect().await {
            Ok(mut body) => {
                let trailers = body.trailers().cloned().unwrap_or_default();
                Ok((std::mem::take(&mut body).to_bytes(), trailers))
            }
            Err(error) if error.is::<LengthLimitError>() => Err(Unreadable::TooLarge),
            Err(error) => Err(Unreadable::CutOff(self.lost(&*error))),
        }
    }

    /// A connection that is silent may be dead without our knowing; HTTP/2 would go on using it, so the next
    /// request gets another.
    fn reconnect(&self) {
        if self.version != Version::Http1 {
            *self.client.borrow_mut() = client(self.version, self.connector.https.clone(), self.connections);
        }
    }

    fn failed(&self, error: &legacy::Error) -> SendError {
        match self.lost(error) {
            SendError::Lost { endpoint, reason } if error.is_connect() => {
                SendError::Connect { endpoint, reason }
            }
            other => other,
        }
    }

    fn lost(&self, error: &(dyn Error + 'static)) -> SendError {
        let endpoint = Arc::clone(&self.endpoint);
        if let Some(proxy) = &self.connector.proxy {
            let reason = match find::<ProxyError>(error) {
                Some(ProxyError::Refused(refusal)) => return self.refused_by(proxy, refusal.clone()),
                Some(ProxyError::Lost(cause)) => Some(root_cause(&**cause)),
                // There is no other connection.
                None => self.connector.forwards.then(|| root_cause(error)),
            };
            if let Some(reason) = reason {
                return SendError::Proxy { endpoint, proxy: Arc::clone(&proxy.text), reason };
            }
        }
        #[cfg(feature = "tls")]
        if let Some((reason, remedy)) = crate::tls::explain(error) {
            return SendError::Tls { endpoint, reason, remedy };
        }
        SendError::Lost { endpoint, reason: root_cause(error) }
    }
}

fn client(version: Version, connector: Https, connections: usize) -> Client<Https, Body> {
    let mut builder = Client::builder(TokioExecutor::new());
    builder
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(Duration::from_secs(60))
        // As many as there may be requests at once.
        .pool_max_idle_per_host(connections);
    match version {
        Version::Http1 => {}
        #[cfg(feature = "grpc")]
        Version::Http2 => {
            // Only while an answer is awaited: servers end connections over pings they find needless, those of
            // gRPC by default any on an idle connection.
            builder
                .http2_only(true)
                .timer(TokioTimer::new())
                .http2_keep_alive_interval(Duration::from_secs(20))
                .http2_keep_alive_timeout(Duration::from_secs(10));
        }
    }
    builder.build(connector)
}

/// What opens connections to the endpoint.
///
/// # Errors
///
/// Names the certificate or the proxy that does not serve.
pub(crate) fn connector(options: &ExporterOptions, version: Version) -> Result<Connector, SetupError> {
    let mut tcp = HttpConnector::new();
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(TCP_KEEP_ALIVE));
    tcp.set_keepalive_retries(Some(TCP_KEEP_ALIVE_PROBES.0));
    tcp.set_keepalive_interval(Some(TCP_KEEP_ALIVE_PROBES.1));
    // Divided among the addresses of the host, so that one that is silent leaves time for the others.
    tcp.set_connect_timeout(Some((options.timeout / 2).min(LONGEST_CONNECT)));
    tcp.enforce_http(false);
    let endpoint = &options.endpoint.uri;
    let proxy = options.proxy.proxy_for(endpoint)?.map(Arc::new);
    let connector = ProxyConnector::new(tcp, proxy.as_ref(), endpoint, version);
    let forwards = connector.forwards();
    #[cfg(feature = "tls")]
    let connector = crate::tls::connector(options, version, connector)?;
    Ok(Connector { https: connector, proxy, forwards })
}

/// One short line, as it goes into logs. What is left out of a long text is not looked at.
pub(crate) fn one_line(text: &str) -> String {
    let (mut line, mut chars) = (String::new(), 0);
    for word in text.split_whitespace() {
        let gap = (chars > 0).then_some(' ');
        for c in gap.into_iter().chain(word.chars().filter(|c| !c.is_control())) {
            if chars == LONGEST_MESSAGE {
                line.push('…');
                return line;
            }
            line.push(c);
            chars += 1;
        }
    }
    line
}

/// As much of a body as a message can take, as text.
pub(crate) fn beginning(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(4 * LONGEST_MESSAGE)]).into_owned()
}

/// The error of this kind that another was caused by, or that it is.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// The innermost error says what happened; those around it say that something did.
pub(crate) fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    match cause.downcast_ref::<io::Error>() {
        // Not the system's, so its words are about the timer of connecting.
        Some(error) if error.kind() == io::ErrorKind::TimedOut && error.raw_os_error().is_none() => {
            "the host does not answer".to_owned()
        }
        // Some repeat what the other side sent.
        _ => one_line(&cause.to_string()),
    }
}
