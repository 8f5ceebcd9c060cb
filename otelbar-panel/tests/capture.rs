//! What `tracing` says of a request is recorded under it, whole and without secrets.

mod common;

use std::convert::Infallible;

use axum::body::Body;
use http::{Request, Response};
use otelbar_panel::OpenTelemetryPanel;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tower::{Layer, service_fn};
use tracing::{Instrument, debug, error, field, info, info_span, trace};

/// What the page shows of a request whose handler does this.
async fn record<F: Future<Output = ()>>(toolbar: &OpenTelemetryPanel, work: impl FnOnce() -> F) -> Value {
    let mut work = Some(work);
    let service = service_fn(move |_: Request<Body>| {
        let work = work.take().unwrap()();
        async {
            work.await;
            Ok::<_, Infallible>(Response::new(Body::empty()))
        }
    });
    common::call(toolbar.layer().layer(service), common::get("/")).await;
    common::the_request(toolbar).await
}

fn attributes(of: &Value) -> Vec<(&str, &Value)> {
    let places = ["code.file.path", "code.line.number", "otelbar.target"];
    let rows =
        of["attributes"].as_array().unwrap().iter().map(|row| (row["key"].as_str().unwrap(), &row["value"]));
    rows.filter(|(key, _)| !places.contains(key)).collect()
}

#[tokio::test]
async fn fields_keep_their_types() {
    let request = record(&common::quiet_toolbar(), async || {
        let span = info_span!(
            "typed",
            text = "a",
            int = -1,
            float = 0.5,
            yes = true,
            big = u64::MAX,
            late = field::Empty
        );
        span.record("late", 7);
        span.record("int", 2);
        let _in = span.enter();
        let failure = std::io::Error::other("disk");
        debug!(error = &failure as &dyn std::error::Error, debugged = ?Some(1), "noted");
        trace!("too fine");
    })
    .await;
    let span = &request["spans"][1];
    assert_eq!(
        attributes(span),
        [
            ("text", &json!("a")),
            ("int", &json!(2)),
            ("float", &json!(0.5)),
            ("yes", &json!(true)),
            ("big", &json!("18446744073709551615")),
            ("late", &json!(7)),
        ]
    );
    assert_eq!(span["events"].as_array().unwrap().len(), 1);
    let event = &span["events"][0];
    assert_eq!((&event["name"], &event["level"]), (&json!("noted"), &json!("DEBUG")));
    assert_eq!(
        attributes(event),
        [("otelbar.log.level", &json!("DEBUG")), ("error", &json!("disk")), ("debugged", &json!("Some(1)"))]
    );
    assert!(common::attribute(event, "code.file.path").unwrap().as_str().unwrap().ends_with("capture.rs"));
}

#[tokio::test]
async fn secrets_are_not_recorded() {
    let request = record(&common::quiet_toolbar(), async || {
        let span = info_span!("login", user = "ada", password = "hunter2", late_token = field::Empty);
        span.record("late_token", "hunter2");
        span.in_scope(|| info!(authorization = "hunter2", db.password = ?"hunter2", "signed in"));
    })
    .await;
    assert!(!request.to_string().contains("hunter2"), "{request}");
    let span = &request["spans"][1];
    assert_eq!(common::attribute(span, "password").unwrap(), "REDACTED");
    assert_eq!(common::attribute(span, "user").unwrap(), "ada");
}

/// Writes a little, and then something goes wrong.
struct Broken(fn() -> std::fmt::Result);

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("half")?;
        (self.0)()
    }
}

impl std::fmt::Debug for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Broken {}

#[tokio::test]
async fn a_value_that_cannot_be_formatted_is_marked_and_reaches_no_handler() {
    let request = record(&common::quiet_toolbar(), async || {
        for broken in [Broken(|| Err(std::fmt::Error)), Broken(|| panic!("in fmt"))] {
            let span = info_span!("span", display = %broken, debug = ?broken, late = field::Empty);
            span.record("late", field::display(&broken));
            let error = &broken as &dyn std::error::Error;
            span.in_scope(|| error!(error, value = %broken, "{broken} and more"));
            let _ = otelbar_panel::template("broken", || Err::<String, _>(&broken));
        }
        info!("{}", LogsItself);
    })
    .await;
    let failed = "half<formatting failed>";
    for (span, render) in [(1, 2), (3, 4)] {
        let span = &request["spans"][span];
        assert_eq!(
            attributes(span),
            [
                ("display", &json!(failed)),
                ("debug", &json!(failed)),
                ("late", &json!(failed)),
                ("error.type", &json!("_OTHER")),
            ]
        );
        let event = &span["events"][0];
        assert_eq!(common::attribute(event, "exception.message").unwrap(), failed);
        assert_eq!(common::attribute(event, "value").unwrap(), failed);
        assert_eq!(common::attribute(event, "otelbar.log.message").unwrap(), failed);
        assert_eq!(request["spans"][render]["status_message"], failed);
    }
    let events = request["spans"][0]["events"].as_array().unwrap();
    let names: Vec<_> = events.iter().map(|event| event["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["while formatting", "formatted"], "a value may log while it is formatted");
}

/// Logs when it is formatted.
struct LogsItself;

impl std::fmt::Display for LogsItself {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        info!("while formatting");
        f.write_str("formatted")
    }
}

#[tokio::test]
async fn fields_of_opentelemetry_steer_the_span() {
    let request = record(&common::quiet_toolbar(), async || {
        let span = info_span!(
            "plain",
            otel.name = "charge card",
            otel.kind = "client",
            otel.status_code = field::Empty,
            otel.status_description = field::Empty,
        );
        span.record("otel.status_description", "declined");
        span.in_scope(|| {});
        let failed = info_span!("x", otel.status_code = "ERROR", otel.status_description = "declined");
        failed.in_scope(|| error!(error = "boom", "it failed"));
    })
    .await;
    let (span, failed) = (&request["spans"][1], &request["spans"][2]);
    assert_eq!((&span["name"], &span["kind"]), (&json!("charge card"), &json!("client")));
    assert_eq!((&failed["status"], &failed["status_message"]), (&json!("error"), &json!("declined")));
    assert_eq!(failed["events"][0]["name"], "exception", "backends look for the event of this name");
    assert_eq!(common::attribute(&failed["events"][0], "exception.message").unwrap(), "boom");
    assert_eq!(request["request"]["counts"]["errors"], 1, "an error's log tells of its span's failure");
}

#[tokio::test]
async fn an_instrumented_function_that_fails_says_why() {
    #[tracing::instrument(err)]
    async fn load() -> Result<(), std::io::Error> {
        Err(std::io::Error::other("disk gone"))
    }
    let request = record(&common::quiet_toolbar(), async || assert!(load().await.is_err())).await;
    let span = &request["spans"][1];
    assert_eq!((&span["status"], &span["status_message"]), (&json!("error"), &json!("disk gone")));
}

#[tokio::test]
async fn a_status_is_kept_in_whichever_order_it_is_told() {
    let request = record(&common::quiet_toolbar(), async || {
        let span = |name: &'static str| {
            let empty = field::Empty;
            info_span!("span", otel.name = name, otel.status_code = empty, otel.status_description = empty)
        };
        span("ok").record("otel.status_code", "OK");
        span("code first").record("otel.status_code", "ERROR").record("otel.status_description", "why");
        span("description first")
            .record("otel.status_description", "why")
            .record("otel.status_code", "error");
        span("description alone").record("otel.status_description", "why");
        span("mended").record("otel.status_code", "ERROR").record("otel.status_code", "OK");
        info_span!("at once", otel.status_description = "why", otel.status_code = field::Empty)
            .record("otel.status_code", "ERROR");
        let failed = span("ok whatever is logged");
        failed.record("otel.status_code", "OK");
        failed.in_scope(|| error!(error = "but", "handled"));
    })
    .await;
    let spans = request["spans"].as_array().unwrap()[1..].iter();
    let told: Vec<_> = spans
        .map(|span| {
            (span["name"].as_str().unwrap(), span["status"].as_str().unwrap(), &span["status_message"])
        })
        .collect();
    let (why, nothing) = (json!("why"), Value::Null);
    assert_eq!(
        told,
        [
            ("ok", "ok", &nothing),
            ("code first", "error", &why),
            ("description first", "error", &why),
            ("description alone", "unset", &nothing),
            ("mended", "ok", &nothing),
            ("at once", "error", &why),
            ("ok whatever is logged", "ok", &nothing),
        ]
    );
}

#[tokio::test]
async fn what_happens_below_a_hidden_span_belongs_to_the_nearest_that_is_recorded() {
    use tracing_subscriber::prelude::*;
    let toolbar = common::quiet_toolbar();
    // Another layer wants what ours hides.
    let both = tracing_subscriber::registry().with(toolbar.tracing_layer()).with(AllSpans);
    let _default = tracing::subscriber::set_default(both);
    let request = record(&toolbar, async || {
        let outer = info_span!("outer");
        let hidden = outer.in_scope(|| tracing::trace_span!("hidden"));
        assert!(!hidden.is_disabled());
        let task = async {
            info!("in a task");
            info_span!("inner").in_scope(|| info!("deeper"));
        };
        tokio::spawn(task.instrument(hidden.clone())).await.unwrap();
        info!(parent: &hidden, "told its parent");
        drop(outer);
    })
    .await;
    let expected = "GET\n  outer [in a task, told its parent]\n    inner [deeper]\n";
    assert_eq!(common::tree(&request), expected);
}

/// Looks at everything.
struct AllSpans;

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for AllSpans {}

#[tokio::test]
async fn a_span_is_linked_to_those_it_follows_from() {
    let request = record(&common::quiet_toolbar(), async || {
        let (first, second) = (info_span!("first"), info_span!("second"));
        second.follows_from(&first);
        tracing::Span::current().follows_from(&first);
    })
    .await;
    let [root, first, second] = [0, 1, 2].map(|i| &request["spans"][i]);
    let link = json!([{ "trace_id": request["request"]["trace_id"], "span_id": first["span_id"], "attributes": [] }]);
    assert_eq!((&second["links"], &root["links"], &first["links"]), (&link, &link, &json!([])));
}

#[tokio::test]
async fn the_current_span_is_that_of_the_opentelemetry_context_too() {
    use opentelemetry::trace::TraceContextExt;
    let active = || opentelemetry::Context::map_current(|cx| cx.span().span_context().span_id());
    let mut seen = Vec::new();
    let request = record(&common::quiet_toolbar(), async || {
        seen.push(active());
        info_span!("outer").in_scope(|| {
            seen.push(active());
            info_span!("inner").in_scope(|| seen.push(active()));
            seen.push(active());
        });
        let task = async move {
            tokio::task::yield_now().await;
            assert!(otelbar_panel::current().is_some());
            active()
        };
        seen.push(tokio::spawn(task.instrument(info_span!("task"))).await.unwrap());
        seen.push(active());
    })
    .await;
    assert_eq!(active(), opentelemetry::trace::SpanId::INVALID, "nothing is left behind");
    let id = |name: &str| {
        let spans = request["spans"].as_array().unwrap();
        let span = spans.iter().find(|span| span["name"] == name).unwrap();
        opentelemetry::trace::SpanId::from_hex(span["span_id"].as_str().unwrap()).unwrap()
    };
    assert_eq!(seen, ["GET", "outer", "inner", "outer", "task", "GET"].map(id));
}

#[tokio::test]
async fn spans_made_by_instrumented_libraries_are_known_by_their_attributes() {
    let request = record(&common::quiet_toolbar(), async || {
        info_span!("query", otel.kind = "client", db.query.text = "SELECT 1", db.system.name = "postgresql")
            .in_scope(|| {});
        info_span!("call", otel.kind = "client", http.request.method = "GET").in_scope(|| {});
    })
    .await;
    assert_eq!(
        (&request["spans"][1]["panel"], &request["spans"][2]["panel"]),
        (&json!("sql"), &json!("http"))
    );
}

#[tokio::test]
async fn a_span_that_asks_for_no_parent_is_not_the_requests() {
    let request = record(&common::quiet_toolbar(), async || {
        info_span!(parent: None, "job").in_scope(|| info!("working"));
        info!(parent: None, "alone");
    })
    .await;
    assert_eq!(common::tree(&request), "GET\n");
}

#[tokio::test]
async fn waiting_is_not_busy() {
    let request = record(&common::quiet_toolbar(), async || {
        tokio::task::yield_now().instrument(info_span!("waits")).await;
    })
    .await;
    let span = &request["spans"][1];
    let (busy, duration) = (span["busy_ns"].as_u64().unwrap(), span["duration_ns"].as_u64().unwrap());
    assert!(0 < busy && busy < duration, "{busy} of {duration}");
}

#[tokio::test]
async fn templates_are_recorded_with_size_and_error() {
    let request = record(&common::quiet_toolbar(), async || {
        otelbar_panel::template("list.html", || "<ul>".to_owned());
        let _ = otelbar_panel::template("bad.html", || Err::<String, _>("no such filter"));
    })
    .await;
    let (good, bad) = (&request["spans"][1], &request["spans"][2]);
    assert_eq!((&good["name"], &good["panel"]), (&json!("render list.html"), &json!("template")));
    assert_eq!(common::attribute(good, "otelbar.template.size").unwrap(), 4);
    assert_eq!((&bad["status"], &bad["status_message"]), (&json!("error"), &json!("no such filter")));
}

#[tokio::test]
async fn work_that_outlives_the_response_is_recorded_and_exported() {
    let collector = otelbar_testkit::Collector::start().unwrap();
    let toolbar = common::toolbar(&collector);
    let (go_on, wait) = oneshot::channel::<()>();
    let (done, finished) = oneshot::channel::<()>();
    let request = record(&toolbar, async || {
        let job = async {
            wait.await.unwrap();
            info!("late");
        };
        tokio::spawn(
            async move {
                job.instrument(info_span!("job")).await;
                done.send(()).unwrap();
            }
            .in_current_span(),
        );
        tokio::task::yield_now().await;
    })
    .await;
    assert_eq!(request["spans"][1]["unfinished"], true, "it is shown while it goes on");
    assert_eq!(collector.spans().len(), 1, "the request itself does not wait for it");

    go_on.send(()).unwrap();
    finished.await.unwrap();
    let request = common::the_request(&toolbar).await;
    assert_eq!(common::tree(&request), "GET\n  job [late]\n");
    assert_eq!(request["spans"][1]["unfinished"], false);
    assert_eq!(collector.spans().len(), 2);
    assert_eq!(request["request"]["export"]["state"], "accepted");
}

#[tokio::test]
async fn a_span_ends_when_it_is_left_however_long_its_children_live() {
    let toolbar = common::quiet_toolbar();
    let (go_on, wait) = oneshot::channel::<()>();
    let mut task = None;
    record(&toolbar, async || {
        async {
            task = Some(tokio::spawn(async { wait.await.unwrap() }.instrument(info_span!("child"))));
        }
        .instrument(info_span!("outer"))
        .await;
    })
    .await;
    go_on.send(()).unwrap();
    task.unwrap().await.unwrap();

    let request = common::the_request(&toolbar).await;
    assert_eq!(common::tree(&request), "GET\n  outer\n    child\n");
    let end = |span: &Value| {
        span["start_unix_ns"].as_str().unwrap().parse::<u64>().unwrap()
            + span["duration_ns"].as_u64().unwrap()
    };
    let [root, outer, child] = [0, 1, 2].map(|i| end(&request["spans"][i]));
    assert!(outer <= root && root < child, "{outer} {root} {child}");
}

#[tokio::test]
async fn the_capture_level_is_of_the_configuration() {
    let toolbar = common::quiet_toolbar();
    let request = record(&toolbar, async || {
        debug!(target: "hyper_util::client", "reusing a connection");
        debug!(target: "hyper_utility", "something else");
    })
    .await;
    assert_eq!(common::tree(&request), "GET [something else]\n");
}

#[tokio::test]
async fn a_log_after_its_span_was_exported_is_shown_and_counted() {
    let collector = otelbar_testkit::Collector::start().unwrap();
    let toolbar = common::toolbar(&collector);
    let mut handle = None;
    record(&toolbar, async || handle = Some(tracing::Span::current())).await;
    handle.unwrap().in_scope(|| info!("too late"));

    let request = common::the_request(&toolbar).await;
    assert_eq!(common::tree(&request), "GET [too late]\n");
    assert_eq!(request["dropped"]["late"], 1);
    let list = common::api(&toolbar, "api/requests").await;
    assert_eq!(list["dropped"]["late"], 1);
    assert_eq!(collector.spans().len(), 1);
}

#[tokio::test]
async fn what_is_over_a_limit_is_counted_and_the_rest_kept() {
    let toolbar = common::toolbar_with(|config| {
        config
            .max_spans_per_request(3usize)
            .max_logs_per_request(2usize)
            .span_attribute_count_limit(2usize)
            .span_attribute_value_length_limit(otelbar_config::Limit::from(5))
    });
    let request = record(&toolbar, async || {
        for _ in 0..5 {
            info_span!("many", a = "ünïcödé", b = 1, c = 2).in_scope(|| info!("log"));
        }
    })
    .await;
    assert_eq!(request["spans"].as_array().unwrap().len(), 4, "the request and three");
    let span = &request["spans"][1];
    assert_eq!(common::attribute(span, "a").unwrap(), "ünïcö");
    assert_eq!(common::attribute(span, "c"), None);
    assert_eq!(span["dropped"]["attributes"], 2, "one left out, one cut");
    assert_eq!((&request["dropped"]["spans"], &request["dropped"]["logs"]), (&json!(2), &json!(3)));
    let list = common::api(&toolbar, "api/requests").await;
    assert_eq!((&list["dropped"]["spans"], &list["dropped"]["logs"]), (&json!(2), &json!(3)));
}

#[tokio::test]
async fn no_text_gets_past_the_limit() {
    let toolbar = common::toolbar_with(|config| {
        config.span_attribute_value_length_limit(otelbar_config::Limit::from(5))
    });
    let long = "x".repeat(1000);
    let mut request = common::get(&format!("/{}", "p".repeat(60_000)));
    request.headers_mut().insert("user-agent", "u".repeat(100_000).parse().unwrap());
    let service = service_fn(move |_: Request<Body>| {
        let span = info_span!("span", value = "short", otel.name = long);
        span.record("value", &*long);
        span.record("otel.name", &*long);
        otelbar_panel::current().unwrap().set_attribute(opentelemetry::KeyValue::new("tenant", long.clone()));
        otelbar_panel::template(&long, String::new);
        async { Ok::<_, Infallible>(Response::new(Body::empty())) }
    });
    common::call(toolbar.layer().layer(service), request).await;
    let request = common::the_request(&toolbar).await;
    assert!(!request.to_string().contains("xxxxxx"), "{request}");
    assert!(request.to_string().len() < 64 * 1024, "the path and the user agent are cut as well");
    let list = common::api(&toolbar, "api/requests").await;
    assert_eq!(list["dropped"]["attributes"], 7, "each cut is counted");
}

#[tokio::test]
async fn a_toolbar_around_itself_watches_once() {
    let toolbar = common::quiet_toolbar();
    let page = service_fn(async |_: Request<Body>| {
        let mut page = Response::new(Body::from("<p>"));
        page.headers_mut().insert("content-type", "text/html".parse().unwrap());
        Ok::<_, Infallible>(page)
    });
    let twice = toolbar.layer().layer(toolbar.layer().layer(page));
    let (_, body) = common::call(twice, common::get("/")).await;
    assert_eq!(String::from_utf8_lossy(&body).matches("<script").count(), 1);
    assert_eq!(common::the_request(&toolbar).await["spans"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_goes_on_after_a_request_does_not_crowd_out_others() {
    let collector = otelbar_testkit::Collector::start().unwrap();
    let toolbar = common::toolbar(&collector);
    let mut task = None;
    record(&toolbar, async || {
        let ticks = async {
            for n in 0..3000 {
                info_span!("tick", n).in_scope(|| {});
                tokio::task::yield_now().await;
            }
        };
        task = Some(tokio::spawn(ticks.in_current_span()));
    })
    .await;
    let plain = service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::empty())));
    let plain = toolbar.layer().layer(plain);
    for _ in 0..500 {
        common::call(plain.clone(), common::get("/plain")).await;
    }
    task.unwrap().await.unwrap();
    let list = common::api(&toolbar, "api/requests?limit=1").await;
    assert_eq!((&list["store"]["requests"], &list["dropped"]["requests"]), (&json!(501), &json!(0)));
    assert_eq!(collector.spans().len(), 3501, "and all of it is exported");
}

#[tokio::test]
async fn shutdown_gives_the_same_answer_again() {
    let collector = otelbar_testkit::Collector::start().unwrap();
    let toolbar = common::toolbar(&collector);
    collector.respond_always(otelbar_testkit::Fault::Hang);
    record_one(&toolbar).await;
    let within = std::time::Duration::from_millis(100);
    let first = toolbar.shutdown_async(within).await.unwrap_err();
    assert_eq!((first.spans(), first.destinations().len()), (1, 1), "{first}");
    let second = toolbar.shutdown_async(within).await.unwrap_err();
    assert_eq!(second.to_string(), first.to_string(), "what was lost stays lost");
}

async fn record_one(toolbar: &OpenTelemetryPanel) {
    let service = service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::empty())));
    common::call(toolbar.layer().layer(service), common::get("/")).await;
}

#[tokio::test]
async fn the_store_lets_go_of_the_oldest() {
    let toolbar = common::toolbar_with(|config| config.max_requests(3usize));
    let service = service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::empty())));
    let service = toolbar.layer().layer(service);
    for n in 0..5 {
        common::call(service.clone(), common::get(&format!("/{n}"))).await;
    }
    let list = common::api(&toolbar, "api/requests").await;
    let paths: Vec<_> =
        list["requests"].as_array().unwrap().iter().map(|r| r["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["/4", "/3", "/2"]);
    assert_eq!((&list["store"]["requests"], &list["store"]["evicted"]), (&json!(3), &json!(2)));
}

#[tokio::test]
async fn a_handler_can_name_its_route_and_add_to_its_span() {
    let toolbar = common::quiet_toolbar();
    let service = service_fn(async |request: Request<Body>| {
        let handle = otelbar_panel::current().unwrap();
        let by_extension = request.extensions().get::<otelbar_panel::RequestHandle>().unwrap();
        assert_eq!(handle.span_id(), by_extension.span_id());
        handle.set_route("/items/{id}");
        handle.set_attribute(opentelemetry::KeyValue::new("tenant", "ada"));
        handle.set_attribute(opentelemetry::KeyValue::new("tenant", "bob"));
        handle.set_attribute(opentelemetry::KeyValue::new("session", "hunter2"));
        info_span!("inner").in_scope(|| {
            let inner = otelbar_panel::current().unwrap();
            assert_ne!(inner.span_id(), handle.span_id());
            assert_eq!(inner.span_context().trace_id(), handle.trace_id());
        });
        Ok::<_, Infallible>(Response::new(Body::empty()))
    });
    common::call(toolbar.layer().layer(service), common::get("/items/7")).await;
    assert!(otelbar_panel::current().is_none(), "outside of the request there is none");
    let request = common::the_request(&toolbar).await;
    let root = &request["spans"][0];
    assert_eq!(
        (&root["name"], &request["request"]["route"]),
        (&json!("GET /items/{id}"), &json!("/items/{id}"))
    );
    assert_eq!(common::attribute(root, "tenant").unwrap(), "bob");
    assert_eq!(common::attribute(root, "session").unwrap(), "REDACTED");
}

/// Protects against a router that tells the address for the route.
#[tokio::test]
async fn a_route_that_a_handler_names_is_cleaned() {
    let toolbar = common::quiet_toolbar();
    let request = record(&toolbar, async || {
        otelbar_panel::current().unwrap().set_route("/items?token=hunter2");
    })
    .await;
    assert_eq!(request["request"]["route"], "/items?token=REDACTED");
    assert_eq!(request["spans"][0]["name"], "GET /items?token=REDACTED");
}

/// Protects what a language model's client records; a number of tokens is no token.
#[tokio::test]
async fn numbers_of_tokens_are_recorded() {
    let toolbar = common::quiet_toolbar();
    let request = record(&toolbar, async || {
        info_span!("chat", max_tokens = 512, tokens = 7, tokens_used = "8", token = 9).in_scope(|| {});
    })
    .await;
    let attribute = |key| common::attribute(&request["spans"][1], key).unwrap().clone();
    let values = ["max_tokens", "tokens", "tokens_used", "token"].map(attribute);
    assert_eq!(values, [json!(512), json!(7), json!("8"), json!("REDACTED")]);
}

#[tokio::test]
async fn two_layers_in_one_subscriber_record_once() {
    use tracing_subscriber::prelude::*;
    let toolbar = common::quiet_toolbar();
    let twice = tracing_subscriber::registry().with(toolbar.tracing_layer()).with(toolbar.tracing_layer());
    let _default = tracing::subscriber::set_default(twice);
    let request = record(&toolbar, async || info_span!("once").in_scope(|| info!("said"))).await;
    assert_eq!(common::tree(&request), "GET\n  once [said]\n");
}

#[tokio::test]
async fn spans_of_the_opentelemetry_api_are_recorded_beside_those_of_tracing() {
    use opentelemetry::context::FutureExt;
    use opentelemetry::trace::{Status, TraceContextExt, Tracer, TracerProvider};

    let collector = otelbar_testkit::Collector::start().unwrap();
    let toolbar = common::toolbar(&collector);
    let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder()
        .with_span_processor(toolbar.span_processor())
        .build();
    let tracer = provider.tracer("library");
    tracer.in_span("outside of requests", |_| {});
    let request = record(&toolbar, async || {
        tracer.in_span("outer", |cx| {
            cx.span().add_event("noted", vec![opentelemetry::KeyValue::new("password", "hunter2")]);
            let elsewhere = opentelemetry::trace::SpanContext::new(
                opentelemetry::trace::TraceId::from(7),
                opentelemetry::trace::SpanId::from(8),
                opentelemetry::trace::TraceFlags::SAMPLED,
                true,
                Default::default(),
            );
            cx.span().add_link(elsewhere, vec![opentelemetry::KeyValue::new("why", "batch")]);
            tracer.in_span("inner", |cx| cx.span().set_status(Status::error("declined")));
            info_span!("of tracing").in_scope(|| info!("said"));
        });
        info_span!("tracing outside").in_scope(|| tracer.in_span("opentelemetry inside", |_| {}));
        let spawned = tracer.clone();
        tokio::spawn(async move { spawned.in_span("spawned", |_| {}) }.with_current_context()).await.unwrap();
    })
    .await;
    assert_eq!(
        common::tree(&request),
        "GET\n  outer [noted]\n    inner\n    of tracing [said]\n  spawned\n  tracing outside\n    opentelemetry inside\n"
    );
    let of =
        |name: &str| request["spans"].as_array().unwrap().iter().find(|span| span["name"] == name).unwrap();
    assert_eq!(
        (&of("inner")["status"], &of("inner")["status_message"]),
        (&json!("error"), &json!("declined"))
    );
    assert!(!request.to_string().contains("hunter2"));
    assert_eq!(of("outer")["scope"], "library");
    let link = &of("outer")["links"][0];
    assert_eq!(
        (&link["span_id"], common::attribute(link, "why")),
        (&json!("0000000000000008"), Some(&json!("batch")))
    );
    assert_eq!(collector.spans().len(), 7, "they are exported with the request");
}

#[tokio::test]
async fn off_is_off() {
    let toolbar = common::toolbar_with(|config| config.enabled(false));
    let service = service_fn(async |request: Request<Body>| {
        assert!(otelbar_panel::current().is_none());
        Ok::<_, Infallible>(Response::new(Body::from(request.uri().path().to_owned())))
    });
    let (head, body) = common::call(toolbar.layer().layer(service), common::get("/__otelbar/")).await;
    assert_eq!((&body[..], head.headers.len()), (&b"/__otelbar/"[..], 0));
}
