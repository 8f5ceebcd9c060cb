//! Jaeger, as `jaeger.yaml` sets it up.

use otelbar_integration::Jaeger;

use super::{
    probe::Probe,
    setup::{Addresses, Listener, Setup},
};

pub(crate) const SETUP: Setup = Setup {
    listeners: &[
        Listener { name: "OTLP_GRPC", port: 4317 },
        Listener { name: "OTLP_HTTP", port: 4318 },
        Listener { name: "OTLP_GRPC_MTLS", port: 14317 },
        Listener { name: "OTLP_HTTP_MTLS", port: 14318 },
        Listener { name: "OTLP_GRPC_BASICAUTH", port: 24317 },
        Listener { name: "OTLP_HTTP_BASICAUTH", port: 24318 },
        Listener { name: "API", port: 16686 },
        Listener { name: "API_GRPC", port: 16685 },
        Listener { name: "HEALTH", port: 13133 },
    ],
    config: Some(("jaeger.yaml", include_str!("jaeger.yaml"))),
    probes: |at| {
        vec![
            Probe::reads(at.url("http", "HEALTH") + "/status"),
            Probe::reads(at.url("http", "API") + "/api/services"),
            Probe::takes(at.url("http", "OTLP_HTTP") + "/v1/traces"),
        ]
    },
};

/// `otelbar:integration`, as `jaeger.yaml` has it, in Base64.
const AUTHORIZATION: &str = "Basic b3RlbGJhcjppbnRlZ3JhdGlvbg==";

pub(crate) fn addresses(at: &Addresses<'_>) -> Jaeger {
    Jaeger {
        otlp_grpc: at.url("http", "OTLP_GRPC"),
        otlp_http: at.url("http", "OTLP_HTTP"),
        otlp_grpc_mtls: at.url("https", "OTLP_GRPC_MTLS"),
        otlp_http_mtls: at.url("https", "OTLP_HTTP_MTLS"),
        otlp_grpc_basicauth: at.url("http", "OTLP_GRPC_BASICAUTH"),
        otlp_http_basicauth: at.url("http", "OTLP_HTTP_BASICAUTH"),
        authorization: AUTHORIZATION.to_owned(),
        api: at.url("http", "API"),
    }
}
