//! Spans as they might come, for the property tests of both encodings.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{Event, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceState};
use opentelemetry::{Array, InstrumentationScope, KeyValue, StringValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// A span of which the doubles are like this.
pub(in crate::encode) fn span(double: &BoxedStrategy<f64>) -> impl Strategy<Value = SpanData> + use<> {
    (
        (context(), any::<u64>(), any::<bool>(), kind(), text(), time(), time()),
        (attributes(double), any::<u32>(), events(double), links(double), status()),
    )
        .prop_map(|(head, (attributes, dropped_attributes_count, events, links, status))| {
            let (span_context, parent, parent_span_is_remote, span_kind, name, start_time, end_time) = head;
            SpanData {
                span_context,
                parent_span_id: SpanId::from(parent),
                parent_span_is_remote,
                span_kind,
                name: name.into(),
                start_time,
                end_time,
                attributes,
                dropped_attributes_count,
                events,
                links,
                status,
                instrumentation_scope: InstrumentationScope::default(),
            }
        })
}

pub(in crate::encode) fn scope() -> impl Strategy<Value = InstrumentationScope> {
    (text(), option::of(text()), option::of(text()), attributes(&double())).prop_map(
        |(name, version, schema_url, attributes)| {
            let mut scope = InstrumentationScope::builder(name).with_attributes(attributes);
            if let Some(version) = version {
                scope = scope.with_version(version);
            }
            if let Some(url) = schema_url {
                scope = scope.with_schema_url(url);
            }
            scope.build()
        },
    )
}

pub(in crate::encode) fn resource() -> impl Strategy<Value = Resource> {
    (attributes(&double()), option::of(text())).prop_map(|(attributes, schema_url)| {
        let resource = Resource::builder_empty();
        match schema_url {
            Some(url) => resource.with_schema_url(attributes, url),
            None => resource.with_attributes(attributes),
        }
        .build()
    })
}

fn context() -> impl Strategy<Value = SpanContext> {
    let member = ("[a-z][a-z0-9_*/-]{0,9}", "[!-+.-<>-~]{0,140}");
    let state = vec(member, 0..4).prop_map(|members| TraceState::from_key_value(members).unwrap());
    (any::<u128>(), any::<u64>(), any::<u8>(), any::<bool>(), state).prop_map(
        |(trace, span, flags, is_remote, state)| {
            SpanContext::new(trace.into(), span.into(), TraceFlags::new(flags), is_remote, state)
        },
    )
}

fn kind() -> impl Strategy<Value = SpanKind> {
    prop::sample::select(vec![
        SpanKind::Internal,
        SpanKind::Server,
        SpanKind::Client,
        SpanKind::Producer,
        SpanKind::Consumer,
    ])
}

fn status() -> impl Strategy<Value = Status> {
    prop_oneof![Just(Status::Unset), Just(Status::Ok), text().prop_map(Status::error)]
}

/// Any time that OTLP can tell, and some before.
fn time() -> impl Strategy<Value = SystemTime> {
    prop_oneof![
        8 => any::<u64>().prop_map(|nanos| UNIX_EPOCH + Duration::from_nanos(nanos)),
        1 => Just(UNIX_EPOCH),
        1 => (1..u64::from(u32::MAX)).prop_map(|seconds| UNIX_EPOCH - Duration::from_secs(seconds)),
    ]
}

/// Unicode with what JSON must escape, and lengths around those where a varint grows.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        1 => Just(String::new()),
        6 => ".{0,12}",
        2 => vec(any::<char>(), 0..12).prop_map(String::from_iter),
        1 => (110_usize..140).prop_map(|len| "x".repeat(len)),
        1 => (16_200_usize..16_500).prop_map(|len| "y".repeat(len)),
    ]
}

fn attributes(double: &BoxedStrategy<f64>) -> impl Strategy<Value = Vec<KeyValue>> + use<> {
    vec((text(), value(double)).prop_map(|(key, value)| KeyValue::new(key, value)), 0..6)
}

fn value(double: &BoxedStrategy<f64>) -> impl Strategy<Value = Value> + use<> {
    let string = || text().prop_map(StringValue::from);
    prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        integer().prop_map(Value::I64),
        double.clone().prop_map(Value::F64),
        string().prop_map(Value::String),
        vec(any::<bool>(), 0..200).prop_map(|values| Value::Array(Array::Bool(values))),
        vec(integer(), 0..40).prop_map(|values| Value::Array(Array::I64(values))),
        vec(double.clone(), 0..40).prop_map(|values| Value::Array(Array::F64(values))),
        vec(string(), 0..8).prop_map(|values| Value::Array(Array::String(values))),
    ]
}

fn integer() -> impl Strategy<Value = i64> {
    prop_oneof![
        any::<i64>(),
        -2_i64..200,
        prop::sample::select(vec![i64::MIN, i64::MAX]),
        (0_u32..63).prop_map(|bit| 1 << bit),
        (0_u32..63).prop_map(|bit| (1 << bit) - 1),
    ]
}

/// Any double.
pub(in crate::encode) fn double() -> BoxedStrategy<f64> {
    let special = vec![0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, f64::MAX];
    prop_oneof![3 => prop::num::f64::ANY, 1 => prop::sample::select(special)].boxed()
}

fn events(double: &BoxedStrategy<f64>) -> impl Strategy<Value = SpanEvents> + use<> {
    let event = (text(), time(), attributes(double), any::<u32>())
        .prop_map(|(name, time, attributes, dropped)| Event::new(name, time, attributes, dropped));
    (vec(event, 0..5), any::<u32>()).prop_map(|(list, dropped_count)| {
        let mut events = SpanEvents::default();
        events.events = list;
        events.dropped_count = dropped_count;
        events
    })
}

fn links(double: &BoxedStrategy<f64>) -> impl Strategy<Value = SpanLinks> + use<> {
    let link = (context(), attributes(double), any::<u32>())
        .prop_map(|(context, attributes, dropped)| Link::new(context, attributes, dropped));
    (vec(link, 0..4), any::<u32>()).prop_map(|(list, dropped_count)| {
        let mut links = SpanLinks::default();
        links.links = list;
        links.dropped_count = dropped_count;
        links
    })
}
