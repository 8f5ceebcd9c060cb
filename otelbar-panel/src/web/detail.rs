//! One request, as the JSON API shows it.

use std::collections::HashSet;

use opentelemetry::trace::{SpanId, SpanKind, Status};
use opentelemetry::{KeyValue, Value};
use otelbar_convert::{Converted, ConvertedSpan, semconv};

use super::json::{nanoseconds, unix_ns};
use super::list::request;
use super::{Pages, exporter, json};
use crate::record::{Held, RequestContext};

/// Spans in the answer for a request, beyond which those of other requests of its trace are left out.
const MAX_SPANS_OF_OTHERS: usize = 20_000;

pub(super) fn detail(pages: &Pages, held: &Held) -> json::Detail {
    let context = &held.context;
    let converted = context.converted();
    let mut spans = spans(context, converted.as_ref());
    let mut left_out = 0;
    for other in pages.store.trace(context.span_context.trace_id()) {
        if other.context.id() == context.id() {
            continue;
        }
        if spans.len() + other.context.lock().data.entries.len() > MAX_SPANS_OF_OTHERS {
            left_out += 1;
            continue;
        }
        spans.extend(self::spans(&other.context, other.context.converted().as_ref()));
    }
    let dropped = context.lock().dropped;
    let propagation = &context.propagation;
    json::Detail {
        request: request(pages, held),
        propagation: json::Propagation {
            propagators: pages.recorder.propagators.iter().map(|one| one.to_string()).collect(),
            outcome: propagation.outcome.as_str(),
            reason: propagation.reason.clone(),
            warnings: propagation.warnings.clone(),
            parent_span_id: propagation.parent.map(|id| id.to_string()),
            sampled: context.span_context.is_sampled(),
            headers: propagation
                .headers
                .iter()
                .map(|(name, value)| json::Header { name: name.clone(), value: value.clone() })
                .collect(),
        },
        deliveries: exporter::deliveries(pages, context),
        links: exporter::links(pages, context),
        spans: in_tree_order(spans),
        left_out,
        findings: converted
            .iter()
            .flat_map(|converted| &converted.findings)
            .map(|finding| json::Finding {
                kind: finding.kind.as_str(),
                severity: finding.severity.as_str(),
                title: finding.title.clone(),
                detail: finding.detail.clone(),
                location: finding.location.as_ref().map(ToString::to_string),
                span_ids: finding.span_ids.iter().map(SpanId::to_string).collect(),
                spans_left_out: finding.spans_left_out,
            })
            .collect(),
        findings_left_out: converted
            .iter()
            .flat_map(|converted| &converted.findings_left_out)
            .map(|(kind, count)| json::FindingsLeftOut { kind: kind.as_str(), count: *count })
            .collect(),
        dropped: json::Dropped {
            spans: dropped.spans,
            logs: dropped.logs,
            attributes: dropped.attributes,
            late: dropped.late,
        },
    }
}

fn spans(context: &RequestContext, converted: Option<&Converted>) -> Vec<json::Span> {
    converted.iter().flat_map(|converted| &converted.spans).map(|span| self::span(context, span)).collect()
}

fn span(context: &RequestContext, span: &ConvertedSpan) -> json::Span {
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

/// Puts the spans of several requests of one trace into one order: parents before children. Each request's own come so.
fn in_tree_order(spans: Vec<json::Span>) -> Vec<json::Span> {
    // A request follows the one whose span called it; what calls from elsewhere comes first.
    let mut requests: Vec<Vec<json::Span>> = Vec::new();
    for span in spans {
        match requests.last_mut() {
            Some(request) if request[0].request_id == span.request_id => request.push(span),
            _ => requests.push(vec![span]),
        }
    }
    let held: HashSet<String> = requests.iter().flatten().map(|span| span.span_id.clone()).collect();
    let mut placed = HashSet::new();
    let mut ordered = Vec::new();
    while !requests.is_empty() {
        let ready = requests.iter().position(|request| {
            request[0]
                .parent_span_id
                .as_ref()
                .is_none_or(|parent| placed.contains(parent) || !held.contains(parent))
        });
        // In a cycle of requests none is first, so any is.
        let request = requests.remove(ready.unwrap_or(0));
        placed.extend(request.iter().map(|span| span.span_id.clone()));
        ordered.extend(request);
    }
    ordered
}
