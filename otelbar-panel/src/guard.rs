//! A panic in the toolbar's own work ends there: it costs what was being worked on, is counted, and is told.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::quiet::{Quiet, discard};
use crate::{panics, text};

/// Panics that were caught, of all toolbars in the process: one capture layer serves them all.
static CAUGHT: AtomicU64 = AtomicU64::new(0);
static LAST: Mutex<Option<String>> = Mutex::new(None);
static TOLD: AtomicBool = AtomicBool::new(false);

/// Does a part of the toolbar's work; `None` if it panicked.
///
/// `what` says what was being done, for the page and the log: "converting a request".
pub(crate) fn guard<T>(what: &'static str, work: impl FnOnce() -> T) -> Option<T> {
    try_guard(what, work).ok()
}

/// As [`guard`]; where it panicked, what was being done and the panic's message.
pub(crate) fn try_guard<T>(what: &'static str, work: impl FnOnce() -> T) -> Result<T, String> {
    let done = {
        let _quiet = Quiet::begin();
        catch_unwind(AssertUnwindSafe(work))
    };
    match done {
        Ok(done) => Ok(done),
        Err(payload) => Err(tell(what, payload)),
    }
}

/// How often a part of the toolbar's work panicked, and the last time in words.
pub(crate) fn caught() -> (u64, Option<String>) {
    (CAUGHT.load(Ordering::Relaxed), LAST.lock().unwrap_or_else(PoisonError::into_inner).clone())
}

#[cold]
fn tell(what: &'static str, payload: Box<dyn Any + Send>) -> String {
    CAUGHT.fetch_add(1, Ordering::Relaxed);
    let message = format!("{what} panicked: {}", text::copied(panics::message(&*payload)));
    *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some(message.clone());
    discard(payload);
    if !TOLD.swap(true, Ordering::Relaxed) {
        // The subscriber's other layers are told of it as well, and what they do is not ours either.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            tracing::error!(
                target: "otelbar",
                "{message}; the application is not affected, please report it (later ones are only counted)"
            );
        }));
    }
    message
}

/// Where a test makes the toolbar panic: at the point of this name, for a request for `/panic/{point}`.
#[cfg(test)]
pub(crate) fn fault(point: &str, path: &str) {
    assert!(path.strip_prefix("/panic/") != Some(point), "a fault put in by a test");
}

/// Held by a test that counts panics: those of the whole process are counted.
#[cfg(test)]
pub(crate) static COUNTING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[cfg(not(test))]
#[inline(always)]
pub(crate) fn fault(_point: &str, _path: &str) {}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::net::SocketAddr;
    use std::time::Duration;

    use http::{Request, Response, StatusCode};
    use http_body_util::{BodyExt, Full};
    use serde_json::Value;
    use tower::{Layer, ServiceExt, service_fn};
    use tracing_subscriber::prelude::*;

    use crate::{OpenTelemetryConfig, OpenTelemetryPanel, PeerAddr};

    type Body = Full<bytes::Bytes>;

    /// What a service behind the toolbar answers to a local caller.
    async fn call(toolbar: &OpenTelemetryPanel, path: &str) -> (StatusCode, bytes::Bytes) {
        let answer =
            service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::from("it"))));
        let client = toolbar.client_layer().layer(answer);
        let service = service_fn(async |_: Request<Body>| {
            tracing::info_span!("work").in_scope(|| tracing::info!("working"));
            assert_eq!(crate::template("page.html", || "rendered".to_owned()), "rendered");
            let called = client.clone().oneshot(Request::get("http://other/").body(Body::default()).unwrap());
            assert_eq!(called.await.unwrap().into_body().collect().await.unwrap().to_bytes(), "it");
            Ok::<_, Infallible>(Response::new(Body::from("answer")))
        });
        let mut request = Request::get(path).header("host", "localhost").body(Body::default()).unwrap();
        request.extensions_mut().insert(PeerAddr::new(SocketAddr::from(([127, 0, 0, 1], 9))));
        let (head, body) = toolbar.layer().layer(service).oneshot(request).await.unwrap().into_parts();
        (head.status, body.collect().await.unwrap().to_bytes())
    }

    async fn api(toolbar: &OpenTelemetryPanel, path: &str) -> Value {
        let (status, body) = call(toolbar, &format!("/__otelbar/{path}")).await;
        assert_eq!(status, StatusCode::OK, "{body:?}");
        serde_json::from_slice(&body).unwrap()
    }

    /// Each place where the toolbar works for others, and what is left of a request when it panics there.
    #[tokio::test]
    async fn a_panic_of_the_toolbars_own_costs_one_requests_view_alone() {
        let _counting = super::COUNTING.lock().await;
        let config = OpenTelemetryConfig::builder().traces_exporters([]).build().unwrap();
        let toolbar = OpenTelemetryPanel::new(config).unwrap();
        let _default =
            tracing::subscriber::set_default(tracing_subscriber::registry().with(toolbar.tracing_layer()));
        for (point, said, spans) in [
            ("opening", "beginning to record a request", None),
            ("recording", "recording an event", Some(4)),
            ("rendering", "recording a template", Some(3)),
            ("calling", "recording an outgoing call", Some(3)),
            ("converting", "converting a request", Some(1)),
        ] {
            let (before, _) = super::caught();
            for path in [&*format!("/panic/{point}"), "/whole"] {
                let answer = call(&toolbar, path).await;
                assert_eq!(answer, (StatusCode::OK, "answer".into()), "{path}: the answer is the service's");
            }
            toolbar.flush(Duration::from_secs(60)).expect("the background thread goes on");
            let list = api(&toolbar, "api/requests").await;
            let request = |path: &str| {
                let requests = list["requests"].as_array().unwrap();
                requests.iter().find(|request| request["path"] == path).cloned()
            };
            let detail = async |request: &Value| {
                api(&toolbar, &format!("api/requests/{}", request["id"].as_str().unwrap())).await
            };
            let other = detail(&request("/whole").unwrap()).await;
            assert_eq!(other["spans"].as_array().unwrap().len(), 4, "{point}: other requests are whole");
            assert_eq!(other["request"]["counts"]["logs"], 1);
            let broken = request(&format!("/panic/{point}"));
            assert_eq!(broken.is_some(), spans.is_some(), "{point}");
            if let Some(broken) = broken {
                assert_eq!(broken["broken"], point == "converting");
                let shown = detail(&broken).await["spans"].as_array().unwrap().len();
                assert_eq!(Some(shown), spans, "{point}: what of it is shown");
            }
            let (after, last) = super::caught();
            assert!(after > before, "{point}: it is counted");
            let told = api(&toolbar, "api/requests").await["internal_errors"].clone();
            assert_eq!(told["count"], after, "{point}");
            assert_eq!(told["last"], last.unwrap());
            assert!(
                told["last"].as_str().unwrap().starts_with(&format!("{said} panicked: a fault")),
                "{told}"
            );
        }
        let (status, body) = call(&toolbar, "/__otelbar/panic/answering").await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{body:?}");
        assert_eq!(
            call(&toolbar, "/__otelbar/api/requests").await.0,
            StatusCode::OK,
            "and the next is answered"
        );
    }
}
