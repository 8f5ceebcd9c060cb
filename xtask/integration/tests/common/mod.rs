//! Spans to send.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::time::{Duration, SystemTime};

use opentelemetry::InstrumentationScope;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use otelbar_export::{ExporterOptions, RetryPolicy, ToolbarSpanExporter, TraceBatch};

/// Long enough for the slowest machine; reached only when a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A span of a trace of its own, `name` by name.
pub(crate) fn span(name: &str) -> SpanData {
    let now = SystemTime::now();
    let random = now.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
    SpanData {
        span_context: SpanContext::new(
            TraceId::from(random << 32 | u128::from(std::process::id())),
            SpanId::from(random as u64 | 1),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        ),
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

/// The trace's id as backends write it.
pub(crate) fn trace_id(span: &SpanData) -> String {
    span.span_context.trace_id().to_string()
}

/// Sends a span in a batch of its own, once, and waits for the answer. `true` when the backend has accepted it.
pub(crate) fn deliver(options: ExporterOptions, span: SpanData) -> bool {
    let mut once = RetryPolicy::default();
    once.max_age = Duration::ZERO;
    let exporter = ToolbarSpanExporter::new(options.with_retry(once)).unwrap();
    let service = Resource::builder_empty().with_service_name("shop").build();
    exporter.enqueue(TraceBatch::new(1, service, vec![span])).unwrap();
    exporter.shutdown(PATIENCE).is_ok() && exporter.accounts()[0].accepted == 1
}
