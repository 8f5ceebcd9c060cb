//! Replaces secrets in names, addresses and texts.
//!
//! Secrets are removed when recorded: the capture calls this before it stores anything, and the converter calls it on
//! records that came from elsewhere. The replacement is `REDACTED`, as the semantic conventions have it for URLs.
//!
//! What is a secret is told by the name that it goes by, by its place in an address, or by what it looks like. Where two
//! readings of a text are possible, the one that hides more is taken.

mod address;
mod edits;
mod excerpts;
mod names;
mod shapes;
mod text;

use std::borrow::Cow;
use std::sync::Arc;

use opentelemetry::{Array, KeyValue, StringValue, Value};

pub use edits::REDACTED;

use names::Names;

/// Keys that [`Redactor::common`] finds in names.
pub const COMMON_KEYS: [&str; 42] = [
    "access_key",
    "api_key",
    "auth",
    "authorization",
    "bearer",
    "card_number",
    "connection_string",
    "cookie",
    "credential",
    "credit_card",
    "csrf",
    "cvc",
    "cvv",
    "dbpass",
    "dsn",
    "encryption_key",
    "jwt",
    "license_key",
    "master_key",
    "otp",
    "pass",
    "passcode",
    "passkey",
    "passphrase",
    "passwd",
    "password",
    "pin",
    "private_key",
    "pwd",
    "recovery_code",
    "secret",
    "security_code",
    "sessid",
    "session",
    "sid",
    "signing_key",
    "ssh_key",
    "ssn",
    "token",
    "totp",
    "userpass",
    "xsrf",
];

/// Keys of a URL's query that [`Redactor::common`] knows besides: those that the semantic conventions name, and those
/// that are secrets only in addresses.
pub const COMMON_QUERY_KEYS: [&str; 10] = [
    "AWSAccessKeyId",
    "Signature",
    "sig",
    "X-Goog-Signature",
    "X-Amz-Signature",
    "X-Amz-Credential",
    "X-Amz-Security-Token",
    "SAMLResponse",
    "code",
    "key",
];

/// Decides what is a secret, and replaces it.
///
/// A name is sensitive when it contains a key, in upper or lower case and however its words are separated: `password` is in
/// `user[password]`, `oldPassword`, `PASSWORD_HASH` and `db.password1`. A key of fewer than five letters has to be a word of
/// its own, so that `pass` is in `user_pass` and not in `passenger`. Names that tell about a secret without holding it
/// (`password_length`, `token_type`, `session.timeout`), count tokens (`max_tokens`, `tokens_used`), or are those of the
/// semantic conventions (`session.id`) are not sensitive. Truth values are no secrets, nor are numbers under a plural
/// (`tokens`, `active_sessions`).
///
/// A key in a URL's query is sensitive by the same rule, and when it is one of the query keys.
///
/// It is cheap to clone.
///
/// ```
/// use otelbar_convert::redact::Redactor;
///
/// let redactor = Redactor::new(["password", "token"], ["sig"]);
/// assert!(redactor.is_sensitive("user[password]"));
/// assert_eq!(redactor.query("page=2&csrf_token=abc"), "page=2&csrf_token=REDACTED");
/// assert_eq!(redactor.url("https://me:secret@host/a?sig=1"), "https://REDACTED:REDACTED@host/a?sig=REDACTED");
/// assert_eq!(redactor.text("User { id: 7, password: \"x\" }"), "User { id: 7, password: \"REDACTED\" }");
/// ```
#[derive(Clone, Debug)]
pub struct Redactor {
    names: Arc<Names>,
}

impl Redactor {
    /// A redactor for what commonly holds secrets: [`COMMON_KEYS`] and [`COMMON_QUERY_KEYS`].
    pub fn common() -> Self {
        Redactor::new(COMMON_KEYS, COMMON_QUERY_KEYS)
    }

    /// A redactor for names that contain one of `keys`, and for these query keys; empty ones are passed over.
    pub fn new<W, Q>(keys: W, query_keys: Q) -> Self
    where
        W: IntoIterator,
        W::Item: AsRef<str>,
        Q: IntoIterator,
        Q::Item: AsRef<str>,
    {
        Redactor { names: Arc::new(Names::new(keys.into_iter(), query_keys.into_iter())) }
    }

    /// Whether no name is sensitive. User information and secrets that are known by their looks are replaced even then.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Whether a field or attribute of this name holds a secret.
    pub fn is_sensitive(&self, name: &str) -> bool {
        self.names.is_sensitive(name.as_bytes())
    }

    /// As [`is_sensitive`](Self::is_sensitive), and remembers the answer: for names that are asked for again and again.
    pub fn is_sensitive_field(&self, name: &'static str) -> bool {
        self.names.is_sensitive_field(name)
    }

    /// Whether a number in a field of this name is a secret. Under a plural (`sessions`, `tokens`) it says how many there
    /// are.
    pub fn is_sensitive_number(&self, name: &'static str) -> bool {
        self.is_sensitive_field(name) && !Names::is_count(name.as_bytes())
    }

    /// Replaces the value of an attribute with a sensitive name, or the secrets in it.
    pub fn attribute(&self, attribute: &mut KeyValue) {
        if self.is_sensitive(attribute.key.as_str()) {
            match &mut attribute.value {
                Value::Bool(_) | Value::Array(Array::Bool(_)) => {}
                Value::I64(_) | Value::F64(_) if Names::is_count(attribute.key.as_str().as_bytes()) => {}
                Value::Array(Array::String(texts)) => *texts = vec![REDACTED.into()],
                value => *value = Value::String(REDACTED.into()),
            }
            return;
        }
        let key = attribute.key.as_str();
        let clean = |text: &mut StringValue| {
            if let Cow::Owned(clean) = self.value(key, text.as_str()) {
                *text = clean.into();
            }
        };
        match &mut attribute.value {
            Value::String(text) => clean(text),
            Value::Array(Array::String(texts)) => texts.iter_mut().for_each(clean),
            _ => {}
        }
    }

    /// The value of a field, whose name is not sensitive, without the secrets in it.
    ///
    /// The name says how it is read: as the query of an address (`url.query`), as the text of a database query
    /// (`db.query.text`), whose literals the converter hides, or as any text.
    pub fn value<'v>(&self, name: &str, value: &'v str) -> Cow<'v, str> {
        match name {
            "url.query" | "http.query" | "query_string" => self.query(value),
            "db.query.text" | "db.statement" => shapes::hide(value),
            _ => self.text(value),
        }
    }

    /// A message, an error or another text for people, or an address, without the secrets in it:
    ///
    /// - what stands behind a sensitive name, in `Debug` output, JSON, headers, `name=value` and addresses,
    /// - user information of addresses; without a scheme only where it has a password (`//user:password@host`), since
    ///   `//a@b` may be a path or a comment,
    /// - what an error of MySQL, PostgreSQL or SQLite repeats of a statement or its values,
    /// - what follows `Bearer` and `Basic`, JSON Web Tokens, private keys in PEM, and keys of AWS, GitHub, Google, Slack,
    ///   Stripe and others that have a form of their own.
    ///
    /// It takes time by the length of the text.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        until_clean(text, |text| text::clean(&self.names, text))
    }

    /// As [`text`](Self::text), of a text that is given away and not copied where nothing is to be hidden.
    pub fn cleaned<'t>(&self, text: impl Into<Cow<'t, str>>) -> Cow<'t, str> {
        let text = text.into();
        match self.text(&text) {
            Cow::Owned(clean) => Cow::Owned(clean),
            Cow::Borrowed(_) => text,
        }
    }

    /// The query with the values of sensitive keys replaced. The order, the empty parts and the keys stay.
    pub fn query<'q>(&self, query: &'q str) -> Cow<'q, str> {
        until_clean(query, |query| text::clean_query(&self.names, query))
    }

    /// A line of a `baggage` header (W3C Baggage) with the values of sensitive keys replaced, be they members' or
    /// properties': `a=1;password=REDACTED,token=REDACTED`. A `tracestate` is read the same way.
    pub fn baggage<'b>(&self, line: &'b str) -> Cow<'b, str> {
        text::clean_baggage(&self.names, line)
    }

    /// The URL with its credentials and the values of its sensitive query keys replaced, and without its fragment.
    pub fn url(&self, url: &str) -> String {
        // First, since a password may have what ends an address otherwise.
        let url = address::without_user_information(url);
        let url = url.split('#').next().unwrap_or_default();
        let (before, query) = match url.split_once('?') {
            Some((before, query)) => (before, Some(query)),
            None => (url, None),
        };
        let mut out = self.text(before).into_owned();
        if let Some(query) = query {
            out.reserve(query.len() + 1);
            out.push('?');
            out.push_str(&self.query(query));
        }
        out
    }
}

/// Cleans again what had a secret in it, since in its place the rest may read differently: what is clean stays as it is.
fn until_clean<'t>(text: &'t str, clean: impl Fn(&str) -> Cow<'_, str>) -> Cow<'t, str> {
    const MOST: usize = 4;
    let Cow::Owned(mut cleaned) = clean(text) else { return Cow::Borrowed(text) };
    for _ in 1..MOST {
        match clean(&cleaned) {
            Cow::Owned(again) if again != cleaned => cleaned = again,
            _ => break,
        }
    }
    Cow::Owned(cleaned)
}

impl Default for Redactor {
    /// As with no keys at all.
    fn default() -> Self {
        Redactor::new([""; 0], [""; 0])
    }
}
