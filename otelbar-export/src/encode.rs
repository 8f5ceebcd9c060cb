//! From spans to the bytes of OTLP requests.

use bytes::Bytes;
use opentelemetry::InstrumentationScope;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::resource::v1::Resource as ProtoResource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_sdk::Resource;
use prost::Message;

use crate::EnqueueId;
use crate::batch::Portion;

/// A request ready to be sent.
#[derive(Debug)]
pub(crate) struct Request {
    /// An `ExportTraceServiceRequest` as protobuf.
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
/// `limit` bytes.
pub(crate) fn encode(batch: Vec<Portion>, limit: usize) -> Encoded {
    let mut encoded = Encoded::default();
    let mut draft = Draft::default();
    for portion in batch {
        let mut group = draft.group_of(&portion.resource);
        for span in portion.spans {
            let scope = span.instrumentation_scope.clone();
            let span = Span::from(span);
            let size = framed(span.encoded_len());
            let mut head = draft.head_size(group, &portion.resource, &scope);
            if draft.size > 0 && draft.size + head + size > limit {
                encoded.requests.push(std::mem::take(&mut draft).finish());
                group = None;
                head = draft.head_size(group, &portion.resource, &scope);
            }
            if draft.size + head + size > limit {
                encoded.too_large.push((portion.id, head + size));
                continue;
            }
            draft.size += head + size;
            group = Some(draft.add(portion.id, group, &portion.resource, scope, span));
        }
    }
    if draft.size > 0 {
        encoded.requests.push(draft.finish());
    }
    encoded
}

/// A request in the making. Sizes are estimates that are never too low.
#[derive(Default)]
struct Draft {
    groups: Vec<ResourceGroup>,
    parts: Vec<Part>,
    size: usize,
}

struct ResourceGroup {
    resource: Resource,
    scopes: Vec<InstrumentationScope>,
    message: ResourceSpans,
}

impl Draft {
    fn group_of(&self, resource: &Resource) -> Option<usize> {
        self.groups.iter().position(|group| group.resource == *resource)
    }

    /// What the first span of this resource and scope costs beside itself.
    fn head_size(&self, group: Option<usize>, resource: &Resource, scope: &InstrumentationScope) -> usize {
        match group.map(|index| &self.groups[index]) {
            Some(group) if group.scopes.contains(scope) => 0,
            Some(_) => framed(scope_message(scope).encoded_len()),
            None => {
                framed(resource_message(resource).encoded_len()) + framed(scope_message(scope).encoded_len())
            }
        }
    }

    /// Adds a span, and gives the group it is in.
    fn add(
        &mut self,
        id: EnqueueId,
        group: Option<usize>,
        resource: &Resource,
        scope: InstrumentationScope,
        span: Span,
    ) -> usize {
        let at = group.unwrap_or_else(|| {
            self.groups.push(ResourceGroup {
                resource: resource.clone(),
                scopes: Vec::new(),
                message: resource_message(resource),
            });
            self.groups.len() - 1
        });
        let group = &mut self.groups[at];
        let index = group.scopes.iter().position(|known| *known == scope).unwrap_or_else(|| {
            group.message.scope_spans.push(scope_message(&scope));
            group.scopes.push(scope);
            group.scopes.len() - 1
        });
        group.message.scope_spans[index].spans.push(span);
        match self.parts.last_mut() {
            Some(part) if part.id == id => part.spans += 1,
            _ => self.parts.push(Part { id, spans: 1 }),
        }
        at
    }

    fn finish(self) -> Request {
        let resource_spans = self.groups.into_iter().map(|group| group.message).collect();
        let body = ExportTraceServiceRequest { resource_spans }.encode_to_vec().into();
        Request { body, parts: self.parts }
    }
}

fn resource_message(resource: &Resource) -> ResourceSpans {
    let ResourceAttributesWithSchema { attributes, schema_url } = resource.into();
    let mut attributes = attributes.0;
    // The SDK keeps them in a hash map; sorted, the same spans are the same bytes.
    attributes.sort_by(|a, b| a.key.cmp(&b.key));
    ResourceSpans {
        resource: Some(ProtoResource { attributes, ..ProtoResource::default() }),
        scope_spans: Vec::new(),
        schema_url: schema_url.unwrap_or_default(),
    }
}

fn scope_message(scope: &InstrumentationScope) -> ScopeSpans {
    ScopeSpans {
        scope: Some((scope, None).into()),
        spans: Vec::new(),
        schema_url: scope.schema_url().unwrap_or_default().to_owned(),
    }
}

/// A field's size with its tag and its length, both of which may take more room once the enclosing messages grow.
fn framed(size: usize) -> usize {
    const TAG_AND_LENGTH: usize = 1 + 9;
    size + 2 * TAG_AND_LENGTH
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::{Duration, UNIX_EPOCH};

    use opentelemetry::trace::{
        Event, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
    };
    use opentelemetry::{Array, KeyValue, Value};
    use opentelemetry_proto::tonic::common::v1::any_value;
    use opentelemetry_proto::tonic::trace::v1::span::SpanKind as ProtoKind;
    use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
    use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
    use proptest::prelude::*;

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
        let encoded = encode(vec![portion(1, "shop", vec![data])], usize::MAX);
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
        let encoded = encode(vec![portion(1, "shop", vec![s(1, 10), s(2, 5000), s(3, 10)])], 1000);
        assert_eq!(encoded.requests.iter().map(Request::spans).collect::<Vec<_>>(), [1, 1]);
        assert_eq!(encoded.too_large.len(), 1);
        assert!(encoded.too_large[0].1 > 5000);
    }

    proptest! {
        /// However a batch is cut: no request is too large, and each span is in one of them, once.
        #[test]
        fn a_split_keeps_the_limit_and_every_span(
            sizes in prop::collection::vec((0_usize..400, 0_usize..3, 0_usize..3), 1..60),
            limit in 200_usize..4000,
        ) {
            const NAMES: [&str; 3] = ["one", "two", "three"];
            let mut batch: Vec<Portion> = Vec::new();
            for (index, (size, service, of)) in sizes.iter().enumerate() {
                let span = span(index as u64 + 1, "n".repeat(*size), scope(NAMES[*of]));
                batch.push(portion(index as u64, NAMES[*service], vec![span]));
            }
            let encoded = encode(batch, limit);
            let mut seen = BTreeMap::new();
            for request in &encoded.requests {
                prop_assert!(request.body.len() <= limit, "{} > {limit}", request.body.len());
                prop_assert!(request.spans() > 0);
                let message = decode(request);
                let spans = message.resource_spans.iter().flat_map(|r| &r.scope_spans).flat_map(|s| &s.spans);
                for span in spans {
                    *seen.entry(span.span_id.clone()).or_insert(0) += 1;
                }
                for part in &request.parts {
                    prop_assert!(!encoded.too_large.iter().any(|(id, _)| *id == part.id));
                }
            }
            prop_assert!(seen.values().all(|count| *count == 1));
            prop_assert_eq!(seen.len() + encoded.too_large.len(), sizes.len());
        }
    }
}
