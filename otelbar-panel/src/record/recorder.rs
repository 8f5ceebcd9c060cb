use std::sync::Arc;

use otelbar_convert::redact::Redactor;
use otelbar_convert::{Conventions, PanelDataConverter};
use otelbar_propagation::Propagators;

use super::counters::{Counters, Open};
use super::limits::RecordingLimits;
use super::propagation_headers::PropagationHeaders;
use super::reach::KnownReach;

/// What all requests of a toolbar share while they are recorded.
#[derive(Debug)]
pub(crate) struct Recorder {
    pub(crate) limits: RecordingLimits,
    pub(crate) captured: Captured,
    pub(crate) redactor: Redactor,
    pub(crate) propagators: Arc<Propagators>,
    pub(crate) propagation_headers: PropagationHeaders,
    pub(crate) converter: PanelDataConverter,
    /// By which names attributes go that are exported; the page knows the stable ones.
    pub(crate) conventions: Conventions,
    pub(crate) counters: Counters,
    pub(crate) open: Open,
    /// Whether what the application tells `tracing` comes here.
    pub(crate) reach: Arc<KnownReach>,
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
