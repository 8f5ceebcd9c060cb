//! Logs and exceptions, as events of spans.

use std::borrow::Cow;
use std::time::SystemTime;

use opentelemetry::KeyValue;
use opentelemetry::trace::{Event, Status};

use super::describe::{self, Describer};
use crate::panel_data::{Exception, Level, Log};
use crate::report::Report;
use crate::span::ConvertedSpan;
use crate::{attribute, semconv};

/// A log, as an event of the span it was logged in.
pub(super) fn of_log(log: &Log, describer: &Describer, time: SystemTime, report: &mut Report) -> Event {
    let mut attributes = Vec::with_capacity(log.attributes.len() + 6);
    if !log.attributes.iter().any(|attribute| attribute.key.as_str() == semconv::LEVEL) {
        attributes.push(KeyValue::new(semconv::LEVEL, log.level.as_str()));
    } else {
        // The source's own word says nothing of how severe that is.
        let number = i64::from(log.level.severity_number());
        attributes.push(KeyValue::new(semconv::SEVERITY_NUMBER, number));
    }
    // An error logged as a field is an exception to backends, which look for the event of that name.
    let error = log.attributes.iter().find(|a| matches!(a.key.as_str(), "error" | "err" | "exception"));
    let error = error.filter(|_| log.level >= Level::Error && !has_exception(log));
    if let Some(error) = error {
        attributes.push(KeyValue::new(semconv::EXCEPTION_MESSAGE, error.value.clone()));
    }
    let name = if error.is_some() || has_exception(log) {
        if says_something(log) {
            attributes.push(describe::text(semconv::LOG_MESSAGE, log.message.clone()));
        }
        Cow::Borrowed(semconv::EXCEPTION)
    } else if log.message.is_empty() {
        Cow::Borrowed(semconv::LOG)
    } else {
        log.message.clone()
    };
    describe::callsite(&log.callsite, &mut attributes);
    describer.add_recorded(&mut attributes, &log.attributes, report);
    Event::new(name, time, attributes, 0)
}

/// The event of an exception, unless a log has told of the same.
pub(super) fn attach_exception(exception: &Exception, span: &mut ConvertedSpan, time: SystemTime) {
    let told = [
        (semconv::EXCEPTION_TYPE, exception.kind.as_deref()),
        (semconv::EXCEPTION_MESSAGE, exception.message.as_deref()),
        (semconv::EXCEPTION_STACKTRACE, exception.stacktrace.as_deref()),
    ];
    let told =
        || told.iter().filter_map(|(key, value)| Some((*key, (*value).filter(|value| !value.is_empty())?)));
    let by_log = span.data.events.events.iter_mut().rfind(|event| {
        let is_told = |key: &str, text: &str| {
            attribute::find(&event.attributes, key).is_none_or(|value| value.as_str() == text)
        };
        event.name == semconv::EXCEPTION && told().all(|(key, text)| is_told(key, text))
    });
    match by_log {
        Some(event) => {
            for (key, text) in told() {
                if attribute::find(&event.attributes, key).is_none() {
                    event.attributes.push(describe::text(key, text.to_owned()));
                }
            }
        }
        None => {
            let attributes = told().map(|(key, text)| describe::text(key, text.to_owned())).collect();
            span.data.events.events.push(Event::new(semconv::EXCEPTION, time, attributes, 0));
        }
    }
}

/// Sees that a span in error has the type of the error: that of the exception logged last, where nothing else has said.
pub(super) fn name_error(span: &mut ConvertedSpan) {
    if !matches!(span.data.status, Status::Error { .. }) || span.attribute(semconv::ERROR_TYPE).is_some() {
        return;
    }
    let logged = span.data.events.events.iter().rev();
    let error_type = logged
        .filter_map(|event| attribute::find(&event.attributes, semconv::EXCEPTION_TYPE))
        .next()
        .cloned();
    let error_type = error_type.unwrap_or_else(|| semconv::ERROR_TYPE_OTHER.into());
    span.data.attributes.push(KeyValue::new(semconv::ERROR_TYPE, error_type));
}

/// What an event's exception says.
pub(super) fn error_of(event: &Event) -> Option<String> {
    let message = attribute::find(&event.attributes, semconv::EXCEPTION_MESSAGE)?.to_string();
    Some(message).filter(|message| !message.is_empty())
}

/// Whether a log has words of its own: `tracing` calls one that has none by its place, `event src/shop.rs:87`.
fn says_something(log: &Log) -> bool {
    let is_place = || match (log.message.strip_prefix("event "), &log.callsite.file) {
        (Some(place), Some(file)) => place.strip_prefix(&**file).is_some_and(|rest| rest.starts_with(':')),
        _ => false,
    };
    !log.message.is_empty() && !is_place()
}

/// Whether an exception was logged with it.
pub(super) fn has_exception(log: &Log) -> bool {
    let is_exception = |key: &str| matches!(key, semconv::EXCEPTION_TYPE | semconv::EXCEPTION_MESSAGE);
    log.attributes.iter().any(|attribute| is_exception(attribute.key.as_str()))
}
