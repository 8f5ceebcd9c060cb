//! Spans of `tracing-opentelemetry`, which are those of `tracing` once more.
//!
//! Its layer makes a span of the OpenTelemetry API for each span of `tracing`, so that a provider with a
//! [`ToolbarSpanProcessor`](super::ToolbarSpanProcessor) tells of each a second time. The second is known by the first:
//! both have the same name, began at the same time, and the second bears what its layer adds unless it is told not to,
//! the line of the code, the target or the thread.

use std::time::Duration;

use opentelemetry::trace::Status;
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::trace::{Span, SpanData};
use otelbar_convert::panel_data::{Callsite, Entry, EntryKind};
use otelbar_convert::semconv;

use super::current;
use super::query::QUERY_NAME;
use super::span_data::{links, log, redacted};
use crate::record::RequestContext;
use crate::text;

/// How far apart the two layers may have read the clock, on a thread that was put aside in between.
const APART: Duration = Duration::from_millis(100);

/// Entries that are looked through for the twin, the last ones first.
const LOOKED_AT: usize = 256;

/// Which span of `tracing` another one is the twin of.
pub(super) enum Twin {
    /// The request's own.
    Request,
    /// The one around a wrapped query.
    Query,
    /// That of the entry in this place.
    Entry(usize),
}

/// Whose twin a span is that has just begun, if it is one.
pub(super) fn of(span: &Span, context: &RequestContext) -> Option<Twin> {
    // There is no other way to look at a span that begins.
    let data = span.exported_data()?;
    let text = |key: &str| match find(&data.attributes, key) {
        Some(Value::String(text)) => Some(text.as_str()),
        _ => None,
    };
    if data.name == "request" && text("trace_id") == Some(&*context.span_context.trace_id().to_string()) {
        return Some(Twin::Request);
    }
    if data.name == QUERY_NAME {
        return Some(Twin::Query);
    }
    let line = match find(&data.attributes, semconv::CODE_LINE_NUMBER) {
        Some(Value::I64(line)) => u32::try_from(*line).ok(),
        _ => None,
    };
    let start = data.start_time.duration_since(context.started()).unwrap_or_default();
    let is_alike = |entry: &Entry| {
        let Entry { callsite: Some(Callsite { line: own_line, target, .. }), start: Some(own_start), .. } =
            entry
        else {
            return false;
        };
        // Each of these is left out where the layer is told so. What is not there says nothing, but one must be.
        let same_line = line.map(|line| *own_line == Some(line));
        let same_target = text("target").map(|other| target == other);
        let made_by_it = find(&data.attributes, "thread.id").map(|_| true);
        let marks = [same_line, same_target, made_by_it];
        entry.name == data.name
            && matches!(entry.kind, EntryKind::Span(_))
            && own_start.abs_diff(start) < APART
            && marks.contains(&Some(true))
            && !marks.contains(&Some(false))
    };
    // The layer begins a span when it is entered for the first time, or before that for its first child. Siblings may be
    // alike in all, so that the time does not tell which of them it is.
    let current = current::entry(context);
    let recording = context.worked_out();
    let is_free = |(place, entry): &(usize, &Entry)| is_alike(entry) && !recording.has_twin(*place);
    if let Some(place) = current
        && let Some(entry) = recording.data().entries.get(place)
        && is_free(&(place, entry))
    {
        return Some(Twin::Entry(place));
    }
    let alike = recording.data().entries.iter().enumerate().rev().take(LOOKED_AT).filter(is_free);
    let nearest = alike.min_by_key(|(_, entry)| entry.start.unwrap_or_default().abs_diff(start));
    nearest.map(|(place, _)| Twin::Entry(place))
}

/// What the twin's layer adds to each span and each event of its own.
const ADDED: [&str; 9] = [
    "busy_ns",
    "idle_ns",
    "thread.id",
    "thread.name",
    "level",
    "target",
    "code.module.name",
    semconv::CODE_FILE_PATH,
    semconv::CODE_LINE_NUMBER,
];

/// Takes over what the twin alone has: attributes, links and events that were given to it by the OpenTelemetry API.
pub(super) fn end(span: SpanData, context: &std::sync::Arc<RequestContext>, place: Option<usize>) {
    let redactor = &context.recorder.redactor;
    let id = place.map_or(context.id(), |_| span.span_context.span_id());
    if context.recorder.captured.logs {
        let callsite = Callsite::default();
        // Those of `tracing`, which are recorded, have a level.
        for event in span.events.events {
            if find(&event.attributes, "level").is_none() {
                let time = event.timestamp.duration_since(context.started()).unwrap_or_default();
                context.log(log(id, time, event, &callsite, redactor));
            }
        }
    }
    let links = links(span.links.links, redactor);
    let Some(place) = place else { return };
    let attributes = redacted(span.attributes, redactor);
    context.change(place, |entry| {
        for attribute in attributes {
            let key = attribute.key.as_str();
            if !ADDED.contains(&key) && find(&entry.attributes, key).is_none() {
                entry.attributes.push(attribute);
            }
        }
        if !links.is_empty() || span.links.dropped_count > 0 {
            let details = entry.details_mut();
            for link in links {
                if details.links.iter().all(|own| own.span_context != link.span_context) {
                    details.links.push(link);
                }
            }
            details.dropped_links += span.links.dropped_count;
        }
        match span.status {
            Status::Unset => {}
            Status::Ok => entry.details_mut().ok = true,
            Status::Error { description } => {
                if entry.error.as_ref().is_none_or(|error| error.is_empty()) {
                    entry.error = Some(redactor.cleaned(text::bounded(description)));
                }
            }
        }
    });
}

fn find<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    attributes.iter().find(|attribute| attribute.key.as_str() == key).map(|attribute| &attribute.value)
}
