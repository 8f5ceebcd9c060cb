//! What is encoded and exported here: spans of six attributes, half of them texts, each fifth with an event.

#![allow(dead_code, reason = "each bench uses a part of it")]

use std::time::{Duration, UNIX_EPOCH};

use opentelemetry::trace::{Event, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

/// Spans in a batch, as the specification has it.
pub(crate) const BATCH: usize = 512;
/// Spans of a request that was served.
pub(crate) const TRACE: usize = 11;

pub(crate) fn resource() -> Resource {
    Resource::builder_empty()
        .with_service_name("shop")
        .with_attributes([KeyValue::new("service.version", "1.4.2"), KeyValue::new("host.name", "web-7")])
        .build()
}

pub(crate) fn spans(count: usize) -> Vec<SpanData> {
    let scope = InstrumentationScope::builder("shop.http").with_version("1.2").build();
    (0..count as u64).map(|index| span(index, &scope)).collect()
}

/// One trace of many.
pub(crate) fn trace(number: u64) -> Vec<SpanData> {
    let scope = InstrumentationScope::builder("shop.http").with_version("1.2").build();
    (number * TRACE as u64..(number + 1) * TRACE as u64).map(|index| span(index, &scope)).collect()
}

pub(crate) const NAME: &str = "SELECT songs artists";

pub(crate) fn attributes(index: u64) -> Vec<KeyValue> {
    vec![
        KeyValue::new("db.system.name", "postgresql"),
        KeyValue::new("db.query.text", format!("SELECT * FROM songs WHERE artist_id = ${}", index % 7)),
        KeyValue::new("server.address", "db.internal"),
        KeyValue::new("server.port", 5432),
        KeyValue::new("db.response.returned_rows", (index % 300) as i64),
        KeyValue::new("db.cached", index.is_multiple_of(2)),
    ]
}

pub(crate) fn has_event(index: u64) -> bool {
    index.is_multiple_of(5)
}

pub(crate) fn event_attributes(index: u64) -> Vec<KeyValue> {
    vec![KeyValue::new("cache.key", format!("cart:{index}"))]
}

fn span(index: u64, scope: &InstrumentationScope) -> SpanData {
    let start = UNIX_EPOCH + Duration::new(1_790_000_000, 0) + Duration::from_micros(index * 37);
    let mut events = SpanEvents::default();
    if has_event(index) {
        let time = start + Duration::from_micros(90);
        events.events.push(Event::new("cache miss", time, event_attributes(index), 0));
    }
    let trace = index / TRACE as u64;
    let id = |index: u64| SpanId::from(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(index + 1));
    SpanData {
        span_context: SpanContext::new(
            TraceId::from(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c + u128::from(trace)),
            id(index),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        ),
        parent_span_id: id(trace * TRACE as u64),
        parent_span_is_remote: false,
        span_kind: SpanKind::Client,
        name: NAME.into(),
        start_time: start,
        end_time: start + Duration::from_micros(250),
        attributes: attributes(index),
        dropped_attributes_count: 0,
        events,
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: scope.clone(),
    }
}
