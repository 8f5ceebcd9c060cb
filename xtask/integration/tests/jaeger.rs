//! What Jaeger holds, as its query API tells it.

mod common;

use common::held::{Held, assert_each_loss_is_one, assert_held, wait_for};
use common::matrix::assert_each_way_arrives;
use common::{
    deliver_by, everything, grpc, http, large_trace, once, proven, refusal, service, span, to, trace_id,
    trusting,
};
use otelbar_export::{GrpcCode, OtlpDestination, Protocol, SendError};
use otelbar_integration::compare::{Form, compare, lines};
use otelbar_integration::{Certificates, Jaeger};

/// Protects each way of OTLP: three protocols, each plain, with gzip and with zstd.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn each_protocol_arrives_with_each_compression() {
    let jaeger = Jaeger::shared().unwrap();
    assert_each_way_arrives(&*jaeger, Form::JaegerV3, &jaeger.otlp_grpc, &jaeger.otlp_http);
}

/// Protects client certificates: who shows one is let in, and who shows none is told so.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn a_client_certificate_lets_in() {
    let jaeger = Jaeger::shared().unwrap();
    let certificates = Certificates::from_env().unwrap();
    for options in [grpc(&jaeger.otlp_grpc_mtls), http(&jaeger.otlp_http_mtls)] {
        let with_certificate = proven(options.clone(), &certificates);
        assert_held(&*jaeger, Form::JaegerV3, with_certificate, &service("shop"), vec![span("let in")]);

        let span = span("not let in");
        let trace_id = trace_id(&span);
        let words = refusal(trusting(options, &certificates), span).to_string();
        assert!(words.contains("CLIENT_CERTIFICATE") || words.contains("certificate required"), "{words}");
        assert!(jaeger.spans(Form::JaegerV3, &trace_id).is_empty());
    }
}

/// Protects authentication by header, and that the backend's own words about a wrong one reach the receipt.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn a_header_lets_in_and_a_wrong_one_is_told() {
    let jaeger = Jaeger::shared().unwrap();
    let with = |options: &OtlpDestination, value: &str| options.clone().with_header("authorization", value);
    let ways = [grpc(&jaeger.otlp_grpc_basicauth), http(&jaeger.otlp_http_basicauth)];
    for options in &ways {
        let right = with(options, &jaeger.authorization);
        assert_held(&*jaeger, Form::JaegerV3, right, &service("shop"), vec![span("let in")]);
    }
    // otelbar:wrong
    let wrong = ways.map(|options| refusal(with(&options, "Basic b3RlbGJhcjp3cm9uZw=="), span("wrong")));
    let [over_grpc, over_http] = &wrong;
    let SendError::Grpc { code, message, .. } = &**over_grpc else { panic!("{over_grpc}") };
    assert_eq!((*code, message.is_empty()), (GrpcCode::Unauthenticated, false), "{over_grpc}");
    let SendError::Status { status, message, .. } = &**over_http else { panic!("{over_http}") };
    assert_eq!((status.as_u16(), message.is_empty()), (401, false), "{over_http}");
}

/// Protects each field, and the table of what Jaeger cannot hold.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn every_field_comes_back_as_otlp() {
    let jaeger = Jaeger::shared().unwrap();
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf, Protocol::HttpJson] {
        let options = match protocol {
            Protocol::Grpc => grpc(&jaeger.otlp_grpc),
            other => http(&jaeger.otlp_http).with_protocol(other),
        };
        let traces = [everything::trace(), everything::short_trace(), everything::not_numbers()];
        let held = traces.map(|spans| {
            assert_held(&*jaeger, Form::JaegerV3, options.clone(), &everything::service(), spans)
        });
        assert_each_loss_is_one(Form::JaegerV3, &held);
    }
}

/// Protects the table of what the form that Jaeger's UI reads cannot hold.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn the_ui_shows_every_field_but_those_of_the_table() {
    let jaeger = Jaeger::shared().unwrap();
    let traces = [everything::trace(), everything::short_trace(), everything::not_numbers()];
    let held = traces.map(|spans| {
        // It is asked when the trace is there: the table may say that nothing is to be seen of it.
        let options = http(&jaeger.otlp_http);
        let (sent, _) = assert_held(&*jaeger, Form::JaegerV3, options, &everything::service(), spans);
        let found = jaeger.spans(Form::JaegerUi, &sent[0].trace_id);
        let differences = compare(&Form::JaegerUi.expected(&sent), &found);
        assert!(differences.is_empty(), "{}", lines(&differences));
        (sent, found)
    });
    assert_each_loss_is_one(Form::JaegerUi, &held);
}

/// Protects the size of requests over gRPC: Jaeger takes 4 MiB, and is never sent more.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn over_grpc_a_large_trace_is_sent_in_parts_from_the_start() {
    let jaeger = Jaeger::shared().unwrap();
    let spans = large_trace(12, 512 * 1024);
    let trace_id = trace_id(&spans[0]);
    let statistics = deliver_by(once(to(grpc(&jaeger.otlp_grpc))), &service("shop"), spans);
    assert_eq!((statistics.spans.accepted, statistics.requests), (12, 2), "{statistics:?}");
    assert_eq!(wait_for(&*jaeger, Form::JaegerV3, &trace_id, 12).len(), 12);
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
