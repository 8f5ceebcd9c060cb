//! Spans kept as the toolbar's store keeps its own: until the process ends, in no more memory than they need.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use std::{fmt, mem};

use fastrace::collector::{Reporter, SpanRecord};
use opentelemetry::Context;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

/// So many that the list of them does not grow while bytes are counted.
const ROOM: usize = 10_000;

/// What was kept, a batch each.
pub(super) struct Kept<T>(Vec<Box<[T]>>);

impl<T> Kept<T> {
    fn keep(&mut self, batch: Vec<T>) {
        if !batch.is_empty() {
            self.0.push(batch.into_boxed_slice());
        }
    }
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Kept(Vec::with_capacity(ROOM))
    }
}

impl<T> fmt::Debug for Kept<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kept").field(&self.0.len()).finish()
    }
}

impl Reporter for Kept<SpanRecord> {
    fn report(&mut self, spans: Vec<SpanRecord>) {
        self.keep(spans);
    }
}

/// Keeps what the SDK records: a batch is what ended since the last flush.
#[derive(Debug, Default)]
pub(super) struct Keep(Mutex<(Vec<SpanData>, Kept<SpanData>)>);

impl SpanProcessor for Keep {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.push(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        let mut spans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let batch = mem::take(&mut spans.0);
        spans.1.keep(batch);
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}
