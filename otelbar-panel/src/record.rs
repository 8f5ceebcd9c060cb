//! The requests: what is recorded of each, within which limits, and where it is held.

mod adopted;
mod context;
mod counters;
mod failure;
mod fields;
mod handle;
mod head;
mod id;
mod journal;
mod limits;
pub(crate) mod propagation;
mod propagation_headers;
pub(crate) mod query;
mod query_failures;
mod queue;
mod reach;
mod recorder;
mod recording;
mod scope;
mod service_info;
mod sink;
mod snapshot;
mod store;
mod summary;

pub(crate) use context::RequestContext;
pub(crate) use counters::{Counters, Open};
pub(crate) use failure::Failure;
pub(crate) use fields::{FieldList, Fields, RecordedValue};
pub use handle::RequestHandle;
pub(crate) use head::RequestHead;
pub(crate) use id::{new_span_id, new_trace_id};
pub(crate) use limits::RecordingLimits;
pub(crate) use propagation::Propagation;
pub(crate) use propagation_headers::PropagationHeaders;
pub(crate) use queue::{Due, Queue, Waiting};
pub(crate) use reach::{KnownReach, Reach};
pub(crate) use recorder::{Captured, Recorder};
pub(crate) use recording::Outcome;
pub(crate) use scope::{Active, Scope};
pub(crate) use service_info::ServiceInfo;
pub(crate) use sink::Sink;
pub(crate) use snapshot::Freshness;
pub(crate) use store::{Held, Store};

#[cfg(test)]
pub(crate) use tests::{test_context, test_context_in, test_log};

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Weak};

    use http::{Method, Version};
    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
    use opentelemetry_sdk::Resource;
    use otelbar_convert::panel_data::{Level, Log};
    use otelbar_convert::redact::Redactor;
    use otelbar_convert::{Conventions, PanelDataConverter};
    use otelbar_propagation::Propagators;

    use super::*;

    /// A request that is recorded.
    pub(crate) fn test_context() -> Arc<RequestContext> {
        test_context_in(Weak::new(), Queue::new(usize::MAX).0)
    }

    /// A request that goes to this store when it ends, and to this queue to be exported.
    pub(crate) fn test_context_in(
        store: Weak<Store>,
        queue: Queue<Arc<RequestContext>>,
    ) -> Arc<RequestContext> {
        let sink = Arc::new(Sink { store, queue, exports: true });
        let recorder = Arc::new(Recorder {
            limits: RecordingLimits {
                spans: 10,
                logs: 10,
                attributes: 10,
                events: 10,
                links: 10,
                value_length: 100,
            },
            captured: Captured { sql: true, templates: true, http: true, logs: true },
            redactor: Redactor::default(),
            propagators: Arc::default(),
            propagation_headers: PropagationHeaders::new(&Propagators::default()),
            converter: PanelDataConverter::default(),
            conventions: Conventions::default(),
            counters: Counters::default(),
            open: Open::new(usize::MAX),
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
            Arc::new(ServiceInfo { name: "test".to_owned(), resource: Resource::builder_empty().build() });
        RequestContext::open(
            recorder,
            sink,
            service,
            span_context,
            Propagation::default(),
            RequestHead {
                method: Method::GET,
                version: Version::HTTP_11,
                scheme: "http".into(),
                path: "/",
                query: None,
                host: None,
                port: None,
                user_agent: None,
                route: None,
                client: None,
                peer: None,
            },
        )
    }

    pub(crate) fn test_log() -> Log {
        Log::new(Level::Info, "said")
    }
}
