//! Opens connections, through a proxy where there is one.

use std::error::Error;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::upgrade::{self, Upgraded};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::Proxy;
use crate::transport::answer::ErrorResponse;
use crate::transport::cause::root_cause;
use crate::transport::endpoint::port_of;
use crate::transport::user_agent::USER_AGENT;
use crate::transport::version::Version;

type BoxError = Box<dyn Error + Send + Sync>;

/// How long the words of a proxy that refuses are waited for; its status is there already.
const PATIENCE_FOR_WORDS: Duration = Duration::from_secs(1);

/// Opens connections to the endpoint, straight or by way of a proxy.
#[derive(Clone)]
pub(crate) struct ProxyConnector {
    tcp: HttpConnector,
    way: Way,
}

#[derive(Clone)]
enum Way {
    Direct,
    /// The proxy is sent the requests themselves.
    Forward(Arc<Proxy>),
    /// The proxy is asked for a connection to the endpoint, and all else goes through that.
    Tunnel(Arc<Proxy>),
}

impl ProxyConnector {
    pub(crate) fn new(
        tcp: HttpConnector,
        proxy: Option<&Arc<Proxy>>,
        endpoint: &Uri,
        version: Version,
    ) -> Self {
        let way = match proxy.cloned() {
            None => Way::Direct,
            // Only HTTP/1.1 has a form for requests that are to be passed on.
            Some(proxy) if version == Version::Http1 && endpoint.scheme() == Some(&Scheme::HTTP) => {
                Way::Forward(proxy)
            }
            Some(proxy) => Way::Tunnel(proxy),
        };
        Self { tcp, way }
    }

    /// The proxy that gets the requests themselves, so that its answers and the backend's look alike.
    pub(crate) fn forwards(&self) -> bool {
        matches!(self.way, Way::Forward(_))
    }
}

impl Service<Uri> for ProxyConnector {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, endpoint: Uri) -> Self::Future {
        match &self.way {
            Way::Direct => {
                let tcp = self.tcp.call(endpoint);
                Box::pin(async { Ok(Stream::Direct(tcp.await?)) })
            }
            Way::Forward(proxy) => {
                let tcp = self.tcp.call(proxy.uri.clone());
                Box::pin(async {
                    Ok(Stream::Forward(tcp.await.map_err(|error| ProxyError::Lost(Box::new(error)))?))
                })
            }
            Way::Tunnel(proxy) => {
                let (tcp, proxy) = (self.tcp.call(proxy.uri.clone()), Arc::clone(proxy));
                Box::pin(async move {
                    let tcp = tcp.await.map_err(|error| ProxyError::Lost(Box::new(error)))?;
                    Ok(Stream::Tunnel(tunnel(tcp, &proxy, &endpoint).await?))
                })
            }
        }
    }
}

/// Asks the proxy for a connection to the endpoint (RFC 9110, 9.3.6).
///
/// On hyper, because [`Tunnel`](hyper_util::client::legacy::connect::proxy::Tunnel) keeps the proxy's status to
/// itself, and loses what the backend says first, as one over HTTP/2 does, when it comes together with the proxy's
/// answer.
async fn tunnel(tcp: TokioIo<TcpStream>, proxy: &Proxy, endpoint: &Uri) -> Result<Upgraded, ProxyError> {
    let request = request(proxy, endpoint).map_err(|error| ProxyError::Lost(Box::new(error)))?;
    let (mut sender, connection) = http1::handshake(tcp).await?;
    let mut asked = pin!(async move {
        let response = sender.send_request(request).await?;
        if response.status().is_success() {
            return Ok(upgrade::on(response).await?);
        }
        Err(refusal(response).await)
    });
    // Driven here rather than by a task, so that giving up closes it.
    tokio::select! {
        answer = &mut asked => answer,
        _ = connection.with_upgrades() => asked.await,
    }
}

fn request(proxy: &Proxy, endpoint: &Uri) -> http::Result<Request<Empty<Bytes>>> {
    let target = format!("{}:{}", endpoint.host().unwrap_or_default(), port_of(endpoint));
    let target = Authority::try_from(target)?;
    let host = HeaderValue::from_str(target.as_str())?;
    let mut request = Request::connect(Uri::from(target)).body(Empty::new())?;
    request.headers_mut().insert(header::HOST, host);
    request.headers_mut().insert(header::USER_AGENT, USER_AGENT);
    if let Some(authorization) = &proxy.authorization {
        request.headers_mut().insert(header::PROXY_AUTHORIZATION, authorization.clone());
    }
    Ok(request)
}

async fn refusal(response: Response<Incoming>) -> ProxyError {
    let (head, mut body) = response.into_parts();
    // The first piece has what matters; errors and silence leave the message empty.
    let words = tokio::time::timeout(PATIENCE_FOR_WORDS, body.frame()).await;
    let words = words.ok().flatten().and_then(Result::ok).and_then(|frame| frame.into_data().ok());
    ProxyError::Refused(ErrorResponse::new(head.status, &head.headers, &words.unwrap_or_default()))
}

/// Why there is no way through the proxy.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProxyError {
    /// No connection to it, or one that ended or made no sense before the answer.
    #[error("{}", root_cause(&**.0))]
    Lost(BoxError),
    #[error("refused")]
    Refused(ErrorResponse),
}

impl From<hyper::Error> for ProxyError {
    fn from(error: hyper::Error) -> Self {
        Self::Lost(Box::new(error))
    }
}

/// A connection towards the endpoint.
pub(crate) enum Stream {
    Direct(TokioIo<TcpStream>),
    /// To a proxy that is told with each request where it goes.
    Forward(TokioIo<TcpStream>),
    Tunnel(Upgraded),
}

impl Stream {
    fn io(self: Pin<&mut Self>) -> Pin<&mut (dyn ReadWrite + Unpin)> {
        match self.get_mut() {
            Self::Direct(tcp) | Self::Forward(tcp) => Pin::new(tcp),
            Self::Tunnel(upgraded) => Pin::new(upgraded),
        }
    }
}

trait ReadWrite: Read + Write {}

impl<T: Read + Write> ReadWrite for T {}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        match self {
            Self::Direct(tcp) => tcp.connected(),
            Self::Forward(tcp) => tcp.connected().proxy(true),
            Self::Tunnel(_) => Connected::new(),
        }
    }
}

impl Read for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.io().poll_read(cx, into)
    }
}

impl Write for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.io().poll_write(cx, data)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io().poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Direct(tcp) | Self::Forward(tcp) => tcp.is_write_vectored(),
            Self::Tunnel(upgraded) => upgraded.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.io().poll_write_vectored(cx, data)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// What the proxy does behind its answer.
    #[derive(PartialEq)]
    enum Then {
        Ends,
        IsSilent,
    }

    /// Asks a proxy that answers with this, and gives what it was asked, and what is read behind the answer.
    async fn ask(endpoint: &str, answer: &'static str, then: Then) -> (String, Result<String, ProxyError>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy {
            uri: format!("http://{}", listener.local_addr().unwrap()).parse().unwrap(),
            text: "proxy".into(),
            authorization: Some(HeaderValue::from_static("Basic bWU6")),
        };
        let serve = async {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                asked.push(client.read_u8().await.unwrap());
            }
            client.write_all(answer.as_bytes()).await.unwrap();
            if then == Then::Ends {
                client.shutdown().await.unwrap();
            }
            (String::from_utf8(asked).unwrap(), client)
        };
        let ask = async {
            let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let mut tunnel =
                TokioIo::new(tunnel(TokioIo::new(tcp), &proxy, &endpoint.parse().unwrap()).await?);
            let mut behind = String::new();
            tunnel.read_to_string(&mut behind).await.unwrap();
            Ok(behind)
        };
        let ((asked, _client), behind) = tokio::join!(serve, ask);
        (asked, behind)
    }

    #[tokio::test]
    async fn the_target_has_a_port_whatever_the_endpoint() {
        for (endpoint, target) in [
            ("http://h", "h:80"),
            ("https://h/v1/traces?key=1", "h:443"),
            ("http://h:4317", "h:4317"),
            ("https://[fd00::1]:4317", "[fd00::1]:4317"),
        ] {
            let (asked, _) = ask(endpoint, "HTTP/1.1 200 OK\r\n\r\n", Then::Ends).await;
            assert!(
                asked.starts_with(&format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n")),
                "{asked}"
            );
            assert!(asked.contains("\r\nproxy-authorization: Basic bWU6\r\n"), "{asked}");
        }
    }

    #[tokio::test]
    async fn what_the_backend_says_at_once_is_not_lost_behind_the_proxys_answer() {
        for answer in [
            "HTTP/1.1 200 OK\r\n\r\nhello",
            "HTTP/1.0 200 Connection established\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhello",
            "HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\nhello",
        ] {
            let (_, behind) = ask("http://h", answer, Then::Ends).await;
            assert_eq!(behind.unwrap(), "hello", "{answer}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_told_without_waiting_long_for_its_words() {
        for (answer, expected) in [
            ("HTTP/1.1 504 No\r\ncontent-length: 9\r\n\r\n", ""),
            ("HTTP/1.1 403 No\r\n\r\nno way", "no way"),
        ] {
            let started = tokio::time::Instant::now();
            let (_, behind) = ask("http://h", answer, Then::IsSilent).await;
            let Err(ProxyError::Refused(refusal)) = behind else { panic!("{behind:?}") };
            assert_eq!(refusal.message, expected);
            assert!(started.elapsed() <= 2 * PATIENCE_FOR_WORDS);
        }
    }

    #[tokio::test]
    async fn an_answer_that_is_none_is_no_tunnel() {
        for answer in
            ["", "HTTP/1.1 200", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 204 No\r\n\r\n", "\0\r\n\r\n"]
        {
            let (_, behind) = ask("http://h", answer, Then::Ends).await;
            assert!(matches!(behind, Err(ProxyError::Lost(_))), "{answer}: {behind:?}");
        }
        let (_, behind) = ask("http://h", "HTTP/1.1 403 No\r\n\r\n", Then::Ends).await;
        assert!(matches!(behind, Err(ProxyError::Refused(_))), "{behind:?}");
    }
}
