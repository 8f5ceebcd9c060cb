//! One request: what is recorded of it, and how it is found again.

mod adopted;
mod context;
mod current;
mod limits;
mod queries;
mod recording;
mod summary;

pub(crate) use context::{RequestContext, Service};
pub(crate) use current::{Active, Scope, SpanHandle};
pub use current::{RequestHandle, current};
pub(crate) use limits::Limits;
pub(crate) use recording::Outcome;

#[cfg(test)]
pub(crate) use tests::{test_context, test_log};

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
    use opentelemetry_sdk::Resource;
    use otelbar_convert::panel_data::{Level, Log, Request, Source};
    use otelbar_convert::redact::Redactor;
    use otelbar_convert::{Conventions, PanelDataConverter};

    use super::*;
    use crate::handover::Handover;
    use crate::propagation::Propagation;
    use crate::recorder::{Captured, Counters, Open, Recorder};

    /// A request that is recorded behind this hand-over.
    pub(crate) fn test_context(handover: Handover) -> Arc<RequestContext> {
        let recorder = Arc::new(Recorder {
            limits: Limits { spans: 10, logs: 10, attributes: 10, events: 10, links: 10, value_length: 100 },
            captured: Captured { sql: true, templates: true, http: true, logs: true },
            redactor: Redactor::default(),
            propagators: Arc::default(),
            converter: PanelDataConverter::default(),
            conventions: Conventions::default(),
            counters: Counters::default(),
            open: Open::new(usize::MAX),
            handover,
            reach: Arc::default(),
            sql_system: "sqlite".to_owned(),
        });
        let span_context = SpanContext::new(
            TraceId::from(1),
            SpanId::from(1),
            TraceFlags::SAMPLED,
            false,
            TraceState::default(),
        );
        let service =
            Arc::new(Service { name: "test".to_owned(), resource: Resource::builder_empty().build() });
        RequestContext::open(recorder, service, span_context, Propagation::default(), Request::default())
    }

    pub(crate) fn test_log() -> Log {
        Log {
            span: None,
            time: Duration::ZERO,
            level: Level::Info,
            source: Source::default(),
            message: "said".into(),
            attributes: Vec::new(),
        }
    }
}
