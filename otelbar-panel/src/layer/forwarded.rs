//! What proxies say of the client behind them: `Forwarded` (RFC 7239) and the `X-Forwarded-*` headers.

use std::net::{IpAddr, SocketAddr};

use http::uri::Authority;
use http::{HeaderMap, HeaderName, header};
use otelbar_config::IpNetworks;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

/// Bytes of all lines of one header that are read; where there are more, the header is not believed.
const MAX_LEN: usize = 8192;

/// A request as the client made it, as far as trusted proxies tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Forwarded {
    pub(super) client: Option<IpAddr>,
    pub(super) scheme: Option<&'static str>,
    pub(super) host: Option<Authority>,
    pub(super) port: Option<u16>,
}

/// What the proxies have told of a request that came from this peer: nothing, unless the peer is one that is trusted.
///
/// Each proxy adds, at the end, where the request came from. So the way is followed from the end as long as it leads to
/// proxies that are trusted; the first address that is none of theirs is the client's, and what stands before it is what
/// the client itself has sent. Where both kinds of header are there and name different clients, neither is believed: a
/// proxy that sets one kind passes the other on as the client sent it.
pub(super) fn forwarded(
    headers: &HeaderMap,
    peer: Option<SocketAddr>,
    trusted: &IpNetworks,
) -> Option<Forwarded> {
    let peer = peer?.ip();
    if trusted.is_empty() || !trusted.contains(peer) {
        return None;
    }
    let standard = lines(headers, &header::FORWARDED).map(|lines| of_standard(&lines, trusted));
    let common = of_common(headers, trusted);
    match (standard, common) {
        (Some(standard), Some(common)) => (standard.client == common.client).then_some(standard),
        (Some(one), None) | (None, Some(one)) => Some(one),
        (None, None) => None,
    }
}

/// All lines of a header as one list, in order; `None` if there is none.
fn lines(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut all = String::new();
    for (index, line) in headers.get_all(name).into_iter().enumerate() {
        // What is not ASCII breaks the element it is in.
        let line = line.to_str().unwrap_or("?");
        if all.len() + line.len() > MAX_LEN {
            return Some(String::new());
        }
        if index > 0 {
            all.push(',');
        }
        all.push_str(line);
    }
    headers.contains_key(name).then_some(all)
}

/// Follows the way from its end; the place of the last element that was reached, and its address.
fn follow<T>(
    way: &[T],
    address: impl Fn(&T) -> Option<IpAddr>,
    trusted: &IpNetworks,
) -> Option<(usize, IpAddr)> {
    let mut reached = None;
    for (place, element) in way.iter().enumerate().rev() {
        // One that is unknown, hidden or malformed ends the way.
        let Some(address) = address(element) else { break };
        reached = Some((place, address.to_canonical()));
        if !trusted.contains(address) {
            break;
        }
    }
    reached
}

fn of_standard(list: &str, trusted: &IpNetworks) -> Forwarded {
    let elements: Vec<Option<Element>> = split(list, ',').map(element).collect();
    let address = |element: &Option<Element>| node(element.as_ref()?.node.as_deref()?);
    let Some((place, client)) = follow(&elements, address, trusted) else { return Forwarded::default() };
    let Some(Some(element)) = elements.into_iter().nth(place) else { return Forwarded::default() };
    Forwarded {
        client: Some(client),
        scheme: element.proto.as_deref().and_then(scheme),
        host: element.host.as_deref().and_then(authority),
        port: None,
    }
}

/// `None` if no header says where the request came from.
fn of_common(headers: &HeaderMap, trusted: &IpNetworks) -> Option<Forwarded> {
    let list = lines(headers, &X_FORWARDED_FOR)?;
    let way: Vec<&str> = list.split(',').map(str::trim).collect();
    let Some((place, client)) = follow(&way, |entry| node(unquoted(entry)), trusted) else {
        return Some(Forwarded::default());
    };
    // Some proxies add to these as they do to the addresses; others say it once.
    let of = |name: &HeaderName| {
        let list = lines(headers, name)?;
        let values: Vec<&str> = list.split(',').map(str::trim).collect();
        let value = if values.len() == way.len() { values.get(place) } else { values.last() };
        value.map(|value| unquoted(value).to_owned())
    };
    Some(Forwarded {
        client: Some(client),
        scheme: of(&X_FORWARDED_PROTO).as_deref().and_then(scheme),
        host: of(&X_FORWARDED_HOST).as_deref().and_then(authority),
        port: of(&X_FORWARDED_PORT).and_then(|port| port.parse().ok()),
    })
}

/// A `forwarded-element` (RFC 7239, section 4), with the parameters that are read.
#[derive(Default)]
struct Element {
    node: Option<String>,
    proto: Option<String>,
    host: Option<String>,
}

/// `None` for one that breaks the grammar, or in which a parameter occurs twice.
fn element(text: &str) -> Option<Element> {
    let mut element = Element::default();
    for pair in split(text, ';').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        if name.is_empty() || !name.bytes().all(is_token) {
            return None;
        }
        let value = match value.strip_prefix('"') {
            Some(quoted) => unescaped(quoted)?,
            // More than a token, for ports and addresses in brackets that are not quoted.
            None if !value.is_empty() && value.bytes().all(|b| is_token(b) || b":[]".contains(&b)) => {
                value.to_owned()
            }
            None => return None,
        };
        let place = match name.to_ascii_lowercase().as_str() {
            "for" => &mut element.node,
            "proto" => &mut element.proto,
            "host" => &mut element.host,
            _ => continue,
        };
        if place.replace(value).is_some() {
            return None;
        }
    }
    Some(element)
}

/// A character of a token (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The pieces between separators that are not in a quoted string.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.split(move |c| {
        let splits = c == separator && !is_quoted;
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ => {}
        }
        splits
    })
}

/// The text of a quoted string, from behind its first quote; `None` if its end is not that of the text.
fn unescaped(quoted: &str) -> Option<String> {
    let mut text = String::with_capacity(quoted.len());
    let mut characters = quoted.chars();
    loop {
        match characters.next()? {
            '"' => return characters.next().is_none().then_some(text),
            '\\' => text.push(characters.next()?),
            character => text.push(character),
        }
    }
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

/// The address of a node (RFC 7239, section 6), with a port or without; `None` for `unknown` and hidden ones.
fn node(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let (address, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            (IpAddr::V6(address.parse().ok()?), port.strip_prefix(':').or(port.is_empty().then_some(""))?)
        }
        None => {
            let (address, port) = text.split_once(':')?;
            (IpAddr::V4(address.parse().ok()?), port)
        }
    };
    // A port may be hidden as well.
    port.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)).then_some(address)
}

fn scheme(text: &str) -> Option<&'static str> {
    ["http", "https"].into_iter().find(|scheme| scheme.eq_ignore_ascii_case(text))
}

/// A host, with a port or without; no user information.
fn authority(text: &str) -> Option<Authority> {
    text.parse().ok().filter(|authority: &Authority| !authority.as_str().contains('@'))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    fn read(fields: &[(&'static str, &str)]) -> Option<Forwarded> {
        let peer = "10.0.0.1:4711".parse().unwrap();
        forwarded(&headers(fields), Some(peer), &"10.0.0.0/8,fd00::/8".parse().unwrap())
    }

    /// The client that these headers lead to, from a peer that is trusted.
    #[track_caller]
    fn client(fields: &[(&'static str, &str)], expected: Option<&str>) {
        let found = read(fields).and_then(|found| found.client);
        assert_eq!(found, expected.map(|address| address.parse().unwrap()), "{fields:?}");
    }

    /// The way is followed from its end, through the proxies that are trusted and no further.
    #[test]
    fn the_way_is_followed_from_its_end() {
        for (name, of) in [
            ("x-forwarded-for", (|address| address) as fn(&'static str) -> &'static str),
            ("forwarded", |address| match address {
                "203.0.113.9" => "for=203.0.113.9",
                "198.51.100.7" => "For=\"198.51.100.7:4711\";by=10.0.0.2;proto=http",
                "10.0.0.2" => "proto=https;for=10.0.0.2",
                "2001:db8::1" => "for=\"[2001:db8::1]:4711\"",
                "fd00::1" => "for=\"[fd00::1]\"",
                "unknown" => "for=unknown",
                other => other,
            }),
        ] {
            let check = |way: &[&'static str], expected| {
                let list: Vec<&str> = way.iter().map(|address| of(address)).collect();
                client(&[(name, &list.join(", "))], expected);
                // The same in a line each.
                client(&list.iter().map(|line| (name, *line)).collect::<Vec<_>>(), expected);
            };
            check(&["203.0.113.9"], Some("203.0.113.9"));
            check(&["198.51.100.7", "203.0.113.9"], Some("203.0.113.9"));
            check(&["203.0.113.9", "10.0.0.2"], Some("203.0.113.9"));
            check(&["198.51.100.7", "203.0.113.9", "10.0.0.2", "fd00::1"], Some("203.0.113.9"));
            check(&["2001:db8::1", "fd00::1"], Some("2001:db8::1"));
            check(&["fd00::1", "10.0.0.2"], Some("fd00::1"));
            check(&["203.0.113.9", "unknown", "10.0.0.2"], Some("10.0.0.2"));
            check(&["203.0.113.9", "unknown"], None);
            check(&["unknown", "203.0.113.9"], Some("203.0.113.9"));
        }
    }

    /// Nodes in each of their forms, and what is none.
    #[test]
    fn nodes() {
        for (text, expected) in [
            ("192.0.2.43", Some("192.0.2.43")),
            ("192.0.2.43:47011", Some("192.0.2.43")),
            ("192.0.2.43:_hidden", Some("192.0.2.43")),
            ("2001:db8:cafe::17", Some("2001:db8:cafe::17")),
            ("[2001:db8:cafe::17]", Some("2001:db8:cafe::17")),
            ("[2001:db8:cafe::17]:4711", Some("2001:db8:cafe::17")),
            ("unknown", None),
            ("_hidden", None),
            ("", None),
            ("[192.0.2.43]", None),
            ("[2001:db8::1", None),
            ("[2001:db8::1]4711", None),
            ("192.0.2.43:80:80", None),
            ("192.0.2.043", None),
            ("example.com", None),
        ] {
            assert_eq!(node(text), expected.map(|address| address.parse().unwrap()), "{text:?}");
        }
    }

    /// Scheme and host are those of the element that names the client.
    #[test]
    fn scheme_and_host() {
        let check = |fields: &[(&'static str, &str)], scheme, host: Option<&str>, port| {
            let found = read(fields).unwrap();
            let host_found = found.host.as_ref().map(Authority::as_str);
            assert_eq!((found.scheme, host_found, found.port), (scheme, host, port), "{fields:?}");
        };
        let fields = [
            ("x-forwarded-for", "203.0.113.9, 10.0.0.2"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "shop.example:8443"),
            ("x-forwarded-port", "8443"),
        ];
        check(&fields, Some("https"), Some("shop.example:8443"), Some(8443));
        check(
            &[fields[0], ("x-forwarded-proto", "HTTPS, http"), ("x-forwarded-host", "shop.example,inner")],
            Some("https"),
            Some("shop.example"),
            None,
        );
        check(&[fields[0], ("x-forwarded-proto", "a,b,http")], Some("http"), None, None);
        check(&[fields[0], ("x-forwarded-proto", "gopher"), ("x-forwarded-port", "x")], None, None, None);
        check(&[fields[0], ("x-forwarded-host", "u@shop.example")], None, None, None);
        check(
            &[(
                "forwarded",
                "for=198.51.100.7;proto=http;host=evil, for=203.0.113.9;Proto=https;Host=\"shop.example:8443\"",
            )],
            Some("https"),
            Some("shop.example:8443"),
            None,
        );
    }

    /// What breaks the grammar ends the way; a separator in quotes is none.
    #[test]
    fn elements() {
        for (list, expected) in [
            ("for=\"203.0.113.9\";by=\"a,b;c\"", Some("203.0.113.9")),
            ("for=\"203.0.113\\.9\"", Some("203.0.113.9")),
            ("for=203.0.113.9 ; proto=http", Some("203.0.113.9")),
            ("for=203.0.113.9;;", Some("203.0.113.9")),
            ("for=[2001:db8::1]:80", Some("2001:db8::1")),
            ("for=203.0.113.9;for=203.0.113.9", None),
            ("for=203.0.113.9;proto", None),
            ("for=\"203.0.113.9", None),
            ("for=\"203.0.113.9\"x", None),
            ("for =203.0.113.9", None),
            ("by=10.0.0.2;proto=http", None),
            ("for=203.0.113.9, ", None),
            ("", None),
            ("\u{fc}", None),
        ] {
            client(&[("forwarded", list)], expected);
        }
        client(&[("x-forwarded-for", &"1.1.1.1,".repeat(2000))], None);
    }

    /// Two headers that name two clients are not believed: one of them is the client's own.
    #[test]
    fn headers_that_disagree_are_not_believed() {
        let common = ("x-forwarded-for", "203.0.113.9");
        client(&[common, ("forwarded", "for=203.0.113.9;proto=https")], Some("203.0.113.9"));
        client(&[common, ("forwarded", "for=198.51.100.7")], None);
        client(&[common, ("forwarded", "nonsense")], None);
    }

    proptest::proptest! {
        /// Any text: no panic, and whoever is named is behind a proxy that is trusted or is the last in the list.
        #[test]
        fn any_text_is_read(
            lines in proptest::collection::vec("[ -~]{0,60}|(for=\"?[0-9a-f.:\\[\\]]{1,20}\"?[;,]?){0,4}|[0-9a-f.:, ]{0,40}", 0..4),
        ) {
            for name in ["forwarded", "x-forwarded-for"] {
                let fields: Vec<_> = lines.iter().map(|line| (name, line.as_str())).collect();
                if let Some(client) = read(&fields).and_then(|found| found.client) {
                    let text = client.to_string();
                    proptest::prop_assert!(text.parse() == Ok(client));
                }
            }
        }
    }

    /// Nothing is believed of a peer that is not trusted, or not known, or where nobody is.
    #[test]
    fn only_trusted_peers_are_believed() {
        let headers = headers(&[("x-forwarded-for", "203.0.113.9")]);
        let found = |peer: Option<&str>, trusted: &str| {
            forwarded(&headers, peer.map(|peer| peer.parse().unwrap()), &trusted.parse().unwrap()).is_some()
        };
        assert!(found(Some("10.0.0.1:1"), "10.0.0.1"));
        assert!(found(Some("[::ffff:10.0.0.1]:1"), "10.0.0.1"));
        assert!(!found(Some("10.0.0.2:1"), "10.0.0.1"));
        assert!(!found(Some("10.0.0.1:1"), "none"));
        assert!(!found(None, "10.0.0.1"));
    }
}
