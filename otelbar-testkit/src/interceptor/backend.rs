//! Where intercepted requests go.

use std::io;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Uri, header, request};

/// A server of plain HTTP, and the path its endpoints lie under.
#[derive(Debug)]
pub(super) struct Backend {
    authority: Authority,
    prefix: String,
}

impl Backend {
    pub(super) fn parse(address: &str) -> io::Result<Self> {
        let invalid = |why: &str| {
            let words =
                format!("the backend's address {address:?} {why}; give one such as http://127.0.0.1:4318");
            io::Error::new(io::ErrorKind::InvalidInput, words)
        };
        let uri: Uri = address.parse().map_err(|_| invalid("is none"))?;
        let parts = uri.into_parts();
        if parts.scheme != Some(Scheme::HTTP) {
            return Err(invalid("is not one of plain HTTP"));
        }
        let authority = parts.authority.ok_or_else(|| invalid("names no host"))?;
        let prefix = parts.path_and_query.as_ref().map_or("", PathAndQuery::path);
        Ok(Self { authority, prefix: prefix.trim_end_matches('/').to_owned() })
    }

    /// Host and port.
    pub(super) fn server(&self) -> (&str, u16) {
        (self.authority.host(), self.authority.port_u16().unwrap_or(80))
    }

    /// Has a request ask this server.
    pub(super) fn address(&self, head: &mut request::Parts) -> io::Result<()> {
        let path = head.uri.path_and_query().map_or("/", PathAndQuery::as_str);
        head.uri = format!("{}{path}", self.prefix).parse().map_err(io::Error::other)?;
        let host = HeaderValue::from_str(self.authority.as_str()).map_err(io::Error::other)?;
        head.headers.insert(header::HOST, host);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn requests_lie_under_the_address() {
        #[track_caller]
        fn check(address: &str, server: (&str, u16), host: &str, path: &str) {
            let backend = Backend::parse(address).unwrap();
            let mut head = Request::get("/v1/traces?x=1").body(()).unwrap().into_parts().0;
            backend.address(&mut head).unwrap();
            assert_eq!(backend.server(), server);
            assert_eq!(
                (head.uri.to_string().as_str(), &head.headers["host"]),
                (path, &host.parse().unwrap())
            );
        }
        check("http://127.0.0.1:4318", ("127.0.0.1", 4318), "127.0.0.1:4318", "/v1/traces?x=1");
        check("http://localhost/otlp/", ("localhost", 80), "localhost", "/otlp/v1/traces?x=1");
    }

    #[test]
    fn another_scheme_is_refused() {
        let words = Backend::parse("https://127.0.0.1:4318").unwrap_err().to_string();
        assert!(words.contains("\"https://127.0.0.1:4318\" is not one of plain HTTP"), "{words}");
        assert!(Backend::parse("127.0.0.1:4318").is_err());
    }
}
