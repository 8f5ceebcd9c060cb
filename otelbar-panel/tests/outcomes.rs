//! A request is finished, once, however it ends.

mod common;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use otelbar_panel::OpenTelemetryPanel;
use serde_json::Value;
use tower::{Layer, Service, ServiceExt, service_fn};
use tracing::Instrument;

/// What the page says of the only request: outcome, status and `error.type`.
async fn outcome(toolbar: &OpenTelemetryPanel) -> (String, Value, Option<Value>) {
    let request = common::the_request(toolbar).await;
    let root = &request["spans"][0];
    assert_eq!(root["unfinished"], false);
    (
        request["request"]["outcome"].as_str().unwrap().to_owned(),
        request["request"]["status"].clone(),
        common::attribute(root, "error.type").cloned(),
    )
}

fn frames(
    parts: Vec<Result<&'static str, &'static str>>,
) -> impl http_body::Body<Data = Bytes, Error = &'static str> + Unpin {
    StreamBody::new(futures_util::stream::iter(
        parts.into_iter().map(|part| part.map(|data| Frame::data(Bytes::from_static(data.as_bytes())))),
    ))
}

async fn respond(
    toolbar: &OpenTelemetryPanel,
    parts: Vec<Result<&'static str, &'static str>>,
) -> Response<impl http_body::Body<Data = Bytes, Error = &'static str> + Unpin> {
    let mut body = Some(frames(parts));
    let service = service_fn(move |_: Request<Body>| {
        let body = body.take().unwrap();
        async { Ok::<_, Infallible>(Response::new(body)) }
    });
    toolbar.layer().layer(service).oneshot(common::get("/")).await.unwrap()
}

#[tokio::test]
async fn completed_when_the_body_has_ended() {
    let toolbar = common::quiet_toolbar();
    let answer = respond(&toolbar, vec![Ok("a"), Ok("b")]).await;
    answer.into_body().collect().await.unwrap();
    assert_eq!(outcome(&toolbar).await, ("completed".into(), 200.into(), None));
}

#[tokio::test]
async fn client_gone_when_the_body_is_dropped() {
    let toolbar = common::quiet_toolbar();
    let mut body = respond(&toolbar, vec![Ok("a"), Ok("b")]).await.into_body();
    body.frame().await.unwrap().unwrap();
    drop(body);
    assert_eq!(outcome(&toolbar).await, ("client_gone".into(), 200.into(), None));
    is_no_error(&toolbar, "client_gone").await;
}

/// Going when one has what one wants is no failure of anybody: an `EventSource` ends in no other way.
async fn is_no_error(toolbar: &OpenTelemetryPanel, outcome: &str) {
    let request = common::the_request(toolbar).await;
    let root = &request["spans"][0];
    assert_eq!(root["status"], "unset");
    assert_eq!(common::attribute(root, "otelbar.outcome").unwrap(), outcome);
    assert_eq!(request["request"]["error"], false);
    assert_eq!(request["request"]["counts"]["errors"], 0);
    assert_eq!(request["findings"], serde_json::json!([]));
}

#[tokio::test]
async fn failed_when_the_body_fails() {
    let toolbar = common::quiet_toolbar();
    let body = respond(&toolbar, vec![Ok("a"), Err("disk gone")]).await.into_body();
    assert_eq!(body.collect().await.map(|_| ()).unwrap_err(), "disk gone");
    assert_eq!(outcome(&toolbar).await, ("failed".into(), 200.into(), Some("&str".into())));
}

#[tokio::test]
async fn failed_when_the_service_fails() {
    let toolbar = common::quiet_toolbar();
    let service = service_fn(async |_: Request<Body>| Err::<Response<Body>, _>(std::io::Error::other("no")));
    let error = toolbar.layer().layer(service).oneshot(common::get("/")).await.map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "no");
    assert_eq!(outcome(&toolbar).await, ("failed".into(), Value::Null, Some("std::io::error::Error".into())));
}

#[tokio::test]
async fn cancelled_when_the_future_is_dropped() {
    let toolbar = common::quiet_toolbar();
    let service = service_fn(|_: Request<Body>| std::future::pending::<Result<Response<Body>, Infallible>>());
    let mut service = toolbar.layer().layer(service);
    let mut future = Box::pin(service.call(common::get("/")));
    assert!(futures_util::poll!(&mut future).is_pending());
    drop(future);
    assert_eq!(outcome(&toolbar).await, ("cancelled".into(), Value::Null, None));
    is_no_error(&toolbar, "cancelled").await;
}

#[tokio::test]
async fn failed_when_the_handler_panics_and_the_panic_goes_on() {
    let toolbar = common::quiet_toolbar();
    async fn panics(_: Request<Body>) -> Result<Response<Body>, Infallible> {
        tokio::task::yield_now().await;
        panic!("in the handler")
    }
    let call = toolbar.layer().layer(service_fn(panics)).oneshot(common::get("/"));
    let panic = futures_util::FutureExt::catch_unwind(AssertUnwindSafe(call)).await.map(|_| ()).unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"in the handler"));
    assert_eq!(outcome(&toolbar).await, ("failed".into(), Value::Null, Some("panic".into())));
}

/// The exception of a span: its type, its message, and where it happened.
fn exception(span: &Value) -> (&str, &str, Option<&str>) {
    let events = span["events"].as_array().unwrap();
    let event = events.iter().find(|event| event["name"] == "exception").unwrap_or_else(|| panic!("{span}"));
    let text = |key| common::attribute(event, key).map(|value| value.as_str().unwrap());
    (text("exception.type").unwrap(), text("exception.message").unwrap(), text("exception.stacktrace"))
}

#[tokio::test]
async fn a_panic_is_told_with_its_message_and_its_place() {
    let toolbar = common::quiet_toolbar();
    async fn panics(_: Request<Body>) -> Result<Response<Body>, Infallible> {
        let caught = std::panic::catch_unwind(|| panic!("caught before"));
        assert!(caught.is_err(), "by the application, and nothing of the toolbar's");
        async { panic!("it is {}", std::hint::black_box(7)) }.instrument(tracing::info_span!("inner")).await
    }
    let place = format!("{}:{}:", file!(), line!() - 2);
    let call = toolbar.layer().layer(service_fn(panics)).oneshot(common::get("/"));
    let panic = futures_util::FutureExt::catch_unwind(AssertUnwindSafe(call)).await.map(|_| ()).unwrap_err();
    assert_eq!(panic.downcast_ref::<String>().unwrap(), "it is 7", "it goes on as it was");
    let request = common::the_request(&toolbar).await;
    let (kind, message, stacktrace) = exception(&request["spans"][0]);
    assert_eq!((kind, message), ("panic", "it is 7"));
    assert!(stacktrace.unwrap().starts_with(&format!("at {place}")), "{stacktrace:?} is not at {place}");
    let inner = &request["spans"][1];
    assert_eq!(exception(inner), ("panic", "it is 7", None), "the span in which it happened has it too");
    assert_eq!((&inner["status"], &inner["status_message"]), (&"error".into(), &"it is 7".into()));
}

#[tokio::test]
async fn a_panic_of_a_task_is_told_where_its_span_is_known() {
    let toolbar = common::quiet_toolbar();
    let service = service_fn(async |_: Request<Body>| {
        let task = async { std::panic::panic_any(7) }.instrument(tracing::info_span!("task"));
        assert!(tokio::spawn(task).await.is_err());
        Ok::<_, Infallible>(Response::new(Body::empty()))
    });
    common::call(toolbar.layer().layer(service), common::get("/")).await;
    let request = common::the_request(&toolbar).await;
    assert_eq!(request["request"]["outcome"], "completed", "the request has gone well");
    let task = &request["spans"][1];
    assert_eq!((&task["name"], &task["status"]), (&"task".into(), &"error".into()));
    assert_eq!(exception(task), ("panic", "(a value that is no text)", None));
}

#[tokio::test]
async fn a_panic_that_goes_on_bears_no_message_of_another_request() {
    let toolbar = common::quiet_toolbar();
    let service = service_fn(async |request: Request<Body>| {
        let is_first = request.uri().path() == "/first";
        let task = async move {
            if is_first {
                panic!("of the first request");
            }
            // No hook is asked about it.
            std::panic::resume_unwind(Box::new("of the second request"));
        };
        assert!(tokio::spawn(task.instrument(tracing::info_span!("task"))).await.is_err());
        Ok::<_, Infallible>(Response::new(Body::empty()))
    });
    let service = toolbar.layer().layer(service);
    for path in ["/first", "/second"] {
        common::call(service.clone(), common::get(path)).await;
    }
    let [second, first] = &common::requests(&toolbar).await[..] else { panic!("two requests") };
    assert_eq!(exception(&first["spans"][1]).1, "of the first request");
    assert_eq!(second["spans"][1]["status"], "error");
    assert!(!second.to_string().contains("of the first request"), "{second}");
}

#[tokio::test]
async fn what_is_left_while_a_thread_panics_has_not_panicked() {
    struct LogsOnDrop;
    impl Drop for LogsOnDrop {
        fn drop(&mut self) {
            tracing::info_span!("tidying up").in_scope(|| {});
        }
    }
    let toolbar = common::quiet_toolbar();
    let service = service_fn(async |_: Request<Body>| {
        let _guard = LogsOnDrop;
        if true {
            panic!("first");
        }
        Ok::<_, Infallible>(Response::new(Body::empty()))
    });
    let call = toolbar.layer().layer(service).oneshot(common::get("/"));
    futures_util::FutureExt::catch_unwind(AssertUnwindSafe(call)).await.map(|_| ()).unwrap_err();
    let request = common::the_request(&toolbar).await;
    assert_eq!(request["spans"][1]["name"], "tidying up");
    assert_eq!(request["spans"][1]["status"], "unset");
}

#[tokio::test]
async fn a_client_that_hangs_up_over_the_network_is_seen() {
    let toolbar = common::quiet_toolbar();
    let layer = toolbar.layer();
    let gone = std::sync::Arc::new(tokio::sync::Notify::new());
    let hold = std::sync::Arc::clone(&gone);
    let (address, server) = common::serve(move |peer: SocketAddr| {
        let hold = std::sync::Arc::clone(&hold);
        layer.clone().peer(peer).layer(service_fn(move |_: Request<hyper::body::Incoming>| {
            let told = Told(std::sync::Arc::clone(&hold));
            async move {
                let _told = told;
                std::future::pending::<Result<Response<Body>, Infallible>>().await
            }
        }))
    })
    .await;
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    drop(stream);
    gone.notified().await;
    assert_eq!(outcome(&toolbar).await.0, "cancelled");
    server.abort();
}

/// Tells when the handler is dropped.
struct Told(std::sync::Arc<tokio::sync::Notify>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}
