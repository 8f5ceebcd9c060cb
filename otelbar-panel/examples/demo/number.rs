//! The number that each request of the demo's own traffic bears.

use std::borrow::Cow;
use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::request::Parts;
use opentelemetry::KeyValue;
use sqlx::AssertSqlSafe;

/// The number of a request of the demo's own traffic; other requests have none.
///
/// It is handed from function to function as an argument, and put into everything the request does: so it tells, for
/// each span, query and log, which request it belongs to, without asking the toolbar that is to be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number(Option<u32>);

/// Name of the attribute of spans and logs, and of the header between services.
pub(crate) const ATTRIBUTE: &str = "demo.request";
pub(crate) const HEADER: &str = "demo-request";
/// What stands before the number in a query's text, a URL and a template's name. Literals and comments do not survive
/// the sanitising of queries; the name of a common table expression does, and one that is not used costs nothing.
pub(crate) const QUERY_PREFIX: &str = "WITH request_";
pub(crate) const URL_PREFIX: &str = "request=";
pub(crate) const TEMPLATE_PREFIX: &str = "#request-";

impl Number {
    /// The number that came with a request.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Number(headers.get(HEADER).and_then(|value| value.to_str().ok()?.parse().ok()))
    }

    /// As the value of the field `demo.request` of a span or log; without a number there is no such field.
    pub(crate) fn field(self) -> Option<u32> {
        self.0
    }

    /// A statement that bears the number.
    pub(crate) fn sql(self, statement: &'static str) -> AssertSqlSafe<Cow<'static, str>> {
        // Nothing but digits is put into the text.
        AssertSqlSafe(match self.0 {
            Some(number) => Cow::Owned(format!("{QUERY_PREFIX}{number} AS (VALUES (1)) {statement}")),
            None => Cow::Borrowed(statement),
        })
    }

    /// A template's name that bears the number.
    pub(crate) fn template(self, name: &str) -> Cow<'_, str> {
        match self.0 {
            Some(number) => Cow::Owned(format!("{name}{TEMPLATE_PREFIX}{number}")),
            None => Cow::Borrowed(name),
        }
    }

    /// A path, with or without a query, that bears the number.
    pub(crate) fn url(self, path: String) -> String {
        let separator = if path.contains('?') { '&' } else { '?' };
        match self.0 {
            Some(number) => format!("{path}{separator}{URL_PREFIX}{number}"),
            None => path,
        }
    }

    /// Puts the number on the SERVER span of the request that the toolbar takes for the current one.
    pub(crate) fn mark_current_request(self) {
        if let (Some(number), Some(request)) = (self.0, otelbar_panel::current()) {
            request.set_attribute(KeyValue::new(ATTRIBUTE, i64::from(number)));
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Number {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Number::of(&parts.headers))
    }
}
