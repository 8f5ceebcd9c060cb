//! What was left out, and what is held beside the store.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// What was left out at capture, for all requests.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Requests that found the exporter's queue full, and that the store had to let go of before there was room.
    pub(crate) requests: Counter,
    pub(crate) spans: Counter,
    pub(crate) logs: Counter,
    pub(crate) attributes: Counter,
    /// Logs whose span had been exported before they came.
    pub(crate) late: Counter,
    /// Faults of the toolbar's own, each of which has cost one request's view or export.
    pub(crate) panics: Counter,
}

/// What requests hold that the store does not count: those that have not ended, and those it has let go of that something
/// still holds.
#[derive(Debug)]
pub(crate) struct Open {
    requests: AtomicUsize,
    bytes: AtomicUsize,
    max_bytes: usize,
}

impl Open {
    /// Nothing yet, and so many bytes at most; where there are more, nothing is added to what is recorded of requests.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Open { requests: AtomicUsize::new(0), bytes: AtomicUsize::new(0), max_bytes }
    }

    pub(crate) fn begin(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn end(&self) {
        self.requests.fetch_sub(1, Ordering::Relaxed);
    }

    /// A request holds so many bytes, and held so many before.
    pub(crate) fn change(&self, before: usize, now: usize) {
        if now >= before {
            self.bytes.fetch_add(now - before, Ordering::Relaxed);
        } else {
            self.bytes.fetch_sub(before - now, Ordering::Relaxed);
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.bytes() > self.max_bytes
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// A count that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, n: u64) {
        if n > 0 {
            self.0.fetch_add(n, Ordering::Relaxed);
        }
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
