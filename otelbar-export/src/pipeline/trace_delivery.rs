//! What became of one trace at one destination.

use crate::batch::EnqueueId;
use crate::pipeline::counts::SpanCounts;
use crate::pipeline::delivery::{Delivery, DropReason};
use crate::pipeline::receipt::Receipt;

/// What became of one trace at one destination, over all batches that were enqueued of it: the sum of their receipts.
///
/// ```
/// use otelbar_export::{DeliveryState, TraceDelivery};
///
/// let mut delivery = TraceDelivery::default();
/// assert!(delivery.latest().is_none(), "nothing was enqueued");
/// delivery.expect(3);
/// assert_eq!(delivery.latest().map(|latest| latest.state()), Some(DeliveryState::Queued));
/// assert_eq!(delivery.spans().queued, 3);
/// ```
#[derive(Clone, Debug, Default)]
pub struct TraceDelivery {
    /// Spans that were enqueued, or tried to be.
    expected: u64,
    /// Those of them that were refused, and why. Of some a receipt tells as well.
    refused: u64,
    refusal: Option<DropReason>,
    /// Batches some of whose spans are on their way.
    under_way: Vec<(EnqueueId, SpanCounts, Delivery)>,
    /// The sum of those that are not.
    settled: SpanCounts,
    /// The worst end of these.
    worst: Option<Delivery>,
}

impl TraceDelivery {
    /// So many spans are about to be enqueued. They count as queued until a receipt says otherwise: the pipeline sends
    /// none for what it has just taken in, and the first may come before [`enqueue`](crate::Pipeline::enqueue)
    /// returns.
    pub fn expect(&mut self, spans: u64) {
        self.expected += spans;
    }

    /// Spans that were expected were refused, by every destination of the pipeline. A receipt may say so as well, and
    /// then they are counted once.
    pub fn refuse(&mut self, spans: u64, reason: DropReason) {
        self.refused += spans;
        self.refusal = Some(reason);
    }

    /// Takes account of a receipt of this destination.
    pub fn receive(&mut self, receipt: &Receipt) {
        self.under_way.retain(|(id, ..)| *id != receipt.id);
        let delivery = receipt.delivery.clone();
        if receipt.is_final() {
            self.settled += receipt.spans;
            self.worst = Some(Delivery::worse(self.worst.take(), delivery));
        } else {
            self.under_way.push((receipt.id, receipt.spans, delivery));
        }
    }

    /// How many of the spans are where.
    pub fn spans(&self) -> SpanCounts {
        let (queued, refused) = self.untold();
        self.told() + SpanCounts::queued(queued) + SpanCounts::dropped(refused)
    }

    /// The [worst](crate::DeliveryState) of what is under way and of what has ended; of several that are as bad the
    /// latest. `None` when no span was enqueued. Of several destinations the worst is that whose
    /// [state](Delivery::state) is greatest.
    pub fn latest(&self) -> Option<Delivery> {
        let (queued, refused) = self.untold();
        let under_way = self.under_way.iter().map(|(.., delivery)| delivery.clone());
        let queued = (queued > 0).then_some(Delivery::Queued);
        let refused = self.refusal.clone().filter(|_| refused > 0).map(|reason| Delivery::Dropped { reason });
        let all = under_way.chain(queued).chain(refused);
        all.fold(self.worst.clone(), |worst, next| Some(Delivery::worse(worst, next)))
    }

    /// Whether every span that was enqueued is settled, and there are some.
    pub fn is_settled(&self) -> bool {
        let spans = self.spans();
        spans.is_settled() && spans.total() > 0
    }

    fn told(&self) -> SpanCounts {
        self.settled + self.under_way.iter().map(|(_, spans, _)| spans).sum()
    }

    /// Of the expected spans of which no receipt tells, those that are queued and those that were refused.
    fn untold(&self) -> (u64, u64) {
        let untold = self.expected.saturating_sub(self.told().total());
        let refused = self.refused.min(untold);
        (untold - refused, refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::TraceKey;
    use crate::pipeline::DeliveryState;
    use crate::transport::{DestinationInfo, DestinationKind};

    const ACCEPTED: Delivery = Delivery::Accepted { warning: None };
    const SHUT_DOWN: Delivery = Delivery::Dropped { reason: DropReason::ShutDown };

    fn receipt(id: u64, spans: SpanCounts, delivery: Delivery) -> Receipt {
        let destination = DestinationInfo::new(0, DestinationKind::Console, "stderr");
        Receipt { key: TraceKey(1), id: EnqueueId(id), destination, spans, delivery }
    }

    /// The receipts of one batch of ten spans, one after the other; with the state after the last, and what more there
    /// is to say about it.
    #[track_caller]
    fn check(receipts: &[(SpanCounts, Delivery)], state: DeliveryState, detail: Option<&str>, settled: bool) {
        let mut delivery = TraceDelivery::default();
        delivery.expect(10);
        for (spans, stage) in receipts {
            delivery.receive(&receipt(1, *spans, stage.clone()));
        }
        let latest = delivery.latest().unwrap();
        assert_eq!((latest.state(), delivery.is_settled()), (state, settled));
        assert_eq!(latest.detail().as_deref(), detail);
        assert_eq!(delivery.spans().total(), 10, "each span is counted once");
    }

    #[test]
    fn the_latest_receipt_of_a_batch_counts() {
        let counts = |spans| SpanCounts { accepted: spans, ..SpanCounts::default() };
        let in_flight =
            (SpanCounts { in_flight: 10, ..SpanCounts::default() }, Delivery::InFlight { attempt: 2 });
        let spooled = (SpanCounts::spooled(10), Delivery::Spooled);
        let accepted = (counts(10), ACCEPTED);
        let warned = (counts(10), Delivery::Accepted { warning: Some("mind the gap".into()) });
        let rejected = Delivery::PartlyRejected { rejected: 3, of: 10, message: "too old".into() };
        let partly = (SpanCounts { rejected: 3, ..counts(7) }, rejected);
        let full = DropReason::QueueFull { spans: 1, bytes: 2 };
        let full_text = full.to_string();
        let dropped = (SpanCounts::dropped(10), Delivery::Dropped { reason: full });
        check(&[], DeliveryState::Queued, None, false);
        check(std::slice::from_ref(&in_flight), DeliveryState::InFlight, None, false);
        check(&[in_flight.clone(), spooled.clone()], DeliveryState::Spooled, None, false);
        check(
            &[in_flight.clone(), spooled, in_flight.clone(), accepted],
            DeliveryState::Accepted,
            None,
            true,
        );
        check(&[warned], DeliveryState::Accepted, Some("mind the gap"), true);
        let told = "3 of 10 spans of the request rejected: too old";
        check(&[in_flight, partly], DeliveryState::PartlyRejected, Some(told), true);
        check(&[dropped], DeliveryState::Dropped, Some(&full_text), true);
    }

    #[test]
    fn of_several_batches_the_worst_counts_and_all_are_summed() {
        let state = |delivery: &TraceDelivery| delivery.latest().map(|latest| latest.state());
        let mut delivery = TraceDelivery::default();
        assert_eq!((state(&delivery), delivery.is_settled()), (None, false));
        delivery.expect(3);
        delivery.receive(&receipt(1, SpanCounts { accepted: 3, ..SpanCounts::default() }, ACCEPTED));
        assert_eq!((state(&delivery), delivery.is_settled()), (Some(DeliveryState::Accepted), true));
        delivery.expect(2);
        assert_eq!((state(&delivery), delivery.is_settled()), (Some(DeliveryState::Queued), false));
        delivery.receive(&receipt(2, SpanCounts::dropped(2), SHUT_DOWN));
        assert_eq!((state(&delivery), delivery.is_settled()), (Some(DeliveryState::Dropped), true));
        let spans = delivery.spans();
        assert_eq!((spans.total(), spans.accepted, spans.dropped), (5, 3, 2));
    }

    #[test]
    fn a_refusal_counts_once_whether_or_not_a_receipt_tells_of_it_too() {
        let mut delivery = TraceDelivery::default();
        delivery.expect(2);
        delivery.refuse(2, DropReason::Closed);
        for told in [false, true] {
            if told {
                let closed = Delivery::Dropped { reason: DropReason::Closed };
                delivery.receive(&receipt(1, SpanCounts::dropped(2), closed));
            }
            let state = delivery.latest().unwrap().state();
            assert_eq!((state, delivery.is_settled()), (DeliveryState::Dropped, true));
            assert_eq!(delivery.spans(), SpanCounts::dropped(2));
        }
    }

    /// Failures to deliver are worse than what had no room.
    #[test]
    fn states_are_ordered_from_the_best_to_the_worst() {
        use DeliveryState::*;
        let ordered = [Accepted, Queued, InFlight, Spooled, Retrying, PartlyRejected, Dropped, Failed];
        assert!(ordered.is_sorted());
        let panicked = Delivery::Dropped { reason: DropReason::Panicked { message: "why".into() } };
        assert_eq!(panicked.state(), Failed);
        assert_eq!(SHUT_DOWN.state(), Dropped);
    }
}
