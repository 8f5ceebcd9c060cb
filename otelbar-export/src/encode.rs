//! From spans to the bytes of OTLP requests.

#[cfg(feature = "json")]
mod json;
mod proto;
mod protobuf;

use bytes::Bytes;
use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;

use crate::EnqueueId;
use crate::batch::Portion;

/// How requests are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Protobuf,
    #[cfg(feature = "json")]
    Json,
}

/// A request ready to be sent.
#[derive(Debug)]
pub(crate) struct Request {
    /// An `ExportTraceServiceRequest`.
    pub(crate) body: Bytes,
    /// How many spans it holds of which hand-over.
    pub(crate) parts: Vec<Part>,
}

impl Request {
    pub(crate) fn spans(&self) -> usize {
        self.parts.iter().map(|part| part.spans).sum()
    }
}

/// Spans of one hand-over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) id: EnqueueId,
    pub(crate) spans: usize,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(crate) struct Encoded {
    pub(crate) requests: Vec<Request>,
    /// Spans that fit no request, with their size.
    pub(crate) too_large: Vec<(EnqueueId, usize)>,
}

/// Encodes a batch, grouped by resource and scope, as one request, or as several where it would be larger than
/// `limit` bytes. Each span is written once, to where its scope's spans are.
pub(crate) fn encode(batch: Vec<Portion>, limit: usize, encoding: Encoding) -> Encoded {
    let mut encoded = Encoded::default();
    let mut draft = Draft::new(encoding);
    let mut written = Vec::new();
    for portion in batch {
        for span in portion.spans {
            let scope = span.instrumentation_scope.clone();
            written.clear();
            encoding.span(&span, &mut written);
            let mut place = draft.place(&portion.resource, &scope);
            let mut size = draft.size_with(&place, &written);
            if size > limit && draft.size > 0 {
                let full = std::mem::replace(&mut draft, Draft::new(encoding));
                encoded.requests.push(full.finish());
                place = draft.place(&portion.resource, &scope);
                size = draft.size_with(&place, &written);
            }
            if size > limit {
                encoded.too_large.push((portion.id, size));
                continue;
            }
            draft.size = size;
            draft.add(portion.id, place, &written);
        }
    }
    if draft.size > 0 {
        encoded.requests.push(draft.finish());
    }
    encoded
}

impl Encoding {
    /// Appends a span as an element of its scope's list.
    fn span(self, span: &SpanData, to: &mut Vec<u8>) {
        match self {
            Self::Protobuf => protobuf::span(span, to),
            #[cfg(feature = "json")]
            Self::Json => json::span(span, to),
        }
    }

    /// The fields of a `ResourceSpans` without the list of scopes.
    fn resource(self, resource: &Resource) -> Vec<u8> {
        match self {
            Self::Protobuf => protobuf::resource(resource),
            #[cfg(feature = "json")]
            Self::Json => json::resource(resource),
        }
    }

    /// The fields of a `ScopeSpans` without the list of spans.
    fn scope(self, scope: &InstrumentationScope) -> Vec<u8> {
        match self {
            Self::Protobuf => protobuf::scope(scope),
            #[cfg(feature = "json")]
            Self::Json => json::scope(scope),
        }
    }

    /// What stands between two spans.
    fn separator(self) -> &'static [u8] {
        match self {
            Self::Protobuf => b"",
            #[cfg(feature = "json")]
            Self::Json => b",",
        }
    }

    fn request(self, groups: &[ResourceGroup]) -> Vec<u8> {
        match self {
            Self::Protobuf => protobuf::request(groups),
            #[cfg(feature = "json")]
            Self::Json => json::request(groups),
        }
    }
}

/// A request in the making.
struct Draft {
    encoding: Encoding,
    groups: Vec<ResourceGroup>,
    parts: Vec<Part>,
    /// An estimate that is never too low.
    size: usize,
}

/// The spans of one resource.
struct ResourceGroup {
    resource: Resource,
    head: Vec<u8>,
    scopes: Vec<ScopeGroup>,
}

/// The spans of one scope of one resource.
struct ScopeGroup {
    scope: InstrumentationScope,
    head: Vec<u8>,
    spans: Vec<u8>,
}

/// Where a span belongs in a draft.
struct Place {
    /// The index of its resource, or the group to be added.
    resource: Result<usize, ResourceGroup>,
    /// The index of its scope within, or the group to be added.
    scope: Result<usize, ScopeGroup>,
}

impl Draft {
    fn new(encoding: Encoding) -> Self {
        Self { encoding, groups: Vec::new(), parts: Vec::new(), size: 0 }
    }

    fn place(&self, resource: &Resource, scope: &InstrumentationScope) -> Place {
        let at = self.groups.iter().position(|group| group.resource == *resource);
        let scopes = at.map_or(&[][..], |at| &self.groups[at].scopes[..]);
        Place {
            scope: scopes.iter().position(|group| group.scope == *scope).ok_or_else(|| ScopeGroup {
                scope: scope.clone(),
                head: self.encoding.scope(scope),
                spans: Vec::new(),
            }),
            resource: at.ok_or_else(|| ResourceGroup {
                resource: resource.clone(),
                head: self.encoding.resource(resource),
                scopes: Vec::new(),
            }),
        }
    }

    /// The size with this span there.
    fn size_with(&self, place: &Place, span: &[u8]) -> usize {
        /// The most that the frame of a group takes in any encoding.
        const FRAME: usize = 48;
        let resource = place.resource.as_ref().err().map_or(0, |group| group.head.len() + FRAME);
        let scope = place.scope.as_ref().err().map_or(0, |group| group.head.len() + FRAME);
        // One more for what separates it from the span before.
        self.size + resource + scope + span.len() + 1
    }

    fn add(&mut self, id: EnqueueId, place: Place, span: &[u8]) {
        let at = place.resource.unwrap_or_else(|group| {
            self.groups.push(group);
            self.groups.len() - 1
        });
        let scopes = &mut self.groups[at].scopes;
        let at = place.scope.unwrap_or_else(|group| {
            scopes.push(group);
            scopes.len() - 1
        });
        let spans = &mut scopes[at].spans;
        if !spans.is_empty() {
            spans.extend_from_slice(self.encoding.separator());
        }
        spans.extend_from_slice(span);
        match self.parts.last_mut() {
            Some(part) if part.id == id => part.spans += 1,
            _ => self.parts.push(Part { id, spans: 1 }),
        }
    }

    fn finish(self) -> Request {
        Request { body: self.encoding.request(&self.groups).into(), parts: self.parts }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::{Duration, UNIX_EPOCH};

    use opentelemetry::trace::{
        Event, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
    };
    use opentelemetry::{Array, KeyValue, Value};
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::common::v1::any_value;
    use opentelemetry_proto::tonic::trace::v1::span::SpanKind as ProtoKind;
    use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
    use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};
    use proptest::prelude::*;
    use prost::Message;

    use super::*;
    use crate::TraceKey;

    fn scope(name: &'static str) -> InstrumentationScope {
        InstrumentationScope::builder(name).with_version("1.2").build()
    }

    fn span(id: u64, name: String, scope: InstrumentationScope) -> SpanData {
        SpanData {
            span_context: SpanContext::new(
                TraceId::from(1),
                SpanId::from(id),
                TraceFlags::SAMPLED,
                false,
                TraceState::NONE,
            ),
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: name.into(),
            start_time: UNIX_EPOCH,
            end_time: UNIX_EPOCH,
            attributes: Vec::new(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: scope,
        }
    }

    fn portion(id: u64, service: &'static str, spans: Vec<SpanData>) -> Portion {
        let resource = Resource::builder_empty().with_service_name(service).build();
        let whole = spans.len();
        Portion { id: EnqueueId(id), key: TraceKey(id), resource, spans, whole, bytes: 0 }
    }

    fn decode(request: &Request) -> ExportTraceServiceRequest {
        ExportTraceServiceRequest::decode(request.body.clone()).unwrap()
    }

    /// Service, scope and names of each group.
    fn outline(request: &Request) -> Vec<(String, String, Vec<String>)> {
        let mut groups = Vec::new();
        for of_resource in decode(request).resource_spans {
            let service = match &of_resource.resource.unwrap().attributes[0].value.as_ref().unwrap().value {
                Some(any_value::Value::StringValue(name)) => name.clone(),
                other => panic!("service.name is {other:?}"),
            };
            for of_scope in of_resource.scope_spans {
                let names = of_scope.spans.iter().map(|span| span.name.clone()).collect();
                groups.push((service.clone(), of_scope.scope.unwrap().name, names));
            }
        }
        groups
    }

    #[test]
    fn each_resource_and_scope_is_encoded_once() {
        let s = |id: u64, name: &str, of: &'static str| span(id, name.to_owned(), scope(of));
        let encoded = encode(
            vec![
                portion(1, "shop", vec![s(1, "a", "http"), s(2, "b", "sql"), s(3, "c", "http")]),
                portion(2, "inventory", vec![s(4, "d", "http")]),
                portion(3, "shop", vec![s(5, "e", "sql")]),
            ],
            usize::MAX,
            Encoding::Protobuf,
        );
        assert_eq!(encoded.requests.len(), 1);
        let group = |service: &str, scope: &str, names: &[&str]| {
            (service.to_owned(), scope.to_owned(), names.iter().map(|name| (*name).to_owned()).collect())
        };
        assert_eq!(
            outline(&encoded.requests[0]),
            [
                group("shop", "http", &["a", "c"]),
                group("shop", "sql", &["b", "e"]),
                group("inventory", "http", &["d"])
            ]
        );
        let part = |id, spans| Part { id: EnqueueId(id), spans };
        assert_eq!(encoded.requests[0].parts, [part(1, 3), part(2, 1), part(3, 1)]);
    }

    #[test]
    fn every_field_of_a_span_is_on_the_wire() {
        let mut data = span(0x0102, "GET /cart".to_owned(), scope("http"));
        data.span_context = SpanContext::new(
            TraceId::from(0x0a0b),
            SpanId::from(0x0102),
            TraceFlags::SAMPLED,
            false,
            "vendor=1".parse().unwrap(),
        );
        data.parent_span_id = SpanId::from(0x0304);
        data.parent_span_is_remote = true;
        data.span_kind = SpanKind::Server;
        data.start_time = UNIX_EPOCH + Duration::from_nanos(5);
        data.end_time = UNIX_EPOCH + Duration::from_nanos(9);
        data.attributes = vec![
            KeyValue::new("count", 3),
            KeyValue::new("names", Value::Array(Array::String(vec!["x".into(), "y".into()]))),
        ];
        data.dropped_attributes_count = 1;
        data.events.events =
            vec![Event::new("log", UNIX_EPOCH + Duration::from_nanos(7), vec![KeyValue::new("ok", true)], 2)];
        data.events.dropped_count = 3;
        data.links.links = vec![Link::new(data.span_context.clone(), Vec::new(), 0)];
        data.links.dropped_count = 4;
        data.status = Status::error("broke");
        let encoded = encode(vec![portion(1, "shop", vec![data])], usize::MAX, Encoding::Protobuf);
        let span =
            decode(&encoded.requests[0]).resource_spans.remove(0).scope_spans.remove(0).spans.remove(0);

        assert_eq!(span.trace_id, 0x0a0b_u128.to_be_bytes());
        assert_eq!(span.span_id, 0x0102_u64.to_be_bytes());
        assert_eq!(span.parent_span_id, 0x0304_u64.to_be_bytes());
        assert_eq!(span.trace_state, "vendor=1");
        assert_eq!(span.flags, 0x301, "sampled; it is known that the parent is remote");
        assert_eq!((span.name.as_str(), span.kind()), ("GET /cart", ProtoKind::Server));
        assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (5, 9));
        let keys: Vec<&str> = span.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
        assert_eq!((keys, span.dropped_attributes_count), (vec!["count", "names"], 1));
        let event = &span.events[0];
        assert_eq!(
            (event.name.as_str(), event.time_unix_nano, event.dropped_attributes_count),
            ("log", 7, 2)
        );
        assert_eq!((span.dropped_events_count, span.links.len(), span.dropped_links_count), (3, 1, 4));
        let status = span.status.unwrap();
        assert_eq!((status.code(), status.message.as_str()), (StatusCode::Error, "broke"));
    }

    #[test]
    fn a_span_that_fits_no_request_is_told_and_the_others_go() {
        let s = |id: u64, size: usize| span(id, "x".repeat(size), scope("http"));
        let encoded =
            encode(vec![portion(1, "shop", vec![s(1, 10), s(2, 5000), s(3, 10)])], 1000, Encoding::Protobuf);
        assert_eq!(encoded.requests.iter().map(Request::spans).collect::<Vec<_>>(), [1, 1]);
        assert_eq!(encoded.too_large.len(), 1);
        assert!(encoded.too_large[0].1 > 5000);
    }

    const NAMES: [&str; 3] = ["one", "two", "three"];

    /// A batch of spans, each by the length of its name, its service and its scope.
    fn mixed(spans: &[(usize, usize, usize)]) -> Vec<Portion> {
        let spans = spans.iter().zip(1_u64..);
        spans
            .map(|((size, service, of), id)| {
                let span = span(id, "n".repeat(*size), scope(NAMES[*of]));
                portion(id, NAMES[*service], vec![span])
            })
            .collect()
    }

    /// No request is too large, and each span is in one of them, once, or told to be too large.
    fn check_split(
        spans: &[(usize, usize, usize)],
        limit: usize,
        encoding: Encoding,
        ids: fn(&Request) -> Vec<String>,
    ) {
        let encoded = encode(mixed(spans), limit, encoding);
        let mut seen = BTreeMap::new();
        for request in &encoded.requests {
            assert!(request.body.len() <= limit, "{} > {limit}", request.body.len());
            let ids = ids(request);
            assert!(!ids.is_empty() && ids.len() == request.spans());
            for id in ids {
                *seen.entry(id).or_insert(0) += 1;
            }
            for part in &request.parts {
                assert!(!encoded.too_large.iter().any(|(id, _)| *id == part.id));
            }
        }
        assert!(seen.values().all(|count| *count == 1));
        assert_eq!(seen.len() + encoded.too_large.len(), spans.len());
    }

    fn protobuf_ids(request: &Request) -> Vec<String> {
        let message = decode(request);
        let spans = message.resource_spans.iter().flat_map(|r| &r.scope_spans).flat_map(|s| &s.spans);
        spans.map(|span| format!("{:?}", span.span_id)).collect()
    }

    #[cfg(feature = "json")]
    fn json_ids(request: &Request) -> Vec<String> {
        let message: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let list = |value: &serde_json::Value, name: &str| value[name].as_array().unwrap().clone();
        let scopes = list(&message, "resourceSpans").into_iter().flat_map(|group| list(&group, "scopeSpans"));
        scopes.flat_map(|scope| list(&scope, "spans")).map(|span| span["spanId"].to_string()).collect()
    }

    proptest! {
        /// However a batch is cut and in either encoding.
        #[test]
        fn a_split_keeps_the_limit_and_every_span(
            spans in prop::collection::vec((0_usize..400, 0_usize..3, 0_usize..3), 1..60),
            limit in 200_usize..4000,
        ) {
            check_split(&spans, limit, Encoding::Protobuf, protobuf_ids);
            #[cfg(feature = "json")]
            check_split(&spans, limit, Encoding::Json, json_ids);
        }

        /// What is written by hand around the spans is what prost makes of the whole message.
        #[test]
        fn the_bytes_are_those_of_one_message(
            spans in prop::collection::vec((0_usize..40, 0_usize..3, 0_usize..3), 1..60),
        ) {
            let encoded = encode(mixed(&spans), usize::MAX, Encoding::Protobuf);
            let body = &encoded.requests[0].body;
            prop_assert_eq!(decode(&encoded.requests[0]).encoded_len(), body.len());
        }
    }
}
