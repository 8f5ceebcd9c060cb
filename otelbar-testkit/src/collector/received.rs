//! What the collector was sent.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, Method};
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{Span, span, status};

/// A span as it came over the wire, with the resource and the scope it was sent under.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceivedSpan {
    /// Shared by the spans of one `ResourceSpans`.
    resource: Arc<Resource>,
    /// Shared by the spans of one `ScopeSpans`.
    scope: Arc<InstrumentationScope>,
    span: Span,
    /// Which request brought it: an index into [`Collector::requests`](crate::Collector::requests).
    pub request: usize,
}

impl ReceivedSpan {
    /// `service.name` of the resource, or nothing.
    pub fn service_name(&self) -> String {
        self.resource_attribute("service.name").unwrap_or_default()
    }

    /// An attribute of the resource, as text.
    pub fn resource_attribute(&self, key: &str) -> Option<String> {
        find(&self.resource.attributes, key)
    }

    /// The name of the instrumentation scope.
    pub fn scope_name(&self) -> &str {
        &self.scope.name
    }

    /// The version of the instrumentation scope; empty where none was sent.
    pub fn scope_version(&self) -> &str {
        &self.scope.version
    }

    /// An attribute of the instrumentation scope, as text.
    pub fn scope_attribute(&self, key: &str) -> Option<String> {
        find(&self.scope.attributes, key)
    }

    /// The span's name.
    pub fn name(&self) -> &str {
        &self.span.name
    }

    /// The trace id, 32 hexadecimal digits.
    pub fn trace_id(&self) -> String {
        hex(&self.span.trace_id)
    }

    /// The span id, 16 hexadecimal digits.
    pub fn span_id(&self) -> String {
        hex(&self.span.span_id)
    }

    /// The parent's span id, or `None` for a root.
    pub fn parent_span_id(&self) -> Option<String> {
        (!self.span.parent_span_id.is_empty()).then(|| hex(&self.span.parent_span_id))
    }

    /// The `tracestate`, as it is written in the header; empty where none was sent.
    pub fn trace_state(&self) -> &str {
        &self.span.trace_state
    }

    /// The flags of OTLP: those of W3C Trace Context in the lowest 8 bits, and whether the parent is remote.
    pub fn flags(&self) -> u32 {
        self.span.flags
    }

    /// The kind; an unspecified one reads as internal, as OTLP says.
    pub fn kind(&self) -> SpanKind {
        match self.span.kind() {
            span::SpanKind::Server => SpanKind::Server,
            span::SpanKind::Client => SpanKind::Client,
            span::SpanKind::Producer => SpanKind::Producer,
            span::SpanKind::Consumer => SpanKind::Consumer,
            span::SpanKind::Internal | span::SpanKind::Unspecified => SpanKind::Internal,
        }
    }

    /// When it began.
    pub fn start(&self) -> SystemTime {
        since_1970(self.span.start_time_unix_nano)
    }

    /// When it ended.
    pub fn end(&self) -> SystemTime {
        since_1970(self.span.end_time_unix_nano)
    }

    /// The status; unset where none was sent.
    pub fn status(&self) -> Status {
        let Some(status) = &self.span.status else { return Status::Unset };
        match status.code() {
            status::StatusCode::Unset => Status::Unset,
            status::StatusCode::Ok => Status::Ok,
            status::StatusCode::Error => Status::error(status.message.clone()),
        }
    }

    /// An attribute as text: a string as it is, numbers and booleans in their usual form, arrays in brackets.
    pub fn attribute(&self, key: &str) -> Option<String> {
        find(&self.span.attributes, key)
    }

    /// An attribute as it was typed on the wire; `None` also where it has no value.
    pub fn attribute_value(&self, key: &str) -> Option<ReceivedValue> {
        self.span.attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref().and_then(typed)
    }

    /// All attributes as text, sorted by key.
    pub fn attributes(&self) -> BTreeMap<String, String> {
        texts(&self.span.attributes)
    }

    /// How many attributes the sender left out.
    pub fn dropped_attributes(&self) -> u32 {
        self.span.dropped_attributes_count
    }

    /// The events, in the order in which they were sent.
    pub fn events(&self) -> impl ExactSizeIterator<Item = ReceivedEvent> {
        self.span.events.iter().map(|event| ReceivedEvent {
            name: event.name.clone(),
            time: since_1970(event.time_unix_nano),
            attributes: texts(&event.attributes),
            dropped_attributes: event.dropped_attributes_count,
        })
    }

    /// How many events the sender left out.
    pub fn dropped_events(&self) -> u32 {
        self.span.dropped_events_count
    }

    /// The links, in the order in which they were sent.
    pub fn links(&self) -> impl ExactSizeIterator<Item = ReceivedLink> {
        self.span.links.iter().map(|link| ReceivedLink {
            trace_id: hex(&link.trace_id),
            span_id: hex(&link.span_id),
            trace_state: link.trace_state.clone(),
            flags: link.flags,
            attributes: texts(&link.attributes),
            dropped_attributes: link.dropped_attributes_count,
        })
    }

    /// How many links the sender left out.
    pub fn dropped_links(&self) -> u32 {
        self.span.dropped_links_count
    }
}

/// An event of a [`ReceivedSpan`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceivedEvent {
    /// Its name.
    pub name: String,
    /// When it happened.
    pub time: SystemTime,
    /// Its attributes as text, as those of the span are.
    pub attributes: BTreeMap<String, String>,
    /// How many attributes the sender left out.
    pub dropped_attributes: u32,
}

/// A link of a [`ReceivedSpan`] to another span.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceivedLink {
    /// The other span's trace id, 32 hexadecimal digits.
    pub trace_id: String,
    /// The other span's id, 16 hexadecimal digits.
    pub span_id: String,
    /// The other span's `tracestate`; empty where none was sent.
    pub trace_state: String,
    /// The flags, as those of a [span](ReceivedSpan::flags).
    pub flags: u32,
    /// Its attributes as text, as those of the span are.
    pub attributes: BTreeMap<String, String>,
    /// How many attributes the sender left out.
    pub dropped_attributes: u32,
}

/// The value of an attribute as it was typed on the wire.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ReceivedValue {
    /// `stringValue`.
    String(String),
    /// `boolValue`.
    Bool(bool),
    /// `intValue`.
    Int(i64),
    /// `doubleValue`.
    Double(f64),
    /// `bytesValue`.
    Bytes(Vec<u8>),
    /// `arrayValue`; `None` for an element without a value.
    Array(Vec<Option<ReceivedValue>>),
    /// `kvlistValue`, in the order in which it was sent.
    Map(Vec<(String, Option<ReceivedValue>)>),
}

fn typed(value: &AnyValue) -> Option<ReceivedValue> {
    Some(match value.value.as_ref()? {
        any_value::Value::StringValue(text) => ReceivedValue::String(text.clone()),
        any_value::Value::BoolValue(value) => ReceivedValue::Bool(*value),
        any_value::Value::IntValue(value) => ReceivedValue::Int(*value),
        any_value::Value::DoubleValue(value) => ReceivedValue::Double(*value),
        any_value::Value::BytesValue(bytes) => ReceivedValue::Bytes(bytes.clone()),
        any_value::Value::ArrayValue(array) => ReceivedValue::Array(array.values.iter().map(typed).collect()),
        any_value::Value::KvlistValue(list) => ReceivedValue::Map(
            list.values.iter().map(|it| (it.key.clone(), it.value.as_ref().and_then(typed))).collect(),
        ),
        // Of profiles alone: an index into a table that traces do not have.
        any_value::Value::StringValueStrindex(_) => return None,
    })
}

/// A request the collector met, whatever became of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReceivedRequest {
    /// The method.
    pub method: Method,
    /// The path with its query.
    pub path: String,
    /// The headers as received.
    pub headers: HeaderMap,
    /// The body as received, compressed if it was sent so; over gRPC with its frame.
    pub body: Bytes,
    /// How many spans the body holds; zero when it does not decode.
    pub spans: usize,
    /// What was replied.
    pub reply: Reply,
}

impl fmt::Display for ReceivedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} with {} spans: {}", self.method, self.path, self.spans, self.reply)
    }
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// Nothing yet: it hangs or is being read.
    Pending,
    /// It was answered with this HTTP status.
    Status(u16),
    /// It was answered with this gRPC status.
    Grpc(u32),
    /// The collector broke the connection, as told by a fault.
    Broken,
    /// The client went away, or the collector was stopped, before there was an answer.
    Abandoned,
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pending => f.write_str("no reply yet"),
            Self::Status(code) => write!(f, "{code}"),
            Self::Grpc(code) => write!(f, "gRPC status {code}"),
            Self::Broken => f.write_str("connection broken as told"),
            Self::Abandoned => f.write_str("abandoned before a reply"),
        }
    }
}

/// Takes a message apart into its spans.
pub(super) fn spans_of(message: ExportTraceServiceRequest, request: usize) -> Vec<ReceivedSpan> {
    let mut spans = Vec::new();
    for of_resource in message.resource_spans {
        let resource = Arc::new(of_resource.resource.unwrap_or_default());
        for of_scope in of_resource.scope_spans {
            let scope = Arc::new(of_scope.scope.unwrap_or_default());
            spans.extend(of_scope.spans.into_iter().map(|span| ReceivedSpan {
                resource: Arc::clone(&resource),
                scope: Arc::clone(&scope),
                span,
                request,
            }));
        }
    }
    spans
}

fn since_1970(nanos: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(nanos)
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    attributes.iter().map(|attribute| (attribute.key.clone(), text_of(attribute))).collect()
}

/// An attribute's value as text.
fn text_of(attribute: &KeyValue) -> String {
    attribute.value.as_ref().map(value_text).unwrap_or_default()
}

fn find(attributes: &[KeyValue], key: &str) -> Option<String> {
    attributes.iter().find(|attribute| attribute.key == key).map(text_of)
}

fn value_text(value: &AnyValue) -> String {
    match &value.value {
        None => String::new(),
        Some(any_value::Value::StringValue(text)) => text.clone(),
        Some(any_value::Value::BoolValue(value)) => value.to_string(),
        Some(any_value::Value::IntValue(value)) => value.to_string(),
        Some(any_value::Value::DoubleValue(value)) => value.to_string(),
        Some(any_value::Value::BytesValue(bytes)) => hex(bytes),
        Some(any_value::Value::ArrayValue(array)) => {
            format!("[{}]", array.values.iter().map(value_text).collect::<Vec<_>>().join(","))
        }
        Some(any_value::Value::KvlistValue(list)) => {
            let entries = list.values.iter().map(|entry| format!("{}={}", entry.key, text_of(entry)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
        Some(any_value::Value::StringValueStrindex(index)) => format!("string #{index}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::{ArrayValue, KeyValueList};
    use opentelemetry_proto::tonic::trace::v1::Status as ProtoStatus;

    use super::*;

    fn pair(key: &str, value: Option<any_value::Value>) -> KeyValue {
        KeyValue { key: key.to_owned(), value: Some(AnyValue { value }), ..KeyValue::default() }
    }

    fn received(span: Span) -> ReceivedSpan {
        let scope = InstrumentationScope {
            name: "shop".to_owned(),
            version: "2".to_owned(),
            attributes: vec![pair("team", Some(any_value::Value::StringValue("cart".to_owned())))],
            ..InstrumentationScope::default()
        };
        ReceivedSpan { resource: Arc::default(), scope: Arc::new(scope), span, request: 0 }
    }

    #[test]
    fn a_span_tells_each_field_of_its_message() {
        let attributes = vec![pair("n", Some(any_value::Value::IntValue(7)))];
        let span = received(Span {
            trace_state: "vendor=1".to_owned(),
            flags: 0x301,
            dropped_attributes_count: 1,
            events: vec![span::Event {
                time_unix_nano: 5,
                name: "event".to_owned(),
                attributes: attributes.clone(),
                dropped_attributes_count: 2,
            }],
            dropped_events_count: 3,
            links: vec![span::Link {
                trace_id: vec![0xa; 16],
                span_id: vec![0xb; 8],
                trace_state: "other=2".to_owned(),
                attributes,
                dropped_attributes_count: 4,
                flags: 1,
            }],
            dropped_links_count: 5,
            status: Some(ProtoStatus { message: "why".to_owned(), code: 2 }),
            ..Span::default()
        });
        assert_eq!((span.scope_name(), span.scope_version()), ("shop", "2"));
        assert_eq!(span.scope_attribute("team").as_deref(), Some("cart"));
        assert_eq!((span.trace_state(), span.flags()), ("vendor=1", 0x301));
        assert_eq!((span.dropped_attributes(), span.dropped_events(), span.dropped_links()), (1, 3, 5));
        assert_eq!(span.status(), Status::error("why"));
        let attributes = BTreeMap::from([("n".to_owned(), "7".to_owned())]);
        let event = ReceivedEvent {
            name: "event".to_owned(),
            time: since_1970(5),
            attributes: attributes.clone(),
            dropped_attributes: 2,
        };
        let link = ReceivedLink {
            trace_id: "0a".repeat(16),
            span_id: "0b".repeat(8),
            trace_state: "other=2".to_owned(),
            flags: 1,
            attributes,
            dropped_attributes: 4,
        };
        assert_eq!((span.events().collect(), span.links().collect()), (vec![event], vec![link]));
    }

    #[test]
    fn a_value_has_the_type_it_was_sent_with() {
        use any_value::Value;
        let check = |sent: Value, expected: ReceivedValue| {
            let span = received(Span { attributes: vec![pair("key", Some(sent))], ..Span::default() });
            assert_eq!(span.attribute_value("key"), Some(expected));
        };
        check(Value::StringValue("7".to_owned()), ReceivedValue::String("7".to_owned()));
        check(Value::BoolValue(true), ReceivedValue::Bool(true));
        check(Value::IntValue(7), ReceivedValue::Int(7));
        check(Value::DoubleValue(7.0), ReceivedValue::Double(7.0));
        check(Value::BytesValue(vec![7]), ReceivedValue::Bytes(vec![7]));
        let values = vec![AnyValue { value: Some(Value::IntValue(7)) }, AnyValue { value: None }];
        check(
            Value::ArrayValue(ArrayValue { values }),
            ReceivedValue::Array(vec![Some(ReceivedValue::Int(7)), None]),
        );
        let values = vec![pair("n", Some(Value::IntValue(7))), pair("none", None)];
        let map = vec![("n".to_owned(), Some(ReceivedValue::Int(7))), ("none".to_owned(), None)];
        check(Value::KvlistValue(KeyValueList { values }), ReceivedValue::Map(map));
        let span = received(Span { attributes: vec![pair("none", None)], ..Span::default() });
        assert_eq!((span.attribute_value("none"), span.attribute_value("other")), (None, None));
    }
}
