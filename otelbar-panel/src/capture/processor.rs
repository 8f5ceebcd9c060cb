use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use opentelemetry::Context;
use opentelemetry::trace::{Span as _, SpanId, Status};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use otelbar_convert::panel_data::{Callsite, Entry, EntryKind};

use super::current;
use super::span_data::{links, log, redacted};
use super::twin::{self, Twin};
use crate::guard::guard;
use crate::record::{RequestContext, Scope};
use crate::text;

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
///
/// A provider that also has the spans of `tracing-opentelemetry` may have it: such a span is that of `tracing`, which is
/// recorded once, under the id that `tracing-opentelemetry` passes on to other services.
#[derive(Debug, Default)]
pub struct ToolbarSpanProcessor {
    open: [Mutex<HashMap<SpanId, Open>>; SHARDS],
}

/// A span that has not ended.
#[derive(Debug)]
enum Open {
    /// One of its own, in this scope.
    Own(Scope),
    /// The twin of a `tracing` span, whose entry is there; `None` for the request's own.
    Twin(Arc<RequestContext>, Option<usize>),
    /// The twin of the span around a wrapped query, which is none of the record: what happens in it is in this scope.
    Around(Scope),
}

impl ToolbarSpanProcessor {
    fn shard(&self, id: SpanId) -> &Mutex<HashMap<SpanId, Open>> {
        &self.open[usize::from(id.to_bytes()[7]) % SHARDS]
    }

    fn begin(&self, span: &Span, cx: &Context) {
        let Some(mut scope) = Scope::of(cx) else { return };
        if span.span_context().trace_id() != scope.context.span_context.trace_id() {
            return;
        }
        // The span of `tracing` that stands for the request is the request itself.
        scope.span = self.own_id(scope.span, &scope.context);
        let scope = current::or_tracing_span(scope);
        let id = span.span_context().span_id();
        let open = match twin::of(span, &scope.context) {
            Some(Twin::Entry(place)) => {
                scope.context.adopt(place, id);
                Open::Twin(scope.context, Some(place))
            }
            Some(Twin::Request) => Open::Twin(scope.context, None),
            Some(Twin::Query) => {
                scope.context.stands_for(id, scope.span);
                Open::Around(scope)
            }
            None => Open::Own(scope),
        };
        let mut spans = self.shard(id).lock().unwrap_or_else(PoisonError::into_inner);
        if spans.len() >= MAX_OPEN / SHARDS {
            let (Open::Own(Scope { context, .. })
            | Open::Around(Scope { context, .. })
            | Open::Twin(context, _)) = open;
            context.recorder.counters.spans.add(1);
            return;
        }
        spans.insert(id, open);
    }

    /// The request's id for the twin of its own span, that of the span around it for the twin of a wrapped query, and an
    /// id as it is else.
    fn own_id(&self, id: SpanId, context: &RequestContext) -> SpanId {
        match self.shard(id).lock().unwrap_or_else(PoisonError::into_inner).get(&id) {
            Some(Open::Twin(_, None)) => context.id(),
            Some(Open::Around(scope)) => scope.span,
            _ => id,
        }
    }

    fn end(&self, span: SpanData) {
        let id = span.span_context.span_id();
        let open = self.shard(id).lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        match open {
            None => {}
            Some(Open::Own(scope)) => record(span, scope),
            Some(Open::Around(scope)) => scope.context.stands_no_longer(id),
            Some(Open::Twin(context, place)) => twin::end(span, &context, place),
        }
    }
}

impl SpanProcessor for ToolbarSpanProcessor {
    fn on_start(&self, span: &mut Span, cx: &Context) {
        guard("recording the start of a span of the OpenTelemetry API", || self.begin(span, cx));
    }

    fn on_end(&self, span: SpanData) {
        guard("recording a span of the OpenTelemetry API", || self.end(span));
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

fn record(span: SpanData, Scope { context, span: parent }: Scope) {
    let id = span.span_context.span_id();
    let redactor = &context.recorder.redactor;
    let began = context.started();
    let since = |instant: SystemTime| instant.duration_since(began).unwrap_or_default();

    let duration = span.end_time.duration_since(span.start_time).unwrap_or_default();
    let mut entry =
        Entry::new(redactor.cleaned(text::bounded(span.name)), duration, EntryKind::Span(span.span_kind));
    entry.id = Some(id);
    entry.parent = Some(parent);
    entry.start = Some(since(span.start_time));
    entry.attributes = redacted(span.attributes, redactor);
    entry.dropped_attributes = span.dropped_attributes_count;
    let callsite = Callsite::new(span.instrumentation_scope.name().to_owned());
    let details = entry.details_mut();
    details.scope = Some(span.instrumentation_scope);
    details.links = links(span.links.links, redactor);
    details.dropped_links = span.links.dropped_count;
    match span.status {
        Status::Unset => {}
        Status::Ok => details.ok = true,
        Status::Error { description } => entry.error = Some(redactor.cleaned(text::bounded(description))),
    }
    if context.recorder.captured.logs {
        for event in span.events.events {
            context.log(log(id, since(event.timestamp), event, &callsite, redactor));
        }
    }
    context.push(entry);
}
