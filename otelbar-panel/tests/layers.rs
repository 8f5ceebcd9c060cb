//! What the toolbar sees beside the layers that services commonly have, inside them and outside: what the README says
//! of where the layer goes.
#![cfg(feature = "axum")]

mod common;

use std::time::Duration;

use axum::{Router, routing};
use http::{Request, StatusCode};
use otelbar_panel::OpenTelemetryPanel;
use serde_json::{Value, json};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

fn routes() -> Router {
    Router::new()
        .route("/", routing::get(async || "Hello"))
        .route("/never", routing::get(async || std::future::pending::<&str>().await))
        .route("/panics", routing::get(async || -> &str { panic!("a handler that panics") }))
}

fn timeout() -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, Duration::from_millis(1))
}

fn preflight() -> Request<axum::body::Body> {
    let mut request = common::get("/");
    *request.method_mut() = http::Method::OPTIONS;
    let headers = request.headers_mut();
    headers.insert("origin", "http://app.test".parse().unwrap());
    headers.insert("access-control-request-method", "GET".parse().unwrap());
    request
}

/// The status answered, and what the page says of the only request: status, outcome and names of the spans in it.
async fn seen(toolbar: &OpenTelemetryPanel, app: Router, request: Request<axum::body::Body>) -> Value {
    let (head, _) = common::call(app, request).await;
    let all = common::requests(toolbar).await;
    let [seen] = &all[..] else { return json!([head.status.as_u16(), "not seen"]) };
    let spans = seen["spans"].as_array().unwrap();
    let names: Vec<&str> = spans.iter().skip(1).map(|span| span["name"].as_str().unwrap()).collect();
    json!([head.status.as_u16(), seen["request"]["status"], seen["request"]["outcome"], names])
}

#[tokio::test]
async fn outside_a_timeout_it_sees_the_answer_and_inside_a_cancelled_request() {
    let toolbar = common::quiet_toolbar();
    let app = routes().layer(timeout()).layer(toolbar.layer());
    assert_eq!(seen(&toolbar, app, common::get("/never")).await, json!([408, 408, "completed", []]));

    let toolbar = common::quiet_toolbar();
    let app = routes().layer(toolbar.layer()).layer(timeout());
    assert_eq!(seen(&toolbar, app, common::get("/never")).await, json!([408, null, "cancelled", []]));
}

#[tokio::test]
async fn outside_a_layer_that_catches_panics_it_sees_the_answer_and_inside_the_panic() {
    let toolbar = common::quiet_toolbar();
    let app = routes().layer(CatchPanicLayer::new()).layer(toolbar.layer());
    assert_eq!(seen(&toolbar, app, common::get("/panics")).await, json!([500, 500, "completed", []]));

    let toolbar = common::quiet_toolbar();
    let app = routes().layer(toolbar.layer()).layer(CatchPanicLayer::new());
    assert_eq!(seen(&toolbar, app, common::get("/panics")).await, json!([500, null, "failed", []]));
}

#[tokio::test]
async fn outside_a_cors_layer_it_sees_preflight_requests_and_inside_none() {
    let toolbar = common::quiet_toolbar();
    let app = routes().layer(CorsLayer::permissive()).layer(toolbar.layer());
    assert_eq!(seen(&toolbar, app, preflight()).await, json!([200, 200, "completed", []]));

    let toolbar = common::quiet_toolbar();
    let app = routes().layer(toolbar.layer()).layer(CorsLayer::permissive());
    assert_eq!(seen(&toolbar, app, preflight()).await, json!([200, "not seen"]));
}

#[tokio::test]
async fn a_span_of_the_trace_layer_belongs_to_the_request_when_the_toolbar_is_outside() {
    let trace = || {
        TraceLayer::new_for_http().make_span_with(|_: &Request<_>| tracing::info_span!("by the trace layer"))
    };
    let toolbar = common::quiet_toolbar();
    let app = routes().layer(trace()).layer(toolbar.layer());
    assert_eq!(
        seen(&toolbar, app, common::get("/")).await,
        json!([200, 200, "completed", ["by the trace layer"]])
    );

    let toolbar = common::quiet_toolbar();
    let app = routes().layer(toolbar.layer()).layer(trace());
    assert_eq!(seen(&toolbar, app, common::get("/")).await, json!([200, 200, "completed", []]));
}

#[tokio::test]
async fn the_pages_have_no_cross_origin_headers_when_the_toolbar_is_outside_the_cors_layer() {
    let toolbar = common::quiet_toolbar();
    let app = routes().layer(CorsLayer::permissive()).layer(toolbar.layer());
    let (head, _) = common::call(app, common::get("/__otelbar/")).await;
    assert_eq!(head.status, 200);
    assert_eq!(head.headers.get("access-control-allow-origin"), None);
}

#[tokio::test]
async fn a_page_gets_the_bar_when_the_toolbar_is_inside_the_layer_that_compresses() {
    let page =
        || Router::new().route("/", routing::get(async || axum::response::Html("<p>page".repeat(100))));
    let request = || {
        let mut request = common::get("/");
        request.headers_mut().insert("accept-encoding", "gzip".parse().unwrap());
        request.headers_mut().insert("accept", "text/html".parse().unwrap());
        request
    };
    let bar = async |app: Router| {
        let (head, _) = common::call(app, request()).await;
        assert_eq!(head.headers["content-encoding"], "gzip");
        head.headers.get("otelbar-bar").map(|bar| bar.to_str().unwrap().to_owned())
    };
    let toolbar = common::quiet_toolbar();
    let bar_inside = bar(page().layer(toolbar.layer()).layer(CompressionLayer::new())).await;
    assert_eq!(bar_inside.as_deref(), Some("added"));
    let bar_outside = bar(page().layer(CompressionLayer::new()).layer(toolbar.layer())).await.unwrap();
    assert!(bar_outside.contains("content-encoding is gzip"), "{bar_outside}");
}
