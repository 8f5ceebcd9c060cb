use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use opentelemetry::trace::SpanId;
use otelbar_export::{DropReason, Receipt, TraceDelivery, TraceKey};

/// What became of the spans of the requests that the store holds, at each destination.
///
/// A request is followed from when its first spans are enqueued until the store lets go of it.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    destinations: usize,
    /// By the request's key; in each the destinations have their places in the pipeline.
    of: Mutex<HashMap<TraceKey, Vec<TraceDelivery>>>,
}

impl Deliveries {
    /// On the way to so many destinations.
    pub(super) fn new(destinations: usize) -> Self {
        Deliveries { destinations, of: Mutex::default() }
    }

    /// Spans of a request that the store holds are about to be enqueued; their receipts may come at once.
    pub(super) fn expect(&self, request: SpanId, spans: u64) {
        let mut of = self.lock();
        let at_each = of.entry(request.into()).or_insert_with(|| self.of_none());
        at_each.iter_mut().for_each(|at| at.expect(spans));
    }

    /// No destination has taken these spans, which were expected if the request is followed.
    pub(super) fn refuse(&self, request: SpanId, spans: u64, reason: &DropReason) {
        for at in self.lock().get_mut(&request.into()).into_iter().flatten() {
            at.refuse(spans, reason.clone());
        }
    }

    /// Takes a receipt for the request that it is about; nobody asks for those of requests that are not followed.
    pub(super) fn receive(&self, receipt: &Receipt) {
        let mut of = self.lock();
        let at_each = of.get_mut(&receipt.key);
        if let Some(at) = at_each.and_then(|at_each| at_each.get_mut(receipt.destination.index)) {
            at.receive(receipt);
        }
    }

    /// How far a request's spans have come, on the way to each destination.
    pub(super) fn of(&self, request: SpanId) -> Vec<TraceDelivery> {
        self.lock().get(&request.into()).cloned().unwrap_or_else(|| self.of_none())
    }

    pub(super) fn forget(&self, requests: &[SpanId]) {
        if requests.is_empty() {
            return;
        }
        let mut of = self.lock();
        let forgotten: Vec<_> = requests.iter().filter_map(|request| of.remove(&(*request).into())).collect();
        // Freed when nobody waits for the lock.
        drop(of);
        drop(forgotten);
    }

    /// Of a request no span of which was enqueued.
    fn of_none(&self) -> Vec<TraceDelivery> {
        vec![TraceDelivery::default(); self.destinations]
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TraceKey, Vec<TraceDelivery>>> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
