//! The JSON encoding of OTLP (OpenTelemetry Protocol specification, "JSON Protobuf Encoding"): names in
//! lowerCamelCase, ids as hexadecimal digits, enumerations as numbers, 64-bit integers as decimal strings. Fields
//! that hold their default are left out.

use opentelemetry::trace::{Event, Link, SpanContext, SpanId};
use opentelemetry::{Array, InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use serde::Serialize;

use super::ResourceGroup;
use super::double::Double;
use super::otlp_fields::{flags, kind, nanos, sorted, status};

/// An element of a scope's `spans`.
pub(super) fn span(span: &SpanData, trace_state: Option<&str>, to: &mut Vec<u8>) {
    let SpanData {
        span_context,
        parent_span_id,
        parent_span_is_remote,
        span_kind,
        name,
        start_time,
        end_time,
        attributes,
        dropped_attributes_count,
        events,
        links,
        status: span_status,
        instrumentation_scope: _,
    } = span;
    object(to, |fields| {
        fields.ids(span_context, trace_state);
        if *parent_span_id != SpanId::INVALID {
            fields.hex("parentSpanId", &parent_span_id.to_bytes());
        }
        fields.number("flags", flags(span_context.trace_flags(), *parent_span_is_remote));
        fields.text("name", name);
        fields.number("kind", kind(span_kind));
        fields.nanos("startTimeUnixNano", nanos(*start_time));
        fields.nanos("endTimeUnixNano", nanos(*end_time));
        fields.list("attributes", attributes, key_value);
        fields.number("droppedAttributesCount", *dropped_attributes_count);
        fields.list("events", &events.events, span_event);
        fields.number("droppedEventsCount", events.dropped_count);
        fields.list("links", &links.links, span_link);
        fields.number("droppedLinksCount", links.dropped_count);
        let (code, words) = status(span_status);
        if code != 0 {
            object(fields.name("status"), |fields| {
                fields.text("message", words);
                fields.number("code", code);
            });
        }
    });
}

/// The fields of a `ResourceSpans` without the list of scopes.
pub(super) fn resource(resource: &Resource) -> Vec<u8> {
    let mut to = Vec::new();
    let mut fields = Fields::new(&mut to);
    object(fields.name("resource"), |fields| {
        fields.list("attributes", &sorted(resource), |(key, value), to| attribute(key.as_str(), value, to));
    });
    fields.text("schemaUrl", resource.schema_url().unwrap_or_default());
    to
}

/// The fields of a `ScopeSpans` without the list of spans.
pub(super) fn scope(scope: &InstrumentationScope) -> Vec<u8> {
    let mut to = Vec::new();
    let mut fields = Fields::new(&mut to);
    object(fields.name("scope"), |fields| {
        fields.text("name", scope.name());
        fields.text("version", scope.version().unwrap_or_default());
        let attributes: Vec<&KeyValue> = scope.attributes().collect();
        fields.list("attributes", &attributes, |attribute, to| key_value(attribute, to));
    });
    fields.text("schemaUrl", scope.schema_url().unwrap_or_default());
    to
}

/// An `ExportTraceServiceRequest` of what is encoded already.
pub(super) fn request(groups: &[ResourceGroup]) -> Vec<u8> {
    let mut body = Vec::new();
    object(&mut body, |fields| {
        list(fields.name("resourceSpans"), groups, |group, to| {
            to.push(b'{');
            to.extend_from_slice(&group.head);
            to.extend_from_slice(b",\"scopeSpans\":");
            list(to, &group.scopes, |scope, to| {
                to.push(b'{');
                to.extend_from_slice(&scope.head);
                to.extend_from_slice(b",\"spans\":[");
                to.extend_from_slice(&scope.spans);
                to.extend_from_slice(b"]}");
            });
            to.push(b'}');
        });
    });
    body
}

fn span_event(event: &Event, to: &mut Vec<u8>) {
    object(to, |fields| {
        fields.nanos("timeUnixNano", nanos(event.timestamp));
        fields.text("name", &event.name);
        fields.list("attributes", &event.attributes, key_value);
        fields.number("droppedAttributesCount", event.dropped_attributes_count);
    });
}

fn span_link(link: &Link, to: &mut Vec<u8>) {
    object(to, |fields| {
        fields.ids(&link.span_context, None);
        fields.list("attributes", &link.attributes, key_value);
        fields.number("droppedAttributesCount", link.dropped_attributes_count);
        fields.number("flags", flags(link.span_context.trace_flags(), link.span_context.is_remote()));
    });
}

fn key_value(pair: &KeyValue, to: &mut Vec<u8>) {
    attribute(pair.key.as_str(), &pair.value, to);
}

/// A `KeyValue`.
fn attribute(key: &str, value: &Value, to: &mut Vec<u8>) {
    to.extend_from_slice(b"{\"key\":");
    scalar(key, to);
    to.extend_from_slice(b",\"value\":");
    match value {
        Value::Bool(value) => bool_value(value, to),
        Value::I64(value) => int_value(value, to),
        Value::F64(value) => double_value(value, to),
        Value::String(value) => string_value(value.as_str(), to),
        Value::Array(Array::Bool(values)) => array_value(values, bool_value, to),
        Value::Array(Array::I64(values)) => array_value(values, int_value, to),
        Value::Array(Array::F64(values)) => array_value(values, double_value, to),
        Value::Array(Array::String(values)) => {
            array_value(values, |value, to| string_value(value.as_str(), to), to);
        }
        // A kind that is newer than this: as text, which is what OTLP has values become that it cannot hold.
        other => string_value(&other.as_str(), to),
    }
    to.push(b'}');
}

fn string_value(value: &str, to: &mut Vec<u8>) {
    to.extend_from_slice(b"{\"stringValue\":");
    scalar(value, to);
    to.push(b'}');
}

fn bool_value(value: &bool, to: &mut Vec<u8>) {
    to.extend_from_slice(if *value { b"{\"boolValue\":true}" } else { b"{\"boolValue\":false}" });
}

fn int_value(value: &i64, to: &mut Vec<u8>) {
    to.extend_from_slice(b"{\"intValue\":\"");
    scalar(value, to);
    to.extend_from_slice(b"\"}");
}

fn double_value(value: &f64, to: &mut Vec<u8>) {
    to.extend_from_slice(b"{\"doubleValue\":");
    scalar(&Double(*value), to);
    to.push(b'}');
}

fn array_value<T>(values: &[T], value: impl Fn(&T, &mut Vec<u8>), to: &mut Vec<u8>) {
    to.extend_from_slice(b"{\"arrayValue\":{\"values\":");
    list(to, values, value);
    to.extend_from_slice(b"}}");
}

fn object(to: &mut Vec<u8>, content: impl FnOnce(&mut Fields<'_>)) {
    to.push(b'{');
    content(&mut Fields::new(to));
    to.push(b'}');
}

fn list<T>(to: &mut Vec<u8>, items: &[T], item: impl Fn(&T, &mut Vec<u8>)) {
    to.push(b'[');
    for (index, one) in items.iter().enumerate() {
        if index > 0 {
            to.push(b',');
        }
        item(one, to);
    }
    to.push(b']');
}

/// The fields of an object, of which those with their default value are left out.
struct Fields<'a> {
    to: &'a mut Vec<u8>,
    any: bool,
}

impl<'a> Fields<'a> {
    fn new(to: &'a mut Vec<u8>) -> Self {
        Self { to, any: false }
    }

    /// Begins a field; its value comes next. The name is one that needs no escapes.
    fn name(&mut self, name: &str) -> &mut Vec<u8> {
        self.to.extend_from_slice(if self.any { b",\"" } else { b"\"" });
        self.to.extend_from_slice(name.as_bytes());
        self.to.extend_from_slice(b"\":");
        self.any = true;
        self.to
    }

    /// The ids and the state of the trace: this one, or that of the context.
    fn ids(&mut self, context: &SpanContext, trace_state: Option<&str>) {
        self.hex("traceId", &context.trace_id().to_bytes());
        self.hex("spanId", &context.span_id().to_bytes());
        match trace_state {
            Some(trace_state) => self.text("traceState", trace_state),
            None => self.text("traceState", &context.trace_state().header()),
        }
    }

    fn text(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            scalar(value, self.name(name));
        }
    }

    fn number(&mut self, name: &str, value: u32) {
        if value != 0 {
            scalar(&value, self.name(name));
        }
    }

    /// Time is written at zero too, as receivers take a missing one for an error.
    fn nanos(&mut self, name: &str, value: u64) {
        let to = self.name(name);
        to.push(b'"');
        scalar(&value, to);
        to.push(b'"');
    }

    fn hex(&mut self, name: &str, bytes: &[u8]) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |half: u8| DIGITS[usize::from(half)];
        let to = self.name(name);
        to.push(b'"');
        to.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]));
        to.push(b'"');
    }

    fn list<T>(&mut self, name: &str, items: &[T], item: impl Fn(&T, &mut Vec<u8>)) {
        if !items.is_empty() {
            list(self.name(name), items, item);
        }
    }
}

/// A text or a number as JSON writes it.
fn scalar<T: Serialize + ?Sized>(value: &T, to: &mut Vec<u8>) {
    // A vector takes all, and neither numbers nor texts fail.
    let _ = serde_json::to_writer(to, value);
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use opentelemetry::trace::{SpanKind, Status, TraceFlags};
    use opentelemetry_proto::tonic::trace::v1::Span;
    use proptest::prelude::*;

    use super::super::otlp_fields::arbitrary;
    use super::*;
    use crate::test_span;

    #[test]
    fn values_are_written_as_the_mapping_has_it() {
        #[track_caller]
        fn check(value: impl Into<Value>, expected: &str) {
            let mut json = Vec::new();
            attribute("k", &value.into(), &mut json);
            assert_eq!(String::from_utf8(json).unwrap(), format!(r#"{{"key":"k","value":{{{expected}}}}}"#));
        }
        check("a\"\u{1}\u{7f}ü\u{2028}", "\"stringValue\":\"a\\\"\\u0001\u{7f}ü\u{2028}\"");
        check("", r#""stringValue":"""#);
        check(false, r#""boolValue":false"#);
        check(i64::MIN, r#""intValue":"-9223372036854775808""#);
        check(1.5, r#""doubleValue":1.5"#);
        check(f64::MAX, r#""doubleValue":1.7976931348623157e+308"#);
        check(f64::NAN, r#""doubleValue":"NaN""#);
        check(f64::INFINITY, r#""doubleValue":"Infinity""#);
        check(f64::NEG_INFINITY, r#""doubleValue":"-Infinity""#);
        check(Value::Array(Array::Bool(Vec::new())), r#""arrayValue":{"values":[]}"#);
        check(
            Value::Array(Array::I64(vec![1, -2])),
            r#""arrayValue":{"values":[{"intValue":"1"},{"intValue":"-2"}]}"#,
        );
    }

    #[test]
    fn a_span_is_written_as_the_mapping_has_it() {
        let context = |trace: u128, id: u64, state: &str| {
            SpanContext::new(trace.into(), id.into(), TraceFlags::SAMPLED, true, state.parse().unwrap())
        };
        let mut span = SpanData {
            span_context: context(0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f, 0xab, "a=b"),
            parent_span_id: SpanId::from(0xcd),
            name: "GET".into(),
            span_kind: SpanKind::Server,
            end_time: UNIX_EPOCH + Duration::from_nanos(u64::MAX),
            dropped_attributes_count: 3,
            status: Status::error("broke"),
            ..test_span::empty()
        };
        span.events.events = vec![Event::new("log", UNIX_EPOCH + Duration::from_nanos(7), Vec::new(), 0)];
        span.links.links = vec![Link::new(context(1, 2, ""), Vec::new(), 0)];
        let expected = concat!(
            r#"{"traceId":"000102030405060708090a0b0c0d0e0f","spanId":"00000000000000ab","traceState":"a=b","#,
            r#""parentSpanId":"00000000000000cd","flags":257,"name":"GET","kind":2,"#,
            r#""startTimeUnixNano":"0","endTimeUnixNano":"18446744073709551615","droppedAttributesCount":3,"#,
            r#""events":[{"timeUnixNano":"7","name":"log"}],"#,
            r#""links":[{"traceId":"00000000000000000000000000000001","spanId":"0000000000000002","flags":769}],"#,
            r#""status":{"message":"broke","code":2}}"#,
        );
        let mut json = Vec::new();
        super::span(&span, None, &mut json);
        assert_eq!(String::from_utf8(json).unwrap(), expected);
    }

    /// Those that `opentelemetry-proto` reads: it knows no names for the others.
    fn finite() -> BoxedStrategy<f64> {
        arbitrary::double().prop_filter("finite", |value| value.is_finite()).boxed()
    }

    proptest! {
        /// What is read back is what `opentelemetry-proto` makes of the span.
        #[test]
        fn a_span_is_read_back_whole(span in arbitrary::span(&finite())) {
            let mut json = Vec::new();
            super::span(&span, None, &mut json);
            let read: Span = serde_json::from_slice(&json).unwrap();
            let mut expected = Span::from(span);
            // Left out, as it says nothing.
            expected.status.take_if(|status| *status == Default::default());
            prop_assert_eq!(read, expected);
        }
    }
}
