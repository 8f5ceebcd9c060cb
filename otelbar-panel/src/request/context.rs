use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanContext, SpanId, TraceState};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use otelbar_convert::panel_data::{Entry, Log, PanelData, Request, Timer};
use otelbar_convert::{Conventions, Converted, ConvertedSpan};

use super::recording::{Outcome, Recording};
use super::summary::Summary;
use crate::delivery::Delivery;
use crate::propagation::Propagation;
use crate::recorder::Recorder;

/// The service a request was made to.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) resource: Resource,
}

/// One request, from its arrival until the store lets go of it.
///
/// It is shared by the tower service, by each span and task of the request, and by the store, and can be recorded into
/// from any thread and also after the response has been sent.
#[derive(Debug)]
pub(crate) struct RequestContext {
    pub(crate) span_context: SpanContext,
    pub(crate) propagation: Propagation,
    pub(crate) service: Arc<Service>,
    pub(crate) delivery: Delivery,
    pub(crate) recorder: Arc<Recorder>,
    started: SystemTime,
    start: Instant,
    /// Nanoseconds in which the service's future or body was polled.
    busy: AtomicU64,
    recording: Mutex<Recording>,
}

impl RequestContext {
    pub(crate) fn open(
        recorder: Arc<Recorder>,
        service: Arc<Service>,
        span_context: SpanContext,
        propagation: Propagation,
        request: Request,
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
        let mut data = PanelData::new(bare, Timer::open(started), request);
        data.remote_parent = propagation.parent;
        let held = propagation.bytes();
        Arc::new(RequestContext {
            span_context,
            propagation,
            service,
            delivery: Delivery::default(),
            recorder,
            started,
            start: Instant::now(),
            busy: AtomicU64::new(0),
            recording: Mutex::new(Recording::new(data, held)),
        })
    }

    /// The request's id: that of its SERVER span.
    pub(crate) fn id(&self) -> SpanId {
        self.span_context.span_id()
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

    /// Adds to what is known of the request itself.
    pub(crate) fn with_request(&self, f: impl FnOnce(&mut Request)) {
        let mut recording = self.lock();
        recording.summary = None;
        f(&mut recording.data.request);
    }

    /// Records an entry, ended or open; its place, or `None` where the request has too many.
    pub(crate) fn push(self: &Arc<Self>, entry: Entry) -> Option<usize> {
        let mut recording = self.lock();
        let ended = entry.ended;
        let place = recording.push_entry(entry, &self.recorder.limits);
        if place.is_none() {
            self.recorder.counters.spans.add(1);
        }
        if ended {
            self.announce_late(recording);
        }
        place
    }

    /// Changes an open entry and ends it, at this offset from the request's start.
    pub(crate) fn end(self: &Arc<Self>, place: usize, at: Duration, change: impl FnOnce(&mut Entry)) {
        let mut recording = self.lock();
        recording.change(place, &self.recorder.limits, change);
        recording.end_entry(place, at);
        self.announce_late(recording);
    }

    pub(crate) fn set_attribute(&self, place: usize, attribute: KeyValue) {
        self.lock().set_attribute(place, attribute, &self.recorder.limits);
    }

    pub(crate) fn change(&self, place: usize, change: impl FnOnce(&mut Entry)) {
        self.lock().change(place, &self.recorder.limits, change);
    }

    pub(crate) fn log(self: &Arc<Self>, log: Log) {
        let mut recording = self.lock();
        let dropped = recording.dropped.logs;
        recording.push_log(log, &self.recorder.limits);
        self.recorder.counters.logs.add(recording.dropped.logs - dropped);
        self.announce_late(recording);
    }

    /// Ends the request, and hands it over; later calls do nothing.
    pub(crate) fn finish(self: &Arc<Self>, outcome: Outcome) {
        let now = self.now();
        {
            let mut recording = self.lock();
            if recording.outcome.is_some() {
                return;
            }
            recording.outcome = Some(outcome);
            recording.summary = None;
            recording.data.timer.duration = now;
            recording.data.timer.busy = Some(Duration::from_nanos(self.busy.load(Ordering::Relaxed)));
            recording.data.timer.ended = true;
            match outcome {
                Outcome::Completed => {}
                // Browsers go when they have what they want: an EventSource that is closed is no error.
                Outcome::ClientGone | Outcome::Cancelled => {
                    recording.data.request.outcome = Some(outcome.as_str().into());
                }
                Outcome::Failed(error) => recording.data.request.failure = Some(error.into()),
            }
            self.recorder.counters.attributes.add(recording.dropped.attributes);
        }
        self.recorder.handover.finished(self);
    }

    /// The spans as they are now.
    pub(crate) fn converted(&self) -> Converted {
        self.convert(&mut self.lock())
    }

    /// What a list says of the request; worked out again only when something was recorded since, or is still open.
    pub(crate) fn summary(&self) -> Summary {
        let mut recording = self.lock();
        match &recording.summary {
            Some(summary) => summary.clone(),
            None => {
                let converted = self.convert(&mut recording);
                Summary::new(&recording.data, &converted)
            }
        }
    }

    /// The spans that have ended and were not taken before.
    pub(crate) fn take_unexported(&self) -> Vec<SpanData> {
        let mut recording = self.lock();
        let late = recording.dropped.late;
        let (root, entries) = recording.take_unexported();
        self.recorder.counters.late.add(recording.dropped.late - late);
        if !root && entries.is_empty() {
            return Vec::new();
        }
        let converted = self.convert(&mut recording);
        drop(recording);
        let fresh = |span: &ConvertedSpan| match span.entry {
            None => root,
            Some(entry) => entries.binary_search(&entry).is_ok(),
        };
        let Recorder { limits, conventions, .. } = &*self.recorder;
        let spans = converted.spans.into_iter().filter(fresh);
        spans.map(|span| export_form(span, limits.events, conventions)).collect()
    }

    fn convert(&self, recording: &mut Recording) -> Converted {
        recording.touch(self.now());
        let converted = self.recorder.converter.convert(&recording.data);
        if recording.open == 0 && recording.outcome.is_some() && recording.summary.is_none() {
            recording.summary = Some(Summary::new(&recording.data, &converted));
        }
        converted
    }

    /// Tells the background thread, once, that something came after the request's end.
    fn announce_late(self: &Arc<Self>, mut recording: MutexGuard<'_, Recording>) {
        if recording.outcome.is_some() && !std::mem::replace(&mut recording.announced, true) {
            drop(recording);
            self.recorder.handover.late(self);
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
