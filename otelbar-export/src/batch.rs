//! What the pipeline is given.

mod weight;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use tokio::time::Instant;

/// Finished spans that belong together, as they are enqueued in one go; most often those of one request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TraceBatch {
    /// The caller's name for them, repeated in each [`Receipt`](crate::Receipt).
    pub key: TraceKey,
    /// The service they come from. A [`Resource`] is cheap to clone; batches of several services may share a
    /// pipeline.
    pub resource: Resource,
    /// The spans.
    pub spans: Vec<SpanData>,
    /// The `tracestate` of the trace, as it is written in the header; `None`, the default, for what each span's own
    /// [`SpanContext`](opentelemetry::trace::SpanContext) says.
    ///
    /// It is there because the `TraceState` of the `opentelemetry` crate refuses keys that level 2 of W3C Trace Context
    /// allows, and because one text costs less than a list of members in each span.
    pub trace_state: Option<Arc<str>>,
}

impl TraceBatch {
    /// A batch of these spans, with the `tracestate` of each span's own context.
    pub fn new(key: impl Into<TraceKey>, resource: Resource, spans: Vec<SpanData>) -> Self {
        Self { key: key.into(), resource, spans, trace_state: None }
    }

    /// The same batch, each span with this `tracestate`.
    #[must_use]
    pub fn with_trace_state(mut self, trace_state: impl Into<Arc<str>>) -> Self {
        self.trace_state = Some(trace_state.into());
        self
    }
}

/// A name the caller chooses for a trace; the pipeline only repeats it.
///
/// ```
/// use opentelemetry::trace::SpanId;
/// use otelbar_export::TraceKey;
///
/// assert_eq!(TraceKey::from(SpanId::from(7)), TraceKey::from(7));
/// assert_eq!(u64::from(TraceKey::from(7)), 7);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceKey(pub(crate) u64);

impl From<u64> for TraceKey {
    fn from(key: u64) -> Self {
        Self(key)
    }
}

impl From<TraceKey> for u64 {
    fn from(key: TraceKey) -> Self {
        key.0
    }
}

/// The id of a trace's root span serves well as its key.
impl From<SpanId> for TraceKey {
    fn from(id: SpanId) -> Self {
        Self(u64::from_be_bytes(id.to_bytes()))
    }
}

/// The lower half of a trace's id, where a trace is enqueued by its id alone.
impl From<TraceId> for TraceKey {
    fn from(id: TraceId) -> Self {
        let [.., a, b, c, d, e, f, g, h] = id.to_bytes();
        Self(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }
}

impl fmt::Display for TraceKey {
    /// 16 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Names one enqueued batch: a trace that is enqueued in two parts has one [`TraceKey`] and two of these. They grow in
/// the order of enqueuing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EnqueueId(pub(crate) u64);

impl fmt::Display for EnqueueId {
    /// A number after `#`: `#7`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// A batch as the pipeline holds it, shared by the queues of all its destinations.
#[derive(Debug)]
pub(crate) struct Enqueued {
    pub(crate) id: EnqueueId,
    pub(crate) key: TraceKey,
    pub(crate) resource: Resource,
    pub(crate) spans: Vec<SpanData>,
    pub(crate) trace_state: Option<Arc<str>>,
    /// That of the first span: a batch is of one trace as a rule. Kept here as the spans lie elsewhere, in memory
    /// that has grown cold.
    pub(crate) trace: TraceId,
    /// When it was enqueued; known only where a spool needs it.
    pub(crate) since: Option<Instant>,
    /// The bytes the spans hold, roughly.
    bytes: usize,
}

impl Enqueued {
    pub(crate) fn new(id: EnqueueId, batch: TraceBatch) -> Arc<Self> {
        Self::at(id, batch, None)
    }

    pub(crate) fn at(id: EnqueueId, batch: TraceBatch, since: Option<Instant>) -> Arc<Self> {
        let TraceBatch { key, resource, spans, trace_state } = batch;
        let shared = trace_state.as_ref().map_or(0, |state| state.len());
        let bytes = shared + spans.iter().map(weight::of_span).sum::<usize>();
        let trace = spans.first().map_or(TraceId::INVALID, |span| span.span_context.trace_id());
        Arc::new(Self { id, key, resource, spans, trace_state, trace, since, bytes })
    }
}

/// Spans of one batch on their way: all of them, or some where it is large.
#[derive(Clone, Debug)]
pub(crate) struct Portion {
    enqueued: Arc<Enqueued>,
    range: Range<usize>,
    bytes: usize,
}

impl Portion {
    /// All of it.
    pub(crate) fn whole(enqueued: Arc<Enqueued>) -> Self {
        Self { range: 0..enqueued.spans.len(), bytes: enqueued.bytes, enqueued }
    }

    pub(crate) fn enqueued(&self) -> &Enqueued {
        &self.enqueued
    }

    pub(crate) fn id(&self) -> EnqueueId {
        self.enqueued.id
    }

    pub(crate) fn spans(&self) -> &[SpanData] {
        self.enqueued.spans.get(self.range.clone()).unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.range.len()
    }

    /// The bytes these spans hold, roughly.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether spans before these have gone their way already.
    pub(crate) fn is_rest(&self) -> bool {
        self.range.start > 0
    }

    /// A part of it, by the index of its spans.
    pub(crate) fn part(&self, range: Range<usize>) -> Self {
        if range == (0..self.len()) {
            return self.clone();
        }
        let range = self.range.start + range.start..self.range.start + range.end;
        let mut part = Self { enqueued: Arc::clone(&self.enqueued), range, bytes: 0 };
        part.bytes = part.spans().iter().map(weight::of_span).sum();
        part
    }

    /// Keeps the first spans and gives the others.
    pub(crate) fn split_off(&mut self, at: usize) -> Self {
        let rest = self.part(at..self.len());
        self.range.end = rest.range.start;
        self.bytes = self.bytes.saturating_sub(rest.bytes);
        rest
    }
}
