//! The collector's thread: accepts connections, answers requests.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::received::{ReceivedRequest, Reply, spans_of};
use super::{Fault, Shared};

const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");
/// OTLP lets a server refuse what is larger.
const LARGEST_REQUEST: usize = 64 * 1024 * 1024;

/// The running server; dropping it closes the port and all connections before it returns.
#[derive(Debug)]
pub(super) struct Server {
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn start(listener: std::net::TcpListener, shared: Arc<Shared>) -> io::Result<Self> {
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
                    () = accept(listener, shared) => {}
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

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(serve(stream, Arc::clone(&shared)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let farewell = Arc::new(Mutex::new(None));
    let connection = Connection { stream, farewell: Arc::clone(&farewell) };
    let service = service_fn(|request| answer(request, &shared, &farewell));
    // A connection that breaks is the client's to report.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(connection), service).await;
}

/// Answers one request, or breaks the connection in the way `farewell` is set to.
async fn answer(
    request: Request<Incoming>,
    shared: &Shared,
    farewell: &Mutex<Option<Farewell>>,
) -> Result<Response<Full<Bytes>>, Break> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, LARGEST_REQUEST).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            return Ok(refusal(StatusCode::PAYLOAD_TOO_LARGE, "a request is at most 64 MiB"));
        }
        Err(_) => return Err(Break),
    };
    let message = read(&head, &body);
    // Before the request shows in the log: who sees it there may release it at once.
    let mut release = shared.release.subscribe();
    let (fault, mut entry) = shared.change(|received| {
        received.requests.push(ReceivedRequest {
            method: head.method.clone(),
            path: head.uri.path_and_query().map_or_else(String::new, ToString::to_string),
            headers: head.headers.clone(),
            body,
            spans: message.as_ref().map_or(0, count),
            reply: Reply::Pending,
        });
        let (index, generation) = (received.requests.len() - 1, received.generation);
        (received.script.take(), Entry { shared, index, generation, settled: false })
    });

    let response = match fault {
        Fault::Accept => accepted(message, &mut entry, None),
        Fault::PartialSuccess { rejected, message: words } => accepted(
            message,
            &mut entry,
            Some(ExportTracePartialSuccess { rejected_spans: rejected, error_message: words }),
        ),
        Fault::Hang => {
            // The sender lives in `shared`, so this ends with a release alone.
            let _ = release.changed().await;
            accepted(message, &mut entry, None)
        }
        Fault::Body(size) => {
            let mut response = accepted(message, &mut entry, None);
            if response.status().is_success() {
                *response.body_mut() = Full::new(Bytes::from(vec![b'~'; size]));
            }
            response
        }
        Fault::Status { code, retry_after, message } => {
            let mut response =
                refusal(StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &message);
            if let Some(value) = retry_after.and_then(|value| HeaderValue::from_str(&value).ok()) {
                response.headers_mut().insert(header::RETRY_AFTER, value);
            }
            response
        }
        Fault::Redirect(location) => {
            let mut response = refusal(StatusCode::TEMPORARY_REDIRECT, "elsewhere");
            if let Ok(value) = HeaderValue::from_str(&location) {
                response.headers_mut().insert(header::LOCATION, value);
            }
            response
        }
        Fault::Reset | Fault::Garbage => {
            let how = if fault == Fault::Reset { Farewell::Reset } else { Farewell::Garbage };
            *farewell.lock().unwrap_or_else(PoisonError::into_inner) = Some(how);
            entry.settle(Reply::Broken);
            return Err(Break);
        }
    };
    entry.settle(Reply::Status(response.status().as_u16()));
    Ok(response)
}

/// What a collector checks before it decodes.
fn read(
    head: &http::request::Parts,
    body: &Bytes,
) -> Result<ExportTraceServiceRequest, (StatusCode, &'static str)> {
    if head.uri.path() != "/v1/traces" {
        return Err((StatusCode::NOT_FOUND, "this collector knows /v1/traces alone"));
    }
    if head.method != Method::POST {
        return Err((StatusCode::METHOD_NOT_ALLOWED, "OTLP/HTTP uses POST"));
    }
    if head.headers.get(header::CONTENT_TYPE) != Some(&PROTOBUF) {
        return Err((
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "this collector reads application/x-protobuf alone",
        ));
    }
    if head.headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "this collector reads no compressed request"));
    }
    ExportTraceServiceRequest::decode(body.clone())
        .map_err(|_| (StatusCode::BAD_REQUEST, "the body is no ExportTraceServiceRequest"))
}

fn count(message: &ExportTraceServiceRequest) -> usize {
    message
        .resource_spans
        .iter()
        .flat_map(|of_resource| &of_resource.scope_spans)
        .map(|of| of.spans.len())
        .sum()
}

fn accepted(
    message: Result<ExportTraceServiceRequest, (StatusCode, &'static str)>,
    entry: &mut Entry<'_>,
    partial_success: Option<ExportTracePartialSuccess>,
) -> Response<Full<Bytes>> {
    let message = match message {
        Ok(message) => message,
        Err((status, words)) => return refusal(status, words),
    };
    let rejected = partial_success.as_ref().map_or(0, |partial| partial.rejected_spans.max(0));
    let mut spans = spans_of(message, entry.index);
    spans.truncate(spans.len().saturating_sub(usize::try_from(rejected).unwrap_or(usize::MAX)));
    entry.shared.change(|received| received.spans.extend(spans));
    respond(StatusCode::OK, ExportTraceServiceResponse { partial_success }.encode_to_vec())
}

/// An error's body is a `google.rpc.Status`.
fn refusal(status: StatusCode, words: &str) -> Response<Full<Bytes>> {
    #[derive(Clone, PartialEq, Message)]
    struct RpcStatus {
        #[prost(int32, tag = "1")]
        code: i32,
        #[prost(string, tag = "2")]
        message: String,
    }
    respond(status, RpcStatus { code: 0, message: words.to_owned() }.encode_to_vec())
}

fn respond(status: StatusCode, body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, PROTOBUF);
    response
}

/// The request's line in the log; hyper drops the service's future when the client goes, and that is noted.
struct Entry<'a> {
    shared: &'a Shared,
    index: usize,
    generation: u64,
    settled: bool,
}

impl Entry<'_> {
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

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.settle(Reply::Abandoned);
        }
    }
}

/// Told to hyper so that it gives the connection up.
#[derive(Debug)]
struct Break;

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is to be broken")
    }
}

impl std::error::Error for Break {}

/// How a connection that is given up ends.
#[derive(Debug)]
enum Farewell {
    Reset,
    Garbage,
}

/// A stream that ends as its farewell says.
struct Connection {
    stream: TcpStream,
    farewell: Arc<Mutex<Option<Farewell>>>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        match self.farewell.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(Farewell::Reset) => {
                let _ = self.stream.set_zero_linger();
            }
            Some(Farewell::Garbage) => {
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
