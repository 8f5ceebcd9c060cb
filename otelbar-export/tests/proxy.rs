//! Spans sent by way of a proxy.

mod common;

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use otelbar_export::{Delivery, DropReason, ExporterOptions, Protocol, SendError};
use otelbar_testkit::Collector;

use common::{PATIENCE, account_of, assert_balanced, at_once, batch, endpoint, exporter, protocols};

/// A name that the proxy alone knows.
const HOST: &str = "collector.example";
const CREDENTIALS: &str = "shop:hu%3Ash";
/// `shop:hu:sh`.
const AUTHORIZATION: &str = "Basic c2hvcDpodTpzaA==";

/// Sends three spans, which must arrive.
fn delivered(options: ExporterOptions, collector: &Collector) {
    let (exporter, receipts) = exporter(options);
    exporter.enqueue(batch(1, 3)).unwrap();
    let sent = exporter.flush(PATIENCE);
    assert_eq!((sent.is_ok(), collector.spans().len()), (true, 3), "{:?}", receipts.said(1));
}

/// The error of the first attempt to send spans, and whether it was the last.
fn failure(options: ExporterOptions) -> (Arc<SendError>, bool) {
    let (exporter, receipts) = exporter(options);
    exporter.enqueue(batch(1, 3)).unwrap();
    let receipt = receipts
        .wait_for(|receipt| matches!(receipt.delivery, Delivery::Retrying { .. } | Delivery::Dropped { .. }));
    let _ = exporter.shutdown(Duration::ZERO);
    // The deadline was in the past; this waits for the books to be closed.
    let _ = exporter.shutdown(PATIENCE);
    assert_balanced(&account_of(&exporter));
    match receipt.delivery {
        Delivery::Retrying { error, .. } => (error, false),
        Delivery::Dropped { reason: DropReason::NotRetryable { error }, .. } => (error, true),
        other => panic!("{other}"),
    }
}

fn options_to(endpoint: &str, protocol: Protocol) -> ExporterOptions {
    at_once(ExporterOptions::new(endpoint).unwrap().with_protocol(protocol))
}

/// Where the collector takes spans this way, by another name than its address.
fn named(host: &str, collector: &Collector, protocol: Protocol) -> String {
    endpoint(collector, protocol).replace("127.0.0.1", host)
}

fn is_forwarded(protocol: Protocol, endpoint: &str) -> bool {
    protocol != Protocol::Grpc && endpoint.starts_with("http:")
}

#[test]
fn the_proxy_passes_requests_on_to_a_name_that_it_alone_knows() {
    for protocol in protocols() {
        let collector = Collector::start().unwrap();
        let proxy = Proxy::start(&collector, Some(AUTHORIZATION));
        let endpoint = named(HOST, &collector, protocol);
        delivered(options_to(&endpoint, protocol).with_proxy(&proxy.url(CREDENTIALS)).unwrap(), &collector);
        let port = collector.address().port();
        let expected = if protocol == Protocol::Grpc {
            format!("CONNECT {HOST}:{port} HTTP/1.1")
        } else {
            format!("POST http://{HOST}:{port}/v1/traces HTTP/1.1")
        };
        assert_eq!(proxy.requests(), [expected]);
    }
}

#[cfg(feature = "tls")]
#[test]
fn tls_goes_through_a_tunnel_and_is_with_the_backend() {
    let authority = otelbar_testkit::CertificateAuthority::new().unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let trusted = folder.path().join("ca.pem");
    std::fs::write(&trusted, authority.pem()).unwrap();
    for protocol in protocols() {
        let collector = Collector::start_tls(&authority.issue(HOST).unwrap()).unwrap();
        let proxy = Proxy::start(&collector, Some(AUTHORIZATION));
        let options = options_to(&named(HOST, &collector, protocol), protocol).with_certificate(&trusted);
        delivered(options.with_proxy(&proxy.url(CREDENTIALS)).unwrap(), &collector);
        assert_eq!(proxy.requests(), [format!("CONNECT {HOST}:{} HTTP/1.1", collector.address().port())]);
        assert!(!collector.requests()[0].headers.contains_key("proxy-authorization"), "it is the proxy's");
    }
}

#[test]
fn a_connection_through_a_proxy_is_kept_between_requests() {
    for protocol in protocols() {
        let collector = Collector::start().unwrap();
        let proxy = Proxy::start(&collector, None);
        let options = options_to(&named(HOST, &collector, protocol), protocol);
        let (exporter, _) = exporter(options.with_proxy(&proxy.url("")).unwrap());
        for key in 0..5 {
            exporter.enqueue(batch(key, 1)).unwrap();
            exporter.flush(PATIENCE).unwrap();
        }
        assert_eq!((collector.spans().len(), proxy.requests().len()), (5, 1), "{protocol}");
    }
}

#[test]
fn the_environments_proxy_is_used_but_for_what_no_proxy_lists_and_for_loopback() {
    // The system's resolver takes it for 127.0.0.1, but it is the name of another host as it stands.
    const ALMOST_LOOPBACK: &str = "127.1";
    #[track_caller]
    fn check(no_proxy: &str, host: &str, through_proxy: bool) {
        for protocol in protocols() {
            let collector = Collector::start().unwrap();
            let proxy = Proxy::start(&collector, None);
            let environment = [("http_proxy", proxy.url("")), ("NO_PROXY", no_proxy.to_owned())];
            let options = options_to(&named(host, &collector, protocol), protocol);
            delivered(options.with_proxy_from_environment(&environment), &collector);
            assert_eq!(proxy.requests().len(), usize::from(through_proxy), "{protocol}, {host}");
        }
    }
    check("", ALMOST_LOOPBACK, true);
    check("other.example", ALMOST_LOOPBACK, true);
    check(ALMOST_LOOPBACK, ALMOST_LOOPBACK, false);
    check("*", ALMOST_LOOPBACK, false);
    check("", "127.0.0.1", false);
}

#[test]
fn a_proxy_that_was_asked_for_serves_loopback_too() {
    let collector = Collector::start().unwrap();
    let proxy = Proxy::start(&collector, None);
    let options = || options_to(&collector.traces_endpoint(), Protocol::HttpProtobuf);
    delivered(options().with_proxy(&proxy.url("")).unwrap(), &collector);
    assert_eq!(proxy.requests().len(), 1);
    collector.clear();
    delivered(options().with_proxy(&proxy.url("")).unwrap().without_proxy(), &collector);
    assert_eq!(proxy.requests().len(), 1);
}

#[test]
fn a_proxy_that_is_shown_no_or_wrong_credentials_is_told_and_not_asked_again() {
    for protocol in protocols() {
        for credentials in ["", "shop:wrong"] {
            let collector = Collector::start().unwrap();
            let proxy = Proxy::start(&collector, Some(AUTHORIZATION));
            let endpoint = named(HOST, &collector, protocol);
            let options = options_to(&endpoint, protocol).with_proxy(&proxy.url(credentials)).unwrap();
            assert!(!format!("{options:?}").contains("wrong"), "{options:?}");
            let (error, last) = failure(options);
            let expected = format!(
                "the proxy {} answered 407 Proxy Authentication Required on the way to {endpoint}: who are you?; \
                 see the user and the password in the proxy's URL, http://user:password@host:port",
                proxy.url("")
            );
            assert_eq!((error.to_string(), last), (expected, true), "{protocol}");
            assert_eq!((proxy.requests().len(), collector.connections()), (1, 0));
        }
    }
}

#[test]
fn a_proxys_refusal_of_a_tunnel_is_told_and_retried_where_it_may_pass() {
    #[track_caller]
    fn check(answer: &str, last: bool, message: &str, retry_after: Option<Duration>) {
        for protocol in protocols().filter(|protocol| !is_forwarded(*protocol, "http:")) {
            let collector = Collector::start().unwrap();
            let proxy = Proxy::start(&collector, None);
            proxy.answer_with([answer]);
            let endpoint = named(HOST, &collector, protocol);
            let got = failure(options_to(&endpoint, protocol).with_proxy(&proxy.url("")).unwrap());
            let expected =
                format!("the proxy {} answered {message}", proxy.url("")).replace("ENDPOINT", &endpoint);
            assert_eq!((got.0.to_string(), got.1), (expected, last));
            assert_eq!(got.0.retry_after(), retry_after);
        }
    }
    check(
        "HTTP/1.1 403 Forbidden\r\ncontent-length: 12\r\n\r\nnot\nallowed!",
        true,
        "403 Forbidden on the way to ENDPOINT: not allowed!; see that the proxy allows CONNECT to this host and \
         port, or do without by NO_PROXY",
        None,
    );
    let reaches = "on the way to ENDPOINT; see that the backend runs and the proxy reaches it";
    check("HTTP/1.0 502 No\r\n\r\n", false, &format!("502 Bad Gateway {reaches}"), None);
    check(
        "HTTP/1.1 503 No\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n",
        false,
        &format!("503 Service Unavailable {reaches}"),
        Some(Duration::from_secs(7)),
    );
    check(
        "HTTP/1.1 504 No\r\ncontent-length: 0\r\n\r\n",
        false,
        &format!("504 Gateway Timeout {reaches}"),
        None,
    );
}

#[test]
fn what_a_proxy_could_not_pass_on_is_sent_again() {
    for protocol in protocols() {
        let collector = Collector::start().unwrap();
        let proxy = Proxy::start(&collector, None);
        proxy.answer_with(["HTTP/1.1 503 No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n", "what?"]);
        let options = options_to(&named(HOST, &collector, protocol), protocol);
        delivered(options.with_proxy(&proxy.url("")).unwrap(), &collector);
        assert_eq!(proxy.requests().len(), 3, "{protocol}");
    }
}

#[test]
fn a_proxy_that_is_down_or_is_none_is_told() {
    for protocol in protocols() {
        let collector = Collector::start().unwrap();
        let proxy = Proxy::start(&collector, None);
        proxy.answer_with(["\0\0this is not HTTP\r\n\r\n", ""]);
        let endpoint = named(HOST, &collector, protocol);
        let check = |url: &str| {
            let (error, last) = failure(options_to(&endpoint, protocol).with_proxy(url).unwrap());
            let (error, start) =
                (error.to_string(), format!("no way to {endpoint} through the proxy {url}: "));
            assert!(
                error.starts_with(&start) && error.contains("see that the proxy runs") && !last,
                "{error}"
            );
        };
        check(&proxy.url(""));
        check(&proxy.url(""));
        // A port that was free a moment ago, and that nobody listens on.
        let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        check(&format!("http://{nobody}"));
    }
}

#[test]
fn a_proxy_that_hangs_is_given_up_in_time() {
    for protocol in protocols() {
        let collector = Collector::start().unwrap();
        let proxy = Proxy::start(&collector, None);
        proxy.hang();
        let options = options_to(&named(HOST, &collector, protocol), protocol);
        let options = options.with_timeout(Duration::from_millis(200)).with_proxy(&proxy.url("")).unwrap();
        let (error, last) = failure(options);
        let expected = format!("did not answer through the proxy {} within 200ms", proxy.url(""));
        assert!(error.to_string().contains(&expected) && !last, "{error}");
    }
}

/// A proxy that connects to one collector, whatever the host's name.
struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    target: SocketAddr,
    /// What `Proxy-Authorization` must be.
    authorization: Option<&'static str>,
    /// The first line of each connection's first request.
    requests: Mutex<Vec<String>>,
    /// What is written instead, before the connection is closed.
    answers: Mutex<VecDeque<String>>,
    hanging: Mutex<Option<Vec<TcpStream>>>,
}

impl Proxy {
    fn start(collector: &Collector, authorization: Option<&'static str>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            target: collector.address(),
            authorization,
            requests: Mutex::default(),
            answers: Mutex::default(),
            hanging: Mutex::default(),
        });
        let weak = Arc::downgrade(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                let Some(shared) = weak.upgrade() else { return };
                // What breaks is the client's to report.
                thread::spawn(move || client.and_then(|client| shared.serve(client)));
            }
        });
        Self { address, shared }
    }

    fn url(&self, credentials: &str) -> String {
        let at = if credentials.is_empty() { "" } else { "@" };
        format!("http://{credentials}{at}{}", self.address)
    }

    fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap().clone()
    }

    fn answer_with<'a>(&self, answers: impl IntoIterator<Item = &'a str>) {
        self.shared.answers.lock().unwrap().extend(answers.into_iter().map(str::to_owned));
    }

    fn hang(&self) {
        *self.shared.hanging.lock().unwrap() = Some(Vec::new());
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // So that the thread looks whether it is still wanted.
        let address = self.address;
        thread::spawn(move || TcpStream::connect(address));
    }
}

impl Shared {
    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        if let Some(hanging) = &mut *self.hanging.lock().unwrap() {
            hanging.push(client);
            return Ok(());
        }
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte)?;
            head.extend(byte);
        }
        let head = String::from_utf8(head).map_err(io::Error::other)?;
        let (first, headers) = head.split_once("\r\n").unwrap_or_default();
        self.requests.lock().unwrap().push(first.to_owned());
        let answer = self.answers.lock().unwrap().pop_front();
        if let Some(answer) = answer {
            return refuse(client, &answer);
        }
        let (credentials, headers): (Vec<_>, Vec<_>) = headers
            .split_inclusive("\r\n")
            .partition(|line| line.to_ascii_lowercase().starts_with("proxy-authorization:"));
        let shown = credentials.first().map(|line| line["proxy-authorization:".len()..].trim());
        if self.authorization.is_some() && self.authorization != shown {
            return refuse(
                client,
                "HTTP/1.1 407 No\r\nproxy-authenticate: Basic\r\nconnection: close\r\ncontent-length: 12\r\n\r\n\
                 who are you?",
            );
        }
        let mut backend = TcpStream::connect(self.target)?;
        if first.starts_with("CONNECT ") {
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
        } else {
            backend.write_all(format!("{first}\r\n{}", headers.concat()).as_bytes())?;
        }
        let (mut from_client, mut to_backend) = (client.try_clone()?, backend.try_clone()?);
        let up = thread::spawn(move || {
            let _ = io::copy(&mut from_client, &mut to_backend);
            to_backend.shutdown(Shutdown::Write)
        });
        let _ = io::copy(&mut backend, &mut client);
        let _ = client.shutdown(Shutdown::Write);
        let _ = up.join();
        Ok(())
    }
}

/// Answers, and takes what the client still sends, so that no reset overtakes the answer.
fn refuse(mut client: TcpStream, answer: &str) -> io::Result<()> {
    client.write_all(answer.as_bytes())?;
    client.shutdown(Shutdown::Write)?;
    io::copy(&mut client, &mut io::sink())?;
    Ok(())
}
