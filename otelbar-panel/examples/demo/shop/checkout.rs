//! A page whose work is done in tasks and threads, each of which finds the request it works for.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::response::Html;
use minijinja::context;
use minijinja::value::Serde;
use opentelemetry::context::FutureExt;
use serde::Deserialize;
use tokio::sync::oneshot;
use tracing::{Instrument, Span, info_span, instrument};

use super::Shop;
use super::database::Line;
use super::failure::Failure;
use crate::number::Number;

/// How long the mail server takes; the response is long gone by then.
const MAIL: Duration = Duration::from_millis(150);

#[derive(Deserialize)]
pub(super) struct Cart {
    #[serde(default = "first_book")]
    book: i64,
}

fn first_book() -> i64 {
    1
}

#[instrument(skip_all, fields(demo.request = number.field(), book.id = cart.book))]
pub(super) async fn checkout(
    State(shop): State<Arc<Shop>>,
    number: Number,
    Query(cart): Query<Cart>,
) -> Result<Html<String>, Failure> {
    let lines = [Line { book: cart.book, quantity: 1 }];
    let order = shop.database.place_order(number, "Ada", &lines).await?;

    // A task finds its request by the tracing span …
    let stock = tokio::spawn({
        let shop = Arc::clone(&shop);
        async move { shop.inventory.stock(number, cart.book).await }.in_current_span()
    });
    // … or by the OpenTelemetry context,
    let total = tokio::spawn(total(Arc::clone(&shop), number, order).with_current_context());
    // … work that blocks by the span it enters,
    let receipt = tokio::task::spawn_blocking({
        let (shop, span) = (Arc::clone(&shop), Span::current());
        move || span.in_scope(|| receipt(&shop, number, order))
    });
    // … and so does a thread of one's own.
    let label = {
        let (span, (printed, label)) = (Span::current(), oneshot::channel());
        std::thread::Builder::new().name("printer".into()).spawn(move || {
            // The customer may have gone; then nobody waits for the label.
            let _ = printed.send(span.in_scope(|| label_of(number, order)));
        })?;
        label
    };
    // This one outlives the response, and belongs to the request all the same.
    shop.tasks.spawn(confirm(Arc::clone(&shop), number, order).in_current_span());

    let (stock, total, receipt) = (stock.await?, total.await??, receipt.await??);
    let label = label.await.unwrap_or_default();
    tracing::info!(demo.request = number.field(), order.id = order, "the order is placed");
    let context =
        context!(title => "Thank you", order => order, stock => Serde(stock), total, receipt, label => label);
    shop.view.render(number, "ordered.html", context)
}

#[instrument(skip_all, fields(demo.request = number.field()))]
async fn total(shop: Arc<Shop>, number: Number, order: i64) -> Result<i64, Failure> {
    Ok(shop.database.total(number, order).await?)
}

fn receipt(shop: &Shop, number: Number, order: i64) -> Result<String, Failure> {
    let _span = info_span!("receipt", demo.request = number.field()).entered();
    let Html(receipt) = shop.view.render(number, "receipt.txt", context!(order => order))?;
    tracing::debug!(demo.request = number.field(), bytes = receipt.len(), "wrote the receipt");
    Ok(receipt)
}

fn label_of(number: Number, order: i64) -> String {
    let _span = info_span!("label", demo.request = number.field()).entered();
    tracing::debug!(demo.request = number.field(), "printed the label");
    format!("BOOKS-{order:06}")
}

#[instrument(skip_all, fields(demo.request = number.field()))]
async fn confirm(shop: Arc<Shop>, number: Number, order: i64) {
    tokio::time::sleep(MAIL).await;
    match shop.database.confirm(number, order).await {
        Ok(()) => tracing::info!(demo.request = number.field(), order.id = order, "sent the confirmation"),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(demo.request = number.field(), error, "the confirmation is not sent");
        }
    }
}
