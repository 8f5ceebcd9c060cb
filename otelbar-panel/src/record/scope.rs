use std::sync::Arc;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt};
use otelbar_propagation::TraceContext;

use super::context::RequestContext;

/// What the toolbar puts into an OpenTelemetry [`Context`]: the request it belongs to.
#[derive(Clone)]
pub(crate) struct Active(pub(crate) Arc<RequestContext>);

/// A request, and the span in it that something happens in.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) context: Arc<RequestContext>,
    pub(crate) span: SpanId,
}

impl Scope {
    /// Whether it is the request as a whole.
    pub(crate) fn is_request(&self) -> bool {
        self.span == self.context.id()
    }

    /// The context of the span, to hand on or to link to.
    pub(crate) fn span_context(&self) -> SpanContext {
        let root = &self.context.span_context;
        let span = self.context.span_id_of(self.span);
        SpanContext::new(root.trace_id(), span, root.trace_flags(), false, root.trace_state().clone())
    }

    /// What an outgoing request carries on from here.
    pub(crate) fn trace_context(&self) -> TraceContext<'static> {
        self.context.propagation.passed_on_from(self.context.span_id_of(self.span))
    }

    /// The active span of the OpenTelemetry context, where this is only the request as a whole.
    ///
    /// Spans made with the OpenTelemetry API and those of `tracing` do not know of each other; in the request itself
    /// either is nearer than the request.
    pub(crate) fn or_nearer(self) -> Scope {
        self.or_inner(Scope::of_otel_context)
    }

    /// This scope within the same request, where this is only the request as a whole.
    pub(crate) fn or_inner(self, inner: impl FnOnce() -> Option<Scope>) -> Scope {
        if !self.is_request() {
            return self;
        }
        inner().filter(|inner| inner.context.id() == self.context.id()).unwrap_or(self)
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
}
