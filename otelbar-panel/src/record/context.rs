use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanContext, SpanId, TraceState};
use opentelemetry_sdk::trace::SpanData;
use otelbar_convert::panel_data::{Entry, Exception, Log, PanelData, Request, Timer};
use otelbar_convert::{Conventions, Converted, ConvertedSpan};
use tracing::Metadata;

use super::failure::Failure;
use super::fields::FieldList;
use super::head::RequestHead;
use super::id::derived_id;
use super::limits::RecordingLimits;
use super::propagation::Propagation;
use super::recorder::Recorder;
use super::recording::{Outcome, Recording};
use super::service_info::ServiceInfo;
use super::snapshot::{Freshness, Known, Snapshot};
use super::summary::Summary;
use crate::guard::{fault, guard};
use crate::text;

/// Notes that are worked out at once, while nothing can be recorded of the request.
const WORKED_OUT: usize = 256;

/// Bytes by which a request grows before the account of open requests hears of it.
const ACCOUNTED: usize = 4 * 1024;

/// Where a request goes when it has ended.
pub(crate) trait RequestSink: fmt::Debug + Send + Sync {
    /// Whether requests are exported.
    fn exports(&self) -> bool;

    /// Takes a request in that ended at this time and holds so many bytes; whether it will be exported, if it is to be.
    fn finished(&self, request: &Arc<RequestContext>, bytes: usize, at: Instant) -> bool;

    /// A request that has ended holds so many bytes from now on.
    fn resized(&self, request: SpanId, bytes: usize);

    /// Something was added to a request that has ended; whether somebody will look at it.
    fn added_to(&self, request: &Arc<RequestContext>) -> bool;
}

/// One request, from its arrival until the store lets go of it.
///
/// It is shared by the tower service, by each span and task of the request, and by the store, and can be recorded into
/// from any thread and also after the response has been sent.
#[derive(Debug)]
pub(crate) struct RequestContext {
    pub(crate) span_context: SpanContext,
    pub(crate) propagation: Propagation,
    pub(crate) service: Arc<ServiceInfo>,
    pub(crate) recorder: Arc<Recorder>,
    sink: Arc<dyn RequestSink>,
    started: SystemTime,
    start: Instant,
    /// Nanoseconds in which the service's future or body was polled.
    busy: AtomicU64,
    /// Span ids that were given out.
    span_ids: AtomicU64,
    /// Whether some entries go by other ids than they were given.
    has_adopted: AtomicBool,
    recording: Mutex<Recording>,
    summary: Mutex<Option<Known<Summary>>>,
}

impl RequestContext {
    pub(crate) fn open(
        recorder: Arc<Recorder>,
        sink: Arc<dyn RequestSink>,
        service: Arc<ServiceInfo>,
        span_context: SpanContext,
        propagation: Propagation,
        head: RequestHead<'_>,
    ) -> Arc<Self> {
        let started = SystemTime::now();
        // Each span would copy the trace state, which is exported with the batch.
        let bare = SpanContext::new(
            span_context.trace_id(),
            span_context.span_id(),
            span_context.trace_flags(),
            false,
            TraceState::NONE,
        );
        let mut data = PanelData::new(bare, Timer::open(started), Request::default());
        data.remote_parent = propagation.parent;
        let base = size_of::<RequestContext>() + propagation.bytes();
        let recording = Recording::new(data, head.keep(&recorder.redactor), base);
        recorder.open.begin();
        let context = Arc::new(RequestContext {
            span_context,
            propagation,
            service,
            recorder,
            sink,
            started,
            start: Instant::now(),
            busy: AtomicU64::new(0),
            span_ids: AtomicU64::new(0),
            has_adopted: AtomicBool::new(false),
            recording: Mutex::new(recording),
            summary: Mutex::default(),
        });
        context.account(&mut context.lock());
        context
    }

    /// The request's id: that of its SERVER span.
    pub(crate) fn id(&self) -> SpanId {
        self.span_context.span_id()
    }

    /// An id for a span of the request. No other span of the request has it; to others it is as good as random, since the
    /// request's is.
    pub(crate) fn new_span_id(&self) -> SpanId {
        derived_id(self.id(), self.span_ids.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// When the request arrived, by the wall clock.
    pub(crate) fn started(&self) -> SystemTime {
        self.started
    }

    /// Time since the request arrived.
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Runs a part of the request's work, and counts the time it takes.
    pub(crate) fn work<T>(&self, f: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let done = f();
        let busy = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.busy.fetch_add(busy, Ordering::Relaxed);
        done
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Recording> {
        // A recorder that panicked has at worst left its own entry out.
        self.recording.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is recorded, with the request's head written down.
    pub(crate) fn described(&self) -> MutexGuard<'_, Recording> {
        let described = guard("describing a request", || {
            let mut recording = self.lock();
            let cut = recording.describe(&self.recorder.limits);
            // What was cut before the end is counted then.
            if recording.outcome.is_some() {
                self.recorder.counters.attributes.add(cut);
            }
            recording
        });
        described.unwrap_or_else(|| self.lock())
    }

    /// What is recorded, with all that was noted worked out.
    pub(crate) fn worked_out(&self) -> MutexGuard<'_, Recording> {
        loop {
            // A panic is told when the recording is not locked any more, for telling it may record something.
            match guard("working out what was recorded", || self.work_out_some()) {
                Some((recording, true)) => return recording,
                Some((recording, false)) => drop(recording),
                None => {
                    let mut recording = self.lock();
                    recording.broken = true;
                    return recording;
                }
            }
        }
    }

    /// Works some of what was noted out; whether nothing is left.
    fn work_out_some(&self) -> (MutexGuard<'_, Recording>, bool) {
        let Recorder { limits, sql_system, counters, .. } = &*self.recorder;
        let mut recording = self.described();
        let cut = recording.dropped.attributes;
        let is_done = recording.work_out(WORKED_OUT, sql_system, limits);
        // What was cut before the end is counted then.
        if recording.outcome.is_some() {
            counters.attributes.add(recording.dropped.attributes - cut);
        }
        self.account(&mut recording);
        (recording, is_done)
    }

    /// Tells the store what a request holds that was worked out after its end.
    fn tell_size(&self, recording: MutexGuard<'_, Recording>) {
        let size = recording.size();
        let is_told = recording.outcome.is_none() || recording.told_size == size;
        drop(recording);
        if !is_told {
            self.lock().told_size = size;
            self.sink.resized(self.id(), size);
        }
    }

    /// Notes the begin of a span of `tracing`; its place, or `None` where the request has too many.
    pub(crate) fn begin_span(
        &self,
        metadata: &'static Metadata<'static>,
        (id, parent): (SpanId, SpanId),
        fields: &FieldList,
    ) -> Option<usize> {
        let start = self.now();
        let mut recording = self.lock();
        self.add_span(&mut recording, |recording, limits| {
            recording.begin_span(metadata, (id, parent), start, fields, limits)
        })
    }

    /// Adds a span where there is room for it, and counts it where there is none.
    fn add_span<T>(
        &self,
        recording: &mut Recording,
        add: impl FnOnce(&mut Recording, &RecordingLimits) -> Option<T>,
    ) -> Option<T> {
        let added = match self.has_room(recording) {
            true => add(recording, &self.recorder.limits),
            false => {
                recording.dropped.spans += 1;
                None
            }
        };
        if added.is_none() {
            self.recorder.counters.spans.add(1);
        }
        self.account(recording);
        added
    }

    /// Notes further fields of a span of `tracing`.
    pub(crate) fn record_fields(&self, place: usize, fields: &FieldList) {
        let mut recording = self.lock();
        match self.has_room(&recording) {
            true => recording.record_fields(place, fields),
            false => recording.dropped.attributes += fields.iter().count() as u64,
        }
        self.account(&mut recording);
        if recording.is_to_be_worked_out() {
            drop(recording);
            drop(self.worked_out());
        }
    }

    /// Notes an event of `tracing` as a log.
    pub(crate) fn note_log(
        self: &Arc<Self>,
        metadata: &'static Metadata<'static>,
        span: SpanId,
        fields: &FieldList,
    ) {
        let time = self.now();
        let mut recording = self.lock();
        let dropped = recording.dropped.logs;
        match self.has_room(&recording) {
            true => recording.note_log(metadata, span, time, fields, &self.recorder.limits),
            false => recording.dropped.logs += 1,
        }
        self.recorder.counters.logs.add(recording.dropped.logs - dropped);
        self.account(&mut recording);
        self.announce_late(recording);
    }

    /// Notes a query that has just ended, whose source does not say how.
    pub(crate) fn note_query(self: &Arc<Self>, parent: SpanId, duration: Duration, fields: &FieldList) {
        let now = self.now();
        let duration = duration.min(now);
        let mut recording = self.lock();
        let times = (now - duration, duration);
        self.add_span(&mut recording, |recording, limits| {
            recording.note_query(parent, times, fields, limits).then_some(())
        });
        self.announce_late(recording);
    }

    /// Adds to what is known of the request itself.
    pub(crate) fn with_request(&self, f: impl FnOnce(&mut Request)) {
        guard("recording what is known of a request", || {
            let mut recording = self.lock();
            recording.with_request(&self.recorder.limits, f);
            self.account(&mut recording);
        });
    }

    /// Records an entry, ended or open; its place, or `None` where the request has too many.
    pub(crate) fn push(self: &Arc<Self>, entry: Entry) -> Option<usize> {
        self.push_by(entry, Recording::push_entry)
    }

    fn push_by(
        self: &Arc<Self>,
        entry: Entry,
        push: impl FnOnce(&mut Recording, Entry, &RecordingLimits) -> Option<usize>,
    ) -> Option<usize> {
        let mut recording = self.worked_out();
        let ended = entry.ended;
        let place = self.add_span(&mut recording, |recording, limits| push(recording, entry, limits));
        if ended {
            self.announce_late(recording);
        }
        place
    }

    /// Records a query whose source does not say how it ended; `is_told` says that the application does.
    pub(crate) fn push_query(self: &Arc<Self>, entry: Entry, is_told: bool) -> Option<usize> {
        self.push_by(entry, |recording, entry, limits| recording.push_query(entry, is_told, limits))
    }

    /// A database's error was logged in this span of the request.
    pub(crate) fn query_failed(&self, span: SpanId, failure: Failure) {
        let now = self.now();
        let mut recording = self.worked_out();
        recording.query_failed(span, now, failure, &self.recorder.limits);
        self.account(&mut recording);
    }

    /// Lets an entry go by the id of another layer's span, which stands for the same.
    pub(crate) fn adopt(&self, entry: usize, id: SpanId) {
        self.worked_out().adopt(entry, id);
        self.has_adopted.store(true, Ordering::Release);
    }

    /// Takes what comes under an id, that of another layer's span which is none of the record, for that of this span.
    pub(crate) fn stands_for(&self, id: SpanId, span: SpanId) {
        self.worked_out().stands_for(id, span);
        self.has_adopted.store(true, Ordering::Release);
    }

    /// That span has ended.
    pub(crate) fn stands_no_longer(&self, id: SpanId) {
        self.worked_out().stands_no_longer(id);
    }

    /// The id by which a span of the request goes.
    pub(crate) fn span_id_of(&self, id: SpanId) -> SpanId {
        if self.has_adopted.load(Ordering::Acquire) { self.lock().id_of(id) } else { id }
    }

    /// Changes an open entry and ends it, at this offset from the request's start.
    pub(crate) fn end(self: &Arc<Self>, place: usize, at: Duration, change: impl FnOnce(&mut Entry)) {
        let mut recording = self.worked_out();
        recording.change(place, &self.recorder.limits, change);
        recording.end_entry(place, at, None);
        self.account(&mut recording);
        self.announce_late(recording);
    }

    /// Ends an open entry, at this offset from the request's start, in so much of whose time its code ran.
    pub(crate) fn end_span(self: &Arc<Self>, place: usize, at: Duration, busy: Duration) {
        let mut recording = self.lock();
        recording.end_span(place, at, busy);
        self.announce_late(recording);
    }

    /// The answer's head has this status.
    pub(crate) fn answered(&self, status: u16) {
        self.lock().answered(status);
    }

    /// So many bytes of the answer's body were sent.
    pub(crate) fn sent(&self, bytes: u64) {
        self.lock().sent(bytes);
    }

    /// Adds an attribute to the request itself, or replaces the one of that name.
    pub(crate) fn set_request_attribute(&self, mut attribute: KeyValue) {
        text::bound(&mut attribute);
        self.recorder.redactor.attribute(&mut attribute);
        let has_room = self.has_room(&self.lock());
        self.with_request(|request| {
            let attributes = &mut request.attributes;
            let old = attributes.iter().position(|old| old.key == attribute.key);
            match old {
                _ if !has_room => self.recorder.counters.attributes.add(1),
                Some(old) => attributes[old].value = attribute.value,
                None if attributes.len() < self.recorder.limits.attributes => attributes.push(attribute),
                None => self.recorder.counters.attributes.add(1),
            }
        });
    }

    pub(crate) fn change(&self, place: usize, change: impl FnOnce(&mut Entry)) {
        let mut recording = self.worked_out();
        recording.change(place, &self.recorder.limits, change);
        self.account(&mut recording);
    }

    pub(crate) fn log(self: &Arc<Self>, log: Log) {
        let mut recording = self.worked_out();
        let dropped = recording.dropped.logs;
        match self.has_room(&recording) {
            true => recording.push_log(log, &self.recorder.limits),
            false => recording.dropped.logs += 1,
        }
        self.recorder.counters.logs.add(recording.dropped.logs - dropped);
        self.account(&mut recording);
        self.announce_late(recording);
    }

    /// The service's code has panicked, and the panic goes on.
    pub(crate) fn panicked(self: &Arc<Self>, exception: Exception) {
        let redactor = &self.recorder.redactor;
        let cleaned = guard("recording a panic of the application", || {
            let message = exception.message.map(|message| redactor.cleaned(message));
            let mut cleaned = Exception::new(exception.kind, message);
            cleaned.stacktrace = exception.stacktrace.map(|trace| redactor.cleaned(trace).into_owned());
            cleaned
        });
        self.with_request(|request| request.exception = cleaned);
        self.finish(Outcome::Failed(crate::panics::PANIC));
    }

    /// The store has let go of it. For as long as anything else holds it, which need not be a span of it, it is counted
    /// with the open requests.
    pub(crate) fn let_go(&self) {
        let mut recording = self.lock();
        if self.is_exported() && !recording.is_for_exporter() {
            self.recorder.counters.requests.add(1);
        }
        if !std::mem::replace(&mut recording.is_open, true) {
            self.recorder.open.begin();
            self.account(&mut recording);
        }
    }

    /// Whether its spans are to be exported.
    pub(crate) fn is_exported(&self) -> bool {
        self.sink.exports() && self.span_context.is_sampled()
    }

    fn has_room(&self, recording: &Recording) -> bool {
        !(recording.is_open && self.recorder.open.is_full())
    }

    /// Tells the account of open requests what this one holds, now and then.
    fn account(&self, recording: &mut Recording) {
        let size = recording.size();
        let is_due = recording.accounted == 0 || size.abs_diff(recording.accounted) >= ACCOUNTED;
        if recording.is_open && is_due {
            self.recorder.open.change(recording.accounted, size);
            recording.accounted = size;
        }
    }

    /// The request is not open any more.
    fn close_account(&self, recording: &mut Recording) {
        if std::mem::replace(&mut recording.is_open, false) {
            self.recorder.open.change(std::mem::take(&mut recording.accounted), 0);
            self.recorder.open.end();
        }
    }

    /// Ends the request: from now on the store has it, and the exporter gets it when it has settled. Later calls do
    /// nothing.
    pub(crate) fn finish(self: &Arc<Self>, outcome: Outcome) {
        guard("ending a request", || self.end_request(outcome));
    }

    fn end_request(self: &Arc<Self>, outcome: Outcome) {
        let now = self.now();
        let size = {
            let mut recording = self.lock();
            if recording.outcome.is_some() {
                return;
            }
            recording.outcome = Some(outcome);
            let busy = Duration::from_nanos(self.busy.load(Ordering::Relaxed));
            recording.end(now, busy, outcome);
            self.recorder.counters.attributes.add(recording.dropped.attributes);
            self.close_account(&mut recording);
            recording.is_enqueued = self.is_exported();
            recording.told_size = recording.size();
            recording.told_size
        };
        if !self.sink.finished(self, size, self.start + now) {
            let mut recording = self.lock();
            recording.is_enqueued = false;
            // For as long as the store holds it, the exporter may get it yet.
            if recording.is_open && self.is_exported() {
                self.recorder.counters.requests.add(1);
            }
        }
    }

    /// The version of what is recorded, and whether something in it has not ended.
    pub(crate) fn version(&self) -> (u64, bool) {
        let recording = self.lock();
        (recording.version, recording.goes_on())
    }

    /// What is recorded at this moment.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut recording = self.worked_out();
        let snapshot = self.snapshot_of(&mut recording);
        self.tell_size(recording);
        snapshot
    }

    fn snapshot_of(&self, recording: &mut Recording) -> Snapshot {
        recording.touch(self.now());
        Snapshot {
            version: recording.version,
            goes_on: recording.goes_on(),
            broken: recording.broken,
            data: recording.shared_data(),
        }
    }

    /// The spans of what was recorded at a moment; `None` if even the request itself cannot be converted.
    ///
    /// Where the conversion panics, the request itself is shown and exported without what happened in it.
    pub(crate) fn convert(&self, snapshot: &Snapshot) -> Option<Converted> {
        let converter = &self.recorder.converter;
        let data = &*snapshot.data;
        let whole = || {
            fault("converting", &data.request.path);
            converter.convert(data)
        };
        if !snapshot.broken {
            if let Some(converted) = guard("converting a request", whole) {
                return Some(converted);
            }
            self.lock().broken = true;
        }
        guard("converting a request's head", || {
            let mut head = PanelData::new(data.span_context.clone(), data.timer, data.request.clone());
            head.remote_parent = data.remote_parent;
            converter.convert(&head)
        })
    }

    /// What a list says of the request; worked out again when something was recorded since, and now and then while
    /// something in it goes on.
    pub(crate) fn summary(&self) -> Summary {
        let (version, goes_on) = self.version();
        if let Some(known) = self.known_summary().as_ref()
            && known.freshness.is_good(version, goes_on)
        {
            return known.value.clone();
        }
        let started = Instant::now();
        let snapshot = self.snapshot();
        let converted = self.convert(&snapshot);
        converted.and_then(|converted| self.sum_up(&snapshot, &converted, started)).unwrap_or_default()
    }

    /// Sums up what was converted, and keeps that for as long as it is good.
    pub(crate) fn sum_up(
        &self,
        snapshot: &Snapshot,
        converted: &Converted,
        started: Instant,
    ) -> Option<Summary> {
        let summary = guard("summing a request up", || Summary::new(&snapshot.data, converted))?;
        let freshness = Freshness::of(snapshot.version, started);
        *self.known_summary() = Some(Known { freshness, value: summary.clone() });
        Some(summary)
    }

    fn known_summary(&self) -> MutexGuard<'_, Option<Known<Summary>>> {
        self.summary.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The spans that have ended and were not taken before.
    pub(crate) fn take_unexported(&self) -> Vec<SpanData> {
        let started = Instant::now();
        let (root, entries, snapshot) = {
            let mut recording = self.worked_out();
            let late = recording.dropped.late;
            let (root, entries) = recording.take_unexported();
            self.recorder.counters.late.add(recording.dropped.late - late);
            if !root && entries.is_empty() {
                return Vec::new();
            }
            let snapshot = self.snapshot_of(&mut recording);
            self.tell_size(recording);
            (root, entries, snapshot)
        };
        let converted = self.convert(&snapshot);
        if let Some(converted) = &converted
            && !snapshot.goes_on
        {
            self.sum_up(&snapshot, converted, started);
        }
        if self.lock().broken {
            self.recorder.counters.spans.add(entries.len() as u64);
        }
        let fresh = |span: &ConvertedSpan| match span.entry {
            None => root,
            Some(entry) => entries.binary_search(&entry).is_ok(),
        };
        let Recorder { limits, conventions, .. } = &*self.recorder;
        let spans = converted.map(|converted| converted.spans).unwrap_or_default().into_iter().filter(fresh);
        spans.map(|span| export_form(span, limits.events, conventions)).collect()
    }

    /// Tells the background thread, once, that something came after the request's end.
    fn announce_late(self: &Arc<Self>, mut recording: MutexGuard<'_, Recording>) {
        if recording.outcome.is_some() && !std::mem::replace(&mut recording.announced, true) {
            drop(recording);
            if !self.sink.added_to(self) {
                self.lock().announced = false;
            }
        }
    }
}

impl Drop for RequestContext {
    fn drop(&mut self) {
        let mut recording = self.recording.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut recording.is_open, false) {
            self.recorder.open.change(recording.accounted, 0);
            self.recorder.open.end();
        }
    }
}

/// A span as it is exported: with no more events than the limit says, and the attributes that were chosen.
fn export_form(span: ConvertedSpan, events: usize, conventions: &Conventions) -> SpanData {
    let mut span = span.into_exported(conventions);
    let over = span.events.events.len().saturating_sub(events);
    span.events.events.truncate(events);
    span.events.dropped_count = u32::try_from(over).unwrap_or(u32::MAX);
    span
}
