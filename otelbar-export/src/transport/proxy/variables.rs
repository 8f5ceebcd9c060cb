//! The variables that name proxies.

use std::fmt;
use std::net::IpAddr;

use http::Uri;
use http::uri::Scheme;
use hyper_util::client::proxy::matcher::Matcher;

use super::{HTTP, Proxy};
use crate::error::{Setting, SetupError};
use crate::transport::endpoint::port_of;

/// The values of `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`, as curl and Go read them.
#[derive(Default)]
pub(crate) struct ProxyVariables {
    http: Option<Variable>,
    https: Option<Variable>,
    all: Option<Variable>,
    no: Option<Variable>,
}

struct Variable {
    name: &'static str,
    value: String,
}

impl fmt::Debug for ProxyVariables {
    /// The names of those that are set: values may hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = [&self.http, &self.https, &self.all, &self.no].into_iter().flatten();
        f.debug_list().entries(set.map(|variable| variable.name)).finish()
    }
}

impl ProxyVariables {
    /// Lower case goes first; an empty value is none.
    pub(super) fn read(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let first = |names: &[&'static str]| {
            names.iter().find_map(|name| {
                let value = variable(name)?.trim().to_owned();
                (!value.is_empty()).then_some(Variable { name, value })
            })
        };
        // A CGI server makes HTTP_PROXY of a request's header `Proxy`, so that any client could set it.
        let is_cgi = variable("REQUEST_METHOD").is_some();
        Self {
            http: first(if is_cgi { &["http_proxy"] } else { &["http_proxy", "HTTP_PROXY"] }),
            https: first(&["https_proxy", "HTTPS_PROXY"]),
            all: first(&["all_proxy", "ALL_PROXY"]),
            no: first(&["no_proxy", "NO_PROXY"]),
        }
    }

    pub(super) fn proxy_for(&self, endpoint: &Uri) -> Result<Option<Proxy>, SetupError> {
        let is_https = endpoint.scheme() == Some(&Scheme::HTTPS);
        let variable = if is_https { &self.https } else { &self.http };
        let Some(Variable { name, value }) = variable.as_ref().or(self.all.as_ref()) else { return Ok(None) };
        if is_loopback(endpoint) || self.spares(endpoint) {
            return Ok(None);
        }
        Proxy::parse(Setting::method(name), value).map(Some)
    }

    /// Whether `no_proxy` has an entry for this endpoint.
    fn spares(&self, endpoint: &Uri) -> bool {
        let Some(Variable { value, .. }) = &self.no else { return false };
        let entries = value.split([',', ' ', '\t']).filter_map(|entry| host_of(entry, port_of(endpoint)));
        let hosts: Vec<_> = entries.collect();
        // The `Matcher` takes `*` for names, and not for addresses.
        if hosts.contains(&"*") {
            return true;
        }
        let host = endpoint.host().unwrap_or_default().trim_end_matches('.');
        let Ok(host) = format!("{HTTP}{host}").parse() else { return false };
        // What the list spares is not intercepted by this proxy of everything.
        Matcher::builder().all("any").no(hosts.join(",")).build().intercept(&host).is_none()
    }
}

/// The host, domain or network of an entry of `no_proxy`, unless the entry has another port. The [`Matcher`] takes no
/// port, no brackets, no dot at the end and no `*.` in the beginning; and `http::uri::Authority` is none of a network, a
/// domain with a dot before it or an IPv6 address without brackets.
fn host_of(entry: &str, port: u16) -> Option<&str> {
    let (host, entry_port) = match entry.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, rest)) => (host, Some(rest.strip_prefix(':')?)),
        None => match entry.split_once(':') {
            // More colons are an IPv6 address.
            Some((host, port)) if !port.contains(':') => (host, Some(port)),
            _ => (entry, None),
        },
    };
    let is_ours = entry_port.is_none_or(|entry_port| entry_port.parse() == Ok(port));
    let host = host.trim_end_matches('.');
    is_ours.then(|| host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host))
}

/// Whether it is this machine: no other can connect us to that.
fn is_loopback(endpoint: &Uri) -> bool {
    let host = endpoint.host().unwrap_or_default().trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The proxy that these variables name for the endpoint.
    fn proxy_of(variables: &[(&str, &str)], endpoint: &str) -> Result<Option<String>, String> {
        let environment =
            |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        let proxy = ProxyVariables::read(&environment).proxy_for(&endpoint.parse().unwrap());
        proxy.map(|proxy| proxy.map(|proxy| proxy.text.to_string())).map_err(|error| error.to_string())
    }

    #[test]
    fn the_schemes_variable_goes_first_and_lower_case_before_upper() {
        #[track_caller]
        fn check(variables: &[(&str, &str)], endpoint: &str, expected: Option<&str>) {
            let proxy = proxy_of(variables, endpoint).unwrap();
            assert_eq!(proxy.as_deref(), expected, "{variables:?}");
        }
        let (plain, tls) = ("http://h:4318/v1/traces", "https://h:4317");
        check(&[], plain, None);
        check(&[("http_proxy", "a")], plain, Some("http://a"));
        check(&[("http_proxy", "a")], tls, None);
        check(&[("HTTPS_PROXY", "http://a:1/")], tls, Some("http://a:1"));
        check(&[("HTTPS_PROXY", "a")], plain, None);
        check(&[("http_proxy", "a"), ("HTTP_PROXY", "b")], plain, Some("http://a"));
        check(&[("https_proxy", "a"), ("HTTPS_PROXY", "b")], tls, Some("http://a"));
        check(&[("all_proxy", "a"), ("ALL_PROXY", "b")], tls, Some("http://a"));
        check(&[("ALL_PROXY", "a"), ("HTTP_PROXY", "b")], plain, Some("http://b"));
        check(&[("ALL_PROXY", "a"), ("HTTP_PROXY", "b")], tls, Some("http://a"));
        // Empty is unset.
        check(&[("http_proxy", " "), ("HTTP_PROXY", "b")], plain, Some("http://b"));
        check(&[("http_proxy", ""), ("all_proxy", "b")], plain, Some("http://b"));
    }

    #[test]
    fn under_cgi_a_client_cannot_set_the_proxy() {
        let cgi = ("REQUEST_METHOD", "POST");
        let to = |variables: &[(&str, &str)]| proxy_of(variables, "http://h").unwrap();
        assert_eq!(to(&[cgi, ("HTTP_PROXY", "a")]), None);
        assert_eq!(to(&[cgi, ("http_proxy", "a")]).as_deref(), Some("http://a"));
        assert_eq!(to(&[cgi, ("HTTP_PROXY", "a"), ("ALL_PROXY", "b")]).as_deref(), Some("http://b"));
    }

    #[test]
    fn this_machine_is_never_reached_through_a_proxy() {
        let direct = |endpoint: &str| proxy_of(&[("all_proxy", "a")], endpoint).unwrap().is_none();
        for host in
            ["localhost", "LocalHost:4318", "127.0.0.1:4318", "127.9.9.9", "[::1]:4317", "[::ffff:127.0.0.1]"]
        {
            assert!(direct(&format!("http://{host}/v1/traces")), "{host}");
            assert!(direct(&format!("https://{host}/v1/traces")), "{host}");
        }
        for host in ["localhost.example", "128.0.0.1", "[::2]", "h"] {
            assert!(!direct(&format!("http://{host}/v1/traces")), "{host}");
        }
    }

    #[test]
    fn no_proxy_spares_what_it_lists() {
        #[track_caller]
        fn check(list: &str, endpoint: &str, spared: bool) {
            for name in ["no_proxy", "NO_PROXY"] {
                let proxy = proxy_of(&[("all_proxy", "a"), (name, list)], endpoint).unwrap();
                assert_eq!(proxy.is_none(), spared, "{list:?} and {endpoint}");
            }
        }
        let endpoint = "http://collector.example:4318/v1/traces";
        for list in [
            "*",
            "other, *",
            "collector.example",
            "Collector.Example.",
            "example",
            ".example",
            "*.example",
            "other,collector.example",
            "other  collector.example",
            "collector.example:4318",
        ] {
            check(list, endpoint, true);
        }
        for address in ["http://192.0.2.1:4318", "https://[2001:db8::1]:4317"] {
            check("other, *", address, true);
            check("*:1", address, false);
        }
        for list in
            ["other", "tor.example", "lector.example", "collector", "collector.example:4317", "*:4317"]
        {
            check(list, endpoint, false);
        }
        check("example.", "http://collector.example.:4318", true);
        check("h:80", "http://h", true);
        check("h:443", "https://h", true);
        check("h:x", "http://h", false);
        check("10.0.0.0/8", "http://10.1.2.3:4318", true);
        check("10.0.0.0/8", "http://11.1.2.3:4318", false);
        check("10.1.2.3:4318", "http://10.1.2.3:4318", true);
        check("fd00::/8", "http://[fd00::1]:4318", true);
        check("fd00::1", "http://[fd00::1]:4318", true);
        check("[fd00::1]", "http://[fd00::1]:4318", true);
        check("[fd00::1]:4318", "http://[fd00::1]:4318", true);
        check("[fd00::1]:4317", "http://[fd00::1]:4318", false);
        check("[fd00::1]/8", "http://[fd00::1]:4318", false);
        check(",, ,", endpoint, false);
        // The list in lower case goes first, whole.
        let both = [("all_proxy", "a"), ("no_proxy", "other"), ("NO_PROXY", "*")];
        assert!(proxy_of(&both, endpoint).unwrap().is_some());
    }

    #[test]
    fn a_variable_that_names_no_proxy_for_us_is_told_where_it_would_be_used() {
        let of = |value| proxy_of(&[("HTTP_PROXY", value), ("NO_PROXY", "spared")], "http://h").unwrap_err();
        let error = of("socks5h://me:secret@tor:9050");
        assert!(
            error.starts_with("HTTP_PROXY: \"***\" is not an http:// proxy, the only kind supported"),
            "{error}"
        );
        assert!(of("ftp://tor").starts_with("HTTP_PROXY: \"ftp://tor\" is not the URL of an HTTP proxy"));
        for endpoint in ["http://localhost", "http://spared", "https://h"] {
            proxy_of(&[("HTTP_PROXY", "socks5://tor"), ("NO_PROXY", "spared")], endpoint).unwrap();
        }
    }

    #[test]
    fn values_are_not_shown() {
        let variables = |name: &str| match name {
            "http_proxy" => Some("http://me:secret@proxy".to_owned()),
            "NO_PROXY" => Some("h".to_owned()),
            _ => None,
        };
        assert_eq!(format!("{:?}", ProxyVariables::read(&variables)), r#"["http_proxy", "NO_PROXY"]"#);
    }

    proptest! {
        /// Whatever the environment holds is read without a panic, and says no password.
        #[test]
        fn nothing_upsets_the_reader(proxy in "\\PC{0,12}", list in "[\\PC*.,:/\\[\\]]{0,24}") {
            let proxy = format!("{proxy}:hush@{proxy}");
            let got = proxy_of(&[("all_proxy", &proxy), ("no_proxy", &list)], "http://h.example:4318/v1/traces");
            if let Err(error) = got {
                prop_assert!(!error.contains("hush"), "{}", error);
            }
        }
    }
}
