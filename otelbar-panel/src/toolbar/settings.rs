//! From the configuration's options to what each room works by.

use std::sync::Arc;

use otelbar_config::{Capture, OpenTelemetryConfig, Semconv};
use otelbar_convert::findings::Thresholds;
use otelbar_convert::redact::Redactor;
use otelbar_convert::{Conventions, Names, PanelDataConverter};
use otelbar_propagation::Propagators;

use crate::record::{Captured, Counters, Open, PropagationHeaders, Recorder, RecordingLimits};
use crate::web::{AccessControl, Rule, Token};

/// What requests are recorded by. Those that are open may hold `max_bytes`.
pub(super) fn recorder(
    config: &OpenTelemetryConfig,
    propagators: Arc<Propagators>,
    max_bytes: usize,
) -> Recorder {
    let redactor = Redactor::new(config.redacted_attribute_keys(), config.redacted_query_keys());
    let captures = |what| config.capture().contains(&what);
    Recorder {
        limits: RecordingLimits {
            spans: config.max_spans_per_request(),
            logs: config.max_logs_per_request(),
            attributes: config.span_attribute_count_limit(),
            events: config.span_event_count_limit(),
            links: config.span_link_count_limit(),
            value_length: config.span_attribute_value_length_limit().limit().unwrap_or(usize::MAX),
        },
        captured: Captured {
            sql: captures(Capture::Sql),
            templates: captures(Capture::Template),
            http: captures(Capture::Http),
            logs: captures(Capture::Log),
        },
        converter: converter(config, redactor.clone()),
        redactor,
        propagation_headers: PropagationHeaders::new(&propagators),
        propagators,
        conventions: Conventions::default()
            .with_http(names(config.http_semconv()))
            .with_database(names(config.database_semconv()))
            .with_opt_in_attributes(|name| config.opt_in_attributes().contains(name)),
        counters: Counters::default(),
        open: Open::new(max_bytes),
        reach: Arc::default(),
        sql_system: config.sql_system().to_owned(),
    }
}

fn converter(config: &OpenTelemetryConfig, redactor: Redactor) -> PanelDataConverter {
    let thresholds = Thresholds::default()
        .with_n_plus_one(config.n_plus_one_threshold())
        .with_slow_query(config.slow_query_threshold())
        .with_slow_span(config.slow_span_threshold());
    PanelDataConverter::default()
        .with_thresholds(thresholds)
        .with_known_methods(config.http_known_methods().iter().cloned())
        .with_redactor(redactor)
}

fn names(choice: Semconv) -> Names {
    match choice {
        Semconv::Dup => Names::Both,
        Semconv::Old => Names::Old,
        // Stable, the default.
        _ => Names::Stable,
    }
}

pub(super) fn access(config: &OpenTelemetryConfig) -> AccessControl {
    AccessControl::new(access_rule(config), config.allowed_hosts().to_vec())
}

fn access_rule(config: &OpenTelemetryConfig) -> Rule {
    match config.access() {
        otelbar_config::Access::Local => Rule::Local,
        otelbar_config::Access::Token(token) => Rule::Token(Token::new(token.expose().clone())),
        // Nobody, as for a rule that is not known here.
        _ => Rule::Nobody,
    }
}

/// The formats in which the context is read and written, and what is wrong with the others.
pub(super) fn propagators(names: &[otelbar_config::Propagator]) -> (Propagators, Vec<String>) {
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    if names.is_empty() {
        return (Propagators::new([]), Vec::new());
    }
    let (propagators, unknown) = Propagators::from_names(&names.join(","));
    let warning = |name: &str| {
        format!(
            "OTEL_PROPAGATORS: {name} is not supported and was left out; supported are tracecontext, baggage, b3, b3multi, \
             jaeger and xray"
        )
    };
    (propagators, unknown.iter().map(|unknown| warning(unknown.name())).collect())
}
