//! What is known of spans that have left the queue, and who is told.

use std::collections::HashMap;
use std::sync::Arc;

use crate::batch::{EnqueueId, Portion, TraceKey};
use crate::pipeline::counts::{SpanCounts, Step};
use crate::pipeline::delivery::{Delivery, ExportResult};
use crate::pipeline::ledger::Ledger;
use crate::pipeline::queue::Queue;
use crate::pipeline::receipt::Receipt;
use crate::pipeline::subscribers::Subscribers;
use crate::spool::Part;

/// Spans that travel together.
#[derive(Clone, Debug, Default)]
pub(super) struct Load {
    /// By batch; empty when another process has enqueued them, whose receipts nobody here waits for.
    pub(super) parts: Vec<Part>,
    pub(super) spans: u64,
}

impl Load {
    pub(super) fn of(portions: &[Portion]) -> Self {
        let parts = portions.iter().map(|portion| Part {
            id: portion.id().0,
            key: portion.enqueued().key.0,
            whole: portion.enqueued().spans.len() as u64,
            spans: portion.len() as u64,
        });
        Self { parts: parts.collect(), spans: portions.iter().map(|portion| portion.len() as u64).sum() }
    }
}

/// One [`Ledger`] for each batch that is under way, and with them the sums in the queue's statistics: what happens to
/// spans is entered in both.
#[derive(Debug)]
pub(super) struct Ledgers {
    queue: Arc<Queue>,
    subscribers: Arc<Subscribers>,
    /// Of which spans were taken from the queue, and not all are settled. What lies in the spool as a whole needs none
    /// in memory.
    open: HashMap<u64, Ledger>,
}

impl Ledgers {
    pub(super) fn new(queue: Arc<Queue>, subscribers: Arc<Subscribers>) -> Self {
        Self { queue, subscribers, open: HashMap::new() }
    }

    /// Notes that these spans have left the queue, which has counted that.
    pub(super) fn register(&mut self, portions: &[Portion]) {
        for portion in portions {
            let enqueued = portion.enqueued();
            let new =
                || Ledger::new(enqueued.key, enqueued.id, SpanCounts::queued(enqueued.spans.len() as u64));
            let ledger = self.open.entry(enqueued.id.0).or_insert_with(new);
            ledger.apply(Step::Taken, portion.len() as u64);
        }
    }

    /// Enters the end of spans that were in flight, and tells it.
    pub(super) fn settle(&mut self, load: &Load, outcome: &ExportResult) {
        self.apply(Step::Settled(outcome), load);
        self.tell_of(load);
    }

    /// Spans that were in flight lie in the spool now, which takes so many bytes.
    pub(super) fn spool(&mut self, load: &Load, bytes: u64) {
        self.queue.count(|statistics| statistics.spooled_bytes = bytes);
        self.apply(Step::Spooled, load);
        self.tell_of(load);
    }

    /// Spans that lay in the spool are to be sent.
    pub(super) fn unspool(&mut self, load: &Load) {
        for part in &load.parts {
            // What lay there as a whole has no ledger.
            let (key, id) = (TraceKey(part.key), EnqueueId(part.id));
            let new = || Ledger::new(key, id, SpanCounts::spooled(part.whole));
            self.open.entry(part.id).or_insert_with(new);
        }
        self.apply(Step::Unspooled, load);
    }

    /// Tells how spans do that are under way.
    pub(super) fn tell(&self, load: &Load, delivery: &Delivery) {
        if self.subscribers.is_empty() {
            return;
        }
        let destination = self.queue.destination();
        let ledgers = load.parts.iter().filter_map(|part| self.open.get(&part.id));
        let receipts: Vec<Receipt> =
            ledgers.map(|ledger| ledger.under_way(destination, delivery.clone())).collect();
        self.tell_all(&receipts);
    }

    /// Tells these receipts, and counts those that a subscriber lost by its panic.
    pub(super) fn tell_all(&self, receipts: &[Receipt]) {
        let lost = self.subscribers.tell(receipts);
        if lost > 0 {
            self.queue.count(|statistics| statistics.untold += lost);
        }
    }

    /// These spans take this step.
    fn apply(&mut self, step: Step<'_>, load: &Load) {
        self.queue.count(|statistics| statistics.apply(step, load.spans));
        for part in &load.parts {
            if let Some(ledger) = self.open.get_mut(&part.id) {
                ledger.apply(step, part.spans);
            }
        }
    }

    /// Tells what has become of these spans, and forgets the batches of which there is no more to follow here.
    fn tell_of(&mut self, load: &Load) {
        let heard = !self.subscribers.is_empty();
        let mut receipts = Vec::new();
        for part in &load.parts {
            let Some(ledger) = self.open.get(&part.id) else { continue };
            if heard {
                receipts.push(ledger.receipt(self.queue.destination()));
            }
            if ledger.is_settled() || ledger.is_spooled_whole(part.spans) {
                self.open.remove(&part.id);
            }
        }
        self.tell_all(&receipts);
    }
}
