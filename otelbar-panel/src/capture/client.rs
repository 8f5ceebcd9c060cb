use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use opentelemetry::trace::{SpanContext, TraceContextExt};
use otelbar_convert::panel_data::{Entry, EntryKind, HttpCall};
use otelbar_propagation::{Propagator, Propagators};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::id::new_span_id;
use crate::propagation;
use crate::request::{RequestContext, Scope};

/// Watches the HTTP calls that a client makes: each becomes a CLIENT span of the current request, and carries its
/// trace context to the service called.
///
/// It wraps any tower service that takes an `http::Request`. A call begins when the request is handed in and ends with
/// the end of the answer's body. Outside a request it records nothing, and passes on the current OpenTelemetry context
/// if there is one.
///
/// ```
/// use http_body_util::Empty;
/// use hyper_util::client::legacy::Client;
/// use hyper_util::rt::TokioExecutor;
/// use otelbar_panel::ClientLayer;
/// use tower::Layer;
///
/// let client = Client::builder(TokioExecutor::new()).build_http::<Empty<hyper::body::Bytes>>();
/// let client = ClientLayer::new().layer(client);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ClientLayer {
    _private: (),
}

impl ClientLayer {
    /// A layer for any number of clients.
    pub fn new() -> Self {
        ClientLayer::default()
    }
}

impl<S> Layer<S> for ClientLayer {
    type Service = ClientService<S>;

    fn layer(&self, inner: S) -> ClientService<S> {
        ClientService { inner }
    }
}

/// A client whose calls are watched; made by [`ClientLayer`].
#[derive(Clone, Copy, Debug)]
pub struct ClientService<S> {
    inner: S,
}

impl<S, B, R> Service<Request<B>> for ClientService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body,
{
    type Response = Response<ClientBody<R>>;
    type Error = S::Error;
    type Future = ClientFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let call = match Scope::current() {
            Some(scope) => Some(Call::begin(scope, &mut request)),
            None => {
                let outer = opentelemetry::Context::map_current(|cx| cx.span().span_context().clone());
                if outer.is_valid() {
                    let w3c = Propagators::new([Propagator::TraceContext]);
                    propagation::inject(&outer, None, &w3c, request.headers_mut());
                }
                None
            }
        };
        ClientFuture { inner: self.inner.call(request), call }
    }
}

pin_project! {
    /// The future of a watched call.
    #[derive(Debug)]
    pub struct ClientFuture<F> {
        #[pin]
        inner: F,
        call: Option<Call>,
    }
}

impl<F, R, E> Future for ClientFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body,
{
    type Output = Result<Response<ClientBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.inner.poll(cx));
        let mut call = this.call.take();
        if let Some(call) = &mut call {
            match &result {
                Ok(response) => {
                    call.answer.status = Some(response.status().as_u16());
                    call.state = State::Answered;
                    if response.body().is_end_stream() {
                        call.state = State::Whole;
                    }
                }
                Err(_) => call.state = State::Failed(std::any::type_name::<E>()),
            }
        }
        let call = call.filter(|call| matches!(call.state, State::Answered));
        Poll::Ready(result.map(|response| response.map(|inner| ClientBody { inner, call })))
    }
}

pin_project! {
    /// The body of a watched call's answer; the call ends with it.
    #[derive(Debug)]
    pub struct ClientBody<B> {
        #[pin]
        inner: B,
        call: Option<Call>,
    }
}

impl<B: Body> Body for ClientBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.inner.as_mut().poll_frame(cx));
        if let Some(call) = this.call {
            match &frame {
                Some(Ok(frame)) => {
                    let length = frame.data_ref().map_or(0, |data| bytes::Buf::remaining(data) as u64);
                    *call.answer.response_size.get_or_insert(0) += length;
                }
                Some(Err(_)) => call.state = State::Failed(std::any::type_name::<B::Error>()),
                None => call.state = State::Whole,
            }
            if this.inner.is_end_stream() && matches!(call.state, State::Answered) {
                call.state = State::Whole;
            }
            if !matches!(call.state, State::Answered) {
                *this.call = None;
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A call on its way; recorded as ended when it is dropped.
#[derive(Debug)]
struct Call {
    context: Arc<RequestContext>,
    place: Option<usize>,
    answer: Answer,
    state: State,
}

#[derive(Debug, Default)]
struct Answer {
    status: Option<u16>,
    response_size: Option<u64>,
}

#[derive(Debug)]
enum State {
    /// There is no answer yet.
    Waiting,
    /// The head of the answer is here.
    Answered,
    /// The answer was read to its end.
    Whole,
    /// There was an error of this type.
    Failed(&'static str),
}

impl Call {
    fn begin<B>(Scope { context, span }: Scope, request: &mut Request<B>) -> Call {
        let id = new_span_id();
        let recorder = &context.recorder;
        let uri = request.uri();
        let call = HttpCall {
            method: request.method().as_str().to_owned(),
            url: recorder.redactor.url(&uri.to_string()),
            server_address: uri.host().map(str::to_owned),
            server_port: uri.port_u16().or_else(|| default_port(uri.scheme_str())),
            ..HttpCall::default()
        };
        let mut entry = Entry::new("", Duration::ZERO, EntryKind::HttpCall(call));
        entry.id = Some(id);
        entry.parent = Some(span);
        entry.start = Some(context.now());
        entry.ended = false;
        let place = if recorder.captured.http { context.push(entry) } else { None };

        let root = &context.span_context;
        // A call that found no room in the record has no span; what it leads to belongs under the span around it.
        let parent = if place.is_some() { id } else { span };
        let outgoing =
            SpanContext::new(root.trace_id(), parent, root.trace_flags(), false, root.trace_state().clone());
        let baggage = context.propagation.baggage.as_deref();
        propagation::inject(&outgoing, baggage, &context.recorder.propagators, request.headers_mut());
        Call { context, place, answer: Answer::default(), state: State::Waiting }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let Some(place) = self.place else { return };
        // A call that its caller gave up is no error: the answer was not wanted any more.
        let (outcome, failure) = match self.state {
            State::Waiting => (Some("cancelled"), None),
            State::Failed(error) => (None, Some(error)),
            State::Answered | State::Whole => (None, None),
        };
        let answer = std::mem::take(&mut self.answer);
        self.context.end(place, self.context.now(), |entry| {
            if let EntryKind::HttpCall(call) = &mut entry.kind {
                call.status = answer.status;
                call.response_size = answer.response_size;
                call.outcome = outcome.map(Into::into);
                call.failure = failure.map(Into::into);
            }
        });
    }
}

fn default_port(scheme: Option<&str>) -> Option<u16> {
    match scheme {
        Some("http") => Some(80),
        Some("https") => Some(443),
        _ => None,
    }
}
