//! The small bar at the end of the application's HTML pages: when it is put there, and what is put there.
//!
//! The fragment is appended after the page's last byte. Browsers take what follows `</html>` as part of the body, and so
//! nothing of the page has to be searched, held back or kept whole: a page that streams goes on streaming.

mod csp;
mod fragment;
mod validator;

use std::fmt;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::Authority;
use http::{Method, Request, StatusCode, Uri};
use opentelemetry::trace::SpanId;

use crate::web::{Denied, is_https};
use csp::{Forbidden, Place};
pub(crate) use fragment::Fragment;

/// What becomes of a response.
#[derive(Debug)]
pub(crate) enum Bar {
    /// It is no HTML page.
    None,
    /// It gets this at its end.
    Added(Fragment),
    /// It is an HTML page that is left as it is.
    Left(NoBarReason),
}

/// Why an HTML page gets no bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoBarReason {
    Denied(Denied),
    /// The request was made by a script or for a part of a page, as this header tells.
    NotNavigation(&'static str),
    /// The request does not ask for HTML.
    Accept,
    Method,
    Encoding(String),
    Charset(String),
    Status(u16),
    /// A header that vouches for the body's bytes.
    Digest(HeaderName),
    Download,
    ContentSecurityPolicy(Forbidden),
}

impl fmt::Display for NoBarReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoBarReason::Denied(denied) => write!(f, "{denied}"),
            NoBarReason::NotNavigation(header) => write!(f, "not a page navigation ({header})"),
            NoBarReason::Accept => f.write_str("the request's accept header does not name text/html"),
            NoBarReason::Method => f.write_str("not a GET, HEAD or POST request"),
            NoBarReason::Encoding(encoding) => write!(
                f,
                "content-encoding is {encoding}; put the toolbar's layer inside the layer that compresses"
            ),
            NoBarReason::Charset(charset) => write!(f, "charset is {charset}"),
            NoBarReason::Status(status) => write!(f, "status is {status}"),
            NoBarReason::Digest(header) => write!(f, "{header} vouches for the body"),
            NoBarReason::Download => f.write_str("content-disposition is attachment"),
            NoBarReason::ContentSecurityPolicy(forbidden) => write!(f, "{forbidden}"),
        }
    }
}

/// What a browser asks for, a page or something else.
static DESTINATION: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// What libraries add to the requests of their scripts.
static OF_SCRIPTS: [HeaderName; 4] = [
    HeaderName::from_static("x-requested-with"),
    HeaderName::from_static("hx-request"),
    HeaderName::from_static("turbo-frame"),
    HeaderName::from_static("x-turbo-request-id"),
];

/// A request whose answer a person looks at as a page; what of it decides about the bar.
#[derive(Debug)]
pub(crate) struct Navigation {
    https: bool,
    /// The host that the browser asked for.
    authority: Option<Authority>,
    /// Whether it brought the validator of a page that the bar had lengthened.
    revalidates: bool,
}

impl Navigation {
    /// Whether a request is one.
    pub(crate) fn new<B>(request: &Request<B>) -> Result<Navigation, NoBarReason> {
        let headers = request.headers();
        if !matches!(*request.method(), Method::GET | Method::HEAD | Method::POST) {
            return Err(NoBarReason::Method);
        }
        if let Some(destination) = headers.get(&DESTINATION) {
            if !matches!(destination.as_bytes(), b"document" | b"iframe" | b"frame") {
                return Err(NoBarReason::NotNavigation("sec-fetch-dest"));
            }
        } else {
            // Browsers leave `Sec-Fetch-*` out on plain http, but for this machine.
            if let Some(name) = OF_SCRIPTS.iter().find(|name| headers.contains_key(*name)) {
                return Err(NoBarReason::NotNavigation(name.as_str()));
            }
        }
        if !accepts_html(headers) {
            return Err(NoBarReason::Accept);
        }
        Ok(Navigation {
            https: is_https(request.uri(), headers),
            authority: authority(request.uri(), headers),
            revalidates: false,
        })
    }

    /// Gives the application back the validators of its own that it knows; see [`validator`].
    fn unmark(&mut self, headers: &mut HeaderMap) {
        self.revalidates = validator::unmark(headers, &header::IF_NONE_MATCH);
    }
}

/// Gives the application its own validators back, where a request brings those of lengthened pages.
///
/// Only a navigation may be told that the lengthened page which the browser holds is still good.
pub(crate) fn unmark_validators(
    navigation: &mut Result<Navigation, NoBarReason>,
    method: &Method,
    headers: &mut HeaderMap,
) {
    validator::unmark(headers, &header::IF_MATCH);
    match navigation {
        Ok(navigation) => navigation.unmark(headers),
        Err(_) if !matches!(*method, Method::GET | Method::HEAD) => {
            validator::unmark(headers, &header::IF_NONE_MATCH);
        }
        Err(_) => {}
    }
}

fn authority(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    let named = ["x-forwarded-host", "host"].into_iter().find_map(|name| headers.get(name));
    uri.authority().cloned().or_else(|| Authority::try_from(named?.as_bytes()).ok())
}

fn accepts_html(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let html = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("text/html"));
        let refused = |part: &str| {
            let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
            weight.and_then(|weight| weight.parse::<f32>().ok()) == Some(0.0)
        };
        html && !parts.any(refused)
    })
}

/// What becomes of a response that has a body, or would have one for `GET`.
pub(crate) fn decide(
    navigation: &Result<Navigation, NoBarReason>,
    head: &http::response::Parts,
    path: &str,
    id: SpanId,
) -> Bar {
    let headers = &head.headers;
    let Some(content_type) = text(headers, &header::CONTENT_TYPE) else { return Bar::None };
    let mut parts = content_type.split(';').map(str::trim);
    if !parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("text/html")) {
        return Bar::None;
    }
    let possible = match navigation {
        Ok(navigation) => possible(navigation, head, parts, path),
        Err(reason) => Err(reason.clone()),
    };
    match possible {
        Ok(nonce) => Bar::Added(Fragment::new(path, id, nonce)),
        Err(reason) => Bar::Left(reason),
    }
}

/// Keeps an answer that was made for the bearer of a token out of the caches that others are served from.
pub(crate) fn keep_private(headers: &mut HeaderMap) {
    let lines = headers.get_all(header::CACHE_CONTROL).into_iter().filter_map(|line| line.to_str().ok());
    let directives: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    let named = |wanted: &str| {
        let is =
            |directive: &&str| directive.split('=').next().is_some_and(|n| n.eq_ignore_ascii_case(wanted));
        directives.iter().any(is)
    };
    // With a value `private` is about single fields.
    if named("no-store") || directives.iter().any(|directive| directive.eq_ignore_ascii_case("private")) {
        return;
    }
    let shared = |directive: &&&str| {
        let name = directive.split('=').next().unwrap_or_default();
        !["public", "s-maxage", "proxy-revalidate", "private", ""]
            .iter()
            .any(|shared| name.eq_ignore_ascii_case(shared))
    };
    let kept: Vec<&str> =
        std::iter::once("private").chain(directives.iter().filter(shared).copied()).collect();
    if let Ok(value) = HeaderValue::try_from(kept.join(", ")) {
        headers.insert(header::CACHE_CONTROL, value);
    }
}

/// Makes an answer's head that of its body with the fragment.
pub(crate) fn lengthen(headers: &mut HeaderMap, fragment: &Fragment) {
    let length = text(headers, &header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if let Some(length) = length.and_then(|length| length.checked_add(fragment.len())) {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    validator::mark(headers);
    // The application knows nothing of the bytes at the end, and cannot send parts of them.
    headers.remove(header::ACCEPT_RANGES);
}

/// Makes the head of a 304 that of the lengthened page which the browser holds, if it holds one.
pub(crate) fn revalidated(navigation: &Result<Navigation, NoBarReason>, headers: &mut HeaderMap) -> bool {
    let revalidates = navigation.as_ref().is_ok_and(|navigation| navigation.revalidates);
    if revalidates {
        validator::mark(headers);
        headers.remove(header::ACCEPT_RANGES);
    }
    revalidates
}

/// Whether the fragment can be added without harm; the nonce that its script needs, if any.
fn possible<'h>(
    navigation: &Navigation,
    head: &'h http::response::Parts,
    parameters: impl Iterator<Item = &'h str>,
    path: &str,
) -> Result<Option<&'h str>, NoBarReason> {
    let headers = &head.headers;
    if matches!(head.status, StatusCode::PARTIAL_CONTENT | StatusCode::SWITCHING_PROTOCOLS) {
        return Err(NoBarReason::Status(head.status.as_u16()));
    }
    for encoding in headers.get_all(header::CONTENT_ENCODING) {
        if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") {
            return Err(NoBarReason::Encoding(String::from_utf8_lossy(encoding.as_bytes()).into_owned()));
        }
    }
    for parameter in parameters {
        let Some((name, value)) = parameter.split_once('=') else { continue };
        let charset = value.trim_matches('"').to_ascii_lowercase();
        // Every charset in use on the web but these has ASCII where ASCII has it.
        if name.trim().eq_ignore_ascii_case("charset") && (charset.contains("16") || charset.contains("32")) {
            return Err(NoBarReason::Charset(charset));
        }
    }
    if let Some(digest) =
        DIGESTS.iter().find(|name| headers.contains_key(**name) || in_trailers(headers, name))
    {
        return Err(NoBarReason::Digest(HeaderName::from_static(digest)));
    }
    if text(headers, &header::CONTENT_DISPOSITION).is_some_and(|value| starts_with_word(value, "attachment"))
    {
        return Err(NoBarReason::Download);
    }
    let place = Place { https: navigation.https, authority: navigation.authority.clone(), path };
    csp::permission(headers, &place).map_err(NoBarReason::ContentSecurityPolicy)
}

const DIGESTS: [&str; 5] = ["content-digest", "repr-digest", "digest", "content-md5", "signature-input"];

/// Whether a header is announced to come after the body.
fn in_trailers(headers: &HeaderMap, name: &str) -> bool {
    let lines = headers.get_all(header::TRAILER).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|announced| announced.trim().eq_ignore_ascii_case(name))
}

fn starts_with_word(value: &str, word: &str) -> bool {
    value.split(';').next().is_some_and(|first| first.trim().eq_ignore_ascii_case(word))
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::page_version;

    const HTML: (&str, &str) = ("content-type", "text/html; charset=utf-8");
    const ACCEPT: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
    const SCRIPT: &str =
        "<script src=\"/__otelbar/bar/bar.js?v=VERSION\" data-request=\"0000000000000001\" defer></script>";

    fn headers(rows: &[(&'static str, &str)]) -> HeaderMap {
        rows.iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    fn decide_for(request: &[(&'static str, &str)], response: &[(&'static str, &str)]) -> Bar {
        let mut asked = Request::get("/").body(()).unwrap();
        *asked.headers_mut() = headers(request);
        let mut answer = http::Response::new(());
        *answer.headers_mut() = headers(response);
        decide(&Navigation::new(&asked), &answer.into_parts().0, "/__otelbar", SpanId::from(1))
    }

    #[track_caller]
    fn check(request: &[(&'static str, &str)], response: &[(&'static str, &str)], expected: &str) {
        let bar = match decide_for(request, response) {
            Bar::None => "none".to_owned(),
            Bar::Added(fragment) => {
                let script = String::from_utf8(fragment.after(b"<!doctype").to_vec()).unwrap();
                script.trim().replace(page_version(), "VERSION")
            }
            Bar::Left(reason) => reason.to_string(),
        };
        assert_eq!(bar, expected);
    }

    #[test]
    fn only_pages_get_the_bar() {
        check(&[ACCEPT], &[HTML], SCRIPT);
        check(&[ACCEPT, ("sec-fetch-dest", "document")], &[HTML], SCRIPT);
        check(&[ACCEPT], &[("content-type", "TEXT/HTML")], SCRIPT);
        check(&[ACCEPT], &[("content-type", "application/json")], "none");
        check(&[ACCEPT], &[("content-type", "text/html+custom")], "none");
        check(&[ACCEPT], &[], "none");
    }

    #[test]
    fn answers_to_scripts_are_left() {
        let unasked = "the request's accept header does not name text/html";
        check(&[], &[HTML], unasked);
        check(&[("accept", "*/*")], &[HTML], unasked);
        check(&[("accept", "application/json, text/plain, */*")], &[HTML], unasked);
        check(&[("accept", "text/html;q=0, */*")], &[HTML], unasked);
        check(&[("accept", "text/html;q=0.000")], &[HTML], unasked);
        check(&[("accept", "*/*, Text/HTML; q=0.1")], &[HTML], SCRIPT);
        check(&[ACCEPT, ("sec-fetch-dest", "empty")], &[HTML], "not a page navigation (sec-fetch-dest)");
        check(&[ACCEPT, ("hx-request", "true")], &[HTML], "not a page navigation (hx-request)");
        check(
            &[ACCEPT, ("x-requested-with", "XMLHttpRequest")],
            &[HTML],
            "not a page navigation (x-requested-with)",
        );
    }

    #[test]
    fn bodies_that_a_fragment_would_break_are_left() {
        let left = |rows: &[(&'static str, &str)], expected| check(&[ACCEPT], rows, expected);
        left(
            &[HTML, ("content-encoding", "br")],
            "content-encoding is br; put the toolbar's layer inside the layer that compresses",
        );
        left(&[HTML, ("content-encoding", "identity")], SCRIPT);
        left(&[("content-type", "text/html; charset=\"UTF-16LE\"")], "charset is utf-16le");
        left(&[HTML, ("content-digest", "sha-256=:x:")], "content-digest vouches for the body");
        left(&[HTML, ("trailer", "expires, Content-Digest")], "content-digest vouches for the body");
        left(
            &[HTML, ("trailer", "expires"), ("trailer", "Content-Digest")],
            "content-digest vouches for the body",
        );
        left(&[HTML, ("content-disposition", "Attachment; filename=a")], "content-disposition is attachment");
    }

    #[test]
    fn a_content_security_policy_is_kept() {
        let csp = |policy| ("content-security-policy", policy);
        let refused = "content-security-policy does not allow a script of this origin; \
                       add 'self' or a nonce to script-src";
        let with_nonce = SCRIPT.replace(" defer", " nonce=\"aB+/=\" defer");
        let host = ("host", "127.0.0.1:3000");
        check(&[ACCEPT, host], &[HTML, csp("script-src 'nonce-aB+/='")], &with_nonce);
        check(&[ACCEPT, host], &[HTML, csp("script-src http://127.0.0.1:3000")], SCRIPT);
        check(&[ACCEPT, host], &[HTML, csp("script-src http://127.0.0.1:3001")], refused);
        check(&[ACCEPT], &[HTML, ("content-security-policy-report-only", "script-src 'none'")], SCRIPT);
    }

    #[test]
    fn a_page_for_the_bearer_of_a_token_is_kept_out_of_shared_caches() {
        #[track_caller]
        fn check(lines: &[&str], expected: &[&str]) {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::CACHE_CONTROL, line.parse().unwrap());
            }
            keep_private(&mut headers);
            assert_eq!(headers.get_all(header::CACHE_CONTROL).into_iter().collect::<Vec<_>>(), expected);
        }
        check(&[], &["private"]);
        check(&["public, max-age=60, s-maxage=600"], &["private, max-age=60"]);
        check(&["max-age=60", "Proxy-Revalidate"], &["private, max-age=60"]);
        check(&["max-age=60, Private"], &["max-age=60, Private"]);
        check(&["no-store"], &["no-store"]);
        check(&["private=\"set-cookie\", no-cache"], &["private, no-cache"]);
    }

    #[test]
    fn a_lengthened_page_has_the_head_of_its_own() {
        let mut head = headers(&[
            ("content-length", "10"),
            ("etag", "\"x\""),
            ("accept-ranges", "bytes"),
            ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ]);
        let fragment = Fragment::new("/__otelbar", SpanId::from(1), None);
        lengthen(&mut head, &fragment);
        let expected = headers(&[
            ("content-length", &(10 + fragment.len()).to_string()),
            ("etag", "W/\"x-otelbar\""),
            ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ]);
        assert_eq!(head, expected);
    }
}
