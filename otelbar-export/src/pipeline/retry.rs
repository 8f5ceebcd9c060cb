//! When a failed attempt is repeated.
//!
//! A plain state machine: it is given the time and the random number, and decides.

use std::time::Duration;

use tokio::time::Instant;

/// When and how long failed attempts are repeated.
///
/// The wait after the n-th failure in a row is random between zero and `initial * 2^(n-1)`, at most `max` (full
/// jitter), so that many senders do not come back all at once. A `Retry-After` that asks for more takes its place.
///
/// ```
/// use std::time::Duration;
/// use otelbar_export::RetryPolicy;
///
/// let mut patient = RetryPolicy::default();
/// patient.max_age = Duration::from_secs(3600);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// The bound of the first wait. Default 500 ms.
    pub initial: Duration,
    /// The bound of every wait. Default 10 s.
    pub max: Duration,
    /// How long after the first attempt a request is given up and its spans are counted as dropped; looked at
    /// when an attempt fails, so a `Retry-After` that reaches beyond it still gets its attempt. With a spool nothing is
    /// given up for its age. Default 5 min.
    pub max_age: Duration,
    /// A `Retry-After` above this counts as this. Default 1 h.
    pub max_retry_after: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            initial: Duration::from_millis(500),
            max: Duration::from_secs(10),
            max_age: Duration::from_secs(300),
            max_retry_after: Duration::from_secs(3600),
        }
    }
}

/// The state of a destination's retries. The failures in a row are counted across requests: a new request to a
/// backend that is down waits as long as the one before it.
#[derive(Debug)]
pub(crate) struct Retry {
    policy: RetryPolicy,
    failures_in_a_row: u32,
}

impl Retry {
    pub(crate) fn new(policy: RetryPolicy) -> Self {
        Self { policy, failures_in_a_row: 0 }
    }

    pub(crate) fn succeeded(&mut self) {
        self.failures_in_a_row = 0;
    }

    /// An attempt has failed in a way that allows another. Gives the wait before the next, for this request or another.
    /// `random` is in `0.0..1.0`.
    pub(crate) fn failed(&mut self, retry_after: Option<Duration>, random: f64) -> Duration {
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        let doublings = (self.failures_in_a_row - 1).min(31);
        let bound = self.policy.initial.saturating_mul(1 << doublings).min(self.policy.max);
        let backoff =
            Duration::try_from_secs_f64(bound.as_secs_f64() * random.clamp(0.0, 1.0)).unwrap_or(bound);
        // One who asks for no time at all is not resent to in a loop.
        backoff.max(self.asked(retry_after))
    }

    /// As [`failed`](Self::failed), for a failure that is not one more, but of the same cause as one before it: gives
    /// the wait that is asked for, if any.
    pub(crate) fn asked(&self, retry_after: Option<Duration>) -> Duration {
        retry_after.unwrap_or_default().min(self.policy.max_retry_after)
    }

    /// What is left of the age of a request first tried at `began`; `None` when it is too old for another attempt.
    pub(crate) fn left(&self, began: Instant, now: Instant) -> Option<Duration> {
        let left = self.policy.max_age.checked_sub(now.saturating_duration_since(began))?;
        Some(left).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn policy() -> RetryPolicy {
        RetryPolicy { initial: SECOND, max: 8 * SECOND, max_age: 60 * SECOND, max_retry_after: 600 * SECOND }
    }

    #[test]
    fn the_bound_doubles_up_to_its_limit_and_starts_again_after_a_success() {
        let mut retry = Retry::new(policy());
        let fail = |retry: &mut Retry| retry.failed(None, 1.0).as_secs();
        assert_eq!([(); 6].map(|()| fail(&mut retry)), [1, 2, 4, 8, 8, 8]);
        retry.succeeded();
        assert_eq!(fail(&mut retry), 1);
    }

    #[test]
    fn jitter_is_full() {
        let wait = |random| Retry::new(policy()).failed(None, random);
        assert_eq!(wait(0.0), Duration::ZERO);
        assert_eq!(wait(0.25), SECOND / 4);
    }

    #[test]
    fn many_failures_do_not_overflow() {
        let mut retry = Retry::new(RetryPolicy { initial: Duration::MAX, max: Duration::MAX, ..policy() });
        retry.failures_in_a_row = u32::MAX - 1;
        for _ in 0..3 {
            assert!(retry.failed(None, 0.5) > 600 * SECOND);
        }
    }

    #[test]
    fn what_is_asked_for_takes_the_place_of_a_shorter_backoff() {
        #[track_caller]
        fn check(retry_after: Duration, wait: Duration, asked: Duration) {
            assert_eq!(Retry::new(policy()).failed(Some(retry_after), 1.0), wait);
            assert_eq!(Retry::new(policy()).asked(Some(retry_after)), asked);
        }
        check(Duration::ZERO, SECOND, Duration::ZERO);
        check(SECOND / 2, SECOND, SECOND / 2);
        check(100 * SECOND, 100 * SECOND, 100 * SECOND);
        check(Duration::MAX, 600 * SECOND, 600 * SECOND);
        assert_eq!(Retry::new(policy()).asked(None), Duration::ZERO);
    }

    #[test]
    fn age_ends_it() {
        #[track_caller]
        fn check(age: Duration, left: Option<Duration>) {
            let began = Instant::now();
            assert_eq!(Retry::new(policy()).left(began, began + age), left);
        }
        check(59 * SECOND, Some(SECOND));
        check(60 * SECOND - SECOND / 2, Some(SECOND / 2));
        check(60 * SECOND, None);
        check(600 * SECOND, None);
    }
}
