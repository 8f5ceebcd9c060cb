//! How a pipeline is set up.

use std::time::Duration;

use crate::error::SetupError;
use crate::pipeline::breaker::BreakerPolicy;
use crate::pipeline::handle::Pipeline;
use crate::pipeline::options::Options;
use crate::pipeline::overflow::Overflow;
use crate::pipeline::retry::RetryPolicy;
use crate::pipeline::setup::Setup;
use crate::spool::SpoolOptions;
use crate::transport::Destination;

/// Sets a [`Pipeline`] up: where spans go, and what holds for each of these destinations.
///
/// The defaults are those of the OpenTelemetry specification for the batch span processor. Each destination has a queue, a
/// breaker and statistics of its own, with the same limits.
///
/// ```
/// use std::time::Duration;
/// use otelbar_export::{Destination, Overflow, Pipeline};
///
/// let pipeline = Pipeline::builder()
///     .with_destination(Destination::otlp("http://127.0.0.1:4318/v1/traces"))
///     .with_max_queue_size(8192)
///     .with_scheduled_delay(Duration::from_secs(1))
///     .with_overflow(Overflow::Oldest)
///     .build()?;
/// # Ok::<(), otelbar_export::SetupError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "it does nothing until it is built"]
pub struct PipelineBuilder {
    pub(crate) destinations: Vec<Destination>,
    pub(crate) options: Options,
    /// Made from a configuration, so that errors name its variables.
    pub(crate) configured: bool,
}

impl Pipeline {
    /// What sets a pipeline up.
    pub fn builder() -> PipelineBuilder {
        PipelineBuilder::default()
    }
}

impl PipelineBuilder {
    /// Adds a place where each span goes. Default: none, and spans are dropped without being counted.
    pub fn with_destination(mut self, destination: impl Into<Destination>) -> Self {
        self.destinations.push(destination.into());
        self
    }

    /// Spans that may wait in a destination's queue. Default 2048; at least 1. When a batch does not fit, whole batches are
    /// dropped and counted, as [`with_overflow`](Self::with_overflow) chooses; one that is larger than the queue by itself
    /// is taken when the queue is empty.
    pub fn with_max_queue_size(mut self, spans: usize) -> Self {
        self.options.max_queue_size = spans;
        self
    }

    /// Bytes that the spans in a destination's queue may hold, as an estimate that leaves out what the allocator adds. The
    /// requests that are being encoded and sent come on top of it. Default 64 MiB. As with the number of spans, what is
    /// larger by itself is taken when the queue is empty. A batch that waits in several queues is in memory once.
    pub fn with_max_queue_bytes(mut self, bytes: usize) -> Self {
        self.options.max_queue_bytes = bytes;
        self
    }

    /// What gives way when a queue is full. Default [`Overflow::Traces`]: errors and slow traces last.
    pub fn with_overflow(mut self, overflow: Overflow) -> Self {
        self.options.overflow = overflow;
        self
    }

    /// Spans in a request at most. Default 512; at least 1. A request is sent as soon as so many wait, or the queue is half
    /// full.
    pub fn with_max_export_batch_size(mut self, spans: usize) -> Self {
        self.options.max_export_batch_size = spans;
        self
    }

    /// How long spans wait for more at most before they are sent; the time between two requests when there is little to
    /// send. Default 5 s.
    pub fn with_scheduled_delay(mut self, delay: Duration) -> Self {
        self.options.scheduled_delay = delay;
        self
    }

    /// When and how long failed attempts are repeated. Default [`RetryPolicy::default`]: with a backoff of 500 ms to 10 s,
    /// for 5 min.
    pub fn with_retry(mut self, retry: RetryPolicy) -> Self {
        self.options.retry = retry;
        self
    }

    /// When a backend that fails is left alone, and for how long. Default [`BreakerPolicy::default`]: after 5 failures in a
    /// row, for 30 s.
    pub fn with_breaker(mut self, breaker: BreakerPolicy) -> Self {
        self.options.breaker = breaker;
        self
    }

    /// Keeps on disk what cannot be sent now (a persistent queue, as the Collector's `sending_queue` with a `storage`; called
    /// spool here): from the first attempt that fails
    /// on, at a shutdown, and when the backend has not taken it [a second](SpoolOptions::with_write_delay) after it was
    /// enqueued, so that a process that is killed loses no more than that. It is sent when the backend is there again, by
    /// this process or by the next that is given the folder, and is not given up for its age.
    ///
    /// Each destination but a console has a folder of its own in it, with its name, and has one request under way at a
    /// time. A request from the spool that the backend finds too large is dropped: it cannot be halved any more. Default:
    /// what cannot be sent waits in the queue.
    pub fn with_spool(mut self, spool: SpoolOptions) -> Self {
        self.options.spool = Some(spool);
        self
    }

    /// How long dropping the last handle may block to send what waits. Default 1 s; zero drops it at once.
    pub fn with_drop_grace(mut self, grace: Duration) -> Self {
        self.options.drop_grace = grace;
        self
    }

    /// Starts the pipeline. No connection is made before there is something to send. Without a destination it takes spans
    /// and forgets them.
    ///
    /// # Errors
    ///
    /// A setting cannot be used, of the pipeline or of a destination, or the system cannot start a thread.
    pub fn build(self) -> Result<Pipeline, SetupError> {
        let mut setup = Setup::new(self.options, self.configured)?;
        for destination in &self.destinations {
            setup.add(destination)?;
        }
        setup.start()
    }

    /// As [`build`](Self::build), without the destinations that cannot be used, for a service that is to start whatever its
    /// environment says. Gives what is wrong with those, too; no pipeline where none is left.
    ///
    /// # Errors
    ///
    /// A setting of the pipeline cannot be used, the configured address of a destination
    /// [cannot be read](SetupError::is_unreadable_endpoint), or the system cannot start a thread.
    pub fn build_usable(self) -> Result<(Option<Pipeline>, Vec<SetupError>), SetupError> {
        let mut setup = Setup::new(self.options, self.configured)?;
        let mut unusable = Vec::new();
        for destination in &self.destinations {
            match setup.add(destination) {
                Err(error) if error.is_unreadable_endpoint() => return Err(error),
                Err(error) => unusable.push(error),
                Ok(()) => {}
            }
        }
        let pipeline = if setup.is_empty() { None } else { Some(setup.start()?) };
        Ok((pipeline, unusable))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builder() -> PipelineBuilder {
        Pipeline::builder().with_destination(Destination::otlp("http://127.0.0.1:9/v1/traces"))
    }

    #[test]
    fn a_value_that_does_not_serve_is_named_as_it_was_given() {
        #[track_caller]
        fn check(builder: PipelineBuilder, method: &str, variable: &str) {
            for (configured, name) in [(false, method), (true, variable)] {
                let error = PipelineBuilder { configured, ..builder.clone() }.build().unwrap_err();
                assert!(error.to_string().starts_with(&format!("{name}: \"0\" is too small; ")), "{error}");
            }
        }
        let closed = BreakerPolicy { failure_threshold: 0, ..BreakerPolicy::default() };
        let spool = SpoolOptions::new("spool").with_max_bytes(0);
        check(builder().with_max_queue_size(0), "with_max_queue_size", "OTEL_BSP_MAX_QUEUE_SIZE");
        check(builder().with_max_queue_bytes(0), "with_max_queue_bytes", "OTELBAR_BSP_MAX_QUEUE_BYTES");
        check(
            builder().with_max_export_batch_size(0),
            "with_max_export_batch_size",
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
        );
        check(builder().with_breaker(closed), "with_breaker", "OTELBAR_BREAKER_FAILURE_THRESHOLD");
        check(builder().with_spool(spool), "SpoolOptions::with_max_bytes", "OTELBAR_SPOOL_MAX_BYTES");
    }

    #[test]
    fn two_destinations_do_not_share_a_folder_of_the_spool() {
        let folder = tempfile::tempdir().unwrap();
        let other = |name: &str| Destination::otlp("http://127.0.0.1:9/v1/traces").with_name(name);
        let with = |name: &str| {
            builder().with_spool(SpoolOptions::new(folder.path())).with_destination(other(name)).build()
        };
        for name in ["otlp", "", "..", "a/b", "a b"] {
            let error = with(name).unwrap_err();
            assert_eq!((error.option_name(), error.value().unwrap_or_default()), (Some("with_name"), name));
        }
        let names: Vec<_> = with("archive").unwrap().destinations().map(|info| info.name.clone()).collect();
        assert_eq!(names.iter().map(|name| &**name).collect::<Vec<_>>(), ["otlp", "archive"]);
        builder().with_destination(other("otlp")).build().expect("without a spool a name is only a name");
    }

    #[test]
    fn what_serves_is_used_and_the_rest_is_told() {
        let bad = Destination::otlp("collector:4318");
        let (pipeline, unusable) = builder().with_destination(bad.clone()).build_usable().unwrap();
        assert_eq!(pipeline.unwrap().statistics().len(), 1);
        assert_eq!(unusable.len(), 1);
        let (pipeline, unusable) = Pipeline::builder().with_destination(bad).build_usable().unwrap();
        assert!(pipeline.is_none() && unusable.len() == 1);
    }
}
