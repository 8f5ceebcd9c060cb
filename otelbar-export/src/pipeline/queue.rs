//! The bounded queue between the callers and the pipeline's thread, and what is counted of it.
//!
//! One mutex guards the queue and the [`Statistics`], so these are consistent whenever they are read. A push is a
//! short critical section. Waking a thread costs many times that, so it is done when a batch has come together, not
//! for each push; with a delay of a second or more the thread looks by itself each time that has passed.

mod entries;
#[cfg(all(test, shuttle))]
mod tests;

use std::sync::{Arc, PoisonError};
#[cfg(not(all(test, shuttle)))]
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

#[cfg(all(test, shuttle))]
use shuttle::sync::{Condvar, Mutex, MutexGuard};
#[cfg(all(test, shuttle))]
use shuttle_tokio as tokio;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::batch::{Enqueued, Portion};
use crate::pipeline::counts::Step;
use crate::pipeline::delivery::{DropReason, ExportResult};
use crate::pipeline::options::Options;
use crate::pipeline::receipt::{Dropped, Receipt};
use crate::pipeline::statistics::{Health, PauseReason, Statistics};
use crate::time::after;
use crate::transport::DestinationInfo;

pub(crate) use entries::Turn;
use entries::{Capacity, Entries};

/// Drops that wait to be told to subscribers. A flood of refusals is cut and counted; what is in the queue gives way
/// only while its receipt can be told.
const UNTOLD: usize = 16_384;

/// From this delay on the thread looks by itself; with a shorter one it is woken when spans come to an empty queue.
const LOOKS: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    destination: DestinationInfo,
    capacity: Capacity,
    /// Spans in a batch at most.
    batch_size: usize,
    /// Spans, or bytes, that are sent without waiting for more: a batch, or half of the queue.
    plenty: Capacity,
    batch_delay: Duration,
    has_spool: bool,
    /// Something was settled or the pipeline has ended.
    progress: Condvar,
    /// There is something to send.
    wake: Notify,
    /// There are drops to tell.
    dropped: Notify,
    /// When the pipeline has to have ended, once it was asked to.
    closing: watch::Sender<Option<Instant>>,
}

#[derive(Debug)]
struct State {
    entries: Entries,
    /// The turns of the batches that are in flight.
    in_flight: Vec<Turn>,
    /// Batches before this one are to be sent now, for a flush.
    wanted: Turn,
    untold: Vec<Receipt>,
    statistics: Statistics,
    /// Nothing is taken any more.
    closed: bool,
    /// Nothing is sent any more.
    finished: bool,
}

/// What was taken out of the queue together.
#[derive(Debug)]
pub(crate) struct Batch {
    /// That of its first spans.
    pub(crate) turn: Turn,
    pub(crate) portions: Vec<Portion>,
}

/// Everything enqueued before this point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark(Turn);

impl Queue {
    pub(crate) fn new(options: &Options, destination: DestinationInfo) -> Self {
        let capacity = Capacity { spans: options.max_queue_size, bytes: options.max_queue_bytes };
        Self {
            state: Mutex::new(State {
                entries: Entries::new(capacity, options.overflow),
                in_flight: Vec::new(),
                wanted: 0,
                untold: Vec::new(),
                statistics: Statistics::new(destination.clone()),
                closed: false,
                finished: false,
            }),
            destination,
            capacity,
            batch_size: options.max_export_batch_size,
            plenty: Capacity {
                spans: options.max_export_batch_size.min(options.max_queue_size.div_ceil(2)),
                bytes: options.max_queue_bytes.div_ceil(2),
            },
            batch_delay: options.effective_delay(),
            has_spool: options.spool.is_some(),
            progress: Condvar::new(),
            wake: Notify::new(),
            dropped: Notify::new(),
            closing: watch::channel(None).0,
        }
    }

    pub(crate) fn destination(&self) -> &DestinationInfo {
        &self.destination
    }

    /// Takes a batch in, or counts it as dropped.
    pub(crate) fn push(&self, batch: Arc<Enqueued>) -> Result<(), Dropped> {
        let incoming = Portion::whole(batch);
        let mut state = self.lock();
        state.statistics.enqueued += incoming.len() as u64;
        if state.closed {
            return Err(self.refuse(state, &incoming, DropReason::Closed));
        }
        let mut gave_way = false;
        if !state.entries.fits(&incoming) {
            // A next one may fit if what is there is sent now.
            state.wanted = state.entries.next_turn();
            self.wake.notify_one();
            let room = if state.untold.len() < UNTOLD { state.entries.make_room(&incoming) } else { None };
            let Some(gone) = room else { return Err(self.refuse(state, &incoming, self.full())) };
            gave_way = true;
            self.drop_queued(&mut state, &gone);
        }
        let had_enough = self.is_enough(&state.entries);
        let had_batch = state.entries.spans() >= self.batch_size;
        let was_empty = state.entries.spans() == 0;
        state.statistics.spans.queued += incoming.len() as u64;
        state.statistics.queued_bytes += incoming.bytes() as u64;
        state.entries.push(incoming);
        let has_batch = state.entries.spans() >= self.batch_size;
        let wake = (self.is_enough(&state.entries) && !had_enough) || (has_batch && !had_batch);
        drop(state);
        if wake || (was_empty && self.batch_delay < LOOKS) {
            self.wake.notify_one();
        }
        if gave_way {
            self.dropped.notify_one();
            // A flush may have waited for what is gone.
            self.progressed();
        }
        Ok(())
    }

    fn is_enough(&self, entries: &Entries) -> bool {
        entries.spans() >= self.plenty.spans || entries.bytes() >= self.plenty.bytes
    }

    fn full(&self) -> DropReason {
        DropReason::QueueFull { spans: self.capacity.spans, bytes: self.capacity.bytes }
    }

    fn refuse(&self, mut state: MutexGuard<'_, State>, refused: &Portion, reason: DropReason) -> Dropped {
        let spans = refused.len() as u64;
        state.statistics.refuse(&reason, spans);
        let (key, id, destination) = (refused.enqueued().key, refused.id(), self.destination.clone());
        let first = state.untold.is_empty();
        if !state.finished && state.untold.len() < UNTOLD {
            state.untold.push(Receipt::dropped(key, id, destination.clone(), spans, reason.clone()));
        } else {
            state.statistics.untold += 1;
        }
        drop(state);
        if first {
            self.dropped.notify_one();
        }
        Dropped { key, id, destination, spans, reason }
    }

    /// Counts what has given way for another batch.
    fn drop_queued(&self, state: &mut State, gone: &[Portion]) {
        let reason = self.full();
        for portion in gone {
            let spans = portion.len() as u64;
            state.statistics.drop_queued(&reason, spans, portion.bytes() as u64);
            let (key, destination) = (portion.enqueued().key, self.destination.clone());
            state.untold.push(Receipt::dropped(key, portion.id(), destination, spans, reason.clone()));
        }
    }

    pub(crate) fn statistics(&self) -> Statistics {
        let mut statistics = self.lock().statistics.clone();
        let asked = statistics.pause.filter(|pause| pause.reason == PauseReason::RetryAfter);
        if statistics.health == Health::Failing && asked.is_some_and(|pause| pause.until > SystemTime::now())
        {
            statistics.health = Health::Waiting;
        }
        statistics
    }

    /// Changes what is counted.
    pub(crate) fn count<T>(&self, change: impl FnOnce(&mut Statistics) -> T) -> T {
        change(&mut self.lock().statistics)
    }

    // The worker's side.

    /// Waits for a batch: enough spans, or those there are after the delay, or those wanted now. `None` when the
    /// pipeline was closed and nothing is left. `due` is when the spans there are have waited long enough; it is kept
    /// over calls that are cancelled.
    pub(crate) async fn batch(&self, due: &mut Option<Instant>) -> Option<Batch> {
        let mut closing = self.closing.subscribe();
        let next_look = || (self.batch_delay >= LOOKS).then(|| after(Instant::now(), self.batch_delay));
        if due.is_none() {
            *due = next_look();
        }
        loop {
            {
                let mut state = self.lock();
                let now = Instant::now();
                match state.entries.first_turn() {
                    None if state.closed => return None,
                    None if due.is_none_or(|due| due <= now) => *due = next_look(),
                    None => {}
                    Some(first) => {
                        let wanted = first < state.wanted || state.closed;
                        let enough = self.is_enough(&state.entries);
                        let by = *due.get_or_insert_with(|| after(now, self.batch_delay));
                        // With a spool the delay counts from the enqueuing, as what is left of the time is for the answer.
                        let since = state.entries.first_since().filter(|_| self.has_spool);
                        let by = since.map_or(by, |since| by.min(after(since, self.batch_delay)));
                        *due = Some(by);
                        if wanted || enough || by <= now {
                            *due = None;
                            return state.take(self.batch_size);
                        }
                    }
                }
            }
            tokio::select! {
                () = self.wake.notified() => {}
                _ = closing.changed() => {}
                () = until(*due) => {}
            }
        }
    }

    /// When what has waited longest was enqueued, if that is known.
    pub(crate) fn first_since(&self) -> Option<Instant> {
        self.lock().entries.first_since()
    }

    /// Takes a batch of what there is; `None` when there is nothing.
    pub(crate) fn take_some(&self) -> Option<Batch> {
        self.lock().take(self.batch_size)
    }

    /// Waits for a batch that cannot grow any more.
    pub(crate) async fn full_batch(&self) -> Batch {
        loop {
            {
                let mut state = self.lock();
                if state.entries.spans() >= self.batch_size
                    && let Some(batch) = state.take(self.batch_size)
                {
                    return batch;
                }
            }
            self.wake.notified().await;
        }
    }

    /// A batch is settled to the last span.
    pub(crate) fn batch_done(&self, turn: Turn) {
        let mut state = self.lock();
        if let Some(at) = state.in_flight.iter().position(|known| *known == turn) {
            state.in_flight.swap_remove(at);
        }
        drop(state);
        self.progressed();
    }

    /// Waits for drops to tell; resolves when there are some.
    pub(crate) async fn drops(&self) -> Vec<Receipt> {
        loop {
            let drops = self.take_drops();
            if !drops.is_empty() {
                return drops;
            }
            self.dropped.notified().await;
        }
    }

    pub(crate) fn take_drops(&self) -> Vec<Receipt> {
        std::mem::take(&mut self.lock().untold)
    }

    /// Waits until the pipeline has to have ended.
    pub(crate) async fn deadline(&self) {
        let mut closing = self.closing.subscribe();
        loop {
            let deadline = *closing.borrow_and_update();
            tokio::select! {
                () = until(deadline) => return,
                // The sender lives in `self`.
                _ = closing.changed() => {}
            }
        }
    }

    /// Waits until it is known that the pipeline has to have ended before `instant`.
    pub(crate) async fn ends_before(&self, instant: Instant) {
        let mut closing = self.closing.subscribe();
        // The sender lives in `self`.
        let _ = closing.wait_for(|deadline| deadline.is_some_and(|deadline| deadline <= instant)).await;
    }

    /// Closes the queue and takes out what has never been sent, up to a batch; `None` when there is nothing left.
    pub(crate) fn take_rest(&self) -> Option<Batch> {
        let mut state = self.lock();
        state.closed = true;
        state.take(self.batch_size)
    }

    /// Nothing is sent any more, for whatever reason. Gives the spans that were still under way, of which none are left
    /// unless the worker has died.
    pub(crate) fn finish(&self) -> u64 {
        let mut state = self.lock();
        state.closed = true;
        state.finished = true;
        let statistics = &mut state.statistics;
        // Both are zero unless the worker has died.
        let (queued, in_flight) = (statistics.spans.queued, statistics.spans.in_flight);
        statistics.apply(Step::Taken, queued);
        statistics.queued_bytes = 0;
        let lost = queued + in_flight;
        statistics.apply(Step::Settled(&ExportResult::Dropped { reason: DropReason::ShutDown }), lost);
        state.in_flight.clear();
        state.entries.take_all();
        drop(state);
        self.progressed();
        lost
    }

    // The side of those who flush and shut down.

    /// Asks for everything enqueued so far to be sent now.
    pub(crate) fn want_all(&self) -> Mark {
        let mut state = self.lock();
        state.wanted = state.entries.next_turn();
        let mark = Mark(state.wanted);
        drop(state);
        self.wake.notify_one();
        mark
    }

    /// Takes nothing in any more, and has the worker end by `deadline` or by an earlier one named before.
    pub(crate) fn close(&self, deadline: Instant) {
        self.lock().closed = true;
        self.closing
            .send_modify(|closing| *closing = Some(closing.map_or(deadline, |named| named.min(deadline))));
    }

    /// Blocks until `mark` is settled or `deadline` has passed.
    pub(crate) fn wait_settled(&self, mark: Mark, deadline: std::time::Instant) -> bool {
        self.wait(|state| state.is_settled(mark), deadline)
    }

    #[cfg(test)]
    pub(crate) fn is_finished(&self) -> bool {
        self.lock().finished
    }

    pub(crate) fn wait_finished(&self, deadline: std::time::Instant) -> bool {
        self.wait(|state| state.finished, deadline)
    }

    fn wait(&self, done: impl Fn(&State) -> bool, deadline: std::time::Instant) -> bool {
        let mut state = self.lock();
        loop {
            if done(&state) {
                return true;
            }
            let left = deadline.saturating_duration_since(std::time::Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.progress.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn progressed(&self) {
        self.progress.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs under the lock; should it, each span is still counted once.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, limit: usize) -> Option<Batch> {
        let (turn, portions) = self.entries.take(limit)?;
        self.in_flight.push(turn);
        let spans: usize = portions.iter().map(Portion::len).sum();
        let bytes: usize = portions.iter().map(Portion::bytes).sum();
        self.statistics.apply(Step::Taken, spans as u64);
        self.statistics.queued_bytes -= bytes as u64;
        Some(Batch { turn, portions })
    }

    fn is_settled(&self, mark: Mark) -> bool {
        let waiting = self.entries.first_turn();
        waiting.into_iter().chain(self.in_flight.iter().copied()).all(|turn| turn >= mark.0)
    }
}

/// Sleeps until then, or forever.
async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
