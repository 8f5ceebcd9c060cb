//! Whether a page's Content-Security-Policy lets the bar run: its script, and the calls that the script makes.
//!
//! As Content Security Policy Level 3 says; the sections are those of its Working Draft. The bar's style is a constructed
//! sheet, and what it shows is set as text: neither needs a permission. Policies that are only reported
//! (`Content-Security-Policy-Report-Only`) forbid nothing, and those in a `<meta>` of the page are not seen here.

use std::fmt;

use http::uri::Authority;
use http::{HeaderMap, header};
use percent_encoding::percent_decode_str;

/// What of the toolbar's page the bar runs: its own script, which alone is in the element, and what that imports, which
/// carries the nonce of the script (HTML, 8.1.3.1, "descendant script fetch options").
const SCRIPTS: [&str; 3] = ["bar/bar.js", "shared/findings.js", "shared/format.js"];

/// What of the bar a policy forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forbidden {
    Script,
    Calls,
    Sandbox,
    Unreadable,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Forbidden::Script => {
                "content-security-policy does not allow a script of this origin; add 'self' or a nonce to script-src"
            }
            Forbidden::Calls => {
                "content-security-policy does not allow calls to this origin; add 'self' to connect-src"
            }
            Forbidden::Sandbox => {
                "content-security-policy puts the page into a sandbox; add allow-scripts and allow-same-origin"
            }
            Forbidden::Unreadable => "content-security-policy holds characters outside ASCII",
        })
    }
}

/// Where a page and the toolbar are: they have one origin.
#[derive(Clone, Debug)]
pub(crate) struct Place<'p> {
    pub(crate) https: bool,
    /// `None` where the request does not tell.
    pub(crate) authority: Option<Authority>,
    /// The toolbar's path, without a slash at its end.
    pub(crate) path: &'p str,
}

/// The nonce that the bar's script has to carry under all the policies of an answer, where it needs one.
pub(crate) fn permission<'h>(
    headers: &'h HeaderMap,
    place: &Place<'_>,
) -> Result<Option<&'h str>, Forbidden> {
    let mut policies = Vec::new();
    for line in headers.get_all(header::CONTENT_SECURITY_POLICY) {
        let line = line.to_str().map_err(|_| Forbidden::Unreadable)?;
        policies.extend(line.split(',').map(Policy::parse));
    }
    let scripts = SCRIPTS.map(|script| format!("{}/{script}", place.path));
    let calls = format!("{}/api/bar/", place.path);
    let mut needing = Vec::new();
    for policy in &policies {
        if policy.sandboxes() {
            return Err(Forbidden::Sandbox);
        }
        let connect = policy.directive(&["connect-src", "default-src"]);
        if !connect.is_none_or(|sources| sources.match_url(place, &calls)) {
            return Err(Forbidden::Calls);
        }
        let Some(sources) = policy.directive(&["script-src-elem", "script-src", "default-src"]) else {
            continue;
        };
        if sources.strict() || !scripts.iter().all(|script| sources.match_url(place, script)) {
            needing.push(sources);
        }
    }
    // An element carries one nonce, and each policy has to know it.
    let Some((first, others)) = needing.split_first() else { return Ok(None) };
    let known = |nonce: &&str| others.iter().all(|sources| sources.nonces().any(|other| other == *nonce));
    first.nonces().find(known).map(Some).ok_or(Forbidden::Script)
}

/// One serialized policy (2.2.1): the first directive of each name counts.
struct Policy<'h>(Vec<(&'h str, Sources<'h>)>);

impl<'h> Policy<'h> {
    fn parse(text: &'h str) -> Self {
        let directives = text.split(';').map(str::trim_ascii).filter(|directive| !directive.is_empty());
        Policy(
            directives
                .map(|directive| match directive.split_once(|c: char| c.is_ascii_whitespace()) {
                    Some((name, value)) => (name, Sources(value)),
                    None => (directive, Sources("")),
                })
                .collect(),
        )
    }

    /// The first of these directives that the policy has.
    fn directive(&self, names: &[&str]) -> Option<&Sources<'h>> {
        let find = |name: &&str| self.0.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        names.iter().find_map(find).map(|(_, sources)| sources)
    }

    /// Whether the page runs no scripts, or has an origin of its own to which the toolbar is foreign.
    fn sandboxes(&self) -> bool {
        self.directive(&["sandbox"]).is_some_and(|flags| {
            ["allow-scripts", "allow-same-origin"].iter().any(|needed| !flags.has(needed))
        })
    }
}

/// A list of sources (2.3.1).
struct Sources<'h>(&'h str);

impl<'h> Sources<'h> {
    fn each(&self) -> impl Iterator<Item = &'h str> + use<'h> {
        self.0.split_ascii_whitespace()
    }

    fn has(&self, word: &str) -> bool {
        self.each().any(|source| source.eq_ignore_ascii_case(word))
    }

    /// The nonces; those that RFC 4648 does not give are left out, since one is copied into an attribute.
    fn nonces(&self) -> impl Iterator<Item = &'h str> + use<'h> {
        let clean = |nonce: &&str| nonce.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/-_=".contains(&b));
        self.each()
            .filter_map(|source| {
                let (keyword, nonce) = source.split_at_checked("'nonce-".len())?;
                nonce.strip_suffix('\'').filter(|_| keyword.eq_ignore_ascii_case("'nonce-"))
            })
            .filter(|nonce| !nonce.is_empty())
            .filter(clean)
    }

    /// Whether scripts are trusted by a nonce, and never for where they come from (6.7.1.1).
    fn strict(&self) -> bool {
        self.has("'strict-dynamic'")
    }

    /// Whether a path of the place's origin is in the list (6.7.2.7).
    fn match_url(&self, place: &Place<'_>, path: &str) -> bool {
        self.each().any(|source| matches(source, place, path))
    }
}

/// Whether a source matches an address of the page's own origin (6.7.2.8).
fn matches(source: &str, place: &Place<'_>, path: &str) -> bool {
    if source == "*" || source.eq_ignore_ascii_case("'self'") {
        return true;
    }
    if let Some(scheme) = source.strip_suffix(':') {
        return scheme_matches(scheme, place.https);
    }
    let rest = match source.split_once("://") {
        Some((scheme, _)) if !scheme_matches(scheme, place.https) => return false,
        Some((_, rest)) => rest,
        None => source,
    };
    let Some(authority) = &place.authority else { return false };
    let (own, wanted) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, ""),
    };
    let (host, port) = own.split_once(':').map_or((own, None), |(host, port)| (host, Some(port)));
    host_matches(host, authority.host()) && port_matches(port, place) && path_matches(wanted, path)
}

/// 6.7.2.9: what is allowed by http is allowed by https as well.
fn scheme_matches(scheme: &str, https: bool) -> bool {
    scheme.eq_ignore_ascii_case("http") || (https && scheme.eq_ignore_ascii_case("https"))
}

/// 6.7.2.10, but for addresses, which browsers compare as they do names.
fn host_matches(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some("") => true,
        Some(ending) => {
            let ending = ending.as_bytes();
            let at = host.len().checked_sub(ending.len());
            ending.starts_with(b".")
                && at.is_some_and(|at| at > 0 && host.as_bytes()[at..].eq_ignore_ascii_case(ending))
        }
        None => !pattern.is_empty() && pattern.eq_ignore_ascii_case(host),
    }
}

/// 6.7.2.11.
fn port_matches(pattern: Option<&str>, place: &Place<'_>) -> bool {
    let default = if place.https { 443 } else { 80 };
    let port = place.authority.as_ref().and_then(Authority::port_u16).unwrap_or(default);
    match pattern {
        None => port == default,
        Some("*") => true,
        Some(pattern) => pattern
            .parse::<u16>()
            .is_ok_and(|allowed| allowed == port || (allowed == 80 && place.https && port == 443)),
    }
}

/// 6.7.2.12: a path that ends in a slash allows all below it.
fn path_matches(pattern: &str, path: &str) -> bool {
    if pattern.is_empty() {
        return true;
    }
    let segments = |path: &str| -> Vec<Vec<u8>> {
        path.split('/').map(|segment| percent_decode_str(segment).collect()).collect()
    };
    let (mut pattern, path) = (segments(pattern), segments(path));
    if pattern.last().is_some_and(Vec::is_empty) {
        pattern.pop();
        return path.len() > pattern.len() && path.starts_with(&pattern);
    }
    pattern == path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_at(
        https: bool,
        authority: &'static str,
        policies: &[&str],
        expected: Result<Option<&str>, Forbidden>,
    ) {
        let mut headers = HeaderMap::new();
        for policy in policies {
            headers.append("content-security-policy", policy.parse().unwrap());
        }
        let place = Place { https, authority: Some(Authority::from_static(authority)), path: "/__otelbar" };
        assert_eq!(permission(&headers, &place), expected, "{policies:?}");
    }

    #[track_caller]
    fn check(policies: &[&str], expected: Result<Option<&str>, Forbidden>) {
        check_at(false, "127.0.0.1:3000", policies, expected);
    }

    const SCRIPT: Result<Option<&str>, Forbidden> = Err(Forbidden::Script);
    const CALLS: Result<Option<&str>, Forbidden> = Err(Forbidden::Calls);
    const SANDBOX: Result<Option<&str>, Forbidden> = Err(Forbidden::Sandbox);

    #[test]
    fn the_directive_for_scripts_is_the_nearest() {
        check(&[], Ok(None));
        check(&["img-src 'none'"], Ok(None));
        check(&["default-src 'self'"], Ok(None));
        check(&["DEFAULT-SRC 'SELF'"], Ok(None));
        check(&["default-src 'none'"], CALLS);
        check(&["default-src 'none'; connect-src 'self'"], SCRIPT);
        check(&["default-src 'none'; connect-src 'self'; script-src 'self'"], Ok(None));
        check(&["script-src 'none'; script-src-elem 'self'"], Ok(None));
        check(&["script-src 'self'; script-src-elem 'none'"], SCRIPT);
        check(&["script-src"], SCRIPT);
        check(&["script-src 'none'; script-src 'self'"], SCRIPT);
        check(&["script-src\t'self' ;;"], Ok(None));
        check(&["script-src 'unsafe-inline' 'unsafe-eval'"], SCRIPT);
        check(&["script-src 'sha256-abc='"], SCRIPT);
    }

    #[test]
    fn calls_need_their_permission_as_well() {
        check(&["script-src 'self'; connect-src https://api.example"], CALLS);
        check(&["script-src 'self'; connect-src 'self'"], Ok(None));
        check(&["script-src 'nonce-a'; default-src 'none'"], CALLS);
        check(&["connect-src http://127.0.0.1:3000/__otelbar/"], Ok(None));
        check(&["connect-src http://127.0.0.1:3000/api/"], CALLS);
    }

    #[test]
    fn a_nonce_is_carried_where_it_is_needed() {
        check(&["script-src 'nonce-aB+/='"], Ok(Some("aB+/=")));
        check(&["script-src 'NONCE-aB' 'strict-dynamic'"], Ok(Some("aB")));
        check(&["script-src 'nonce-a' 'self'"], Ok(None));
        check(&["script-src 'self' 'strict-dynamic'"], SCRIPT);
        check(&["script-src 'nonce-a' 'self' 'strict-dynamic'"], Ok(Some("a")));
        check(&["script-src 'nonce-\"><b>'"], SCRIPT);
        check(&["script-src 'nonce-'"], SCRIPT);
    }

    #[test]
    fn the_scripts_are_those_that_the_bar_loads() {
        let bar = include_str!("../../../page/bar/bar.js");
        let imported: Vec<&str> =
            bar.split("import(\"../").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(imported, SCRIPTS[1..]);
    }

    #[test]
    fn every_policy_has_to_agree() {
        check(&["script-src 'nonce-a'", "script-src 'nonce-b'"], SCRIPT);
        check(&["script-src 'nonce-a', script-src 'nonce-b'"], SCRIPT);
        check(&["script-src 'nonce-a' 'nonce-b'", "script-src 'nonce-b'"], Ok(Some("b")));
        check(&["script-src 'nonce-a'", "script-src 'self'"], Ok(Some("a")));
        check(&["script-src 'self'", "script-src 'none'"], SCRIPT);
        check(&["script-src 'self'", "sandbox"], SANDBOX);
    }

    #[test]
    fn a_sandbox_has_to_let_scripts_run_and_call() {
        check(&["sandbox"], SANDBOX);
        check(&["sandbox allow-forms"], SANDBOX);
        check(&["sandbox allow-scripts"], SANDBOX);
        check(&["sandbox Allow-Scripts allow-same-origin"], Ok(None));
    }

    #[test]
    fn sources_are_matched_against_the_own_origin() {
        let script = |source: &str, expected| check(&[&format!("script-src {source}")], expected);
        for allowed in [
            "*",
            "http:",
            "http://127.0.0.1:3000",
            "HTTP://127.0.0.1:*",
            "127.0.0.1:3000",
            "*:3000",
            "*.0.0.1:3000",
            "http://127.0.0.1:3000/",
            "http://127.0.0.1:3000/__otelbar/",
            "http://127.0.0.1:3000/__otelbar/bar/ http://127.0.0.1:3000/__otelbar/shared/",
            "http://127.0.0.1:3000/%5F_otelbar/bar/bar%2Ejs http://127.0.0.1:3000/__otelbar/shared/",
        ] {
            script(allowed, Ok(None));
        }
        for refused in [
            "https:",
            "data:",
            "https://127.0.0.1:3000",
            "http://127.0.0.1",
            "http://127.0.0.1:80",
            "http://127.0.0.1:3001",
            "http://localhost:3000",
            "http://127.0.0.1:3000/__otelbar",
            "http://127.0.0.1:3000/static/",
            "http://127.0.0.1:3000/bar/bar.js",
            "http://127.0.0.1:3000/__otelbar/bar/bar.js",
            "http://:3000",
            "'sel'",
        ] {
            script(refused, SCRIPT);
        }
    }

    #[test]
    fn https_is_what_http_allows_and_more() {
        let shop = |source: &str, expected| {
            check_at(true, "shop.example", &[&format!("script-src {source}")], expected);
        };
        for allowed in ["https:", "http:", "shop.example", "http://shop.example:80", "https://*.example:443"]
        {
            shop(allowed, Ok(None));
        }
        for refused in ["example", "*.shop.example", "http://shop.example:8080", "wss:"] {
            shop(refused, SCRIPT);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_policy_is_read_and_a_nonce_needs_no_quoting(policy in "(script-src|[a-z-]{0,8})( |;|,|'|\\*|[!-~]{0,12}|'nonce-[!-~]{0,6}'){0,12}") {
            let mut headers = HeaderMap::new();
            headers.insert("content-security-policy", policy.parse().unwrap());
            let place = Place { https: false, authority: Authority::try_from("[::1]:80").ok(), path: "/__otelbar" };
            if let Ok(Some(nonce)) = permission(&headers, &place) {
                assert!(!nonce.contains(['"', '<', '>', '&', '\'', ' ']), "{nonce}");
            }
        }
    }

    #[test]
    fn an_unknown_origin_has_its_self_only() {
        let place = Place { https: false, authority: None, path: "/__otelbar" };
        let mut headers = HeaderMap::new();
        headers.insert("content-security-policy", "script-src 'self'".parse().unwrap());
        assert_eq!(permission(&headers, &place), Ok(None));
        headers.insert("content-security-policy", "script-src http://localhost".parse().unwrap());
        assert_eq!(permission(&headers, &place), SCRIPT);
    }
}
