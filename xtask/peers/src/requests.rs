//! Requests without a network: a root span, or the toolbar's layer around a service, and spans below.

use std::sync::Arc;

use fastrace::prelude::{Span, SpanContext};
use opentelemetry::Context;
use opentelemetry::trace::{TraceContextExt, Tracer};
use tower::Layer;

use crate::recorder::Recorder;
use crate::recording::Recording;
use crate::{service, work};

/// Spans of a request that are counted.
pub(crate) const SPANS: u64 = 100;

/// Serves one request with so many spans and its own.
pub(crate) fn request(recording: &Arc<Recording>, spans: u64) -> Box<dyn FnMut()> {
    let recording = Arc::clone(recording);
    match recording.recorder() {
        Recorder::Sdk => Box::new(move || {
            let Some(tracer) = recording.tracer() else { return };
            let root = tracer.start_with_context("request", &Context::new());
            let _current = Context::new().with_span(root).attach();
            work::spans(&recording, spans);
        }),
        Recorder::Fastrace => Box::new(move || {
            let root = Span::root("request", SpanContext::random());
            let _current = root.set_local_parent();
            work::spans(&recording, spans);
        }),
        _ => Box::new(move || {
            let work = || work::spans(&recording, spans);
            match recording.toolbar() {
                Some(toolbar) => service::serve(&mut toolbar.layer().layer(service::service(work))),
                None => service::serve(&mut service::service_in_span(work)),
            }
        }),
    }
}
