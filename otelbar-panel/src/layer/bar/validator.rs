//! The validators of pages that the bar lengthens.
//!
//! A lengthened body needs another validator than the application's own (RFC 9110, 8.8.1). A strong `ETag: "x"` becomes
//! the weak `W/"x-otelbar"`, and where a client brings that back, the application gets its own `"x"` again: its answer
//! is then the one it would have given without the toolbar. Weak validators stand for equivalent bodies, and stay.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

const MARK: &[u8] = b"-otelbar";

/// Makes the validator of an answer that of its lengthened body.
pub(crate) fn mark(headers: &mut HeaderMap) {
    let Some(tag) = headers.get(header::ETAG).map(HeaderValue::as_bytes) else { return };
    if tag.starts_with(b"W/") {
        return;
    }
    let opaque = tag.strip_prefix(b"\"").and_then(|tag| tag.strip_suffix(b"\""));
    let marked =
        opaque.and_then(|opaque| HeaderValue::from_bytes(&[b"W/\"", opaque, MARK, b"\""].concat()).ok());
    match marked {
        Some(marked) => headers.insert(header::ETAG, marked),
        // One that is not written as the RFC says cannot be made weak.
        None => headers.remove(header::ETAG),
    };
}

/// Gives the application its own validators back in a request's header; whether there were any that were marked.
pub(crate) fn unmark(headers: &mut HeaderMap, name: &HeaderName) -> bool {
    let mut found = false;
    if let header::Entry::Occupied(mut lines) = headers.entry(name) {
        for line in lines.iter_mut() {
            if let Some(own) = unmarked(line.as_bytes()) {
                *line = own;
                found = true;
            }
        }
    }
    found
}

/// A list of entity tags (RFC 9110, 8.8.3) with the marked ones as they were; `None` where none is marked.
fn unmarked(list: &[u8]) -> Option<HeaderValue> {
    let mut own = Vec::with_capacity(list.len());
    let mut rest = list;
    let mut found = false;
    // Tags may hold commas, but no quotes.
    while let Some(open) = rest.iter().position(|b| *b == b'"') {
        let close = open + 1 + rest[open + 1..].iter().position(|b| *b == b'"')?;
        let before = &rest[..open];
        let opaque = &rest[open + 1..close];
        match (before.strip_suffix(b"W/"), opaque.strip_suffix(MARK)) {
            (Some(before), Some(opaque)) => {
                found = true;
                own.extend([before, b"\"", opaque, b"\""].concat());
            }
            _ => own.extend_from_slice(&rest[..=close]),
        }
        rest = &rest[close + 1..];
    }
    own.extend_from_slice(rest);
    HeaderValue::from_bytes(&own).ok().filter(|_| found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_mark(tag: &str, expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        headers.insert("etag", tag.parse().unwrap());
        mark(&mut headers);
        assert_eq!(headers.get("etag").map(|tag| tag.to_str().unwrap()), expected);
    }

    #[test]
    fn a_strong_validator_becomes_a_weak_one_of_its_own() {
        check_mark("\"x\"", Some("W/\"x-otelbar\""));
        check_mark("\"\"", Some("W/\"-otelbar\""));
        check_mark("W/\"x\"", Some("W/\"x\""));
        check_mark("x", None);
        check_mark("\"", None);
    }

    proptest::proptest! {
        #[test]
        fn what_was_marked_is_unmarked(tags in proptest::collection::vec("[!#-~]{0,8}", 1..4)) {
            let mut list = Vec::new();
            for tag in &tags {
                let mut headers = HeaderMap::new();
                headers.insert("etag", format!("\"{tag}\"").parse().unwrap());
                mark(&mut headers);
                list.push(headers["etag"].to_str().unwrap().to_owned());
            }
            let mut headers = HeaderMap::new();
            headers.insert("if-none-match", list.join(", ").parse().unwrap());
            assert!(unmark(&mut headers, &header::IF_NONE_MATCH));
            let own: Vec<_> = tags.iter().map(|tag| format!("\"{tag}\"")).collect();
            assert_eq!(headers["if-none-match"], own.join(", "));
        }

        #[test]
        fn any_list_is_read(list in "[ -~]{0,40}") {
            let mut headers = HeaderMap::new();
            headers.insert("if-none-match", list.parse().unwrap());
            if !unmark(&mut headers, &header::IF_NONE_MATCH) {
                assert_eq!(headers["if-none-match"], list);
            }
        }
    }

    #[track_caller]
    fn check_unmark(list: &str, expected: &str, found: bool) {
        let mut headers = HeaderMap::new();
        headers.insert("if-none-match", list.parse().unwrap());
        assert_eq!(unmark(&mut headers, &header::IF_NONE_MATCH), found);
        assert_eq!(headers["if-none-match"], expected);
    }

    #[test]
    fn the_application_gets_its_own_validators_back() {
        check_unmark("W/\"x-otelbar\"", "\"x\"", true);
        check_unmark("\"a,b\", W/\"x-otelbar\",W/\"c\"", "\"a,b\", \"x\",W/\"c\"", true);
        check_unmark("W/\"x\"", "W/\"x\"", false);
        check_unmark("\"x-otelbar\"", "\"x-otelbar\"", false);
        check_unmark("*", "*", false);
        check_unmark("W/\"x-otelbar", "W/\"x-otelbar", false);
        check_unmark("", "", false);
    }
}
