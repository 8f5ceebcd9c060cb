//! Zipkin's v2 JSON, by the OpenTelemetry specification's "OpenTelemetry to Zipkin Transformation" and
//! "OpenTelemetry Transformation to non-OTLP Formats". Those leave a resource's attributes open; here they are tags
//! of each span, as the specification asks for `service.namespace`.
//!
//! Attributes become tags: those of the resource (but `service.name`, which names the local endpoint), of the scope
//! and of the span. So do the scope's name and version (`otel.scope.name`, `otel.scope.version`, and again under
//! `otel.library.`), the status (`otel.status_code`, and `error` with its description) and the counts of what was
//! dropped (`otel.dropped_attributes_count`, `otel.dropped_events_count`, `otel.dropped_links_count`). Events become
//! annotations. Spans of kind CLIENT and PRODUCER get a remote endpoint from the attributes that tell one.
//!
#![doc = include_str!("zipkin.md")]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU16;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{Event, SpanId, SpanKind, Status, TraceId};
use opentelemetry::{Array, InstrumentationScope, Key, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use serde::{Serialize, Serializer};

use super::double::Double;

/// What the spans of a resource have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ResourceHead {
    service_name: String,
    tags: Vec<(String, String)>,
}

/// What the spans of a scope have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ScopeHead {
    attributes: Vec<(String, String)>,
    /// Its name and version.
    identity: Vec<(&'static str, String)>,
}

/// Reads a resource, once for all its spans.
pub(super) fn resource(resource: &Resource) -> ResourceHead {
    let text = |key: &'static str| {
        resource.get_ref(&Key::from_static_str(key)).map(text_of).filter(|text| !text.is_empty())
    };
    let service_name = match (text(SERVICE_NAME), text("process.executable.name")) {
        (Some(name), _) => name.into_owned(),
        // As the resource's specification has it for a service without a name.
        (None, Some(executable)) => format!("unknown_service:{executable}"),
        (None, None) => "unknown_service".to_owned(),
    };
    let others = resource.iter().filter(|(key, _)| key.as_str() != SERVICE_NAME);
    let tags = others.map(|(key, value)| (key.to_string(), text_of(value).into_owned())).collect();
    ResourceHead { service_name, tags }
}

/// Reads a scope, once for all its spans.
pub(super) fn scope(scope: &InstrumentationScope) -> ScopeHead {
    let name = ["otel.scope.name", "otel.library.name"].map(|key| (key, scope.name()));
    let version = ["otel.scope.version", "otel.library.version"];
    let version = version.map(|key| (key, scope.version().unwrap_or_default()));
    let identity = name.into_iter().chain(version).filter(|(_, value)| !value.is_empty());
    ScopeHead {
        attributes: scope
            .attributes()
            .map(|it| (it.key.to_string(), text_of(&it.value).into_owned()))
            .collect(),
        identity: identity.map(|(key, value)| (key, value.to_owned())).collect(),
    }
}

/// Appends a span as a JSON object.
///
/// Its ids must be valid: for one that is zero, Zipkin refuses the whole request.
pub(super) fn span(span: &SpanData, resource: &ResourceHead, scope: &ScopeHead, to: &mut Vec<u8>) {
    let context = &span.span_context;
    let span = ZipkinSpan {
        trace_id: Text(context.trace_id()),
        parent_id: (span.parent_span_id != SpanId::INVALID).then_some(Text(span.parent_span_id)),
        id: Text(context.span_id()),
        kind: kind(&span.span_kind),
        name: &span.name,
        timestamp: micros_since_1970(span.start_time).max(1),
        duration: span.end_time.duration_since(span.start_time).ok().map(|took| micros(took).max(1)),
        local_endpoint: Endpoint {
            service_name: Some(Cow::Borrowed(&resource.service_name)),
            ..Endpoint::default()
        },
        remote_endpoint: remote_endpoint(span),
        annotations: span.events.iter().map(annotation).collect(),
        tags: tags(span, resource, scope),
    };
    // A vector takes all, every key is a string, and none of the impls below fails of itself.
    let _ = serde_json::to_writer(to, &span);
}

const SERVICE_NAME: &str = "service.name";
const DROPPED_ATTRIBUTES: &str = "otel.dropped_attributes_count";

/// A `Span` of Zipkin's API description, `zipkin2-api.yaml`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ZipkinSpan<'a> {
    trace_id: Text<TraceId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_id: Option<Text<SpanId>>,
    id: Text<SpanId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    timestamp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<u64>,
    local_endpoint: Endpoint<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_endpoint: Option<Endpoint<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<Annotation<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<&'a str, Cow<'a, str>>,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    service_name: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ipv4: Option<Ipv4Addr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ipv6: Option<Ipv6Addr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<NonZeroU16>,
}

#[derive(Serialize)]
struct Annotation<'a> {
    timestamp: u64,
    value: Cow<'a, str>,
}

fn kind(kind: &SpanKind) -> Option<&'static str> {
    match kind {
        SpanKind::Client => Some("CLIENT"),
        SpanKind::Server => Some("SERVER"),
        SpanKind::Producer => Some("PRODUCER"),
        SpanKind::Consumer => Some("CONSUMER"),
        SpanKind::Internal => None,
    }
}

fn micros_since_1970(time: SystemTime) -> u64 {
    micros(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// Zipkin keeps them in a signed integer.
fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).min(i64::MAX.unsigned_abs())
}

/// From the least to the most important, so that what comes later wins.
fn tags<'a>(
    span: &'a SpanData,
    resource: &'a ResourceHead,
    scope: &'a ScopeHead,
) -> BTreeMap<&'a str, Cow<'a, str>> {
    const ERROR: &str = "error";
    let mut tags = BTreeMap::new();
    let shared = resource.tags.iter().chain(&scope.attributes);
    tags.extend(shared.map(|(key, value)| (key.as_str(), Cow::from(value))));
    tags.extend(span.attributes.iter().map(|attribute| (attribute.key.as_str(), text_of(&attribute.value))));
    tags.extend(scope.identity.iter().map(|(key, value)| (*key, Cow::from(value))));
    if tags.get(ERROR).is_some_and(|value| value == "false") {
        tags.remove(ERROR);
    }
    match &span.status {
        Status::Unset => {}
        Status::Ok => {
            tags.insert("otel.status_code", "OK".into());
        }
        Status::Error { description } => {
            tags.insert("otel.status_code", "ERROR".into());
            tags.insert(ERROR, description.as_ref().into());
        }
    }
    let dropped = [
        (DROPPED_ATTRIBUTES, span.dropped_attributes_count),
        ("otel.dropped_events_count", span.events.dropped_count),
        ("otel.dropped_links_count", span.links.dropped_count),
    ];
    let dropped = dropped.into_iter().filter(|(_, count)| *count > 0);
    tags.extend(dropped.map(|(key, count)| (key, count.to_string().into())));
    tags
}

/// The other side of the call, from the first of the attributes that tells it.
fn remote_endpoint(span: &SpanData) -> Option<Endpoint<'_>> {
    match span.span_kind {
        SpanKind::Client | SpanKind::Producer => REMOTE.iter().find_map(|remote| remote.endpoint(span)),
        SpanKind::Server | SpanKind::Consumer | SpanKind::Internal => None,
    }
}

/// What may tell the other side, by the specification's ranking. It is older than two renamings of the semantic
/// conventions: the new names stand before the old ones.
const REMOTE: [Remote; 13] = [
    Remote::name("service.peer.name"),
    Remote::name("peer.service"),
    Remote::name("server.address").with_port("server.port"),
    Remote::name("net.peer.name").with_port("net.peer.port"),
    Remote::socket("network.peer.address").with_port("network.peer.port"),
    Remote::name("server.socket.domain").with_port("server.socket.port"),
    Remote::socket("server.socket.address").with_port("server.socket.port"),
    Remote::name("net.sock.peer.name").with_port("net.sock.peer.port"),
    Remote::socket("net.sock.peer.addr").with_port("net.sock.peer.port"),
    Remote::name("peer.hostname").with_port("peer.port"),
    Remote::name("peer.address").with_port("peer.port"),
    Remote::name("db.namespace"),
    Remote::name("db.name"),
];

/// An attribute that tells the other side of a call.
struct Remote {
    key: &'static str,
    port: Option<&'static str>,
    /// Whether it is a name, without which Zipkin draws no dependency, or the address of a socket.
    is_name: bool,
}

impl Remote {
    const fn name(key: &'static str) -> Self {
        Self { key, port: None, is_name: true }
    }

    const fn socket(key: &'static str) -> Self {
        Self { is_name: false, ..Self::name(key) }
    }

    const fn with_port(self, port: &'static str) -> Self {
        Self { port: Some(port), ..self }
    }

    fn endpoint<'a>(&self, span: &'a SpanData) -> Option<Endpoint<'a>> {
        let text = |key: &str| {
            let last = span.attributes.iter().rev().find(|attribute| attribute.key.as_str() == key);
            last.map(|attribute| text_of(&attribute.value)).filter(|text| !text.is_empty())
        };
        let address = text(self.key)?;
        let (ip, port) = parse_address(&address);
        let port = self.port.and_then(text).and_then(|port| port.parse().ok()).or(port);
        let mut endpoint = Endpoint { port, ..Endpoint::default() };
        match ip.map(|ip| ip.to_canonical()) {
            Some(IpAddr::V4(ip)) => endpoint.ipv4 = Some(ip),
            Some(IpAddr::V6(ip)) => endpoint.ipv6 = Some(ip),
            None => {}
        }
        if self.is_name || ip.is_none() {
            endpoint.service_name = Some(address);
        }
        Some(endpoint)
    }
}

/// `10.0.0.1`, `::1`, `[::1]`, or one with a port.
fn parse_address(address: &str) -> (Option<IpAddr>, Option<NonZeroU16>) {
    if let Ok(socket) = address.parse::<SocketAddr>() {
        return (Some(socket.ip()), NonZeroU16::new(socket.port()));
    }
    let bare = address.strip_prefix('[').and_then(|address| address.strip_suffix(']')).unwrap_or(address);
    (bare.parse().ok(), None)
}

fn annotation(event: &Event) -> Annotation<'_> {
    let mut attributes: BTreeMap<&str, Json<'_>> = BTreeMap::new();
    attributes.extend(event.attributes.iter().map(|it| (it.key.as_str(), Json::Value(&it.value))));
    if event.dropped_attributes_count > 0 {
        attributes.insert(DROPPED_ATTRIBUTES, Json::Count(event.dropped_attributes_count));
    }
    let value = if attributes.is_empty() {
        Cow::Borrowed(&*event.name)
    } else {
        Cow::Owned(format!("{}: {}", json(&event.name), json(&attributes)))
    };
    Annotation { timestamp: micros_since_1970(event.timestamp), value }
}

/// A value as the text of a tag: as it stands where it is a text, else as JSON has it.
fn text_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => text.as_str().into(),
        // A name is a text in JSON; as a tag it has no quotes.
        Value::F64(number) => match Double(*number).name() {
            Some(name) => name.into(),
            None => json(&Double(*number)).into(),
        },
        value => json(&Json::Value(value)).into(),
    }
}

fn json<T: Serialize + ?Sized>(value: &T) -> String {
    // As above, nothing in it fails.
    serde_json::to_string(value).unwrap_or_default()
}

/// A value within JSON.
enum Json<'a> {
    Value(&'a Value),
    Count(u32),
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(count) => serializer.serialize_u32(*count),
            Self::Value(Value::Bool(value)) => serializer.serialize_bool(*value),
            Self::Value(Value::I64(value)) => serializer.serialize_i64(*value),
            Self::Value(Value::F64(value)) => Double(*value).serialize(serializer),
            Self::Value(Value::String(value)) => serializer.serialize_str(value.as_str()),
            Self::Value(Value::Array(Array::Bool(values))) => values.serialize(serializer),
            Self::Value(Value::Array(Array::I64(values))) => values.serialize(serializer),
            Self::Value(Value::Array(Array::F64(values))) => {
                serializer.collect_seq(values.iter().map(|value| Double(*value)))
            }
            Self::Value(Value::Array(Array::String(values))) => {
                serializer.collect_seq(values.iter().map(|value| value.as_str()))
            }
            // The API may get further types.
            Self::Value(value) => serializer.collect_str(value),
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use opentelemetry::KeyValue;
    use opentelemetry::trace::{Link, SpanContext, TraceFlags, TraceState};
    use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn at(nanos: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_nanos(nanos)
    }

    fn bare_span() -> SpanData {
        SpanData {
            span_context: SpanContext::new(
                TraceId::from(0x0a0b),
                SpanId::from(0x0102),
                TraceFlags::SAMPLED,
                false,
                TraceState::NONE,
            ),
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: "".into(),
            start_time: at(1_700_000_000_123_456_789),
            end_time: at(1_700_000_000_123_456_789),
            attributes: Vec::new(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::default(),
        }
    }

    fn no_scope() -> ScopeHead {
        scope(&InstrumentationScope::default())
    }

    fn shop() -> ResourceHead {
        resource(&Resource::builder_empty().with_service_name("shop").build())
    }

    fn written(data: &SpanData, resource: &ResourceHead, scope: &ScopeHead) -> serde_json::Value {
        let mut bytes = Vec::new();
        span(data, resource, scope, &mut bytes);
        serde_json::from_slice(&bytes).unwrap()
    }

    /// A span of a service without attributes, and of a scope without a name.
    fn alone(data: &SpanData) -> serde_json::Value {
        written(data, &shop(), &no_scope())
    }

    fn tags(data: &SpanData) -> serde_json::Value {
        alone(data)["tags"].clone()
    }

    fn with_attributes(attributes: Vec<KeyValue>) -> SpanData {
        SpanData { attributes, ..bare_span() }
    }

    #[test]
    fn what_is_empty_is_left_out() {
        let mut bytes = b"[".to_vec();
        span(&bare_span(), &shop(), &no_scope(), &mut bytes);
        let expected = concat!(
            r#"[{"traceId":"00000000000000000000000000000a0b","id":"0000000000000102","#,
            r#""timestamp":1700000000123456,"duration":1,"localEndpoint":{"serviceName":"shop"}}"#,
        );
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    #[test]
    fn every_field_is_where_zipkin_looks_for_it() {
        let resource = Resource::builder_empty()
            .with_service_name("shop")
            .with_attribute(KeyValue::new("service.namespace", "market"))
            .build();
        let of = InstrumentationScope::builder("http")
            .with_version("1.2")
            .with_schema_url("https://schema.example/1")
            .with_attributes([KeyValue::new("stable", true)])
            .build();
        let mut data = bare_span();
        data.parent_span_id = SpanId::from(0x0304);
        data.span_kind = SpanKind::Client;
        data.name = "GET /cart".into();
        data.end_time = data.start_time + Duration::from_nanos(5_999);
        data.attributes = vec![KeyValue::new("peer.service", "inventory"), KeyValue::new("count", 3)];
        data.dropped_attributes_count = 1;
        data.events.events = vec![
            Event::new("sent", at(2_999), Vec::new(), 0),
            Event::new("log", at(3_000), vec![KeyValue::new("ok", true), KeyValue::new("b", "x")], 2),
        ];
        data.events.dropped_count = 3;
        data.links.links = vec![Link::new(data.span_context.clone(), Vec::new(), 0)];
        data.links.dropped_count = 4;
        data.status = Status::error("broke");
        let expected = json!({
            "traceId": "00000000000000000000000000000a0b",
            "parentId": "0000000000000304",
            "id": "0000000000000102",
            "kind": "CLIENT",
            "name": "GET /cart",
            "timestamp": 1_700_000_000_123_456_u64,
            "duration": 5,
            "localEndpoint": { "serviceName": "shop" },
            "remoteEndpoint": { "serviceName": "inventory" },
            "annotations": [
                { "timestamp": 2, "value": "sent" },
                {
                    "timestamp": 3,
                    "value": r#""log": {"b":"x","ok":true,"otel.dropped_attributes_count":2}"#,
                },
            ],
            "tags": {
                "count": "3",
                "error": "broke",
                "otel.dropped_attributes_count": "1",
                "otel.dropped_events_count": "3",
                "otel.dropped_links_count": "4",
                "otel.library.name": "http",
                "otel.library.version": "1.2",
                "otel.scope.name": "http",
                "otel.scope.version": "1.2",
                "otel.status_code": "ERROR",
                "peer.service": "inventory",
                "service.namespace": "market",
                "stable": "true",
            },
        });
        assert_eq!(written(&data, &super::resource(&resource), &scope(&of)), expected);
    }

    #[test]
    fn kinds_are_zipkins_and_internal_is_none() {
        #[track_caller]
        fn check(kind: SpanKind, expected: Option<&str>) {
            let span = alone(&SpanData { span_kind: kind, ..bare_span() });
            assert_eq!(span.get("kind").map(|kind| kind.as_str().unwrap()), expected);
        }
        check(SpanKind::Client, Some("CLIENT"));
        check(SpanKind::Server, Some("SERVER"));
        check(SpanKind::Producer, Some("PRODUCER"));
        check(SpanKind::Consumer, Some("CONSUMER"));
        check(SpanKind::Internal, None);
    }

    #[test]
    fn times_are_whole_microseconds_within_zipkins_range() {
        #[track_caller]
        fn check(start: SystemTime, end: SystemTime, expected: (u64, Option<u64>)) {
            let span = alone(&SpanData { start_time: start, end_time: end, ..bare_span() });
            let number = |name: &str| span.get(name).map(|value| value.as_u64().unwrap());
            assert_eq!((number("timestamp").unwrap(), number("duration")), expected);
        }
        check(at(1_999), at(3_233), (1, Some(1)));
        check(at(1_000), at(1_001), (1, Some(1)));
        check(at(1_000), at(1_000), (1, Some(1)));
        check(at(1_000), at(3_999), (1, Some(2)));
        check(at(2_000), at(1_999), (2, None));
        check(at(0), at(2_000), (1, Some(2)));
        check(UNIX_EPOCH - Duration::from_secs(1), at(0), (1, Some(1_000_000)));
        let last = i64::MAX.unsigned_abs();
        // Four hundred thousand years on, which the clocks of some systems cannot tell.
        if let Some(far) = UNIX_EPOCH.checked_add(Duration::from_secs(400_000 * 365 * 86_400)) {
            check(far, far, (last, Some(1)));
            check(at(1_000), far, (1, Some(last)));
        }
    }

    #[test]
    fn values_are_texts_as_the_specification_writes_them() {
        #[track_caller]
        fn check(value: impl Into<Value>, expected: &str) {
            let tags = tags(&with_attributes(vec![KeyValue::new("key", value)]));
            assert_eq!(tags["key"], expected);
        }
        let list = |values: &[&'static str]| {
            Value::Array(Array::String(values.iter().map(|value| (*value).into()).collect()))
        };
        check("", "");
        check("a \"b\" \u{1}\u{2028} ü 😀", "a \"b\" \u{1}\u{2028} ü 😀");
        check(true, "true");
        check(false, "false");
        check(i64::MIN, "-9223372036854775808");
        check(i64::MAX, "9223372036854775807");
        check(1.5, "1.5");
        check(-0.0, "-0.0");
        check(f64::MAX, "1.7976931348623157e+308");
        check(f64::NAN, "NaN");
        check(f64::INFINITY, "Infinity");
        check(f64::NEG_INFINITY, "-Infinity");
        check(list(&[]), "[]");
        check(list(&["a", "\"\n", "ü"]), r#"["a","\"\n","ü"]"#);
        check(Value::Array(vec![true, false].into()), "[true,false]");
        check(Value::Array(vec![1_i64, i64::MIN].into()), "[1,-9223372036854775808]");
        check(Value::Array(vec![1.5, f64::NAN, f64::NEG_INFINITY].into()), r#"[1.5,"NaN","-Infinity"]"#);
    }

    #[test]
    fn of_a_repeated_key_the_nearest_and_last_value_is_written_once() {
        let resource = Resource::builder_empty()
            .with_service_name("shop")
            .with_attributes(["a", "b", "c"].map(|key| KeyValue::new(key, "resource")))
            .build();
        let of = InstrumentationScope::builder("http")
            .with_attributes(["b", "c", "otel.scope.name"].map(|key| KeyValue::new(key, "scope")))
            .build();
        let data = with_attributes(vec![
            KeyValue::new("c", "first"),
            KeyValue::new("otel.library.name", "mine"),
            KeyValue::new("c", "last"),
        ]);
        let mut bytes = Vec::new();
        span(&data, &super::resource(&resource), &scope(&of), &mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        let expected = concat!(
            r#","tags":{"a":"resource","b":"scope","c":"last","#,
            r#""otel.library.name":"http","otel.scope.name":"http"}}"#,
        );
        assert!(text.ends_with(expected), "{text}");
    }

    #[test]
    fn the_status_is_a_tag_unless_it_is_unset() {
        #[track_caller]
        fn check(status: Status, attribute: Option<Value>, expected: serde_json::Value) {
            let attributes = attribute.map(|value| KeyValue::new("error", value)).into_iter().collect();
            assert_eq!(tags(&SpanData { status, ..with_attributes(attributes) }), expected);
        }
        check(Status::Unset, None, json!(null));
        check(Status::Ok, None, json!({ "otel.status_code": "OK" }));
        check(Status::error("broke"), None, json!({ "otel.status_code": "ERROR", "error": "broke" }));
        check(Status::error(""), None, json!({ "otel.status_code": "ERROR", "error": "" }));
        // Zipkin takes a span with any `error` for a failed one.
        check(Status::Unset, Some(false.into()), json!(null));
        check(Status::Ok, Some("false".into()), json!({ "otel.status_code": "OK" }));
        check(Status::error("x"), Some(false.into()), json!({ "otel.status_code": "ERROR", "error": "x" }));
        check(Status::Unset, Some(true.into()), json!({ "error": "true" }));
    }

    #[test]
    fn the_service_always_has_a_name() {
        #[track_caller]
        fn check(attributes: &[(&'static str, &'static str)], expected: &str) {
            let attributes = attributes.iter().map(|(key, value)| KeyValue::new(*key, *value));
            let head = resource(&Resource::builder_empty().with_attributes(attributes).build());
            assert_eq!(head.service_name, expected);
        }
        check(&[("service.name", "shop"), ("process.executable.name", "shopd")], "shop");
        check(&[("process.executable.name", "shopd")], "unknown_service:shopd");
        check(&[("service.name", ""), ("service.namespace", "market")], "unknown_service");
    }

    #[test]
    fn the_remote_endpoint_is_the_best_that_is_known() {
        #[track_caller]
        fn check(attributes: &[(&'static str, &'static str)], expected: serde_json::Value) {
            let attributes = attributes.iter().map(|(key, value)| KeyValue::new(*key, *value)).collect();
            let data = SpanData { span_kind: SpanKind::Producer, ..with_attributes(attributes) };
            assert_eq!(alone(&data)["remoteEndpoint"], expected);
        }
        check(&[("url.full", "http://shop")], json!(null));
        check(&[("peer.service", "a"), ("service.peer.name", "b")], json!({ "serviceName": "b" }));
        check(
            &[("server.address", "db.local"), ("server.port", "5432")],
            json!({ "serviceName": "db.local", "port": 5432 }),
        );
        check(
            &[("server.address", "10.0.0.1"), ("server.port", "0")],
            json!({ "serviceName": "10.0.0.1", "ipv4": "10.0.0.1" }),
        );
        check(&[("server.address", "[::1]")], json!({ "serviceName": "[::1]", "ipv6": "::1" }));
        check(&[("server.address", ""), ("net.peer.name", "old")], json!({ "serviceName": "old" }));
        check(
            &[("network.peer.address", "10.0.0.2"), ("network.peer.port", "80")],
            json!({ "ipv4": "10.0.0.2", "port": 80 }),
        );
        check(&[("network.peer.address", "fe80::1")], json!({ "ipv6": "fe80::1" }));
        check(&[("network.peer.address", "::ffff:10.0.0.3")], json!({ "ipv4": "10.0.0.3" }));
        check(&[("network.peer.address", "/run/db.sock")], json!({ "serviceName": "/run/db.sock" }));
        check(
            &[("net.sock.peer.addr", "10.0.0.4"), ("net.sock.peer.port", "70000")],
            json!({ "ipv4": "10.0.0.4" }),
        );
        check(
            &[("peer.address", "10.0.0.5:99")],
            json!({ "serviceName": "10.0.0.5:99", "ipv4": "10.0.0.5", "port": 99 }),
        );
        check(&[("server.address", "first"), ("server.address", "last")], json!({ "serviceName": "last" }));
    }

    /// Each pair of neighbours in the ranking, given in the wrong order.
    #[test]
    fn the_remote_endpoint_keeps_to_the_ranking() {
        for pair in REMOTE.windows(2) {
            let attributes = vec![KeyValue::new(pair[1].key, "worse"), KeyValue::new(pair[0].key, "better")];
            let data = SpanData { span_kind: SpanKind::Client, ..with_attributes(attributes) };
            assert_eq!(alone(&data)["remoteEndpoint"], json!({ "serviceName": "better" }), "{}", pair[0].key);
        }
    }

    /// To a server, `server.address` is itself.
    #[test]
    fn only_who_calls_has_a_remote_endpoint() {
        for kind in [SpanKind::Server, SpanKind::Consumer, SpanKind::Internal] {
            let attributes = vec![KeyValue::new("server.address", "shop.example")];
            let span = alone(&SpanData { span_kind: kind, ..with_attributes(attributes) });
            assert_eq!(span.get("remoteEndpoint"), None);
        }
    }

    fn any_text() -> impl Strategy<Value = String> {
        prop::collection::vec(any::<char>(), 0..6).prop_map(String::from_iter)
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let list = prop::collection::vec(any_text(), 0..4);
        prop_oneof![
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::I64),
            prop::num::f64::ANY.prop_map(Value::F64),
            any_text().prop_map(Value::from),
            prop::collection::vec(any::<bool>(), 0..4).prop_map(|list| Value::Array(list.into())),
            prop::collection::vec(any::<i64>(), 0..4).prop_map(|list| Value::Array(list.into())),
            prop::collection::vec(prop::num::f64::ANY, 0..4).prop_map(|list| Value::Array(list.into())),
            list.prop_map(|list| Value::Array(Array::String(list.into_iter().map(Into::into).collect()))),
        ]
    }

    fn any_attributes() -> impl Strategy<Value = Vec<KeyValue>> {
        // Short keys of few letters come twice now and then.
        let key = prop_oneof![any_text(), "[ab]{0,2}"];
        let attribute = (key, any_value()).prop_map(|(key, value)| KeyValue::new(key, value));
        prop::collection::vec(attribute, 0..8)
    }

    prop_compose! {
        fn any_span()(
            ids in (1_u128.., 1_u64.., any::<u64>()),
            times in (any::<u64>(), any::<u64>(), any::<u64>()),
            name in any_text(),
            attributes in any_attributes(),
            events in prop::collection::vec((any_text(), any_attributes(), 0_u32..3), 0..4),
            status in prop_oneof![
                Just(Status::Unset), Just(Status::Ok), any_text().prop_map(Status::error)
            ],
            dropped in any::<u32>(),
        ) -> SpanData {
            let flags = TraceFlags::SAMPLED;
            let events = events.into_iter();
            let mut data = SpanData {
                span_context: SpanContext::new(ids.0.into(), ids.1.into(), flags, false, TraceState::NONE),
                parent_span_id: ids.2.into(),
                start_time: at(times.0),
                end_time: at(times.1),
                name: name.into(),
                attributes,
                status,
                dropped_attributes_count: dropped,
                ..bare_span()
            };
            let event = |(name, attributes, dropped)| Event::new(name, at(times.2), attributes, dropped);
            data.events.events = events.map(event).collect();
            data
        }
    }

    /// The tag says what the value is.
    fn check_tag(tag: &str, value: &Value) {
        // Not by `serde_json`, which reads the last digit of some numbers wrong.
        let bits = |text: &str| text.trim_matches('"').parse::<f64>().unwrap().to_bits();
        let one_nan = |number: f64| if number.is_nan() { f64::NAN.to_bits() } else { number.to_bits() };
        let items =
            || tag.strip_prefix('[').and_then(|tag| tag.strip_suffix(']')).unwrap().split_terminator(',');
        match value {
            Value::String(value) => assert_eq!(tag, value.as_str()),
            Value::F64(value) => assert_eq!(bits(tag), one_nan(*value)),
            Value::Array(Array::F64(values)) => {
                let values = values.iter().map(|value| one_nan(*value));
                assert_eq!(items().map(bits).collect::<Vec<_>>(), values.collect::<Vec<_>>());
            }
            Value::Array(Array::String(values)) => {
                let read: Vec<String> = serde_json::from_str(tag).unwrap();
                assert!(values.iter().map(|value| value.as_str()).eq(&read));
            }
            value => assert_eq!(tag, value.to_string()),
        }
    }

    proptest! {
        #[test]
        fn any_span_is_json_with_every_tag_and_event(data in any_span()) {
            let span = alone(&data);
            prop_assert_eq!(&span["traceId"], &data.span_context.trace_id().to_string());
            prop_assert_eq!(&span["id"], &data.span_context.span_id().to_string());
            prop_assert_eq!(span["name"].as_str().unwrap_or_default(), &*data.name);
            let mut last: HashMap<&str, &Value> = HashMap::new();
            last.extend(data.attributes.iter().map(|it| (it.key.as_str(), &it.value)));
            for (key, value) in last {
                check_tag(span["tags"][key].as_str().unwrap(), value);
            }
            let annotations = span["annotations"].as_array().cloned().unwrap_or_default();
            prop_assert_eq!(annotations.len(), data.events.len());
            for (annotation, event) in annotations.iter().zip(data.events.iter()) {
                let value = annotation["value"].as_str().unwrap();
                if event.attributes.is_empty() && event.dropped_attributes_count == 0 {
                    prop_assert_eq!(value, &*event.name);
                } else {
                    let read: serde_json::Value = serde_json::from_str(&format!("{{{value}}}")).unwrap();
                    let attributes = read[&*event.name].as_object().unwrap();
                    for attribute in &event.attributes {
                        prop_assert!(attributes.contains_key(attribute.key.as_str()));
                    }
                }
            }
        }
    }
}
