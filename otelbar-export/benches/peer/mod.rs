//! The stock pipeline: `BatchSpanProcessor` and opentelemetry-otlp's exporter.

use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SpanProcessor};
use otelbar_export::Protocol;

use crate::sink::Sink;
use crate::spans;

/// What it is called in the benches.
pub(crate) const NAME: &str = "opentelemetry_otlp";

/// The spans its queue holds by default.
pub(crate) const QUEUE: usize = 2048;

/// With a queue of so many spans. Over HTTP it sends with the client that it has by default; over gRPC it wants a runtime
/// to be around it.
pub(crate) fn batch_processor(sink: &Sink, protocol: Protocol, queue: usize) -> BatchSpanProcessor {
    let exporter = match protocol {
        Protocol::Grpc => SpanExporter::builder().with_tonic().with_endpoint(sink.grpc_endpoint()).build(),
        _ => SpanExporter::builder().with_http().with_endpoint(sink.http_endpoint()).build(),
    };
    let config = BatchConfigBuilder::default().with_max_queue_size(queue).build();
    let mut processor =
        BatchSpanProcessor::builder(exporter.expect("an exporter")).with_batch_config(config).build();
    processor.set_resource(&spans::resource());
    processor
}
