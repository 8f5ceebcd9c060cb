//! Each destination has a delivery record of its own, and the page's links go where the trace has arrived.

mod common;

use std::time::Duration;

use axum::{Router, routing};
use otelbar_config::{Builder, Protocol, Semconv, TracesExporter};
use otelbar_panel::OpenTelemetryPanel;
use otelbar_testkit::{Collector, Fault};
use serde_json::{Value, json};

const HOUR: Duration = Duration::from_secs(3600);

/// A toolbar that sends OTLP to one collector and Zipkin's JSON to another.
fn toolbar(
    otlp: &Collector,
    zipkin: &Collector,
    configure: impl FnOnce(Builder) -> Builder,
) -> OpenTelemetryPanel {
    common::toolbar_with(|config| {
        configure(
            config
                .traces_exporters([TracesExporter::Otlp, TracesExporter::Zipkin])
                .otlp_protocol(Protocol::HttpProtobuf)
                .otlp_endpoint(&*otlp.endpoint())
                .zipkin_endpoint(&*zipkin.zipkin_endpoint())
                .bsp_schedule_delay(Duration::from_millis(10))
                .retry_initial_backoff(Duration::from_millis(10)),
        )
    })
}

async fn request(toolbar: &OpenTelemetryPanel) {
    let app = Router::new().route("/ok", routing::get(async || "fine")).layer(toolbar.layer());
    common::call(app, common::get("/ok")).await;
}

/// The one request, as soon as its delivery to the destination at this place has come to this state.
async fn when(toolbar: &OpenTelemetryPanel, destination: usize, state: &str) -> Value {
    let listed = |list: &Value| list["requests"].as_array().is_some_and(|requests| requests.len() == 1);
    let list = common::eventually(toolbar, "api/requests", listed).await;
    let path = format!("api/requests/{}", list["requests"][0]["id"].as_str().unwrap());
    common::eventually(toolbar, &path, |request| request["deliveries"][destination]["state"] == state).await
}

fn links(request: &Value) -> Value {
    let link = |link: &Value| (link["name"].as_str().unwrap().to_owned(), link["ready"].clone());
    request["links"].as_array().unwrap().iter().map(link).collect::<serde_json::Map<_, _>>().into()
}

#[tokio::test]
async fn a_dead_destination_fails_alone_and_keeps_its_link_back() {
    let (otlp, zipkin) = (Collector::start().unwrap(), Collector::start().unwrap());
    zipkin.stop();
    let toolbar = toolbar(&otlp, &zipkin, |config| {
        config.retry_max_age(Duration::from_millis(100)).breaker_open_duration(Duration::from_millis(20))
    });
    request(&toolbar).await;

    let request = common::the_request(&toolbar).await;
    let [to_otlp, to_zipkin] = [&request["deliveries"][0], &request["deliveries"][1]];
    assert_eq!((&to_otlp["destination"], &to_otlp["state"]), (&json!("otlp"), &json!("accepted")));
    assert_eq!((&to_zipkin["destination"], &to_zipkin["state"]), (&json!("zipkin"), &json!("failed")));
    assert_eq!(to_zipkin["endpoint"], zipkin.zipkin_endpoint());
    assert_eq!((&to_otlp["settled"], &to_zipkin["settled"]), (&json!(true), &json!(true)));
    assert_eq!((&to_otlp["spans"]["accepted"], &to_zipkin["spans"]["dropped"]), (&json!(1), &json!(1)));
    let detail = request["request"]["export"]["detail"].as_str().unwrap();
    assert_eq!(request["request"]["export"]["state"], "failed", "the worst is what the list shows");
    assert!(detail.starts_with("zipkin: given up after"), "{detail}");
    assert_eq!(links(&request), json!({ "Jaeger": true, "Zipkin": false }));

    let exporter = &common::api(&toolbar, "api/requests").await["exporter"];
    assert_eq!(
        (&exporter["health"], &exporter["accepted"], &exporter["dropped"]),
        (&"failing".into(), &1.into(), &1.into())
    );
    assert!(exporter["last_error"].as_str().unwrap().contains(&zipkin.zipkin_endpoint()));
    let [to_otlp, to_zipkin] = [&exporter["destinations"][0], &exporter["destinations"][1]];
    assert_eq!((&to_otlp["health"], &to_otlp["protocol"]), (&json!("healthy"), &json!("http/protobuf")));
    assert_eq!((&to_otlp["accepted"], &to_otlp["last_error"]), (&json!(1), &Value::Null));
    assert_eq!((&to_zipkin["health"], &to_zipkin["protocol"]), (&json!("failing"), &Value::Null));
    assert_eq!((&to_zipkin["dropped"]["expired"], &to_zipkin["dropped"]["total"]), (&json!(1), &json!(1)));
    assert!(to_zipkin["last_error"]["message"].as_str().unwrap().contains("no connection to"));
}

#[tokio::test]
async fn a_destination_that_is_left_alone_says_until_when_and_what_is_given_up_says_why() {
    let (otlp, zipkin) = (Collector::start().unwrap(), Collector::start().unwrap());
    zipkin.stop();
    let toolbar = toolbar(&otlp, &zipkin, |config| {
        config.retry_max_age(2 * HOUR).breaker_failure_threshold(1).breaker_open_duration(HOUR)
    });
    request(&toolbar).await;

    let request = when(&toolbar, 1, "retrying").await;
    let delivery = &request["deliveries"][1];
    assert_eq!((&delivery["attempt"], &delivery["settled"]), (&json!(1), &json!(false)));
    assert!(delivery["detail"].as_str().unwrap().contains("no connection to"), "{delivery}");
    let instant = |value: &Value| value.as_str().unwrap().parse::<u128>().unwrap();
    let started = instant(&request["request"]["start_unix_ns"]);
    assert!(instant(&delivery["next_unix_ns"]) >= started + HOUR.as_nanos(), "{delivery}");

    let list = common::eventually(&toolbar, "api/requests", |_| true).await;
    let breaker = &list["exporter"]["destinations"][1]["breaker"];
    assert_eq!(breaker["state"], "open");
    assert_eq!(breaker["until_unix_ns"], delivery["next_unix_ns"]);
    let pause = json!({ "until_unix_ns": delivery["next_unix_ns"], "reason": "breaker" });
    assert_eq!(list["exporter"]["destinations"][1]["pause"], pause);
    assert_eq!(list["exporter"]["destinations"][0]["pause"], Value::Null);
    assert_eq!(
        list["exporter"]["destinations"][0]["breaker"],
        json!({ "state": "closed", "until_unix_ns": null })
    );

    let ending = toolbar.clone();
    let _ = ending.shutdown_async(Duration::from_millis(100)).await;
    let request = when(&toolbar, 1, "dropped").await;
    let said = request["deliveries"][1]["detail"].as_str().unwrap();
    assert!(said.contains("the pipeline was shut down"), "{said}");
    let list = common::eventually(&toolbar, "api/requests", |_| true).await;
    assert_eq!(list["exporter"]["destinations"][1]["dropped"]["shut_down"], 1);
}

#[tokio::test]
async fn a_destination_that_asks_to_be_left_alone_is_said_to_wait_and_until_when() {
    let (otlp, zipkin) = (Collector::start().unwrap(), Collector::start().unwrap());
    zipkin.respond_always(Fault::status(503).retry_after("1800"));
    let toolbar = toolbar(&otlp, &zipkin, |config| config.retry_max_age(2 * HOUR));
    request(&toolbar).await;

    let request = when(&toolbar, 1, "retrying").await;
    let list = common::eventually(&toolbar, "api/requests", |_| true).await;
    let pause = json!({ "until_unix_ns": request["deliveries"][1]["next_unix_ns"], "reason": "retry_after" });
    let exporter = &list["exporter"];
    assert_eq!((&exporter["health"], &exporter["pause"]), (&json!("waiting"), &pause));
    let to_zipkin = &exporter["destinations"][1];
    assert_eq!((&to_zipkin["health"], &to_zipkin["pause"]), (&json!("waiting"), &pause));
    assert_eq!(to_zipkin["breaker"], json!({ "state": "closed", "until_unix_ns": null }));
    assert!(exporter["last_error"].as_str().unwrap().contains("503"), "{exporter}");
}

#[tokio::test]
async fn spans_in_the_spool_are_said_to_be_there_and_arrive_later() {
    let (otlp, zipkin) = (Collector::start().unwrap(), Collector::start().unwrap());
    let folder = tempfile::tempdir().unwrap();
    zipkin.stop();
    let toolbar = toolbar(&otlp, &zipkin, |config| {
        config
            .spool_dir(Some(folder.path().to_owned()))
            .breaker_failure_threshold(1)
            .breaker_open_duration(Duration::from_millis(20))
    });
    request(&toolbar).await;

    when(&toolbar, 0, "accepted").await;
    let request = when(&toolbar, 1, "spooled").await;
    assert_eq!(request["deliveries"][1]["spans"]["spooled"], 1);
    assert_eq!(links(&request), json!({ "Jaeger": true, "Zipkin": false }));
    let in_spool = |list: &Value| list["exporter"]["destinations"][1]["spooled"] == 1;
    let list = common::eventually(&toolbar, "api/requests", in_spool).await;
    assert!(list["exporter"]["destinations"][1]["spooled_bytes"].as_u64().unwrap() > 0);

    zipkin.restart().unwrap();
    let request = when(&toolbar, 1, "accepted").await;
    assert_eq!(links(&request), json!({ "Jaeger": true, "Zipkin": true }));
    assert_eq!(zipkin.zipkin_spans().len(), 1);
}

#[tokio::test]
async fn without_a_folder_that_serves_it_starts_and_says_that_there_is_no_spool() {
    let (otlp, zipkin) = (Collector::start().unwrap(), Collector::start().unwrap());
    let file = tempfile::NamedTempFile::new().unwrap();
    let toolbar = toolbar(&otlp, &zipkin, |config| config.spool_dir(Some(file.path().to_owned())));
    request(&toolbar).await;
    when(&toolbar, 0, "accepted").await;
    let list = common::eventually(&toolbar, "api/requests", |_| true).await;
    let warnings: Vec<&str> = list["warnings"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(warnings.len(), 2, "one for each destination: {warnings:?}");
    for (warning, endpoint) in warnings.iter().zip([otlp.traces_endpoint(), zipkin.zipkin_endpoint()]) {
        assert!(warning.starts_with(&format!("{endpoint} has no spool: ")), "{warning}");
        assert!(warning.contains(&*file.path().to_string_lossy()), "{warning}");
    }
}

#[tokio::test]
async fn spans_that_are_being_sent_are_in_flight() {
    let (otlp, zipkin) = (Collector::start().unwrap(), Collector::start().unwrap());
    otlp.respond_with([Fault::Hang]);
    let toolbar = toolbar(&otlp, &zipkin, |config| config);
    request(&toolbar).await;
    let request = when(&toolbar, 0, "in_flight").await;
    assert_eq!(
        (&request["deliveries"][0]["attempt"], &request["deliveries"][0]["detail"]),
        (&json!(1), &Value::Null)
    );
    assert_eq!(request["request"]["export"]["state"], "in_flight");
    // It is told of before it is sent, and what does not hang yet cannot be released.
    otlp.wait_for_requests(|requests| !requests.is_empty(), common::PATIENCE).unwrap();
    otlp.release();
    when(&toolbar, 0, "accepted").await;
    let request = when(&toolbar, 1, "accepted").await;
    assert_eq!(request["request"]["export"], json!({ "state": "accepted", "detail": null }));
}

/// Attributes of the request's span and of its query, at the collector, with these choices.
async fn exported(http: Semconv, database: Semconv) -> [Option<String>; 4] {
    let collector = Collector::start().unwrap();
    let toolbar = common::toolbar_with(|config| {
        config
            .otlp_protocol(Protocol::HttpProtobuf)
            .otlp_endpoint(&*collector.endpoint())
            .traces_exporters([TracesExporter::Otlp])
            .http_semconv(http)
            .database_semconv(database)
    });
    let handler = async || {
        tracing::debug!(target: "sqlx::query", summary = "SELECT 1", db.statement = "", elapsed_secs = 0.0);
    };
    let app = Router::new().route("/ok", routing::get(handler)).layer(toolbar.layer());
    common::call(app, common::get("/ok")).await;
    let request = common::the_request(&toolbar).await;
    assert_eq!(common::attribute(&request["spans"][0], "http.request.method"), Some(&json!("GET")));
    assert_eq!(common::attribute(&request["spans"][1], "db.system.name"), Some(&json!("sqlite")));

    let spans = collector.spans();
    let find = |key: &str| spans.iter().find_map(|span| span.attribute(key));
    ["http.request.method", "http.method", "db.system.name", "db.system"].map(find)
}

#[tokio::test]
async fn the_names_that_were_chosen_are_exported_and_the_page_has_the_stable_ones() {
    let (get, sqlite) = (|| Some("GET".to_owned()), || Some("sqlite".to_owned()));
    use Semconv::{Dup, Old, Stable};
    assert_eq!(exported(Stable, Stable).await, [get(), None, sqlite(), None]);
    assert_eq!(exported(Old, Dup).await, [None, get(), sqlite(), sqlite()]);
    assert_eq!(exported(Dup, Old).await, [get(), get(), None, sqlite()]);
}
