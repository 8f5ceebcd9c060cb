//! How the backend does, judged by its answers, and what follows for the next attempt.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use tracing::{info, warn};

use crate::pipeline::breaker::{Breaker, BreakerState};
use crate::pipeline::delivery::{DropReason, ExportResult};
use crate::pipeline::options::Options;
use crate::pipeline::queue::Queue;
use crate::pipeline::retry::Retry;
use crate::pipeline::statistics::{Health, LastError, Pause, PauseReason};
use crate::time::{Moment, after};
use crate::transport::Acknowledged;
use crate::transport::SendError;

pub(super) struct Backend {
    queue: Arc<Queue>,
    retry: Retry,
    breaker: Breaker,
    /// When the next attempt may be made, after one that failed, and what it is that takes so long.
    pause: Option<(Instant, PauseReason)>,
    /// The longest wait that is our own choice.
    longest_backoff: Duration,
    /// The last attempt that counted has failed.
    is_troubled: bool,
    /// Grows with each failure that counts: those of attempts under way at that moment are of the same cause.
    generation: u64,
}

/// What becomes of a request after an attempt that failed.
pub(super) enum Verdict {
    /// Another attempt, at this time of the clock.
    Again(SystemTime),
    Settled(ExportResult),
}

impl Backend {
    pub(super) fn new(queue: Arc<Queue>, options: &Options) -> Self {
        Self {
            queue,
            retry: Retry::new(options.retry),
            breaker: Breaker::new(options.breaker),
            pause: None,
            longest_backoff: options.retry.max,
            is_troubled: false,
            generation: 0,
        }
    }

    /// Whether one request is sent at a time, to see how it fares.
    pub(super) fn is_troubled(&self) -> bool {
        self.is_troubled
    }

    /// From when on it may be sent to, after a failure.
    pub(super) fn not_before(&self) -> Option<Instant> {
        self.pause.map(|(until, _)| until)
    }

    /// An attempt is made; gives the generation it is of.
    pub(super) fn attempted(&mut self) -> u64 {
        self.breaker.attempted();
        let breaker = self.breaker.state();
        self.queue.count(|statistics| {
            statistics.requests += 1;
            statistics.breaker = breaker;
            statistics.open_until = None;
            statistics.pause = None;
        });
        self.generation
    }

    /// It has answered an attempt of this generation as one that works. What a later failure has brought about stays.
    fn works(&mut self, generation: u64) {
        if generation != self.generation {
            return;
        }
        self.retry.succeeded();
        self.breaker.succeeded();
        self.pause = None;
        self.is_troubled = false;
        let breaker = self.breaker.state();
        self.queue.count(|statistics| {
            statistics.breaker = breaker;
            statistics.open_until = None;
            statistics.pause = None;
        });
    }

    /// It has taken a request of so many spans.
    pub(super) fn acknowledged(&mut self, answer: Acknowledged, generation: u64, spans: u64) -> ExportResult {
        // What a failure after it was sent has brought about stays, and so do the statistics.
        let is_current = generation == self.generation;
        self.works(generation);
        let rejected = answer.rejected.min(spans);
        let message: Option<Arc<str>> = answer.message.map(Into::into);
        let health = if rejected > 0 { Health::Rejecting } else { Health::Healthy };
        let (before, endpoint) = self.queue.count(|statistics| {
            if message.is_some() {
                statistics.last_message.clone_from(&message);
            }
            let health = if is_current { health } else { statistics.health };
            (std::mem::replace(&mut statistics.health, health), statistics.destination.endpoint.clone())
        });
        if rejected == 0 {
            if is_current && matches!(before, Health::Failing | Health::Rejecting) {
                info!(target: "otelbar_export", %endpoint, "spans are accepted again");
            }
            return ExportResult::Accepted { warning: message };
        }
        let message = message.unwrap_or_else(|| "without a message".into());
        if is_current && before != health {
            warn!(
                target: "otelbar_export",
                %endpoint,
                rejected,
                of = spans,
                reason = %message,
                "the backend rejects spans"
            );
        }
        ExportResult::PartlyRejected { rejected, of: spans, message }
    }

    /// An attempt of this generation has failed, the last of so many for a request first tried at `began`; `None` is
    /// for one that does not grow too old.
    pub(super) fn failed(
        &mut self,
        error: &Arc<SendError>,
        generation: u64,
        attempts: u32,
        began: Option<Instant>,
    ) -> Verdict {
        let now = Moment::now();
        let counts = generation == self.generation;
        self.note_failure(error, counts, now);
        if error.blames_request() {
            // Nothing is wrong with the backend, so the next request need not wait.
            return Verdict::Settled(ExportResult::Dropped {
                reason: DropReason::NotRetryable { error: Arc::clone(error) },
            });
        }
        let wait = match counts {
            true => self.retry.failed(error.retry_after(), fastrand::f64()),
            false => self.retry.asked(error.retry_after()),
        };
        let again = error.is_retryable();
        let left =
            began.filter(|_| again).map_or(Some(Duration::MAX), |began| self.retry.left(began, now.instant));
        // The last attempt is made at the end of the age rather than left out, unless the backend asks for more.
        let wait = match (left, error.retry_after()) {
            (Some(left), None) => wait.min(left),
            _ => wait,
        };
        let until = self.pause(error, wait, counts, now);
        match left {
            _ if !again => Verdict::Settled(ExportResult::Dropped { reason: final_reason(error) }),
            Some(_) => Verdict::Again(until),
            None => Verdict::Settled(ExportResult::Dropped {
                reason: DropReason::Expired { attempts, error: Arc::clone(error) },
            }),
        }
    }

    /// Leaves the backend alone for this wait, and while the breaker is open; until when, by the
    /// clock.
    fn pause(&mut self, error: &SendError, wait: Duration, counts: bool, now: Moment) -> SystemTime {
        let is_asked = error.retry_after().is_some_and(|asked| !asked.is_zero() && wait <= asked);
        let reason = if is_asked { PauseReason::RetryAfter } else { PauseReason::Backoff };
        let breaker = self.breaker.open_until().map(|until| (until, PauseReason::Breaker));
        // What is late to fail does not shorten what the first has brought about.
        let so_far = self.pause.filter(|_| !counts);
        let (until, reason) = [so_far, breaker].into_iter().flatten().fold(
            (after(now.instant, wait), reason),
            |longest, other| {
                if other.0 > longest.0 { other } else { longest }
            },
        );
        self.pause = Some((until, reason));
        let left = until.saturating_duration_since(now.instant);
        let wall = now.wall_at(until);
        self.queue.count(|statistics| statistics.pause = Some(Pause { until: wall, reason }));
        if reason == PauseReason::RetryAfter && left > self.longest_backoff {
            warn!(target: "otelbar_export", %error, pause = ?left, "the backend asks for a pause");
        }
        wall
    }

    fn note_failure(&mut self, error: &Arc<SendError>, counts: bool, now: Moment) {
        let closed = self.breaker.state() == BreakerState::Closed;
        if error.blames_request() {
            self.breaker.succeeded();
        } else if counts {
            self.generation += 1;
            self.is_troubled = true;
            self.breaker.failed(now.instant);
        }
        let breaker = self.breaker.state();
        let open_until = self.breaker.open_until().map(|until| now.wall_at(until));
        let before = self.queue.count(|statistics| {
            statistics.open_until = open_until;
            statistics.last_error = Some(LastError { at: now.wall, error: Arc::clone(error) });
            statistics.breaker = breaker;
            std::mem::replace(&mut statistics.health, Health::Failing)
        });
        if before != Health::Failing {
            warn!(target: "otelbar_export", %error, "spans cannot be delivered");
        }
        if closed && let Some(until) = self.breaker.open_until() {
            let pause = until.saturating_duration_since(now.instant);
            warn!(target: "otelbar_export", %error, ?pause, "the circuit breaker opened after failures in a row");
        }
    }
}

/// Why a request is not sent again.
fn final_reason(error: &Arc<SendError>) -> DropReason {
    match &**error {
        SendError::Panicked { message, .. } => DropReason::Panicked { message: Arc::clone(message) },
        _ => DropReason::NotRetryable { error: Arc::clone(error) },
    }
}
