//! Inside a `TracerProvider` of the SDK.

mod common;

use std::time::Duration;

use opentelemetry::trace::{Tracer, TracerProvider};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, TracerProviderBuilder};
use otelbar_export::{ToolbarSpanExporter, TraceKey};
use otelbar_testkit::{Collector, assert_tree};

use common::{PATIENCE, assert_balanced, service, start, statistics_of, to};

/// Two spans, one in the other, recorded by a provider that has the exporter built in in this way.
#[track_caller]
fn check(build_in: fn(TracerProviderBuilder, ToolbarSpanExporter) -> TracerProviderBuilder) {
    let collector = Collector::start().unwrap();
    let (pipeline, receipts) = start(to(&collector).with_scheduled_delay(Duration::from_secs(3600)));
    let builder = SdkTracerProvider::builder().with_resource(service("shop"));
    let provider = build_in(builder, pipeline.clone().into()).build();
    let tracer = provider.tracer("test");
    tracer.in_span("GET /cart", |_| tracer.in_span("SELECT cart", |_| {}));
    provider.force_flush().unwrap();
    // The SDK's own processors do not pass a flush on to the pipeline.
    pipeline.flush(PATIENCE).unwrap();

    let spans = collector.spans();
    assert_tree(&spans, "GET /cart [internal]\n  SELECT cart [internal]");
    assert!(spans.iter().all(|span| span.service_name() == "shop"));
    let statistics = statistics_of(&pipeline);
    assert_eq!((statistics.enqueued, statistics.spans.accepted), (2, 2));
    assert_balanced(&statistics);
    let keys: Vec<TraceKey> = receipts.all().iter().map(|receipt| receipt.key).collect();
    assert!(keys.windows(2).all(|pair| pair[0] == pair[1]), "receipts of one trace have one key");

    provider.shutdown().unwrap();
    tracer.in_span("late", |_| {});
    assert!(pipeline.flush(PATIENCE).is_ok());
    assert_eq!(collector.spans().len(), 2);
}

#[test]
fn it_serves_as_span_exporter_behind_the_batch_processor() {
    check(|builder, exporter| builder.with_batch_exporter(exporter));
}

#[test]
fn it_serves_as_span_exporter_behind_the_simple_processor() {
    check(|builder, exporter| builder.with_simple_exporter(exporter));
}

#[test]
fn it_serves_as_span_processor() {
    check(|builder, exporter| builder.with_span_processor(exporter));
}

#[test]
fn what_is_not_sampled_is_not_exported() {
    let collector = Collector::start().unwrap();
    let (pipeline, _) = start(to(&collector));
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::AlwaysOff)
        .with_span_processor(ToolbarSpanExporter::from(pipeline.clone()))
        .build();
    provider.tracer("test").in_span("GET /cart", |_| {});
    provider.force_flush().unwrap();
    assert_eq!(statistics_of(&pipeline).enqueued, 0);
}
