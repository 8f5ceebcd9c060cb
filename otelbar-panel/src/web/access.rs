//! Who may see the toolbar's pages: local callers, or whoever has the token.

mod host;
mod proxy;
mod token;

use std::collections::HashSet;
use std::fmt;
use std::mem::{Discriminant, discriminant};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use http::{HeaderMap, HeaderName, Request, Uri, Version, header};

pub(crate) use token::Token;

/// Decides who may see the pages.
///
/// Without a token these are callers on this machine: the connection comes from a loopback address, nothing says that a
/// proxy speaks for somebody else, and the `Host` asked for is this machine by its own name, so that no other site can
/// get at the pages by having its name resolve to a loopback address (DNS rebinding). With a token it is the token alone.
#[derive(Debug)]
pub(crate) struct AccessControl {
    rule: Rule,
    hosts: Vec<String>,
    told: Mutex<HashSet<Discriminant<Denied>>>,
}

/// Who has access.
#[derive(Debug)]
pub(crate) enum Rule {
    Local,
    Token(Token),
    /// A token was asked for, and cannot be used.
    Nobody,
}

/// Why a caller may not see the pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    PeerUnknown,
    NotLocal(IpAddr),
    Proxied(HeaderName),
    Version,
    NotKeptAlive,
    Host(String),
    InvalidHost(String),
    SeveralHosts,
    NoHost,
    Foreign(&'static str),
    Token,
    NoUsableToken,
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Denied::PeerUnknown => f.write_str(
                "the caller's address is not known; serve axum with \
                 into_make_service_with_connect_info::<SocketAddr>() and otelbar-panel's feature axum, give it to \
                 ToolbarLayer::peer, put PeerAddr into the request's extensions, or set a token (OTELBAR_ACCESS_TOKEN)",
            ),
            Denied::NotLocal(address) => write!(
                f,
                "the caller's address {address} is not a loopback address; set a token (OTELBAR_ACCESS_TOKEN) to allow others"
            ),
            Denied::Proxied(header) => write!(
                f,
                "the {header} header shows that a proxy passed the request on; set a token (OTELBAR_ACCESS_TOKEN)"
            ),
            Denied::Version => f.write_str(
                "the request came over HTTP/1.0, as from a proxy such as nginx; set a token (OTELBAR_ACCESS_TOKEN)",
            ),
            Denied::NotKeptAlive => f.write_str(
                "the browser's request lacks Connection: keep-alive, which browsers send and proxies take away; set a token \
                 (OTELBAR_ACCESS_TOKEN)",
            ),
            Denied::Host(host) => write!(
                f,
                "the Host {host} is not a name of this machine; use localhost, add it to the allowed hosts \
                 (OTELBAR_ALLOWED_HOSTS), or set a token (OTELBAR_ACCESS_TOKEN)"
            ),
            Denied::InvalidHost(host) => write!(f, "the Host {host} is not valid"),
            Denied::SeveralHosts => f.write_str("the request has more than one Host header"),
            Denied::NoHost => f.write_str("the request has no Host"),
            Denied::Foreign(header) => {
                write!(f, "the {header} header says that a page of another site asks; open the page itself")
            }
            Denied::Token => f.write_str("the token is missing or wrong; open the page with ?token=…"),
            Denied::NoUsableToken => f.write_str(
                "the token that is set cannot be used, see the warning about it; correct OTELBAR_ACCESS_TOKEN",
            ),
        }
    }
}

impl AccessControl {
    pub(crate) fn new(rule: Rule, hosts: Vec<String>) -> Self {
        AccessControl { rule, hosts, told: Mutex::default() }
    }

    /// Whether the caller may see the toolbar's own pages.
    pub(crate) fn check<B>(&self, request: &Request<B>, peer: Option<SocketAddr>) -> Result<(), Denied> {
        self.decide(request, peer, Token::opens)
    }

    /// Whether the caller may be told, in an answer of the application's, where its request is shown.
    ///
    /// Browsers send the token's cookie to the toolbar's own path alone; another cookie that opens nothing goes to the
    /// application's.
    pub(crate) fn check_bar<B>(&self, request: &Request<B>, peer: Option<SocketAddr>) -> Result<(), Denied> {
        self.decide(request, peer, |token, uri, headers| {
            token.shows_bar(headers) || token.opens(uri, headers)
        })
    }

    fn decide<B>(
        &self,
        request: &Request<B>,
        peer: Option<SocketAddr>,
        has_token: impl FnOnce(&Token, &Uri, &HeaderMap) -> bool,
    ) -> Result<(), Denied> {
        let (uri, headers) = (request.uri(), request.headers());
        if let Some(header) = foreign(uri, headers) {
            return Err(Denied::Foreign(header));
        }
        match &self.rule {
            Rule::Nobody => return Err(Denied::NoUsableToken),
            Rule::Token(token) if has_token(token, uri, headers) => return Ok(()),
            Rule::Token(_) => return Err(Denied::Token),
            Rule::Local => {}
        }
        let peer = peer.ok_or(Denied::PeerUnknown)?.ip().to_canonical();
        if !peer.is_loopback() {
            return Err(Denied::NotLocal(peer));
        }
        if let Some(header) = proxy::sign(headers) {
            return Err(Denied::Proxied(header));
        }
        match request.version() {
            // What nginx speaks to its upstreams unless it is told otherwise, and no browser any more.
            Version::HTTP_09 | Version::HTTP_10 => return Err(Denied::Version),
            Version::HTTP_11 if proxy::is_browser(headers) && !proxy::keeps_alive(headers) => {
                return Err(Denied::NotKeptAlive);
            }
            _ => {}
        }
        host::check(uri, headers, &self.hosts)
    }

    /// The token, where there is one and it came with this address.
    pub(crate) fn token_in_address(&self, uri: &Uri) -> Option<&Token> {
        match &self.rule {
            Rule::Token(token) if token::in_query(uri).is_some() => Some(token),
            _ => None,
        }
    }

    /// Whether callers are told apart by a token, so that two of them may get different answers at one address.
    pub(crate) fn by_token(&self) -> bool {
        matches!(self.rule, Rule::Token(_))
    }

    /// Tells the developer, once for each reason, why a caller was not shown what it asked for.
    pub(crate) fn tell(&self, denied: &Denied) {
        let first = self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(discriminant(denied));
        if first {
            tracing::warn!(target: "otelbar", "the toolbar is not shown to this caller: {denied}");
        }
    }
}

/// The header by which a browser says that another site's page asks.
fn foreign(uri: &Uri, headers: &HeaderMap) -> Option<&'static str> {
    static MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
    static SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    // Following a link to the page is everybody's right; reading it is not.
    if matches!(text(&SITE), Some("cross-site" | "same-site")) && text(&MODE) != Some("navigate") {
        return Some("sec-fetch-site");
    }
    let origin = text(&header::ORIGIN)?;
    let own = uri.authority().map(|authority| authority.as_str()).or_else(|| text(&header::HOST))?;
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    (!host.eq_ignore_ascii_case(own)).then_some("origin")
}

/// Whether a request came by https, as far as the server or the proxy in front of it tells.
pub(crate) fn is_https(uri: &Uri, headers: &HeaderMap) -> bool {
    static PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
    let forwarded =
        |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let proto = forwarded(&PROTO).split(',').next().unwrap_or_default().trim();
    uri.scheme() == Some(&http::uri::Scheme::HTTPS)
        || proto.eq_ignore_ascii_case("https")
        || forwarded(&header::FORWARDED).to_ascii_lowercase().contains("proto=https")
}

/// What of a client's text may go into a log or a header.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str, rows: &[(&'static str, &str)]) -> Request<()> {
        let mut request = Request::get(uri).body(()).unwrap();
        for (name, value) in rows {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        request
    }

    #[track_caller]
    fn check(peer: &str, rows: &[(&'static str, &str)], expected: Result<(), Denied>) {
        let access = AccessControl::new(Rule::Local, vec!["shop.test".into(), "fd00::1".into()]);
        assert_eq!(access.check(&request("/", rows), peer.parse().ok()), expected);
    }

    #[test]
    fn only_local_callers_may_see() {
        check("127.0.0.1:5", &[("host", "localhost:80")], Ok(()));
        check("127.9.9.9:5", &[("host", "127.0.0.1")], Ok(()));
        check("[::1]:5", &[("host", "[::1]:80")], Ok(()));
        check("[::ffff:127.0.0.1]:5", &[("host", "shop.localhost")], Ok(()));
        check("127.0.0.1:5", &[("host", "shop.test:80")], Ok(()));
        check("10.0.0.1:5", &[("host", "localhost")], Err(Denied::NotLocal([10, 0, 0, 1].into())));
        check("unknown", &[("host", "localhost")], Err(Denied::PeerUnknown));
    }

    #[test]
    fn a_host_is_this_machine_by_its_own_name() {
        let ok = |host: &str| check("127.0.0.1:5", &[("host", host)], Ok(()));
        for host in [
            "LocalHost",
            "localhost.",
            "a.b.localhost:1",
            "127.8.8.8:65535",
            "[::1]",
            "[::ffff:127.0.0.1]:80",
        ] {
            ok(host);
        }
        ok("SHOP.test");
        ok("[fd00::1]:80");
        let other = |host: &str, name: &str| {
            check("127.0.0.1:5", &[("host", host)], Err(Denied::Host(name.into())));
        };
        other("evil.example", "evil.example");
        other("localhost.evil.example", "localhost.evil.example");
        other("notlocalhost", "notlocalhost");
        other("203.0.113.9", "203.0.113.9");
        other("0.0.0.0:80", "0.0.0.0");
        other("10.0.0.7:80", "10.0.0.7");
        other("[2001:db8::1]:80", "[2001:db8::1]");
        // Resolvers take these for 127.0.0.1, and browsers write it out.
        other("127.1", "127.1");
        other("0x7f.0.0.1", "0x7f.0.0.1");
    }

    #[test]
    fn a_host_that_is_no_authority_is_refused() {
        for host in [
            "localhost:evil.com",
            "[::1]evil.com",
            "[::1]:80:80",
            "localhost:80:80",
            "localhost:99999",
            "localhost:+80",
            "user@localhost",
            "localhost/",
            "::1",
            "localhost, evil.com",
            "",
        ] {
            check("127.0.0.1:5", &[("host", host)], Err(Denied::InvalidHost(host.into())));
        }
        check("127.0.0.1:5", &[], Err(Denied::NoHost));
        check("127.0.0.1:5", &[("host", "localhost"), ("host", "localhost")], Err(Denied::SeveralHosts));
    }

    proptest::proptest! {
        #[test]
        fn any_host_is_read_and_what_is_taken_names_this_machine(host in "(localhost|127\\.0\\.0\\.1|\\[::1\\]|[!-~]{0,4}){1,2}[:.@/]?[!-~]{0,6}") {
            let Ok(value) = http::HeaderValue::from_str(&host) else { return Ok(()) };
            let mut request = Request::get("/").body(()).unwrap();
            request.headers_mut().insert("host", value);
            let access = AccessControl::new(Rule::Local, Vec::new());
            if access.check(&request, "127.0.0.1:5".parse().ok()).is_ok() {
                // What a browser would make of it.
                let host = host.to_ascii_lowercase();
                let name = match host.rsplit_once(':') {
                    Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
                    _ => &host,
                };
                let name = name.strip_suffix('.').unwrap_or(name);
                let address = name.trim_matches(['[', ']']).parse::<IpAddr>();
                let own = name == "localhost" || name.ends_with(".localhost") || address.is_ok_and(|a| a.is_loopback());
                assert!(own, "{host}");
            }
        }
    }

    #[test]
    fn the_address_and_the_host_header_must_both_be_of_this_machine() {
        let access = AccessControl::new(Rule::Local, Vec::new());
        let peer = Some(SocketAddr::from(([127, 0, 0, 1], 5)));
        let evil = Err(Denied::Host("evil.example".into()));
        assert_eq!(access.check(&request("http://localhost:3000/", &[]), peer), Ok(()));
        assert_eq!(access.check(&request("http://evil.example/", &[("host", "localhost")]), peer), evil);
        assert_eq!(access.check(&request("http://localhost/", &[("host", "evil.example")]), peer), evil);
    }

    #[test]
    fn http_1_0_is_no_local_browser() {
        let access = AccessControl::new(Rule::Local, Vec::new());
        let peer = Some(SocketAddr::from(([127, 0, 0, 1], 5)));
        for (version, expected) in [
            (Version::HTTP_09, Err(Denied::Version)),
            (Version::HTTP_10, Err(Denied::Version)),
            (Version::HTTP_11, Ok(())),
            (Version::HTTP_2, Ok(())),
        ] {
            let mut request = request("/", &[("host", "127.0.0.1:3000")]);
            *request.version_mut() = version;
            assert_eq!(access.check(&request, peer), expected, "{version:?}");
        }
    }

    /// HAProxy, and nginx with `proxy_http_version 1.1` and an empty `Connection`, pass a browser's request on as it came
    /// but for this header, which they take away from whoever sends it.
    #[test]
    fn a_request_without_what_browsers_send_is_no_local_browser() {
        let access = AccessControl::new(Rule::Local, Vec::new());
        let peer = Some(SocketAddr::from(([127, 0, 0, 1], 5)));
        let browser = [
            ("host", "localhost:3000"),
            ("sec-ch-ua-platform", "\"Linux\""),
            ("upgrade-insecure-requests", "1"),
            ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"),
            ("accept", "text/html,*/*;q=0.8"),
            ("sec-fetch-site", "none"),
            ("sec-fetch-mode", "navigate"),
            ("accept-encoding", "gzip, deflate, br, zstd"),
            ("accept-language", "en-US,en;q=0.9"),
        ];
        let proxied = Err(Denied::NotKeptAlive);
        for (connection, version, expected) in [
            (Some("keep-alive"), Version::HTTP_11, Ok(())),
            (Some("Keep-Alive"), Version::HTTP_11, Ok(())),
            (Some("TE, keep-alive"), Version::HTTP_11, Ok(())),
            (None, Version::HTTP_11, proxied.clone()),
            (Some(""), Version::HTTP_11, proxied.clone()),
            (Some("TE"), Version::HTTP_11, proxied.clone()),
            // HTTP/2 has no such header: a proxy that speaks it cannot be told from a browser.
            (None, Version::HTTP_2, Ok(())),
        ] {
            let mut request = request("/", &browser);
            *request.version_mut() = version;
            request.headers_mut().remove("connection");
            if let Some(connection) = connection {
                request.headers_mut().insert("connection", connection.parse().unwrap());
            }
            assert_eq!(access.check(&request, peer), expected, "{connection:?} {version:?}");
        }
        // Scripts of this machine leave it out, and cannot be told from those that come through such a proxy.
        let script = [("host", "localhost:3000"), ("user-agent", "curl/8.14.1"), ("accept", "*/*")];
        assert_eq!(access.check(&request("/", &script), peer), Ok(()));
    }

    #[test]
    fn nobody_is_local_behind_a_proxy() {
        for (name, value) in [
            ("x-forwarded-for", "10.0.0.1"),
            ("x-forwarded-for", "127.0.0.1"),
            ("x-real-ip", "127.0.0.1"),
            ("via", "1.1 nginx"),
            ("connection", "close"),
        ] {
            check(
                "127.0.0.1:5",
                &[("host", "localhost"), (name, value)],
                Err(Denied::Proxied(HeaderName::from_static(name))),
            );
        }
    }

    #[test]
    fn another_sites_page_reads_nothing() {
        let kept = ("connection", "keep-alive");
        let check = |rows: &[(&'static str, &str)], expected| {
            check("127.0.0.1:5", &[&[("host", "localhost:80"), kept], rows].concat(), expected);
        };
        let cross_site = ("sec-fetch-site", "cross-site");
        check(&[("sec-fetch-site", "same-origin")], Ok(()));
        check(&[cross_site], Err(Denied::Foreign("sec-fetch-site")));
        check(&[cross_site, ("sec-fetch-mode", "navigate")], Ok(()));
        check(&[("origin", "http://localhost:80")], Ok(()));
        check(&[("origin", "http://localhost:81")], Err(Denied::Foreign("origin")));
        check(&[("origin", "null")], Err(Denied::Foreign("origin")));
    }

    #[track_caller]
    fn check_token(uri: &str, rows: &[(&'static str, &str)], expected: Result<(), Denied>) {
        let token = Token::new("s3cret-s3cret-16".to_owned());
        let access = AccessControl::new(Rule::Token(token), Vec::new());
        assert_eq!(access.check(&request(uri, rows), "127.0.0.1:5".parse().ok()), expected);
    }

    #[test]
    fn with_a_token_only_the_token_counts() {
        check_token("/__otelbar/?token=s3cret-s3cret-16", &[], Ok(()));
        check_token("/?a=b&token=s3cret-s3cret-16", &[], Ok(()));
        check_token("/?token=s%33cret-s3cret-16", &[], Ok(()));
        check_token("/", &[("authorization", "bearer s3cret-s3cret-16")], Ok(()));
        check_token("/", &[("cookie", "otelbar_token=old; otelbar_token=s3cret-s3cret-16")], Ok(()));
        check_token("/", &[("host", "localhost")], Err(Denied::Token));
        check_token("/?token=", &[], Err(Denied::Token));
        check_token("/?token=s3cret-s3cret-17", &[], Err(Denied::Token));
        check_token("/?token=s3cret-s3cret-161", &[], Err(Denied::Token));
    }

    #[test]
    fn a_token_that_cannot_be_used_opens_to_nobody() {
        let access = AccessControl::new(Rule::Nobody, Vec::new());
        let local = request("/?token=", &[("host", "localhost")]);
        assert_eq!(access.check(&local, "127.0.0.1:5".parse().ok()), Err(Denied::NoUsableToken));
    }

    #[test]
    fn the_cookie_of_the_application_shows_the_bar_and_opens_nothing() {
        let token = Token::new("s3cret-s3cret-16".to_owned());
        let cookies = token.cookies("/__otelbar", false);
        let pair = cookies[1].split(';').next().unwrap().to_owned();
        assert!(!pair.contains("s3cret"), "{pair}");
        let access = AccessControl::new(Rule::Token(token), Vec::new());
        let request = request("/", &[("cookie", &pair)]);
        assert_eq!(access.check_bar(&request, None), Ok(()));
        assert_eq!(access.check(&request, None), Err(Denied::Token));
    }
}
