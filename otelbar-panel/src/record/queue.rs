//! From the request's thread to the background thread: bounded in messages and in bytes, and never waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Requests that may wait for the background thread; more are dropped and counted.
const CAPACITY: usize = 4096;

/// What the background thread is told.
#[derive(Debug)]
pub(crate) enum Message<T> {
    /// A request of so many bytes has ended.
    Finished(T, usize),
    /// Something was recorded for a request that has ended.
    Late(T),
    /// There is something else to look at.
    Wake,
}

/// The sending end, which each request has, those in the store too.
///
/// So it does not tell whether anybody is left who could ask for something: what does is the thread's own handle.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    sender: SyncSender<Message<T>>,
    waiting: Arc<AtomicUsize>,
    max_bytes: usize,
}

/// The receiving end, which the background thread has. It has no sender.
#[derive(Debug)]
pub(crate) struct Waiting<T> {
    pub(crate) messages: Receiver<Message<T>>,
    /// Bytes of the requests that wait.
    bytes: Arc<AtomicUsize>,
}

impl<T> Queue<T> {
    /// A queue for so many bytes of requests; one request is taken whatever its size.
    pub(crate) fn new(max_bytes: usize) -> (Self, Waiting<T>) {
        let (sender, messages) = sync_channel(CAPACITY);
        let waiting = Arc::<AtomicUsize>::default();
        (Queue { sender, waiting: Arc::clone(&waiting), max_bytes }, Waiting { messages, bytes: waiting })
    }

    /// Enqueues a request that has ended and holds so many bytes; whether there was room for it.
    #[must_use]
    pub(crate) fn finished(&self, request: T, bytes: usize) -> bool {
        let before = self.waiting.fetch_add(bytes, Ordering::Relaxed);
        let room = before == 0 || before.saturating_add(bytes) <= self.max_bytes;
        let taken = room && self.sender.try_send(Message::Finished(request, bytes)).is_ok();
        if !taken {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
        }
        taken
    }

    /// Has the thread look at a request again, which has ended before; whether there was room to tell it.
    #[must_use]
    pub(crate) fn late(&self, request: T) -> bool {
        self.sender.try_send(Message::Late(request)).is_ok()
    }

    /// Has the thread look around. Where there is no room for the message it has others to take, and looks around after
    /// each.
    pub(crate) fn wake(&self) {
        let _ = self.sender.try_send(Message::Wake);
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Queue { sender: self.sender.clone(), waiting: Arc::clone(&self.waiting), max_bytes: self.max_bytes }
    }
}

impl<T> Waiting<T> {
    /// What waits, and at most as much as can have been enqueued before this.
    pub(crate) fn all(&self) -> impl Iterator<Item = Message<T>> {
        self.messages.try_iter().take(CAPACITY)
    }

    /// Tells that a request of so many bytes waits no longer.
    pub(crate) fn taken(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Outcome, RequestContext, test_context, test_log};

    #[test]
    fn a_full_queue_drops_and_counts_and_never_waits() {
        let (queue, waiting) = Queue::new(usize::MAX);
        let context = test_context(queue.clone());
        for _ in 0..CAPACITY {
            assert!(queue.finished(Arc::clone(&context), 1));
        }
        context.finish(Outcome::Completed);
        assert_eq!(context.recorder.counters.requests.value(), 1);
        context.log(test_log());
        assert!(!context.lock().announced, "what comes late is announced again when there is room");

        assert!(matches!(waiting.messages.try_recv(), Ok(Message::Finished(..))));
        context.log(test_log());
        assert!(context.lock().announced);
    }

    #[test]
    fn bytes_are_bounded_as_well_and_one_request_always_fits() {
        let (queue, waiting) = Queue::new(1);
        assert!(queue.finished("one", 10));
        assert!(!queue.finished("another", 10));
        let Ok(Message::Finished("one", bytes)) = waiting.messages.try_recv() else {
            panic!("the first was taken")
        };
        waiting.taken(bytes);
        assert!(queue.finished("a third", 10));
    }

    #[test]
    fn what_waits_when_nobody_takes_it_any_more_is_freed() {
        let (queue, waiting) = Queue::<Arc<RequestContext>>::new(usize::MAX);
        let context = test_context(queue.clone());
        assert!(queue.finished(Arc::clone(&context), 1));
        assert_eq!(Arc::strong_count(&context), 2);
        drop(waiting);
        assert_eq!(Arc::strong_count(&context), 1);
        context.finish(Outcome::Completed);
        assert_eq!((Arc::strong_count(&context), context.recorder.counters.requests.value()), (1, 1));
    }
}
