//! The page's files, embedded as they are, under addresses that change when one of them does.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock};

use flate2::Compression;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderValue};

use super::answer::{Answer, Content, error};
use super::gzip::{Deflated, Part};

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
    "app.js",
    "bar/bar.js",
    "favicon.svg",
    "index.html",
    "list/list.css",
    "list/list.js",
    "list/method.js",
    "list/scale.js",
    "request/details.css",
    "request/details.js",
    "request/headers.js",
    "request/logs-tab.js",
    "request/logs.js",
    "request/neighbour.js",
    "request/propagation-tab.js",
    "request/queries-tab.js",
    "request/queries.js",
    "request/request.css",
    "request/request.js",
    "request/splitter.js",
    "request/sql.js",
    "request/tabs.css",
    "request/timeline.js",
    "request/trace.js",
    "request/waterfall.css",
    "request/waterfall.js",
    "request/words.js",
    "shared/api.js",
    "shared/dom.js",
    "shared/feed.js",
    "shared/filter.js",
    "shared/findings.js",
    "shared/format.js",
    "shared/location.js",
    "shared/poll.js",
    "shared/rows.js",
    "shared/session.js",
    "shared/shared.css",
    "shared/words.js",
    "shell/exporter.js",
    "shell/losses.js",
    "shell/shell.css",
    "shell/shell.js",
    "shell/shortcuts.js",
    "shell/words.js",
];

/// What the files hold, in 16 hexadecimal digits: the folder under which the page's own are asked for, and may be kept.
pub(super) static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = DefaultHasher::new();
    FILES.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
});

/// The same files as they are sent, each compressed once.
static CONTENTS: LazyLock<Vec<Content>> = LazyLock::new(|| {
    let content = |(name, text): &(&'static str, &'static str)| {
        let text = match *name {
            START => versioned(text),
            _ => (*text).to_owned(),
        };
        let deflated = Deflated::new(text.as_bytes(), Compression::best());
        Content::new(content_type(name), vec![Part::Deflated(Arc::new(deflated))])
    };
    FILES.iter().map(content).collect()
});

/// The file that leads to the others.
const START: &str = "index.html";

/// The page's start, with the addresses of the files of this version.
fn versioned(start: &str) -> String {
    let address = |text: String, (name, _): &(&str, &str)| {
        text.replace(&format!("\"{name}\""), &format!("\"{}/{name}\"", *VERSION))
    };
    FILES.iter().fold(start.to_owned(), address)
}

/// The file of this name, which may have a version as its folder or in its query.
pub(super) fn answer(rest: &str, query: &str, asked: &HeaderMap) -> Answer {
    let name = rest.trim_start_matches('/');
    let (version, name) = match name.split_once('/') {
        Some((folder, name)) if is_version(folder) => (Some(folder), name),
        _ => (query.split('&').find_map(|pair| pair.strip_prefix("v=")), name),
    };
    let name = if name.is_empty() { START } else { name };
    let Some(place) = FILES.iter().position(|(file, _)| *file == name) else {
        return error(StatusCode::NOT_FOUND, "the toolbar has no such page");
    };
    let mut answer = CONTENTS[place].answer(asked);
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    // Another version's is as good as this one's where it is asked for, but not to be kept in its place; and without
    // one, the service may be another by the next time, and so may its page.
    let may_be_kept = name != START && version == Some(&VERSION);
    let caching = match may_be_kept {
        true => "private, max-age=31536000, immutable",
        false => "private, no-cache",
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    answer
}

fn is_version(folder: &str) -> bool {
    folder.len() == VERSION.len() && folder.bytes().all(|byte| byte.is_ascii_hexdigit())
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
        let served = ["html", "js", "css", "svg"];
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/page");
        let names = |folder: &str| {
            let entries = std::fs::read_dir(format!("{page}/{folder}")).unwrap().map(Result::unwrap);
            entries.map(|entry| entry.file_name().into_string().unwrap()).collect::<Vec<_>>()
        };
        let mut found = names("");
        for folder in names("").iter().filter(|name| !["node_modules", "tests"].contains(&name.as_str())) {
            if std::fs::metadata(format!("{page}/{folder}")).unwrap().is_dir() {
                found.extend(names(folder).iter().map(|name| format!("{folder}/{name}")));
            }
        }
        found.retain(|name| name.rsplit_once('.').is_some_and(|(_, ending)| served.contains(&ending)));
        found.sort();
        assert_eq!(FILES.iter().map(|(name, _)| *name).collect::<Vec<_>>(), found);
    }
}
