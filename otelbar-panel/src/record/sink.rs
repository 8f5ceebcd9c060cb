use std::sync::{Arc, Weak};
use std::time::Instant;

use opentelemetry::trace::SpanId;

use super::context::{RequestContext, RequestSink};
use super::queue::Queue;
use super::store::Store;

/// The store, and the queue for those requests that are exported.
#[derive(Debug)]
pub(crate) struct Sink {
    /// The requests in it hold this, so it does not keep them.
    pub(crate) store: Weak<Store>,
    pub(crate) queue: Queue<Arc<RequestContext>>,
    /// Whether there is an exporter.
    pub(crate) exports: bool,
}

impl RequestSink for Sink {
    fn exports(&self) -> bool {
        self.exports
    }

    fn finished(&self, request: &Arc<RequestContext>, bytes: usize, at: Instant) -> bool {
        // Gone where the toolbar is.
        let Some(store) = self.store.upgrade() else { return false };
        let evicted = store.insert(Arc::clone(request), bytes);
        if self.exports {
            self.queue.evicted(evicted);
        }
        request.is_exported() && self.queue.finished(Arc::clone(request), bytes, at)
    }

    fn resized(&self, request: SpanId, bytes: usize) {
        let Some(store) = self.store.upgrade() else { return };
        let evicted = store.resize(request, bytes);
        if self.exports {
            self.queue.evicted(evicted);
        }
    }

    fn added_to(&self, request: &Arc<RequestContext>) -> bool {
        self.queue.late(Arc::clone(request))
    }
}
