//! The pipeline's books.

use std::sync::Arc;
use std::time::SystemTime;

use crate::destination::Destination;
use crate::error::SendError;
use crate::pipeline::{BreakerState, DropReason};

/// How a destination stands, to the span; see [`ToolbarSpanExporter::accounts`](crate::ToolbarSpanExporter::accounts).
///
/// `handed_over + recovered == queued + in_flight + spooled + accepted + rejected + dropped.total()` holds in every
/// account, at any moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Account {
    /// Where spans are sent.
    pub destination: Destination,
    /// How the destination does.
    pub health: Health,
    /// Whether it is left alone for the time being; [`pause`](Self::pause) says until when.
    pub breaker: BreakerState,
    /// Until when nothing is sent after a failed attempt, and why. It stays until the next attempt is made, so a time
    /// that has passed means that the next request is sent at once; `None` when the last attempt succeeded.
    pub pause: Option<Pause>,
    /// All spans given to `enqueue`, those that were refused too.
    pub handed_over: u64,
    /// Spans that an earlier process had left in the spool.
    pub recovered: u64,
    /// Spans waiting in the queue.
    pub queued: u64,
    /// The bytes these hold, roughly.
    pub queued_bytes: u64,
    /// Spans taken from the queue and not settled.
    pub in_flight: u64,
    /// Spans on disk, to be sent when the backend is there again.
    pub spooled: u64,
    /// The bytes these take there.
    pub spooled_bytes: u64,
    /// Why there is no spool, where one is configured: its folder cannot be used, or other users could write to it. What
    /// cannot be sent waits in the queue then.
    pub spool_problem: Option<Arc<str>>,
    /// Spans the backend acknowledged.
    pub accepted: u64,
    /// Spans the backend rejected in partial successes.
    pub rejected: u64,
    /// Spans given up or never taken.
    pub dropped: DropCounts,
    /// Receipts that a subscriber did not get: of hand-overs that were refused, where more came at once than are kept to be
    /// told, or the pipeline had ended; and those at which a subscriber panicked.
    pub untold: u64,
    /// Requests sent, each attempt counted.
    pub requests: u64,
    /// The last failed attempt, also after the destination has recovered.
    pub last_error: Option<LastError>,
    /// The last message of a partial success, be it about rejected spans or a mere warning.
    pub last_message: Option<Arc<str>>,
}

impl Account {
    pub(crate) fn new(destination: Destination) -> Self {
        Self {
            destination,
            health: Health::Idle,
            breaker: BreakerState::Closed,
            pause: None,
            handed_over: 0,
            recovered: 0,
            queued: 0,
            queued_bytes: 0,
            in_flight: 0,
            spooled: 0,
            spooled_bytes: 0,
            spool_problem: None,
            accepted: 0,
            rejected: 0,
            dropped: DropCounts::default(),
            untold: 0,
            requests: 0,
            last_error: None,
            last_message: None,
        }
    }

    /// Spans whose fate is known: accepted, rejected or dropped.
    pub fn settled(&self) -> u64 {
        self.accepted + self.rejected + self.dropped.total()
    }
}

/// Dropped spans by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DropCounts {
    /// No room in the queue, for them or for what came after them.
    pub queue_full: u64,
    /// Not sent when the pipeline was shut down.
    pub shut_down: u64,
    /// Handed over after that.
    pub closed: u64,
    /// Refused by the backend for good.
    pub not_retryable: u64,
    /// Retried until too old.
    pub expired: u64,
    /// Larger than a request may be.
    pub too_large: u64,
    /// With ids that are zero, which the destination would not take.
    pub invalid_id: u64,
    /// Gave way in the spool.
    pub spool_full: u64,
    /// Could not be read from the spool again.
    pub spool_damaged: u64,
    /// Lost by a panic in the pipeline's own code.
    pub panicked: u64,
}

impl DropCounts {
    /// All of them.
    pub fn total(&self) -> u64 {
        // Each by name, so that another field cannot be forgotten.
        let Self {
            queue_full,
            shut_down,
            closed,
            not_retryable,
            expired,
            too_large,
            invalid_id,
            spool_full,
            spool_damaged,
            panicked,
        } = *self;
        queue_full
            + shut_down
            + closed
            + not_retryable
            + expired
            + too_large
            + invalid_id
            + spool_full
            + spool_damaged
            + panicked
    }

    pub(crate) fn count(&mut self, reason: &DropReason, spans: u64) {
        *match reason {
            DropReason::QueueFull { .. } => &mut self.queue_full,
            DropReason::ShutDown => &mut self.shut_down,
            DropReason::Closed => &mut self.closed,
            DropReason::NotRetryable { .. } => &mut self.not_retryable,
            DropReason::Expired { .. } => &mut self.expired,
            DropReason::TooLarge { .. } => &mut self.too_large,
            DropReason::InvalidId => &mut self.invalid_id,
            DropReason::SpoolFull { .. } => &mut self.spool_full,
            DropReason::SpoolDamaged => &mut self.spool_damaged,
            DropReason::Panicked { .. } => &mut self.panicked,
        } += spans;
    }
}

/// How a destination does, judged by the last answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Health {
    /// Nothing was sent yet.
    #[default]
    Idle,
    /// The last request was accepted.
    Healthy,
    /// The last request was accepted in part: the backend answers, and rejects spans.
    Rejecting,
    /// The last attempt failed.
    Failing,
    /// The last attempt failed, and the backend or a proxy asked to be left alone (`Retry-After`, `RetryInfo`) until a
    /// time that has not come; [`Account::pause`] says which.
    Waiting,
}

/// For how long a destination is left alone, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pause {
    /// When the next attempt may be made.
    pub until: SystemTime,
    /// What it is that takes so long.
    pub reason: PauseReason,
}

/// Why a destination is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PauseReason {
    /// An attempt failed, and the next waits as the [`RetryPolicy`](crate::RetryPolicy) has it.
    Backoff,
    /// The backend or a proxy asked for it, by `Retry-After` or `RetryInfo`.
    RetryAfter,
    /// The circuit breaker is open.
    Breaker,
}

/// A failed attempt.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LastError {
    /// When.
    pub at: SystemTime,
    /// Why.
    pub error: Arc<SendError>,
}
