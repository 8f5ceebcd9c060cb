use std::borrow::Cow;
use std::time::Duration;

use opentelemetry::Value;
use opentelemetry_sdk::trace::SpanData;

use crate::{Conventions, Finding, FindingKind, Report, semconv, shape};

/// A request as spans.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Converted {
    /// The spans: the root first, parents before their children, siblings by their start.
    pub spans: Vec<ConvertedSpan>,
    /// What is wrong with the request, the worst first.
    pub findings: Vec<Finding>,
    /// How many more there are of each kind of which there are too many to tell.
    pub findings_left_out: Vec<(FindingKind, usize)>,
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
    /// Queries are compared by their [fingerprint](crate::sql::Statement::fingerprint), calls by method, host and path without ids, cache operations by
    /// name and key without ids.
    pub shape: Option<u64>,
    /// Equal for those that ask for the very same; `None` where the values are unknown, and for what changes something.
    pub fingerprint: Option<u64>,
    /// Which of its attributes the conventions have only where they are asked for.
    pub(crate) opt_in: OptIn,
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

    /// What to call it where people read: the span's name, and of an outgoing call the method, host and path.
    ///
    /// A span's name has few values, so that backends can group by it, and `GET` is all that the conventions have for
    /// most calls. What this tells has as many as there are paths.
    pub fn display_name(&self) -> Cow<'_, str> {
        let call = || {
            let Some(Value::String(url)) = self.attribute(semconv::URL_FULL) else { return None };
            let place = shape::place_of_url(url.as_str());
            (!place.is_empty()).then_some(place)
        };
        match call().filter(|_| self.panel == Panel::Http) {
            Some(place) => Cow::Owned([self.method(), " ", place].concat()),
            None => Cow::Borrowed(&self.data.name),
        }
    }

    /// The span as it is exported: its attributes under the names chosen, and those that the semantic conventions leave
    /// out unless they are asked for only where [they are](Conventions::with_opt_in_attributes).
    pub fn into_exported(mut self, conventions: &Conventions) -> SpanData {
        let left_out = self.opt_in.without(conventions.opt_in);
        if left_out != OptIn::default() {
            self.data.attributes.retain(|attribute| !left_out.contains(attribute.key.as_str()));
        }
        conventions.apply(&mut self.data);
        self.data
    }

    fn method(&self) -> &str {
        match self.attribute(semconv::HTTP_REQUEST_METHOD) {
            Some(Value::String(method)) if method.as_str() != "_OTHER" => method.as_str(),
            _ => "HTTP",
        }
    }
}

/// Attributes that the conventions have only where they are asked for, and that the converter has added to a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct OptIn(u8);

impl OptIn {
    fn bit(name: &str) -> u8 {
        semconv::OPT_IN.iter().position(|known| *known == name).map_or(0, |place| 1 << place)
    }

    pub(crate) fn insert(&mut self, name: &str) {
        self.0 |= Self::bit(name);
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0 &= !Self::bit(name);
    }

    fn contains(self, name: &str) -> bool {
        self.0 & Self::bit(name) != 0
    }

    fn without(self, other: OptIn) -> Self {
        OptIn(self.0 & !other.0)
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
