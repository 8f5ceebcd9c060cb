use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use otelbar_convert::panel_data::{Entry, Log, PanelData, Request};

use super::adopted::Adopted;
use super::head::KeptHead;
use super::journal::{Journal, Waiting};
use super::limits::{Kept, RecordingLimits};
use super::query_failures::Queries;

/// What was left out of one request, over a limit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DroppedItems {
    pub(crate) spans: u64,
    pub(crate) logs: u64,
    pub(crate) attributes: u64,
    /// Logs that came after the span they belong to had been exported: the page has them, the backend has not.
    pub(crate) late: u64,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The body was sent to its end.
    Completed,
    /// The response was dropped before its end.
    ClientGone,
    /// The handler's future was dropped before it had an answer.
    Cancelled,
    /// The service, its body or its handler failed, with an error of this type.
    Failed(&'static str),
}

impl Outcome {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Outcome::Completed => "completed",
            Outcome::ClientGone => "client_gone",
            Outcome::Cancelled => "cancelled",
            Outcome::Failed(_) => "failed",
        }
    }
}

/// What is recorded of a request, behind its context's lock.
#[derive(Debug)]
pub(crate) struct Recording {
    /// Shared with conversions that are under way: what is recorded meanwhile goes into a copy.
    data: Arc<PanelData>,
    /// Grows with each change.
    pub(crate) version: u64,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) dropped: DroppedItems,
    pub(super) queries: Queries,
    pub(super) adopted: Adopted,
    /// What is not in the data yet.
    pub(super) journal: Journal,
    pub(super) waiting: Vec<Waiting>,
    /// Entries that have not ended.
    pub(crate) open: usize,
    /// Whether the background thread has been told of what came after the end, and has not looked yet.
    pub(crate) announced: bool,
    /// Whether its conversion has panicked, so that nothing but the request itself can be shown.
    pub(crate) broken: bool,
    /// Whether it is counted with the open requests, and not by the store.
    pub(crate) is_open: bool,
    /// Whether it waits for the exporter, or did.
    pub(crate) is_enqueued: bool,
    /// Bytes of it that the store knows of.
    pub(super) told_size: usize,
    /// Bytes of it that the account of open requests has.
    pub(crate) accounted: usize,
    root_exported: bool,
    exported: Vec<bool>,
    logs_seen: usize,
    /// What the request holds however little is recorded of it.
    base: usize,
    /// Its head, until somebody looks at it.
    head: Option<Box<KeptHead>>,
    /// What the description of its head holds.
    described: usize,
    /// What its entries and logs hold.
    bytes: usize,
}

impl Recording {
    /// A recording in a request that holds so many bytes itself.
    pub(super) fn new(data: PanelData, head: KeptHead, base: usize) -> Self {
        Recording {
            data: Arc::new(data),
            version: 0,
            outcome: None,
            dropped: DroppedItems::default(),
            queries: Queries::default(),
            adopted: Adopted::default(),
            journal: Journal::default(),
            waiting: Vec::new(),
            open: 0,
            announced: false,
            broken: false,
            is_open: true,
            is_enqueued: false,
            told_size: 0,
            accounted: 0,
            root_exported: false,
            exported: Vec::new(),
            logs_seen: 0,
            base,
            head: Some(Box::new(head)),
            described: 0,
            bytes: 0,
        }
    }

    pub(crate) fn data(&self) -> &PanelData {
        &self.data
    }

    /// What is recorded, to be kept while it is looked at: it does not change any more.
    pub(crate) fn shared_data(&self) -> Arc<PanelData> {
        Arc::clone(&self.data)
    }

    /// What is recorded, to be changed.
    pub(super) fn change_data(&mut self) -> &mut PanelData {
        self.version += 1;
        Arc::make_mut(&mut self.data)
    }

    /// Whether something in it has not ended.
    pub(crate) fn goes_on(&self) -> bool {
        self.open > 0 || self.outcome.is_none()
    }

    /// Adds to what is known of the request itself.
    pub(crate) fn with_request(&mut self, limits: &RecordingLimits, change: impl FnOnce(&mut Request)) {
        let request = &mut self.change_data().request;
        change(request);
        let Kept { bytes, cut } = limits.request(request);
        self.described = bytes;
        self.dropped.attributes += u64::from(cut);
    }

    /// Writes the request's head down, if nobody has looked at it before; how many texts of it were cut.
    pub(super) fn describe(&mut self, limits: &RecordingLimits) -> u64 {
        let Some(head) = self.head.take() else { return 0 };
        // Not a new version: what was there already is to be seen.
        let request = &mut Arc::make_mut(&mut self.data).request;
        head.describe(request);
        let Kept { bytes, cut } = limits.request(request);
        self.described = bytes;
        self.dropped.attributes += u64::from(cut);
        u64::from(cut)
    }

    /// The answer's head has this status.
    pub(crate) fn answered(&mut self, status: u16) {
        self.change_data().request.status = Some(status);
    }

    /// So many bytes of the answer's body were sent.
    pub(crate) fn sent(&mut self, bytes: u64) {
        self.change_data().request.response_size = Some(bytes);
    }

    /// Takes an entry in, and tells its place; `None` where the request has too many.
    pub(crate) fn push_entry(&mut self, mut entry: Entry, limits: &RecordingLimits) -> Option<usize> {
        if self.data.entries.len() >= limits.spans {
            self.dropped.spans += 1;
            return None;
        }
        entry.parent = entry.parent.map(|parent| self.adopted.id_of(parent));
        let kept = limits.entry(&mut entry);
        self.dropped.attributes += u64::from(kept.cut);
        self.bytes += kept.bytes;
        self.open += usize::from(!entry.ended);
        let entries = &mut self.change_data().entries;
        entries.push(entry);
        Some(entries.len() - 1)
    }

    /// Adds an attribute to an entry that is there, or replaces the one of that name.
    pub(crate) fn set_attribute(&mut self, index: usize, attribute: KeyValue, limits: &RecordingLimits) {
        self.change(index, limits, |entry| {
            match entry.attributes.iter_mut().find(|old| old.key == attribute.key) {
                Some(old) => old.value = attribute.value,
                None => entry.attributes.push(attribute),
            }
        });
    }

    /// Changes an entry that is there.
    pub(crate) fn change(&mut self, index: usize, limits: &RecordingLimits, change: impl FnOnce(&mut Entry)) {
        let Some(entry) = self.change_data().entries.get_mut(index) else { return };
        // What is there was cut before, so that this only measures it.
        let before = limits.entry(entry).bytes;
        change(entry);
        let kept = limits.entry(entry);
        self.dropped.attributes += u64::from(kept.cut);
        self.bytes = self.bytes.saturating_sub(before) + kept.bytes;
    }

    pub(crate) fn push_log(&mut self, mut log: Log, limits: &RecordingLimits) {
        if self.data.logs.len() >= limits.logs {
            self.dropped.logs += 1;
            return;
        }
        log.span = log.span.map(|span| self.adopted.id_of(span));
        let kept = limits.log(&mut log);
        self.dropped.attributes += u64::from(kept.cut);
        self.bytes += kept.bytes;
        self.change_data().logs.push(log);
    }

    /// Ends an entry that is there, at this offset from the request's start; `busy` is how much of its time its code ran,
    /// where that is known.
    pub(crate) fn end_entry(&mut self, index: usize, now: Duration, busy: Option<Duration>) {
        let Some(entry) = self.change_data().entries.get_mut(index) else { return };
        entry.busy = busy.or(entry.busy);
        if !entry.ended {
            entry.ended = true;
            entry.duration = now.saturating_sub(entry.start.unwrap_or_default());
            self.open = self.open.saturating_sub(1);
        }
    }

    /// The request has ended, after this time, in so much of which its code ran.
    pub(super) fn end(&mut self, after: Duration, busy: Duration, outcome: Outcome) {
        let PanelData { timer, request, .. } = self.change_data();
        timer.duration = after;
        timer.busy = Some(busy);
        timer.ended = true;
        match outcome {
            Outcome::Completed => {}
            // Browsers go when they have what they want: an EventSource that is closed is no error.
            Outcome::ClientGone | Outcome::Cancelled => request.outcome = Some(outcome.as_str().into()),
            Outcome::Failed(error) => request.failure = Some(error.into()),
        }
    }

    /// Brings the durations of what has not ended up to date.
    pub(crate) fn touch(&mut self, now: Duration) {
        if self.data.timer.ended && self.open == 0 {
            return;
        }
        let data = Arc::make_mut(&mut self.data);
        if !data.timer.ended {
            data.timer.duration = now;
        }
        if self.open > 0 {
            for entry in data.entries.iter_mut().filter(|entry| !entry.ended) {
                entry.duration = now.saturating_sub(entry.start.unwrap_or_default());
            }
        }
    }

    /// Marks all that has ended as exported, and tells which of it had not been: the root, and entries by their place.
    ///
    /// Logs that belong to spans exported before are counted as late.
    pub(crate) fn take_unexported(&mut self) -> (bool, Vec<usize>) {
        let first_time = !self.root_exported && self.exported.is_empty();
        let fresh_logs = if first_time { &[] } else { &self.data.logs[self.logs_seen..] };
        let late = fresh_logs.iter().filter(|log| self.was_exported(log)).count();
        self.dropped.late += late as u64;
        self.logs_seen = self.data.logs.len();

        let root =
            self.data.timer.ended && !std::mem::replace(&mut self.root_exported, self.data.timer.ended);
        self.exported.resize(self.data.entries.len(), false);
        let fresh = |(i, entry): &(usize, &Entry)| entry.ended && !self.exported[*i];
        let entries: Vec<usize> =
            self.data.entries.iter().enumerate().filter(fresh).map(|(i, _)| i).collect();
        for i in &entries {
            self.exported[*i] = true;
        }
        (root, entries)
    }

    /// Whether the exporter has had the request itself, or will.
    pub(crate) fn is_for_exporter(&self) -> bool {
        self.is_enqueued || self.root_exported
    }

    fn was_exported(&self, log: &Log) -> bool {
        let place = log.span.and_then(|id| self.data.entries.iter().position(|entry| entry.id == Some(id)));
        match place {
            Some(place) => self.exported.get(place).copied().unwrap_or(false),
            None => self.root_exported,
        }
    }

    /// Roughly the memory that the request holds, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.base
            + self.head.as_ref().map_or(0, |head| head.bytes())
            + self.described
            + self.bytes
            + self.data.entries.capacity() * size_of::<Entry>()
            + self.data.logs.capacity() * size_of::<Log>()
            + self.exported.capacity()
            + self.queries.size()
            + self.adopted.size()
            + self.journal.bytes()
    }
}
