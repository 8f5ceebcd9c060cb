//! Spans that have everything in them that a span can have.

use std::time::{Duration, SystemTime};

use opentelemetry::trace::{Event, Link, SpanContext, SpanKind, Status, TraceFlags, TraceState};
use opentelemetry::{Array, InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::{context, random_trace_id, span_of};

/// A service that describes itself.
pub(crate) fn service() -> Resource {
    let attributes = [
        KeyValue::new("service.name", "Shop"),
        KeyValue::new("service.version", "1.2.3"),
        KeyValue::new("process.pid", 4711),
        KeyValue::new("shared", "the resource's"),
    ];
    Resource::builder_empty().with_schema_url(attributes, "https://opentelemetry.io/schemas/1.42.0").build()
}

/// The spans of one trace, between them with every field, and every type and edge of a value.
pub(crate) fn trace() -> Vec<SpanData> {
    let trace_id = random_trace_id();
    // A time in which each digit tells.
    let start = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_795_198_960_123_456_789);
    let later = |nanos: u64| start + Duration::from_nanos(nanos);
    let state: TraceState = "vendor=a1b2,other=00f067aa0ba902b7".parse().unwrap();
    let scope = InstrumentationScope::builder("otelbar-integration")
        .with_version("0.1.0")
        .with_schema_url("https://opentelemetry.io/schemas/1.43.0")
        .with_attributes([
            KeyValue::new("scope.attribute", "of the scope"),
            KeyValue::new("shared", "the scope's"),
        ])
        .build();

    let mut root = span_of(trace_id, "GET /Warenkörbe/{id}");
    root.span_context =
        SpanContext::new(trace_id, root.span_context.span_id(), TraceFlags::new(0x03), false, state.clone());
    root.parent_span_id = context(trace_id).span_id();
    root.parent_span_is_remote = true;
    root.start_time = start;
    root.end_time = later(987_654_321);
    root.attributes = attributes();
    root.dropped_attributes_count = 1;
    root.instrumentation_scope = scope;
    let mut events = SpanEvents::default();
    events.dropped_count = 2;
    events.events = vec![
        Event::new("zeroth", later(1_001), attributes(), 4),
        // In one microsecond, and not in the order of their texts.
        Event::new("second", later(2_001), Vec::new(), 0),
        Event::new("first", later(2_002), Vec::new(), 0),
        Event::new("first", later(2_003), Vec::new(), 0),
        Event::new("named", later(5_000), vec![KeyValue::new("event", "otherwise")], 0),
    ];
    root.events = events;
    let mut links = SpanLinks::default();
    links.dropped_count = 3;
    let elsewhere = context(random_trace_id());
    links.links = vec![
        Link::new(
            SpanContext::new(elsewhere.trace_id(), elsewhere.span_id(), TraceFlags::SAMPLED, true, state),
            attributes(),
            5,
        ),
        Link::new(context(trace_id), Vec::new(), 0),
    ];
    root.links = links;

    let parent = root.span_context.span_id();
    let child = |name: &'static str, kind: SpanKind, status: Status| {
        let mut span = span_of(trace_id, name);
        span.parent_span_id = parent;
        (span.start_time, span.end_time) = (later(10_000), later(20_500));
        (span.span_kind, span.status) = (kind, status);
        span
    };
    let mut client = child("SELECT books", SpanKind::Client, Status::error("no such table: books"));
    client.attributes =
        vec![KeyValue::new("server.address", "db.example"), KeyValue::new("server.port", 5432)];
    let mut short = child("short", SpanKind::Producer, Status::error(""));
    short.end_time = short.start_time + Duration::from_nanos(500);
    let mut backwards = child("backwards", SpanKind::Consumer, Status::Unset);
    backwards.end_time = backwards.start_time - Duration::from_micros(7);
    backwards.attributes =
        vec![KeyValue::new("otel.scope.name", "the span's"), KeyValue::new("error", false)];
    let mut bare = child("", SpanKind::Internal, Status::Ok);
    bare.instrumentation_scope = InstrumentationScope::builder("").build();
    bare.attributes.clear();
    vec![root, client, short, backwards, bare]
}

/// A span whose trace id has no upper half, as older systems make them.
pub(crate) fn short_trace() -> Vec<SpanData> {
    let trace_id = u128::from(fastrand::u64(1..)).into();
    vec![span_of(trace_id, "half")]
}

/// Doubles that JSON has no number for.
pub(crate) fn not_numbers() -> Vec<SpanData> {
    let mut span = span_of(random_trace_id(), "not numbers");
    span.attributes = vec![
        KeyValue::new("nan", f64::NAN),
        KeyValue::new("infinity", f64::INFINITY),
        KeyValue::new("negative.infinity", f64::NEG_INFINITY),
        KeyValue::new("list", Value::Array(vec![f64::NAN, 1.5].into())),
    ];
    vec![span]
}

/// One of each type, and the edges of their ranges.
fn attributes() -> Vec<KeyValue> {
    let texts = Array::String(vec!["a".into(), "".into(), "ü😀".into()]);
    vec![
        KeyValue::new("text", "plain"),
        KeyValue::new("text.empty", ""),
        KeyValue::new("text.unicode", "Grüße, 世界 😀 \u{0}\u{1}\u{2028}\"\\\n"),
        KeyValue::new("bool.true", true),
        KeyValue::new("bool.false", false),
        KeyValue::new("int", 42),
        KeyValue::new("int.min", i64::MIN),
        KeyValue::new("int.max", i64::MAX),
        // The first that a double cannot hold.
        KeyValue::new("int.unsafe", (1_i64 << 53) + 1),
        KeyValue::new("double", 0.1),
        KeyValue::new("double.whole", 3.0),
        KeyValue::new("double.negative.zero", -0.0),
        KeyValue::new("double.max", f64::MAX),
        KeyValue::new("double.least", f64::from_bits(1)),
        KeyValue::new("list.empty", Value::Array(Array::String(Vec::new()))),
        KeyValue::new("list.text", Value::Array(texts)),
        KeyValue::new("list.bool", Value::Array(vec![true, false].into())),
        KeyValue::new("list.int", Value::Array(vec![i64::MIN, 0, i64::MAX].into())),
        KeyValue::new("list.double", Value::Array(vec![1.5, -0.25].into())),
        KeyValue::new("shared", "the span's"),
    ]
}
