//! [`PanelDataConverter`], and what it makes of a request.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{Event, SpanContext, SpanId, SpanKind, Status};
use opentelemetry::{InstrumentationScope, Key, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use crate::findings::{self, Finding, Thresholds};
use crate::panel_data::{
    Cache, Entry, EntryKind, HttpCall, Level, Log, PanelData, Request, Source, Sql, Template,
};
use crate::redact::Redactor;
use crate::{semconv, sql};

/// Turns what is known of a request into a tree of spans.
///
/// The result has one SERVER root for the request, a span for each entry under the parent it names, and each log as
/// an event of the span it was logged in. It follows the stable semantic conventions for HTTP and databases. A
/// converter does no IO and reads no clock; it never fails, and says in [`Converted::report`] what it could not take as
/// it was.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
/// use otelbar_convert::panel_data::{Entry, EntryKind, PanelData, Request, Sql, Timer};
/// use otelbar_convert::PanelDataConverter;
///
/// let context = SpanContext::new(
///     TraceId::from(0x4bf92f3577b34da6a3ce929d0e0e4736), SpanId::from(0x00f067aa0ba902b7),
///     TraceFlags::SAMPLED, false, TraceState::default(),
/// );
/// let timer = Timer::new(SystemTime::UNIX_EPOCH, Duration::from_millis(20));
/// let request = Request { method: "GET".into(), route: Some("/books".into()), status: Some(200), ..Default::default() };
/// let mut data = PanelData::new(context, timer, request);
/// let query = Sql { system: "sqlite".into(), text: "SELECT * FROM books WHERE id = 7".into(), ..Default::default() };
/// data.entries.push(Entry::new("", Duration::from_millis(3), EntryKind::Sql(query)));
///
/// let converted = PanelDataConverter::default().convert(&data);
/// let names: Vec<_> = converted.spans.iter().map(|span| &*span.data.name).collect();
/// assert_eq!(names, ["GET /books", "SELECT books"]);
/// ```
#[derive(Clone, Debug)]
pub struct PanelDataConverter {
    thresholds: Thresholds,
    known_methods: Vec<String>,
    redactor: Redactor,
    scope: InstrumentationScope,
    /// Statements seen before; a service has few, and runs them over and over.
    statements: Arc<sql::Cache>,
}

impl Default for PanelDataConverter {
    /// Known methods as in RFC 9110 with PATCH, the default [`Thresholds`], and no words to redact.
    fn default() -> Self {
        let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
        PanelDataConverter {
            thresholds: Thresholds::default(),
            known_methods: methods.map(String::from).into(),
            redactor: Redactor::default(),
            scope: InstrumentationScope::builder("otelbar").with_version(env!("CARGO_PKG_VERSION")).build(),
            statements: Arc::default(),
        }
    }
}

impl PanelDataConverter {
    /// Sets from where on something is a finding.
    #[must_use]
    pub fn with_thresholds(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = thresholds;
        self
    }

    /// Sets the methods that are reported as they are; another becomes `_OTHER`. Case matters, as in HTTP.
    #[must_use]
    pub fn with_known_methods<I: IntoIterator<Item = String>>(mut self, methods: I) -> Self {
        self.known_methods = methods.into_iter().collect();
        self
    }

    /// Sets which attributes' values are replaced, for records whose source did not do so.
    #[must_use]
    pub fn with_redactor(mut self, redactor: Redactor) -> Self {
        self.redactor = redactor;
        self
    }

    /// Converts one request.
    pub fn convert(&self, data: &PanelData) -> Converted {
        let mut report = Report::default();
        let root_id = data.span_context.span_id();
        let ids = self.ids(data, root_id, &mut report);
        let parents = parents(data, root_id, &ids, &mut report);
        let starts = starts(data, root_id, &ids, &parents, &mut report);

        let mut spans = Vec::with_capacity(data.entries.len() + 1);
        spans.push(self.root(data));
        for (index, entry) in data.entries.iter().enumerate() {
            let mut span = self.entry(data, entry, ids[index], parents[index], starts[index]);
            span.entry = Some(index);
            spans.push(span);
        }
        attach_logs(data, &mut spans, &mut report);
        let spans = in_tree_order(spans, root_id);
        let findings = findings::all(&spans, &self.thresholds);
        Converted { spans, findings, report }
    }

    /// One id for each entry: its own where it has one that no other has, else one derived from the request's, so that
    /// converting the same data again gives the same ids.
    fn ids(&self, data: &PanelData, root_id: SpanId, report: &mut Report) -> Vec<SpanId> {
        let mut used = HashSet::with_capacity(data.entries.len() + 1);
        used.insert(root_id);
        let mut ids: Vec<Option<SpanId>> = Vec::with_capacity(data.entries.len());
        for entry in &data.entries {
            let own = entry.id.filter(|id| *id != SpanId::INVALID);
            let unique = own.filter(|id| used.insert(*id));
            report.duplicate_ids += u32::from(own.is_some() && unique.is_none());
            ids.push(unique);
        }
        let seed = u64::from_be_bytes(root_id.to_bytes());
        let derive = |(index, id): (usize, Option<SpanId>)| {
            id.unwrap_or_else(|| {
                let mut at = seed.wrapping_add(index as u64 + 1);
                loop {
                    let id = SpanId::from(mix(at));
                    if id != SpanId::INVALID && used.insert(id) {
                        return id;
                    }
                    at = at.wrapping_add(0x5851_f42d_4c95_7f2d);
                }
            })
        };
        ids.into_iter().enumerate().map(derive).collect()
    }

    fn root(&self, data: &PanelData) -> ConvertedSpan {
        let request = &data.request;
        let mut attributes = Vec::with_capacity(14 + request.attributes.len());
        let method = self.method(&request.method, &mut attributes);
        let name = match (&request.route, method) {
            (Some(route), "_OTHER") => Cow::Owned(format!("HTTP {route}")),
            (Some(route), method) => Cow::Owned(format!("{method} {route}")),
            (None, "_OTHER") => Cow::Borrowed("HTTP"),
            (None, method) => Cow::Owned(method.to_owned()),
        };
        request_attributes(request, &mut attributes);
        let status = match (request.status, &request.failure) {
            (_, Some(failure)) => {
                attributes.push(kv(semconv::ERROR_TYPE, failure.clone().into_owned()));
                Status::error(failure.clone())
            }
            (Some(status), None) if status >= 500 => {
                attributes.push(kv(semconv::ERROR_TYPE, status.to_string()));
                Status::error("")
            }
            _ => Status::Unset,
        };
        attributes.extend(request.attributes.iter().cloned());
        ConvertedSpan {
            entry: None,
            panel: Panel::Request,
            busy: data.timer.busy.map(|busy| busy.min(data.timer.duration)),
            synthesised: false,
            ended: data.timer.ended,
            data: SpanData {
                span_context: data.span_context.clone(),
                parent_span_id: data.remote_parent.unwrap_or(SpanId::INVALID),
                parent_span_is_remote: data.remote_parent.is_some(),
                span_kind: SpanKind::Server,
                name,
                start_time: data.timer.start,
                end_time: after(data.timer.start, data.timer.duration),
                attributes: self.tidy(attributes),
                dropped_attributes_count: 0,
                events: SpanEvents::default(),
                links: SpanLinks::default(),
                status,
                instrumentation_scope: self.scope.clone(),
            },
        }
    }

    fn entry(
        &self,
        data: &PanelData,
        entry: &Entry,
        id: SpanId,
        parent: SpanId,
        start: Start,
    ) -> ConvertedSpan {
        let mut attributes = Vec::with_capacity(8 + entry.attributes.len());
        let mut status = match &entry.error {
            Some(description) => Status::error(description.clone()),
            None => Status::Unset,
        };
        let (panel, kind, name) = match &entry.kind {
            EntryKind::Span(kind) => (panel_of(kind, &entry.attributes), kind.clone(), entry.name.clone()),
            EntryKind::Sql(sql) => (Panel::Sql, SpanKind::Client, self.sql_attributes(sql, &mut attributes)),
            EntryKind::Template(template) => {
                (Panel::Template, SpanKind::Internal, template_attributes(template, &mut attributes))
            }
            EntryKind::Cache(cache) => {
                (Panel::Cache, SpanKind::Client, cache_attributes(cache, &mut attributes))
            }
            EntryKind::HttpCall(call) => {
                let name = self.call_attributes(call, &mut attributes, &mut status);
                (Panel::Http, SpanKind::Client, name)
            }
        };
        attributes.extend(entry.attributes.iter().cloned());
        if let Some(source) = &entry.source {
            source_attributes(source, &mut attributes);
        }
        if start.synthesised {
            attributes.push(KeyValue::new(semconv::SYNTHESISED, true));
        }
        let start_time = after(data.timer.start, start.offset);
        ConvertedSpan {
            entry: None,
            panel,
            busy: entry.busy.map(|busy| busy.min(entry.duration)),
            synthesised: start.synthesised,
            ended: entry.ended,
            data: SpanData {
                span_context: SpanContext::new(
                    data.span_context.trace_id(),
                    id,
                    data.span_context.trace_flags(),
                    false,
                    data.span_context.trace_state().clone(),
                ),
                parent_span_id: parent,
                parent_span_is_remote: false,
                span_kind: kind,
                name,
                start_time,
                end_time: after(start_time, entry.duration),
                attributes: self.tidy(attributes),
                dropped_attributes_count: entry.dropped_attributes,
                events: SpanEvents::default(),
                links: SpanLinks::default(),
                status,
                instrumentation_scope: self.scope.clone(),
            },
        }
    }

    /// Adds the method's attributes, and returns the one to name the span with.
    fn method<'m>(&self, method: &'m str, attributes: &mut Vec<KeyValue>) -> &'m str {
        if self.known_methods.iter().any(|known| known == method) {
            attributes.push(kv(semconv::HTTP_REQUEST_METHOD, method.to_owned()));
            return method;
        }
        attributes.push(KeyValue::new(semconv::HTTP_REQUEST_METHOD, "_OTHER"));
        attributes.push(kv(semconv::HTTP_REQUEST_METHOD_ORIGINAL, method.to_owned()));
        "_OTHER"
    }

    fn sql_attributes(&self, query: &Sql, attributes: &mut Vec<KeyValue>) -> Cow<'static, str> {
        let statement = self.statements.describe(&query.text, sql::System::from_name(&query.system));
        let mut push = |key, value: &Option<Arc<str>>| {
            if let Some(value) = value {
                attributes.push(kv(key, Arc::clone(value)));
            }
        };
        push(semconv::DB_OPERATION_NAME, &statement.operation);
        push(semconv::DB_COLLECTION_NAME, &statement.collection);
        push(semconv::DB_QUERY_SUMMARY, &statement.summary);
        push(semconv::DB_STORED_PROCEDURE_NAME, &statement.stored_procedure);
        attributes.push(kv(semconv::DB_QUERY_TEXT, Arc::clone(&statement.text)));
        attributes.push(kv(semconv::DB_SYSTEM_NAME, query.system.clone()));
        push_text(attributes, semconv::DB_NAMESPACE, &query.namespace);
        push_number(attributes, semconv::DB_RESPONSE_RETURNED_ROWS, query.returned_rows);
        push_number(attributes, semconv::DB_AFFECTED_ROWS, query.affected_rows);
        match &statement.summary {
            Some(summary) => Cow::Owned(summary.to_string()),
            None => query.system.clone(),
        }
    }

    fn call_attributes(
        &self,
        call: &HttpCall,
        attributes: &mut Vec<KeyValue>,
        status: &mut Status,
    ) -> Cow<'static, str> {
        let name = match self.method(&call.method, attributes) {
            "_OTHER" => Cow::Borrowed("HTTP"),
            method => Cow::Owned(method.to_owned()),
        };
        attributes.push(kv(semconv::URL_FULL, call.url.clone()));
        push_text(attributes, semconv::SERVER_ADDRESS, &call.server_address);
        push_number(attributes, semconv::SERVER_PORT, call.server_port.map(u64::from));
        push_number(attributes, semconv::HTTP_RESPONSE_STATUS_CODE, call.status.map(u64::from));
        push_number(attributes, semconv::HTTP_RESPONSE_BODY_SIZE, call.response_size);
        match (call.status, &call.failure) {
            (_, Some(failure)) => {
                attributes.push(kv(semconv::ERROR_TYPE, failure.clone().into_owned()));
                if *status == Status::Unset {
                    *status = Status::error("");
                }
            }
            (Some(code), None) if code >= 400 => {
                attributes.push(kv(semconv::ERROR_TYPE, code.to_string()));
                *status = Status::error("");
            }
            _ => {}
        }
        name
    }

    /// Each key once, the first one kept, and no value of a sensitive one.
    fn tidy(&self, mut attributes: Vec<KeyValue>) -> Vec<KeyValue> {
        let mut at = 0;
        while at < attributes.len() {
            let (before, rest) = attributes.split_at_mut(at);
            let attribute = &mut rest[0];
            if before.iter().any(|earlier| earlier.key == attribute.key) {
                attributes.remove(at);
                continue;
            }
            if self.redactor.is_sensitive(attribute.key.as_str()) {
                attribute.value = Value::String(StringValue::from(crate::redact::REDACTED));
            }
            at += 1;
        }
        attributes
    }
}

/// A request as spans.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Converted {
    /// The spans: the root first, parents before their children, siblings by their start.
    pub spans: Vec<ConvertedSpan>,
    /// What is wrong with the request.
    pub findings: Vec<Finding>,
    /// What could not be taken as it was.
    pub report: Report,
}

/// A span, with what a page shows beside it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConvertedSpan {
    /// The span, as exporters take it.
    pub data: SpanData,
    /// Place of the entry it was made from; `None` for the request itself.
    pub entry: Option<usize>,
    /// What it came from.
    pub panel: Panel,
    /// Time spent working rather than waiting, where known; never more than the duration.
    pub busy: Option<Duration>,
    /// Whether its times were worked out rather than measured.
    pub synthesised: bool,
    /// Whether it has ended; if not, its end is the time so far.
    pub ended: bool,
}

impl ConvertedSpan {
    /// From its start to its end.
    pub fn duration(&self) -> Duration {
        self.data.end_time.duration_since(self.data.start_time).unwrap_or_default()
    }

    /// The value of an attribute.
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        self.data.attributes.iter().find(|attribute| attribute.key.as_str() == key).map(|a| &a.value)
    }
}

/// What a span came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Panel {
    /// The request itself.
    Request,
    /// A span of the application.
    Span,
    /// A database query.
    Sql,
    /// A rendered template.
    Template,
    /// A cache operation.
    Cache,
    /// An outgoing HTTP call.
    Http,
}

impl Panel {
    /// The panel's name in lower case, such as `sql`.
    pub fn as_str(self) -> &'static str {
        match self {
            Panel::Request => "request",
            Panel::Span => "span",
            Panel::Sql => "sql",
            Panel::Template => "template",
            Panel::Cache => "cache",
            Panel::Http => "http",
        }
    }
}

/// What the converter could not take as it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Entries whose id was another's; they were given a new one.
    pub duplicate_ids: u32,
    /// Entries and logs whose parent is not in the data; they were put under the request.
    pub unknown_parents: u32,
    /// Entries that were their own ancestors; they were put under the request.
    pub cycles: u32,
    /// Entries whose start was worked out.
    pub synthesised: u32,
}

/// What a span of the application is, by the attributes that instrumentation following the conventions gives it.
fn panel_of(kind: &SpanKind, attributes: &[KeyValue]) -> Panel {
    let has = |keys: &[&str]| attributes.iter().any(|attribute| keys.contains(&attribute.key.as_str()));
    if has(&[semconv::DB_QUERY_TEXT, "db.statement"]) {
        Panel::Sql
    } else if *kind == SpanKind::Client && has(&[semconv::HTTP_REQUEST_METHOD, "http.method"]) {
        Panel::Http
    } else if has(&[semconv::TEMPLATE_NAME]) {
        Panel::Template
    } else {
        Panel::Span
    }
}

/// Where an entry begins, as an offset from the request's start.
#[derive(Clone, Copy)]
struct Start {
    offset: Duration,
    synthesised: bool,
}

fn parents(data: &PanelData, root_id: SpanId, ids: &[SpanId], report: &mut Report) -> Vec<SpanId> {
    let index: HashMap<SpanId, usize> = ids.iter().enumerate().map(|(i, id)| (*id, i)).collect();
    let mut parents: Vec<SpanId> = data
        .entries
        .iter()
        .map(|entry| match entry.parent {
            Some(parent) if parent == root_id || index.contains_key(&parent) => parent,
            Some(_) => {
                report.unknown_parents += 1;
                root_id
            }
            None => root_id,
        })
        .collect();
    // 0: not looked at, 1: on the path being followed, 2: known to reach the root.
    let mut seen = vec![0_u8; ids.len()];
    for first in 0..ids.len() {
        let mut path = Vec::new();
        let mut at = Some(first);
        while let Some(i) = at.filter(|i| seen[*i] == 0) {
            seen[i] = 1;
            path.push(i);
            at = index.get(&parents[i]).copied();
        }
        if let Some(i) = at.filter(|i| seen[*i] == 1) {
            parents[i] = root_id;
            report.cycles += 1;
        }
        for i in path {
            seen[i] = 2;
        }
    }
    parents
}

/// The starts: as measured, or one after the other inside the parent, in the order of the list.
fn starts(
    data: &PanelData,
    root_id: SpanId,
    ids: &[SpanId],
    parents: &[SpanId],
    report: &mut Report,
) -> Vec<Start> {
    let known = |entry: &Entry| Start { offset: entry.start.unwrap_or_default(), synthesised: false };
    let mut starts: Vec<Start> = data.entries.iter().map(known).collect();
    if data.entries.iter().all(|entry| entry.start.is_some()) {
        return starts;
    }
    let mut children: HashMap<SpanId, Vec<usize>> = HashMap::new();
    for (i, parent) in parents.iter().enumerate() {
        children.entry(*parent).or_default().push(i);
    }
    let mut pending = vec![(root_id, Duration::ZERO, data.timer.duration)];
    while let Some((parent, parent_start, parent_duration)) = pending.pop() {
        let mut next = parent_start;
        let parent_end = parent_start.saturating_add(parent_duration);
        for &i in children.get(&parent).map_or(&[][..], Vec::as_slice) {
            let duration = data.entries[i].duration;
            if data.entries[i].start.is_none() {
                let latest = parent_end.saturating_sub(duration).max(parent_start);
                starts[i] = Start { offset: next.min(latest), synthesised: true };
                report.synthesised += 1;
            }
            next = next.max(starts[i].offset.saturating_add(duration));
            pending.push((ids[i], starts[i].offset, duration));
        }
    }
    starts
}

fn attach_logs(data: &PanelData, spans: &mut [ConvertedSpan], report: &mut Report) {
    if data.logs.is_empty() {
        return;
    }
    let index: HashMap<SpanId, usize> =
        spans.iter().enumerate().map(|(i, span)| (span.data.span_context.span_id(), i)).collect();
    for log in &data.logs {
        let span = match log.span {
            None => 0,
            Some(id) => index.get(&id).copied().unwrap_or_else(|| {
                report.unknown_parents += 1;
                0
            }),
        };
        let event = event(log, data.timer.start);
        let data = &mut spans[span].data;
        // The status of a request is said by its answer, that of other spans also by an error logged in them.
        if span != 0 && event.name == semconv::EXCEPTION && data.status == Status::Unset {
            data.status = Status::error(log.message.clone());
        }
        data.events.events.push(event);
    }
}

fn event(log: &Log, start: SystemTime) -> Event {
    let mut attributes = Vec::with_capacity(log.attributes.len() + 6);
    attributes.push(KeyValue::new(semconv::LEVEL, log.level.as_str()));
    attributes.extend(log.attributes.iter().cloned());
    source_attributes(&log.source, &mut attributes);
    // An error logged as a field is an exception to backends, which look for the event of that name.
    let error = log.attributes.iter().find(|a| matches!(a.key.as_str(), "error" | "err" | "exception"));
    let name = match error {
        Some(error) if log.level == Level::Error => {
            attributes.push(KeyValue::new(semconv::EXCEPTION_MESSAGE, error.value.clone()));
            attributes.push(kv("message", log.message.clone()));
            Cow::Borrowed(semconv::EXCEPTION)
        }
        _ => log.message.clone(),
    };
    Event::new(name, after(start, log.time), attributes, 0)
}

/// The root first, parents before children, siblings by start and then by the order in which they were recorded.
fn in_tree_order(spans: Vec<ConvertedSpan>, root_id: SpanId) -> Vec<ConvertedSpan> {
    let mut children: HashMap<SpanId, Vec<usize>> = HashMap::new();
    for (i, span) in spans.iter().enumerate().skip(1) {
        children.entry(span.data.parent_span_id).or_default().push(i);
    }
    let mut order = Vec::with_capacity(spans.len());
    let mut pending = vec![0];
    while let Some(i) = pending.pop() {
        order.push(i);
        let id = if i == 0 { root_id } else { spans[i].data.span_context.span_id() };
        if let Some(mut below) = children.remove(&id) {
            below.sort_by_key(|i| spans[*i].data.start_time);
            pending.extend(below.into_iter().rev());
        }
    }
    let mut spans: Vec<Option<ConvertedSpan>> = spans.into_iter().map(Some).collect();
    order.into_iter().filter_map(|i| spans[i].take()).collect()
}

fn request_attributes(request: &Request, attributes: &mut Vec<KeyValue>) {
    attributes.push(kv(semconv::URL_PATH, request.path.clone()));
    push_text(attributes, semconv::URL_QUERY, &request.query);
    attributes.push(kv(semconv::URL_SCHEME, request.scheme.clone()));
    push_text(attributes, semconv::HTTP_ROUTE, &request.route);
    push_number(attributes, semconv::HTTP_RESPONSE_STATUS_CODE, request.status.map(u64::from));
    push_number(attributes, semconv::HTTP_RESPONSE_BODY_SIZE, request.response_size);
    push_text(attributes, semconv::SERVER_ADDRESS, &request.server_address);
    push_number(attributes, semconv::SERVER_PORT, request.server_port.map(u64::from));
    push_text(attributes, semconv::CLIENT_ADDRESS, &request.peer_address);
    push_text(attributes, semconv::NETWORK_PEER_ADDRESS, &request.peer_address);
    push_number(attributes, semconv::NETWORK_PEER_PORT, request.peer_port.map(u64::from));
    if let Some(version) = request.protocol_version {
        attributes.push(KeyValue::new(semconv::NETWORK_PROTOCOL_VERSION, version));
    }
    push_text(attributes, semconv::USER_AGENT_ORIGINAL, &request.user_agent);
}

fn template_attributes(template: &Template, attributes: &mut Vec<KeyValue>) -> Cow<'static, str> {
    attributes.push(kv(semconv::TEMPLATE_NAME, template.name.clone()));
    push_number(attributes, semconv::TEMPLATE_SIZE, template.size);
    Cow::Owned(format!("render {}", template.name))
}

fn cache_attributes(cache: &Cache, attributes: &mut Vec<KeyValue>) -> Cow<'static, str> {
    attributes.push(kv(semconv::DB_SYSTEM_NAME, cache.system.clone()));
    attributes.push(kv(semconv::DB_OPERATION_NAME, cache.operation.clone()));
    push_text(attributes, semconv::CACHE_KEY, &cache.key);
    if let Some(hit) = cache.hit {
        attributes.push(KeyValue::new(semconv::CACHE_HIT, hit));
    }
    Cow::Owned(cache.operation.clone())
}

fn source_attributes(source: &Source, attributes: &mut Vec<KeyValue>) {
    if !source.target.is_empty() {
        attributes.push(kv(semconv::TARGET, source.target.clone()));
    }
    if let Some(file) = &source.file {
        attributes.push(kv(semconv::CODE_FILE_PATH, file.clone()));
    }
    push_number(attributes, semconv::CODE_LINE_NUMBER, source.line.map(u64::from));
}

fn push_text(attributes: &mut Vec<KeyValue>, key: &'static str, value: &Option<impl AsRef<str>>) {
    if let Some(value) = value {
        attributes.push(kv(key, value.as_ref().to_owned()));
    }
}

fn push_number(attributes: &mut Vec<KeyValue>, key: &'static str, value: Option<u64>) {
    if let Some(value) = value {
        attributes.push(KeyValue::new(key, i64::try_from(value).unwrap_or(i64::MAX)));
    }
}

fn kv(key: &'static str, value: impl Into<StringValue>) -> KeyValue {
    KeyValue::new(Key::from_static_str(key), Value::String(value.into()))
}

/// An instant so much later; the instant itself where that is past what the platform can hold.
fn after(instant: SystemTime, offset: Duration) -> SystemTime {
    instant.checked_add(offset).unwrap_or(instant)
}

/// The finaliser of SplitMix64: neighbouring numbers give ids that share nothing.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
