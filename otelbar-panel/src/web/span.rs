//! One span, as the JSON API shows it.

use opentelemetry::trace::{SpanId, SpanKind, Status};
use opentelemetry::{KeyValue, Value};
use otelbar_convert::{ConvertedSpan, semconv};

use super::json;
use super::json::{nanoseconds, unix_ns};
use crate::record::RequestContext;

pub(super) fn span(context: &RequestContext, span: &ConvertedSpan) -> json::Span {
    let data = &span.data;
    let (status, status_message) = match &data.status {
        Status::Unset => ("unset", None),
        Status::Ok => ("ok", None),
        Status::Error { description } => {
            ("error", Some(description.to_string()).filter(|text| !text.is_empty()))
        }
    };
    json::Span {
        span_id: data.span_context.span_id().to_string(),
        parent_span_id: (data.parent_span_id != SpanId::INVALID).then(|| data.parent_span_id.to_string()),
        request_id: context.id().to_string(),
        service: context.service.name.clone(),
        scope: data.instrumentation_scope.name().to_owned(),
        name: data.name.to_string(),
        display_name: span.display_name().into_owned(),
        kind: match data.span_kind {
            SpanKind::Server => "server",
            SpanKind::Client => "client",
            SpanKind::Internal => "internal",
            SpanKind::Producer => "producer",
            SpanKind::Consumer => "consumer",
        },
        panel: span.category.as_str(),
        start_unix_ns: unix_ns(data.start_time),
        duration_ns: nanoseconds(span.duration()),
        busy_ns: span.busy.map(nanoseconds),
        status,
        status_message,
        attributes: attributes(&data.attributes),
        events: data
            .events
            .events
            .iter()
            .map(|event| json::Event {
                name: event.name.to_string(),
                level: event.attributes.iter().find_map(|attribute| match &attribute.value {
                    Value::String(level) if attribute.key.as_str() == semconv::LEVEL => {
                        Some(level.to_string())
                    }
                    _ => None,
                }),
                time_unix_ns: unix_ns(event.timestamp),
                attributes: attributes(&event.attributes),
            })
            .collect(),
        links: data
            .links
            .links
            .iter()
            .map(|link| json::SpanLink {
                trace_id: link.span_context.trace_id().to_string(),
                span_id: link.span_context.span_id().to_string(),
                attributes: attributes(&link.attributes),
            })
            .collect(),
        synthesised: span.synthesised,
        unfinished: !span.ended,
        dropped: json::SpanDropped {
            attributes: data.dropped_attributes_count,
            events: data.events.dropped_count,
            links: data.links.dropped_count,
        },
    }
}

fn attributes(attributes: &[KeyValue]) -> Vec<json::Attribute> {
    let shape = |attribute: &KeyValue| json::Attribute {
        key: attribute.key.to_string(),
        value: json::AnyValue(attribute.value.clone()),
    };
    attributes.iter().map(shape).collect()
}
