use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;

pub(crate) type Answer = Response<Full<Bytes>>;

/// What an answer can be: a body for which there may be better forms than itself.
#[derive(Clone, Debug)]
pub(super) struct Content {
    pub(super) content_type: &'static str,
    pub(super) body: Bytes,
    /// The body in gzip, where it was made before.
    pub(super) gzip: Option<Bytes>,
    pub(super) tag: HeaderValue,
}

/// Why there is no content.
#[derive(Debug)]
pub(super) struct Refusal(pub(super) StatusCode, pub(super) Cow<'static, str>);

impl From<Refusal> for Answer {
    fn from(Refusal(status, message): Refusal) -> Self {
        error(status, &message)
    }
}

/// Bytes from which on a body is compressed.
const COMPRESSED_FROM: usize = 1024;

impl Content {
    pub(super) fn new(content_type: &'static str, body: Bytes) -> Self {
        let tag = entity_tag(&body);
        Content { content_type, body, gzip: None, tag }
    }

    /// JSON, or why there is none.
    pub(super) fn json(body: serde_json::Result<Vec<u8>>) -> Result<Self, Refusal> {
        match body {
            Ok(body) => Ok(Content::new("application/json", body.into())),
            Err(failed) => Err(Refusal(StatusCode::INTERNAL_SERVER_ERROR, failed.to_string().into())),
        }
    }

    /// The answer to whoever asked with these headers: nothing where it is known already, and compressed where that can
    /// be read.
    pub(super) fn answer(self, asked: &HeaderMap) -> Answer {
        let known = asked.get_all(header::IF_NONE_MATCH).into_iter().any(|tags| lists(tags, &self.tag));
        let takes_gzip = accepts_gzip(asked);
        let (body, encoding) = match self.gzip {
            Some(gzip) if takes_gzip => (gzip, Some("gzip")),
            None if takes_gzip && self.body.len() >= COMPRESSED_FROM && !known => {
                match compressed(&self.body, Compression::fast()) {
                    Some(gzip) => (gzip, Some("gzip")),
                    None => (self.body, None),
                }
            }
            _ => (self.body, None),
        };
        let mut answer = match known {
            true => empty(StatusCode::NOT_MODIFIED),
            false => self::answer(StatusCode::OK, self.content_type, body),
        };
        let headers = answer.headers_mut();
        headers.insert(header::ETAG, self.tag);
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if let Some(encoding) = encoding.filter(|_| !known) {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        answer
    }
}

/// A body in gzip; `None` if it cannot be had, or is no shorter.
pub(super) fn compressed(body: &[u8], level: Compression) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), level);
    encoder.write_all(body).ok()?;
    let gzip = encoder.finish().ok()?;
    (gzip.len() < body.len()).then(|| gzip.into())
}

/// Tells one body from another. It is weak, as the body is the same in other encodings (RFC 9110, 8.8.3).
fn entity_tag(body: &[u8]) -> HeaderValue {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
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

    #[test]
    fn gzip_is_sent_to_who_reads_it() {
        #[track_caller]
        fn check(encodings: &'static str, expected: bool) {
            let content = Content::new("application/json", vec![b'x'; 5000].into());
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
        let answer =
            Content::new("application/json", "{}".into()).answer(&asked(&[("accept-encoding", "gzip")]));
        assert!(!answer.headers().contains_key("content-encoding"));
    }

    #[test]
    fn what_is_known_is_not_sent_again() {
        let content = || Content::new("application/json", "{}".into());
        let tag = content().answer(&HeaderMap::new()).headers()["etag"].clone();
        let mut headers = HeaderMap::new();
        headers.insert("if-none-match", tag.clone());
        let answer = content().answer(&headers);
        assert_eq!((answer.status(), answer.body().size_hint().exact()), (StatusCode::NOT_MODIFIED, Some(0)));
        assert_eq!(answer.headers()["etag"], tag);
        let other = Content::new("application/json", "[]".into()).answer(&headers);
        assert_eq!(other.status(), StatusCode::OK);
    }
}
