use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::choice::{Compression, Protocol};
use crate::config::OpenTelemetryConfig;
use crate::endpoint::Endpoint;
use crate::headers::Headers;
use crate::options::Settings;
use crate::secret::Secret;

/// A kind of telemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Signal {
    /// Spans.
    Traces,
    /// Measurements.
    Metrics,
    /// Log records.
    Logs,
}

impl Signal {
    pub(crate) const ALL: [Signal; 3] = [Signal::Traces, Signal::Metrics, Signal::Logs];

    /// Whether it is sent by anything yet.
    pub(crate) const fn is_exported(self) -> bool {
        matches!(self, Signal::Traces)
    }

    /// The path at an OTLP/HTTP receiver, without its first slash: `v1/traces`.
    pub const fn otlp_path(self) -> &'static str {
        match self {
            Signal::Traces => "v1/traces",
            Signal::Metrics => "v1/metrics",
            Signal::Logs => "v1/logs",
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Signal::Traces => "traces",
            Signal::Metrics => "metrics",
            Signal::Logs => "logs",
        })
    }
}

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

impl OpenTelemetryConfig {
    /// Everything about the OTLP export of `signal`.
    ///
    /// ```
    /// use otelbar_config::{OpenTelemetryConfig, Protocol, Signal};
    ///
    /// let config = OpenTelemetryConfig::builder()
    ///     .otlp_protocol(Protocol::HttpProtobuf)
    ///     .otlp_endpoint("http://collector:4318")
    ///     .build()?;
    /// assert_eq!(config.otlp(Signal::Traces).endpoint.to_string(), "http://collector:4318/v1/traces");
    /// # Ok::<_, otelbar_config::ConfigError>(())
    /// ```
    pub fn otlp(&self, signal: Signal) -> OtlpOptions {
        macro_rules! resolve {
            ($endpoint:ident $protocol:ident $headers:ident $timeout:ident $compression:ident
             $certificate:ident $client_certificate:ident $client_key:ident) => {
                OtlpOptions {
                    endpoint: match self.$protocol() {
                        Protocol::Grpc => self.$endpoint().origin(),
                        Protocol::HttpProtobuf | Protocol::HttpJson => self.$endpoint().clone(),
                    },
                    protocol: self.$protocol(),
                    headers: self.$headers().clone(),
                    timeout: self.$timeout().limit(),
                    compression: self.$compression(),
                    certificate: self.$certificate().map(Into::into),
                    client_certificate: self.$client_certificate().map(Into::into),
                    client_key: self.$client_key().cloned(),
                }
            };
        }
        match signal {
            Signal::Traces => resolve!(
                otlp_traces_endpoint otlp_traces_protocol otlp_traces_headers otlp_traces_timeout
                otlp_traces_compression otlp_traces_certificate otlp_traces_client_certificate
                otlp_traces_client_key
            ),
            Signal::Metrics => resolve!(
                otlp_metrics_endpoint otlp_metrics_protocol otlp_metrics_headers otlp_metrics_timeout
                otlp_metrics_compression otlp_metrics_certificate otlp_metrics_client_certificate
                otlp_metrics_client_key
            ),
            Signal::Logs => resolve!(
                otlp_logs_endpoint otlp_logs_protocol otlp_logs_headers otlp_logs_timeout
                otlp_logs_compression otlp_logs_certificate otlp_logs_client_certificate
                otlp_logs_client_key
            ),
        }
    }
}

/// Where a receiver on this machine listens.
pub(crate) fn default_endpoint(protocol: Protocol) -> Endpoint {
    crate::options::declare::default(match protocol {
        Protocol::Grpc => "http://localhost:4317",
        Protocol::HttpProtobuf | Protocol::HttpJson => "http://localhost:4318",
    })
}

/// The endpoint of a signal that has none of its own: the generic one, or the default of the signal's
/// protocol; over HTTP with the signal's path.
pub(crate) fn endpoint_of(settings: &Settings, signal: Signal) -> Endpoint {
    let protocol = protocol_of(settings, signal);
    let generic = match &settings.otlp_endpoint {
        Some(set) => set.value.clone(),
        None => default_endpoint(protocol),
    };
    match protocol {
        Protocol::Grpc => generic.origin(),
        Protocol::HttpProtobuf | Protocol::HttpJson => generic.join(signal.otlp_path()),
    }
}

pub(crate) fn protocol_of(settings: &Settings, signal: Signal) -> Protocol {
    match signal {
        Signal::Traces => settings.otlp_traces_protocol(),
        Signal::Metrics => settings.otlp_metrics_protocol(),
        Signal::Logs => settings.otlp_logs_protocol(),
    }
}
