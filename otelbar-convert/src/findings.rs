//! What is wrong with a request.
//!
//! Each rule is a pure function over the converted spans, which come parents first.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use opentelemetry::Value;
use opentelemetry::trace::SpanId;

use crate::converter::{ConvertedSpan, Panel};
use crate::semconv;

/// From where on something is a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Thresholds {
    /// How often the same statement must run under one parent to be an N+1; 5 unless set.
    pub n_plus_one: usize,
    /// How long a query may take; 100 ms unless set.
    pub slow_query: Duration,
    /// How long anything else may take; 1 s unless set.
    pub slow_span: Duration,
}

impl Default for Thresholds {
    fn default() -> Self {
        Thresholds {
            n_plus_one: 5,
            slow_query: Duration::from_millis(100),
            slow_span: Duration::from_secs(1),
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
    /// What happened and what to do about it.
    pub detail: String,
    /// The spans concerned, in the order of the trace.
    pub span_ids: Vec<SpanId>,
}

/// Which rule found a [`Finding`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FindingKind {
    /// The same statement or call, once for each of many things.
    NPlusOne,
    /// A query over the threshold.
    SlowQuery,
    /// Something else over its threshold.
    SlowSpan,
}

impl FindingKind {
    /// The rule's name, such as `n_plus_one`.
    pub fn as_str(self) -> &'static str {
        match self {
            FindingKind::NPlusOne => "n_plus_one",
            FindingKind::SlowQuery => "slow_query",
            FindingKind::SlowSpan => "slow_span",
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

/// All rules, the worst findings first.
pub fn all(spans: &[ConvertedSpan], thresholds: &Thresholds) -> Vec<Finding> {
    let mut findings = n_plus_one(spans, thresholds.n_plus_one);
    findings.extend(slow_queries(spans, thresholds.slow_query));
    findings.extend(slow_spans(spans, thresholds));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

/// The same statement, cache lookup or call at least `times` times under the same parent.
///
/// Statements are compared by their sanitised text, calls by method, host and path.
pub fn n_plus_one(spans: &[ConvertedSpan], times: usize) -> Vec<Finding> {
    let mut groups: HashMap<(SpanId, Panel, &str), Vec<usize>> = HashMap::new();
    for (i, span) in spans.iter().enumerate() {
        if let Some(what) = repeated(span) {
            groups.entry((span.data.parent_span_id, span.panel, what)).or_default().push(i);
        }
    }
    let mut groups: Vec<Vec<usize>> =
        groups.into_values().filter(|group| group.len() >= times.max(2)).collect();
    groups.sort_by_key(|group| group[0]);
    let describe = |group: Vec<usize>| {
        let first = &spans[group[0]];
        let count = group.len();
        let total: Duration = group.iter().map(|i| spans[*i].duration()).sum();
        let (what, remedy) = match first.panel {
            Panel::Sql => ("query", "Fetch them with one statement: a JOIN, or WHERE … IN (…)."),
            Panel::Cache => ("cache operation", "Fetch them with one operation on many keys."),
            _ => ("call", "Ask for them with one call, or make the calls at the same time."),
        };
        Finding {
            kind: FindingKind::NPlusOne,
            severity: if count >= times.saturating_mul(10) { Severity::Critical } else { Severity::Warning },
            title: format!("{count} × {} under one parent", first.data.name),
            detail: format!(
                "The same {what} ran {count} times one by one and took {} ms in all. {remedy}",
                milliseconds(total)
            ),
            span_ids: group.iter().map(|i| spans[*i].data.span_context.span_id()).collect(),
        }
    };
    groups.into_iter().map(describe).collect()
}

/// Queries that took at least `threshold`.
pub fn slow_queries(spans: &[ConvertedSpan], threshold: Duration) -> Vec<Finding> {
    let slow = spans.iter().filter(|span| span.panel == Panel::Sql && span.duration() >= threshold);
    slow.map(|span| Finding {
        kind: FindingKind::SlowQuery,
        severity: Severity::Warning,
        title: format!("{} took {} ms", span.data.name, milliseconds(span.duration())),
        detail: format!(
            "Queries of {} ms and more are called slow. Look at the plan of this statement (EXPLAIN), for a missing \
             index or more rows than the page needs.",
            milliseconds(threshold)
        ),
        span_ids: vec![span.data.span_context.span_id()],
    })
    .collect()
}

/// Spans other than queries that took at least their threshold, and have no child that explains it.
pub fn slow_spans(spans: &[ConvertedSpan], thresholds: &Thresholds) -> Vec<Finding> {
    let is_slow = |span: &ConvertedSpan| match span.panel {
        Panel::Sql => span.duration() >= thresholds.slow_query.max(thresholds.slow_span / 2),
        _ => span.duration() >= thresholds.slow_span,
    };
    let explained: HashSet<SpanId> =
        spans.iter().filter(|span| is_slow(span)).map(|span| span.data.parent_span_id).collect();
    let slow = spans.iter().filter(|span| {
        span.panel != Panel::Sql && is_slow(span) && !explained.contains(&span.data.span_context.span_id())
    });
    slow.map(|span| Finding {
        kind: FindingKind::SlowSpan,
        severity: Severity::Warning,
        title: format!("{} took {} ms", span.data.name, milliseconds(span.duration())),
        detail: match span.busy {
            Some(busy) => format!(
                "It was busy for {} ms of that and waited for the rest, and none of its children took as long.",
                milliseconds(busy)
            ),
            None => "None of its children took as long: add spans to what it does, to see where the time goes.".into(),
        },
        span_ids: vec![span.data.span_context.span_id()],
    })
    .collect()
}

/// What makes two spans repetitions of each other.
fn repeated(span: &ConvertedSpan) -> Option<&str> {
    let text = |key| match span.attribute(key) {
        Some(Value::String(text)) => Some(text.as_str()),
        _ => None,
    };
    match span.panel {
        Panel::Sql => text(semconv::DB_QUERY_TEXT),
        Panel::Cache => text(semconv::DB_OPERATION_NAME),
        Panel::Http => text(semconv::URL_FULL).map(call_shape),
        _ => None,
    }
}

/// Host and path up to the first segment that looks like an id.
fn call_shape(url: &str) -> &str {
    let url = url.split('?').next().unwrap_or_default();
    let path_at = url.find("://").and_then(|at| url[at + 3..].find('/').map(|slash| at + 3 + slash));
    let Some(path_at) = path_at else { return url };
    let is_id = |segment: &str| segment.bytes().any(|b| b.is_ascii_digit());
    let mut end = path_at;
    for segment in url[path_at..].split_inclusive('/') {
        if is_id(segment) {
            return &url[..end];
        }
        end += segment.len();
    }
    url
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f64() * 1e3)
}
