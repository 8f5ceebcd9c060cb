//! The trace context of a request: read strictly, shown as received, and passed on.

mod client;
#[path = "../common/mod.rs"]
mod common;
mod current;
mod formats;
mod forwarded;
mod limits;
mod w3c;

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Empty};
use otelbar_panel::OpenTelemetryPanel;
use serde_json::{Value, json};
use tower::{Layer, Service, service_fn};
use tracing::{Instrument, info_span};

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// What the page says of a request with these headers.
async fn shown(headers: &[(&'static str, &str)]) -> Value {
    let toolbar = common::quiet_toolbar();
    let service = service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::empty())));
    let mut request = common::get("/");
    for (name, value) in headers {
        request.headers_mut().append(*name, http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    common::call(toolbar.layer().layer(service), request).await;
    common::the_request(&toolbar).await
}

#[tokio::test]
async fn a_valid_context_is_taken_up() {
    let request = shown(&[("traceparent", TRACEPARENT), ("tracestate", "a=1"), ("tracestate", "b=2")]).await;
    assert_eq!(request["request"]["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(request["spans"][0]["parent_span_id"], "b7ad6b7169203331");
    assert_eq!(
        request["propagation"],
        json!({
            "propagators": ["tracecontext", "baggage"],
            "outcome": "accepted",
            "reason": null,
            "warnings": [],
            "parent_span_id": "b7ad6b7169203331",
            "sampled": true,
            "headers": [
                { "name": "traceparent", "value": TRACEPARENT },
                { "name": "tracestate", "value": "a=1" },
                { "name": "tracestate", "value": "b=2" },
            ],
        })
    );
}

#[tokio::test]
async fn an_invalid_traceparent_starts_a_new_trace_and_is_explained() {
    for (invalid, reason) in [
        ("00-00000000000000000000000000000000-b7ad6b7169203331-01", "zero"),
        ("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", "a-f"),
        ("0-1-1-1", "a-f"),
        ("rubbish\u{e4}", "a-f"),
    ] {
        let request = shown(&[("traceparent", invalid), ("tracestate", "a=1")]).await;
        let propagation = &request["propagation"];
        assert_eq!(propagation["outcome"], "refused", "{invalid}");
        let said = propagation["reason"].as_str().unwrap();
        assert!(said.contains("traceparent") && said.contains(reason), "{invalid}: {said}");
        assert_eq!(
            propagation["warnings"].as_array().unwrap().len(),
            1,
            "{invalid}: the tracestate is dropped"
        );
        assert_eq!(request["spans"][0]["parent_span_id"], Value::Null);
        assert_ne!(request["request"]["trace_id"], "0af7651916cd43dd8448eb211c80319c");
        let value = propagation["headers"][0]["value"].as_str().unwrap();
        assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "printable: {value}");
    }
}

#[tokio::test]
async fn without_a_context_a_new_trace_begins() {
    let request = shown(&[]).await;
    assert_eq!(request["propagation"]["outcome"], "absent");
    assert_eq!(request["propagation"]["sampled"], true);
}

/// A service that calls another through the client layer; the headers that the other got, and the caller's record.
async fn call_through(toolbar: &OpenTelemetryPanel, incoming: &[(&'static str, &str)]) -> HeaderMap {
    let received = Arc::new(Mutex::new(HeaderMap::new()));
    let seen = Arc::clone(&received);
    let other = service_fn(move |request: Request<Empty<Bytes>>| {
        *seen.lock().unwrap() = request.headers().clone();
        async { Ok::<_, Infallible>(Response::new(Body::from("stock"))) }
    });
    let client = toolbar.client_layer().layer(other);
    let service = service_fn(move |_: Request<Body>| {
        let mut client = client.clone();
        async move {
            let request = Request::get("http://user:pw@stock:81/items/7?token=secret&page=2")
                .body(Empty::new())
                .unwrap();
            let answer = client.call(request).await.unwrap();
            answer.into_body().collect().await.unwrap();
            Ok::<_, Infallible>(Response::new(Body::empty()))
        }
        .instrument(info_span!("outer"))
    });
    let mut request = common::get("/");
    for (name, value) in incoming {
        request.headers_mut().append(*name, http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    common::call(toolbar.layer().layer(service), request).await;
    received.lock().unwrap().clone()
}

#[tokio::test]
async fn a_call_is_a_span_and_carries_the_context_on() {
    let toolbar = common::quiet_toolbar();
    let incoming = [("traceparent", TRACEPARENT), ("tracestate", "a=1,b=2"), ("baggage", "user=ada")];
    let headers = call_through(&toolbar, &incoming).await;

    let request = common::the_request(&toolbar).await;
    assert_eq!(common::tree(&request), "GET\n  outer\n    GET\n");
    let call = &request["spans"][2];
    assert_eq!((&call["kind"], &call["panel"]), (&"client".into(), &"http".into()));
    let of = |key| common::attribute(call, key).cloned().unwrap();
    assert_eq!(request["request"]["called"], serde_json::json!(["GET stock:81/items/7"]));
    assert_eq!(of("url.full"), "http://REDACTED:REDACTED@stock:81/items/7?token=REDACTED&page=2");
    assert_eq!((of("server.address"), of("server.port")), ("stock".into(), 81.into()));
    assert_eq!((of("http.response.status_code"), of("http.response.body.size")), (200.into(), 5.into()));

    let expected = format!("00-0af7651916cd43dd8448eb211c80319c-{}-01", call["span_id"].as_str().unwrap());
    assert_eq!(headers["traceparent"], expected);
    assert_eq!(
        (&headers["tracestate"], &headers["baggage"]),
        (&"a=1,b=2".parse().unwrap(), &"user=ada".parse().unwrap())
    );
}

#[tokio::test]
async fn a_trace_begun_here_is_marked_sampled_and_random() {
    let toolbar = common::quiet_toolbar();
    let headers = call_through(&toolbar, &[]).await;
    assert!(headers["traceparent"].to_str().unwrap().ends_with("-03"), "{headers:?}");
    assert!(!headers.contains_key("tracestate"));
}

#[tokio::test]
async fn services_of_one_process_are_shown_in_one_trace() {
    let toolbar = common::quiet_toolbar();
    let inventory = toolbar.layer().service_name("inventory");
    let calling = toolbar.clone();
    let shop = service_fn(move |_: Request<Body>| {
        let inner = service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::from("7"))));
        let mut client = calling.client_layer().layer(inventory.layer(inner));
        async move {
            let request = Request::get("http://inventory/stock").body(Body::empty()).unwrap();
            client.call(request).await.unwrap().into_body().collect().await.unwrap();
            Ok::<_, Infallible>(Response::new(Body::empty()))
        }
    });
    common::call(toolbar.layer().layer(shop), common::get("/")).await;

    let list = common::api(&toolbar, "api/requests").await;
    let ids: Vec<&str> =
        list["requests"].as_array().unwrap().iter().map(|r| r["id"].as_str().unwrap()).collect();
    let (shop, inventory) = (ids[0], ids[1]);
    for id in ids.iter() {
        let request = common::api(&toolbar, &format!("api/requests/{id}")).await;
        let rows: Vec<_> = request["spans"]
            .as_array()
            .unwrap()
            .iter()
            .map(|span| {
                (
                    span["service"].as_str().unwrap(),
                    span["kind"].as_str().unwrap(),
                    span["request_id"].as_str().unwrap(),
                )
            })
            .collect();
        let expected =
            [("test", "server", shop), ("test", "client", shop), ("inventory", "server", inventory)];
        assert_eq!(rows, expected, "parents come first, whichever request is asked for");
        assert_eq!(request["spans"][2]["parent_span_id"], request["spans"][1]["span_id"]);
    }
}

#[tokio::test]
async fn secrets_in_baggage_are_not_shown() {
    let request =
        shown(&[("traceparent", TRACEPARENT), ("baggage", "user=ada,user.password=hunter2;p=1")]).await;
    assert!(!request.to_string().contains("hunter2"), "{request}");
    assert_eq!(request["propagation"]["headers"][1]["value"], "user=ada,user.password=REDACTED");
}
