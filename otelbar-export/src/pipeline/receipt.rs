//! What became of a hand-over.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::batch::{EnqueueId, TraceKey};
use crate::destination::Destination;
use crate::error::SendError;

/// The state of one hand-over at one destination, told to
/// [subscribers](crate::ToolbarSpanExporter::subscribe) at each change.
///
/// A hand-over may travel in several requests; the counts add them up, and
/// `handed_over == queued + in_flight + spooled + accepted + rejected + undetermined + dropped` holds in each receipt.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Receipt {
    /// The caller's key.
    pub key: TraceKey,
    /// Which hand-over; `None` for one that was refused and so never entered the queue.
    pub id: Option<EnqueueId>,
    /// Where its spans are to go.
    pub destination: Destination,
    /// How many of its spans are where.
    pub spans: SpanCounts,
    /// The latest change while spans are under way, and the worst outcome once all are settled.
    pub delivery: Delivery,
}

impl Receipt {
    /// Whether nothing more will follow for this hand-over. Of what is in the spool more follows when it is sent, be it
    /// by another process.
    pub fn is_final(&self) -> bool {
        self.spans.queued == 0 && self.spans.in_flight == 0 && self.spans.spooled == 0
    }
}

/// Where the spans of a hand-over are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpanCounts {
    /// All of them.
    pub handed_over: usize,
    /// Waiting in the queue.
    pub queued: usize,
    /// Taken from the queue and not settled: being sent, or waiting for the next attempt.
    pub in_flight: usize,
    /// On disk, to be sent when the backend is there again.
    pub spooled: usize,
    /// Acknowledged by the backend.
    pub accepted: usize,
    /// Rejected by the backend in a partial success.
    pub rejected: usize,
    /// Sent in a request of which the backend rejected some spans without saying which. OTLP reports a number
    /// for the whole request, which may hold spans of several traces. The [`Account`](crate::Account) knows the
    /// exact sum; for the single trace it cannot be told.
    pub undetermined: usize,
    /// Given up, or never taken.
    pub dropped: usize,
}

/// How far a hand-over has come.
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
        rejected: usize,
        /// All spans of the request; it may have carried other traces too.
        of: usize,
        /// The backend's words.
        message: Arc<str>,
    },
    /// Not delivered.
    Dropped {
        /// Why.
        reason: DropReason,
    },
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
    /// The queue had no room for the hand-over, or it gave way for another.
    QueueFull {
        /// The queue's bound in spans.
        spans: usize,
        /// The queue's bound in bytes.
        bytes: usize,
    },
    /// The pipeline was shut down before they could be sent.
    ShutDown,
    /// They were handed over after the pipeline was shut down.
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

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::QueueFull { spans, bytes } => write!(
                f,
                "the export queue of {spans} spans or {bytes} bytes is full; see whether the backend keeps up, or \
                 raise OTEL_BSP_MAX_QUEUE_SIZE or OTELBAR_BSP_MAX_QUEUE_BYTES"
            ),
            Self::ShutDown => f.write_str("the pipeline was shut down before they were sent"),
            Self::Closed => f.write_str("the pipeline was shut down before they were handed over"),
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

/// A hand-over that was not taken: the receipt of a full queue or of a pipeline that was shut down.
///
/// It is counted already and told to subscribers; there is nothing left to do about it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{spans} spans of trace {key} dropped: {reason}")]
#[non_exhaustive]
pub struct Dropped {
    /// The caller's key.
    pub key: TraceKey,
    /// Where they were to go.
    pub destination: Destination,
    /// How many spans.
    pub spans: usize,
    /// Why.
    pub reason: DropReason,
}

impl Dropped {
    pub(crate) fn receipt(&self) -> Receipt {
        let spans = SpanCounts { handed_over: self.spans, dropped: self.spans, ..SpanCounts::default() };
        Receipt {
            key: self.key,
            id: None,
            destination: self.destination.clone(),
            spans,
            delivery: Delivery::Dropped { reason: self.reason.clone() },
        }
    }
}

/// Follows one hand-over through its requests.
#[derive(Debug)]
pub(crate) struct Ledger {
    key: TraceKey,
    id: EnqueueId,
    spans: SpanCounts,
    /// The worst of what is settled.
    worst: Option<Delivery>,
}

impl Ledger {
    pub(crate) fn new(key: TraceKey, id: EnqueueId, spans: usize) -> Self {
        let spans = SpanCounts { handed_over: spans, queued: spans, ..SpanCounts::default() };
        Self { key, id, spans, worst: None }
    }

    /// Of a hand-over that lies in the spool as a whole.
    pub(crate) fn spooled(key: TraceKey, id: EnqueueId, spans: usize) -> Self {
        let spans = SpanCounts { handed_over: spans, spooled: spans, ..SpanCounts::default() };
        Self { key, id, spans, worst: None }
    }

    /// Whether it lies in the spool as a whole, in one record that has so many of its spans.
    pub(crate) fn is_spooled_whole(&self, in_record: usize) -> bool {
        self.spans.spooled == self.spans.handed_over && in_record == self.spans.handed_over
    }

    pub(crate) fn take(&mut self, spans: usize) {
        self.spans.queued -= spans;
        self.spans.in_flight += spans;
    }

    pub(crate) fn spool(&mut self, spans: usize) {
        self.spans.in_flight -= spans;
        self.spans.spooled += spans;
    }

    pub(crate) fn unspool(&mut self, spans: usize) {
        self.spans.spooled -= spans;
        self.spans.in_flight += spans;
    }

    /// Spans that were in flight are settled in this way.
    pub(crate) fn settle(&mut self, spans: usize, outcome: &Outcome) {
        self.spans.in_flight -= spans;
        let delivery = match outcome {
            Outcome::Accepted { warning } => {
                self.spans.accepted += spans;
                Delivery::Accepted { warning: warning.clone() }
            }
            Outcome::PartlyRejected { rejected, of, message } => {
                if rejected == of {
                    self.spans.rejected += spans;
                } else if spans == *of {
                    self.spans.rejected += rejected;
                    self.spans.accepted += spans - rejected;
                } else {
                    self.spans.undetermined += spans;
                }
                Delivery::PartlyRejected { rejected: *rejected, of: *of, message: Arc::clone(message) }
            }
            Outcome::Dropped { reason } => {
                self.spans.dropped += spans;
                Delivery::Dropped { reason: reason.clone() }
            }
        };
        if self.worst.as_ref().is_none_or(|worst| badness(&delivery) >= badness(worst)) {
            self.worst = Some(delivery);
        }
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.spans.queued == 0 && self.spans.in_flight == 0 && self.spans.spooled == 0
    }

    /// The receipt while spans are under way in the given manner.
    pub(crate) fn under_way(&self, destination: &Destination, delivery: Delivery) -> Receipt {
        let destination = destination.clone();
        Receipt { key: self.key, id: Some(self.id), destination, spans: self.spans, delivery }
    }

    /// The receipt after some or all spans were settled.
    pub(crate) fn receipt(&self, destination: &Destination) -> Receipt {
        let delivery = match &self.worst {
            Some(worst) if self.is_settled() => worst.clone(),
            _ if self.spans.in_flight > 0 => Delivery::InFlight { attempt: 1 },
            _ if self.spans.queued > 0 => Delivery::Queued,
            _ => Delivery::Spooled,
        };
        self.under_way(destination, delivery)
    }
}

/// How a request ended, for all its spans.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Accepted { warning: Option<Arc<str>> },
    PartlyRejected { rejected: usize, of: usize, message: Arc<str> },
    Dropped { reason: DropReason },
}

fn badness(delivery: &Delivery) -> u8 {
    match delivery {
        Delivery::Accepted { warning: None } => 0,
        Delivery::Accepted { warning: Some(_) } => 1,
        Delivery::PartlyRejected { .. } => 2,
        Delivery::Dropped { .. } => 3,
        Delivery::Queued | Delivery::InFlight { .. } | Delivery::Retrying { .. } | Delivery::Spooled => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::destination::DestinationKind;

    fn zipkin() -> Destination {
        Destination { index: 0, kind: DestinationKind::Zipkin, endpoint: "http://h".into() }
    }

    const ACCEPTED: Outcome = Outcome::Accepted { warning: None };

    fn rejected(rejected: usize, of: usize) -> Outcome {
        Outcome::PartlyRejected { rejected, of, message: "no".into() }
    }

    /// A hand-over of ten spans, sent in parts; gives accepted, rejected, undetermined, dropped and the text.
    #[track_caller]
    fn check(parts: &[(usize, Outcome)], counts: [usize; 4], text: &str) {
        let mut ledger = Ledger::new(TraceKey(1), EnqueueId(1), 10);
        for (spans, outcome) in parts {
            assert!(!ledger.is_settled());
            ledger.take(*spans);
            ledger.settle(*spans, outcome);
        }
        let receipt = ledger.receipt(&zipkin());
        assert!(receipt.is_final());
        let spans = receipt.spans;
        assert_eq!([spans.accepted, spans.rejected, spans.undetermined, spans.dropped], counts);
        assert_eq!(counts.iter().sum::<usize>(), 10, "each span is settled once");
        assert_eq!(receipt.delivery.to_string(), text);
    }

    #[test]
    fn the_worst_outcome_of_the_parts_is_told_and_all_are_counted() {
        let dropped = Outcome::Dropped { reason: DropReason::ShutDown };
        check(&[(10, ACCEPTED)], [10, 0, 0, 0], "accepted");
        check(
            &[(4, dropped.clone()), (6, ACCEPTED)],
            [6, 0, 0, 4],
            "dropped: the pipeline was shut down before they were sent",
        );
        check(
            &[(6, ACCEPTED), (4, dropped)],
            [6, 0, 0, 4],
            "dropped: the pipeline was shut down before they were sent",
        );
    }

    #[test]
    fn rejected_spans_are_laid_to_a_trace_only_where_that_is_known() {
        check(&[(10, rejected(3, 10))], [7, 3, 0, 0], "3 of 10 spans of the request rejected: no");
        check(&[(10, rejected(3, 40))], [0, 0, 10, 0], "3 of 40 spans of the request rejected: no");
        check(&[(10, rejected(40, 40))], [0, 10, 0, 0], "40 of 40 spans of the request rejected: no");
    }

    #[test]
    fn what_is_spooled_is_not_final_and_comes_back() {
        let mut ledger = Ledger::new(TraceKey(1), EnqueueId(1), 10);
        ledger.take(10);
        ledger.spool(10);
        let receipt = ledger.receipt(&zipkin());
        assert!(!receipt.is_final());
        assert_eq!(receipt.delivery.to_string(), "kept on disk until the backend takes them");
        ledger.unspool(10);
        ledger.settle(10, &ACCEPTED);
        assert!(ledger.receipt(&zipkin()).is_final());
    }

    #[test]
    fn a_hand_over_with_spans_still_queued_is_not_final() {
        let mut ledger = Ledger::new(TraceKey(1), EnqueueId(1), 10);
        ledger.take(4);
        ledger.settle(4, &ACCEPTED);
        let receipt = ledger.receipt(&zipkin());
        assert!(!receipt.is_final());
        assert_eq!((receipt.spans.accepted, receipt.spans.queued), (4, 6));
        assert_eq!(receipt.delivery.to_string(), "queued");
    }
}
