//! What the pipeline asks of a way to send.

use std::future::Future;

use bytes::Bytes;

use crate::SendError;

/// Sends an encoded request and tells what came back. Cancelled by dropping the future.
pub(crate) trait Transport {
    fn send(&self, body: Bytes) -> impl Future<Output = Result<Acknowledged, SendError>>;
}

/// The backend has taken a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Acknowledged {
    /// Spans it did not want.
    pub(crate) rejected: u64,
    /// Its words about that; a warning when it rejected none.
    pub(crate) message: Option<String>,
}
