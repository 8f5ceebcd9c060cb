use http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::trace::{Sampler as SdkSampler, SamplingDecision, ShouldSample};
use otelbar_config::Sampler;
use otelbar_propagation::SamplingState;

use crate::record::{Propagation, Recorder, new_span_id, new_trace_id, propagation};

/// Starts the trace of each request, or takes part in the caller's.
#[derive(Debug)]
pub(crate) struct Start {
    sampler: SdkSampler,
}

impl Start {
    pub(crate) fn new(sampler: Sampler) -> Self {
        Start { sampler: self::sampler(sampler) }
    }

    /// The identity of a request: a part of the caller's trace, or a trace of its own.
    pub(super) fn trace(
        &self,
        headers: &HeaderMap,
        recorder: &Recorder,
        path: &str,
    ) -> (SpanContext, Propagation) {
        let (received, mut propagation) = propagation::extract(headers, recorder);
        // A trace id made here is random in every bit, which the flag of level 2 tells.
        let trace_id = received.trace_id().map_or_else(new_trace_id, Into::into);
        let flags = match (received.traceparent(), received.trace_id()) {
            (Some(traceparent), _) => TraceFlags::new(traceparent.flags().to_bits()),
            (None, Some(_)) => TraceFlags::default(),
            (None, None) => TraceFlags::new(0x02),
        };
        let trace_state = TraceState::from(received.tracestate());
        let sampled = match received.sampling() {
            SamplingState::Debug => true,
            SamplingState::Deferred => self.samples(None, trace_id, path),
            decided => {
                let span_id = propagation.parent.unwrap_or_else(new_span_id);
                let flags = flags.with_sampled(decided.is_sampled());
                let parent = SpanContext::new(trace_id, span_id, flags, true, trace_state.clone());
                self.samples(Some(parent), trace_id, path)
            }
        };
        let span_context =
            SpanContext::new(trace_id, new_span_id(), flags.with_sampled(sampled), false, trace_state);
        propagation.pass_on_from(received, &span_context);
        (span_context, propagation)
    }

    /// What the sampler says of a request, with the decision of its caller or without one.
    fn samples(&self, parent: Option<SpanContext>, trace_id: TraceId, path: &str) -> bool {
        let parent = parent.map(|parent| Context::new().with_remote_span_context(parent));
        let decision =
            self.sampler.should_sample(parent.as_ref(), trace_id, path, &SpanKind::Server, &[], &[]);
        decision.decision == SamplingDecision::RecordAndSample
    }
}

fn sampler(sampler: Sampler) -> SdkSampler {
    let parent_based = |root: SdkSampler| SdkSampler::ParentBased(Box::new(root));
    match sampler {
        Sampler::AlwaysOn => SdkSampler::AlwaysOn,
        Sampler::AlwaysOff => SdkSampler::AlwaysOff,
        Sampler::TraceIdRatio(ratio) => SdkSampler::TraceIdRatioBased(ratio.value()),
        Sampler::ParentBasedAlwaysOff => parent_based(SdkSampler::AlwaysOff),
        Sampler::ParentBasedTraceIdRatio(ratio) => parent_based(SdkSampler::TraceIdRatioBased(ratio.value())),
        // The specification's default, for a sampler that is not known here.
        _ => parent_based(SdkSampler::AlwaysOn),
    }
}
