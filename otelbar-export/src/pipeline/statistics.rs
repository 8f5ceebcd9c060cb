//! How a destination stands.

use std::sync::Arc;
use std::time::SystemTime;

use crate::pipeline::breaker::BreakerState;
use crate::pipeline::counts::{SpanCounts, Step};
use crate::pipeline::delivery::{DropReason, ExportResult};
use crate::transport::DestinationInfo;
use crate::transport::SendError;

/// How a destination stands, to the span; see [`Pipeline::statistics`](crate::Pipeline::statistics).
///
/// `enqueued + recovered == spans.total()` and `dropped.total() == spans.dropped` hold at any moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Statistics {
    /// Where spans are sent.
    pub destination: DestinationInfo,
    /// How the destination does.
    pub health: Health,
    /// The state of the circuit breaker.
    pub breaker: BreakerState,
    /// Until when the breaker is open; `None` when it is not.
    pub open_until: Option<SystemTime>,
    /// Until when nothing is sent after a failed attempt, be it for the breaker or for another reason. It stays until the
    /// next attempt is made, so a time that has passed means that the next request is sent at once; `None` when the last
    /// attempt succeeded.
    pub pause: Option<Pause>,
    /// All spans given to `enqueue`, those that were refused too.
    pub enqueued: u64,
    /// Spans that an earlier process had left in the spool.
    pub recovered: u64,
    /// How many of these spans are where.
    pub spans: SpanCounts,
    /// The bytes that the spans in the queue hold, roughly.
    pub queued_bytes: u64,
    /// The bytes that the spans in the spool take on disk.
    pub spooled_bytes: u64,
    /// Why there is no spool, where one is configured: its folder cannot be used, or other users could write to it. What
    /// cannot be sent waits in the queue then.
    pub spool_problem: Option<Arc<str>>,
    /// Dropped spans by reason.
    pub dropped: DropCounts,
    /// Receipts that a subscriber did not get: of batches that were refused, where more came at once than are kept to be
    /// told, or the pipeline had ended; and those at which a subscriber panicked.
    pub untold: u64,
    /// Requests sent, each attempt counted.
    pub requests: u64,
    /// The last failed attempt, also after the destination has recovered.
    pub last_error: Option<LastError>,
    /// The last message of a partial success, be it about rejected spans or a mere warning.
    pub last_message: Option<Arc<str>>,
}

impl Statistics {
    pub(super) fn new(destination: DestinationInfo) -> Self {
        Self {
            destination,
            health: Health::Idle,
            breaker: BreakerState::Closed,
            open_until: None,
            pause: None,
            enqueued: 0,
            recovered: 0,
            spans: SpanCounts::default(),
            queued_bytes: 0,
            spooled_bytes: 0,
            spool_problem: None,
            dropped: DropCounts::default(),
            untold: 0,
            requests: 0,
            last_error: None,
            last_message: None,
        }
    }

    /// So many spans take this step.
    pub(super) fn apply(&mut self, step: Step<'_>, spans: u64) {
        self.spans.apply(step, spans);
        if let Step::Settled(ExportResult::Dropped { reason }) = step {
            self.dropped.count(reason, spans);
        }
    }

    /// Counts spans as dropped that were in no place before.
    pub(super) fn refuse(&mut self, reason: &DropReason, spans: u64) {
        self.spans.dropped += spans;
        self.dropped.count(reason, spans);
    }

    /// Spans that waited in the queue, and held so many bytes, are dropped.
    pub(super) fn drop_queued(&mut self, reason: &DropReason, spans: u64, bytes: u64) {
        self.spans.queued -= spans;
        self.queued_bytes -= bytes;
        self.refuse(reason, spans);
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
    /// Enqueued after that.
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

    fn count(&mut self, reason: &DropReason, spans: u64) {
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

/// How a destination does, judged by the last answer. Ordered: of several destinations the greatest is the one to look
/// at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
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
    /// time that has not come; [`Statistics::pause`] says which.
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
