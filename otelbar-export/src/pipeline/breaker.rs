//! When a backend that fails is left alone.
//!
//! A plain state machine that is given the time.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use crate::time::after;

/// When the circuit breaker of a destination opens, and for how long.
///
/// Attempts that fail one after another open it. While it is open nothing is sent and the queue keeps what fits;
/// then one attempt is made as a probe: if it succeeds the breaker closes, else it stays open as long again.
///
/// ```
/// use std::time::Duration;
/// use otelbar_export::BreakerPolicy;
///
/// let mut gentle = BreakerPolicy::default();
/// gentle.open_duration = Duration::from_secs(120);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakerPolicy {
    /// How many attempts fail in a row before it opens. Default 5; at least 1.
    pub failure_threshold: u32,
    /// How long it stays open before the next attempt. Default 30 s.
    pub open_duration: Duration,
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self { failure_threshold: 5, open_duration: Duration::from_secs(30) }
    }
}

/// The state of a destination's circuit breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BreakerState {
    /// Spans are sent.
    #[default]
    Closed,
    /// Nothing is sent for the time being.
    Open,
    /// One attempt is made to see whether the backend is there again.
    HalfOpen,
}

impl fmt::Display for BreakerState {
    /// `closed`, `open` or `half-open`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        })
    }
}

/// One destination's breaker.
#[derive(Debug)]
pub(crate) struct Breaker {
    policy: BreakerPolicy,
    state: BreakerState,
    failures_in_a_row: u32,
    /// Until when it is open; looked at in that state alone.
    until: Option<Instant>,
}

impl Breaker {
    pub(crate) fn new(policy: BreakerPolicy) -> Self {
        Self { policy, state: BreakerState::Closed, failures_in_a_row: 0, until: None }
    }

    pub(crate) fn state(&self) -> BreakerState {
        self.state
    }

    /// When the next attempt may be made, if not at once.
    pub(crate) fn open_until(&self) -> Option<Instant> {
        self.until.filter(|_| self.state == BreakerState::Open)
    }

    /// An attempt is made.
    pub(crate) fn attempted(&mut self) {
        if self.state == BreakerState::Open {
            self.state = BreakerState::HalfOpen;
        }
    }

    /// The backend has answered as one that works.
    pub(crate) fn succeeded(&mut self) {
        self.state = BreakerState::Closed;
        self.failures_in_a_row = 0;
    }

    /// An attempt has failed by the backend's fault.
    pub(crate) fn failed(&mut self, now: Instant) {
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        let probe_failed = self.state == BreakerState::HalfOpen;
        if probe_failed || self.failures_in_a_row >= self.policy.failure_threshold {
            self.state = BreakerState::Open;
            self.until = Some(after(now, self.policy.open_duration));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// What happens to a breaker with a threshold of 3 that opens for 10 s: `f` fails, `s` succeeds, `a` attempts,
    /// each a second after the one before; with the state at the end, and for how many seconds nothing is sent.
    #[track_caller]
    fn check(script: &str, state: BreakerState, wait: Option<u64>) {
        let mut breaker = Breaker::new(BreakerPolicy { failure_threshold: 3, open_duration: 10 * SECOND });
        let mut now = Instant::now();
        for step in script.chars() {
            now += SECOND;
            match step {
                'f' => breaker.failed(now),
                's' => breaker.succeeded(),
                _ => breaker.attempted(),
            }
        }
        assert_eq!(breaker.state(), state, "{script}");
        let left = breaker.open_until().map(|until| until.duration_since(now).as_secs());
        assert_eq!(left, wait, "{script}");
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_closes_after_a_probe_that_succeeds() {
        use BreakerState::{Closed, HalfOpen, Open};
        check("", Closed, None);
        check("afaf", Closed, None);
        check("afafs", Closed, None);
        check("afafsafaf", Closed, None);
        check("afafaf", Open, Some(10));
        check("afafafa", HalfOpen, None);
        check("afafafas", Closed, None);
        check("afafafaf", Open, Some(10));
        check("afafafasaf", Closed, None);
        check("afafafasafafaf", Open, Some(10));
    }

    #[test]
    fn a_duration_without_end_does_not_overflow() {
        let mut breaker = Breaker::new(BreakerPolicy { failure_threshold: 1, open_duration: Duration::MAX });
        let now = Instant::now();
        breaker.failed(now);
        assert!(breaker.open_until().is_some_and(|until| until > now + Duration::from_secs(86_400 * 365)));
    }
}
