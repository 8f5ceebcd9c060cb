//! What `tracing` tells of a request, written down as it comes and worked out when somebody looks.
//!
//! A span that is recorded costs the thread that serves the request a few words behind those of the last one. What its
//! fields mean, what is cut and how large it is, is worked out by whoever looks at the request first: the exporter or the
//! page.

use std::borrow::Cow;
use std::time::Duration;

use opentelemetry::trace::{SpanId, SpanKind};
use otelbar_convert::panel_data::{Callsite, Entry, EntryKind, Level, Log};
use tracing::Metadata;

use super::fields::{Extent, FieldList, Meaning};
use super::limits::RecordingLimits;
use super::query;
use super::recording::Recording;

/// Notes of further fields that may wait: the same field can be recorded again and again.
const MAX_RECORDS: usize = 1024;

/// Notes in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Journal {
    notes: Vec<Note>,
    fields: FieldList,
    /// Notes that were worked out, and what they have of the fields.
    done: usize,
    done_fields: Extent,
    /// How many of the notes are spans, how many are logs, and how many are further fields.
    spans: usize,
    logs: usize,
    records: usize,
}

/// One thing that `tracing` told. Instants and durations are in nanoseconds, instants from the request's start.
#[derive(Clone, Copy, Debug)]
enum Note {
    /// A span has begun.
    Begin { metadata: &'static Metadata<'static>, id: SpanId, parent: SpanId, start: u64, fields: Extent },
    /// A span got further fields.
    Record { place: u32, fields: Extent },
    /// A span has ended.
    End { place: u32, at: u64, busy: u64 },
    /// Something was logged.
    Log { metadata: &'static Metadata<'static>, span: SpanId, time: u64, fields: Extent },
    /// A query was made.
    Query { parent: SpanId, start: u64, duration: u64, fields: Extent },
}

/// A description of a span's status that came before the status.
#[derive(Debug)]
pub(super) struct Waiting {
    place: usize,
    description: String,
}

impl Journal {
    fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    /// Roughly the bytes that it holds.
    pub(super) fn bytes(&self) -> usize {
        self.notes.capacity() * size_of::<Note>() + self.fields.bytes()
    }
}

impl Recording {
    /// Notes the begin of a span; its place, or `None` where the request has too many.
    pub(super) fn begin_span(
        &mut self,
        metadata: &'static Metadata<'static>,
        (id, parent): (SpanId, SpanId),
        start: Duration,
        fields: &FieldList,
        limits: &RecordingLimits,
    ) -> Option<usize> {
        let place = self.entries();
        if place >= limits.spans {
            self.dropped.spans += 1;
            return None;
        }
        let fields = self.journal.fields.append(fields);
        self.journal.spans += 1;
        self.open += 1;
        self.note(Note::Begin { metadata, id, parent, start: nanoseconds(start), fields });
        Some(place)
    }

    /// Notes further fields of a span.
    pub(super) fn record_fields(&mut self, place: usize, fields: &FieldList) {
        let fields = self.journal.fields.append(fields);
        self.journal.records += 1;
        self.note(Note::Record { place: place as u32, fields });
    }

    /// Whether there are so many notes of what may be replaced by the next that they are to be worked out.
    pub(super) fn is_to_be_worked_out(&self) -> bool {
        self.journal.records >= MAX_RECORDS
    }

    /// Notes the end of a span.
    pub(super) fn end_span(&mut self, place: usize, at: Duration, busy: Duration) {
        self.open = self.open.saturating_sub(1);
        self.note(Note::End { place: place as u32, at: nanoseconds(at), busy: nanoseconds(busy) });
    }

    /// Notes a log.
    pub(super) fn note_log(
        &mut self,
        metadata: &'static Metadata<'static>,
        span: SpanId,
        time: Duration,
        fields: &FieldList,
        limits: &RecordingLimits,
    ) {
        if self.data().logs.len() + self.journal.logs >= limits.logs {
            self.dropped.logs += 1;
            return;
        }
        let fields = self.journal.fields.append(fields);
        self.journal.logs += 1;
        self.note(Note::Log { metadata, span, time: nanoseconds(time), fields });
    }

    /// Notes a query that has ended; whether there was room for it.
    pub(super) fn note_query(
        &mut self,
        parent: SpanId,
        (start, duration): (Duration, Duration),
        fields: &FieldList,
        limits: &RecordingLimits,
    ) -> bool {
        if self.entries() >= limits.spans {
            self.dropped.spans += 1;
            return false;
        }
        let fields = self.journal.fields.append(fields);
        self.journal.spans += 1;
        let (start, duration) = (nanoseconds(start), nanoseconds(duration));
        self.note(Note::Query { parent, start, duration, fields });
        true
    }

    fn note(&mut self, note: Note) {
        self.version += 1;
        self.journal.notes.push(note);
    }

    /// How many entries there are, with those that are only noted.
    pub(crate) fn entries(&self) -> usize {
        self.data().entries.len() + self.journal.spans
    }

    /// Works notes out, so many at most; whether none is left.
    pub(super) fn work_out(&mut self, most: usize, sql_system: &str, limits: &RecordingLimits) -> bool {
        if self.journal.is_empty() {
            return true;
        }
        // Nothing is noted meanwhile: the recording is locked.
        let mut journal = std::mem::take(&mut self.journal);
        let (version, open) = (self.version, self.open);
        let mut rest = journal.fields.iter();
        rest.split_off(journal.done_fields);
        let mut notes = journal.notes[journal.done..].iter().take(most);
        for note in &mut notes {
            journal.done += 1;
            match *note {
                Note::Begin { metadata, id, parent, start, fields } => {
                    journal.spans -= 1;
                    journal.done_fields.add(fields);
                    let mut meaning = Meaning::of(rest.split_off(fields));
                    let waiting = meaning.status.waiting().cloned();
                    let place = self.data().entries.len();
                    self.push_entry(span(metadata, (id, parent), start, &mut meaning), limits);
                    self.waiting.extend(waiting.map(|description| Waiting { place, description }));
                }
                Note::Record { place, fields } => {
                    journal.records -= 1;
                    journal.done_fields.add(fields);
                    self.take_fields(place as usize, Meaning::of(rest.split_off(fields)), limits);
                }
                Note::End { place, at, busy } => {
                    self.end_entry(
                        place as usize,
                        Duration::from_nanos(at),
                        Some(Duration::from_nanos(busy)),
                    );
                }
                Note::Log { metadata, span, time, fields } => {
                    journal.logs -= 1;
                    journal.done_fields.add(fields);
                    let meaning = Meaning::of(rest.split_off(fields));
                    self.push_log(log(metadata, span, time, meaning), limits);
                }
                Note::Query { parent, start, duration, fields } => {
                    journal.spans -= 1;
                    journal.done_fields.add(fields);
                    let times = (Duration::from_nanos(start), Duration::from_nanos(duration));
                    let query = query::entry(parent, times, rest.split_off(fields), sql_system);
                    self.push_query(query, false, limits);
                }
            }
        }
        // It was counted when it was noted.
        (self.version, self.open) = (version, open);
        let is_done = journal.done == journal.notes.len();
        if !is_done {
            self.journal = journal;
        }
        is_done
    }

    /// Adds what further fields of a span say.
    fn take_fields(&mut self, place: usize, mut meaning: Meaning, limits: &RecordingLimits) {
        meaning.keep_message();
        for attribute in std::mem::take(&mut meaning.attributes) {
            self.set_attribute(place, attribute, limits);
        }
        let Meaning { name, kind, mut status, .. } = meaning;
        if status.says_something() {
            // Code and description may come one after the other, in either order.
            if let Some(at) = self.waiting.iter().position(|waiting| waiting.place == place) {
                status.add_waiting(self.waiting.swap_remove(at).description);
            }
            let waiting = status.waiting().cloned();
            self.waiting.extend(waiting.map(|description| Waiting { place, description }));
        }
        if name.is_some() || kind.is_some() || status.says_something() {
            self.change(place, limits, |entry| {
                if let Some(name) = name {
                    entry.name = name.into();
                }
                if let Some(kind) = kind {
                    entry.kind = EntryKind::Span(kind);
                }
                status.apply(entry);
            });
        }
    }
}

fn span(
    metadata: &'static Metadata<'static>,
    (id, parent): (SpanId, SpanId),
    start: u64,
    meaning: &mut Meaning,
) -> Entry {
    meaning.keep_message();
    let name = meaning.name.take().map_or(Cow::Borrowed(metadata.name()), Cow::Owned);
    let kind = EntryKind::Span(meaning.kind.take().unwrap_or(SpanKind::Internal));
    let mut entry = Entry::new(name, Duration::ZERO, kind);
    entry.id = Some(id);
    entry.parent = Some(parent);
    entry.start = Some(Duration::from_nanos(start));
    entry.ended = false;
    entry.callsite = Some(callsite(metadata));
    meaning.status.apply(&mut entry);
    entry.attributes = std::mem::take(&mut meaning.attributes);
    entry
}

fn log(metadata: &'static Metadata<'static>, span: SpanId, time: u64, mut meaning: Meaning) -> Log {
    let callsite = match meaning.log_target.take() {
        Some(target) => {
            let mut callsite = Callsite::new(target);
            callsite.file = meaning.log_file.take().map(Cow::Owned);
            callsite.line = meaning.log_line;
            callsite
        }
        None => callsite(metadata),
    };
    // An event's name is the place of its code, unless the application gave it one.
    let message = meaning.said().map_or(Cow::Borrowed(metadata.name()), Cow::Owned);
    let mut log = Log::new(level(metadata), message);
    log.span = Some(span);
    log.time = Duration::from_nanos(time);
    log.callsite = callsite;
    log.attributes = meaning.attributes;
    log
}

fn callsite(metadata: &'static Metadata<'static>) -> Callsite {
    let mut callsite = Callsite::new(metadata.target());
    callsite.file = metadata.file().map(Cow::Borrowed);
    callsite.line = metadata.line();
    callsite
}

fn level(metadata: &Metadata<'_>) -> Level {
    match *metadata.level() {
        tracing::Level::TRACE => Level::Trace,
        tracing::Level::DEBUG => Level::Debug,
        tracing::Level::INFO => Level::Info,
        tracing::Level::WARN => Level::Warn,
        tracing::Level::ERROR => Level::Error,
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::fields::RecordedValue;
    use super::super::test_context;
    use super::*;
    use crate::record::RequestContext;

    fn metadata() -> &'static Metadata<'static> {
        let span = tracing::subscriber::with_default(tracing_subscriber::registry(), || {
            tracing::info_span!("step").metadata()
        });
        span.expect("the span is enabled")
    }

    fn fields(texts: &[(&'static str, &str)]) -> FieldList {
        let mut list = FieldList::default();
        texts.iter().for_each(|(name, text)| list.push_text(name, text));
        list
    }

    fn begin(context: &RequestContext, texts: &[(&'static str, &str)]) -> usize {
        let ids = (context.new_span_id(), context.id());
        context.begin_span(metadata(), ids, &fields(texts)).unwrap()
    }

    #[test]
    fn what_is_noted_is_the_same_whenever_it_is_worked_out() {
        let record = |look: bool| {
            let context = test_context();
            for text in ["a", "ä", "", "b"] {
                let place = begin(&context, &[("name", text), ("otel.name", text)]);
                if look {
                    drop(context.worked_out());
                }
                let mut list = fields(&[("more", "of it")]);
                list.push("count", RecordedValue::I64(7));
                context.record_fields(place, &list);
                context.note_log(metadata(), context.id(), &fields(&[("message", text), ("user", "alice")]));
                context.note_query(context.id(), Duration::ZERO, &fields(&[(query::STATEMENT, "SELECT 1")]));
                context.end_span(place, Duration::from_secs(60), Duration::from_secs(1));
            }
            let recording = context.worked_out();
            let entries = recording.data().entries.iter();
            let entries =
                entries.map(|entry| (entry.name.clone(), entry.attributes.clone(), entry.ended, entry.busy));
            let logs = recording.data().logs.iter().map(|log| (log.message.clone(), log.attributes.clone()));
            (entries.collect::<Vec<_>>(), logs.collect::<Vec<_>>(), recording.open)
        };
        let (entries, logs, open) = record(false);
        assert_eq!((entries.len(), logs.len(), open), (8, 4, 0));
        assert_eq!((entries, logs, open), record(true));
    }

    #[test]
    fn limits_count_what_is_only_noted() {
        let context = test_context();
        let limits = context.recorder.limits;
        let places = (0..limits.spans + 3).filter_map(|_| {
            context.begin_span(metadata(), (context.new_span_id(), context.id()), &FieldList::default())
        });
        assert_eq!(places.count(), limits.spans);
        (0..limits.logs + 3).for_each(|_| context.note_log(metadata(), context.id(), &FieldList::default()));
        let recording = context.worked_out();
        assert_eq!((recording.dropped.spans, recording.dropped.logs), (3, 3));
        assert_eq!(
            (recording.data().entries.len(), recording.data().logs.len()),
            (limits.spans, limits.logs)
        );
    }

    #[test]
    fn more_is_worked_out_than_at_once() {
        let context = test_context();
        let place = begin(&context, &[]);
        for n in 0..1_000 {
            let mut list = FieldList::default();
            list.push("n", RecordedValue::I64(n));
            context.record_fields(place, &list);
        }
        let recording = context.worked_out();
        let [attribute] = &recording.data().entries[place].attributes[..] else { panic!("{recording:?}") };
        assert_eq!(attribute.value, 999.into());
    }
}
