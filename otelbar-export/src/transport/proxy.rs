//! Which proxy stands between the pipeline and the endpoint.

mod connector;
mod variables;

use std::fmt;
use std::sync::Arc;

use http::uri::Scheme;
use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Matcher;

use crate::error::{Setting, SetupError};
use crate::transport::endpoint::has_invalid_port;

pub(crate) use connector::{ProxyConnector, ProxyError};
use variables::ProxyVariables;

/// How the proxy is chosen.
#[derive(Clone, Default)]
pub(crate) enum ProxyOptions {
    #[default]
    Without,
    /// For every endpoint.
    Fixed(String),
    /// By the endpoint.
    Variables(Arc<ProxyVariables>),
}

/// Without the password that a URL may hold.
impl fmt::Debug for ProxyOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Without => f.write_str("Without"),
            Self::Fixed(url) => f.debug_tuple("Fixed").field(&shown(url)).finish(),
            Self::Variables(variables) => f.debug_tuple("Variables").field(variables).finish(),
        }
    }
}

impl ProxyOptions {
    /// Reads the variables now; what they say is looked at when the endpoint is known.
    pub(crate) fn from_variables(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        Self::Variables(Arc::new(ProxyVariables::read(variable)))
    }

    /// The proxy on the way to this endpoint.
    ///
    /// # Errors
    ///
    /// Names the option, or the variable, whose value is not the URL of an HTTP proxy, when it is this endpoint's.
    pub(crate) fn proxy_for(&self, endpoint: &Uri) -> Result<Option<Proxy>, SetupError> {
        match self {
            Self::Without => Ok(None),
            Self::Fixed(url) => fixed(url).map(Some),
            Self::Variables(variables) => variables.proxy_for(endpoint),
        }
    }
}

fn fixed(url: &str) -> Result<Proxy, SetupError> {
    const OPTION: Setting = Setting::method("with_proxy");
    let begins_with_scheme = url.trim().get(..HTTP.len()).is_some_and(|s| s.eq_ignore_ascii_case(HTTP));
    if !begins_with_scheme {
        return Err(unusable(OPTION, url, "is not an http:// URL"));
    }
    Proxy::parse(OPTION, url)
}

/// An HTTP proxy that is spoken to in the clear.
#[derive(Clone)]
pub(crate) struct Proxy {
    uri: Uri,
    /// To be shown: without credentials.
    pub(crate) text: Arc<str>,
    /// The value of `Proxy-Authorization`.
    pub(crate) authorization: Option<HeaderValue>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

const HTTP: &str = "http://";

impl Proxy {
    /// From `http://user:password@host:port`, where all but the host may be left out, as curl and Go have it.
    fn parse(option: Setting, url: &str) -> Result<Self, SetupError> {
        let found = Matcher::builder().all(url.trim()).build().intercept(&Uri::from_static("http://any"));
        let proxy = found.ok_or_else(|| unusable(option, url, "is not the URL of an HTTP proxy"))?;
        let authority = proxy.uri().authority();
        if authority.is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(unusable(option, url, "has more than one @; in a user or password write it as %40"));
        }
        if authority.is_none_or(has_invalid_port) {
            return Err(unusable(option, url, "has an invalid port"));
        }
        if proxy.uri().scheme() != Some(&Scheme::HTTP) {
            return Err(unusable(option, url, "is not an http:// proxy, the only kind supported"));
        }
        let text = proxy.uri().to_string().trim_end_matches('/').into();
        Ok(Self { uri: proxy.uri().clone(), text, authorization: proxy.basic_auth().cloned() })
    }
}

fn unusable(option: Setting, url: &str, problem: &str) -> SetupError {
    SetupError::option(
        option,
        shown(url),
        problem,
        "write it like http://user:password@proxy.example:3128, or use no proxy, with NO_PROXY or without_proxy()",
    )
}

/// The URL, unless it may hold a password.
fn shown(url: &str) -> &str {
    if url.contains('@') { "***" } else { url }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxys_url_is_read_and_its_credentials_are_not_shown() {
        #[track_caller]
        fn check(url: &str, text: &str, authorization: Option<&str>) {
            let proxy = Proxy::parse(Setting::method("http_proxy"), url).unwrap();
            let sent = proxy.authorization.as_ref().map(|value| value.to_str().unwrap());
            assert_eq!((&*proxy.text, sent), (text, authorization));
            assert_eq!(format!("{proxy:?}"), format!("{text:?}"));
        }
        check("http://proxy.example:3128", "http://proxy.example:3128", None);
        check(" HTTP://proxy.example/path?query ", "http://proxy.example", None);
        check("proxy.example:3128", "http://proxy.example:3128", None);
        check("http://[::1]:3128/", "http://[::1]:3128", None);
        check("http://me:secret@proxy:1", "http://proxy:1", Some("Basic bWU6c2VjcmV0"));
        check("me:p%40ss%3A@proxy:1", "http://proxy:1", Some("Basic bWU6cEBzczo="));
        check("http://me@proxy", "http://proxy", Some("Basic bWU6"));
    }

    #[test]
    fn what_is_no_http_url_is_named_with_the_remedy() {
        #[track_caller]
        fn check(url: &str, expected: &str) {
            let error = fixed(url).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
            assert!(error.contains("; write it like http://") && !error.contains("secret"), "{error}");
        }
        check("", "with_proxy: \"\" is not an http:// URL");
        check("proxy.example:3128", "with_proxy: \"proxy.example:3128\" is not an http:// URL");
        check("socks5://proxy.example", "with_proxy: \"socks5://proxy.example\" is not an http:// URL");
        check("https://me:secret@proxy.example", "with_proxy: \"***\" is not an http:// URL");
        check("http://", "with_proxy: \"http://\" is not the URL of an HTTP proxy");
        check("http://a b:3128", "with_proxy: \"http://a b:3128\" is not the URL of an HTTP proxy");
        check("http://proxy:port", "with_proxy: \"http://proxy:port\" has an invalid port");
        check("http://me:secret@proxy:65536", "with_proxy: \"***\" has an invalid port");
        check(
            "http://me:secret@x@proxy:1",
            "with_proxy: \"***\" has more than one @; in a user or password write it as %40",
        );
        check("hütte", "with_proxy: \"hütte\" is not an http:// URL");
    }
}
