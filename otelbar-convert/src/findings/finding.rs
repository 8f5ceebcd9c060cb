use std::time::Duration;

use opentelemetry::trace::SpanId;

use super::location::Location;
use crate::span::ConvertedSpan;

/// How many spans a finding names.
pub const MAX_SPANS: usize = 100;

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
    pub(super) cost: Duration,
}

impl Finding {
    pub(super) fn new(
        kind: FindingKind,
        severity: Severity,
        title: String,
        sentence: &str,
        remedy: &str,
    ) -> Self {
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
    pub(super) fn with_spans<'a>(mut self, spans: impl IntoIterator<Item = &'a ConvertedSpan>) -> Self {
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

    pub(super) fn with_cost(mut self, cost: Duration) -> Self {
        self.cost = cost;
        self
    }

    pub(super) fn at(mut self, location: Option<Location>) -> Self {
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

/// A duration as titles and sentences give it.
pub(super) fn milliseconds(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}
