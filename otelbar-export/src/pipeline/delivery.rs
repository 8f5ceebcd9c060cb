//! How far spans have come.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::transport::SendError;

/// How far spans have come, with what there is to say about it; [`state`](Self::state) says no more than the stage.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Delivery {
    /// In the queue.
    Queued,
    /// Being sent, for the n-th time, counted from 1.
    InFlight {
        /// The attempt.
        attempt: u32,
    },
    /// An attempt failed; another will follow. With a spool it is [`Spooled`](Self::Spooled) instead.
    Retrying {
        /// The attempts made.
        attempt: u32,
        /// Why the last one failed.
        error: Arc<SendError>,
        /// When the next will be made.
        next: SystemTime,
    },
    /// On disk, to be sent when the backend is there again, by this process or by one after it.
    Spooled,
    /// Acknowledged by the backend.
    Accepted {
        /// A partial success without rejected spans carries the backend's warning.
        warning: Option<Arc<str>>,
    },
    /// The backend took the request but rejected spans of it; these are never sent again.
    PartlyRejected {
        /// Rejected spans of the request.
        rejected: u64,
        /// All spans of the request; it may have carried other traces too.
        of: u64,
        /// The backend's words.
        message: Arc<str>,
    },
    /// Not delivered.
    Dropped {
        /// Why.
        reason: DropReason,
    },
}

/// How far spans have come, ordered from the best state to the worst: of several spans that are in different states the
/// greatest is the one to show.
///
/// What is on its way is worse than what has arrived, since it may still fail; what waits because something went wrong
/// is worse than what merely waits; and what will never arrive is worst.
///
/// ```
/// use otelbar_export::DeliveryState::{Accepted, Dropped, Queued, Retrying};
///
/// assert_eq!([Retrying, Accepted, Queued].into_iter().max(), Some(Retrying));
/// assert!(Accepted < Queued && Queued < Dropped);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DeliveryState {
    /// Acknowledged by the backend.
    Accepted,
    /// In the queue.
    Queued,
    /// Being sent.
    InFlight,
    /// On disk, since it could not be sent.
    Spooled,
    /// To be sent again after an attempt that failed.
    Retrying,
    /// Rejected by the backend, all or some of a request.
    PartlyRejected,
    /// Dropped without the backend's having refused them: there was no room, or the pipeline was shut down.
    Dropped,
    /// Dropped because sending failed: the backend refused them for good, or they were tried until they were too old.
    Failed,
}

impl Delivery {
    /// The state alone, which can be compared.
    pub fn state(&self) -> DeliveryState {
        match self {
            Self::Queued => DeliveryState::Queued,
            Self::InFlight { .. } => DeliveryState::InFlight,
            Self::Retrying { .. } => DeliveryState::Retrying,
            Self::Spooled => DeliveryState::Spooled,
            Self::Accepted { .. } => DeliveryState::Accepted,
            Self::PartlyRejected { .. } => DeliveryState::PartlyRejected,
            Self::Dropped { reason } if reason.is_failure() => DeliveryState::Failed,
            Self::Dropped { .. } => DeliveryState::Dropped,
        }
    }

    /// The attempts that were made, the one under way counted; `None` where it says nothing about attempts.
    pub fn attempts(&self) -> Option<u32> {
        match self {
            Self::InFlight { attempt } | Self::Retrying { attempt, .. } => Some(*attempt),
            Self::Dropped { reason: DropReason::Expired { attempts, .. } } => Some(*attempts),
            _ => None,
        }
    }

    /// When the next attempt will be made; `None` unless one has failed and another will follow.
    pub fn next_attempt(&self) -> Option<SystemTime> {
        match self {
            Self::Retrying { next, .. } => Some(*next),
            _ => None,
        }
    }

    /// What there is to say beyond the state: the backend's own words, or why the spans have not arrived. `None` where
    /// the state and the attempts say all. Unlike the [text](fmt::Display) of the whole, it does not repeat the state.
    ///
    /// It may hold what the backend repeats of the spans that it was sent.
    ///
    /// ```
    /// use otelbar_export::{Delivery, DropReason};
    ///
    /// let dropped = Delivery::Dropped { reason: DropReason::ShutDown };
    /// assert_eq!(dropped.detail().as_deref(), Some("the pipeline was shut down before they were sent"));
    /// assert_eq!(Delivery::Accepted { warning: None }.detail(), None);
    /// ```
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::Queued | Self::InFlight { .. } | Self::Spooled => None,
            Self::Retrying { error, .. } => Some(error.to_string()),
            Self::Accepted { warning } => warning.as_deref().map(str::to_owned),
            Self::PartlyRejected { .. } => Some(self.to_string()),
            Self::Dropped { reason } => Some(reason.to_string()),
        }
    }

    /// The worse of two; of two that are as bad the later, and a warning goes before none.
    pub(super) fn worse(before: Option<Self>, now: Self) -> Self {
        let rank =
            |delivery: &Self| (delivery.state(), matches!(delivery, Self::Accepted { warning: Some(_) }));
        before.filter(|before| rank(before) > rank(&now)).unwrap_or(now)
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queued => f.write_str("queued"),
            Self::InFlight { attempt: 1 } => f.write_str("being sent"),
            Self::InFlight { attempt } => write!(f, "being sent, attempt {attempt}"),
            Self::Retrying { attempt, error, .. } => {
                write!(f, "will be sent again, attempt {attempt} failed: {error}")
            }
            Self::Spooled => f.write_str("kept on disk until the backend takes them"),
            Self::Accepted { warning: None } => f.write_str("accepted"),
            Self::Accepted { warning: Some(warning) } => write!(f, "accepted with a warning: {warning}"),
            Self::PartlyRejected { rejected, of, message } => {
                write!(f, "{rejected} of {of} spans of the request rejected: {message}")
            }
            Self::Dropped { reason } => write!(f, "dropped: {reason}"),
        }
    }
}

/// Why spans were dropped.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum DropReason {
    /// The queue had no room for the batch, or it gave way for another.
    QueueFull {
        /// The queue's bound in spans.
        spans: usize,
        /// The queue's bound in bytes.
        bytes: usize,
    },
    /// The pipeline was shut down before they could be sent.
    ShutDown,
    /// They were enqueued after the pipeline was shut down.
    Closed,
    /// The backend answered in a way that forbids another attempt.
    NotRetryable {
        /// The answer.
        error: Arc<SendError>,
    },
    /// Retried until they were too old.
    Expired {
        /// The attempts made.
        attempts: u32,
        /// Why the last one failed.
        error: Arc<SendError>,
    },
    /// A span that is larger by itself than a request may be.
    TooLarge {
        /// Its size in bytes.
        size: usize,
    },
    /// A span whose trace id or span id is zero, for which Zipkin would refuse the whole request.
    InvalidId,
    /// They lay on disk and gave way for others.
    SpoolFull {
        /// The spool's bound in bytes.
        bytes: u64,
    },
    /// They lay on disk and could not be read again.
    SpoolDamaged,
    /// Encoding or sending them met a fault in the pipeline's own code, which cost the request they were in and no more.
    Panicked {
        /// The panic's message, shortened.
        message: Arc<str>,
    },
}

impl DropReason {
    /// Whether sending failed: the backend refused the spans, they were tried until they were too old, or this crate has
    /// a fault. The other reasons are of too little room or of a shutdown.
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::NotRetryable { .. } | Self::Expired { .. } | Self::Panicked { .. })
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::QueueFull { spans, bytes } => write!(
                f,
                "the export queue of {spans} spans or {bytes} bytes is full; see whether the backend keeps up, or \
                 raise OTEL_BSP_MAX_QUEUE_SIZE or OTELBAR_BSP_MAX_QUEUE_BYTES"
            ),
            Self::ShutDown => f.write_str("the pipeline was shut down before they were sent"),
            Self::Closed => f.write_str("the pipeline was shut down before they were enqueued"),
            Self::NotRetryable { error } => error.fmt(f),
            Self::Expired { attempts, error } => write!(f, "given up after {attempts} attempts: {error}"),
            Self::TooLarge { size } => write!(f, "a span of {size} bytes is larger than a request may be"),
            Self::InvalidId => {
                f.write_str("a span whose trace id or span id is zero cannot be sent to Zipkin")
            }
            Self::SpoolFull { bytes } => write!(
                f,
                "the spool of {bytes} bytes is full, and the oldest gave way; see whether the backend is there, or \
                 raise OTELBAR_SPOOL_MAX_BYTES"
            ),
            Self::SpoolDamaged => f.write_str("the spool's file could not be read again"),
            Self::Panicked { message } => {
                write!(f, "otelbar panicked: {message}; please report this as a bug")
            }
        }
    }
}

/// How a request ended, for all its spans.
#[derive(Clone, Debug)]
pub(super) enum ExportResult {
    Accepted { warning: Option<Arc<str>> },
    PartlyRejected { rejected: u64, of: u64, message: Arc<str> },
    Dropped { reason: DropReason },
}

impl From<&ExportResult> for Delivery {
    fn from(outcome: &ExportResult) -> Self {
        match outcome {
            ExportResult::Accepted { warning } => Self::Accepted { warning: warning.clone() },
            ExportResult::PartlyRejected { rejected, of, message } => {
                Self::PartlyRejected { rejected: *rejected, of: *of, message: Arc::clone(message) }
            }
            ExportResult::Dropped { reason } => Self::Dropped { reason: reason.clone() },
        }
    }
}
