//! The configuration file of OpenTelemetry, with our section in it.
#![cfg(feature = "file")]

use std::error::Error;
use std::io::Write;

use otelbar_config::{
    Access, Environment, LogLevel, LogsExporter, MetricsExporter, OpenTelemetryConfig, Place, Propagator,
    Protocol, Ratio, Sampler, Signal, Source, TracesExporter, Warning, option,
};

const NOTHING: [(&str, &str); 0] = [];

fn read(text: &str, environment: &dyn Environment) -> (OpenTelemetryConfig, Vec<Warning>) {
    OpenTelemetryConfig::from_yaml(text, "otel.yaml", environment).unwrap()
}

const WHOLE: &str = r#"
file_format: "1.0"
disabled: false
log_level: debug2
attribute_limits:
  attribute_value_length_limit: 4096
  attribute_count_limit: 64
resource:
  attributes_list: "service.namespace=shop,team=a"
  attributes:
    - name: service.name
      value: ${NAME:-checkout}
    - {name: team, value: b, type: string}
    - {name: deployment.environment.name, value: production}
propagator:
  composite:
    - tracecontext:
    - b3:
  composite_list: baggage,b3
tracer_provider:
  processors:
    - batch:
        schedule_delay: ${DELAY}
        export_timeout: 2000
        max_queue_size: 1000
        max_export_batch_size: 100
        exporter:
          otlp_http:
            endpoint: ${OTLP:-http://collector:4318}/v1/traces
            tls: {ca_file: ca.pem, key_file: key.pem, cert_file: cert.pem}
            headers:
              - name: Authorization
                value: "Bearer ${TOKEN}, 100%"
            headers_list: "x-a=1,authorization=other"
            compression: gzip
            timeout: 0
            encoding: json
    - batch:
        exporter:
          console:
  limits:
    attribute_count_limit: 32
    event_count_limit: 16
  sampler:
    parent_based:
      root:
        trace_id_ratio_based:
          ratio: 0.25
      remote_parent_sampled:
        always_on:
meter_provider:
  readers:
    - periodic:
        interval: 5000
        timeout: 3000
        exporter:
          otlp_grpc:
            endpoint: http://metrics:4317
  exemplar_filter: always_off
logger_provider:
  processors: []
  limits:
    attribute_count_limit: 8
otelbar:
  slow_query_threshold: 20
  capture: [sql, log]
  redacted_query_keys: []
"#;

#[test]
fn every_section_that_concerns_us_is_read() {
    let (config, warnings) = read(WHOLE, &[("TOKEN", "t"), ("DELAY", "")]);
    assert_eq!(warnings, []);
    assert!(config.enabled());
    assert_eq!(config.log_level(), LogLevel::Debug);
    let resource: Vec<_> = config.resource().collect();
    let expected = [
        ("service.name", "checkout"),
        ("service.namespace", "shop"),
        ("deployment.environment.name", "production"),
        ("team", "b"),
    ];
    assert_eq!(resource, expected);
    assert_eq!(config.propagators(), [Propagator::TraceContext, Propagator::B3, Propagator::Baggage]);
    assert_eq!(config.sampler(), Sampler::ParentBasedTraceIdRatio(Ratio::new(0.25).unwrap()));

    assert_eq!(config.traces_exporters(), [TracesExporter::Otlp, TracesExporter::Console]);
    let batches = config.span_batches();
    assert_eq!(batches.schedule_delay.as_millis(), 5000);
    assert_eq!((batches.max_queue_size, batches.max_export_batch_size), (1000, 100));
    let traces = config.otlp(Signal::Traces);
    assert_eq!(traces.protocol, Protocol::HttpJson);
    assert_eq!(traces.endpoint.expose(), "http://collector:4318/v1/traces");
    assert_eq!(traces.timeout, None);
    let headers: Vec<_> = traces.headers.iter().collect();
    assert_eq!(headers, [("x-a", "1"), ("authorization", "Bearer t, 100%")]);
    assert_eq!(traces.certificate.unwrap().to_str(), Some("ca.pem"));
    assert_eq!(traces.client_key.unwrap().expose().to_str(), Some("key.pem"));

    assert_eq!(config.metrics_exporters(), [MetricsExporter::Otlp]);
    assert_eq!(config.otlp(Signal::Metrics).protocol, Protocol::Grpc);
    assert_eq!(config.metric_export_interval().as_secs(), 5);
    assert_eq!(config.logs_exporters(), [] as [LogsExporter; 0]);

    assert_eq!(config.span_attribute_value_length_limit().limit(), Some(4096));
    assert_eq!(config.span_attribute_count_limit(), 32);
    assert_eq!(config.link_attribute_count_limit(), 64);
    assert_eq!(config.logrecord_attribute_count_limit(), 8);
    assert_eq!(config.slow_query_threshold().as_millis(), 20);
    assert_eq!(config.capture().len(), 2);
    assert!(config.redacted_query_keys().is_empty());
}

/// The standard sections may be there for an SDK of the application's own; ours is not.
#[test]
fn what_has_no_effect_yet_is_a_warning_in_our_section_alone() {
    let text = "file_format: '1.0'\nlogger_provider:\n  processors:\n  - batch: {schedule_delay: soon}\n\
                otelbar:\n  blrp_schedule_delay: 7\n";
    let (_, warnings) = read(text, &NOTHING);
    let shown: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["otel.yaml:6:24: `blrp_schedule_delay` is not in effect yet; leave it out"]);
}

#[test]
fn a_source_says_where_in_the_file_a_value_is() {
    let (config, _) = read("file_format: '1.0'\notelbar:\n  max_requests: 7\n", &NOTHING);
    let source = config.source(option::MAX_REQUESTS);
    assert!(matches!(source, Source::File(position) if (position.line, position.column) == (3, 17)));
}

#[test]
fn the_environment_is_stronger_and_the_builder_strongest() {
    let text =
        "file_format: '1.0'\notelbar: {max_requests: 7, service_name: file, slow_query_threshold: 7}\n";
    let (config, _) = read(text, &[("OTELBAR_MAX_REQUESTS", "8"), ("OTEL_SERVICE_NAME", "env")]);
    let config = config.to_builder().service_name("built").build().unwrap();
    assert_eq!(config.service_name(), "built");
    assert_eq!(config.max_requests(), 8);
    assert_eq!(config.slow_query_threshold().as_millis(), 7);
}

/// The file has only endpoints of signals; without this the generic variable would have no effect.
#[test]
fn a_generic_variable_is_stronger_than_a_signals_option_in_the_file() {
    let environment = [
        ("TOKEN", "t"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://env:4318"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_TRACES_SAMPLER", "always_on"),
    ];
    let (config, warnings) = read(WHOLE, &environment);
    assert_eq!(warnings, []);
    assert_eq!(config.otlp(Signal::Traces).endpoint.expose(), "http://env:4318/v1/traces");
    assert_eq!(config.otlp(Signal::Traces).protocol, Protocol::HttpProtobuf);
    assert_eq!(config.sampler(), Sampler::AlwaysOn);
}

#[test]
fn samplers_of_the_file() {
    #[track_caller]
    fn check(sampler: &str, expected: Sampler) {
        let text = format!("file_format: '1.0'\ntracer_provider: {{sampler: {sampler}}}");
        let (config, warnings) = read(&text, &NOTHING);
        assert_eq!((config.sampler(), warnings), (expected, vec![]), "{sampler}");
    }
    let half = Ratio::new(0.5).unwrap();
    check("{always_on: }", Sampler::AlwaysOn);
    check("{always_off: {}}", Sampler::AlwaysOff);
    check("{trace_id_ratio_based: {ratio: 0.5}}", Sampler::TraceIdRatio(half));
    check("{trace_id_ratio_based: }", Sampler::TraceIdRatio(Ratio::ONE));
    check("{parent_based: }", Sampler::ParentBasedAlwaysOn);
    check("{parent_based: {root: {always_off: }}}", Sampler::ParentBasedAlwaysOff);
    check(
        "{parent_based: {root: {trace_id_ratio_based: {ratio: 0.5}}}}",
        Sampler::ParentBasedTraceIdRatio(half),
    );
}

#[test]
fn what_is_not_understood_is_a_warning_with_its_place() {
    #[track_caller]
    fn check(rest: &str, place: &str, value: &str, problem: &str) {
        let (_, warnings) = read(&format!("file_format: '1.0'\n{rest}"), &NOTHING);
        let found: Vec<_> =
            warnings.iter().map(|w| (w.place().to_string(), w.value(), w.problem())).collect();
        assert_eq!(found, [(format!("otel.yaml:{place}"), value, problem)], "{rest}");
    }
    const UNKNOWN: &str = "is an unknown key, ignored with all below it";
    check("tracer_providr: {}", "2:1", "tracer_providr", UNKNOWN);
    check("tracer_provider:\n  processors:\n  - queue: {}", "4:5", "queue", UNKNOWN);
    check(
        "tracer_provider: {processors: [{batch: {exporter: {otlp_file/development: }}}]}",
        "2:52",
        "otlp_file/development",
        UNKNOWN,
    );
    check("meter_provider:\n  views: []", "3:3", "views", UNKNOWN);
    check("otelbar:\n  max_request: 5", "3:3", "max_request", UNKNOWN);
    check("otelbar:\n  max_requests: many", "3:17", "many", "is not a whole number");
    check("otelbar:\n  max_requests: {a: b}", "3:17", "***", "is a map, where a single value is expected");
    check("resource: [a]", "2:11", "***", "is a list, where a map is expected");
    check(
        "propagator: {composite: [tracecontext: , pigeon: ]}",
        "2:25",
        "tracecontext,pigeon",
        "has `pigeon`, which is not a known propagator",
    );
    check(
        "resource: {attributes: [{name: a, value: 5, type: int}]}",
        "2:51",
        "int",
        "is ignored: attribute values are strings",
    );
    check(
        "tracer_provider: {sampler: {parent_based: {local_parent_sampled: {always_off: }}}}",
        "2:67",
        "always_off",
        "is not supported for local_parent_sampled",
    );
    check(
        "tracer_provider:\n  processors:\n  - simple: {exporter: {console: }}",
        "4:5",
        "simple",
        "is not supported: spans are exported in batches",
    );
    check(
        "tracer_provider:\n  processors:\n  - batch: {exporter: {otlp_http: }}\n  - batch: {exporter: {otlp_grpc: }}",
        "5:24",
        "otlp_grpc",
        "is a second traces exporter of its kind",
    );
    check(
        "tracer_provider:\n  processors:\n  - batch: {schedule_delay: 5, exporter: {otlp_http: }}\n  - batch: {schedule_delay: 6, exporter: {console: }}",
        "5:29",
        "6",
        "differs from that of an earlier exporter, which shares it",
    );
    check(
        "otelbar: {bsp_max_queue_size: 5, bsp_max_export_batch_size: 6}",
        "2:61",
        "6",
        "is more than bsp_max_queue_size, which is 5",
    );
}

#[test]
fn the_format_is_checked() {
    let problem =
        |text: &str| read(text, &NOTHING).1.first().map(|w| format!("{} {}", w.place(), w.problem()));
    assert_eq!(problem("file_format: 1.0"), None);
    assert_eq!(problem("otelbar: {}"), Some("otel.yaml:1:1 is missing".to_owned()));
    assert_eq!(problem("file_format: '7'"), Some("otel.yaml:1:14 is not a supported file format".to_owned()));
}

#[test]
fn a_file_that_cannot_be_parsed_is_an_error_with_its_place() {
    #[track_caller]
    fn check(bytes: &[u8], place: (usize, usize)) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        let path = file.path().to_str().unwrap();
        let error = OpenTelemetryConfig::from_file(path, &NOTHING).unwrap_err();
        let position = error.position().unwrap();
        assert_eq!((position.line, position.column), place, "{error}");
        assert_eq!(error.path(), path);
        assert!(error.to_string().starts_with(&format!("{path}:{}:{}: ", place.0, place.1)), "{error}");

        // Named in the environment, it is an error for those who ask, and a warning for the others.
        let environment = [("OTEL_CONFIG_FILE", path), ("OTEL_SERVICE_NAME", "shop")];
        assert!(OpenTelemetryConfig::try_from_environment(&environment).is_err());
        let (config, warnings) = OpenTelemetryConfig::from_environment(&environment);
        assert_eq!(config.service_name(), "shop");
        let expected = Place::File { path: path.to_owned(), position: Some(position) };
        assert_eq!(warnings.iter().map(Warning::place).collect::<Vec<_>>(), [&expected]);
    }
    check(b"a: b\n  c: d", (2, 4));
    check(b"a: [", (2, 1));
    check(b"a: ${1}", (1, 4));
    check(b"ok: yes\ncaf\xff: b", (2, 4));
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.yaml");
    let error = OpenTelemetryConfig::from_file(&path, &NOTHING).unwrap_err();
    assert_eq!((error.path(), error.position()), (path.to_str().unwrap(), None));
    assert!(error.to_string().contains("cannot be read"), "{error}");
    assert!(OpenTelemetryConfig::from_file(folder.path(), &NOTHING).is_err());

    std::fs::write(&path, "x".repeat((1 << 20) + 1)).unwrap();
    let error = OpenTelemetryConfig::from_file(&path, &NOTHING).unwrap_err();
    assert!(error.to_string().contains("is longer than 1048576 bytes"), "{error}");
}

#[test]
fn the_file_named_in_the_environment_is_read() -> Result<(), Box<dyn Error>> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(b"file_format: '1.0'\notelbar: {max_requests: 7}\n")?;
    let path = file.path().to_str().unwrap();
    let (config, warnings) = OpenTelemetryConfig::from_environment(&[("OTEL_CONFIG_FILE", path)]);
    assert_eq!((config.max_requests(), warnings), (7, vec![]));
    Ok(())
}

/// Without this a mistake in the file would open the pages to all that look local behind a proxy.
#[test]
fn a_token_of_the_file_that_cannot_be_used_opens_the_pages_to_nobody() {
    #[track_caller]
    fn check(token: &str, environment: &dyn Environment, expected: Access<'_>) {
        let (config, _) =
            read(&format!("file_format: '1.0'\notelbar: {{access_token: {token}}}"), environment);
        assert_eq!(config.access(), expected, "{token}");
    }
    check("short", &NOTHING, Access::Nobody);
    check("{a: b}", &NOTHING, Access::Nobody);
    check("", &NOTHING, Access::Local);
    let token = otelbar_config::Secret::new("0123456789abcdef".to_owned());
    check("0123456789abcdef", &NOTHING, Access::Token(&token));
    check("short", &[("OTELBAR_ACCESS_TOKEN", "0123456789abcdef")], Access::Token(&token));
    check("0123456789abcdef", &[("OTELBAR_ACCESS_TOKEN", "short")], Access::Nobody);

    let (config, _) = OpenTelemetryConfig::from_environment(&[("OTEL_CONFIG_FILE", "/there/is/none.yaml")]);
    assert_eq!(config.access(), Access::Nobody);
}

#[test]
fn the_generic_address_of_a_stronger_source_counts_even_if_it_cannot_be_read() {
    let text = "file_format: '1.0'\notelbar: {otlp_traces_endpoint: 'http://file:4317'}";
    let endpoint = |environment: &dyn Environment| {
        read(text, environment).0.unreadable_endpoint(TracesExporter::Otlp).map(|w| w.place().to_string())
    };
    assert_eq!(endpoint(&NOTHING), None);
    let bad = [("OTEL_EXPORTER_OTLP_ENDPOINT", "collector")];
    assert_eq!(endpoint(&bad), Some("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned()));
}

/// A file of the greatest length takes work in proportion to it, whatever it holds. Quadratic work takes minutes, so
/// that the bound tells one from the other on any machine.
#[test]
fn the_work_for_a_file_is_in_proportion_to_its_length() {
    const BOUND: std::time::Duration = std::time::Duration::from_secs(60);
    #[track_caller]
    fn check(what: &str, text: &str, environment: &dyn Environment) {
        assert!(text.len() > 900_000 && text.len() <= 1 << 20, "{what}: {}", text.len());
        let started = std::time::Instant::now();
        if let Ok((config, warnings)) = OpenTelemetryConfig::from_yaml(text, "otel.yaml", environment) {
            assert!(warnings.len() <= 103, "{what}: {} warnings", warnings.len());
            drop(config.effective());
        }
        let took = started.elapsed();
        eprintln!("{what}: {took:?}");
        assert!(took < BOUND, "{what}: {took:?}");
    }
    let lines = |line: &dyn Fn(usize) -> String| {
        let mut text = String::from("file_format: '1.0'\n");
        for number in 0.. {
            let line = line(number);
            if text.len() + line.len() > 1 << 20 {
                return text;
            }
            text.push_str(&line);
        }
        unreachable!("there is always a next number")
    };
    let under = |head: &str, line: &dyn Fn(usize) -> String| {
        lines(&|number| if number == 0 { head.to_owned() } else { line(number) })
    };
    check("keys", &lines(&|n| format!("k{n}: v\n")), &NOTHING);
    check("keys of our section", &under("otelbar:\n", &|n| format!("  max_requestz{n}: v\n")), &NOTHING);
    check("keys without values", &lines(&|n| format!("k{n}:\n")), &NOTHING);
    let flow = under("a: {", &|n| format!("k{n}: v, "));
    check("keys of a flow map", &format!("{}}}", &flow[..flow.len() - 1]), &NOTHING);
    check(
        "attributes",
        &under("resource:\n  attributes:\n", &|n| format!("  - {{name: k{n}, value: v}}\n")),
        &NOTHING,
    );
    check(
        "headers",
        &under(
            "tracer_provider:\n  processors:\n  - batch:\n      exporter:\n        otlp_http:\n          headers:\n",
            &|n| format!("          - {{name: k{n}, value: v}}\n"),
        ),
        &NOTHING,
    );
    check(
        "a list of headers beside headers",
        &under(
            "tracer_provider: {processors: [batch: {exporter: {otlp_http: {headers: [{name: a, value: b}], headers_list: a=b",
            &|n| format!(",k{n}=v"),
        ),
        &NOTHING,
    );
    check(
        "processors that share options",
        &under("tracer_provider:\n  processors:\n", &|n| {
            format!("  - batch: {{schedule_delay: {n}, max_queue_size: {n}, exporter: {{console: }}}}\n")
        }),
        &NOTHING,
    );
    check(
        "aliases of processors",
        &under(
            "tracer_provider:\n  processors:\n  - &x {batch: {schedule_delay: 5, exporter: {console: }}}\n",
            &|_| "  - *x\n".to_owned(),
        ),
        &NOTHING,
    );
    check("anchors", &lines(&|n| format!("k{n}: &a{n} v\n")), &NOTHING);
    check("propagators", &under("propagator:\n  composite:\n", &|n| format!("  - p{n}:\n")), &NOTHING);
    check("a list of ours", &under("otelbar:\n  capture:\n", &|n| format!("  - c{n}\n")), &NOTHING);
    check(
        "references",
        &under("otelbar:\n  capture:\n", &|_| "  - ${A}\n".to_owned()),
        &[("A", &*"x".repeat(1 << 16))],
    );
    check("references in one text", &under("a: ", &|_| "${A}".to_owned()), &[("A", &*"x".repeat(1 << 16))]);
    check("references not closed", &under("a: ", &|_| "${".to_owned()), &NOTHING);
    check("one long text", &under("otelbar: {service_name: ", &|_| "x".repeat(64)), &NOTHING);
    check("one long quoted text", &under("a: \"", &|_| "\\n".to_owned()), &NOTHING);
    check("one long folded text", &under("a: >\n", &|_| "  x\n\n".to_owned()), &NOTHING);
    check("comments", &lines(&|_| "# x\n".to_owned()), &NOTHING);
    check("empty lines", &lines(&|_| "\n".to_owned()), &NOTHING);
    check("spaces", &lines(&|_| " ".to_owned()), &NOTHING);
    check("nested lists", &under("a: ", &|_| "[".to_owned()), &NOTHING);
    check("nested block lists", &under("a:\n  ", &|_| "- ".to_owned()), &NOTHING);
    check("nested keys", &under("a:\n  ", &|_| "? ".to_owned()), &NOTHING);
    check("documents", &lines(&|_| "---\n".to_owned()), &NOTHING);
    check("tags", &lines(&|n| format!("k{n}: !t{n} v\n")), &NOTHING);
    check("directives", &"%YAML 1.2\n".repeat(100_000), &NOTHING);
    check("merges", &lines(&|n| format!("k{n}: {{<<: *a{n}}}\n")), &NOTHING);
}
