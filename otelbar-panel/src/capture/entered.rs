//! The spans that this thread is in, each as the active span of the OpenTelemetry context.
//!
//! What knows the OpenTelemetry context alone (an appender of logs, a propagator, a library with spans of its own) is
//! to see the span that is current, so a context that names it is attached for as long as the thread is in the span.

use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::sync::Arc;

use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, ContextGuard};
use tracing::span::Id;

use super::layer_id::LayerId;
use crate::record::{Active, Scope};

thread_local! {
    /// Spans may be left in another order than they were entered in.
    static ENTERED: RefCell<Vec<Entered>> = const { RefCell::new(Vec::new()) };
    /// Whether the request's own context is about to be attached.
    static ATTACHES_REQUEST: Cell<bool> = const { Cell::new(false) };
}

/// A span that the thread is in.
struct Entered {
    /// Ids are those of one subscriber.
    layer: LayerId,
    id: Id,
    scope: Scope,
    /// One that is still here when the thread ends is forgotten, since contexts are gone by then.
    attached: Option<ManuallyDrop<ContextGuard>>,
}

/// The thread enters the span.
pub(super) fn enter(layer: LayerId, id: &Id, scope: Scope) {
    let _ = ENTERED.try_with(|entered| {
        let attached = (!(scope.is_request() && ATTACHES_REQUEST.get())).then(|| {
            let named = Context::map_current(|cx| {
                let named = cx.with_remote_span_context(scope.span_context());
                // In a task of its own the span is all there is.
                match cx.get::<Active>() {
                    Some(Active(context)) if Arc::ptr_eq(context, &scope.context) => named,
                    _ => named.with_value(Active(Arc::clone(&scope.context))),
                }
            });
            ManuallyDrop::new(named.attach())
        });
        entered.borrow_mut().push(Entered { layer, id: id.clone(), scope, attached });
    });
}

/// The thread leaves the span.
pub(super) fn exit(layer: LayerId, id: &Id) {
    let left = ENTERED.try_with(|entered| {
        let mut entered = entered.borrow_mut();
        let place = entered.iter().rposition(|span| span.id == *id && span.layer == layer)?;
        Some(entered.remove(place))
    });
    // Dropped when nothing is borrowed: the context that goes may hold values of the application.
    if let Ok(Some(Entered { attached: Some(attached), .. })) = left {
        drop(ManuallyDrop::into_inner(attached));
    }
}

/// The scope of this span, if it is the one that the thread has entered last.
pub(super) fn innermost(layer: LayerId, id: &Id) -> Option<Scope> {
    let scope = ENTERED.try_with(|entered| {
        let entered = entered.borrow();
        let last = entered.last().filter(|last| last.id == *id && last.layer == layer)?;
        Some(last.scope.clone())
    });
    scope.ok().flatten()
}

/// Enters the request's own span, for a context of which the caller attaches itself what is attached else.
pub(crate) fn enter_request<T>(enter: impl FnOnce() -> T) -> T {
    /// Other layers are told of the span as well, and may panic.
    struct Reset;

    impl Drop for Reset {
        fn drop(&mut self) {
            ATTACHES_REQUEST.set(false);
        }
    }

    ATTACHES_REQUEST.set(true);
    let _reset = Reset;
    enter()
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    /// Or else the next task of the request on this thread had no context.
    #[test]
    fn a_layer_that_panics_leaves_nothing_behind() {
        let panicked = catch_unwind(AssertUnwindSafe(|| enter_request(|| panic!("a layer's own"))));
        assert!(panicked.is_err() && !ATTACHES_REQUEST.get());
    }
}
