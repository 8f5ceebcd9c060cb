//! A batch of spans as the body of a request, our way and opentelemetry-otlp's: the messages of opentelemetry-proto,
//! grouped, and then prost or serde. Both ways end with the spans dropped, for the peer takes them apart.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use otelbar_export::TraceBatch;
use otelbar_export::encode::{otlp_json, otlp_protobuf};
use prost::Message;

pub(crate) struct Case {
    pub(crate) group: &'static str,
    pub(crate) function: &'static str,
    pub(crate) encode: fn(&Service, Vec<SpanData>) -> Bytes,
}

/// Where the spans come from, as each way keeps it from batch to batch.
pub(crate) struct Service {
    ours: Resource,
    theirs: ResourceAttributesWithSchema,
}

impl Service {
    pub(crate) fn new(resource: Resource) -> Self {
        Self { theirs: (&resource).into(), ours: resource }
    }

    fn batch(&self, spans: Vec<SpanData>) -> [TraceBatch; 1] {
        [TraceBatch::new(1, self.ours.clone(), spans)]
    }

    fn request(&self, spans: Vec<SpanData>) -> ExportTraceServiceRequest {
        ExportTraceServiceRequest { resource_spans: group_spans_by_resource_and_scope(spans, &self.theirs) }
    }
}

pub(crate) const CASES: [Case; 4] = [
    Case {
        group: "encode_protobuf",
        function: "ours",
        encode: |service, spans| otlp_protobuf(service.batch(spans)),
    },
    Case {
        group: "encode_protobuf",
        function: "opentelemetry_otlp",
        encode: |service, spans| service.request(spans).encode_to_vec().into(),
    },
    Case { group: "encode_json", function: "ours", encode: |service, spans| otlp_json(service.batch(spans)) },
    Case {
        group: "encode_json",
        function: "opentelemetry_otlp",
        encode: |service, spans| {
            serde_json::to_string_pretty(&service.request(spans)).expect("spans are JSON").into()
        },
    },
];
