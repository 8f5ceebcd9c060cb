//! Panel data to test with.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::time::{Duration, SystemTime};

use opentelemetry::Value;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, TraceFlags, TraceId, TraceState};
use otelbar_convert::panel_data::{
    Cache, Entry, EntryKind, HttpCall, Level, Log, PanelData, Request, Sql, Timer,
};
use otelbar_convert::{Converted, ConvertedSpan, PanelDataConverter};

pub(crate) const ROOT: SpanId = SpanId::from_bytes([0, 0, 0, 0, 0, 0, 0, 1]);

/// A value with some of its fields set.
pub(crate) fn with<T>(mut value: T, set: impl FnOnce(&mut T)) -> T {
    set(&mut value);
    value
}

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
    with(Request::new("GET", "/"), |it| {
        it.route = Some(route.into());
        it.status = Some(200);
    })
}

pub(crate) fn entry(name: &'static str, milliseconds: u64) -> Entry {
    Entry::new(name, ms(milliseconds), EntryKind::Span(SpanKind::Internal))
}

/// The same, measured from one offset to another.
pub(crate) fn at(entry: Entry, from: u64, to: u64) -> Entry {
    with(entry, |it| {
        it.start = Some(ms(from));
        it.duration = ms(to - from);
    })
}

pub(crate) fn query(text: &str) -> Entry {
    let sql = Sql::new("sqlite", text);
    Entry::new("", ms(1), EntryKind::Sql(sql))
}

pub(crate) fn call(url: &str) -> Entry {
    let call = with(HttpCall::new("GET", url), |it| it.status = Some(200));
    Entry::new("", ms(1), EntryKind::HttpCall(call))
}

pub(crate) fn cache(operation: &str, key: &str) -> Entry {
    let cache = with(Cache::new("redis", operation), |it| it.key = Some(key.into()));
    Entry::new("", ms(1), EntryKind::Cache(cache))
}

pub(crate) fn log(message: &'static str, span: Option<SpanId>, level: Level) -> Log {
    with(Log::new(level, message), |it| {
        it.span = span;
    })
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
