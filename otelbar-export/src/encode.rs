//! From spans to the bytes of requests.
//!
//! A pipeline does this by itself; the functions here are for who wants the bytes, say for a file.

#[cfg(any(feature = "json", feature = "zipkin"))]
mod double;
#[cfg(feature = "json")]
mod json;
mod otlp_fields;
mod protobuf;
mod readable;
#[cfg(feature = "zipkin")]
mod zipkin;

use std::ops::Range;

use bytes::Bytes;
use http::HeaderValue;
use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;

use crate::batch::{EnqueueId, TraceBatch};
use crate::batch::{Enqueued, Portion};

/// Spans as the bytes of an `ExportTraceServiceRequest`, grouped by resource and scope.
///
/// ```
/// use opentelemetry_sdk::Resource;
/// use otelbar_export::{TraceBatch, encode};
///
/// let shop = Resource::builder().with_service_name("shop").build();
/// let bytes = encode::otlp_protobuf([TraceBatch::new(1, shop, Vec::new())]);
/// assert!(bytes.is_empty(), "no spans are no bytes");
/// ```
pub fn otlp_protobuf(batches: impl IntoIterator<Item = TraceBatch>) -> Bytes {
    all(batches, Encoding::Protobuf)
}

/// Spans as the JSON of an `ExportTraceServiceRequest`, on one line, grouped by resource and scope; nothing for no
/// spans.
#[cfg(feature = "json")]
pub fn otlp_json(batches: impl IntoIterator<Item = TraceBatch>) -> Bytes {
    all(batches, Encoding::Json)
}

/// Spans as Zipkin's JSON of version 2, a list of spans on one line; nothing for no spans. What it cannot hold is told
/// at [`Destination::zipkin`](crate::Destination::zipkin).
#[cfg(feature = "zipkin")]
pub fn zipkin_json(batches: impl IntoIterator<Item = TraceBatch>) -> Bytes {
    all(batches, Encoding::Zipkin)
}

fn all(batches: impl IntoIterator<Item = TraceBatch>, encoding: Encoding) -> Bytes {
    let portions = batches.into_iter().map(|batch| Portion::whole(Enqueued::new(EnqueueId(0), batch)));
    let limit = SizeLimit { usual: usize::MAX, most: usize::MAX };
    let encoded = encode(portions.collect(), limit, encoding);
    encoded.requests.into_iter().next().map(|request| request.body).unwrap_or_default()
}

/// How requests are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Protobuf,
    #[cfg(feature = "json")]
    Json,
    #[cfg(feature = "zipkin")]
    Zipkin,
    /// OTLP's JSON with the end of a line.
    #[cfg(feature = "json")]
    JsonLine,
    /// For people.
    Readable,
}

pub(crate) const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");
#[cfg(any(feature = "json", feature = "zipkin"))]
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");

impl Encoding {
    pub(crate) fn content_type(self) -> HeaderValue {
        match self {
            Self::Protobuf => PROTOBUF,
            #[cfg(feature = "json")]
            Self::Json => JSON,
            #[cfg(feature = "zipkin")]
            Self::Zipkin => JSON,
            #[cfg(feature = "json")]
            Self::JsonLine => HeaderValue::from_static("application/jsonl"),
            Self::Readable => HeaderValue::from_static("text/plain; charset=utf-8"),
        }
    }

    /// What its requests are called in the spool.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Protobuf => "otlp-protobuf",
            #[cfg(feature = "json")]
            Self::Json => "otlp-json",
            #[cfg(feature = "zipkin")]
            Self::Zipkin => "zipkin-json",
            #[cfg(feature = "json")]
            Self::JsonLine => "otlp-json-line",
            Self::Readable => "text",
        }
    }
}

/// A request ready to be sent.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) body: Bytes,
    /// The spans it holds, by batch.
    pub(crate) portions: Vec<Portion>,
}

#[cfg(test)]
impl Request {
    fn spans(&self) -> usize {
        self.portions.iter().map(Portion::len).sum()
    }
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(crate) struct Encoded {
    pub(crate) requests: Vec<Request>,
    /// Single spans that no request can hold.
    pub(crate) left_out: Vec<(Portion, LeftOut)>,
}

/// Why a span is in no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeftOut {
    /// It alone is larger than a request may be.
    TooLarge { size: usize },
    /// Its ids are zero, for which the backend would refuse the whole request.
    #[cfg(feature = "zipkin")]
    InvalidId,
}

/// The size of a request, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SizeLimit {
    /// What several spans together are kept below.
    pub(crate) usual: usize,
    /// What no request exceeds; a span alone may be as large as this.
    pub(crate) most: usize,
}

/// Encodes a batch, grouped by resource and scope, as one request, or as several where it would be larger than the
/// limit. Each span is written once, to where its scope's spans are.
pub(crate) fn encode(batch: Vec<Portion>, limit: SizeLimit, encoding: Encoding) -> Encoded {
    match encoding {
        Encoding::Protobuf => encode_as::<Protobuf>(batch, limit),
        #[cfg(feature = "json")]
        Encoding::Json => encode_as::<Json>(batch, limit),
        #[cfg(feature = "zipkin")]
        Encoding::Zipkin => encode_as::<Zipkin>(batch, limit),
        #[cfg(feature = "json")]
        Encoding::JsonLine => {
            let mut encoded = encode_as::<Json>(batch, limit);
            for request in &mut encoded.requests {
                request.body = [&request.body[..], b"\n"].concat().into();
            }
            encoded
        }
        Encoding::Readable => {
            let mut text = Vec::new();
            let spans = batch.iter().map(|portion| {
                let Enqueued { resource, trace_state, .. } = portion.enqueued();
                (resource, trace_state.as_deref(), portion.spans())
            });
            readable::readable(spans, &mut text);
            let request = Request { body: text.into(), portions: batch };
            Encoded { requests: vec![request], left_out: Vec::new() }
        }
    }
}

/// One way to write requests.
trait Format {
    /// What the spans of a resource have in common.
    type Resource;
    /// What the spans of a scope have in common.
    type Scope;

    /// What stands between two spans.
    const SEPARATOR: &'static [u8];

    fn resource(resource: &Resource) -> Self::Resource;
    fn scope(scope: &InstrumentationScope) -> Self::Scope;
    /// The bytes that a resource's or a scope's own fields take in a request, at most.
    fn resource_len(head: &Self::Resource) -> usize;
    fn scope_len(head: &Self::Scope) -> usize;
    /// Appends a span as an element of its scope's list; its `tracestate` is this one, or that of its own context.
    fn span(
        span: &SpanData,
        trace_state: Option<&str>,
        resource: &Self::Resource,
        scope: &Self::Scope,
        to: &mut Vec<u8>,
    );
    fn request(groups: Vec<ResourceGroup<Self::Resource, Self::Scope>>) -> Vec<u8>;

    /// Why a span must not be sent, if so.
    fn objection(_span: &SpanData) -> Option<LeftOut> {
        None
    }
}

/// The most that the frame of a group takes in any format.
const FRAME: usize = 48;

struct Protobuf;

impl Format for Protobuf {
    type Resource = Vec<u8>;
    type Scope = Vec<u8>;

    const SEPARATOR: &'static [u8] = b"";

    fn resource(resource: &Resource) -> Vec<u8> {
        protobuf::resource(resource)
    }

    fn scope(scope: &InstrumentationScope) -> Vec<u8> {
        protobuf::scope(scope)
    }

    fn resource_len(head: &Vec<u8>) -> usize {
        head.len() + FRAME
    }

    fn scope_len(head: &Vec<u8>) -> usize {
        head.len() + FRAME
    }

    fn span(span: &SpanData, trace_state: Option<&str>, _: &Vec<u8>, _: &Vec<u8>, to: &mut Vec<u8>) {
        protobuf::span(span, trace_state, to);
    }

    fn request(groups: Vec<ResourceGroup>) -> Vec<u8> {
        protobuf::request(groups)
    }
}

#[cfg(feature = "json")]
struct Json;

#[cfg(feature = "json")]
impl Format for Json {
    type Resource = Vec<u8>;
    type Scope = Vec<u8>;

    const SEPARATOR: &'static [u8] = b",";

    fn resource(resource: &Resource) -> Vec<u8> {
        json::resource(resource)
    }

    fn scope(scope: &InstrumentationScope) -> Vec<u8> {
        json::scope(scope)
    }

    fn resource_len(head: &Vec<u8>) -> usize {
        head.len() + FRAME
    }

    fn scope_len(head: &Vec<u8>) -> usize {
        head.len() + FRAME
    }

    fn span(span: &SpanData, trace_state: Option<&str>, _: &Vec<u8>, _: &Vec<u8>, to: &mut Vec<u8>) {
        json::span(span, trace_state, to);
    }

    fn request(groups: Vec<ResourceGroup>) -> Vec<u8> {
        json::request(&groups)
    }
}

#[cfg(feature = "zipkin")]
struct Zipkin;

#[cfg(feature = "zipkin")]
impl Format for Zipkin {
    type Resource = zipkin::ResourceHead;
    type Scope = zipkin::ScopeHead;

    const SEPARATOR: &'static [u8] = b",";

    fn resource(resource: &Resource) -> zipkin::ResourceHead {
        zipkin::resource(resource)
    }

    fn scope(scope: &InstrumentationScope) -> zipkin::ScopeHead {
        zipkin::scope(scope)
    }

    fn resource_len(_: &zipkin::ResourceHead) -> usize {
        FRAME
    }

    fn scope_len(_: &zipkin::ScopeHead) -> usize {
        FRAME
    }

    fn span(
        span: &SpanData,
        _: Option<&str>,
        resource: &zipkin::ResourceHead,
        scope: &zipkin::ScopeHead,
        to: &mut Vec<u8>,
    ) {
        zipkin::span(span, resource, scope, to);
    }

    fn request(groups: Vec<ResourceGroup<zipkin::ResourceHead, zipkin::ScopeHead>>) -> Vec<u8> {
        let lists: Vec<&[u8]> =
            groups.iter().flat_map(|group| &group.scopes).map(|scope| &*scope.spans).collect();
        [b"[", &*lists.join(&b","[..]), b"]"].concat()
    }

    fn objection(span: &SpanData) -> Option<LeftOut> {
        (!span.span_context.is_valid()).then_some(LeftOut::InvalidId)
    }
}

fn encode_as<F: Format>(batch: Vec<Portion>, limit: SizeLimit) -> Encoded {
    let mut encoded = Encoded::default();
    // Encoded, spans take about half of what they do in memory. Room that is not used costs next to nothing.
    let room = batch.iter().map(Portion::bytes).sum::<usize>() / 2;
    let mut draft = Draft::<F>::new(room.min(limit.usual));
    for portion in batch {
        let Enqueued { resource, trace_state, .. } = portion.enqueued();
        let trace_state = trace_state.as_deref();
        // The spans of this portion that are in the draft and not noted yet.
        let mut drafted = 0..0;
        let mut group = None;
        for (index, span) in portion.spans().iter().enumerate() {
            let mut objection = F::objection(span);
            if objection.is_none() {
                let at = *group.get_or_insert_with(|| draft.resource(resource));
                objection = draft.add(at, span, trace_state, limit);
                if objection.is_some() && !draft.is_empty() {
                    // It may have room in a request of its own.
                    draft.note(&portion, &drafted);
                    let next = Draft::new(draft.room);
                    encoded.requests.extend(std::mem::replace(&mut draft, next).finish());
                    drafted = index..index;
                    let at = *group.insert(draft.resource(resource));
                    objection = draft.add(at, span, trace_state, limit);
                }
            }
            match objection {
                None => drafted.end = index + 1,
                Some(reason) => {
                    draft.note(&portion, &drafted);
                    drafted = index + 1..index + 1;
                    encoded.left_out.push((portion.part(index..index + 1), reason));
                }
            }
        }
        draft.note(&portion, &drafted);
    }
    encoded.requests.extend(draft.finish());
    encoded
}

/// A request in the making.
struct Draft<F: Format> {
    groups: Vec<ResourceGroup<F::Resource, F::Scope>>,
    portions: Vec<Portion>,
    spans: usize,
    /// An estimate that is never too low.
    size: usize,
    /// The bytes that the spans of the first scope get room for at once.
    room: usize,
}

/// The spans of one resource.
struct ResourceGroup<R = Vec<u8>, S = Vec<u8>> {
    resource: Resource,
    head: R,
    scopes: Vec<ScopeGroup<S>>,
}

/// The spans of one scope of one resource.
struct ScopeGroup<S = Vec<u8>> {
    scope: InstrumentationScope,
    head: S,
    spans: Vec<u8>,
}

impl<F: Format> Draft<F> {
    fn new(room: usize) -> Self {
        Self { groups: Vec::new(), portions: Vec::new(), spans: 0, size: 0, room }
    }

    fn is_empty(&self) -> bool {
        self.spans == 0
    }

    /// Where the spans of this resource go.
    fn resource(&mut self, resource: &Resource) -> usize {
        let found = self.groups.iter().position(|group| group.resource == *resource);
        found.unwrap_or_else(|| {
            let head = F::resource(resource);
            self.groups.push(ResourceGroup { resource: resource.clone(), head, scopes: Vec::new() });
            self.groups.len() - 1
        })
    }

    /// Writes a span to the group of its resource, or does nothing and says why where that would make the request too
    /// large.
    fn add(
        &mut self,
        resource: usize,
        span: &SpanData,
        trace_state: Option<&str>,
        limit: SizeLimit,
    ) -> Option<LeftOut> {
        let group = self.groups.get_mut(resource)?;
        let is_first_of_resource = group.scopes.iter().all(|scope| scope.spans.is_empty());
        let scope = scope_in(&mut group.scopes, &span.instrumentation_scope, F::scope);
        if self.spans == 0 {
            scope.spans.reserve(self.room);
        }
        let before = scope.spans.len();
        let mut size = self.size;
        if before == 0 {
            size += F::scope_len(&scope.head);
            if is_first_of_resource {
                size += F::resource_len(&group.head);
            }
        } else {
            scope.spans.extend_from_slice(F::SEPARATOR);
        }
        F::span(span, trace_state, &group.head, &scope.head, &mut scope.spans);
        size += scope.spans.len() - before;
        if size > if self.spans == 0 { limit.most } else { limit.usual } {
            scope.spans.truncate(before);
            return Some(LeftOut::TooLarge { size });
        }
        self.size = size;
        self.spans += 1;
        None
    }

    /// Notes whose spans were added.
    fn note(&mut self, portion: &Portion, added: &Range<usize>) {
        if !added.is_empty() {
            self.portions.push(portion.part(added.clone()));
        }
    }

    fn finish(mut self) -> Option<Request> {
        if self.is_empty() {
            return None;
        }
        // A group may have been made for a span that did not fit.
        for group in &mut self.groups {
            group.scopes.retain(|scope| !scope.spans.is_empty());
        }
        self.groups.retain(|group| !group.scopes.is_empty());
        Some(Request { body: F::request(self.groups).into(), portions: self.portions })
    }
}

/// The group of this scope, which is added if it is not there.
fn scope_in<'a, S>(
    scopes: &'a mut Vec<ScopeGroup<S>>,
    scope: &InstrumentationScope,
    head: impl FnOnce(&InstrumentationScope) -> S,
) -> &'a mut ScopeGroup<S> {
    let at = scopes.iter().position(|group| group.scope == *scope).unwrap_or_else(|| {
        scopes.push(ScopeGroup { scope: scope.clone(), head: head(scope), spans: Vec::new() });
        scopes.len() - 1
    });
    &mut scopes[at]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::{Duration, UNIX_EPOCH};

    use opentelemetry::trace::{Event, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId};
    use opentelemetry::{Array, KeyValue, Value};
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::common::v1::any_value;
    use opentelemetry_proto::tonic::trace::v1::span::SpanKind as ProtoKind;
    use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

    use proptest::prelude::*;
    use prost::Message;

    use super::*;
    use crate::test_span;

    const NO_LIMIT: SizeLimit = at_most(usize::MAX);

    const fn at_most(limit: usize) -> SizeLimit {
        SizeLimit { usual: limit, most: limit }
    }

    #[test]
    fn a_span_larger_than_is_usual_goes_alone() {
        let s = |id: u64, size: usize| span(id, "x".repeat(size), scope("http"));
        let batch = vec![portion(1, "shop", vec![s(1, 10), s(2, 5000), s(3, 10), s(4, 10)])];
        let encoded = encode(batch, SizeLimit { usual: 1000, most: 9000 }, Encoding::Protobuf);
        assert_eq!(encoded.requests.iter().map(Request::spans).collect::<Vec<_>>(), [1, 1, 2]);
        assert!(encoded.left_out.is_empty());
    }

    fn scope(name: &'static str) -> InstrumentationScope {
        InstrumentationScope::builder(name).with_version("1.2").build()
    }

    fn span(id: u64, name: String, scope: InstrumentationScope) -> SpanData {
        SpanData {
            span_context: test_span::context(1, id),
            name: name.into(),
            instrumentation_scope: scope,
            ..test_span::empty()
        }
    }

    fn portion(id: u64, service: &'static str, spans: Vec<SpanData>) -> Portion {
        let resource = Resource::builder_empty().with_service_name(service).build();
        Portion::whole(Enqueued::new(EnqueueId(id), TraceBatch::new(id, resource, spans)))
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
            NO_LIMIT,
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
        let portions = encoded.requests[0].portions.iter();
        let spans: Vec<_> = portions.map(|portion| (portion.id().0, portion.len())).collect();
        assert_eq!(spans, [(1, 3), (2, 1), (3, 1)]);
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
        let encoded = encode(vec![portion(1, "shop", vec![data])], NO_LIMIT, Encoding::Protobuf);
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

    /// Level 2 of Trace Context allows keys that `TraceState` cannot hold.
    #[test]
    fn the_batchs_trace_state_is_that_of_each_span() {
        let mut own = span(1, "GET /".to_owned(), scope("http"));
        own.span_context = SpanContext::new(
            TraceId::from(1),
            SpanId::from(1),
            TraceFlags::SAMPLED,
            false,
            "own=1".parse().unwrap(),
        );
        let none = span(2, "SELECT".to_owned(), scope("http"));
        let state = "0a@@b=1,vendor=2";
        let shop = Resource::builder_empty().with_service_name("shop").build();
        let batch = TraceBatch::new(1, shop.clone(), vec![own.clone(), none.clone()]).with_trace_state(state);
        let portion = Portion::whole(Enqueued::new(EnqueueId(1), batch));
        let without = Portion::whole(Enqueued::new(EnqueueId(1), TraceBatch::new(1, shop, vec![own, none])));
        assert_eq!(portion.bytes(), without.bytes() + state.len(), "what is held is counted");

        let encoded = encode(vec![portion.clone()], NO_LIMIT, Encoding::Protobuf);
        let spans = decode(&encoded.requests[0]).resource_spans.remove(0).scope_spans.remove(0).spans;
        assert!(spans.iter().all(|span| span.trace_state == state), "{spans:?}");
        let text = |encoding| {
            let mut encoded = encode(vec![portion.clone()], NO_LIMIT, encoding);
            String::from_utf8(encoded.requests.remove(0).body.to_vec()).unwrap()
        };
        #[cfg(feature = "json")]
        assert_eq!(text(Encoding::Json).matches("\"traceState\":\"0a@@b=1,vendor=2\"").count(), 2);
        assert_eq!(text(Encoding::Readable).matches("tracestate: 0a@@b=1,vendor=2").count(), 2);
    }

    #[test]
    fn a_span_that_fits_no_request_is_told_and_the_others_go() {
        let s = |id: u64, size: usize| span(id, "x".repeat(size), scope("http"));
        let encoded = encode(
            vec![portion(1, "shop", vec![s(1, 10), s(2, 5000), s(3, 10)])],
            at_most(1000),
            Encoding::Protobuf,
        );
        assert_eq!(encoded.requests.iter().map(Request::spans).collect::<Vec<_>>(), [1, 1]);
        assert_eq!(encoded.left_out.len(), 1);
        assert!(matches!(encoded.left_out[0].1, LeftOut::TooLarge { size } if size > 5000));
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
        let encoded = encode(mixed(spans), at_most(limit), encoding);
        let mut seen = BTreeMap::new();
        for request in &encoded.requests {
            assert!(request.body.len() <= limit, "{} > {limit}", request.body.len());
            let ids = ids(request);
            assert!(!ids.is_empty() && ids.len() == request.spans());
            for id in ids {
                *seen.entry(id).or_insert(0) += 1;
            }
            for portion in &request.portions {
                assert!(!encoded.left_out.iter().any(|(left_out, _)| left_out.id() == portion.id()));
            }
        }
        assert!(seen.values().all(|count| *count == 1));
        assert_eq!(seen.len() + encoded.left_out.len(), spans.len());
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
            let encoded = encode(mixed(&spans), NO_LIMIT, Encoding::Protobuf);
            let body = &encoded.requests[0].body;
            prop_assert_eq!(decode(&encoded.requests[0]).encoded_len(), body.len());
        }
    }
}
