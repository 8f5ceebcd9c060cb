use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::StatusCode;

/// Why a request gets no proper answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("there is no such page")]
    NoSuchPage,
    #[error("there is no book {0}")]
    NoSuchBook(i64),
    #[error("an order needs at least one book")]
    EmptyOrder,
    #[error("the discount of order {order} could not be applied")]
    Discount { order: i64, source: sqlx::Error },
    #[error("the database did not answer")]
    Database(#[from] sqlx::Error),
    #[error("the page could not be rendered")]
    Template(#[from] minijinja::Error),
    #[error("a task ended before its work was done")]
    Task(#[from] tokio::task::JoinError),
    #[error("no thread could be started")]
    Thread(#[from] std::io::Error),
}

impl Failure {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Failure::NoSuchPage | Failure::NoSuchBook(_) => StatusCode::NOT_FOUND,
            Failure::EmptyOrder => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for Failure {
    /// A bare answer that carries the failure; [`around`](super::around) makes a page of it.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}
