//! What libraries log of their values reaches neither the page nor the backend.

use otelbar_panel::OpenTelemetryPanel;
use serde_json::{Value, json};
use tracing::{debug, debug_span, info, info_span, trace};

mod common;

/// Stands for what nobody is to see.
const SECRET: &str = "s3cr3t-bind";

/// What the page says of a request in which this was done, and what came to the backend with it. Neither has the secret.
async fn record(work: impl FnOnce()) -> (Value, String) {
    use std::convert::Infallible;

    use axum::body::Body;
    use http::{Request, Response};
    use tower::Layer;

    let collector = otelbar_testkit::Collector::start().unwrap();
    let toolbar: OpenTelemetryPanel = common::toolbar(&collector);
    let work = std::sync::Mutex::new(Some(work));
    let service = tower::service_fn(async |_: Request<Body>| {
        if let Some(work) = work.lock().unwrap().take() {
            work();
        }
        Ok::<_, Infallible>(Response::new(Body::empty()))
    });
    common::call(toolbar.layer().layer(service), common::get("/")).await;
    let request = common::the_request(&toolbar).await;
    let list = common::api(&toolbar, "api/requests").await;
    let exported = format!("{:?}", collector.spans());
    assert!(exported.contains("GET"), "something came: {exported}");
    for told in [&request.to_string(), &list.to_string(), &exported] {
        assert!(!told.contains(SECRET), "{told}");
    }
    (request, exported)
}

/// As the `log` crate's records come: through `tracing-log`, which `tracing-subscriber` sets up where asked to.
fn log(target: &str, level: log::Level, message: std::fmt::Arguments<'_>) {
    use tracing_log::LogTracer;
    let record = log::Record::builder().target(target).level(level).args(message).build();
    log::Log::log(&LogTracer::new(), &record);
}

/// The messages are formatted as tokio-postgres 0.7.18 formats them.
#[tokio::test]
async fn queries_of_tokio_postgres_are_queries_without_values() {
    let (request, exported) = record(|| {
        let say = |module: &str, message: std::fmt::Arguments<'_>| {
            log(&format!("tokio_postgres::{module}"), log::Level::Debug, message);
        };
        say(
            "prepare",
            format_args!("preparing query s9001: SELECT * FROM users WHERE email = $1 AND note = '{SECRET}'"),
        );
        say("query", format_args!("executing statement s9001 with parameters: [\"{SECRET}\"]"));
        say("query", format_args!("executing statement s9001 with parameters: [\"{SECRET}\"]"));
        say("prepare", format_args!("preparing query s9002 with types [Text]: UPDATE users SET note = $1"));
        say("query", format_args!("executing statement s9002 with parameters: [\"{SECRET}\"]"));
        say(
            "simple_query",
            format_args!("executing simple query: DELETE FROM notes WHERE text = '{SECRET}'"),
        );
        say("simple_query", format_args!("executing statement batch: INSERT INTO notes VALUES ('{SECRET}')"));
        say("query", format_args!("executing statement forgotten with parameters: [\"{SECRET}\"]"));
    })
    .await;
    assert_eq!(
        common::tree(&request),
        "GET\n  DELETE notes\n  INSERT notes\n  SELECT users\n  SELECT users\n  UPDATE users\n"
    );
    let select =
        request["spans"].as_array().unwrap().iter().find(|span| span["name"] == "SELECT users").unwrap();
    assert_eq!(common::attribute(select, "db.system.name").unwrap(), "postgresql");
    let text = common::attribute(select, "db.query.text").unwrap();
    assert_eq!(text, "SELECT * FROM users WHERE email = $1 AND note = ?");
    assert_eq!(select["synthesised"], json!(false));
    assert_eq!(
        common::attribute(select, "otelbar.synthesised").unwrap(),
        true,
        "it has no duration, and says so"
    );
    assert!(exported.contains("UPDATE users"));
}

/// One row a library: what it says at the level at which it tells values.
#[tokio::test]
async fn logs_with_values_are_not_taken() {
    let (request, _) = record(|| {
        for (target, level) in [
            ("postgres::config", log::Level::Debug),
            ("diesel::connection", log::Level::Debug),
            ("sea_orm::driver::sqlx_postgres", log::Level::Debug),
            ("sqlx_core::config", log::Level::Debug),
            ("sqlx_postgres::options::pgpass", log::Level::Debug),
            ("mongodb::command", log::Level::Debug),
            ("redis::cluster_handling", log::Level::Trace),
            ("fred::protocol::debug", log::Level::Trace),
            ("lapin::channels", log::Level::Trace),
            ("lettre::transport::smtp::client", log::Level::Debug),
            ("hyper::proto::h1", log::Level::Trace),
            ("h2::hpack", log::Level::Trace),
            ("reqwest::connect::verbose", log::Level::Trace),
            ("ureq_proto::client", log::Level::Trace),
            ("rustls::client", log::Level::Trace),
            ("tungstenite::protocol", log::Level::Trace),
            ("aws_sigv4::http_request::sign", log::Level::Trace),
            ("aws_smithy_runtime::client", log::Level::Trace),
        ] {
            log(target, level, format_args!("sent {SECRET}"));
        }
        debug!(target: "sea_orm::driver::rusqlite", "INSERT INTO a VALUES ('{SECRET}')");
        debug!(target: "mongodb::command", command = %json!({ "insert": SECRET }), "Command started");
        debug!(target: "lettre::transport::smtp", "Wrote: AUTH PLAIN {SECRET}");
        trace!(target: "aws_smithy_runtime", response = SECRET, "read HTTP response body");
        trace!(target: "tungstenite", "received frame {SECRET}");
        log("shop", log::Level::Info, format_args!("a record of one's own"));
        log("lettre", log::Level::Info, format_args!("and what a library says aloud"));
        info!(target: "mongodb::connection", "of either kind");
    })
    .await;
    let messages: Vec<&str> = request["spans"][0]["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["name"].as_str().unwrap())
        .collect();
    assert_eq!(messages, ["a record of one's own", "and what a library says aloud", "of either kind"]);
}

#[tokio::test]
async fn spans_of_mysql_async_have_a_statement_and_no_parameters() {
    let (request, _) = record(|| {
        use tracing::field::Empty;
        let span = debug_span!(
            target: "mysql_async::conn::routines::exec", "mysql_async::exec", mysql_async.statement.id = 7,
            mysql_async.query.sql = Empty, mysql_async.query.params = Empty,
        );
        span.record("mysql_async.query.sql", format!("SELECT a FROM b WHERE c = '{SECRET}'"));
        span.record("mysql_async.query.params", format!("'{SECRET}'"));
    })
    .await;
    let span = &request["spans"][1];
    assert_eq!(common::attribute(span, "db.query.text").unwrap(), "SELECT a FROM b WHERE c = ?");
    assert_eq!(common::attribute(span, "db.system.name").unwrap(), "mysql");
    assert_eq!(common::attribute(span, "mysql_async.statement.id").unwrap(), 7);
}

/// As sea-orm 2.0.4 tells of a query with its feature `tracing-spans`: a span with the statement, and within it the event of
/// sqlx; of a statement with values in it the event alone has the text, and why it failed is an attribute of the span.
#[tokio::test]
async fn queries_of_sea_orm_are_recorded_once() {
    use tracing::field::{Empty, display};
    let sqlx = |text: &str| {
        debug!(
            target: "sqlx::query", summary = "SELECT", db.statement = format!("\n\n{text}\n"), rows_affected = 0u64,
            rows_returned = 1u64, elapsed = "1ms", elapsed_secs = 0.001,
        );
    };
    let failure =
        "Execution Error: error returned from database: (code: 1555) UNIQUE constraint failed: user.id";
    let (request, _) = record(|| {
        for (name, statement, error) in [
            ("sea_orm.query_one", Some("SELECT name FROM user WHERE id = ? LIMIT ?"), None),
            ("sea_orm.execute", Some("INSERT INTO user (id) VALUES (?)"), Some(failure)),
            ("sea_orm.execute_unprepared", None, None),
        ] {
            let span = info_span!(
                target: "sea_orm::database::db_connection", "sea_orm", otel.name = name, otel.kind = "client",
                db.system = "sqlite", db.operation = "SELECT", db.statement = Empty, otel.status_code = Empty,
                exception.message = Empty,
            );
            if let Some(statement) = statement {
                span.record("db.statement", statement);
            }
            let secret = format!("UPDATE user SET name = '{SECRET}'");
            span.in_scope(|| sqlx(statement.unwrap_or(&secret)));
            match error {
                None => _ = span.record("otel.status_code", "OK"),
                Some(error) => {
                    span.record("otel.status_code", "ERROR").record("exception.message", display(error));
                }
            }
        }
    })
    .await;
    assert_eq!(
        common::tree(&request),
        "GET\n  INSERT user\n  SELECT user\n  sea_orm.execute_unprepared\n    UPDATE user\n"
    );
    assert_eq!(request["request"]["counts"]["queries"], 3);
    let of =
        |name: &str| request["spans"].as_array().unwrap().iter().find(|span| span["name"] == name).unwrap();
    assert_eq!((&of("SELECT user")["status"], &of("SELECT user")["panel"]), (&json!("ok"), &json!("sql")));
    assert_eq!(of("INSERT user")["status_message"], failure);
    assert_eq!(of("sea_orm.execute_unprepared")["panel"], "span", "the query in it is counted");
}

/// What a library or the application tells in fields, messages and addresses.
#[tokio::test]
async fn secrets_in_values_are_hidden_whatever_the_field_is_called() {
    let (request, _) = record(|| {
        // The span of tower-http's TraceLayer.
        let uri: http::Uri = format!("/?token={SECRET}&password={SECRET}&page=2").parse().unwrap();
        let span = debug_span!("request", method = "GET", uri = %uri, version = "HTTP/1.1", url.full = tracing::field::Empty);
        span.record("url.full", format!("https://ada:{SECRET}@shop/a?sig={SECRET}&page=3"));
        let _entered = span.enter();
        #[derive(Debug)]
        #[allow(dead_code, reason = "it is there to be formatted")]
        struct User {
            name: &'static str,
            password: &'static str,
        }
        let user = User { name: "ada", password: SECRET };
        info!(?user, "logged in with {user:?}");
        info!(url.query = %format_args!("code={SECRET}&page=4"), "cannot reach postgres://ada:{SECRET}@db/shop");
        let error = std::io::Error::other(format!("password={SECRET}"));
        tracing::error!(cause = &error as &dyn std::error::Error, "Authorization: Bearer {SECRET}");
        log("shop", log::Level::Warn, format_args!("{{\"password\": \"{SECRET}\"}}"));
    })
    .await;
    let span = &request["spans"][1];
    let attribute = |key| common::attribute(span, key).unwrap();
    assert_eq!(attribute("uri"), "/?token=REDACTED&password=REDACTED&page=2");
    assert_eq!(attribute("url.full"), "https://REDACTED:REDACTED@shop/a?sig=REDACTED&page=3");
    let events = span["events"].as_array().unwrap();
    let names: Vec<&str> = events.iter().map(|event| event["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "logged in with User { name: \"ada\", password: \"REDACTED\" }",
            "cannot reach postgres://REDACTED:REDACTED@db/shop",
            "Authorization: REDACTED",
            "{\"password\": \"REDACTED\"}",
        ]
    );
}

#[tokio::test]
async fn what_spans_of_the_opentelemetry_api_tell_is_cleaned_as_well() {
    use opentelemetry::KeyValue;
    use opentelemetry::trace::{Status, TraceContextExt, Tracer, TracerProvider};

    let (request, _) = record(|| {
        let toolbar = common::quiet_toolbar();
        let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder()
            .with_span_processor(toolbar.span_processor())
            .build();
        provider.tracer("library").in_span(format!("GET /a?token={SECRET}"), |cx| {
            let span = cx.span();
            span.set_attribute(KeyValue::new("http.target", format!("/a?token={SECRET}")));
            span.add_event(format!("password={SECRET}"), vec![KeyValue::new("user[password]", SECRET)]);
            span.set_status(Status::error(format!("redis://:{SECRET}@cache: refused")));
        });
        let request = otelbar_panel::current().unwrap();
        request.set_attribute(KeyValue::new("from", format!("amqp://u:{SECRET}@queue")));
    })
    .await;
    let span = &request["spans"][1];
    assert_eq!(span["name"], "GET /a?token=REDACTED");
    assert_eq!(span["status_message"], "redis://REDACTED:REDACTED@cache: refused");
    assert_eq!(common::attribute(&request["spans"][0], "from").unwrap(), "amqp://REDACTED:REDACTED@queue");
}

/// A panic, a failed render, and a call that fails each have a text of their own way.
#[tokio::test]
async fn what_errors_and_panics_say_is_cleaned_as_well() {
    let (request, _) = record(|| {
        let _: Result<String, String> =
            otelbar_panel::template("page.html", || Err(format!("no postgres://ada:{SECRET}@db")));
        let panic = std::panic::catch_unwind(|| {
            debug_span!("work").in_scope(|| panic!("password={SECRET}"));
        });
        assert!(panic.is_err());
    })
    .await;
    assert!(request.to_string().contains("password=REDACTED"), "{request}");
    assert!(request.to_string().contains("no postgres://REDACTED:REDACTED@db"), "{request}");
}

#[tokio::test]
async fn the_default_keys_are_those_the_redactor_calls_common() {
    use otelbar_convert::redact::{COMMON_KEYS, COMMON_QUERY_KEYS};
    let config = otelbar_panel::OpenTelemetryConfig::builder().build().unwrap();
    assert_eq!(config.redacted_attribute_keys(), COMMON_KEYS);
    assert_eq!(config.redacted_query_keys(), COMMON_QUERY_KEYS);
}
