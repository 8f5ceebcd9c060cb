//! Queries of `sqlx`, which tells of each by an event when it is done.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tracing::Event;
use tracing::field::{Field, Visit};

use super::fields;
use super::wrapped_query::WrappedQuery;
use crate::record::{FieldList, RecordedValue, Scope, query};
use crate::text;

/// Target of the events that `sqlx` sends for each query.
pub(crate) const TARGET: &str = "sqlx::query";

/// Records a query by the event that tells of it, and that was sent in this wrapped query, if it was in one.
pub(super) fn record(event: &Event<'_>, scope: &Scope, wrapped: Option<Arc<WrappedQuery>>) {
    fields::with_list(|list| {
        let mut collector = Query { list, elapsed: None };
        event.record(&mut collector);
        let Some(elapsed) = collector.elapsed else { return };
        match wrapped {
            Some(wrapped) => {
                let now = scope.context.now();
                let elapsed = elapsed.min(now);
                let system = &scope.context.recorder.sql_system;
                wrapped.record(query::entry(scope.span, (now - elapsed, elapsed), list.iter(), system));
            }
            None => scope.context.note_query(scope.span, elapsed, list),
        }
    });
}

struct Query<'l> {
    list: &'l mut FieldList,
    elapsed: Option<Duration>,
}

impl Visit for Query<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "elapsed_secs" {
            self.elapsed = Duration::try_from_secs_f64(value).ok();
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        let Ok(rows) = i64::try_from(value) else { return };
        match field.name() {
            "rows_returned" => self.list.push(query::RETURNED_ROWS, RecordedValue::I64(rows)),
            "rows_affected" => self.list.push(query::AFFECTED_ROWS, RecordedValue::I64(rows)),
            _ => {}
        }
    }

    /// The whole statement comes framed by line breaks, and is left out where the summary, its first four words, is all
    /// of it.
    fn record_str(&mut self, field: &Field, value: &str) {
        let value = text::bounded_str(value);
        match field.name() {
            "summary" => self.list.push_text(query::SUMMARY, value),
            "db.statement" if !value.is_empty() => {
                let framed = value.strip_prefix("\n\n").and_then(|text| text.strip_suffix('\n'));
                self.list.push_text(query::STATEMENT, framed.unwrap_or(value));
            }
            _ => {}
        }
    }

    fn record_debug(&mut self, _field: &Field, _value: &dyn fmt::Debug) {}
}
