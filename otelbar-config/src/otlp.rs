use std::path::PathBuf;
use std::time::Duration;

use crate::amount::Timeout;
use crate::choice::{Compression, Protocol};
use crate::endpoint::Endpoint;
use crate::headers::Headers;
use crate::secret::Secret;
use crate::settings::{OptionKey, Values, option};
use crate::signal::Signal;

/// Everything about the OTLP export of one signal, resolved: the signal's own options, else the generic
/// ones, else the defaults (OpenTelemetry specification, "OpenTelemetry Protocol Exporter").
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct OtlpOptions {
    /// The whole address: over HTTP with the signal's path, over gRPC without one. It has a scheme,
    /// and TLS is used if that is `https`.
    pub endpoint: Endpoint,
    /// How OTLP is spoken.
    pub protocol: Protocol,
    /// Sent with each export.
    pub headers: Headers,
    /// How long one export may take; `None` is without limit.
    pub timeout: Option<Duration>,
    /// How exports are compressed.
    pub compression: Compression,
    /// The PEM file of the authorities trusted instead of the system's.
    pub certificate: Option<PathBuf>,
    /// The PEM file of the certificate shown to the receiver.
    pub client_certificate: Option<PathBuf>,
    /// The PEM file of its private key.
    pub client_key: Option<Secret<PathBuf>>,
}

impl OtlpOptions {
    pub(crate) fn of(signal: Signal, values: &Values) -> Self {
        let keys = OtlpKeys::of(signal);
        let protocol = *keys.protocol.value(values);
        let endpoint = keys.endpoint.value(values);
        OtlpOptions {
            endpoint: match protocol {
                Protocol::Grpc => endpoint.origin(),
                Protocol::HttpProtobuf | Protocol::HttpJson => endpoint.clone(),
            },
            protocol,
            headers: keys.headers.value(values).clone(),
            timeout: keys.timeout.value(values).limit(),
            compression: *keys.compression.value(values),
            certificate: keys.certificate.value(values).clone(),
            client_certificate: keys.client_certificate.value(values).clone(),
            client_key: keys.client_key.value(values).clone(),
        }
    }
}

/// The options of one signal's OTLP export.
pub(crate) struct OtlpKeys {
    pub(crate) protocol: OptionKey<Protocol>,
    pub(crate) endpoint: OptionKey<Endpoint>,
    pub(crate) insecure: OptionKey<bool>,
    pub(crate) headers: OptionKey<Headers>,
    pub(crate) timeout: OptionKey<Timeout>,
    pub(crate) compression: OptionKey<Compression>,
    pub(crate) certificate: OptionKey<Option<PathBuf>>,
    pub(crate) client_certificate: OptionKey<Option<PathBuf>>,
    pub(crate) client_key: OptionKey<Option<Secret<PathBuf>>>,
}

impl OtlpKeys {
    pub(crate) const fn of(signal: Signal) -> Self {
        match signal {
            Signal::Traces => OtlpKeys {
                protocol: option::OTLP_TRACES_PROTOCOL,
                endpoint: option::OTLP_TRACES_ENDPOINT,
                insecure: option::OTLP_TRACES_INSECURE,
                headers: option::OTLP_TRACES_HEADERS,
                timeout: option::OTLP_TRACES_TIMEOUT,
                compression: option::OTLP_TRACES_COMPRESSION,
                certificate: option::OTLP_TRACES_CERTIFICATE,
                client_certificate: option::OTLP_TRACES_CLIENT_CERTIFICATE,
                client_key: option::OTLP_TRACES_CLIENT_KEY,
            },
            Signal::Metrics => OtlpKeys {
                protocol: option::OTLP_METRICS_PROTOCOL,
                endpoint: option::OTLP_METRICS_ENDPOINT,
                insecure: option::OTLP_METRICS_INSECURE,
                headers: option::OTLP_METRICS_HEADERS,
                timeout: option::OTLP_METRICS_TIMEOUT,
                compression: option::OTLP_METRICS_COMPRESSION,
                certificate: option::OTLP_METRICS_CERTIFICATE,
                client_certificate: option::OTLP_METRICS_CLIENT_CERTIFICATE,
                client_key: option::OTLP_METRICS_CLIENT_KEY,
            },
            Signal::Logs => OtlpKeys {
                protocol: option::OTLP_LOGS_PROTOCOL,
                endpoint: option::OTLP_LOGS_ENDPOINT,
                insecure: option::OTLP_LOGS_INSECURE,
                headers: option::OTLP_LOGS_HEADERS,
                timeout: option::OTLP_LOGS_TIMEOUT,
                compression: option::OTLP_LOGS_COMPRESSION,
                certificate: option::OTLP_LOGS_CERTIFICATE,
                client_certificate: option::OTLP_LOGS_CLIENT_CERTIFICATE,
                client_key: option::OTLP_LOGS_CLIENT_KEY,
            },
        }
    }
}
