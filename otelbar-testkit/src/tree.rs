//! Spans as a readable tree.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{SpanId, SpanKind, Status};
use opentelemetry_proto::tonic::trace::v1::SpanFlags;
use opentelemetry_sdk::trace::SpanData;

use crate::{ReceivedSpan, ReceivedZipkinSpan};

/// Spans as an indented tree, for assertions on whole traces.
///
/// Each span is a line: name, kind, attributes sorted by key, status when it is set; its events follow after `*`,
/// then its children, indented, in the order of their start. Ids and times are left out, so the text is the same
/// on each run.
///
/// ```text
/// GET /cart [server] {http.route=/cart} error "no such cart"
///   * exception {exception.type=CartError}
///   SELECT cart [client] {db.system.name=sqlite}
/// ```
///
/// What is odd is shown, not hidden: a root whose parent is in another process is marked `remote parent`, a span
/// whose parent should be here and is not `parent missing`, one that comes twice `same id again`, spans that are
/// each other's parents `in a circle`. More than one trace is shown under `trace 1`, `trace 2`, …
///
/// ```
/// use otelbar_testkit::SpanTree;
///
/// # let spans: Vec<opentelemetry_sdk::trace::SpanData> = Vec::new();
/// let tree = SpanTree::of(&spans).with_attributes(["http.route", "db.system.name"]).without_events();
/// assert_eq!(tree.to_string(), "");
/// ```
#[derive(Clone)]
pub struct SpanTree {
    spans: Vec<TreeSpan>,
    attributes: Option<HashSet<String>>,
    events: bool,
    service: bool,
}

impl SpanTree {
    /// The tree of these spans, in any order: `&[SpanData]`, `&[ReceivedSpan]`,
    /// `&[ReceivedZipkinSpan]`, or vectors of them. Of a Zipkin span the tags are shown as attributes and the
    /// annotations as events; it has no status but its tags.
    pub fn of<'a, T: 'a>(spans: impl IntoIterator<Item = &'a T>) -> Self
    where
        TreeSpan: From<&'a T>,
    {
        let spans = spans.into_iter().map(TreeSpan::from).collect();
        Self { spans, attributes: None, events: true, service: false }
    }

    /// Shows these attributes alone; by default all are shown.
    pub fn with_attributes<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.attributes = Some(keys.into_iter().map(Into::into).collect());
        self
    }

    /// Shows no attributes.
    pub fn without_attributes(self) -> Self {
        self.with_attributes::<String>([])
    }

    /// Shows no events.
    pub fn without_events(mut self) -> Self {
        self.events = false;
        self
    }

    /// Shows the service's name before each span's, where it is known: `shop: GET /cart [server]`.
    pub fn with_services(mut self) -> Self {
        self.service = true;
        self
    }

    fn write_trace(&self, f: &mut fmt::Formatter<'_>, spans: &[&TreeSpan], depth: usize) -> fmt::Result {
        let ids: HashSet<u64> = spans.iter().map(|span| span.id).collect();
        let mut children: HashMap<u64, Vec<usize>> = HashMap::new();
        let mut roots = Vec::new();
        for (index, span) in spans.iter().enumerate() {
            match span.parent {
                Some(parent) if ids.contains(&parent) => children.entry(parent).or_default().push(index),
                _ => roots.push(index),
            }
        }
        let mut walk =
            Walk { tree: self, spans, children, seen: vec![false; spans.len()], ids_seen: HashSet::new() };
        for root in roots {
            let note = match spans[root] {
                TreeSpan { parent: None, .. } => "",
                TreeSpan { remote_parent: true, .. } => "remote parent",
                _ => "parent missing",
            };
            walk.write(f, root, depth, note)?;
        }
        // No root leads here, so each of these has itself among its ancestors.
        while let Some(index) = walk.seen.iter().position(|seen| !seen) {
            walk.write(f, index, depth, "in a circle")?;
        }
        Ok(())
    }

    fn write_attributes(
        &self,
        f: &mut fmt::Formatter<'_>,
        attributes: &BTreeMap<String, String>,
    ) -> fmt::Result {
        let shown = attributes
            .iter()
            .filter(|(key, _)| self.attributes.as_ref().is_none_or(|set| set.contains(*key)));
        let text = shown.map(|(key, value)| format!("{key}={}", value.escape_debug())).collect::<Vec<_>>();
        if text.is_empty() { Ok(()) } else { write!(f, " {{{}}}", text.join(", ")) }
    }
}

struct Walk<'a> {
    tree: &'a SpanTree,
    spans: &'a [&'a TreeSpan],
    children: HashMap<u64, Vec<usize>>,
    seen: Vec<bool>,
    ids_seen: HashSet<u64>,
}

impl Walk<'_> {
    fn write(&mut self, f: &mut fmt::Formatter<'_>, index: usize, depth: usize, note: &str) -> fmt::Result {
        if std::mem::replace(&mut self.seen[index], true) {
            return Ok(());
        }
        let span = self.spans[index];
        let again = !self.ids_seen.insert(span.id);
        write!(f, "{:1$}", "", depth * 2)?;
        if let Some(service) = span.service.as_ref().filter(|_| self.tree.service) {
            write!(f, "{service}: ")?;
        }
        write!(f, "{} [{}", span.name, kind_text(&span.kind))?;
        for note in [note, if again { "same id again" } else { "" }] {
            if !note.is_empty() {
                write!(f, ", {note}")?;
            }
        }
        f.write_str("]")?;
        self.tree.write_attributes(f, &span.attributes)?;
        match &span.status {
            Status::Unset => {}
            Status::Ok => f.write_str(" ok")?,
            Status::Error { description } if description.is_empty() => f.write_str(" error")?,
            Status::Error { description } => write!(f, " error {description:?}")?,
        }
        f.write_str("\n")?;
        if self.tree.events {
            for (name, attributes) in &span.events {
                write!(f, "{:1$}* {name}", "", depth * 2 + 2)?;
                self.tree.write_attributes(f, attributes)?;
                f.write_str("\n")?;
            }
        }
        // The first span of an id has the children; a repetition would show them a second time.
        if !again {
            for child in self.children.remove(&span.id).unwrap_or_default() {
                self.write(f, child, depth + 1, "")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for SpanTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut traces: Vec<(u128, Vec<&TreeSpan>)> = Vec::new();
        let mut spans: Vec<&TreeSpan> = self.spans.iter().collect();
        spans.sort_by(|a, b| (a.start, &a.name, &a.attributes).cmp(&(b.start, &b.name, &b.attributes)));
        for span in spans {
            match traces.iter_mut().find(|(id, _)| *id == span.trace) {
                Some((_, spans)) => spans.push(span),
                None => traces.push((span.trace, vec![span])),
            }
        }
        if let [(_, spans)] = traces.as_slice() {
            return self.write_trace(f, spans, 0);
        }
        for (number, (_, spans)) in traces.iter().enumerate() {
            writeln!(f, "trace {}", number + 1)?;
            self.write_trace(f, spans, 1)?;
        }
        Ok(())
    }
}

/// Shows the tree itself, so that `unwrap` and `dbg!` are readable.
impl fmt::Debug for SpanTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A span as [`SpanTree`] sees it; made from [`SpanData`], [`ReceivedSpan`] or [`ReceivedZipkinSpan`].
#[derive(Clone, Debug)]
pub struct TreeSpan {
    trace: u128,
    id: u64,
    parent: Option<u64>,
    remote_parent: bool,
    service: Option<String>,
    name: String,
    kind: SpanKind,
    start: SystemTime,
    attributes: BTreeMap<String, String>,
    events: Vec<(String, BTreeMap<String, String>)>,
    status: Status,
}

impl From<&SpanData> for TreeSpan {
    fn from(span: &SpanData) -> Self {
        let attributes_of = |attributes: &[opentelemetry::KeyValue]| {
            attributes.iter().map(|pair| (pair.key.to_string(), pair.value.to_string())).collect()
        };
        Self {
            trace: u128::from_be_bytes(span.span_context.trace_id().to_bytes()),
            id: u64::from_be_bytes(span.span_context.span_id().to_bytes()),
            parent: (span.parent_span_id != SpanId::INVALID)
                .then(|| u64::from_be_bytes(span.parent_span_id.to_bytes())),
            remote_parent: span.parent_span_is_remote,
            service: None,
            name: span.name.to_string(),
            kind: span.span_kind.clone(),
            start: span.start_time,
            attributes: attributes_of(&span.attributes),
            events: span
                .events
                .iter()
                .map(|event| (event.name.to_string(), attributes_of(&event.attributes)))
                .collect(),
            status: span.status.clone(),
        }
    }
}

impl From<&ReceivedSpan> for TreeSpan {
    fn from(received: &ReceivedSpan) -> Self {
        Self {
            trace: number(&received.trace_id()),
            id: number(&received.span_id()) as u64,
            parent: received.parent_span_id().map(|id| number(&id) as u64),
            remote_parent: received.flags() & SpanFlags::ContextIsRemoteMask as u32 != 0,
            service: Some(received.service_name()).filter(|name| !name.is_empty()),
            name: received.name().to_owned(),
            kind: received.kind(),
            start: received.start(),
            attributes: received.attributes(),
            events: received.events().map(|event| (event.name, event.attributes)).collect(),
            status: received.status(),
        }
    }
}

impl From<&ReceivedZipkinSpan> for TreeSpan {
    fn from(span: &ReceivedZipkinSpan) -> Self {
        // The collector lets hexadecimal digits alone through.
        let number = |digits: &str| u64::from_str_radix(digits, 16).unwrap_or_default();
        Self {
            trace: u128::from_str_radix(&span.trace_id, 16).unwrap_or_default(),
            id: number(&span.id),
            parent: span.parent_id.as_deref().map(number),
            remote_parent: false,
            service: Some(span.service_name().to_owned()).filter(|name| !name.is_empty()),
            name: span.name.clone().unwrap_or_default(),
            kind: span.kind.clone().unwrap_or(SpanKind::Internal),
            start: UNIX_EPOCH + Duration::from_micros(span.timestamp.unwrap_or_default()),
            attributes: span.tags.clone(),
            events: span
                .annotations
                .iter()
                .map(|annotation| (annotation.value.clone(), BTreeMap::new()))
                .collect(),
            status: Status::Unset,
        }
    }
}

/// An id as a number; ids of a wrong length stay apart by their low digits.
fn number(digits: &str) -> u128 {
    digits.chars().fold(0, |number, digit| (number << 4) | u128::from(digit.to_digit(16).unwrap_or_default()))
}

fn kind_text(kind: &SpanKind) -> &'static str {
    match kind {
        SpanKind::Client => "client",
        SpanKind::Server => "server",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
        SpanKind::Internal => "internal",
    }
}

/// What has a [`SpanTree`]: spans as recorded or as received, and a tree itself.
pub trait ToTree {
    /// The tree, with all there is to show.
    fn to_tree(&self) -> SpanTree;
}

impl ToTree for SpanTree {
    fn to_tree(&self) -> SpanTree {
        self.clone()
    }
}

impl ToTree for [SpanData] {
    fn to_tree(&self) -> SpanTree {
        SpanTree::of(self)
    }
}

impl ToTree for [ReceivedSpan] {
    fn to_tree(&self) -> SpanTree {
        SpanTree::of(self)
    }
}

impl ToTree for [ReceivedZipkinSpan] {
    fn to_tree(&self) -> SpanTree {
        SpanTree::of(self)
    }
}

impl<T> ToTree for Vec<T>
where
    [T]: ToTree,
{
    fn to_tree(&self) -> SpanTree {
        self.as_slice().to_tree()
    }
}

impl<T: ToTree + ?Sized> ToTree for &T {
    fn to_tree(&self) -> SpanTree {
        (**self).to_tree()
    }
}

/// Asserts that spans form this tree, and shows a line diff when they do not.
///
/// In the expected text the common indentation and blank lines at both ends are ignored.
///
/// ```
/// # let spans: Vec<opentelemetry_sdk::trace::SpanData> = Vec::new();
/// otelbar_testkit::assert_tree(&spans, "");
/// ```
///
/// # Panics
///
/// When they differ.
#[track_caller]
pub fn assert_tree(spans: impl ToTree, expected: &str) {
    let expected = dedent(expected);
    let actual = spans.to_tree().to_string();
    assert!(
        expected == actual,
        "the spans do not form the expected tree (- expected, + actual)\n{}",
        crate::diff::lines(&expected, &actual)
    );
}

/// Takes the common indentation and the blank lines at both ends away.
fn dedent(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let filled = |line: &str| !line.trim().is_empty();
    let indent =
        lines.iter().filter(|line| filled(line)).map(|line| line.len() - line.trim_start().len()).min();
    let first = lines.iter().position(|line| filled(line)).unwrap_or(lines.len());
    let last = lines.iter().rposition(|line| filled(line)).map_or(first, |last| last + 1);
    lines[first..last].iter().fold(String::new(), |mut out, line| {
        out.push_str(line.get(indent.unwrap_or(0)..).unwrap_or("").trim_end());
        out.push('\n');
        out
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use opentelemetry::trace::{Event, SpanContext, TraceFlags, TraceId, TraceState};
    use opentelemetry::{InstrumentationScope, KeyValue};
    use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};

    use super::*;

    fn span(name: &'static str, id: u64, parent: u64) -> SpanData {
        SpanData {
            span_context: SpanContext::new(
                TraceId::from(1),
                SpanId::from(id),
                TraceFlags::SAMPLED,
                false,
                TraceState::NONE,
            ),
            parent_span_id: SpanId::from(parent),
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: name.into(),
            start_time: UNIX_EPOCH + Duration::from_secs(id),
            end_time: UNIX_EPOCH + Duration::from_secs(id + 1),
            attributes: Vec::new(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::builder("test").build(),
        }
    }

    #[test]
    fn children_stand_under_their_parent_in_the_order_of_their_start() {
        let spans = [span("late", 4, 1), span("inner", 3, 2), span("early", 2, 1), span("root", 1, 0)];
        assert_tree(
            spans.as_slice(),
            "
            root [internal]
              early [internal]
                inner [internal]
              late [internal]
            ",
        );
    }

    #[test]
    fn attributes_events_and_status_are_shown_and_can_be_chosen() {
        let mut root = span("GET /", 1, 0);
        root.span_kind = SpanKind::Server;
        root.attributes = vec![KeyValue::new("b", 2), KeyValue::new("a", "one\nline")];
        root.status = Status::error("it broke");
        root.events.events = vec![Event::new("exception", UNIX_EPOCH, vec![KeyValue::new("a", true)], 0)];
        let tree = SpanTree::of(&[root]);
        assert_tree(
            &tree,
            r#"
            GET / [server] {a=one\nline, b=2} error "it broke"
              * exception {a=true}
            "#,
        );
        assert_tree(
            tree.clone().with_attributes(["b"]).without_events(),
            r#"GET / [server] {b=2} error "it broke""#,
        );
    }

    #[test]
    fn what_is_odd_is_shown() {
        #[track_caller]
        fn check(spans: &[SpanData], expected: &str) {
            assert_tree(spans, expected);
        }
        check(&[span("orphan", 1, 9)], "orphan [internal, parent missing]");
        check(
            &[SpanData { parent_span_is_remote: true, ..span("entry", 1, 9) }],
            "entry [internal, remote parent]",
        );
        check(&[span("one", 1, 0), span("two", 2, 0)], "one [internal]\ntwo [internal]");
        check(
            &[span("first", 1, 0), span("second", 1, 0)],
            "first [internal]\nsecond [internal, same id again]",
        );
        check(
            &[span("hen", 1, 2), span("egg", 2, 1)],
            "
            hen [internal, in a circle]
              egg [internal]
            ",
        );
        check(&[span("snake", 1, 1)], "snake [internal, in a circle]");
    }

    #[test]
    fn several_traces_are_numbered_by_their_start() {
        let mut other = span("other", 5, 0);
        other.span_context =
            SpanContext::new(TraceId::from(2), SpanId::from(5), TraceFlags::SAMPLED, false, TraceState::NONE);
        assert_tree(
            vec![other, span("root", 1, 0)],
            "
            trace 1
              root [internal]
            trace 2
              other [internal]
            ",
        );
    }

    #[test]
    #[should_panic(expected = "- root [server]\n+ root [internal]")]
    fn a_difference_is_shown_as_lines() {
        assert_tree(vec![span("root", 1, 0)], "root [server]");
    }
}
