//! The Collector, as `collector.yaml` sets it up.

use std::path::Path;

use otelbar_integration::Collector;

use super::{
    probe::Probe,
    setup::{Addresses, Listener, Setup},
};

pub(crate) const SETUP: Setup = Setup {
    listeners: &[
        Listener { name: "OTLP_GRPC", port: 4317 },
        Listener { name: "OTLP_HTTP", port: 4318 },
        Listener { name: "OTLP_GRPC_TLS", port: 14317 },
        Listener { name: "OTLP_HTTP_TLS", port: 14318 },
        Listener { name: "OTLP_GRPC_MTLS", port: 24317 },
        Listener { name: "OTLP_HTTP_MTLS", port: 24318 },
        Listener { name: "OTLP_GRPC_SMALL", port: 34317 },
        Listener { name: "OTLP_HTTP_SMALL", port: 34318 },
        Listener { name: "OTLP_GRPC_REFUSING", port: 44317 },
        Listener { name: "OTLP_HTTP_REFUSING", port: 44318 },
    ],
    config: Some(("collector.yaml", include_str!("collector.yaml"))),
    probes: |at| {
        vec![
            Probe::takes(at.url("http", "OTLP_HTTP") + "/v1/traces"),
            // It refuses from the first look at its memory on.
            Probe::refuses(at.url("http", "OTLP_HTTP_REFUSING") + "/v1/traces"),
        ]
    },
};

/// The file that it writes, in the folder of the run.
pub(crate) const FILE: &str = "collector.jsonl";

pub(crate) fn addresses(at: &Addresses<'_>, run: &Path) -> Collector {
    Collector {
        otlp_grpc: at.url("http", "OTLP_GRPC"),
        otlp_http: at.url("http", "OTLP_HTTP"),
        otlp_grpc_tls: at.url("https", "OTLP_GRPC_TLS"),
        otlp_http_tls: at.url("https", "OTLP_HTTP_TLS"),
        otlp_grpc_mtls: at.url("https", "OTLP_GRPC_MTLS"),
        otlp_http_mtls: at.url("https", "OTLP_HTTP_MTLS"),
        otlp_grpc_small: at.url("http", "OTLP_GRPC_SMALL"),
        otlp_http_small: at.url("http", "OTLP_HTTP_SMALL"),
        otlp_grpc_refusing: at.url("http", "OTLP_GRPC_REFUSING"),
        otlp_http_refusing: at.url("http", "OTLP_HTTP_REFUSING"),
        file: run.join(FILE).display().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_the_one_that_the_configuration_names() {
        let (_, config) = SETUP.config.unwrap();
        assert!(config.contains(&format!("path: ${{env:RUN_FOLDER}}/{FILE}\n")));
    }
}
