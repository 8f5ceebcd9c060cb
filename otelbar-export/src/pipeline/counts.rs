//! How many spans are where.

use std::iter::Sum;
use std::ops::{Add, AddAssign};

use crate::pipeline::delivery::ExportResult;

/// How many spans are where. Each span is in one place, so [`total`](Self::total) is the number of all of them.
///
/// ```
/// use otelbar_export::SpanCounts;
///
/// let (mut here, mut there) = (SpanCounts::default(), SpanCounts::default());
/// (here.accepted, there.queued) = (3, 2);
/// let both: SpanCounts = [here, there].into_iter().sum();
/// assert_eq!((both.total(), both.settled(), both.is_settled()), (5, 3, false));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpanCounts {
    /// Waiting in the queue.
    pub queued: u64,
    /// Taken from the queue and not settled: being sent, or waiting for the next attempt.
    pub in_flight: u64,
    /// On disk in the [spool](crate::SpoolOptions), to be sent when the backend is there again.
    pub spooled: u64,
    /// Acknowledged by the backend.
    pub accepted: u64,
    /// Rejected by the backend in a partial success.
    pub rejected: u64,
    /// Sent in a request of which the backend rejected some spans without saying which. OTLP reports a number for the
    /// whole request, which may hold spans of several traces: for a single trace it cannot be told, and in the
    /// [`Statistics`](crate::Statistics) of a destination, which know the exact sum, this is always zero.
    pub undetermined: u64,
    /// Given up, or never taken.
    pub dropped: u64,
}

/// What happens to spans on their way.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step<'a> {
    /// They leave the queue to be sent.
    Taken,
    /// They are written to disk instead of being sent.
    Spooled,
    /// They come from the disk to be sent.
    Unspooled,
    /// Having been in flight, they ended so.
    Settled(&'a ExportResult),
}

impl SpanCounts {
    /// Spans that wait in the queue.
    pub(super) fn queued(spans: u64) -> Self {
        Self { queued: spans, ..Self::default() }
    }

    /// Spans on disk.
    pub(super) fn spooled(spans: u64) -> Self {
        Self { spooled: spans, ..Self::default() }
    }

    /// Spans that were dropped.
    pub(super) fn dropped(spans: u64) -> Self {
        Self { dropped: spans, ..Self::default() }
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.under_way() + self.settled()
    }

    /// Those of which more will be heard: queued, in flight or on disk.
    pub fn under_way(&self) -> u64 {
        self.queued + self.in_flight + self.spooled
    }

    /// Those whose end is known: accepted, rejected, one of these two, or dropped.
    pub fn settled(&self) -> u64 {
        self.accepted + self.rejected + self.undetermined + self.dropped
    }

    /// Whether none is under way.
    pub fn is_settled(&self) -> bool {
        self.under_way() == 0
    }

    /// So many of them take this step: they move from one place to another.
    pub(super) fn apply(&mut self, step: Step<'_>, spans: u64) {
        match step {
            Step::Taken => self.queued -= spans,
            Step::Unspooled => self.spooled -= spans,
            Step::Spooled | Step::Settled(_) => self.in_flight -= spans,
        }
        match step {
            Step::Taken | Step::Unspooled => self.in_flight += spans,
            Step::Spooled => self.spooled += spans,
            Step::Settled(ExportResult::Accepted { .. }) => self.accepted += spans,
            Step::Settled(ExportResult::Dropped { .. }) => self.dropped += spans,
            Step::Settled(ExportResult::PartlyRejected { rejected, of, .. }) => {
                if rejected == of {
                    self.rejected += spans;
                } else if spans == *of {
                    self.rejected += rejected;
                    self.accepted += spans - rejected;
                } else {
                    self.undetermined += spans;
                }
            }
        }
    }
}

impl Add for SpanCounts {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl AddAssign for SpanCounts {
    fn add_assign(&mut self, other: Self) {
        // Each by name, so that another field cannot be forgotten.
        let Self { queued, in_flight, spooled, accepted, rejected, undetermined, dropped } = other;
        self.queued += queued;
        self.in_flight += in_flight;
        self.spooled += spooled;
        self.accepted += accepted;
        self.rejected += rejected;
        self.undetermined += undetermined;
        self.dropped += dropped;
    }
}

impl Sum for SpanCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), Add::add)
    }
}

impl<'a> Sum<&'a SpanCounts> for SpanCounts {
    fn sum<I: Iterator<Item = &'a Self>>(counts: I) -> Self {
        counts.copied().sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pipeline::DropReason;

    fn outcomes(spans: u64) -> [ExportResult; 5] {
        let rejected = |rejected, of| ExportResult::PartlyRejected { rejected, of, message: "no".into() };
        [
            ExportResult::Accepted { warning: None },
            ExportResult::Dropped { reason: DropReason::ShutDown },
            rejected(spans, spans),
            rejected(spans / 2, spans),
            rejected(spans / 2, spans + 10),
        ]
    }

    proptest! {
        /// Whatever happens to them, each span is in one place.
        #[test]
        fn a_step_moves_spans_and_loses_none(steps in prop::collection::vec((0_usize..8, 1_u64..20), 0..60)) {
            let mut counts = SpanCounts::queued(500) + SpanCounts::spooled(500);
            for (what, spans) in steps {
                let outcomes = outcomes(spans);
                let (step, there) = match what {
                    0 => (Step::Taken, counts.queued),
                    1 => (Step::Unspooled, counts.spooled),
                    2 => (Step::Spooled, counts.in_flight),
                    _ => (Step::Settled(&outcomes[what - 3]), counts.in_flight),
                };
                if spans <= there {
                    counts.apply(step, spans);
                }
                prop_assert_eq!(counts.total(), 1000);
            }
        }
    }

    #[test]
    fn a_sum_is_that_of_each_place() {
        let counts = |n| SpanCounts {
            queued: n,
            in_flight: 2 * n,
            spooled: 3 * n,
            accepted: 4 * n,
            rejected: 5 * n,
            undetermined: 6 * n,
            dropped: 7 * n,
        };
        assert_eq!(counts(1) + counts(2), counts(3));
        assert_eq!([counts(1), counts(2), counts(3)].iter().sum::<SpanCounts>(), counts(6));
        assert_eq!((counts(1).under_way(), counts(1).settled(), counts(1).total()), (6, 22, 28));
    }
}
