use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;

use super::gzip::{Part, gzip, plain};

pub(crate) type Answer = Response<Full<Bytes>>;

/// What an answer can be: a body for which there may be better forms than itself.
#[derive(Clone, Debug)]
pub(super) struct Content {
    content_type: &'static str,
    parts: Vec<Part>,
    tag: HeaderValue,
}

/// Why there is no content.
#[derive(Debug)]
pub(super) struct ErrorAnswer(pub(super) StatusCode, pub(super) Cow<'static, str>);

impl From<ErrorAnswer> for Answer {
    fn from(ErrorAnswer(status, message): ErrorAnswer) -> Self {
        error(status, &message)
    }
}

/// Bytes from which on a body is compressed.
const COMPRESSED_FROM: usize = 1024;

impl Content {
    pub(super) fn new(content_type: &'static str, parts: Vec<Part>) -> Self {
        let tag = entity_tag(&parts);
        Content { content_type, parts, tag }
    }

    /// JSON, or why there is none.
    pub(super) fn json(parts: serde_json::Result<Vec<Part>>) -> Result<Self, ErrorAnswer> {
        match parts {
            Ok(parts) => Ok(Content::new("application/json", parts)),
            Err(failed) => Err(ErrorAnswer(StatusCode::INTERNAL_SERVER_ERROR, failed.to_string().into())),
        }
    }

    /// The answer to whoever asked with these headers: nothing where it is known already, and compressed where that can
    /// be read.
    pub(super) fn answer(&self, asked: &HeaderMap) -> Answer {
        let known = asked.get_all(header::IF_NONE_MATCH).into_iter().any(|tags| lists(tags, &self.tag));
        let len: usize = self.parts.iter().map(Part::len).sum();
        let gzip = (!known && len >= COMPRESSED_FROM && accepts_gzip(asked))
            .then(|| gzip(&self.parts))
            .filter(|gzip| gzip.len() < len);
        let is_gzip = gzip.is_some();
        let mut answer = match known {
            true => empty(StatusCode::NOT_MODIFIED),
            false => {
                let body = gzip.unwrap_or_else(|| plain(&self.parts));
                self::answer(StatusCode::OK, self.content_type, body)
            }
        };
        let headers = answer.headers_mut();
        headers.insert(header::ETAG, self.tag.clone());
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if is_gzip {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        answer
    }
}

/// Tells one body from another. It is weak, as the body is the same in other encodings (RFC 9110, 8.8.3).
fn entity_tag(parts: &[Part]) -> HeaderValue {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    let tag = format!("W/\"{:016x}\"", hasher.finish());
    HeaderValue::try_from(tag).unwrap_or(HeaderValue::from_static("W/\"\""))
}

/// Whether a list of entity tags holds this one (weak comparison; RFC 9110, 13.1.2).
fn lists(tags: &HeaderValue, tag: &HeaderValue) -> bool {
    let opaque = |tag: &HeaderValue| tag.to_str().unwrap_or_default().trim_start_matches("W/").to_owned();
    let tag = opaque(tag);
    let tags = tags.to_str().unwrap_or_default();
    tags.split(',').map(str::trim).any(|other| other == "*" || other.trim_start_matches("W/") == tag)
}

/// Whether gzip may be sent (RFC 9110, 12.5.3).
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT_ENCODING).into_iter().filter_map(|line| line.to_str().ok());
    let mut any = false;
    for coding in lines.flat_map(|line| line.split(',')) {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().trim_start_matches(['q', 'Q', '=']).parse::<f32>().unwrap_or(1.0);
        match name.trim() {
            name if name.eq_ignore_ascii_case("gzip") => return weight > 0.0,
            "*" => any = weight > 0.0,
            _ => {}
        }
    }
    any
}

/// Makes an answer that to the request's method, and gives it what all have.
pub(super) fn finish(mut answer: Answer, method: &Method) -> Answer {
    let length = answer.body().size_hint().exact();
    let unchanged = answer.status() == StatusCode::NOT_MODIFIED;
    let headers = answer.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if *method == Method::HEAD {
        // That of a 304 would be the length of the answer to GET (RFC 9110, 8.6), which has none.
        if let Some(length) = length.filter(|_| !unchanged) {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        *answer.body_mut() = Full::default();
    }
    answer
}

pub(super) fn error(status: StatusCode, message: &str) -> Answer {
    let body = serde_json::json!({ "error": message }).to_string();
    answer(status, "application/json", body.into())
}

pub(super) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}

pub(super) fn answer(status: StatusCode, content_type: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(rows: &[(&'static str, &'static str)]) -> HeaderMap {
        rows.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    fn content(body: &'static str) -> Content {
        Content::new("application/json", vec![Part::Plain(body.into())])
    }

    #[test]
    fn gzip_is_sent_to_who_reads_it() {
        #[track_caller]
        fn check(encodings: &'static str, expected: bool) {
            let content = Content::new("application/json", vec![Part::Plain(vec![b'x'; 5000].into())]);
            let answer = content.answer(&asked(&[("accept-encoding", encodings)]));
            assert_eq!(answer.headers().contains_key("content-encoding"), expected, "{encodings:?}");
            assert_eq!(answer.body().size_hint().exact().unwrap() < 5000, expected);
            assert_eq!(answer.headers()["vary"], "accept-encoding");
        }
        check("gzip, deflate, br, zstd", true);
        check("br, GZIP;q=0.5", true);
        check("*", true);
        check("gzip;q=0, *", false);
        check("identity", false);
        check("", false);
        check("xgzip", false);
    }

    #[test]
    fn what_is_short_is_sent_as_it_is() {
        let answer = content("{}").answer(&asked(&[("accept-encoding", "gzip")]));
        assert!(!answer.headers().contains_key("content-encoding"));
    }

    #[test]
    fn what_is_known_is_not_sent_again() {
        let tag = content("{}").answer(&HeaderMap::new()).headers()["etag"].clone();
        let mut headers = HeaderMap::new();
        headers.insert("if-none-match", tag.clone());
        let answer = content("{}").answer(&headers);
        assert_eq!((answer.status(), answer.body().size_hint().exact()), (StatusCode::NOT_MODIFIED, Some(0)));
        assert_eq!(answer.headers()["etag"], tag);
        let other = content("[]").answer(&headers);
        assert_eq!(other.status(), StatusCode::OK);
    }
}
