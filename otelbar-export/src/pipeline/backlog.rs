//! The spool as a worker uses it: its calls block, so they are made off the pipeline's thread.

use std::sync::{Arc, Mutex, PoisonError};

use crate::spool::{Pushed, Record, RecordId, Spool, SpoolError};

#[derive(Clone, Debug)]
pub(crate) struct Backlog {
    spool: Arc<Mutex<Spool>>,
}

/// How a spool stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holdings {
    /// Those that are being sent too.
    pub(crate) spans: u64,
    pub(crate) bytes: u64,
    /// Spans of earlier processes.
    pub(crate) recovered: u64,
    /// Spans that could not be read again.
    pub(crate) damaged: u64,
}

impl Backlog {
    pub(crate) fn new(spool: Spool) -> Self {
        Self { spool: Arc::new(Mutex::new(spool)) }
    }

    pub(crate) async fn push(&self, record: Record) -> Option<Pushed> {
        self.call(move |spool| spool.push(&record)).await
    }

    pub(crate) async fn oldest(&self) -> Result<Option<(RecordId, Record)>, SpoolError> {
        self.call(Spool::oldest).await.unwrap_or(Ok(None))
    }

    /// The records found damaged since this was asked last.
    pub(crate) fn take_lost(&self) -> Vec<RecordId> {
        self.spool.lock().unwrap_or_else(PoisonError::into_inner).take_lost()
    }

    pub(crate) async fn remove(&self, id: RecordId) {
        self.call(move |spool| spool.remove(id)).await;
    }

    pub(crate) fn holdings(&self) -> Holdings {
        let spool = self.spool.lock().unwrap_or_else(PoisonError::into_inner);
        Holdings {
            spans: spool.spans(),
            bytes: spool.bytes(),
            recovered: spool.recovered(),
            damaged: spool.damaged().spans,
        }
    }

    /// `None` only when the runtime is at its end.
    async fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut Spool) -> T + Send + 'static,
    ) -> Option<T> {
        let spool = Arc::clone(&self.spool);
        let called = move || call(&mut spool.lock().unwrap_or_else(PoisonError::into_inner));
        tokio::task::spawn_blocking(called).await.ok()
    }
}
