//! The page's files, embedded as they are.

use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderValue};

use super::answer::{self, Answer, error};

/// The page loads nothing from elsewhere and runs no script but its own.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                                       img-src 'self' data:; base-uri 'none'; form-action 'none'; \
                                       frame-ancestors 'none'";

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../page/", $name)))),*]
    };
}

const FILES: &[(&str, &str)] = files![
    "api.js",
    "app.css",
    "app.js",
    "bar.js",
    "details.js",
    "dom.js",
    "exporter.js",
    "favicon.svg",
    "feed.js",
    "filter.js",
    "format.js",
    "headers.js",
    "index.html",
    "list.js",
    "location.js",
    "logs-tab.js",
    "logs.js",
    "poll.js",
    "propagation-tab.js",
    "queries-tab.js",
    "queries.js",
    "request.js",
    "rows.js",
    "shell.js",
    "shortcuts.js",
    "splitter.js",
    "timeline.js",
    "trace.js",
    "waterfall.js",
    "words.js",
];

pub(super) fn answer(rest: &str, headers: &HeaderMap) -> Answer {
    let name = match rest.trim_start_matches('/') {
        "" => "index.html",
        name => name,
    };
    let Some((name, text)) = FILES.iter().find(|(file, _)| *file == name) else {
        return error(StatusCode::NOT_FOUND, "the toolbar has no such page");
    };
    let tag = entity_tag(text);
    let known = headers.get_all(header::IF_NONE_MATCH).into_iter().any(|tags| lists(tags, &tag));
    let mut answer = match known {
        true => answer::empty(StatusCode::NOT_MODIFIED),
        false => answer::answer(StatusCode::OK, content_type(name), Bytes::from_static(text.as_bytes())),
    };
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    // Kept by the browser, and asked for again each time: the service may be another by then, and so may its page.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(header::ETAG, tag);
    }
    answer
}

fn entity_tag(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

/// Whether a list of entity tags holds this one (weak comparison; RFC 9110, 13.1.2).
fn lists(tags: &HeaderValue, tag: &str) -> bool {
    let tags = tags.to_str().unwrap_or_default();
    tags.split(',').map(str::trim).any(|other| other == "*" || other.trim_start_matches("W/") == tag)
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_page_is_embedded() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/page");
        let served = ["html", "js", "css", "svg"];
        let mut found: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.rsplit_once('.').is_some_and(|(_, ending)| served.contains(&ending)))
            .collect();
        found.sort();
        assert_eq!(FILES.iter().map(|(name, _)| *name).collect::<Vec<_>>(), found);
    }
}
