//! Options that are valid each by itself but not together.

use crate::choice::Protocol;
use crate::endpoint::Endpoint;
use crate::option_value::{InvalidValue, OptionValue};
use crate::otlp::OtlpKeys;
use crate::setting::{Conflict, Setting};
use crate::settings::{OptionKey, Settings, option};
use crate::signal::Signal;

/// Finds what does not go together, and corrects it in `settings` where there is a way to.
pub(crate) fn combinations(settings: &mut Settings) -> Vec<Conflict> {
    let mut conflicts = Vec::new();
    schemes(settings, &mut conflicts);
    otlp_addresses(settings, &mut conflicts);
    client_keys(settings, &mut conflicts);
    at_most(settings, option::BSP_MAX_EXPORT_BATCH_SIZE, option::BSP_MAX_QUEUE_SIZE, &mut conflicts);
    at_most(settings, option::BLRP_MAX_EXPORT_BATCH_SIZE, option::BLRP_MAX_QUEUE_SIZE, &mut conflicts);
    at_most(settings, option::RETRY_INITIAL_BACKOFF, option::RETRY_MAX_BACKOFF, &mut conflicts);
    sampler_argument(settings, &mut conflicts);
    // Options without effect are not reported.
    conflicts.retain(|conflict| !conflict.option.not_yet);
    conflicts
}

/// Gives every address a scheme. Only over gRPC, and where it is said whether TLS is meant, may it be left out
/// (OpenTelemetry specification, "OpenTelemetry Protocol Exporter", Insecure).
fn schemes(settings: &mut Settings, conflicts: &mut Vec<Conflict>) {
    let set =
        |settings: &Settings, option: OptionKey<bool>| option.setting(settings).as_ref().map(|set| set.value);
    let generic = set(settings, option::OTLP_INSECURE);
    let grpc = settings.otlp_protocol() == Protocol::Grpc;
    complete(settings, option::OTLP_ENDPOINT, generic, grpc, conflicts);
    for signal in Signal::ALL {
        let keys = OtlpKeys::of(signal);
        let insecure = set(settings, keys.insecure).or(generic);
        let grpc = settings.value(keys.protocol) == Protocol::Grpc;
        complete(settings, keys.endpoint, insecure, grpc, conflicts);
    }
    for option in [option::ZIPKIN_ENDPOINT, option::JAEGER_UI, option::ZIPKIN_UI] {
        complete(settings, option, None, false, conflicts);
    }
}

fn complete(
    settings: &mut Settings,
    option: OptionKey<Endpoint>,
    insecure: Option<bool>,
    grpc: bool,
    conflicts: &mut Vec<Conflict>,
) {
    let Some(set) = option.setting_mut(settings).as_mut().filter(|set| !set.value.has_scheme()) else {
        return;
    };
    if !grpc || insecure.is_none() {
        let remedy = "write http:// or https:// before it";
        conflicts.push(Conflict::new(option.info(), set, InvalidValue::new("has no scheme", remedy)));
    }
    let scheme = if insecure.unwrap_or(!grpc) { "http" } else { "https" };
    set.value = set.value.with_scheme(scheme);
}

/// A path where gRPC has none, and the usual port of the other protocol.
fn otlp_addresses(settings: &mut Settings, conflicts: &mut Vec<Conflict>) {
    for signal in Signal::ALL {
        let keys = OtlpKeys::of(signal);
        let protocol = settings.value(keys.protocol);
        let is_own = keys.endpoint.setting(settings).is_some();
        let option = if is_own { keys.endpoint } else { option::OTLP_ENDPOINT };
        let Some(set) = option.setting_mut(settings) else { continue };
        if conflicts.iter().any(|known| known.option.name == option.info().name && !is_own) {
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
            conflicts.push(Conflict::new(option.info(), set, why));
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
        let options = [option::OTLP_TRACES_CLIENT_CERTIFICATE, option::OTLP_CLIENT_CERTIFICATE];
        conflicts.extend(first_set(settings, options, why));
    } else if key.is_some() && certificate.is_none() {
        let why = InvalidValue::new("has no certificate", "set otlp_client_certificate too");
        let options = [option::OTLP_TRACES_CLIENT_KEY, option::OTLP_CLIENT_KEY];
        conflicts.extend(first_set(settings, options, why));
    }
}

/// A conflict of the first of these options that is set.
fn first_set<T: OptionValue>(
    settings: &Settings,
    options: [OptionKey<T>; 2],
    why: InvalidValue,
) -> Option<Conflict> {
    let mut options = options.into_iter();
    let (option, set) = options.find_map(|option| Some((option, option.setting(settings).as_ref()?)))?;
    Some(Conflict::new(option.info(), set, why))
}

/// Lowers what is above its bound.
fn at_most<T: OptionValue + PartialOrd>(
    settings: &mut Settings,
    option: OptionKey<T>,
    bound: OptionKey<T>,
    conflicts: &mut Vec<Conflict>,
) {
    let (name, bound) = (bound.info().name, settings.value(bound));
    let setting: &mut Setting<T> = option.setting_mut(settings);
    let Some(set) = setting.as_mut().filter(|set| set.value > bound) else { return };
    let problem = format!("is more than {name}, which is {}", bound.text());
    let remedy = format!("give at most {}, or raise {name}", bound.text());
    conflicts.push(Conflict::new(option.info(), set, InvalidValue::new(problem, remedy)));
    set.value = bound;
}

/// The argument counts only beside `OTEL_TRACES_SAMPLER`, and only for a sampler that has one
/// (OpenTelemetry specification, "Environment Variable Specification").
fn sampler_argument(settings: &mut Settings, conflicts: &mut Vec<Conflict>) {
    let Some(set) = &settings.traces_sampler_arg else { return };
    let why = match &settings.traces_sampler {
        None => InvalidValue::new("is the argument of a sampler that is not set", "set traces_sampler too"),
        Some(sampler) if !sampler.value.has_ratio() && set.value.is_some() => InvalidValue::new(
            format!("is not used by the sampler {}, which has no argument", sampler.value),
            "leave it out, or choose traceidratio or parentbased_traceidratio",
        ),
        Some(_) => return,
    };
    conflicts.push(Conflict::new(option::TRACES_SAMPLER_ARG.info(), set, why));
    settings.traces_sampler_arg = None;
}
