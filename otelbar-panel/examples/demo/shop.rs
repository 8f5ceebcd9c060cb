//! `shop`, an axum service: a small bookshop with pages, a JSON API and a database.

mod api;
mod checkout;
mod database;
mod failure;
mod pages;
mod stock;
mod tasks;
mod view;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use minijinja::context;
use otelbar_panel::OpenTelemetryPanel;

use self::database::Database;
pub(crate) use self::database::{AUTHORS, BOOKS, SHELVES};
use self::failure::Failure;
use self::stock::Inventory;
use self::tasks::Tasks;
use self::view::View;
use crate::AnyError;
use crate::number::Number;

/// Where to look, and what there is to see.
pub(crate) const PAGES: &[(&str, &str)] = &[
    ("/", "the newest books, with their stock from inventory in one call"),
    ("/books/3", "a book: two queries and a call to inventory, whose spans are in the same trace"),
    ("/books/13", "a book whose stock inventory does not tell (503)"),
    ("/authors", "a list that asks the database once for each author: an N+1"),
    ("/search?q=sea", "a search"),
    ("/slow", "a slow query"),
    ("/broken", "a failing page, with its log and the chain of causes"),
    ("/stream", "a page that is sent in parts, with queries in between"),
    ("/checkout?book=3", "work spread over tasks and threads, one of which outlives the response"),
    ("/api/books", "JSON"),
    ("/api/books/3", "JSON from two calls to inventory at the same time"),
];

/// What the handlers share.
pub(crate) struct Shop {
    database: Database,
    inventory: Inventory,
    view: View,
    tasks: Tasks,
}

impl Shop {
    /// A shop with a fresh database, which asks the `inventory` at this address.
    pub(crate) async fn open(
        inventory: SocketAddr,
        toolbar: &OpenTelemetryPanel,
    ) -> Result<Arc<Self>, AnyError> {
        Ok(Arc::new(Shop {
            database: Database::create().await?,
            inventory: Inventory::new(inventory, toolbar),
            view: View::new()?,
            tasks: Tasks::default(),
        }))
    }

    /// The routes, with the toolbar around them all. Its pages need no route of their own.
    pub(crate) fn router(self: Arc<Self>, toolbar: &OpenTelemetryPanel) -> Router {
        Router::new()
            .route("/", get(pages::home))
            .route("/books/{id}", get(pages::book))
            .route("/authors", get(pages::authors))
            .route("/search", get(pages::search))
            .route("/slow", get(pages::slow))
            .route("/broken", get(pages::broken))
            .route("/stream", get(pages::stream))
            .route("/checkout", get(checkout::checkout).post(checkout::checkout))
            .route("/api/books", get(api::books))
            .route("/api/books/{id}", get(api::book))
            .route("/api/orders", axum::routing::post(api::order))
            .fallback(async || Failure::NoSuchPage)
            .layer(from_fn_with_state(Arc::clone(&self), around))
            .layer(toolbar.layer())
            .with_state(self)
    }

    /// Waits for the work that outlives responses, and closes the database.
    pub(crate) async fn close(&self) {
        self.tasks.finish().await;
        self.database.close().await;
    }
}

/// What is done around each handler: its failures are logged, and shown as the caller expects.
async fn around(State(shop): State<Arc<Shop>>, number: Number, request: Request, next: Next) -> Response {
    number.mark_current_request();
    let wants_json = request.uri().path().starts_with("/api/");
    let response = next.run(request).await;
    let Some(failure) = response.extensions().get::<Arc<Failure>>() else { return response };

    let status = failure.status();
    let error: &dyn std::error::Error = &**failure;
    match status.is_server_error() {
        true => tracing::error!(demo.request = number.field(), error, "the request failed"),
        false => tracing::info!(demo.request = number.field(), error, "the request was refused"),
    }
    if wants_json {
        return (status, Json(serde_json::json!({ "error": failure.to_string() }))).into_response();
    }
    let context = context!(title => status.to_string(), message => failure.to_string());
    match shop.view.render(number, "failure.html", context) {
        Ok(page) => (status, page).into_response(),
        Err(_) => response,
    }
}
