//! Queries whose outcome the application tells, and what can be concluded of the others.
//!
//! `sqlx` tells that a query was made, and not whether it failed. [`query`] knows: it sees what the future gives. Of
//! other queries a failure is concluded where the database's error is logged right behind them.

#[cfg(feature = "sqlx")]
use std::borrow::Cow;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tracing::{Event, Span, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan;

use super::current;
use super::filter::QUERY_TARGET;
use super::span_handle::SpanHandle;
use super::wrapped_query::WrappedQuery;
use crate::guard::guard;
use crate::record::{Failure, Fields, Scope};
use crate::text;

/// Name of the span around a wrapped query.
pub(super) const QUERY_NAME: &str = "otelbar::query";

/// Tells the toolbar how a query of `sqlx` ends.
///
/// `sqlx` logs each query, and nothing of it says that the query has failed. Around the future of a query this does:
/// where it gives an error, the last query made in it is in error, with the error's message, its type
/// (`error.type`) and the database's code where that can be had (`db.response.status_code`; an SQLSTATE needs the feature
/// `sqlx`). Where no query was made, since there was no connection for instance, the failure is recorded without one.
/// That there was no row (`RowNotFound`) is no failure of the query.
///
/// The future's result is passed on as it is. Outside a request nothing else is done.
///
/// ```
/// # async fn stock(pool: &sqlx::SqlitePool) -> sqlx::Result<i64> {
/// let stock = sqlx::query_scalar("SELECT count(*) FROM books").fetch_one(pool);
/// let stock: i64 = otelbar_panel::query(stock).await?;
/// # Ok(stock)
/// # }
/// ```
pub fn query<F, T, E>(future: F) -> QueryFuture<F>
where
    F: Future<Output = Result<T, E>>,
    E: Error + 'static,
{
    let is_wanted = guard("finding a query's request", || {
        current::scope().is_some_and(|scope| scope.context.recorder.captured.sql)
    });
    let span = match is_wanted {
        Some(true) => tracing::error_span!(target: QUERY_TARGET, QUERY_NAME),
        _ => Span::none(),
    };
    QueryFuture { future, span }
}

pin_project! {
    /// The future of a query that is watched; made by [`query`].
    #[derive(Clone, Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct QueryFuture<F> {
        #[pin]
        future: F,
        span: Span,
    }
}

impl<F, T, E> Future for QueryFuture<F>
where
    F: Future<Output = Result<T, E>>,
    E: Error + 'static,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let result = ready!(this.span.in_scope(|| this.future.poll(cx)));
        if let Err(error) = &result {
            guard("recording a query's failure", || {
                if let (Some(query), Some(failure)) = (of_span(this.span), failure_of(error)) {
                    query.failed(failure);
                }
            });
        }
        Poll::Ready(result)
    }
}

/// The wrapped query that a span stands for.
fn of_span(span: &Span) -> Option<Arc<WrappedQuery>> {
    let found = span.with_subscriber(|(id, dispatch)| {
        let registry = dispatch.downcast_ref::<Registry>()?;
        let span = registry.span(id)?;
        let extensions = span.extensions();
        extensions.get::<SpanHandle>()?.query.clone()
    });
    found.flatten()
}

/// The wrapped query that an event was sent in, itself or in a span within it.
pub(super) fn around<S>(
    event: &Event<'_>,
    ctx: &tracing_subscriber::layer::Context<'_, S>,
) -> Option<Arc<WrappedQuery>>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    ctx.event_scope(event)?.find_map(|span| span.extensions().get::<SpanHandle>()?.query.clone())
}

/// Takes account of an error that was logged: if it tells of a database's error, the query before it has failed.
pub(super) fn failed_by(scope: &Scope, fields: Fields<'_>) {
    if let Some(error) = fields.error()
        && let Some(failure) = failure_in(&error)
    {
        scope.context.query_failed(scope.span, failure);
    }
}

/// How the error of a database begins, as `sqlx` writes it.
const DATABASE_ERROR: &str = "error returned from database: ";

/// The failure that this error tells of; `None` if it tells of none.
fn failure_of<E: Error + 'static>(error: &E) -> Option<Failure> {
    let message = text::formatted(format_args!("{error}"));
    // It is recognised by its words, for which no version of `sqlx` has to be chosen.
    if message == "no rows returned by a query that expected to return at least one row" {
        return None;
    }
    let code = code_of(error).or_else(|| code_in(&text::of_error(error)));
    Some(Failure { message, kind: Some(std::any::type_name::<E>()), code })
}

/// The failure of a query that a text tells of.
pub(super) fn failure_in(text: &str) -> Option<Failure> {
    let begin = text.find(DATABASE_ERROR)?;
    Some(Failure { message: text[begin..].to_owned(), kind: None, code: code_in(text) })
}

/// The database's code in an error or one of its causes.
#[cfg(feature = "sqlx")]
fn code_of<E: Error + 'static>(error: &E) -> Option<String> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<::sqlx::Error>() {
            return error.as_database_error()?.code().map(Cow::into_owned);
        }
        next = error.source();
    }
    None
}

#[cfg(not(feature = "sqlx"))]
fn code_of<E: Error + 'static>(_error: &E) -> Option<String> {
    None
}

/// The code that the text of a database's error begins with: SQLite's result code, MySQL's number.
fn code_in(text: &str) -> Option<String> {
    let rest = &text[text.find(DATABASE_ERROR)? + DATABASE_ERROR.len()..];
    let number = rest.strip_prefix("(code: ").unwrap_or(rest);
    let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    let (number, after) = number.split_at(end);
    let is_code =
        !number.is_empty() && number.len() <= 9 && (after.starts_with(')') || after.starts_with(" ("));
    is_code.then(|| number.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_from_what_databases_say() {
        #[track_caller]
        fn check(text: &str, expected: Option<&str>) {
            assert_eq!(code_in(text).as_deref(), expected, "{text}");
        }
        let sqlite = "error returned from database: (code: 1299) NOT NULL constraint failed: orders.total";
        check(sqlite, Some("1299"));
        check(&format!("the order failed: {sqlite}"), Some("1299"));
        check("error returned from database: 1062 (23000): Duplicate entry", Some("1062"));
        check("error returned from database: duplicate key value violates unique constraint", None);
        check("error returned from database: 3 apples", None);
        check("error returned from database: ", None);
        check("(code: 1299) of something else", None);
    }
}
