//! What a span of the application says of a query, where it says one.

use std::borrow::Cow;
use std::sync::Arc;

use opentelemetry::{KeyValue, StringValue, Value};

use crate::category::Category;
use crate::conventions::stable_system;
use crate::panel_data::Parameter;
use crate::sql::{self, SharedStatement, System};
use crate::{attribute, semconv, shape};

/// Names under which an instrumentation gives a query's text, the stable one first.
pub(super) const TEXT: [&str; 2] = [semconv::DB_QUERY_TEXT, "db.statement"];

/// A query, as a span's attributes tell it, with nothing in it that came from a user.
pub(super) struct Query {
    pub(super) category: Category,
    /// `db.system.name`
    pub(super) system: Cow<'static, str>,
    /// What it does; `None` where the span has no text of it.
    pub(super) statement: Option<Arc<SharedStatement>>,
    pub(super) shape: Option<u64>,
    pub(super) fingerprint: Option<u64>,
}

impl Query {
    /// The query that these attributes tell of. A client's span that only says which database it called is one too.
    pub(super) fn of(
        attributes: &[KeyValue],
        is_client: bool,
        parameters: Option<&[Parameter]>,
        statements: &sql::Cache,
    ) -> Option<Self> {
        let text = find(attributes, &TEXT);
        let system = find(attributes, &[semconv::DB_SYSTEM_NAME, "db.system"]);
        if text.is_none() && !(is_client && system.is_some()) {
            return None;
        }
        let system = system.map(Value::as_str).unwrap_or_default();
        let model = Model::of(&system);
        let mut query = Query {
            category: match model {
                Model::KeyValue => Category::Cache,
                Model::Sql | Model::Documents => Category::Sql,
            },
            system: stable_system(&system),
            statement: None,
            shape: None,
            fingerprint: None,
        };
        let Some(text) = text.map(Value::as_str) else { return Some(query) };
        match model {
            Model::Sql => {
                let statement = statements.describe(&text, System::from_name(&system));
                query.shape = shape::of_statement(&statement);
                query.fingerprint = shape::fingerprint_of_query(&text, &statement, parameters);
                query.statement = Some(statement);
            }
            Model::KeyValue => {
                let (operation, statement) = command(&text);
                if let Some(operation) = operation {
                    let mut words = text.trim_start().splitn(2, char::is_whitespace).skip(1);
                    let rest = words.next().map(str::trim).filter(|rest| !rest.is_empty());
                    let key = rest.and_then(|rest| rest.split_whitespace().next());
                    query.shape = Some(shape::of_cache(operation, key));
                    query.fingerprint = shape::fingerprint_of_cache(operation, rest);
                }
                query.statement = Some(Arc::new(statement));
            }
            Model::Documents => {
                let statement = document(&text);
                query.shape = Some(shape::of_document(&system, &statement.text));
                query.statement = Some(Arc::new(statement));
            }
        }
        Some(query)
    }

    /// What the conventions name the span by: the summary, else the operation.
    pub(super) fn name(&self) -> Option<Cow<'static, str>> {
        let statement = self.statement.as_deref()?;
        let name = statement.summary.as_deref().or(statement.operation.as_deref())?;
        Some(Cow::Owned(name.to_owned()))
    }
}

/// How a database is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Model {
    /// In SQL, or in a language that quotes as SQL does.
    Sql,
    /// By commands with keys.
    KeyValue,
    /// By documents, mostly JSON.
    Documents,
}

impl Model {
    fn of(system: &str) -> Self {
        const KEY_VALUE: [&str; 6] = ["redis", "valkey", "keydb", "dragonfly", "memcached", "hazelcast"];
        const DOCUMENTS: [&str; 9] = [
            "mongodb",
            "elasticsearch",
            "opensearch",
            "aws.dynamodb",
            "dynamodb",
            "couchdb",
            "hbase",
            "geode",
            "softwareag.adabas",
        ];
        let is = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(system));
        match system {
            _ if is(&KEY_VALUE) => Model::KeyValue,
            _ if is(&DOCUMENTS) => Model::Documents,
            _ => Model::Sql,
        }
    }
}

/// The operation of a command such as `SET key value`, and the command with `?` for each thing that follows it: keys
/// hold session ids, and `AUTH` a password.
fn command(text: &str) -> (Option<&str>, SharedStatement) {
    const LONGEST: usize = 32;
    let mut words = text.split_whitespace();
    let is_name = |word: &&str| {
        let mut bytes = word.bytes();
        word.len() <= LONGEST
            && bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_'))
    };
    let operation = words.next().filter(is_name);
    let hidden = match operation {
        Some(operation) => words.fold(operation.to_owned(), |hidden, _| hidden + " ?"),
        None => "?".to_owned(),
    };
    let statement = SharedStatement::from(sql::Statement {
        operation: operation.map(|operation| Cow::Owned(operation.to_ascii_uppercase())),
        collection: None,
        stored_procedure: None,
        summary: None,
        fingerprint: 0,
        text: Cow::Owned(hidden),
    });
    (operation, statement)
}

/// A document with `?` for each text and number in it; what is no JSON is hidden as a whole.
fn document(text: &str) -> SharedStatement {
    let is_json = text.trim_start().starts_with(['{', '[']);
    let hidden = if is_json { hide_scalars(text) } else { "?".to_owned() };
    SharedStatement::from(sql::Statement {
        operation: None,
        collection: None,
        stored_procedure: None,
        summary: None,
        fingerprint: 0,
        text: Cow::Owned(hidden),
    })
}

/// Structure stays, and a quoted text before a colon, which is a field's name. A text that isn't closed hides the rest.
fn hide_scalars(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '{' | '}' | '[' | ']' | ',' | ':' => {
                out.push(first);
                1
            }
            '"' => {
                let closed = quoted(rest);
                let length = closed.unwrap_or(rest.len());
                let (token, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
                let is_field = closed.is_some() && after.trim_start().starts_with(':');
                out.push_str(if is_field { token } else { "?" });
                length
            }
            space if space.is_whitespace() => {
                out.push(' ');
                rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len())
            }
            _ => {
                out.push('?');
                let ends =
                    |c: char| c.is_whitespace() || matches!(c, '{' | '}' | '[' | ']' | ',' | ':' | '"');
                rest.find(ends).unwrap_or(rest.len())
            }
        };
        rest = rest.get(length.max(1)..).unwrap_or_default();
    }
    out
}

/// Length of the quoted text that this begins with, if it ends.
fn quoted(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Text that replaces what an instrumentation has recorded as a query's text.
pub(super) fn hide_text(attributes: &mut [KeyValue], statement: &SharedStatement) {
    for attribute in attributes.iter_mut().filter(|attribute| TEXT.contains(&attribute.key.as_str())) {
        let hidden =
            matches!(&attribute.value, Value::String(text) if text.as_str() == crate::redact::REDACTED);
        if !hidden {
            attribute.value = Value::String(StringValue::from(Arc::clone(&statement.text)));
        }
    }
}

/// A name that a span had of its own, where it surely is no statement.
pub(super) fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '-' | '<' | '>'))
}

fn find<'a>(attributes: &'a [KeyValue], keys: &[&str]) -> Option<&'a Value> {
    keys.iter().find_map(|key| attribute::find(attributes, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_keeps_its_operation_alone() {
        #[track_caller]
        fn check(text: &str, expected: &str) {
            assert_eq!(&*command(text).1.text, expected);
        }
        check("GET session:s3cr3t", "GET ?");
        check("AUTH default hunter2", "AUTH ? ?");
        check("  set k\nhunter2 ", "set ? ?");
        check("FT.SEARCH idx bob", "FT.SEARCH ? ?");
        check("hunter2:x y", "?");
        check("7", "?");
        check("", "?");
        check("Grüße an alle", "?");
    }

    #[test]
    fn a_document_keeps_its_fields_alone() {
        #[track_caller]
        fn check(text: &str, expected: &str) {
            assert_eq!(&*document(text).text, expected);
        }
        check(
            r#"{"find":"users","filter":{"age":{"$gt":-1.5e3}}}"#,
            r#"{"find":?,"filter":{"age":{"$gt":?}}}"#,
        );
        check(r#"[ 1, "a", true,null ]"#, "[ ?, ?, ?,? ]");
        check(r#"{"a" : "b\"c: é"}"#, r#"{"a" : ?}"#);
        check(r#"{"a":"never closed "#, r#"{"a":?"#);
        check(r#"{"#, "{");
        check("db.users.find({name: 'bob'})", "?");
        check("GET /users/_search?q=bob", "?");
        check("{name: 'bob, é'}", "{?: ?, ?}");
    }
}
