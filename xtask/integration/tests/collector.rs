//! What the Collector took, as it writes it to its file.

mod common;

use std::thread;
use std::time::Duration;

use common::held::{Held, assert_held, of_service, settle, wait_for};
use common::load::load;
use common::matrix::assert_each_way_arrives;
use common::relay::{Break, Relay};
use common::{
    PATIENCE, deliver, everything, grpc, http, large_trace, persistent, proven, receipts, refusal, service,
    span, to, trace_id, trusting,
};
use otelbar_export::{BreakerPolicy, Health, Protocol, RetryPolicy, SendError, TraceBatch};
use otelbar_integration::compare::{Form, Span, compare, lines};
use otelbar_integration::{Certificates, Collector, eventually};

const FORM: Form = Form::CollectorFile;

/// Protects each way of OTLP: three protocols, each plain, with gzip and with zstd.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn each_protocol_arrives_with_each_compression() {
    let collector = Collector::shared().unwrap();
    assert_each_way_arrives(&*collector, FORM, &collector.otlp_grpc, &collector.otlp_http);
}

/// Protects TLS: only servers with a certificate of the authority are trusted, and a client certificate is shown where
/// it is asked for.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn spans_arrive_over_tls_and_no_other_certificate_is_trusted() {
    let collector = Collector::shared().unwrap();
    let certificates = Certificates::from_env().unwrap();
    let tls = [grpc(&collector.otlp_grpc_tls), http(&collector.otlp_http_tls)];
    let mtls = [grpc(&collector.otlp_grpc_mtls), http(&collector.otlp_http_mtls)];
    for options in tls.clone().map(|options| trusting(options, &certificates)) {
        assert_held(&*collector, FORM, options, &service("shop"), vec![span("TLS")]);
    }
    for options in mtls.clone().map(|options| proven(options, &certificates)) {
        assert_held(&*collector, FORM, options, &service("shop"), vec![span("client certificate")]);
    }
    for options in tls {
        let error = refusal(options, span("not trusted"));
        assert!(matches!(*error, SendError::Tls { .. }), "{error}");
    }
    for options in mtls.map(|options| trusting(options, &certificates)) {
        let words = refusal(options, span("without proof")).to_string();
        assert!(words.contains("CLIENT_CERTIFICATE") || words.contains("certificate required"), "{words}");
    }
}

/// Protects each field: nothing is lost between the exporter and the Collector's file.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn every_field_comes_back() {
    let collector = Collector::shared().unwrap();
    let json = http(&collector.otlp_http).with_protocol(Protocol::HttpJson);
    for options in [grpc(&collector.otlp_grpc), http(&collector.otlp_http), json] {
        for spans in [everything::trace(), everything::short_trace(), everything::not_numbers()] {
            assert_held(&*collector, FORM, options.clone(), &everything::service(), spans);
        }
    }
}

/// Protects halving: a request that the receiver finds too large is sent in parts that it takes, and what is too large
/// by itself is told.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn a_request_that_is_too_large_is_halved_until_it_fits() {
    let collector = Collector::shared().unwrap();
    for options in [grpc(&collector.otlp_grpc_small), http(&collector.otlp_http_small)] {
        // 4 MiB where 1 MiB is taken.
        let spans = large_trace(64, 64 * 1024);
        let (sent, _) = assert_held(&*collector, FORM, options.clone(), &service("shop"), spans);
        // No part is sent twice.
        settle(&*collector, FORM, &collector.otlp_http);
        assert_eq!(collector.spans(FORM, &sent[0].trace_id).len(), sent.len());

        let error = refusal(options, span(&"x".repeat(2 * 1024 * 1024)));
        assert!(error.is_too_large(), "{error}");
    }
}

/// Protects what becomes of a refusal for want of memory: it is retried, the backend's words are in the receipt, and
/// what is not taken in the end is counted.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn the_memory_limiter_is_heard_and_retried() {
    let collector = Collector::shared().unwrap();
    let mut briefly = RetryPolicy::default();
    briefly.initial = Duration::from_millis(20);
    briefly.max_age = Duration::from_millis(300);
    let mut never_open = BreakerPolicy::default();
    never_open.failure_threshold = u32::MAX;
    for options in [grpc(&collector.otlp_grpc_refusing), http(&collector.otlp_http_refusing)] {
        let span = span("refused");
        let trace_id = trace_id(&span);
        let exporter = to(options).with_retry(briefly).with_breaker(never_open).build().unwrap();
        let receipts = receipts(&exporter);
        exporter.enqueue(TraceBatch::new(1, service("shop"), vec![span])).unwrap();
        exporter.flush(PATIENCE).unwrap();

        let receipts = receipts.lock().unwrap();
        let texts: Vec<String> = receipts.iter().map(|receipt| receipt.delivery.to_string()).collect();
        assert!(texts.iter().any(|text| text.starts_with("will be sent again")), "{texts:?}");
        let last = receipts.last().unwrap();
        assert!(texts.last().unwrap().contains("data refused due to high memory usage"), "{texts:?}");
        assert_eq!((last.spans.dropped, last.spans.accepted), (1, 0));
        let statistics = exporter.statistics().remove(0);
        assert_eq!((statistics.dropped.total(), statistics.health), (1, Health::Failing), "{statistics:?}");
        assert!(collector.spans(FORM, &trace_id).is_empty());
    }
}

/// Protects what tests of an outage lean on: the file survives a restart.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn a_stopped_collector_goes_on_in_its_file() {
    let mut collector = Collector::alone().unwrap();
    let options = grpc(&collector.otlp_grpc.clone());
    let (before, during, after) = (span("before"), span("during"), span("after"));
    let [first, last] = [&before, &after].map(trace_id);
    assert!(deliver(options.clone(), before));
    collector.stop().unwrap();
    assert!(!deliver(options.clone(), during));
    collector.start().unwrap();
    assert!(deliver(options, after));
    assert_eq!(wait_for(&*collector, FORM, &last, 1).len(), 1);
    assert_eq!(collector.spans(FORM, &first).len(), 1);
}

/// Protects against an outage: the Collector is stopped for ten seconds under load and started again. All that the
/// queue's bound holds arrives, each span once, and the receipts say what the Collector holds.
///
/// Each span is there exactly once because the Collector is asked to end: it answers the requests that it has taken, and
/// writes what it has answered for.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn an_outage_of_ten_seconds_under_load_loses_and_repeats_nothing() {
    let mut collector = Collector::alone().unwrap();
    let services = ["outage over gRPC", "outage over HTTP"];
    let ways = [grpc(&collector.otlp_grpc), http(&collector.otlp_http)];
    let exporters = ways.map(|options| persistent(to(options)).build().unwrap());
    let receipts = exporters.each_ref().map(receipts);
    let load_for = |seconds: u64| -> Vec<Span> {
        let time = Duration::from_secs(seconds);
        thread::scope(|scope| {
            let loads: Vec<_> = exporters
                .iter()
                .zip(services)
                .map(|(exporter, name)| scope.spawn(move || load(&[exporter], &service(name), time)))
                .collect();
            loads.into_iter().flat_map(|load| load.join().unwrap()).collect()
        })
    };
    let mut sent = load_for(1);
    collector.stop().unwrap();
    sent.extend(load_for(10));
    for exporter in &exporters {
        let statistics = exporter.statistics().remove(0);
        assert_eq!((statistics.health, statistics.dropped.total()), (Health::Failing, 0), "{statistics:?}");
        assert!(statistics.spans.queued > 2_000, "the queue keeps what comes meanwhile: {statistics:?}");
    }
    collector.start().unwrap();
    sent.extend(load_for(1));
    for (exporter, receipts) in exporters.iter().zip(receipts) {
        exporter.shutdown(PATIENCE).unwrap();
        let statistics = exporter.statistics().remove(0);
        assert_eq!(
            (statistics.spans.accepted, statistics.enqueued),
            (sent.len() as u64 / 2, sent.len() as u64 / 2)
        );
        let receipts = receipts.lock().unwrap();
        let accepted: u64 =
            receipts.iter().filter(|receipt| receipt.is_final()).map(|receipt| receipt.spans.accepted).sum();
        assert_eq!(accepted, statistics.spans.accepted, "the receipts tell the same");
    }
    // What came before is written when this is.
    settle(&*collector, FORM, &collector.otlp_http);
    let found: Vec<Span> = services.iter().flat_map(|name| of_service(&collector, name)).collect();
    let differences = compare(&sent, &found);
    let some = &differences[..differences.len().min(5)];
    assert!(differences.is_empty(), "{} of {} spans:{}", differences.len(), sent.len(), lines(some));
}

/// Protects against a crash: the Collector is killed when it has half of a request. That is sent again to the one that
/// is started in its place, and is there once, for the first never had the whole of it.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn a_request_that_a_killed_collector_had_half_of_arrives_once() {
    let mut collector = Collector::alone().unwrap();
    let relay = Relay::start(&collector.otlp_http, Break::Request);
    // Large enough that its middle is not its end.
    let spans = large_trace(2, 256 * 1024);
    let sent: Vec<Span> = spans.iter().map(|data| Span::sent(&service("shop"), data)).collect();
    let exporter = persistent(to(http(relay.endpoint()))).build().unwrap();
    exporter.enqueue(TraceBatch::new(1, service("shop"), spans)).unwrap();
    relay.wait_until_reached();
    collector.kill().unwrap();
    relay.break_connection();
    let failed = eventually(|| exporter.statistics()[0].last_error.clone());
    assert!(failed.unwrap().error.is_retryable());
    collector.start().unwrap();
    exporter.shutdown(PATIENCE).unwrap();
    assert_eq!(exporter.statistics()[0].spans.accepted, 2);
    settle(&*collector, FORM, &collector.otlp_http);
    let differences = compare(&sent, &collector.spans(FORM, &sent[0].trace_id));
    assert!(differences.is_empty(), "{}", lines(&differences));
}

/// Tells what OTLP cannot avoid: where the backend has taken a request and its answer is lost, the request is sent again,
/// as the specification asks, and its spans are stored twice. The receipt counts them once; nothing is lost.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn a_request_whose_answer_is_lost_is_stored_twice_and_counted_once() {
    let collector = Collector::shared().unwrap();
    let relay = Relay::start(&collector.otlp_http, Break::Answer);
    let span = span("answer lost");
    let trace_id = trace_id(&span);
    let exporter = persistent(to(http(relay.endpoint()))).build().unwrap();
    exporter.enqueue(TraceBatch::new(1, service("shop"), vec![span])).unwrap();
    relay.wait_until_reached();
    relay.break_connection();
    exporter.shutdown(PATIENCE).unwrap();
    let statistics = exporter.statistics().remove(0);
    assert_eq!(
        (statistics.spans.accepted, statistics.enqueued, statistics.requests),
        (1, 1, 2),
        "{statistics:?}"
    );
    assert_eq!(wait_for(&*collector, FORM, &trace_id, 2).len(), 2);
}
