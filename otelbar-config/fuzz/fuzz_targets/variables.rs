//! Any text in any variable: it gives a valid configuration, and what is shown of that gives the same again. Each line of
//! the input is `NAME=text`.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use otelbar_config::OpenTelemetryConfig;

fuzz_target!(|text: &str| {
    let given: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
    // It would name a file of this machine.
    if given.contains_key("OTEL_CONFIG_FILE") {
        return;
    }
    let (config, warnings) = OpenTelemetryConfig::from_environment(&given);
    for warning in warnings {
        let told = warning.to_string();
        assert!(told.len() < 2_000 && !told.contains(char::is_control), "{told:?}");
    }
    assert!(config.to_builder().build().is_ok_and(|again| again == config));

    let mut shown: BTreeMap<&str, String> = BTreeMap::new();
    for option in config.effective().options() {
        // What is masked cannot be read back: it is passed on as it was given.
        if option.value.contains("***") {
            let variables = option.info.variables.iter();
            shown.extend(variables.filter_map(|name| Some((*name, (*given.get(name)?).to_owned()))));
        } else {
            shown.insert(option.info.variables[0], option.value.clone());
        }
    }
    let (same, _) = OpenTelemetryConfig::from_environment(&shown);
    assert!(same == config, "{shown:?}");
});
