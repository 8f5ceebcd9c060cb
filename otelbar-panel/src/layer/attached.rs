use std::sync::Arc;

use opentelemetry::Context;
use tracing::Span;

use crate::record::RequestContext;
use crate::{capture, panics};

/// What is attached whenever a request's code runs, and the request that is told how long that took.
#[derive(Clone, Debug)]
pub(super) struct Attached {
    pub(super) context: Arc<RequestContext>,
    pub(super) otel: Context,
    pub(super) span: Span,
}

impl Attached {
    pub(super) fn run<T>(&self, f: impl FnOnce() -> T) -> T {
        // The span first: other layers attach a context of their own when it is entered, and the request's is nearer.
        let _span = capture::enter_request(|| self.span.enter());
        let _otel = self.otel.clone().attach();
        // What is dropped by a panic does not panic.
        if std::thread::panicking() {
            return self.context.work(f);
        }
        // Now, for the unwinding may be caught before anything of the request is dropped.
        panics::watch(|| self.context.work(f), |exception| self.context.panicked(exception))
    }
}
