use super::attached::Attached;
use crate::record::Outcome;

/// A response's body that is being sent.
#[derive(Debug)]
pub(super) struct BodyWatch {
    /// `None` once the request has ended.
    attached: Option<Attached>,
    /// How much the application's own body has, where the head or the body tells.
    expected: Option<u64>,
    sent: u64,
}

impl BodyWatch {
    /// Ends the request when as much was sent as is expected, if that is known.
    pub(super) fn new(attached: Attached, expected: Option<u64>) -> Self {
        BodyWatch { attached: Some(attached), expected, sent: 0 }
    }

    pub(super) fn run<T>(&self, f: impl FnOnce() -> T) -> T {
        match &self.attached {
            Some(attached) => attached.run(f),
            None => f(),
        }
    }

    pub(super) fn sent(&mut self, bytes: u64) {
        self.sent += bytes;
        if self.is_whole() {
            self.completed();
        }
    }

    /// Whether as much was sent as was told.
    pub(super) fn is_whole(&self) -> bool {
        self.expected.is_some_and(|expected| self.sent >= expected)
    }

    pub(super) fn completed(&mut self) {
        self.end(Outcome::Completed);
    }

    pub(super) fn failed(&mut self, error: &'static str) {
        self.end(Outcome::Failed(error));
    }

    fn end(&mut self, outcome: Outcome) {
        if let Some(Attached { context, .. }) = self.attached.take() {
            context.sent(self.sent);
            context.finish(outcome);
        }
    }
}

impl Drop for BodyWatch {
    fn drop(&mut self) {
        self.end(Outcome::ClientGone);
    }
}
