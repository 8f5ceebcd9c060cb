use opentelemetry::{Array, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::SpanData;

use crate::report::Report;

/// How many attributes, events and links a span has, and how long their values are.
///
/// What is over a limit is left out and counted, both in the span's own counters and in the
/// [`Report`]. Attributes of the semantic conventions come before those that were recorded, and
/// are the last to go. There are no limits unless set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpanLimits {
    /// Attributes of a span.
    pub attributes: usize,
    /// Events of a span; the earliest are kept.
    pub events: usize,
    /// Attributes of an event.
    pub event_attributes: usize,
    /// Links of a span; the first are kept.
    pub links: usize,
    /// Attributes of a link.
    pub link_attributes: usize,
    /// Characters of a text that is the value of an attribute, and of each text of a list. The specification knows no
    /// limit for names, descriptions of statuses and the like: who records them bounds them.
    pub value_length: usize,
}

impl Default for SpanLimits {
    fn default() -> Self {
        let none = usize::MAX;
        SpanLimits {
            attributes: none,
            events: none,
            event_attributes: none,
            links: none,
            link_attributes: none,
            value_length: none,
        }
    }
}

impl SpanLimits {
    /// What the specification has for its default: 128 attributes, events and links, values of any length.
    pub fn of_specification() -> Self {
        SpanLimits {
            attributes: 128,
            events: 128,
            event_attributes: 128,
            links: 128,
            link_attributes: 128,
            ..SpanLimits::default()
        }
    }

    /// Sets how many attributes a span has.
    #[must_use]
    pub fn with_attributes(mut self, count: usize) -> Self {
        self.attributes = count;
        self
    }

    /// Sets how many events a span has.
    #[must_use]
    pub fn with_events(mut self, count: usize) -> Self {
        self.events = count;
        self
    }

    /// Sets how many attributes an event has.
    #[must_use]
    pub fn with_event_attributes(mut self, count: usize) -> Self {
        self.event_attributes = count;
        self
    }

    /// Sets how many links a span has.
    #[must_use]
    pub fn with_links(mut self, count: usize) -> Self {
        self.links = count;
        self
    }

    /// Sets how many attributes a link has.
    #[must_use]
    pub fn with_link_attributes(mut self, count: usize) -> Self {
        self.link_attributes = count;
        self
    }

    /// Sets how many characters a text has.
    #[must_use]
    pub fn with_value_length(mut self, characters: usize) -> Self {
        self.value_length = characters;
        self
    }

    pub(crate) fn apply(&self, span: &mut SpanData, report: &mut Report) {
        let dropped = self.apply_to(&mut span.attributes, self.attributes, report);
        span.dropped_attributes_count = span.dropped_attributes_count.saturating_add(dropped);
        let over = saturate(span.events.events.len().saturating_sub(self.events));
        span.events.events.truncate(self.events);
        span.events.dropped_count = span.events.dropped_count.saturating_add(over);
        report.dropped_events = report.dropped_events.saturating_add(over);
        for event in &mut span.events.events {
            let dropped = self.apply_to(&mut event.attributes, self.event_attributes, report);
            event.dropped_attributes_count = event.dropped_attributes_count.saturating_add(dropped);
        }
        let over = saturate(span.links.links.len().saturating_sub(self.links));
        span.links.links.truncate(self.links);
        span.links.dropped_count = span.links.dropped_count.saturating_add(over);
        report.dropped_links = report.dropped_links.saturating_add(over);
        for link in &mut span.links.links {
            let dropped = self.apply_to(&mut link.attributes, self.link_attributes, report);
            link.dropped_attributes_count = link.dropped_attributes_count.saturating_add(dropped);
        }
    }

    /// How many were left out.
    fn apply_to(&self, attributes: &mut Vec<KeyValue>, count: usize, report: &mut Report) -> u32 {
        let over = saturate(attributes.len().saturating_sub(count));
        attributes.truncate(count);
        report.dropped_attributes = report.dropped_attributes.saturating_add(over);
        for attribute in attributes {
            let cut = match &mut attribute.value {
                Value::String(text) => self.cut(text),
                Value::Array(Array::String(texts)) => {
                    texts.iter_mut().filter_map(|text| self.cut(text).then_some(())).count() > 0
                }
                _ => false,
            };
            report.cut_values += u32::from(cut);
        }
        over
    }

    fn cut(&self, text: &mut StringValue) -> bool {
        // A text has at least as many bytes as characters.
        if text.as_str().len() <= self.value_length {
            return false;
        }
        match text.as_str().char_indices().nth(self.value_length) {
            Some((end, _)) => {
                *text = StringValue::from(text.as_str()[..end].to_owned());
                true
            }
            None => false,
        }
    }
}

fn saturate(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
