//! Spans to send, and what becomes of them.

#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod browser;
pub(crate) mod demo;
pub(crate) mod everything;
pub(crate) mod held;
pub(crate) mod load;
pub(crate) mod matrix;
pub(crate) mod relay;

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use otelbar_export::{
    BreakerPolicy, Delivery, Destination, DropReason, OtlpDestination, Pipeline, PipelineBuilder, Protocol,
    Receipt, RetryPolicy, SendError, Statistics, TraceBatch,
};
use otelbar_integration::Certificates;

/// Long enough for the slowest machine; reached only when a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Sends OTLP over gRPC there.
pub(crate) fn grpc(url: &str) -> OtlpDestination {
    Destination::otlp(url).with_protocol(Protocol::Grpc)
}

/// Sends OTLP over HTTP there, to the usual path.
pub(crate) fn http(url: &str) -> OtlpDestination {
    Destination::otlp(format!("{url}/v1/traces"))
}

/// Trusts the backend whose certificate the run's authority issued.
pub(crate) fn trusting(destination: OtlpDestination, certificates: &Certificates) -> OtlpDestination {
    destination.with_certificate(&certificates.authority)
}

/// Shows the run's client certificate as well.
pub(crate) fn proven(destination: OtlpDestination, certificates: &Certificates) -> OtlpDestination {
    trusting(destination, certificates)
        .with_client_certificate(&certificates.client_certificate, &certificates.client_key)
}

pub(crate) fn random_trace_id() -> TraceId {
    // The upper half is never zero, which is a case of its own.
    (u128::from(fastrand::u64(1..)) << 64 | u128::from(fastrand::u64(..))).into()
}

/// A span's identity in this trace.
pub(crate) fn context(trace_id: TraceId) -> SpanContext {
    let span_id = SpanId::from(fastrand::u64(1..));
    SpanContext::new(trace_id, span_id, TraceFlags::SAMPLED, false, TraceState::NONE)
}

/// A span of a trace of its own, `name` by name.
pub(crate) fn span(name: &str) -> SpanData {
    span_of(random_trace_id(), name)
}

/// A span of this trace, `name` by name.
pub(crate) fn span_of(trace_id: TraceId, name: &str) -> SpanData {
    let now = SystemTime::now();
    SpanData {
        span_context: context(trace_id),
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Server,
        name: name.to_owned().into(),
        start_time: now,
        end_time: now + Duration::from_millis(5),
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::builder("otelbar-integration").build(),
    }
}

/// A trace of so many spans of so many bytes each.
pub(crate) fn large_trace(spans: usize, bytes: usize) -> Vec<SpanData> {
    let trace_id = random_trace_id();
    let filling = KeyValue::new("filling", "x".repeat(bytes));
    let span = || SpanData { attributes: vec![filling.clone()], ..span_of(trace_id, "large") };
    (0..spans).map(|_| span()).collect()
}

/// The trace's id as backends write it.
pub(crate) fn trace_id(span: &SpanData) -> String {
    span.span_context.trace_id().to_string()
}

/// A service that is called so.
pub(crate) fn service(name: &'static str) -> Resource {
    Resource::builder_empty().with_service_name(name).build()
}

/// A pipeline that sends there.
pub(crate) fn to(destination: impl Into<Destination>) -> PipelineBuilder {
    Pipeline::builder().with_destination(destination)
}

/// Gives up after the first attempt.
pub(crate) fn once(builder: PipelineBuilder) -> PipelineBuilder {
    let mut once = RetryPolicy::default();
    once.max_age = Duration::ZERO;
    builder.with_retry(once)
}

/// Tries again soon, and for as long as it takes.
pub(crate) fn persistent(builder: PipelineBuilder) -> PipelineBuilder {
    let mut soon = RetryPolicy::default();
    (soon.initial, soon.max) = (Duration::from_millis(50), Duration::from_millis(500));
    let mut breaker = BreakerPolicy::default();
    breaker.open_duration = Duration::from_millis(500);
    builder
        .with_retry(soon)
        .with_breaker(breaker)
        .with_scheduled_delay(Duration::from_millis(50))
        .with_max_queue_size(100_000)
}

/// Sends a span in a batch of its own, once, and waits for the answer. `true` when the backend has accepted it.
pub(crate) fn deliver(destination: impl Into<Destination>, span: SpanData) -> bool {
    deliver_by(once(to(destination)), &service("shop"), vec![span]).spans.accepted == 1
}

/// Sends spans in one batch, and waits for the answer.
pub(crate) fn deliver_all(
    destination: impl Into<Destination>,
    resource: &Resource,
    spans: Vec<SpanData>,
) -> Statistics {
    deliver_by(to(destination), resource, spans)
}

/// The same through this pipeline.
pub(crate) fn deliver_by(builder: PipelineBuilder, resource: &Resource, spans: Vec<SpanData>) -> Statistics {
    let pipeline = builder.build().unwrap();
    pipeline.enqueue(TraceBatch::new(1, resource.clone(), spans)).unwrap();
    // What it could not do is in the statistics.
    let _ = pipeline.shutdown(PATIENCE);
    pipeline.statistics().remove(0)
}

/// Sends a span once, to a backend that does not take it, and gives what its receipt says.
#[track_caller]
pub(crate) fn refusal(destination: impl Into<Destination>, span: SpanData) -> Arc<SendError> {
    let pipeline = once(to(destination)).build().unwrap();
    let receipts = receipts(&pipeline);
    pipeline.enqueue(TraceBatch::new(1, service("shop"), vec![span])).unwrap();
    let _ = pipeline.shutdown(PATIENCE);
    let last = receipts.lock().unwrap().pop().unwrap();
    assert!(last.is_final(), "{last:?}");
    match last.delivery {
        Delivery::Dropped {
            reason: DropReason::NotRetryable { error } | DropReason::Expired { error, .. },
        } => error,
        other => panic!("it was not refused: {other}"),
    }
}

/// The receipts of a pipeline, from now on.
pub(crate) fn receipts(pipeline: &Pipeline) -> Arc<Mutex<Vec<Receipt>>> {
    let receipts = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&receipts);
    pipeline.subscribe(move |receipt| to.lock().unwrap().push(receipt.clone()));
    receipts
}
