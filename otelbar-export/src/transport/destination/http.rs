//! What destinations that are reached over HTTP have in common.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::USER_AGENT;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::RequestLimits;
use crate::error::{Setting, SetupError};
use crate::transport::compress::{self, Compression};
use crate::transport::connector::connector;
use crate::transport::endpoint::{Endpoint, without_query};
use crate::transport::proxy::ProxyOptions;
use crate::transport::target::HttpTarget;
use crate::transport::version::Version;

const CONCURRENT_REQUESTS: Setting = Setting::method("with_concurrent_requests");
pub(super) const REQUEST_SIZE: Setting = Setting::method("with_max_request_size");

/// The settings as they were given.
#[derive(Clone)]
pub(crate) struct HttpOptions {
    pub(super) name: Option<Arc<str>>,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) compression: Compression,
    pub(crate) timeout: Duration,
    pub(super) request_size: Option<usize>,
    pub(super) concurrent_requests: usize,
    pub(crate) proxy: ProxyOptions,
    #[cfg(feature = "tls")]
    pub(crate) tls: crate::transport::tls::TlsOptions,
}

/// What the settings of a kind of destination are called.
pub(super) struct Names {
    pub(super) endpoint: Setting,
    /// A URL as it is to be.
    pub(super) example: &'static str,
    pub(super) compression: Setting,
    pub(super) header: Setting,
    pub(super) timeout: Setting,
}

impl HttpOptions {
    pub(super) fn new(url: String) -> Self {
        Self {
            name: None,
            url,
            headers: Vec::new(),
            compression: Compression::None,
            timeout: Duration::from_secs(10),
            request_size: None,
            concurrent_requests: 1,
            proxy: ProxyOptions::default(),
            #[cfg(feature = "tls")]
            tls: crate::transport::tls::TlsOptions::default(),
        }
    }

    pub(super) fn limits(&self, usual_size: usize) -> Result<RequestLimits, SetupError> {
        let size = self.request_size.unwrap_or(usual_size);
        for (setting, value) in [(REQUEST_SIZE, size), (CONCURRENT_REQUESTS, self.concurrent_requests)] {
            if value == 0 {
                return Err(SetupError::option(setting, "0", "is too small", "set it to 1 or more"));
            }
        }
        Ok(RequestLimits { size, concurrent: self.concurrent_requests })
    }

    /// Checks the settings, and reads the certificates there are.
    pub(super) fn target(
        &self,
        names: &Names,
        version: Version,
        user_agent: HeaderValue,
        configured: bool,
    ) -> Result<HttpTarget, SetupError> {
        let endpoint = Endpoint::parse(names.endpoint, &self.url, names.example)?;
        compress::check(names.compression, self.compression)?;
        if self.timeout.is_zero() {
            let (problem, remedy) = ("leaves no time for an answer", "set it to 1 ms or more");
            return Err(SetupError::option(names.timeout, "0", problem, remedy));
        }
        let mut headers = self.headers(names.header)?;
        headers.entry(USER_AGENT).or_insert(user_agent);
        Ok(HttpTarget {
            connector: connector(
                &self.proxy,
                #[cfg(feature = "tls")]
                &self.tls,
                self.timeout,
                &endpoint,
                version,
            )?,
            endpoint,
            headers,
            compression: self.compression,
            timeout: self.timeout,
            timeout_name: names.timeout.name(configured),
            connections: self.concurrent_requests,
        })
    }

    fn headers(&self, option: Setting) -> Result<HeaderMap, SetupError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
                SetupError::option(option, name, "is not a header name", "use letters, digits and dashes")
            })?;
            let mut value = HeaderValue::from_str(value).map_err(|_| {
                let problem = "has a value that HTTP does not allow";
                SetupError::option(option, name, problem, "use visible ASCII characters")
            })?;
            value.set_sensitive(true);
            headers.append(parsed, value);
        }
        Ok(headers)
    }
}

/// Without what may be a secret: the query, headers' values, a proxy's password.
impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = without_query(&self.url);
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        let mut fields = f.debug_struct("HttpOptions");
        fields
            .field("name", &self.name)
            .field("url", &if shown.contains('@') { "***" } else { shown })
            .field("headers", &headers)
            .field("compression", &self.compression)
            .field("timeout", &self.timeout)
            .field("request_size", &self.request_size)
            .field("concurrent_requests", &self.concurrent_requests)
            .field("proxy", &self.proxy);
        #[cfg(feature = "tls")]
        fields.field("tls", &self.tls);
        fields.finish()
    }
}

/// The methods of a destination that is reached over HTTP: its default name, its user agent, and the largest request it
/// is sent unless told otherwise.
macro_rules! http_methods {
    ($name:literal, $user_agent:literal, $request_size:literal) => {
        #[doc = concat!("What it is called in receipts and statistics, and its folder in a spool. Default ", $name, ".")]
        ///
        /// Two destinations of a pipeline with a [spool](crate::PipelineBuilder::with_spool) have different names, of
        /// letters, digits, dashes and underscores; who changes a name leaves behind what is in the spool.
        pub fn with_name(mut self, name: impl Into<Arc<str>>) -> Self {
            self.http.name = Some(name.into());
            self
        }

        #[doc = concat!(
            "Adds a header to each request; over gRPC it is metadata. A `User-Agent` takes the place of ",
            $user_agent,
            ". Default: none but that. A name or a value that HTTP does not allow is an error when the pipeline is built."
        )]
        pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
            self.http.headers.push((name.into(), value.into()));
            self
        }

        /// How long one attempt may take, from connecting to the answer's end; then it is cancelled. Default 10 s;
        /// [`Duration::MAX`] is without limit. Connecting may take half of it, and 20 s at most, divided among the
        /// addresses of the host.
        pub fn with_timeout(mut self, timeout: Duration) -> Self {
            self.http.timeout = timeout;
            self
        }

        #[doc = concat!(
            "The size of a request's body at most, in bytes before compression; larger ones are split. Default ",
            $request_size,
            "."
        )]
        pub fn with_max_request_size(mut self, bytes: usize) -> Self {
            self.http.request_size = Some(bytes);
            self
        }

        /// How many requests may be under way at once while the backend does well; after a failure it is one at a time,
        /// and with a spool always. Default 1, as the next is encoded while one is answered. More serve a backend that is
        /// far away; each may have been stored, and be sent again, when the connection is lost before it is answered.
        pub fn with_concurrent_requests(mut self, requests: usize) -> Self {
            self.http.concurrent_requests = requests;
            self
        }

        /// The PEM file of the certificate authorities that are trusted for an `https` backend, instead of the system's.
        /// Read when the pipeline is built.
        #[cfg(feature = "tls")]
        pub fn with_certificate(mut self, authorities: impl Into<std::path::PathBuf>) -> Self {
            self.http.tls.authorities = Some(authorities.into());
            self
        }

        /// The PEM files of the certificate shown to an `https` backend, followed by those of the authorities between it
        /// and the one that the backend trusts, and of its private key. Read when the pipeline is built.
        #[cfg(feature = "tls")]
        pub fn with_client_certificate(
            mut self,
            certificate: impl Into<std::path::PathBuf>,
            key: impl Into<std::path::PathBuf>,
        ) -> Self {
            self.http.tls.identity = Some((certificate.into(), key.into()));
            self
        }

        /// Goes through this HTTP proxy, `http://user:password@host:port`, whatever the endpoint and the environment.
        /// User and password may be left out, and are percent-encoded; without a port it is 80. Default: without a
        /// proxy.
        ///
        /// Plain HTTP is handed to the proxy to be passed on; for `https` and gRPC it is asked for a tunnel (`CONNECT`),
        /// so that it sees nothing of what is encrypted. The endpoint's name is resolved by the proxy. Proxies that
        /// speak TLS or SOCKS are not supported.
        pub fn with_proxy(mut self, url: impl Into<String>) -> Self {
            self.http.proxy = crate::transport::proxy::ProxyOptions::Fixed(url.into());
            self
        }

        /// Goes straight to the endpoint. The default of a destination that is not made from a configuration.
        pub fn without_proxy(mut self) -> Self {
            self.http.proxy = crate::transport::proxy::ProxyOptions::Without;
            self
        }

        /// Goes through the proxy that the process's environment names for the endpoint, if it does;
        /// [`with_proxy_from`](Self::with_proxy_from) tells how.
        pub fn with_proxy_from_env(self) -> Self {
            self.with_proxy_from(|name| std::env::var_os(name)?.to_str().map(str::to_owned))
        }

        /// Goes through the proxy that these variables name for the endpoint, if they do, as curl and Go read them:
        ///
        /// - `http_proxy` or `HTTP_PROXY` for `http` endpoints, `https_proxy` or `HTTPS_PROXY` for `https` ones, over gRPC
        ///   too; else `all_proxy` or `ALL_PROXY`. The name in lower case goes first, an empty value is none, and a URL
        ///   without a scheme is of an HTTP proxy.
        /// - `HTTP_PROXY` in capitals is ignored where `REQUEST_METHOD` is set: under CGI a client can set it.
        /// - `no_proxy` or `NO_PROXY` lists what is reached without a proxy: hosts, domains with all that is in them
        ///   (`example`, `.example` and `*.example` alike), addresses and networks (`10.0.0.0/8`), each with a port or
        ///   for any, or `*` for everything.
        /// - `localhost` and loopback addresses never are reached through a proxy.
        ///
        /// They are read now. A URL that cannot be used, as that of a SOCKS proxy, is an error when the pipeline is
        /// built, if it is the endpoint's.
        pub fn with_proxy_from(mut self, variable: impl Fn(&str) -> Option<String>) -> Self {
            self.http.proxy = crate::transport::proxy::ProxyOptions::from_variables(&variable);
            self
        }
    };
}

pub(super) use http_methods;

#[cfg(test)]
mod tests {
    use crate::transport::destination::{Destination, OtlpDestination};
    use crate::transport::{Compression, Protocol};

    use super::*;

    fn otlp() -> OtlpDestination {
        Destination::otlp("http://h/v1/traces")
    }

    #[track_caller]
    fn error(destination: OtlpDestination) -> SetupError {
        match Destination::from(destination).open(0) {
            Ok(_) => panic!("it serves"),
            Err(error) => error,
        }
    }

    #[test]
    fn a_header_that_does_not_serve_is_named_without_its_value() {
        let said = error(otlp().with_header("x-key", "se\ncret")).to_string();
        assert!(said.contains("\"x-key\" has a value") && !said.contains("cret"), "{said}");
        let said = error(otlp().with_header("no name", "v")).to_string();
        assert!(said.starts_with("with_header: \"no name\" is not a header name"), "{said}");
    }

    #[test]
    fn secrets_are_not_shown() {
        let destination = Destination::otlp("http://h/v1/traces?key=secret")
            .with_header("x-key", "secret")
            .with_proxy("http://me:secret@proxy");
        let shown = format!("{:?}", Destination::from(destination));
        assert!(!shown.contains("secret") && shown.contains("http://h/v1/traces"), "{shown}");
        let shown = format!("{:?}", Destination::otlp("http://me:secret@h"));
        assert!(!shown.contains("secret"), "{shown}");
    }

    #[test]
    fn what_leaves_no_room_is_named_as_it_was_given() {
        let check = |destination: OtlpDestination, method: &str, variable: &str| {
            let destination = Destination::from(destination);
            for (configured, name) in [(false, method), (true, variable)] {
                let destination = Destination { configured, ..destination.clone() };
                let Err(error) = destination.open(0) else { panic!("{destination:?} serves") };
                assert!(error.to_string().starts_with(&format!("{name}: \"0\" ")), "{error}");
            }
        };
        check(otlp().with_timeout(Duration::ZERO), "with_timeout", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT");
        check(otlp().with_max_request_size(0), "with_max_request_size", "with_max_request_size");
        check(otlp().with_concurrent_requests(0), "with_concurrent_requests", "with_concurrent_requests");
    }

    #[test]
    fn what_does_not_go_together_is_named() {
        if cfg!(not(feature = "grpc")) {
            return;
        }
        let grpc = |url: &str| Destination::otlp(url).with_protocol(Protocol::Grpc);
        let said = error(grpc("http://h:4317/v1/traces")).to_string();
        assert!(said.starts_with("Destination::otlp: \"http://h:4317/v1/traces\" has a path"), "{said}");
        let said = error(grpc("http://h:4317").with_max_request_size(usize::MAX)).to_string();
        assert!(said.starts_with("with_max_request_size: "), "{said}");
        for url in ["http://h:4317", "http://h:4317/"] {
            let opened = Destination::from(grpc(url)).open(3).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!((&*opened.info.endpoint, opened.info.index), ("http://h:4317", 3));
            assert_eq!(opened.limits, RequestLimits { size: 4 << 20, concurrent: 1 });
        }
    }

    #[test]
    fn what_is_not_in_the_build_is_named_with_its_feature() {
        let check = |destination: OtlpDestination, feature: &str, is_there: bool| match Destination::from(
            destination,
        )
        .open(0)
        {
            Ok(_) => assert!(is_there, "{feature}"),
            Err(error) => {
                assert_eq!((error.missing_feature(), is_there), (Some(feature), false), "{error}");
                assert!(error.to_string().contains(&format!("enable the feature {feature} of")), "{error}");
            }
        };
        let by = |protocol| Destination::otlp("http://h:4317").with_protocol(protocol);
        check(by(Protocol::Grpc), "grpc", cfg!(feature = "grpc"));
        check(by(Protocol::HttpJson), "json", cfg!(feature = "json"));
        check(otlp().with_compression(Compression::Gzip), "gzip", cfg!(feature = "gzip"));
        check(otlp().with_compression(Compression::Zstd), "zstd", cfg!(feature = "zstd"));
        // Without authorities of the system's the endpoint alone would not serve.
        if cfg!(not(feature = "tls")) {
            check(Destination::otlp("https://h/v1/traces"), "tls", false);
        }
    }
}
