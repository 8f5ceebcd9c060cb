//! The address of a backend.

use std::fmt;
use std::sync::Arc;

use http::Uri;
use http::uri::{Authority, Scheme};

use crate::error::{Setting, SetupError};

/// Where requests go: an absolute `http` or `https` URL with a host and without credentials.
#[derive(Clone)]
pub(super) struct Endpoint {
    pub(super) uri: Uri,
    /// To be shown: without the query.
    pub(super) text: Arc<str>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl Endpoint {
    /// Reads the URL; errors name this option, and show how a URL of this kind is written.
    pub(super) fn parse(option: Setting, url: &str, example: &str) -> Result<Self, SetupError> {
        let url = url.trim();
        // A query may hold a key, so neither errors nor the statistics show it.
        let shown = without_query(url);
        let invalid =
            |problem: &str| SetupError::option(option, shown, problem, format!("write it like {example}"));
        if shown.contains('@') {
            // Not repeated: it holds a password as a rule.
            return Err(SetupError::option(
                option,
                "",
                "has credentials in the URL",
                "send them by header instead",
            ));
        }
        let uri: Uri = url.parse().map_err(|error| invalid(&format!("is not a URL ({error})")))?;
        let authority = uri.authority().ok_or_else(|| invalid("is not an absolute URL"))?;
        let scheme = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => scheme,
            Some(scheme) if *scheme == Scheme::HTTPS && cfg!(feature = "tls") => scheme,
            Some(scheme) if *scheme == Scheme::HTTPS => {
                return Err(SetupError::missing(option, shown, "tls", "use an http:// URL"));
            }
            _ => return Err(invalid("has a scheme other than http and https")),
        };
        if has_invalid_port(authority) {
            return Err(invalid("has an invalid port"));
        }
        let path = if uri.path() == "/" { "" } else { uri.path() };
        Ok(Self { text: format!("{scheme}://{authority}{path}").into(), uri })
    }

    #[cfg(feature = "tls")]
    pub(super) fn is_https(&self) -> bool {
        self.uri.scheme() == Some(&Scheme::HTTPS)
    }
}

/// Whether what stands behind the host is no port. [`Authority`] takes it, and tells then that there is no port.
pub(super) fn has_invalid_port(authority: &Authority) -> bool {
    authority.port_u16().is_none() && authority.as_str() != authority.host()
}

/// The port, or the usual one of the scheme.
pub(super) fn port_of(endpoint: &Uri) -> u16 {
    let usual = if endpoint.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
    endpoint.port_u16().unwrap_or(usual)
}

/// A URL as it may be shown.
pub(super) fn without_query(url: &str) -> &str {
    url.split('?').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTION: Setting = Setting::method("endpoint");
    const EXAMPLE: &str = "http://127.0.0.1:4318/v1/traces";

    #[test]
    fn an_endpoint_that_does_not_serve_is_named_with_the_remedy() {
        #[track_caller]
        fn check(url: &str, message: &str) {
            let error = Endpoint::parse(OPTION, url, EXAMPLE).unwrap_err();
            assert_eq!(error.to_string(), format!("endpoint: {message}"));
        }
        let form = "write it like http://127.0.0.1:4318/v1/traces";
        check("/v1/traces", &format!("\"/v1/traces\" is not an absolute URL; {form}"));
        check("ftp://h/v1", &format!("\"ftp://h/v1\" has a scheme other than http and https; {form}"));
        check("http://", &format!("\"http://\" is not a URL (empty string); {form}"));
        check("http://h:65536/v1", &format!("\"http://h:65536/v1\" has an invalid port; {form}"));
        check("http://me:secret@h/v1/traces", "\"\" has credentials in the URL; send them by header instead");
        check(
            "ftp://h/v1?key=secret",
            &format!("\"ftp://h/v1\" has a scheme other than http and https; {form}"),
        );
    }

    #[test]
    fn an_endpoint_is_shown_without_its_query() {
        #[track_caller]
        fn check(url: &str, shown: &str) {
            let endpoint = Endpoint::parse(OPTION, url, EXAMPLE).unwrap();
            assert_eq!((&*endpoint.text, format!("{endpoint:?}")), (shown, format!("{shown:?}")));
        }
        check("http://h/v1/traces?key=secret", "http://h/v1/traces");
        check(" http://h:4317/ ", "http://h:4317");
        check("HTTP://h:4317", "http://h:4317");
    }

    #[test]
    fn https_needs_tls_in_the_build() {
        let parsed = Endpoint::parse(OPTION, "https://h/v1/traces", EXAMPLE);
        if cfg!(feature = "tls") {
            parsed.unwrap();
        } else {
            let error = parsed.unwrap_err();
            assert_eq!((error.missing_feature(), error.value()), (Some("tls"), Some("https://h/v1/traces")));
        }
    }
}
