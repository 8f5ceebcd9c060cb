//! What became of a request's spans on their way to the backend.

use std::sync::{Mutex, PoisonError};

use otelbar_export::{Delivery as Stage, DropReason, Receipt};

/// The delivery record of a request: what the exporter's receipts say of it.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    start: Start,
    /// The latest receipt of each hand-over: the spans at the request's end, and what ended after it.
    receipts: Vec<Receipt>,
}

/// How a record begins.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Start {
    /// No exporter is configured.
    #[default]
    Disabled,
    /// The trace is not sampled, so the page alone has it.
    NotSampled,
    /// It will be exported.
    Pending,
}

/// The state of a delivery, and a sentence where there is more to say.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) name: &'static str,
    pub(crate) detail: Option<String>,
}

impl Delivery {
    pub(crate) fn start(&self, start: Start) {
        self.lock().start = start;
    }

    pub(crate) fn receive(&self, receipt: &Receipt) {
        let receipts = &mut self.lock().receipts;
        let same = |old: &Receipt| {
            old.id.is_some() && old.id == receipt.id && old.destination == receipt.destination
        };
        match receipts.iter_mut().find(|old| same(old)) {
            Some(old) => *old = receipt.clone(),
            None => receipts.push(receipt.clone()),
        }
    }

    /// Whether the backend has acknowledged everything handed over so far.
    pub(crate) fn is_accepted(&self) -> bool {
        self.state().name == "accepted"
    }

    /// The worst of its parts, once all are settled.
    pub(crate) fn state(&self) -> State {
        let inner = self.lock();
        let worst = inner.receipts.iter().max_by_key(|receipt| weight(&receipt.delivery));
        let Some(receipt) = worst else {
            let name = match inner.start {
                Start::Disabled => "disabled",
                Start::NotSampled => "not_sampled",
                Start::Pending => "pending",
            };
            return State { name, detail: None };
        };
        let (name, detail) = match &receipt.delivery {
            Stage::Accepted { warning: None } => ("accepted", None),
            Stage::Accepted { warning: Some(warning) } => ("accepted", Some(warning.to_string())),
            Stage::Queued => ("queued", None),
            Stage::InFlight { attempt: 1 } => ("queued", None),
            partly @ Stage::PartlyRejected { .. } => ("partial", Some(partly.to_string())),
            Stage::Dropped {
                reason: reason @ (DropReason::QueueFull { .. } | DropReason::ShutDown | DropReason::Closed),
            } => ("dropped", Some(reason.to_string())),
            Stage::Dropped { reason } => ("failed", Some(reason.to_string())),
            other => ("queued", Some(other.to_string())),
        };
        State { name, detail }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn weight(stage: &Stage) -> u8 {
    match stage {
        Stage::Accepted { .. } => 0,
        Stage::PartlyRejected { .. } => 1,
        Stage::Dropped { .. } => 2,
        // What is under way is not known yet, whatever became of the rest.
        _ => 3,
    }
}
