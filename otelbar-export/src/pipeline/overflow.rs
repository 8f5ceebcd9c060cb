//! What gives way when a queue is full.

use std::time::Duration;

/// Which spans are dropped when a batch is enqueued into a full queue. Always counted, and told by receipt.
///
/// A batch is never cut: it is taken whole or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// The batch that is being enqueued.
    Newest,
    /// The batches that have waited longest.
    Oldest,
    /// Whole traces, the oldest first, with all that is queued of them. Those with a span whose status is Error, or
    /// with one that took at least `slow`, go last: they are what a trace is looked at for.
    Traces {
        /// From which duration on a span makes its trace worth keeping.
        slow: Duration,
    },
}

impl Default for Overflow {
    /// [`Traces`](Self::Traces), slow from 500 ms on.
    fn default() -> Self {
        Self::Traces { slow: Duration::from_millis(500) }
    }
}
