//! The thread behind the hand-over: it puts requests into the store, and gives their spans to the exporter.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use otelbar_export::{ToolbarSpanExporter, TraceBatch, TraceKey};

use crate::handover::Message;
use crate::request::RequestContext;
use crate::store::Store;

/// How long a request's spans wait for what is recorded just after its end, such as a log of a task it spawned or the
/// last query of a driver with a thread of its own. A span's events cannot be added to once it is exported.
const SETTLE: Duration = Duration::from_millis(100);

/// Everything the thread owns.
pub(crate) struct Background {
    receiver: Receiver<Message>,
    store: Arc<Store>,
    exporter: Option<ToolbarSpanExporter>,
    settling: VecDeque<(Instant, Arc<RequestContext>)>,
}

impl Background {
    pub(crate) fn new(
        receiver: Receiver<Message>,
        store: Arc<Store>,
        exporter: Option<ToolbarSpanExporter>,
    ) -> Self {
        Background { receiver, store, exporter, settling: VecDeque::new() }
    }

    /// Works until it is told to stop, or nobody is left who could.
    pub(crate) fn run(mut self) {
        loop {
            let message = match self.settling.front() {
                None => self.receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some((due, _)) => self.receiver.recv_timeout(due.saturating_duration_since(Instant::now())),
            };
            match message {
                Ok(Message::Finished(context)) => self.take_in(context),
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
            self.export_settled();
        }
    }

    fn take_in(&mut self, context: Arc<RequestContext>) {
        self.store.insert(Arc::clone(&context));
        self.settle(context);
    }

    fn take_late(&mut self, context: Arc<RequestContext>) {
        context.lock().announced = false;
        self.store.measure(&context);
        self.settle(context);
    }

    fn settle(&mut self, context: Arc<RequestContext>) {
        if self.exporter.is_some() && context.span_context.is_sampled() {
            self.settling.push_back((Instant::now() + SETTLE, context));
        }
    }

    fn export_settled(&mut self) {
        let now = Instant::now();
        while self.settling.front().is_some_and(|(due, _)| *due <= now) {
            if let Some((_, context)) = self.settling.pop_front() {
                self.export(&context);
            }
        }
    }

    /// Exports what waits, and what was recorded without the hand-over's knowing.
    fn export_all(&mut self) {
        while let Some((_, context)) = self.settling.pop_front() {
            self.export(&context);
        }
        for held in self.store.newest(None, usize::MAX).into_iter().rev() {
            if held.context.span_context.is_sampled() {
                self.export(&held.context);
            }
        }
    }

    fn export(&self, context: &Arc<RequestContext>) {
        let Some(exporter) = &self.exporter else { return };
        let spans = context.take_unexported();
        if spans.is_empty() {
            return;
        }
        let key = TraceKey::from(context.id());
        let batch = TraceBatch::new(key, context.service.resource.clone(), spans);
        // A refusal is counted by the exporter and told by a receipt, as every other outcome.
        let _ = exporter.enqueue(batch);
    }
}
