//! What Jaeger holds, as its query API tells it.

mod common;

use common::{deliver, span, trace_id};
use otelbar_export::{ExporterOptions, Protocol};
use otelbar_integration::{Certificates, Jaeger, eventually};

/// The name of the only span of a trace.
fn stored(jaeger: &Jaeger, trace_id: &str) -> Option<String> {
    let answer = ureq::get(format!("{}/api/v3/traces/{trace_id}", jaeger.api)).call().ok()?;
    let answer: serde_json::Value = answer.into_body().read_json().ok()?;
    let name = answer.pointer("/result/resourceSpans/0/scopeSpans/0/spans/0/name")?;
    name.as_str().map(str::to_owned)
}

/// Protects the receivers' set-up: each takes a span, and one that asks for proof takes none without it.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn each_receiver_takes_a_span() {
    let jaeger = Jaeger::shared().unwrap();
    let certificates = Certificates::from_env().unwrap();
    let grpc = |url: &str| ExporterOptions::new(url).unwrap().with_protocol(Protocol::Grpc);
    let http = |url: &str| ExporterOptions::new(&format!("{url}/v1/traces")).unwrap();
    let trusting = |options: ExporterOptions| options.with_certificate(&certificates.authority);
    let proven = |options: ExporterOptions| {
        trusting(options).with_client_certificate(&certificates.client_certificate, &certificates.client_key)
    };
    let authorized =
        |options: ExporterOptions| options.with_header("authorization", &jaeger.authorization).unwrap();
    for (receiver, options, expected) in [
        ("gRPC", grpc(&jaeger.otlp_grpc), true),
        ("HTTP", http(&jaeger.otlp_http), true),
        ("gRPC with a client certificate", proven(grpc(&jaeger.otlp_grpc_mtls)), true),
        ("HTTP with a client certificate", proven(http(&jaeger.otlp_http_mtls)), true),
        ("HTTP without a client certificate", trusting(http(&jaeger.otlp_http_mtls)), false),
        ("gRPC with authorization", authorized(grpc(&jaeger.otlp_grpc_basicauth)), true),
        ("HTTP with authorization", authorized(http(&jaeger.otlp_http_basicauth)), true),
        ("gRPC without authorization", grpc(&jaeger.otlp_grpc_basicauth), false),
    ] {
        let span = span(receiver);
        let trace_id = trace_id(&span);
        assert_eq!(deliver(options, span), expected, "{receiver}");
        if expected {
            let name = eventually(|| stored(&jaeger, &trace_id));
            assert_eq!(name.as_deref(), Some(receiver), "{trace_id}");
        }
    }
}

#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn a_stopped_jaeger_comes_back_at_its_address() {
    let mut jaeger = Jaeger::alone().unwrap();
    let answers = |jaeger: &Jaeger| ureq::get(format!("{}/api/services", jaeger.api)).call().is_ok();
    assert!(answers(&jaeger));
    jaeger.stop().unwrap();
    assert!(!answers(&jaeger));
    jaeger.start().unwrap();
    assert!(answers(&jaeger));
}
