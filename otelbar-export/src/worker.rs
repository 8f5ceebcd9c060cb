//! What runs on the pipeline's thread: takes batches from the queue, has them encoded and sent, keeps the books.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::Instant;
use tracing::{info, warn};

use crate::account::{Health, LastError};
use crate::batch::Portion;
use crate::encode::{Encoding, Part, encode};
use crate::queue::Queue;
use crate::receipt::{Ledger, Outcome};
use crate::retry::Retry;
use crate::subscribers::Subscribers;
use crate::time::after;
use crate::transport::{Acknowledged, Payload, Transport};
use crate::{Delivery, DropReason, EnqueueId, ExporterOptions, Receipt, SendError};

/// Serves one queue with one transport.
pub(crate) struct Worker<T> {
    queue: Arc<Queue>,
    subscribers: Arc<Subscribers>,
    transport: T,
    encoding: Encoding,
    options: ExporterOptions,
    retry: Retry,
    /// Hand-overs of which spans were taken and not all are settled.
    ledgers: HashMap<EnqueueId, Ledger>,
    /// Nothing more is sent: the pipeline is being shut down and has no time left.
    ended: bool,
}

impl<T: Transport> Worker<T> {
    pub(crate) fn new(
        queue: Arc<Queue>,
        subscribers: Arc<Subscribers>,
        transport: T,
        encoding: Encoding,
        options: ExporterOptions,
    ) -> Self {
        let retry = Retry::new(options.retry);
        Self {
            queue,
            subscribers,
            transport,
            encoding,
            options,
            retry,
            ledgers: HashMap::new(),
            ended: false,
        }
    }

    /// Works until the queue is closed and empty, or the deadline of its closing has passed.
    pub(crate) async fn run(mut self) {
        let queue = Arc::clone(&self.queue);
        let subscribers = Arc::clone(&self.subscribers);
        let tell_refusals = async {
            loop {
                let refusals = queue.refusals().await;
                subscribers.tell(&refusals);
            }
        };
        tokio::select! {
            () = self.work() => {}
            () = tell_refusals => {}
        }
        for portion in queue.give_up() {
            self.register(&portion);
            let part = Part { id: portion.id, spans: portion.spans.len() };
            self.settle(&[part], &Outcome::Dropped { reason: DropReason::ShutDown });
        }
        subscribers.tell(&queue.take_refusals());
        let account = queue.account();
        if account.dropped.shut_down > 0 {
            let (spans, endpoint) = (account.dropped.shut_down, account.endpoint);
            warn!(target: "otelbar_export", spans, %endpoint, "shut down before all spans were delivered");
        }
        queue.finish();
    }

    async fn work(&mut self) {
        let queue = Arc::clone(&self.queue);
        while let Some(batch) = queue.batch().await {
            for portion in &batch {
                self.register(portion);
            }
            let encoded = encode(batch, self.options.request_size(), self.encoding);
            for (id, size) in encoded.too_large {
                let reason = DropReason::TooLarge { size };
                queue.book(|account| {
                    account.in_flight -= 1;
                    account.dropped.count(&reason, 1);
                });
                self.settle(&[Part { id, spans: 1 }], &Outcome::Dropped { reason });
            }
            for request in encoded.requests {
                let spans = request.spans();
                let payload = self.transport.pack(request.body);
                let outcome = self.deliver(&payload, &request.parts, spans).await;
                self.book(spans, &outcome);
                self.settle(&request.parts, &outcome);
            }
            queue.batch_done();
            if self.ended {
                return;
            }
        }
    }

    /// Sends a request, again and again where that is allowed, until its fate is known.
    async fn deliver(&mut self, payload: &Payload, parts: &[Part], spans: usize) -> Outcome {
        const SHUT_DOWN: Outcome = Outcome::Dropped { reason: DropReason::ShutDown };
        let queue = Arc::clone(&self.queue);
        let began = Instant::now();
        let mut attempt = 0_u32;
        loop {
            if self.ended || queue.deadline_has_passed() {
                self.ended = true;
                return SHUT_DOWN;
            }
            attempt = attempt.saturating_add(1);
            self.tell(parts, &Delivery::InFlight { attempt });
            queue.book(|account| account.requests += 1);
            let answer = tokio::select! {
                answer = self.transport.send(payload.clone()) => answer,
                () = queue.deadline() => return SHUT_DOWN,
            };
            let error = match answer {
                Ok(acknowledged) => return self.acknowledged(acknowledged, spans),
                Err(error) => Arc::new(error),
            };
            self.note_failure(&error);
            if !error.is_retryable() {
                return Outcome::Dropped { reason: DropReason::NotRetryable { error } };
            }
            let now = Instant::now();
            let Some(wait) = self.retry.failed(began, now, error.retry_after(), fastrand::f64()) else {
                return Outcome::Dropped { reason: DropReason::Expired { attempts: attempt, error } };
            };
            let wall = SystemTime::now();
            let next = wall.checked_add(wait).unwrap_or(wall);
            self.tell(parts, &Delivery::Retrying { attempt, error, next });
            let again = after(now, wait);
            tokio::select! {
                () = tokio::time::sleep_until(again) => {}
                // There will be no other attempt, and the backend is not to be bothered with other requests.
                () = queue.ends_before(again) => self.ended = true,
            }
        }
    }

    fn acknowledged(&mut self, answer: Acknowledged, spans: usize) -> Outcome {
        self.retry.succeeded();
        let rejected = usize::try_from(answer.rejected).unwrap_or(usize::MAX).min(spans);
        let message: Option<Arc<str>> = answer.message.map(Into::into);
        let health = if rejected > 0 { Health::Rejecting } else { Health::Healthy };
        let (before, endpoint) = self.queue.book(|account| {
            if message.is_some() {
                account.last_message.clone_from(&message);
            }
            (std::mem::replace(&mut account.health, health), Arc::clone(&account.endpoint))
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

    fn note_failure(&self, error: &Arc<SendError>) {
        let before = self.queue.book(|account| {
            account.last_error = Some(LastError { at: SystemTime::now(), error: Arc::clone(error) });
            std::mem::replace(&mut account.health, Health::Failing)
        });
        if before != Health::Failing {
            warn!(target: "otelbar_export", %error, "spans cannot be delivered");
        }
    }

    /// Enters a request's end into the account.
    fn book(&self, spans: usize, outcome: &Outcome) {
        let spans = spans as u64;
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
    }

    /// Notes that these spans have left the queue.
    fn register(&mut self, portion: &Portion) {
        self.ledgers
            .entry(portion.id)
            .or_insert_with(|| Ledger::new(portion.key, portion.id, portion.whole))
            .take(portion.spans.len());
    }

    fn settle(&mut self, parts: &[Part], outcome: &Outcome) {
        let mut receipts = Vec::with_capacity(parts.len());
        for part in parts {
            let Some(ledger) = self.ledgers.get_mut(&part.id) else { continue };
            ledger.settle(part.spans, outcome);
            receipts.push(ledger.receipt());
            if ledger.is_settled() {
                self.ledgers.remove(&part.id);
            }
        }
        self.subscribers.tell(&receipts);
    }

    fn tell(&self, parts: &[Part], delivery: &Delivery) {
        if self.subscribers.is_empty() {
            return;
        }
        let ledgers = parts.iter().filter_map(|part| self.ledgers.get(&part.id));
        let receipts: Vec<Receipt> = ledgers.map(|ledger| ledger.under_way(delivery.clone())).collect();
        self.subscribers.tell(&receipts);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;
    use std::time::Duration;

    use bytes::Bytes;
    use http::StatusCode;
    use opentelemetry::InstrumentationScope;
    use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status};
    use opentelemetry_sdk::Resource;
    use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

    use super::*;
    use crate::{RetryPolicy, TraceBatch};

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

    fn batch(spans: usize) -> TraceBatch {
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
        TraceBatch::new(1, Resource::builder_empty().build(), vec![span; spans])
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
        let queue = Arc::new(Queue::new(&options));
        let transport = Scripted::default();
        transport.answers.lock().unwrap().extend(answers);
        let worker =
            Worker::new(Arc::clone(&queue), Arc::default(), transport.clone(), Encoding::Protobuf, options);
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
        let (queue, transport, began) = start((0..10_000).map(|_| unavailable(None)).collect());
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
