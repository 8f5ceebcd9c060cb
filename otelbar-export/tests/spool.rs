//! What lies on disk while the backend is away, over restarts and crashes.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use otelbar_export::{Delivery, Destination, Pipeline, PipelineBuilder, SpoolOptions};
use otelbar_testkit::{Collector, Fault};

use common::{
    PATIENCE, Receipts, assert_balanced, batch, endpoint, protocols, start, statistics_of, to, to_by,
};

fn spooling(collector: &Collector, folder: &Path) -> PipelineBuilder {
    to(collector).with_spool(SpoolOptions::new(folder))
}

/// The ids of all spans that arrived, in order, without those that came twice.
fn arrived(collector: &Collector) -> Vec<String> {
    let mut ids: Vec<String> = collector.spans().iter().map(|span| span.span_id()).collect();
    ids.sort();
    ids.dedup();
    ids
}

fn wait_for_all_settled(pipeline: &Pipeline, receipts: &Receipts, keys: std::ops::Range<u64>) {
    for key in keys {
        receipts.wait_for(|receipt| receipt.key == key.into() && receipt.is_final());
    }
    assert_balanced(&statistics_of(pipeline));
}

#[test]
fn spans_lie_on_disk_while_the_backend_is_away_and_go_when_it_is_back() {
    for protocol in protocols() {
        let folder = tempfile::tempdir().unwrap();
        let collector = Collector::start().unwrap();
        collector.stop();
        let by = to_by(protocol, &collector).with_spool(SpoolOptions::new(folder.path()));
        let (pipeline, receipts) = start(by);
        for key in 0..20 {
            pipeline.enqueue(batch(key, 3)).unwrap();
            pipeline.flush(PATIENCE).expect("what is on disk is settled for a flush");
        }
        let statistics = statistics_of(&pipeline);
        // Some may just be on their way, to see whether the backend is back.
        assert_eq!(
            (statistics.spans.queued, statistics.spans.in_flight + statistics.spans.spooled),
            (0, 60),
            "{statistics:?}"
        );
        assert!(statistics.spooled_bytes > 0 && statistics.spans.accepted == 0);
        assert_balanced(&statistics);
        let spooled = receipts
            .wait_for(|receipt| receipt.key == 7.into() && matches!(receipt.delivery, Delivery::Spooled));
        assert!(!spooled.is_final() && spooled.spans.spooled == 3, "{spooled:?}");

        collector.restart().unwrap();
        wait_for_all_settled(&pipeline, &receipts, 0..20);
        let statistics = statistics_of(&pipeline);
        assert_eq!((statistics.spans.accepted, statistics.spans.spooled), (60, 0));
        assert_eq!((arrived(&collector).len(), collector.spans().len()), (60, 60), "each came once");
    }
}

#[test]
fn the_next_process_sends_what_a_shutdown_has_left() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start().unwrap();
    // It takes the request and does not answer.
    collector.respond_always(Fault::Hang);
    let (first, receipts) = start(spooling(&collector, folder.path()).with_max_export_batch_size(4));
    for key in 0..5 {
        first.enqueue(batch(key, 4)).unwrap();
    }
    first.shutdown(Duration::from_secs(2)).expect("nothing is lost, so nothing is left");
    let statistics = statistics_of(&first);
    assert_eq!((statistics.spans.spooled, statistics.dropped.total()), (20, 0), "{statistics:?}");
    assert_balanced(&statistics);
    assert!(receipts.said(4).last().unwrap().contains("kept on disk"), "{:?}", receipts.said(4));
    drop(first);

    let collector = Collector::start().unwrap();
    let (second, _) = start(spooling(&collector, folder.path()));
    assert_eq!(statistics_of(&second).recovered, 20);
    collector.wait_for(|spans| spans.len() == 20, PATIENCE).unwrap();
    second.enqueue(batch(9, 1)).unwrap();
    second.shutdown(PATIENCE).unwrap();
    let statistics = statistics_of(&second);
    assert_balanced(&statistics);
    assert_eq!((statistics.enqueued, statistics.recovered, statistics.spans.accepted), (1, 20, 21));
    assert_eq!(statistics.spans.spooled, 0);
}

const FOLDER: &str = "OTELBAR_TEST_SPOOL";
const EXIT_FOLDER: &str = "OTELBAR_TEST_SPOOL_OF_EXIT";
const ENDPOINT: &str = "OTELBAR_TEST_ENDPOINT";

/// Not a test by itself: what the next one runs as a process of its own, to have it killed.
#[test]
fn a_process_that_is_killed() {
    let (Ok(folder), Ok(endpoint)) = (std::env::var(FOLDER), std::env::var(ENDPOINT)) else { return };
    let builder = Pipeline::builder().with_destination(Destination::otlp(endpoint).with_timeout(PATIENCE));
    let spooling = builder.with_spool(SpoolOptions::new(folder));
    let (pipeline, _) = start(spooling.with_scheduled_delay(Duration::ZERO));
    for key in 0..50 {
        pipeline.enqueue(batch(key, 4)).unwrap();
        pipeline.flush(PATIENCE).unwrap();
    }
    let statistics = statistics_of(&pipeline);
    assert_eq!(statistics.spans.spooled + statistics.spans.in_flight, 200);
    // No destructor runs.
    std::process::abort();
}

#[test]
fn all_that_was_spooled_arrives_after_the_process_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start().unwrap();
    collector.stop();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_process_that_is_killed"])
        .env(FOLDER, folder.path())
        .env(ENDPOINT, endpoint(&collector, otelbar_export::Protocol::HttpProtobuf))
        .output()
        .unwrap();
    assert!(!status.status.success(), "it ends by being killed: {status:?}");

    collector.restart().unwrap();
    let (pipeline, _) = start(spooling(&collector, folder.path()));
    assert_eq!(statistics_of(&pipeline).recovered, 200);
    collector.wait_for(|spans| spans.len() >= 200, PATIENCE).unwrap();
    assert_eq!((arrived(&collector).len(), collector.spans().len()), (200, 200));
}

/// Not a test by itself: what the next one runs as a process of its own, which ends without a shutdown.
#[test]
fn a_process_that_exits() {
    let (Ok(folder), Ok(endpoint)) = (std::env::var(EXIT_FOLDER), std::env::var(ENDPOINT)) else { return };
    // Its backend takes its time, and the user's delay is an hour.
    let destination = Destination::otlp(endpoint).with_timeout(PATIENCE * 100);
    let patient = Pipeline::builder().with_destination(destination).with_scheduled_delay(PATIENCE * 100);
    let (pipeline, _) = start(patient.with_spool(SpoolOptions::new(folder)));
    for key in 0..3 {
        pipeline.enqueue(batch(key, 4)).unwrap();
        let before = statistics_of(&pipeline).spooled_bytes;
        let started = Instant::now();
        // It writes by itself, in time.
        while statistics_of(&pipeline).spooled_bytes == before {
            assert!(started.elapsed() < PATIENCE);
            std::thread::yield_now();
        }
    }
    // No destructor runs, nor is there anybody who shuts the pipeline down.
    std::process::exit(0);
}

#[test]
fn what_was_enqueued_in_time_outlives_an_exit_without_a_shutdown() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start().unwrap();
    collector.respond_always(Fault::Hang);
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_process_that_exits"])
        .env(EXIT_FOLDER, folder.path())
        .env(ENDPOINT, endpoint(&collector, otelbar_export::Protocol::HttpProtobuf))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");

    collector.respond_normally();
    let (pipeline, receipts) = start(spooling(&collector, folder.path()));
    assert_eq!(statistics_of(&pipeline).recovered, 12);
    drop(receipts);
    collector.wait_for(|spans| spans.len() >= 12, PATIENCE).unwrap();
    assert_eq!(arrived(&collector).len(), 12);
}

#[test]
fn a_full_spool_drops_the_oldest_and_counts_them() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start().unwrap();
    collector.stop();
    let small = SpoolOptions::new(folder.path()).with_max_bytes(5 * 4096);
    let (pipeline, receipts) = start(to(&collector).with_spool(small));
    for key in 0..12 {
        pipeline.enqueue(batch(key, 2)).unwrap();
        pipeline.flush(PATIENCE).unwrap();
    }
    let statistics = statistics_of(&pipeline);
    assert_eq!(
        (statistics.spans.spooled + statistics.spans.in_flight, statistics.dropped.spool_full),
        (10, 14),
        "{statistics:?}"
    );
    assert!(statistics.spooled_bytes <= 5 * 4096);
    assert_balanced(&statistics);
    let first = receipts.wait_for(|receipt| receipt.key == 0.into() && receipt.is_final());
    assert!(first.delivery.to_string().contains("OTELBAR_SPOOL_MAX_BYTES"), "{}", first.delivery);

    collector.restart().unwrap();
    wait_for_all_settled(&pipeline, &receipts, 7..12);
    assert_eq!(arrived(&collector).len(), 10);
}

#[test]
fn a_damaged_file_is_counted_and_the_others_arrive() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start().unwrap();
    collector.stop();
    let (first, _) = start(spooling(&collector, folder.path()));
    for key in 0..3 {
        first.enqueue(batch(key, 2)).unwrap();
        first.flush(PATIENCE).unwrap();
    }
    drop(first);
    let records = records(folder.path());
    assert_eq!(records.len(), 3);
    let mut bytes = fs::read(&records[1]).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&records[1], bytes).unwrap();

    collector.restart().unwrap();
    let (second, _) = start(spooling(&collector, folder.path()));
    collector.wait_for(|spans| spans.len() == 4, PATIENCE).unwrap();
    second.shutdown(PATIENCE).unwrap();
    let statistics = statistics_of(&second);
    assert_eq!(
        (statistics.recovered, statistics.spans.accepted, statistics.dropped.spool_damaged),
        (6, 4, 2)
    );
    assert_balanced(&statistics);
}

#[test]
fn a_record_damaged_while_the_process_runs_has_a_final_receipt() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start().unwrap();
    collector.respond_always(Fault::status(503).retry_after("1"));
    let (pipeline, receipts) = start(spooling(&collector, folder.path()));
    pipeline.enqueue(batch(1, 2)).unwrap();
    receipts.wait_for(|receipt| matches!(receipt.delivery, Delivery::Spooled));
    fs::write(&records(folder.path())[0], "nonsense").unwrap();
    let last = receipts.wait_for(|receipt| receipt.is_final());
    assert_eq!(last.delivery.to_string(), "dropped: the spool's file could not be read again");
    let statistics = statistics_of(&pipeline);
    assert_eq!((statistics.dropped.spool_damaged, statistics.spans.spooled), (2, 0));
    assert_balanced(&statistics);
}

/// The application starts, and export goes on: what is lost is what the spool would have kept.
#[test]
fn without_a_folder_that_serves_export_goes_on_and_says_why_there_is_no_spool() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let collector = Collector::start().unwrap();
    let (pipeline, _) = start(spooling(&collector, &file));
    let problem = statistics_of(&pipeline).spool_problem.unwrap();
    assert!(problem.contains(&*file.to_string_lossy()), "{problem}");
    pipeline.enqueue(batch(1, 3)).unwrap();
    pipeline.shutdown(PATIENCE).unwrap();
    assert_eq!(statistics_of(&pipeline).spans.accepted, 3);
}

/// The files of all records, the oldest first.
fn records(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "record") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
