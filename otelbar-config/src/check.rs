//! Options that are right each by itself but not together.

use crate::choice::Protocol;
use crate::endpoint::Endpoint;
use crate::options::{OPTIONS, Set, Setting, Settings, Source};
use crate::otlp::{Signal, protocol_of};
use crate::value::{InvalidValue, OptionValue};

/// An option that does not go with others.
#[derive(PartialEq)]
pub(crate) struct Conflict {
    pub(crate) option: &'static str,
    pub(crate) source: Source,
    /// Without secrets.
    pub(crate) value: String,
    pub(crate) why: InvalidValue,
}

impl Conflict {
    pub(crate) fn new<T: OptionValue>(option: &'static str, set: &Set<T>, why: InvalidValue) -> Self {
        Conflict { option, source: set.source.clone(), value: set.value.shown(), why }
    }
}

/// Finds what does not go together, and mends it in `settings` where there is a way to.
pub(crate) fn combinations(settings: &mut Settings) -> Vec<Conflict> {
    let mut conflicts = Vec::new();
    schemes(settings, &mut conflicts);
    otlp_addresses(settings, &mut conflicts);
    client_keys(settings, &mut conflicts);
    let queue = settings.bsp_max_queue_size();
    let batch = &mut settings.bsp_max_export_batch_size;
    at_most("bsp_max_export_batch_size", batch, "bsp_max_queue_size", queue, &mut conflicts);
    let queue = settings.blrp_max_queue_size();
    let batch = &mut settings.blrp_max_export_batch_size;
    at_most("blrp_max_export_batch_size", batch, "blrp_max_queue_size", queue, &mut conflicts);
    let longest = settings.retry_max_backoff();
    let first = &mut settings.retry_initial_backoff;
    at_most("retry_initial_backoff", first, "retry_max_backoff", longest, &mut conflicts);
    sampler_argument(settings, &mut conflicts);
    // What has no effect is nobody's concern.
    conflicts.retain(|conflict| OPTIONS.iter().all(|known| known.name != conflict.option || !known.not_yet));
    conflicts
}

/// Gives every address a scheme. Only over gRPC, and where it is said whether TLS is meant, may it be left out
/// (OpenTelemetry specification, "OpenTelemetry Protocol Exporter", Insecure).
fn schemes(settings: &mut Settings, conflicts: &mut Vec<Conflict>) {
    let mut complete = |option, endpoint: &mut Setting<Endpoint>, insecure: Option<bool>, grpc: bool| {
        let Some(set) = endpoint.as_mut().filter(|set| !set.value.has_scheme()) else { return };
        if !grpc || insecure.is_none() {
            let remedy = "write http:// or https:// before it";
            conflicts.push(Conflict::new(option, set, InvalidValue::new("has no scheme", remedy)));
        }
        let scheme = if insecure.unwrap_or(!grpc) { "http" } else { "https" };
        set.value = set.value.with_scheme(scheme);
    };
    let value = |setting: &Setting<bool>| setting.as_ref().map(|set| set.value);
    let generic = value(&settings.otlp_insecure);
    let is_grpc = |protocol| protocol == Protocol::Grpc;

    let grpc = is_grpc(settings.otlp_protocol());
    complete("otlp_endpoint", &mut settings.otlp_endpoint, generic, grpc);
    let (insecure, grpc) = (value(&settings.otlp_traces_insecure), is_grpc(settings.otlp_traces_protocol()));
    complete("otlp_traces_endpoint", &mut settings.otlp_traces_endpoint, insecure.or(generic), grpc);
    let (insecure, grpc) =
        (value(&settings.otlp_metrics_insecure), is_grpc(settings.otlp_metrics_protocol()));
    complete("otlp_metrics_endpoint", &mut settings.otlp_metrics_endpoint, insecure.or(generic), grpc);
    let (insecure, grpc) = (value(&settings.otlp_logs_insecure), is_grpc(settings.otlp_logs_protocol()));
    complete("otlp_logs_endpoint", &mut settings.otlp_logs_endpoint, insecure.or(generic), grpc);
    complete("zipkin_endpoint", &mut settings.zipkin_endpoint, None, false);
    complete("jaeger_ui", &mut settings.jaeger_ui, None, false);
    complete("zipkin_ui", &mut settings.zipkin_ui, None, false);
}

/// A path where gRPC has none, and the usual port of the other protocol.
fn otlp_addresses(settings: &mut Settings, conflicts: &mut Vec<Conflict>) {
    for signal in Signal::ALL {
        let protocol = protocol_of(settings, signal);
        let (option, own) = match signal {
            Signal::Traces => ("otlp_traces_endpoint", &mut settings.otlp_traces_endpoint),
            Signal::Metrics => ("otlp_metrics_endpoint", &mut settings.otlp_metrics_endpoint),
            Signal::Logs => ("otlp_logs_endpoint", &mut settings.otlp_logs_endpoint),
        };
        let is_own = own.is_some();
        let (option, setting) =
            if is_own { (option, own) } else { ("otlp_endpoint", &mut settings.otlp_endpoint) };
        let Some(set) = setting else { continue };
        if conflicts.iter().any(|known| known.option == option && !is_own) {
            continue;
        }
        let endpoint = set.value.clone();
        let wrong = match (protocol, endpoint.port()) {
            (Protocol::Grpc, _) if endpoint.has_path() => Some(InvalidValue::new(
                "has a path, and gRPC uses none",
                format!("write {}, or choose the protocol http/protobuf", endpoint.origin()),
            )),
            (Protocol::Grpc, 4318) => Some(InvalidValue::new(
                "has the port of OTLP over HTTP, and the protocol is grpc",
                "write port 4317, or choose the protocol http/protobuf",
            )),
            (Protocol::HttpProtobuf | Protocol::HttpJson, 4317) => Some(InvalidValue::new(
                format!("has the port of OTLP over gRPC, and the protocol is {protocol}"),
                "write port 4318, or choose the protocol grpc",
            )),
            _ => None,
        };
        if let Some(why) = wrong.filter(|_| signal.is_exported()) {
            conflicts.push(Conflict::new(option, set, why));
        }
        if is_own && protocol == Protocol::Grpc {
            set.value = endpoint.origin();
        }
    }
}

/// A certificate shown to the receiver of traces needs its key, and the key is of no use without it. Either may be that
/// for all signals.
fn client_keys(settings: &Settings, conflicts: &mut Vec<Conflict>) {
    let (certificate, key) = (settings.otlp_traces_client_certificate(), settings.otlp_traces_client_key());
    if certificate.is_some() && key.is_none() {
        let why = InvalidValue::new("has no private key", "set otlp_client_key too");
        let own = ("otlp_traces_client_certificate", &settings.otlp_traces_client_certificate);
        let generic = ("otlp_client_certificate", &settings.otlp_client_certificate);
        conflicts.extend(first_set([own, generic], why));
    } else if key.is_some() && certificate.is_none() {
        let why = InvalidValue::new("has no certificate", "set otlp_client_certificate too");
        let own = ("otlp_traces_client_key", &settings.otlp_traces_client_key);
        let generic = ("otlp_client_key", &settings.otlp_client_key);
        conflicts.extend(first_set([own, generic], why));
    }
}

/// A conflict of the first of these options that is set.
fn first_set<T: OptionValue>(
    options: [(&'static str, &Setting<T>); 2],
    why: InvalidValue,
) -> Option<Conflict> {
    let (option, set) =
        options.into_iter().find_map(|(option, setting)| Some((option, setting.as_ref()?)))?;
    Some(Conflict::new(option, set, why))
}

/// Lowers what is above its bound.
fn at_most<T: OptionValue + PartialOrd>(
    option: &'static str,
    setting: &mut Setting<T>,
    bound_name: &str,
    bound: T,
    conflicts: &mut Vec<Conflict>,
) {
    let Some(set) = setting.as_mut().filter(|set| set.value > bound) else { return };
    let problem = format!("is more than {bound_name}, which is {}", bound.text());
    let remedy = format!("give at most {}, or raise {bound_name}", bound.text());
    conflicts.push(Conflict::new(option, set, InvalidValue::new(problem, remedy)));
    set.value = bound;
}

/// The argument counts only beside `OTEL_TRACES_SAMPLER`, and only for a sampler that has one
/// (OpenTelemetry specification, "Environment Variable Specification").
fn sampler_argument(settings: &mut Settings, conflicts: &mut Vec<Conflict>) {
    let Some(set) = &settings.traces_sampler_arg else { return };
    let why = match &settings.traces_sampler {
        None => InvalidValue::new("is the argument of a sampler that is not set", "set traces_sampler too"),
        Some(sampler) if !sampler.value.has_ratio() && set.value.is_some() => InvalidValue::new(
            format!("is not for the sampler {}, which has no argument", sampler.value),
            "leave it out, or choose traceidratio or parentbased_traceidratio",
        ),
        Some(_) => return,
    };
    conflicts.push(Conflict::new("traces_sampler_arg", set, why));
    settings.traces_sampler_arg = None;
}
