//! An HTTP forward proxy.

mod serve;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderMap, Method, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};

use crate::thread::ServerThread;

/// An HTTP forward proxy on `127.0.0.1`, on a port the system chooses, for tests of `HTTP_PROXY` and `HTTPS_PROXY`.
///
/// It passes on what it is asked for in absolute form (`POST http://host/path`, RFC 9112, section 3.2.2), opens the
/// tunnels that `CONNECT` asks for (RFC 9110, section 9.3.6), and remembers each request. It runs on a thread of its
/// own and goes, with all tunnels, when it is dropped.
///
/// It leads to this machine alone: to loopback addresses, `localhost` and the hosts it was given by
/// [`map_host`](Self::map_host). Others are answered with 502, so that no test depends on a network.
///
/// ```
/// use otelbar_testkit::{Collector, Proxy};
///
/// let (collector, proxy) = (Collector::start()?, Proxy::start()?);
/// proxy.map_host("collector.example", collector.address());
/// proxy.require_credentials("user", "secret");
/// // Give a client the proxy `proxy.endpoint_with("user", "secret")` and the endpoint `http://collector.example:4318`.
/// assert!(proxy.requests().is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Mutex<State>>,
    _thread: ServerThread,
}

impl Proxy {
    /// Starts a proxy that asks for no credentials.
    ///
    /// # Errors
    ///
    /// Says so when no port of the loopback interface or no thread is to be had.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Mutex::new(State::default()));
        let of_thread = Arc::clone(&shared);
        let thread = ServerThread::start("otelbar-proxy", listener, move |stream| {
            serve::connection(stream, Arc::clone(&of_thread))
        })?;
        Ok(Self { address, shared, _thread: thread })
    }

    /// The proxy's own address, `http://127.0.0.1:PORT`, as `HTTP_PROXY` takes it.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The same with credentials in it, `http://user:password@127.0.0.1:PORT`; what is no letter, digit or one of
    /// `-._~` is percent-encoded.
    pub fn endpoint_with(&self, user: &str, password: &str) -> String {
        format!("http://{}:{}@{}", percent_encoded(user), percent_encoded(password), self.address)
    }

    /// Answers 407 from now on to requests without these credentials (Basic, RFC 7617).
    pub fn require_credentials(&self, user: &str, password: &str) {
        lock(&self.shared).authorization =
            Some(format!("Basic {}", BASE64.encode(format!("{user}:{password}"))));
    }

    /// Leads requests for this host, whatever their port, to this address.
    pub fn map_host(&self, host: &str, address: SocketAddr) {
        lock(&self.shared).hosts.insert(host.to_ascii_lowercase(), address);
    }

    /// Every request so far, the refused ones too, in the order of arrival.
    pub fn requests(&self) -> Vec<ProxiedRequest> {
        lock(&self.shared).requests.clone()
    }
}

/// A request that a [`Proxy`] met.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProxiedRequest {
    /// The method; `CONNECT` for a tunnel.
    pub method: Method,
    /// The target as it was sent: an address in absolute form, or `host:port` of a tunnel.
    pub target: String,
    /// The headers.
    pub headers: HeaderMap,
    /// Whether it came with the credentials that are asked for; true where none are.
    pub authorized: bool,
}

impl fmt::Display for ProxiedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let not = if self.authorized { "" } else { ", not authorized" };
        write!(f, "{} {}{not}", self.method, self.target)
    }
}

/// What the proxy's thread and its handle share.
#[derive(Debug, Default)]
struct State {
    authorization: Option<String>,
    hosts: HashMap<String, SocketAddr>,
    requests: Vec<ProxiedRequest>,
}

impl State {
    fn authorizes(&self, headers: &HeaderMap) -> bool {
        let sent = headers.get(header::PROXY_AUTHORIZATION);
        self.authorization.as_ref().is_none_or(|asked| sent.is_some_and(|sent| sent == asked.as_str()))
    }

    /// Where a host is to be found, if we go there.
    fn address(&self, host: &str, port: u16) -> Option<SocketAddr> {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        if let Some(address) = self.hosts.get(&host) {
            return Some(*address);
        }
        let ip = if host == "localhost" { Ipv4Addr::LOCALHOST.into() } else { host.parse().ok()? };
        Some(SocketAddr::new(ip, port)).filter(|address| address.ip().is_loopback())
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn percent_encoded(text: &str) -> PercentEncode<'_> {
    /// All but the unreserved characters of RFC 3986, section 2.3.
    const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(text, ENCODED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_leads_to_this_machine_and_mapped_hosts_alone() {
        let mapped: SocketAddr = "127.0.0.1:7".parse().unwrap();
        let state = State { hosts: [("collector.example".to_owned(), mapped)].into(), ..State::default() };
        let check = |host: &str, expected: Option<&str>| {
            let expected = expected.map(|address| address.parse().unwrap());
            assert_eq!(state.address(host, 80), expected, "{host}");
        };
        check("Collector.Example", Some("127.0.0.1:7"));
        check("localhost", Some("127.0.0.1:80"));
        check("127.0.0.9", Some("127.0.0.9:80"));
        check("[::1]", Some("[::1]:80"));
        check("192.0.2.1", None);
        check("example.org", None);
    }
}
