use std::net::SocketAddr;

use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::TokioExecutor;
use otelbar_panel::{ClientService, OpenTelemetryPanel};
use serde::de::DeserializeOwned;
use tower::{Layer, ServiceExt};
use tracing::instrument;

use crate::inventory::{Forecast, Stock};
use crate::number::{HEADER, Number};

/// The shop's client of `inventory`.
///
/// The toolbar's layer around it records each call and passes the trace context on.
pub(super) struct Inventory {
    address: SocketAddr,
    client: ClientService<Client<HttpConnector, Empty<Bytes>>>,
}

impl Inventory {
    pub(super) fn new(address: SocketAddr, toolbar: &OpenTelemetryPanel) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Inventory { address, client: toolbar.client_layer().layer(client) }
    }

    /// The stock of a book; `None`, with a warning in the log, when `inventory` does not tell.
    #[instrument(skip_all, fields(demo.request = number.field(), book.id = book))]
    pub(super) async fn stock(&self, number: Number, book: i64) -> Option<Stock> {
        known(number, self.ask(number, format!("/stock/{book}")).await)
    }

    /// The stock of several books, of those that `inventory` tells.
    #[instrument(skip_all, fields(demo.request = number.field(), books = books.len()))]
    pub(super) async fn stock_of_all(&self, number: Number, books: &[i64]) -> Vec<Stock> {
        let ids: Vec<_> = books.iter().map(i64::to_string).collect();
        known(number, self.ask(number, format!("/stock?ids={}", ids.join(","))).await).unwrap_or_default()
    }

    /// When the supplier can deliver a book.
    #[instrument(skip_all, fields(demo.request = number.field(), book.id = book))]
    pub(super) async fn forecast(&self, number: Number, book: i64) -> Option<Forecast> {
        known(number, self.ask(number, format!("/forecast/{book}")).await)
    }

    async fn ask<T: DeserializeOwned>(&self, number: Number, path: String) -> Result<T, Unknown> {
        let uri = format!("http://{}{}", self.address, number.url(path));
        let mut request = Request::get(uri).body(Empty::new())?;
        if let Some(number) = number.field() {
            request.headers_mut().insert(HEADER, number.into());
        }
        let response = self.client.clone().oneshot(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        match status.is_success() {
            true => Ok(serde_json::from_slice(&body)?),
            false => Err(Unknown::Refused(status)),
        }
    }
}

/// Why a stock is not known.
#[derive(Debug, thiserror::Error)]
enum Unknown {
    #[error("the address is no URI")]
    Address(#[from] http::Error),
    #[error("inventory was not reached")]
    Unreached(#[from] legacy::Error),
    #[error("inventory answered {0}")]
    Refused(StatusCode),
    #[error("inventory's answer broke off")]
    Interrupted(#[from] hyper::Error),
    #[error("inventory's answer was not understood")]
    Malformed(#[from] serde_json::Error),
}

fn known<T>(number: Number, answer: Result<T, Unknown>) -> Option<T> {
    answer
        .inspect_err(|error| {
            let error = error as &dyn std::error::Error;
            tracing::warn!(demo.request = number.field(), error, "inventory does not tell");
        })
        .ok()
}
