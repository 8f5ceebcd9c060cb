//! The JSON encoding of OTLP (OpenTelemetry Protocol specification, "JSON Protobuf Encoding"), read strictly:
//! ids are hexadecimal digits, enumerations are numbers, 64-bit integers may be strings or numbers. Unknown fields
//! are ignored, as the specification asks.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span};
use serde_json::Value;

use super::object::{Object, Result};

pub(super) fn decode(body: &[u8]) -> Result<ExportTraceServiceRequest> {
    let value: Value =
        serde_json::from_slice(body).map_err(|error| format!("the body is no JSON: {error}"))?;
    let object = Object::of(&value, "the body")?;
    Ok(ExportTraceServiceRequest { resource_spans: object.list("resourceSpans", resource_spans)? })
}

fn resource_spans(object: Object<'_>) -> Result<ResourceSpans> {
    Ok(ResourceSpans {
        resource: object.object("resource", |resource| {
            Ok(Resource {
                attributes: resource.list("attributes", key_value)?,
                dropped_attributes_count: resource.number("droppedAttributesCount")?,
                ..Resource::default()
            })
        })?,
        scope_spans: object.list("scopeSpans", scope_spans)?,
        schema_url: object.text("schemaUrl")?,
    })
}

fn scope_spans(object: Object<'_>) -> Result<ScopeSpans> {
    Ok(ScopeSpans {
        scope: object.object("scope", |scope| {
            Ok(InstrumentationScope {
                name: scope.text("name")?,
                version: scope.text("version")?,
                attributes: scope.list("attributes", key_value)?,
                dropped_attributes_count: scope.number("droppedAttributesCount")?,
            })
        })?,
        spans: object.list("spans", span)?,
        schema_url: object.text("schemaUrl")?,
    })
}

fn span(object: Object<'_>) -> Result<Span> {
    Ok(Span {
        trace_id: object.id("traceId", 16)?,
        span_id: object.id("spanId", 8)?,
        trace_state: object.text("traceState")?,
        parent_span_id: object.id("parentSpanId", 8)?,
        flags: object.number("flags")?,
        name: object.text("name")?,
        kind: object.number("kind")?,
        start_time_unix_nano: object.nanos("startTimeUnixNano")?,
        end_time_unix_nano: object.nanos("endTimeUnixNano")?,
        attributes: object.list("attributes", key_value)?,
        dropped_attributes_count: object.number("droppedAttributesCount")?,
        events: object.list("events", event)?,
        dropped_events_count: object.number("droppedEventsCount")?,
        links: object.list("links", link)?,
        dropped_links_count: object.number("droppedLinksCount")?,
        status: object.object("status", |status| {
            Ok(Status { message: status.text("message")?, code: status.number("code")? })
        })?,
    })
}

fn event(object: Object<'_>) -> Result<span::Event> {
    Ok(span::Event {
        time_unix_nano: object.nanos("timeUnixNano")?,
        name: object.text("name")?,
        attributes: object.list("attributes", key_value)?,
        dropped_attributes_count: object.number("droppedAttributesCount")?,
    })
}

fn link(object: Object<'_>) -> Result<span::Link> {
    Ok(span::Link {
        trace_id: object.id("traceId", 16)?,
        span_id: object.id("spanId", 8)?,
        trace_state: object.text("traceState")?,
        attributes: object.list("attributes", key_value)?,
        dropped_attributes_count: object.number("droppedAttributesCount")?,
        flags: object.number("flags")?,
    })
}

fn key_value(object: Object<'_>) -> Result<KeyValue> {
    Ok(KeyValue {
        key: object.text("key")?,
        value: object.object("value", any_value)?,
        ..KeyValue::default()
    })
}

fn any_value(object: Object<'_>) -> Result<AnyValue> {
    use any_value::Value as Any;

    let int = |value: &Value| match value {
        Value::String(text) => text.parse().ok(),
        value => value.as_i64(),
    };
    let double = |value: &Value| match value.as_str() {
        Some("NaN") => Some(f64::NAN),
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        Some(text) => text.parse().ok().filter(|value: &f64| value.is_finite()),
        None => value.as_f64(),
    };
    let value = if let Some(value) = object.read("stringValue", Value::as_str)? {
        Some(Any::StringValue(value.to_owned()))
    } else if let Some(value) = object.read("boolValue", Value::as_bool)? {
        Some(Any::BoolValue(value))
    } else if let Some(value) = object.read("intValue", int)? {
        Some(Any::IntValue(value))
    } else if let Some(value) = object.read("doubleValue", double)? {
        Some(Any::DoubleValue(value))
    } else if let Some(value) = object.read("bytesValue", |value| BASE64.decode(value.as_str()?).ok())? {
        Some(Any::BytesValue(value))
    } else if let Some(values) = object.object("arrayValue", |array| array.list("values", any_value))? {
        Some(Any::ArrayValue(ArrayValue { values }))
    } else {
        let values = object.object("kvlistValue", |list| list.list("values", key_value))?;
        values.map(|values| Any::KvlistValue(KeyValueList { values }))
    };
    Ok(AnyValue { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(span: &str) -> String {
        format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{span}]}}]}}]}}"#)
    }

    #[test]
    fn a_span_is_read_and_what_is_unknown_ignored() {
        let text = request(
            r#"{"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"eee19b7ec3c1b174","parentSpanId":"",
            "name":"GET","kind":2,"startTimeUnixNano":"1544712660000000000","endTimeUnixNano":7,"new":[{}],
            "attributes":[
                {"key":"i","value":{"intValue":"-3"}},{"key":"d","value":{"doubleValue":"NaN"}},
                {"key":"b","value":{"bytesValue":"+/8="}},{"key":"e","value":{}},
                {"key":"a","value":{"arrayValue":{"values":[{"boolValue":true}]}}}
            ],"status":{"code":2}}"#,
        );
        let span =
            decode(text.as_bytes()).unwrap().resource_spans.remove(0).scope_spans.remove(0).spans.remove(0);
        assert_eq!(span.trace_id[..3], [0x5b, 0x8e, 0xff]);
        assert_eq!((span.span_id.len(), span.parent_span_id.len(), span.kind), (8, 0, 2));
        assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (1_544_712_660_000_000_000, 7));
        let value = |at: usize| span.attributes[at].value.clone().unwrap().value;
        assert_eq!(value(0), Some(any_value::Value::IntValue(-3)));
        assert!(matches!(value(1), Some(any_value::Value::DoubleValue(value)) if value.is_nan()));
        assert_eq!(value(2), Some(any_value::Value::BytesValue(vec![0xfb, 0xff])));
        assert_eq!(value(3), None);
        assert!(matches!(value(4), Some(any_value::Value::ArrayValue(_))));
        assert_eq!(span.status.unwrap().code, 2);
    }

    #[test]
    fn what_the_mapping_forbids_is_refused_by_name() {
        #[track_caller]
        fn check(span: &str, expected: &str) {
            assert_eq!(decode(request(span).as_bytes()).unwrap_err(), expected);
        }
        check(r#"{"kind":"SPAN_KIND_SERVER"}"#, r#"kind cannot be "SPAN_KIND_SERVER""#);
        check(r#"{"traceId":"W47/95gDgQPSabYzgT/GDA=="}"#, r#"traceId cannot be "W47/95gDgQPSabYzgT/GDA==""#);
        check(r#"{"spanId":"+1+1+1+1+1+1+1+1"}"#, r#"spanId cannot be "+1+1+1+1+1+1+1+1""#);
        check(r#"{"spanId":"ab"}"#, r#"spanId cannot be "ab""#);
        check(r#"{"attributes":{}}"#, "attributes cannot be {}");
        check("7", "spans is no object: 7");
    }
}
