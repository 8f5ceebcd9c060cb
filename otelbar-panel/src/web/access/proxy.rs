//! What tells that a request was passed on by a proxy.
//!
//! What a header says of whom is not looked at: a client can have put that there itself. A proxy that adds nothing, and
//! passes `Connection: keep-alive` on or speaks HTTP/2, cannot be told from a local caller, nor can what passes on the
//! request of a script.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Names of the headers that proxies, load balancers and content delivery networks add, in alphabetical order.
const NAMES: &[&str] = &[
    "client-ip",
    "forwarded",
    "front-end-https",
    "incap-client-ip",
    "remote-addr",
    "surrogate-capability",
    "true-client-ip",
    "via",
    "wl-proxy-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-coming-from",
    "x-host",
    "x-nginx-proxy",
    "x-originating-ip",
    "x-proxyuser-ip",
    "x-real-ip",
    "x-real-port",
    "x-remote-addr",
    "x-remote-ip",
    "x-rewrite-url",
    "x-scheme",
    "x-url-scheme",
    "x-varnish",
];

/// How the names of the others begin, likewise. None begins as another one is.
const PREFIXES: &[&str] = &[
    "akamai-",
    "cdn-",
    "cf-",
    "cloudfront-",
    "fastly-",
    "fly-",
    "ngrok-",
    "proxy-",
    "tailscale-",
    "x-akamai-",
    "x-amz-cf-",
    "x-amzn-",
    "x-appengine-",
    "x-arr-",
    "x-azure-",
    "x-envoy-",
    "x-forward",
    "x-goog-iap-",
    "x-haproxy-",
    "x-nf-",
    "x-original-",
    "x-proxy-",
    "x-traefik-",
    "x-vercel-",
];

/// The header that gives a proxy away, if one does.
pub(super) fn sign(headers: &HeaderMap) -> Option<HeaderName> {
    let known = |name: &&HeaderName| is_of_proxy(name.as_str());
    headers.keys().find(known).cloned().or_else(|| connection(headers).then_some(header::CONNECTION))
}

fn is_of_proxy(name: &str) -> bool {
    // The last prefix that is not behind the name is the only one that it can begin with.
    let nearest = PREFIXES.partition_point(|prefix| *prefix <= name).checked_sub(1);
    nearest.is_some_and(|nearest| name.starts_with(PREFIXES[nearest])) || NAMES.binary_search(&name).is_ok()
}

/// Whether the connection is treated as proxies treat one: given up after one request, as nginx does to upstreams, or
/// "upgraded" to nothing, as by the common lines for WebSockets in nginx's configuration.
fn connection(headers: &HeaderMap) -> bool {
    options(headers).any(|option| {
        option.eq_ignore_ascii_case("close")
            || (option.eq_ignore_ascii_case("upgrade") && !headers.contains_key(header::UPGRADE))
    })
}

/// Whether a browser made the request.
pub(super) fn is_browser(headers: &HeaderMap) -> bool {
    let agent = headers.get(header::USER_AGENT).map(HeaderValue::as_bytes).unwrap_or_default();
    let of_browsers = |name: &HeaderName| name.as_str().starts_with("sec-");
    agent.starts_with(b"Mozilla/") || headers.keys().any(of_browsers)
}

/// Whether a request says what every browser says over HTTP/1.1, though it is the default there (RFC 9112, 9.3): proxies
/// have to take away what concerns one connection alone (RFC 9110, 7.6.1), and leave this out for their own.
pub(super) fn keeps_alive(headers: &HeaderMap) -> bool {
    options(headers).any(|option| option.eq_ignore_ascii_case("keep-alive"))
}

fn options(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(header::CONNECTION).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rows: &[(&'static str, &'static str)], expected: Option<&'static str>) {
        let mut headers = HeaderMap::new();
        for (name, value) in rows {
            headers.append(*name, value.parse().unwrap());
        }
        assert_eq!(sign(&headers).as_ref().map(HeaderName::as_str), expected);
    }

    #[test]
    fn the_tables_can_be_searched_by_halves() {
        assert!(NAMES.is_sorted() && PREFIXES.is_sorted());
        for pair in PREFIXES.windows(2) {
            assert!(!pair[1].starts_with(pair[0]), "{pair:?}");
        }
        for name in NAMES.iter().chain(PREFIXES) {
            assert!(is_of_proxy(name), "{name}");
            assert!(!is_of_proxy(&name[..name.len() - 1]), "{name}");
        }
    }

    #[test]
    fn what_proxies_add_gives_them_away() {
        for name in [
            "forwarded",
            "via",
            "x-forwarded-for",
            "x-forwarded-proto",
            "x-forwarded-client-cert",
            "x-forwarded",
            "x-forwarder-for",
            "x-real-ip",
            "x-client-ip",
            "x-cluster-client-ip",
            "x-original-url",
            "x-original-forwarded-for",
            "x-envoy-external-address",
            "x-amzn-trace-id",
            "x-amz-cf-id",
            "x-azure-clientip",
            "x-arr-log-id",
            "x-appengine-user-ip",
            "x-traefik-router",
            "x-vercel-id",
            "x-nf-request-id",
            "x-nginx-proxy",
            "cf-connecting-ip",
            "cf-ray",
            "cdn-loop",
            "fly-client-ip",
            "fastly-client-ip",
            "true-client-ip",
            "tailscale-user-login",
            "proxy-connection",
        ] {
            check(&[("host", "localhost"), (name, "anything")], Some(name));
        }
        check(&[("connection", "close")], Some("connection"));
        check(&[("connection", "Keep-Alive, Close")], Some("connection"));
        check(&[("connection", "upgrade")], Some("connection"));
    }

    #[test]
    fn what_browsers_and_clients_send_does_not() {
        check(&[("connection", "keep-alive"), ("upgrade-insecure-requests", "1")], None);
        check(&[("connection", "Upgrade"), ("upgrade", "websocket")], None);
        check(&[("traceparent", "00-1"), ("x-b3-traceid", "1"), ("x-request-id", "1")], None);
        check(&[("x-requested-with", "XMLHttpRequest"), ("origin", "http://localhost")], None);
    }
}
