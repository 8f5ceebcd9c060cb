//! The thread behind the hand-over: it puts requests into the store, and gives their spans to the exporter.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use otelbar_export::{ToolbarSpanExporter, TraceBatch, TraceKey};

use crate::handover::{Handover, Message};
use crate::request::RequestContext;
use crate::store::Store;

/// How long a request's spans wait for what is recorded just after its end, such as a log of a task it spawned or the
/// last query of a driver with a thread of its own. A span's events cannot be added to once it is exported.
const SETTLE: Duration = Duration::from_millis(100);

/// How long what comes later waits for more of it. Each time, the whole request is converted again.
const SETTLE_LATE: Duration = Duration::from_secs(1);

/// Everything the thread owns.
pub(crate) struct Background {
    receiver: Receiver<Message>,
    handover: Handover,
    store: Arc<Store>,
    exporter: Option<ToolbarSpanExporter>,
    /// Requests that have just ended, in the order in which they are due.
    ended: Settling,
    /// Requests to which something was added later, likewise. A request is here once at most.
    late: Settling,
    max_bytes: usize,
}

/// Requests that wait until they are due.
#[derive(Default)]
struct Settling {
    queue: VecDeque<(Instant, Arc<RequestContext>, usize)>,
    bytes: usize,
}

impl Settling {
    fn push(&mut self, due: Instant, context: Arc<RequestContext>, bytes: usize) {
        self.bytes += bytes;
        self.queue.push_back((due, context, bytes));
    }

    fn pop(&mut self) -> Option<Arc<RequestContext>> {
        let (_, context, bytes) = self.queue.pop_front()?;
        self.bytes -= bytes;
        Some(context)
    }

    fn due(&self) -> Option<Instant> {
        self.queue.front().map(|(due, ..)| *due)
    }
}

impl Background {
    pub(crate) fn new(
        receiver: Receiver<Message>,
        handover: Handover,
        store: Arc<Store>,
        exporter: Option<ToolbarSpanExporter>,
        max_bytes: usize,
    ) -> Self {
        let (ended, late) = (Settling::default(), Settling::default());
        Background { receiver, handover, store, exporter, ended, late, max_bytes }
    }

    /// Works until it is told to stop, or nobody is left who could.
    pub(crate) fn run(mut self) {
        loop {
            let due = self.ended.due().into_iter().chain(self.late.due()).min();
            let message = match due {
                None => self.receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(due) => self.receiver.recv_timeout(due.saturating_duration_since(Instant::now())),
            };
            match message {
                Ok(Message::Finished(context, bytes)) => self.take_in(context, bytes),
                Ok(Message::Late(context)) => self.take_late(context),
                Ok(Message::Flush(done)) => {
                    self.export_all();
                    // Whoever asked may have stopped waiting.
                    let _ = done.try_send(());
                }
                Ok(Message::Stop(done)) => {
                    self.export_all();
                    let _ = done.try_send(());
                    return;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.export_all(),
            }
            self.look_at_what_is_due();
        }
    }

    fn take_in(&mut self, context: Arc<RequestContext>, bytes: usize) {
        self.store.insert(Arc::clone(&context));
        self.handover.taken(bytes);
        if self.exports(&context) {
            self.ended.push(Instant::now() + SETTLE, context, bytes);
        }
    }

    fn take_late(&mut self, context: Arc<RequestContext>) {
        self.late.push(Instant::now() + SETTLE_LATE, context, 0);
    }

    fn exports(&self, context: &RequestContext) -> bool {
        self.exporter.is_some() && context.span_context.is_sampled()
    }

    fn look_at_what_is_due(&mut self) {
        let now = Instant::now();
        let is_due = |due: Option<Instant>| due.is_some_and(|due| due <= now);
        while is_due(self.ended.due()) || self.ended.bytes > self.max_bytes {
            let Some(context) = self.ended.pop() else { break };
            self.export(&context);
        }
        while is_due(self.late.due()) {
            let Some(context) = self.late.pop() else { break };
            self.look_again(&context);
        }
    }

    /// Takes account of what came late. What comes from now on is announced again.
    fn look_again(&self, context: &Arc<RequestContext>) {
        context.lock().announced = false;
        self.store.measure(context);
        self.export(context);
    }

    /// Exports what waits, and what was recorded without the hand-over's knowing.
    fn export_all(&mut self) {
        while let Some(context) = self.ended.pop() {
            self.export(&context);
        }
        while let Some(context) = self.late.pop() {
            self.look_again(&context);
        }
        for held in self.store.newest(None, usize::MAX).into_iter().rev() {
            self.export(&held.context);
        }
    }

    fn export(&self, context: &Arc<RequestContext>) {
        let Some(exporter) = self.exporter.as_ref().filter(|_| self.exports(context)) else { return };
        let spans = context.take_unexported();
        if spans.is_empty() {
            return;
        }
        let key = TraceKey::from(context.id());
        // First, for the receipts may come before the call returns.
        context.delivery.hand_over(spans.len());
        let batch = TraceBatch::new(key, context.service.resource.clone(), spans);
        if let Err(dropped) = exporter.enqueue(batch) {
            context.delivery.refused(&dropped);
        }
    }
}
