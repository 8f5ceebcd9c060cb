//! The handle to a pipeline.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::batch::{EnqueueId, Enqueued, TraceBatch};
use crate::pipeline::queue::Queue;
use crate::pipeline::receipt::{Dropped, Receipt};
use crate::pipeline::statistics::{Health, Statistics};
use crate::pipeline::subscribers::Subscribers;
use crate::pipeline::unfinished::{Left, Unfinished};
use crate::time::std_after;
use crate::transport::DestinationInfo;

/// Sends finished spans to one backend or to several, each behind a bounded queue of its own, and says what became of
/// them.
///
/// A handle, cheap to clone; all clones share one pipeline. The pipeline has a thread with a runtime of its own, so it
/// serves programs on any async runtime or none, and its work is in no one's trace: the thread has no span, and telemetry
/// is suppressed on it.
///
/// Dropping the last handle shuts the pipeline down, and blocks for the [grace](crate::PipelineBuilder::with_drop_grace) at most;
/// call [`shutdown`](Self::shutdown) to choose how long it may take and to learn how it went.
///
/// ```no_run
/// use std::time::Duration;
/// use opentelemetry_sdk::Resource;
/// use otelbar_export::{Destination, Pipeline, TraceBatch};
///
/// # fn finished_spans() -> Vec<opentelemetry_sdk::trace::SpanData> { Vec::new() }
/// let collector = Destination::otlp("http://127.0.0.1:4318/v1/traces");
/// let pipeline = Pipeline::builder().with_destination(collector).build()?;
/// pipeline.subscribe(|receipt| println!("{}: {}", receipt.key, receipt.delivery));
///
/// let shop = Resource::builder().with_service_name("shop").build();
/// if let Err(dropped) = pipeline.enqueue(TraceBatch::new(1, shop, finished_spans())) {
///     eprintln!("{dropped}");
/// }
/// pipeline.shutdown(Duration::from_secs(5))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pipeline {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    /// One for each destination.
    pub(super) queues: Vec<Arc<Queue>>,
    pub(super) next_id: AtomicU64,
    pub(super) subscribers: Arc<Subscribers>,
    pub(super) runtime: Handle,
    pub(super) thread: ThreadId,
    pub(super) drop_grace: Duration,
    /// Whether a destination has a spool, which asks when spans were enqueued.
    pub(super) spools: bool,
    /// How much earlier than the caller the thread has to be done.
    pub(super) margin: Duration,
}

impl Pipeline {
    pub(super) fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// Takes finished spans in. Never blocks, and costs the caller a push to each queue.
    ///
    /// `Ok` is the receipt for "queued" at one destination at least; later ones are told to
    /// [subscribers](Self::subscribe). They may come before this returns, so note the trace as queued first. An empty
    /// batch gets no receipts.
    ///
    /// # Errors
    ///
    /// The receipt of a batch that no destination took: its queue has no room, or the pipeline was shut down. Each
    /// refusal, of one destination too while others have taken it, is counted and told to subscribers; of a flood of
    /// them some are counted as [`untold`](Statistics::untold).
    pub fn enqueue(&self, batch: TraceBatch) -> Result<EnqueueId, Dropped> {
        let id = EnqueueId(self.inner.next_id.fetch_add(1, Ordering::Relaxed));
        if batch.spans.is_empty() {
            return Ok(id);
        }
        let since = self.inner.spools.then(tokio::time::Instant::now);
        let enqueued = Enqueued::at(id, batch, since);
        let mut refused = None;
        let mut taken = self.inner.queues.is_empty();
        for queue in &self.inner.queues {
            match queue.push(Arc::clone(&enqueued)) {
                Ok(()) => taken = true,
                Err(dropped) => refused = Some(dropped),
            }
        }
        match refused {
            Some(dropped) if !taken => Err(dropped),
            _ => Ok(id),
        }
    }

    /// Tells this function each receipt from now on, for as long as the pipeline lives.
    ///
    /// It is called on the pipeline's thread, which sends nothing meanwhile: it should be quick. One that panics has lost
    /// that receipt, which counts as [untold](Statistics::untold), and is called with the next. It
    /// must not hold a handle of the same pipeline, which would then never end.
    pub fn subscribe(&self, subscriber: impl Fn(&Receipt) + Send + Sync + 'static) {
        self.inner.subscribers.add(subscriber);
    }

    /// The destinations, in the order these were given.
    pub fn destinations(&self) -> impl ExactSizeIterator<Item = &DestinationInfo> {
        self.inner.queues.iter().map(|queue| queue.destination())
    }

    /// How each destination stands, in the order these were given, each consistent to the span.
    pub fn statistics(&self) -> Vec<Statistics> {
        self.inner.queues.iter().map(|queue| queue.statistics()).collect()
    }

    /// Sends what was enqueued before, and blocks until all of it is accepted, rejected, spooled or given up.
    /// Retries go on at their own pace.
    ///
    /// Safe on any thread: the work is done on the pipeline's own. In async code prefer
    /// [`flush_async`](Self::flush_async), which does not hold up the executor.
    ///
    /// # Errors
    ///
    /// [`Unfinished`] when `deadline` passes first, with all that is under way then; the spans stay queued. Also when
    /// called from a subscriber while spans are under way: waiting would be waiting for itself.
    pub fn flush(&self, deadline: Duration) -> Result<(), Unfinished> {
        let inner = &*self.inner;
        let marks: Vec<_> = inner.queues.iter().map(|queue| (queue, queue.want_all())).collect();
        if !inner.is_own_thread() {
            let deadline = std_after(Instant::now(), deadline);
            if marks.into_iter().all(|(queue, mark)| queue.wait_settled(mark, deadline)) {
                return Ok(());
            }
        }
        inner.unsettled()
    }

    /// [`flush`](Self::flush) without blocking, in any runtime.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush).
    pub async fn flush_async(&self, deadline: Duration) -> Result<(), Unfinished> {
        let inner = &*self.inner;
        let marks: Vec<_> = inner.queues.iter().map(|queue| (Arc::clone(queue), queue.want_all())).collect();
        let deadline = std_after(Instant::now(), deadline);
        let wait = move || marks.into_iter().all(|(queue, mark)| queue.wait_settled(mark, deadline));
        if inner.wait_elsewhere(wait).await { Ok(()) } else { inner.unsettled() }
    }

    /// Takes nothing in any more, sends what waits, and blocks until all is settled or `deadline` has passed;
    /// what is left then is dropped and counted. It ends early when the next attempt for a failing backend lies
    /// beyond the deadline. May be called again, and concurrently: the earliest deadline holds.
    ///
    /// # Errors
    ///
    /// [`Unfinished`] when spans were dropped for it.
    pub fn shutdown(&self, deadline: Duration) -> Result<(), Unfinished> {
        self.inner.close(deadline);
        if !self.inner.is_own_thread() {
            self.inner.wait_finished(std_after(Instant::now(), deadline));
        }
        self.inner.closed()
    }

    /// [`shutdown`](Self::shutdown) without blocking, in any runtime.
    ///
    /// # Errors
    ///
    /// As [`shutdown`](Self::shutdown).
    pub async fn shutdown_async(&self, deadline: Duration) -> Result<(), Unfinished> {
        self.inner.close(deadline);
        let queues = self.inner.queues.clone();
        let deadline = std_after(Instant::now(), deadline);
        let wait = move || queues.into_iter().all(|queue| queue.wait_finished(deadline));
        self.inner.wait_elsewhere(wait).await;
        self.inner.closed()
    }
}

impl Inner {
    fn is_own_thread(&self) -> bool {
        thread::current().id() == self.thread
    }

    /// Waits on a thread of the pipeline's runtime, whatever runtime the caller is on, and however busy the pipeline's
    /// own thread is; whether it was done in time.
    async fn wait_elsewhere(&self, wait: impl FnOnce() -> bool + Send + 'static) -> bool {
        // An error means that the runtime has ended, which is as good as done.
        self.runtime.spawn_blocking(wait).await.unwrap_or(true)
    }

    /// The thread gets a little less time than the caller, so that it can still count what it leaves, or write it to
    /// the disk.
    fn close(&self, deadline: Duration) {
        let margin = (deadline / 10).min(self.margin);
        let deadline = std_after(Instant::now(), deadline - margin);
        self.queues.iter().for_each(|queue| queue.close(deadline.into()));
    }

    fn wait_finished(&self, deadline: Instant) {
        for queue in &self.queues {
            queue.wait_finished(deadline);
        }
    }

    fn closed(&self) -> Result<(), Unfinished> {
        self.left(|statistics| {
            statistics.spans.queued + statistics.spans.in_flight + statistics.dropped.shut_down
        })
    }

    fn unsettled(&self) -> Result<(), Unfinished> {
        self.left(|statistics| statistics.spans.queued + statistics.spans.in_flight)
    }

    /// An error where a destination has left some of what this counts.
    fn left(&self, count: impl Fn(&Statistics) -> u64) -> Result<(), Unfinished> {
        let mut destinations = Vec::new();
        for queue in &self.queues {
            let statistics = queue.statistics();
            let spans = count(&statistics);
            if spans > 0 {
                let failing = matches!(statistics.health, Health::Failing | Health::Waiting);
                let last_error = statistics.last_error.filter(|_| failing).map(|last| last.error);
                destinations.push(Left { destination: statistics.destination, spans, last_error });
            }
        }
        if destinations.is_empty() { Ok(()) } else { Err(Unfinished { destinations }) }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close(self.drop_grace);
        // On the pipeline's own thread, where a subscriber may drop the last handle, waiting would be in vain.
        if !self.is_own_thread() {
            self.wait_finished(std_after(Instant::now(), self.drop_grace));
        }
    }
}
