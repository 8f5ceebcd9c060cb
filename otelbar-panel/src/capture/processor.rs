use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{Span as _, SpanId, Status};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use otelbar_convert::panel_data::{Entry, EntryKind, Level, Log, Source};
use otelbar_convert::redact::{REDACTED, Redactor};

use crate::request::Scope;

/// Spans that may be open at once in a process; one that is started beyond that is not recorded, and counted.
const MAX_OPEN: usize = 65_536;

/// Parts of the table of open spans, so that threads seldom wait for each other.
const SHARDS: usize = 16;

/// Records the spans of an OpenTelemetry `TracerProvider` into the request they belong to.
///
/// For applications and libraries that make their spans with the OpenTelemetry API rather than with `tracing`. A span
/// belongs to the request of the OpenTelemetry context it is started in; outside of requests it is left alone. The
/// toolbar shows and exports it with the request, so the provider needs no exporter of its own.
///
/// Made by [`OpenTelemetryPanel::span_processor`](crate::OpenTelemetryPanel::span_processor).
///
/// ```
/// use opentelemetry_sdk::trace::SdkTracerProvider;
/// use otelbar_panel::{OpenTelemetryConfig, OpenTelemetryPanel};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let toolbar = OpenTelemetryPanel::new(OpenTelemetryConfig::builder().traces_exporters([]).build()?)?;
/// let provider = SdkTracerProvider::builder().with_span_processor(toolbar.span_processor()).build();
/// opentelemetry::global::set_tracer_provider(provider);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct ToolbarSpanProcessor {
    open: [Mutex<HashMap<SpanId, Scope>>; SHARDS],
}

impl ToolbarSpanProcessor {
    fn shard(&self, id: SpanId) -> &Mutex<HashMap<SpanId, Scope>> {
        &self.open[usize::from(id.to_bytes()[7]) % SHARDS]
    }
}

impl SpanProcessor for ToolbarSpanProcessor {
    fn on_start(&self, span: &mut Span, cx: &Context) {
        let Some(scope) = Scope::of(cx) else { return };
        if span.span_context().trace_id() != scope.context.span_context.trace_id() {
            return;
        }
        let scope = scope.or_inner_tracing_span();
        let id = span.span_context().span_id();
        let mut open = self.shard(id).lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= MAX_OPEN / SHARDS {
            scope.context.recorder.counters.spans.add(1);
            return;
        }
        open.insert(id, scope);
    }

    fn on_end(&self, span: SpanData) {
        let id = span.span_context.span_id();
        let scope = self.shard(id).lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        let Some(Scope { context, span: parent }) = scope else { return };
        let redactor = &context.recorder.redactor;
        let began = context.started();
        let since = |instant: SystemTime| instant.duration_since(began).unwrap_or_default();

        let duration = span.end_time.duration_since(span.start_time).unwrap_or_default();
        let mut entry = Entry::new(span.name, duration, EntryKind::Span(span.span_kind));
        entry.id = Some(id);
        entry.parent = Some(parent);
        entry.start = Some(since(span.start_time));
        entry.attributes = redacted(span.attributes, redactor);
        entry.dropped_attributes = span.dropped_attributes_count;
        entry.source = Some(source(span.instrumentation_scope.name()));
        if let Status::Error { description } = span.status {
            entry.error = Some(description);
        }
        if context.recorder.captured.logs {
            for event in span.events.events {
                let time = since(event.timestamp);
                context.log(log(id, time, event.name, redacted(event.attributes, redactor), &entry));
            }
        }
        context.push(entry);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// An event of a span as a log: the SDK's events have no level, but those of exceptions.
fn log(
    span: SpanId,
    time: Duration,
    name: Cow<'static, str>,
    attributes: Vec<KeyValue>,
    entry: &Entry,
) -> Log {
    let level = if name == "exception" { Level::Error } else { Level::Info };
    let source = entry.source.clone().unwrap_or_default();
    Log { span: Some(span), time, level, source, message: name, attributes }
}

fn source(scope: &str) -> Source {
    Source { target: Cow::Owned(scope.to_owned()), file: None, line: None }
}

fn redacted(mut attributes: Vec<KeyValue>, redactor: &Redactor) -> Vec<KeyValue> {
    for attribute in &mut attributes {
        if redactor.is_sensitive(attribute.key.as_str()) {
            attribute.value = Value::from(REDACTED);
        }
    }
    attributes
}
