use std::time::{Duration, SystemTime};

use super::{Finding, FindingKind, Location, Severity, Thresholds, milliseconds, text};
use crate::converted::{ConvertedSpan, Panel};
use crate::semconv;
use crate::tree::{Tree, bounds};

/// Time between two children of one parent in which nothing is known to happen, of at least the threshold.
///
/// Before the first child and after the last there is none: a request does its own work there. A parent whose busy time
/// is known is left alone where it was busy for more than half of what its children do not cover, for then it worked.
pub fn long_waits(tree: &Tree<'_>, thresholds: &Thresholds) -> Vec<Finding> {
    let spans = tree.spans();
    let mut findings = Vec::new();
    if extent(spans) < thresholds.long_wait {
        return findings;
    }
    for (i, parent) in spans.iter().enumerate() {
        let mut until: Option<(SystemTime, &ConvertedSpan)> = None;
        let mut children: Vec<&ConvertedSpan> = measured_children(tree, i).collect();
        if children.len() < 2 {
            continue;
        }
        children.sort_by_key(|child| bounds(child));
        for child in children {
            let (start, end) = bounds(child);
            let wait = until.and_then(|(until, before)| Some((start.duration_since(until).ok()?, before)));
            if let Some((wait, before)) = wait
                && wait >= thresholds.long_wait.max(Duration::from_nanos(1))
                && !worked(parent, wait)
            {
                findings.push(describe_wait(parent, before, child, wait));
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
        Some(_) => "It was not busy: see what it waits for, such as a lock, a full pool or a timer.",
        None => "Add spans to what lies between, to see whether it works or waits there.",
    };
    let finding = Finding::new(
        FindingKind::LongWait,
        Severity::Warning,
        format!("{} between {} and {}", milliseconds(wait), before.data.name, after.data.name),
        &format!("For {} nothing that was recorded happened in {}.", milliseconds(wait), parent.data.name),
        remedy,
    );
    Finding { location: Location::of(after), ..finding.with_spans([before, after]) }
}

/// HTTP calls of one parent made one after the other, that could run together and save at least the threshold.
///
/// Whether one call needs what another answered cannot be seen from outside, so this looks at no more than calls which
/// read (`GET`, `HEAD`), succeed, and follow each other at once: at least as many as the threshold, and more than a
/// token and what it is for. Queries are left out: those of one transaction have to wait for each other. Repetitions of
/// one call are left to [`n_plus_one`](super::n_plus_one).
pub fn serial_calls(tree: &Tree<'_>, thresholds: &Thresholds) -> Vec<Finding> {
    let mut findings = Vec::new();
    let calls = tree.spans().iter().filter(|span| can_be_moved(span)).count();
    if calls < thresholds.serial_calls {
        return findings;
    }
    for i in 0..tree.spans().len() {
        let mut children: Vec<&ConvertedSpan> = measured_children(tree, i).collect();
        if children.len() < thresholds.serial_calls {
            continue;
        }
        children.sort_by_key(|child| bounds(child));
        // A row ends where anything else happens, or time passes in which an answer may be worked on.
        let follows = |one: &&ConvertedSpan, other: &&ConvertedSpan| {
            let pause = other.data.start_time.duration_since(one.data.end_time);
            can_be_moved(one) && can_be_moved(other) && pause.is_ok_and(|pause| pause <= one.duration() / 10)
        };
        findings.extend(children.chunk_by(follows).filter_map(|row| describe_row(row, thresholds)));
    }
    findings
}

fn can_be_moved(span: &ConvertedSpan) -> bool {
    span.panel == Panel::Http
        && span.ended
        && !crate::tree::is_error(span)
        && matches!(text(span, semconv::HTTP_REQUEST_METHOD), Some("GET" | "HEAD"))
}

fn describe_row(row: &[&ConvertedSpan], thresholds: &Thresholds) -> Option<Finding> {
    let total: Duration = row.iter().map(|call| call.duration()).sum();
    let longest = row.iter().map(|call| call.duration()).max()?;
    let saving = total.saturating_sub(longest);
    let alike = row.iter().filter(|call| call.shape == row[0].shape).count();
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
            "They took {}, of which {} would be saved if they ran together.",
            milliseconds(total),
            milliseconds(saving)
        ),
        "Make them at the same time (join!), unless one needs what another answers.",
    );
    Some(finding.with_spans(row.iter().copied()))
}

/// Children of which it is known when they ran.
fn measured_children<'t>(tree: &'t Tree<'_>, span: usize) -> impl Iterator<Item = &'t ConvertedSpan> {
    tree.children(span).iter().map(|child| &tree.spans()[*child]).filter(|child| !child.synthesised)
}
