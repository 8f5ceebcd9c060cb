//! The head of a request, of which nothing is formatted until somebody looks at it.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use http::{Method, Version};
use otelbar_convert::panel_data::Request;
use otelbar_convert::redact::Redactor;

use super::limits::MAX_HEAD_TEXT;
use crate::text::start;

/// Bytes of one text that are taken: more than is kept, so that the cut can be told, and a secret is seen whole where
/// the cut goes through it.
const MAX_TAKEN: usize = MAX_HEAD_TEXT + 4 * 1024;

/// What a request's head says.
#[derive(Clone, Debug)]
pub(crate) struct RequestHead<'h> {
    pub(crate) method: Method,
    pub(crate) version: Version,
    /// `http` where the head says nothing.
    pub(crate) scheme: Cow<'static, str>,
    pub(crate) path: &'h str,
    pub(crate) query: Option<&'h str>,
    /// Host and port that the client asked for, without user information.
    pub(crate) host: Option<&'h str>,
    pub(crate) port: Option<u16>,
    pub(crate) user_agent: Option<&'h str>,
    /// The template that the router matched.
    pub(crate) route: Option<&'h str>,
    /// The client, as a proxy that is trusted has told.
    pub(crate) client: Option<IpAddr>,
    pub(crate) peer: Option<SocketAddr>,
}

/// A head whose texts were copied, next to each other. Those of the server's own share the memory of its whole connection.
#[derive(Debug)]
pub(super) struct KeptHead {
    texts: Box<str>,
    parts: [Option<Part>; 5],
    /// Without its texts.
    rest: RequestHead<'static>,
}

/// Where a text begins and ends.
type Part = (u32, u32);

impl RequestHead<'_> {
    /// Copies it, without its secrets.
    pub(super) fn keep(self, redactor: &Redactor) -> KeptHead {
        let bounded = |text: Option<_>| text.map(|text| start(text, MAX_TAKEN));
        let texts = [
            // `/shop;jsessionid=…`
            bounded(Some(self.path)).map(|path| redactor.text(path)),
            bounded(self.query).map(|query| redactor.query(query)),
            bounded(self.host).map(Cow::Borrowed),
            bounded(self.user_agent).map(|agent| redactor.text(agent)),
            bounded(self.route).map(Cow::Borrowed),
        ];
        let mut all = String::with_capacity(texts.iter().flatten().map(|text| text.len()).sum());
        let parts = texts.map(|text| {
            let begin = all.len() as u32;
            all.push_str(&text?);
            Some((begin, all.len() as u32))
        });
        let Self { method, version, scheme, port, client, peer, .. } = self;
        let (path, query, host, user_agent, route) = ("", None, None, None, None);
        let rest =
            RequestHead { method, version, scheme, path, query, host, port, user_agent, route, client, peer };
        KeptHead { texts: all.into_boxed_str(), parts, rest }
    }
}

impl KeptHead {
    /// Roughly the bytes that it holds.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.texts.len()
    }

    /// Writes down what it says, in place of what was not known.
    pub(super) fn describe(&self, request: &mut Request) {
        let KeptHead { texts, parts, rest } = self;
        let [path, query, host, user_agent, route] =
            parts.map(|part| part.map(|(begin, end)| &texts[begin as usize..end as usize]));
        request.method = rest.method.as_str().to_owned();
        request.scheme = rest.scheme.clone();
        request.path = path.unwrap_or_default().to_owned();
        request.query = query.map(str::to_owned);
        if request.route.is_none() {
            request.route = route.map(str::to_owned);
        }
        request.protocol_version = match rest.version {
            Version::HTTP_09 => Some("0.9"),
            Version::HTTP_10 => Some("1.0"),
            Version::HTTP_11 => Some("1.1"),
            Version::HTTP_2 => Some("2"),
            Version::HTTP_3 => Some("3"),
            _ => None,
        };
        request.server_address = host.map(str::to_owned);
        request.server_port = rest.port;
        request.client_address = rest.client.map(|client| client.to_string());
        request.peer_address = rest.peer.map(|peer| peer.ip().to_string());
        request.peer_port = rest.peer.map(|peer| peer.port());
        request.user_agent = user_agent.map(str::to_owned);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> RequestHead<'static> {
        RequestHead {
            method: Method::GET,
            version: Version::HTTP_11,
            scheme: "http".into(),
            path: "/books",
            query: None,
            host: None,
            port: None,
            user_agent: None,
            route: None,
            client: None,
            peer: None,
        }
    }

    #[test]
    fn texts_are_told_apart_and_without_secrets() {
        let redactor = Redactor::new(["token"], [""; 0]);
        let head = RequestHead {
            query: Some("token=1"),
            host: Some("localhost"),
            port: Some(80),
            route: Some("/{kind}"),
            peer: Some(([127, 0, 0, 1], 9).into()),
            ..head()
        };
        let mut request = Request::default();
        head.keep(&redactor).describe(&mut request);
        assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/books"));
        assert_eq!(request.query.as_deref(), Some("token=REDACTED"));
        assert_eq!((request.server_address.as_deref(), request.server_port), (Some("localhost"), Some(80)));
        assert_eq!((request.route.as_deref(), request.user_agent), (Some("/{kind}"), None));
        assert_eq!((request.peer_address.as_deref(), request.peer_port), (Some("127.0.0.1"), Some(9)));
    }

    #[test]
    fn a_route_that_the_application_has_told_stays() {
        let mut request = Request::default();
        request.route = Some("/told".to_owned());
        RequestHead { route: Some("/matched"), ..head() }.keep(&Redactor::default()).describe(&mut request);
        assert_eq!(request.route.as_deref(), Some("/told"));
    }

    #[test]
    fn a_long_text_is_bounded_and_still_told_as_cut() {
        let long = "ä".repeat(1 << 20);
        let kept = RequestHead { path: &long, query: Some(&long), ..head() }.keep(&Redactor::default());
        assert!(kept.bytes() < 2 * MAX_TAKEN + 1024);
        let mut request = Request::default();
        kept.describe(&mut request);
        assert!(request.path.len() > MAX_HEAD_TEXT + '…'.len_utf8());
    }
}
