//! Replaces the values of sensitive keys.
//!
//! Secrets are removed when recorded: the capture calls this before it stores anything, and the converter calls it on
//! records that came from elsewhere. The replacement is `REDACTED`, as the semantic conventions have it for URLs.

use std::borrow::Cow;

/// What stands in the place of a secret.
pub const REDACTED: &str = "REDACTED";

/// Decides which keys hold secrets.
///
/// An attribute is sensitive when its name ends in one of the words, in any case and with `-` and `_` taken as the same:
/// `password` stands for `user_password`, `db.Password` and `userPassword`, not for `passwordless`. A key in a URL's
/// query is sensitive by the same rule, and when it is one of the query keys.
///
/// ```
/// use otelbar_convert::redact::Redactor;
///
/// let redactor = Redactor::new(["password", "token"], ["sig"]);
/// assert!(redactor.is_sensitive("user_Password"));
/// assert_eq!(redactor.query("page=2&csrf_token=abc"), "page=2&csrf_token=REDACTED");
/// assert_eq!(redactor.url("https://me:secret@host/a?sig=1"), "https://REDACTED:REDACTED@host/a?sig=REDACTED");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    words: Vec<String>,
    query_keys: Vec<String>,
}

impl Redactor {
    /// A redactor for what commonly holds secrets: credentials, tokens, passwords, cookies and sessions, and the query
    /// keys that the semantic conventions name.
    pub fn common() -> Self {
        const WORDS: [&str; 16] = [
            "access_token",
            "api_key",
            "apikey",
            "authorization",
            "cookie",
            "credentials",
            "id_token",
            "passwd",
            "password",
            "proxy-authorization",
            "refresh_token",
            "secret",
            "session",
            "set-cookie",
            "token",
            "x-api-key",
        ];
        const QUERY_KEYS: [&str; 11] = [
            "AWSAccessKeyId",
            "Signature",
            "sig",
            "X-Goog-Signature",
            "X-Amz-Signature",
            "X-Amz-Credential",
            "X-Amz-Security-Token",
            "auth",
            "code",
            "key",
            "pwd",
        ];
        Redactor::new(WORDS, QUERY_KEYS)
    }

    /// A redactor for attributes whose names end in one of `words`, and for these query keys; empty ones are passed over.
    pub fn new<W, Q>(words: W, query_keys: Q) -> Self
    where
        W: IntoIterator,
        W::Item: AsRef<str>,
        Q: IntoIterator,
        Q::Item: AsRef<str>,
    {
        let words = words.into_iter().map(|word| normalise(word.as_ref()));
        let query_keys = query_keys.into_iter().map(|key| normalise(key.as_ref()));
        Redactor {
            words: words.filter(|word| !word.is_empty()).collect(),
            query_keys: query_keys.filter(|key| !key.is_empty()).collect(),
        }
    }

    /// Whether a field or attribute of this name holds a secret.
    pub fn is_sensitive(&self, name: &str) -> bool {
        self.words.iter().any(|word| ends_in_word(name.as_bytes(), word.as_bytes()))
    }

    /// The query with the values of sensitive keys replaced. The order, the empty parts and the keys stay.
    pub fn query<'q>(&self, query: &'q str) -> Cow<'q, str> {
        if !query.split('&').any(|pair| self.hides(pair)) {
            return Cow::Borrowed(query);
        }
        let mut out = String::with_capacity(query.len());
        for (i, pair) in query.split('&').enumerate() {
            if i > 0 {
                out.push('&');
            }
            match pair.split_once('=') {
                Some((key, _)) if self.hides(pair) => {
                    out.push_str(key);
                    out.push('=');
                    out.push_str(REDACTED);
                }
                _ => out.push_str(pair),
            }
        }
        Cow::Owned(out)
    }

    /// The URL with its credentials and the values of its sensitive query keys replaced, and without its fragment.
    pub fn url(&self, url: &str) -> String {
        let url = url.split('#').next().unwrap_or_default();
        let (before, query) = match url.split_once('?') {
            Some((before, query)) => (before, Some(query)),
            None => (url, None),
        };
        let mut out = String::with_capacity(url.len());
        match before.split_once("://") {
            Some((scheme, rest)) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                out.push_str(scheme);
                out.push_str("://");
                match authority.rsplit_once('@') {
                    Some((user, host)) => {
                        out.push_str(REDACTED);
                        if user.contains(':') {
                            out.push(':');
                            out.push_str(REDACTED);
                        }
                        out.push('@');
                        out.push_str(host);
                    }
                    None => out.push_str(authority),
                }
                out.push_str(path);
            }
            None => out.push_str(before),
        }
        if let Some(query) = query {
            out.push('?');
            out.push_str(&self.query(query));
        }
        out
    }

    fn hides(&self, pair: &str) -> bool {
        let Some((key, value)) = pair.split_once('=') else { return false };
        // An escaped key is read as the server will read it, so that `%74oken` hides nothing.
        let key = decode(key);
        let named = self.query_keys.iter().any(|named| same(key.as_bytes(), named.as_bytes()));
        !value.is_empty() && (named || self.is_sensitive(&key))
    }
}

fn normalise(word: &str) -> String {
    word.trim().to_ascii_lowercase().replace('-', "_")
}

/// Whether the name is the word, or ends in it after a separator or as a part of its own in camel case.
fn ends_in_word(name: &[u8], word: &[u8]) -> bool {
    let Some(at) = name.len().checked_sub(word.len()) else { return false };
    if !same(&name[at..], word) {
        return false;
    }
    match at.checked_sub(1).map(|before| name[before]) {
        None => true,
        Some(before) => {
            !before.is_ascii_alphanumeric() || (!before.is_ascii_uppercase() && name[at].is_ascii_uppercase())
        }
    }
}

/// Whether a name is a normalised word.
fn same(name: &[u8], word: &[u8]) -> bool {
    let fold = |byte: u8| if byte == b'-' { b'_' } else { byte.to_ascii_lowercase() };
    name.len() == word.len() && name.iter().zip(word).all(|(a, b)| fold(*a) == *b)
}

fn decode(key: &str) -> Cow<'_, str> {
    if !key.contains('%') {
        return Cow::Borrowed(key);
    }
    let bytes = key.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = |b: Option<&u8>| b.and_then(|b| (*b as char).to_digit(16));
        match (bytes[i], hex(bytes.get(i + 1)), hex(bytes.get(i + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                i += 3;
            }
            (byte, ..) => {
                out.push(byte);
                i += 1;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_sensitive_by_the_last_word_of_their_name() {
        let redactor = Redactor::new(["password", "set-cookie", "token"], [""; 0]);
        for name in [
            "password",
            "PASSWORD",
            "user_password",
            "db.password",
            "userPassword",
            "http.set_cookie",
            "Set-Cookie",
        ] {
            assert!(redactor.is_sensitive(name), "{name}");
        }
        for name in ["", "passwordless", "password_length", "mypassword", "tokens", "cookie"] {
            assert!(!redactor.is_sensitive(name), "{name}");
        }
    }

    #[track_caller]
    fn check_query(query: &str, expected: &str) {
        assert_eq!(Redactor::new(["token", "api_key"], ["sig", "X-Amz-Signature"]).query(query), expected);
    }

    #[test]
    fn values_of_sensitive_query_keys_are_replaced() {
        check_query("", "");
        check_query("page=2", "page=2");
        check_query("token=abc", "token=REDACTED");
        check_query("a=1&csrfToken=abc&b=2", "a=1&csrfToken=REDACTED&b=2");
        check_query("api-key=abc", "api-key=REDACTED");
        check_query("%74oken=abc", "%74oken=REDACTED");
        check_query("x-amz-signature=abc&SIG=d", "x-amz-signature=REDACTED&SIG=REDACTED");
        check_query("design=1&my_sig=2", "design=1&my_sig=2");
        check_query("token", "token");
        check_query("token=", "token=");
        check_query("&&token=a=b&", "&&token=REDACTED&");
        check_query("%zz=1&%=2", "%zz=1&%=2");
    }

    #[test]
    fn urls_lose_credentials_and_fragment() {
        let redactor = Redactor::new(["token"], [""; 0]);
        assert_eq!(redactor.url("http://h/p?x=1#frag"), "http://h/p?x=1");
        assert_eq!(redactor.url("http://u@h/p"), "http://REDACTED@h/p");
        assert_eq!(redactor.url("http://u:p@h:80"), "http://REDACTED:REDACTED@h:80");
        assert_eq!(redactor.url("http://h/a@b?token=t"), "http://h/a@b?token=REDACTED");
        assert_eq!(redactor.url("/relative?token=t"), "/relative?token=REDACTED");
    }
}
