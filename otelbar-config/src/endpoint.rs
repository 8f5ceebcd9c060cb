use std::fmt;
use std::str::FromStr;

use url::Url;

use crate::option_value::{InvalidValue, OptionValue, Rejected, sealed};
use crate::secret::conceal_url;

/// The address of a backend: `http` or `https`, a host, perhaps a port and a path.
///
/// `Display` and `Debug` leave credentials and the query out; [`expose`](Self::expose) has them.
///
/// ```
/// use otelbar_config::Endpoint;
///
/// let endpoint: Endpoint = "https://me:secret@collector:4318/otel".parse()?;
/// assert_eq!(endpoint.to_string(), "https://***@collector:4318/otel");
/// assert_eq!((endpoint.host(), endpoint.port(), endpoint.path()), ("collector", 4318, "/otel"));
/// # Ok::<_, otelbar_config::InvalidValue>(())
/// ```
#[derive(Clone)]
pub struct Endpoint {
    /// As it was given, or as it was made.
    text: String,
    /// For a text without a scheme, with `http` in its place.
    url: Url,
    has_scheme: bool,
}

impl Endpoint {
    /// The address with its credentials and query: to connect to, not to show.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &str {
        self.url.scheme()
    }

    /// The host: a name, or an address (IPv6 in brackets).
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The port: what is given, else that of the scheme.
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(80)
    }

    /// The path, at least `/`.
    pub fn path(&self) -> &str {
        self.url.path()
    }

    /// False for `collector:4317`, where it is left to the configuration whether TLS is meant.
    pub(crate) fn has_scheme(&self) -> bool {
        self.has_scheme
    }

    /// Whether there is a path beyond `/`.
    pub(crate) fn has_path(&self) -> bool {
        self.url.path() != "/"
    }

    /// The same with the scheme that was left out.
    pub(crate) fn with_scheme(&self, scheme: &str) -> Endpoint {
        if self.has_scheme {
            return self.clone();
        }
        format!("{scheme}://{}", self.text).parse().unwrap_or_else(|_: InvalidValue| self.clone())
    }

    /// The same with `suffix` as the last segments of its path.
    pub(crate) fn join(&self, suffix: &str) -> Endpoint {
        let path = format!("{}/{suffix}", self.url.path().trim_end_matches('/'));
        self.at(&path)
    }

    /// The same without a path and a query.
    pub(crate) fn origin(&self) -> Endpoint {
        if !self.has_path() && self.url.query().is_none() {
            return self.clone();
        }
        let mut url = self.url.clone();
        url.set_path("");
        url.set_query(None);
        Endpoint::made(url, self.has_scheme)
    }

    fn at(&self, path: &str) -> Endpoint {
        let mut url = self.url.clone();
        url.set_path(path);
        Endpoint::made(url, self.has_scheme)
    }

    fn made(url: Url, has_scheme: bool) -> Endpoint {
        let text = url.as_str();
        let text = if url.path() == "/" && url.query().is_none() { text.trim_end_matches('/') } else { text };
        let text = if has_scheme { text } else { text.trim_start_matches("http://") };
        Endpoint { text: text.to_owned(), url, has_scheme }
    }
}

impl FromStr for Endpoint {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const REMEDY: &str = "write an address such as http://localhost:4318";
        let wrong = |problem: &'static str| Err(InvalidValue::new(problem, REMEDY));
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return wrong("has white space in it");
        }
        if text.contains('#') {
            return wrong("has a fragment");
        }
        let has_scheme = text.contains("://");
        let url = if has_scheme {
            Url::parse(text)
        } else if has_port(text) {
            Url::parse(&format!("http://{text}"))
        } else {
            return wrong("has no scheme");
        };
        match url {
            Ok(url) if !matches!(url.scheme(), "http" | "https") => {
                wrong("has a scheme other than http and https")
            }
            Ok(url) if url.host_str().is_none_or(str::is_empty) => wrong("has no host"),
            Ok(url) => Ok(Endpoint { text: text.to_owned(), url, has_scheme }),
            Err(error) => Err(InvalidValue::new(format!("is not a valid URL: {error}"), REMEDY)),
        }
    }
}

/// Whether `host:port` begins with a host that is followed by a port, rather than `scheme:rest`. Not by
/// `http::uri::Authority`, which this crate does not reach and which takes `host:` and a port that is no number.
fn has_port(text: &str) -> bool {
    let authority = text.split(['/', '?']).next().unwrap_or_default();
    let host_and_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    host_and_port.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())
    })
}

impl sealed::Sealed for Endpoint {}

impl OptionValue for Endpoint {
    fn parse(text: &str) -> Result<Self, Rejected<Self>> {
        text.parse().map_err(Into::into)
    }

    fn text(&self) -> String {
        self.text.clone()
    }

    fn shown(&self) -> String {
        conceal_url(&self.text)
    }

    fn conceal(text: &str) -> String {
        conceal_url(text)
    }
}

impl PartialEq for Endpoint {
    fn eq(&self, other: &Self) -> bool {
        self.url == other.url && self.has_scheme == other.has_scheme
    }
}

impl Eq for Endpoint {}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&conceal_url(&self.text))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&conceal_url(&self.text), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_an_http_address() {
        fn check(text: &str, expected: Result<(&str, &str, u16, &str), &str>) {
            let parsed = text.parse::<Endpoint>();
            let parsed = match &parsed {
                Ok(e) => Ok((e.scheme(), e.host(), e.port(), e.path())),
                Err(invalid) => Err(invalid.problem()),
            };
            assert_eq!(parsed, expected, "{text}");
        }
        check("http://localhost:4318", Ok(("http", "localhost", 4318, "/")));
        check("https://collector/otel", Ok(("https", "collector", 443, "/otel")));
        check("http://[::1]:4317", Ok(("http", "[::1]", 4317, "/")));
        check("collector:4317", Ok(("http", "collector", 4317, "/")));
        check("[::1]:4317", Ok(("http", "[::1]", 4317, "/")));
        check("collector", Err("has no scheme"));
        check("/v1/traces", Err("has no scheme"));
        check("http:localhost", Err("has no scheme"));
        check("ftp://collector", Err("has a scheme other than http and https"));
        check("http://local host", Err("has white space in it"));
        check("http://host:99999", Err("is not a valid URL: invalid port number"));
        check("http://", Err("is not a valid URL: empty host"));
        check("http://host/#x", Err("has a fragment"));
    }

    #[test]
    fn the_path_of_a_signal_is_joined_with_one_slash() {
        fn check(base: &str, expected: &str) {
            let base: Endpoint = base.parse().unwrap();
            assert_eq!(base.join("v1/traces").expose(), expected);
        }
        check("http://localhost:4318", "http://localhost:4318/v1/traces");
        check("http://localhost:4318/", "http://localhost:4318/v1/traces");
        check("http://localhost:4318/base", "http://localhost:4318/base/v1/traces");
        check("http://localhost:4318/base/?k=v", "http://localhost:4318/base/v1/traces?k=v");
    }

    #[test]
    fn neither_display_nor_debug_has_credentials() {
        let endpoint: Endpoint = "https://user:hush@host/p?key=hush".parse().unwrap();
        assert_eq!(format!("{endpoint} {endpoint:?}"), "https://***@host/p?*** \"https://***@host/p?***\"");
    }
}
