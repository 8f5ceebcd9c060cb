use std::borrow::Cow;
use std::time::Duration;

use opentelemetry::Value;
use opentelemetry_sdk::trace::SpanData;

use crate::category::Category;
use crate::conventions::Conventions;
use crate::opt_in::OptIn;
use crate::{attribute, semconv, shape};

/// A span, with what a page shows beside it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConvertedSpan {
    /// The span, as exporters take it.
    pub data: SpanData,
    /// Place of the entry it was made from; `None` for the request itself.
    pub entry: Option<usize>,
    /// What kind of work it stands for.
    pub category: Category,
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
        attribute::find(&self.data.attributes, key)
    }

    /// The value of an attribute that is a text.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        attribute::text(&self.data.attributes, key)
    }

    /// What to call it where people read: the span's name, and of an outgoing call the method, host and path.
    ///
    /// A span's name has few values, so that backends can group by it, and `GET` is all that the conventions have for
    /// most calls. What this tells has as many as there are paths.
    pub fn display_name(&self) -> Cow<'_, str> {
        let call = || {
            let place = shape::place_of_url(self.text(semconv::URL_FULL)?);
            (!place.is_empty()).then_some(place)
        };
        match call().filter(|_| self.category == Category::Http) {
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
        self.text(semconv::HTTP_REQUEST_METHOD).filter(|method| *method != "_OTHER").unwrap_or("HTTP")
    }
}
