//! The page says when what the application tells `tracing` does not reach the toolbar, and the remedy.

mod common;

use std::convert::Infallible;

use axum::body::Body;
use http::{Request, Response};
use otelbar_panel::{OpenTelemetryConfig, OpenTelemetryPanel};
use serde_json::Value;
use tower::{Layer, service_fn};
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, fmt};

/// What the API says of capture, after a request under the subscriber that `build` makes.
async fn capture<S>(build: impl FnOnce(&OpenTelemetryPanel) -> S, is_so: impl Fn(&Value) -> bool) -> Value
where
    S: tracing::Subscriber + Send + Sync,
{
    let config = OpenTelemetryConfig::builder().traces_exporters([]).build().unwrap();
    let toolbar = OpenTelemetryPanel::new(config).unwrap();
    let _guard = tracing::subscriber::set_default(build(&toolbar));
    let before = common::eventually(&toolbar, "api/requests", |_| true).await;
    assert_eq!(before["capture"]["tracing"], "unknown");
    let app = service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::empty())));
    common::call(toolbar.layer().layer(app), common::get("/")).await;
    let list = common::eventually(&toolbar, "api/requests", |list| is_so(&list["capture"])).await;
    list["capture"].clone()
}

/// Asserts what is said, and that it holds these words; nothing is wrong where there are none.
async fn check<S>(build: impl FnOnce(&OpenTelemetryPanel) -> S, state: &str, words: &[&str])
where
    S: tracing::Subscriber + Send + Sync,
{
    // What is asked on another thread may come a little later.
    let is_so = |capture: &Value| {
        let problem = capture["problem"].as_str().unwrap_or_default();
        capture["tracing"] == state && words.iter().all(|word| problem.contains(word))
    };
    let capture = capture(build, is_so).await;
    assert_eq!(capture["problem"].is_null(), words.is_empty(), "{capture}");
}

fn output() -> fmt::Layer<
    tracing_subscriber::Registry,
    fmt::format::DefaultFields,
    fmt::format::Format,
    fn() -> std::io::Sink,
> {
    fmt::layer().with_writer(std::io::sink)
}

#[tokio::test]
async fn nothing_is_wrong_with_the_layer_on_a_registry() {
    check(|toolbar| tracing_subscriber::registry().with(toolbar.tracing_layer()), "ok", &[]).await;
    let quiet = || EnvFilter::new("off");
    check(
        |toolbar| {
            tracing_subscriber::registry().with(output().with_filter(quiet())).with(toolbar.tracing_layer())
        },
        "ok",
        &[],
    )
    .await;
}

#[tokio::test]
async fn a_missing_subscriber_is_told() {
    check(
        |_| tracing::subscriber::NoSubscriber::new(),
        "no_subscriber",
        &["No tracing subscriber", "toolbar.tracing_layer()"],
    )
    .await;
}

#[tokio::test]
async fn a_forgotten_layer_is_told() {
    check(
        |_| tracing_subscriber::registry().with(output()),
        "missing",
        &["without the toolbar's layer", "toolbar.tracing_layer()"],
    )
    .await;
}

#[tokio::test]
async fn what_a_filter_of_the_whole_subscriber_hides_is_told() {
    let filtered = |directives: &'static str| {
        move |toolbar: &OpenTelemetryPanel| {
            tracing_subscriber::registry().with(toolbar.tracing_layer()).with(EnvFilter::new(directives))
        }
    };
    let both: &[&str] = &[
        "A filter of the whole subscriber hides",
        "request span",
        "otelbar::request=error,sqlx::query=debug",
    ];
    check(filtered("my_app=debug"), "filtered", both).await;
    check(filtered("off"), "filtered", both).await;
    let queries: &[&str] =
        &["A filter of the whole subscriber hides what is logged at the level DEBUG by target sqlx::query"];
    check(filtered("warn"), "filtered", queries).await;
    let request: &[&str] = &["hides the toolbar's request span", "otelbar::request=error."];
    check(filtered("debug,otelbar::request=off"), "filtered", request).await;
    check(filtered("info,sqlx::query=debug"), "ok", &[]).await;
}
