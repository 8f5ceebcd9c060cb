//! The spans that an exporter is given.

use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanId, SpanKind, Status, TraceFlags};
use opentelemetry::{Array, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;

use super::span::{Attributes, Event, Link, Scope, Span, Value};

impl Span {
    /// What is to be seen of a span that is sent.
    pub fn sent(resource: &Resource, data: &SpanData) -> Self {
        let context = &data.span_context;
        let (status, status_message) = match &data.status {
            Status::Unset => (None, String::new()),
            Status::Ok => (Some("ok"), String::new()),
            Status::Error { description } => (Some("error"), description.to_string()),
        };
        let scope = &data.instrumentation_scope;
        let (start, end) = (nanos(data.start_time), nanos(data.end_time));
        Self {
            trace_id: context.trace_id().to_string(),
            span_id: context.span_id().to_string(),
            parent_span_id: (data.parent_span_id != SpanId::INVALID).then(|| data.parent_span_id.to_string()),
            name: data.name.to_string(),
            kind: Some(kind(&data.span_kind).to_owned()),
            start,
            duration: Some(i128::from(end) - i128::from(start)),
            trace_state: context.trace_state().header(),
            flags: Some(flags(context.trace_flags(), data.parent_span_is_remote)),
            attributes: attributes(&data.attributes),
            events: data
                .events
                .iter()
                .map(|event| Event {
                    name: event.name.to_string(),
                    time: nanos(event.timestamp),
                    attributes: attributes(&event.attributes),
                    dropped_attributes: event.dropped_attributes_count,
                })
                .collect(),
            links: data
                .links
                .iter()
                .map(|link| Link {
                    trace_id: link.span_context.trace_id().to_string(),
                    span_id: link.span_context.span_id().to_string(),
                    trace_state: link.span_context.trace_state().header(),
                    flags: Some(flags(link.span_context.trace_flags(), link.span_context.is_remote())),
                    attributes: attributes(&link.attributes),
                    dropped_attributes: link.dropped_attributes_count,
                })
                .collect(),
            status: status.map(str::to_owned),
            status_message,
            dropped_attributes: data.dropped_attributes_count,
            dropped_events: data.events.dropped_count,
            dropped_links: data.links.dropped_count,
            scope: Scope {
                name: scope.name().to_owned(),
                version: scope.version().unwrap_or_default().to_owned(),
                schema_url: scope.schema_url().unwrap_or_default().to_owned(),
                attributes: attributes(scope.attributes()),
            },
            resource_schema_url: resource.schema_url().unwrap_or_default().to_owned(),
            resource: resource.iter().map(|(key, it)| (key.to_string(), value(it))).collect(),
            besides: Default::default(),
        }
    }
}

fn attributes<'a>(list: impl IntoIterator<Item = &'a KeyValue>) -> Attributes {
    list.into_iter().map(|attribute| (attribute.key.to_string(), value(&attribute.value))).collect()
}

fn value(value: &opentelemetry::Value) -> Value {
    use opentelemetry::Value as Sent;
    match value {
        Sent::Bool(value) => Value::Bool(*value),
        Sent::I64(number) => Value::Int(*number),
        Sent::F64(number) => Value::Double(*number),
        Sent::String(text) => Value::from(text.as_str()),
        Sent::Array(Array::Bool(values)) => list(values, |value| Value::Bool(*value)),
        Sent::Array(Array::I64(values)) => list(values, |number| Value::Int(*number)),
        Sent::Array(Array::F64(values)) => list(values, |number| Value::Double(*number)),
        Sent::Array(Array::String(values)) => list(values, |text| Value::from(text.as_str())),
        other => Value::Text(other.to_string()),
    }
}

fn list<T>(values: &[T], read: impl Fn(&T) -> Value) -> Value {
    Value::List(values.iter().map(read).collect())
}

/// The `SpanFlags` of OTLP.
fn flags(flags: TraceFlags, is_remote: bool) -> u32 {
    u32::from(flags.to_u8()) | 0x100 | if is_remote { 0x200 } else { 0 }
}

fn kind(kind: &SpanKind) -> &'static str {
    match kind {
        SpanKind::Client => "client",
        SpanKind::Server => "server",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
        SpanKind::Internal => "internal",
    }
}

fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
