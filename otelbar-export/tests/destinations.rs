//! Several destinations at once, and those that are not OTLP.

mod common;

use std::process::Command;
use std::time::Duration;

use otelbar_export::{
    ConsoleFormat, ConsoleTarget, Delivery, Destination, Health, OtlpDestination, Overflow, Pipeline,
    PipelineBuilder, Receipt,
};
use otelbar_testkit::{Collector, Fault};

use common::{PATIENCE, assert_balanced, at_once, batch, otlp, otlp_by, protocols, start};

/// To the second of these, too, and so on.
fn to_all(collectors: impl IntoIterator<Item = OtlpDestination>) -> PipelineBuilder {
    let mut collectors = collectors.into_iter();
    let first = at_once(collectors.next().unwrap());
    collectors.fold(first, PipelineBuilder::with_destination)
}

#[test]
fn each_destination_gets_every_span_and_has_statistics_of_its_own() {
    let collectors: Vec<Collector> = protocols().map(|_| Collector::start().unwrap()).collect();
    let by = protocols().zip(&collectors);
    let (pipeline, receipts) = start(to_all(by.map(|(protocol, collector)| otlp_by(protocol, collector))));
    for key in 0..10 {
        pipeline.enqueue(batch(key, 3)).unwrap();
    }
    pipeline.shutdown(PATIENCE).unwrap();
    let all = pipeline.statistics();
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
    let small = to_all([otlp(&hanging), otlp(&dead), otlp(&good)]).with_max_queue_size(8);
    let (pipeline, receipts) = start(small.with_overflow(Overflow::Newest));
    for key in 0..50 {
        pipeline.enqueue(batch(key, 4)).expect("the good one takes them");
        receipts.wait_for(|receipt| {
            receipt.key == key.into() && receipt.destination.index == 2 && receipt.is_final()
        });
    }
    assert_eq!(good.spans().len(), 200);
    // Else it might not have been tried.
    let is_dead = |receipt: &Receipt| matches!(receipt.delivery, Delivery::Retrying { .. });
    receipts.wait_for(|receipt| receipt.destination.index == 1 && is_dead(receipt));
    let error = pipeline.shutdown(Duration::from_millis(500)).unwrap_err();
    let left: Vec<usize> = error.destinations.iter().map(|left| left.destination.index).collect();
    assert_eq!(left, [0, 1], "{error}");
    let all = pipeline.statistics();
    all.iter().for_each(assert_balanced);
    assert_eq!(all[2].spans.accepted, 200);
    assert!(all[0].dropped.queue_full > 0 && all[1].dropped.queue_full > 0, "{all:?}");
    assert_eq!(all[1].health, Health::Failing);
}

#[test]
fn a_pipeline_without_destinations_takes_spans_and_ends() {
    let pipeline = Pipeline::builder().build().unwrap();
    pipeline.enqueue(batch(1, 3)).unwrap();
    pipeline.flush(PATIENCE).unwrap();
    pipeline.shutdown(PATIENCE).unwrap();
    assert!(pipeline.statistics().is_empty());
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
    let (pipeline, receipts) = start(at_once(common::zipkin(&collector)));
    for key in 1..=3 {
        pipeline.enqueue(batch(key, 3)).unwrap();
        pipeline.flush(PATIENCE).unwrap();
    }
    let statistics = pipeline.statistics().remove(0);
    assert_balanced(&statistics);
    assert_eq!((statistics.spans.accepted, statistics.dropped.not_retryable, statistics.requests), (6, 3, 5));
    assert_eq!(statistics.destination.kind, otelbar_export::DestinationKind::Zipkin);
    let agent = format!("otelbar/{}", env!("CARGO_PKG_VERSION"));
    let is_named = |headers: &http::HeaderMap| headers["user-agent"] == agent;
    assert!(collector.requests().iter().all(|request| is_named(&request.headers)), "not OTLP's pipeline");
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
    let (pipeline, _) = start(at_once(common::zipkin(&collector)));
    let mut mixed = batch(1, 3);
    mixed.spans[1].span_context = opentelemetry::trace::SpanContext::empty_context();
    pipeline.enqueue(mixed).unwrap();
    pipeline.shutdown(PATIENCE).unwrap();
    let statistics = pipeline.statistics().remove(0);
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
    let console = Destination::console().with_target(ConsoleTarget::Stderr).with_format(format);
    let (pipeline, _) = start(at_once(console));
    pipeline.enqueue(batch(1, 2)).unwrap();
    pipeline.shutdown(PATIENCE).unwrap();
    let statistics = pipeline.statistics().remove(0);
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
