//! The form for people.

mod amount;
mod text;
mod tree;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::io::Write;
use std::time::SystemTime;

use opentelemetry::trace::{Event, Link, SpanKind, Status, TraceId};
use opentelemetry::{Key, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;

use self::amount::{Amount, rfc3339};
use self::text::{OneLine, Plain, Quoted};
use self::tree::{Node, Oddity, arrange};

/// Appends the spans of a batch, each list with the resource it comes from and its `tracestate` where that is not in the
/// spans, trace by trace.
pub(crate) fn readable<'a>(
    batch: impl IntoIterator<Item = (&'a Resource, Option<&'a str>, &'a [SpanData])>,
    to: &mut Vec<u8>,
) {
    let mut traces: Vec<Trace<'a>> = Vec::new();
    let mut places: HashMap<TraceId, usize> = HashMap::new();
    for (resource, trace_state, spans) in batch {
        let service = service_name(resource);
        for span in spans {
            let id = span.span_context.trace_id();
            let place = *places.entry(id).or_insert_with(|| {
                traces.push(Trace { id, spans: Vec::new() });
                traces.len() - 1
            });
            traces[place].spans.push(Row { service: service.clone(), trace_state, span });
        }
    }
    for trace in &mut traces {
        trace.spans.sort_by_key(|row| row.span.start_time);
    }
    traces.sort_by_key(Trace::start);
    for trace in traces {
        // A vector takes all.
        let _ = writeln!(to, "{trace}");
    }
}

fn service_name(resource: &Resource) -> Cow<'_, str> {
    match resource.get_ref(&Key::from_static_str("service.name")) {
        Some(Value::String(name)) => name.as_str().into(),
        Some(name) => name.to_string().into(),
        None => "unknown_service".into(),
    }
}

/// Spans of one trace, in the order of their start.
struct Trace<'a> {
    id: TraceId,
    spans: Vec<Row<'a>>,
}

/// A span, with what is known of it besides.
struct Row<'a> {
    service: Cow<'a, str>,
    /// In place of that of the span's own context.
    trace_state: Option<&'a str>,
    span: &'a SpanData,
}

impl Trace<'_> {
    fn start(&self) -> Option<SystemTime> {
        self.spans.first().map(|row| row.span.start_time)
    }
}

impl fmt::Display for Trace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(start) = self.start() else { return Ok(()) };
        let spans: Vec<&SpanData> = self.spans.iter().map(|row| row.span).collect();
        let errors = spans.iter().filter(|span| matches!(span.status, Status::Error { .. })).count();
        write!(f, "trace {}, {}", self.id, Counted(spans.len(), "span"))?;
        if errors > 0 {
            write!(f, ", {}", Counted(errors, "error"))?;
        }
        if let Some(end) = spans.iter().map(|span| span.end_time).max() {
            write!(f, ", {}", Amount::between(start, end))?;
        }
        writeln!(f, ", from {}", rfc3339(start))?;
        let mut lines = Lines { start, guides: Vec::new(), node: "", below: "" };
        for node in arrange(&spans) {
            let Row { service, trace_state, span } = &self.spans[node.span];
            let above = node.parent.map(|parent| &self.spans[parent].service);
            lines.enter(&node);
            lines.span(f, span, Some(service).filter(|service| above != Some(service)), &node)?;
            lines.details(f, span, *trace_state)?;
        }
        Ok(())
    }
}

/// `1 span`, `2 spans`.
struct Counted(usize, &'static str);

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.0, self.1, if self.0 == 1 { "" } else { "s" })
    }
}

/// Lines of a tree: two columns of times, the lines that lead to the span, and a text.
struct Lines {
    /// What times are relative to.
    start: SystemTime,
    /// What leads past the span to the next ones of its ancestors.
    guides: Vec<&'static str>,
    /// What leads to the span itself.
    node: &'static str,
    /// What leads from the span to its children.
    below: &'static str,
}

impl Lines {
    /// Deeper levels stand below this one, so that the line's width is bounded.
    const DEEPEST: usize = 30;

    fn enter(&mut self, node: &Node) {
        let depth = node.depth.min(Self::DEEPEST);
        self.guides.truncate(depth.saturating_sub(1));
        (self.node, self.below) = ("", if node.has_children { "│ " } else { "  " });
        if depth > 0 {
            self.guides.push(if node.is_last { "   " } else { "│  " });
            self.node = if node.is_last { "└─ " } else { "├─ " };
        }
    }

    fn span(
        &self,
        f: &mut fmt::Formatter<'_>,
        span: &SpanData,
        service: Option<&Cow<'_, str>>,
        node: &Node,
    ) -> fmt::Result {
        let offset = Amount::between(self.start, span.start_time);
        let took = Amount::between(span.start_time, span.end_time);
        write!(f, "{offset:>+10}  {took:>9}  ")?;
        let guides = self.guides.split_last().map_or(&[][..], |(_, above)| above);
        guides.iter().try_for_each(|guide| f.write_str(guide))?;
        f.write_str(self.node)?;
        if let Some(service) = service {
            write!(f, "{}: ", Plain(service))?;
        }
        write!(f, "{}", Plain(&span.name))?;
        match span.span_kind {
            SpanKind::Client => f.write_str(" [client]")?,
            SpanKind::Server => f.write_str(" [server]")?,
            SpanKind::Producer => f.write_str(" [producer]")?,
            SpanKind::Consumer => f.write_str(" [consumer]")?,
            SpanKind::Internal => {}
        }
        match &span.status {
            Status::Unset => {}
            Status::Ok => f.write_str(" OK")?,
            Status::Error { description } if description.is_empty() => f.write_str(" ERROR")?,
            Status::Error { description } => write!(f, " ERROR {}", Quoted(description))?,
        }
        match node.oddity {
            None => {}
            Some(Oddity::ParentIsRemote) => write!(f, " (remote parent {})", span.parent_span_id)?,
            Some(Oddity::ParentIsMissing) => write!(f, " (parent {} is not here)", span.parent_span_id)?,
            Some(Oddity::InCircle) => f.write_str(" (its own ancestor)")?,
            Some(Oddity::SameIdAgain) => write!(f, " (id {} again)", span.span_context.span_id())?,
        }
        if node.depth > Self::DEEPEST {
            write!(f, " (level {})", node.depth)?;
        }
        f.write_str("\n")
    }

    fn details(&self, f: &mut fmt::Formatter<'_>, span: &SpanData, trace_state: Option<&str>) -> fmt::Result {
        let own = || span.span_context.trace_state().header().into();
        let trace_state: Cow<'_, str> = trace_state.map_or_else(own, Cow::Borrowed);
        if !trace_state.is_empty() {
            self.line(f, None, format_args!("tracestate: {}", Plain(&trace_state)))?;
        }
        self.attributes(f, "", &span.attributes, span.dropped_attributes_count)?;
        span.events.iter().try_for_each(|event| self.event(f, event))?;
        self.dropped(f, "", span.events.dropped_count, "event")?;
        span.links.iter().try_for_each(|link| self.link(f, link, span.span_context.trace_id()))?;
        self.dropped(f, "", span.links.dropped_count, "link")
    }

    fn event(&self, f: &mut fmt::Formatter<'_>, event: &Event) -> fmt::Result {
        let offset = Amount::between(self.start, event.timestamp);
        self.line(f, Some(offset), format_args!("* {}", Plain(&event.name)))?;
        self.attributes(f, "    ", &event.attributes, event.dropped_attributes_count)
    }

    fn link(&self, f: &mut fmt::Formatter<'_>, link: &Link, here: TraceId) -> fmt::Result {
        let (trace, span) = (link.span_context.trace_id(), link.span_context.span_id());
        if trace == here {
            self.line(f, None, format_args!("link to span {span} of this trace"))?;
        } else {
            self.line(f, None, format_args!("link to span {span} of trace {trace}"))?;
        }
        self.attributes(f, "    ", &link.attributes, link.dropped_attributes_count)
    }

    fn attributes(
        &self,
        f: &mut fmt::Formatter<'_>,
        indent: &str,
        attributes: &[KeyValue],
        dropped: u32,
    ) -> fmt::Result {
        for KeyValue { key, value, .. } in attributes {
            let key = Plain(key.as_str());
            match value {
                // Stack traces and SQL are for reading.
                Value::String(text) if text.as_str().contains('\n') => {
                    self.line(f, None, format_args!("{indent}{key} ="))?;
                    for line in text.as_str().lines() {
                        let line = line.replace('\t', "    ");
                        self.line(f, None, format_args!("{indent}  | {}", Plain(&line)))?;
                    }
                }
                value => self.line(f, None, format_args!("{indent}{key} = {}", OneLine(value)))?,
            }
        }
        self.dropped(f, indent, dropped, "attribute")
    }

    fn dropped(&self, f: &mut fmt::Formatter<'_>, indent: &str, count: u32, of: &'static str) -> fmt::Result {
        match usize::try_from(count) {
            Ok(0) => Ok(()),
            count => self.line(
                f,
                None,
                format_args!("{indent}({} dropped)", Counted(count.unwrap_or(usize::MAX), of)),
            ),
        }
    }

    /// A line below the span's own.
    fn line(&self, f: &mut fmt::Formatter<'_>, at: Option<Amount>, text: fmt::Arguments<'_>) -> fmt::Result {
        match at {
            Some(at) => write!(f, "{at:>+10}{:13}", "")?,
            None => write!(f, "{:23}", "")?,
        }
        self.guides.iter().try_for_each(|guide| f.write_str(guide))?;
        writeln!(f, "{}{text}", self.below)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceState};
    use opentelemetry::{Array, InstrumentationScope};
    use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};

    use super::*;

    /// 2023-11-14T22:13:20Z, and some microseconds.
    fn at(micros: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_700_000_000) + Duration::from_micros(micros)
    }

    /// A span of the first trace.
    fn span(id: u64, parent: u64, name: &'static str, start: u64, end: u64) -> SpanData {
        SpanData {
            span_context: context(1, id, TraceState::NONE),
            parent_span_id: SpanId::from(parent),
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: name.into(),
            start_time: at(start),
            end_time: at(end),
            attributes: Vec::new(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::default(),
        }
    }

    fn context(trace: u128, id: u64, state: TraceState) -> SpanContext {
        SpanContext::new(TraceId::from(trace), SpanId::from(id), TraceFlags::SAMPLED, false, state)
    }

    fn service(name: &'static str) -> Resource {
        Resource::builder_empty().with_service_name(name).build()
    }

    fn text(batch: &[(&Resource, &[SpanData])]) -> String {
        let mut bytes = Vec::new();
        readable(batch.iter().map(|(resource, spans)| (*resource, None, *spans)), &mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[track_caller]
    fn check(spans: &[SpanData], expected: &str) {
        let text = text(&[(&service("shop"), spans)]);
        let expected = expected.trim_start_matches('\n');
        assert_eq!(text, expected, "\n{text}");
    }

    #[test]
    fn a_trace_is_a_tree_in_the_order_of_time() {
        let mut cart = span(1, 9, "GET /cart", 0, 12_345);
        cart.parent_span_is_remote = true;
        cart.span_kind = SpanKind::Server;
        cart.status = Status::error("no such cart");
        cart.attributes =
            vec![KeyValue::new("http.route", "/cart"), KeyValue::new("http.response.status_code", 500)];
        let mut sql = span(2, 1, "SELECT cart", 1_200, 4_600);
        sql.span_kind = SpanKind::Client;
        sql.attributes = vec![KeyValue::new("db.system.name", "sqlite")];
        let mut exception = Event::new("exception", at(4_500), Vec::new(), 0);
        exception.attributes = vec![KeyValue::new("exception.type", "CartError")];
        cart.events.events = vec![exception];
        let render = span(3, 1, "render", 5_000, 12_000);
        let mut call = span(4, 3, "GET", 6_000, 9_000);
        call.span_kind = SpanKind::Client;
        let mut stock = span(5, 4, "GET /stock/{id}", 6_500, 8_500);
        stock.span_kind = SpanKind::Server;
        stock.status = Status::Ok;
        // Children before their parents, as they end.
        let of_shop = [sql, call, render, cart];
        let text = text(&[(&service("inventory"), &[stock]), (&service("shop"), &of_shop)]);
        let expected = r#"
trace 00000000000000000000000000000001, 5 spans, 1 error, 12.3 ms, from 2023-11-14T22:13:20.000000000Z
     +0 ns    12.3 ms  shop: GET /cart [server] ERROR "no such cart" (remote parent 0000000000000009)
                       │ http.route = "/cart"
                       │ http.response.status_code = 500
  +4.50 ms             │ * exception
                       │     exception.type = "CartError"
  +1.20 ms    3.40 ms  ├─ SELECT cart [client]
                       │    db.system.name = "sqlite"
  +5.00 ms    7.00 ms  └─ render
  +6.00 ms    3.00 ms     └─ GET [client]
  +6.50 ms    2.00 ms        └─ inventory: GET /stock/{id} [server] OK

"#;
        assert_eq!(text, expected.trim_start_matches('\n'), "\n{text}");
    }

    #[test]
    fn traces_come_in_the_order_of_their_start() {
        let mut other = span(7, 0, "first", 0, 1);
        other.span_context = context(2, 7, TraceState::NONE);
        check(
            &[span(1, 0, "second", 10, 11), other],
            r#"
trace 00000000000000000000000000000002, 1 span, 1.00 µs, from 2023-11-14T22:13:20.000000000Z
     +0 ns    1.00 µs  shop: first

trace 00000000000000000000000000000001, 1 span, 1.00 µs, from 2023-11-14T22:13:20.000010000Z
     +0 ns    1.00 µs  shop: second

"#,
        );
    }

    #[test]
    fn nothing_a_span_has_is_passed_over() {
        let mut all = span(1, 0, "work", 0, 5);
        all.span_context = context(1, 1, "vendor=1".parse().unwrap());
        all.span_kind = SpanKind::Producer;
        all.attributes = vec![
            KeyValue::new("list", Value::Array(Array::String(vec!["a".into(), "b".into()]))),
            KeyValue::new("ratio", 1.0),
        ];
        all.dropped_attributes_count = 2;
        all.events.events = vec![Event::new("early", at(0) - Duration::from_micros(2), Vec::new(), 1)];
        all.events.dropped_count = 1;
        all.links.links = vec![
            Link::new(context(1, 8, TraceState::NONE), vec![KeyValue::new("why", "batch")], 3),
            Link::new(context(9, 8, TraceState::NONE), Vec::new(), 0),
        ];
        all.links.dropped_count = 4;
        all.status = Status::error("");
        check(
            &[all],
            r#"
trace 00000000000000000000000000000001, 1 span, 1 error, 5.00 µs, from 2023-11-14T22:13:20.000000000Z
     +0 ns    5.00 µs  shop: work [producer] ERROR
                         tracestate: vendor=1
                         list = ["a", "b"]
                         ratio = 1.0
                         (2 attributes dropped)
  -2.00 µs               * early
                             (1 attribute dropped)
                         (1 event dropped)
                         link to span 0000000000000008 of this trace
                             why = "batch"
                             (3 attributes dropped)
                         link to span 0000000000000008 of trace 00000000000000000000000000000009
                         (4 links dropped)

"#,
        );
    }

    #[test]
    fn what_is_odd_is_told() {
        check(
            &[
                span(1, 9, "orphan", 0, 5),
                span(1, 9, "twin", 1, 5),
                span(2, 1, "child", 2, 1),
                span(3, 4, "hen", 3, 5),
                span(4, 3, "egg", 4, 5),
                span(5, 5, "self", 5, 5),
            ],
            r#"
trace 00000000000000000000000000000001, 6 spans, 5.00 µs, from 2023-11-14T22:13:20.000000000Z
     +0 ns    5.00 µs  shop: orphan (parent 0000000000000009 is not here)
  +2.00 µs   -1.00 µs  └─ child
  +1.00 µs    4.00 µs  shop: twin (parent 0000000000000009 is not here)
  +3.00 µs    2.00 µs  shop: hen (its own ancestor)
  +4.00 µs    1.00 µs  └─ egg
  +5.00 µs       0 ns  shop: self (its own ancestor)

"#,
        );
        check(
            &[span(1, 0, "root", 0, 5), span(2, 1, "twin", 1, 5), span(2, 1, "twin", 2, 5)],
            r#"
trace 00000000000000000000000000000001, 3 spans, 5.00 µs, from 2023-11-14T22:13:20.000000000Z
     +0 ns    5.00 µs  shop: root
  +1.00 µs    4.00 µs  ├─ twin
  +2.00 µs    3.00 µs  └─ twin (id 0000000000000002 again)

"#,
        );
    }

    #[test]
    fn a_text_cannot_forge_lines_or_move_the_cursor() {
        let mut evil = span(1, 0, "a\n     +0 ns    5.00 µs  shop: forged\u{1b}[2J", 0, 5);
        evil.status = Status::error("\r\u{202e}x");
        evil.attributes = vec![
            KeyValue::new("key\u{9b}", "\u{7}"),
            KeyValue::new("exception.stacktrace", "at a\n\tat b\u{1b}[1A\r\nlast \"one\"\n"),
        ];
        evil.events.events = vec![Event::new("e\u{8}", at(1), Vec::new(), 0)];
        let text = text(&[(&service("sh\u{85}op"), &[evil])]);
        let expected = r#"
trace 00000000000000000000000000000001, 1 span, 1 error, 5.00 µs, from 2023-11-14T22:13:20.000000000Z
     +0 ns    5.00 µs  sh\u{85}op: a\n     +0 ns    5.00 µs  shop: forged\u{1b}[2J ERROR "\r\u{202e}x"
                         key\u{9b} = "\u{7}"
                         exception.stacktrace =
                           | at a
                           |     at b\u{1b}[1A
                           | last "one"
  +1.00 µs               * e\u{8}

"#;
        assert_eq!(text, expected.trim_start_matches('\n'), "\n{text}");
    }

    /// Deep enough to overflow the stack by recursion, and to fill memory by indentation.
    #[test]
    fn depth_costs_neither_stack_nor_width() {
        let spans: Vec<_> = (1..=50_000).map(|id| span(id, id - 1, "deeper", id, id)).collect();
        let text = text(&[(&service("shop"), &spans)]);
        assert_eq!(text.lines().count(), 50_002);
        assert!(text.lines().all(|line| line.chars().count() < 150));
        assert!(text.contains("deeper (level 49999)\n"));
    }

    #[test]
    fn the_example_in_the_documentation_is_what_is_written() {
        let trace = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c;
        let mut cart = span(1, 0, "GET /cart", 0, 12_345);
        cart.span_context = context(trace, 1, TraceState::NONE);
        cart.span_kind = SpanKind::Server;
        cart.attributes = vec![KeyValue::new("http.route", "/cart")];
        let mut sql = span(2, 1, "SELECT cart", 1_200, 4_600);
        sql.span_context = context(trace, 2, TraceState::NONE);
        sql.span_kind = SpanKind::Client;
        sql.status = Status::error("no such table");
        sql.attributes = vec![KeyValue::new("db.system.name", "sqlite")];
        let exception = vec![KeyValue::new("exception.type", "SqliteError")];
        sql.events.events = vec![Event::new("exception", at(4_500), exception, 0)];
        let text = text(&[(&service("shop"), &[cart, sql])]);
        let documented: String = text.trim_end().lines().map(|line| format!("    /// {line}\n")).collect();
        assert!(include_str!("../transport/console.rs").contains(&documented), "{documented}");
    }

    #[test]
    fn no_spans_are_no_text() {
        assert_eq!(text(&[(&service("shop"), &[])]), "");
    }
}
