//! The thread behind the queue: it gives the spans of requests to the exporter when they have settled.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry_sdk::trace::SpanData;
use otelbar_export::{DropReason, Pipeline, TraceBatch};

use super::deliveries::Deliveries;
use crate::guard::try_guard;
use crate::record::{Due, Queue, RequestContext, Store, Waiting};

/// Both ends of the queue.
type Ends = (Queue<Arc<RequestContext>>, Waiting<Arc<RequestContext>>);

/// The handle to the thread, which ends when it is told to stop, or when the handle is gone.
#[derive(Debug)]
pub(crate) struct Background {
    /// To wake the thread.
    queue: Queue<Arc<RequestContext>>,
    orders: Arc<Orders>,
}

/// What the thread is asked for beside the queue, so that it is heard when that is full, and how it stands with it.
#[derive(Debug, Default)]
struct Orders {
    state: Mutex<Asked>,
    changed: Condvar,
}

#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    /// How often a flush was asked for, and how many of these are done.
    flushes: u64,
    flushed: u64,
    stop: bool,
    /// The thread has ended, and holds nothing any more.
    ended: bool,
    /// Having exported all there was.
    well: bool,
}

impl Background {
    /// Starts the thread.
    pub(crate) fn start(
        queue: Ends,
        store: Arc<Store>,
        exporter: Option<Pipeline>,
        deliveries: Arc<Deliveries>,
    ) -> io::Result<Self> {
        Self::start_with(queue, store, exporter, deliveries, RequestContext::take_unexported)
    }

    fn start_with(
        (queue, waiting): Ends,
        store: Arc<Store>,
        exporter: Option<Pipeline>,
        deliveries: Arc<Deliveries>,
        convert: fn(&RequestContext) -> Vec<SpanData>,
    ) -> io::Result<Self> {
        let orders = Arc::<Orders>::default();
        let end = End(Arc::clone(&orders));
        let work = Work { waiting, orders: Arc::clone(&orders), store, exporter, deliveries, convert };
        std::thread::Builder::new().name("otelbar".into()).spawn(move || {
            let end = end;
            work.run();
            end.0.lock().well = true;
        })?;
        Ok(Background { queue, orders })
    }

    /// Has all there is exported, and waits for that at most so long; whether it was done.
    pub(crate) fn flush(&self, within: Duration) -> bool {
        let mine = {
            let mut asked = self.orders.lock();
            asked.flushes += 1;
            asked.flushes
        };
        self.queue.wake();
        self.orders.wait(within, |asked| asked.flushed >= mine || asked.ended).flushed >= mine
    }

    /// The same, and ends the thread. One that is busy for longer ends when it has done what it is at. May be called
    /// again, to wait longer.
    pub(crate) fn stop(&self, within: Duration) -> bool {
        self.end();
        let asked = self.orders.wait(within, |asked| asked.ended);
        asked.ended && asked.well
    }

    fn end(&self) {
        self.orders.lock().stop = true;
        self.queue.wake();
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.end();
    }
}

impl Orders {
    /// Waits for this, at most so long; gives how it stands then.
    fn wait(&self, within: Duration, done: impl Fn(&Asked) -> bool) -> Asked {
        let waited = self.changed.wait_timeout_while(self.lock(), within, |asked| !done(asked));
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn lock(&self) -> MutexGuard<'_, Asked> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells that the thread has ended, however it does.
struct End(Arc<Orders>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.changed.notify_all();
    }
}

/// Everything the thread owns. It cannot keep itself alive: it is the handle that tells it to go on.
struct Work {
    waiting: Waiting<Arc<RequestContext>>,
    orders: Arc<Orders>,
    store: Arc<Store>,
    exporter: Option<Pipeline>,
    deliveries: Arc<Deliveries>,
    /// What of a request is to be exported.
    convert: fn(&RequestContext) -> Vec<SpanData>,
}

impl Work {
    /// Works until it is told to stop.
    fn run(self) {
        loop {
            self.waiting.wait();
            let asked = *self.orders.lock();
            if asked.stop || asked.flushes > asked.flushed {
                self.export_all();
                self.orders.lock().flushed = asked.flushes;
                self.orders.changed.notify_all();
            }
            if asked.stop {
                return;
            }
            self.deliveries.forget(&self.waiting.take_evicted());
            let now = Instant::now();
            while let Some(due) = self.waiting.next_due(now) {
                self.take(due);
            }
            if self.waiting.take_missed() {
                self.export_held();
            }
        }
    }

    fn take(&self, due: Due<Arc<RequestContext>>) {
        match due {
            Due::Ended(context) => self.export(&context),
            Due::Late(context) => self.look_again(&context),
        }
    }

    /// Takes account of what came late. What comes from now on is announced again.
    fn look_again(&self, context: &Arc<RequestContext>) {
        let size = {
            let mut recording = context.lock();
            recording.announced = false;
            recording.size()
        };
        let resize = || self.deliveries.forget(&self.store.resize(context.id(), size));
        self.guard("measuring a request", context, resize);
        self.export(context);
    }

    /// Exports what waits, and what was recorded without the queue's knowing.
    fn export_all(&self) {
        while let Some(due) = self.waiting.next() {
            self.take(due);
        }
        self.export_held();
    }

    /// Exports what the store holds that was not exported yet.
    fn export_held(&self) {
        for held in self.store.newest(None, usize::MAX).into_iter().rev() {
            self.export(&held.context);
        }
    }

    fn export(&self, context: &Arc<RequestContext>) {
        let Some(exporter) = self.exporter.as_ref().filter(|_| context.is_exported()) else { return };
        self.guard("exporting a request", context, || {
            let spans = (self.convert)(context);
            if spans.is_empty() {
                return;
            }
            if self.store.holds(context.id()) {
                // First, for the receipts may come before the call returns.
                self.deliveries.expect(context.id(), spans.len() as u64);
            }
            let mut batch = TraceBatch::new(context.id(), context.service.resource.clone(), spans);
            batch.trace_state = context.propagation.trace_state().map(Into::into);
            if let Err(dropped) = exporter.enqueue(batch) {
                self.deliveries.refuse(context.id(), dropped.spans, &dropped.reason);
            }
        });
    }

    /// Does something about a request. A panic in it costs that alone, and is counted and told: the thread serves all
    /// requests.
    fn guard(&self, what: &'static str, context: &RequestContext, work: impl FnOnce()) {
        if let Err(message) = try_guard(what, work) {
            context.recorder.counters.panics.add(1);
            if self.store.holds(context.id()) {
                // How many spans it cost is not known, so it counts as one.
                self.deliveries.expect(context.id(), 1);
                let reason = DropReason::Panicked { message: message.into() };
                self.deliveries.refuse(context.id(), 1, &reason);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use otelbar_export::DeliveryState;

    use super::*;
    use crate::record::{Outcome, test_context_in, test_log};

    /// Long enough for the slowest machine; reached only when a test fails.
    const PATIENCE: Duration = Duration::from_secs(60);

    fn store() -> Arc<Store> {
        Arc::new(Store::new(10_000, usize::MAX))
    }

    /// An exporter that writes nowhere, as it is shut down; what it is given is refused and counted.
    fn exporter() -> Pipeline {
        let console = otelbar_export::Destination::console();
        let exporter = Pipeline::builder().with_destination(console).build().unwrap();
        exporter.shutdown(PATIENCE).unwrap();
        exporter
    }

    fn enqueued(exporter: &Pipeline) -> u64 {
        exporter.statistics()[0].enqueued
    }

    /// Waits for the end of the thread that works for this store: then nobody else holds it.
    #[track_caller]
    fn assert_ends(background: &Background, store: &Arc<Store>) {
        assert!(background.orders.wait(PATIENCE, |asked| asked.ended).ended);
        assert_eq!(Arc::strong_count(store), 1, "what it had is freed");
    }

    #[test]
    fn it_stops_though_the_queue_is_full_and_exports_what_waits() {
        let (store, exporter) = (store(), exporter());
        let (queue, waiting) = Queue::new(1);
        let context = test_context_in(Arc::downgrade(&store), queue.clone());
        context.finish(Outcome::Completed);
        // Before the thread is there to take it.
        assert!(!queue.finished(Arc::clone(&context), 1, Instant::now()));
        let background =
            Background::start((queue, waiting), Arc::clone(&store), Some(exporter.clone()), Arc::default())
                .unwrap();
        assert!(background.stop(PATIENCE));
        assert_ends(&background, &store);
        assert_eq!(enqueued(&exporter), 1);
        assert!(background.stop(Duration::ZERO), "a second time tells the same");
        assert!(!background.flush(PATIENCE), "and nobody is waited for");
    }

    #[test]
    fn it_ends_when_the_panel_is_gone_though_requests_are_held() {
        let (queue, waiting) = Queue::new(usize::MAX);
        let (store, exporter) = (store(), exporter());
        let context = test_context_in(Arc::downgrade(&store), queue.clone());
        let background =
            Background::start((queue, waiting), Arc::clone(&store), Some(exporter.clone()), Arc::default())
                .unwrap();
        context.finish(Outcome::Completed);
        assert!(background.flush(PATIENCE));
        assert!(store.request(context.id()).is_some());
        let orders = Arc::clone(&background.orders);
        drop(background);
        assert!(orders.wait(PATIENCE, |asked| asked.ended).ended);
        assert_eq!((Arc::strong_count(&store), enqueued(&exporter)), (1, 1));
    }

    #[test]
    fn a_thread_that_is_busy_is_not_waited_for_and_ends_later() {
        use std::sync::Mutex;
        static HELD: Mutex<()> = Mutex::new(());
        let held = HELD.lock().unwrap();
        let (queue, waiting) = Queue::new(usize::MAX);
        let store = store();
        let context = test_context_in(Arc::downgrade(&store), queue.clone());
        let busy = |_: &RequestContext| {
            drop(HELD.lock());
            Vec::new()
        };
        let background = Background::start_with(
            (queue, waiting),
            Arc::clone(&store),
            Some(exporter()),
            Arc::default(),
            busy,
        )
        .unwrap();
        context.finish(Outcome::Completed);
        assert!(!background.flush(Duration::from_millis(1)));
        assert!(!background.stop(Duration::from_millis(1)));
        drop(held);
        assert!(background.stop(PATIENCE));
        assert_ends(&background, &store);
    }

    /// More than fits into the queue, while the thread has no time: nothing is lost for as long as the store holds it.
    #[test]
    fn what_found_the_queue_full_is_exported_from_the_store() {
        let (store, exporter) = (store(), exporter());
        let (queue, waiting) = Queue::new(1);
        let contexts: Vec<_> =
            (0..10).map(|_| test_context_in(Arc::downgrade(&store), queue.clone())).collect();
        contexts.iter().for_each(|context| context.finish(Outcome::Completed));
        let refused = contexts.iter().filter(|context| !context.lock().is_for_exporter()).count();
        assert_eq!(refused, 9);
        let background =
            Background::start((queue, waiting), Arc::clone(&store), Some(exporter.clone()), Arc::default());
        let background = background.unwrap();
        let started = Instant::now();
        // Without a flush.
        while enqueued(&exporter) < 10 && started.elapsed() < PATIENCE {
            std::thread::yield_now();
        }
        assert_eq!(enqueued(&exporter), 10);
        assert!(contexts.iter().all(|context| context.recorder.counters.requests.value() == 0));
        assert!(background.stop(PATIENCE));
    }

    #[test]
    fn what_the_store_lets_go_of_before_it_was_exported_is_counted() {
        let store = Arc::new(Store::new(2, usize::MAX));
        let (queue, _waiting) = Queue::new(1);
        let contexts: Vec<_> =
            (0..5).map(|_| test_context_in(Arc::downgrade(&store), queue.clone())).collect();
        contexts.iter().for_each(|context| context.finish(Outcome::Completed));
        let counted: Vec<_> =
            contexts.iter().map(|context| context.recorder.counters.requests.value()).collect();
        assert_eq!(counted, [0, 1, 1, 0, 0], "the first waits for the exporter, the last in the store");
    }

    #[test]
    fn a_panic_costs_one_request_and_is_counted_and_told() {
        let _counting = crate::guard::COUNTING.blocking_lock();
        let (queue, waiting) = Queue::new(usize::MAX);
        let (store, exporter, deliveries) = (store(), exporter(), Arc::new(Deliveries::new(1)));
        let context = || test_context_in(Arc::downgrade(&store), queue.clone());
        let (bad, good) = (context(), context());
        bad.log(test_log());
        let convert = |context: &RequestContext| {
            assert!(context.worked_out().data().logs.is_empty(), "a fault put in by a test");
            context.take_unexported()
        };
        let background = Background::start_with(
            (queue, waiting),
            Arc::clone(&store),
            Some(exporter.clone()),
            Arc::clone(&deliveries),
            convert,
        )
        .unwrap();
        let (before, _) = crate::guard::caught();
        bad.finish(Outcome::Completed);
        good.finish(Outcome::Completed);
        assert!(background.stop(PATIENCE));
        assert!(crate::guard::caught().0 > before, "it is among the internal errors, which the page shows");
        assert_eq!(enqueued(&exporter), 1, "the other is exported");
        assert!(bad.recorder.counters.panics.value() > 0);
        assert_eq!(good.recorder.counters.panics.value(), 0);
        let said = deliveries.of(bad.id())[0].latest().unwrap();
        assert_eq!(said.state(), DeliveryState::Failed);
        assert!(said.detail().unwrap().contains("a fault put in by a test"));
    }
}
