//! Who may see the toolbar's pages: local callers, or whoever has the token.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, Uri, header};
use percent_encoding::percent_decode_str;

/// Name of the cookie that keeps the token after it came with the address.
pub(crate) const COOKIE: &str = "otelbar_token";

/// Decides who may see the pages.
///
/// Without a token these are callers on this machine: the connection comes from a loopback address, no proxy says that
/// it speaks for somebody else, and the `Host` asked for is this machine by its own name, so that no other site can get
/// at the pages by having its name resolve to a loopback address (DNS rebinding). With a token it is the token alone.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    token: Option<String>,
    hosts: Vec<String>,
}

/// Why a caller may not see the pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    PeerUnknown,
    NotLocal(IpAddr),
    Proxied(&'static str),
    Host(String),
    NoHost,
    Foreign(&'static str),
    Token,
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
                "{address} is not an address of this machine; set a token (OTELBAR_ACCESS_TOKEN) to allow others"
            ),
            Denied::Proxied(header) => write!(
                f,
                "the {header} header says that a proxy speaks for somebody else; set a token (OTELBAR_ACCESS_TOKEN)"
            ),
            Denied::Host(host) => write!(
                f,
                "the Host {host} is not a name of this machine; use localhost, add it to the allowed hosts \
                 (OTELBAR_ALLOWED_HOSTS), or set a token (OTELBAR_ACCESS_TOKEN)"
            ),
            Denied::NoHost => f.write_str("the request has no Host"),
            Denied::Foreign(header) => {
                write!(f, "the {header} header says that a page of another site asks; open the page itself")
            }
            Denied::Token => f.write_str("the token is missing or wrong; open the page with ?token=…"),
        }
    }
}

impl Access {
    pub(crate) fn new(token: Option<String>, hosts: Vec<String>) -> Self {
        Access { token, hosts }
    }

    pub(crate) fn check(
        &self,
        peer: Option<SocketAddr>,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<(), Denied> {
        if let Some(header) = foreign(uri, headers) {
            return Err(Denied::Foreign(header));
        }
        if let Some(token) = &self.token {
            let mut given = [query_token(uri), bearer(headers)].into_iter().flatten().chain(cookies(headers));
            let right = given.any(|given| same(given.as_bytes(), token.as_bytes()));
            return if right { Ok(()) } else { Err(Denied::Token) };
        }
        let peer = peer.ok_or(Denied::PeerUnknown)?.ip().to_canonical();
        if !peer.is_loopback() {
            return Err(Denied::NotLocal(peer));
        }
        if let Some(header) = proxied(headers) {
            return Err(Denied::Proxied(header));
        }
        let host = match uri.host() {
            Some(host) => host,
            None => headers.get(header::HOST).and_then(|host| host.to_str().ok()).ok_or(Denied::NoHost)?,
        };
        let name = host_name(host);
        let own = name.parse::<IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || name.to_ascii_lowercase().ends_with(".localhost")
            || self.hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(name));
        if own { Ok(()) } else { Err(Denied::Host(printable(name))) }
    }

    /// The cookie to set for a caller that gave the token in the address.
    pub(crate) fn cookie_for(&self, uri: &Uri) -> Option<String> {
        let token = self.token.as_deref()?;
        // Only a token that needs no quoting can be a cookie's value; another one stays in the address.
        let plain = token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b));
        let given = query_token(uri).filter(|given| plain && same(given.as_bytes(), token.as_bytes()))?;
        Some(format!("{COOKIE}={given}; Path=/; HttpOnly; SameSite=Strict"))
    }
}

fn query_token(uri: &Uri) -> Option<Cow<'_, str>> {
    let token = uri.query()?.split('&').find_map(|pair| pair.strip_prefix("token="))?;
    Some(percent_decode_str(token).decode_utf8_lossy())
}

fn bearer(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().into())
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = Cow<'_, str>> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE).then(|| value.into())
    })
}

/// The header by which a proxy says that it speaks for somebody else.
///
/// What it says of whom is not looked at: a client can have put that there itself.
fn proxied(headers: &HeaderMap) -> Option<&'static str> {
    const NAMES: [&str; 11] = [
        "forwarded",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-forwarded-port",
        "x-forwarded-server",
        "x-real-ip",
        "x-client-ip",
        "true-client-ip",
        "cf-connecting-ip",
        "via",
    ];
    NAMES.into_iter().find(|name| headers.contains_key(*name))
}

/// The header by which a browser says that another site's page asks.
fn foreign(uri: &Uri, headers: &HeaderMap) -> Option<&'static str> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    // Following a link to the page is everybody's right; reading it is not.
    let navigates = text("sec-fetch-mode") == Some("navigate");
    if matches!(text("sec-fetch-site"), Some("cross-site" | "same-site")) && !navigates {
        return Some("sec-fetch-site");
    }
    let own = uri.authority().map(|authority| authority.as_str()).or_else(|| text("host"))?;
    let origin = text("origin")?;
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    (!host.eq_ignore_ascii_case(own)).then_some("origin")
}

/// The host of `host`, `host:port` or `[address]:port`.
fn host_name(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    match host.split_once(':') {
        // More than one colon without brackets is an address of version 6.
        Some((name, port)) if !port.contains(':') => name,
        _ => host,
    }
}

/// Compares without telling by its time how much was right.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |different, (a, b)| different | (a ^ b)) == 0
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(peer: &str, rows: &[(&'static str, &str)], expected: Result<(), Denied>) {
        let headers = rows
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect::<HeaderMap>();
        let access = Access::new(None, vec!["shop.test".into()]);
        assert_eq!(access.check(peer.parse().ok(), &Uri::from_static("/"), &headers), expected);
    }

    #[test]
    fn local_callers_alone_may_see() {
        check("127.0.0.1:5", &[("host", "localhost:80")], Ok(()));
        check("127.9.9.9:5", &[("host", "127.0.0.1")], Ok(()));
        check("[::1]:5", &[("host", "[::1]:80")], Ok(()));
        check("[::ffff:127.0.0.1]:5", &[("host", "shop.localhost")], Ok(()));
        check("127.0.0.1:5", &[("host", "shop.test:80")], Ok(()));
        check("10.0.0.1:5", &[("host", "localhost")], Err(Denied::NotLocal([10, 0, 0, 1].into())));
        check("unknown", &[("host", "localhost")], Err(Denied::PeerUnknown));
    }

    #[test]
    fn a_name_that_could_be_anybodys_is_refused() {
        check("127.0.0.1:5", &[("host", "evil.example")], Err(Denied::Host("evil.example".into())));
        check(
            "127.0.0.1:5",
            &[("host", "localhost.evil.example")],
            Err(Denied::Host("localhost.evil.example".into())),
        );
        check("127.0.0.1:5", &[], Err(Denied::NoHost));
    }

    #[test]
    fn a_proxy_makes_nobody_local() {
        let host = ("host", "localhost");
        check(
            "127.0.0.1:5",
            &[host, ("x-forwarded-for", "10.0.0.1")],
            Err(Denied::Proxied("x-forwarded-for")),
        );
        check(
            "127.0.0.1:5",
            &[host, ("x-forwarded-for", "127.0.0.1")],
            Err(Denied::Proxied("x-forwarded-for")),
        );
        check("127.0.0.1:5", &[host, ("via", "1.1 nginx")], Err(Denied::Proxied("via")));
        check("127.0.0.1:5", &[host, ("forwarded", "for=10.0.0.1")], Err(Denied::Proxied("forwarded")));
    }

    #[test]
    fn another_sites_page_reads_nothing() {
        let host = ("host", "localhost:80");
        check("127.0.0.1:5", &[host, ("sec-fetch-site", "same-origin")], Ok(()));
        check(
            "127.0.0.1:5",
            &[host, ("sec-fetch-site", "cross-site")],
            Err(Denied::Foreign("sec-fetch-site")),
        );
        check(
            "127.0.0.1:5",
            &[host, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")],
            Ok(()),
        );
        check("127.0.0.1:5", &[host, ("origin", "http://localhost:80")], Ok(()));
        check("127.0.0.1:5", &[host, ("origin", "http://localhost:81")], Err(Denied::Foreign("origin")));
        check("127.0.0.1:5", &[host, ("origin", "null")], Err(Denied::Foreign("origin")));
    }

    #[track_caller]
    fn check_token(uri: &'static str, rows: &[(&'static str, &str)], expected: Result<(), Denied>) {
        let headers = rows
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect::<HeaderMap>();
        let access = Access::new(Some("s3cret".into()), Vec::new());
        assert_eq!(access.check("127.0.0.1:5".parse().ok(), &Uri::from_static(uri), &headers), expected);
    }

    #[test]
    fn with_a_token_it_is_the_token_alone() {
        check_token("/__otelbar/?token=s3cret", &[], Ok(()));
        check_token("/?a=b&token=s3cret", &[], Ok(()));
        check_token("/?token=s%33cret", &[], Ok(()));
        check_token("/", &[("authorization", "bearer s3cret")], Ok(()));
        check_token("/", &[("cookie", "otelbar_token=old; otelbar_token=s3cret")], Ok(()));
        check_token("/", &[("host", "localhost")], Err(Denied::Token));
        check_token("/?token=", &[], Err(Denied::Token));
        check_token("/?token=s3cres", &[], Err(Denied::Token));
    }
}
