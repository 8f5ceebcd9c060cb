//! Whether a request asks for this machine by a name that is its own everywhere.

use std::net::IpAddr;

use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Uri, header};

use super::{Denied, printable};

/// Checks every host that the request names: that of its address, and that of its one `Host` header.
pub(super) fn check(uri: &Uri, headers: &HeaderMap, allowed: &[String]) -> Result<(), Denied> {
    let mut lines = headers.get_all(header::HOST).into_iter();
    let line = lines.next().map(authority).transpose()?;
    if lines.next().is_some() {
        return Err(Denied::SeveralHosts);
    }
    if uri.authority().is_none() && line.is_none() {
        return Err(Denied::NoHost);
    }
    for authority in uri.authority().into_iter().chain(&line) {
        let host = authority.host();
        if !plain(authority) {
            return Err(Denied::InvalidHost(printable(authority.as_str())));
        }
        if !is_own(host) && !is_allowed(host, allowed) {
            return Err(Denied::Host(printable(host)));
        }
    }
    Ok(())
}

fn authority(line: &HeaderValue) -> Result<Authority, Denied> {
    let invalid = || Denied::InvalidHost(printable(&String::from_utf8_lossy(line.as_bytes())));
    Authority::try_from(line.as_bytes()).map_err(|_| invalid())
}

/// Whether it is a host with at most a port (RFC 9110, 7.2); the parser takes more.
fn plain(authority: &Authority) -> bool {
    let Some(rest) = authority.as_str().strip_prefix(authority.host()) else { return false };
    let port = rest.strip_prefix(':').unwrap_or(rest);
    let digits = port.bytes().all(|b| b.is_ascii_digit()) && (port.is_empty() || port.parse::<u16>().is_ok());
    digits && (rest.is_empty() || rest.starts_with(':'))
}

/// Names and addresses that are loopback by their definition (RFC 6761, 6.3; RFC 1122, 3.2.1.3; RFC 4291, 2.5.3).
fn is_own(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || without_brackets(host).parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

fn is_allowed(host: &str, allowed: &[String]) -> bool {
    let name = without_brackets(host);
    allowed.iter().any(|allowed| without_brackets(allowed).eq_ignore_ascii_case(name))
}

fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}
