//! What was asked and answered.

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use opentelemetry::{Array, KeyValue, StringValue, Value};

use super::json::{List, Object};
use super::panels::find;
use super::secrets::Secrets;
use super::{Reader, json};
use crate::fingerprint::Fingerprint;
use crate::panel_data::Request;

/// Headers, cookies and query, in clear.
pub(super) struct Head {
    pub(super) request_headers: Vec<(String, String)>,
    pub(super) response_headers: Vec<(String, String)>,
    pub(super) cookies: Vec<(String, String)>,
    pub(super) query: Option<String>,
    method: Option<String>,
    path: Option<String>,
    scheme: Option<String>,
    peer: Option<String>,
    peer_port: Option<u16>,
    status: Option<u16>,
    route: Option<String>,
}

/// Which span the request is, and whose part.
pub(super) struct Identity {
    pub(super) span_context: SpanContext,
    pub(super) remote_parent: Option<SpanId>,
}

impl Head {
    pub(super) fn of(metadata: &Object<'_, '_>, panels: &Object<'_, '_>) -> Self {
        let panel = |name| find(panels, name).and_then(|name| panels.object(name));
        let (request, response, headers, routes) =
            (panel("request"), panel("response"), panel("headers"), panel("routes"));
        // The panel is asked first, then the metadata that it was made of.
        let text = |name: &str| request.as_ref().and_then(|it| it.text(name)).or_else(|| metadata.text(name));
        let pairs = |object: Option<Object<'_, '_>>| object.map(|it| pairs(&it)).unwrap_or_default();
        let raw = |name: &str| headers.as_ref()?.object(name)?.object("raw");
        let method = text("method");
        let path = text("path");
        let route = route(metadata, routes.as_ref(), method.as_deref(), path.as_deref());
        Head {
            request_headers: pairs(
                request
                    .as_ref()
                    .and_then(|it| it.object("headers"))
                    .or_else(|| metadata.object("headers"))
                    .or_else(|| raw("request_headers")),
            ),
            response_headers: pairs(
                response
                    .as_ref()
                    .and_then(|it| it.object("headers"))
                    .or_else(|| metadata.object("response_headers"))
                    .or_else(|| raw("response_headers")),
            ),
            cookies: pairs(
                request.as_ref().and_then(|it| it.object("cookies")).or_else(|| metadata.object("cookies")),
            ),
            query: text("query_string").filter(|query| !query.is_empty()),
            method,
            path,
            scheme: text("scheme"),
            peer: text("client_host"),
            peer_port: request
                .as_ref()
                .and_then(|it| it.whole("client_port"))
                .or_else(|| metadata.whole("client_port")),
            status: response
                .as_ref()
                .and_then(|it| it.whole("status_code"))
                .or_else(|| metadata.whole("status_code")),
            route,
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        value_of(&self.request_headers, name)
    }
}

impl Reader {
    pub(super) fn read_request(
        &self,
        record: &Object<'_, '_>,
        head: &Head,
        secrets: &Secrets<'_>,
    ) -> (Request, Identity) {
        let authority = head.header("host").map(split_authority).unwrap_or_default();
        let length =
            value_of(&head.response_headers, "content-length").and_then(|length| length.parse().ok());
        let method = head.method.clone().unwrap_or_else(|| {
            record.lose("metadata.method", "is missing; the request is called _OTHER");
            String::new()
        });
        let mut request = Request {
            scheme: head.scheme.clone().unwrap_or_else(|| "http".to_owned()).into(),
            path: secrets.mask(head.path.clone().unwrap_or_default()),
            query: head.query.as_deref().map(|query| secrets.mask(self.redactor.query(query).into_owned())),
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
            for (name, value) in headers.iter().filter(|(name, _)| self.headers.contains(name)) {
                let value = StringValue::from(secrets.header(name, value));
                let value = Value::Array(Array::String(vec![value]));
                request.attributes.push(KeyValue::new(format!("http.{kind}.header.{name}"), value));
            }
        }
        let identity = identity(record, head);
        (request, identity)
    }
}

/// The trace of the caller where the request came with one, else one made of the record's own id.
fn identity(record: &Object<'_, '_>, head: &Head) -> Identity {
    let id = record.text("request_id").unwrap_or_else(|| {
        if record.value("request_id").is_none() {
            record.lose("request_id", "is missing; the ids are the same for all such records");
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
        if let Some((trace_id, parent, flags)) = parse_traceparent(header) {
            let state = head.header("tracestate").and_then(|state| state.parse().ok()).unwrap_or_default();
            let span_context = SpanContext::new(trace_id, span_id, flags, false, state);
            return Identity { span_context, remote_parent: Some(parent) };
        }
        record.lose("metadata.headers.traceparent", "is no valid traceparent; the trace begins here");
    }
    let trace_id = TraceId::from((u128::from(high) << 64 | u128::from(low)).max(1));
    let span_context = SpanContext::new(trace_id, span_id, TraceFlags::SAMPLED, false, TraceState::default());
    Identity { span_context, remote_parent: None }
}

/// W3C Trace Context: lower-case hexadecimal, `version-traceid-parentid-flags`.
fn parse_traceparent(header: &str) -> Option<(TraceId, SpanId, TraceFlags)> {
    let lower_hex = |part: &&str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let part = |from: usize, to: usize| header.get(from..to).filter(lower_hex);
    let dash = |at: usize| header.as_bytes().get(at) == Some(&b'-');
    let version = part(0, 2).filter(|version| *version != "ff")?;
    let ends = match header.len() {
        55 => true,
        length => length > 55 && version != "00" && dash(55),
    };
    if !ends || !dash(2) || !dash(35) || !dash(52) {
        return None;
    }
    let trace_id = TraceId::from_hex(part(3, 35)?).ok().filter(|id| *id != TraceId::INVALID)?;
    let parent = SpanId::from_hex(part(36, 52)?).ok().filter(|id| *id != SpanId::INVALID)?;
    let flags = u8::from_str_radix(part(53, 55)?, 16).ok()?;
    Some((trace_id, parent, TraceFlags::new(flags & 3)))
}

/// The template that the path matched. `matched_route` is the path itself, so it is looked up in the list of routes.
fn route(
    metadata: &Object<'_, '_>,
    panel: Option<&Object<'_, '_>>,
    method: Option<&str>,
    path: Option<&str>,
) -> Option<String> {
    let matched = metadata
        .text("matched_route")
        .or_else(|| panel.and_then(|panel| panel.text("current_route")))
        .filter(|route| !route.is_empty())?;
    if matched.contains('{') {
        return Some(matched);
    }
    let routes: List<'_> =
        metadata.list("routes").or_else(|| panel.and_then(|panel| panel.list("routes")))?;
    // A failure to read one of many routes says nothing of this request.
    let quiet = super::Losses::default();
    let mut template = None;
    for route in routes.objects(&quiet) {
        let Some(candidate) = route.text("path") else { continue };
        let methods = route.list("methods");
        let serves = |methods: &List<'_>| {
            let is = |value: &&serde_json::value::RawValue| json::text(value).as_deref() == method;
            methods.len() == 0 || methods.values().iter().any(is)
        };
        if !methods.as_ref().is_none_or(serves) || !matches(&candidate, path.unwrap_or(&matched)) {
            continue;
        }
        // A route without parameters wins.
        if !candidate.contains('{') {
            return Some(candidate);
        }
        template.get_or_insert(candidate);
    }
    template
}

/// Whether a path is one of a template's, such as `/authors/{author_id:int}` or `/static/{file:path}`.
fn matches(template: &str, path: &str) -> bool {
    let mut path_parts = path.trim_end_matches('/').split('/');
    for part in template.trim_end_matches('/').split('/') {
        let parameter = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
        match (parameter, path_parts.next()) {
            (Some(parameter), Some(_)) if parameter.ends_with(":path") => return true,
            (Some(parameter), Some(value)) if parameter.ends_with(":int") => {
                if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
                    return false;
                }
            }
            (Some(_), Some(value)) if !value.is_empty() => {}
            (None, Some(value)) if value == part => {}
            _ => return false,
        }
    }
    path_parts.next().is_none()
}

/// The fields that are text, names in lower case.
fn pairs(object: &Object<'_, '_>) -> Vec<(String, String)> {
    let names = object.names().map(str::to_owned);
    names.filter_map(|name| Some((name.to_ascii_lowercase(), object.text(&name)?))).collect()
}

fn value_of<'p>(pairs: &'p [(String, String)], name: &str) -> Option<&'p str> {
    pairs.iter().find(|(other, _)| other == name).map(|(_, value)| &**value)
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
    fn paths_are_found_in_templates() {
        #[track_caller]
        fn check(template: &str, path: &str, expected: bool) {
            assert_eq!(matches(template, path), expected, "{template} {path}");
        }
        check("/", "/", true);
        check("/a", "/a/", true);
        check("/a", "/b", false);
        check("/a/{id}", "/a/x", true);
        check("/a/{id}", "/a", false);
        check("/a/{id}", "/a//", false);
        check("/a/{id}", "/a/x/y", false);
        check("/a/{id:int}", "/a/7", true);
        check("/a/{id:int}", "/a/x", false);
        check("/a/{id:uuid}/b", "/a/x/b", true);
        check("/static/{file:path}", "/static/css/a.css", true);
    }

    #[test]
    fn a_traceparent_is_taken_as_w3c_has_it() {
        #[track_caller]
        fn check(header: &str, expected: bool) {
            assert_eq!(parse_traceparent(header).is_some(), expected, "{header}");
        }
        const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        check(VALID, true);
        check(&VALID.replacen("00", "cc", 1), true);
        check(&format!("{}-more", VALID.replacen("00", "cc", 1)), true);
        check(&format!("{VALID}-more"), false);
        check(&VALID.replacen("00", "ff", 1), false);
        check(&VALID.to_uppercase(), false);
        check(&VALID.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)), false);
        check(&VALID.replace("00f067aa0ba902b7", &"0".repeat(16)), false);
        check(&VALID[..54], false);
        check(&VALID.replace('-', "_"), false);
        check("", false);
        check("é0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1", false);
    }

    #[test]
    fn a_host_is_split_from_its_port() {
        assert_eq!(split_authority("shop.example"), (Some("shop.example"), None));
        assert_eq!(split_authority("shop.example:8080"), (Some("shop.example"), Some(8080)));
        assert_eq!(split_authority("[::1]:80"), (Some("::1"), Some(80)));
        assert_eq!(split_authority("[::1]"), (Some("::1"), None));
        assert_eq!(split_authority(""), (None, None));
    }
}
