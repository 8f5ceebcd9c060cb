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
    /// `db.operation.name`
    pub(super) operation: Option<Arc<str>>,
    pub(super) shape: Option<u64>,
    pub(super) fingerprint: Option<u64>,
}

impl Query {
    /// The query that these attributes tell of. A client's span that only says which database it called is one too.
    pub(super) fn of(
        attributes: &[KeyValue],
        is_client: bool,
        parameters: Option<&[Parameter]>,
        statements: &sql::StatementCache,
    ) -> Option<Self> {
        let text = find(attributes, &TEXT);
        let system = find(attributes, &[semconv::DB_SYSTEM_NAME, "db.system"]);
        if text.is_none() && !(is_client && system.is_some()) {
            return None;
        }
        let name = system.map(Value::as_str).unwrap_or_default();
        let system = System::from_name(&name);
        let is_cache = system == System::Redis;
        let mut query = Query {
            category: if is_cache { Category::Cache } else { Category::Sql },
            system: stable_system(&name),
            statement: None,
            operation: None,
            shape: None,
            fingerprint: None,
        };
        let Some(text) = text.map(Value::as_str) else { return Some(query) };
        let statement = statements.describe(&text, system);
        if is_cache {
            if let Some((operation, arguments)) = sql::command(&text) {
                let arguments = Some(arguments).filter(|arguments| !arguments.is_empty());
                let key = arguments.and_then(|arguments| arguments.split_whitespace().next());
                query.operation = Some(operation.to_ascii_uppercase().into());
                query.shape = Some(shape::of_cache(operation, key));
                query.fingerprint = shape::fingerprint_of_cache(operation, arguments);
            }
        } else if system == System::MongoDb {
            query.shape = Some(statement.fingerprint);
        } else {
            query.operation.clone_from(&statement.operation);
            query.shape = shape::of_statement(&statement);
            query.fingerprint = shape::fingerprint_of_query(&text, &statement, parameters);
        }
        query.statement = Some(statement);
        Some(query)
    }

    /// What the conventions name the span by: the summary, else the operation.
    pub(super) fn name(&self) -> Option<Cow<'static, str>> {
        let summary = self.statement.as_deref().and_then(|statement| statement.summary.as_deref());
        let name = summary.or(self.operation.as_deref())?;
        Some(Cow::Owned(name.to_owned()))
    }
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
