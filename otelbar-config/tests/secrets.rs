//! Secrets appear in nothing that is shown.

use std::collections::BTreeMap;

use otelbar_config::{OPTIONS, OpenTelemetryConfig, Signal};

const HUSH: &str = "hush";

/// Everything that shows something of what `environment` gives.
fn shown(environment: &BTreeMap<&str, String>) -> Vec<String> {
    let (config, warnings) = OpenTelemetryConfig::from_environment(environment);
    let effective = config.effective();
    let mut shown = vec![
        format!("{config:?}"),
        format!("{config:#?}"),
        format!("{effective}"),
        format!("{effective:?}"),
        format!("{warnings:?}"),
        format!("{:?}", config.to_builder()),
        format!("{:?}", config.access()),
    ];
    shown.extend(warnings.iter().map(ToString::to_string));
    for signal in [Signal::Traces, Signal::Metrics, Signal::Logs] {
        let otlp = config.otlp(signal);
        shown.push(format!("{otlp:?} {} {}", otlp.endpoint, otlp.headers));
    }
    shown.push(format!("{} {:?}", config.zipkin_endpoint(), config.jaeger_ui()));
    shown.push(format!("{} {:?}", config.jaeger_link(), config.zipkin_link()));
    #[cfg(feature = "serde")]
    {
        shown.push(serde_json::to_string(&effective).unwrap());
        shown.push(serde_json::to_string(&warnings).unwrap());
    }
    // The same texts through the builder, with its errors.
    let mut builder = OpenTelemetryConfig::builder();
    for option in OPTIONS {
        for variable in option.variables {
            if let Some(text) = environment.get(variable) {
                builder = builder.set(option.name, text);
            }
        }
    }
    shown.push(format!("{builder:?}"));
    match builder.build() {
        Ok(config) => shown.push(format!("{config:?}")),
        Err(error) => {
            shown.push(format!("{error} {error:?} {:?}", error.invalid_options()));
            #[cfg(feature = "serde")]
            shown.push(serde_json::to_string(&error).unwrap());
        }
    }
    shown
}

#[track_caller]
fn check(variable: &'static str, text: &str) {
    assert!(text.contains(HUSH));
    for text in shown(&BTreeMap::from([(variable, text.to_owned())])) {
        assert!(!text.contains(HUSH), "{variable} shows its secret in {text}");
    }
}

const SIGNALS: [&str; 4] = ["", "TRACES_", "METRICS_", "LOGS_"];

fn variable(signal: &str, name: &str) -> &'static str {
    let name = format!("OTEL_EXPORTER_OTLP_{signal}{name}");
    OPTIONS.iter().flat_map(|option| option.variables).copied().find(|known| *known == name).unwrap()
}

#[test]
fn headers_are_masked_right_or_wrong() {
    for signal in SIGNALS {
        let variable = variable(signal, "HEADERS");
        check(variable, "authorization=hush");
        check(variable, "authorization: Bearer hush");
        check(variable, "a=1,hush");
        check(variable, "a b=hush");
        check(variable, "a=hush%2");
        check(variable, "a=hush%0a");
        check(variable, &format!("a={}", "hush".repeat(1 << 18)));
    }
}

#[test]
fn client_keys_are_masked() {
    for signal in SIGNALS {
        let variable = variable(signal, "CLIENT_KEY");
        check(variable, "/keys/hush.pem");
        check(variable, "-----BEGIN PRIVATE KEY-----\nhush\n-----END PRIVATE KEY-----");
    }
}

#[test]
fn credentials_in_addresses_are_masked_right_or_wrong() {
    let mut variables: Vec<_> = SIGNALS.iter().map(|signal| variable(signal, "ENDPOINT")).collect();
    variables.extend(["OTEL_EXPORTER_ZIPKIN_ENDPOINT", "OTELBAR_JAEGER_UI", "OTELBAR_ZIPKIN_UI"]);
    for variable in variables {
        check(variable, "http://user:hush@host:4317/path");
        check(variable, "http://hush@host");
        check(variable, "http://host:4317/path?key=hush");
        check(variable, "user:hush@host:4317");
        check(variable, "http://user:hush@ho st");
        check(variable, "http//user:hush@host");
        check(variable, "ftp://user:hush@host");
        check(variable, "http://user:h@hush@host");
        check(variable, "http://user:hush@host#fragment");
        check(variable, "http://user:hush@host:99999");
    }
}

#[test]
fn credentials_in_link_templates_are_masked() {
    check("OTELBAR_JAEGER_LINK", "https://user:hush@host/{trace_id}");
    check("OTELBAR_ZIPKIN_LINK", "https://user:hush@host/{trace}");
}

#[test]
fn the_token_is_masked() {
    check("OTELBAR_ACCESS_TOKEN", "hush");
    check("OTELBAR_ACCESS_TOKEN", "hush-0123456789abcdef");
    check("OTELBAR_ACCESS_TOKEN", "hush\u{1}");
}

#[test]
fn what_stands_in_an_unknown_variable_or_option_is_masked() {
    check("OTELBAR_ACCESS_TOKN", "hush");
    let error = OpenTelemetryConfig::builder().set("access_tokn", "hush").build().unwrap_err();
    assert!(!format!("{error} {error:?}").contains(HUSH));
}

#[cfg(feature = "file")]
#[test]
fn secrets_in_a_file_are_masked_right_or_wrong() {
    let exporter = |lines: &str| {
        format!(
            "file_format: '1.0'\ntracer_provider:\n  processors:\n  - batch:\n      exporter:\n        otlp_http:\n{lines}"
        )
    };
    let texts = [
        exporter("          headers: [{name: authorization, value: hush}]"),
        exporter("          headers: [{name: a b, value: hush}]"),
        exporter("          headers: [hush]"),
        exporter("          headers: hush"),
        exporter("          headers_list: hush"),
        exporter("          headers_list: [hush]"),
        exporter("          headers_list: a=${SECRET}"),
        exporter("          endpoint: http://user:${SECRET}@host/v1/traces"),
        exporter("          endpoint: http://user:hush@ho st"),
        exporter("          tls: {key_file: hush}"),
        exporter("          tls: hush"),
        "otelbar: {access_token: hush}".to_owned(),
        "otelbar: {access_tokn: hush}".to_owned(),
        "otelbar: {access_token: [hush, hush]}".to_owned(),
        "otelbar: hush".to_owned(),
        "disabled: {a: hush}".to_owned(),
        "hush: ${SECRET}".replace("hush: ", "unknown: "),
    ];
    for text in texts {
        let (config, warnings) =
            OpenTelemetryConfig::from_yaml(&text, "otel.yaml", &[("SECRET", HUSH)]).unwrap();
        let shown = format!("{config:?} {} {warnings:?} {:?}", config.effective(), config.effective());
        assert!(!shown.contains(HUSH), "{text}\n{shown}");
    }
    // A parser's message tells what was found, and may not tell too much.
    for text in [
        "access_token: \"hush",
        "a: 'hush\nb",
        "a: ${hush",
        "a: &x hush\nb: *hush",
        "a: !hush!x y",
        "a: @hush",
    ] {
        if let Err(error) = OpenTelemetryConfig::from_yaml(text, "otel.yaml", &[("", "")]) {
            assert!(!format!("{error} {error:?}").contains(HUSH), "{error}");
        }
    }
}
