//! One request's answer.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header, request};
use hyper::body::Incoming;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use tokio::sync::watch;

use super::Shared;
use super::body::Body;
use super::connection::{Control, Farewell};
use super::entry::Entry;
use super::fault::Fault;
use super::read::{Dialect, LARGEST_REQUEST, Message, Refusal, read};
use super::received::Reply;
use super::reply::{self, GrpcStatus};
use super::request_body::{RequestBody, Unread};
use super::stage::{Ending, Stage};

/// Answers one request, or has the connection broken.
pub(super) async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
    control: Arc<Control>,
) -> Result<Response<Body>, Break> {
    // It may still be slow from the answer before.
    control.set_pace(None);
    let (head, body) = request.into_parts();
    let mut body = RequestBody::new(body);
    let dialect = Dialect::of(&head);
    // Before the request shows in the log: who sees it there may release it at once.
    let mut release = Release(shared.release.subscribe());
    let early = early_fault(&head, &mut body, &shared, &control, &mut release).await;

    let (body, message) = match body.whole().await {
        Ok(body) => {
            let limit = shared.lock().request_limit.unwrap_or(LARGEST_REQUEST);
            let message = read(&head, &body, dialect, limit);
            (body, message)
        }
        Err(Unread::TooLarge) => (Bytes::new(), Err(Refusal::too_large(dialect, None, LARGEST_REQUEST))),
        Err(Unread::Lost) => return Err(Break),
    };
    let spans = message.as_ref().map_or(0, Message::spans);
    let (fault, mut entry) = match early {
        // It has hung, and goes on.
        Some(entry) => {
            entry.complete(body, spans);
            (Fault::Accept, entry)
        }
        None => shared
            .change(|received| (received.script.take(), Entry::new(&shared, received, &head, body, spans))),
    };

    if let Some((stage, ending)) = fault.breaks_off()
        && stage <= Stage::Request
    {
        meet(ending, &mut entry, &control, &mut release).await;
    }
    let (response, reply) = match fault {
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
        Fault::Garbage => {
            entry.settle(Reply::Broken);
            return control.break_off(Farewell::Garbage).await;
        }
        fault => match message {
            Ok(message) => return Ok(accept(message, dialect, fault, entry, control, release)),
            Err(refusal) => reply::refusal(dialect, refusal),
        },
    };
    entry.settle(reply);
    Ok(response)
}

/// Takes the request as a collector does, and says so in the fault's way.
fn accept(
    message: Message,
    dialect: Dialect,
    fault: Fault,
    mut entry: Entry,
    control: Arc<Control>,
    mut release: Release,
) -> Response<Body> {
    let (response, reply) = match fault {
        Fault::Body(size) => {
            entry.keep(message, 0);
            reply::success_with_filler(dialect, size)
        }
        Fault::Slow(pause) => {
            control.set_pace(Some(pause));
            // What tells the client that it is accepted: the head of HTTP, the trailers of gRPC.
            let stage = if dialect == Dialect::Grpc { Stage::ResponseBody } else { Stage::ResponseHead };
            return reply::success_interrupted(dialect, stage, |reply| async move {
                control.written().await;
                if dialect == Dialect::Grpc {
                    // The trailers come at once, so that it is accepted just when the client knows so.
                    control.set_pace(None);
                }
                entry.keep(message, 0);
                entry.settle(reply);
            });
        }
        Fault::At(stage @ (Stage::ResponseHead | Stage::ResponseBody), ending) => {
            // Over HTTP the head is about to tell that it is accepted, whatever follows.
            let message = if dialect == Dialect::Grpc {
                Some(message)
            } else {
                entry.keep(message, 0);
                None
            };
            return reply::success_interrupted(dialect, stage, |reply| async move {
                meet(ending, &mut entry, &control, &mut release).await;
                if let Some(message) = message {
                    entry.keep(message, 0);
                }
                entry.settle(reply);
            });
        }
        fault => {
            let partial_success = match fault {
                Fault::PartialSuccess { rejected, message } => {
                    Some(ExportTracePartialSuccess { rejected_spans: rejected, error_message: message })
                }
                _ => None,
            };
            entry.keep(message, partial_success.as_ref().map_or(0, |partial| partial.rejected_spans));
            reply::success(dialect, &ExportTraceServiceResponse { partial_success })
        }
    };
    entry.settle(reply);
    response
}

/// Makes a fault that strikes before the request was read whole, if one is next. A request that got over it by a
/// release has its line in the log already.
async fn early_fault(
    head: &request::Parts,
    body: &mut RequestBody,
    shared: &Arc<Shared>,
    control: &Control,
    release: &mut Release,
) -> Option<Entry> {
    let (stage, ending) = shared.change(|received| received.script.take_for_head())?;
    if stage == Stage::RequestBody {
        // What is lost is lost again when the rest is read.
        let _ = body.piece().await;
    }
    let mut entry = shared.change(|received| Entry::new(shared, received, head, body.so_far(), 0));
    meet(ending, &mut entry, control, release).await;
    Some(entry)
}

/// Returns where the exchange hangs, once it is released; where the connection breaks it never does.
async fn meet(ending: Ending, entry: &mut Entry, control: &Control, release: &mut Release) {
    match Farewell::of(ending) {
        None => release.given().await,
        Some(farewell) => {
            entry.settle(Reply::Broken);
            control.break_off(farewell).await
        }
    }
}

/// The next [release](super::Collector::release).
pub(super) struct Release(pub(super) watch::Receiver<u64>);

impl Release {
    pub(super) async fn given(&mut self) {
        // The sender lives in `Shared`, so this ends with a release alone.
        let _ = self.0.changed().await;
    }
}

/// Told to hyper so that it gives the stream up, and over HTTP/1.1 the connection.
#[derive(Debug)]
pub(super) struct Break;

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is to be broken")
    }
}

impl std::error::Error for Break {}
