//! Walks the whole table of variables.

use std::collections::BTreeMap;

use otelbar_config::{
    Access, EffectiveOption, OPTIONS, OpenTelemetryConfig, OptionInfo, Source, TracesExporter, Warning,
};

fn read(environment: &[(&str, &str)]) -> (OpenTelemetryConfig, Vec<Warning>) {
    let environment: BTreeMap<&str, &str> = environment.iter().copied().collect();
    OpenTelemetryConfig::from_environment(&environment)
}

fn info(option: &str) -> &'static OptionInfo {
    OPTIONS.iter().find(|known| known.name == option).unwrap()
}

fn effective(config: &OpenTelemetryConfig, option: &str) -> EffectiveOption {
    let effective = config.effective();
    effective.options().iter().find(|known| known.info.name == option).unwrap().clone()
}

fn value(config: &OpenTelemetryConfig, option: &str) -> String {
    effective(config, option).value
}

/// A row of the table: what a variable does to its option.
struct Row {
    variable: &'static str,
    option: &'static str,
    /// A text, and the value it gives.
    good: (&'static str, &'static str),
    /// A text that is refused; `None` if every text is taken.
    wrong: Option<&'static str>,
    /// Variables that make the value of this one count.
    beside: &'static [(&'static str, &'static str)],
}

const fn row(
    variable: &'static str,
    option: &'static str,
    good: (&'static str, &'static str),
    wrong: &'static str,
) -> Row {
    Row { variable, option, good, wrong: Some(wrong), beside: &[] }
}

const fn any_text(variable: &'static str, option: &'static str) -> Row {
    Row { variable, option, good: ("Text", "Text"), wrong: None, beside: &[] }
}

impl Row {
    const fn beside(mut self, beside: &'static [(&'static str, &'static str)]) -> Row {
        self.beside = beside;
        self
    }

    fn environment(&self, text: &'static str) -> Vec<(&'static str, &'static str)> {
        let mut environment = self.beside.to_vec();
        environment.push((self.variable, text));
        environment
    }
}

/// Nine options of OTLP for one prefix of variables and of options.
macro_rules! otlp {
    ($variable:literal, $option:literal, $path:literal) => {
        [
            row(
                concat!("OTEL_EXPORTER_OTLP_", $variable, "ENDPOINT"),
                concat!("otlp_", $option, "endpoint"),
                ("http://collector:4318/x", "http://collector:4318/x"),
                "http://coll ector",
            )
            .beside(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")]),
            row(
                concat!("OTEL_EXPORTER_OTLP_", $variable, "PROTOCOL"),
                concat!("otlp_", $option, "protocol"),
                ("http/json", "http/json"),
                "smoke",
            ),
            row(
                concat!("OTEL_EXPORTER_OTLP_", $variable, "INSECURE"),
                concat!("otlp_", $option, "insecure"),
                ("true", "true"),
                "yes",
            ),
            row(
                concat!("OTEL_EXPORTER_OTLP_", $variable, "HEADERS"),
                concat!("otlp_", $option, "headers"),
                ("a=1,b=2", "a=***,b=***"),
                "a",
            ),
            row(
                concat!("OTEL_EXPORTER_OTLP_", $variable, "TIMEOUT"),
                concat!("otlp_", $option, "timeout"),
                ("1500", "1500"),
                "-1",
            ),
            row(
                concat!("OTEL_EXPORTER_OTLP_", $variable, "COMPRESSION"),
                concat!("otlp_", $option, "compression"),
                ("gzip", "gzip"),
                "rar",
            ),
            row(
                concat!("OTEL_EXPORTER_OTLP_", $variable, "CERTIFICATE"),
                concat!("otlp_", $option, "certificate"),
                ("ca.pem", "ca.pem"),
                "c\u{1}a.pem",
            ),
            row(
                concat!("OTEL_EXPORTER_OTLP_", $variable, "CLIENT_CERTIFICATE"),
                concat!("otlp_", $option, "client_certificate"),
                ("c.pem", "c.pem"),
                "c\u{1}.pem",
            )
            .beside(&[
                ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "k.pem"),
                ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "g.pem"),
            ]),
            row(
                concat!("OTEL_EXPORTER_OTLP_", $variable, "CLIENT_KEY"),
                concat!("otlp_", $option, "client_key"),
                ("k.pem", "***"),
                "k\u{1}.pem",
            )
            .beside(&[
                ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "c.pem"),
                ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "g.pem"),
            ]),
        ]
    };
}

fn table() -> Vec<Row> {
    let number = |variable, option| row(variable, option, ("77", "77"), "many");
    let millis = |variable, option| row(variable, option, ("1500", "1500"), "-5");
    let address =
        |variable, option| row(variable, option, ("http://host:1/p", "http://host:1/p"), "http://a b");
    let mut rows = vec![
        row("OTELBAR_ENABLED", "enabled", ("false", "false"), "maybe"),
        row("OTEL_SDK_DISABLED", "enabled", ("true", "false"), "maybe"),
        row("OTEL_LOG_LEVEL", "log_level", ("debug", "debug"), "loud"),
        any_text("OTEL_SERVICE_NAME", "service_name"),
        any_text("OTELBAR_SERVICE_VERSION", "service_version"),
        any_text("OTELBAR_SERVICE_NAMESPACE", "service_namespace"),
        any_text("OTELBAR_SERVICE_INSTANCE_ID", "service_instance_id"),
        any_text("OTELBAR_DEPLOYMENT_ENVIRONMENT", "deployment_environment"),
        row("OTEL_RESOURCE_ATTRIBUTES", "resource_attributes", ("a=b%20c", "a=b%20c"), "a=%2"),
        row("OTEL_PROPAGATORS", "propagators", ("b3,xray", "b3,xray"), "pigeon"),
        row("OTEL_TRACES_SAMPLER", "traces_sampler", ("always_off", "always_off"), "jaeger_remote"),
        row("OTEL_TRACES_SAMPLER_ARG", "traces_sampler_arg", ("0.25", "0.25"), "2")
            .beside(&[("OTEL_TRACES_SAMPLER", "traceidratio")]),
        row("OTEL_TRACES_EXPORTER", "traces_exporters", ("zipkin,console", "zipkin,console"), "pigeon"),
        row("OTEL_METRICS_EXPORTER", "metrics_exporters", ("console", "console"), "zipkin"),
        row("OTEL_LOGS_EXPORTER", "logs_exporters", ("none", "none"), "zipkin"),
        address("OTEL_EXPORTER_ZIPKIN_ENDPOINT", "zipkin_endpoint"),
        millis("OTEL_EXPORTER_ZIPKIN_TIMEOUT", "zipkin_timeout"),
        millis("OTEL_BSP_SCHEDULE_DELAY", "bsp_schedule_delay"),
        millis("OTEL_BSP_EXPORT_TIMEOUT", "bsp_export_timeout"),
        number("OTEL_BSP_MAX_QUEUE_SIZE", "bsp_max_queue_size"),
        row("OTELBAR_BSP_MAX_QUEUE_BYTES", "bsp_max_queue_bytes", ("1MiB", "1MiB"), "1MB"),
        row("OTELBAR_BSP_OVERFLOW", "bsp_overflow", ("oldest", "oldest"), "all"),
        row("OTELBAR_CONSOLE_FORMAT", "console_format", ("json", "json"), "xml"),
        row("OTELBAR_SPOOL_DIR", "spool_dir", ("spool", "spool"), "sp\u{1}ool"),
        row("OTELBAR_SPOOL_MAX_BYTES", "spool_max_bytes", ("1MiB", "1MiB"), "1MB"),
        number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "bsp_max_export_batch_size"),
        millis("OTEL_BLRP_SCHEDULE_DELAY", "blrp_schedule_delay"),
        millis("OTEL_BLRP_EXPORT_TIMEOUT", "blrp_export_timeout"),
        number("OTEL_BLRP_MAX_QUEUE_SIZE", "blrp_max_queue_size"),
        number("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "blrp_max_export_batch_size"),
        row("OTEL_METRICS_EXEMPLAR_FILTER", "metrics_exemplar_filter", ("always_on", "always_on"), "some"),
        millis("OTEL_METRIC_EXPORT_INTERVAL", "metric_export_interval"),
        millis("OTEL_METRIC_EXPORT_TIMEOUT", "metric_export_timeout"),
        millis("OTELBAR_RETRY_MAX_AGE", "retry_max_age"),
        millis("OTELBAR_RETRY_INITIAL_BACKOFF", "retry_initial_backoff"),
        millis("OTELBAR_RETRY_MAX_BACKOFF", "retry_max_backoff"),
        number("OTELBAR_BREAKER_FAILURE_THRESHOLD", "breaker_failure_threshold"),
        millis("OTELBAR_BREAKER_OPEN_DURATION", "breaker_open_duration"),
        millis("OTELBAR_SPOOL_WRITE_DELAY", "spool_write_delay"),
        number("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "attribute_value_length_limit"),
        number("OTEL_ATTRIBUTE_COUNT_LIMIT", "attribute_count_limit"),
        number("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "span_attribute_value_length_limit"),
        number("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "span_attribute_count_limit"),
        number("OTEL_SPAN_EVENT_COUNT_LIMIT", "span_event_count_limit"),
        number("OTEL_SPAN_LINK_COUNT_LIMIT", "span_link_count_limit"),
        number("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "event_attribute_count_limit"),
        number("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "link_attribute_count_limit"),
        number("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "logrecord_attribute_value_length_limit"),
        number("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "logrecord_attribute_count_limit"),
        row("OTELBAR_HTTP_SEMCONV", "http_semconv", ("old", "old"), "new"),
        row("OTELBAR_DATABASE_SEMCONV", "database_semconv", ("dup", "dup"), "new"),
        row("OTEL_SEMCONV_STABILITY_OPT_IN", "http_semconv", ("http/dup", "dup"), "htpp"),
        row("OTEL_SEMCONV_STABILITY_OPT_IN", "database_semconv", ("database/dup", "dup"), "databse"),
        row(
            "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS",
            "http_known_methods",
            ("GET,QUERY", "GET,QUERY"),
            "GET POST",
        ),
        row("OTELBAR_OPT_IN_ATTRIBUTES", "opt_in_attributes", ("true", "true"), "yes"),
        any_text("OTELBAR_SQL_SYSTEM", "sql_system"),
        address("OTELBAR_JAEGER_UI", "jaeger_ui"),
        row("OTELBAR_JAEGER_LINK", "jaeger_link", ("{ui}/t/{trace_id}", "{ui}/t/{trace_id}"), "{ui}"),
        address("OTELBAR_ZIPKIN_UI", "zipkin_ui"),
        row("OTELBAR_ZIPKIN_LINK", "zipkin_link", ("{ui}/t/{trace_id}", "{ui}/t/{trace_id}"), "{ui}"),
        row("OTELBAR_PATH", "toolbar_path", ("/debug", "/debug"), "debug"),
        number("OTELBAR_MAX_REQUESTS", "max_requests"),
        row("OTELBAR_MAX_BYTES", "max_bytes", ("1048576", "1MiB"), "3"),
        number("OTELBAR_MAX_SPANS_PER_REQUEST", "max_spans_per_request"),
        number("OTELBAR_MAX_LOGS_PER_REQUEST", "max_logs_per_request"),
        millis("OTELBAR_SLOW_QUERY_THRESHOLD", "slow_query_threshold"),
        millis("OTELBAR_SLOW_SPAN_THRESHOLD", "slow_span_threshold"),
        row("OTELBAR_N_PLUS_ONE_THRESHOLD", "n_plus_one_threshold", ("9", "9"), "1"),
        row("OTELBAR_REDACTED_QUERY_KEYS", "redacted_query_keys", ("a,b", "a,b"), "a b"),
        row("OTELBAR_REDACTED_ATTRIBUTE_KEYS", "redacted_attribute_keys", ("none", "none"), "a b"),
        row("OTELBAR_ACCESS_TOKEN", "access_token", ("0123456789abcdef", "***"), "0123456789abcde"),
        row("OTELBAR_ALLOWED_HOSTS", "allowed_hosts", ("dev.local", "dev.local"), "a b"),
        row("OTELBAR_TRUSTED_PROXIES", "trusted_proxies", ("10.0.0.0/8,::1", "10.0.0.0/8,::1"), "proxy"),
        row("OTELBAR_INJECT_BAR", "inject_bar", ("false", "false"), "maybe"),
        row("OTELBAR_CAPTURE", "capture", ("sql,log", "sql,log"), "everything"),
        row("OTELBAR_CAPTURE_LEVEL", "capture_level", ("info,_=debug", "info,_=debug"), "loud"),
    ];
    rows.extend(otlp!("", "", ""));
    rows.extend(otlp!("TRACES_", "traces_", "v1/traces"));
    rows.extend(otlp!("METRICS_", "metrics_", "v1/metrics"));
    rows.extend(otlp!("LOGS_", "logs_", "v1/logs"));
    rows
}

/// Without this the walks below would pass over an option added later.
#[test]
fn the_table_has_every_variable_of_every_option() {
    let mut walked: Vec<_> = table().iter().map(|row| (row.option, row.variable)).collect();
    let mut declared: Vec<_> =
        OPTIONS.iter().flat_map(|option| option.variables.iter().map(|v| (option.name, *v))).collect();
    walked.sort_unstable();
    declared.sort_unstable();
    assert_eq!(walked, declared);
}

#[test]
fn a_variable_that_is_set_sets_its_option() {
    for row in table() {
        let (config, warnings) = read(&row.environment(row.good.0));
        assert_eq!(warnings, [], "{}", row.variable);
        let option = effective(&config, row.option);
        assert_eq!(option.value, row.good.1, "{}", row.variable);
        assert_eq!(option.source, Source::Environment { variable: row.variable });
    }
}

/// The variables may be there for an SDK of the application's own, right or wrong.
#[test]
fn a_variable_without_effect_is_no_warning() {
    for row in table().iter().filter(|row| info(row.option).not_yet) {
        for text in [row.good.0, row.wrong.unwrap()] {
            let (_, mut warnings) = read(&row.environment(text));
            warnings.retain(|warning| warning.variable() == Some(row.variable));
            assert_eq!(warnings, [], "{}", row.variable);
        }
    }
    let silent = |name, text| assert_eq!(read(&[(name, text)]).1, [], "{name}");
    silent("OTEL_METRICS_EXPORTER", "prometheus");
    silent("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://collector:4318/v1/metrics");
    silent("OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY", "key.pem");
    silent("OTEL_SEMCONV_STABILITY_OPT_IN", "gen_ai_latest_experimental,faas");
    silent("OTELBAR_CAPTURE", "sql,headers");
}

/// A setter without effect would be a trap.
#[test]
fn a_builder_takes_nothing_without_effect() {
    #[track_caller]
    fn check(option: &str, text: &str, message: &str) {
        let error = OpenTelemetryConfig::builder().set(option, text).build().unwrap_err();
        assert_eq!(error.invalid_options().iter().map(ToString::to_string).collect::<Vec<_>>(), [message]);
    }
    for option in OPTIONS.iter().filter(|option| option.not_yet) {
        let message = format!("{}: `***` is not in effect yet; leave it out", option.name);
        check(option.name, "hush", &message);
    }
    check(
        "capture",
        "sql,headers,cache",
        "capture: `sql,headers,cache` has `headers`, which is not in effect yet, and `cache`, which is not in effect \
         yet; leave it out",
    );
    check("capture", "profile", "capture: `profile` is not in effect yet; leave it out");
}

#[test]
fn an_empty_variable_is_unset() {
    for row in table() {
        for empty in ["", "  "] {
            assert_eq!(read(&[(row.variable, empty)]), read(&[]), "{}", row.variable);
        }
    }
}

#[test]
fn a_wrong_value_is_a_warning_and_the_default() {
    let too_long = "x".repeat(1 << 20);
    for row in table().iter().filter(|row| !info(row.option).not_yet) {
        for text in row.wrong.into_iter().chain([too_long.as_str()]) {
            let beside: Vec<_> =
                row.beside.iter().copied().filter(|(name, _)| *name != row.variable).collect();
            let environment: Vec<_> = beside.iter().copied().chain([(row.variable, text)]).collect();
            let (config, warnings) = read(&environment);
            let about: Vec<_> = warnings.iter().filter(|w| w.variable() == Some(row.variable)).collect();
            assert!(!about.is_empty(), "{}: no warning", row.variable);
            let warning = about[0];
            let option = warning.option().unwrap().name;
            let used = value(&config, option);
            if text == "maybe" && row.variable != "OTEL_SDK_DISABLED" {
                assert_eq!(used, "false", "what is neither true nor false is false: {}", row.variable);
            } else {
                assert_eq!(config, read(&beside).0, "{}", row.variable);
            }
            assert!(!warning.problem().is_empty() && !warning.remedy().is_empty());
            assert!(warning.value().len() < 200, "{} shows it all", row.variable);
            assert_eq!(warning.consequence(), info(option).unreadable, "{warning}");
            assert!(
                warning.consequence().is_some()
                    || warning.used().is_some_and(|shown| used.starts_with(shown.split('…').next().unwrap())),
                "{warning}"
            );
            let given = format!("`{}`", warning.value());
            let once = warning.to_string().matches(&given).count() == 1 || warning.value() == "***";
            assert!(once, "says its value more than once: {warning}");
        }
    }
}

#[test]
fn a_warning_says_its_value_once_and_what_counts() {
    #[track_caller]
    fn check(variable: &str, text: &str, expected: &str) {
        let (_, warnings) = read(&[(variable, text)]);
        let shown: Vec<_> = warnings.iter().map(ToString::to_string).collect();
        assert_eq!(shown, [format!("{variable}: {expected}")]);
    }
    check(
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "http/xml",
        "`http/xml` is not a known OTLP protocol; write one of grpc, http/protobuf, http/json; used `grpc`",
    );
    const PROPAGATORS: &str = "write one of tracecontext, baggage, b3, b3multi, jaeger, xray";
    check(
        "OTEL_PROPAGATORS",
        "pigeon",
        &format!("`pigeon` is not a known propagator; {PROPAGATORS}; used `tracecontext,baggage`"),
    );
    check(
        "OTEL_PROPAGATORS",
        "tracecontext,baggage,ottrace",
        &format!(
            "`tracecontext,baggage,ottrace` has `ottrace`, which is not a known propagator; {PROPAGATORS}; \
             used `tracecontext,baggage`"
        ),
    );
    check(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "http://collector:4318",
        "`http://collector:4318` has the port of OTLP over HTTP, and the protocol is grpc; write port 4317, or choose the \
         protocol http/protobuf",
    );
    check(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "otel-collector:4317",
        "`otel-collector:4317` has no scheme; write http:// or https:// before it; used `https://otel-collector:4317`",
    );
    check(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "collector",
        "`collector` has no scheme; write an address such as http://localhost:4318; until then nothing is sent by OTLP",
    );
    check(
        "OTEL_EXPORTER_OTLP_HEADERS",
        "a=1,hush",
        "`***` has no `=` in entry 2; write key=value,key=value; used `a=***`",
    );
    check(
        "OTEL_RESOURCE_ATTRIBUTES",
        "a=1,b",
        "`a=1,b` has no `=` in entry 2; write key=value,key=value; left unset",
    );
    check(
        "OTELBAR_CAPTURE_LEVEL",
        "info,loud",
        "`info,loud` has `loud`, which is neither a level nor target=level; write for example info,my_crate=debug, with \
         off, error, warn, info, debug or trace; used `info`",
    );
    check(
        "OTELBAR_CAPTURE",
        "none,sql",
        "`none,sql` has `none`, which cannot be combined with other names; write only none, or leave it out; used `sql`",
    );
    check(
        "OTELBAR_TRUSTED_PROXIES",
        "10.0.0.1/8",
        "`10.0.0.1/8` has host bits set; write the first address of the network, such as \
         10.0.0.0/8, or leave the prefix length out; used `none`",
    );
    check(
        "OTELBAR_ACCESS_TOKEN",
        "hush",
        "`***` is shorter than 16 characters; give at least 16 random characters, such as those of `openssl rand -hex 16`; \
         until then nobody has access to the page",
    );
    check("OTELBAR_ENABLED", "maybe", "`maybe` is not a boolean; write true or false; used `false`");
}

/// One entry that cannot be used drops only itself, in each option that is a list.
#[test]
fn what_can_be_used_of_a_list_is_used() {
    #[track_caller]
    fn check(variable: &str, text: &str, option: &str, used: &str) {
        let (config, warnings) = read(&[(variable, text)]);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert_eq!(value(&config, option), used);
    }
    check("OTEL_PROPAGATORS", "tracecontext,teleport,b3", "propagators", "tracecontext,b3");
    check("OTEL_TRACES_EXPORTER", "zipkin,jaeger", "traces_exporters", "zipkin");
    check("OTELBAR_CAPTURE", "sql,heders,log", "capture", "sql,log");
    check("OTELBAR_CAPTURE_LEVEL", "warn,a=loud,b=debug", "capture_level", "warn,b=debug");
    check("OTELBAR_ALLOWED_HOSTS", "a b,dev.local", "allowed_hosts", "dev.local");
    check("OTELBAR_REDACTED_QUERY_KEYS", "a b,c", "redacted_query_keys", "c");
    check("OTELBAR_REDACTED_ATTRIBUTE_KEYS", "a b,c", "redacted_attribute_keys", "c");
    check("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "GET POST,PUT", "http_known_methods", "PUT");
    check("OTELBAR_TRUSTED_PROXIES", "proxy,::1", "trusted_proxies", "::1");
    check("OTELBAR_OPT_IN_ATTRIBUTES", "a.b,yes", "opt_in_attributes", "a.b");
    check("OTEL_SEMCONV_STABILITY_OPT_IN", "htpp,http/dup", "http_semconv", "dup");
    check("OTEL_EXPORTER_OTLP_HEADERS", "a=1,b,c=3", "otlp_headers", "a=***,c=***");
    // But for this one, as the specification of resources has it.
    check("OTEL_RESOURCE_ATTRIBUTES", "a=1,b,c=3", "resource_attributes", "");
}

/// Of two ways to read a switch the one that shows less counts.
#[test]
fn a_switch_of_our_own_takes_other_words_and_is_off_otherwise() {
    let check = |variable, option, text, expected: &str| {
        assert_eq!(value(&read(&[(variable, text)]).0, option), expected, "{variable}={text}");
    };
    for (text, expected) in [("1", "true"), ("Yes", "true"), ("on", "true"), ("0", "false"), ("NO", "false")]
    {
        check("OTELBAR_ENABLED", "enabled", text, expected);
        check("OTELBAR_INJECT_BAR", "inject_bar", text, expected);
    }
    check("OTELBAR_ENABLED", "enabled", "disabled", "false");
    // Here the specification has the one word.
    check("OTEL_SDK_DISABLED", "enabled", "1", "true");
}

/// Names of the specification and units are read in upper and lower case. A name of the user's own keeps its case.
#[test]
fn an_upper_case_value_is_the_same_value() {
    for row in table() {
        let kept = [
            "endpoint",
            "ui",
            "link",
            "path",
            "hosts",
            "certificate",
            "attributes",
            "query_keys",
            "system",
            "dir",
        ];
        let is_name =
            kept.iter().any(|end| row.option.ends_with(end)) || row.good.0 == row.good.0.to_uppercase();
        if row.wrong.is_none() || is_name {
            continue;
        }
        let upper = row.good.0.to_uppercase();
        let environment: Vec<_> =
            row.beside.iter().copied().chain([(row.variable, upper.as_str())]).collect();
        let (config, warnings) = read(&environment);
        assert_eq!(warnings, [], "{}", row.variable);
        assert_eq!(value(&config, row.option), row.good.1, "{}", row.variable);
    }
}

#[test]
fn an_option_for_one_signal_leaves_the_others_alone() {
    let rows: Vec<_> = table().into_iter().filter(|row| row.option.starts_with("otlp_")).collect();
    let signals = ["traces", "metrics", "logs"];
    for row in &rows {
        let Some(own) = signals.iter().find(|signal| row.option.starts_with(&format!("otlp_{signal}_")))
        else {
            continue;
        };
        let beside: Vec<_> = row.beside.to_vec();
        let before = read(&beside).0;
        let after = read(&row.environment(row.good.0)).0;
        for other in signals.iter().filter(|signal| *signal != own) {
            let option = row.option.replace(own, other);
            assert_eq!(value(&before, &option), value(&after, &option), "{} and {option}", row.variable);
        }
    }
}

#[test]
fn a_generic_option_is_for_every_signal_without_its_own() {
    for row in table() {
        let Some(name) = row.option.strip_prefix("otlp_") else { continue };
        if ["traces_", "metrics_", "logs_"].iter().any(|signal| name.starts_with(signal)) {
            continue;
        }
        let (config, _) = read(&row.environment(row.good.0));
        for signal in ["traces", "metrics", "logs"] {
            let shown = value(&config, &format!("otlp_{signal}_{name}"));
            let expected = if name == "endpoint" {
                format!("{}/v1/{signal}", row.good.1)
            } else {
                row.good.1.to_owned()
            };
            assert_eq!(shown, expected, "{} for {signal}", row.variable);
            let source = effective(&config, &format!("otlp_{signal}_{name}")).source;
            assert_eq!(source, Source::Environment { variable: row.variable });
        }
    }
}

#[test]
fn combinations_are_mended_with_a_warning() {
    #[track_caller]
    fn check(environment: &[(&str, &str)], option: &str, problem: &str, used: &str) {
        let (config, warnings) = read(environment);
        let found: Vec<_> = warnings.iter().map(|w| (w.option().unwrap().name, w.problem())).collect();
        assert_eq!(found, [(option, problem)]);
        assert_eq!(value(&config, option), used);
    }
    const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    const GRPC: (&str, &str) = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    check(
        &[GRPC, (ENDPOINT, "http://c:4317/v1/traces")],
        "otlp_endpoint",
        "has a path, and gRPC uses none",
        "http://c:4317/v1/traces",
    );
    check(
        &[GRPC, (ENDPOINT, "http://c:4318")],
        "otlp_endpoint",
        "has the port of OTLP over HTTP, and the protocol is grpc",
        "http://c:4318",
    );
    check(
        &[("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"), (ENDPOINT, "http://c:4317")],
        "otlp_endpoint",
        "has the port of OTLP over gRPC, and the protocol is http/json",
        "http://c:4317",
    );
    check(&[GRPC, (ENDPOINT, "c:4317")], "otlp_endpoint", "has no scheme", "https://c:4317");
    let http = ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
    check(&[http, (ENDPOINT, "c:4318")], "otlp_endpoint", "has no scheme", "http://c:4318");
    check(&[("OTELBAR_JAEGER_UI", "j:16686")], "jaeger_ui", "has no scheme", "http://j:16686");
    check(
        &[("OTEL_BSP_MAX_QUEUE_SIZE", "100"), ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "101")],
        "bsp_max_export_batch_size",
        "is more than bsp_max_queue_size, which is 100",
        "100",
    );
    check(
        &[("OTELBAR_RETRY_INITIAL_BACKOFF", "31s")],
        "retry_initial_backoff",
        "is more than retry_max_backoff, which is 10000",
        "10000",
    );
    check(
        &[("OTEL_TRACES_SAMPLER_ARG", "0.5")],
        "traces_sampler_arg",
        "is the argument of a sampler that is not set",
        "",
    );
    check(
        &[("OTEL_TRACES_SAMPLER_ARG", "0.5"), ("OTEL_TRACES_SAMPLER", "always_on")],
        "traces_sampler_arg",
        "is not used by the sampler always_on, which has no argument",
        "",
    );
    check(
        &[("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "c.pem")],
        "otlp_client_certificate",
        "has no private key",
        "c.pem",
    );
}

#[test]
fn a_scheme_may_be_left_out_where_insecure_says_what_is_meant() {
    let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    for (insecure, expected) in [("true", "http://c:4317"), ("false", "https://c:4317")] {
        let environment =
            [grpc, ("OTEL_EXPORTER_OTLP_ENDPOINT", "c:4317"), ("OTEL_EXPORTER_OTLP_INSECURE", insecure)];
        let (config, warnings) = read(&environment);
        assert_eq!(warnings, []);
        assert_eq!(config.otlp_endpoint().to_string(), expected);
    }
}

#[test]
fn misspelt_variables_are_pointed_out() {
    #[track_caller]
    fn check(variable: &str, remedy: Option<&str>) {
        let (_, warnings) = read(&[(variable, "hush")]);
        let found: Vec<_> = warnings.iter().map(|w| (w.variable().unwrap(), w.remedy())).collect();
        assert_eq!(found, remedy.map(|remedy| (variable, remedy)).into_iter().collect::<Vec<_>>());
        assert!(!format!("{warnings:?}").contains("hush"));
    }
    check("OTEL_SERVICE_NMAE", Some("did you mean OTEL_SERVICE_NAME?"));
    check("OTELBAR_COLOUR", Some("look its name up in the table of options"));
    check("OTEL_EXPORTER_PROMETHEUS_PORT", None);
    check("SERVICE_NAME", None);
}

#[test]
fn our_own_switch_is_stronger_than_that_of_the_sdk() {
    let (config, _) = read(&[("OTEL_SDK_DISABLED", "true"), ("OTELBAR_ENABLED", "true")]);
    assert!(config.enabled());
}

#[cfg(unix)]
mod not_utf8 {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    use std::path::{Path, PathBuf};

    use otelbar_config::{OpenTelemetryConfig, Secret};

    /// A file's name that is no text.
    fn name() -> OsString {
        OsString::from_vec(vec![b'a', 0xff])
    }

    struct Broken(&'static str);

    impl otelbar_config::Environment for Broken {
        fn var(&self, variable: &str) -> Option<OsString> {
            (variable == self.0).then(name)
        }

        fn executable(&self) -> Option<OsString> {
            Some(name())
        }
    }

    #[test]
    fn a_value_is_a_warning() {
        let (config, warnings) = OpenTelemetryConfig::from_environment(&Broken("OTEL_SERVICE_NAME"));
        assert_eq!(config.service_name(), "unknown_service:a\u{fffd}");
        assert_eq!(warnings[0].problem(), "is not UTF-8");
    }

    /// A file may be called so.
    #[test]
    fn a_path_is_taken_as_it_is() {
        let (config, warnings) = OpenTelemetryConfig::from_environment(&Broken("OTELBAR_SPOOL_DIR"));
        assert_eq!((config.spool_dir(), warnings), (Some(Path::new(&name())), vec![]));
        let path = PathBuf::from(name());
        let config = OpenTelemetryConfig::builder()
            .spool_dir(path.clone())
            .otlp_certificate(&*path)
            .otlp_client_certificate(&path)
            .otlp_client_key(path.clone())
            .build()
            .unwrap();
        assert_eq!(config.spool_dir(), Some(&*path));
        assert_eq!(config.otlp_certificate(), Some(&*path));
        assert_eq!(config.otlp_client_key().map(Secret::expose), Some(&path));
        // Through a further builder, too.
        assert_eq!(config.to_builder().max_requests(7).build().unwrap().spool_dir(), Some(&*path));
    }
}

#[test]
fn a_path_given_as_such_is_taken_as_it_is() {
    let config = OpenTelemetryConfig::builder().spool_dir(std::path::PathBuf::from(" a\tb,c ")).build();
    assert_eq!(config.unwrap().spool_dir(), Some(" a\tb,c ".as_ref()));
    let empty = OpenTelemetryConfig::builder().spool_dir(std::path::PathBuf::new()).build().unwrap_err();
    assert_eq!(empty.invalid_options()[0].problem(), "is empty");
}

/// Semantic conventions, `service.name`.
#[test]
fn a_service_without_a_name_is_called_by_its_program() {
    use std::ffi::OsString;

    struct Program(Option<&'static str>, Option<&'static str>);
    impl otelbar_config::Environment for Program {
        fn var(&self, name: &str) -> Option<OsString> {
            self.1.filter(|_| name == "OTEL_SERVICE_NAME").map(Into::into)
        }

        fn executable(&self) -> Option<OsString> {
            self.0.map(Into::into)
        }
    }
    #[track_caller]
    fn check(executable: Option<&'static str>, name: Option<&'static str>, expected: &str) {
        let (config, _) = OpenTelemetryConfig::from_environment(&Program(executable, name));
        assert_eq!(config.resource().next(), Some(("service.name", expected)));
    }
    check(Some("shop"), None, "unknown_service:shop");
    check(Some("shop"), Some(""), "unknown_service:shop");
    check(Some("shop"), Some("store"), "store");
    check(Some("shop (deleted)"), None, "unknown_service:shop");
    check(Some("a\nb"), None, "unknown_service:a_b");
    check(Some(""), None, "unknown_service");
    check(None, None, "unknown_service");
    let (config, _) = OpenTelemetryConfig::from_env();
    let program = std::env::current_exe().unwrap();
    let program = program.file_name().unwrap().to_str().unwrap();
    if std::env::var_os("OTEL_SERVICE_NAME").is_none()
        && std::env::var_os("OTEL_RESOURCE_ATTRIBUTES").is_none()
    {
        assert_eq!(config.service_name(), format!("unknown_service:{program}"));
    }
    let built = OpenTelemetryConfig::builder().build().unwrap();
    assert_eq!(built.service_name(), format!("unknown_service:{program}"));
}

/// An address that was meant is not replaced by the default, which is another's. Only that in use counts.
#[test]
fn an_address_that_cannot_be_read_is_told_of_the_exporter_that_uses_it() {
    #[track_caller]
    fn check(environment: &[(&str, &str)], otlp: Option<&str>, zipkin: Option<&str>) {
        let (config, _) = read(environment);
        // What a builder does not set stays unreadable.
        for config in [config.to_builder().service_name("shop").build().unwrap(), config] {
            let unreadable = |exporter| config.unreadable_endpoint(exporter).and_then(Warning::variable);
            assert_eq!(unreadable(TracesExporter::Otlp), otlp);
            assert_eq!(unreadable(TracesExporter::Zipkin), zipkin);
            assert_eq!(unreadable(TracesExporter::Console), None);
        }
    }
    const GENERIC: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    const TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    const METRICS: &str = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
    const ZIPKIN: &str = "OTEL_EXPORTER_ZIPKIN_ENDPOINT";
    const BAD: &str = "http://coll ector:4317";
    const GOOD: &str = "http://collector:4317";
    check(&[], None, None);
    check(&[(GENERIC, BAD)], Some(GENERIC), None);
    check(&[(TRACES, BAD)], Some(TRACES), None);
    check(&[(TRACES, BAD), (GENERIC, GOOD)], Some(TRACES), None);
    check(&[(TRACES, GOOD), (GENERIC, BAD)], None, None);
    check(&[(METRICS, BAD)], None, None);
    check(&[(ZIPKIN, BAD)], None, Some(ZIPKIN));
    // What can be read, if not without a word.
    check(&[(GENERIC, "http://collector:4318")], None, None);
    check(&[(GENERIC, "otel-collector:4317")], None, None);
    check(&[(GENERIC, "http://h:4317/v1/traces")], None, None);
    check(&[(ZIPKIN, "zipkin:9411/api/v2/spans")], None, None);
}

#[test]
fn a_builder_that_sets_the_address_mends_it() {
    let (config, _) = read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector")]);
    assert!(config.unreadable_endpoint(TracesExporter::Otlp).is_some());
    let config = config.to_builder().otlp_endpoint("http://collector:4317").build().unwrap();
    assert!(config.unreadable_endpoint(TracesExporter::Otlp).is_none());
}

/// Behind a proxy every caller may look local, so a token that was meant must not be as good as none.
#[test]
fn an_unusable_token_opens_the_pages_to_nobody() {
    #[track_caller]
    fn check(token: &str, expected: Option<Access<'_>>) {
        let (config, warnings) = read(&[("OTELBAR_ACCESS_TOKEN", token)]);
        match expected {
            Some(expected) => assert_eq!(config.access(), expected),
            None => {
                let Access::Token(given) = config.access() else { panic!("{:?}", config.access()) };
                assert_eq!(given.expose(), token.trim());
            }
        }
        assert_eq!(warnings.is_empty(), config.access() != Access::Nobody);
    }
    check("", Some(Access::Local));
    check("  ", Some(Access::Local));
    check("0123456789abcdef", None);
    check("ſixteen_letters!", None);
    check("0123456789abcde", Some(Access::Nobody));
    check("0123456789\u{1}abcdef", Some(Access::Nobody));
    check(&"x".repeat(1 << 20), Some(Access::Nobody));
    let (config, _) = read(&[("OTELBAR_ACCESS_TOKEN", "short")]);
    let config = config.to_builder().access_token("0123456789abcdef").build().unwrap();
    assert!(matches!(config.access(), Access::Token(_)));
}
