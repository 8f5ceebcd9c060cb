//! Where a pipeline sends spans.

use std::fmt;
use std::sync::Arc;

use otelbar_config::Protocol;

/// One of the places a pipeline sends spans to. Each has a queue, a breaker and an [`Statistics`](crate::Statistics) of its
/// own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Destination {
    /// Its place among the pipeline's destinations, from 0 on.
    pub index: usize,
    /// What it takes.
    pub kind: DestinationKind,
    /// Its address without a query, which may hold a secret; `stdout` or `stderr` for a console.
    pub endpoint: Arc<str>,
}

impl fmt::Display for Destination {
    /// Its address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.endpoint)
    }
}

/// What a [`Destination`] takes.
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

impl fmt::Display for DestinationKind {
    /// The name it has in `OTEL_TRACES_EXPORTER`: `otlp`, `zipkin` or `console`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Otlp(_) => "otlp",
            Self::Zipkin => "zipkin",
            Self::Console => "console",
        })
    }
}
