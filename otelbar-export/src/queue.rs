//! The bounded queue between the callers and the pipeline's thread, and the books kept on it.
//!
//! One mutex guards the queue and the [`Account`], so an account is consistent whenever it is read. A push is a
//! short critical section. Waking a thread costs many times that, so it is done when a batch has come together, not
//! for each push; with a delay of a second or more the thread looks by itself each time that has passed.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::batch::Portion;
use crate::time::after;
use crate::{Account, DropReason, Dropped, EnqueueId, ExporterOptions, Receipt, TraceBatch, weight};

/// Refusals that wait to be told to subscribers; the caller has each in hand already, so a flood may be cut.
const REFUSALS: usize = 1024;

/// From this delay on the thread looks by itself; with a shorter one it is woken when spans come to an empty queue.
const LOOKS: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    capacity: usize,
    capacity_bytes: usize,
    /// Spans in a batch at most.
    batch_size: usize,
    /// Spans, or bytes, that are sent without waiting for more: a batch, or half of the queue.
    plenty: usize,
    plenty_bytes: usize,
    batch_delay: Duration,
    /// Something was settled or the pipeline has ended, for those who block.
    progress: Condvar,
    /// The same for those who await.
    progress_async: watch::Sender<()>,
    /// There is something to send.
    wake: Notify,
    /// There are refusals to tell.
    refused: Notify,
    /// When the pipeline has to have ended, once it was asked to.
    closing: watch::Sender<Option<Instant>>,
}

#[derive(Debug)]
struct State {
    entries: VecDeque<Portion>,
    /// The oldest hand-over of which spans are in flight.
    in_flight: Option<EnqueueId>,
    next_id: u64,
    /// Hand-overs before this one are wanted now, by a flush.
    wanted: u64,
    refusals: Vec<Receipt>,
    account: Account,
    /// Nothing is taken any more.
    closed: bool,
    /// Nothing is sent any more.
    finished: bool,
}

/// Everything handed over before this point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark(u64);

impl Queue {
    pub(crate) fn new(options: &ExporterOptions) -> Self {
        Self {
            state: Mutex::new(State {
                entries: VecDeque::new(),
                in_flight: None,
                next_id: 0,
                wanted: 0,
                refusals: Vec::new(),
                account: Account::new(Arc::clone(&options.endpoint.text)),
                closed: false,
                finished: false,
            }),
            capacity: options.queue_size,
            capacity_bytes: options.queue_bytes,
            batch_size: options.batch_size,
            plenty: options.batch_size.min(options.queue_size.div_ceil(2)),
            plenty_bytes: options.queue_bytes.div_ceil(2),
            batch_delay: options.batch_delay,
            progress: Condvar::new(),
            progress_async: watch::Sender::new(()),
            wake: Notify::new(),
            refused: Notify::new(),
            closing: watch::Sender::new(None),
        }
    }

    /// Takes a hand-over in, or counts it as dropped.
    pub(crate) fn push(&self, batch: TraceBatch) -> Result<EnqueueId, Dropped> {
        let spans = batch.spans.len();
        let bytes = batch.spans.iter().map(weight::of_span).sum::<usize>();
        let mut state = self.lock();
        if spans == 0 {
            return Ok(state.new_id());
        }
        state.account.handed_over += spans as u64;
        if state.closed {
            return Err(self.refuse(state, &batch, DropReason::Closed));
        }
        let (queued, queued_bytes) = (state.account.queued as usize, state.account.queued_bytes as usize);
        if queued > 0 && (queued + spans > self.capacity || queued_bytes + bytes > self.capacity_bytes) {
            // A next one may fit if what is there is sent now.
            state.wanted = state.next_id;
            self.wake.notify_one();
            let reason = DropReason::QueueFull { spans: self.capacity, bytes: self.capacity_bytes };
            return Err(self.refuse(state, &batch, reason));
        }
        let id = state.new_id();
        let TraceBatch { key, resource, spans: data } = batch;
        state.entries.push_back(Portion { id, key, resource, spans: data, whole: spans, bytes });
        state.account.queued += spans as u64;
        state.account.queued_bytes += bytes as u64;
        drop(state);
        let enough =
            self.is_enough(queued + spans, queued_bytes + bytes) && !self.is_enough(queued, queued_bytes);
        if enough || (queued == 0 && self.batch_delay < LOOKS) {
            self.wake.notify_one();
        }
        Ok(id)
    }

    fn is_enough(&self, spans: usize, bytes: usize) -> bool {
        spans >= self.plenty || bytes >= self.plenty_bytes
    }

    fn refuse(&self, mut state: MutexGuard<'_, State>, batch: &TraceBatch, reason: DropReason) -> Dropped {
        let spans = batch.spans.len();
        state.account.dropped.count(&reason, spans as u64);
        let dropped = Dropped { key: batch.key, spans, reason };
        let first = state.refusals.is_empty();
        if !state.finished && state.refusals.len() < REFUSALS {
            state.refusals.push(dropped.receipt());
        }
        drop(state);
        if first {
            self.refused.notify_one();
        }
        dropped
    }

    pub(crate) fn account(&self) -> Account {
        self.lock().account.clone()
    }

    /// Changes the account, and tells those who wait for progress.
    pub(crate) fn book<T>(&self, change: impl FnOnce(&mut Account) -> T) -> T {
        let result = change(&mut self.lock().account);
        self.progressed();
        result
    }

    // The worker's side.

    /// Waits for a batch: enough spans, or those there are after the delay, or those wanted now. `None` when the
    /// pipeline was closed and nothing is left.
    pub(crate) async fn batch(&self) -> Option<Vec<Portion>> {
        let mut closing = self.closing.subscribe();
        let next_look = || (self.batch_delay >= LOOKS).then(|| after(Instant::now(), self.batch_delay));
        let mut due = next_look();
        loop {
            {
                let mut state = self.lock();
                let now = Instant::now();
                match state.entries.front() {
                    None if state.closed => return None,
                    None if due.is_none_or(|due| due <= now) => due = next_look(),
                    None => {}
                    Some(first) => {
                        let wanted = first.id.0 < state.wanted || state.closed;
                        let account = &state.account;
                        let enough = self.is_enough(account.queued as usize, account.queued_bytes as usize);
                        let due = *due.get_or_insert_with(|| after(now, self.batch_delay));
                        if wanted || enough || due <= now {
                            return Some(state.take(self.batch_size));
                        }
                    }
                }
            }
            tokio::select! {
                () = self.wake.notified() => {}
                _ = closing.changed() => {}
                () = until(due) => {}
            }
        }
    }

    /// The batch taken last is settled to the last span.
    pub(crate) fn batch_done(&self) {
        self.lock().in_flight = None;
        self.progressed();
    }

    /// Waits for refusals to tell; resolves when there are some.
    pub(crate) async fn refusals(&self) -> Vec<Receipt> {
        loop {
            let refusals = self.take_refusals();
            if !refusals.is_empty() {
                return refusals;
            }
            self.refused.notified().await;
        }
    }

    pub(crate) fn take_refusals(&self) -> Vec<Receipt> {
        std::mem::take(&mut self.lock().refusals)
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

    pub(crate) fn deadline_has_passed(&self) -> bool {
        self.closing.borrow().is_some_and(|deadline| deadline <= Instant::now())
    }

    /// Waits until it is known that the pipeline has to have ended before `instant`.
    pub(crate) async fn ends_before(&self, instant: Instant) {
        let mut closing = self.closing.subscribe();
        // The sender lives in `self`.
        let _ = closing.wait_for(|deadline| deadline.is_some_and(|deadline| deadline <= instant)).await;
    }

    /// What was never sent: takes it out of the queue, counted as dropped.
    pub(crate) fn give_up(&self) -> Vec<Portion> {
        let mut state = self.lock();
        state.closed = true;
        state.account.dropped.shut_down += std::mem::take(&mut state.account.queued);
        state.account.queued_bytes = 0;
        std::mem::take(&mut state.entries).into()
    }

    /// Nothing is sent any more, for whatever reason.
    pub(crate) fn finish(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.finished = true;
        // Both are zero unless the worker has died.
        let lost = std::mem::take(&mut state.account.queued) + std::mem::take(&mut state.account.in_flight);
        state.account.dropped.shut_down += lost;
        state.account.queued_bytes = 0;
        state.in_flight = None;
        state.entries.clear();
        drop(state);
        self.progressed();
    }

    // The side of those who flush and shut down.

    /// Asks for everything handed over so far to be sent now.
    pub(crate) fn want_all(&self) -> Mark {
        let mut state = self.lock();
        state.wanted = state.next_id;
        let mark = Mark(state.next_id);
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

    pub(crate) fn is_settled(&self, mark: Mark) -> bool {
        self.lock().is_settled(mark)
    }

    /// Blocks until `mark` is settled or `deadline` has passed.
    pub(crate) fn wait_settled(&self, mark: Mark, deadline: std::time::Instant) -> bool {
        self.wait(|state| state.is_settled(mark), deadline)
    }

    pub(crate) fn wait_finished(&self, deadline: std::time::Instant) -> bool {
        self.wait(|state| state.finished, deadline)
    }

    pub(crate) async fn settled(&self, mark: Mark) {
        self.until(|state| state.is_settled(mark)).await;
    }

    pub(crate) async fn finished(&self) {
        self.until(|state| state.finished).await;
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

    async fn until(&self, done: impl Fn(&State) -> bool) {
        let mut progress = self.progress_async.subscribe();
        while !done(&self.lock()) {
            // The sender lives in `self`.
            let _ = progress.changed().await;
        }
    }

    fn progressed(&self) {
        self.progress.notify_all();
        self.progress_async.send_modify(|()| {});
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs under the lock; should it, the books still hold to the span.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn new_id(&mut self) -> EnqueueId {
        let id = EnqueueId(self.next_id);
        self.next_id += 1;
        id
    }

    /// Takes up to `limit` spans out, the oldest first. Only a hand-over that is larger than that is cut: the
    /// others share the fate of one request each, whole.
    fn take(&mut self, limit: usize) -> Vec<Portion> {
        let mut taken = Vec::new();
        let mut room = limit;
        while room > 0 {
            let Some(mut first) = self.entries.pop_front() else { break };
            if first.spans.len() > room {
                if !taken.is_empty() {
                    self.entries.push_front(first);
                    break;
                }
                let rest = first.spans.split_off(room);
                let bytes = rest.iter().map(weight::of_span).sum::<usize>();
                first.bytes -= bytes;
                let resource = first.resource.clone();
                self.entries.push_front(Portion { resource, spans: rest, bytes, ..first });
            }
            room -= first.spans.len();
            self.account.queued_bytes -= first.bytes as u64;
            taken.push(first);
        }
        self.in_flight = taken.first().map(|portion| portion.id);
        let spans = (limit - room) as u64;
        self.account.queued -= spans;
        self.account.in_flight += spans;
        taken
    }

    fn is_settled(&self, mark: Mark) -> bool {
        let oldest = self.in_flight.or_else(|| self.entries.front().map(|entry| entry.id));
        oldest.is_none_or(|id| id.0 >= mark.0)
    }
}

/// Sleeps until then, or forever.
async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
