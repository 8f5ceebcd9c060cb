use std::sync::Arc;
use std::time::Duration;

use opentelemetry::{KeyValue, StringValue, Value};
use otelbar_convert::Converted;
use otelbar_convert::panel_data::{Entry, EntryKind, Log, PanelData};

/// How much of one request is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) spans: usize,
    pub(crate) logs: usize,
    pub(crate) attributes: usize,
    /// Events of one span, in what is exported.
    pub(crate) events: usize,
    /// Characters of one text value.
    pub(crate) value_length: usize,
}

/// Bytes of one text value that are kept at most, whatever the limit in characters says.
const MAX_VALUE_BYTES: usize = 64 * 1024;

/// What was left out of one request, over a limit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Dropped {
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
    pub(crate) data: PanelData,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) dropped: Dropped,
    /// The spans, while they are what the recording says.
    pub(crate) converted: Option<Arc<Converted>>,
    /// Entries that have not ended.
    pub(crate) open: usize,
    /// Whether the background thread has been told of what came after the end.
    pub(crate) announced: bool,
    root_exported: bool,
    exported: Vec<bool>,
    logs_seen: usize,
    bytes: usize,
}

impl Recording {
    pub(crate) fn new(data: PanelData) -> Self {
        Recording {
            data,
            outcome: None,
            dropped: Dropped::default(),
            converted: None,
            open: 0,
            announced: false,
            root_exported: false,
            exported: Vec::new(),
            logs_seen: 0,
            bytes: 0,
        }
    }

    /// Takes an entry in, and tells its place; `None` where the request has too many.
    pub(crate) fn push_entry(&mut self, mut entry: Entry, limits: &Limits) -> Option<usize> {
        if self.data.entries.len() >= limits.spans {
            self.dropped.spans += 1;
            return None;
        }
        let dropped = limit_attributes(&mut entry.attributes, limits);
        entry.dropped_attributes += dropped;
        self.dropped.attributes += u64::from(dropped);
        if let EntryKind::Sql(sql) = &mut entry.kind {
            self.dropped.attributes += u64::from(cut(&mut sql.text, limits.value_length));
            self.bytes += sql.text.len();
        }
        self.bytes += attribute_bytes(&entry.attributes);
        self.open += usize::from(!entry.ended);
        self.converted = None;
        self.data.entries.push(entry);
        Some(self.data.entries.len() - 1)
    }

    /// Adds an attribute to an entry that is there, or replaces the one of that name.
    pub(crate) fn set_attribute(&mut self, index: usize, attribute: KeyValue, limits: &Limits) {
        self.converted = None;
        let entry = &mut self.data.entries[index];
        if let Some(old) = entry.attributes.iter_mut().find(|old| old.key == attribute.key) {
            old.value = attribute.value;
            return;
        }
        if entry.attributes.len() >= limits.attributes {
            entry.dropped_attributes += 1;
            self.dropped.attributes += 1;
            return;
        }
        let mut one = vec![attribute];
        self.dropped.attributes += u64::from(limit_attributes(&mut one, limits));
        self.bytes += attribute_bytes(&one);
        entry.attributes.append(&mut one);
    }

    pub(crate) fn push_log(&mut self, mut log: Log, limits: &Limits) {
        if self.data.logs.len() >= limits.logs {
            self.dropped.logs += 1;
            return;
        }
        self.dropped.attributes += u64::from(limit_attributes(&mut log.attributes, limits));
        if let Some(end) = end_of(&log.message, limits.value_length) {
            log.message = log.message[..end].to_owned().into();
            self.dropped.attributes += 1;
        }
        self.bytes += log.message.len() + attribute_bytes(&log.attributes);
        self.converted = None;
        self.data.logs.push(log);
    }

    pub(crate) fn end_entry(&mut self, index: usize, now: Duration) {
        let entry = &mut self.data.entries[index];
        if !entry.ended {
            entry.ended = true;
            entry.duration = now.saturating_sub(entry.start.unwrap_or_default());
            self.open -= 1;
            self.converted = None;
        }
    }

    /// Brings the durations of what has not ended up to date.
    pub(crate) fn touch(&mut self, now: Duration) {
        if !self.data.timer.ended {
            self.data.timer.duration = now;
        }
        if self.open > 0 {
            self.converted = None;
            for entry in self.data.entries.iter_mut().filter(|entry| !entry.ended) {
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

    fn was_exported(&self, log: &Log) -> bool {
        let place = log.span.and_then(|id| self.data.entries.iter().position(|entry| entry.id == Some(id)));
        match place {
            Some(place) => self.exported.get(place).copied().unwrap_or(false),
            None => self.root_exported,
        }
    }

    /// Roughly the memory it holds, in bytes.
    pub(crate) fn size(&self) -> usize {
        size_of::<Self>()
            + self.bytes
            + self.data.entries.capacity() * size_of::<Entry>()
            + self.data.logs.capacity() * size_of::<Log>()
    }
}

/// Keeps to the limits; the number of attributes left out or cut.
fn limit_attributes(attributes: &mut Vec<KeyValue>, limits: &Limits) -> u32 {
    let over = attributes.len().saturating_sub(limits.attributes);
    attributes.truncate(limits.attributes);
    let mut dropped = u32::try_from(over).unwrap_or(u32::MAX);
    for attribute in attributes {
        if let Value::String(value) = &attribute.value
            && let Some(end) = end_of(value.as_str(), limits.value_length)
        {
            attribute.value = Value::String(StringValue::from(value.as_str()[..end].to_owned()));
            dropped += 1;
        }
    }
    dropped
}

/// Cuts a text at a character's end; whether it was too long.
fn cut(text: &mut String, characters: usize) -> bool {
    let Some(end) = end_of(text, characters) else { return false };
    text.truncate(end);
    true
}

/// Where a text that is too long has to end.
fn end_of(text: &str, characters: usize) -> Option<usize> {
    // A text of so few bytes has no more characters.
    let by_characters = (text.len() > characters).then(|| text.char_indices().nth(characters)).flatten();
    let by_bytes = (text.len() > MAX_VALUE_BYTES).then(|| text.floor_char_boundary(MAX_VALUE_BYTES));
    by_characters.map(|(at, _)| at).into_iter().chain(by_bytes).min()
}

fn attribute_bytes(attributes: &[KeyValue]) -> usize {
    let text = |attribute: &KeyValue| match &attribute.value {
        Value::String(value) => value.as_str().len(),
        _ => 0,
    };
    attributes.iter().map(text).sum::<usize>() + size_of_val(attributes)
}
