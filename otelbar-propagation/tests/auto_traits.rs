//! Every public type can be sent, shared and moved: none may lose that by what it holds.

use std::collections::HashMap;

use otelbar_propagation::*;

const fn check<T: Send + Sync + Unpin>() {}

macro_rules! check {
    ($($type:ty),+ $(,)?) => { $( const _: () = check::<$type>(); )+ };
}

check! {
    Baggage<'static>, BaggageEntry<'static>, BaggageError, BaggageProperty<'static>, Entries<'static>,
    EnvironmentCarrier, Extracted, Extraction<'static, HashMap<String, String>>, ExtractionWarning, Hex<32>, TraceContextLevel,
    Members<'static>, Propagator, Propagators, Reason, Refusal, SamplingState, SpanId, SpanIdError, TraceContext<'static>,
    TraceFlags, TraceId, TraceIdError, Traceparent, TraceparentError, Tracestate<'static>, TracestateError,
    UnknownPropagator,
}

#[cfg(feature = "opentelemetry")]
check!(opentelemetry::ContextProvider, opentelemetry::TextMapBridge, source::CurrentContext);

#[cfg(feature = "tower")]
check!(tower::InjectContext<(), TraceContext<'static>>, tower::InjectContextLayer<TraceContext<'static>>);

#[cfg(feature = "tracing")]
check!(source::CurrentSpan, source::SpanProvider);

/// The checks above are made when this is compiled.
#[test]
fn public_types_can_be_sent_shared_and_moved() {}
