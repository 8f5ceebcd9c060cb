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
            &format!("The threshold for slow queries is {}.", milliseconds(thresholds.slow_query)),
            "Check its query plan (EXPLAIN) for a missing index, or for more rows than needed.",
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
                format!("It was busy for {} of that; no child span took as long.", milliseconds(busy)),
                "Profile it, and move long computations out of the request.",
            ),
            Some(busy) => (
                format!(
                    "It was busy for {} of that and waited for the rest; no child span took as long.",
                    milliseconds(busy)
                ),
                "Add spans around what it waits for, such as locks, channels and files.",
            ),
            None => {
                ("No child span took as long.".to_owned(), "Add spans inside it to see where the time goes.")
            }
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
