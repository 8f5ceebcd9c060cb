//! Queries of `tokio-postgres`, and of what stands on it (`postgres`, `diesel-async`, `deadpool-postgres`, `bb8-postgres`).
//!
//! It logs, by the `log` crate at `debug`, each statement when it is prepared, and its name with its parameters when it is
//! executed. Both together are a query; the parameters are not taken. It says nothing when a query has ended, so that its
//! duration is not known: the span has none, and says so by `otelbar.synthesised`.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::KeyValue;
use otelbar_convert::panel_data::{Entry, EntryKind, Sql};
use otelbar_convert::semconv;
use tracing::Event;
use tracing::field::{Field, Visit};

use crate::record::Scope;
use crate::text;

/// Statements that are remembered by their names, which `tokio-postgres` gives once in a process.
const MOST_STATEMENTS: usize = 512;

/// Bytes of a statement that is remembered.
const LONGEST_STATEMENT: usize = 8 * 1024;

/// Takes what an event tells: a statement to remember, or a query of this request.
pub(crate) fn record(event: &Event<'_>, scope: Option<&Scope>) {
    let mut message = Message::default();
    event.record(&mut message);
    let statement = match Told::by(&message.0) {
        None => return,
        Some(Told::Prepared { name, text }) => {
            STATEMENTS.lock().unwrap_or_else(PoisonError::into_inner).remember(name, text);
            return;
        }
        Some(Told::Executed { name }) => {
            let statements = STATEMENTS.lock().unwrap_or_else(PoisonError::into_inner);
            statements.texts.get(name).map(|text| text.to_string())
        }
        Some(Told::Query { text }) => Some(text.to_owned()),
    };
    let Some(Scope { context, span }) = scope.filter(|scope| scope.context.recorder.captured.sql) else {
        return;
    };
    let Some(text) = statement else {
        // It was forgotten, or prepared before there was a toolbar.
        context.recorder.counters.spans.add(1);
        return;
    };
    let sql = Sql::new("postgresql", text);
    let mut entry = Entry::new("", Duration::ZERO, EntryKind::Sql(sql));
    entry.parent = Some(*span);
    entry.start = Some(context.now());
    entry.attributes.push(KeyValue::new(semconv::SYNTHESISED, true));
    context.push(entry);
}

/// What a message tells.
#[derive(Debug, PartialEq, Eq)]
enum Told<'m> {
    /// `preparing query s5: SELECT …`, `preparing query s5 with types [Text]: SELECT …`
    Prepared { name: &'m str, text: &'m str },
    /// `executing statement s5 with parameters: […]`, `executing copy in statement s5`
    Executed { name: &'m str },
    /// `executing simple query: …`, `executing statement batch: …`, and a statement without a name, which is executed
    /// once, behind its being prepared.
    Query { text: &'m str },
}

impl<'m> Told<'m> {
    fn by(message: &'m str) -> Option<Self> {
        if let Some(rest) = strip(message, &["preparing query "]) {
            let (name, rest) = rest.split_at(rest.find([':', ' '])?);
            let text = match rest.strip_prefix(": ") {
                Some(text) => text,
                None => rest.strip_prefix(" with types ")?.split_once("]: ")?.1,
            };
            return Some(match name {
                "" => Told::Query { text },
                name => Told::Prepared { name, text },
            });
        }
        if let Some(text) = strip(message, &["executing simple query: ", "executing statement batch: "]) {
            return Some(Told::Query { text });
        }
        let executing =
            ["executing statement ", "executing copy in statement ", "executing copy out statement "];
        let name = strip(message, &executing)?.split(' ').next().filter(|name| !name.is_empty())?;
        Some(Told::Executed { name })
    }
}

fn strip<'m>(message: &'m str, prefixes: &[&str]) -> Option<&'m str> {
    prefixes.iter().find_map(|prefix| message.strip_prefix(prefix))
}

static STATEMENTS: LazyLock<Mutex<Statements>> = LazyLock::new(|| Mutex::new(Statements::default()));

/// The statements prepared last.
#[derive(Debug, Default)]
struct Statements {
    texts: HashMap<Arc<str>, Arc<str>>,
    order: VecDeque<Arc<str>>,
}

impl Statements {
    fn remember(&mut self, name: &str, text: &str) {
        if name.len() > 64 || text.len() > LONGEST_STATEMENT {
            return;
        }
        let name: Arc<str> = name.into();
        if self.texts.insert(Arc::clone(&name), text.into()).is_none() {
            self.order.push_back(name);
        }
        if self.order.len() > MOST_STATEMENTS
            && let Some(oldest) = self.order.pop_front()
        {
            self.texts.remove(&oldest);
        }
    }
}

#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.0 = text::copied(value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = text::formatted(format_args!("{value:?}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_tell_of_statements_and_queries() {
        #[track_caller]
        fn check(message: &str, expected: Option<Told<'_>>) {
            assert_eq!(Told::by(message), expected, "{message}");
        }
        let select = "SELECT 1: 2";
        check("preparing query s0: SELECT 1: 2", Some(Told::Prepared { name: "s0", text: select }));
        check(
            "preparing query s1 with types [Text, Other(Other { name: \"a\" })]: SELECT 1: 2",
            Some(Told::Prepared { name: "s1", text: select }),
        );
        check("preparing query : SELECT 1: 2", Some(Told::Query { text: select }));
        check("executing statement s5 with parameters: [\"secret\"]", Some(Told::Executed { name: "s5" }));
        check("executing statement  with parameters: [\"secret\"]", None);
        check("executing copy in statement s2", Some(Told::Executed { name: "s2" }));
        check("executing copy out statement s3", Some(Told::Executed { name: "s3" }));
        check("executing simple query: SELECT 1: 2", Some(Told::Query { text: select }));
        check("executing statement batch: SELECT 1: 2", Some(Told::Query { text: select }));
        check("something else: secret", None);
        check("preparing query", None);
        check("", None);
    }

    #[test]
    fn the_oldest_statement_is_forgotten_and_a_long_one_not_kept() {
        let mut statements = Statements::default();
        statements.remember("long", &"x".repeat(LONGEST_STATEMENT + 1));
        for n in 0..=MOST_STATEMENTS {
            statements.remember(&format!("s{n}"), "SELECT 1");
            statements.remember(&format!("s{n}"), "SELECT 2");
        }
        assert_eq!((statements.texts.len(), statements.order.len()), (MOST_STATEMENTS, MOST_STATEMENTS));
        assert!(!statements.texts.contains_key("s0") && !statements.texts.contains_key("long"));
        assert_eq!(statements.texts.get("s1").map(|text| &**text), Some("SELECT 2"));
    }
}
