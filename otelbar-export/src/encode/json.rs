//! The JSON encoding of OTLP (OpenTelemetry Protocol specification, "JSON Protobuf Encoding"): names in
//! lowerCamelCase, ids as hexadecimal digits, enumerations as numbers, 64-bit integers as decimal strings, bytes
//! in base64. Fields that hold their default are left out.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use opentelemetry::InstrumentationScope;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, InstrumentationScope as ProtoScope, KeyValue, any_value,
};
use opentelemetry_proto::tonic::resource::v1::Resource as ProtoResource;
use opentelemetry_proto::tonic::trace::v1::{Span, span};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::ResourceGroup;
use super::proto::{resource_message, scope_message, span_message};

pub(super) fn span(span: &SpanData, to: &mut Vec<u8>) {
    write(&SpanJson(&span_message(span)), to);
}

pub(super) fn resource(resource: &Resource) -> Vec<u8> {
    let message = resource_message(resource);
    let mut head = b"\"resource\":".to_vec();
    write(&message.resource.as_ref().map(ResourceJson), &mut head);
    schema_url(&message.schema_url, &mut head);
    head
}

pub(super) fn scope(scope: &InstrumentationScope) -> Vec<u8> {
    let message = scope_message(scope);
    let mut head = b"\"scope\":".to_vec();
    write(&message.scope.as_ref().map(ScopeJson), &mut head);
    schema_url(&message.schema_url, &mut head);
    head
}

pub(super) fn request(groups: &[ResourceGroup]) -> Vec<u8> {
    let mut body = b"{\"resourceSpans\":[".to_vec();
    for (index, group) in groups.iter().enumerate() {
        body.extend_from_slice(if index == 0 { b"{" } else { b",{" });
        body.extend_from_slice(&group.head);
        body.extend_from_slice(b",\"scopeSpans\":[");
        for (index, scope) in group.scopes.iter().enumerate() {
            body.extend_from_slice(if index == 0 { b"{" } else { b",{" });
            body.extend_from_slice(&scope.head);
            body.extend_from_slice(b",\"spans\":[");
            body.extend_from_slice(&scope.spans);
            body.extend_from_slice(b"]}");
        }
        body.extend_from_slice(b"]}");
    }
    body.extend_from_slice(b"]}");
    body
}

fn schema_url(url: &str, to: &mut Vec<u8>) {
    if !url.is_empty() {
        to.extend_from_slice(b",\"schemaUrl\":");
        write(url, to);
    }
}

fn write<T: Serialize + ?Sized>(value: &T, to: &mut Vec<u8>) {
    // A vector takes all, every key is a string, and none of the impls below fails of itself.
    let _ = serde_json::to_writer(to, value);
}

/// A map of which fields with their default value are left out.
struct Fields<M>(M);

impl<M: SerializeMap> Fields<M> {
    fn begin<S: Serializer<SerializeMap = M>>(serializer: S) -> Result<Self, S::Error> {
        serializer.serialize_map(None).map(Self)
    }

    fn text(&mut self, name: &'static str, value: &str) -> Result<(), M::Error> {
        if value.is_empty() { Ok(()) } else { self.0.serialize_entry(name, value) }
    }

    fn id(&mut self, name: &'static str, value: &[u8]) -> Result<(), M::Error> {
        if value.is_empty() { Ok(()) } else { self.0.serialize_entry(name, &Text(Hex(value))) }
    }

    fn number<T: Serialize + PartialEq + Default>(
        &mut self,
        name: &'static str,
        value: T,
    ) -> Result<(), M::Error> {
        if value == T::default() { Ok(()) } else { self.0.serialize_entry(name, &value) }
    }

    /// Time is written at zero too, as receivers take a missing one for an error.
    fn nanos(&mut self, name: &'static str, value: u64) -> Result<(), M::Error> {
        self.0.serialize_entry(name, &Text(value))
    }

    fn list<'a, T: 'a, J: Serialize>(
        &mut self,
        name: &'static str,
        items: &'a [T],
        json: fn(&'a T) -> J,
    ) -> Result<(), M::Error> {
        if items.is_empty() { Ok(()) } else { self.0.serialize_entry(name, &List(items, json)) }
    }

    fn end(self) -> Result<M::Ok, M::Error> {
        self.0.end()
    }
}

struct SpanJson<'a>(&'a Span);

impl Serialize for SpanJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let span = self.0;
        let mut fields = Fields::begin(serializer)?;
        fields.id("traceId", &span.trace_id)?;
        fields.id("spanId", &span.span_id)?;
        fields.text("traceState", &span.trace_state)?;
        fields.id("parentSpanId", &span.parent_span_id)?;
        fields.number("flags", span.flags)?;
        fields.text("name", &span.name)?;
        fields.number("kind", span.kind)?;
        fields.nanos("startTimeUnixNano", span.start_time_unix_nano)?;
        fields.nanos("endTimeUnixNano", span.end_time_unix_nano)?;
        fields.list("attributes", &span.attributes, KeyValueJson)?;
        fields.number("droppedAttributesCount", span.dropped_attributes_count)?;
        fields.list("events", &span.events, EventJson)?;
        fields.number("droppedEventsCount", span.dropped_events_count)?;
        fields.list("links", &span.links, LinkJson)?;
        fields.number("droppedLinksCount", span.dropped_links_count)?;
        if let Some(status) = span.status.as_ref().filter(|status| **status != Default::default()) {
            fields
                .0
                .serialize_entry("status", &StatusJson { code: status.code, message: &status.message })?;
        }
        fields.end()
    }
}

#[derive(Serialize)]
struct StatusJson<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    message: &'a str,
    code: i32,
}

struct EventJson<'a>(&'a span::Event);

impl Serialize for EventJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = Fields::begin(serializer)?;
        fields.nanos("timeUnixNano", self.0.time_unix_nano)?;
        fields.text("name", &self.0.name)?;
        fields.list("attributes", &self.0.attributes, KeyValueJson)?;
        fields.number("droppedAttributesCount", self.0.dropped_attributes_count)?;
        fields.end()
    }
}

struct LinkJson<'a>(&'a span::Link);

impl Serialize for LinkJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = Fields::begin(serializer)?;
        fields.id("traceId", &self.0.trace_id)?;
        fields.id("spanId", &self.0.span_id)?;
        fields.text("traceState", &self.0.trace_state)?;
        fields.list("attributes", &self.0.attributes, KeyValueJson)?;
        fields.number("droppedAttributesCount", self.0.dropped_attributes_count)?;
        fields.number("flags", self.0.flags)?;
        fields.end()
    }
}

struct ResourceJson<'a>(&'a ProtoResource);

impl Serialize for ResourceJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = Fields::begin(serializer)?;
        fields.list("attributes", &self.0.attributes, KeyValueJson)?;
        fields.number("droppedAttributesCount", self.0.dropped_attributes_count)?;
        fields.end()
    }
}

struct ScopeJson<'a>(&'a ProtoScope);

impl Serialize for ScopeJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = Fields::begin(serializer)?;
        fields.text("name", &self.0.name)?;
        fields.text("version", &self.0.version)?;
        fields.list("attributes", &self.0.attributes, KeyValueJson)?;
        fields.number("droppedAttributesCount", self.0.dropped_attributes_count)?;
        fields.end()
    }
}

struct KeyValueJson<'a>(&'a KeyValue);

impl Serialize for KeyValueJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("key", &self.0.key)?;
        if let Some(value) = &self.0.value {
            map.serialize_entry("value", &AnyValueJson(value))?;
        }
        map.end()
    }
}

struct AnyValueJson<'a>(&'a AnyValue);

impl Serialize for AnyValueJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match &self.0.value {
            // The last is for profiles alone, and to be read as no value in spans.
            None | Some(any_value::Value::StringValueStrindex(_)) => {}
            Some(any_value::Value::StringValue(value)) => map.serialize_entry("stringValue", value)?,
            Some(any_value::Value::BoolValue(value)) => map.serialize_entry("boolValue", value)?,
            Some(any_value::Value::IntValue(value)) => map.serialize_entry("intValue", &Text(value))?,
            Some(any_value::Value::DoubleValue(value)) => {
                map.serialize_entry("doubleValue", &Double(*value))?
            }
            Some(any_value::Value::BytesValue(value)) => {
                map.serialize_entry("bytesValue", &BASE64.encode(value))?;
            }
            Some(any_value::Value::ArrayValue(array)) => {
                map.serialize_entry("arrayValue", &Values(List(&array.values, AnyValueJson)))?;
            }
            Some(any_value::Value::KvlistValue(list)) => {
                map.serialize_entry("kvlistValue", &Values(List(&list.values, KeyValueJson)))?;
            }
        }
        map.end()
    }
}

/// `{"values": […]}`.
struct Values<T>(T);

impl<T: Serialize> Serialize for Values<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("values", &self.0)?;
        map.end()
    }
}

struct List<'a, T, J>(&'a [T], fn(&'a T) -> J);

impl<'a, T, J: Serialize> Serialize for List<'a, T, J> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for item in self.0 {
            list.serialize_element(&(self.1)(item))?;
        }
        list.end()
    }
}

/// JSON has no numbers for these, and protobuf's mapping gives them names.
struct Double(f64);

impl Serialize for Double {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            value if value.is_nan() => serializer.serialize_str("NaN"),
            f64::INFINITY => serializer.serialize_str("Infinity"),
            f64::NEG_INFINITY => serializer.serialize_str("-Infinity"),
            value => serializer.serialize_f64(value),
        }
    }
}

/// What is written as a string.
struct Text<T>(T);

impl<T: fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::{ArrayValue, KeyValueList};
    use opentelemetry_proto::tonic::trace::v1::Status;

    use super::*;

    fn json<T: Serialize>(value: &T) -> String {
        serde_json::to_string(value).unwrap()
    }

    #[test]
    fn values_are_written_as_the_mapping_has_it() {
        #[track_caller]
        fn check(value: any_value::Value, expected: &str) {
            assert_eq!(json(&AnyValueJson(&AnyValue { value: Some(value) })), expected);
        }
        use any_value::Value;
        let int = |value| AnyValue { value: Some(Value::IntValue(value)) };
        check(Value::StringValue("a\"\u{1}ü".to_owned()), r#"{"stringValue":"a\"\u0001ü"}"#);
        check(Value::BoolValue(false), r#"{"boolValue":false}"#);
        check(Value::IntValue(i64::MIN), r#"{"intValue":"-9223372036854775808"}"#);
        check(Value::DoubleValue(1.5), r#"{"doubleValue":1.5}"#);
        check(Value::DoubleValue(f64::NAN), r#"{"doubleValue":"NaN"}"#);
        check(Value::DoubleValue(f64::NEG_INFINITY), r#"{"doubleValue":"-Infinity"}"#);
        check(Value::BytesValue(vec![0xfb, 0xff]), r#"{"bytesValue":"+/8="}"#);
        check(
            Value::ArrayValue(ArrayValue { values: vec![int(1), AnyValue::default()] }),
            r#"{"arrayValue":{"values":[{"intValue":"1"},{}]}}"#,
        );
        let pair = KeyValue { key: "k".to_owned(), value: Some(int(2)), ..KeyValue::default() };
        check(
            Value::KvlistValue(KeyValueList { values: vec![pair] }),
            r#"{"kvlistValue":{"values":[{"key":"k","value":{"intValue":"2"}}]}}"#,
        );
    }

    #[test]
    fn a_span_is_written_as_the_mapping_has_it() {
        let link = span::Link { trace_id: vec![1; 16], span_id: vec![2; 8], flags: 1, ..Default::default() };
        let event = span::Event { time_unix_nano: 7, name: "log".to_owned(), ..Default::default() };
        let span = Span {
            trace_id: (0..16).collect(),
            span_id: vec![0xab; 8],
            parent_span_id: vec![0xcd; 8],
            trace_state: "a=b".to_owned(),
            flags: 0x101,
            name: "GET".to_owned(),
            kind: span::SpanKind::Server as i32,
            start_time_unix_nano: u64::MAX,
            end_time_unix_nano: 0,
            dropped_attributes_count: 3,
            events: vec![event],
            links: vec![link],
            status: Some(Status { code: 2, message: "broke".to_owned() }),
            ..Span::default()
        };
        let expected = concat!(
            r#"{"traceId":"000102030405060708090a0b0c0d0e0f","spanId":"abababababababab","traceState":"a=b","#,
            r#""parentSpanId":"cdcdcdcdcdcdcdcd","flags":257,"name":"GET","kind":2,"#,
            r#""startTimeUnixNano":"18446744073709551615","endTimeUnixNano":"0","droppedAttributesCount":3,"#,
            r#""events":[{"timeUnixNano":"7","name":"log"}],"#,
            r#""links":[{"traceId":"01010101010101010101010101010101","spanId":"0202020202020202","flags":1}],"#,
            r#""status":{"message":"broke","code":2}}"#,
        );
        assert_eq!(json(&SpanJson(&span)), expected);
    }
}
