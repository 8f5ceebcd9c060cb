//! What goes with a request.

use crate::{Baggage, SpanId, Traceparent, Tracestate};

/// Everything that goes with a request to the next service: whose span it is, the `tracestate` of the
/// trace, and the application's baggage. It is what an injection writes.
///
/// Baggage travels without a trace as well; a `tracestate` does not.
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
    traceparent: Option<Traceparent>,
    tracestate: Tracestate<'a>,
    baggage: Baggage<'a>,
    debug: bool,
    deferred: bool,
}

impl<'a> TraceContext<'a> {
    /// The context of a span, without `tracestate` and baggage.
    pub const fn new(traceparent: Traceparent) -> Self {
        let mut context = Self::empty();
        context.traceparent = Some(traceparent);
        context
    }

    /// No trace, no baggage: injecting it writes nothing. The default.
    pub const fn empty() -> Self {
        Self {
            traceparent: None,
            tracestate: Tracestate::new(),
            baggage: Baggage::new(),
            debug: false,
            deferred: false,
        }
    }

    /// The same context with this `tracestate`. Without a traceparent it is not kept.
    pub fn with_tracestate(mut self, tracestate: Tracestate<'a>) -> Self {
        if self.traceparent.is_some() {
            self.tracestate = tracestate;
        }
        self
    }

    /// The same context with this baggage.
    pub fn with_baggage(mut self, baggage: Baggage<'a>) -> Self {
        self.baggage = baggage;
        self
    }

    /// The same context with the debug flag of B3 and Jaeger set or unset: the trace is to be recorded,
    /// whatever is sampled, so that it is sampled as well. False by default.
    pub const fn with_debug(mut self, debug: bool) -> Self {
        if let (Some(traceparent), true) = (self.traceparent, debug) {
            self.traceparent = Some(traceparent.with_flags(traceparent.flags().with_sampled(true)));
        }
        self.debug = debug;
        self
    }

    /// The same context, with the decision whether to sample left to those that come after, which B3 and
    /// X-Ray can say and others write as not sampled. It means nothing if the trace is sampled. False by
    /// default.
    pub const fn with_deferred(mut self, deferred: bool) -> Self {
        self.deferred = deferred;
        self
    }

    /// The same trace seen from another span: what a service sends on from a span of its own.
    pub fn with_parent_id(mut self, parent_id: SpanId) -> Self {
        self.traceparent = self.traceparent.map(|traceparent| traceparent.with_parent_id(parent_id));
        self
    }

    /// The trace, the span and the flags, if there is a trace.
    pub const fn traceparent(&self) -> Option<Traceparent> {
        self.traceparent
    }

    /// The `tracestate`; empty without a trace.
    pub const fn tracestate(&self) -> &Tracestate<'a> {
        &self.tracestate
    }

    /// The baggage.
    pub const fn baggage(&self) -> &Baggage<'a> {
        &self.baggage
    }

    /// Whether the trace is to be recorded whatever is sampled.
    pub const fn is_debug(&self) -> bool {
        self.debug
    }

    /// Whether the decision to sample is left to those that come after.
    pub const fn is_deferred(&self) -> bool {
        self.deferred
    }

    /// Whether there is nothing to send.
    pub const fn is_empty(&self) -> bool {
        self.traceparent.is_none() && self.baggage.is_empty()
    }

    /// The same context, borrowing from this one.
    pub fn borrowed(&self) -> TraceContext<'_> {
        TraceContext { tracestate: self.tracestate.borrowed(), baggage: self.baggage.borrowed(), ..*self }
    }

    /// The same context, borrowing from nothing.
    pub fn into_owned(self) -> TraceContext<'static> {
        TraceContext {
            traceparent: self.traceparent,
            tracestate: self.tracestate.into_owned(),
            baggage: self.baggage.into_owned(),
            debug: self.debug,
            deferred: self.deferred,
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

    /// A `tracestate` without a traceparent means nothing to its receiver.
    #[test]
    fn a_tracestate_needs_a_trace() {
        let tracestate = Tracestate::parse("a=1").unwrap();
        let context = TraceContext::empty().with_tracestate(tracestate);
        assert!(context.tracestate().is_empty() && context.is_empty());
    }
}
