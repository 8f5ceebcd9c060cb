//! What holds for every environment.

use std::collections::BTreeMap;

use otelbar_config::{OPTIONS, OpenTelemetryConfig, Protocol, Signal};
use proptest::prelude::*;

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
    fn what_the_account_shows_gives_the_same_configuration(environment in environment()) {
        let (config, _) = OpenTelemetryConfig::from_environment(&environment);
        let account = config.account();
        let mut again = BTreeMap::new();
        for entry in account.entries() {
            // What is masked cannot be read back: it is handed on as it was given.
            let masked = entry.value.contains("***");
            for variable in entry.option.variables.iter().filter(|_| masked) {
                again.extend(environment.get(*variable).map(|text| (*variable, text.clone())));
            }
            if !masked {
                again.insert(entry.option.variables[0], entry.value.clone());
            }
        }
        let (same, warnings) = OpenTelemetryConfig::from_environment(&again);
        let differ: Vec<_> = account.entries().iter().zip(same.account().entries())
            .filter(|(a, b)| a.value != b.value).map(|(a, b)| format!("{} {:?} {:?}", a.option.name, a.value, b.value))
            .collect();
        prop_assert!(config == same, "{:?}\n{:?}", differ, warnings);
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
        let account = config.account();
        let lines: String = account
            .entries()
            .iter()
            .filter(|entry| !entry.value.contains("***") && !entry.value.is_empty())
            .map(|entry| format!("  {}: '{}'\n", entry.option.name, entry.value.replace('\'', "''").replace('$', "$$")))
            .collect();
        let nothing: [(&str, &str); 0] = [];
        let (same, _) = OpenTelemetryConfig::from_yaml(&format!("otelbar:\n{lines}"), "otel.yaml", &nothing).unwrap();
        for (a, b) in account.entries().iter().zip(same.account().entries()) {
            if !a.value.contains("***") {
                prop_assert_eq!(&a.value, &b.value, "{}", a.option.name);
            }
        }
    }
}
