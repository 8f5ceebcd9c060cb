//! A request's line in the log.

use std::sync::Arc;

use bytes::Bytes;
use http::request;

use super::read::Message;
use super::received::{ReceivedRequest, Reply, spans_of};
use super::{Received, Shared};

/// A request's line in the log; hyper drops the service's future or the body when the client goes, and that is noted.
pub(super) struct Entry {
    shared: Arc<Shared>,
    index: usize,
    generation: u64,
    settled: bool,
}

impl Entry {
    /// Opens the log's next line; [`Shared::change`] gives `received`.
    pub(super) fn new(
        shared: &Arc<Shared>,
        received: &mut Received,
        head: &request::Parts,
        body: Bytes,
        spans: usize,
    ) -> Self {
        received.requests.push(ReceivedRequest {
            method: head.method.clone(),
            path: head.uri.path_and_query().map_or_else(String::new, ToString::to_string),
            headers: head.headers.clone(),
            body,
            spans,
            reply: Reply::Pending,
        });
        let (index, generation) = (received.requests.len() - 1, received.generation);
        Self { shared: Arc::clone(shared), index, generation, settled: false }
    }

    /// Notes a body that was read after the line was opened.
    pub(super) fn complete(&self, body: Bytes, spans: usize) {
        self.amend(|request| {
            request.body = body;
            request.spans = spans;
        });
    }

    /// Keeps all spans but the last so many; Zipkin's all, since it knows no partial success.
    pub(super) fn keep(&self, message: Message, rejected: i64) {
        match message {
            Message::Otlp(message) => {
                let rejected = usize::try_from(rejected.max(0)).unwrap_or(usize::MAX);
                let mut spans = spans_of(message, self.index);
                spans.truncate(spans.len().saturating_sub(rejected));
                self.shared.change(|received| received.spans.extend(spans));
            }
            Message::Zipkin(mut spans) => {
                spans.iter_mut().for_each(|span| span.request = self.index);
                self.shared.change(|received| received.zipkin_spans.extend(spans));
            }
        }
    }

    pub(super) fn settle(&mut self, reply: Reply) {
        self.settled = true;
        self.amend(|request| request.reply = reply);
    }

    fn amend(&self, change: impl FnOnce(&mut ReceivedRequest)) {
        self.shared.change(|received| {
            // The log may have been cleared while the request hung.
            if received.generation == self.generation {
                change(&mut received.requests[self.index]);
            }
        });
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !self.settled {
            self.settle(Reply::Abandoned);
        }
    }
}
