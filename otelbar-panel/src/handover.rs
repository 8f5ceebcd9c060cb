//! From the request's thread to the background thread: bounded in messages and in bytes, and never waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::request::RequestContext;

/// Requests that may wait for the background thread; more are dropped and counted.
const CAPACITY: usize = 4096;

/// What the background thread is told.
#[derive(Debug)]
pub(crate) enum Message {
    /// A request of so many bytes has ended.
    Finished(Arc<RequestContext>, usize),
    /// Something was recorded for a request that has ended.
    Late(Arc<RequestContext>),
    /// There is something else to look at.
    Wake,
}

/// The requests' end of the hand-over.
///
/// Each request has one through its recorder, those in the store too. So it does not tell whether anybody is left who
/// could ask for something: what does is [`Background`](crate::background::Background), which the panel alone has.
#[derive(Clone, Debug)]
pub(crate) struct Handover {
    sender: SyncSender<Message>,
    waiting: Arc<AtomicUsize>,
    max_bytes: usize,
}

/// The background thread's end of it. It has no sender.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) messages: Receiver<Message>,
    /// Bytes of the requests that wait.
    waiting: Arc<AtomicUsize>,
}

impl Handover {
    /// A hand-over for so many bytes of requests; one request is taken whatever its size.
    pub(crate) fn new(max_bytes: usize) -> (Self, Inbox) {
        let (sender, messages) = sync_channel(CAPACITY);
        let waiting = Arc::<AtomicUsize>::default();
        (Handover { sender, waiting: Arc::clone(&waiting), max_bytes }, Inbox { messages, waiting })
    }

    pub(crate) fn finished(&self, context: &Arc<RequestContext>) {
        let bytes = context.lock().size();
        let before = self.waiting.fetch_add(bytes, Ordering::Relaxed);
        let room = before == 0 || before.saturating_add(bytes) <= self.max_bytes;
        if !room || self.sender.try_send(Message::Finished(Arc::clone(context), bytes)).is_err() {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
            context.recorder.counters.requests.add(1);
        }
    }

    pub(crate) fn late(&self, context: &Arc<RequestContext>) {
        if self.sender.try_send(Message::Late(Arc::clone(context))).is_err() {
            // The next thing recorded tries again, and so does the next flush.
            context.lock().announced = false;
        }
    }

    /// Has the thread look around. Where there is no room for the message it has others to take, and looks around after
    /// each.
    pub(crate) fn wake(&self) {
        let _ = self.sender.try_send(Message::Wake);
    }
}

impl Inbox {
    /// What waits, and at most as much as can have been handed over before this.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = Message> {
        self.messages.try_iter().take(CAPACITY)
    }

    /// Tells that a request of so many bytes waits no longer.
    pub(crate) fn taken(&self, bytes: usize) {
        self.waiting.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{Outcome, test_context, test_log};

    #[test]
    fn a_full_hand_over_drops_and_counts_and_never_waits() {
        let (handover, inbox) = Handover::new(usize::MAX);
        let context = test_context(handover);
        let recorder = Arc::clone(&context.recorder);
        for _ in 0..CAPACITY {
            recorder.handover.finished(&context);
        }
        context.finish(Outcome::Completed);
        assert_eq!(recorder.counters.requests.value(), 1);
        context.log(test_log());
        assert!(!context.lock().announced, "what comes late is announced again when there is room");

        assert!(matches!(inbox.messages.try_recv(), Ok(Message::Finished(..))));
        context.log(test_log());
        assert!(context.lock().announced);
    }

    #[test]
    fn bytes_are_bounded_as_well_and_one_request_always_fits() {
        let (handover, inbox) = Handover::new(1);
        let context = test_context(handover.clone());
        handover.finished(&context);
        handover.finished(&context);
        assert_eq!(context.recorder.counters.requests.value(), 1);
        let Ok(Message::Finished(_, bytes)) = inbox.messages.try_recv() else {
            panic!("the first was taken")
        };
        inbox.taken(bytes);
        handover.finished(&context);
        assert_eq!(context.recorder.counters.requests.value(), 1);
    }

    #[test]
    fn what_waits_when_nobody_takes_it_any_more_is_freed() {
        let (handover, inbox) = Handover::new(usize::MAX);
        let context = test_context(handover.clone());
        handover.finished(&context);
        assert_eq!(Arc::strong_count(&context), 2);
        drop(inbox);
        assert_eq!(Arc::strong_count(&context), 1);
        handover.finished(&context);
        assert_eq!((Arc::strong_count(&context), context.recorder.counters.requests.value()), (1, 1));
    }
}
