//! What the collector was sent as Zipkin v2 JSON.

mod decode;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use opentelemetry::trace::SpanKind;
use serde_json::Value;

pub(super) use decode::decode;

/// A Zipkin v2 span as it came over the wire.
///
/// Its fields are those of Zipkin's API description (`zipkin2-api.yaml`), under their names there in snake case. An
/// absent field and a null one are the same. Nothing is changed: a real Zipkin turns the names of spans and services
/// into lower case.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ReceivedZipkinSpan {
    /// `traceId`: 16 or 32 lower-case hexadecimal digits.
    pub trace_id: String,
    /// `id`: 16 lower-case hexadecimal digits.
    pub id: String,
    /// `parentId`, or `None` for a root.
    pub parent_id: Option<String>,
    /// `name`.
    pub name: Option<String>,
    /// `kind`; `None` where there is none, which is how Zipkin tells an internal span.
    pub kind: Option<SpanKind>,
    /// `timestamp`: the start in microseconds since 1970.
    pub timestamp: Option<u64>,
    /// `duration` in microseconds, at least 1.
    pub duration: Option<u64>,
    /// `localEndpoint`: who recorded the span.
    pub local_endpoint: Option<ZipkinEndpoint>,
    /// `remoteEndpoint`: the other side of a call.
    pub remote_endpoint: Option<ZipkinEndpoint>,
    /// `annotations`, in the order they were sent.
    pub annotations: Vec<ZipkinAnnotation>,
    /// `tags`.
    pub tags: BTreeMap<String, String>,
    /// `shared`: whether the client's span has the same id.
    pub shared: bool,
    /// `debug`: whether it is to be kept whatever the sampling says.
    pub debug: bool,
    /// Fields that Zipkin doesn't know, and ignores; those of an endpoint or an annotation are named with a dot, as
    /// `localEndpoint.host`.
    pub unknown: BTreeMap<String, Value>,
    /// Which request brought it: an index into [`Collector::requests`](crate::Collector::requests).
    pub request: usize,
}

impl ReceivedZipkinSpan {
    /// `localEndpoint.serviceName`, or nothing.
    pub fn service_name(&self) -> &str {
        let endpoint = self.local_endpoint.as_ref();
        endpoint.and_then(|endpoint| endpoint.service_name.as_deref()).unwrap_or_default()
    }

    /// A tag's value.
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.get(key).map(String::as_str)
    }
}

/// A node of the network, and the service there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ZipkinEndpoint {
    /// `serviceName`.
    pub service_name: Option<String>,
    /// `ipv4`.
    pub ipv4: Option<Ipv4Addr>,
    /// `ipv6`.
    pub ipv6: Option<Ipv6Addr>,
    /// `port`; Zipkin reads 0 as none.
    pub port: Option<u16>,
}

/// An event of a span.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ZipkinAnnotation {
    /// `timestamp` in microseconds since 1970.
    pub timestamp: u64,
    /// `value`.
    pub value: String,
}
