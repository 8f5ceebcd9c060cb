//! What is known of spans that have left the queue, and who is told.

use std::collections::HashMap;
use std::sync::Arc;

use crate::batch::Portion;
use crate::batch::{EnqueueId, TraceKey};
use crate::pipeline::queue::Queue;
use crate::pipeline::receipt::{Ledger, Outcome};
use crate::pipeline::subscribers::Subscribers;
use crate::pipeline::{Delivery, Receipt};
use crate::spool::Part;

/// Spans that travel together.
#[derive(Clone, Debug, Default)]
pub(super) struct Load {
    /// By hand-over; empty when another process has handed them over, whose receipts nobody here waits for.
    pub(super) parts: Vec<Part>,
    pub(super) spans: u64,
}

impl Load {
    pub(super) fn of(portions: &[Portion]) -> Self {
        let parts = portions.iter().map(|portion| Part {
            id: portion.id().0,
            key: portion.hand_over().key.0,
            whole: portion.hand_over().spans.len() as u64,
            spans: portion.len() as u64,
        });
        Self { parts: parts.collect(), spans: portions.iter().map(|portion| portion.len() as u64).sum() }
    }
}

/// One ledger for each hand-over that is under way, and the sums in the queue's account.
#[derive(Debug)]
pub(super) struct Books {
    queue: Arc<Queue>,
    subscribers: Arc<Subscribers>,
    /// Of which spans were taken from the queue, and not all are settled. What lies in the spool as a whole needs none
    /// in memory.
    ledgers: HashMap<u64, Ledger>,
}

impl Books {
    pub(super) fn new(queue: Arc<Queue>, subscribers: Arc<Subscribers>) -> Self {
        Self { queue, subscribers, ledgers: HashMap::new() }
    }

    /// Notes that these spans have left the queue.
    pub(super) fn register(&mut self, portions: &[Portion]) {
        for portion in portions {
            let hand_over = portion.hand_over();
            self.ledgers
                .entry(hand_over.id.0)
                .or_insert_with(|| Ledger::new(hand_over.key, hand_over.id, hand_over.spans.len()))
                .take(portion.len());
        }
    }

    /// Enters the end of spans that were in flight, and tells it.
    pub(super) fn settle(&mut self, load: &Load, outcome: &Outcome) {
        let spans = load.spans;
        self.queue.book(|account| {
            account.in_flight -= spans;
            match outcome {
                Outcome::Accepted { .. } => account.accepted += spans,
                Outcome::PartlyRejected { rejected, .. } => {
                    account.rejected += *rejected as u64;
                    account.accepted += spans - *rejected as u64;
                }
                Outcome::Dropped { reason } => account.dropped.count(reason, spans),
            }
        });
        self.change(&load.parts, |ledger, spans| ledger.settle(spans, outcome));
    }

    /// Spans that were in flight lie in the spool now, which takes so many bytes.
    pub(super) fn spool(&mut self, load: &Load, bytes: u64) {
        self.queue.book(|account| {
            account.in_flight -= load.spans;
            account.spooled += load.spans;
            account.spooled_bytes = bytes;
        });
        self.change(&load.parts, Ledger::spool);
    }

    /// Spans that lay in the spool are to be sent.
    pub(super) fn unspool(&mut self, load: &Load) {
        self.queue.book(|account| {
            account.spooled -= load.spans;
            account.in_flight += load.spans;
        });
        for part in &load.parts {
            // What lay there as a whole has no ledger.
            let (key, id) = (TraceKey(part.key), EnqueueId(part.id));
            self.ledgers
                .entry(part.id)
                .or_insert_with(|| Ledger::spooled(key, id, count(part.whole)))
                .unspool(count(part.spans));
        }
    }

    /// Tells how spans do that are under way.
    pub(super) fn tell(&self, load: &Load, delivery: &Delivery) {
        if self.subscribers.is_empty() {
            return;
        }
        let destination = self.queue.destination();
        let ledgers = load.parts.iter().filter_map(|part| self.ledgers.get(&part.id));
        let receipts: Vec<Receipt> =
            ledgers.map(|ledger| ledger.under_way(destination, delivery.clone())).collect();
        self.tell_all(&receipts);
    }

    /// Tells these receipts, and counts those that a subscriber lost by its panic.
    pub(super) fn tell_all(&self, receipts: &[Receipt]) {
        let lost = self.subscribers.tell(receipts);
        if lost > 0 {
            self.queue.book(|account| account.untold += lost);
        }
    }

    fn change(&mut self, parts: &[Part], change: impl Fn(&mut Ledger, usize)) {
        let heard = !self.subscribers.is_empty();
        let mut receipts = Vec::new();
        for part in parts {
            let Some(ledger) = self.ledgers.get_mut(&part.id) else { continue };
            change(ledger, count(part.spans));
            if heard {
                receipts.push(ledger.receipt(self.queue.destination()));
            }
            if ledger.is_settled() || ledger.is_spooled_whole(count(part.spans)) {
                self.ledgers.remove(&part.id);
            }
        }
        self.tell_all(&receipts);
    }
}

/// A number of spans that were in memory once.
fn count(spans: u64) -> usize {
    usize::try_from(spans).unwrap_or(usize::MAX)
}
