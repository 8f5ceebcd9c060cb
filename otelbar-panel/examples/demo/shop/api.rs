//! The JSON API.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::instrument;

use super::Shop;
use super::database::{Book, Line};
use super::failure::Failure;
use crate::number::Number;

type Shared = State<Arc<Shop>>;

#[instrument(name = "api_books", skip_all, fields(demo.request = number.field()))]
pub(super) async fn books(State(shop): Shared, number: Number) -> Result<Json<Vec<Book>>, Failure> {
    let books = shop.database.books(number).await?;
    tracing::info!(demo.request = number.field(), books = books.len(), "lists the books");
    Ok(Json(books))
}

#[instrument(name = "api_book", skip_all, fields(demo.request = number.field(), book.id = id))]
pub(super) async fn book(
    State(shop): Shared,
    number: Number,
    Path(id): Path<i64>,
) -> Result<Json<Value>, Failure> {
    let book = shop.database.book(number, id).await?.ok_or(Failure::NoSuchBook(id))?;
    let (stock, forecast) =
        tokio::join!(shop.inventory.stock(number, id), shop.inventory.forecast(number, id));
    tracing::info!(demo.request = number.field(), title = book.title, "tells of a book");
    Ok(Json(json!({
        "book": book,
        "on_hand": stock.map(|stock| stock.on_hand),
        "days_to_delivery": forecast.map(|forecast| forecast.days),
    })))
}

/// An order as it is sent: `{"customer": "Ada", "lines": [{"book": 3, "quantity": 1}]}`.
#[derive(Deserialize)]
pub(super) struct Order {
    customer: String,
    lines: Vec<Line>,
}

#[instrument(name = "api_order", skip_all, fields(demo.request = number.field(), lines = order.lines.len()))]
pub(super) async fn order(
    State(shop): Shared,
    number: Number,
    Json(order): Json<Order>,
) -> Result<impl IntoResponse, Failure> {
    let id = shop.database.place_order(number, &order.customer, &order.lines).await?;
    tracing::info!(demo.request = number.field(), order.id = id, "took an order");
    Ok((StatusCode::CREATED, Json(json!({ "order": id }))))
}
