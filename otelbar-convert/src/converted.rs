use std::time::Duration;

use opentelemetry::Value;
use opentelemetry_sdk::trace::SpanData;

use crate::{Finding, Report};

/// A request as spans.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Converted {
    /// The spans: the root first, parents before their children, siblings by their start.
    pub spans: Vec<ConvertedSpan>,
    /// What is wrong with the request.
    pub findings: Vec<Finding>,
    /// What could not be taken as it was.
    pub report: Report,
}

/// A span, with what a page shows beside it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConvertedSpan {
    /// The span, as exporters take it.
    pub data: SpanData,
    /// Place of the entry it was made from; `None` for the request itself.
    pub entry: Option<usize>,
    /// What it came from.
    pub panel: Panel,
    /// Time spent working rather than waiting, where known; never more than the duration.
    pub busy: Option<Duration>,
    /// Whether its times were worked out rather than measured.
    pub synthesised: bool,
    /// Whether it has ended; if not, its end is the time so far.
    pub ended: bool,
    /// Equal for queries, calls and cache operations that do the same, each with its own values; `None` for other
    /// spans.
    ///
    /// Queries are compared by their sanitised text, calls by method, host and path without ids, cache operations by
    /// name and key without ids.
    pub shape: Option<u64>,
    /// Equal for those that ask for the very same; `None` where the values are unknown, and for what changes something.
    pub fingerprint: Option<u64>,
}

impl ConvertedSpan {
    /// From its start to its end.
    pub fn duration(&self) -> Duration {
        self.data.end_time.duration_since(self.data.start_time).unwrap_or_default()
    }

    /// The value of an attribute.
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        self.data.attributes.iter().find(|attribute| attribute.key.as_str() == key).map(|a| &a.value)
    }
}

/// What a span came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Panel {
    /// The request itself.
    Request,
    /// A span of the application.
    Span,
    /// A database query.
    Sql,
    /// A rendered template.
    Template,
    /// A cache operation.
    Cache,
    /// An outgoing HTTP call.
    Http,
    /// A profiled function.
    Profile,
}

impl Panel {
    /// The panel's name in lower case, such as `sql`.
    pub fn as_str(self) -> &'static str {
        match self {
            Panel::Request => "request",
            Panel::Span => "span",
            Panel::Sql => "sql",
            Panel::Template => "template",
            Panel::Cache => "cache",
            Panel::Http => "http",
            Panel::Profile => "profile",
        }
    }
}
