use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use tracing::level_filters::{LevelFilter, STATIC_MAX_LEVEL};
use tracing::subscriber::NoSubscriber;
use tracing::{Dispatch, Level, dispatcher};

use super::{CaptureLayer, sqlx};

/// What of `tracing` reaches the toolbar, which the toolbar knows by its own request spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Reach {
    /// There was no request yet.
    Unknown,
    Everything,
    /// There is no subscriber.
    NoSubscriber,
    /// The subscriber is without the toolbar's layer.
    NoLayer,
    /// A filter hides the request's own span.
    RequestHidden,
    /// A filter hides `sqlx`'s queries.
    QueriesHidden,
    BothHidden,
}

impl Reach {
    const ALL: [Reach; 7] = [
        Reach::Unknown,
        Reach::Everything,
        Reach::NoSubscriber,
        Reach::NoLayer,
        Reach::RequestHidden,
        Reach::QueriesHidden,
        Reach::BothHidden,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Reach::Unknown => "unknown",
            Reach::Everything => "ok",
            Reach::NoSubscriber => "no_subscriber",
            Reach::NoLayer => "missing",
            Reach::RequestHidden | Reach::QueriesHidden | Reach::BothHidden => "filtered",
        }
    }

    /// What is wrong, and the remedy.
    pub(crate) fn problem(self) -> Option<String> {
        const LAYER: &str = "tracing_subscriber::registry().with(toolbar.tracing_layer()).init()";
        Some(match self {
            Reach::Unknown | Reach::Everything => return None,
            Reach::NoSubscriber => format!(
                "No tracing subscriber is installed, so spans, logs and queries of tracing are not recorded. Install \
                 one before the first request: {LAYER}."
            ),
            Reach::NoLayer => format!(
                "The tracing subscriber is without the toolbar's layer, so spans, logs and queries of tracing are not \
                 recorded. Add it: {LAYER}."
            ),
            Reach::RequestHidden => format!(
                "{Hidden} the toolbar's request span (target otelbar::request, level ERROR), \
                 so work in spawned tasks and on other threads, such as sqlx's queries to SQLite, is not recorded. {REMEDY}, \
                 or let the span through: otelbar::request=error."
            ),
            Reach::QueriesHidden => format!(
                "{Hidden} what is logged at the level DEBUG by target sqlx::query, so sqlx's \
                 queries are not recorded. {REMEDY}, or let them through: sqlx::query=debug."
            ),
            Reach::BothHidden => format!(
                "{Hidden} the toolbar's request span (target otelbar::request, level ERROR) and \
                 sqlx's queries (target sqlx::query, level DEBUG), so queries, and work in spawned tasks and on other \
                 threads, are not recorded. {REMEDY}, or let both through: otelbar::request=error,sqlx::query=debug."
            ),
        })
    }
}

const REMEDY: &str =
    "Give the filter to the layer that writes the log, with .with_filter(…), rather than to the subscriber";

/// What hides: a filter, or what the program was compiled with.
struct Hidden;

impl fmt::Display for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match STATIC_MAX_LEVEL < LevelFilter::DEBUG {
            true => write!(
                f,
                "The program is compiled with tracing up to {STATIC_MAX_LEVEL} (a feature max_level_… of the crate tracing), which hides"
            ),
            false => f.write_str("A filter of the whole subscriber hides"),
        }
    }
}

/// Finds out what of `tracing` reaches the toolbar, at the first requests.
#[derive(Debug, Default)]
pub(crate) struct ReachProbe {
    /// Whether the capture layer has seen a request's own span.
    seen: AtomicBool,
    found: AtomicU8,
}

impl ReachProbe {
    pub(crate) fn see_request(&self) {
        if !self.seen.load(Ordering::Relaxed) {
            self.seen.store(true, Ordering::Relaxed);
        }
    }

    pub(crate) fn reach(&self) -> Reach {
        Reach::ALL.get(usize::from(self.found.load(Ordering::Relaxed))).copied().unwrap_or(Reach::Unknown)
    }

    /// Looks what became of a request's span that has just been opened. A problem is looked at again with each request,
    /// as the subscriber may be installed later.
    pub(crate) fn opened(self: &Arc<Self>, wants_queries: impl FnOnce() -> bool) {
        let before = self.reach();
        let seen = self.seen.load(Ordering::Relaxed);
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
        self.found.store(found as u8, Ordering::Relaxed);
        if matches!(found, Reach::Everything | Reach::RequestHidden) && wants_queries() {
            self.probe_queries(dispatcher::get_default(Dispatch::clone));
        }
        if let Some(problem) = found.problem() {
            tracing::warn!(target: "otelbar", "{problem}");
        }
    }

    /// Asks the subscriber for the queries of `sqlx`. On a thread of its own: the filters of layers keep in their thread
    /// what they last said, for the event that then comes.
    fn probe_queries(self: &Arc<Self>, dispatch: Dispatch) {
        let own = Arc::clone(self);
        let probe = move || {
            let shown =
                dispatcher::with_default(&dispatch, || tracing::enabled!(target: sqlx::TARGET, Level::DEBUG));
            if shown {
                return;
            }
            let change = |found: Reach| match found {
                Reach::Everything => Some(Reach::QueriesHidden),
                Reach::RequestHidden => Some(Reach::BothHidden),
                _ => None,
            };
            let _ = own.found.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |found| {
                change(*Reach::ALL.get(usize::from(found))?).map(|found| found as u8)
            });
        };
        // Without a thread it stays unknown whether queries are hidden.
        let _ = std::thread::Builder::new().name("otelbar-probe".into()).spawn(probe);
    }
}
