//! Several destinations at once, and those that are not OTLP.

mod common;

use std::process::Command;
use std::time::Duration;

use otelbar_export::{
    ConsoleFormat, ConsoleTarget, Delivery, ExporterOptions, Health, Overflow, Receipt, ToolbarSpanExporter,
};
use otelbar_testkit::{Collector, Fault};

use common::{PATIENCE, Receipts, assert_balanced, batch, options, options_by, protocols};

fn to_all(destinations: impl IntoIterator<Item = ExporterOptions>) -> (ToolbarSpanExporter, Receipts) {
    let exporter = ToolbarSpanExporter::to_all(destinations).unwrap();
    let receipts = Receipts::of(&exporter);
    (exporter, receipts)
}

#[test]
fn each_destination_gets_every_span_and_has_books_of_its_own() {
    let collectors: Vec<Collector> = protocols().map(|_| Collector::start().unwrap()).collect();
    let by = protocols().zip(&collectors);
    let (exporter, receipts) = to_all(by.map(|(protocol, collector)| options_by(protocol, collector)));
    for key in 0..10 {
        exporter.enqueue(batch(key, 3)).unwrap();
    }
    exporter.shutdown(PATIENCE).unwrap();
    let all = exporter.statistics();
    assert_eq!(all.len(), collectors.len());
    for (index, (statistics, collector)) in all.iter().zip(&collectors).enumerate() {
        assert_balanced(statistics);
        assert_eq!(
            (statistics.enqueued, statistics.spans.accepted, statistics.destination.index),
            (30, 30, index)
        );
        assert_eq!(collector.spans().len(), 30);
        let finals = receipts.all().into_iter().filter(|receipt| receipt.is_final());
        assert_eq!(finals.filter(|receipt| receipt.destination == statistics.destination).count(), 10);
    }
}

#[test]
fn one_that_hangs_or_is_dead_keeps_nothing_from_the_others() {
    let (good, hanging, dead) =
        (Collector::start().unwrap(), Collector::start().unwrap(), Collector::start().unwrap());
    hanging.respond_always(Fault::Hang);
    dead.stop();
    let small = |collector| options(collector).with_queue_size(8).with_overflow(Overflow::Newest);
    let (exporter, receipts) = to_all([small(&hanging), small(&dead), options(&good)]);
    for key in 0..50 {
        exporter.enqueue(batch(key, 4)).expect("the good one takes them");
    }
    good.wait_for(|spans| spans.len() == 200, PATIENCE).unwrap();
    for key in 0..50 {
        receipts.wait_for(|receipt| {
            receipt.key == key.into() && receipt.destination.index == 2 && receipt.is_final()
        });
    }
    // Else it might not have been tried.
    let is_dead = |receipt: &Receipt| matches!(receipt.delivery, Delivery::Retrying { .. });
    receipts.wait_for(|receipt| receipt.destination.index == 1 && is_dead(receipt));
    let error = exporter.shutdown(Duration::from_millis(500)).unwrap_err();
    let left: Vec<usize> = error.destinations.iter().map(|left| left.destination.index).collect();
    assert_eq!(left, [0, 1], "{error}");
    let all = exporter.statistics();
    all.iter().for_each(assert_balanced);
    assert_eq!(all[2].spans.accepted, 200);
    assert!(all[0].dropped.queue_full > 0 && all[1].dropped.queue_full > 0, "{all:?}");
    assert_eq!(all[1].health, Health::Failing);
}

#[test]
fn a_pipeline_without_destinations_takes_spans_and_ends() {
    let exporter = ToolbarSpanExporter::to_all([]).unwrap();
    exporter.enqueue(batch(1, 3)).unwrap();
    exporter.flush(PATIENCE).unwrap();
    exporter.shutdown(PATIENCE).unwrap();
    assert!(exporter.statistics().is_empty());
}

#[cfg(feature = "zipkin")]
#[test]
fn zipkin_gets_the_spans_and_what_it_says_is_heard() {
    let collector = Collector::start().unwrap();
    collector.respond_with([
        Fault::status(503).retry_after("0"),
        Fault::Reset,
        Fault::Accept,
        Fault::status(400),
        Fault::Accept,
    ]);
    let (exporter, receipts) = to_all([common::zipkin_at(&collector)]);
    for key in 1..=3 {
        exporter.enqueue(batch(key, 3)).unwrap();
        exporter.flush(PATIENCE).unwrap();
    }
    let statistics = exporter.statistics().remove(0);
    assert_balanced(&statistics);
    assert_eq!((statistics.spans.accepted, statistics.dropped.not_retryable, statistics.requests), (6, 3, 5));
    assert_eq!(statistics.destination.kind, otelbar_export::DestinationKind::Zipkin);
    let agent = format!("otelbar/{}", env!("CARGO_PKG_VERSION"));
    let is_named = |headers: &http::HeaderMap| headers["user-agent"] == agent;
    assert!(collector.requests().iter().all(|request| is_named(&request.headers)), "not OTLP's exporter");
    let spans = collector.zipkin_spans();
    assert_eq!(spans.len(), 6);
    assert!(spans.iter().all(|span| span.service_name() == "shop"));
    let said = receipts.said(2).pop().unwrap();
    assert!(said.contains("answered 400") && said.contains("told to answer"), "{said}");
}

#[cfg(feature = "zipkin")]
#[test]
fn a_span_that_zipkin_would_refuse_the_request_for_is_dropped_alone() {
    let collector = Collector::start().unwrap();
    let (exporter, _) = to_all([common::zipkin_at(&collector)]);
    let mut mixed = batch(1, 3);
    mixed.spans[1].span_context = opentelemetry::trace::SpanContext::empty_context();
    exporter.enqueue(mixed).unwrap();
    exporter.shutdown(PATIENCE).unwrap();
    let statistics = exporter.statistics().remove(0);
    assert_eq!((statistics.spans.accepted, statistics.dropped.invalid_id), (2, 1));
    assert_balanced(&statistics);
    assert_eq!(collector.zipkin_spans().len(), 2);
}

const FORMAT: &str = "OTELBAR_TEST_CONSOLE";

/// Not a test by itself: what the next one runs as a process of its own, to read what it writes.
#[test]
fn a_process_that_writes() {
    let format = match std::env::var(FORMAT).as_deref() {
        Ok("readable") => ConsoleFormat::Readable,
        Ok("json") => ConsoleFormat::Json,
        _ => return,
    };
    let (exporter, _) = to_all([ExporterOptions::console(ConsoleTarget::Stderr, format)]);
    exporter.enqueue(batch(1, 2)).unwrap();
    exporter.shutdown(PATIENCE).unwrap();
    let statistics = exporter.statistics().remove(0);
    assert_eq!((statistics.spans.accepted, &*statistics.destination.endpoint), (2, "stderr"));
}

fn written(format: &str) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_process_that_writes", "--nocapture"])
        .env(FORMAT, format)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}");
    text
}

#[test]
fn the_console_shows_a_tree_for_people() {
    let text = written("readable");
    assert!(text.contains("trace 00000000000000000000000000000002, 2 spans"), "{text}");
    assert!(text.contains("shop: span 0") && text.contains("└─ span 1"), "{text}");
}

#[cfg(feature = "json")]
#[test]
fn the_console_has_a_line_of_json_for_each_batch() {
    let text = written("json");
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with('{')).collect();
    assert_eq!(lines.len(), 1, "{text}");
    let json: serde_json::Value = serde_json::from_str(lines[0]).unwrap();
    assert_eq!(json["resourceSpans"][0]["scopeSpans"][0]["spans"][1]["name"], "span 1");
}
