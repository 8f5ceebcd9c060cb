use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanContext, SpanId, TraceId};

use super::scope::Scope;
use crate::guard::guard;

/// A request that the toolbar watches.
///
/// Handlers get it by [`current`](crate::current), or from the extensions of the request.
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
