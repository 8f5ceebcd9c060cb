//! A backend that accepts everything, over HTTP/1.1 and gRPC, and costs next to nothing: it counts the spans of a request
//! by stepping over them.

#![allow(dead_code, reason = "each bench uses a part of it")]

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use prost::encoding::{WireType, decode_key, decode_varint};
use tokio::net::TcpListener;

/// Serves until the program ends.
pub(crate) struct Sink {
    address: SocketAddr,
    spans: Arc<AtomicU64>,
}

impl Sink {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).expect("a port");
        let address = listener.local_addr().expect("an address");
        let spans = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&spans);
        thread::Builder::new()
            .name("sink".to_owned())
            .spawn(move || runtime.block_on(serve(listener, counter)))
            .expect("a thread");
        Self { address, spans }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn grpc_endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn http_endpoint(&self) -> String {
        format!("http://{}/v1/traces", self.address)
    }

    /// How many spans have come.
    pub(crate) fn spans(&self) -> u64 {
        self.spans.load(Ordering::SeqCst)
    }
}

async fn serve(listener: TcpListener, spans: Arc<AtomicU64>) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let spans = Arc::clone(&spans);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, Arc::clone(&spans)));
            auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    spans: Arc<AtomicU64>,
) -> Result<Response<UnsyncBoxBody<Bytes, Infallible>>, hyper::Error> {
    /// The frame of an empty message: not compressed, no bytes.
    const FRAME: &[u8] = &[0; 5];
    let content_type = request.headers().get(header::CONTENT_TYPE).cloned();
    let is_grpc = content_type.as_ref().is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    let mut body = request.into_body().collect().await?.to_bytes();
    if is_grpc {
        body.advance(FRAME.len());
    }
    spans.fetch_add(count(body), Ordering::SeqCst);
    let mut response = Response::new(if is_grpc {
        let trailers =
            HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))]);
        Full::from(FRAME).with_trailers(async { Some(Ok(trailers)) }).boxed_unsync()
    } else {
        Full::default().boxed_unsync()
    });
    response.headers_mut().extend(content_type.map(|kind| (header::CONTENT_TYPE, kind)));
    Ok(response)
}

/// The spans of an `ExportTraceServiceRequest`.
fn count(request: Bytes) -> u64 {
    let mut count = 0;
    for resource in fields(request, 1) {
        for scope in fields(resource, 2) {
            count += fields(scope, 2).count() as u64;
        }
    }
    count
}

/// The fields of this number; all others are messages and texts too.
fn fields(mut message: Bytes, number: u32) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        while message.has_remaining() {
            let (tag, kind) = decode_key(&mut message).expect("a key");
            assert_eq!(kind, WireType::LengthDelimited);
            let len = decode_varint(&mut message).expect("a length");
            let field = message.split_to(usize::try_from(len).expect("a size"));
            if tag == number {
                return Some(field);
            }
        }
        None
    })
}
