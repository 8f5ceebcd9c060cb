//! The collector's thread: accepts connections, answers requests.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;

use super::read::{Dialect, LARGEST_REQUEST, Message, Refusal, read};
use super::received::{ReceivedRequest, Reply, spans_of};
use super::reply::{self, Body, GrpcStatus};
use super::{Fault, Security, Shared};

/// The running server; dropping it closes the port and all connections before it returns.
#[derive(Debug)]
pub(super) struct Server {
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn start(
        listener: std::net::TcpListener,
        shared: Arc<Shared>,
        security: Security,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        listener.set_nonblocking(true)?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("otelbar-collector".into()).spawn(move || {
            runtime.block_on(async move {
                tokio::select! {
                    _ = stopped => {}
                    () = accept(listener, shared, security) => {}
                }
            });
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // The runtime, and with it each connection, goes with the thread.
            let _ = thread.join();
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, security: Security) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    shared.change(|received| received.connections += 1);
                    connections.spawn(serve(stream, Arc::clone(&shared), security.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>, security: Security) {
    let farewell = Arc::new(Farewell::default());
    let connection = Connection { stream, farewell: Arc::clone(&farewell) };
    match security {
        Security::None => serve_http(connection, shared, farewell).await,
        #[cfg(feature = "tls")]
        Security::Tls(config) => {
            // A handshake that fails is the client's to report.
            if let Ok(stream) = tokio_rustls::TlsAcceptor::from(config).accept(connection).await {
                serve_http(stream, shared, farewell).await;
            }
        }
    }
}

/// Serves HTTP/1.1 and HTTP/2, whichever the client begins with, until the connection ends or is to be broken.
async fn serve_http<S>(stream: S, shared: Arc<Shared>, farewell: Arc<Farewell>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let broken = Arc::clone(&farewell);
    let service = service_fn(move |request| answer(request, Arc::clone(&shared), Arc::clone(&farewell)));
    let server = auto::Builder::new(TokioExecutor::new());
    tokio::select! {
        // A connection that breaks is the client's to report.
        _ = server.serve_connection(TokioIo::new(stream), service) => {}
        () = broken.told.notified() => {}
    }
}

/// Answers one request, or has the connection broken.
async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
    farewell: Arc<Farewell>,
) -> Result<Response<Body>, Break> {
    let (head, body) = request.into_parts();
    let dialect = Dialect::of(&head);
    let body = match Limited::new(body, LARGEST_REQUEST).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Ok(reply::refusal(dialect, Refusal::too_large()).0);
        }
        Err(_) => return Err(Break),
    };
    let message = read(&head, &body, dialect);
    // Before the request shows in the log: who sees it there may release it at once.
    let mut release = shared.release.subscribe();
    let (fault, mut entry) = shared.change(|received| {
        received.requests.push(ReceivedRequest {
            method: head.method.clone(),
            path: head.uri.path_and_query().map_or_else(String::new, ToString::to_string),
            headers: head.headers.clone(),
            body,
            spans: message.as_ref().map_or(0, Message::spans),
            reply: Reply::Pending,
        });
        let (index, generation) = (received.requests.len() - 1, received.generation);
        let entry = Entry { shared: Arc::clone(&shared), index, generation, settled: false };
        (received.script.take(), entry)
    });

    let (response, reply) = match fault {
        Fault::Accept => entry.accept(message, dialect, None),
        Fault::PartialSuccess { rejected, message: words } => {
            let partial = ExportTracePartialSuccess { rejected_spans: rejected, error_message: words };
            entry.accept(message, dialect, Some(partial))
        }
        Fault::Hang => {
            // The sender lives in `shared`, so this ends with a release alone.
            let _ = release.changed().await;
            entry.accept(message, dialect, None)
        }
        Fault::Body(size) => match message {
            Ok(message) => {
                entry.keep(message, 0);
                reply::success_with(dialect, vec![b'~'; size])
            }
            Err(refusal) => reply::refusal(dialect, refusal),
        },
        Fault::Status { code, retry_after, message } => {
            let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut answer = reply::http_status(dialect, status, &message);
            if let Some(value) = retry_after.and_then(|value| HeaderValue::from_str(&value).ok()) {
                answer.0.headers_mut().insert(header::RETRY_AFTER, value);
            }
            answer
        }
        Fault::GrpcStatus { code, message, retry_delay, trailers_only } => {
            reply::grpc_status(dialect, &GrpcStatus { code, message, retry_delay }, trailers_only)
        }
        Fault::Redirect(location) => {
            let mut answer = reply::http_status(dialect, StatusCode::TEMPORARY_REDIRECT, "elsewhere");
            if let Ok(value) = HeaderValue::from_str(&location) {
                answer.0.headers_mut().insert(header::LOCATION, value);
            }
            answer
        }
        Fault::ResetStream => {
            entry.settle(Reply::Broken);
            return Err(Break);
        }
        Fault::Reset | Fault::Garbage => {
            entry.settle(Reply::Broken);
            farewell.say(if fault == Fault::Reset { Words::Reset } else { Words::Garbage });
            // The connection is dropped, and this with it.
            return std::future::pending().await;
        }
    };
    entry.settle(reply);
    Ok(response)
}

/// The request's line in the log; hyper drops the service's future when the client goes, and that is noted.
struct Entry {
    shared: Arc<Shared>,
    index: usize,
    generation: u64,
    settled: bool,
}

impl Entry {
    /// Takes the request as a collector does, all of it or in part.
    fn accept(
        &self,
        message: Result<Message, Refusal>,
        dialect: Dialect,
        partial_success: Option<ExportTracePartialSuccess>,
    ) -> (Response<Body>, Reply) {
        let message = match message {
            Ok(message) => message,
            Err(refusal) => return reply::refusal(dialect, refusal),
        };
        self.keep(message, partial_success.as_ref().map_or(0, |partial| partial.rejected_spans));
        reply::success(dialect, &ExportTraceServiceResponse { partial_success })
    }

    /// Keeps all spans but the last so many; Zipkin's all, since it knows no partial success.
    fn keep(&self, message: Message, rejected: i64) {
        match message {
            Message::Otlp(message) => {
                let rejected = usize::try_from(rejected.max(0)).unwrap_or(usize::MAX);
                let mut spans = spans_of(message, self.index);
                spans.truncate(spans.len().saturating_sub(rejected));
                self.shared.change(|received| received.spans.extend(spans));
            }
            Message::Zipkin(mut spans) => {
                spans.iter_mut().for_each(|span| span.request = self.index);
                self.shared.change(|received| received.zipkin_spans.extend(spans));
            }
        }
    }

    fn settle(&mut self, reply: Reply) {
        self.settled = true;
        self.shared.change(|received| {
            // The log may have been cleared while the request hung.
            if received.generation == self.generation {
                received.requests[self.index].reply = reply;
            }
        });
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !self.settled {
            self.settle(Reply::Abandoned);
        }
    }
}

/// Told to hyper so that it gives the stream up, and over HTTP/1.1 the connection.
#[derive(Debug)]
struct Break;

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is to be broken")
    }
}

impl std::error::Error for Break {}

/// How a connection ends, and when it is to be broken.
#[derive(Debug, Default)]
struct Farewell {
    words: Mutex<Option<Words>>,
    told: Notify,
}

#[derive(Debug)]
enum Words {
    Reset,
    Garbage,
}

impl Farewell {
    fn say(&self, words: Words) {
        *self.words.lock().unwrap_or_else(PoisonError::into_inner) = Some(words);
        self.told.notify_one();
    }
}

/// A stream that ends as its farewell says.
struct Connection {
    stream: TcpStream,
    farewell: Arc<Farewell>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        match self.farewell.words.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(Words::Reset) => {
                let _ = self.stream.set_zero_linger();
            }
            Some(Words::Garbage) => {
                let _ = self.stream.try_write(b"\x00\xffthis is not HTTP\r\n\r\n");
            }
            None => {}
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
