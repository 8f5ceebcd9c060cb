//! Finds out what of `tracing` reaches the toolbar, at the first requests.

use std::sync::Arc;

use tracing::subscriber::NoSubscriber;
use tracing::{Dispatch, Level, dispatcher};

use super::{CaptureLayer, sqlx};
use crate::record::{KnownReach, Reach};

/// Looks what became of a request's span that has just been opened. A problem is looked at again with each request, as
/// the subscriber may be installed later.
pub(crate) fn request_opened(known: &Arc<KnownReach>, wants_queries: bool) {
    let before = known.reach();
    let seen = known.has_seen_request();
    match before {
        Reach::Everything | Reach::QueriesHidden => return,
        Reach::RequestHidden | Reach::BothHidden if !seen => return,
        _ => {}
    }
    let found = dispatcher::get_default(|dispatch| match () {
        () if seen => Reach::Everything,
        () if dispatch.is::<NoSubscriber>() => Reach::NoSubscriber,
        () if dispatch.is::<CaptureLayer>() => Reach::RequestHidden,
        () => Reach::NoLayer,
    });
    if found == before {
        return;
    }
    known.set(found);
    if matches!(found, Reach::Everything | Reach::RequestHidden) && wants_queries {
        probe_queries(Arc::clone(known), dispatcher::get_default(Dispatch::clone));
    }
    if let Some(problem) = found.problem() {
        tracing::warn!(target: "otelbar", "{problem}");
    }
}

/// Asks the subscriber for the queries of `sqlx`. On a thread of its own: the filters of layers keep in their thread
/// what they last said, for the event that then comes.
fn probe_queries(known: Arc<KnownReach>, dispatch: Dispatch) {
    let probe = move || {
        let shown =
            dispatcher::with_default(&dispatch, || tracing::enabled!(target: sqlx::TARGET, Level::DEBUG));
        if !shown {
            known.queries_are_hidden();
        }
    };
    // Without a thread it stays unknown whether queries are hidden.
    let _ = std::thread::Builder::new().name("otelbar-probe".into()).spawn(probe);
}
