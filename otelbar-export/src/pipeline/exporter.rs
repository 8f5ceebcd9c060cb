//! The handle to a pipeline.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use tokio::runtime::{Builder, Handle};
use tokio::task::LocalSet;
use tracing::{error, warn};

use crate::batch::Enqueued;
use crate::batch::{EnqueueId, TraceBatch};
use crate::encode::Encoding;
use crate::error::{Left, SetupError, Unfinished};
use crate::options::ExporterOptions;
use crate::options::Wire;
use crate::pipeline::backlog::Backlog;
use crate::pipeline::queue::Queue;
use crate::pipeline::subscribers::Subscribers;
use crate::pipeline::worker::Worker;
use crate::pipeline::{DropReason, Dropped, Health, Receipt, Statistics};
use crate::spool::Spool;
use crate::time::std_after;
#[cfg(feature = "grpc")]
use crate::transport::GrpcTransport;
use crate::transport::{Connector, Console, ConsoleTransport, HttpTransport, Version, connector};

/// Sends finished spans to one backend or to several, each behind a bounded queue of its own, and says what became of
/// them.
///
/// A handle, cheap to clone; all clones share one pipeline. The pipeline has a thread with a runtime of its own,
/// so it serves programs on any async runtime or none, and its work is in no one's trace: the thread has no span,
/// and telemetry is suppressed on it.
///
/// Dropping the last handle shuts the pipeline down, and blocks for the
/// [grace](ExporterOptions::with_drop_grace) at most; call [`shutdown`](Self::shutdown) to choose how long it may
/// take and to learn how it went.
///
/// ```no_run
/// use std::time::Duration;
/// use opentelemetry_sdk::Resource;
/// use otelbar_export::{ExporterOptions, ToolbarSpanExporter, TraceBatch};
///
/// # fn finished_spans() -> Vec<opentelemetry_sdk::trace::SpanData> { Vec::new() }
/// let exporter = ToolbarSpanExporter::new(ExporterOptions::new("http://127.0.0.1:4318/v1/traces")?)?;
/// exporter.subscribe(|receipt| println!("{}: {}", receipt.key, receipt.delivery));
///
/// let shop = Resource::builder().with_service_name("shop").build();
/// if let Err(dropped) = exporter.enqueue(TraceBatch::new(1, shop, finished_spans())) {
///     eprintln!("{dropped}");
/// }
/// exporter.shutdown(Duration::from_secs(5))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ToolbarSpanExporter {
    pipeline: Arc<Pipeline>,
    /// What spans are from that come by way of the SDK, which tells it once.
    pub(crate) resource: Resource,
}

#[derive(Debug)]
struct Pipeline {
    /// One for each destination.
    queues: Vec<Arc<Queue>>,
    next_id: AtomicU64,
    subscribers: Arc<Subscribers>,
    runtime: Handle,
    thread: ThreadId,
    drop_grace: Duration,
    /// Whether a destination has a spool, which asks when spans were handed over.
    spools: bool,
    /// How much earlier than the caller the thread has to be done.
    margin: Duration,
}

impl ToolbarSpanExporter {
    /// Starts a pipeline with one destination. No connection is made before there is something to send.
    ///
    /// # Errors
    ///
    /// Says so when an option does not serve, or the system gives no thread.
    pub fn new(options: ExporterOptions) -> Result<Self, SetupError> {
        Self::to_all([options])
    }

    /// Starts a pipeline that sends each span to all these destinations. Each has a queue, a breaker and statistics of
    /// its own, so one that is slow or down keeps nothing from the others; a hand-over that waits in several queues is
    /// in memory once.
    ///
    /// ```
    /// use otelbar_export::{ExporterOptions, ToolbarSpanExporter};
    ///
    /// let exporter = ToolbarSpanExporter::to_all([
    ///     ExporterOptions::new("http://127.0.0.1:4318/v1/traces")?,
    ///     ExporterOptions::new("http://archive:4318/v1/traces")?.with_queue_size(50_000),
    /// ])?;
    /// assert_eq!(exporter.statistics().len(), 2);
    /// # Ok::<(), otelbar_export::SetupError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn to_all(destinations: impl IntoIterator<Item = ExporterOptions>) -> Result<Self, SetupError> {
        let mut setup = Setup::default();
        for options in destinations {
            setup.add(options)?;
        }
        setup.start()
    }

    /// As [`to_all`](Self::to_all), without the destinations whose options do not serve, for a service that is to start
    /// whatever its environment says. Gives what is wrong with those, too; no pipeline where none is left.
    ///
    /// # Errors
    ///
    /// The system gives no thread.
    pub fn to_usable(
        destinations: impl IntoIterator<Item = ExporterOptions>,
    ) -> Result<(Option<Self>, Vec<SetupError>), SetupError> {
        let mut setup = Setup::default();
        let unusable = destinations.into_iter().filter_map(|options| setup.add(options).err()).collect();
        let exporter = if setup.services.is_empty() { None } else { Some(setup.start()?) };
        Ok((exporter, unusable))
    }

    /// Hands finished spans over. Never blocks, and costs the caller a push to each queue.
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
        let id = EnqueueId(self.pipeline.next_id.fetch_add(1, Ordering::Relaxed));
        if batch.spans.is_empty() {
            return Ok(id);
        }
        let since = self.pipeline.spools.then(tokio::time::Instant::now);
        let enqueued = Enqueued::at(id, batch, since);
        let mut refused = None;
        let mut taken = self.pipeline.queues.is_empty();
        for queue in &self.pipeline.queues {
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
    /// that receipt, which counts as [untold](Statistics::untold), and is called with the next. It must not hold a handle of the same pipeline, which would then never end.
    pub fn subscribe(&self, subscriber: impl Fn(&Receipt) + Send + Sync + 'static) {
        self.pipeline.subscribers.add(subscriber);
    }

    /// How each destination stands, in the order these were given, each consistent to the span.
    pub fn statistics(&self) -> Vec<Statistics> {
        self.pipeline.queues.iter().map(|queue| queue.statistics()).collect()
    }

    /// Sends what was handed over before, and blocks until all of it is accepted, rejected, spooled or given up.
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
        let pipeline = &*self.pipeline;
        let marks: Vec<_> = pipeline.queues.iter().map(|queue| (queue, queue.want_all())).collect();
        if !pipeline.is_own_thread() {
            let deadline = std_after(Instant::now(), deadline);
            if marks.into_iter().all(|(queue, mark)| queue.wait_settled(mark, deadline)) {
                return Ok(());
            }
        }
        pipeline.unsettled()
    }

    /// [`flush`](Self::flush) without blocking, in any runtime.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush).
    pub async fn flush_async(&self, deadline: Duration) -> Result<(), Unfinished> {
        let pipeline = &*self.pipeline;
        let marks: Vec<_> =
            pipeline.queues.iter().map(|queue| (Arc::clone(queue), queue.want_all())).collect();
        let deadline = std_after(Instant::now(), deadline);
        let wait = move || marks.into_iter().all(|(queue, mark)| queue.wait_settled(mark, deadline));
        if pipeline.wait_elsewhere(wait).await { Ok(()) } else { pipeline.unsettled() }
    }

    /// Takes nothing in any more, sends what waits, and blocks until all is settled or `deadline` has passed;
    /// what is left then is dropped and counted. It ends early when the next attempt for a failing backend lies
    /// beyond the deadline. May be called again, and concurrently: the earliest deadline holds.
    ///
    /// # Errors
    ///
    /// [`Unfinished`] when spans were dropped for it.
    pub fn shutdown(&self, deadline: Duration) -> Result<(), Unfinished> {
        self.pipeline.close(deadline);
        if !self.pipeline.is_own_thread() {
            self.pipeline.wait_finished(std_after(Instant::now(), deadline));
        }
        self.pipeline.closed()
    }

    /// [`shutdown`](Self::shutdown) without blocking, in any runtime.
    ///
    /// # Errors
    ///
    /// As [`shutdown`](Self::shutdown).
    pub async fn shutdown_async(&self, deadline: Duration) -> Result<(), Unfinished> {
        self.pipeline.close(deadline);
        let queues = self.pipeline.queues.clone();
        let deadline = std_after(Instant::now(), deadline);
        let wait = move || queues.into_iter().all(|queue| queue.wait_finished(deadline));
        self.pipeline.wait_elsewhere(wait).await;
        self.pipeline.closed()
    }
}

impl Pipeline {
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

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.close(self.drop_grace);
        // On the pipeline's own thread, where a subscriber may drop the last handle, waiting would be in vain.
        if !self.is_own_thread() {
            self.wait_finished(std_after(Instant::now(), self.drop_grace));
        }
    }
}

/// A pipeline that is being put together.
#[derive(Default)]
struct Setup {
    queues: Vec<Arc<Queue>>,
    services: Vec<Service>,
    drop_grace: Duration,
}

impl Setup {
    fn add(&mut self, options: ExporterOptions) -> Result<(), SetupError> {
        options.check().map_err(|error| options.named(error))?;
        let opener = Opener::new(&options).map_err(|error| options.named(error))?;
        let queue = Arc::new(Queue::new(&options, options.destination(self.queues.len())));
        let backlog = backlog(&options, &queue, &self.services).map_err(|error| options.named(error))?;
        self.drop_grace = self.drop_grace.max(options.drop_grace);
        self.queues.push(Arc::clone(&queue));
        self.services.push(Service { queue, options, opener, backlog });
        Ok(())
    }

    fn start(self) -> Result<ToolbarSpanExporter, SetupError> {
        let Self { queues, services, drop_grace } = self;
        let spools = services.iter().any(|service| service.backlog.is_some());
        let margin = Duration::from_millis(if spools { 500 } else { 50 });
        let subscribers = Arc::new(Subscribers::default());
        // The runtime is made on its thread: dropped on another, should that fail, it might panic.
        let (tell, told) = mpsc::channel();
        let started = thread::Builder::new().name("otelbar-export".to_owned()).spawn({
            let subscribers = Arc::clone(&subscribers);
            move || run(services, &subscribers, &tell)
        });
        let thread = started.map_err(SetupError::Thread)?.thread().id();
        let runtime = told
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("it ended at once")))
            .map_err(SetupError::Thread)?;
        let next_id = AtomicU64::new(0);
        let pipeline = Pipeline { queues, next_id, subscribers, runtime, thread, drop_grace, spools, margin };
        Ok(ToolbarSpanExporter { pipeline: Arc::new(pipeline), resource: Resource::builder_empty().build() })
    }
}

/// What the thread does for one destination.
struct Service {
    queue: Arc<Queue>,
    options: ExporterOptions,
    opener: Opener,
    backlog: Option<Backlog>,
}

/// Opens the spool, and counts what is in it, or why it cannot be used.
fn backlog(
    options: &ExporterOptions,
    queue: &Queue,
    others: &[Service],
) -> Result<Option<Backlog>, SetupError> {
    let Some(spool) = &options.spool else { return Ok(None) };
    let folder = |options: &ExporterOptions| options.spool.as_ref().map(|spool| spool.folder.clone());
    if others.iter().any(|other| folder(&other.options).as_ref() == Some(&spool.folder)) {
        return Err(SetupError::option(
            "with_spool",
            spool.folder.display().to_string(),
            "is the spool of two destinations",
            "give each a folder of its own",
        ));
    }
    let backlog = match Spool::open(spool, options.wire().encoding().kind()) {
        Ok(spool) => Backlog::new(spool),
        // Export goes on, and with it the application.
        Err(error) => {
            let (destination, problem) = (queue.destination(), error.to_string());
            warn!(target: "otelbar_export", %error, %destination, "there is no spool");
            queue.count(|statistics| statistics.spool_problem = Some(problem.into()));
            return Ok(None);
        }
    };
    let holdings = backlog.holdings();
    queue.count(|statistics| {
        statistics.recovered = holdings.recovered;
        statistics.spans.spooled = holdings.spans;
        statistics.spooled_bytes = holdings.bytes;
        statistics.refuse(&DropReason::SpoolDamaged, holdings.damaged);
    });
    Ok(Some(backlog))
}

impl Service {
    async fn run(self, subscribers: Arc<Subscribers>) {
        let _finish = Finish(Arc::clone(&self.queue));
        let Self { queue, options, opener, backlog } = self;
        match opener {
            #[cfg(feature = "grpc")]
            Opener::Grpc(connector) => {
                let transport = GrpcTransport::new(&options, connector);
                Worker::new(queue, subscribers, transport, Encoding::Protobuf, backlog, &options).run().await;
            }
            Opener::Http(connector, encoding) => {
                let transport = HttpTransport::new(&options, encoding, connector);
                Worker::new(queue, subscribers, transport, encoding, backlog, &options).run().await;
            }
            Opener::Console(transport, encoding) => {
                Worker::new(queue, subscribers, transport, encoding, backlog, &options).run().await;
            }
        }
    }
}

/// Nobody waits in vain, and the counts are right, even if a worker dies.
struct Finish(Arc<Queue>);

impl Drop for Finish {
    fn drop(&mut self) {
        let spans = self.0.finish();
        if spans > 0 {
            let destination = self.0.destination();
            error!(target: "otelbar_export", spans, %destination, "the export has died; nothing more is sent there");
        }
    }
}

/// The pipeline's thread.
fn run(services: Vec<Service>, subscribers: &Arc<Subscribers>, tell: &mpsc::Sender<io::Result<Handle>>) {
    let runtime = match Builder::new_current_thread().enable_io().enable_time().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = tell.send(Err(error));
            return;
        }
    };
    let _ = tell.send(Ok(runtime.handle().clone()));
    // What the pipeline does is not to be traced: its spans would come back to it.
    let _suppressed = Context::enter_telemetry_suppressed_scope();
    // A task each, so that one that dies leaves the others alive.
    let tasks = LocalSet::new();
    for service in services {
        tasks.spawn_local(service.run(Arc::clone(subscribers)));
    }
    runtime.block_on(tasks);
    // A name that is still being resolved must not hold the thread.
    runtime.shutdown_background();
}

/// What opens a destination's connections, for the way it is sent to.
enum Opener {
    #[cfg(feature = "grpc")]
    Grpc(Connector),
    Http(Connector, Encoding),
    Console(ConsoleTransport, Encoding),
}

impl Opener {
    /// Reads the certificates there are.
    fn new(options: &ExporterOptions) -> Result<Self, SetupError> {
        Ok(match options.wire() {
            #[cfg(feature = "grpc")]
            Wire::Grpc => Self::Grpc(connector(options, Version::Http2)?),
            Wire::Http(encoding) => Self::Http(connector(options, Version::Http1)?, encoding),
            Wire::Console(target, encoding) => {
                let console = Console::open(target).map_err(SetupError::Thread)?;
                Self::Console(ConsoleTransport::new(console, target), encoding)
            }
        })
    }
}
