//! The small bar at the end of the application's HTML pages: when it is put there, and what is put there.
//!
//! The fragment is appended after the page's last byte. Browsers take what follows `</html>` as part of the body, and so
//! nothing of the page has to be searched, held back or kept whole: a page that streams goes on streaming.

use std::fmt;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use opentelemetry::trace::SpanId;

use crate::access::Denied;

/// What becomes of a response.
#[derive(Debug)]
pub(crate) enum Bar {
    /// It is no HTML page.
    None,
    /// It gets this at its end.
    Fragment(Bytes),
    /// It is an HTML page that is left as it is.
    Left(Reason),
}

/// Why an HTML page gets no bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Denied(Denied),
    /// The request was made by a script or for a part of a page, as this header tells.
    NotNavigation(&'static str),
    Method,
    Encoding(String),
    Charset(String),
    Status(u16),
    /// A header that vouches for the body's bytes.
    Digest(HeaderName),
    Download,
    ContentSecurityPolicy,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Denied(denied) => write!(f, "{denied}"),
            Reason::NotNavigation(header) => write!(f, "not a page navigation ({header})"),
            Reason::Method => f.write_str("not a GET or POST request"),
            Reason::Encoding(encoding) => write!(
                f,
                "content-encoding is {encoding}; put the toolbar's layer inside the layer that compresses"
            ),
            Reason::Charset(charset) => write!(f, "charset is {charset}"),
            Reason::Status(status) => write!(f, "status is {status}"),
            Reason::Digest(header) => write!(f, "{header} vouches for the body"),
            Reason::Download => f.write_str("content-disposition is attachment"),
            Reason::ContentSecurityPolicy => f.write_str(
                "content-security-policy allows no script of this origin; add 'self' to script-src",
            ),
        }
    }
}

/// Whether the request is one whose answer a person looks at as a page.
pub(crate) fn wanted(method: &Method, headers: &HeaderMap) -> Result<(), Reason> {
    if !matches!(*method, Method::GET | Method::POST) {
        return Err(Reason::Method);
    }
    if let Some(destination) = headers.get("sec-fetch-dest") {
        return match destination.as_bytes() {
            b"document" | b"iframe" | b"frame" => Ok(()),
            _ => Err(Reason::NotNavigation("sec-fetch-dest")),
        };
    }
    for name in ["x-requested-with", "hx-request", "turbo-frame"] {
        if headers.contains_key(name) {
            return Err(Reason::NotNavigation(name));
        }
    }
    Ok(())
}

/// What becomes of a response that has a body.
pub(crate) fn decide(
    wanted: &Result<(), Reason>,
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
    match wanted.clone().and_then(|()| possible(head, parts)) {
        Ok(nonce) => Bar::Fragment(fragment(path, id, nonce)),
        Err(reason) => Bar::Left(reason),
    }
}

/// The `content-length` of a body that gets longer.
pub(crate) fn lengthen(headers: &mut HeaderMap, by: usize) {
    let length = text(headers, &header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if let Some(length) = length.and_then(|length| length.checked_add(by as u64)) {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
}

/// Whether the fragment can be added without harm; the nonce that its script needs, if any.
fn possible<'h>(
    head: &'h http::response::Parts,
    parameters: impl Iterator<Item = &'h str>,
) -> Result<Option<&'h str>, Reason> {
    let headers = &head.headers;
    if matches!(head.status, StatusCode::PARTIAL_CONTENT | StatusCode::SWITCHING_PROTOCOLS) {
        return Err(Reason::Status(head.status.as_u16()));
    }
    for encoding in headers.get_all(header::CONTENT_ENCODING) {
        if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") {
            return Err(Reason::Encoding(String::from_utf8_lossy(encoding.as_bytes()).into_owned()));
        }
    }
    for parameter in parameters {
        let Some((name, value)) = parameter.split_once('=') else { continue };
        let charset = value.trim_matches('"').to_ascii_lowercase();
        // Every charset in use on the web but these has ASCII where ASCII has it.
        if name.trim().eq_ignore_ascii_case("charset") && (charset.contains("16") || charset.contains("32")) {
            return Err(Reason::Charset(charset));
        }
    }
    for name in ["content-digest", "repr-digest", "digest", "content-md5", "signature-input"] {
        if headers.contains_key(name) {
            return Err(Reason::Digest(HeaderName::from_static(name)));
        }
    }
    if text(headers, &header::CONTENT_DISPOSITION).is_some_and(|value| starts_with_word(value, "attachment"))
    {
        return Err(Reason::Download);
    }
    let mut nonce = None;
    for policy in headers.get_all(header::CONTENT_SECURITY_POLICY) {
        let policy = policy.to_str().map_err(|_| Reason::ContentSecurityPolicy)?;
        for policy in policy.split(',') {
            nonce = script_permission(policy)?.or(nonce);
        }
    }
    Ok(nonce)
}

/// Whether a policy lets a script of this origin run; with which nonce, where it asks for one.
fn script_permission(policy: &str) -> Result<Option<&str>, Reason> {
    let directive = |name: &str| {
        policy.split(';').find_map(|directive| {
            let mut words = directive.split_ascii_whitespace();
            words.next().filter(|first| first.eq_ignore_ascii_case(name))?;
            Some(words)
        })
    };
    let sources =
        directive("script-src-elem").or_else(|| directive("script-src")).or_else(|| directive("default-src"));
    let Some(sources) = sources else { return Ok(None) };
    let nonce = sources.clone().find_map(|source| source.strip_prefix("'nonce-")?.strip_suffix('\''));
    let strict = sources.clone().any(|source| source.eq_ignore_ascii_case("'strict-dynamic'"));
    let own = sources
        .clone()
        .any(|source| source.eq_ignore_ascii_case("'self'") || matches!(source, "*" | "http:" | "https:"));
    // A nonce is copied into an attribute, so it may hold nothing but what RFC 4648 gives it.
    let clean = |nonce: &&str| nonce.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/-_=".contains(&b));
    match nonce.filter(clean) {
        Some(nonce) => Ok(Some(nonce)),
        None if own && !strict => Ok(None),
        None => Err(Reason::ContentSecurityPolicy),
    }
}

fn fragment(path: &str, id: SpanId, nonce: Option<&str>) -> Bytes {
    let nonce = nonce.map(|nonce| format!(" nonce=\"{nonce}\"")).unwrap_or_default();
    format!("\n<script src=\"{path}/bar.js\" data-request=\"{id}\"{nonce} defer></script>\n").into()
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

    fn decide_for(request: &[(&'static str, &str)], response: &[(&'static str, &str)]) -> Bar {
        let headers = |rows: &[(&'static str, &str)]| -> HeaderMap {
            rows.iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
                .collect()
        };
        let mut answer = http::Response::new(());
        *answer.headers_mut() = headers(response);
        let wanted = wanted(&Method::GET, &headers(request));
        decide(&wanted, &answer.into_parts().0, "/__otelbar", SpanId::from(1))
    }

    #[track_caller]
    fn check(request: &[(&'static str, &str)], response: &[(&'static str, &str)], expected: &str) {
        let bar = match decide_for(request, response) {
            Bar::None => "none".to_owned(),
            Bar::Fragment(fragment) => String::from_utf8(fragment.to_vec()).unwrap().trim().to_owned(),
            Bar::Left(reason) => reason.to_string(),
        };
        assert_eq!(bar, expected);
    }

    const HTML: (&str, &str) = ("content-type", "text/html; charset=utf-8");
    const SCRIPT: &str =
        "<script src=\"/__otelbar/bar.js\" data-request=\"0000000000000001\" defer></script>";

    #[test]
    fn pages_alone_get_the_bar() {
        check(&[], &[HTML], SCRIPT);
        check(&[("sec-fetch-dest", "document")], &[HTML], SCRIPT);
        check(&[], &[("content-type", "TEXT/HTML")], SCRIPT);
        check(&[], &[("content-type", "application/json")], "none");
        check(&[], &[("content-type", "text/html+custom")], "none");
        check(&[], &[], "none");
    }

    #[test]
    fn parts_of_pages_are_left() {
        check(&[("sec-fetch-dest", "empty")], &[HTML], "not a page navigation (sec-fetch-dest)");
        check(&[("hx-request", "true")], &[HTML], "not a page navigation (hx-request)");
        check(&[("x-requested-with", "XMLHttpRequest")], &[HTML], "not a page navigation (x-requested-with)");
    }

    #[test]
    fn bodies_that_a_fragment_would_break_are_left() {
        check(
            &[],
            &[HTML, ("content-encoding", "br")],
            "content-encoding is br; put the toolbar's layer inside the layer that compresses",
        );
        check(&[], &[HTML, ("content-encoding", "identity")], SCRIPT);
        check(&[], &[("content-type", "text/html; charset=\"UTF-16LE\"")], "charset is utf-16le");
        check(&[], &[HTML, ("content-digest", "sha-256=:x:")], "content-digest vouches for the body");
        check(
            &[],
            &[HTML, ("content-disposition", "Attachment; filename=a")],
            "content-disposition is attachment",
        );
    }

    #[test]
    fn a_content_security_policy_is_kept() {
        let csp = |policy| ("content-security-policy", policy);
        let refused = "content-security-policy allows no script of this origin; add 'self' to script-src";
        let with_nonce = "<script src=\"/__otelbar/bar.js\" data-request=\"0000000000000001\" nonce=\"aB+/=\" defer></script>";
        check(&[], &[HTML, csp("img-src 'none'")], SCRIPT);
        check(&[], &[HTML, csp("default-src 'self'")], SCRIPT);
        check(&[], &[HTML, csp("default-src 'none'")], refused);
        check(&[], &[HTML, csp("default-src 'self'; script-src https://cdn.example")], refused);
        check(&[], &[HTML, csp("script-src 'nonce-aB+/=' 'strict-dynamic'")], with_nonce);
        check(&[], &[HTML, csp("script-src 'self' 'strict-dynamic'")], refused);
        check(&[], &[HTML, csp("script-src 'nonce-\"><b>'")], refused);
    }
}
