//! What holds for every environment.

use std::collections::BTreeMap;
use std::time::Duration;

use otelbar_config::{
    OPTIONS, OpenTelemetryConfig, Protocol, ResourceAttributes, Signal, Source, TracesExporter,
};
use proptest::prelude::*;

const EXPORTERS: [TracesExporter; 3] =
    [TracesExporter::Otlp, TracesExporter::Zipkin, TracesExporter::Console];

/// A variable of the table, or something like one.
fn variable() -> impl Strategy<Value = String> {
    let names: Vec<_> = OPTIONS.iter().flat_map(|option| option.variables).map(|v| (*v).to_owned()).collect();
    prop_oneof![
        20 => proptest::sample::select(names),
        1 => "OTEL(BAR)?_[A-Z_]{0,20}",
    ]
}

/// Texts that are likely to be a value of something, and any text.
fn text() -> impl Strategy<Value = String> {
    let known: Vec<String> = [
        "true",
        "FALSE",
        "0",
        "1",
        "2",
        "7",
        "100",
        "2048",
        "65536",
        "5s",
        "250us",
        "64MiB",
        "0.5",
        "1e-9",
        "none",
        "grpc",
        "http/protobuf",
        "gzip",
        "otlp",
        "zipkin,console",
        "console,none",
        "b3,jaeger",
        "always_on",
        "traceidratio",
        "parentbased_traceidratio",
        "production",
        "staging",
        "http/dup,database",
        "old",
        "debug",
        "http://localhost:4317",
        "http://localhost:4318/base/",
        "https://collector",
        "collector:4317",
        "[::1]:4318",
        "a=b,c=d%2C",
        "service.name=x,service.version=2",
        "deployment.environment=production",
        "k=%2",
        "service.name=a%0ab",
        "GET,POST",
        "{ui}/x/{trace_id}",
        "/debug",
        "sql,log",
        "unlimited",
        "ca.pem",
        "trace_based",
        "127.0.0.1,10.0.0.0/8,proxy",
        "http.response.body.size",
        "0123456789abcdef",
        "tracecontext,ottrace",
        "http://coll ector",
    ]
    .map(str::to_owned)
    .to_vec();
    prop_oneof![
        8 => proptest::sample::select(known),
        1 => "[0-9]{1,20}(ms|us|ns|s|m|KiB|GiB)?",
        1 => "[a-zA-Z0-9_.=,:/%{}? @-]{0,40}",
        1 => any::<String>(),
    ]
}

fn environment() -> impl Strategy<Value = BTreeMap<String, String>> {
    proptest::collection::btree_map(variable(), text(), 0..30)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_environment_gives_a_valid_configuration(environment in environment()) {
        let (config, warnings) = OpenTelemetryConfig::from_environment(&environment);
        // Valid for the strict builder, too.
        let again = config.to_builder().build();
        prop_assert!(again.as_ref().is_ok_and(|again| *again == config), "{:?}", again);
        prop_assert!(config.bsp_max_export_batch_size() <= config.bsp_max_queue_size());
        prop_assert!(config.blrp_max_export_batch_size() <= config.blrp_max_queue_size());
        prop_assert!(!config.bsp_schedule_delay().is_zero());
        for signal in [Signal::Traces, Signal::Metrics, Signal::Logs] {
            let otlp = config.otlp(signal);
            prop_assert!(otlp.endpoint.expose().starts_with("http"), "{}", otlp.endpoint);
            prop_assert!(otlp.protocol != Protocol::Grpc || otlp.endpoint.path() == "/");
        }
        for warning in warnings {
            prop_assert!(warning.to_string().len() < 2_000, "{}", warning);
            prop_assert!(!warning.to_string().contains(['\n', '\r', '\0']), "{:?}", warning);
        }
    }

    #[test]
    fn what_is_shown_as_effective_gives_the_same_configuration(environment in environment()) {
        let (config, _) = OpenTelemetryConfig::from_environment(&environment);
        let effective = config.effective();
        let mut again = BTreeMap::new();
        for entry in effective.options() {
            // What is masked cannot be read back: it is passed on as it was given.
            let masked = entry.value.contains("***");
            for variable in entry.info.variables.iter().filter(|_| masked) {
                again.extend(environment.get(*variable).map(|text| (*variable, text.clone())));
            }
            if !masked {
                again.insert(entry.info.variables[0], entry.value.clone());
            }
        }
        let (same, warnings) = OpenTelemetryConfig::from_environment(&again);
        let differ: Vec<_> = effective.options().iter().zip(same.effective().options())
            .filter(|(a, b)| a.value != b.value).map(|(a, b)| format!("{} {:?} {:?}", a.info.name, a.value, b.value))
            .collect();
        prop_assert!(config == same, "{:?}\n{:?}", differ, warnings);
    }

    /// The builder keeps values as they are, and takes only those that a variable could give.
    #[test]
    fn what_a_setter_takes_can_be_written_in_a_variable(
        name in text(),
        version in any::<String>(),
        hosts in proptest::collection::vec(text(), 0..4),
        attributes in proptest::collection::btree_map(any::<String>(), text(), 0..4),
        exporters in proptest::collection::vec(proptest::sample::select(&EXPORTERS[..]), 0..4),
        delay in 1_u64..u64::MAX,
        ratio in any::<f64>(),
    ) {
        let nothing: [(&str, &str); 0] = [];
        let builder = || OpenTelemetryConfig::from_environment(&nothing).0.to_builder();
        let built = [
            builder().service_name(name),
            builder().service_version(Some(version)),
            builder().allowed_hosts(hosts),
            builder().resource_attributes(ResourceAttributes::new(attributes)),
            builder().traces_exporters(exporters),
            builder().bsp_schedule_delay(Duration::from_nanos(delay)),
            builder().bsp_export_timeout(Duration::from_nanos(delay)),
            builder().traces_sampler("traceidratio").traces_sampler_arg(ratio),
        ];
        for config in built.into_iter().filter_map(|builder| builder.build().ok()) {
            let effective = config.effective();
            let set = effective.options().iter().filter(|option| option.source == Source::Builder);
            let variables: BTreeMap<_, _> = set.map(|option| (option.info.variables[0], &option.value)).collect();
            let (read, warnings) = OpenTelemetryConfig::from_environment(&variables);
            prop_assert!(read == config, "{:?} {:?}", variables, warnings);
        }
    }

    #[cfg(feature = "file")]
    #[test]
    fn any_file_gives_a_configuration_or_an_error_with_its_place(text in any::<String>()) {
        if let Err(error) = OpenTelemetryConfig::from_yaml(&text, "otel.yaml", &[("A", "1")]) {
            prop_assert!(error.position().is_some());
        }
    }

    #[cfg(feature = "file")]
    #[test]
    fn any_yaml_like_text_gives_a_configuration_or_an_error(
        text in "([ ]{0,6}(- )?(tracer_provider|processors|batch|exporter|otlp_http|headers|resource|attributes|name|value|otelbar|capture|sampler|parent_based|root|[&*]x): ?([a-z0-9$\\{\\}\\[\\]\"'*&|>-]{0,8})\n){0,12}"
    ) {
        let _ = OpenTelemetryConfig::from_yaml(&text, "otel.yaml", &[("A", "1")]);
    }

    /// The section `otelbar` and the variables are two ways to say the same.
    #[cfg(feature = "file")]
    #[test]
    fn a_file_of_options_gives_what_the_environment_gives(environment in environment()) {
        let (config, _) = OpenTelemetryConfig::from_environment(&environment);
        let effective = config.effective();
        let lines: String = effective
            .options()
            .iter()
            .filter(|entry| !entry.value.contains("***") && !entry.value.is_empty())
            .map(|entry| format!("  {}: '{}'\n", entry.info.name, entry.value.replace('\'', "''").replace('$', "$$")))
            .collect();
        let nothing: [(&str, &str); 0] = [];
        let (same, _) = OpenTelemetryConfig::from_yaml(&format!("otelbar:\n{lines}"), "otel.yaml", &nothing).unwrap();
        for (a, b) in effective.options().iter().zip(same.effective().options()) {
            if !a.value.contains("***") {
                prop_assert_eq!(&a.value, &b.value, "{}", a.info.name);
            }
        }
    }
}
