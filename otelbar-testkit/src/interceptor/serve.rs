//! One connection to the interceptor.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use serde_json::Value;
use tokio::net::TcpStream;

use super::{ChangeTraces, ChangeZipkin, Shared, TRACES_PATH};
use crate::collector::{LARGEST_REQUEST, ZIPKIN_PATH};
use crate::decompress::decompress;
use crate::upstream::{self, Answer, say};

pub(super) async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move {
            Ok::<_, Infallible>(
                answer(request, &shared).await.unwrap_or_else(|refusal| say(refusal.0, refusal.1)),
            )
        }
    });
    // A connection that breaks is the client's to report.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// Why a request was not passed on.
struct Refusal(StatusCode, String);

impl Refusal {
    fn new(status: StatusCode, words: impl ToString) -> Self {
        Self(status, words.to_string())
    }
}

/// The backend's answer, or a refusal of our own.
async fn answer(request: Request<Incoming>, shared: &Shared) -> Result<Answer, Refusal> {
    let (mut head, body) = request.into_parts();
    let body = Limited::new(body, LARGEST_REQUEST).collect().await;
    let mut body = body.map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error))?.to_bytes();
    let changes = shared.changes().clone();
    let (decoded, changed) = match (&head.method, head.uri.path()) {
        (&Method::POST, TRACES_PATH) => {
            body = changed_traces(&head.headers, body, changes.traces.as_ref())?;
            (true, changes.traces.is_some())
        }
        (&Method::POST, ZIPKIN_PATH) => {
            body = changed_zipkin(&head.headers, body, changes.zipkin.as_ref())?;
            (true, changes.zipkin.is_some())
        }
        _ => (false, false),
    };
    if decoded {
        head.headers.remove(header::CONTENT_ENCODING);
    }
    // It is told anew.
    head.headers.remove(header::CONTENT_LENGTH);
    let failed =
        |error: std::io::Error| Refusal::new(StatusCode::BAD_GATEWAY, format!("the backend: {error}"));
    shared.backend.address(&mut head).map_err(failed)?;
    let request = Request::from_parts(head, Full::new(body));
    let answer = upstream::send(shared.backend.server(), request).await.map_err(failed)?;
    if changed {
        shared.changed.fetch_add(1, Ordering::Relaxed);
    }
    Ok(answer)
}

fn changed_traces(headers: &HeaderMap, body: Bytes, change: Option<&ChangeTraces>) -> Result<Bytes, Refusal> {
    if headers.get(header::CONTENT_TYPE).is_none_or(|value| value != "application/x-protobuf") {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "this interceptor reads only OTLP in protobuf",
        ));
    }
    let message = plain(headers, body)?;
    ExportTraceServiceRequest::decode(&*message)
        .map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error))?;
    Ok(change.map_or_else(|| message.clone(), |change| change(&message).into()))
}

fn changed_zipkin(headers: &HeaderMap, body: Bytes, change: Option<&ChangeZipkin>) -> Result<Bytes, Refusal> {
    let mut spans: Value = serde_json::from_slice(&plain(headers, body)?)
        .map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error))?;
    if let Some(change) = change {
        change(&mut spans);
    }
    Ok(spans.to_string().into())
}

fn plain(headers: &HeaderMap, body: Bytes) -> Result<Bytes, Refusal> {
    let coding = headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes());
    decompress(coding.unwrap_or(b"identity"), body, LARGEST_REQUEST)
        .map_err(|why| Refusal::new(StatusCode::BAD_REQUEST, why))
}
