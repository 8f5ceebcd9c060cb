//! Requests on their way to the exporter: bounded in bytes, and never waited for by those who enqueue them.
//!
//! Waking a thread costs the one that wakes it more than all that is recorded of a small request. So the background
//! thread is woken by nobody while it knows when something is due, and what ends meanwhile is taken together.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry::trace::SpanId;

/// How long a request's spans wait for what is recorded just after its end, such as a log of a task it spawned or the
/// last query of a driver with a thread of its own. A span's events cannot be added to once it is exported.
const SETTLE: Duration = Duration::from_millis(100);

/// How long what comes later waits for more of it. Each time, the whole request is converted again.
const SETTLE_LATE: Duration = Duration::from_secs(1);

/// How long the thread rests at least from one look to the next, for what is due then to be taken together.
const REST: Duration = Duration::from_millis(20);

/// Requests that the store has let go of, from which on the thread is told before something is due.
const MANY_EVICTED: usize = 1024;

/// The end at which requests are enqueued.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    shared: Arc<Shared<T>>,
}

/// The end at which the background thread takes them. Nothing is taken in any more when it is gone.
#[derive(Debug)]
pub(crate) struct Waiting<T> {
    shared: Arc<Shared<T>>,
}

#[derive(Debug)]
struct Shared<T> {
    max_bytes: usize,
    inner: Mutex<Inner<T>>,
    wakes: Condvar,
}

#[derive(Debug)]
struct Inner<T> {
    /// Requests that have ended, in the order in which they are due.
    ended: VecDeque<Ended<T>>,
    /// Bytes that these hold.
    bytes: usize,
    /// Requests to which something was added later, likewise.
    late: VecDeque<(Instant, T)>,
    evicted: Vec<SpanId>,
    /// Whether a request was refused that the store may still hold.
    missed: bool,
    woken: bool,
    sleep: Sleep,
    closed: bool,
}

#[derive(Debug)]
struct Ended<T> {
    due: Instant,
    request: T,
    bytes: usize,
}

/// Until when the thread sleeps.
#[derive(Clone, Copy, Debug)]
enum Sleep {
    Awake,
    Until(Instant),
    Forever,
}

/// What the thread is to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Due<T> {
    /// To export a request that has ended.
    Ended(T),
    /// To look again at one to which something was added.
    Late(T),
}

impl<T> Queue<T> {
    /// A queue for so many bytes of requests; one request is taken whatever its size.
    pub(crate) fn new(max_bytes: usize) -> (Self, Waiting<T>) {
        let inner = Inner {
            ended: VecDeque::new(),
            bytes: 0,
            late: VecDeque::new(),
            evicted: Vec::new(),
            missed: false,
            woken: false,
            sleep: Sleep::Awake,
            closed: false,
        };
        let shared = Arc::new(Shared { max_bytes, inner: Mutex::new(inner), wakes: Condvar::new() });
        (Queue { shared: Arc::clone(&shared) }, Waiting { shared })
    }

    /// Enqueues a request that ended at this time and holds so many bytes; whether there was room for it.
    #[must_use]
    pub(crate) fn finished(&self, request: T, bytes: usize, at: Instant) -> bool {
        let mut inner = self.shared.lock();
        if inner.closed {
            return false;
        }
        let after = inner.bytes.saturating_add(bytes);
        if inner.bytes > 0 && after > self.shared.max_bytes {
            inner.missed = true;
            return false;
        }
        inner.bytes = after;
        let due = at + SETTLE;
        inner.ended.push_back(Ended { due, request, bytes });
        // There is to be room for the next.
        let presses = after > self.shared.max_bytes / 2;
        self.shared.call(inner, presses, due);
        true
    }

    /// Has the thread look at a request again, which has ended before, in a while; whether there is a thread.
    #[must_use]
    pub(crate) fn late(&self, request: T) -> bool {
        let due = Instant::now() + SETTLE_LATE;
        let mut inner = self.shared.lock();
        if inner.closed {
            return false;
        }
        inner.late.push_back((due, request));
        self.shared.call(inner, false, due);
        true
    }

    /// The store has let go of these requests.
    pub(crate) fn evicted(&self, requests: Vec<SpanId>) {
        if requests.is_empty() {
            return;
        }
        let mut inner = self.shared.lock();
        if !inner.closed {
            inner.evicted.extend(requests);
            if inner.evicted.len() >= MANY_EVICTED {
                self.shared.wake(inner);
            }
        }
    }

    /// Has the thread look around now.
    pub(crate) fn wake(&self) {
        self.shared.wake(self.shared.lock());
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Queue { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Waiting<T> {
    /// Waits until something is due, or the thread is woken.
    pub(crate) fn wait(&self) {
        let rested = Instant::now() + REST;
        let mut inner = self.shared.lock();
        while !std::mem::take(&mut inner.woken) {
            let now = Instant::now();
            let due = inner.due().map(|due| due.max(rested));
            inner = match due {
                Some(due) if due <= now => return,
                Some(due) => {
                    inner.sleep = Sleep::Until(due);
                    let waited = self.shared.wakes.wait_timeout(inner, due - now);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => {
                    inner.sleep = Sleep::Forever;
                    self.shared.wakes.wait(inner).unwrap_or_else(PoisonError::into_inner)
                }
            };
            inner.sleep = Sleep::Awake;
        }
    }

    /// What is due by now, or has to make room.
    pub(crate) fn next_due(&self, now: Instant) -> Option<Due<T>> {
        let mut inner = self.shared.lock();
        let presses = inner.bytes > self.shared.max_bytes / 2;
        if inner.ended.front().is_some_and(|ended| presses || ended.due <= now) {
            return inner.pop_ended();
        }
        inner.late.front().is_some_and(|(due, _)| *due <= now).then(|| inner.pop_late()).flatten()
    }

    /// What waits, whether it is due or not.
    pub(crate) fn next(&self) -> Option<Due<T>> {
        let mut inner = self.shared.lock();
        inner.pop_ended().or_else(|| inner.pop_late())
    }

    /// The requests that the store has let go of since this was asked for last.
    pub(crate) fn take_evicted(&self) -> Vec<SpanId> {
        std::mem::take(&mut self.shared.lock().evicted)
    }

    /// Whether a request was refused since this was asked for last.
    pub(crate) fn take_missed(&self) -> bool {
        std::mem::take(&mut self.shared.lock().missed)
    }
}

impl<T> Drop for Waiting<T> {
    fn drop(&mut self) {
        let mut inner = self.shared.lock();
        inner.closed = true;
        let (ended, late) = (std::mem::take(&mut inner.ended), std::mem::take(&mut inner.late));
        inner.evicted = Vec::new();
        // Freed when nobody waits for the lock.
        drop(inner);
        drop((ended, late));
    }
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the thread if it would sleep for longer than until this is due.
    fn call(&self, mut inner: MutexGuard<'_, Inner<T>>, presses: bool, due: Instant) {
        let overslept = match inner.sleep {
            Sleep::Awake => false,
            Sleep::Until(until) => presses || due < until,
            Sleep::Forever => true,
        };
        if overslept {
            inner.sleep = Sleep::Awake;
            inner.woken |= presses;
            drop(inner);
            self.wakes.notify_one();
        }
    }

    fn wake(&self, mut inner: MutexGuard<'_, Inner<T>>) {
        inner.woken = true;
        drop(inner);
        self.wakes.notify_one();
    }
}

impl<T> Inner<T> {
    fn due(&self) -> Option<Instant> {
        let (ended, late) = (self.ended.front().map(|ended| ended.due), self.late.front().map(|late| late.0));
        ended.into_iter().chain(late).min()
    }

    fn pop_ended(&mut self) -> Option<Due<T>> {
        let Ended { request, bytes, .. } = self.ended.pop_front()?;
        self.bytes -= bytes;
        Some(Due::Ended(request))
    }

    fn pop_late(&mut self) -> Option<Due<T>> {
        self.late.pop_front().map(|(_, request)| Due::Late(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Long enough for the slowest machine; reached only when a test fails.
    const PATIENCE: Duration = Duration::from_secs(60);

    #[test]
    fn a_request_is_due_when_it_has_settled_and_what_came_late_a_while_later() {
        let (queue, waiting) = Queue::new(usize::MAX);
        let now = Instant::now();
        assert!(queue.finished("ended", 1, now) && queue.late("late"));
        assert_eq!(waiting.next_due(now), None);
        assert_eq!(waiting.next_due(now + SETTLE), Some(Due::Ended("ended")));
        assert_eq!(waiting.next_due(now + SETTLE), None);
        assert_eq!(waiting.next_due(now + 2 * SETTLE_LATE), Some(Due::Late("late")));
        assert!(queue.late("late") && queue.finished("ended", 1, now));
        assert_eq!(waiting.next(), Some(Due::Ended("ended")), "to which what is late belongs");
        assert_eq!((waiting.next(), waiting.next()), (Some(Due::Late("late")), None));
    }

    #[test]
    fn bytes_are_bounded_and_one_request_always_fits() {
        let (queue, waiting) = Queue::new(10);
        let now = Instant::now();
        assert!(queue.finished("large", 20, now));
        assert!(!queue.finished("another", 1, now));
        assert!(waiting.take_missed() && !waiting.take_missed());
        assert_eq!(waiting.next_due(now), Some(Due::Ended("large")), "what has to make room is due at once");
        assert!(queue.finished("small", 5, now) && queue.finished("small", 5, now));
        assert!(!queue.finished("small", 1, now));
        assert_eq!(waiting.next_due(now), Some(Due::Ended("small")));
        assert_eq!(waiting.next_due(now), None, "half of the room is free");
    }

    #[test]
    fn what_waits_when_nobody_takes_it_any_more_is_freed() {
        let (queue, waiting) = Queue::new(usize::MAX);
        let request = Arc::new(());
        assert!(queue.finished(Arc::clone(&request), 1, Instant::now()) && queue.late(Arc::clone(&request)));
        drop(waiting);
        assert_eq!(Arc::strong_count(&request), 1);
        assert!(
            !queue.finished(Arc::clone(&request), 1, Instant::now()) && !queue.late(Arc::clone(&request))
        );
        queue.evicted(vec![SpanId::from(1)]);
        queue.wake();
        assert_eq!(Arc::strong_count(&request), 1);
    }

    /// What the thread waits for, and whether it is woken though it sleeps for longer.
    #[test]
    fn the_thread_wakes_for_what_is_due_before_it_would() {
        let wakes = |before: fn(&Queue<u8>), then: fn(&Queue<u8>), expected: Option<Due<u8>>| {
            let (queue, waiting) = Queue::new(100);
            before(&queue);
            let asleep = || !matches!(queue.shared.lock().sleep, Sleep::Awake);
            std::thread::scope(|scope| {
                let thread = scope.spawn(|| {
                    waiting.wait();
                    waiting.next_due(Instant::now())
                });
                while !asleep() && !thread.is_finished() {
                    std::thread::yield_now();
                }
                then(&queue);
                let started = Instant::now();
                while !thread.is_finished() && started.elapsed() < PATIENCE {
                    std::thread::yield_now();
                }
                assert!(thread.is_finished(), "nobody has woken it");
                assert_eq!(thread.join().unwrap(), expected);
            });
        };
        let ended = |queue: &Queue<u8>| assert!(queue.finished(1, 1, Instant::now()));
        let late = |queue: &Queue<u8>| assert!(queue.late(2));
        wakes(|_| {}, ended, Some(Due::Ended(1)));
        wakes(|_| {}, late, Some(Due::Late(2)));
        wakes(late, ended, Some(Due::Ended(1)));
        wakes(ended, |_| {}, Some(Due::Ended(1)));
        wakes(late, |queue| assert!(queue.finished(1, 90, Instant::now())), Some(Due::Ended(1)));
        wakes(|_| {}, Queue::wake, None);
        wakes(|_| {}, |queue| queue.evicted(vec![SpanId::from(1); MANY_EVICTED]), None);
    }
}
