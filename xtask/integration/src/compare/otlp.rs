//! From OTLP's JSON, as Jaeger's `/api/v3` and the Collector's file exporter write it.
//!
//! A field that is not known here is an error, so that none is passed over.

use serde::{Deserialize, Deserializer};

use super::span::{self, Attributes, Span};

/// A message of `TracesData`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TracesData {
    resource_spans: Vec<ResourceSpans>,
}

impl TracesData {
    pub(super) fn spans(self) -> Vec<Span> {
        let mut spans = Vec::new();
        for of_resource in self.resource_spans {
            let resource = attributes(of_resource.resource.attributes);
            for of_scope in of_resource.scope_spans {
                let scope = span::Scope {
                    name: of_scope.scope.name,
                    version: of_scope.scope.version,
                    schema_url: of_scope.schema_url,
                    attributes: attributes(of_scope.scope.attributes),
                };
                spans.extend(of_scope.spans.into_iter().map(|it| Span {
                    scope: scope.clone(),
                    resource_schema_url: of_resource.schema_url.clone(),
                    resource: resource.clone(),
                    ..it.span()
                }));
            }
        }
        spans
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct ResourceSpans {
    resource: Resource,
    scope_spans: Vec<ScopeSpans>,
    schema_url: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Resource {
    attributes: Vec<KeyValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct ScopeSpans {
    scope: Scope,
    spans: Vec<OtlpSpan>,
    schema_url: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Scope {
    name: String,
    version: String,
    attributes: Vec<KeyValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct OtlpSpan {
    trace_id: String,
    span_id: String,
    trace_state: String,
    parent_span_id: String,
    flags: u32,
    name: String,
    kind: u8,
    #[serde(deserialize_with = "number")]
    start_time_unix_nano: u64,
    #[serde(deserialize_with = "number")]
    end_time_unix_nano: u64,
    attributes: Vec<KeyValue>,
    dropped_attributes_count: u32,
    events: Vec<Event>,
    dropped_events_count: u32,
    links: Vec<Link>,
    dropped_links_count: u32,
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Status {
    code: u8,
    message: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Event {
    #[serde(deserialize_with = "number")]
    time_unix_nano: u64,
    name: String,
    attributes: Vec<KeyValue>,
    dropped_attributes_count: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Link {
    trace_id: String,
    span_id: String,
    trace_state: String,
    attributes: Vec<KeyValue>,
    dropped_attributes_count: u32,
    flags: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyValue {
    key: String,
    value: AnyValue,
}

#[derive(Debug, Deserialize)]
enum AnyValue {
    #[serde(rename = "stringValue")]
    Text(String),
    #[serde(rename = "boolValue")]
    Bool(bool),
    #[serde(rename = "intValue", deserialize_with = "number")]
    Int(i64),
    #[serde(rename = "doubleValue", deserialize_with = "number")]
    Double(f64),
    #[serde(rename = "arrayValue")]
    List(ArrayValue),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ArrayValue {
    values: Vec<AnyValue>,
}

impl OtlpSpan {
    fn span(self) -> Span {
        Span {
            trace_id: self.trace_id,
            span_id: self.span_id,
            parent_span_id: (!self.parent_span_id.is_empty()).then_some(self.parent_span_id),
            name: self.name,
            kind: kind(self.kind),
            start: self.start_time_unix_nano,
            duration: Some(i128::from(self.end_time_unix_nano) - i128::from(self.start_time_unix_nano)),
            trace_state: self.trace_state,
            flags: Some(self.flags),
            attributes: attributes(self.attributes),
            events: self.events.into_iter().map(Event::event).collect(),
            links: self.links.into_iter().map(Link::link).collect(),
            status: match self.status.code {
                0 => None,
                1 => Some("ok".to_owned()),
                2 => Some("error".to_owned()),
                other => Some(other.to_string()),
            },
            status_message: self.status.message,
            dropped_attributes: self.dropped_attributes_count,
            dropped_events: self.dropped_events_count,
            dropped_links: self.dropped_links_count,
            ..Span::default()
        }
    }
}

impl Event {
    fn event(self) -> span::Event {
        span::Event {
            name: self.name,
            time: self.time_unix_nano,
            attributes: attributes(self.attributes),
            dropped_attributes: self.dropped_attributes_count,
        }
    }
}

impl Link {
    fn link(self) -> span::Link {
        span::Link {
            trace_id: self.trace_id,
            span_id: self.span_id,
            trace_state: self.trace_state,
            flags: Some(self.flags),
            attributes: attributes(self.attributes),
            dropped_attributes: self.dropped_attributes_count,
        }
    }
}

fn kind(number: u8) -> Option<String> {
    let name = match number {
        0 => return None,
        1 => "internal",
        2 => "server",
        3 => "client",
        4 => "producer",
        5 => "consumer",
        other => return Some(other.to_string()),
    };
    Some(name.to_owned())
}

fn attributes(list: Vec<KeyValue>) -> Attributes {
    list.into_iter().map(|attribute| (attribute.key, value(attribute.value))).collect()
}

fn value(read: AnyValue) -> span::Value {
    match read {
        AnyValue::Text(text) => span::Value::Text(text),
        AnyValue::Bool(value) => span::Value::Bool(value),
        AnyValue::Int(number) => span::Value::Int(number),
        AnyValue::Double(number) => span::Value::Double(number),
        AnyValue::List(list) => span::Value::List(list.values.into_iter().map(value).collect()),
    }
}

/// A number as such, or as the text that protobuf's JSON has for 64 bits, infinities and what is no number.
fn number<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + std::str::FromStr<Err: std::fmt::Display>,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either<T> {
        Number(T),
        Text(String),
    }
    match Either::deserialize(deserializer)? {
        Either::Number(number) => Ok(number),
        Either::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}
