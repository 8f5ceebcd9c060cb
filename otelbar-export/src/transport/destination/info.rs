//! How receipts and statistics name a destination.

use std::fmt;
use std::sync::Arc;

use crate::transport::protocol::Protocol;

/// Names one of the destinations of a pipeline in receipts and [`Statistics`](crate::Statistics).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct DestinationInfo {
    /// Its place among the pipeline's destinations, from 0 on.
    pub index: usize,
    /// Its name: that of its kind unless it was given one.
    pub name: Arc<str>,
    /// What it takes.
    pub kind: DestinationKind,
    /// Its address without a query, which may hold a secret; `stdout` or `stderr` for a console.
    pub endpoint: Arc<str>,
}

impl DestinationInfo {
    /// One that has the name of its kind.
    #[cfg(test)]
    pub(crate) fn new(index: usize, kind: DestinationKind, endpoint: &str) -> Self {
        Self { index, name: kind.to_string().into(), kind, endpoint: endpoint.into() }
    }
}

impl fmt::Display for DestinationInfo {
    /// Its address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.endpoint)
    }
}

/// What a destination takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DestinationKind {
    /// OTLP, spoken in this way.
    Otlp(Protocol),
    /// JSON of Zipkin's version 2 over HTTP.
    Zipkin,
    /// Text on the process's standard output or error.
    Console,
}

impl DestinationKind {
    /// The name it has in `OTEL_TRACES_EXPORTER`: `otlp`, `zipkin` or `console`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Otlp(_) => "otlp",
            Self::Zipkin => "zipkin",
            Self::Console => "console",
        }
    }
}

impl fmt::Display for DestinationKind {
    /// As [`as_str`](Self::as_str).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
