//! The requests that the page can show: bounded, the oldest make room.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opentelemetry::trace::{SpanId, TraceId};

use super::context::RequestContext;

/// Finished requests, in the order in which they ended.
#[derive(Debug)]
pub(crate) struct Store {
    max_requests: usize,
    max_bytes: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// In the order of their `seq`, without a gap.
    held: VecDeque<Held>,
    by_id: HashMap<SpanId, u64>,
    /// Each request's trace and `seq`, so that those of a trace stand together.
    by_trace: BTreeSet<([u8; 16], u64)>,
    bytes: usize,
    next_seq: u64,
    evicted: u64,
}

impl Inner {
    fn place(&self, seq: u64) -> Option<usize> {
        usize::try_from(seq.checked_sub(self.held.front()?.seq)?).ok()
    }

    fn at(&self, seq: u64) -> Option<&Held> {
        self.held.get(self.place(seq)?)
    }
}

/// A request in the store.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// Grows with each request.
    pub(crate) seq: u64,
    pub(crate) context: Arc<RequestContext>,
    bytes: usize,
}

/// How full the store is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fill {
    pub(crate) requests: usize,
    pub(crate) max_requests: usize,
    pub(crate) bytes: usize,
    pub(crate) max_bytes: usize,
    pub(crate) evicted: u64,
}

impl Store {
    pub(crate) fn new(max_requests: usize, max_bytes: usize) -> Self {
        Store { max_requests, max_bytes, inner: Mutex::default() }
    }

    /// Takes a request in, which holds so many bytes; the ids of those that had to make room for it.
    #[must_use]
    pub(crate) fn insert(&self, context: Arc<RequestContext>, bytes: usize) -> Vec<SpanId> {
        let mut inner = self.lock();
        inner.next_seq += 1;
        let seq = inner.next_seq;
        inner.bytes += bytes;
        inner.by_id.insert(context.id(), seq);
        inner.by_trace.insert((context.span_context.trace_id().to_bytes(), seq));
        inner.held.push_back(Held { seq, context, bytes });
        self.make_room(inner)
    }

    /// A request holds so many bytes from now on; the ids of those that had to make room for it.
    #[must_use]
    pub(crate) fn resize(&self, id: SpanId, bytes: usize) -> Vec<SpanId> {
        let mut inner = self.lock();
        let place = inner.by_id.get(&id).copied().and_then(|seq| inner.place(seq));
        let Some(held) = place.and_then(|place| inner.held.get_mut(place)) else { return Vec::new() };
        let before = std::mem::replace(&mut held.bytes, bytes);
        inner.bytes = inner.bytes - before + bytes;
        self.make_room(inner)
    }

    /// The request with this id.
    pub(crate) fn request(&self, id: SpanId) -> Option<Held> {
        let inner = self.lock();
        inner.at(*inner.by_id.get(&id)?).cloned()
    }

    /// Whether the request with this id is held.
    pub(crate) fn holds(&self, id: SpanId) -> bool {
        self.lock().by_id.contains_key(&id)
    }

    /// All requests of a trace, the oldest first.
    pub(crate) fn trace(&self, id: TraceId) -> Vec<Held> {
        let inner = self.lock();
        let id = id.to_bytes();
        let of_trace = inner.by_trace.range((id, 0)..=(id, u64::MAX));
        of_trace.filter_map(|(_, seq)| inner.at(*seq)).cloned().collect()
    }

    /// The newest requests first, those older than `before` alone.
    pub(crate) fn newest(&self, before: Option<u64>, limit: usize) -> Vec<Held> {
        let inner = self.lock();
        let older = |held: &&Held| before.is_none_or(|before| held.seq < before);
        inner.held.iter().rev().filter(older).take(limit).cloned().collect()
    }

    pub(crate) fn fill(&self) -> Fill {
        let inner = self.lock();
        Fill {
            requests: inner.held.len(),
            max_requests: self.max_requests,
            bytes: inner.bytes,
            max_bytes: self.max_bytes,
            evicted: inner.evicted,
        }
    }

    /// Lets go of the oldest; a single request stays however large it is, its own limits bound it.
    fn make_room(&self, mut inner: MutexGuard<'_, Inner>) -> Vec<SpanId> {
        let mut evicted = Vec::new();
        while inner.held.len() > self.max_requests || (inner.bytes > self.max_bytes && inner.held.len() > 1) {
            let Some(held) = inner.held.pop_front() else { break };
            inner.bytes -= held.bytes;
            inner.evicted += 1;
            inner.by_id.remove(&held.context.id());
            let trace = held.context.span_context.trace_id();
            inner.by_trace.remove(&(trace.to_bytes(), held.seq));
            evicted.push(held);
        }
        // Freed when nobody waits for the lock.
        drop(inner);
        for held in &evicted {
            held.context.let_go();
        }
        evicted.iter().map(|held| held.context.id()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
