//! Spans sent by way of a proxy.

mod common;

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use otelbar_export::{Delivery, Destination, DropReason, SendError};
use otelbar_testkit::{Collector, Proxy};

use common::{Http, PATIENCE, assert_balanced, at_once, batch, protocols, start, statistics_of};

/// A name that the proxy alone knows.
const HOST: &str = "collector.example";
const USER: &str = "shop";
/// With what has to be percent-encoded in a URL.
const PASSWORD: &str = "h:u/s@h %";

/// A way to send, through a proxy or not.
struct Way {
    name: String,
    endpoint: String,
    http: Http,
    is_grpc: bool,
}

/// Each way to send that is in this build, to the collector under another name than its address.
fn ways(host: &str, collector: &Collector) -> Vec<Way> {
    let named = |url: String| url.replace("127.0.0.1", host);
    let otlp = protocols().map(|protocol| {
        let endpoint = named(common::endpoint(collector, protocol));
        let http = Http::Otlp(Destination::otlp(&endpoint).with_protocol(protocol).with_timeout(PATIENCE));
        let name = protocol.to_string();
        Way { is_grpc: name == "grpc", name, endpoint, http }
    });
    #[cfg_attr(not(feature = "zipkin"), expect(unused_mut, reason = "Zipkin joins them"))]
    let mut ways: Vec<_> = otlp.collect();
    #[cfg(feature = "zipkin")]
    {
        let endpoint = named(collector.zipkin_endpoint());
        let http = Http::Zipkin(Destination::zipkin(&endpoint).with_timeout(PATIENCE));
        ways.push(Way { name: "zipkin".to_owned(), endpoint, http, is_grpc: false });
    }
    ways
}

fn proxy_for(collector: &Collector) -> Proxy {
    let proxy = Proxy::start().unwrap();
    proxy.map_host(HOST, collector.address());
    proxy
}

/// What the proxy was asked for, each as `METHOD target`.
fn asked(proxy: &Proxy) -> Vec<String> {
    proxy.requests().iter().map(ToString::to_string).collect()
}

fn arrived(collector: &Collector) -> usize {
    collector.spans().len() + collector.zipkin_spans().len()
}

/// Sends spans in this many requests, all of which must arrive.
fn delivered(http: Http, collector: &Collector, requests: usize) {
    collector.clear();
    let (pipeline, receipts) = start(at_once(http));
    for key in 0..requests {
        pipeline.enqueue(batch(key as u64, 3)).unwrap();
        pipeline.flush(PATIENCE).unwrap_or_else(|error| panic!("{error}: {:?}", receipts.said(key as u64)));
    }
    assert_eq!(
        (arrived(collector), statistics_of(&pipeline).spans.accepted),
        (3 * requests, 3 * requests as u64)
    );
}

/// The error of the first attempt to send spans, and whether it was the last.
fn failure(http: Http) -> (Arc<SendError>, bool) {
    let (pipeline, receipts) = start(at_once(http));
    pipeline.enqueue(batch(1, 3)).unwrap();
    let receipt = receipts
        .wait_for(|receipt| matches!(receipt.delivery, Delivery::Retrying { .. } | Delivery::Dropped { .. }));
    let _ = pipeline.shutdown(Duration::ZERO);
    // The deadline was in the past; this waits until what is left is counted.
    let _ = pipeline.shutdown(PATIENCE);
    assert_balanced(&statistics_of(&pipeline));
    match receipt.delivery {
        Delivery::Retrying { error, .. } => (error, false),
        Delivery::Dropped { reason: DropReason::NotRetryable { error }, .. } => (error, true),
        other => panic!("{other}"),
    }
}

#[test]
fn the_proxy_is_asked_for_a_name_that_it_alone_knows() {
    let collector = Collector::start().unwrap();
    for Way { endpoint, http, is_grpc, .. } in ways(HOST, &collector) {
        let proxy = proxy_for(&collector);
        proxy.require_credentials(USER, PASSWORD);
        delivered(http.with_proxy(proxy.endpoint_with(USER, PASSWORD)), &collector, 2);
        let tunnel = vec![format!("CONNECT {HOST}:{}", collector.address().port())];
        let expected = if is_grpc { tunnel } else { vec![format!("POST {endpoint}"); 2] };
        assert_eq!(asked(&proxy), expected);
    }
}

/// A tunnel is asked for by ourselves; only requests of OTLP bear the name that its pipeline's specification asks for.
#[test]
fn the_proxy_is_told_who_asks() {
    let collector = Collector::start().unwrap();
    let ours = concat!("otelbar/", env!("CARGO_PKG_VERSION"));
    let pipeline = concat!(
        "otelbar/",
        env!("CARGO_PKG_VERSION"),
        " OTel-OTLP-Exporter-Rust/",
        env!("CARGO_PKG_VERSION")
    );
    for Way { name, http, is_grpc, .. } in ways(HOST, &collector) {
        let proxy = proxy_for(&collector);
        delivered(http.with_proxy(proxy.endpoint()), &collector, 1);
        let to_collector = if name == "zipkin" { ours } else { pipeline };
        let to_proxy = if is_grpc { ours } else { to_collector };
        assert_eq!(proxy.requests()[0].headers["user-agent"], to_proxy, "{name}");
        assert_eq!(collector.requests()[0].headers["user-agent"], to_collector, "{name}");
    }
}

#[cfg(feature = "tls")]
#[test]
fn tls_goes_through_one_tunnel_and_is_with_the_backend() {
    let authority = otelbar_testkit::CertificateAuthority::new().unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let trusted = folder.path().join("ca.pem");
    std::fs::write(&trusted, authority.pem()).unwrap();
    let collector = Collector::start_tls(&authority.issue(HOST).unwrap()).unwrap();
    for Way { name, http, .. } in ways(HOST, &collector) {
        let proxy = proxy_for(&collector);
        proxy.require_credentials(USER, PASSWORD);
        let http = http.with_certificate(&trusted);
        delivered(http.with_proxy(proxy.endpoint_with(USER, PASSWORD)), &collector, 2);
        assert_eq!(asked(&proxy), [format!("CONNECT {HOST}:{}", collector.address().port())], "{name}");
        assert!(!collector.requests()[0].headers.contains_key("proxy-authorization"), "it is the proxy's");
    }
}

#[test]
fn the_environments_proxy_is_used_but_for_what_no_proxy_lists_and_for_loopback() {
    // The system's resolver takes it for 127.0.0.1, but it is the name of another host as it stands.
    const ALMOST_LOOPBACK: &str = "127.1";
    let collector = Collector::start().unwrap();
    let check = |no_proxy: &str, host: &str, through_proxy: bool| {
        for Way { name, http, .. } in ways(host, &collector) {
            let proxy = proxy_for(&collector);
            proxy.map_host(ALMOST_LOOPBACK, collector.address());
            let variable = |name: &str| match name {
                "http_proxy" => Some(proxy.endpoint()),
                "NO_PROXY" => Some(no_proxy.to_owned()),
                _ => None,
            };
            delivered(http.with_proxy_from(variable), &collector, 1);
            assert_eq!(asked(&proxy).len(), usize::from(through_proxy), "{name}, {no_proxy}, {host}");
        }
    };
    check("", ALMOST_LOOPBACK, true);
    check("other.example", ALMOST_LOOPBACK, true);
    check(ALMOST_LOOPBACK, ALMOST_LOOPBACK, false);
    check("*", ALMOST_LOOPBACK, false);
    check("", "127.0.0.1", false);
}

#[test]
fn a_proxy_that_was_asked_for_serves_loopback_too() {
    let collector = Collector::start().unwrap();
    for Way { name, http, .. } in ways("127.0.0.1", &collector) {
        let proxy = proxy_for(&collector);
        let http = http.with_proxy(proxy.endpoint());
        delivered(http.clone(), &collector, 1);
        assert_eq!(asked(&proxy).len(), 1, "{name}");
        delivered(http.without_proxy(), &collector, 1);
        assert_eq!(asked(&proxy).len(), 1, "{name}");
    }
}

#[test]
fn a_proxy_that_is_shown_no_or_wrong_credentials_is_told_and_not_asked_again() {
    let collector = Collector::start().unwrap();
    for Way { name, endpoint, http, .. } in ways(HOST, &collector) {
        let proxy = proxy_for(&collector);
        proxy.require_credentials(USER, PASSWORD);
        for url in [proxy.endpoint(), proxy.endpoint_with(USER, "wrong")] {
            let http = http.clone().with_proxy(url);
            assert!(!format!("{http:?}").contains("wrong"), "{http:?}");
            let (error, last) = failure(http);
            let expected = format!(
                "the proxy {} answered 407 Proxy Authentication Required on the way to {endpoint}: the proxy asks \
                 for credentials; check the user and the password in the proxy's URL, http://user:password@host:port",
                proxy.endpoint()
            );
            assert_eq!((error.to_string(), last), (expected, true), "{name}");
        }
        assert_eq!(asked(&proxy).len(), 2, "{name}: once each");
    }
    assert_eq!(collector.connections(), 0);
}

#[test]
fn what_a_proxy_could_not_pass_on_is_sent_again() {
    let collector = Collector::start().unwrap();
    for Way { name, http, .. } in ways(HOST, &collector) {
        let proxy = Proxy::start().unwrap();
        collector.clear();
        let (pipeline, receipts) = start(at_once(http.with_proxy(proxy.endpoint())));
        pipeline.enqueue(batch(1, 3)).unwrap();
        let retrying = receipts.wait_for(|receipt| matches!(receipt.delivery, Delivery::Retrying { .. }));
        assert!(
            retrying.delivery.to_string().contains("this proxy does not lead to"),
            "{}",
            retrying.delivery
        );
        proxy.map_host(HOST, collector.address());
        pipeline.flush(PATIENCE).unwrap();
        assert_eq!(arrived(&collector), 3, "{name}");
    }
}

#[test]
fn a_proxys_refusal_of_a_tunnel_is_told_with_its_words_and_what_to_do() {
    #[track_caller]
    fn check(answer: &'static str, last: bool, message: &str, retry_after: Option<Duration>) {
        let collector = Collector::start().unwrap();
        for Way { endpoint, http, .. } in ways(HOST, &collector).into_iter().filter(|way| way.is_grpc) {
            let proxy = odd_proxy(Some(answer));
            let (error, was_last) = failure(http.with_proxy(proxy.clone()));
            let expected = format!("the proxy {proxy} answered {message}").replace("ENDPOINT", &endpoint);
            assert_eq!((error.to_string(), was_last), (expected, last));
            assert_eq!(error.retry_after(), retry_after);
        }
    }
    check(
        "HTTP/1.1 403 Forbidden\r\ncontent-length: 12\r\n\r\nnot\nallowed!",
        true,
        "403 Forbidden on the way to ENDPOINT: not allowed!; check that the proxy allows CONNECT to this host and \
         port, or exclude the endpoint with NO_PROXY",
        None,
    );
    let reaches = "on the way to ENDPOINT; check that the backend is running and the proxy reaches it";
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
fn a_proxy_that_is_down_or_is_none_is_told() {
    let collector = Collector::start().unwrap();
    for Way { endpoint, http, .. } in ways(HOST, &collector) {
        let check = |url: &str| {
            let (error, last) = failure(http.clone().with_proxy(url.to_owned()));
            let (error, start) =
                (error.to_string(), format!("{endpoint} cannot be reached through the proxy {url}: "));
            assert!(
                error.starts_with(&start) && error.contains("check that the proxy is running") && !last,
                "{error}"
            );
        };
        check(&odd_proxy(Some("\0\0this is not HTTP\r\n\r\n")));
        check(&odd_proxy(Some("")));
        collector.stop();
        check(&format!("http://{}", collector.address()));
        collector.restart().unwrap();
    }
}

#[test]
fn a_proxy_that_hangs_is_given_up_in_time() {
    let collector = Collector::start().unwrap();
    for Way { endpoint, http, .. } in ways(HOST, &collector) {
        let proxy = odd_proxy(None);
        let http = http.with_timeout(Duration::from_secs(1)).with_proxy(proxy.clone());
        let (error, last) = failure(http);
        let expected = format!("{endpoint} did not answer through the proxy {proxy} within 1s");
        assert!(error.to_string().starts_with(&expected) && !last, "{error}");
    }
}

/// The URL of a proxy that reads the head of one request, then writes this answer and closes the connection, or hangs.
/// It lasts for one connection.
fn odd_proxy(answer: Option<&'static str>) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || -> io::Result<()> {
        let (mut client, _) = listener.accept()?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte)?;
            head.extend(byte);
        }
        if let Some(answer) = answer {
            client.write_all(answer.as_bytes())?;
            client.shutdown(Shutdown::Write)?;
        }
        // Until the client goes; so that no reset overtakes the answer.
        io::copy(&mut client, &mut io::sink())?;
        Ok(())
    });
    url
}
