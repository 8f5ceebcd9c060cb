//! What is wrong with a request.
//!
//! Each rule is a pure function over the [`Tree`] of converted spans, and gives the same findings for the same spans.
//! They know the stable names of attributes.
//!
//! | rule | finds | unless set |
//! |---|---|---|
//! | [`n_plus_one`] | the same statement, call or cache operation again and again under one parent | 5 times |
//! | [`duplicates`] | the very same asked for again, and nothing written in between | 2 times |
//! | [`slow_queries`] | a query that takes long | 100 ms |
//! | [`slow_spans`] | anything else that takes long, with no child to explain it | 1 s |
//! | [`many_queries`] | many queries in all | 50 |
//! | [`errors()`] | what failed, told once where it began, and what was logged as an error | |
//! | [`long_waits`] | a long time between two children of one parent in which nothing is known to happen | 250 ms |
//! | [`serial_calls`] | HTTP calls made one after the other that could run together | 3 calls, 200 ms to be saved |
//!
//! A rule that looks at when things happened does not look at times that were worked out. What goes on after the
//! request has ended, as background tasks do, takes none of its time, and is slow by what lies before the end.
//!
//! [`all`] tells no more than [`MAX_OF_A_KIND`] of one kind, the worst of them, and a finding names no more than
//! [`MAX_SPANS`] of its spans; how many more there are is told.

mod errors;
mod repeats;
mod slow;
mod waits;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use opentelemetry::Value;
use opentelemetry::trace::SpanId;

use crate::converted::ConvertedSpan;
use crate::semconv;
use crate::tree::Tree;

pub use errors::{count_failures, errors};
pub use repeats::{duplicates, many_queries, n_plus_one};
pub use slow::{slow_queries, slow_spans};
pub use waits::{long_waits, serial_calls};

/// How many findings of one kind [`all`] tells.
pub const MAX_OF_A_KIND: usize = 20;

/// How many spans a finding names.
pub const MAX_SPANS: usize = 100;

/// From where on something is a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Thresholds {
    /// How often the same statement must run under one parent to be an N+1; 5 unless set.
    pub n_plus_one: usize,
    /// How often the very same must be asked for to be a duplicate; 2 unless set.
    pub duplicates: usize,
    /// How long a query may take; 100 ms unless set.
    pub slow_query: Duration,
    /// How long anything else may take; 1 s unless set.
    pub slow_span: Duration,
    /// How many queries a request may run; 50 unless set.
    pub many_queries: usize,
    /// How long nothing may be known to happen between two children; 250 ms unless set.
    pub long_wait: Duration,
    /// How many calls must follow each other to be told that they could run together; 3 unless set.
    pub serial_calls: usize,
    /// How much time running them together must save; 200 ms unless set.
    pub serial_saving: Duration,
}

impl Default for Thresholds {
    fn default() -> Self {
        Thresholds {
            n_plus_one: 5,
            duplicates: 2,
            slow_query: Duration::from_millis(100),
            slow_span: Duration::from_secs(1),
            many_queries: 50,
            long_wait: Duration::from_millis(250),
            serial_calls: 3,
            serial_saving: Duration::from_millis(200),
        }
    }
}

impl Thresholds {
    /// Sets how often the same statement must run under one parent; less than two is taken as two.
    #[must_use]
    pub fn with_n_plus_one(mut self, times: usize) -> Self {
        self.n_plus_one = times.max(2);
        self
    }

    /// Sets how often the very same must be asked for; less than two is taken as two.
    #[must_use]
    pub fn with_duplicates(mut self, times: usize) -> Self {
        self.duplicates = times.max(2);
        self
    }

    /// Sets how long a query may take.
    #[must_use]
    pub fn with_slow_query(mut self, duration: Duration) -> Self {
        self.slow_query = duration;
        self
    }

    /// Sets how long anything but a query may take.
    #[must_use]
    pub fn with_slow_span(mut self, duration: Duration) -> Self {
        self.slow_span = duration;
        self
    }

    /// Sets how many queries a request may run.
    #[must_use]
    pub fn with_many_queries(mut self, count: usize) -> Self {
        self.many_queries = count;
        self
    }

    /// Sets how long nothing may be known to happen between two children.
    #[must_use]
    pub fn with_long_wait(mut self, duration: Duration) -> Self {
        self.long_wait = duration;
        self
    }

    /// Sets how many calls must follow each other, and how much time running them together must save; less than two
    /// calls are taken as two.
    #[must_use]
    pub fn with_serial_calls(mut self, calls: usize, saving: Duration) -> Self {
        self.serial_calls = calls.max(2);
        self.serial_saving = saving;
        self
    }
}

/// Something wrong, with the spans that show it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Which rule found it.
    pub kind: FindingKind,
    /// How bad it is.
    pub severity: Severity,
    /// What it is, in a few words.
    pub title: String,
    /// What happened and what to do about it: [`sentence`](Self::sentence) and [`remedy`](Self::remedy).
    pub detail: String,
    /// The spans concerned, in the order of the trace, at most [`MAX_SPANS`].
    pub span_ids: Vec<SpanId>,
    /// How many more are concerned.
    pub spans_left_out: usize,
    /// Where in the code all of them come from, where that is known and one place.
    pub location: Option<Location>,
    /// Where the remedy begins in the detail.
    remedy_at: usize,
    /// What it costs, among findings of its kind.
    cost: Duration,
}

impl Finding {
    fn new(kind: FindingKind, severity: Severity, title: String, sentence: &str, remedy: &str) -> Self {
        let detail = format!("{sentence} {remedy}");
        let remedy_at = sentence.len() + 1;
        Finding {
            kind,
            severity,
            title,
            detail,
            span_ids: Vec::new(),
            spans_left_out: 0,
            location: None,
            remedy_at,
            cost: Duration::ZERO,
        }
    }

    /// Adds the spans concerned, whose time is what it costs unless that is set.
    fn with_spans<'a>(mut self, spans: impl IntoIterator<Item = &'a ConvertedSpan>) -> Self {
        for span in spans {
            self.cost = self.cost.saturating_add(span.duration());
            if self.span_ids.len() < MAX_SPANS {
                self.span_ids.push(span.data.span_context.span_id());
            } else {
                self.spans_left_out += 1;
            }
        }
        self
    }

    fn with_cost(mut self, cost: Duration) -> Self {
        self.cost = cost;
        self
    }

    fn at(mut self, location: Option<Location>) -> Self {
        self.location = location;
        self
    }

    /// What happened.
    pub fn sentence(&self) -> &str {
        self.detail.get(..self.remedy_at).unwrap_or(&self.detail).trim_end()
    }

    /// What to do about it.
    pub fn remedy(&self) -> &str {
        self.detail.get(self.remedy_at..).unwrap_or_default()
    }
}

/// A place in the code that findings come from: `src/shop.rs:87 (author_row)`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Location {
    /// Path of the file.
    pub file: String,
    /// Line in the file, from 1.
    pub line: i64,
    /// The function.
    pub function: Option<String>,
}

impl Location {
    /// Where a span comes from: its own place in the application's code, or that of the nearest span around it that has
    /// one.
    fn of(tree: &Tree<'_>, span: usize) -> Option<Self> {
        Location::of_span(tree.spans().get(tree.placed(span)?)?)
    }

    fn of_span(span: &ConvertedSpan) -> Option<Self> {
        let (file, line) = place(span)?;
        let function = text(span, semconv::CODE_FUNCTION_NAME).map(str::to_owned);
        Some(Location { file: file.to_owned(), line, function })
    }

    /// Where all of them come from.
    fn of_all(tree: &Tree<'_>, spans: &[usize]) -> Option<Self> {
        let placed = tree.placed(*spans.first()?)?;
        let first = Location::of_span(tree.spans().get(placed)?)?;
        let is_first = |span: &usize| {
            let other = tree.placed(*span);
            other == Some(placed)
                || other.and_then(|other| Location::of_span(tree.spans().get(other)?)).as_ref()
                    == Some(&first)
        };
        spans.iter().all(is_first).then_some(first)
    }
}

/// A span's own place, if that lies in the application: file and line.
pub(crate) fn place(span: &ConvertedSpan) -> Option<(&str, i64)> {
    let Some(Value::I64(line)) = span.attribute(semconv::CODE_LINE_NUMBER) else { return None };
    let file = text(span, semconv::CODE_FILE_PATH).filter(|file| !is_dependency(file))?;
    Some((file, *line))
}

/// Whether a file belongs to a dependency or to the language: where package managers and toolchains keep theirs.
pub(crate) fn is_dependency(file: &str) -> bool {
    const RUST: [&str; 4] =
        ["cargo/registry/", "/registry/src/index.crates.io-", "cargo/git/checkouts/", "/lib/rustlib/src/"];
    const PYTHON: [&str; 3] = ["/site-packages/", "/dist-packages/", "/lib/python3"];
    let file = match file.contains('\\') {
        true => Cow::Owned(file.replace('\\', "/")),
        false => Cow::Borrowed(file),
    };
    file.starts_with("/rustc/") || RUST.iter().chain(&PYTHON).any(|folder| file.contains(folder))
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        match &self.function {
            Some(function) => write!(f, " ({function})"),
            None => Ok(()),
        }
    }
}

/// Which rule found a [`Finding`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FindingKind {
    /// The same statement or call, once for each of many things.
    NPlusOne,
    /// The very same asked for again.
    Duplicate,
    /// A query over the threshold.
    SlowQuery,
    /// Something else over its threshold.
    SlowSpan,
    /// Many queries in all.
    ManyQueries,
    /// Something that failed.
    Error,
    /// A long time between two children in which nothing is known to happen.
    LongWait,
    /// Calls made one after the other that could run together.
    SerialCalls,
}

impl FindingKind {
    /// The rule's name, such as `n_plus_one`.
    pub fn as_str(self) -> &'static str {
        match self {
            FindingKind::NPlusOne => "n_plus_one",
            FindingKind::Duplicate => "duplicate",
            FindingKind::SlowQuery => "slow_query",
            FindingKind::SlowSpan => "slow_span",
            FindingKind::ManyQueries => "many_queries",
            FindingKind::Error => "error",
            FindingKind::LongWait => "long_wait",
            FindingKind::SerialCalls => "serial_calls",
        }
    }
}

/// How bad a [`Finding`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Worth mending.
    Warning,
    /// Mend this first.
    Critical,
}

impl Severity {
    /// The severity in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }
}

/// What is wrong with a request, as far as that is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Findings {
    /// The worst first.
    pub findings: Vec<Finding>,
    /// How many more there are of a kind, where there are more than [`MAX_OF_A_KIND`].
    pub left_out: Vec<(FindingKind, usize)>,
}

/// All rules, the worst findings first: by their severity, and of one kind by the time they cost.
pub fn all(spans: &[ConvertedSpan], thresholds: &Thresholds) -> Findings {
    let tree = Tree::of(spans);
    let rules =
        [errors, n_plus_one, slow_queries, slow_spans, many_queries, duplicates, long_waits, serial_calls];
    let mut all = Findings::default();
    for rule in rules {
        let mut found = rule(&tree, thresholds);
        found.sort_by_key(|finding| std::cmp::Reverse((finding.severity, finding.cost)));
        let over = found.len().saturating_sub(MAX_OF_A_KIND);
        if let Some(kind) = found.first().map(|finding| finding.kind).filter(|_| over > 0) {
            all.left_out.push((kind, over));
        }
        all.findings.extend(found.into_iter().take(MAX_OF_A_KIND));
    }
    all.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    all
}

/// The text of an attribute.
fn text<'s>(span: &'s ConvertedSpan, key: &str) -> Option<&'s str> {
    match span.attribute(key) {
        Some(Value::String(text)) => Some(text.as_str()),
        _ => None,
    }
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}
