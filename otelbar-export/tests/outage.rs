//! A backend that is away for a minute under load, in real time.

mod common;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use otelbar_export::{Overflow, SpoolOptions};
use otelbar_testkit::Collector;

use common::{PATIENCE, Receipts, assert_balanced, batch, protocols, statistics_of, to_by};

const OUTAGE: Duration = Duration::from_secs(60);
const SPANS_A_SECOND: u64 = 5000;
const SPANS: u64 = 10;

/// The same is tested in an instant, with paused time, beside the pipeline's worker.
#[test]
#[ignore = "takes more than a minute; run it with --ignored"]
fn a_backend_that_is_away_for_a_minute_loses_only_what_has_no_room() {
    for protocol in protocols() {
        for (queue, spool) in [(1_000_000, false), (100_000, false), (2048, true)] {
            outage(protocol, queue, spool);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it sleeps to keep the pace of the load, not to wait for something"
)]
fn outage(protocol: otelbar_export::Protocol, queue: usize, spool: bool) {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start().unwrap();
    // The policies of who sets none.
    let mut options = to_by(protocol, &collector)
        .with_retry(Default::default())
        .with_breaker(Default::default())
        .with_scheduled_delay(Duration::from_secs(1))
        .with_max_queue_size(queue)
        .with_overflow(Overflow::Newest)
        .with_max_queue_bytes(2 << 30);
    if spool {
        options = options.with_spool(SpoolOptions::new(folder.path()).with_max_bytes(1 << 30));
    }
    let pipeline = options.build().unwrap();
    let receipts = Receipts::of(&pipeline);
    let pause =
        Duration::from_secs(1) * u32::try_from(SPANS).unwrap() / u32::try_from(SPANS_A_SECOND).unwrap();
    let started = Instant::now();
    let (mut key, mut taken) = (0, 0);
    let mut produce = |until: Duration| {
        while started.elapsed() < until {
            key += 1;
            taken += if pipeline.enqueue(batch(key, SPANS)).is_ok() { SPANS } else { 0 };
            std::thread::sleep((started + pause * key as u32).saturating_duration_since(Instant::now()));
        }
    };
    produce(Duration::from_secs(2));
    collector.stop();
    produce(Duration::from_secs(2) + OUTAGE);
    collector.restart().unwrap();
    produce(Duration::from_secs(4) + OUTAGE);
    pipeline.flush(2 * PATIENCE).unwrap();
    collector.wait_for(|spans| spans.len() as u64 >= taken, 4 * PATIENCE).unwrap();

    let statistics = statistics_of(&pipeline);
    assert_balanced(&statistics);
    assert_eq!((statistics.enqueued, statistics.spans.accepted), (key * SPANS, taken));
    assert_eq!(statistics.dropped.total(), statistics.dropped.queue_full);
    let spans = collector.spans();
    let ids: BTreeSet<String> = spans.iter().map(|span| span.span_id()).collect();
    assert_eq!((ids.len() as u64, spans.len() as u64), (taken, taken), "each came once");
    let told: u64 = receipts.all().iter().filter(|r| r.is_final()).map(|r| r.spans.accepted).sum();
    assert_eq!(told, taken, "the receipts say so");
    println!(
        "{protocol}, queue of {queue}, spool {spool}: {} of {} spans arrived once, {} had no room",
        taken,
        key * SPANS,
        statistics.dropped.queue_full
    );
}
