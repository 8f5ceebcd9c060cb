//! What is handed over to the pipeline.

use std::fmt;

use opentelemetry::trace::SpanId;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;

/// Finished spans that belong together, as handed over to the pipeline in one go; most often those of one
/// request.
#[derive(Clone, Debug)]
pub struct TraceBatch {
    /// The caller's name for them, repeated in each [`Receipt`](crate::Receipt).
    pub key: TraceKey,
    /// The service they come from. A [`Resource`] is cheap to clone; batches of several services may share a
    /// pipeline.
    pub resource: Resource,
    /// The spans.
    pub spans: Vec<SpanData>,
}

impl TraceBatch {
    /// A batch.
    pub fn new(key: impl Into<TraceKey>, resource: Resource, spans: Vec<SpanData>) -> Self {
        Self { key: key.into(), resource, spans }
    }
}

/// A name the caller chooses for a trace; the pipeline only repeats it.
///
/// ```
/// use opentelemetry::trace::SpanId;
/// use otelbar_export::TraceKey;
///
/// assert_eq!(TraceKey::from(SpanId::from(7)), TraceKey::from(7));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceKey(pub u64);

impl From<u64> for TraceKey {
    fn from(key: u64) -> Self {
        Self(key)
    }
}

/// The id of a trace's root span serves well as its key.
impl From<SpanId> for TraceKey {
    fn from(id: SpanId) -> Self {
        Self(u64::from_be_bytes(id.to_bytes()))
    }
}

impl fmt::Display for TraceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Names one hand-over: a trace handed over in two parts has one [`TraceKey`] and two of these. They grow in
/// the order of handing over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EnqueueId(pub(crate) u64);

impl fmt::Display for EnqueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// Spans of one hand-over on their way out of the queue; a large hand-over is cut into several.
#[derive(Debug)]
pub(crate) struct Portion {
    pub(crate) id: EnqueueId,
    pub(crate) key: TraceKey,
    pub(crate) resource: Resource,
    pub(crate) spans: Vec<SpanData>,
    /// How many spans the hand-over had.
    pub(crate) whole: usize,
    /// The bytes these spans hold, roughly.
    pub(crate) bytes: usize,
}
