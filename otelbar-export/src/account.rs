//! The pipeline's books.

use std::sync::Arc;
use std::time::SystemTime;

use crate::{DropReason, SendError};

/// How a pipeline stands, to the span; see [`ToolbarSpanExporter::account`](crate::ToolbarSpanExporter::account).
///
/// `handed_over == queued + in_flight + accepted + rejected + dropped.total()` holds in every account, at any
/// moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Account {
    /// Where spans are sent.
    pub endpoint: Arc<str>,
    /// How the destination does.
    pub health: Health,
    /// All spans given to `enqueue`, those that were refused too.
    pub handed_over: u64,
    /// Spans waiting in the queue.
    pub queued: u64,
    /// The bytes these hold, roughly.
    pub queued_bytes: u64,
    /// Spans taken from the queue and not settled.
    pub in_flight: u64,
    /// Spans the backend acknowledged.
    pub accepted: u64,
    /// Spans the backend rejected in partial successes.
    pub rejected: u64,
    /// Spans given up or never taken.
    pub dropped: DropCounts,
    /// Requests sent, each attempt counted.
    pub requests: u64,
    /// The last failed attempt, also after the destination has recovered.
    pub last_error: Option<LastError>,
    /// The last message of a partial success, be it about rejected spans or a mere warning.
    pub last_message: Option<Arc<str>>,
}

impl Account {
    pub(crate) fn new(endpoint: Arc<str>) -> Self {
        Self {
            endpoint,
            health: Health::Idle,
            handed_over: 0,
            queued: 0,
            queued_bytes: 0,
            in_flight: 0,
            accepted: 0,
            rejected: 0,
            dropped: DropCounts::default(),
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
    /// No room in the queue.
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
}

impl DropCounts {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.queue_full + self.shut_down + self.closed + self.not_retryable + self.expired + self.too_large
    }

    pub(crate) fn count(&mut self, reason: &DropReason, spans: u64) {
        *match reason {
            DropReason::QueueFull { .. } => &mut self.queue_full,
            DropReason::ShutDown => &mut self.shut_down,
            DropReason::Closed => &mut self.closed,
            DropReason::NotRetryable { .. } => &mut self.not_retryable,
            DropReason::Expired { .. } => &mut self.expired,
            DropReason::TooLarge { .. } => &mut self.too_large,
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
