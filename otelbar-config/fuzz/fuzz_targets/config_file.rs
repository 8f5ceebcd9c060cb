//! Any text as a configuration file: it is a configuration, which the strict builder takes, or an error with its place.

#![no_main]

use libfuzzer_sys::fuzz_target;
use otelbar_config::OpenTelemetryConfig;

/// What references to variables give.
const ENVIRONMENT: [(&str, &str); 3] = [("A", "1"), ("EMPTY", ""), ("MAP", "{a: b}")];

/// Warnings of a file, and one that tells how many are left out; and what does not go together.
const MOST_WARNINGS: usize = 150;

fuzz_target!(|text: &str| {
    match OpenTelemetryConfig::from_yaml(text, "otel.yaml", &ENVIRONMENT) {
        Err(error) => {
            let position = error.position().expect("a text has places");
            assert!(position.line >= 1 && position.column >= 1);
            assert!(!error.to_string().contains(char::is_control));
        }
        Ok((config, warnings)) => {
            assert!(warnings.len() <= MOST_WARNINGS, "{}", warnings.len());
            for warning in warnings {
                let told = warning.to_string();
                assert!(told.len() < 2_000 && !told.contains(char::is_control), "{told:?}");
            }
            let again = config.to_builder().build().expect("what was read is valid");
            assert!(again == config);
            assert!(!config.effective().options().is_empty());
        }
    }
});
