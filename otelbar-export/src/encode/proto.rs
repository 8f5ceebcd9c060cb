//! Spans, resources and scopes as the messages of `opentelemetry-proto`.

use opentelemetry::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource as ProtoResource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;

pub(super) fn span_message(span: &SpanData) -> Span {
    Span::from(span.clone())
}

pub(super) fn resource_message(resource: &Resource) -> ResourceSpans {
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

pub(super) fn scope_message(scope: &InstrumentationScope) -> ScopeSpans {
    ScopeSpans {
        scope: Some((scope, None).into()),
        spans: Vec::new(),
        schema_url: scope.schema_url().unwrap_or_default().to_owned(),
    }
}
