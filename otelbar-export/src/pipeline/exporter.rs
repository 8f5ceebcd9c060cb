//! The pipeline inside a `TracerProvider` of the SDK: as its span exporter, and as its span processor.

use std::collections::HashMap;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::TraceId;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter, SpanProcessor};

use crate::batch::{TraceBatch, TraceKey};
use crate::error::SetupError;
use crate::pipeline::delivery::DropReason;
use crate::pipeline::handle::Pipeline;
use crate::pipeline::receipt::Dropped;
use crate::pipeline::unfinished::Unfinished;
use crate::transport::Destination;

/// How long the SDK's flush waits, which names no time of its own; as long as its shutdown.
const FLUSH: Duration = Duration::from_secs(5);

/// A [`Pipeline`] as the SDK takes it: as span exporter, or as span processor, for a `TracerProvider`.
///
/// ```
/// use opentelemetry_sdk::trace::SdkTracerProvider;
/// use otelbar_export::{Destination, ToolbarSpanExporter};
///
/// let exporter = ToolbarSpanExporter::new(Destination::otlp("http://127.0.0.1:4318/v1/traces"))?;
/// let provider = SdkTracerProvider::builder().with_span_processor(exporter).build();
/// # provider.shutdown_with_timeout(std::time::Duration::ZERO)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ToolbarSpanExporter {
    pipeline: Pipeline,
    /// What the spans are from; the SDK tells it once.
    resource: Resource,
}

impl ToolbarSpanExporter {
    /// Starts a pipeline of its own to this destination. For what else a pipeline can do, build one and make the exporter
    /// [from](Self::from) that.
    ///
    /// # Errors
    ///
    /// As [`PipelineBuilder::build`](crate::PipelineBuilder::build).
    pub fn new(destination: impl Into<Destination>) -> Result<Self, SetupError> {
        Pipeline::builder().with_destination(destination).build().map(Self::from)
    }

    /// The pipeline, to subscribe to receipts, to flush it, and to see how it does.
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    fn enqueue(&self, trace: TraceId, spans: Vec<SpanData>) -> Result<(), Dropped> {
        let batch = TraceBatch::new(TraceKey::from(trace), self.resource.clone(), spans);
        self.pipeline.enqueue(batch).map(|_| ())
    }
}

impl From<Pipeline> for ToolbarSpanExporter {
    fn from(pipeline: Pipeline) -> Self {
        Self { pipeline, resource: Resource::builder_empty().build() }
    }
}

/// Behind any span processor of the SDK. `export` enqueues the spans, each trace by itself, and is done when they are
/// queued; what becomes of them then is told by receipt, with the trace's id (its lower half) as [key](TraceKey). The
/// SDK's processors do not pass a flush on: [`flush`](Pipeline::flush) the pipeline after the provider.
impl SpanExporter for ToolbarSpanExporter {
    /// # Errors
    ///
    /// `AlreadyShutdown` after the pipeline's end. What has no room in the queue is counted and told by receipt, and is
    /// no error here: the SDK would log each.
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let mut traces: HashMap<TraceId, Vec<SpanData>> = HashMap::new();
        for span in batch {
            traces.entry(span.span_context.trace_id()).or_default().push(span);
        }
        let mut result = Ok(());
        for (trace, spans) in traces {
            if let Err(Dropped { reason: DropReason::Closed, .. }) = self.enqueue(trace, spans) {
                result = Err(OTelSdkError::AlreadyShutdown);
            }
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.pipeline.shutdown(timeout).map_err(|unfinished| unfinished_after(timeout, &unfinished))
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.pipeline.flush(FLUSH).map_err(|unfinished| unfinished_after(FLUSH, &unfinished))
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.clone();
    }
}

/// In the place of the SDK's batch processor and its exporter, without a second queue and a copy of the spans: each
/// sampled span is enqueued by itself when it ends, and so is what gives way in a full queue.
impl SpanProcessor for ToolbarSpanExporter {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() {
            // What is dropped is counted, and told by receipt.
            let _ = self.enqueue(span.span_context.trace_id(), vec![span]);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        SpanExporter::force_flush(self)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        SpanExporter::shutdown_with_timeout(self, timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        SpanExporter::set_resource(self, resource);
    }
}

fn unfinished_after(deadline: Duration, unfinished: &Unfinished) -> OTelSdkError {
    match unfinished.destinations.iter().all(|left| left.last_error.is_none()) {
        true => OTelSdkError::Timeout(deadline),
        false => OTelSdkError::InternalFailure(unfinished.to_string()),
    }
}
