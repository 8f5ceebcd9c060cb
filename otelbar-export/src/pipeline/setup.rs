//! Puts a pipeline together, and runs its thread.

use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use opentelemetry::Context;
use tokio::runtime::{Builder, Handle};
use tokio::task::LocalSet;
use tracing::{error, warn};

use crate::encode::Encoding;
use crate::error::{Setting, SetupError};
use crate::pipeline::backlog::Backlog;
use crate::pipeline::delivery::DropReason;
use crate::pipeline::handle::{Inner, Pipeline};
use crate::pipeline::options::Options;
use crate::pipeline::queue::Queue;
use crate::pipeline::subscribers::Subscribers;
use crate::pipeline::worker::Worker;
use crate::spool::{Spool, SpoolOptions};
use crate::transport::{Destination, DestinationInfo, Opened, RequestLimits, Sender};

/// A pipeline that is being put together.
pub(super) struct Setup {
    options: Options,
    /// The options are those of a configuration.
    configured: bool,
    queues: Vec<Arc<Queue>>,
    services: Vec<Service>,
}

impl Setup {
    /// # Errors
    ///
    /// Names an option that does not serve.
    pub(super) fn new(options: Options, configured: bool) -> Result<Self, SetupError> {
        options.check().map_err(|error| error.named(configured))?;
        Ok(Self { options, configured, queues: Vec::new(), services: Vec::new() })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// # Errors
    ///
    /// Names a setting of the destination that does not serve, and leaves it out.
    pub(super) fn add(&mut self, destination: &Destination) -> Result<(), SetupError> {
        let Opened { info, encoding, sender, limits, spools } = destination.open(self.queues.len())?;
        let spool = self.options.spool.as_ref().filter(|_| spools);
        let spool = spool.map(|spool| self.spool_of(spool, &info)).transpose()?;
        let options = Options { spool, ..self.options.clone() };
        let queue = Arc::new(Queue::new(&options, info));
        let backlog = options.spool.as_ref().and_then(|spool| backlog(spool, encoding, &queue));
        self.queues.push(Arc::clone(&queue));
        self.services.push(Service { queue, options, encoding, sender, limits, backlog });
        Ok(())
    }

    /// The folder of a destination.
    fn spool_of(&self, spool: &SpoolOptions, info: &DestinationInfo) -> Result<SpoolOptions, SetupError> {
        const NAME: Setting = Setting::method("with_name");
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let name = &info.name;
        if name.is_empty() || !name.chars().all(is_plain) {
            let (problem, remedy) = (
                "cannot be the name of a folder in the spool",
                "use letters, digits, dashes and underscores",
            );
            return Err(SetupError::option(NAME, &**name, problem, remedy));
        }
        let others = self.services.iter().filter(|other| other.options.spool.is_some());
        if others.into_iter().any(|other| other.queue.destination().name == *name) {
            let (problem, remedy) =
                ("is the name of two destinations with a spool", "give each a name of its own");
            return Err(SetupError::option(NAME, &**name, problem, remedy).named(self.configured));
        }
        Ok(SpoolOptions { folder: spool.folder.join(&**name), ..spool.clone() })
    }

    pub(super) fn start(self) -> Result<Pipeline, SetupError> {
        let Self { options, queues, services, .. } = self;
        let spools = services.iter().any(|service| service.backlog.is_some());
        let margin = Duration::from_millis(if spools { 500 } else { 50 });
        let subscribers = Arc::new(Subscribers::default());
        // The runtime is made on its thread: dropped on another, should that fail, it might panic.
        let (tell, told) = mpsc::channel();
        let started = thread::Builder::new().name("otelbar-export".to_owned()).spawn({
            let subscribers = Arc::clone(&subscribers);
            move || run(services, &subscribers, &tell)
        });
        let thread = started.map_err(SetupError::system)?.thread().id();
        let runtime = told
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("it ended at once")))
            .map_err(SetupError::system)?;
        let (next_id, drop_grace) = (AtomicU64::new(0), options.drop_grace);
        Ok(Pipeline::new(Inner { queues, next_id, subscribers, runtime, thread, drop_grace, spools, margin }))
    }
}

/// What the thread does for one destination.
struct Service {
    queue: Arc<Queue>,
    options: Options,
    encoding: Encoding,
    sender: Sender,
    limits: RequestLimits,
    backlog: Option<Backlog>,
}

/// Opens the spool, and counts what is in it, or says why it cannot be used.
fn backlog(spool: &SpoolOptions, encoding: Encoding, queue: &Queue) -> Option<Backlog> {
    let backlog = match Spool::open(spool, encoding.kind()) {
        Ok(spool) => Backlog::new(spool),
        // Export goes on, and with it the application.
        Err(error) => {
            let (destination, problem) = (queue.destination(), error.to_string());
            warn!(target: "otelbar_export", %error, %destination, "the spool cannot be used; what cannot be sent waits in memory");
            queue.count(|statistics| statistics.spool_problem = Some(problem.into()));
            return None;
        }
    };
    let holdings = backlog.holdings();
    queue.count(|statistics| {
        statistics.recovered = holdings.recovered;
        statistics.spans.spooled = holdings.spans;
        statistics.spooled_bytes = holdings.bytes;
        statistics.refuse(&DropReason::SpoolDamaged, holdings.damaged);
    });
    Some(backlog)
}

impl Service {
    async fn run(self, subscribers: Arc<Subscribers>) {
        let _finish = Finish(Arc::clone(&self.queue));
        let Self { queue, options, encoding, sender, limits, backlog } = self;
        Worker::new(queue, subscribers, sender, encoding, backlog, &options, limits).run().await;
    }
}

/// Nobody waits in vain, and the counts are right, even if a worker dies.
struct Finish(Arc<Queue>);

impl Drop for Finish {
    fn drop(&mut self) {
        let spans = self.0.finish();
        if spans > 0 {
            let destination = self.0.destination();
            error!(target: "otelbar_export", spans, %destination, "the export to this destination panicked; nothing more is sent there");
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
