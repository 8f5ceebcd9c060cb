//! What runs on the pipeline's thread for one destination: takes batches from the queue, has them encoded and sent,
//! counts what becomes of them.
//!
//! A full batch is encoded while the one before it is answered. While the backend does well several requests may be
//! under way at once; after a failure it is one at a time, when its time has come, until one succeeds.

mod backend;

mod job;
mod ledgers;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::time::Instant;
use tracing::{error, warn};

use crate::batch::Portion;
use crate::encode::{Encoded, Encoding, LeftOut, Request, SizeLimit, encode};
use crate::panic::{caught, message};
use crate::pipeline::backlog::{Backlog, Holdings};
use crate::pipeline::delivery::{Delivery, DropReason, ExportResult};
use crate::pipeline::options::Options;
use crate::pipeline::queue::{Batch, Queue};
use crate::pipeline::receipt::Receipt;
use crate::pipeline::request_size::RequestSize;
use crate::pipeline::subscribers::Subscribers;
use crate::spool::{Part, Record, RecordId, SpoolError};
use crate::time::after;
use crate::transport::{Acknowledged, RequestLimits, SendError, Transport};

use backend::{Backend, Verdict};
use job::{InFlight, Job, Origin, halves};
use ledgers::{Ledgers, Load};

/// After an error of the file system, how long the spool is left alone.
const SPOOL_PAUSE: Duration = Duration::from_secs(5);

/// Serves one queue with one transport.
pub(crate) struct Worker<T> {
    queue: Arc<Queue>,
    subscribers: Arc<Subscribers>,
    ledgers: Ledgers,
    backend: Backend,
    transport: Rc<T>,
    encoding: Encoding,
    encode: Encode,
    size: RequestSize,
    /// Requests to be sent, the next first.
    waiting: VecDeque<Job>,
    /// Requests being sent, by the number of the attempt.
    flying: HashMap<u64, Job>,
    flights: FuturesUnordered<Flight>,
    next_flight: u64,
    concurrency: usize,
    backlog: Option<Backlog>,
    /// The spool's bound, to be told.
    spool_bytes: u64,
    /// How long spans may be in memory alone, with a spool.
    write_delay: Duration,
    /// Names this pipeline's batches in the spool.
    run: u64,
    /// What of this pipeline's lies in the spool, for records that cannot be read any more.
    stored: BTreeMap<RecordId, Vec<Part>>,
    /// When the spool is used again, after an error.
    spool_not_before: Option<Instant>,
    /// The queue is closed and empty.
    drained: bool,
    /// Nothing more is sent: the pipeline is being shut down and has no time left.
    ended: bool,
}

/// How spans become requests.
type Encode = fn(Vec<Portion>, SizeLimit, Encoding) -> Encoded;

/// An attempt under way.
type Flight = Pin<Box<dyn Future<Output = Landing>>>;

/// An attempt that is over.
struct Landing {
    flight: u64,
    /// Of the backend's condition, when it began.
    generation: u64,
    answer: Result<Acknowledged, SendError>,
}

/// Why a request was not written into the spool.
enum Unwritten {
    /// It takes so many bytes, which is more than the spool may.
    TooLarge { size: u64 },
    /// There is no spool, or it does not work at the moment.
    NotNow,
}

/// What there is to do.
enum Next {
    Batch(Batch),
    Drained,
    Landed(Landing),
    /// To look again whether a request may be sent.
    Look,
    /// To write down what has been in memory alone for long enough.
    Write,
    /// To send what lies in the spool.
    Spooled,
    /// To stop: there is no time left.
    End,
}

impl<T: Transport + 'static> Worker<T> {
    pub(crate) fn new(
        queue: Arc<Queue>,
        subscribers: Arc<Subscribers>,
        transport: T,
        encoding: Encoding,
        backlog: Option<Backlog>,
        options: &Options,
        limits: RequestLimits,
    ) -> Self {
        Self {
            ledgers: Ledgers::new(Arc::clone(&queue), Arc::clone(&subscribers)),
            backend: Backend::new(Arc::clone(&queue), options),
            queue,
            subscribers,
            transport: Rc::new(transport),
            encoding,
            encode,
            size: RequestSize::new(limits.size),
            waiting: VecDeque::new(),
            flying: HashMap::new(),
            flights: FuturesUnordered::new(),
            next_flight: 0,
            // One at a time keeps what is being sent from the spool from giving way in it meanwhile.
            concurrency: if backlog.is_some() { 1 } else { limits.concurrent },
            backlog,
            spool_bytes: options.spool.as_ref().map(|spool| spool.max_bytes).unwrap_or_default(),
            write_delay: options.spool.as_ref().map(|spool| spool.write_delay).unwrap_or_default(),
            run: fastrand::u64(..),
            stored: BTreeMap::new(),
            spool_not_before: None,
            drained: false,
            ended: false,
        }
    }

    /// Works until the queue is closed and empty, or the deadline of its closing has passed.
    pub(crate) async fn run(mut self) {
        let queue = Arc::clone(&self.queue);
        let subscribers = Arc::clone(&self.subscribers);
        let tell = |drops: &[Receipt]| {
            let lost = subscribers.tell(drops);
            if lost > 0 {
                queue.count(|statistics| statistics.untold += lost);
            }
        };
        let tell_drops = async {
            loop {
                let drops = queue.drops().await;
                tell(&drops);
            }
        };
        tokio::select! {
            () = self.work() => {}
            () = tell_drops => {}
        }
        self.put_away().await;
        // Unlocked before anybody is told that this is over, who may open it again.
        drop(self.backlog.take());
        tell(&queue.take_drops());
        let statistics = queue.statistics();
        if statistics.dropped.shut_down > 0 {
            let (spans, endpoint) = (statistics.dropped.shut_down, statistics.destination.endpoint);
            warn!(target: "otelbar_export", spans, %endpoint, "shut down before all spans were delivered");
        }
        queue.finish();
    }

    async fn work(&mut self) {
        let mut due = None;
        loop {
            self.send_waiting().await;
            if self.ended || (self.drained && self.waiting.is_empty() && self.flying.is_empty()) {
                return;
            }
            match self.next(&mut due).await {
                Next::Batch(batch) => self.take(batch),
                Next::Drained => self.drained = true,
                Next::Landed(landing) => self.landed(landing).await,
                Next::Look => {}
                Next::Write => self.write_down().await,
                Next::Spooled => self.take_spooled().await,
                Next::End => self.ended = true,
            }
        }
    }

    /// What comes from the queue goes before what lies in the spool, or the queue would run over while that is
    /// emptied.
    async fn next(&mut self, due: &mut Option<Instant>) -> Next {
        let from = self.backend.not_before().unwrap_or_else(Instant::now);
        let has_room = self.flying.len() < self.at_once();
        // Only time can be what keeps it from being sent.
        let held_back = has_room && !self.waiting.is_empty();
        let may_take = self.waiting.is_empty() && !self.drained;
        let stored = self.waiting.iter().chain(self.flying.values()).any(Job::is_stored);
        // Closed, it lets the process end: what lies on disk is safe.
        let may_unspool = may_take && has_room && !stored && self.has_spooled();
        let unspool_from = self.spool_not_before.map_or(from, |not_before| not_before.max(from));
        let write_by = self.write_by();
        tokio::select! {
            biased;
            () = self.queue.deadline() => Next::End,
            Some(landing) = self.flights.next() => Next::Landed(landing),
            // There will be no other attempt, and the backend is not to be bothered with other requests.
            () = self.queue.ends_before(from), if held_back => Next::End,
            () = tokio::time::sleep_until(from), if held_back => Next::Look,
            batch = self.queue.batch(due), if may_take && has_room => {
                batch.map_or(Next::Drained, Next::Batch)
            }
            () = tokio::time::sleep_until(write_by.unwrap_or(from)), if write_by.is_some() => Next::Write,
            batch = self.queue.full_batch(), if may_take && !has_room => Next::Batch(batch),
            () = tokio::time::sleep_until(unspool_from), if may_unspool => Next::Spooled,
        }
    }

    /// Makes requests of a batch.
    fn take(&mut self, batch: Batch) {
        let guard = InFlight::new(Arc::clone(&self.queue), batch.turn);
        self.ledgers.register(&batch.portions);
        let requests = self.encode(batch.portions, self.size.limit());
        self.waiting.extend(requests.into_iter().map(|request| Job::new(request, &guard)));
    }

    /// The requests for these spans; settles those that fit none. A fault in encoding costs all of them.
    fn encode(&mut self, portions: Vec<Portion>, limit: SizeLimit) -> Vec<Request> {
        let load = Load::of(&portions);
        let encoded = match caught(|| (self.encode)(portions, limit, self.encoding)) {
            Ok(encoded) => encoded,
            Err(message) => {
                let (spans, destination) = (load.spans, self.queue.destination());
                error!(target: "otelbar_export", spans, %destination, %message, "encoding panicked; please report this as a bug");
                self.ledgers
                    .settle(&load, &ExportResult::Dropped { reason: DropReason::Panicked { message } });
                return Vec::new();
            }
        };
        for (portion, reason) in encoded.left_out {
            let reason = match reason {
                LeftOut::TooLarge { size } => DropReason::TooLarge { size },
                #[cfg(feature = "zipkin")]
                LeftOut::InvalidId => DropReason::InvalidId,
            };
            self.ledgers.settle(&Load::of(&[portion]), &ExportResult::Dropped { reason });
        }
        encoded.requests
    }

    /// Sends what may be sent now. What may not goes into the spool, if there is one.
    async fn send_waiting(&mut self) {
        loop {
            let held_back = self.backend.not_before().is_some_and(|from| from > Instant::now());
            if !held_back && self.flying.len() >= self.at_once() {
                return;
            }
            let Some(job) = self.waiting.pop_front() else { return };
            if !held_back {
                self.launch(job).await;
            } else if let Err(job) = self.spool(job).await {
                self.waiting.push_front(job);
                return;
            }
        }
    }

    /// How many requests may be under way.
    fn at_once(&self) -> usize {
        if self.backend.is_troubled() { 1 } else { self.concurrency }
    }

    async fn launch(&mut self, mut job: Job) {
        job.attempts = job.attempts.saturating_add(1);
        job.began.get_or_insert_with(Instant::now);
        let packed = match job.payload.take() {
            Some(payload) => Ok(payload),
            None => caught(|| self.transport.pack(job.body.clone())),
        };
        let payload = match packed {
            Ok(payload) => payload,
            Err(message) => {
                let destination = self.queue.destination();
                error!(target: "otelbar_export", %destination, %message, "compression panicked; please report this as a bug");
                return self
                    .settle(job, &ExportResult::Dropped { reason: DropReason::Panicked { message } })
                    .await;
            }
        };
        job.payload = Some(payload.clone());
        self.ledgers.tell(&job.load, &Delivery::InFlight { attempt: job.attempts });
        let generation = self.backend.attempted();
        let flight = self.next_flight;
        self.next_flight += 1;
        let transport = Rc::clone(&self.transport);
        let endpoint = Arc::clone(&self.queue.destination().endpoint);
        self.flights.push(Box::pin(async move {
            let sent = AssertUnwindSafe(transport.send(payload)).catch_unwind().await;
            let answer =
                sent.unwrap_or_else(|panic| Err(SendError::Panicked { endpoint, message: message(&*panic) }));
            Landing { flight, generation, answer }
        }));
        self.flying.insert(flight, job);
    }

    async fn landed(&mut self, landing: Landing) {
        let Some(job) = self.flying.remove(&landing.flight) else { return };
        let error = match landing.answer {
            Ok(answer) => {
                let outcome = self.backend.acknowledged(answer, landing.generation, job.load.spans);
                self.size.accepted();
                // First, so that the backend is busy while what it has taken is settled and freed here.
                self.send_waiting().await;
                return self.settle(job, &outcome).await;
            }
            Err(error) => Arc::new(error),
        };
        let Some(job) = self.halve(job, &error).await else { return };
        let began = job.began.filter(|_| self.backlog.is_none());
        match self.backend.failed(&error, landing.generation, job.attempts, began) {
            Verdict::Settled(outcome) => self.settle(job, &outcome).await,
            Verdict::Again(_) if job.is_stored() => self.ledgers.spool(&job.load, self.holdings().bytes),
            Verdict::Again(next) => {
                if self.backlog.is_none() {
                    let attempt = job.attempts;
                    self.ledgers.tell(&job.load, &Delivery::Retrying { attempt, error, next });
                }
                self.waiting.push_front(job);
            }
        }
    }

    /// Halves a request that the backend finds too large, where that can be done; else gives it back.
    async fn halve(&mut self, mut job: Job, error: &SendError) -> Option<Job> {
        if !error.is_too_large() {
            return Some(job);
        }
        if matches!(job.origin, Origin::Spool) || job.load.spans < 2 {
            self.size.too_large(job.body.len() / 2);
            return Some(job);
        }
        self.remove_record(&mut job).await;
        // To the breaker this is neither a success nor a failure: that is what the smallest part will be.
        let Job { origin: Origin::Batch { portions, batch }, .. } = job else { return Some(job) };
        let most = self.size.most();
        let halves = halves(portions).map(|half| self.encode(half, most));
        let parts = halves.into_iter().flatten().collect::<Vec<_>>();
        let largest = parts.iter().map(|part| part.body.len()).max();
        self.size.too_large(largest.unwrap_or_default());
        for part in parts.into_iter().rev() {
            self.waiting.push_front(Job::new(part, &batch));
        }
        None
    }

    async fn settle(&mut self, mut job: Job, outcome: &ExportResult) {
        self.remove_record(&mut job).await;
        self.ledgers.settle(&job.load, outcome);
    }

    /// Removes what there is of a request in the spool, as it is not needed there any more.
    async fn remove_record(&mut self, job: &mut Job) {
        if let (Some(id), Some(backlog)) = (job.record.take(), self.backlog.clone()) {
            backlog.remove(id).await;
            self.stored.remove(&id);
            self.count_spooled_bytes();
        }
    }

    fn count_spooled_bytes(&self) {
        let bytes = self.holdings().bytes;
        self.queue.count(|statistics| statistics.spooled_bytes = bytes);
    }

    fn has_spooled(&self) -> bool {
        self.backlog.is_some() && self.queue.statistics().spans.spooled > 0
    }

    fn holdings(&self) -> Holdings {
        self.backlog.as_ref().map(Backlog::holdings).unwrap_or_default()
    }

    /// Has the oldest request of the spool sent.
    async fn take_spooled(&mut self) {
        let Some(backlog) = self.backlog.clone() else { return };
        let found = backlog.oldest().await;
        for id in backlog.take_lost() {
            let parts = self.stored.remove(&id).unwrap_or_default();
            self.drop_spooled(parts, id.spans().into(), DropReason::SpoolDamaged);
        }
        self.count_spooled_bytes();
        match found {
            // What was counted there is not to be had.
            Ok(None) => self.spool_not_before = Some(after(Instant::now(), SPOOL_PAUSE)),
            Ok(Some((id, record))) => {
                let spans = record.spans().unwrap_or_default().into();
                let own = record.run == self.run;
                let load = Load { parts: if own { record.parts } else { Vec::new() }, spans };
                self.ledgers.unspool(&load);
                self.waiting.push_back(Job::stored(id, record.body, load));
            }
            Err(error) => self.spool_failed(&error),
        }
    }

    /// Puts a request into the spool, or gives it back where there is none or it does not take it.
    async fn spool(&mut self, job: Job) -> Result<(), Job> {
        if !job.is_stored() {
            match self.write(&job.load, job.body.clone()).await {
                Ok(_) => {}
                Err(Unwritten::TooLarge { size }) => {
                    self.spool_in_parts(job, size);
                    return Ok(());
                }
                Err(Unwritten::NotNow) => return Err(job),
            }
        }
        self.ledgers.spool(&job.load, self.holdings().bytes);
        Ok(())
    }

    /// Writes a request into the spool. The oldest give way to it; one of these that is being sent loses no more than
    /// its file.
    async fn write(&mut self, load: &Load, body: Bytes) -> Result<RecordId, Unwritten> {
        let Some(backlog) = self.backlog.clone() else { return Err(Unwritten::NotNow) };
        if !self.ended && self.spool_not_before.is_some_and(|from| from > Instant::now()) {
            return Err(Unwritten::NotNow);
        }
        let record = Record { run: self.run, parts: load.parts.clone(), body };
        let Some(pushed) = backlog.push(record).await else {
            self.spool_not_before = Some(after(Instant::now(), SPOOL_PAUSE));
            return Err(Unwritten::NotNow);
        };
        for gone in pushed.evicted {
            let parts = self.stored.remove(&gone.id).unwrap_or_default();
            let mut jobs = self.flying.values_mut().chain(&mut self.waiting);
            match jobs.find(|job| job.record == Some(gone.id)) {
                Some(job) => job.record = None,
                None => {
                    self.drop_spooled(parts, gone.spans, DropReason::SpoolFull { bytes: self.spool_bytes });
                }
            }
        }
        match pushed.stored {
            Ok(id) => {
                self.stored.insert(id, load.parts.clone());
                self.spool_not_before = None;
                Ok(id)
            }
            Err(SpoolError::TooLarge { size, .. }) => Err(Unwritten::TooLarge { size }),
            Err(error) => {
                self.spool_failed(&error);
                Err(Unwritten::NotNow)
            }
        }
    }

    /// When something is to be written down that has been in memory alone; without a spool never.
    fn write_by(&self) -> Option<Instant> {
        self.backlog.as_ref()?;
        // Else it is sent as soon as it is a batch, which is earlier.
        if self.flying.is_empty() && self.waiting.is_empty() {
            return None;
        }
        let jobs = self.waiting.iter().chain(self.flying.values()).filter(|job| !job.is_stored());
        // What comes from now on is looked at in time.
        let queued = self.queue.first_since().unwrap_or_else(Instant::now);
        let first = jobs.filter_map(|job| job.since).fold(queued, Instant::min);
        Some(after(first, self.write_delay).max(self.spool_not_before.unwrap_or(first)))
    }

    /// Writes down what has been in memory alone for long enough: what is being sent and not answered, and what waits
    /// behind it.
    async fn write_down(&mut self) {
        let (now, delay) = (Instant::now(), self.write_delay);
        let is_due = |since: Option<Instant>| since.is_some_and(|since| after(since, delay) <= now);
        while is_due(self.queue.first_since())
            && let Some(batch) = self.queue.take_some()
        {
            self.take(batch);
        }
        let flying = self.flying.iter().filter(|(_, job)| !job.is_stored() && is_due(job.since));
        let due: Vec<_> = flying.map(|(flight, job)| (*flight, job.load.clone(), job.body.clone())).collect();
        for (flight, load, body) in due {
            let written = self.write(&load, body).await;
            let Some(job) = self.flying.get_mut(&flight) else { continue };
            // Written once: what gives way to others after that is not written again.
            match written {
                Ok(id) => (job.record, job.since) = (Some(id), None),
                Err(Unwritten::TooLarge { .. }) => job.since = None,
                Err(Unwritten::NotNow) => {}
            }
        }
        for _ in 0..self.waiting.len() {
            let Some(job) = self.waiting.pop_front() else { break };
            let due = !job.is_stored() && is_due(job.since);
            let kept = if due { self.spool(job).await.err() } else { Some(job) };
            self.waiting.extend(kept);
        }
        self.count_spooled_bytes();
    }

    /// Spans that lay in the spool are lost; without parts they are another process's.
    fn drop_spooled(&mut self, parts: Vec<Part>, spans: u64, reason: DropReason) {
        let load = Load { parts, spans };
        self.ledgers.unspool(&load);
        self.ledgers.settle(&load, &ExportResult::Dropped { reason });
    }

    /// A request that is larger than the spool may be is taken apart: its halves are next. A single span is dropped, or
    /// it would keep all that comes after it out of the spool.
    fn spool_in_parts(&mut self, job: Job, size: u64) {
        match job.origin {
            Origin::Batch { portions, batch } if job.load.spans > 1 => {
                let most = self.size.most();
                let parts = halves(portions).map(|half| self.encode(half, most));
                for part in parts.into_iter().flatten().collect::<Vec<_>>().into_iter().rev() {
                    self.waiting.push_front(Job::new(part, &batch));
                }
            }
            _ => {
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                let reason = DropReason::TooLarge { size };
                self.ledgers.settle(&job.load, &ExportResult::Dropped { reason });
            }
        }
    }

    fn spool_failed(&mut self, error: &SpoolError) {
        if self.spool_not_before.is_none() {
            warn!(target: "otelbar_export", %error, "spans are kept only in memory");
        }
        self.spool_not_before = Some(after(Instant::now(), SPOOL_PAUSE));
    }

    /// What cannot be sent any more goes into the spool, or is counted as dropped.
    async fn put_away(&mut self) {
        self.ended = true;
        // Cancels what is under way.
        self.flights.clear();
        let mut under_way: Vec<(u64, Job)> = self.flying.drain().collect();
        under_way.sort_unstable_by_key(|(flight, _)| *flight);
        for (_, job) in under_way.into_iter().rev() {
            self.waiting.push_front(job);
        }
        self.put_away_waiting().await;
        let queue = Arc::clone(&self.queue);
        while let Some(rest) = queue.take_rest() {
            if self.backlog.is_none() {
                // Without being encoded first, as there is no time left.
                self.ledgers.register(&rest.portions);
                let shut_down = ExportResult::Dropped { reason: DropReason::ShutDown };
                self.ledgers.settle(&Load::of(&rest.portions), &shut_down);
                continue;
            }
            self.take(rest);
            self.put_away_waiting().await;
        }
    }

    async fn put_away_waiting(&mut self) {
        while let Some(job) = self.waiting.pop_front() {
            if let Err(job) = self.spool(job).await {
                self.ledgers.settle(&job.load, &ExportResult::Dropped { reason: DropReason::ShutDown });
            }
        }
    }
}

#[cfg(test)]
mod tests;
