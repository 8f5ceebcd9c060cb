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
