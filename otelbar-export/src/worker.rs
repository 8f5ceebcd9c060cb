//! What runs on the pipeline's thread: takes batches from the queue, has them encoded and sent, keeps the books.

mod books;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use tracing::{info, warn};

use crate::account::{Health, LastError};
use crate::backlog::Backlog;
use crate::batch::Portion;
use crate::breaker::Breaker;
use crate::encode::{Encoding, LeftOut, Request, SizeLimit, encode};
use crate::queue::Queue;
use crate::receipt::Outcome;
use crate::request_size::RequestSize;
use crate::retry::Retry;
use crate::spool::{Record, SpoolError};
use crate::subscribers::Subscribers;
use crate::time::after;
use crate::transport::{Acknowledged, Payload, Transport};
use crate::{BreakerState, Delivery, DropReason, ExporterOptions, SendError};

use books::{Books, Load};

/// After an error of the file system, how long the spool is left alone.
const SPOOL_PAUSE: Duration = Duration::from_secs(5);

/// Serves one queue with one transport.
pub(crate) struct Worker<T> {
    queue: Arc<Queue>,
    subscribers: Arc<Subscribers>,
    books: Books,
    transport: T,
    encoding: Encoding,
    backlog: Option<Backlog>,
    /// The spool's bound, to be told.
    spool_bytes: u64,
    /// Names this pipeline's hand-overs in the spool.
    run: u64,
    retry: Retry,
    breaker: Breaker,
    /// When the next attempt may be made, after one that failed.
    not_before: Option<Instant>,
    /// When the spool is read again, after an error.
    spool_not_before: Option<Instant>,
    size: RequestSize,
    /// Nothing more is sent: the pipeline is being shut down and has no time left.
    ended: bool,
}

/// What there is to do.
enum Next {
    Batch(Vec<Portion>),
    /// To send what lies in the spool.
    Spooled,
    Done,
}

/// What came of trying to deliver a request.
enum Fate {
    Settled(Outcome),
    /// The backend finds it too large.
    TooLarge,
    /// It lies in the spool.
    Spooled,
}

/// What came of one attempt.
enum Attempt {
    Acknowledged(Outcome),
    Failed(Arc<SendError>),
    /// It was cut short by the pipeline's end.
    Ended,
}

impl<T: Transport> Worker<T> {
    pub(crate) fn new(
        queue: Arc<Queue>,
        subscribers: Arc<Subscribers>,
        transport: T,
        encoding: Encoding,
        backlog: Option<Backlog>,
        options: &ExporterOptions,
    ) -> Self {
        Self {
            books: Books::new(Arc::clone(&queue), Arc::clone(&subscribers)),
            queue,
            subscribers,
            transport,
            encoding,
            backlog,
            spool_bytes: options.spool.as_ref().map(|spool| spool.max_bytes).unwrap_or_default(),
            run: fastrand::u64(..),
            retry: Retry::new(options.retry),
            breaker: Breaker::new(options.breaker),
            not_before: None,
            spool_not_before: None,
            size: RequestSize::new(options.request_size()),
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
        self.put_away().await;
        // Unlocked before anybody is told that this is over, who may open it again.
        drop(self.backlog.take());
        subscribers.tell(&queue.take_drops());
        let account = queue.account();
        if account.dropped.shut_down > 0 {
            let (spans, endpoint) = (account.dropped.shut_down, account.destination.endpoint);
            warn!(target: "otelbar_export", spans, %endpoint, "shut down before all spans were delivered");
        }
        queue.finish();
    }

    async fn work(&mut self) {
        let mut due = None;
        while !self.ended {
            match self.next(&mut due).await {
                Next::Batch(batch) => self.send(batch).await,
                Next::Spooled => self.send_spooled().await,
                Next::Done => return,
            }
        }
    }

    /// What is in the queue comes first, or it would run over while the spool is emptied.
    async fn next(&self, due: &mut Option<Instant>) -> Next {
        let spooled = self.backlog.is_some() && self.queue.account().spooled > 0;
        let from = self.not_before.max(self.spool_not_before).unwrap_or_else(Instant::now);
        tokio::select! {
            biased;
            batch = self.queue.batch(due) => batch.map_or(Next::Done, Next::Batch),
            () = tokio::time::sleep_until(from), if spooled => Next::Spooled,
        }
    }

    async fn send(&mut self, batch: Vec<Portion>) {
        self.books.register(&batch);
        let mut requests = VecDeque::from(self.encode(batch, self.size.limit()));
        while let Some(request) = requests.pop_front() {
            let load = Load::of(&request.portions);
            match self.deliver(&request, &load).await {
                Fate::Settled(outcome) => self.books.settle(&load, &outcome),
                Fate::Spooled => {}
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
        self.queue.batch_done();
    }

    /// The requests for these spans; settles those that fit none.
    fn encode(&mut self, portions: Vec<Portion>, limit: SizeLimit) -> Vec<Request> {
        let encoded = encode(portions, limit, self.encoding);
        for (portion, reason) in encoded.left_out {
            let reason = match reason {
                LeftOut::TooLarge { size } => DropReason::TooLarge { size },
                #[cfg(feature = "zipkin")]
                LeftOut::InvalidId => DropReason::InvalidId,
            };
            self.books.settle(&Load::of(&[portion]), &Outcome::Dropped { reason });
        }
        encoded.requests
    }

    /// Sends a request, again and again where that is allowed, until its fate is known.
    async fn deliver(&mut self, request: &Request, load: &Load) -> Fate {
        let queue = Arc::clone(&self.queue);
        let mut payload = None;
        let began = Instant::now();
        let mut attempt = 0_u32;
        loop {
            if let Some(again) = self.not_before.filter(|again| *again > Instant::now()) {
                if self.spool(request, load).await {
                    return Fate::Spooled;
                }
                tokio::select! {
                    () = tokio::time::sleep_until(again) => {}
                    // There will be no other attempt, and the backend is not to be bothered with other requests.
                    () = queue.ends_before(again) => self.ended = true,
                }
            }
            if self.ended || queue.deadline_has_passed() {
                self.ended = true;
                return self.put_away_one(request, load).await;
            }
            attempt = attempt.saturating_add(1);
            let payload = payload.get_or_insert_with(|| self.transport.pack(request.body.clone()));
            let error = match self.attempt(payload.clone(), load, attempt).await {
                Attempt::Acknowledged(outcome) => return Fate::Settled(outcome),
                Attempt::Ended => return self.put_away_one(request, load).await,
                Attempt::Failed(error) => error,
            };
            if error.is_too_large() && load.spans > 1 {
                self.backend_works();
                return Fate::TooLarge;
            }
            let now = Instant::now();
            self.failed(&error, now);
            if !error.is_retryable() {
                self.not_before = self.breaker.open_until();
                return Fate::Settled(Outcome::Dropped { reason: DropReason::NotRetryable { error } });
            }
            if self.backlog.is_some() {
                self.wait_after(&error, None, now);
                continue;
            }
            let Some(again) = self.wait_after(&error, Some(began), now) else {
                let reason = DropReason::Expired { attempts: attempt, error };
                return Fate::Settled(Outcome::Dropped { reason });
            };
            let wall = SystemTime::now();
            let next = wall.checked_add(again.saturating_duration_since(now)).unwrap_or(wall);
            self.books.tell(load, &Delivery::Retrying { attempt, error, next });
        }
    }

    /// Sends the oldest request of the spool, once.
    async fn send_spooled(&mut self) {
        let Some(backlog) = self.backlog.clone() else { return };
        let damaged = backlog.holdings().damaged;
        let found = backlog.oldest().await;
        let holdings = backlog.holdings();
        if holdings.damaged > damaged {
            self.books.lose(holdings.damaged - damaged, holdings.bytes);
        }
        let (id, record) = match found {
            Ok(Some(found)) => found,
            Ok(None) => return,
            Err(error) => return self.spool_failed(&error),
        };
        let own = record.run == self.run;
        let spans = record.spans().unwrap_or_default().into();
        let load = Load { parts: if own { record.parts } else { Vec::new() }, spans };
        self.books.unspool(&load);
        let payload = self.transport.pack(record.body);
        let outcome = match self.attempt(payload, &load, 1).await {
            Attempt::Acknowledged(outcome) => outcome,
            Attempt::Ended => return self.books.spool(&load, holdings.bytes),
            Attempt::Failed(error) => {
                let now = Instant::now();
                self.failed(&error, now);
                if error.is_retryable() {
                    self.wait_after(&error, None, now);
                    return self.books.spool(&load, holdings.bytes);
                }
                self.not_before = self.breaker.open_until();
                Outcome::Dropped { reason: DropReason::NotRetryable { error } }
            }
        };
        backlog.remove(id).await;
        let bytes = backlog.holdings().bytes;
        self.queue.book(|account| account.spooled_bytes = bytes);
        self.books.settle(&load, &outcome);
    }

    async fn attempt(&mut self, payload: Payload, load: &Load, number: u32) -> Attempt {
        self.books.tell(load, &Delivery::InFlight { attempt: number });
        self.breaker.attempted();
        let breaker = self.breaker.state();
        self.queue.book(|account| {
            account.requests += 1;
            account.breaker = breaker;
        });
        let answer = tokio::select! {
            answer = self.transport.send(payload) => answer,
            () = self.queue.deadline() => {
                self.ended = true;
                return Attempt::Ended;
            }
        };
        match answer {
            Ok(acknowledged) => Attempt::Acknowledged(self.acknowledged(acknowledged, load.spans)),
            Err(error) => Attempt::Failed(Arc::new(error)),
        }
    }

    /// Sets when the next attempt may be made; `None` when the request that was first tried at `began` is too old for
    /// another.
    fn wait_after(&mut self, error: &SendError, began: Option<Instant>, now: Instant) -> Option<Instant> {
        let wait = self.retry.failed(began.unwrap_or(now), now, error.retry_after(), fastrand::f64());
        self.not_before = self.breaker.open_until().max(wait.map(|wait| after(now, wait)));
        wait.and(self.not_before)
    }

    /// Puts a request into the spool, if there is one and it takes it; whether it has.
    async fn spool(&mut self, request: &Request, load: &Load) -> bool {
        let Some(backlog) = self.backlog.clone() else { return false };
        if self.spool_not_before.is_some_and(|from| from > Instant::now()) {
            return false;
        }
        let record = Record { run: self.run, parts: load.parts.clone(), body: request.body.clone() };
        let Some(pushed) = backlog.push(record).await else { return false };
        for gone in pushed.evicted {
            let own = gone.run == Some(self.run);
            let load = Load { parts: if own { gone.parts } else { Vec::new() }, spans: gone.spans };
            let reason = DropReason::SpoolFull { bytes: self.spool_bytes };
            self.books.unspool(&load);
            self.books.settle(&load, &Outcome::Dropped { reason });
        }
        match pushed.stored {
            Ok(_) => {
                self.spool_not_before = None;
                self.books.spool(load, backlog.holdings().bytes);
                true
            }
            Err(error) => {
                self.spool_failed(&error);
                false
            }
        }
    }

    fn spool_failed(&mut self, error: &SpoolError) {
        if self.spool_not_before.is_none() {
            warn!(target: "otelbar_export", %error, "spans are kept in memory alone");
        }
        self.spool_not_before = Some(after(Instant::now(), SPOOL_PAUSE));
    }

    /// What cannot be sent any more goes into the spool, or is counted as dropped.
    async fn put_away(&mut self) {
        let queue = Arc::clone(&self.queue);
        loop {
            let rest = queue.take_rest();
            if rest.is_empty() {
                return;
            }
            self.books.register(&rest);
            if self.backlog.is_none() {
                // Without being encoded first, as there is no time left.
                self.books.settle(&Load::of(&rest), &Outcome::Dropped { reason: DropReason::ShutDown });
                continue;
            }
            for request in self.encode(rest, self.size.limit()) {
                let load = Load::of(&request.portions);
                if let Fate::Settled(outcome) = self.put_away_one(&request, &load).await {
                    self.books.settle(&load, &outcome);
                }
            }
        }
    }

    async fn put_away_one(&mut self, request: &Request, load: &Load) -> Fate {
        match self.spool(request, load).await {
            true => Fate::Spooled,
            false => Fate::Settled(Outcome::Dropped { reason: DropReason::ShutDown }),
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

    fn acknowledged(&mut self, answer: Acknowledged, spans: u64) -> Outcome {
        self.backend_works();
        self.size.accepted();
        let spans = usize::try_from(spans).unwrap_or(usize::MAX);
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
    use std::collections::{BTreeSet, VecDeque};
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use bytes::Bytes;
    use http::StatusCode;
    use opentelemetry::InstrumentationScope;
    use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_sdk::Resource;
    use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
    use prost::Message;

    use super::*;
    use crate::batch::HandOver;
    use crate::transport::Payload;
    use crate::{BreakerPolicy, EnqueueId, Overflow, RetryPolicy, TraceBatch};

    const SECOND: Duration = Duration::from_secs(1);

    /// Answers as scripted, then well; notes when it was asked.
    #[derive(Clone, Default)]
    struct Scripted {
        answers: Arc<Mutex<VecDeque<Result<Acknowledged, SendError>>>>,
        asked: Arc<Mutex<Vec<Instant>>>,
        /// Between these times it is not there.
        away: Arc<Mutex<Option<(Instant, Instant)>>>,
        /// The ids of spans in accepted requests.
        received: Arc<Mutex<BTreeSet<Vec<u8>>>>,
    }

    impl Transport for Scripted {
        fn pack(&self, body: Bytes) -> Payload {
            Payload { frame: Bytes::new(), body, coding: None }
        }

        async fn send(&self, payload: Payload) -> Result<Acknowledged, SendError> {
            let now = Instant::now();
            self.asked.lock().unwrap().push(now);
            if self.away.lock().unwrap().is_some_and(|(from, to)| (from..to).contains(&now)) {
                return unavailable(None);
            }
            let answer = self.answers.lock().unwrap().pop_front().unwrap_or(Ok(Acknowledged::default()));
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

    fn batch(spans: usize) -> Arc<HandOver> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        static NEXT_SPAN: AtomicU64 = AtomicU64::new(1);
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
        let mut spans = vec![span; spans];
        for span in &mut spans {
            let id = SpanId::from(NEXT_SPAN.fetch_add(1, Ordering::Relaxed));
            span.span_context =
                SpanContext::new(TraceId::from(1), id, TraceFlags::SAMPLED, false, TraceState::NONE);
        }
        let batch = TraceBatch::new(1, Resource::builder_empty().build(), spans);
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
        let worker = Worker::new(
            Arc::clone(&queue),
            Arc::default(),
            transport.clone(),
            Encoding::Protobuf,
            None,
            &options,
        );
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

    /// A hand-over of 50 spans each 10 ms, and a backend that is away from the fifth second for a minute.
    #[tokio::test(start_paused = true)]
    async fn an_outage_of_a_minute_under_load_costs_only_what_has_no_room() {
        for queue_size in [1_000_000, 20_000] {
            let (queue, transport, began) = start_with(Vec::new(), |options| {
                options.with_queue_size(queue_size).with_queue_bytes(usize::MAX)
            });
            *transport.away.lock().unwrap() = Some((began + 5 * SECOND, began + 65 * SECOND));
            let (mut taken, mut refused) = (0, 0);
            for _ in 0..7000 {
                *(if queue.push(batch(50)).is_ok() { &mut taken } else { &mut refused }) += 50;
                tokio::time::sleep(SECOND / 100).await;
            }
            tokio::time::sleep(60 * SECOND).await;
            let account = queue.account();
            assert_eq!((account.accepted, account.dropped.queue_full), (taken, refused));
            assert_eq!(account.handed_over, taken + refused);
            assert_eq!(transport.received.lock().unwrap().len() as u64, taken, "each came once");
            assert_eq!(refused > 0, queue_size == 20_000);
        }
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
