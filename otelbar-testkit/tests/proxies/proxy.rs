//! The forward proxy.

use std::io::Write;
use std::net::SocketAddr;

use otelbar_testkit::{Collector, Proxy};

use crate::client::{connect, exchange, head, post, rest};

const JSON: (&str, &str) = ("content-type", "application/json");
const ONE_SPAN: &[u8] = br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"one"}]}]}]}"#;

fn address(proxy: &Proxy) -> SocketAddr {
    proxy.endpoint().strip_prefix("http://").unwrap().parse().unwrap()
}

fn lines(proxy: &Proxy) -> Vec<String> {
    proxy.requests().iter().map(ToString::to_string).collect()
}

#[test]
fn an_address_in_absolute_form_is_passed_on() {
    let (collector, proxy) = (Collector::start().unwrap(), Proxy::start().unwrap());
    proxy.map_host("collector.example", collector.address());
    let target = "http://collector.example:4318/v1/traces";
    let headers = [JSON, ("proxy-connection", "close"), ("proxy-authorization", "Basic eA==")];
    let answer = exchange(address(&proxy), &post(target, &headers, ONE_SPAN));
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("\r\n\r\n{}"), "{answer}");

    let request = &collector.requests()[0];
    assert_eq!((request.path.as_str(), request.spans), ("/v1/traces", 1));
    assert_eq!(request.headers["host"], "collector.example:4318");
    assert!(!request.headers.contains_key("proxy-authorization"), "it is for the proxy alone");
    assert_eq!(lines(&proxy), ["POST http://collector.example:4318/v1/traces"]);
}

#[test]
fn a_tunnel_leads_to_the_collector() {
    let (collector, proxy) = (Collector::start().unwrap(), Proxy::start().unwrap());
    proxy.map_host("collector.example", collector.address());
    let mut tunnel = connect(address(&proxy));
    tunnel
        .write_all(b"CONNECT collector.example:443 HTTP/1.1\r\nhost: collector.example:443\r\n\r\n")
        .unwrap();
    let opened = head(&mut tunnel);
    assert!(opened.starts_with("HTTP/1.1 200 OK") && !opened.contains("transfer-encoding"), "{opened}");

    tunnel.write_all(&post("/v1/traces", &[JSON], ONE_SPAN)).unwrap();
    let answer = rest(&mut tunnel);
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("{}"), "{answer}");
    assert_eq!(collector.spans().len(), 1);
    assert_eq!(lines(&proxy), ["CONNECT collector.example:443"]);
}

#[test]
fn credentials_are_asked_for() {
    let (collector, proxy) = (Collector::start().unwrap(), Proxy::start().unwrap());
    proxy.require_credentials("user", "p@ss:word");
    assert!(proxy.endpoint_with("user", "p@ss:word").starts_with("http://user:p%40ss%3Aword@127.0.0.1:"));
    let send = |headers: &[(&str, &str)]| {
        let answer = exchange(address(&proxy), &post(&collector.traces_endpoint(), headers, ONE_SPAN));
        answer.lines().map(str::to_ascii_lowercase).collect::<Vec<_>>()
    };
    // The names of the credentials are `user:p@ss:word` and `user:else` in base64.
    for headers in [vec![JSON], vec![JSON, ("proxy-authorization", "Basic dXNlcjplbHNl")]] {
        let refused = send(&headers);
        assert!(refused[0].starts_with("http/1.1 407"), "{refused:?}");
        assert!(refused.contains(&"proxy-authenticate: basic realm=\"otelbar-testkit\"".to_owned()));
    }
    assert!(collector.requests().is_empty());
    let passed = send(&[JSON, ("proxy-authorization", "Basic dXNlcjpwQHNzOndvcmQ=")]);
    assert!(passed[0].starts_with("http/1.1 200"), "{passed:?}");

    let mut tunnel = connect(address(&proxy));
    tunnel.write_all(b"CONNECT localhost:1 HTTP/1.1\r\nhost: localhost:1\r\n\r\n").unwrap();
    assert!(head(&mut tunnel).starts_with("HTTP/1.1 407"));
    let authorized: Vec<bool> = proxy.requests().iter().map(|request| request.authorized).collect();
    assert_eq!(authorized, [false, false, true, false]);
}

#[test]
fn what_leads_nowhere_is_a_bad_gateway() {
    #[track_caller]
    fn check(proxy: &Proxy, request: &[u8], status: &str, words: &str) {
        let mut stream = connect(address(proxy));
        stream.write_all(request).unwrap();
        let head = head(&mut stream);
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{head}");
        drop(stream.shutdown(std::net::Shutdown::Write));
        let body = rest(&mut stream);
        assert!(body.contains(words), "{body}");
    }
    let (collector, proxy) = (Collector::start().unwrap(), Proxy::start().unwrap());
    collector.stop();
    check(&proxy, &post(&collector.traces_endpoint(), &[], b""), "502", "Connection refused");
    check(&proxy, &post("http://example.org/v1/traces", &[], b""), "502", "does not lead to example.org");
    check(
        &proxy,
        b"CONNECT example.org:443 HTTP/1.1\r\nhost: x\r\n\r\n",
        "502",
        "does not lead to example.org",
    );
    check(&proxy, &post("/v1/traces", &[], b""), "400", "in absolute form");
    check(&proxy, &post("https://localhost/", &[], b""), "400", "in absolute form");
}
