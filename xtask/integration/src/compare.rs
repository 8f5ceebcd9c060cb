//! What a backend holds against what was sent: span by span, field by field.
//!
//! What was sent is a [`Span`] for each `SpanData`; what a backend answers is read into [`Span`]s by its [`Form`]. What
//! the form cannot hold stands in [`Form::losses`], as data: each is a change to what was sent, so that what is expected
//! is what was sent with all of them. A difference that is left, and a loss without which there is none, are failures.

mod form;
mod jaeger;
mod loss;
mod otlp;
mod sent;
mod span;
mod zipkin;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use form::{Form, Unreadable};
pub use loss::{Loss, table};
pub use span::{Event, Link, Scope, Span, Value};

/// One thing in which a backend holds something else than what is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// A span that was sent is not there.
    Missing {
        /// Its trace id and span id.
        span: String,
    },
    /// A span is there that was not sent.
    Unexpected {
        /// Its trace id and span id.
        span: String,
    },
    /// A span is there more than once.
    Repeated {
        /// Its trace id and span id.
        span: String,
        /// How many times.
        times: usize,
    },
    /// A field has another value.
    Field {
        /// The trace id and span id.
        span: String,
        /// The path of the field.
        field: String,
        /// The value it should have, `None` where it should not be there.
        expected: Option<String>,
        /// The value it has.
        found: Option<String>,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        match self {
            Self::Missing { span } => write!(f, "{span} is missing"),
            Self::Unexpected { span } => write!(f, "{span} was not sent"),
            Self::Repeated { span, times } => write!(f, "{span} is there {times} times"),
            Self::Field { span, field, expected, found } => {
                write!(f, "{span} {field}: expected {}, found {}", value(expected), value(found))
            }
        }
    }
}

/// The differences between what is expected and what was found. The order of spans means nothing.
pub fn compare(expected: &[Span], found: &[Span]) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut by_id: BTreeMap<String, Vec<&Span>> = BTreeMap::new();
    for span in found {
        by_id.entry(span.id()).or_default().push(span);
    }
    for span in expected {
        let id = span.id();
        let Some(found) = by_id.remove(&id) else {
            differences.push(Difference::Missing { span: id });
            continue;
        };
        if found.len() > 1 {
            differences.push(Difference::Repeated { span: id.clone(), times: found.len() });
        }
        for found in found {
            compare_fields(&id, span, found, &mut differences);
        }
    }
    differences.extend(by_id.into_keys().map(|span| Difference::Unexpected { span }));
    differences
}

fn compare_fields(id: &str, expected: &Span, found: &Span, differences: &mut Vec<Difference>) {
    let (expected, found) = (expected.fields(), found.fields());
    let paths: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    for path in paths {
        let (expected, found) = (expected.get(path), found.get(path));
        if expected != found {
            differences.push(Difference::Field {
                span: id.to_owned(),
                field: path.clone(),
                expected: expected.cloned(),
                found: found.cloned(),
            });
        }
    }
}

/// The differences as lines, for the message of an assertion.
pub fn lines(differences: &[Difference]) -> String {
    differences.iter().map(|difference| format!("\n  {difference}")).collect()
}
