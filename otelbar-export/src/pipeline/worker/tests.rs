//! The worker on paused time, with a transport that answers as scripted.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::StatusCode;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_sdk::Resource;
use prost::Message;

use tokio::runtime::Builder;
use tokio::task::LocalSet;

use super::*;
use crate::batch::Enqueued;
use crate::batch::{EnqueueId, TraceBatch};
use crate::pipeline::{
    BreakerPolicy, BreakerState, Health, Overflow, PauseReason, PipelineBuilder, RetryPolicy,
};
use crate::spool::Spool;
use crate::spool::SpoolOptions;
use crate::test_span;
use crate::transport::{DestinationInfo, DestinationKind, Payload};

const SECOND: Duration = Duration::from_secs(1);
/// Encoding a span of this name panics.
const FAULT: &str = "fault";

/// Answers as scripted, then well; notes when it was asked.
#[derive(Clone, Default)]
struct Scripted {
    answers: Arc<Mutex<VecDeque<Result<Acknowledged, SendError>>>>,
    asked: Arc<Mutex<Vec<Instant>>>,
    /// How long the first answers take.
    delays: Arc<Mutex<VecDeque<Duration>>>,
    /// Between these times it is not there.
    away: Arc<Mutex<Option<(Instant, Instant)>>>,
    /// The numbers of attempts, from 0, that panic, and the same of packing.
    panics: Arc<Mutex<[Vec<u64>; 2]>>,
    attempts: Arc<[AtomicU64; 2]>,
    /// The ids of spans in accepted requests.
    received: Arc<Mutex<BTreeSet<Vec<u8>>>>,
}

impl Transport for Scripted {
    fn pack(&self, body: Bytes) -> Payload {
        self.panic_if_asked(1);
        Payload { frame: Bytes::new(), body, coding: None }
    }

    async fn send(&self, payload: Payload) -> Result<Acknowledged, SendError> {
        self.panic_if_asked(0);
        let now = Instant::now();
        self.asked.lock().unwrap().push(now);
        if self.away.lock().unwrap().is_some_and(|(from, to)| (from..to).contains(&now)) {
            return unavailable(None);
        }
        let delay = self.delays.lock().unwrap().pop_front();
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or(Ok(Acknowledged::default()));
        if let Some(delay) = delay {
            tokio::time::sleep(delay).await;
        }
        if answer.is_ok() {
            let request = ExportTraceServiceRequest::decode(payload.body).unwrap();
            let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
            let ids = scopes.flat_map(|scope| scope.spans).map(|span| span.span_id);
            self.received.lock().unwrap().extend(ids);
        }
        answer
    }
}

fn unavailable(retry_after: Option<Duration>) -> Result<Acknowledged, SendError> {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    Err(SendError::Status { endpoint: "http://h".into(), status, message: String::new(), retry_after })
}

fn batch(spans: usize) -> Arc<Enqueued> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    static NEXT_SPAN: AtomicU64 = AtomicU64::new(1);
    let span = test_span::empty();
    let mut spans = vec![span; spans];
    for span in &mut spans {
        span.span_context = test_span::context(1, NEXT_SPAN.fetch_add(1, Ordering::Relaxed));
    }
    let batch = TraceBatch::new(1, Resource::builder_empty().build(), spans);
    Enqueued::at(EnqueueId(NEXT.fetch_add(1, Ordering::Relaxed)), batch, Some(Instant::now()))
}

/// Runs a test on one thread, as the pipeline's worker runs, where time passes only while nobody has anything to do.
fn on_paused_time(test: impl Future<Output = ()>) {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(LocalSet::new().run_until(test));
}

/// A worker on paused time, with what it works on, and the time it began.
fn start(answers: Vec<Result<Acknowledged, SendError>>) -> (Arc<Queue>, Scripted, Instant) {
    start_with(answers, |options| options)
}

fn start_with(
    answers: Vec<Result<Acknowledged, SendError>>,
    with: impl Fn(PipelineBuilder) -> PipelineBuilder,
) -> (Arc<Queue>, Scripted, Instant) {
    start_at_once(answers, 1, with)
}

/// With so many requests at once.
fn start_at_once(
    answers: Vec<Result<Acknowledged, SendError>>,
    concurrent: usize,
    with: impl Fn(PipelineBuilder) -> PipelineBuilder,
) -> (Arc<Queue>, Scripted, Instant) {
    let mut options = with(PipelineBuilder::default()).options;
    options.retry = RetryPolicy { initial: SECOND, max: SECOND, max_age: 60 * SECOND, ..options.retry };
    options.overflow = Overflow::Newest;
    let queue = Arc::new(Queue::new(&options, DestinationInfo::new(0, DestinationKind::Zipkin, "http://h")));
    let spool = options.spool.as_ref().map(|spool| Spool::open(spool, "otlp-protobuf").unwrap());
    let backlog = spool.map(Backlog::new);
    let transport = Scripted::default();
    transport.answers.lock().unwrap().extend(answers);
    let mut worker = Worker::new(
        Arc::clone(&queue),
        Arc::default(),
        transport.clone(),
        Encoding::Protobuf,
        backlog,
        &options,
        RequestLimits { size: 64 << 20, concurrent },
    );
    worker.encode = |portions, limit, encoding| {
        let names_a_fault = |portion: &Portion| portion.spans().iter().any(|span| span.name == FAULT);
        assert!(!portions.iter().any(names_a_fault), "a fault put in by a test");
        encode(portions, limit, encoding)
    };
    tokio::task::spawn_local(worker.run());
    (queue, transport, Instant::now())
}

impl Scripted {
    fn panic_if_asked(&self, what: usize) {
        let attempt = self.attempts[what].fetch_add(1, Ordering::Relaxed);
        // Unlocked before the panic.
        let asked = self.panics.lock().unwrap()[what].contains(&attempt);
        assert!(!asked, "a fault put in by a test");
    }

    /// When each request was sent, in whole milliseconds since `start`.
    fn sent(&self, start: Instant) -> Vec<u128> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|at| at.duration_since(start).as_millis()).collect()
    }
}

#[test]
fn spans_wait_for_more_up_to_the_delay_and_no_longer() {
    on_paused_time(async {
        #[track_caller]
        fn check(sent: &[u128], expected: &[u128]) {
            assert_eq!(sent.len(), expected.len(), "{sent:?}");
            for (sent, expected) in sent.iter().zip(expected) {
                assert!((*expected..expected + 10).contains(sent), "{sent} is not {expected}");
            }
        }
        let (queue, transport, began) = start(vec![]);
        queue.push(batch(2)).unwrap();
        tokio::time::sleep(3 * SECOND).await;
        queue.push(batch(2)).unwrap();
        tokio::time::sleep(20 * SECOND).await;
        check(&transport.sent(began), &[5000]);
        // At 23 s: the thread looks each five seconds.
        queue.push(batch(2)).unwrap();
        tokio::time::sleep(20 * SECOND).await;
        check(&transport.sent(began), &[5000, 25_000]);
        assert_eq!(queue.statistics().spans.accepted, 6);

        let (queue, transport, began) =
            start_with(vec![], |options| options.with_scheduled_delay(SECOND / 2));
        tokio::time::sleep(3 * SECOND).await;
        queue.push(batch(2)).unwrap();
        tokio::time::sleep(3 * SECOND).await;
        check(&transport.sent(began), &[3500]);
    });
}

#[test]
fn full_batches_do_not_wait_and_the_rest_does() {
    on_paused_time(async {
        let (queue, transport, began) = start(vec![]);
        queue.push(batch(1100)).unwrap();
        tokio::time::sleep(20 * SECOND).await;
        let sent = transport.sent(began);
        assert_eq!(sent.len(), 3);
        assert!(sent[1] < 10 && sent[2] >= 5000, "{sent:?}");
    });
}

#[test]
fn retry_after_is_obeyed_to_the_second_beyond_the_age_too() {
    on_paused_time(async {
        let (queue, transport, _) =
            start(vec![unavailable(Some(30 * SECOND)), unavailable(Some(100 * SECOND)), unavailable(None)]);
        queue.push(batch(1)).unwrap();
        queue.want_all();
        tokio::time::sleep(300 * SECOND).await;
        let asked = transport.asked.lock().unwrap().clone();
        let waits: Vec<u64> = asked.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
        assert_eq!(waits, [30, 100], "the third failure comes at an age of 130 s and is the last");
        assert_eq!(queue.statistics().dropped.expired, 1);
    });
}

#[test]
fn a_backend_that_is_down_costs_the_oldest_by_age_and_the_newest_by_room() {
    on_paused_time(async {
        // With a breaker that never opens.
        let eager = BreakerPolicy { failure_threshold: u32::MAX, ..BreakerPolicy::default() };
        let failures = (0..10_000).map(|_| unavailable(None)).collect();
        let (queue, transport, began) = start_with(failures, |options| options.with_breaker(eager));
        for _ in 0..40 {
            let _ = queue.push(batch(100));
            tokio::time::sleep(SECOND).await;
        }
        let statistics = queue.statistics();
        assert!(statistics.dropped.queue_full > 0 && statistics.dropped.expired == 0, "{statistics:?}");
        tokio::time::sleep(60 * SECOND).await;
        assert_eq!(queue.statistics().dropped.expired, 500, "the five whole traces of the first batch");
        transport.answers.lock().unwrap().clear();
        tokio::time::sleep(60 * SECOND).await;
        let statistics = queue.statistics();
        assert_eq!(
            (statistics.spans.queued, statistics.spans.in_flight, statistics.health),
            (0, 0, Health::Healthy)
        );
        assert_eq!(statistics.spans.settled(), 4000);
        assert!(transport.sent(began).len() < 1000, "it does not hammer the backend");
    });
}

#[test]
fn the_breaker_leaves_a_backend_alone_and_probes_it() {
    on_paused_time(async {
        let policy = BreakerPolicy { failure_threshold: 3, open_duration: 30 * SECOND };
        let failures = (0..4).map(|_| unavailable(None)).collect();
        let (queue, transport, _) = start_with(failures, |options| options.with_breaker(policy));
        let mut states = Vec::new();
        queue.push(batch(1)).unwrap();
        queue.want_all();
        for _ in 0..200 {
            tokio::time::sleep(SECOND).await;
            let state = queue.statistics().breaker;
            // The first may fail within the first second, for all that jitter may be.
            if states.last() != Some(&state) && (state != BreakerState::Closed || !states.is_empty()) {
                states.push(state);
            }
        }
        let asked = transport.asked.lock().unwrap().clone();
        let waits: Vec<u64> = asked.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
        assert_eq!(&waits[2..], [30, 30], "after the third failure it is asked each 30 s");
        assert_eq!(states, [BreakerState::Open, BreakerState::Closed]);
        assert_eq!((asked.len(), queue.statistics().spans.accepted), (5, 1));
    });
}

#[test]
fn a_request_that_is_at_fault_itself_does_not_open_the_breaker() {
    on_paused_time(async {
        let bad = || {
            let status = StatusCode::BAD_REQUEST;
            Err(SendError::Status {
                endpoint: "http://h".into(),
                status,
                message: String::new(),
                retry_after: None,
            })
        };
        let (queue, transport, began) =
            start_with((0..20).map(|_| bad()).collect(), |options| options.with_max_export_batch_size(1));
        for _ in 0..20 {
            queue.push(batch(1)).unwrap();
        }
        tokio::time::sleep(SECOND).await;
        assert_eq!(transport.sent(began).len(), 20);
        assert_eq!(queue.statistics().dropped.not_retryable, 20);
    });
}

#[test]
fn what_is_too_large_is_halved_until_it_fits() {
    on_paused_time(async {
        let too_large = || {
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            Err(SendError::Status {
                endpoint: "http://h".into(),
                status,
                message: String::new(),
                retry_after: None,
            })
        };
        // Nine spans: 9 ✗, 5 ✗, 3, 2, 4.
        let (queue, transport, began) = start(vec![too_large(), too_large()]);
        queue.push(batch(4)).unwrap();
        queue.push(batch(5)).unwrap();
        queue.want_all();
        tokio::time::sleep(SECOND).await;
        assert_eq!(transport.sent(began).len(), 5);
        assert_eq!((queue.statistics().spans.accepted, queue.statistics().spans.in_flight), (9, 0));

        // A single span that is too large is dropped, with the backend's words, and the others arrive.
        let (queue, transport, began) = start(vec![too_large(), too_large()]);
        queue.push(batch(2)).unwrap();
        queue.want_all();
        tokio::time::sleep(SECOND).await;
        assert_eq!(transport.sent(began).len(), 3);
        assert_eq!((queue.statistics().spans.accepted, queue.statistics().dropped.not_retryable), (1, 1));
    });
}

/// A batch of 50 spans each 10 ms, and a backend that is away from the fifth second for a minute.
#[test]
fn an_outage_of_a_minute_under_load_costs_only_what_has_no_room() {
    on_paused_time(async {
        for queue_size in [1_000_000, 20_000] {
            let (queue, transport, began) = start_with(Vec::new(), |options| {
                options.with_max_queue_size(queue_size).with_max_queue_bytes(usize::MAX)
            });
            *transport.away.lock().unwrap() = Some((began + 5 * SECOND, began + 65 * SECOND));
            let (mut taken, mut refused) = (0, 0);
            for _ in 0..7000 {
                *(if queue.push(batch(50)).is_ok() { &mut taken } else { &mut refused }) += 50;
                tokio::time::sleep(SECOND / 100).await;
            }
            tokio::time::sleep(60 * SECOND).await;
            let statistics = queue.statistics();
            assert_eq!((statistics.spans.accepted, statistics.dropped.queue_full), (taken, refused));
            assert_eq!(statistics.enqueued, taken + refused);
            assert_eq!(transport.received.lock().unwrap().len() as u64, taken, "each came once");
            assert_eq!(refused > 0, queue_size == 20_000);
        }
    });
}

#[test]
fn closing_with_time_enough_lets_the_next_attempt_happen() {
    on_paused_time(async {
        let (queue, transport, _) = start(vec![unavailable(Some(10 * SECOND))]);
        queue.push(batch(1)).unwrap();
        queue.want_all();
        tokio::time::sleep(SECOND).await;
        queue.close(Instant::now() + 20 * SECOND);
        while !queue.is_finished() {
            tokio::time::sleep(SECOND / 100).await;
        }
        assert_eq!((queue.statistics().spans.accepted, transport.asked.lock().unwrap().len()), (1, 2));
    });
}

/// Of two requests under way the first is refused with a `Retry-After`, and the second accepted after that.
#[test]
fn a_late_success_does_not_shorten_what_the_backend_asked_for() {
    on_paused_time(async {
        let (queue, transport, began) =
            start_at_once(vec![unavailable(Some(30 * SECOND)), Ok(Acknowledged::default())], 2, |options| {
                options.with_max_export_batch_size(1)
            });
        transport.delays.lock().unwrap().extend([SECOND / 10, SECOND / 5]);
        queue.push(batch(1)).unwrap();
        queue.push(batch(1)).unwrap();
        tokio::time::sleep(60 * SECOND).await;
        let sent = transport.sent(began);
        assert_eq!((sent.len(), queue.statistics().spans.accepted), (3, 2));
        assert!(sent[2] >= 30_000, "{sent:?}");
    });
}

#[test]
fn a_request_that_is_given_up_leaves_its_wait_to_the_next() {
    on_paused_time(async {
        let asked = || unavailable(Some(100 * SECOND));
        let (queue, transport, began) =
            start_with(vec![asked(), asked()], |options| options.with_max_export_batch_size(1));
        queue.push(batch(1)).unwrap();
        queue.push(batch(1)).unwrap();
        tokio::time::sleep(300 * SECOND).await;
        let seconds: Vec<u128> = transport.sent(began).iter().map(|at| at / 1000).collect();
        assert_eq!(seconds, [0, 100, 200]);
        assert_eq!((queue.statistics().dropped.expired, queue.statistics().spans.accepted), (1, 1));
    });
}

/// A span that is larger than the spool is the only one that is lost.
#[test]
fn what_the_spool_cannot_take_keeps_nothing_else_out_of_it() {
    on_paused_time(async {
        let folder = tempfile::tempdir().unwrap();
        let failures = (0..1000).map(|_| unavailable(None)).collect();
        let (queue, _, _) = start_with(failures, |options| {
            options.with_spool(SpoolOptions::new(folder.path()).with_max_bytes(64 * 4096))
        });
        let whole = batch(40);
        let mut large = whole.spans.clone();
        large[7].name = "x".repeat(300_000).into();
        let large = TraceBatch::new(1, Resource::builder_empty().build(), large);
        queue.push(Enqueued::new(EnqueueId(1 << 40), large)).unwrap();
        queue.push(batch(20)).unwrap();
        queue.want_all();
        tokio::time::sleep(60 * SECOND).await;
        queue.close(Instant::now());
        while !queue.is_finished() {
            tokio::time::sleep(SECOND / 100).await;
        }
        let statistics = queue.statistics();
        assert_eq!(
            (statistics.spans.spooled, statistics.dropped.too_large, statistics.dropped.total()),
            (59, 1, 1)
        );
    });
}

#[test]
fn a_full_batch_is_ready_before_the_one_before_it_is_answered() {
    on_paused_time(async {
        let (queue, transport, _) = start_with(Vec::new(), |options| options.with_max_queue_size(600));
        transport.delays.lock().unwrap().push_back(50 * SECOND);
        for spans in [300, 300, 212] {
            queue.push(batch(spans)).unwrap();
            tokio::time::sleep(SECOND).await;
        }
        assert_eq!((queue.statistics().spans.in_flight, queue.statistics().spans.queued), (812, 0));
    });
}

fn refused(status: StatusCode, retry_after: Option<Duration>) -> Result<Acknowledged, SendError> {
    Err(SendError::Status { endpoint: "http://h".into(), status, message: String::new(), retry_after })
}

/// How often a backend that always answers so is asked in a minute, with ten batches waiting; the breaker never opens
/// unless that is asked for.
fn requests_in_a_minute(
    breaker: BreakerPolicy,
    answer: impl Fn() -> Result<Acknowledged, SendError>,
) -> usize {
    let mut requests = 0;
    on_paused_time(async {
        let answers = (0..100_000).map(|_| answer()).collect();
        let (queue, transport, began) =
            start_with(answers, |options| options.with_breaker(breaker).with_max_queue_size(10_000));
        for _ in 0..10 {
            queue.push(batch(512)).unwrap();
        }
        tokio::time::sleep(60 * SECOND).await;
        requests = transport.sent(began).len();
    });
    requests
}

#[test]
fn no_answer_has_a_backend_asked_in_a_loop() {
    #[track_caller]
    fn check(answer: impl Fn() -> Result<Acknowledged, SendError>) {
        let never = BreakerPolicy { failure_threshold: u32::MAX, ..BreakerPolicy::default() };
        // The wait is a random part of a second; a batch is halved at most nine times without one.
        let requests = requests_in_a_minute(never, &answer);
        assert!(requests < 600, "{requests} requests without a breaker");
        let requests = requests_in_a_minute(BreakerPolicy::default(), &answer);
        assert!(requests < 60, "{requests} requests with the breaker");
    }
    check(|| refused(StatusCode::PAYLOAD_TOO_LARGE, None));
    check(|| refused(StatusCode::PAYLOAD_TOO_LARGE, Some(Duration::ZERO)));
    check(|| refused(StatusCode::TOO_MANY_REQUESTS, Some(Duration::ZERO)));
    check(|| unavailable(Some(Duration::ZERO)));
    check(|| unavailable(None));
    check(|| refused(StatusCode::TEMPORARY_REDIRECT, None));
    check(|| refused(StatusCode::UNAUTHORIZED, None));
    check(|| Err(SendError::Lost { endpoint: "http://h".into(), reason: "reset".to_owned() }));
    check(|| {
        let (endpoint, code) = ("http://h".into(), crate::GrpcCode::ResourceExhausted);
        let message = "grpc: received message larger than max (5000 vs. 4000)".to_owned();
        Err(SendError::Grpc { endpoint, code, message, retry_info: false, retry_after: None })
    });
}

#[test]
fn a_single_span_that_is_too_large_is_a_failure_to_the_breaker() {
    on_paused_time(async {
        let policy = BreakerPolicy { failure_threshold: 3, open_duration: 3600 * SECOND };
        let answers = (0..1000).map(|_| refused(StatusCode::PAYLOAD_TOO_LARGE, None)).collect();
        let (queue, transport, began) = start_with(answers, |options| options.with_breaker(policy));
        queue.push(batch(512)).unwrap();
        tokio::time::sleep(60 * SECOND).await;
        let statistics = queue.statistics();
        assert_eq!((statistics.breaker, statistics.dropped.not_retryable), (BreakerState::Open, 3));
        // 512 down to 1; then its other half, and the two halves of the pair after it.
        assert_eq!(transport.sent(began).len(), 10 + 1 + 2);
    });
}

#[test]
fn statistics_say_until_when_nothing_is_sent_and_why() {
    #[track_caller]
    fn check(answer: Result<Acknowledged, SendError>, reason: PauseReason, seconds: u64, health: Health) {
        on_paused_time(async move {
            let policy = BreakerPolicy { failure_threshold: 1, open_duration: 30 * SECOND };
            let (queue, _, _) = start_with(vec![answer], |options| options.with_breaker(policy));
            let before = SystemTime::now();
            queue.push(batch(1)).unwrap();
            queue.want_all();
            tokio::time::sleep(SECOND / 1000).await;
            let statistics = queue.statistics();
            let pause = statistics.pause.unwrap();
            assert_eq!((pause.reason, statistics.health), (reason, health));
            // The clock of the wall goes on, if only by the time that this test takes.
            let left = pause.until.duration_since(before).unwrap();
            assert!(left >= SECOND * u32::try_from(seconds).unwrap(), "{left:?}");
            let open = statistics.open_until.expect("the first failure opens the breaker");
            assert!(open >= before + 30 * SECOND && open <= pause.until);
            assert_eq!(open == pause.until, reason == PauseReason::Breaker);
            tokio::time::sleep(7200 * SECOND).await;
            let statistics = queue.statistics();
            assert_eq!(
                (statistics.pause, statistics.open_until, statistics.health, statistics.spans.accepted),
                (None, None, Health::Healthy, 1)
            );
        });
    }
    let asks = |seconds: u32| unavailable(Some(seconds * SECOND));
    check(asks(1800), PauseReason::RetryAfter, 1800, Health::Waiting);
    check(asks(10), PauseReason::Breaker, 30, Health::Failing);
    check(unavailable(None), PauseReason::Breaker, 30, Health::Failing);
}

#[test]
fn a_success_that_comes_late_does_not_hide_that_the_backend_asks_for_peace() {
    on_paused_time(async {
        let (queue, transport, _) =
            start_at_once(vec![Ok(Acknowledged::default()), unavailable(Some(600 * SECOND))], 2, |options| {
                options.with_max_export_batch_size(1)
            });
        transport.delays.lock().unwrap().extend([SECOND, SECOND / 10]);
        queue.push(batch(1)).unwrap();
        queue.push(batch(1)).unwrap();
        tokio::time::sleep(10 * SECOND).await;
        let statistics = queue.statistics();
        assert_eq!((statistics.spans.accepted, statistics.health), (1, Health::Waiting));
        assert_eq!(statistics.pause.map(|pause| pause.reason), Some(PauseReason::RetryAfter));
    });
}

#[test]
fn a_panic_costs_the_batch_it_was_about_and_nothing_else() {
    /// The first of two batches meets a fault, in what `prepare` does to it or to the transport.
    #[track_caller]
    fn check(prepare: impl Fn(&mut TraceBatch, &Scripted)) {
        on_paused_time(async {
            let (queue, transport, _) = start(vec![]);
            let spans = batch(3).spans.clone();
            let mut bad = TraceBatch::new(1, Resource::builder_empty().build(), spans);
            prepare(&mut bad, &transport);
            queue.push(Enqueued::new(EnqueueId(1 << 50), bad)).unwrap();
            queue.want_all();
            tokio::time::sleep(10 * SECOND).await;
            assert_eq!(queue.statistics().dropped.panicked, 3);
            queue.push(batch(2)).unwrap();
            tokio::time::sleep(10 * SECOND).await;
            let statistics = queue.statistics();
            assert_eq!(
                (statistics.spans.accepted, statistics.dropped.total(), statistics.spans.in_flight),
                (2, 3, 0)
            );
            assert_eq!((statistics.breaker, statistics.health), (BreakerState::Closed, Health::Healthy));
            assert!(!queue.is_finished());
        });
    }
    check(|batch, _| batch.spans[1].name = FAULT.into());
    check(|_, transport| transport.panics.lock().unwrap()[0].push(0));
    check(|_, transport| transport.panics.lock().unwrap()[1].push(0));
}

/// A worker with a spool in a folder of its own, whose backend takes these times to answer, well unless told otherwise.
fn start_spooling(
    delays: &[u32],
    answers: Vec<Result<Acknowledged, SendError>>,
    max_bytes: u64,
) -> (Arc<Queue>, Scripted, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let spool = SpoolOptions::new(folder.path()).with_max_bytes(max_bytes);
    let (queue, transport, _) = start_with(answers, |options| options.with_spool(spool.clone()));
    transport.delays.lock().unwrap().extend(delays.iter().map(|seconds| *seconds * SECOND / 10));
    (queue, transport, folder)
}

fn records(folder: &tempfile::TempDir) -> usize {
    let slot = folder.path().join("otlp-protobuf.v1/0");
    let names = std::fs::read_dir(slot).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().ends_with(".record")).count()
}

#[test]
fn what_is_not_answered_is_on_disk_a_second_after_it_was_enqueued() {
    on_paused_time(async {
        let (queue, transport, folder) = start_spooling(&[36_000], vec![], 1 << 20);
        queue.push(batch(3)).unwrap();
        tokio::time::sleep(SECOND * 9 / 10).await;
        assert_eq!((records(&folder), queue.statistics().spans.in_flight), (0, 3), "it may be answered yet");
        tokio::time::sleep(SECOND / 5).await;
        assert_eq!((records(&folder), queue.statistics().spans.in_flight), (1, 3));
        // Behind it, at the same pace, in whatever time it comes.
        for waiting in 1..=5 {
            tokio::time::sleep(SECOND * 7 / 10).await;
            queue.push(batch(2)).unwrap();
            tokio::time::sleep(SECOND * 11 / 10).await;
            let statistics = queue.statistics();
            assert_eq!(
                (records(&folder), statistics.spans.spooled, statistics.spans.queued),
                (1 + waiting, 2 * waiting as u64, 0)
            );
        }
        // More than a batch at once.
        queue.push(batch(1500)).unwrap();
        tokio::time::sleep(SECOND * 11 / 10).await;
        let statistics = queue.statistics();
        assert_eq!((statistics.spans.in_flight, statistics.spans.spooled), (3, 1510));

        tokio::time::sleep(4000 * SECOND).await;
        let statistics = queue.statistics();
        assert_eq!(
            (statistics.spans.accepted, statistics.dropped.total(), statistics.spans.spooled),
            (1513, 0, 0)
        );
        assert_eq!((records(&folder), statistics.spooled_bytes), (0, 0));
        assert_eq!(transport.received.lock().unwrap().len(), 1513, "each was sent once");
    });
}

#[test]
fn what_the_backend_takes_in_time_is_never_on_disk() {
    on_paused_time(async {
        let (queue, _, folder) = start_spooling(&[4; 100], vec![], 1 << 20);
        for _ in 0..100 {
            queue.push(batch(2)).unwrap();
            tokio::time::sleep(SECOND / 10).await;
            assert_eq!((records(&folder), queue.statistics().spooled_bytes), (0, 0));
        }
        tokio::time::sleep(10 * SECOND).await;
        assert_eq!(queue.statistics().spans.accepted, 200);
    });
}

#[test]
fn what_was_written_down_while_it_was_sent_has_one_fate() {
    /// One batch of four spans is answered so after five seconds.
    #[track_caller]
    fn check(answer: Result<Acknowledged, SendError>, requests: usize, accepted: u64) {
        on_paused_time(async {
            let (queue, transport, folder) = start_spooling(&[50], vec![answer], 1 << 20);
            let began = Instant::now();
            queue.push(batch(4)).unwrap();
            tokio::time::sleep(2 * SECOND).await;
            assert_eq!(records(&folder), 1);
            tokio::time::sleep(60 * SECOND).await;
            let statistics = queue.statistics();
            assert_eq!((transport.sent(began).len(), statistics.spans.accepted), (requests, accepted));
            assert_eq!(statistics.spans.settled(), 4, "{statistics:?}");
            assert_eq!((records(&folder), statistics.spans.spooled, statistics.spooled_bytes), (0, 0, 0));
        });
    }
    check(Ok(Acknowledged::default()), 1, 4);
    check(unavailable(None), 2, 4);
    check(refused(StatusCode::PAYLOAD_TOO_LARGE, None), 3, 4);
    check(refused(StatusCode::BAD_REQUEST, None), 1, 0);
}

#[test]
fn what_is_being_sent_loses_but_its_file_when_the_spool_is_full() {
    on_paused_time(async {
        let (queue, _, folder) = start_spooling(&[100], vec![], SpoolOptions::LEAST);
        for written in [1, 1, 1] {
            queue.push(batch(1)).unwrap();
            tokio::time::sleep(2 * SECOND).await;
            assert_eq!(records(&folder), written);
        }
        tokio::time::sleep(60 * SECOND).await;
        let statistics = queue.statistics();
        assert_eq!(
            (statistics.spans.accepted, statistics.dropped.spool_full, statistics.dropped.total()),
            (2, 1, 1)
        );
        assert_eq!((records(&folder), statistics.spans.in_flight, statistics.spans.spooled), (0, 0, 0));
    });
}

#[test]
fn a_process_that_ends_leaves_what_was_written_down_once() {
    on_paused_time(async {
        let (queue, _, folder) = start_spooling(&[36_000], vec![], 1 << 20);
        queue.push(batch(3)).unwrap();
        tokio::time::sleep(2 * SECOND).await;
        queue.push(batch(2)).unwrap();
        queue.close(Instant::now());
        while !queue.is_finished() {
            tokio::time::sleep(SECOND / 100).await;
        }
        let statistics = queue.statistics();
        assert_eq!((statistics.spans.spooled, statistics.dropped.total(), records(&folder)), (5, 0, 2));
    });
}
