//! Queries, as what tells of them has fields.

use std::time::Duration;

use opentelemetry::trace::SpanId;
use otelbar_convert::panel_data::{Entry, EntryKind, Sql};

use super::fields::{FieldValue, Fields, RecordedValue};

/// The first words of the statement, which stand for all of it unless there is [`STATEMENT`].
pub(crate) const SUMMARY: &str = "summary";
/// The statement as it was sent.
pub(crate) const STATEMENT: &str = "statement";
pub(crate) const RETURNED_ROWS: &str = "returned_rows";
pub(crate) const AFFECTED_ROWS: &str = "affected_rows";

/// The entry of a query that has these fields, and was sent to such a database.
pub(crate) fn entry(
    parent: SpanId,
    (start, duration): (Duration, Duration),
    fields: Fields<'_>,
    system: &str,
) -> Entry {
    let (mut summary, mut statement) = ("", None);
    let mut sql = Sql::new(system.to_owned(), "");
    let rows = |value: RecordedValue| match value {
        RecordedValue::I64(rows) => u64::try_from(rows).ok(),
        _ => None,
    };
    for (name, value) in fields {
        match (name, value) {
            (SUMMARY, FieldValue::Text(text)) => summary = text,
            (STATEMENT, FieldValue::Text(text)) => statement = Some(text),
            (RETURNED_ROWS, FieldValue::Other(value)) => sql.returned_rows = rows(value),
            (AFFECTED_ROWS, FieldValue::Other(value)) => sql.affected_rows = rows(value),
            _ => {}
        }
    }
    sql.text = statement.unwrap_or(summary).to_owned();
    let mut entry = Entry::new("", duration, EntryKind::Sql(sql));
    entry.parent = Some(parent);
    entry.start = Some(start);
    entry
}
