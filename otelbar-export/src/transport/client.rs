//! The HTTP client under each way to send.

use std::cell::RefCell;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use bytes::buf::{Buf, Chain};
use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Instant, timeout_at};

use crate::time::after;
use crate::transport::Payload;
use crate::transport::answer::{Answer, ErrorResponse, Unreadable};
use crate::transport::cause::{find, root_cause};
use crate::transport::connector::{Connector, Https};
use crate::transport::error::SendError;
use crate::transport::proxy::{Proxy, ProxyError};
use crate::transport::target::HttpTarget;
use crate::transport::version::Version;

/// OTLP has clients read no more than this of an answer.
const LARGEST_RESPONSE: usize = 4 * 1024 * 1024;
/// Without a copy of the request for each attempt.
type Body = Full<Chain<Bytes, Bytes>>;

/// One destination, with its connection kept alive between requests. To be used inside a tokio runtime.
pub(crate) struct HttpClient {
    client: RefCell<Client<Https, Body>>,
    connector: Connector,
    version: Version,
    uri: Uri,
    pub(crate) endpoint: Arc<str>,
    pub(crate) headers: HeaderMap,
    pub(crate) timeout: Duration,
    timeout_name: &'static str,
    connections: usize,
}

impl HttpClient {
    pub(super) fn new(target: HttpTarget, uri: Uri, version: Version) -> Self {
        let HttpTarget { endpoint, mut headers, timeout, timeout_name, connections, connector, .. } = target;
        if connector.forwards
            && let Some(authorization) =
                connector.proxy.as_ref().and_then(|proxy| proxy.authorization.clone())
        {
            headers.insert(header::PROXY_AUTHORIZATION, authorization);
        }
        Self {
            client: RefCell::new(client(version, connector.https.clone(), connections)),
            connector,
            version,
            uri,
            endpoint: endpoint.text,
            headers,
            timeout,
            timeout_name,
            connections,
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

    fn refused_by(&self, proxy: &Proxy, refusal: ErrorResponse) -> SendError {
        let ErrorResponse { status, message, retry_after } = refusal;
        let (endpoint, proxy) = (Arc::clone(&self.endpoint), Arc::clone(&proxy.text));
        SendError::ProxyStatus { endpoint, proxy, status, message, retry_after }
    }

    pub(crate) fn timed_out(&self) -> SendError {
        SendError::Timeout {
            endpoint: Arc::clone(&self.endpoint),
            proxy: self.connector.proxy.as_ref().map(|proxy| Arc::clone(&proxy.text)),
            timeout: self.timeout,
            option: self.timeout_name,
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
        if let Some((reason, remedy)) = crate::transport::tls::explain(error) {
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
