//! What becomes of spans, against a collector that does well or ill.

mod common;

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use opentelemetry::Context;
use otelbar_export::{
    Delivery, DropReason, Health, Overflow, PauseReason, Protocol, RetryPolicy, SpanCounts, TraceBatch,
};
use otelbar_testkit::{Collector, Fault, ReceivedRequest, Reply, assert_tree};

use common::{
    PATIENCE, assert_balanced, at_once, batch, endpoint, otlp, otlp_by, protocols, service, start,
    statistics_of, to, to_by, trace,
};

#[test]
fn spans_arrive_as_they_were_with_their_resource_and_headers() {
    let collector = Collector::start().unwrap();
    let (pipeline, receipts) = start(at_once(otlp(&collector).with_header("x-key", "secret")));
    let id = pipeline.enqueue(batch(7, 3)).unwrap();
    pipeline.flush(PATIENCE).unwrap();

    let spans = collector.spans();
    assert_tree(&spans, "span 0 [internal]\n  span 1 [internal]\n  span 2 [internal]");
    assert!(spans.iter().all(|span| span.service_name() == "shop" && span.scope_name() == "test"));
    let request = &collector.requests()[0];
    assert_eq!(request.headers["x-key"], "secret");
    let version = env!("CARGO_PKG_VERSION");
    let agent = format!("otelbar/{version} OTel-OTLP-Exporter-Rust/{version}");
    assert_eq!(request.headers["user-agent"], agent, "as the OTLP pipeline's specification has it");

    assert_eq!(receipts.said(7), ["being sent", "accepted"]);
    let last = receipts.all().pop().unwrap();
    assert!(last.is_final());
    assert_eq!((last.id, last.spans.total(), last.spans.accepted), (id, 3, 3));
    let statistics = statistics_of(&pipeline);
    assert_eq!((statistics.spans.accepted, statistics.requests, statistics.health), (3, 1, Health::Healthy));
    assert_eq!(*statistics.destination.endpoint, *collector.traces_endpoint());
    assert_balanced(&statistics);
}

/// What becomes of one batch of three spans when the first requests meet these faults.
struct Fate {
    requests: u64,
    accepted: u64,
    rejected: u64,
    dropped: u64,
    arrived: usize,
    last: &'static str,
    health: Health,
}

const ACCEPTED: Fate = Fate {
    requests: 1,
    accepted: 3,
    rejected: 0,
    dropped: 0,
    arrived: 3,
    last: "accepted",
    health: Health::Healthy,
};
const REFUSED: Fate = Fate {
    accepted: 0,
    dropped: 3,
    arrived: 0,
    last: "dropped: http://",
    health: Health::Failing,
    ..ACCEPTED
};

/// Over each protocol.
#[track_caller]
fn check(faults: Vec<Fault>, fate: &Fate) {
    for protocol in protocols() {
        check_by(protocol, faults.clone(), fate);
    }
}

#[track_caller]
fn check_by(protocol: Protocol, faults: Vec<Fault>, fate: &Fate) {
    let collector = Collector::start().unwrap();
    collector.respond_with(faults.clone());
    let (pipeline, receipts) = start(to_by(protocol, &collector));
    pipeline.enqueue(batch(1, 3)).unwrap();
    pipeline.flush(PATIENCE).unwrap();

    let statistics = statistics_of(&pipeline);
    assert_balanced(&statistics);
    assert_eq!(
        (
            statistics.requests,
            statistics.spans.accepted,
            statistics.spans.rejected,
            statistics.dropped.total(),
            statistics.health
        ),
        (fate.requests, fate.accepted, fate.rejected, fate.dropped, fate.health),
        "{protocol}, {faults:?}: {statistics:?}"
    );
    assert_eq!(collector.spans().len(), fate.arrived);
    let last = receipts.all().pop().unwrap();
    assert!(last.is_final());
    assert!(last.delivery.to_string().starts_with(fate.last), "{}", last.delivery);
    assert_eq!(last.spans.accepted, fate.accepted);
}

#[test]
fn what_may_be_retried_is_sent_again() {
    for status in [429, 502, 503, 504] {
        check(vec![Fault::status(status)], &Fate { requests: 2, ..ACCEPTED });
    }
    check(vec![Fault::Reset], &Fate { requests: 2, ..ACCEPTED });
    check(vec![Fault::ResetStream], &Fate { requests: 2, ..ACCEPTED });
    check(vec![Fault::Garbage], &Fate { requests: 2, ..ACCEPTED });
    check(
        vec![Fault::status(503), Fault::Reset, Fault::status(429), Fault::Garbage],
        &Fate { requests: 5, ..ACCEPTED },
    );
}

#[test]
fn what_may_not_be_retried_is_dropped_at_once() {
    for status in [400, 401, 403, 404, 500, 501] {
        check(vec![Fault::status(status)], &REFUSED);
    }
    // Halved until it is a single span.
    let halved = Fate { requests: 5, ..REFUSED };
    check(vec![Fault::status(413); 5], &halved);
    check(vec![Fault::Redirect("http://127.0.0.1:1/".to_owned())], &REFUSED);
    check(vec![Fault::status(503), Fault::status(400)], &Fate { requests: 2, ..REFUSED });
}

#[test]
fn a_partial_success_is_counted_and_never_sent_again() {
    let partly = Fate { accepted: 2, rejected: 1, arrived: 2, health: Health::Rejecting, ..ACCEPTED };
    check(
        vec![Fault::partial_success(1, "too old")],
        &Fate { last: "1 of 3 spans of the request rejected: too old", ..partly },
    );
    check(
        vec![Fault::partial_success(1, "")],
        &Fate { last: "1 of 3 spans of the request rejected: without a message", ..partly },
    );
    // A backend that cannot count does not upset the counts.
    check(
        vec![Fault::partial_success(99, "all")],
        &Fate { accepted: 0, rejected: 3, arrived: 0, last: "3 of 3", ..partly },
    );
    check(vec![Fault::partial_success(-1, "")], &ACCEPTED);
    check(
        vec![Fault::partial_success(0, "use http/2")],
        &Fate { last: "accepted with a warning: use http/2", ..ACCEPTED },
    );
}

#[test]
fn a_success_is_not_repeated_because_its_body_is_odd() {
    let warned = Fate { last: "accepted with a warning: the answer says success, but its body", ..ACCEPTED };
    check(vec![Fault::Body(5)], &warned);
    check(vec![Fault::Body(5 << 20)], &warned);
    check(vec![Fault::Body(0)], &ACCEPTED);
}

/// The one batch waits for as long as the backend has asked for, and longer than a backoff of a millisecond.
#[track_caller]
fn is_left_alone(protocol: Protocol, fault: Fault, at_least: Duration) {
    let collector = Collector::start().unwrap();
    collector.respond_always(fault);
    let before = SystemTime::now();
    let (pipeline, receipts) = start(to_by(protocol, &collector));
    pipeline.enqueue(batch(1, 3)).unwrap();
    receipts.wait_for(|receipt| matches!(receipt.delivery, Delivery::Retrying { .. }));
    let statistics = statistics_of(&pipeline);
    let pause = statistics.pause.unwrap();
    assert_eq!(
        (statistics.health, pause.reason, statistics.requests),
        (Health::Waiting, PauseReason::RetryAfter, 1)
    );
    let pause = pause.until.duration_since(before).unwrap();
    // An hour is the most that is granted.
    assert!(pause >= at_least && pause <= 2 * Duration::from_secs(3600), "{pause:?}");
    let error = pipeline.shutdown(PATIENCE).unwrap_err();
    assert_eq!(error.spans(), 3, "the next attempt would come too late");
    assert!(error.to_string().contains("told to answer"), "{error}");
}

#[test]
fn a_retry_after_is_obeyed() {
    for protocol in protocols() {
        let half_an_hour = Duration::from_secs(1800);
        is_left_alone(protocol, Fault::status(429).retry_after("1800"), half_an_hour);
        let tomorrow = httpdate::fmt_http_date(SystemTime::now() + 48 * half_an_hour);
        is_left_alone(protocol, Fault::status(503).retry_after(tomorrow), 2 * half_an_hour);
    }
}

#[test]
fn over_grpc_the_code_decides_and_a_retry_info_where_the_quota_is_used_up() {
    if !cfg!(feature = "grpc") {
        return;
    }
    for code in 1..=16 {
        for fault in [Fault::grpc(code), Fault::grpc(code).trailers_only()] {
            let may = [1, 4, 10, 11, 14, 15].contains(&code);
            let fate = if may { &Fate { requests: 2, ..ACCEPTED } } else { &REFUSED };
            check_by(Protocol::Grpc, vec![fault.clone()], fate);
            let fate = if may || code == 8 { &Fate { requests: 2, ..ACCEPTED } } else { &REFUSED };
            check_by(Protocol::Grpc, vec![fault.retry_info(Duration::ZERO)], fate);
        }
    }
}

#[test]
fn a_retry_info_is_obeyed() {
    if !cfg!(feature = "grpc") {
        return;
    }
    let half_an_hour = Duration::from_secs(1800);
    is_left_alone(Protocol::Grpc, Fault::grpc(8).retry_info(half_an_hour), half_an_hour);
    is_left_alone(Protocol::Grpc, Fault::grpc(14).retry_info(half_an_hour).trailers_only(), half_an_hour);
}

#[test]
fn spans_wait_for_a_backend_that_is_not_there_yet() {
    protocols().for_each(spans_wait_for_a_backend_by);
}

fn spans_wait_for_a_backend_by(protocol: Protocol) {
    let collector = Collector::start().unwrap();
    collector.stop();
    let (pipeline, receipts) = start(to_by(protocol, &collector));
    pipeline.enqueue(batch(1, 3)).unwrap();
    let retrying =
        receipts.wait_for(|receipt| matches!(receipt.delivery, Delivery::Retrying { attempt: 2, .. }));
    let text = retrying.delivery.to_string();
    assert!(text.contains(&endpoint(&collector, protocol)) && text.contains("refused"), "{text}");
    assert_eq!(retrying.spans.in_flight, 3);
    let statistics = statistics_of(&pipeline);
    assert_eq!((statistics.spans.in_flight, statistics.health), (3, Health::Failing));

    collector.restart().unwrap();
    pipeline.flush(PATIENCE).unwrap();
    assert_eq!(collector.spans().len(), 3);
    let statistics = statistics_of(&pipeline);
    assert_eq!((statistics.spans.accepted, statistics.health), (3, Health::Healthy));
    assert!(statistics.last_error.is_some(), "it is kept to be looked at");

    // And one that goes away and comes back, under a connection that was good.
    collector.stop();
    collector.restart().unwrap();
    pipeline.enqueue(batch(2, 3)).unwrap();
    pipeline.flush(PATIENCE).unwrap();
    assert_eq!((collector.spans().len(), statistics_of(&pipeline).spans.accepted), (6, 6));
}

#[test]
fn a_timeout_cancels_the_request() {
    protocols().for_each(a_timeout_cancels_by);
}

fn a_timeout_cancels_by(protocol: Protocol) {
    let collector = Collector::start().unwrap();
    collector.respond_with([Fault::Hang]);
    let short = Duration::from_millis(300);
    let (pipeline, receipts) = start(at_once(otlp_by(protocol, &collector).with_timeout(short)));
    pipeline.enqueue(batch(1, 3)).unwrap();
    pipeline.flush(PATIENCE).unwrap();
    let given_up = |requests: &[ReceivedRequest]| requests[0].reply == Reply::Abandoned;
    let requests = collector.wait_for_requests(given_up, PATIENCE).unwrap();
    // More where the machine is too slow for the second attempt.
    assert!(requests.len() >= 2);
    let ids: BTreeSet<String> = collector.spans().iter().map(|span| span.span_id()).collect();
    assert_eq!(ids.len(), 3, "it was sent again");
    assert!(receipts.said(1)[1].contains("did not answer within 300ms"), "{:?}", receipts.said(1));
}

#[test]
fn a_full_queue_drops_the_newest_whole_and_counts_it() {
    let collector = Collector::start().unwrap();
    collector.respond_always(Fault::Hang);
    let (pipeline, receipts) = start(to(&collector).with_max_queue_size(10).with_overflow(Overflow::Newest));
    pipeline.enqueue(batch(0, 1)).unwrap();
    // From now on the thread is busy, and what comes stays in the queue.
    collector.wait_for_requests(|requests| requests.len() == 1, PATIENCE).unwrap();
    let taken: Vec<_> = (1..=5).map(|key| pipeline.enqueue(batch(key, 4))).collect();
    assert_eq!(taken.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, true, false, false, false]);
    pipeline.enqueue(batch(6, 2)).expect("two more fit");

    let statistics = statistics_of(&pipeline);
    assert_eq!(
        (statistics.spans.in_flight, statistics.spans.queued, statistics.dropped.queue_full),
        (1, 10, 12)
    );
    assert_balanced(&statistics);
    let refused = receipts.wait_for(|receipt| receipt.key == 5.into());
    assert!(refused.is_final());
    assert_eq!(taken[4].as_ref().unwrap_err().id, refused.id);
    assert!(
        matches!(refused.delivery, Delivery::Dropped { reason: DropReason::QueueFull { spans: 10, .. } }),
        "{refused:?}"
    );

    collector.respond_normally();
    pipeline.flush(PATIENCE).unwrap();
    assert_eq!(collector.spans().len(), 11);
    let statistics = statistics_of(&pipeline);
    assert_eq!((statistics.enqueued, statistics.spans.accepted, statistics.dropped.total()), (23, 11, 12));
    assert_balanced(&statistics);
}

#[test]
fn a_full_queue_is_sent_without_delay() {
    let collector = Collector::start().unwrap();
    let patient = to(&collector).with_scheduled_delay(Duration::from_secs(3600));
    let (pipeline, _) = start(patient.with_max_queue_size(10).with_overflow(Overflow::Newest));
    pipeline.enqueue(batch(1, 4)).unwrap();
    assert!(pipeline.enqueue(batch(2, 7)).is_err());
    collector.wait_for(|spans| spans.len() == 4, PATIENCE).unwrap();
    pipeline.enqueue(batch(3, 5)).expect("there is room again");
    collector.wait_for(|spans| spans.len() == 9, PATIENCE).expect("half of the queue is enough to send");
}

#[test]
fn a_queue_is_full_by_bytes_too() {
    let collector = Collector::start().unwrap();
    collector.respond_with([Fault::Hang]);
    let patient = to(&collector).with_scheduled_delay(Duration::from_secs(3600));
    let (pipeline, _) = start(patient.with_max_queue_bytes(100_000).with_overflow(Overflow::Newest));
    let heavy = |key, bytes: usize| {
        let mut spans = trace(key, 2);
        spans[0].attributes.push(opentelemetry::KeyValue::new("db.query.text", "x".repeat(bytes)));
        TraceBatch::new(key, service("shop"), spans)
    };
    pipeline.enqueue(heavy(1, 200_000)).expect("alone it is taken, or it could never be sent");
    // It is sent at once, not after an hour, and then the thread is busy.
    collector.wait_for_requests(|requests| requests.len() == 1, PATIENCE).unwrap();
    assert_eq!(statistics_of(&pipeline).queued_bytes, 0);
    pipeline.enqueue(heavy(3, 40_000)).unwrap();
    pipeline.enqueue(heavy(4, 40_000)).unwrap();
    let dropped = pipeline.enqueue(heavy(5, 40_000)).unwrap_err();
    assert!(dropped.to_string().contains("OTELBAR_BSP_MAX_QUEUE_BYTES"), "{dropped}");
    pipeline.enqueue(heavy(6, 10)).expect("what is light still fits");
    let queued = statistics_of(&pipeline).queued_bytes;
    assert!((80_000..100_000).contains(&queued), "{queued}");
    collector.release();
    pipeline.flush(PATIENCE).unwrap();
    assert_eq!(statistics_of(&pipeline).queued_bytes, 0);
    assert_eq!(collector.spans().len(), 8);
    assert_balanced(&statistics_of(&pipeline));
}

#[test]
fn a_trace_larger_than_queue_and_batch_is_sent_in_parts() {
    let collector = Collector::start().unwrap();
    let (pipeline, receipts) = start(to(&collector).with_max_queue_size(10).with_max_export_batch_size(4));
    pipeline.enqueue(batch(1, 30)).unwrap();
    pipeline.flush(PATIENCE).unwrap();
    assert_eq!(collector.spans().len(), 30);
    assert!(collector.requests().iter().all(|request| request.spans <= 4));
    let finals: Vec<_> = receipts.all().into_iter().filter(|receipt| receipt.is_final()).collect();
    assert_eq!(finals.len(), 1, "one final receipt for one batch");
    assert_eq!(finals[0].spans.accepted, 30);
    for receipt in receipts.all() {
        let spans = receipt.spans;
        assert_eq!(30, spans.queued + spans.in_flight + spans.accepted, "{receipt:?}");
    }
}

#[test]
fn services_share_a_request_each_under_its_resource() {
    let collector = Collector::start().unwrap();
    let patient = to(&collector).with_scheduled_delay(Duration::from_secs(3600));
    let (pipeline, receipts) = start(patient);
    for (key, name) in [(1, "shop"), (2, "inventory"), (3, "shop")] {
        pipeline.enqueue(TraceBatch::new(key, service(name), trace(key, 2))).unwrap();
    }
    assert!(collector.requests().is_empty(), "a batch is not full and its delay not over");
    pipeline.flush(PATIENCE).expect("a flush does not wait for the delay");
    assert_eq!(collector.requests().len(), 1);
    let names: Vec<String> = collector.spans().iter().map(|span| span.service_name()).collect();
    assert_eq!(names, ["shop", "shop", "shop", "shop", "inventory", "inventory"]);
    assert_eq!(receipts.all().iter().filter(|receipt| receipt.is_final()).count(), 3);
}

#[test]
fn a_full_batch_is_sent_before_its_delay() {
    let collector = Collector::start().unwrap();
    let patient =
        to(&collector).with_scheduled_delay(Duration::from_secs(3600)).with_max_export_batch_size(4);
    let (pipeline, _) = start(patient);
    pipeline.enqueue(batch(1, 3)).unwrap();
    pipeline.enqueue(batch(2, 3)).unwrap();
    collector.wait_for(|spans| spans.len() == 3, PATIENCE).unwrap();
    assert_eq!(
        statistics_of(&pipeline).spans.queued,
        3,
        "a trace that does not fit whole waits for the next batch"
    );
}

#[test]
fn old_spans_are_given_up() {
    let collector = Collector::start().unwrap();
    collector.respond_always(Fault::status(503));
    let mut retry = RetryPolicy::default();
    retry.initial = Duration::from_millis(1);
    retry.max_age = Duration::from_millis(20);
    let (pipeline, receipts) = start(to(&collector).with_retry(retry));
    pipeline.enqueue(batch(1, 3)).unwrap();
    pipeline.flush(PATIENCE).unwrap();
    let statistics = statistics_of(&pipeline);
    assert_eq!(statistics.dropped.expired, 3);
    assert_balanced(&statistics);
    let last = receipts.said(1).pop().unwrap();
    assert!(last.starts_with("dropped: given up after") && last.contains("503"), "{last}");
}

#[test]
fn several_requests_are_under_way_where_that_is_wanted() {
    for protocol in protocols() {
        let collector = Collector::start().unwrap();
        collector.respond_with(vec![Fault::Hang; 3]);
        let (pipeline, _) = start(
            at_once(otlp_by(protocol, &collector).with_concurrent_requests(3)).with_max_export_batch_size(2),
        );
        for key in 1..=5 {
            pipeline.enqueue(batch(key, 2)).unwrap();
        }
        collector.wait_for_requests(|requests| requests.len() == 3, PATIENCE).unwrap();
        assert_eq!(statistics_of(&pipeline).spans.accepted, 0, "none of them is answered");
        collector.release();
        pipeline.flush(PATIENCE).unwrap();
        assert_eq!(collector.spans().len(), 10);
    }
}

#[test]
fn the_sum_holds_under_many_producers_and_mixed_faults() {
    for protocol in protocols() {
        the_sum_holds_by(protocol, 1);
    }
    // Over HTTP/2 a connection that is reset takes the answers of others with it, so spans may come twice.
    the_sum_holds_by(Protocol::HttpProtobuf, 4);
}

fn the_sum_holds_by(protocol: Protocol, concurrency: usize) {
    const PRODUCERS: u64 = 4;
    const TRACES: u64 = 250;
    let collector = Collector::start().unwrap();
    let faults = [
        Fault::status(503),
        Fault::Accept,
        Fault::Reset,
        Fault::partial_success(3, "odd"),
        Fault::status(400),
        Fault::Accept,
        Fault::Garbage,
        Fault::status(429).retry_after("0"),
        Fault::grpc(14).retry_info(Duration::ZERO),
        Fault::ResetStream,
    ];
    collector.respond_with(faults.into_iter().cycle().take(200));
    let (pipeline, receipts) = start(
        at_once(otlp_by(protocol, &collector).with_concurrent_requests(concurrency))
            .with_max_queue_size(200)
            .with_max_export_batch_size(32),
    );
    std::thread::scope(|scope| {
        for producer in 0..PRODUCERS {
            let pipeline = pipeline.clone();
            scope.spawn(move || {
                for n in 0..TRACES {
                    let _ = pipeline.enqueue(batch(producer * TRACES + n, 1 + n % 7));
                    if n % 50 == 0 {
                        assert_balanced(&statistics_of(&pipeline));
                        let _ = pipeline.flush(PATIENCE);
                    }
                }
            });
        }
    });
    pipeline.shutdown(PATIENCE).unwrap();

    let statistics = statistics_of(&pipeline);
    assert_balanced(&statistics);
    assert_eq!((statistics.spans.queued, statistics.spans.in_flight), (0, 0));
    assert_eq!(statistics.enqueued, PRODUCERS * (0..TRACES).map(|n| 1 + n % 7).sum::<u64>());
    assert!(statistics.spans.rejected > 0 && statistics.dropped.not_retryable > 0, "{statistics:?}");
    let mut ids: Vec<String> = collector.spans().iter().map(|span| span.span_id()).collect();
    assert_eq!(
        ids.len() as u64,
        statistics.spans.accepted,
        "what is called accepted is there, and nothing else"
    );
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len() as u64, statistics.spans.accepted, "nothing came twice");

    let finals: Vec<_> = receipts.all().into_iter().filter(|receipt| receipt.is_final()).collect();
    let told: SpanCounts = finals.iter().map(|receipt| receipt.spans).sum();
    assert_eq!(finals.len() as u64, PRODUCERS * TRACES, "each batch has one final receipt");
    assert_eq!(told.dropped, statistics.dropped.total());
    assert_eq!(
        told.accepted + told.rejected + told.undetermined,
        statistics.spans.accepted + statistics.spans.rejected
    );
}

#[test]
fn an_empty_batch_is_nothing() {
    let collector = Collector::start().unwrap();
    let (pipeline, receipts) = start(to(&collector));
    pipeline.enqueue(batch(1, 0)).unwrap();
    pipeline.flush(PATIENCE).unwrap();
    assert!(receipts.all().is_empty() && collector.requests().is_empty());
}

#[test]
fn a_subscriber_that_panics_or_flushes_harms_nothing() {
    let collector = Collector::start().unwrap();
    let (pipeline, receipts) = start(to(&collector));
    let inside = std::sync::Mutex::new(Some(pipeline.clone()));
    let (tell, told) = std::sync::mpsc::channel();
    pipeline.subscribe(move |_| {
        if let Some(pipeline) = inside.lock().unwrap().take() {
            tell.send((pipeline.flush(PATIENCE).is_err(), Context::is_current_telemetry_suppressed()))
                .unwrap();
        }
        panic!("told to panic");
    });
    for key in 1..=2 {
        pipeline.enqueue(batch(key, 3)).unwrap();
        pipeline.flush(PATIENCE).unwrap();
    }
    let (refused, suppressed) = told.recv().unwrap();
    assert!(refused, "a flush on the pipeline's own thread would wait for itself");
    assert!(suppressed, "what the pipeline does must not be traced");
    assert_eq!(receipts.said(2), ["being sent", "accepted"], "the others are told as before");
}

#[tokio::test(start_paused = true)]
async fn it_works_beside_a_paused_clock() {
    let collector = Collector::start().unwrap();
    let (pipeline, _) = start(to(&collector));
    pipeline.enqueue(batch(1, 3)).unwrap();
    pipeline.flush_async(PATIENCE).await.unwrap();
    assert_eq!(collector.spans().len(), 3);
}
