//! What was decided about recording a trace.

/// What those before have decided about recording a trace: the four states of
/// [B3](https://github.com/openzipkin/b3-propagation#sampling-state), of which other formats have fewer.
///
/// W3C's `traceparent` always says [`Accept`](Self::Accept) or [`Deny`](Self::Deny). B3 and X-Ray can leave the
/// decision open, and B3 and Jaeger have a debug flag.
///
/// ```
/// use std::collections::HashMap;
/// use otelbar_propagation::{Propagators, SamplingState};
///
/// # #[cfg(feature = "b3")] {
/// let propagators: Propagators = "b3".parse().unwrap();
/// let check = |b3: &str, expected| {
///     let carrier = HashMap::from([("b3".to_owned(), b3.to_owned())]);
///     assert_eq!(propagators.extract(&carrier).sampling(), expected);
/// };
/// check("80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-d", SamplingState::Debug);
/// check("80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1", SamplingState::Deferred);
/// check("0", SamplingState::Deny);
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SamplingState {
    /// Nothing was decided: the receiver's sampler is to decide. The default.
    #[default]
    Deferred,
    /// The trace is not recorded.
    Deny,
    /// The trace is recorded.
    Accept,
    /// The trace is recorded whatever a sampler says, and the flag that says so goes on with it.
    Debug,
}

impl SamplingState {
    /// [`Accept`](Self::Accept) or [`Deny`](Self::Deny).
    pub const fn of_flag(sampled: bool) -> Self {
        if sampled { Self::Accept } else { Self::Deny }
    }

    /// Whether the trace is recorded, as far as that was decided.
    pub const fn is_sampled(self) -> bool {
        matches!(self, Self::Accept | Self::Debug)
    }
}
