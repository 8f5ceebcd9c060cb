//! The current `tracing` span as the active span of the OpenTelemetry context.
//!
//! What knows the OpenTelemetry context alone (an appender of logs, a propagator, a library with spans of its own) is
//! to see the span that is current, so a context that names it is attached for as long as the thread is in the span.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::sync::Arc;

use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, ContextGuard};
use tracing::span::Id;

use crate::record::{Active, Scope};

thread_local! {
    /// What is attached on this thread. Spans may be left in another order than they were entered in. A guard that is
    /// still here when the thread ends is forgotten, since contexts are gone by then.
    static ATTACHED: RefCell<Vec<(Id, ManuallyDrop<ContextGuard>)>> = const { RefCell::new(Vec::new()) };
}

/// The thread enters the span.
pub(super) fn enter(id: &Id, scope: &Scope) {
    let _ = ATTACHED.try_with(|attached| {
        let named = Context::map_current(|cx| {
            let named = cx.with_remote_span_context(scope.span_context());
            // In a task of its own the span is all there is.
            match cx.get::<Active>() {
                Some(Active(context)) if Arc::ptr_eq(context, &scope.context) => named,
                _ => named.with_value(Active(Arc::clone(&scope.context))),
            }
        });
        let guard = named.attach();
        attached.borrow_mut().push((id.clone(), ManuallyDrop::new(guard)));
    });
}

/// The thread leaves the span.
pub(super) fn exit(id: &Id) {
    let guard = ATTACHED.try_with(|attached| {
        let mut attached = attached.borrow_mut();
        let place = attached.iter().rposition(|(entered, _)| entered == id)?;
        Some(attached.remove(place).1)
    });
    // Dropped when nothing is borrowed: the context that goes may hold values of the application.
    if let Ok(Some(guard)) = guard {
        drop(ManuallyDrop::into_inner(guard));
    }
}
