//! Encoding takes memory for the bytes it makes, and none for each span.

use std::time::{Duration, UNIX_EPOCH};

use opentelemetry::trace::{Event, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId};
use opentelemetry::{Array, InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use otelbar_export::{TraceBatch, encode};

/// With something in every field.
fn span(id: u64) -> SpanData {
    let state = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE".parse().unwrap();
    let context = SpanContext::new(TraceId::from(7), SpanId::from(id), TraceFlags::SAMPLED, true, state);
    let attributes = || {
        vec![
            KeyValue::new("db.query.text", format!("SELECT * FROM songs WHERE id = {id}")),
            KeyValue::new("server.port", 5432),
            KeyValue::new("ratio", 0.5),
            KeyValue::new("cached", true),
            KeyValue::new("headers", Value::Array(Array::String(vec!["a".into(), "b".into()]))),
        ]
    };
    let time = UNIX_EPOCH + Duration::from_secs(1_790_000_000);
    let mut events = SpanEvents::default();
    events.events.push(Event::new("cache miss", time, attributes(), 1));
    let mut links = SpanLinks::default();
    links.links.push(Link::new(context.clone(), attributes(), 1));
    SpanData {
        span_context: context,
        parent_span_id: SpanId::from(1),
        parent_span_is_remote: true,
        span_kind: SpanKind::Client,
        name: "SELECT songs".into(),
        start_time: time,
        end_time: time,
        attributes: attributes(),
        dropped_attributes_count: 1,
        events,
        links,
        status: Status::error("the connection was lost"),
        instrumentation_scope: InstrumentationScope::default(),
    }
}

#[test]
fn a_span_more_is_no_allocation_more() {
    let allocations = |spans: u64| {
        let resource = Resource::builder_empty().with_service_name("shop").build();
        let batch = TraceBatch::new(1, resource, (0..spans).map(span).collect());
        allocation_counter::measure(|| drop(encode::otlp_protobuf([batch]))).count_total
    };
    // The buffer of the spans doubles three times.
    let (few, many) = (allocations(1_000), allocations(8_000));
    assert!(many <= few + 3, "{few} for 1000 spans, {many} for 8000");
}
