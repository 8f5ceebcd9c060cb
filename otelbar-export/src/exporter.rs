//! The handle to a pipeline.

use std::io;
use std::sync::{Arc, mpsc};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use opentelemetry::Context;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::client::{Connector, Version, connector};
use crate::encode::Encoding;
#[cfg(feature = "grpc")]
use crate::grpc::GrpcTransport;
use crate::http::HttpTransport;
use crate::queue::Queue;
use crate::subscribers::Subscribers;
use crate::time::std_after;
use crate::worker::Worker;
use crate::{Account, Dropped, EnqueueId, ExporterOptions, Receipt, SetupError, TraceBatch, Unfinished};

/// Sends finished spans to an OpenTelemetry backend, behind a bounded queue, and says what became of them.
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
}

#[derive(Debug)]
struct Pipeline {
    queue: Arc<Queue>,
    subscribers: Arc<Subscribers>,
    runtime: Handle,
    thread: ThreadId,
    drop_grace: Duration,
}

impl ToolbarSpanExporter {
    /// Starts a pipeline. No connection is made before there is something to send.
    ///
    /// # Errors
    ///
    /// Says so when an option does not serve, or the system gives no thread.
    pub fn new(options: ExporterOptions) -> Result<Self, SetupError> {
        options.check()?;
        let opener = Opener::new(&options)?;
        let queue = Arc::new(Queue::new(&options));
        let subscribers = Arc::new(Subscribers::default());
        let drop_grace = options.drop_grace;
        // The runtime is made on its thread: dropped on another, should that fail, it might panic.
        let (tell, told) = mpsc::channel();
        let started = thread::Builder::new().name("otelbar-export".to_owned()).spawn({
            let (queue, subscribers) = (Arc::clone(&queue), Arc::clone(&subscribers));
            move || run(queue, subscribers, options, opener, &tell)
        });
        let thread = started.map_err(SetupError::Thread)?.thread().id();
        let runtime = told
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("it ended at once")))
            .map_err(SetupError::Thread)?;
        Ok(Self { pipeline: Arc::new(Pipeline { queue, subscribers, runtime, thread, drop_grace }) })
    }

    /// Hands finished spans over. Never blocks, and costs the caller a push to the queue.
    ///
    /// `Ok` is the receipt for "queued"; later ones are told to [subscribers](Self::subscribe). They may come
    /// before this returns, so note the trace as queued first. An empty batch gets no receipts.
    ///
    /// # Errors
    ///
    /// The receipt of a batch that was dropped: the queue has no room, or the pipeline was shut down. It is
    /// counted, and told to subscribers.
    pub fn enqueue(&self, batch: TraceBatch) -> Result<EnqueueId, Dropped> {
        self.pipeline.queue.push(batch)
    }

    /// Tells this function each receipt from now on, for as long as the pipeline lives.
    ///
    /// It is called on the pipeline's thread, which sends nothing meanwhile: it should be quick. One that panics
    /// is not called again. It must not hold a handle of the same pipeline, which would then never end.
    pub fn subscribe(&self, subscriber: impl Fn(&Receipt) + Send + Sync + 'static) {
        self.pipeline.subscribers.add(subscriber);
    }

    /// The books, consistent to the span.
    pub fn account(&self) -> Account {
        self.pipeline.queue.account()
    }

    /// Sends what was handed over before, and blocks until all of it is accepted, rejected or given up. Retries
    /// go on at their own pace.
    ///
    /// Safe on any thread: the work is done on the pipeline's own. In async code prefer
    /// [`flush_async`](Self::flush_async), which does not hold up the executor.
    ///
    /// # Errors
    ///
    /// [`Unfinished`] when `deadline` passes first; the spans stay queued. Also when called from a subscriber,
    /// where waiting would be waiting for itself.
    pub fn flush(&self, deadline: Duration) -> Result<(), Unfinished> {
        let pipeline = &*self.pipeline;
        let mark = pipeline.queue.want_all();
        if pipeline.is_own_thread() {
            return Err(pipeline.unfinished());
        }
        let settled = pipeline.queue.wait_settled(mark, std_after(Instant::now(), deadline));
        if settled { Ok(()) } else { Err(pipeline.unfinished()) }
    }

    /// [`flush`](Self::flush) without blocking, in any runtime.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush).
    pub async fn flush_async(&self, deadline: Duration) -> Result<(), Unfinished> {
        let pipeline = &*self.pipeline;
        let mark = pipeline.queue.want_all();
        let queue = Arc::clone(&pipeline.queue);
        pipeline.wait_for(deadline, async move { queue.settled(mark).await }).await;
        if pipeline.queue.is_settled(mark) { Ok(()) } else { Err(pipeline.unfinished()) }
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
            self.pipeline.queue.wait_finished(std_after(Instant::now(), deadline));
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
        let queue = Arc::clone(&self.pipeline.queue);
        self.pipeline.wait_for(deadline, async move { queue.finished().await }).await;
        self.pipeline.closed()
    }
}

impl Pipeline {
    fn is_own_thread(&self) -> bool {
        thread::current().id() == self.thread
    }

    /// Awaits on the pipeline's runtime, whose clock is there whatever runtime the caller is on.
    async fn wait_for(&self, deadline: Duration, done: impl Future<Output = ()> + Send + 'static) {
        let (tell, told) = oneshot::channel();
        self.runtime.spawn(async move {
            let _ = tokio::time::timeout(deadline, done).await;
            let _ = tell.send(());
        });
        // An error means that the runtime has ended, which is as good as done.
        let _ = told.await;
    }

    /// The thread gets a little less time than the caller, so that it can still count what it leaves.
    fn close(&self, deadline: Duration) {
        let margin = (deadline / 10).min(Duration::from_millis(50));
        self.queue.close(std_after(Instant::now(), deadline - margin).into());
    }

    fn closed(&self) -> Result<(), Unfinished> {
        let unfinished = self.unfinished();
        if unfinished.left == 0 { Ok(()) } else { Err(unfinished) }
    }

    fn unfinished(&self) -> Unfinished {
        let account = self.queue.account();
        Unfinished {
            left: account.queued + account.in_flight + account.dropped.shut_down,
            endpoint: account.endpoint,
            last_error: account
                .last_error
                .filter(|_| account.health == crate::Health::Failing)
                .map(|last| last.error),
        }
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.close(self.drop_grace);
        // On the pipeline's own thread, where a subscriber may drop the last handle, waiting would be in vain.
        if !self.is_own_thread() {
            self.queue.wait_finished(std_after(Instant::now(), self.drop_grace));
        }
    }
}

/// The pipeline's thread.
fn run(
    queue: Arc<Queue>,
    subscribers: Arc<Subscribers>,
    options: ExporterOptions,
    opener: Opener,
    tell: &mpsc::Sender<io::Result<Handle>>,
) {
    /// Nobody waits in vain, and the books are right, even if the worker dies.
    struct Finish(Arc<Queue>);

    impl Drop for Finish {
        fn drop(&mut self) {
            self.0.finish();
        }
    }

    let _finish = Finish(Arc::clone(&queue));
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
    let work = async {
        match opener {
            #[cfg(feature = "grpc")]
            Opener::Grpc(connector) => {
                let transport = GrpcTransport::new(&options, connector);
                Worker::new(queue, subscribers, transport, Encoding::Protobuf, options).run().await;
            }
            Opener::Http(connector, encoding) => {
                let transport = HttpTransport::new(&options, encoding, connector);
                Worker::new(queue, subscribers, transport, encoding, options).run().await;
            }
        }
    };
    runtime.block_on(work);
    // A name that is still being resolved must not hold the thread.
    runtime.shutdown_background();
}

/// What opens a pipeline's connections, for the way it sends.
enum Opener {
    #[cfg(feature = "grpc")]
    Grpc(Connector),
    Http(Connector, Encoding),
}

impl Opener {
    /// Reads the certificates there are. The protocol is one of this build, as the options' check has seen to.
    fn new(options: &ExporterOptions) -> Result<Self, SetupError> {
        Ok(match options.protocol {
            #[cfg(feature = "grpc")]
            otelbar_config::Protocol::Grpc => Self::Grpc(connector(options, Version::Http2)?),
            #[cfg(feature = "json")]
            otelbar_config::Protocol::HttpJson => {
                Self::Http(connector(options, Version::Http1)?, Encoding::Json)
            }
            _ => Self::Http(connector(options, Version::Http1)?, Encoding::Protobuf),
        })
    }
}
