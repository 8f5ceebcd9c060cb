//! The request, and the span in it, that the calling code runs for.

use opentelemetry::Context;
use otelbar_propagation::TraceContext;
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan;

use super::span_handle::SpanHandle;
use crate::guard::guard;
use crate::record::{RequestContext, RequestHandle, Scope};

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
    scope().map(|scope| RequestHandle { scope })
}

/// The request of the current `tracing` span, else that of the current OpenTelemetry context.
pub(super) fn scope() -> Option<Scope> {
    of_tracing_span().map(Scope::or_nearer).or_else(Scope::of_otel_context)
}

/// The current `tracing` span, where this is only the request as a whole: `tracing` does not touch the OpenTelemetry
/// context.
pub(super) fn or_tracing_span(scope: Scope) -> Scope {
    scope.or_inner(of_tracing_span)
}

/// The trace context of the current span, for [`SpanProvider`](otelbar_propagation::source::SpanProvider).
pub(super) fn trace_context() -> TraceContext<'static> {
    guard("telling the trace context", || scope().map(|scope| scope.trace_context()))
        .flatten()
        .unwrap_or(TraceContext::empty())
}

/// The trace context of the span that is current in an OpenTelemetry context, for
/// [`ContextProvider`](otelbar_propagation::opentelemetry::ContextProvider).
pub(crate) fn trace_context_of(cx: &Context) -> TraceContext<'static> {
    let tell = || Scope::of(cx).map(|scope| or_tracing_span(scope).trace_context());
    guard("telling the trace context", tell).flatten().unwrap_or(TraceContext::empty())
}

/// Place of the entry of the current `tracing` span, where that is one of this request.
pub(super) fn entry(context: &RequestContext) -> Option<usize> {
    let found = by_tracing_span(|handle| (handle.scope.context.id(), handle.place));
    found.filter(|(id, _)| *id == context.id())?.1
}

/// The request of the current `tracing` span, or of the nearest around it that was recorded.
fn of_tracing_span() -> Option<Scope> {
    by_tracing_span(|handle| handle.scope.clone())
}

/// What the handle of the current `tracing` span says, or of the nearest around it that was recorded.
fn by_tracing_span<T>(say: impl Fn(&SpanHandle) -> T) -> Option<T> {
    tracing::dispatcher::get_default(|dispatch| {
        let id = dispatch.current_span().into_inner()?.0;
        let registry = dispatch.downcast_ref::<Registry>()?;
        registry.span(&id)?.scope().find_map(|span| span.extensions().get::<SpanHandle>().map(&say))
    })
}
