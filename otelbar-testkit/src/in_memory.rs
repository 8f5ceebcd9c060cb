//! An exporter that keeps what it is given.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use crate::SpanTree;

/// A [`SpanExporter`] that keeps spans in memory; clones share them.
///
/// Beside `opentelemetry_sdk`'s own, which its `testing` feature brings along with the SDK's metrics, logs and
/// runtimes, it keeps the spans over a shutdown, can be waited for, tells the resource it was set up with, and
/// fails to order.
///
/// ```
/// use opentelemetry::trace::{Tracer, TracerProvider};
/// use opentelemetry_sdk::trace::SdkTracerProvider;
/// use otelbar_testkit::InMemoryExporter;
///
/// let exporter = InMemoryExporter::new();
/// let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
/// provider.tracer("test").in_span("work", |_| {});
/// assert_eq!(exporter.spans()[0].name, "work");
/// ```
#[derive(Clone, Debug, Default)]
pub struct InMemoryExporter {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    spans: Vec<SpanData>,
    resource: Option<Resource>,
    failures: usize,
    shut_down: bool,
}

impl InMemoryExporter {
    /// An empty exporter.
    pub fn new() -> Self {
        Self::default()
    }

    /// The spans so far, in the order they ended.
    pub fn spans(&self) -> Vec<SpanData> {
        self.lock().spans.clone()
    }

    /// The spans so far, which are then forgotten.
    pub fn take(&self) -> Vec<SpanData> {
        std::mem::take(&mut self.lock().spans)
    }

    /// The spans so far as a tree.
    pub fn tree(&self) -> SpanTree {
        SpanTree::of(&self.lock().spans)
    }

    /// The resource of the provider it was given to.
    pub fn resource(&self) -> Option<Resource> {
        self.lock().resource.clone()
    }

    /// Whether its provider was shut down.
    pub fn is_shut_down(&self) -> bool {
        self.lock().shut_down
    }

    /// Makes the next `count` exports fail and lose their spans.
    pub fn fail_next(&self, count: usize) {
        self.lock().failures = count;
    }

    /// Blocks until `condition` holds for the spans, and gives them.
    ///
    /// # Errors
    ///
    /// Gives the tree of what is there after `timeout`.
    pub fn wait_for(
        &self,
        condition: impl Fn(&[SpanData]) -> bool,
        timeout: Duration,
    ) -> Result<Vec<SpanData>, SpanTree> {
        let started = Instant::now();
        let mut state = self.lock();
        while !condition(&state.spans) {
            let Some(left) = timeout.checked_sub(started.elapsed()) else {
                return Err(SpanTree::of(&state.spans));
            };
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(state.spans.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpanExporter for InMemoryExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let mut state = self.lock();
        if state.shut_down {
            return Err(OTelSdkError::AlreadyShutdown);
        }
        if let Some(left) = state.failures.checked_sub(1) {
            state.failures = left;
            return Err(OTelSdkError::InternalFailure("told to fail".to_owned()));
        }
        state.spans.extend(batch);
        drop(state);
        self.shared.changed.notify_all();
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        self.lock().shut_down = true;
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.lock().resource = Some(resource.clone());
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{Tracer, TracerProvider};
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;

    fn provider(exporter: &InMemoryExporter) -> SdkTracerProvider {
        SdkTracerProvider::builder()
            .with_resource(Resource::builder_empty().with_service_name("shop").build())
            .with_simple_exporter(exporter.clone())
            .build()
    }

    #[test]
    fn spans_outlive_the_provider() {
        let exporter = InMemoryExporter::new();
        let provider = provider(&exporter);
        provider.tracer("t").in_span("work", |_| {});
        provider.shutdown().unwrap();
        assert!(exporter.is_shut_down());
        assert_eq!(exporter.tree().to_string(), "work [internal]\n");
        assert_eq!(exporter.resource().unwrap().get(&"service.name".into()).unwrap().as_str(), "shop");
    }

    #[test]
    fn a_failure_to_order_loses_that_export_alone() {
        let exporter = InMemoryExporter::new();
        let provider = provider(&exporter);
        exporter.fail_next(1);
        for name in ["lost", "kept"] {
            provider.tracer("t").in_span(name, |_| {});
        }
        assert_eq!(exporter.tree().to_string(), "kept [internal]\n");
    }

    #[test]
    fn waiting_ends_with_the_span_or_with_what_is_there() {
        let exporter = InMemoryExporter::new();
        let provider = provider(&exporter);
        let worker = std::thread::spawn(move || provider.tracer("t").in_span("work", |_| {}));
        let spans = exporter.wait_for(|spans| spans.len() == 1, Duration::from_secs(10)).unwrap();
        worker.join().unwrap();
        assert_eq!(spans.len(), 1);
        let missing = exporter.wait_for(|spans| spans.len() == 2, Duration::ZERO).unwrap_err();
        assert_eq!(missing.to_string(), "work [internal]\n");
    }
}
