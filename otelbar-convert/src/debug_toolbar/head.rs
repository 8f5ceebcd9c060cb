//! What a record says of the request and its answer, in clear.

use super::json::{self, List, Object};
use super::losses::Losses;
use super::panels::find;

/// Headers, cookies and query, in clear.
pub(super) struct Head {
    pub(super) request_headers: Vec<(String, String)>,
    pub(super) response_headers: Vec<(String, String)>,
    pub(super) cookies: Vec<(String, String)>,
    pub(super) query: Option<String>,
    pub(super) method: Option<String>,
    pub(super) path: Option<String>,
    pub(super) scheme: Option<String>,
    pub(super) peer: Option<String>,
    pub(super) peer_port: Option<u16>,
    pub(super) status: Option<u16>,
    pub(super) route: Option<String>,
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

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        value_of(&self.request_headers, name)
    }
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
    let quiet = Losses::default();
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
    let pair = |(name, value): (&str, &_)| Some((name.to_ascii_lowercase(), object.text_of(name, value)?));
    object.fields().filter(|(_, value)| value.get() != "null").filter_map(pair).collect()
}

pub(super) fn value_of<'p>(pairs: &'p [(String, String)], name: &str) -> Option<&'p str> {
    // Of two fields of one name it is the later one's, as elsewhere.
    pairs.iter().rfind(|(other, _)| other == name).map(|(_, value)| &**value)
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
}
