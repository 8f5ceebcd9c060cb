//! What runs on the pipeline's thread: takes batches from the queue, has them encoded and sent, keeps the books.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::Instant;
use tracing::{info, warn};

use crate::account::{Health, LastError};
use crate::batch::Portion;
use crate::breaker::Breaker;
use crate::encode::{Encoding, Request, SizeLimit, encode};
use crate::queue::Queue;
use crate::receipt::{Ledger, Outcome};
use crate::request_size::RequestSize;
use crate::retry::Retry;
use crate::subscribers::Subscribers;
use crate::time::after;
use crate::transport::{Acknowledged, Transport};
use crate::{BreakerState, Delivery, DropReason, EnqueueId, ExporterOptions, Receipt, SendError};

/// Serves one queue with one transport.
pub(crate) struct Worker<T> {
    queue: Arc<Queue>,
    subscribers: Arc<Subscribers>,
    transport: T,
    encoding: Encoding,
    retry: Retry,
    breaker: Breaker,
    /// When the next attempt may be made, after one that failed.
    not_before: Option<Instant>,
    size: RequestSize,
    /// Hand-overs of which spans were taken and not all are settled.
    ledgers: HashMap<EnqueueId, Ledger>,
    /// Nothing more is sent: the pipeline is being shut down and has no time left.
    ended: bool,
}

/// What came of trying to deliver a request.
enum Fate {
    Settled(Outcome),
    /// The backend finds it too large.
    TooLarge,
}

impl<T: Transport> Worker<T> {
    pub(crate) fn new(
        queue: Arc<Queue>,
        subscribers: Arc<Subscribers>,
        transport: T,
        encoding: Encoding,
        options: &ExporterOptions,
    ) -> Self {
        Self {
            queue,
            subscribers,
            transport,
            encoding,
            retry: Retry::new(options.retry),
            breaker: Breaker::new(options.breaker),
            not_before: None,
            size: RequestSize::new(options.request_size()),
            ledgers: HashMap::new(),
            ended: false,
        }
    }

    /// Works until the queue is closed and empty, or the deadline of its closing has passed.
    pub(crate) async fn run(mut self) {
        let queue = Arc::clone(&self.queue);
        let subscribers = Arc::clone(&self.subscribers);
        let tell_drops = async {
            loop {
                let drops = queue.drops().await;
                subscribers.tell(&drops);
            }
        };
        tokio::select! {
            () = self.work() => {}
            () = tell_drops => {}
        }
        loop {
            let rest = queue.take_rest();
            if rest.is_empty() {
                break;
            }
            rest.iter().for_each(|portion| self.register(portion));
            self.settle(&rest, &Outcome::Dropped { reason: DropReason::ShutDown });
        }
        subscribers.tell(&queue.take_drops());
        let account = queue.account();
        if account.dropped.shut_down > 0 {
            let (spans, endpoint) = (account.dropped.shut_down, account.destination.endpoint);
            warn!(target: "otelbar_export", spans, %endpoint, "shut down before all spans were delivered");
        }
        queue.finish();
    }

    async fn work(&mut self) {
        let queue = Arc::clone(&self.queue);
        while let Some(batch) = queue.batch().await {
            batch.iter().for_each(|portion| self.register(portion));
            let mut requests = VecDeque::from(self.encode(batch, self.size.limit()));
            while let Some(request) = requests.pop_front() {
                match self.deliver(&request).await {
                    Fate::Settled(outcome) => self.settle(&request.portions, &outcome),
                    Fate::TooLarge => {
                        let most = self.size.most();
                        let halves = halves(request).map(|half| self.encode(half, most));
                        let parts = halves.into_iter().flatten().collect::<Vec<_>>();
                        let largest = parts.iter().map(|part| part.body.len()).max();
                        self.size.too_large(largest.unwrap_or_default());
                        parts.into_iter().rev().for_each(|part| requests.push_front(part));
                    }
                }
            }
            queue.batch_done();
            if self.ended {
                return;
            }
        }
    }

    /// The requests for these spans; settles those that fit none.
    fn encode(&mut self, portions: Vec<Portion>, limit: SizeLimit) -> Vec<Request> {
        let encoded = encode(portions, limit, self.encoding);
        for (portion, size) in encoded.too_large {
            self.settle(&[portion], &Outcome::Dropped { reason: DropReason::TooLarge { size } });
        }
        encoded.requests
    }

    /// Sends a request, again and again where that is allowed, until its fate is known.
    async fn deliver(&mut self, request: &Request) -> Fate {
        const SHUT_DOWN: Fate = Fate::Settled(Outcome::Dropped { reason: DropReason::ShutDown });
        let queue = Arc::clone(&self.queue);
        let payload = self.transport.pack(request.body.clone());
        let began = Instant::now();
        let mut attempt = 0_u32;
        loop {
            if let Some(again) = self.not_before {
                tokio::select! {
                    () = tokio::time::sleep_until(again) => {}
                    // There will be no other attempt, and the backend is not to be bothered with other requests.
                    () = queue.ends_before(again) => self.ended = true,
                }
            }
            if self.ended || queue.deadline_has_passed() {
                self.ended = true;
                return SHUT_DOWN;
            }
            attempt = attempt.saturating_add(1);
            self.tell(&request.portions, &Delivery::InFlight { attempt });
            self.breaker.attempted();
            queue.book(|account| {
                account.requests += 1;
                account.breaker = self.breaker.state();
            });
            let answer = tokio::select! {
                answer = self.transport.send(payload.clone()) => answer,
                () = queue.deadline() => {
                    self.ended = true;
                    return SHUT_DOWN;
                }
            };
            let error = match answer {
                Ok(acknowledged) => {
                    return Fate::Settled(self.acknowledged(acknowledged, request));
                }
                Err(error) => Arc::new(error),
            };
            if error.is_too_large() && request.spans() > 1 {
                self.backend_works();
                return Fate::TooLarge;
            }
            let now = Instant::now();
            self.failed(&error, now);
            if !error.is_retryable() {
                self.not_before = self.breaker.open_until();
                return Fate::Settled(Outcome::Dropped { reason: DropReason::NotRetryable { error } });
            }
            let wait = self.retry.failed(began, now, error.retry_after(), fastrand::f64());
            let again = self.breaker.open_until().max(wait.map(|wait| after(now, wait)));
            self.not_before = again;
            let (Some(_), Some(again)) = (wait, again) else {
                let reason = DropReason::Expired { attempts: attempt, error };
                return Fate::Settled(Outcome::Dropped { reason });
            };
            let wall = SystemTime::now();
            let next = wall.checked_add(again.saturating_duration_since(now)).unwrap_or(wall);
            self.tell(&request.portions, &Delivery::Retrying { attempt, error, next });
        }
    }

    /// The backend has answered as one that works.
    fn backend_works(&mut self) {
        self.retry.succeeded();
        self.breaker.succeeded();
        self.not_before = None;
        let breaker = self.breaker.state();
        self.queue.book(|account| account.breaker = breaker);
    }

    fn acknowledged(&mut self, answer: Acknowledged, request: &Request) -> Outcome {
        self.backend_works();
        self.size.accepted();
        let spans = request.spans();
        let rejected = usize::try_from(answer.rejected).unwrap_or(usize::MAX).min(spans);
        let message: Option<Arc<str>> = answer.message.map(Into::into);
        let health = if rejected > 0 { Health::Rejecting } else { Health::Healthy };
        let (before, endpoint) = self.queue.book(|account| {
            if message.is_some() {
                account.last_message.clone_from(&message);
            }
            (std::mem::replace(&mut account.health, health), account.destination.endpoint.clone())
        });
        if rejected == 0 {
            if matches!(before, Health::Failing | Health::Rejecting) {
                info!(target: "otelbar_export", %endpoint, "spans are accepted again");
            }
            return Outcome::Accepted { warning: message };
        }
        let message = message.unwrap_or_else(|| "without a word why".into());
        if before != health {
            warn!(
                target: "otelbar_export",
                %endpoint,
                rejected,
                of = spans,
                reason = %message,
                "the backend rejects spans"
            );
        }
        Outcome::PartlyRejected { rejected, of: spans, message }
    }

    /// An attempt has failed.
    fn failed(&mut self, error: &Arc<SendError>, now: Instant) {
        let closed = self.breaker.state() == BreakerState::Closed;
        if error.blames_request() {
            self.breaker.succeeded();
        } else {
            self.breaker.failed(now);
        }
        let breaker = self.breaker.state();
        let before = self.queue.book(|account| {
            account.last_error = Some(LastError { at: SystemTime::now(), error: Arc::clone(error) });
            account.breaker = breaker;
            std::mem::replace(&mut account.health, Health::Failing)
        });
        if before != Health::Failing {
            warn!(target: "otelbar_export", %error, "spans cannot be delivered");
        }
        if closed && let Some(until) = self.breaker.open_until() {
            let pause = until.saturating_duration_since(now);
            warn!(target: "otelbar_export", %error, ?pause, "the backend is left alone after failures in a row");
        }
    }

    /// Notes that these spans have left the queue.
    fn register(&mut self, portion: &Portion) {
        let hand_over = portion.hand_over();
        self.ledgers
            .entry(hand_over.id)
            .or_insert_with(|| Ledger::new(hand_over.key, hand_over.id, hand_over.spans.len()))
            .take(portion.len());
    }

    /// Enters the end of spans that were in flight together into the account, and tells it.
    fn settle(&mut self, portions: &[Portion], outcome: &Outcome) {
        let spans = portions.iter().map(Portion::len).sum::<usize>() as u64;
        self.queue.book(|account| {
            account.in_flight -= spans;
            match outcome {
                Outcome::Accepted { .. } => account.accepted += spans,
                Outcome::PartlyRejected { rejected, .. } => {
                    account.rejected += *rejected as u64;
                    account.accepted += spans - *rejected as u64;
                }
                Outcome::Dropped { reason } => account.dropped.count(reason, spans),
            }
        });
        let mut receipts = Vec::with_capacity(portions.len());
        for portion in portions {
            let Some(ledger) = self.ledgers.get_mut(&portion.id()) else { continue };
            ledger.settle(portion.len(), outcome);
            receipts.push(ledger.receipt(self.queue.destination()));
            if ledger.is_settled() {
                self.ledgers.remove(&portion.id());
            }
        }
        self.subscribers.tell(&receipts);
    }

    fn tell(&self, portions: &[Portion], delivery: &Delivery) {
        if self.subscribers.is_empty() {
            return;
        }
        let ledgers = portions.iter().filter_map(|portion| self.ledgers.get(&portion.id()));
        let destination = self.queue.destination();
        let receipts: Vec<Receipt> =
            ledgers.map(|ledger| ledger.under_way(destination, delivery.clone())).collect();
        self.subscribers.tell(&receipts);
    }
}

/// The spans of a request in two parts, as even as they can be.
fn halves(request: Request) -> [Vec<Portion>; 2] {
    let mut room = request.spans().div_ceil(2);
    let [mut first, mut second] = [Vec::new(), Vec::new()];
    for mut portion in request.portions {
        if room == 0 {
            second.push(portion);
            continue;
        }
        if portion.len() > room {
            second.push(portion.split_off(room));
        }
        room -= portion.len();
        first.push(portion);
    }
    [first, second]
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use bytes::Bytes;
    use http::StatusCode;
    use opentelemetry::InstrumentationScope;
    use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status};
    use opentelemetry_sdk::Resource;
    use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

    use super::*;
    use crate::batch::HandOver;
    use crate::transport::Payload;
    use crate::{BreakerPolicy, Overflow, RetryPolicy, TraceBatch};

    const SECOND: Duration = Duration::from_secs(1);

    /// Answers as scripted, then well; notes when it was asked.
    #[derive(Clone, Default)]
    struct Scripted {
        answers: Arc<Mutex<VecDeque<Result<Acknowledged, SendError>>>>,
        asked: Arc<Mutex<Vec<Instant>>>,
    }

    impl Transport for Scripted {
        fn pack(&self, body: Bytes) -> Payload {
            Payload { frame: Bytes::new(), body, coding: None }
        }

        async fn send(&self, _: Payload) -> Result<Acknowledged, SendError> {
            self.asked.lock().unwrap().push(Instant::now());
            let answer = self.answers.lock().unwrap().pop_front();
            answer.unwrap_or_else(|| Ok(Acknowledged::default()))
        }
    }

    fn unavailable(retry_after: Option<Duration>) -> Result<Acknowledged, SendError> {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Err(SendError::Status { endpoint: "http://h".into(), status, message: String::new(), retry_after })
    }

    fn batch(spans: usize) -> Arc<HandOver> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let span = SpanData {
            span_context: SpanContext::empty_context(),
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: "work".into(),
            start_time: SystemTime::UNIX_EPOCH,
            end_time: SystemTime::UNIX_EPOCH,
            attributes: Vec::new(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::builder("test").build(),
        };
        let batch = TraceBatch::new(1, Resource::builder_empty().build(), vec![span; spans]);
        HandOver::new(EnqueueId(NEXT.fetch_add(1, Ordering::Relaxed)), batch)
    }

    /// A worker on paused time, with what it works on, and the time it began.
    fn start(answers: Vec<Result<Acknowledged, SendError>>) -> (Arc<Queue>, Scripted, Instant) {
        start_with(answers, |options| options)
    }

    fn start_with(
        answers: Vec<Result<Acknowledged, SendError>>,
        with: impl Fn(ExporterOptions) -> ExporterOptions,
    ) -> (Arc<Queue>, Scripted, Instant) {
        let mut options = with(ExporterOptions::new("http://h/v1/traces").unwrap());
        options.retry = RetryPolicy { initial: SECOND, max: SECOND, max_age: 60 * SECOND, ..options.retry };
        options.overflow = Overflow::Newest;
        let queue = Arc::new(Queue::new(&options, options.destination(0)));
        let transport = Scripted::default();
        transport.answers.lock().unwrap().extend(answers);
        let worker =
            Worker::new(Arc::clone(&queue), Arc::default(), transport.clone(), Encoding::Protobuf, &options);
        tokio::spawn(worker.run());
        (queue, transport, Instant::now())
    }

    impl Scripted {
        /// When each request was sent, in whole milliseconds since `start`.
        fn sent(&self, start: Instant) -> Vec<u128> {
            let asked = self.asked.lock().unwrap();
            asked.iter().map(|at| at.duration_since(start).as_millis()).collect()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn spans_wait_for_more_up_to_the_delay_and_no_longer() {
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
        assert_eq!(queue.account().accepted, 6);

        let (queue, transport, began) = start_with(vec![], |options| options.with_batch_delay(SECOND / 2));
        tokio::time::sleep(3 * SECOND).await;
        queue.push(batch(2)).unwrap();
        tokio::time::sleep(3 * SECOND).await;
        check(&transport.sent(began), &[3500]);
    }

    #[tokio::test(start_paused = true)]
    async fn full_batches_do_not_wait_and_the_rest_does() {
        let (queue, transport, began) = start(vec![]);
        queue.push(batch(1100)).unwrap();
        tokio::time::sleep(20 * SECOND).await;
        let sent = transport.sent(began);
        assert_eq!(sent.len(), 3);
        assert!(sent[1] < 10 && sent[2] >= 5000, "{sent:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_is_obeyed_to_the_second_beyond_the_age_too() {
        let (queue, transport, _) =
            start(vec![unavailable(Some(30 * SECOND)), unavailable(Some(100 * SECOND)), unavailable(None)]);
        queue.push(batch(1)).unwrap();
        queue.want_all();
        tokio::time::sleep(300 * SECOND).await;
        let asked = transport.asked.lock().unwrap().clone();
        let waits: Vec<u64> = asked.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
        assert_eq!(waits, [30, 100], "the third failure comes at an age of 130 s and is the last");
        assert_eq!(queue.account().dropped.expired, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_backend_that_is_down_costs_the_oldest_by_age_and_the_newest_by_room() {
        // With a breaker that never opens.
        let eager = BreakerPolicy { failure_threshold: u32::MAX, ..BreakerPolicy::default() };
        let failures = (0..10_000).map(|_| unavailable(None)).collect();
        let (queue, transport, began) = start_with(failures, |options| options.with_breaker(eager));
        for _ in 0..40 {
            let _ = queue.push(batch(100));
            tokio::time::sleep(SECOND).await;
        }
        let account = queue.account();
        assert!(account.dropped.queue_full > 0 && account.dropped.expired == 0, "{account:?}");
        tokio::time::sleep(60 * SECOND).await;
        assert_eq!(queue.account().dropped.expired, 500, "the five whole traces of the first batch");
        transport.answers.lock().unwrap().clear();
        tokio::time::sleep(60 * SECOND).await;
        let account = queue.account();
        assert_eq!((account.queued, account.in_flight, account.health), (0, 0, Health::Healthy));
        assert_eq!(account.settled(), 4000);
        assert!(transport.sent(began).len() < 1000, "it does not hammer the backend");
    }

    #[tokio::test(start_paused = true)]
    async fn the_breaker_leaves_a_backend_alone_and_probes_it() {
        let policy = BreakerPolicy { failure_threshold: 3, open_duration: 30 * SECOND };
        let failures = (0..4).map(|_| unavailable(None)).collect();
        let (queue, transport, _) = start_with(failures, |options| options.with_breaker(policy));
        let mut states = Vec::new();
        queue.push(batch(1)).unwrap();
        queue.want_all();
        for _ in 0..200 {
            tokio::time::sleep(SECOND).await;
            let state = queue.account().breaker;
            // The first may fail within the first second, for all that jitter may be.
            if states.last() != Some(&state) && (state != BreakerState::Closed || !states.is_empty()) {
                states.push(state);
            }
        }
        let asked = transport.asked.lock().unwrap().clone();
        let waits: Vec<u64> = asked.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
        assert_eq!(&waits[2..], [30, 30], "after the third failure it is asked each 30 s");
        assert_eq!(states, [BreakerState::Open, BreakerState::Closed]);
        assert_eq!((asked.len(), queue.account().accepted), (5, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_at_fault_itself_does_not_open_the_breaker() {
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
            start_with((0..20).map(|_| bad()).collect(), |options| options.with_batch_size(1));
        for _ in 0..20 {
            queue.push(batch(1)).unwrap();
        }
        tokio::time::sleep(SECOND).await;
        assert_eq!(transport.sent(began).len(), 20);
        assert_eq!(queue.account().dropped.not_retryable, 20);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_too_large_is_halved_until_it_fits() {
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
        assert_eq!((queue.account().accepted, queue.account().in_flight), (9, 0));

        // A single span that is too large is dropped, with the backend's words, and the others arrive.
        let (queue, transport, began) = start(vec![too_large(), too_large()]);
        queue.push(batch(2)).unwrap();
        queue.want_all();
        tokio::time::sleep(SECOND).await;
        assert_eq!(transport.sent(began).len(), 3);
        assert_eq!((queue.account().accepted, queue.account().dropped.not_retryable), (1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn closing_with_time_enough_lets_the_next_attempt_happen() {
        let (queue, transport, _) = start(vec![unavailable(Some(10 * SECOND))]);
        queue.push(batch(1)).unwrap();
        queue.want_all();
        tokio::time::sleep(SECOND).await;
        queue.close(Instant::now() + 20 * SECOND);
        queue.finished().await;
        assert_eq!((queue.account().accepted, transport.asked.lock().unwrap().len()), (1, 2));
    }
}
