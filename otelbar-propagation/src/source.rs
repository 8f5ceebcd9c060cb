//! Where the context of an outgoing request comes from.
//!
//! With the feature `opentelemetry` that can be `CurrentContext`, and with the feature `tracing`
//! `CurrentSpan`. Everything that is of use to the client layer of the feature `tower` is a
//! [`ContextSource`]: those two, a [`TraceContext`] itself, a closure that returns one, and two sources
//! together.

use crate::TraceContext;

/// Tells the context an outgoing request belongs to.
pub trait ContextSource {
    /// The context at this moment: [`TraceContext::empty`] if there is none.
    fn trace_context(&self) -> TraceContext<'_>;
}

/// Always this context.
impl ContextSource for TraceContext<'static> {
    fn trace_context(&self) -> TraceContext<'_> {
        self.borrowed()
    }
}

/// What the closure returns.
impl<F: Fn() -> TraceContext<'static>> ContextSource for F {
    fn trace_context(&self) -> TraceContext<'_> {
        self()
    }
}

/// Nothing.
impl ContextSource for () {
    fn trace_context(&self) -> TraceContext<'_> {
        TraceContext::empty()
    }
}

/// The first, or the second where the first has no trace. Baggage comes from the one that is taken.
impl<A: ContextSource, B: ContextSource> ContextSource for (A, B) {
    fn trace_context(&self) -> TraceContext<'_> {
        let first = self.0.trace_context();
        if first.traceparent().is_some() {
            return first;
        }
        let second = self.1.trace_context();
        if second.is_empty() { first } else { second }
    }
}

/// The current OpenTelemetry context: its active span, and its baggage.
///
/// With `tracing-opentelemetry` this is the context of the current `tracing` span as well, for its layer
/// makes the context of a span current while the span is entered.
#[cfg(feature = "opentelemetry")]
#[derive(Clone, Copy, Debug, Default)]
pub struct CurrentContext;

#[cfg(feature = "opentelemetry")]
impl ContextSource for CurrentContext {
    fn trace_context(&self) -> TraceContext<'_> {
        opentelemetry::Context::map_current(TraceContext::from_opentelemetry)
    }
}

/// The current `tracing` span, or the nearest span around it, in whose extensions there is a
/// `TraceContext<'static>`, a [`Traceparent`](crate::Traceparent) or a [`SpanProvider`].
///
/// The subscriber has to be, or to be layered on, `tracing_subscriber::Registry`; a layer of it puts the
/// context into the extensions of the spans it records. Spans without one are looked through, so that a
/// span which is filtered out does not break the trace.
///
/// ```
/// use otelbar_propagation::Traceparent;
/// use otelbar_propagation::source::{ContextSource as _, CurrentSpan};
/// use tracing_subscriber::layer::{Context, SubscriberExt as _};
/// use tracing_subscriber::registry::LookupSpan;
/// use tracing_subscriber::Layer;
///
/// /// A layer that knows the trace of every span.
/// struct Tracer(Traceparent);
///
/// impl<S: tracing::Subscriber + for<'l> LookupSpan<'l>> Layer<S> for Tracer {
///     fn on_new_span(&self, _: &tracing::span::Attributes<'_>, id: &tracing::Id, context: Context<'_, S>) {
///         if let Some(span) = context.span(id) {
///             span.extensions_mut().insert(self.0);
///         }
///     }
/// }
///
/// let traceparent: Traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse()?;
/// let subscriber = tracing_subscriber::registry().with(Tracer(traceparent));
/// tracing::subscriber::with_default(subscriber, || {
///     tracing::info_span!("fetch").in_scope(|| {
///         assert_eq!(CurrentSpan.trace_context().traceparent(), Some(traceparent));
///     });
/// });
/// # Ok::<(), otelbar_propagation::TraceparentError>(())
/// ```
#[cfg(feature = "tracing")]
#[derive(Clone, Copy, Debug, Default)]
pub struct CurrentSpan;

/// In the extensions of a `tracing` span: who tells the context of the current span, for that span and those below it.
///
/// A layer that keeps the ids of its spans in a form of its own puts one into its outermost span, and nothing into the
/// spans below. The function is called with the span current, and answers for the current one.
#[cfg(feature = "tracing")]
#[derive(Clone, Copy, Debug)]
pub struct SpanProvider(pub fn() -> TraceContext<'static>);

#[cfg(feature = "tracing")]
impl ContextSource for CurrentSpan {
    fn trace_context(&self) -> TraceContext<'_> {
        use crate::Traceparent;
        use tracing_subscriber::registry::{LookupSpan as _, Registry};

        let found = tracing::Span::current().with_subscriber(|(id, dispatch)| {
            let span = dispatch.downcast_ref::<Registry>()?.span(id)?;
            span.scope().find_map(|span| {
                let extensions = span.extensions();
                let context = extensions.get::<TraceContext<'static>>().cloned();
                let context =
                    context.or_else(|| extensions.get::<Traceparent>().copied().map(TraceContext::new));
                let provider = || extensions.get::<SpanProvider>().copied().map(Err);
                context.map(Ok).or_else(provider)
            })
        });
        match found.flatten() {
            None => TraceContext::empty(),
            Some(Ok(context)) => context,
            // Asked when no lock on a span is held.
            Some(Err(SpanProvider(provide))) => provide(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Baggage;

    /// Of two sources the first with a trace is taken; without any, baggage goes all the same.
    #[test]
    fn the_first_source_with_a_trace_is_taken() {
        let trace =
            TraceContext::new("00-12345678901234567890123456789012-1234567890123456-01".parse().unwrap());
        let baggage = TraceContext::empty().with_baggage(Baggage::parse("a=1").unwrap());
        assert_eq!((trace.clone(), baggage.clone()).trace_context(), trace);
        assert_eq!((baggage.clone(), trace.clone()).trace_context(), trace);
        assert_eq!((baggage.clone(), ()).trace_context(), baggage);
        assert_eq!(((), baggage.clone()).trace_context(), baggage);
        assert_eq!((|| TraceContext::empty()).trace_context(), TraceContext::empty());
    }

    /// A span nobody recorded does not hide the one around it.
    #[test]
    #[cfg(feature = "tracing")]
    fn a_span_without_a_context_is_looked_through() {
        use tracing_subscriber::registry::LookupSpan as _;

        assert!(CurrentSpan.trace_context().is_empty(), "there is no subscriber");
        tracing::subscriber::with_default(tracing_subscriber::registry(), || {
            let recorded = tracing::info_span!("recorded");
            let context =
                TraceContext::new("00-12345678901234567890123456789012-1234567890123456-01".parse().unwrap());
            recorded.with_subscriber(|(id, dispatch)| {
                let registry = dispatch.downcast_ref::<tracing_subscriber::Registry>().unwrap();
                registry.span(id).unwrap().extensions_mut().insert(context.clone());
            });
            let _recorded = recorded.entered();
            assert_eq!(CurrentSpan.trace_context(), context);
            let _inner = tracing::info_span!("inner").entered();
            assert_eq!(CurrentSpan.trace_context(), context);
        });
    }

    /// A provider answers for the spans below its own, but not for one that has a context itself.
    #[test]
    #[cfg(feature = "tracing")]
    fn a_provider_answers_for_the_spans_below_it() {
        use tracing_subscriber::registry::LookupSpan as _;

        const FIRST: &str = "00-12345678901234567890123456789012-1234567890123456-01";
        const SECOND: &str = "00-12345678901234567890123456789012-6543210987654321-01";
        let put = |span: &tracing::Span, provide: bool| {
            span.with_subscriber(|(id, dispatch)| {
                let registry = dispatch.downcast_ref::<tracing_subscriber::Registry>().unwrap();
                let span = registry.span(id).unwrap();
                if provide {
                    let provide = || TraceContext::new(FIRST.parse().unwrap());
                    span.extensions_mut().insert(SpanProvider(provide));
                } else {
                    span.extensions_mut().insert(SECOND.parse::<crate::Traceparent>().unwrap());
                }
            });
        };
        let current = || CurrentSpan.trace_context().traceparent().map(|found| found.to_string());
        tracing::subscriber::with_default(tracing_subscriber::registry(), || {
            let outer = tracing::info_span!("outer");
            put(&outer, true);
            let _outer = outer.entered();
            assert_eq!(current().as_deref(), Some(FIRST));
            let middle = tracing::info_span!("middle").entered();
            assert_eq!(current().as_deref(), Some(FIRST));
            put(&middle, false);
            let _inner = tracing::info_span!("inner").entered();
            assert_eq!(current().as_deref(), Some(SECOND));
        });
    }

    /// The current context of OpenTelemetry is what is attached to the thread.
    #[test]
    #[cfg(feature = "opentelemetry")]
    fn the_current_context_is_the_attached_one() {
        use opentelemetry::trace::TraceContextExt as _;

        assert!(CurrentContext.trace_context().is_empty());
        let context =
            TraceContext::new("00-12345678901234567890123456789012-1234567890123456-01".parse().unwrap());
        let _guard =
            opentelemetry::Context::new().with_remote_span_context(context.to_span_context()).attach();
        assert_eq!(CurrentContext.trace_context(), context);
    }
}
