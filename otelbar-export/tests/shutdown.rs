//! Flush, shutdown and drop, from every kind of thread, and with a collector that hangs.

mod common;

use std::time::{Duration, Instant};

use futures_executor::block_on;
use otelbar_export::{DropReason, Health, Pipeline};
use otelbar_testkit::{Collector, Fault};
use tokio::runtime::Builder;

use common::{PATIENCE, Receipts, assert_balanced, batch, start, statistics_of, to};

/// Calls from a plain thread, a current-thread and a multi-thread runtime, blocking and async.
fn everywhere(check: impl Fn(&dyn Fn(&Pipeline, Duration) -> bool)) {
    let current = || Builder::new_current_thread().build().unwrap();
    let multi = || Builder::new_multi_thread().worker_threads(1).build().unwrap();
    check(&|pipeline, deadline| pipeline.shutdown(deadline).is_ok());
    check(&|pipeline, deadline| current().block_on(async { pipeline.shutdown(deadline).is_ok() }));
    check(&|pipeline, deadline| multi().block_on(async { pipeline.shutdown(deadline).is_ok() }));
    check(&|pipeline, deadline| block_on(pipeline.shutdown_async(deadline)).is_ok());
    check(&|pipeline, deadline| current().block_on(pipeline.shutdown_async(deadline)).is_ok());
    check(&|pipeline, deadline| {
        let (runtime, pipeline) = (multi(), pipeline.clone());
        runtime.block_on(async move {
            tokio::spawn(async move { pipeline.shutdown_async(deadline).await.is_ok() }).await.unwrap()
        })
    });
}

fn waiting(collector: &Collector) -> (Pipeline, Receipts) {
    let (pipeline, receipts) = start(to(collector).with_scheduled_delay(Duration::from_secs(3600)));
    for key in 1..=2 {
        pipeline.enqueue(batch(key, 3)).unwrap();
    }
    (pipeline, receipts)
}

#[test]
fn shutdown_sends_what_waits_from_anywhere() {
    everywhere(|shutdown| {
        let collector = Collector::start().unwrap();
        let (pipeline, _) = waiting(&collector);
        assert!(shutdown(&pipeline, PATIENCE));
        assert_eq!(collector.spans().len(), 6);
        assert_eq!(statistics_of(&pipeline).spans.accepted, 6);
        assert!(shutdown(&pipeline, PATIENCE), "a second time is no error");
    });
}

#[test]
fn shutdown_ends_by_its_deadline_from_anywhere_with_a_collector_that_hangs() {
    const DEADLINE: Duration = Duration::from_millis(200);
    everywhere(|shutdown| {
        let collector = Collector::start().unwrap();
        collector.respond_always(Fault::Hang);
        let (pipeline, receipts) = waiting(&collector);
        let started = Instant::now();
        assert!(!shutdown(&pipeline, DEADLINE));
        let took = started.elapsed();
        // Without a deadline it would be the timeout, however busy the machine.
        assert!(took < PATIENCE / 2, "{took:?}");
        receipts.wait_for(|receipt| receipt.key == 2.into() && receipt.is_final());
        let statistics = statistics_of(&pipeline);
        assert_eq!(
            (statistics.dropped.shut_down, statistics.spans.queued, statistics.spans.in_flight),
            (6, 0, 0)
        );
        assert_balanced(&statistics);
        assert!(!shutdown(&pipeline, DEADLINE), "a second time tells the same");
    });
}

#[test]
fn shutdown_does_not_wait_for_an_attempt_that_comes_too_late() {
    let collector = Collector::start().unwrap();
    collector.respond_always(Fault::status(503).retry_after("600"));
    let (pipeline, receipts) = waiting(&collector);
    let started = Instant::now();
    let error = pipeline.shutdown(PATIENCE).unwrap_err();
    assert!(started.elapsed() < PATIENCE / 2);
    assert_eq!(error.spans(), 6);
    assert!(error.to_string().contains("answered 503"), "{error}");
    assert_eq!(collector.requests().len(), 1, "a backend that asked for peace is left in peace");
    assert_eq!(receipts.said(1).pop().unwrap(), "dropped: the pipeline was shut down before they were sent");
}

#[test]
fn what_comes_after_a_shutdown_is_dropped_and_counted() {
    let collector = Collector::start().unwrap();
    let (pipeline, _) = waiting(&collector);
    pipeline.shutdown(PATIENCE).unwrap();
    let dropped = pipeline.enqueue(batch(9, 4)).unwrap_err();
    assert!(matches!(dropped.reason, DropReason::Closed));
    assert_eq!(
        dropped.to_string(),
        "4 spans of trace 0000000000000009 dropped: the pipeline was shut down before they were enqueued"
    );
    let statistics = statistics_of(&pipeline);
    assert_eq!((statistics.spans.accepted, statistics.dropped.closed), (6, 4));
    assert_balanced(&statistics);
    pipeline.flush(PATIENCE).expect("there is nothing left to wait for");
}

#[test]
fn a_flush_ends_by_its_deadline_and_keeps_the_spans() {
    let collector = Collector::start().unwrap();
    collector.respond_with([Fault::Hang]);
    let (pipeline, _) = waiting(&collector);
    let error = pipeline.flush(Duration::from_millis(100)).unwrap_err();
    assert_eq!(error.spans(), 6);
    assert!(block_on(pipeline.flush_async(Duration::from_millis(100))).is_err());
    assert_eq!(statistics_of(&pipeline).health, Health::Idle);
    collector.wait_for_requests(|requests| requests.len() == 1, PATIENCE).unwrap();
    collector.release();
    block_on(pipeline.flush_async(PATIENCE)).unwrap();
    assert_eq!(collector.spans().len(), 6);
}

#[test]
fn dropping_the_last_handle_sends_what_waits() {
    let collector = Collector::start().unwrap();
    let (pipeline, _) =
        start(to(&collector).with_scheduled_delay(Duration::from_secs(3600)).with_drop_grace(PATIENCE));
    let other = pipeline.clone();
    pipeline.enqueue(batch(1, 3)).unwrap();
    drop(pipeline);
    assert!(collector.spans().is_empty(), "a handle is left");
    Builder::new_current_thread().build().unwrap().block_on(async move { drop(other) });
    assert_eq!(collector.spans().len(), 3);
}

#[test]
fn dropping_the_last_handle_does_not_block_beyond_its_grace_and_counts_the_lost() {
    let collector = Collector::start().unwrap();
    collector.respond_always(Fault::Hang);
    let (pipeline, receipts) = start(to(&collector).with_drop_grace(Duration::from_millis(100)));
    pipeline.enqueue(batch(1, 3)).unwrap();
    let started = Instant::now();
    drop(pipeline);
    // Without a grace it would be the timeout, however busy the machine.
    assert!(started.elapsed() < PATIENCE / 2, "{:?}", started.elapsed());
    let lost = receipts.wait_for(|receipt| receipt.is_final());
    assert_eq!(lost.spans.dropped, 3);
}

#[test]
fn async_deadlines_hold_while_the_pipelines_thread_is_busy() {
    let collector = Collector::start().unwrap();
    let (pipeline, receipts) = start(to(&collector));
    let (go_on, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    // Holds the thread with its first receipt until the test is over.
    pipeline.subscribe(move |_| {
        let _ = wait.lock().unwrap().recv();
    });
    pipeline.enqueue(batch(1, 3)).unwrap();
    receipts.wait_for(|receipt| receipt.key == 1.into());
    assert!(block_on(pipeline.flush_async(Duration::from_millis(50))).is_err());
    assert!(block_on(pipeline.shutdown_async(Duration::from_millis(50))).is_err());
    drop(go_on);
}
