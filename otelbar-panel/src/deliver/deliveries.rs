use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opentelemetry::trace::SpanId;
use otelbar_export::Receipt;

use super::delivery::Delivery;

/// The deliveries of the requests that the store holds.
///
/// One begins when the first spans of a request are enqueued, and is forgotten when the store lets go of the request.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    of: Mutex<HashMap<SpanId, Arc<Delivery>>>,
}

impl Deliveries {
    /// That of a request the store holds.
    pub(super) fn begin(&self, request: SpanId) -> Arc<Delivery> {
        Arc::clone(self.lock().entry(request).or_default())
    }

    /// That of a request, where something of it was enqueued.
    pub(super) fn of(&self, request: SpanId) -> Option<Arc<Delivery>> {
        self.lock().get(&request).cloned()
    }

    /// Takes a receipt for the request that it is about; nobody asks for those of requests that are not held.
    pub(super) fn receive(&self, receipt: &Receipt) {
        if let Some(delivery) = self.of(SpanId::from_bytes(receipt.key.0.to_be_bytes())) {
            delivery.receive(receipt);
        }
    }

    pub(super) fn forget(&self, requests: &[SpanId]) {
        if requests.is_empty() {
            return;
        }
        let mut of = self.lock();
        let forgotten: Vec<_> = requests.iter().filter_map(|request| of.remove(request)).collect();
        // Freed when nobody waits for the lock.
        drop(of);
        drop(forgotten);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SpanId, Arc<Delivery>>> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
