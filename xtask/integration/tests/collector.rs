//! What the Collector took, as it writes it to its file.

mod common;

use std::fs;

use common::{deliver, span, trace_id};
use otelbar_export::{ExporterOptions, Protocol};
use otelbar_integration::{Certificates, Collector, eventually};

fn is_written(collector: &Collector, trace_id: &str) -> bool {
    fs::read_to_string(&collector.file).is_ok_and(|text| text.contains(trace_id))
}

/// Protects the receivers' set-up: each takes a span, one that asks for proof takes none without it, and the one
/// whose memory is short takes none at all.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn each_receiver_takes_a_span() {
    let collector = Collector::shared().unwrap();
    let certificates = Certificates::from_env().unwrap();
    let grpc = |url: &str| ExporterOptions::new(url).unwrap().with_protocol(Protocol::Grpc);
    let http = |url: &str| ExporterOptions::new(&format!("{url}/v1/traces")).unwrap();
    let trusting = |options: ExporterOptions| options.with_certificate(&certificates.authority);
    let proven = |options: ExporterOptions| {
        trusting(options).with_client_certificate(&certificates.client_certificate, &certificates.client_key)
    };
    for (receiver, options, expected) in [
        ("gRPC", grpc(&collector.otlp_grpc), true),
        ("HTTP", http(&collector.otlp_http), true),
        ("gRPC over TLS", trusting(grpc(&collector.otlp_grpc_tls)), true),
        ("HTTP over TLS", trusting(http(&collector.otlp_http_tls)), true),
        ("gRPC with a client certificate", proven(grpc(&collector.otlp_grpc_mtls)), true),
        ("HTTP with a client certificate", proven(http(&collector.otlp_http_mtls)), true),
        ("HTTP without a client certificate", trusting(http(&collector.otlp_http_mtls)), false),
        ("gRPC for small messages", grpc(&collector.otlp_grpc_small), true),
        ("HTTP for small messages", http(&collector.otlp_http_small), true),
        ("gRPC that refuses", grpc(&collector.otlp_grpc_refusing), false),
        ("HTTP that refuses", http(&collector.otlp_http_refusing), false),
    ] {
        let span = span(receiver);
        let trace_id = trace_id(&span);
        assert_eq!(deliver(options, span), expected, "{receiver}");
        if expected {
            let written = eventually(|| is_written(&collector, &trace_id).then_some(()));
            assert!(written.is_some(), "{receiver}: {trace_id}");
        }
    }
}

/// Protects the two limits: what is larger than 1 MiB is refused.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn the_receiver_for_small_messages_refuses_a_large_one() {
    let collector = Collector::shared().unwrap();
    let large = "x".repeat(2 * 1024 * 1024);
    for options in [
        ExporterOptions::new(&collector.otlp_grpc_small).unwrap().with_protocol(Protocol::Grpc),
        ExporterOptions::new(&format!("{}/v1/traces", collector.otlp_http_small)).unwrap(),
    ] {
        assert!(!deliver(options, span(&large)));
    }
}

/// Protects what tests of an outage lean on: the file survives a restart.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn a_stopped_collector_goes_on_in_its_file() {
    let mut collector = Collector::alone().unwrap();
    let address = collector.otlp_grpc.clone();
    let options = || ExporterOptions::new(&address).unwrap().with_protocol(Protocol::Grpc);
    let (before, during, after) = (span("before"), span("during"), span("after"));
    let [first, last] = [&before, &after].map(trace_id);
    assert!(deliver(options(), before));
    collector.stop().unwrap();
    assert!(!deliver(options(), during));
    collector.start().unwrap();
    assert!(deliver(options(), after));
    let written = eventually(|| is_written(&collector, &last).then_some(()));
    assert!(written.is_some() && is_written(&collector, &first));
}
