//! Spans on standard output or standard error.

mod sink;

use std::fmt;

use bytes::Bytes;

pub(crate) use sink::Console;

use crate::transport::error::SendError;
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

/// In what form spans are written to a console.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConsoleFormat {
    /// For people: each trace of a batch as a tree of its spans in the order of their start, with times relative to the
    /// trace's first span.
    ///
    /// ```text
    /// trace 0af7651916cd43dd8448eb211c80319c, 2 spans, 1 error, 12.3 ms, from 2023-11-14T22:13:20.000000000Z
    ///      +0 ns    12.3 ms  shop: GET /cart [server]
    ///                        │ http.route = "/cart"
    ///   +1.20 ms    3.40 ms  └─ SELECT cart [client] ERROR "no such table"
    ///                             db.system.name = "sqlite"
    ///   +4.50 ms                  * exception
    ///                                 exception.type = "SqliteError"
    /// ```
    ///
    /// What can't be printed is escaped, so that no name or value can move the cursor or pass for a line of its own.
    /// Scopes, attributes of resources and ids of spans are not shown. The form may change at any time: let programs
    /// read [`Json`](Self::Json).
    #[default]
    Readable,
    /// For programs: the JSON lines of the OpenTelemetry specification's "OTLP File Exporter", a batch on each. Needs the
    /// feature `json`.
    Json,
}

impl fmt::Display for ConsoleFormat {
    /// The name it has in `OTELBAR_CONSOLE_FORMAT`: `readable` or `json`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Readable => "readable",
            Self::Json => "json",
        })
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
