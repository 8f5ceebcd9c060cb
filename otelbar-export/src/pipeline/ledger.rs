//! What became of one enqueued batch, over all requests that it travels in.

use crate::batch::{EnqueueId, TraceKey};
use crate::pipeline::counts::{SpanCounts, Step};
use crate::pipeline::delivery::Delivery;
use crate::pipeline::receipt::Receipt;
use crate::transport::DestinationInfo;

/// Follows one enqueued batch through its requests.
#[derive(Debug)]
pub(super) struct Ledger {
    key: TraceKey,
    id: EnqueueId,
    spans: SpanCounts,
    /// The worst of what is settled.
    worst: Option<Delivery>,
}

impl Ledger {
    /// Of a batch that is where these counts say.
    pub(super) fn new(key: TraceKey, id: EnqueueId, spans: SpanCounts) -> Self {
        Self { key, id, spans, worst: None }
    }

    /// So many of its spans take this step.
    pub(super) fn apply(&mut self, step: Step<'_>, spans: u64) {
        self.spans.apply(step, spans);
        if let Step::Settled(outcome) = step {
            self.worst = Some(Delivery::worse(self.worst.take(), outcome.into()));
        }
    }

    pub(super) fn is_settled(&self) -> bool {
        self.spans.is_settled()
    }

    /// Whether it lies in the spool as a whole, in one record that has so many of its spans.
    pub(super) fn is_spooled_whole(&self, in_record: u64) -> bool {
        self.spans.spooled == self.spans.total() && in_record == self.spans.total()
    }

    /// The receipt while spans are under way in the given manner.
    pub(super) fn under_way(&self, destination: &DestinationInfo, delivery: Delivery) -> Receipt {
        let destination = destination.clone();
        Receipt { key: self.key, id: self.id, destination, spans: self.spans, delivery }
    }

    /// The receipt after some or all spans were settled.
    pub(super) fn receipt(&self, destination: &DestinationInfo) -> Receipt {
        let delivery = match &self.worst {
            Some(worst) if self.is_settled() => worst.clone(),
            _ if self.spans.in_flight > 0 => Delivery::InFlight { attempt: 1 },
            _ if self.spans.queued > 0 => Delivery::Queued,
            _ => Delivery::Spooled,
        };
        self.under_way(destination, delivery)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::delivery::{DropReason, ExportResult};
    use crate::transport::DestinationKind;

    fn zipkin() -> DestinationInfo {
        DestinationInfo::new(0, DestinationKind::Zipkin, "http://h")
    }

    const ACCEPTED: ExportResult = ExportResult::Accepted { warning: None };

    fn rejected(rejected: u64, of: u64) -> ExportResult {
        ExportResult::PartlyRejected { rejected, of, message: "no".into() }
    }

    /// A batch of ten spans, sent in parts; gives accepted, rejected, undetermined, dropped and the text.
    #[track_caller]
    fn check(parts: &[(u64, ExportResult)], counts: [u64; 4], text: &str) {
        let mut ledger = Ledger::new(TraceKey(1), EnqueueId(1), SpanCounts::queued(10));
        for (spans, outcome) in parts {
            assert!(!ledger.is_settled());
            ledger.apply(Step::Taken, *spans);
            ledger.apply(Step::Settled(outcome), *spans);
        }
        let receipt = ledger.receipt(&zipkin());
        assert!(receipt.is_final());
        let spans = receipt.spans;
        assert_eq!([spans.accepted, spans.rejected, spans.undetermined, spans.dropped], counts);
        assert_eq!(receipt.spans.total(), 10, "each span is settled once");
        assert_eq!(receipt.delivery.to_string(), text);
    }

    #[test]
    fn the_worst_outcome_of_the_parts_is_told_and_all_are_counted() {
        let dropped = ExportResult::Dropped { reason: DropReason::ShutDown };
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
        let mut ledger = Ledger::new(TraceKey(1), EnqueueId(1), SpanCounts::queued(10));
        ledger.apply(Step::Taken, 10);
        ledger.apply(Step::Spooled, 10);
        let receipt = ledger.receipt(&zipkin());
        assert!(!receipt.is_final());
        assert_eq!(receipt.delivery.to_string(), "kept on disk until the backend takes them");
        ledger.apply(Step::Unspooled, 10);
        ledger.apply(Step::Settled(&ACCEPTED), 10);
        assert!(ledger.receipt(&zipkin()).is_final());
    }

    #[test]
    fn a_batch_with_spans_still_queued_is_not_final() {
        let mut ledger = Ledger::new(TraceKey(1), EnqueueId(1), SpanCounts::queued(10));
        ledger.apply(Step::Taken, 4);
        ledger.apply(Step::Settled(&ACCEPTED), 4);
        let receipt = ledger.receipt(&zipkin());
        assert!(!receipt.is_final());
        assert_eq!((receipt.spans.accepted, receipt.spans.queued), (4, 6));
        assert_eq!(receipt.delivery.to_string(), "queued");
    }
}
