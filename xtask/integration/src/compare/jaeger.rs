//! From the JSON of Jaeger's `/api/traces`, which its UI reads.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::span::{Attributes, Event, Link, Span, Value};
use super::unreadable::Unreadable;

/// The answer: a list with one trace.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    data: Vec<Trace>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Trace {
    #[serde(rename = "traceID")]
    _trace_id: String,
    spans: Vec<JaegerSpan>,
    processes: BTreeMap<String, Process>,
    #[serde(rename = "warnings")]
    _warnings: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct JaegerSpan {
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
    operation_name: String,
    references: Vec<Reference>,
    start_time: u64,
    duration: u64,
    tags: Vec<Tag>,
    logs: Vec<Log>,
    #[serde(rename = "processID")]
    process_id: String,
    warnings: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Reference {
    ref_type: String,
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Process {
    service_name: String,
    tags: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Log {
    timestamp: u64,
    fields: Vec<Tag>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tag {
    key: String,
    #[serde(rename = "type")]
    kind: String,
    value: serde_json::Value,
}

impl Answer {
    pub(super) fn spans(self) -> Result<Vec<Span>, Unreadable> {
        let mut spans = Vec::new();
        for trace in self.data {
            for span in trace.spans {
                let process = trace
                    .processes
                    .get(&span.process_id)
                    .ok_or_else(|| Unreadable::new(format!("there is no process {}", span.process_id)))?;
                spans.push(span.span(process)?);
            }
        }
        Ok(spans)
    }
}

impl JaegerSpan {
    /// What is a field of OpenTelemetry is a tag here. A tag that stands there twice is first Jaeger's own, then an
    /// attribute of the span.
    fn span(self, process: &Process) -> Result<Span, Unreadable> {
        let mut tags = self.tags;
        let mut take = |key: &str| {
            let index = tags.iter().position(|tag| tag.key == key)?;
            tags.remove(index).value.as_str().map(str::to_owned)
        };
        let mut span = Span {
            trace_id: self.trace_id,
            span_id: self.span_id,
            name: self.operation_name,
            kind: take("span.kind"),
            start: self.start_time * 1_000,
            duration: Some(i128::from(self.duration) * 1_000),
            trace_state: take("w3c.tracestate").unwrap_or_default(),
            status: take("otel.status_code").map(|code| code.to_lowercase()),
            status_message: take("otel.status_description").unwrap_or_default(),
            ..Span::default()
        };
        span.scope.name = take("otel.scope.name").unwrap_or_default();
        span.scope.version = take("otel.scope.version").unwrap_or_default();
        if span.status.as_deref() == Some("error") {
            let error = tags.iter().position(|tag| tag.key == "error" && tag.value == true);
            error.map(|index| tags.remove(index));
        }
        span.attributes = attributes(tags)?;
        for reference in self.references {
            if reference.ref_type == "CHILD_OF" && reference.trace_id == span.trace_id {
                span.parent_span_id = Some(reference.span_id);
            } else {
                let Reference { trace_id, span_id, .. } = reference;
                span.links.push(Link { trace_id, span_id, ..Link::default() });
            }
        }
        for Log { timestamp, mut fields } in self.logs {
            let name = fields.iter().position(|field| field.key == "event").map(|at| fields.remove(at));
            let name = name.and_then(|name| name.value.as_str().map(str::to_owned)).unwrap_or_default();
            let attributes = attributes(fields)?;
            span.events.push(Event { name, time: timestamp * 1_000, attributes, dropped_attributes: 0 });
        }
        span.resource = attributes(process.tags.clone())?;
        span.resource.insert("service.name".to_owned(), Value::Text(process.service_name.clone()));
        for warning in self.warnings.unwrap_or_default() {
            note_warning(&mut span, &warning);
        }
        Ok(span)
    }
}

/// In OTLP a warning of Jaeger's own is an attribute.
pub(super) fn read_warnings(span: &mut Span) {
    let Some(Value::List(warnings)) = span.attributes.remove("@jaeger@warnings") else { return };
    for warning in warnings {
        let Value::Text(warning) = warning else { continue };
        note_warning(span, &warning);
    }
}

/// What comes after the first comma is about this one span.
fn note_warning(span: &mut Span, warning: &str) {
    let what = warning.split(',').next().unwrap_or_default();
    span.besides.insert(format!("warning {what:?}"), String::new());
}

fn attributes(tags: Vec<Tag>) -> Result<Attributes, Unreadable> {
    tags.into_iter().map(|tag| Ok((tag.key.clone(), value(&tag)?))).collect()
}

fn value(tag: &Tag) -> Result<Value, Unreadable> {
    let Tag { kind, value, .. } = tag;
    let read = match kind.as_str() {
        "string" => value.as_str().map(Value::from),
        "bool" => value.as_bool().map(Value::Bool),
        // Beyond what a double holds it is a text.
        "int64" => value.as_i64().or_else(|| value.as_str()?.parse().ok()).map(Value::Int),
        "float64" => value.as_f64().map(Value::Double),
        _ => None,
    };
    read.ok_or_else(|| Unreadable::new(format!("tag {tag:?}")))
}
