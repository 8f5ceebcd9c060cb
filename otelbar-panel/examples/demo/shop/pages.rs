//! The pages.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::response::{Html, IntoResponse, Response};
use futures_util::StreamExt;
use futures_util::stream;
use http::header;
use minijinja::context;
use minijinja::value::Serde;
use serde::Deserialize;
use tracing::instrument;

use super::Shop;
use super::database::{AUTHORS, SHELVES};
use super::failure::Failure;
use crate::number::Number;

type Shared = State<Arc<Shop>>;
type Page = Result<Html<String>, Failure>;

/// How long the streamed page waits before each shelf, as if the books had to be fetched from the cellar.
const CELLAR: Duration = Duration::from_millis(20);
/// How many reviews the slow page compares with all the others.
const COMPARED: i64 = 1500;

#[instrument(skip_all, fields(demo.request = number.field()))]
pub(super) async fn home(State(shop): Shared, number: Number) -> Page {
    let books = shop.database.newest_books(number).await?;
    let orders = shop.database.count_orders(number).await?;
    let ids: Vec<_> = books.iter().map(|book| book.id).collect();
    let stock = shop.inventory.stock_of_all(number, &ids).await;
    tracing::info!(
        demo.request = number.field(),
        books = books.len(),
        stock = stock.len(),
        "shows the newest books"
    );
    let context = context!(title => "Books", books => Serde(books), stock => Serde(stock), orders => orders);
    shop.view.render(number, "home.html", context)
}

#[instrument(skip_all, fields(demo.request = number.field(), book.id = id))]
pub(super) async fn book(State(shop): Shared, number: Number, Path(id): Path<i64>) -> Page {
    let book = shop.database.book(number, id).await?.ok_or(Failure::NoSuchBook(id))?;
    let reviews = shop.database.reviews(number, id).await?;
    let stock = shop.inventory.stock(number, id).await;
    tracing::info!(demo.request = number.field(), title = book.title, "shows a book");
    let context = context!(title => &book.title, book => Serde(&book), reviews => Serde(reviews), stock => Serde(stock));
    shop.view.render(number, "book.html", context)
}

#[derive(Deserialize)]
pub(super) struct First {
    first: Option<u32>,
}

/// Asks for each author's books by a query of its own: what the toolbar calls an N+1.
#[instrument(skip_all, fields(demo.request = number.field()))]
pub(super) async fn authors(State(shop): Shared, number: Number, Query(query): Query<First>) -> Page {
    let authors = shop.database.authors(number, query.first.unwrap_or(AUTHORS)).await?;
    let mut shelf = Vec::with_capacity(authors.len());
    for author in authors {
        let books = shop.database.books_of(number, author.id).await?;
        shelf.push(context!(name => author.name, born => author.born, books => Serde(books)));
    }
    tracing::info!(demo.request = number.field(), authors = shelf.len(), "shows the authors");
    shop.view.render(number, "authors.html", context!(title => "Authors", authors => shelf))
}

#[derive(Deserialize)]
pub(super) struct Search {
    #[serde(default)]
    q: String,
}

#[instrument(skip_all, fields(demo.request = number.field(), search = query.q))]
pub(super) async fn search(State(shop): Shared, number: Number, Query(query): Query<Search>) -> Page {
    let books = shop.database.search(number, &query.q).await?;
    tracing::info!(demo.request = number.field(), found = books.len(), "searched");
    shop.view.render(number, "search.html", context!(title => "Search", q => query.q, books => Serde(books)))
}

#[derive(Deserialize)]
pub(super) struct Compared {
    reviews: Option<i64>,
}

#[instrument(skip_all, fields(demo.request = number.field()))]
pub(super) async fn slow(State(shop): Shared, number: Number, Query(query): Query<Compared>) -> Page {
    let pairs = shop.database.bought_together(number, query.reviews.unwrap_or(COMPARED)).await?;
    tracing::info!(demo.request = number.field(), pairs = pairs.len(), "compared the reviews");
    shop.view.render(number, "slow.html", context!(title => "Read together", pairs => Serde(pairs)))
}

/// Divides by the number of discounts, of which there are none; the database refuses the result.
#[instrument(skip_all, fields(demo.request = number.field()))]
pub(super) async fn broken(State(shop): Shared, number: Number) -> Page {
    let order = 1;
    let applied = shop.database.apply_discount(number, order).await;
    applied.map_err(|source| Failure::Discount { order, source })?;
    shop.view.render(
        number,
        "failure.html",
        context!(title => "Discounts", message => "All discounts are applied."),
    )
}

#[derive(Deserialize)]
pub(super) struct Shelves {
    shelves: Option<u32>,
}

/// Sends the page's head at once, and each shelf when it is there.
#[instrument(skip_all, fields(demo.request = number.field()))]
pub(super) async fn stream(
    State(shop): Shared,
    number: Number,
    Query(query): Query<Shelves>,
) -> Result<Response, Failure> {
    let shelves = query.shelves.unwrap_or(SHELVES);
    let Html(head) = shop.view.render(number, "head.html", context!(title => "All shelves"))?;
    tracing::info!(demo.request = number.field(), shelves, "begins to stream");
    let rest = stream::iter(0..=shelves).then(move |place| {
        let shop = Arc::clone(&shop);
        async move {
            match place < shelves {
                true => shelf(&shop, number, place).await,
                false => shop.view.render(number, "foot.html", context!()),
            }
            .map(|Html(part)| part)
        }
    });
    let body = Body::from_stream(stream::iter([Ok(head)]).chain(rest));
    Ok(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], body).into_response())
}

#[instrument(skip_all, fields(demo.request = number.field(), place))]
async fn shelf(shop: &Shop, number: Number, place: u32) -> Page {
    tokio::time::sleep(CELLAR).await;
    let place = place % SHELVES;
    let books = shop.database.shelf(number, place).await?;
    tracing::debug!(demo.request = number.field(), books = books.len(), "sends a shelf");
    shop.view.render(number, "shelf.html", context!(place => place + 1, books => Serde(books)))
}
