use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use tracing::level_filters::{LevelFilter, STATIC_MAX_LEVEL};

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

    fn from_byte(byte: u8) -> Self {
        Reach::ALL.get(usize::from(byte)).copied().unwrap_or(Reach::Unknown)
    }

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

/// What is known of it so far, from the first requests.
#[derive(Debug, Default)]
pub(crate) struct KnownReach {
    /// Whether the capture layer has seen a request's own span.
    seen: AtomicBool,
    found: AtomicU8,
}

impl KnownReach {
    /// The capture layer sees a request's own span.
    pub(crate) fn see_request(&self) {
        if !self.has_seen_request() {
            self.seen.store(true, Ordering::Relaxed);
        }
    }

    pub(crate) fn has_seen_request(&self) -> bool {
        self.seen.load(Ordering::Relaxed)
    }

    pub(crate) fn reach(&self) -> Reach {
        Reach::from_byte(self.found.load(Ordering::Relaxed))
    }

    pub(crate) fn set(&self, found: Reach) {
        self.found.store(found as u8, Ordering::Relaxed);
    }

    /// Adds to what was found that queries are hidden.
    pub(crate) fn queries_are_hidden(&self) {
        let change = |found: u8| match Reach::from_byte(found) {
            Reach::Everything => Some(Reach::QueriesHidden as u8),
            Reach::RequestHidden => Some(Reach::BothHidden as u8),
            _ => None,
        };
        let _ = self.found.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change);
    }
}
