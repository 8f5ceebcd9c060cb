use std::borrow::Cow;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use otelbar_convert::panel_data::{Entry, EntryKind, HttpCall};
use otelbar_propagation::Propagators;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::call_error::{AsError, Typed};
use super::current;
use crate::guard::guard;
use crate::record::{RequestContext, Scope, propagation};
use crate::text;

/// Watches the HTTP calls that a client makes: each becomes a CLIENT span of the current request, and carries its
/// trace context to the service called.
///
/// Made by [`OpenTelemetryPanel::client_layer`](crate::OpenTelemetryPanel::client_layer). It wraps any tower service that
/// takes an `http::Request`, and whose errors are an error type or a boxed error (see [`AsError`]; `K` is inferred). A
/// call begins when the request is handed in and ends with the end of the answer's body. Outside a request it records
/// nothing, and passes on the current OpenTelemetry context if there is one.
///
/// A call's URL is of little use in a name. Who knows its template puts a [`UrlTemplate`] into the request's extensions.
///
/// ```
/// use http_body_util::Empty;
/// use hyper::body::Bytes;
/// use hyper_util::client::legacy::Client;
/// use hyper_util::client::legacy::connect::HttpConnector;
/// use hyper_util::rt::TokioExecutor;
/// use otelbar_panel::{ClientService, OpenTelemetryPanel, UrlTemplate};
/// use tower::{Layer, Service};
///
/// struct Stock {
///     client: ClientService<Client<HttpConnector, Empty<Bytes>>>,
/// }
///
/// impl Stock {
///     fn new(toolbar: &OpenTelemetryPanel) -> Self {
///         let client = Client::builder(TokioExecutor::new()).build_http();
///         Stock { client: toolbar.client_layer().layer(client) }
///     }
///
///     async fn of(&mut self, item: u64) -> Result<u16, Box<dyn std::error::Error>> {
///         let request = http::Request::get(format!("http://stock:8080/items/{item}"))
///             .extension(UrlTemplate::new("/items/{id}"))
///             .body(Empty::new())?;
///         Ok(self.client.call(request).await?.status().as_u16())
///     }
/// }
/// ```
pub struct ClientLayer<K = (Typed, Typed)> {
    propagators: Arc<Propagators>,
    kinds: PhantomData<fn() -> K>,
}

impl<K> ClientLayer<K> {
    /// A layer for any number of clients, which writes these formats outside of requests.
    pub(crate) fn new(propagators: Arc<Propagators>) -> Self {
        ClientLayer { propagators, kinds: PhantomData }
    }
}

impl<K> Clone for ClientLayer<K> {
    fn clone(&self) -> Self {
        ClientLayer::new(Arc::clone(&self.propagators))
    }
}

impl<K> std::fmt::Debug for ClientLayer<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientLayer").field("propagators", &self.propagators).finish()
    }
}

impl<S, K> Layer<S> for ClientLayer<K> {
    type Service = ClientService<S, K>;

    fn layer(&self, inner: S) -> ClientService<S, K> {
        ClientService { inner, layer: self.clone() }
    }
}

/// In the extensions of a request that a client sends: the template of its path, such as `/users/{id}`
/// (`url.template`).
///
/// It is for people and for the span's name; nothing is put into its places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlTemplate(Cow<'static, str>);

impl UrlTemplate {
    /// The template of the path, such as `/users/{id}`.
    pub fn new(template: impl Into<Cow<'static, str>>) -> Self {
        UrlTemplate(template.into())
    }
}

/// A client whose calls are watched; made by [`ClientLayer`].
#[derive(Debug)]
pub struct ClientService<S, K = (Typed, Typed)> {
    inner: S,
    layer: ClientLayer<K>,
}

impl<S: Clone, K> Clone for ClientService<S, K> {
    fn clone(&self) -> Self {
        ClientService { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S, B, R, KE, KB> Service<Request<B>> for ClientService<S, (KE, KB)>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: AsError<KE>,
    R: Body,
    R::Error: AsError<KB>,
{
    type Response = Response<ClientBody<R, KB>>;
    type Error = S::Error;
    type Future = ClientFuture<S::Future, (KE, KB)>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let begin = || match current::scope() {
            Some(scope) => Some(Call::begin(scope, &mut request)),
            None => {
                propagation::inject_current(&self.layer.propagators, request.headers_mut());
                None
            }
        };
        let call = guard("recording an outgoing call", begin).flatten();
        ClientFuture { inner: self.inner.call(request), call, kinds: PhantomData }
    }
}

pin_project! {
    /// The future of a watched call.
    #[derive(Debug)]
    pub struct ClientFuture<F, K = (Typed, Typed)> {
        #[pin]
        inner: F,
        call: Option<Call>,
        kinds: PhantomData<fn() -> K>,
    }
}

impl<F, R, E, KE, KB> Future for ClientFuture<F, (KE, KB)>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: AsError<KE>,
    R: Body,
{
    type Output = Result<Response<ClientBody<R, KB>>, E>;

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
                Err(error) => call.fail(error),
            }
        }
        let call = call.filter(|call| matches!(call.state, State::Answered));
        Poll::Ready(
            result.map(|response| response.map(|inner| ClientBody { inner, call, kind: PhantomData })),
        )
    }
}

pin_project! {
    /// The body of a watched call's answer; the call ends with it.
    #[derive(Debug)]
    pub struct ClientBody<B, K = Typed> {
        #[pin]
        inner: B,
        call: Option<Call>,
        kind: PhantomData<fn() -> K>,
    }
}

impl<B, K> Body for ClientBody<B, K>
where
    B: Body,
    B::Error: AsError<K>,
{
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
                Some(Err(error)) => call.fail(error),
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
    /// There was an error of this type, with this message and those of its causes.
    Failed { error_type: &'static str, message: String },
}

impl Call {
    fn begin<B>(scope: Scope, request: &mut Request<B>) -> Call {
        let Scope { context, span } = scope;
        let id = context.new_span_id();
        #[cfg(test)]
        crate::guard::fault("calling", &context.described().data().request.path);
        let recorder = &context.recorder;
        let mut place = None;
        if recorder.captured.http {
            let uri = request.uri();
            let host = uri.host().map(|host| host.trim_start_matches('[').trim_end_matches(']'));
            let template = request.extensions().get::<UrlTemplate>();
            let url = recorder.redactor.url(&uri.to_string());
            let mut call = HttpCall::new(request.method().as_str(), url);
            call.template = template.map(|UrlTemplate(template)| template.clone().into_owned());
            call.server_address = host.map(str::to_owned);
            call.server_port = uri.port_u16().or_else(|| default_port(uri.scheme_str()));
            let mut entry = Entry::new("", Duration::ZERO, EntryKind::HttpCall(call));
            entry.id = Some(id);
            entry.parent = Some(span);
            entry.start = Some(context.now());
            entry.ended = false;
            place = context.push(entry);
        }
        // A call that found no room in the record has no span; what it leads to belongs under the span around it.
        let parent = if place.is_some() { id } else { context.span_id_of(span) };
        let outgoing = context.propagation.passed_on_from(parent);
        recorder.propagators.inject(&outgoing, request.headers_mut());
        Call { context, place, answer: Answer::default(), state: State::Waiting }
    }

    fn fail<E: AsError<K>, K>(&mut self, error: &E) {
        if self.place.is_some() {
            let message = text::of_error(error.as_error());
            let redactor = &self.context.recorder.redactor;
            let message = guard("cleaning an error", || redactor.cleaned(message).into_owned());
            let message = message.unwrap_or_default();
            self.state = State::Failed { error_type: std::any::type_name::<E>(), message };
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        guard("recording the end of an outgoing call", || self.end());
    }
}

impl Call {
    fn end(&mut self) {
        let Some(place) = self.place else { return };
        let Answer { status, response_size } = self.answer;
        let state = std::mem::replace(&mut self.state, State::Whole);
        self.context.end(place, self.context.now(), |entry| {
            let EntryKind::HttpCall(call) = &mut entry.kind else { return };
            call.status = status;
            call.response_size = response_size;
            match state {
                // The answer was not wanted any more, which is no error.
                State::Waiting => call.outcome = Some("cancelled".into()),
                State::Failed { error_type, message } => {
                    call.failure = Some(error_type.into());
                    entry.error = Some(message.into());
                }
                State::Answered | State::Whole => {}
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
