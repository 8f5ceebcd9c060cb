//! From the request's thread to the background thread: bounded in messages and in bytes, and never waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

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
    /// Hand all there is to the exporter now, and answer.
    Flush(SyncSender<()>),
    /// The same, and end.
    Stop(SyncSender<()>),
}

/// The requests' end of the hand-over.
#[derive(Clone, Debug)]
pub(crate) struct Handover {
    sender: SyncSender<Message>,
    /// Bytes of the requests that wait.
    waiting: Arc<AtomicUsize>,
    max_bytes: usize,
}

impl Handover {
    /// A hand-over for so many bytes of requests; one request is taken whatever its size.
    pub(crate) fn new(max_bytes: usize) -> (Self, Receiver<Message>) {
        let (sender, receiver) = sync_channel(CAPACITY);
        (Handover { sender, waiting: Arc::default(), max_bytes }, receiver)
    }

    pub(crate) fn finished(&self, context: &Arc<RequestContext>) {
        let bytes = context.lock().size();
        let before = self.waiting.fetch_add(bytes, Ordering::Relaxed);
        let room = before == 0 || before.saturating_add(bytes) <= self.max_bytes;
        if !room || self.sender.try_send(Message::Finished(Arc::clone(context), bytes)).is_err() {
            self.taken(bytes);
            context.recorder.counters.requests.add(1);
        }
    }

    /// Tells that a request of so many bytes waits no longer.
    pub(crate) fn taken(&self, bytes: usize) {
        self.waiting.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(crate) fn late(&self, context: &Arc<RequestContext>) {
        if self.sender.try_send(Message::Late(Arc::clone(context))).is_err() {
            // The next thing recorded tries again, and so does the next flush.
            context.lock().announced = false;
        }
    }

    /// Sends and waits until it was done, at most for so long; whether it was.
    pub(crate) fn ask(&self, message: impl FnOnce(SyncSender<()>) -> Message, within: Duration) -> bool {
        let (done, answered) = sync_channel(1);
        let started = std::time::Instant::now();
        let mut message = message(done);
        loop {
            message = match self.sender.try_send(message) {
                Ok(()) => break,
                Err(TrySendError::Disconnected(_)) => return false,
                Err(TrySendError::Full(message)) => message,
            };
            if started.elapsed() >= within {
                return false;
            }
            std::thread::yield_now();
        }
        answered.recv_timeout(within.saturating_sub(started.elapsed())).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{Outcome, test_context};

    #[test]
    fn a_full_hand_over_drops_and_counts_and_never_waits() {
        let (handover, receiver) = Handover::new(usize::MAX);
        let context = test_context(handover);
        let recorder = Arc::clone(&context.recorder);
        for _ in 0..CAPACITY {
            recorder.handover.finished(&context);
        }
        context.finish(Outcome::Completed);
        assert_eq!(recorder.counters.requests.value(), 1);
        context.log(crate::request::test_log());
        assert!(!context.lock().announced, "what comes late is announced again when there is room");

        assert!(matches!(receiver.try_recv(), Ok(Message::Finished(..))));
        context.log(crate::request::test_log());
        assert!(context.lock().announced);
    }

    #[test]
    fn bytes_are_bounded_as_well_and_one_request_always_fits() {
        let (handover, receiver) = Handover::new(1);
        let context = test_context(handover.clone());
        handover.finished(&context);
        handover.finished(&context);
        assert_eq!(context.recorder.counters.requests.value(), 1);
        let Ok(Message::Finished(_, bytes)) = receiver.try_recv() else { panic!("the first was taken") };
        handover.taken(bytes);
        handover.finished(&context);
        assert_eq!(context.recorder.counters.requests.value(), 1);
    }

    #[test]
    fn asking_ends_in_time_when_nobody_answers() {
        let (handover, _receiver) = Handover::new(usize::MAX);
        assert!(!handover.ask(Message::Flush, Duration::from_millis(1)));
        drop(_receiver);
        assert!(!handover.ask(Message::Flush, Duration::from_secs(3600)));
    }
}
