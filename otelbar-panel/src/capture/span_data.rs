//! Parts of the SDK's spans as they are recorded.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::{Event, Link, SpanId};
use otelbar_convert::panel_data::{Callsite, Level, Log};
use otelbar_convert::redact::Redactor;

use crate::text;

/// An event of a span as a log: the SDK's events have no level, but those of exceptions.
pub(super) fn log(
    span: SpanId,
    time: Duration,
    event: Event,
    callsite: &Callsite,
    redactor: &Redactor,
) -> Log {
    let level = if event.name == "exception" { Level::Error } else { Level::Info };
    let attributes = redacted(event.attributes, redactor);
    let mut log = Log::new(level, redactor.cleaned(text::bounded(event.name)));
    log.span = Some(span);
    log.time = time;
    log.callsite = callsite.clone();
    log.attributes = attributes;
    log
}

pub(super) fn links(mut links: Vec<Link>, redactor: &Redactor) -> Vec<Link> {
    for link in &mut links {
        link.attributes = redacted(std::mem::take(&mut link.attributes), redactor);
    }
    links
}

pub(super) fn redacted(mut attributes: Vec<KeyValue>, redactor: &Redactor) -> Vec<KeyValue> {
    for attribute in &mut attributes {
        text::bound(attribute);
        redactor.attribute(attribute);
    }
    attributes
}
