use std::time::{Duration, SystemTime};

use super::finding::{Finding, FindingKind, Severity, milliseconds};
use super::location::Location;
use super::thresholds::Thresholds;
use crate::category::Category;
use crate::span::ConvertedSpan;
use crate::tree::{Tree, bounds};

/// Queries that took at least the threshold.
pub fn slow_queries(tree: &Tree<'_>, thresholds: &Thresholds) -> Vec<Finding> {
    let request = Request::of(tree);
    let describe = |(i, span): (usize, &ConvertedSpan)| {
        if span.category != Category::Sql || request.time_of(span) < thresholds.slow_query {
            return None;
        }
        let finding = Finding::new(
            FindingKind::SlowQuery,
            Severity::Warning,
            format!("{} took {}", span.data.name, milliseconds(span.duration())),
            &format!("Queries of {} and more are called slow.", milliseconds(thresholds.slow_query)),
            "Look at the plan of this statement (EXPLAIN), for a missing index or more rows than the page needs.",
        );
        Some(finding.with_spans([span]).at(Location::of(tree, i)))
    };
    tree.spans().iter().enumerate().filter_map(describe).collect()
}

/// Spans other than queries that took at least their threshold, and have no child that explains it.
///
/// Profiled functions are left out: their times are sums over many calls.
pub fn slow_spans(tree: &Tree<'_>, thresholds: &Thresholds) -> Vec<Finding> {
    let request = Request::of(tree);
    let is_slow = |span: &ConvertedSpan| match span.category {
        Category::Profile => false,
        Category::Sql => request.time_of(span) >= thresholds.slow_query.max(thresholds.slow_span / 2),
        _ => request.time_of(span) >= thresholds.slow_span,
    };
    let spans = tree.spans();
    let is_explained = |i: usize| tree.children(i).iter().filter_map(|child| spans.get(*child)).any(is_slow);
    let describe = |(i, span): (usize, &ConvertedSpan)| {
        if span.category == Category::Sql || !is_slow(span) || is_explained(i) {
            return None;
        }
        let (sentence, remedy) = match span.busy {
            Some(busy) if busy >= span.duration() / 2 => (
                format!(
                    "It was busy for {} of that, and none of its children took as long.",
                    milliseconds(busy)
                ),
                "Profile what it computes, and move it off the request's way if it must take so long.",
            ),
            Some(busy) => (
                format!(
                    "It was busy for {} of that and waited for the rest, and none of its children took as long.",
                    milliseconds(busy)
                ),
                "Add spans around what it waits for, such as locks, channels and files.",
            ),
            None => (
                "None of its children took as long.".to_owned(),
                "Add spans to what it does, to see where the time goes.",
            ),
        };
        let finding = Finding::new(
            FindingKind::SlowSpan,
            if request.time_of(span) >= thresholds.slow_span.saturating_mul(10)
                && thresholds.slow_span > Duration::ZERO
            {
                Severity::Critical
            } else {
                Severity::Warning
            },
            format!("{} took {}", span.display_name(), milliseconds(span.duration())),
            &sentence,
            remedy,
        );
        Some(finding.with_spans([span]).at(Location::of(tree, i)))
    };
    spans.iter().enumerate().filter_map(describe).collect()
}

/// From when to when the request was worked on.
struct Request(Option<(SystemTime, SystemTime)>);

impl Request {
    fn of(tree: &Tree<'_>) -> Self {
        Request(tree.spans().first().filter(|span| span.category == Category::Request).map(bounds))
    }

    /// How much of the request's own time a span took: a task that goes on in the background after it takes none.
    fn time_of(&self, span: &ConvertedSpan) -> Duration {
        let (start, end) = bounds(span);
        match self.0 {
            Some((from, to)) => end.min(to).duration_since(start.max(from)).unwrap_or_default(),
            None => span.duration(),
        }
    }
}
