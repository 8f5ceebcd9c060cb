//! Panel data to test with.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::time::{Duration, SystemTime};

use opentelemetry::Value;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, TraceFlags, TraceId, TraceState};
use otelbar_convert::panel_data::{
    Cache, Entry, EntryKind, HttpCall, Level, Log, PanelData, Request, Source, Sql, Timer,
};
use otelbar_convert::{Converted, ConvertedSpan, PanelDataConverter};

pub(crate) const ROOT: SpanId = SpanId::from_bytes([0, 0, 0, 0, 0, 0, 0, 1]);

pub(crate) fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A request that took so long.
pub(crate) fn request_of(duration: Duration, request: Request) -> PanelData {
    let context = SpanContext::new(TraceId::from(1), ROOT, TraceFlags::SAMPLED, false, TraceState::default());
    PanelData::new(context, Timer::new(SystemTime::UNIX_EPOCH, duration), request)
}

pub(crate) fn data(request: Request) -> PanelData {
    request_of(ms(100), request)
}

pub(crate) fn get(route: &str) -> Request {
    Request {
        method: "GET".into(),
        route: Some(route.into()),
        path: "/".into(),
        status: Some(200),
        ..Default::default()
    }
}

pub(crate) fn entry(name: &'static str, milliseconds: u64) -> Entry {
    Entry::new(name, ms(milliseconds), EntryKind::Span(SpanKind::Internal))
}

/// The same, measured from one offset to another.
pub(crate) fn at(entry: Entry, from: u64, to: u64) -> Entry {
    Entry { start: Some(ms(from)), duration: ms(to - from), ..entry }
}

pub(crate) fn query(text: &str) -> Entry {
    let sql = Sql { system: "sqlite".into(), text: text.into(), ..Default::default() };
    Entry::new("", ms(1), EntryKind::Sql(sql))
}

pub(crate) fn call(url: &str) -> Entry {
    let call = HttpCall { method: "GET".into(), url: url.into(), status: Some(200), ..Default::default() };
    Entry::new("", ms(1), EntryKind::HttpCall(call))
}

pub(crate) fn cache(operation: &str, key: &str) -> Entry {
    let cache =
        Cache { system: "redis".into(), operation: operation.into(), key: Some(key.into()), hit: None };
    Entry::new("", ms(1), EntryKind::Cache(cache))
}

pub(crate) fn log(message: &'static str, span: Option<SpanId>, level: Level) -> Log {
    Log {
        span,
        time: Duration::ZERO,
        level,
        source: Source::default(),
        message: message.into(),
        attributes: vec![],
    }
}

pub(crate) fn convert(data: &PanelData) -> Converted {
    PanelDataConverter::default().convert(data)
}

pub(crate) fn text(span: &ConvertedSpan, key: &str) -> String {
    span.attribute(key).map(Value::to_string).unwrap_or_default()
}

/// Milliseconds from the request's start to the span's start and end.
pub(crate) fn times(span: &ConvertedSpan) -> (u128, u128) {
    let since = |instant: SystemTime| instant.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    (since(span.data.start_time), since(span.data.end_time))
}
