//! How much of one request is kept.
//!
//! Every text that is recorded goes through here, and what is kept is measured on the way. The data hands over all that
//! it holds ([`VisitMut`]), so that a field that is added to it cannot be forgotten.

use std::borrow::Cow;

use opentelemetry::trace::{Link, SpanContext, TraceState};
use opentelemetry::{Array, InstrumentationScope, Key, KeyValue, StringValue, Value};
use otelbar_convert::panel_data::{Details, Entry, Log, Parameter, Request, VisitMut};

use crate::text::{MAX_TEXT, start};

/// Bytes of a path, a query and the like that are kept at most.
pub(super) const MAX_HEAD_TEXT: usize = 8 * 1024;

/// Bytes of a name that are kept at most: a method, a route, the key of an attribute, a target.
const MAX_NAME: usize = 1024;

/// Bytes that a `tracestate` may have by the specification of W3C Trace Context, level 2: 32 members of a key and a
/// value of 256 characters each.
const MAX_TRACE_STATE: usize = 32 * (256 + 1 + 256 + 1);

/// What an allocation costs beside what it holds.
const ALLOCATION: usize = 16;

/// How much of one request is kept. Every text that is recorded passes through here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordingLimits {
    pub(crate) spans: usize,
    pub(crate) logs: usize,
    pub(crate) attributes: usize,
    /// Events of one span, in what is exported.
    pub(crate) events: usize,
    /// Links of one span.
    pub(crate) links: usize,
    /// Characters of one text.
    pub(crate) value_length: usize,
}

/// What is kept of something, after it was cut to the limits.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Kept {
    /// Roughly the bytes that it holds besides itself.
    pub(crate) bytes: usize,
    /// Texts that were cut, and attributes and links that were left out.
    pub(crate) cut: u32,
}

impl RecordingLimits {
    /// Cuts what an entry holds. What was cut is added to the entry's own count of dropped attributes.
    pub(crate) fn entry(&self, entry: &mut Entry) -> Kept {
        let mut walk = Walk::new(self);
        let links = entry.details.as_ref().map_or(0, |details| details.links.len());
        entry.visit_mut(&mut walk);
        if let Some(details) = &mut entry.details {
            walk.bytes += size_of::<Details>() + ALLOCATION;
            let over = u32::try_from(links - details.links.len()).unwrap_or(u32::MAX);
            details.dropped_links = details.dropped_links.saturating_add(over);
        }
        entry.dropped_attributes = entry.dropped_attributes.saturating_add(walk.cut);
        walk.kept()
    }

    /// Cuts what a log holds.
    pub(crate) fn log(&self, log: &mut Log) -> Kept {
        let mut walk = Walk::new(self);
        log.visit_mut(&mut walk);
        walk.kept()
    }

    /// Cuts what the request itself holds: a server may take its head at any length.
    pub(crate) fn request(&self, request: &mut Request) -> Kept {
        let mut walk = Walk::new(self);
        request.visit_mut(&mut walk);
        walk.kept()
    }

    /// Where a text that is too long has to end.
    fn end_of(&self, text: &str) -> Option<usize> {
        // A text of so few bytes has no more characters.
        let long = text.len() > self.value_length;
        let by_characters = long.then(|| text.char_indices().nth(self.value_length)).flatten();
        let by_bytes = (text.len() > MAX_TEXT).then(|| start(text, MAX_TEXT).len());
        by_characters.map(|(at, _)| at).into_iter().chain(by_bytes).min()
    }
}

/// Goes through what is to be kept, cuts it and measures it.
struct Walk<'l> {
    limits: &'l RecordingLimits,
    bytes: usize,
    cut: u32,
}

impl<'l> Walk<'l> {
    fn new(limits: &'l RecordingLimits) -> Self {
        Walk { limits, bytes: 0, cut: 0 }
    }

    fn kept(&self) -> Kept {
        Kept { bytes: self.bytes, cut: self.cut }
    }

    fn cut(&mut self, by: usize) {
        self.cut = self.cut.saturating_add(u32::try_from(by).unwrap_or(u32::MAX));
    }

    fn holds(&mut self, bytes: usize) {
        self.bytes += bytes + ALLOCATION;
    }

    /// Ends a text there, and gives back what it has too much of.
    fn end(&mut self, text: &mut String, end: Option<usize>, mark: &str) {
        if let Some(end) = end {
            text.truncate(end);
            text.push_str(mark);
            self.cut(1);
        }
        if text.capacity() - text.len() > text.len() / 4 {
            text.shrink_to_fit();
        }
        self.holds(text.capacity());
    }

    fn end_shared(&mut self, text: &mut Cow<'static, str>, end: Option<usize>) {
        match (text, end) {
            (Cow::Owned(text), end) => self.end(text, end, ""),
            (Cow::Borrowed(_), None) => {}
            (Cow::Borrowed(text), Some(end)) => {
                *text = &text[..end];
                self.cut(1);
            }
        }
    }

    fn key(&mut self, key: &mut Key) {
        if let Some(end) = end_of_name(key.as_str()) {
            *key = Key::new(key.as_str()[..end].to_owned());
            self.cut(1);
        }
        // One that the code has as a constant holds nothing, which cannot be told.
        self.bytes += key.as_str().len();
    }

    /// The room of a list itself.
    fn list<T>(&mut self, list: &mut Vec<T>) {
        if list.capacity() - list.len() > 4 + list.len() / 4 {
            list.shrink_to_fit();
        }
        if list.capacity() > 0 {
            self.holds(list.capacity() * size_of::<T>());
        }
    }

    fn value(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => self.string_value(text),
            Value::Array(Array::String(texts)) => {
                let before = self.cut;
                // All together have no more room than one text.
                let mut room = MAX_TEXT;
                texts.retain_mut(|text| {
                    let fits = room > 0;
                    if fits {
                        self.string_value(text);
                        room = room.saturating_sub(text.as_str().len() + size_of::<StringValue>());
                    }
                    fits
                });
                self.elements(texts);
                // The list is one value.
                self.cut = self.cut.min(before + 1);
            }
            Value::Array(Array::Bool(values)) => self.elements(values),
            Value::Array(Array::I64(values)) => self.elements(values),
            Value::Array(Array::F64(values)) => self.elements(values),
            // The rest holds nothing.
            _ => {}
        }
    }

    /// The elements of a list that is a value.
    fn elements<T>(&mut self, list: &mut Vec<T>) {
        let most = MAX_TEXT / size_of::<T>().max(1);
        if list.len() > most {
            list.truncate(most);
            self.cut(1);
        }
        self.list(list);
    }

    fn string_value(&mut self, text: &mut StringValue) {
        if let Some(end) = self.limits.end_of(text.as_str()) {
            *text = StringValue::from(text.as_str()[..end].to_owned());
            self.cut(1);
        }
        self.holds(text.as_str().len());
    }
}

impl VisitMut for Walk<'_> {
    fn name(&mut self, text: &mut String) {
        let end = end_of_name(text);
        self.end(text, end, "");
    }

    fn static_name(&mut self, text: &mut Cow<'static, str>) {
        let end = end_of_name(text);
        self.end_shared(text, end);
    }

    /// A value: by the limits that were set.
    fn text(&mut self, text: &mut String) {
        let end = self.limits.end_of(text);
        self.end(text, end, "");
    }

    fn static_text(&mut self, text: &mut Cow<'static, str>) {
        let end = self.limits.end_of(text);
        self.end_shared(text, end);
    }

    /// A part of a request's head: long ones are marked as cut.
    fn head(&mut self, text: &mut String) {
        let end = (text.len() > MAX_HEAD_TEXT + '…'.len_utf8()).then(|| start(text, MAX_HEAD_TEXT).len());
        self.end(text, end, "…");
    }

    /// As many attributes as there may be.
    fn attributes(&mut self, attributes: &mut Vec<KeyValue>) {
        let over = attributes.len().saturating_sub(self.limits.attributes);
        self.cut(over);
        attributes.truncate(self.limits.attributes);
        for attribute in attributes.iter_mut() {
            self.key(&mut attribute.key);
            self.value(&mut attribute.value);
        }
        self.list(attributes);
    }

    fn links(&mut self, links: &mut Vec<Link>) {
        let over = links.len().saturating_sub(self.limits.links);
        self.cut(over);
        links.truncate(self.limits.links);
        for link in links.iter_mut() {
            let state = link.span_context.trace_state();
            let members = || state.into_iter();
            let length: usize = members().map(|(key, value)| key.len() + value.len() + 2).sum();
            if length > MAX_TRACE_STATE {
                let context = &link.span_context;
                link.span_context = SpanContext::new(
                    context.trace_id(),
                    context.span_id(),
                    context.trace_flags(),
                    context.is_remote(),
                    TraceState::NONE,
                );
                self.cut(1);
            } else if length > 0 {
                self.holds(length + members().count() * 2 * (size_of::<String>() + ALLOCATION));
            }
            self.attributes(&mut link.attributes);
        }
        self.list(links);
    }

    fn scope(&mut self, scope: &mut InstrumentationScope) {
        let texts = [Some(scope.name()), scope.version(), scope.schema_url()];
        let long = texts.iter().flatten().filter(|text| text.len() > MAX_NAME).count();
        self.cut(long);
        if long > 0 || scope.attributes().count() > 0 {
            let cut = |text: &str| start(text, MAX_NAME).to_owned();
            let mut attributes: Vec<KeyValue> = scope.attributes().cloned().collect();
            self.attributes(&mut attributes);
            let mut builder = InstrumentationScope::builder(cut(scope.name())).with_attributes(attributes);
            if let Some(version) = scope.version() {
                builder = builder.with_version(cut(version));
            }
            if let Some(url) = scope.schema_url() {
                builder = builder.with_schema_url(cut(url));
            }
            *scope = builder.build();
        }
        let texts = [Some(scope.name()), scope.version(), scope.schema_url()];
        self.bytes += texts.iter().flatten().map(|text| text.len()).sum::<usize>();
    }

    fn parameters(&mut self, parameters: &mut Vec<Parameter>) {
        self.cut(parameters.len().saturating_sub(self.limits.attributes));
        parameters.truncate(self.limits.attributes);
        for parameter in parameters.iter_mut() {
            self.name(&mut parameter.name);
            self.text(&mut parameter.value);
        }
        self.list(parameters);
    }
}

/// Where a name that is too long has to end.
fn end_of_name(text: &str) -> Option<usize> {
    (text.len() > MAX_NAME).then(|| start(text, MAX_NAME).len())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use otelbar_convert::panel_data::{
        Cache, Callsite, EntryKind, Exception, HttpCall, Level, Profile, Sql, Template,
    };

    use super::*;

    const LIMITS: RecordingLimits = RecordingLimits {
        spans: 10,
        logs: 10,
        attributes: 3,
        events: 10,
        links: 2,
        value_length: usize::MAX,
    };

    fn long() -> String {
        "ä".repeat(1 << 20)
    }

    #[track_caller]
    fn check(what: &str, kept: Kept, most: usize) {
        assert!(kept.cut > 0, "{what}: the cut is counted");
        assert!(kept.bytes <= most, "{what}: {} bytes are kept", kept.bytes);
    }

    #[test]
    fn every_text_of_a_request_is_cut() {
        type Fill = fn(&mut Request);
        let fields: [(&str, Fill); 11] = [
            ("method", |request| request.method = long()),
            ("scheme", |request| request.scheme = long().into()),
            ("path", |request| request.path = long()),
            ("query", |request| request.query = Some(long())),
            ("route", |request| request.route = Some(long())),
            ("server address", |request| request.server_address = Some(long())),
            ("user agent", |request| request.user_agent = Some(long())),
            ("failure", |request| request.failure = Some(long().into())),
            ("exception", |request| {
                request.exception = Some(Exception::new(None, Some(long().into())));
            }),
            ("key", |request| request.attributes.push(KeyValue::new(long(), 1))),
            ("value", |request| request.attributes.push(KeyValue::new("key", long()))),
        ];
        for (what, fill) in fields {
            let mut request = Request::default();
            fill(&mut request);
            check(what, LIMITS.request(&mut request), MAX_TEXT + 1024);
            assert_eq!(LIMITS.request(&mut request).cut, 0, "{what}: what was cut is not cut again");
        }
    }

    #[test]
    fn every_text_of_an_entry_is_cut() {
        let links = || vec![Link::new(SpanContext::NONE, vec![KeyValue::new(long(), long())], 0); 5];
        let entry = |kind| Entry::new("", Duration::ZERO, kind);
        let span = || entry(EntryKind::Span(opentelemetry::trace::SpanKind::Internal));
        let with = |fill: fn(&mut Entry)| {
            let mut entry = span();
            fill(&mut entry);
            entry
        };
        let mut linked = span();
        linked.details_mut().links = links();
        let mut status = Sql::default();
        status.response_status = Some(long());
        let entries = [
            ("name", with(|entry| entry.name = long().into())),
            ("error", with(|entry| entry.error = Some(long().into()))),
            ("target", with(|entry| entry.callsite = Some(Callsite::new(long())))),
            ("key", with(|entry| entry.attributes.push(KeyValue::new(long(), 1)))),
            ("many", with(|entry| entry.attributes = vec![KeyValue::new("key", 1); 10])),
            (
                "list",
                with(|entry| {
                    let list = Value::Array(Array::String(vec![long().into()]));
                    entry.attributes.push(KeyValue::new("key", list));
                }),
            ),
            (
                "long list",
                with(|entry| {
                    entry.attributes.push(KeyValue::new("key", Value::Array(Array::I64(vec![1; 1 << 20]))));
                }),
            ),
            (
                "scope",
                with(|entry| {
                    entry.details_mut().scope = Some(InstrumentationScope::builder(long()).build());
                }),
            ),
            ("stacktrace", with(|entry| entry.details_mut().stacktrace = Some(long()))),
            ("links", linked),
            ("statement", entry(EntryKind::Sql(Sql::new("", long())))),
            ("system", entry(EntryKind::Sql(Sql::new(long(), "")))),
            ("status", entry(EntryKind::Sql(status))),
            ("template", entry(EntryKind::Template(Template::new(long())))),
            ("url", entry(EntryKind::HttpCall(HttpCall::new("", long())))),
            ("method", entry(EntryKind::HttpCall(HttpCall::new(long(), "")))),
            ("cache", entry(EntryKind::Cache(Cache::new("", long())))),
            ("function", entry(EntryKind::Profile(Profile::new(long())))),
        ];
        for (what, mut entry) in entries {
            check(what, LIMITS.entry(&mut entry), 3 * MAX_TEXT);
            assert_eq!(LIMITS.entry(&mut entry).cut, 0, "{what}: what was cut is not cut again");
        }
    }

    #[test]
    fn every_text_of_a_log_is_cut() {
        let log = |message: String| Log::new(Level::Info, message);
        let (mut callsite, mut attribute) = (log(String::new()), log(String::new()));
        callsite.callsite = Callsite::new(long()).with_place(long(), 1);
        attribute.attributes = vec![KeyValue::new(long(), long())];
        let logs = [("message", log(long())), ("callsite", callsite), ("attribute", attribute)];
        for (what, mut log) in logs {
            check(what, LIMITS.log(&mut log), 2 * MAX_TEXT);
            assert_eq!(LIMITS.log(&mut log).cut, 0, "{what}: what was cut is not cut again");
        }
    }

    #[test]
    fn room_that_is_not_used_is_given_back() {
        let mut text = String::with_capacity(1 << 20);
        text.push_str("short");
        let mut entry = Entry::new(text, Duration::ZERO, EntryKind::Template(Template::default()));
        entry.attributes = Vec::with_capacity(1 << 10);
        assert!(LIMITS.entry(&mut entry).bytes < 1024);
        assert!(matches!(&entry.name, Cow::Owned(name) if name.capacity() < 16));
    }
}
