//! What the collector was sent.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, Method};
use opentelemetry::trace::SpanKind;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{Span, span, status};

/// A span as it came over the wire, with the resource and the scope it was sent under.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ReceivedSpan {
    /// The resource, shared by the spans of one `ResourceSpans`.
    pub resource: Arc<Resource>,
    /// The instrumentation scope, shared by the spans of one `ScopeSpans`.
    pub scope: Arc<InstrumentationScope>,
    /// The OTLP message.
    pub span: Span,
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
        UNIX_EPOCH + Duration::from_nanos(self.span.start_time_unix_nano)
    }

    /// When it ended.
    pub fn end(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_nanos(self.span.end_time_unix_nano)
    }

    /// The status code; unset where none was sent.
    pub fn status(&self) -> status::StatusCode {
        self.span.status.as_ref().map_or(status::StatusCode::Unset, |status| status.code())
    }

    /// An attribute as text: a string as it is, numbers and booleans in their usual form, arrays in brackets.
    pub fn attribute(&self, key: &str) -> Option<String> {
        find(&self.span.attributes, key)
    }

    /// An attribute as it was typed on the wire.
    pub fn attribute_value(&self, key: &str) -> Option<&any_value::Value> {
        self.span.attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?.value.as_ref()
    }

    /// All attributes as text, sorted by key.
    pub fn attributes(&self) -> BTreeMap<String, String> {
        self.span.attributes.iter().map(|attribute| (attribute.key.clone(), text_of(attribute))).collect()
    }
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

/// An attribute's value as text.
pub(crate) fn text_of(attribute: &KeyValue) -> String {
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
