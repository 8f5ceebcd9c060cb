//! A request on its way.

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::ledgers::Load;
use crate::batch::Portion;
use crate::encode::Request;
use crate::pipeline::queue::{Queue, Turn};
use crate::spool::RecordId;
use crate::transport::Payload;

/// A request that is to be sent, with what has come of it so far.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) body: Bytes,
    pub(super) load: Load,
    /// Made for the first attempt.
    pub(super) payload: Option<Payload>,
    pub(super) attempts: u32,
    /// When the first attempt was made.
    pub(super) began: Option<Instant>,
    pub(super) origin: Origin,
    /// Where it lies in the spool, until its fate is known.
    pub(super) record: Option<RecordId>,
    /// When the first of its spans was enqueued, until it has been written down.
    pub(super) since: Option<Instant>,
}

/// Where a request comes from.
#[derive(Debug)]
pub(super) enum Origin {
    /// From the queue, so it can be encoded anew in parts.
    Batch { portions: Vec<Portion>, batch: Rc<InFlight> },
    /// From the spool.
    Spool,
}

impl Job {
    pub(super) fn new(request: Request, batch: &Rc<InFlight>) -> Self {
        let load = Load::of(&request.portions);
        let since = request.portions.iter().filter_map(|portion| portion.enqueued().since).min();
        let origin = Origin::Batch { portions: request.portions, batch: Rc::clone(batch) };
        let (payload, attempts, began, record) = (None, 0, None, None);
        Self { body: request.body, load, payload, attempts, began, origin, record, since }
    }

    pub(super) fn stored(id: RecordId, body: Bytes, load: Load) -> Self {
        let (payload, attempts, began, since) = (None, 0, None, None);
        Self { body, load, payload, attempts, began, origin: Origin::Spool, record: Some(id), since }
    }

    pub(super) fn is_stored(&self) -> bool {
        self.record.is_some()
    }
}

/// A batch of which not all is settled: a flush waits for it.
#[derive(Debug)]
pub(super) struct InFlight {
    queue: Arc<Queue>,
    turn: Turn,
}

impl InFlight {
    pub(super) fn new(queue: Arc<Queue>, turn: Turn) -> Rc<Self> {
        Rc::new(Self { queue, turn })
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.queue.batch_done(self.turn);
    }
}

/// Spans in two parts, as even as they can be.
pub(super) fn halves(portions: Vec<Portion>) -> [Vec<Portion>; 2] {
    let mut room = portions.iter().map(Portion::len).sum::<usize>().div_ceil(2);
    let [mut first, mut second] = [Vec::new(), Vec::new()];
    for mut portion in portions {
        if room == 0 {
            second.push(portion);
            continue;
        }
        if portion.len() > room {
            second.push(portion.split_off(room));
        }
        room -= portion.len();
        first.push(portion);
    }
    [first, second]
}
