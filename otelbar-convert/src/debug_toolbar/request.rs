//! What was asked and answered.

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use opentelemetry::{Array, KeyValue, StringValue, Value};
use otelbar_propagation::parse_traceparent;

use super::head::{Head, value_of};
use super::json::Object;
use super::secrets::Secrets;
use crate::fingerprint::Fingerprint;
use crate::panel_data::Request;

/// Which span the request is, and whose part.
pub(super) struct Identity {
    pub(super) span_context: SpanContext,
    pub(super) remote_parent: Option<SpanId>,
}

/// The request, with the headers of these names as attributes.
pub(super) fn read(
    record: &Object<'_, '_>,
    head: &Head,
    secrets: &Secrets<'_>,
    shown_headers: &[String],
) -> (Request, Identity) {
    let authority = head.header("host").map(split_authority).unwrap_or_default();
    let length = value_of(&head.response_headers, "content-length").and_then(|length| length.parse().ok());
    let method = head.method.clone().unwrap_or_else(|| {
        record.lose("metadata.method", "is missing; the method is reported as _OTHER");
        String::new()
    });
    let mut request = Request {
        scheme: head.scheme.clone().unwrap_or_else(|| "http".to_owned()).into(),
        path: secrets.mask(head.path.clone().unwrap_or_default()),
        query: head.query.as_deref().map(|query| secrets.mask(secrets.redactor.query(query).into_owned())),
        route: head.route.clone(),
        protocol_version: None,
        server_address: authority.0.map(str::to_owned),
        server_port: authority.1,
        peer_address: head.peer.clone(),
        peer_port: head.peer_port,
        user_agent: head.header("user-agent").map(|agent| secrets.mask(agent.to_owned())),
        status: head.status,
        // The length that HEAD is answered with is the one that GET would have.
        response_size: length.filter(|_| method != "HEAD"),
        method,
        ..Request::default()
    };
    for (kind, headers) in [("request", &head.request_headers), ("response", &head.response_headers)] {
        for (name, value) in headers.iter().filter(|(name, _)| shown_headers.contains(name)) {
            let value = StringValue::from(secrets.header(name, value));
            let value = Value::Array(Array::String(vec![value]));
            request.attributes.push(KeyValue::new(format!("http.{kind}.header.{name}"), value));
        }
    }
    let identity = identity(record, head);
    (request, identity)
}

/// The trace of the caller where the request came with one, else one made of the record's own id.
fn identity(record: &Object<'_, '_>, head: &Head) -> Identity {
    let id = record.text("request_id").unwrap_or_else(|| {
        if record.value("request_id").is_none() {
            record.lose("request_id", "is missing; all records without it get the same ids");
        }
        String::new()
    });
    let (high, low) = match u128::from_str_radix(&id.replace('-', ""), 16) {
        Ok(uuid) if id.is_ascii() && uuid != 0 => ((uuid >> 64) as u64, uuid as u64),
        _ => {
            let print = Fingerprint::default().with(&id);
            (print.finish(), print.with(&id).finish())
        }
    };
    let span_id = SpanId::from((high ^ low.rotate_left(1)).max(1));
    if let Some(header) = head.header("traceparent") {
        if let Ok(caller) = parse_traceparent(header) {
            let state = head.header("tracestate").and_then(|state| state.parse().ok()).unwrap_or_default();
            let span_context =
                SpanContext::new(caller.trace_id().into(), span_id, caller.flags().into(), false, state);
            return Identity { span_context, remote_parent: Some(caller.parent_id().into()) };
        }
        record.lose("metadata.headers.traceparent", "is not a valid traceparent; the trace begins here");
    }
    let trace_id = TraceId::from((u128::from(high) << 64 | u128::from(low)).max(1));
    let span_context = SpanContext::new(trace_id, span_id, TraceFlags::SAMPLED, false, TraceState::default());
    Identity { span_context, remote_parent: None }
}

/// Host and port of `host`, `host:port` or `[address]:port`.
fn split_authority(authority: &str) -> (Option<&str>, Option<u16>) {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()),
        _ => (authority, None),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (Some(host).filter(|host| !host.is_empty()), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_split_from_its_port() {
        assert_eq!(split_authority("shop.example"), (Some("shop.example"), None));
        assert_eq!(split_authority("shop.example:8080"), (Some("shop.example"), Some(8080)));
        assert_eq!(split_authority("[::1]:80"), (Some("::1"), Some(80)));
        assert_eq!(split_authority("[::1]"), (Some("::1"), None));
        assert_eq!(split_authority(""), (None, None));
    }
}
