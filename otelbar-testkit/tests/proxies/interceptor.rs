//! The man in the middle.

use std::io::Write;
use std::net::SocketAddr;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use otelbar_testkit::{Collector, Fault, Interceptor, Reply};
use prost::Message;
use serde_json::json;

use crate::client::{exchange, post};

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");

fn message(names: &[&str]) -> Vec<u8> {
    let spans = names.iter().map(|name| Span { name: (*name).to_owned(), ..Span::default() }).collect();
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }],
    }
    .encode_to_vec()
}

fn send(interceptor: &Interceptor, path: &str, headers: &[(&str, &str)], body: &[u8]) -> String {
    let address: SocketAddr = interceptor.endpoint().strip_prefix("http://").unwrap().parse().unwrap();
    exchange(address, &post(path, headers, body))
}

fn names(collector: &Collector) -> Vec<String> {
    collector.spans().iter().map(|span| span.name().to_owned()).collect()
}

#[test]
fn a_span_is_changed_dropped_and_repeated_on_its_way() {
    let backend = Collector::start().unwrap();
    let interceptor = Interceptor::start(&backend.endpoint()).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&message(&["a", "b"])).unwrap();
    let gzip = gzip.finish().unwrap();
    let go = || {
        let headers = [PROTOBUF, ("content-encoding", "gzip"), ("x-key", "secret")];
        let answer = send(&interceptor, "/v1/traces", &headers, &gzip);
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        let names = names(&backend);
        backend.clear();
        names
    };
    let change = |change: fn(&mut Vec<Span>)| {
        interceptor.change_traces(move |message| {
            let mut request = ExportTraceServiceRequest::decode(message).unwrap();
            change(&mut request.resource_spans[0].scope_spans[0].spans);
            request.encode_to_vec()
        });
    };
    assert_eq!((go(), interceptor.changed()), (vec!["a".to_owned(), "b".to_owned()], 0));
    change(|spans| spans[0].name.push('!'));
    assert_eq!((go(), interceptor.changed()), (vec!["a!".to_owned(), "b".to_owned()], 1));
    change(|spans| spans.truncate(1));
    assert_eq!(go(), ["a"]);
    change(|spans| spans.push(spans[0].clone()));
    assert_eq!((go(), interceptor.changed()), (["a", "b", "a"].map(ToOwned::to_owned).to_vec(), 3));
}

#[test]
fn the_answer_of_the_backend_comes_back_and_headers_go_there() {
    let backend = Collector::start().unwrap();
    let interceptor = Interceptor::start(&backend.endpoint()).unwrap();
    backend.respond_with([Fault::status(503).retry_after("7")]);
    let answer = send(&interceptor, "/v1/traces", &[PROTOBUF, ("x-key", "secret")], &message(&["a"]));
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after: 7\r\n"), "{answer}");
    assert!(answer.contains("told to answer 503"), "{answer}");
    let request = &backend.requests()[0];
    assert_eq!((&request.headers["x-key"], request.reply), (&"secret".parse().unwrap(), Reply::Status(503)));
    assert_eq!(request.headers["host"], backend.address().to_string());

    let elsewhere = send(&interceptor, "/elsewhere?x=1", &[], b"as it came");
    assert!(elsewhere.starts_with("HTTP/1.1 404"), "{elsewhere}");
    assert_eq!(
        (&backend.requests()[1].path[..], &backend.requests()[1].body[..]),
        ("/elsewhere?x=1", &b"as it came"[..])
    );
    backend.stop();
    let answer = send(&interceptor, "/v1/traces", &[PROTOBUF], &message(&["a"]));
    assert!(answer.starts_with("HTTP/1.1 502") && answer.contains("the backend: "), "{answer}");
}

#[test]
fn a_span_of_zipkin_is_changed() {
    let backend = Collector::start().unwrap();
    let interceptor = Interceptor::start(&backend.endpoint()).unwrap();
    interceptor.change_zipkin(|spans| spans[0]["tags"] = json!({"changed": "yes"}));
    let body = br#"[{"traceId":"000000000000000a","id":"000000000000000b","timestamp":9007199254740993}]"#;
    let answer = send(&interceptor, "/api/v2/spans", &[("content-type", "application/json")], body);
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    let span = &backend.zipkin_spans()[0];
    assert_eq!((span.tag("changed"), span.timestamp), (Some("yes"), Some(9_007_199_254_740_993)));
    assert_eq!(interceptor.changed(), 1);
}

#[test]
fn what_it_cannot_change_does_not_pass() {
    #[track_caller]
    fn check(interceptor: &Interceptor, path: &str, headers: &[(&str, &str)], status: &str) {
        let answer = send(interceptor, path, headers, b"{");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
    let backend = Collector::start().unwrap();
    let interceptor = Interceptor::start(&backend.endpoint()).unwrap();
    check(&interceptor, "/v1/traces", &[("content-type", "application/json")], "415");
    check(&interceptor, "/v1/traces", &[PROTOBUF], "400");
    check(&interceptor, "/v1/traces", &[PROTOBUF, ("content-encoding", "gzip")], "400");
    check(&interceptor, "/v1/traces", &[PROTOBUF, ("content-encoding", "br")], "400");
    check(&interceptor, "/api/v2/spans", &[], "400");
    assert!(backend.requests().is_empty());
}
