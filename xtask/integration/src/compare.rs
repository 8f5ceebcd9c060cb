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
mod unreadable;
mod zipkin;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use form::{Form, table};
pub use loss::Loss;
pub use span::{Event, Link, Scope, Span, Value};
pub use unreadable::Unreadable;

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

#[cfg(test)]
mod tests {
    use super::*;

    fn span(span_id: &str, name: &str) -> Span {
        let (trace_id, span_id, name) = ("t".to_owned(), span_id.to_owned(), name.to_owned());
        Span { trace_id, span_id, name, ..Span::default() }
    }

    #[test]
    fn each_difference_is_told_in_its_own_words() {
        #[track_caller]
        fn check(found: &[Span], expected: &str) {
            let sent = [span("1", "one"), span("2", "two")];
            assert_eq!(lines(&compare(&sent, found)), expected);
        }
        let [one, two] = [span("1", "one"), span("2", "two")];
        check(&[two.clone(), one.clone()], "");
        check(std::slice::from_ref(&one), "\n  t/2 is missing");
        check(&[one.clone(), two.clone(), span("3", "three")], "\n  t/3 was not sent");
        check(&[one.clone(), two.clone(), one.clone()], "\n  t/1 is there 2 times");
        check(&[one.clone(), span("2", "")], "\n  t/2 name: expected \"two\", found nothing");
        let kind = Some("client".to_owned());
        check(&[one, Span { kind, ..two }], "\n  t/2 kind: expected nothing, found \"client\"");
    }

    #[test]
    fn a_value_is_not_one_of_another_type() {
        let values = [
            Value::from("1"),
            Value::Int(1),
            Value::Double(1.0),
            Value::Bool(true),
            Value::from("true"),
            Value::Double(0.0),
            Value::Double(-0.0),
            Value::List(Vec::new()),
            Value::from("[]"),
            Value::List(vec![Value::Int(1)]),
            Value::List(vec![Value::from("1")]),
        ];
        let texts: BTreeSet<String> = values.iter().map(|value| format!("{value:?}")).collect();
        assert_eq!(texts.len(), values.len(), "{texts:?}");
    }

    #[test]
    fn what_a_backend_tells_in_a_new_field_is_not_passed_over() {
        let span =
            r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"t","spanId":"1","weight":1}]}]}]}"#;
        let problem = Form::CollectorFile.read(span).unwrap_err().to_string();
        assert!(problem.contains("unknown field `weight`"), "{problem}");
        let problem =
            Form::Zipkin.read(r#"[{"traceId":"t","id":"1","shared":true}]"#).unwrap_err().to_string();
        assert!(problem.contains("unknown field `shared`"), "{problem}");
    }
}
