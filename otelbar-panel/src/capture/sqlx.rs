//! Queries of `sqlx`, which tells of each by an event when it is done.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use otelbar_convert::panel_data::{Entry, EntryKind, Sql};
use tracing::Event;
use tracing::field::{Field, Visit};

use super::wrapped_query::WrappedQuery;
use crate::record::Scope;
use crate::text;

/// Target of the events that `sqlx` sends for each query.
pub(crate) const TARGET: &str = "sqlx::query";

/// Records a query by the event that tells of it, and that was sent in this wrapped query, if it was in one.
pub(super) fn record(event: &Event<'_>, scope: &Scope, wrapped: Option<Arc<WrappedQuery>>) {
    let mut query = Query::default();
    event.record(&mut query);
    let Some(elapsed) = query.elapsed else { return };
    let now = scope.context.now();
    let (returned_rows, affected_rows) = (query.returned_rows, query.affected_rows);
    let mut sql = Sql::new(scope.context.recorder.sql_system.clone(), query.text());
    sql.returned_rows = returned_rows;
    sql.affected_rows = affected_rows;
    let mut entry = Entry::new("", elapsed.min(now), EntryKind::Sql(sql));
    entry.parent = Some(scope.span);
    entry.start = Some(now.saturating_sub(elapsed));
    match wrapped {
        Some(wrapped) => wrapped.record(entry),
        None => drop(scope.context.push_query(entry, false)),
    }
}

#[derive(Default)]
struct Query {
    summary: String,
    statement: String,
    returned_rows: Option<u64>,
    affected_rows: Option<u64>,
    elapsed: Option<Duration>,
}

impl Query {
    /// The whole statement. It comes framed by line breaks, and is left out where the summary, its first four words,
    /// is all of it.
    fn text(self) -> String {
        let framed = self.statement.strip_prefix("\n\n").and_then(|text| text.strip_suffix('\n'));
        match framed {
            Some(text) => text.to_owned(),
            None if self.statement.is_empty() => self.summary,
            None => self.statement,
        }
    }
}

impl Visit for Query {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "elapsed_secs" {
            self.elapsed = Duration::try_from_secs_f64(value).ok();
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "rows_returned" => self.returned_rows = Some(value),
            "rows_affected" => self.affected_rows = Some(value),
            _ => {}
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => self.summary = text::copied(value),
            "db.statement" => self.statement = text::copied(value),
            _ => {}
        }
    }

    fn record_debug(&mut self, _field: &Field, _value: &dyn fmt::Debug) {}
}
