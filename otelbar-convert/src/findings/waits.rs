use std::time::{Duration, SystemTime};

use super::finding::{Finding, FindingKind, Severity, milliseconds};
use super::location::Location;
use super::thresholds::Thresholds;
use crate::category::Category;
use crate::semconv;
use crate::span::ConvertedSpan;
use crate::tree::{Tree, bounds};

/// Time between two children of one parent in which nothing is known to happen, of at least the threshold.
///
/// Before the first child and after the last there is none: a request does its own work there. A parent whose busy time
/// is known has no finding where it was busy for more than half of what its children do not cover, for then it worked.
pub fn long_waits(tree: &Tree<'_>, thresholds: &Thresholds) -> Vec<Finding> {
    let spans = tree.spans();
    let mut findings = Vec::new();
    if extent(spans) < thresholds.long_wait {
        return findings;
    }
    let end_of_request =
        spans.first().filter(|span| span.category == Category::Request).map(|span| span.data.end_time);
    for (i, parent) in spans.iter().enumerate() {
        let mut until: Option<(SystemTime, &ConvertedSpan)> = None;
        let mut children: Vec<(usize, &ConvertedSpan)> = measured_children(tree, i).collect();
        if children.len() < 2 {
            continue;
        }
        children.sort_by_key(|(_, child)| bounds(child));
        for (place, child) in children {
            let (start, end) = bounds(child);
            // What begins after the request has ended was waited for by nobody.
            let start = end_of_request.map_or(start, |end| start.min(end));
            let wait = until.and_then(|(until, before)| Some((start.duration_since(until).ok()?, before)));
            if let Some((wait, before)) = wait
                && wait >= thresholds.long_wait.max(Duration::from_nanos(1))
                && !worked(parent, wait)
            {
                let location = Location::of(tree, place);
                findings.push(describe_wait(parent, before, child, wait).at(location));
            }
            if until.is_none_or(|(until, _)| until < end) {
                until = Some((end, child));
            }
        }
    }
    findings
}

/// From the first start to the last end.
fn extent(spans: &[ConvertedSpan]) -> Duration {
    let first = spans.iter().map(|span| span.data.start_time).min();
    let last = spans.iter().map(|span| span.data.end_time).max();
    last.zip(first).and_then(|(last, first)| last.duration_since(first).ok()).unwrap_or_default()
}

fn worked(parent: &ConvertedSpan, wait: Duration) -> bool {
    parent.busy.is_some_and(|busy| busy > wait / 2)
}

fn describe_wait(
    parent: &ConvertedSpan,
    before: &ConvertedSpan,
    after: &ConvertedSpan,
    wait: Duration,
) -> Finding {
    let remedy = match parent.busy {
        Some(_) => "It was not busy: check what it waits for, such as a lock, an exhausted pool or a timer.",
        None => "Add spans in between to see whether it works or waits.",
    };
    let finding = Finding::new(
        FindingKind::LongWait,
        Severity::Warning,
        format!("{} between {} and {}", milliseconds(wait), before.display_name(), after.display_name()),
        &format!("Nothing was recorded in {} for {}.", parent.data.name, milliseconds(wait)),
        remedy,
    );
    finding.with_spans([before, after]).with_cost(wait)
}

/// HTTP calls of one parent made one after the other, that could run together and save at least the threshold.
///
/// Whether one call needs what another answered cannot be seen from outside, so this looks at no more than calls which
/// read (`GET`, `HEAD`, `QUERY`), succeed, and follow each other at once: at least as many as the threshold, and more than a
/// token and what it is for. Queries are left out: those of one transaction have to wait for each other. Repetitions of
/// one call are left to [`n_plus_one`](super::n_plus_one).
pub fn serial_calls(tree: &Tree<'_>, thresholds: &Thresholds) -> Vec<Finding> {
    let mut findings = Vec::new();
    let fewest = thresholds.serial_calls.max(2);
    let calls = tree.spans().iter().filter(|span| can_be_moved(span)).count();
    if calls < fewest {
        return findings;
    }
    for i in 0..tree.spans().len() {
        // An only child makes no row, and is looked at with what it stands in: each chain of them is gone through once.
        if measured_children(tree, i).take(fewest).count() < fewest {
            continue;
        }
        let mut children: Vec<Call<'_>> =
            measured_children(tree, i).map(|(place, child)| Call::of(tree, place, child)).collect();
        children.sort_by_key(|child| bounds(child.around));
        // A row ends where anything else happens, or time passes in which an answer may be worked on.
        let follows = |one: &Call<'_>, other: &Call<'_>| {
            let pause = other.around.data.start_time.duration_since(one.around.data.end_time);
            can_be_moved(one.call)
                && can_be_moved(other.call)
                && pause.is_ok_and(|pause| pause <= one.around.duration() / 10)
        };
        findings.extend(children.chunk_by(follows).filter_map(|row| describe_row(tree, row, thresholds)));
    }
    findings
}

/// A call, and the span of the application that does nothing but make it: `#[instrument] async fn fetch()`.
struct Call<'t> {
    place: usize,
    call: &'t ConvertedSpan,
    around: &'t ConvertedSpan,
}

impl<'t> Call<'t> {
    fn of(tree: &'t Tree<'_>, place: usize, around: &'t ConvertedSpan) -> Self {
        let (mut inner, mut call) = (place, around);
        while call.category == Category::Span
            && let [only] = tree.children(inner)
            && let Some(child) = tree.spans().get(*only)
            && !child.synthesised
        {
            (inner, call) = (*only, child);
        }
        if call.category == Category::Http {
            Call { place: inner, call, around }
        } else {
            Call { place, call: around, around }
        }
    }
}

fn can_be_moved(span: &ConvertedSpan) -> bool {
    span.category == Category::Http
        && span.ended
        && !crate::tree::is_error(span)
        && matches!(span.text(semconv::HTTP_REQUEST_METHOD), Some("GET" | "HEAD" | "QUERY"))
}

fn describe_row(tree: &Tree<'_>, row: &[Call<'_>], thresholds: &Thresholds) -> Option<Finding> {
    let times = || row.iter().map(|call| call.call.duration());
    let total = times().fold(Duration::ZERO, Duration::saturating_add);
    let longest = times().max()?;
    let saving = total.saturating_sub(longest);
    let shape = row.first()?.call.shape;
    let alike = row.iter().filter(|call| call.call.shape == shape).count();
    if row.len() < thresholds.serial_calls
        || saving < thresholds.serial_saving
        || alike >= thresholds.n_plus_one
    {
        return None;
    }
    let finding = Finding::new(
        FindingKind::SerialCalls,
        Severity::Info,
        format!("{} calls one after the other", row.len()),
        &format!(
            "They took {}; running them concurrently would save {}.",
            milliseconds(total),
            milliseconds(saving)
        ),
        "Run them concurrently (join!), unless one depends on the response of another.",
    );
    let places: Vec<usize> = row.iter().map(|call| call.place).collect();
    let finding = finding.with_spans(row.iter().map(|call| call.call)).with_cost(saving);
    Some(finding.at(Location::of_all(tree, &places)))
}

/// Children of which it is known when they ran.
fn measured_children<'t>(
    tree: &'t Tree<'_>,
    span: usize,
) -> impl Iterator<Item = (usize, &'t ConvertedSpan)> {
    let children = tree.children(span).iter().filter_map(|child| Some((*child, tree.spans().get(*child)?)));
    children.filter(|(_, child)| !child.synthesised)
}
