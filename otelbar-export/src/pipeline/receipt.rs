//! What a subscriber is told, and what a caller gets whose spans were not taken.

use crate::batch::{EnqueueId, TraceKey};
use crate::pipeline::counts::SpanCounts;
use crate::pipeline::delivery::{Delivery, DropReason};
use crate::transport::DestinationInfo;

/// The state of one enqueued batch at one destination, told to
/// [subscribers](crate::Pipeline::subscribe) at each change.
///
/// A batch may travel in several requests; the counts add them up. [`TraceDelivery`](crate::TraceDelivery) adds up the
/// receipts of several batches.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Receipt {
    /// The caller's key.
    pub key: TraceKey,
    /// Which batch.
    pub id: EnqueueId,
    /// Where its spans are to go.
    pub destination: DestinationInfo,
    /// How many of its spans are where.
    pub spans: SpanCounts,
    /// The latest change while spans are under way, and the worst outcome once all are settled.
    pub delivery: Delivery,
}

impl Receipt {
    /// Of a batch that was dropped as a whole.
    pub(super) fn dropped(
        key: TraceKey,
        id: EnqueueId,
        destination: DestinationInfo,
        spans: u64,
        reason: DropReason,
    ) -> Self {
        Self {
            key,
            id,
            destination,
            spans: SpanCounts::dropped(spans),
            delivery: Delivery::Dropped { reason },
        }
    }

    /// Whether nothing more will follow for this batch. Of what is in the spool more follows when it is sent, be it by
    /// another process.
    pub fn is_final(&self) -> bool {
        self.spans.is_settled()
    }
}

/// A batch that was not taken: the receipt of a full queue or of a pipeline that was shut down.
///
/// It is counted already and told to subscribers; there is nothing left to do about it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{spans} spans of trace {key} dropped: {reason}")]
#[non_exhaustive]
pub struct Dropped {
    /// The caller's key.
    pub key: TraceKey,
    /// Which batch.
    pub id: EnqueueId,
    /// Where they were to go; the last of several destinations.
    pub destination: DestinationInfo,
    /// How many spans.
    pub spans: u64,
    /// Why.
    pub reason: DropReason,
}
