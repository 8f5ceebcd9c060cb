use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use otelbar_convert::redact::Redactor;
use otelbar_convert::{Conventions, PanelDataConverter};

use otelbar_propagation::Propagators;

use crate::capture::ReachProbe;
use crate::handover::Handover;
use crate::request::Limits;

/// What all requests of a toolbar share while they are recorded.
#[derive(Debug)]
pub(crate) struct Recorder {
    pub(crate) limits: Limits,
    pub(crate) captured: Captured,
    pub(crate) redactor: Redactor,
    pub(crate) propagators: Arc<Propagators>,
    pub(crate) converter: PanelDataConverter,
    /// By which names attributes go that are exported; the page knows the stable ones.
    pub(crate) conventions: Conventions,
    pub(crate) counters: Counters,
    pub(crate) handover: Handover,
    /// Whether what the application tells `tracing` comes here.
    pub(crate) reach: Arc<ReachProbe>,
    /// `db.system.name` of queries whose source does not say which database they went to.
    pub(crate) sql_system: String,
}

/// What is recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Captured {
    pub(crate) sql: bool,
    pub(crate) templates: bool,
    pub(crate) http: bool,
    pub(crate) logs: bool,
}

/// What was left out at capture, for all requests.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Requests that found the hand-over full.
    pub(crate) requests: Counter,
    pub(crate) spans: Counter,
    pub(crate) logs: Counter,
    pub(crate) attributes: Counter,
    /// Logs whose span had been exported before they came.
    pub(crate) late: Counter,
    /// Faults of the toolbar's own, each of which has cost one request's view or export.
    pub(crate) panics: Counter,
}

/// A count that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, n: u64) {
        if n > 0 {
            self.0.fetch_add(n, Ordering::Relaxed);
        }
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
