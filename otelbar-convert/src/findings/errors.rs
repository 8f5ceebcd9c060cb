use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use opentelemetry::Value;
use opentelemetry::trace::{Event, Status};

use super::finding::{Finding, FindingKind, MAX_SPANS, Severity};
use super::location::Location;
use super::thresholds::Thresholds;
use crate::category::Category;
use crate::span::ConvertedSpan;
use crate::tree::{Tree, is_error};
use crate::{attribute, semconv};

/// What failed, once for each cause, and what was logged as an error.
///
/// A span that failed because one below it did is named with that one, and those that failed alike are named together. An
/// error that was logged in a span which did not fail was dealt with, and is told as such, unless it repeats the message
/// of a failure above or below.
pub fn errors(tree: &Tree<'_>, _: &Thresholds) -> Vec<Finding> {
    let mut findings = failures(tree);
    findings.extend(logged(tree));
    findings
}

fn failures(tree: &Tree<'_>) -> Vec<Finding> {
    let spans = tree.spans();
    let mut causes: Vec<Vec<usize>> = Vec::new();
    let mut by_look: HashMap<(Category, Cow<'_, str>, String), usize> = HashMap::new();
    for (i, span) in spans.iter().enumerate() {
        if !is_cause(tree, i) {
            continue;
        }
        let look = (span.category, span.display_name(), reason(span));
        let group = *by_look.entry(look).or_insert_with(|| {
            causes.push(Vec::new());
            causes.len() - 1
        });
        if let Some(causes) = causes.get_mut(group) {
            causes.push(i);
        }
    }
    causes.iter().filter_map(|causes| describe(tree, causes)).collect()
}

/// Whether a span failed other than since one below it did.
fn is_cause(tree: &Tree<'_>, span: usize) -> bool {
    is_failed(tree, span)
        && !tree.children(span).iter().any(|child| is_failed(tree, *child))
        && !passes_on_a_failure(tree, span, &tree.spans().get(span).map(texts).unwrap_or_default())
}

/// How many things went wrong, each counted once: a span that failed other than since one below it did, and an error
/// logged in a span that did not fail. What was logged in one that did fail tells of that failure, and so does what
/// repeats the message of a failure below.
pub fn count_failures(tree: &Tree<'_>) -> usize {
    let causes = (0..tree.spans().len()).filter(|span| is_cause(tree, *span)).count();
    (0..tree.spans().len()).map(|span| logged_errors(tree, span)).fold(causes, usize::saturating_add)
}

/// How many spans are looked at to find the failure that another one tells of.
const MOST_SPANS: usize = 1_000;

/// With how many failures, at how many places and by how many of its texts, a text is compared.
const MOST_COMPARED: usize = 16;

/// Whether one of these texts of a span has the message of a failure below it in it, as an error has that says its cause.
///
/// The failure may have gone through spans that don't tell of it, as `#[instrument]` without `err` makes them.
fn passes_on_a_failure(tree: &Tree<'_>, span: usize, texts: &[&str]) -> bool {
    let mut pending = vec![tree.children(span).iter()];
    let (mut seen, mut compared) = (0, 0);
    while seen < MOST_SPANS
        && compared < MOST_COMPARED
        && let Some(children) = pending.last_mut()
    {
        // Most spans have no failure below them, and are passed over without a look at what is below.
        let Some(&below) = children.find(|child| tree.fails_below(**child) || is_failed(tree, **child))
        else {
            pending.pop();
            continue;
        };
        seen += 1;
        match tree.spans().get(below) {
            Some(failed) if is_error(failed) => {
                if has_message_of(texts, failed) {
                    return true;
                }
                compared += 1;
            }
            _ => pending.push(tree.children(below).iter()),
        }
    }
    false
}

fn is_failed(tree: &Tree<'_>, span: usize) -> bool {
    tree.spans().get(span).is_some_and(is_error)
}

/// Whether one of these texts has a message of this span in it.
fn has_message_of(texts: &[&str], failed: &ConvertedSpan) -> bool {
    self::texts(failed).iter().any(|message| is_part(message, texts))
}

/// Whether one of these texts has this message in it, as words of their own.
fn is_part(message: &str, texts: &[&str]) -> bool {
    let is_in = |text: &str| {
        text.match_indices(message).take(MOST_COMPARED).any(|(at, _)| {
            let (before, behind) = (text.get(..at), text.get(at.saturating_add(message.len())..));
            let around = [
                before.and_then(|text| text.chars().next_back()),
                behind.and_then(|text| text.chars().next()),
            ];
            !around.into_iter().flatten().any(char::is_alphanumeric)
        })
    };
    !message.is_empty() && texts.iter().any(|text| is_in(text))
}

/// What a span says of its failure: the description of its status, and the messages of its first exceptions.
fn texts(span: &ConvertedSpan) -> Vec<&str> {
    let status = match &span.data.status {
        Status::Error { description } => Some(&**description),
        _ => None,
    };
    let exceptions = span.data.events.events.iter().filter(|event| event.name == semconv::EXCEPTION);
    let messages = exceptions.filter_map(|event| message(event));
    let texts = status.into_iter().chain(messages).map(str::trim);
    texts.filter(|text| !text.is_empty()).take(MOST_COMPARED).collect()
}

fn message(event: &Event) -> Option<&str> {
    attribute::text(&event.attributes, semconv::EXCEPTION_MESSAGE)
}

fn describe(tree: &Tree<'_>, causes: &[usize]) -> Option<Finding> {
    let spans = tree.spans();
    // What failed since this did: the parent, or one further out that repeats what this says.
    let failed = |i: usize| {
        let around = tree.failed_around(i)?;
        let passes_on = || has_message_of(&texts(spans.get(around)?), spans.get(i)?).then_some(around);
        if tree.parent(i) == Some(around) { Some(around) } else { passes_on() }
    };
    let mut concerned = BTreeSet::new();
    for cause in causes {
        let mut at = Some(*cause);
        let mut steps = 0..MAX_SPANS;
        // What one cause made fail is not gone through again for the next.
        while let Some(span) = at.filter(|span| concerned.insert(*span)) {
            at = match steps.next() {
                Some(_) => failed(span),
                // Of what is further out than a finding names, the request matters.
                None => Some(0).filter(|request| is_failed(tree, *request)),
            };
        }
    }

    let first = spans.get(*causes.first()?)?;
    let reason = reason(first);
    let count = causes.len();
    let name = first.display_name();
    let title = match (count, reason.is_empty()) {
        (1, true) => format!("{name} failed"),
        (1, false) => format!("{name} failed: {reason}"),
        (_, true) => format!("{count} × {name} failed"),
        (_, false) => format!("{count} × {name} failed: {reason}"),
    };
    let concerned = || concerned.iter().filter_map(|i| spans.get(*i));
    let request = concerned().find(|span| span.category == Category::Request);
    let answer = request.and_then(|request| match request.attribute(semconv::HTTP_RESPONSE_STATUS_CODE) {
        Some(Value::I64(status)) => Some(*status),
        _ => None,
    });
    let sentence = match (request, answer) {
        (None, _) => "The request went on without it.".to_owned(),
        (Some(_), None) => "The request got no response.".to_owned(),
        (Some(_), Some(status)) => format!("The response status was {status}."),
    };
    let has_stack_trace =
        |event: &Event| attribute::find(&event.attributes, semconv::EXCEPTION_STACKTRACE).is_some();
    let has_stack = first.data.events.events.iter().any(has_stack_trace);
    let remedy = match first.category {
        _ if has_stack => "See its stack trace.",
        Category::Sql => "Check the database's error for this statement.",
        Category::Http => "Check the called service; consider a retry or a fallback.",
        Category::Cache => "Check that the cache is reachable; the request should work without it.",
        Category::Template => "Check the template's values for a missing one or a wrong type.",
        _ => "See the logs in this span and before it.",
    };
    let is_bad = answer.is_some_and(|status| status >= 500);
    let severity = if is_bad { Severity::Critical } else { Severity::Warning };
    let finding = Finding::new(FindingKind::Error, severity, title, &sentence, remedy);
    Some(finding.with_spans(concerned()).at(Location::of_all(tree, causes)))
}

/// Errors logged in spans that did not fail.
fn logged(tree: &Tree<'_>) -> Option<Finding> {
    let counts: Vec<_> = (0..tree.spans().len()).map(|span| logged_errors(tree, span)).collect();
    let spans = tree.spans().iter().zip(&counts).filter(|(_, count)| **count > 0).map(|(span, _)| span);
    let count: usize = counts.iter().sum();
    let title = match count {
        0 => return None,
        1 => "1 error logged".to_owned(),
        _ => format!("{count} errors logged"),
    };
    let finding = Finding::new(
        FindingKind::Error,
        Severity::Warning,
        title,
        "The spans that logged them did not fail.",
        "Fix the cause, or log a warning where the error is handled.",
    );
    Some(finding.with_spans(spans))
}

/// `SeverityNumber` of the least severe error.
const FROM_ERROR: i64 = 17;

/// How many errors were logged in a span that did not fail, without those that tell of a failure above or below it.
fn logged_errors(tree: &Tree<'_>, place: usize) -> usize {
    let Some(span) = tree.spans().get(place).filter(|span| !is_error(span)) else { return 0 };
    let is_told = |event: &Event| {
        let texts: Vec<_> = [Some(&*event.name), message(event)].into_iter().flatten().collect();
        let is_of_around = || {
            let around = tree.failed_around(place).and_then(|around| tree.spans().get(around));
            around.is_some_and(|around| {
                has_message_of(&texts, around) || texts.iter().any(|text| is_part(text, &self::texts(around)))
            })
        };
        passes_on_a_failure(tree, place, &texts) || is_of_around()
    };
    span.data.events.events.iter().filter(|event| is_error_event(event) && !is_told(event)).count()
}

fn is_error_event(event: &Event) -> bool {
    event.attributes.iter().any(|attribute| match (attribute.key.as_str(), &attribute.value) {
        (semconv::LEVEL, Value::String(level)) => matches!(level.as_str(), "ERROR" | "FATAL"),
        (semconv::SEVERITY_NUMBER, Value::I64(number)) => *number >= FROM_ERROR,
        _ => false,
    })
}

/// Why a span failed, in a few words: the exception logged last, else the status, else the type of the error.
fn reason(span: &ConvertedSpan) -> String {
    let find = |event: &Event, key: &str| {
        let value = attribute::find(&event.attributes, key)?;
        Some(value.as_str().into_owned()).filter(|text| !text.is_empty())
    };
    let exception = span.data.events.events.iter().rfind(|event| event.name == semconv::EXCEPTION);
    let of_exception = exception.and_then(|event| {
        match (find(event, semconv::EXCEPTION_TYPE), find(event, semconv::EXCEPTION_MESSAGE)) {
            (Some(kind), Some(message)) => Some(format!("{kind}: {message}")),
            (kind, message) => kind.or(message),
        }
    });
    let whole = of_exception.unwrap_or_else(|| match &span.data.status {
        Status::Error { description } if !description.is_empty() => description.to_string(),
        _ => {
            let error_type = span.text(semconv::ERROR_TYPE).filter(|name| *name != semconv::ERROR_TYPE_OTHER);
            error_type.unwrap_or_default().to_owned()
        }
    });
    let line = whole.lines().next().unwrap_or_default();
    match line.char_indices().nth(160) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or(line)),
        None => line.to_owned(),
    }
}
