//! What goes with a request.

use crate::{Baggage, SamplingState, SpanId, TraceFlags, TraceId, Traceparent, Tracestate};

/// Everything that goes with a request to the next service: whose span it is, the `tracestate` of the
/// trace, and the application's baggage. It is what an injection writes.
///
/// Baggage travels without a trace as well; a `tracestate` does not. Cloning one that borrows from nothing copies no
/// text.
///
/// ```
/// use otelbar_propagation::{Baggage, TraceContext, Traceparent};
///
/// let traceparent: Traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse()?;
/// let context = TraceContext::new(traceparent).with_baggage(Baggage::parse("tier=gold").unwrap());
/// assert_eq!(context.traceparent(), Some(traceparent));
/// # Ok::<(), otelbar_propagation::TraceparentError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TraceContext<'a> {
    trace: Trace,
    tracestate: Tracestate<'a>,
    baggage: Baggage<'a>,
    sampling: SamplingState,
}

/// What is known of the trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Trace {
    #[default]
    None,
    /// A trace that has no span yet.
    Begun(TraceId),
    Span(Traceparent),
}

impl<'a> TraceContext<'a> {
    /// The context of a span, without `tracestate` and baggage.
    pub const fn new(traceparent: Traceparent) -> Self {
        let mut context = Self::empty();
        context.trace = Trace::Span(traceparent);
        context.sampling = SamplingState::of_flag(traceparent.flags().is_sampled());
        context
    }

    /// No trace, no baggage: injecting it writes nothing. The default.
    pub const fn empty() -> Self {
        Self {
            trace: Trace::None,
            tracestate: Tracestate::new(),
            baggage: Baggage::new(),
            sampling: SamplingState::Deferred,
        }
    }

    /// A trace that has an id and no span yet, as AWS load balancers begin one. The first span of it is that of
    /// [`with_parent_id`](Self::with_parent_id); until then injecting it writes nothing of the trace.
    pub const fn begun(trace_id: TraceId) -> Self {
        let mut context = Self::empty();
        context.trace = Trace::Begun(trace_id);
        context
    }

    /// The same context with this `tracestate`. Without a traceparent it is not kept.
    pub fn with_tracestate(mut self, tracestate: Tracestate<'a>) -> Self {
        if self.traceparent().is_some() {
            self.tracestate = tracestate;
        }
        self
    }

    /// The same context with this baggage.
    pub fn with_baggage(mut self, baggage: Baggage<'a>) -> Self {
        self.baggage = baggage;
        self
    }

    /// The same context with this sampling state. The sampled flag follows it; [`SamplingState::Deferred`], which not
    /// every format can say, is written as not sampled by the others.
    pub const fn with_sampling(mut self, sampling: SamplingState) -> Self {
        if let Trace::Span(traceparent) = self.trace {
            let flags = traceparent.flags().with_sampled(sampling.is_sampled());
            self.trace = Trace::Span(traceparent.with_flags(flags));
        }
        self.sampling = sampling;
        self
    }

    /// The same trace seen from another span: what a service sends on from a span of its own.
    pub const fn with_parent_id(mut self, parent_id: SpanId) -> Self {
        self.trace = match self.trace {
            Trace::None => Trace::None,
            Trace::Begun(trace_id) => {
                let flags = TraceFlags::NONE.with_sampled(self.sampling.is_sampled());
                Trace::Span(Traceparent::new(trace_id, parent_id, flags))
            }
            Trace::Span(traceparent) => Trace::Span(traceparent.with_parent_id(parent_id)),
        };
        self
    }

    /// The trace, the span and the flags, if there is a span.
    pub const fn traceparent(&self) -> Option<Traceparent> {
        match self.trace {
            Trace::Span(traceparent) => Some(traceparent),
            Trace::None | Trace::Begun(_) => None,
        }
    }

    /// The trace's id, if there is a trace.
    pub const fn trace_id(&self) -> Option<TraceId> {
        match self.trace {
            Trace::None => None,
            Trace::Begun(trace_id) => Some(trace_id),
            Trace::Span(traceparent) => Some(traceparent.trace_id()),
        }
    }

    /// The `tracestate`; empty without a traceparent.
    pub const fn tracestate(&self) -> &Tracestate<'a> {
        &self.tracestate
    }

    /// The baggage.
    pub const fn baggage(&self) -> &Baggage<'a> {
        &self.baggage
    }

    /// What was decided about recording the trace. Without a trace, what was decided about the one to be begun.
    pub const fn sampling(&self) -> SamplingState {
        self.sampling
    }

    /// Whether there is neither a span nor baggage.
    pub const fn is_empty(&self) -> bool {
        self.traceparent().is_none() && self.baggage.is_empty()
    }

    /// The same context, borrowing from this one.
    pub fn borrowed(&self) -> TraceContext<'_> {
        TraceContext { tracestate: self.tracestate.borrowed(), baggage: self.baggage.borrowed(), ..*self }
    }

    /// The same context, borrowing from nothing.
    pub fn into_owned(self) -> TraceContext<'static> {
        TraceContext {
            trace: self.trace,
            tracestate: self.tracestate.into_owned(),
            baggage: self.baggage.into_owned(),
            sampling: self.sampling,
        }
    }
}

impl From<Traceparent> for TraceContext<'_> {
    fn from(traceparent: Traceparent) -> Self {
        Self::new(traceparent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACEPARENT: &str = "00-12345678901234567890123456789012-1234567890123456-03";

    /// A `tracestate` without a traceparent means nothing to its receiver.
    #[test]
    fn a_tracestate_needs_a_trace() {
        let tracestate = Tracestate::parse("a=1").unwrap();
        let context = TraceContext::empty().with_tracestate(tracestate);
        assert!(context.tracestate().is_empty() && context.is_empty());
    }

    /// The sampled flag and the sampling state say the same, in whatever order they are set.
    #[test]
    fn the_flag_follows_the_sampling_state() {
        let traceparent: Traceparent = TRACEPARENT.parse().unwrap();
        assert_eq!(TraceContext::new(traceparent).sampling(), SamplingState::Accept);
        for (state, flags) in [
            (SamplingState::Deferred, 2),
            (SamplingState::Deny, 2),
            (SamplingState::Accept, 3),
            (SamplingState::Debug, 3),
        ] {
            let context = TraceContext::new(traceparent).with_sampling(state);
            assert_eq!(
                (context.sampling(), context.traceparent().unwrap().flags().to_bits()),
                (state, flags)
            );
        }
    }

    /// A trace without a span takes the first one it is given.
    #[test]
    fn a_trace_that_is_begun_gets_its_first_span() {
        let traceparent: Traceparent = TRACEPARENT.parse().unwrap();
        let begun = TraceContext::begun(traceparent.trace_id()).with_sampling(SamplingState::Accept);
        assert!(begun.traceparent().is_none() && begun.is_empty());
        assert_eq!(begun.trace_id(), Some(traceparent.trace_id()));
        let first = begun.with_parent_id(traceparent.parent_id());
        assert_eq!(first.traceparent(), Some(traceparent.with_flags(TraceFlags::SAMPLED)));
        assert_eq!(TraceContext::empty().with_parent_id(traceparent.parent_id()), TraceContext::empty());
    }
}
