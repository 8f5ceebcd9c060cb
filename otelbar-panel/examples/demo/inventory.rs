//! `inventory`, a plain hyper service: knows how many copies of each book are on hand.
//!
//! It stands for the service next door. Here it runs in the shop's process, on a port of its own, and is watched by
//! the same toolbar under another name; so the shop's trace shows its spans too.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use otelbar_panel::{OpenTelemetryPanel, ToolbarLayer};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tower::{Layer, service_fn};
use tracing::instrument;

use crate::number::Number;

/// How long the supplier takes to answer.
const SUPPLIER: Duration = Duration::from_millis(40);

/// Copies of a book that are on hand.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Stock {
    pub(crate) book: i64,
    pub(crate) on_hand: u32,
}

/// When the supplier can deliver a book.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Forecast {
    pub(crate) book: i64,
    pub(crate) days: u32,
}

/// Whether a book is being counted right now, and its stock not known: `inventory` answers 503 then.
pub(crate) fn is_being_counted(book: i64) -> bool {
    book % 13 == 0
}

/// Opens a free port and serves there until the process ends; the port's address.
pub(crate) async fn start(toolbar: &OpenTelemetryPanel) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(serve(listener, toolbar.layer().service_name("inventory")));
    Ok(address)
}

async fn serve(listener: TcpListener, layer: ToolbarLayer) {
    let warehouse = Arc::new(Warehouse::stocked());
    loop {
        let (connection, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // As a rule there are too many open files, which passes.
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "inventory cannot accept a connection"
                );
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let warehouse = Arc::clone(&warehouse);
        let service = service_fn(move |request| {
            let warehouse = Arc::clone(&warehouse);
            async move { Ok::<_, Infallible>(warehouse.answer(&request).await) }
        });
        let service = TowerToHyperService::new(layer.clone().peer(peer).layer(service));
        tokio::spawn(async move {
            let server = auto::Builder::new(TokioExecutor::new());
            if let Err(error) = server.serve_connection(TokioIo::new(connection), service).await {
                tracing::debug!(error = &*error, "a connection to inventory ended early");
            }
        });
    }
}

struct Warehouse {
    on_hand: BTreeMap<i64, u32>,
}

/// What keeps `inventory` from an answer.
#[derive(Debug, thiserror::Error)]
enum Unanswered {
    #[error("there is no such resource; ask for /stock/1, /stock?ids=1,2 or /forecast/1")]
    NoSuchResource,
    #[error("{0:?} is not the number of a book")]
    Malformed(String),
    #[error("there is no book {0}")]
    NoSuchBook(i64),
    #[error("book {0} is being counted; ask again later")]
    BeingCounted(i64),
}

impl Unanswered {
    fn status(&self) -> StatusCode {
        match self {
            Unanswered::NoSuchResource | Unanswered::NoSuchBook(_) => StatusCode::NOT_FOUND,
            Unanswered::Malformed(_) => StatusCode::BAD_REQUEST,
            Unanswered::BeingCounted(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl Warehouse {
    fn stocked() -> Self {
        Warehouse { on_hand: (1..=48).map(|book| (book, (book * 17 % 23) as u32)).collect() }
    }

    async fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let number = Number::of(request.headers());
        number.mark_current_request();
        match self.route(number, request).await {
            Ok(body) => json(StatusCode::OK, body),
            Err(error) => json(error.status(), serde_json::json!({ "error": error.to_string() }).to_string()),
        }
    }

    async fn route(&self, number: Number, request: &Request<Incoming>) -> Result<String, Unanswered> {
        let path: Vec<&str> = request.uri().path().split('/').skip(1).collect();
        let query = request.uri().query().unwrap_or_default();
        match path[..] {
            ["stock"] => {
                name_route("/stock");
                let ids = query.split('&').find_map(|pair| pair.strip_prefix("ids=")).unwrap_or_default();
                let ids = ids.split(',').map(book).collect::<Result<Vec<_>, _>>()?;
                Ok(to_json(&self.count_all(number, &ids)))
            }
            ["stock", id] => {
                name_route("/stock/{id}");
                Ok(to_json(&self.count(number, book(id)?)?))
            }
            ["forecast", id] => {
                name_route("/forecast/{id}");
                Ok(to_json(&self.ask_supplier(number, book(id)?).await))
            }
            _ => Err(Unanswered::NoSuchResource),
        }
    }

    #[instrument(skip_all, fields(demo.request = number.field(), book.id = book))]
    fn count(&self, number: Number, book: i64) -> Result<Stock, Unanswered> {
        if is_being_counted(book) {
            tracing::warn!(demo.request = number.field(), "asked for a book that is being counted");
            return Err(Unanswered::BeingCounted(book));
        }
        let on_hand = *self.on_hand.get(&book).ok_or(Unanswered::NoSuchBook(book))?;
        tracing::debug!(demo.request = number.field(), on_hand, "counted");
        Ok(Stock { book, on_hand })
    }

    /// What is known of all these books; those that are unknown or being counted are left out.
    #[instrument(skip_all, fields(demo.request = number.field(), books = books.len()))]
    fn count_all(&self, number: Number, books: &[i64]) -> Vec<Stock> {
        let known = books.iter().filter(|book| !is_being_counted(**book));
        let stock: Vec<_> =
            known.filter_map(|book| Some(Stock { book: *book, on_hand: *self.on_hand.get(book)? })).collect();
        tracing::debug!(demo.request = number.field(), left_out = books.len() - stock.len(), "counted");
        stock
    }

    #[instrument(skip_all, fields(demo.request = number.field(), book.id = book))]
    async fn ask_supplier(&self, number: Number, book: i64) -> Forecast {
        tokio::time::sleep(SUPPLIER).await;
        let days = 2 + (book % 5) as u32;
        tracing::info!(demo.request = number.field(), days, "the supplier answered");
        Forecast { book, days }
    }
}

/// Tells the toolbar the route, which only a framework's router could tell it by itself.
fn name_route(route: &str) {
    if let Some(request) = otelbar_panel::current() {
        request.set_route(route);
    }
}

fn book(id: &str) -> Result<i64, Unanswered> {
    id.parse().map_err(|_| Unanswered::Malformed(id.to_owned()))
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("numbers and texts have a form in JSON")
}

fn json(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let response = Response::builder().status(status).header(http::header::CONTENT_TYPE, "application/json");
    response.body(Full::new(body.into())).expect("a status and a constant header make a response")
}
