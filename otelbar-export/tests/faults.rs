//! Every fault over every way to send: the pipeline outlives each, and each span is in one place.

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use otelbar_export::{Delivery, RetryPolicy, SpoolOptions};
use otelbar_testkit::{Collector, Ending, Fault, Stage};

use common::{Http, PATIENCE, assert_balanced, at_once, batch, start, statistics_of, ways};

fn way(name: &str, collector: &Collector) -> Option<Http> {
    ways(collector).into_iter().find_map(|(known, http)| (known == name).then_some(http))
}

/// The ids of what the collector has accepted, whichever way it came.
fn arrived(collector: &Collector) -> Vec<String> {
    let otlp = collector.spans().into_iter().map(|span| span.span_id());
    otlp.chain(collector.zipkin_spans().into_iter().map(|span| span.id)).collect()
}

/// When an attempt is given up that hangs. On a busy machine others are as well, which are sent again.
const SHORT: Duration = Duration::from_millis(300);

/// Whether it lasts until somebody gives up.
fn is_slow(fault: &Fault) -> bool {
    matches!(fault, Fault::Hang | Fault::Slow(_) | Fault::At(_, Ending::Hang))
}

fn hasty() -> RetryPolicy {
    let mut hasty = RetryPolicy::default();
    hasty.initial = Duration::from_millis(1);
    hasty.max = Duration::from_millis(1);
    hasty.max_retry_after = Duration::from_millis(5);
    hasty
}

/// One batch meets the fault, the next a collector that does well.
fn meet(name: &str, fault: &Fault) {
    let collector = Collector::start().unwrap();
    // Whether it is met by a new connection or by one that is kept.
    for kept in [false, true] {
        let Some(http) = way(name, &collector) else { return };
        // Who asks for patience gets little of it. What hangs or is slow has to be given up; nothing else is, however
        // busy the machine.
        let timeout = if is_slow(fault) { SHORT } else { PATIENCE };
        let (pipeline, receipts) = start(at_once(http.with_timeout(timeout)).with_retry(hasty()));
        let context = format!("{name}, {}, {fault}", if kept { "kept" } else { "new" });
        collector.clear();
        if kept {
            pipeline.enqueue(batch(1, 3)).unwrap();
            pipeline.flush(PATIENCE).unwrap();
        }
        collector.respond_with([fault.clone()]);
        pipeline.enqueue(batch(2, 3)).unwrap();
        pipeline.flush(PATIENCE).unwrap_or_else(|error| panic!("{context}: {error}"));
        // What is left of the fault, where it was not met: on a connection that is kept there is no accepting.
        collector.respond_normally();
        collector.release();
        pipeline.enqueue(batch(3, 3)).unwrap();
        pipeline.shutdown(PATIENCE).unwrap_or_else(|error| panic!("{context}: {error}"));

        let statistics = statistics_of(&pipeline);
        assert_balanced(&statistics);
        let enqueued = if kept { 9 } else { 6 };
        assert_eq!((statistics.enqueued, statistics.spans.settled()), (enqueued, enqueued), "{context}");
        let last = receipts.wait_for(|receipt| receipt.key == 3.into() && receipt.is_final());
        assert!(matches!(last.delivery, Delivery::Accepted { .. }), "{context}: {}", last.delivery);
        let finals = receipts.all().into_iter().filter(|receipt| receipt.is_final()).count();
        assert_eq!(finals as u64, enqueued / 3, "{context}: a final receipt for each batch");
        let arrived = arrived(&collector);
        let distinct: BTreeSet<&String> = arrived.iter().collect();
        // Where an attempt may be given up that was answered too late, the spans may come twice.
        if !is_slow(fault) {
            assert_eq!(distinct.len(), arrived.len(), "{context}: nothing is accepted twice");
        }
        // A success that breaks off is a success, though this collector takes it back.
        let broken_off = matches!(fault, Fault::At(Stage::ResponseHead | Stage::ResponseBody, _));
        let slow = matches!(fault, Fault::Slow(_));
        if !broken_off && !slow {
            assert_eq!(
                distinct.len() as u64,
                statistics.spans.accepted,
                "{context}: what is accepted is there"
            );
        }
    }
}

fn meet_all(name: &str) {
    Fault::all().iter().for_each(|fault| meet(name, fault));
}

#[test]
fn over_http_in_protobuf() {
    meet_all("http/protobuf");
}

#[test]
fn over_http_in_json() {
    meet_all("http/json");
}

#[test]
fn over_grpc() {
    meet_all("grpc");
}

#[test]
fn to_zipkin() {
    meet_all("zipkin");
}

#[test]
fn a_fault_that_lasts_costs_nothing_but_time_with_a_spool() {
    for fault in [
        Fault::status(503),
        Fault::Reset,
        Fault::Garbage,
        Fault::At(Stage::Accept, Ending::Close),
        Fault::At(Stage::RequestBody, Ending::Hang),
    ] {
        let collector = Collector::start().unwrap();
        for (name, http) in ways(&collector) {
            let folder = tempfile::tempdir().unwrap();
            let http = http.with_timeout(if is_slow(&fault) { SHORT } else { PATIENCE });
            let builder = at_once(http).with_spool(SpoolOptions::new(folder.path())).with_max_queue_size(10);
            let (pipeline, receipts) = start(builder);
            collector.clear();
            collector.respond_always(fault.clone());
            for key in 1..=10 {
                pipeline.enqueue(batch(key, 4)).unwrap();
                pipeline.flush(PATIENCE).unwrap();
            }
            collector.respond_normally();
            collector.release();
            for key in 1..=10 {
                receipts.wait_for(|receipt| receipt.key == key.into() && receipt.is_final());
            }
            let statistics = statistics_of(&pipeline);
            assert_balanced(&statistics);
            assert_eq!((statistics.spans.accepted, statistics.dropped.total()), (40, 0), "{name}, {fault}");
            assert!(arrived(&collector).len() >= 40, "{name}, {fault}");
        }
    }
}

#[test]
fn a_request_above_the_backends_limit_is_halved_whatever_the_way() {
    let collector = Collector::start().unwrap();
    collector.limit_request_size(3000);
    for (name, http) in ways(&collector) {
        let (pipeline, _) = start(at_once(http));
        collector.clear();
        pipeline.enqueue(batch(1, 100)).unwrap();
        pipeline.shutdown(PATIENCE).unwrap();
        let statistics = statistics_of(&pipeline);
        assert_eq!((statistics.spans.accepted, statistics.dropped.total()), (100, 0), "{name}");
        assert_balanced(&statistics);
        assert_eq!(arrived(&collector).len(), 100, "{name}");
    }
}

#[test]
fn a_collector_that_restarts_on_its_port_is_found_again() {
    let collector = Collector::start().unwrap();
    for (name, http) in ways(&collector) {
        let (pipeline, _) = start(at_once(http));
        collector.clear();
        for key in 1..=3 {
            pipeline.enqueue(batch(key, 2)).unwrap();
            pipeline.flush(PATIENCE).unwrap();
            collector.stop();
            pipeline.enqueue(batch(key + 10, 2)).unwrap();
            collector.restart().unwrap();
        }
        pipeline.shutdown(PATIENCE).unwrap();
        assert_eq!(statistics_of(&pipeline).spans.accepted, 12, "{name}");
        assert_eq!(arrived(&collector).len(), 12, "{name}");
    }
}
