use std::collections::HashMap;

use opentelemetry::Value;
use opentelemetry::trace::{Event, Status};

use super::{Finding, FindingKind, Location, Severity, Thresholds, text};
use crate::converted::{ConvertedSpan, Panel};
use crate::semconv;
use crate::tree::{Tree, is_error};

/// What failed, once for each cause, and what was logged as an error.
///
/// A span that failed because a child did is named with that child, and those that failed alike are named together. An
/// error that was logged in a span which did not fail was dealt with, and is told as such.
pub fn errors(tree: &Tree<'_>, _: &Thresholds) -> Vec<Finding> {
    let mut findings = failures(tree);
    findings.extend(logged(tree));
    findings
}

fn failures(tree: &Tree<'_>) -> Vec<Finding> {
    let spans = tree.spans();
    let mut causes: Vec<Vec<usize>> = Vec::new();
    let mut by_look: HashMap<(Panel, &str, String), usize> = HashMap::new();
    for (i, span) in spans.iter().enumerate() {
        if !is_error(span) || tree.children(i).iter().any(|child| is_error(&spans[*child])) {
            continue;
        }
        let look = (span.panel, &*span.data.name, reason(span));
        let group = *by_look.entry(look).or_insert_with(|| {
            causes.push(Vec::new());
            causes.len() - 1
        });
        causes[group].push(i);
    }
    causes.iter().map(|causes| describe(tree, causes)).collect()
}

fn describe(tree: &Tree<'_>, causes: &[usize]) -> Finding {
    let spans = tree.spans();
    let failed = |i: &usize| tree.parent(*i).filter(|parent| is_error(&spans[*parent]));
    let mut concerned: Vec<usize> =
        causes.iter().flat_map(|cause| std::iter::successors(Some(*cause), failed)).collect();
    concerned.sort_unstable();
    concerned.dedup();

    let first = &spans[causes[0]];
    let reason = reason(first);
    let count = causes.len();
    let title = match (count, reason.is_empty()) {
        (1, true) => format!("{} failed", first.data.name),
        (1, false) => format!("{} failed: {reason}", first.data.name),
        (_, true) => format!("{count} × {} failed", first.data.name),
        (_, false) => format!("{count} × {} failed: {reason}", first.data.name),
    };
    let request = concerned.iter().map(|i| &spans[*i]).find(|span| span.panel == Panel::Request);
    let answer = request.and_then(|request| match request.attribute(semconv::HTTP_RESPONSE_STATUS_CODE) {
        Some(Value::I64(status)) => Some(*status),
        _ => None,
    });
    let sentence = match (request, answer) {
        (None, _) => "The request went on without it.".to_owned(),
        (Some(_), None) => "The request came to no answer.".to_owned(),
        (Some(_), Some(status)) => format!("The request was answered with {status}."),
    };
    let has_stack = first.data.events.events.iter().any(|event| {
        event.attributes.iter().any(|attribute| attribute.key.as_str() == semconv::EXCEPTION_STACKTRACE)
    });
    let remedy = match first.panel {
        _ if has_stack => "Its stack trace tells where it began.",
        Panel::Sql => "See what the database says of the statement.",
        Panel::Http => "See what the service called says, and whether to try again or to go on without it.",
        Panel::Cache => "See whether the cache can be reached; a page should come without it.",
        Panel::Template => "See which of the template's values is missing or of another type.",
        _ => "The logs in it and before it tell how it came to that.",
    };
    let is_bad = answer.is_some_and(|status| status >= 500);
    let severity = if is_bad { Severity::Critical } else { Severity::Warning };
    let finding = Finding::new(FindingKind::Error, severity, title, &sentence, remedy);
    let location = Location::of_all(causes.iter().map(|i| &spans[*i]));
    Finding { location, ..finding.with_spans(concerned.iter().map(|i| &spans[*i])) }
}

/// Errors logged in spans that did not fail.
fn logged(tree: &Tree<'_>) -> Option<Finding> {
    let is_logged_error = |event: &&Event| {
        let level = event.attributes.iter().find(|attribute| attribute.key.as_str() == semconv::LEVEL);
        level.is_some_and(|level| matches!(&*level.value.as_str(), "ERROR" | "FATAL"))
    };
    let errors_of = |span: &&ConvertedSpan| span.data.events.events.iter().filter(is_logged_error).count();
    let spans = || tree.spans().iter().filter(|span| !is_error(span)).filter(|span| errors_of(span) > 0);
    let count: usize = spans().map(|span| errors_of(&span)).sum();
    let title = match count {
        0 => return None,
        1 => "1 error logged".to_owned(),
        _ => format!("{count} errors logged"),
    };
    let finding = Finding::new(
        FindingKind::Error,
        Severity::Warning,
        title,
        "What it was logged in did not fail.",
        "Mend what it tells of, or log it as a warning where it is dealt with.",
    );
    Some(finding.with_spans(spans()))
}

/// Why a span failed, in a few words: the exception logged last, else the status, else the type of the error.
fn reason(span: &ConvertedSpan) -> String {
    let find = |event: &Event, key: &str| {
        let attribute = event.attributes.iter().find(|attribute| attribute.key.as_str() == key);
        attribute.map(|attribute| attribute.value.as_str().into_owned()).filter(|text| !text.is_empty())
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
        _ => text(span, semconv::ERROR_TYPE).unwrap_or_default().to_owned(),
    });
    let line = whole.lines().next().unwrap_or_default();
    match line.char_indices().nth(160) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}
