use std::sync::Arc;

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceId};
use opentelemetry::{Context, KeyValue};
use otelbar_propagation::TraceContext;
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan;

use super::context::RequestContext;
use crate::guard::guard;

/// What the toolbar puts into an OpenTelemetry [`Context`]: the request it belongs to.
#[derive(Clone)]
pub(crate) struct Active(pub(crate) Arc<RequestContext>);

/// What the capture layer puts into the extensions of a `tracing` span: the request, and the span's place in it.
#[derive(Debug)]
pub(crate) struct SpanHandle {
    pub(crate) scope: Scope,
    /// Place of the span's own entry; `None` for the request's own span, and where there was no room.
    pub(crate) place: Option<usize>,
    pub(crate) busy: crate::capture::Busy,
    /// A description of its status that came before the status.
    pub(crate) description: Option<String>,
    /// The wrapped query that it stands for, if it is that.
    pub(crate) query: Option<Arc<crate::capture::Query>>,
}

impl SpanHandle {
    pub(crate) fn new(scope: Scope, place: Option<usize>) -> Self {
        SpanHandle { scope, place, busy: crate::capture::Busy::default(), description: None, query: None }
    }

    /// Of the span around a wrapped query, which is none of the record: what happens in it is that of its parent.
    pub(crate) fn of_query(scope: Scope) -> Self {
        let query = Arc::new(crate::capture::Query::new(&scope));
        SpanHandle { query: Some(query), ..SpanHandle::new(scope, None) }
    }
}

/// A request, and the span in it that something happens in.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) context: Arc<RequestContext>,
    pub(crate) span: SpanId,
}

impl Scope {
    /// The context of the span, to hand on or to link to.
    pub(crate) fn span_context(&self) -> SpanContext {
        let root = &self.context.span_context;
        let span = self.context.span_id_of(self.span);
        SpanContext::new(root.trace_id(), span, root.trace_flags(), false, root.trace_state().clone())
    }

    /// The request of the current `tracing` span, else that of the current OpenTelemetry context.
    pub(crate) fn current() -> Option<Scope> {
        Scope::of_tracing_span().map(Scope::or_nearer).or_else(Scope::of_otel_context)
    }

    /// The active span of the OpenTelemetry context, where this is only the request as a whole.
    ///
    /// Spans made with the OpenTelemetry API and those of `tracing` do not know of each other; in the request itself
    /// either is nearer than the request.
    pub(crate) fn or_nearer(self) -> Scope {
        if self.span != self.context.id() {
            return self;
        }
        let inner = Scope::of_otel_context().filter(|inner| inner.context.id() == self.context.id());
        inner.unwrap_or(self)
    }

    /// What an outgoing request carries on from here.
    pub(crate) fn trace_context(&self) -> TraceContext<'static> {
        self.context.propagation.passed_on_from(self.context.span_id_of(self.span))
    }

    /// The trace context of the current span, for [`SpanProvider`](otelbar_propagation::source::SpanProvider).
    pub(crate) fn current_trace_context() -> TraceContext<'static> {
        guard("telling the trace context", || Scope::current().map(|scope| scope.trace_context()))
            .flatten()
            .unwrap_or(TraceContext::empty())
    }

    /// The trace context of the span that is current in an OpenTelemetry context, for
    /// [`ContextProvider`](otelbar_propagation::opentelemetry::ContextProvider).
    pub(crate) fn trace_context_of(cx: &Context) -> TraceContext<'static> {
        let tell = || Scope::of(cx).map(|scope| scope.or_inner_tracing_span().trace_context());
        guard("telling the trace context", tell).flatten().unwrap_or(TraceContext::empty())
    }

    /// The current `tracing` span, where this is only the request as a whole: `tracing` does not touch the OpenTelemetry
    /// context.
    pub(crate) fn or_inner_tracing_span(self) -> Scope {
        if self.span != self.context.id() {
            return self;
        }
        let inner = Scope::of_tracing_span().filter(|inner| inner.context.id() == self.context.id());
        inner.unwrap_or(self)
    }

    /// The request that the toolbar put into the current OpenTelemetry context, and the context's active span.
    pub(crate) fn of_otel_context() -> Option<Scope> {
        Context::map_current(Scope::of)
    }

    /// The request that the toolbar put into an OpenTelemetry context, and the context's active span.
    pub(crate) fn of(cx: &Context) -> Option<Scope> {
        let Active(context) = cx.get::<Active>()?;
        // Not cloned: that would copy each member of the trace state, at each look-up.
        let span = cx.span();
        let active = span.span_context();
        let inside = active.is_valid() && active.trace_id() == context.span_context.trace_id();
        let span = if inside { active.span_id() } else { context.id() };
        Some(Scope { context: Arc::clone(context), span })
    }

    /// The request of the current `tracing` span, or of the nearest around it that was recorded.
    pub(crate) fn of_tracing_span() -> Option<Scope> {
        of_tracing_span(|handle| handle.scope.clone())
    }

    /// Place of the entry of the current `tracing` span, where that is one of this request.
    pub(crate) fn current_entry(context: &RequestContext) -> Option<usize> {
        let found = of_tracing_span(|handle| (handle.scope.context.id(), handle.place));
        found.filter(|(id, _)| *id == context.id())?.1
    }
}

/// What the handle of the current `tracing` span says, or of the nearest around it that was recorded.
fn of_tracing_span<T>(say: impl Fn(&SpanHandle) -> T) -> Option<T> {
    tracing::dispatcher::get_default(|dispatch| {
        let id = dispatch.current_span().into_inner()?.0;
        let registry = dispatch.downcast_ref::<Registry>()?;
        registry.span(&id)?.scope().find_map(|span| span.extensions().get::<SpanHandle>().map(&say))
    })
}

/// The request that the calling code runs for, if the toolbar watches it.
///
/// It is found by the current `tracing` span or by the current OpenTelemetry context, so it is also found in tasks that
/// were spawned with one of them attached. Prefer the `tracing` span: libraries that hand work to threads of their own, as
/// `sqlx` does for SQLite, take the span along and know nothing of the other, so that a query made under an OpenTelemetry
/// context alone is not seen.
///
/// ```
/// use tracing::Instrument;
///
/// async fn handler() {
///     // by the tracing span
///     tokio::spawn(work().in_current_span());
///     // by the OpenTelemetry context
///     use opentelemetry::context::FutureExt;
///     tokio::spawn(work().with_current_context());
/// }
///
/// async fn work() {
///     if let Some(request) = otelbar_panel::current() {
///         println!("working for trace {}", request.trace_id());
///     }
/// }
/// ```
pub fn current() -> Option<RequestHandle> {
    Scope::current().map(|scope| RequestHandle { scope })
}

/// A request that the toolbar watches.
///
/// Handlers get it by [`current`], or from the extensions of the request.
#[derive(Clone, Debug)]
pub struct RequestHandle {
    pub(crate) scope: Scope,
}

impl RequestHandle {
    /// The id of the trace, the same on the page and in the backend.
    pub fn trace_id(&self) -> TraceId {
        self.scope.context.span_context.trace_id()
    }

    /// The id of the span that the calling code runs in.
    pub fn span_id(&self) -> SpanId {
        self.scope.context.span_id_of(self.scope.span)
    }

    /// The context to hand to another service, with the current span as the parent.
    pub fn span_context(&self) -> SpanContext {
        self.scope.span_context()
    }

    /// Names the route the request matched, such as `/items/{id}` (`http.route`).
    ///
    /// With the feature `axum` the toolbar reads axum's own; other routers tell it here.
    pub fn set_route(&self, route: impl Into<String>) {
        let route = self.scope.context.recorder.redactor.cleaned(route.into()).into_owned();
        self.scope.context.with_request(|request| request.route = Some(route));
    }

    /// Adds an attribute to the request's SERVER span.
    pub fn set_attribute(&self, attribute: KeyValue) {
        guard("recording an attribute of a request", || {
            self.scope.context.set_request_attribute(attribute);
        });
    }
}
