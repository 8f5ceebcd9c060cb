//! A backend that fails harms no request, and the page says so.

mod common;

use std::time::Duration;

use axum::{Router, routing};
use otelbar_testkit::Collector;

/// What a client can see of an answer, but for the headers that carry the request's id.
async fn answers(router: &Router) -> Vec<(u16, Vec<(String, String)>, String)> {
    let mut answers = Vec::new();
    for path in ["/ok", "/missing", "/broken", "/page"] {
        let (head, body) = common::call(router.clone(), common::get(path)).await;
        let mut headers: Vec<(String, String)> = head
            .headers
            .iter()
            .filter(|(name, _)| *name != "otelbar-request" && *name != "server-timing")
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        headers.sort();
        let body = String::from_utf8(body.to_vec()).unwrap();
        let body = body.split("<script").next().unwrap().to_owned();
        answers.push((head.status.as_u16(), headers, body));
    }
    answers
}

fn router(toolbar: &otelbar_panel::OpenTelemetryPanel) -> Router {
    Router::new()
        .route("/ok", routing::get(async || "fine"))
        .route("/broken", routing::get(async || (http::StatusCode::INTERNAL_SERVER_ERROR, "broken")))
        .route("/page", routing::get(async || axum::response::Html("<p>page</p>")))
        .layer(toolbar.layer())
}

#[tokio::test]
async fn a_stopped_collector_changes_no_answer_and_the_page_tells() {
    let collector = Collector::start().unwrap();
    let toolbar = common::toolbar_with(|config| {
        config
            .otlp_protocol(otelbar_config::Protocol::HttpProtobuf)
            .otlp_endpoint(&*collector.endpoint())
            .traces_exporters([otelbar_config::TracesExporter::Otlp])
            .bsp_schedule_delay(Duration::from_millis(10))
            .retry_max_age(Duration::from_millis(200))
            .retry_initial_backoff(Duration::from_millis(10))
            .breaker_open_duration(Duration::from_millis(50))
    });
    let router = router(&toolbar);
    let with_backend = answers(&router).await;
    common::settle(&toolbar).await;
    let list = common::api(&toolbar, "api/requests").await;
    assert_eq!(list["exporter"]["health"], "healthy", "{list}");

    collector.stop();
    assert_eq!(answers(&router).await, with_backend);

    let list = common::api(&toolbar, "api/requests").await;
    let exporter = &list["exporter"];
    assert_eq!(exporter["health"], "failing", "{exporter}");
    let error = exporter["last_error"].as_str().unwrap();
    assert!(error.contains(&collector.traces_endpoint()), "names the address: {error}");
    assert_eq!((&exporter["accepted"], &exporter["dropped"]), (&4.into(), &4.into()), "counted to the span");
    for request in &list["requests"].as_array().unwrap()[..4] {
        assert_eq!(request["export"]["state"], "failed", "{request}");
        assert!(request["export"]["detail"].as_str().unwrap().contains("given up"), "{request}");
    }
    for request in &list["requests"].as_array().unwrap()[4..] {
        assert_eq!(request["export"]["state"], "accepted", "{request}");
    }
}

#[tokio::test]
async fn requests_that_are_not_sampled_are_shown_and_not_exported() {
    let collector = Collector::start().unwrap();
    let toolbar = common::toolbar(&collector);
    let router = router(&toolbar);
    let mut request = common::get("/ok");
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    request.headers_mut().insert("traceparent", traceparent.parse().unwrap());
    common::call(router, request).await;

    let request = common::the_request(&toolbar).await;
    assert_eq!(request["request"]["export"]["state"], "not_sampled");
    assert_eq!(request["propagation"]["sampled"], false);
    assert!(collector.spans().is_empty());
}

#[tokio::test]
async fn a_backend_that_rejects_spans_is_quoted() {
    let collector = Collector::start().unwrap();
    collector.respond_always(otelbar_testkit::Fault::partial_success(1, "no room for this"));
    let toolbar = common::toolbar(&collector);
    common::call(router(&toolbar), common::get("/ok")).await;

    let request = common::the_request(&toolbar).await;
    assert_eq!(request["request"]["export"]["state"], "partial");
    assert!(request["request"]["export"]["detail"].as_str().unwrap().contains("no room for this"));
    assert_eq!(request["links"][0]["ready"], false);
    let exporter = &common::api(&toolbar, "api/requests").await["exporter"];
    assert_eq!((&exporter["health"], &exporter["rejected"]), (&"rejecting".into(), &1.into()));
    assert_eq!(exporter["last_error"], "no room for this");
}

/// A backend may repeat what it was sent, with what the application would have hidden.
#[tokio::test]
async fn what_a_backend_says_is_shown_without_secrets() {
    let collector = Collector::start().unwrap();
    let said = "no room for postgres://ada:hunter2@db";
    collector.respond_always(otelbar_testkit::Fault::partial_success(1, said));
    let toolbar = common::toolbar(&collector);
    common::call(router(&toolbar), common::get("/ok")).await;

    let request = common::the_request(&toolbar).await;
    for said in [&request["deliveries"][0]["detail"], &request["request"]["export"]["detail"]] {
        assert!(said.as_str().unwrap().ends_with("no room for postgres://REDACTED:REDACTED@db"), "{said}");
    }
    let list = common::api(&toolbar, "api/requests").await.to_string();
    assert!(list.contains("REDACTED") && !list.contains("hunter2"), "{list}");
}
