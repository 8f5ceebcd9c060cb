//! [`PanelDataConverter`], and what it makes of a request.

mod describe;
mod events;
mod interval;
mod layout;
mod query;
mod times;

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind, Status};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use crate::category::Category;
use crate::conventions::Conventions;
use crate::converted::Converted;
use crate::findings::{self, Thresholds};
use crate::log_record::LogRecord;
use crate::panel_data::{Callsite, Entry, EntryKind, Level, Log, PanelData, Sql, Times};
use crate::redact::Redactor;
use crate::report::Report;
use crate::semconv;
use crate::span::ConvertedSpan;
use crate::span_limits::SpanLimits;

use describe::{Described, Describer};
use interval::{Clock, Interval};
use layout::{Layout, ROOT};

/// Turns what is known of a request into a tree of spans.
///
/// The result has one SERVER root for the request, a span for each entry under the parent it names, and each log as
/// an event of the span it was logged in. It follows the stable semantic conventions for HTTP and databases. A
/// converter does no IO and reads no clock; it never fails, and says in [`Converted::report`] what it could not take as
/// it was.
///
/// # Times
///
/// A start that is known is kept. An entry without one is put inside its parent: one after the other in the order of
/// the data, in the gaps between those whose start is known, and over them only where there is no gap left. Such a span
/// carries `otelbar.synthesised = true`, and is cut where it is longer than its parent; `otelbar.duration` then has the
/// seconds it took.
///
/// Whether a span with a start may leave its parent depends on [where the data is from](Times). What was measured on
/// one monotonic clock is kept, since work that was spawned does outlive what spawned it, and a trace that denied it
/// would hide it. What was reported by several clocks, or by one that can be set, knows no better than that it belongs
/// to its parent, and is moved inside.
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
/// let mut request = Request::new("GET", "/books");
/// request.route = Some("/books".into());
/// request.status = Some(200);
/// let mut data = PanelData::new(context, timer, request);
/// let query = Sql::new("sqlite", "SELECT * FROM books WHERE id = 7");
/// data.entries.push(Entry::new("", Duration::from_millis(3), EntryKind::Sql(query)));
///
/// let converted = PanelDataConverter::default().convert(&data);
/// let names: Vec<_> = converted.spans.iter().map(|span| &*span.data.name).collect();
/// assert_eq!(names, ["GET /books", "SELECT books"]);
/// ```
#[derive(Clone, Debug)]
pub struct PanelDataConverter {
    describer: Describer,
    thresholds: Thresholds,
    conventions: Conventions,
    limits: SpanLimits,
    scope: InstrumentationScope,
}

impl Default for PanelDataConverter {
    /// Known methods as in RFC 9110 with PATCH and QUERY, the default [`Thresholds`], the stable [`Conventions`], no words to
    /// redact, no limits, and no parameters of queries.
    fn default() -> Self {
        PanelDataConverter {
            describer: Describer::default(),
            thresholds: Thresholds::default(),
            conventions: Conventions::default(),
            limits: SpanLimits::default(),
            scope: InstrumentationScope::builder("otelbar")
                .with_version(env!("CARGO_PKG_VERSION"))
                .with_schema_url(semconv::SCHEMA_URL)
                .build(),
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
        self.describer.known_methods = methods.into_iter().collect();
        self
    }

    /// Sets which attributes' values are replaced, for records whose source did not do so.
    #[must_use]
    pub fn with_redactor(mut self, redactor: Redactor) -> Self {
        self.describer.set_redactor(redactor);
        self
    }

    /// Sets by which names of the semantic conventions attributes go.
    #[must_use]
    pub fn with_conventions(mut self, conventions: Conventions) -> Self {
        self.conventions = conventions;
        self
    }

    /// Sets how many attributes, events and links a span has, and how long a value is.
    #[must_use]
    pub fn with_span_limits(mut self, limits: SpanLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets whether the parameters of queries become attributes, `db.query.parameter.<name>`; they do not unless set,
    /// since they are data of users.
    #[must_use]
    pub fn with_sql_parameters(mut self, shown: bool) -> Self {
        self.describer.sql_parameters = shown;
        self
    }

    /// Converts one request.
    pub fn convert(&self, data: &PanelData) -> Converted {
        let mut report = Report::default();
        let (layout, clock) = self.lay_out(data, &mut report);
        let mut spans = Vec::with_capacity(data.entries.len() + 1);
        for node in std::iter::successors(Some(ROOT), |node| layout.next(*node)) {
            spans.push(match node {
                ROOT => self.root(data, &layout, clock, &mut report),
                _ => self.entry(data, node, &layout, clock, &mut report),
            });
        }
        tell_once(data, &layout, &mut spans);
        let found = findings::all(&spans, &self.thresholds);
        if self.conventions != Conventions::default() || self.limits != SpanLimits::default() {
            for span in &mut spans {
                self.conventions.apply(&mut span.data);
                self.limits.apply(&mut span.data, &mut report);
            }
        }
        Converted { spans, findings: found.findings, findings_left_out: found.left_out, report }
    }

    /// The request's logs as records of their own, in the order of the data.
    ///
    /// They name the spans that [`convert`](Self::convert) makes of the same data; as events those have them already.
    pub fn log_records(&self, data: &PanelData) -> Vec<LogRecord> {
        let mut report = Report::default();
        let (layout, clock) = self.lay_out(data, &mut report);
        let record = |log: &Log| {
            let node = log.span.and_then(|id| layout.find(id)).unwrap_or(ROOT);
            let time = clock.at(log_time(data, log, layout.interval(node)));
            let mut attributes = Vec::with_capacity(log.attributes.len() + 2);
            let place = Callsite { target: Cow::Borrowed(""), ..log.callsite.clone() };
            describe::callsite(&place, &mut attributes);
            self.describer.add_recorded(&mut attributes, &log.attributes, &mut Report::default());
            let is_exception = events::has_exception(log);
            LogRecord {
                timestamp: time,
                level: log.level,
                event_name: is_exception.then_some(semconv::EXCEPTION),
                target: log.callsite.target.clone(),
                body: log.message.clone(),
                attributes,
                span_context: self.span_context(data, layout.id(node)),
            }
        };
        data.logs.iter().map(record).collect()
    }

    /// Which entry is the child of which and when each was done, siblings by their start.
    fn lay_out(&self, data: &PanelData, report: &mut Report) -> (Layout, Clock) {
        let is_same = |around: &Entry, sql: &Sql| self.describer.is_same_query(around, sql);
        let mut layout = Layout::of(data, is_same, report);
        let clock = Clock::of(data.timer.start, report);
        times::place(data, &mut layout, clock, report);
        layout.sort_by_start();
        (layout, clock)
    }

    fn root(&self, data: &PanelData, layout: &Layout, clock: Clock, report: &mut Report) -> ConvertedSpan {
        let mut described = self.describer.describe_request(&data.request);
        self.describer.add_recorded(&mut described.attributes, &data.request.attributes, report);
        let timer = &data.timer;
        let span_context = data.span_context.clone();
        let interval = layout.interval(ROOT);
        let mut span = self.span(described, span_context, SpanKind::Server, interval, clock);
        span.data.parent_span_id = data.remote_parent.unwrap_or(SpanId::INVALID);
        span.data.parent_span_is_remote = data.remote_parent.is_some();
        span.busy = timer.busy.map(|busy| busy.min(interval.duration));
        span.ended = timer.ended;
        span.data.links.links = self.links(&data.request.links, report);
        self.attach_logs(data, &mut span, ROOT, layout, clock, report);
        if let Some(exception) = &data.request.exception {
            events::attach_exception(exception, &mut span, clock.at(interval.end()));
        }
        events::name_error(&mut span);
        span
    }

    fn entry(
        &self,
        data: &PanelData,
        node: usize,
        layout: &Layout,
        clock: Clock,
        report: &mut Report,
    ) -> ConvertedSpan {
        let entry = &data.entries[node - 1];
        let interval = layout.interval(node);
        let twin = layout.twin(node).and_then(|twin| data.entries.get(twin));
        let mut described = self.describer.describe_entry(entry, twin);
        if interval.cut {
            described.attributes.push(KeyValue::new(semconv::DURATION, entry.duration.as_secs_f64()));
        }
        self.describer.add_recorded(&mut described.attributes, &entry.attributes, report);
        if let Some(twin) = twin {
            self.describer.add_recorded(&mut described.attributes, &twin.attributes, report);
        }
        let kind = match &entry.kind {
            EntryKind::Span(kind) => kind.clone(),
            EntryKind::Template(_) | EntryKind::Profile(_) => SpanKind::Internal,
            EntryKind::Sql(_) | EntryKind::Cache(_) | EntryKind::HttpCall(_) => SpanKind::Client,
        };
        let span_context = self.span_context(data, layout.id(node));
        let mut span = self.span(described, span_context, kind, interval, clock);
        span.data.parent_span_id = layout.id(layout.parent(node));
        let dropped = twin.map_or(0, |twin| twin.dropped_attributes);
        span.data.dropped_attributes_count = entry.dropped_attributes.saturating_add(dropped);
        span.entry = Some(node - 1);
        span.busy = entry.busy.map(|busy| busy.min(interval.duration));
        span.ended = entry.ended;
        if let Some(details) = entry.details.as_deref() {
            if let Some(scope) = &details.scope {
                span.data.instrumentation_scope = scope.clone();
            }
            span.data.links.links = self.links(&details.links, report);
            span.data.links.dropped_count = details.dropped_links;
        }
        self.attach_logs(data, &mut span, node, layout, clock, report);
        for entry in [Some(entry), twin].into_iter().flatten() {
            if let Some(exception) = entry.details.as_deref().and_then(|details| details.exception.as_ref()) {
                events::attach_exception(exception, &mut span, clock.at(interval.end()));
            }
        }
        events::name_error(&mut span);
        span
    }

    fn span(
        &self,
        mut described: Described,
        span_context: SpanContext,
        span_kind: SpanKind,
        interval: Interval,
        clock: Clock,
    ) -> ConvertedSpan {
        if interval.synthesised {
            described.attributes.push(KeyValue::new(semconv::SYNTHESISED, true));
        }
        ConvertedSpan {
            entry: None,
            category: described.category,
            busy: None,
            synthesised: interval.synthesised,
            ended: true,
            shape: described.shape,
            fingerprint: described.fingerprint,
            opt_in: described.opt_in,
            data: SpanData {
                span_context,
                parent_span_id: SpanId::INVALID,
                parent_span_is_remote: false,
                span_kind,
                name: described.name,
                start_time: clock.at(interval.start),
                end_time: clock.at(interval.end()),
                attributes: described.attributes,
                dropped_attributes_count: 0,
                events: SpanEvents::default(),
                links: SpanLinks::default(),
                status: described.status,
                instrumentation_scope: self.scope.clone(),
            },
        }
    }

    fn links(&self, links: &[Link], report: &mut Report) -> Vec<Link> {
        let link = |link: &Link| {
            let mut attributes = Vec::with_capacity(link.attributes.len());
            self.describer.add_recorded(&mut attributes, &link.attributes, report);
            Link::new(link.span_context.clone(), attributes, link.dropped_attributes_count)
        };
        links.iter().map(link).collect()
    }

    fn span_context(&self, data: &PanelData, id: SpanId) -> SpanContext {
        let request = &data.span_context;
        SpanContext::new(request.trace_id(), id, request.trace_flags(), false, request.trace_state().clone())
    }

    fn attach_logs(
        &self,
        data: &PanelData,
        span: &mut ConvertedSpan,
        node: usize,
        layout: &Layout,
        clock: Clock,
        report: &mut Report,
    ) {
        let interval = layout.interval(node);
        span.data.events.events.reserve_exact(layout.log_count(node));
        for log in layout.logs(node) {
            let log = &data.logs[log];
            let time = log_time(data, log, interval);
            report.moved += u32::from(time != log.time);
            let event = events::of_log(log, &self.describer, clock.at(time), report);
            // The status of a request is said by its answer, and that of a span of the OpenTelemetry API by the span;
            // that of other spans also by an error logged in them.
            let is_error = event.name == semconv::EXCEPTION && log.level >= Level::Error;
            let says_itself =
                span.category == Category::Request || span.data.instrumentation_scope != self.scope;
            if is_error && !says_itself && span.data.status == Status::Unset {
                span.data.status =
                    Status::error(events::error_of(&event).unwrap_or_else(|| log.message.to_string()));
            }
            span.data.events.events.push(event);
        }
    }
}

/// Counts once what several instrumentations record: of two spans for the same query or call, one inside the other, the
/// inner is counted.
fn tell_once(data: &PanelData, layout: &Layout, spans: &mut [ConvertedSpan]) {
    let is_recorded = |span: &ConvertedSpan| {
        matches!(span.category, Category::Sql | Category::Http | Category::Cache)
            && span
                .entry
                .and_then(|place| data.entries.get(place))
                .is_some_and(|entry| matches!(entry.kind, EntryKind::Span(_)))
    };
    if !spans.iter().any(is_recorded) {
        return;
    }
    let mut places: HashMap<SpanId, usize> = HashMap::with_capacity(spans.len());
    for i in 0..spans.len() {
        let Some(span) = spans.get(i) else { return };
        let (category, shape, parent) =
            (span.category, span.shape, places.get(&span.data.parent_span_id).copied());
        places.insert(span.data.span_context.span_id(), i);
        let Some(around) = parent.and_then(|parent| spans.get_mut(parent)) else { continue };
        let has_twin = around.entry.is_some_and(|place| layout.twin(place + 1).is_some());
        let says_little = around.shape.is_none() && around.attribute(semconv::DB_QUERY_TEXT).is_none();
        let is_same = around.shape == shape || says_little;
        if around.category == category && is_same && shape.is_some() && !has_twin && is_recorded(around) {
            around.category = Category::Span;
            around.shape = None;
            around.fingerprint = None;
        }
    }
}

/// When it was logged, which is within its span unless that was measured otherwise.
fn log_time(data: &PanelData, log: &Log, interval: Interval) -> Duration {
    match data.times {
        Times::Measured => log.time,
        Times::Reported => log.time.clamp(interval.start, interval.end()),
    }
}
