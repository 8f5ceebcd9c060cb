//! Zipkin's JSON v2.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use opentelemetry::trace::SpanKind;
use otelbar_testkit::{Collector, Fault, Reply, assert_tree};

use crate::client::{Failure, PATIENCE, gzip};

pub(crate) fn json(names: &[&str]) -> Vec<u8> {
    let spans: Vec<_> = names
        .iter()
        .zip(1..)
        .map(|(name, id)| {
            serde_json::json!({
                "traceId": "463ac35c9f6413ad48485a3953bb6124",
                "id": format!("{id:016x}"),
                "name": name,
                "kind": "SERVER",
                "timestamp": 1_544_712_660_000_000_u64 + id,
                "duration": 7,
                "localEndpoint": {"serviceName": "shop"},
                "annotations": [{"timestamp": 1_544_712_660_000_003_u64, "value": "exception"}],
                "tags": {"http.route": "/cart"},
            })
        })
        .collect();
    serde_json::to_vec(&spans).unwrap()
}

pub(crate) async fn send(request: http::request::Builder, body: Vec<u8>) -> Result<Response<Bytes>, Failure> {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let (head, body) = client.request(request.body(Full::from(body)).unwrap()).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(Response::from_parts(head, body))
}

pub(crate) fn post(collector: &Collector) -> http::request::Builder {
    Request::post(collector.zipkin_endpoint()).header(header::CONTENT_TYPE, "application/json")
}

#[tokio::test]
async fn what_is_sent_is_decoded_and_kept() {
    let collector = Collector::start().unwrap();
    for (builder, body) in [
        (post(&collector), json(&["one"])),
        (post(&collector).header(header::CONTENT_ENCODING, "gzip"), gzip(&json(&["two"]))),
    ] {
        let response = send(builder, body).await.unwrap();
        assert_eq!((response.status().as_u16(), response.into_body()), (202, Bytes::new()));
    }
    let spans = collector.wait_for_zipkin_async(|spans| spans.len() == 2, PATIENCE).await.unwrap();
    assert_tree(
        &spans[..1],
        "
        one [server] {http.route=/cart}
          * exception
        ",
    );
    assert_eq!((spans[1].name.as_deref(), spans[1].request), (Some("two"), 1));
    assert_eq!((spans[1].service_name(), spans[1].tag("http.route")), ("shop", Some("/cart")));
    assert_eq!((spans[1].kind.clone(), spans[1].duration), (Some(SpanKind::Server), Some(7)));
    assert!(collector.spans().is_empty(), "they were not sent as OTLP");
    assert_eq!((collector.requests()[0].spans, collector.requests()[0].reply), (1, Reply::Status(202)));
}

#[tokio::test]
async fn faults_are_made_in_the_manner_of_zipkin() {
    let collector = Collector::start().unwrap();
    collector.respond_with([
        Fault::status(429).retry_after("7"),
        Fault::grpc(14),
        Fault::partial_success(1, "unknown here"),
        Fault::Body(3),
        Fault::Redirect("/elsewhere".to_owned()),
        Fault::Reset,
    ]);
    let go = || send(post(&collector), json(&["one", "two"]));

    let limited = go().await.unwrap();
    assert_eq!((limited.status().as_u16(), &limited.headers()["retry-after"]), (429, &"7".parse().unwrap()));
    assert_eq!(limited.headers()[header::CONTENT_TYPE], "text/plain");
    assert_eq!(limited.into_body(), "told to answer 429");
    let unavailable = go().await.unwrap();
    assert_eq!((unavailable.status().as_u16(), &unavailable.body()[..]), (503, &b"told to answer 14"[..]));
    assert!(collector.zipkin_spans().is_empty(), "what was refused must not count as received");

    let partial = go().await.unwrap();
    assert_eq!((partial.status().as_u16(), partial.into_body()), (202, Bytes::new()));
    assert_eq!(collector.zipkin_spans().len(), 2);
    let odd = go().await.unwrap();
    assert_eq!((odd.status().as_u16(), &odd.body()[..]), (202, &b"~~~"[..]));
    assert_eq!(go().await.unwrap().headers()["location"], "/elsewhere");
    assert!(go().await.is_err());
    assert_eq!(collector.zipkin_spans().len(), 4);
}

#[tokio::test]
async fn what_zipkin_refuses_is_refused() {
    #[track_caller]
    fn check(response: &Response<Bytes>, status: u16, words: &str) {
        assert_eq!((response.status().as_u16(), response.body()), (status, &Bytes::from(words.to_owned())));
    }
    let collector = Collector::start().unwrap();
    let internal = br#"[{"traceId":"000000000000000a","id":"000000000000000b","kind":"INTERNAL"}]"#;
    let response = send(post(&collector), internal.to_vec()).await.unwrap();
    check(&response, 400, "No enum constant zipkin2.Span.Kind.INTERNAL reading List<Span> from json");
    let zstd = zstd::encode_all(&*json(&["one"]), 0).unwrap();
    let response = send(post(&collector).header(header::CONTENT_ENCODING, "zstd"), zstd).await.unwrap();
    check(&response, 400, "Expected a JSON_V2 encoded list");
    let response = send(post(&collector).method(Method::PUT), json(&["one"])).await.unwrap();
    check(&response, 404, "404 Not Found");
    assert!(collector.zipkin_spans().is_empty());
}

#[tokio::test]
async fn a_wait_in_vain_tells_what_did_arrive() {
    let collector = Collector::start().unwrap();
    send(post(&collector), json(&["one"])).await.unwrap();
    let missing = collector.wait_for_zipkin(|spans| spans.len() == 2, Duration::ZERO).unwrap_err();
    assert_eq!(missing.zipkin_spans().len(), 1);
    let missing = missing.to_string();
    assert!(missing.contains("POST /api/v2/spans with 1 spans: 202"), "{missing}");
    assert!(missing.contains("one [server] {http.route=/cart}"), "{missing}");
}
