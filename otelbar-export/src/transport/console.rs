//! Spans on standard output or standard error.

mod sink;

use bytes::Bytes;

pub(crate) use sink::Console;

use crate::error::SendError;
use crate::transport::{Acknowledged, Payload, Transport};

/// Which of the process's outputs spans are written to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConsoleTarget {
    /// Standard output.
    #[default]
    Stdout,
    /// Standard error.
    Stderr,
}

impl ConsoleTarget {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// Writes batches as they are.
pub(crate) struct ConsoleTransport {
    console: Console,
    target: ConsoleTarget,
}

impl ConsoleTransport {
    pub(crate) fn new(console: Console, target: ConsoleTarget) -> Self {
        Self { console, target }
    }
}

impl Transport for ConsoleTransport {
    fn pack(&self, body: Bytes) -> Payload {
        Payload { frame: Bytes::new(), body, coding: None }
    }

    /// Without a limit in time: who stops a terminal's output wants to read, and then the rest.
    async fn send(&self, payload: Payload) -> Result<Acknowledged, SendError> {
        let target = self.target.as_str();
        let written = self.console.write(payload.body).await;
        written.map(|()| Acknowledged::default()).map_err(|error| SendError::Write { target, error })
    }
}
