use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use opentelemetry::trace::SpanId;
use otelbar_convert::panel_data::{Entry, EntryKind, Sql};

use crate::record::{Failure, RequestContext, Scope};

/// A wrapped query.
#[derive(Debug)]
pub(super) struct WrappedQuery {
    context: Arc<RequestContext>,
    parent: SpanId,
    start: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Place of the last query that was recorded in it, or of its failure without one.
    last: Option<usize>,
    failure: Option<Failure>,
    /// Whether what is at `last` was made up for the failure.
    is_made_up: bool,
}

impl WrappedQuery {
    pub(super) fn new(scope: &Scope) -> Self {
        let Scope { context, span } = scope;
        let start = context.now();
        WrappedQuery { context: Arc::clone(context), parent: *span, start, state: Mutex::default() }
    }

    /// Records a query that was made in it. A driver with a thread of its own may tell of it after its failure.
    pub(super) fn record(&self, mut entry: Entry) {
        let mut state = self.lock();
        let Some(failure) = state.failure.clone() else {
            state.last = self.context.push_query(entry, true);
            return;
        };
        failure.apply(&mut entry);
        let is_made_up = std::mem::take(&mut state.is_made_up);
        match state.last {
            Some(place) if is_made_up => {
                self.context.change(place, |made_up| {
                    entry.id = made_up.id;
                    *made_up = entry;
                });
            }
            last => {
                // It was a later one that failed.
                if let Some(place) = last {
                    self.context.change(place, Failure::take_back);
                }
                state.last = self.context.push_query(entry, true);
            }
        }
    }

    pub(super) fn failed(&self, mut failure: Failure) {
        failure.message = self.context.recorder.redactor.cleaned(failure.message).into_owned();
        let mut state = self.lock();
        match state.last {
            Some(place) => self.context.change(place, |entry| failure.apply(entry)),
            None => {
                let sql = Sql::new(self.context.recorder.sql_system.clone(), "");
                let duration = self.context.now().saturating_sub(self.start);
                let mut entry = Entry::new("", duration, EntryKind::Sql(sql));
                entry.parent = Some(self.parent);
                entry.start = Some(self.start);
                failure.apply(&mut entry);
                state.last = self.context.push_query(entry, true);
                state.is_made_up = true;
            }
        }
        state.failure = Some(failure);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
