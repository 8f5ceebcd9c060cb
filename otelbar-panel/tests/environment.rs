//! A service starts, whatever its environment says, unless an address that it would send spans to cannot be read.

mod common;

use std::collections::BTreeMap;
use std::process::Command;

use otelbar_config::OPTIONS;
use otelbar_panel::OpenTelemetryPanel;
use proptest::prelude::*;

const OTLP: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const ZIPKIN: &str = "OTEL_EXPORTER_ZIPKIN_ENDPOINT";
const EXPORTERS: &str = "OTEL_TRACES_EXPORTER";

/// What turns the toolbar off.
const OFF: [(&str, &str); 2] = [("OTELBAR_ENABLED", "false"), ("OTEL_SDK_DISABLED", "true")];

type Variables<'a> = BTreeMap<&'a str, &'a str>;

fn with<'a>(environment: &Variables<'a>, name: &'a str, value: &'a str) -> Variables<'a> {
    let mut environment = environment.clone();
    environment.insert(name, value);
    environment
}

/// Turned off, or without an exporter, no address is in use.
#[track_caller]
fn check_without_export(environment: &Variables<'_>) {
    for (name, value) in OFF {
        let toolbar = OpenTelemetryPanel::from_environment(&with(environment, name, value));
        assert!(!toolbar.unwrap().is_enabled(), "{name}");
    }
    let toolbar = OpenTelemetryPanel::from_environment(&with(environment, EXPORTERS, "none"));
    assert!(toolbar.unwrap().is_enabled());
}

/// How many destinations a toolbar sends to, and its warnings.
fn started(environment: &Variables<'_>) -> (usize, Vec<String>) {
    let toolbar = OpenTelemetryPanel::from_environment(environment).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let status = runtime.block_on(common::api(&toolbar, "api/requests"));
    let destinations = status["exporter"]["destinations"].as_array().map_or(0, Vec::len);
    let warnings = status["warnings"].as_array().unwrap().iter();
    (destinations, warnings.map(|warning| warning.as_str().unwrap().to_owned()).collect())
}

#[test]
fn an_address_in_use_that_cannot_be_read_is_an_error_and_nothing_else_is() {
    #[track_caller]
    fn fails(environment: &[(&str, &str)], variable: &str) {
        let environment = environment.iter().copied().collect();
        check_without_export(&environment);
        let error = OpenTelemetryPanel::from_environment(&environment).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{variable}: `{}` ", environment[variable])), "{error}");
    }
    #[track_caller]
    fn starts(environment: &[(&str, &str)], destinations: usize, warnings: &[&str]) {
        let environment = environment.iter().copied().collect();
        check_without_export(&environment);
        let (exporting, told) = started(&environment);
        assert_eq!(exporting, destinations, "{told:#?}");
        assert_eq!(told.len(), warnings.len(), "{told:#?}");
        for (told, expected) in told.iter().zip(warnings) {
            assert!(told.contains(expected), "{expected:?} in {told:?}");
        }
    }
    let bad = "http://coll ector:4317";
    fails(&[(OTLP, bad)], OTLP);
    fails(&[(OTLP, "collector")], OTLP);
    fails(&[(OTLP, "ftp://collector")], OTLP);
    fails(&[(OTLP, "http://collector:99999")], OTLP);
    fails(&[(TRACES, bad), (OTLP, "http://collector:4317")], TRACES);
    fails(&[(ZIPKIN, bad), (EXPORTERS, "otlp,zipkin")], ZIPKIN);

    starts(&[], 1, &[]);
    starts(&[(EXPORTERS, "otlp,zipkin")], 2, &[]);
    // Hints.
    starts(&[(OTLP, "http://collector:4318")], 1, &["write port 4317, or choose the protocol http/protobuf"]);
    starts(&[(OTLP, "otel-collector:4317")], 1, &["has no scheme; write http:// or https:// before it"]);
    starts(&[(OTLP, "http://h:4317/v1/traces")], 1, &["has a path, and gRPC uses none"]);
    starts(&[(ZIPKIN, "zipkin:9411"), (EXPORTERS, "zipkin")], 1, &["has no scheme"]);
    // What is not in use.
    starts(&[(ZIPKIN, bad)], 1, &["has white space in it"]);
    starts(&[(OTLP, bad), (TRACES, "http://collector:4317")], 1, &["has white space in it"]);
    starts(&[("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", bad)], 1, &[]);
    starts(&[("OTELBAR_JAEGER_UI", bad)], 1, &["has white space in it"]);
    // What is unknown is passed over.
    starts(&[("OTEL_PROPAGATORS", "tracecontext,baggage,ottrace")], 1, &["has `ottrace`, which is not"]);
    starts(&[("OTEL_PROPAGATORS", "tracecontext,baggage,teleport")], 1, &["has `teleport`, which is not"]);
    starts(&[(EXPORTERS, "otlp,jaeger")], 1, &["has `jaeger`, which is not a known traces exporter"]);
    starts(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "http/xml")], 1, &["is not a known OTLP protocol"]);
    starts(&[("OTEL_EXPORTER_OTLP_HEADERS", "a=1,b")], 1, &["has no `=` in entry 2"]);
    // An exporter that cannot be used is left out, and the others serve.
    let tls = (OTLP, "https://collector:4317");
    let left_out = "this exporter is left out until then";
    let certificate = ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/there/is/none.pem");
    starts(&[tls, certificate, (EXPORTERS, "otlp,zipkin")], 1, &[left_out]);
    starts(&[tls, ("https_proxy", "socks5://proxy:1080")], 0, &[left_out]);
    starts(&[(OTLP, "http://me:secret@collector:4317")], 0, &[left_out]);
}

/// Behind a proxy every caller may look local.
#[tokio::test]
async fn a_token_that_cannot_be_used_opens_the_pages_to_nobody() {
    let status = async |token: &str| {
        let environment = BTreeMap::from([("OTELBAR_ACCESS_TOKEN", token), (EXPORTERS, "none")]);
        let toolbar = OpenTelemetryPanel::from_environment(&environment).unwrap();
        let app = axum::Router::new().layer(toolbar.layer());
        common::call(app, common::get("/__otelbar/api/requests?token=short")).await.0.status
    };
    assert_eq!(status("").await, 200);
    assert!(status("short").await.is_client_error());
}

/// They may be there for an SDK of the application's own.
#[test]
fn a_standard_variable_that_is_right_is_no_warning() {
    #[track_caller]
    fn check(name: &str, value: &str) {
        assert_eq!(started(&BTreeMap::from([(name, value)])), (1, vec![]));
    }
    for signal in ["METRICS", "LOGS"] {
        let variable = |name: &str| format!("OTEL_EXPORTER_OTLP_{signal}_{name}");
        check(&variable("ENDPOINT"), "http://collector:4318/v1/metrics");
        check(&variable("PROTOCOL"), "http/protobuf");
        check(&variable("HEADERS"), "a=b");
        check(&variable("CLIENT_KEY"), "key.pem");
    }
    check("OTEL_METRICS_EXPORTER", "prometheus");
    check("OTEL_METRICS_EXPORTER", "otlp,console");
    check("OTEL_LOGS_EXPORTER", "otlp");
    check("OTEL_METRIC_EXPORT_INTERVAL", "1000");
    check("OTEL_METRICS_EXEMPLAR_FILTER", "always_on");
    check("OTEL_BLRP_SCHEDULE_DELAY", "500");
    check("OTEL_LOG_LEVEL", "debug");
    check("OTEL_SPAN_LINK_COUNT_LIMIT", "5");
    check("OTEL_EXPORTER_PROMETHEUS_PORT", "9464");
}

/// The one test of the process's own environment: it runs itself again, with variables of its own.
#[test]
fn the_variables_are_those_of_the_process() {
    const CHILD: &str = "RUN_AS_CHILD";
    if std::env::var_os(CHILD).is_some() {
        match OpenTelemetryPanel::from_env() {
            Ok(toolbar) => println!("enabled: {}, path: {:?}", toolbar.is_enabled(), toolbar.path()),
            Err(error) => println!("error: {error}"),
        }
        return;
    }
    #[track_caller]
    fn check(environment: &[(&str, &str)], expected: &str) {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_variables_are_those_of_the_process", "--nocapture"])
            .env_clear()
            .env(CHILD, "1")
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        let output = String::from_utf8_lossy(&child.stdout);
        assert!(output.contains(expected), "{output}\n{}", String::from_utf8_lossy(&child.stderr));
    }
    check(&[], "enabled: true, path: Some(\"/__otelbar\")");
    check(&[("OTELBAR_PATH", "/debug"), (OTLP, "http://c:4318")], "enabled: true, path: Some(\"/debug\")");
    check(&[(OTLP, "collector")], "error: OTEL_EXPORTER_OTLP_ENDPOINT: `collector` has no scheme");
    check(&[(OTLP, "collector"), OFF[0]], "enabled: false");
    check(&[(OTLP, "collector"), OFF[1]], "enabled: false");
}

/// Values that are likely to mean something to a variable, and any text.
fn text() -> impl Strategy<Value = String> {
    let known = [
        "true",
        "0",
        "1",
        "65536",
        "64MiB",
        "none",
        "grpc",
        "http/json",
        "gzip",
        "zstd",
        "otlp,zipkin",
        "console",
        "b3,jaeger,ottrace",
        "http://localhost:4318",
        "https://collector",
        "collector:4317",
        "http://me:secret@h",
        "http://h:1/p?q=r",
        "a=b,c=d%2C,e",
        "traceidratio",
        "/no/such.pem",
        "/debug",
        "{ui}/x/{trace_id}",
        "socks5://proxy:1",
        "10.0.0.0/8",
    ];
    prop_oneof![
        6 => proptest::sample::select(known.to_vec()).prop_map(str::to_owned),
        1 => "[a-zA-Z0-9_.=,:/%{}? @-]{0,40}",
        1 => any::<String>(),
    ]
}

fn environment() -> impl Strategy<Value = BTreeMap<String, String>> {
    let options = OPTIONS.iter().flat_map(|option| option.variables.iter().copied());
    // A folder would be made.
    let names = options.filter(|name| *name != "OTELBAR_SPOOL_DIR").chain(["http_proxy", "OTEL_CONFIG_FILE"]);
    let name = prop_oneof![
        20 => proptest::sample::select(names.map(str::to_owned).collect::<Vec<_>>()),
        1 => "OTEL(BAR)?_[A-Z_]{0,20}",
    ];
    proptest::collection::btree_map(name, text(), 0..20)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_environment_keeps_a_service_from_starting_that_has_the_toolbar_off(environment in environment()) {
        for (name, value) in OFF {
            let mut environment = environment.clone();
            environment.remove("OTELBAR_ENABLED");
            environment.insert(name.to_owned(), value.to_owned());
            let toolbar = OpenTelemetryPanel::from_environment(&environment);
            prop_assert!(toolbar.as_ref().is_ok_and(|toolbar| !toolbar.is_enabled()), "{toolbar:?}");
        }
    }

    #[test]
    fn any_environment_starts_a_toolbar_or_names_the_address(environment in environment()) {
        if let Err(error) = OpenTelemetryPanel::from_environment(&environment) {
            let error = error.to_string();
            let named = [OTLP, TRACES, ZIPKIN].iter().any(|name| error.starts_with(&format!("{name}: ")));
            prop_assert!(named, "{error}");
        }
    }
}
