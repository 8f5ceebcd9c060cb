//! From Zipkin's JSON of version 2.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::span::{Event, Span, Value};

/// A `Span` of Zipkin's API.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ZipkinSpan {
    trace_id: String,
    parent_id: Option<String>,
    id: String,
    kind: Option<String>,
    name: String,
    timestamp: u64,
    duration: Option<u64>,
    local_endpoint: Endpoint,
    remote_endpoint: Option<Endpoint>,
    annotations: Vec<Annotation>,
    tags: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Endpoint {
    service_name: Option<String>,
    ipv4: Option<String>,
    ipv6: Option<String>,
    port: Option<u16>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Annotation {
    timestamp: u64,
    value: String,
}

impl ZipkinSpan {
    /// As OpenTelemetry's specification maps tags back to fields.
    pub(super) fn span(self) -> Span {
        let mut tags = self.tags;
        // Again under the names that the specification had before.
        for (old, new) in
            [("otel.library.name", "otel.scope.name"), ("otel.library.version", "otel.scope.version")]
        {
            if tags.get(old) == tags.get(new) {
                tags.remove(old);
            }
        }
        let mut take = |tag: &str| tags.remove(tag);
        let status = take("otel.status_code");
        let is_error = status.as_deref() == Some("ERROR");
        let status_message = if is_error { take("error") } else { None };
        let name = take("otel.scope.name");
        let version = take("otel.scope.version");
        let mut count = |tag: &str| take(tag).and_then(|count| count.parse().ok()).unwrap_or_default();
        let mut span = Span {
            trace_id: self.trace_id,
            span_id: self.id,
            parent_span_id: self.parent_id,
            name: self.name,
            kind: self.kind.map(|kind| kind.to_lowercase()),
            start: self.timestamp * 1_000,
            duration: self.duration.map(|micros| i128::from(micros) * 1_000),
            events: self.annotations.into_iter().map(Annotation::event).collect(),
            status: status.map(|code| code.to_lowercase()),
            status_message: status_message.unwrap_or_default(),
            dropped_attributes: count("otel.dropped_attributes_count"),
            dropped_events: count("otel.dropped_events_count"),
            dropped_links: count("otel.dropped_links_count"),
            ..Span::default()
        };
        span.scope.name = name.unwrap_or_default();
        span.scope.version = version.unwrap_or_default();
        span.attributes = tags.into_iter().map(|(key, value)| (key, Value::Text(value))).collect();
        let service = self.local_endpoint.service_name.clone();
        span.resource.extend(service.map(|name| ("service.name".to_owned(), Value::Text(name))));
        let without_name = Endpoint { service_name: None, ..self.local_endpoint };
        span.besides.extend(without_name.text().map(|text| ("localEndpoint".to_owned(), text)));
        let remote = self.remote_endpoint.and_then(|remote| remote.text());
        span.besides.extend(remote.map(|text| ("remoteEndpoint".to_owned(), text)));
        span
    }
}

impl Endpoint {
    /// Name, address and port, as far as they are told.
    fn text(self) -> Option<String> {
        let parts = [self.service_name, self.ipv4, self.ipv6, self.port.map(|port| port.to_string())];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }
}

impl Annotation {
    fn event(self) -> Event {
        Event { name: self.value, time: self.timestamp * 1_000, ..Event::default() }
    }
}
