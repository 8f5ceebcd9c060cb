//! A client of the toolbar's JSON API.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::AnyError;
use crate::traffic::Answer;

/// How long the toolbar may take to notice that all requests have ended.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is asked.
const INTERVAL: Duration = Duration::from_millis(20);
/// Requests in one list.
const PAGE: usize = 500;

/// The API of the toolbar whose page has this address.
pub(crate) struct Api {
    base: String,
    client: Client<HttpConnector, Empty<Bytes>>,
}

#[derive(Deserialize)]
pub(crate) struct List {
    requests: Vec<Listed>,
    store: Store,
    pub(super) dropped: Dropped,
    pub(super) exporter: Option<Exporter>,
}

#[derive(Deserialize)]
pub(super) struct Listed {
    id: String,
    seq: u64,
    pub(super) trace_id: String,
    pub(super) method: String,
    pub(super) route: Option<String>,
    pub(super) status: Option<u16>,
    pub(super) outcome: String,
}

#[derive(Deserialize)]
struct Store {
    requests: usize,
    evicted: usize,
}

#[derive(Deserialize)]
pub(super) struct Dropped {
    requests: u64,
    spans: u64,
    logs: u64,
    attributes: u64,
    late: u64,
}

impl Dropped {
    pub(super) fn total(&self) -> u64 {
        self.requests + self.spans + self.logs + self.attributes + self.late
    }
}

#[derive(Deserialize)]
pub(super) struct Exporter {
    pub(super) queued: u64,
    pub(super) spooled: u64,
    pub(super) accepted: u64,
    pub(super) rejected: u64,
    pub(super) dropped: u64,
    pub(super) last_error: Option<String>,
    pub(super) destinations: Vec<Destination>,
}

#[derive(Deserialize)]
pub(super) struct Destination {
    accepted: u64,
}

impl Exporter {
    /// Spans that every destination has.
    pub(super) fn everywhere(&self) -> u64 {
        self.destinations.iter().map(|destination| destination.accepted).min().unwrap_or_default()
    }

    /// Spans of which it is known what became of them.
    pub(super) fn settled(&self) -> u64 {
        self.accepted + self.rejected + self.dropped
    }
}

#[derive(Deserialize)]
pub(super) struct Detail {
    pub(super) request: Listed,
    pub(super) propagation: Propagation,
    pub(super) spans: Vec<Span>,
}

#[derive(Deserialize)]
pub(super) struct Propagation {
    pub(super) outcome: String,
    pub(super) reason: Option<String>,
    pub(super) parent_span_id: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Span {
    pub(super) span_id: String,
    pub(super) parent_span_id: Option<String>,
    pub(super) request_id: String,
    pub(super) service: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) panel: String,
    pub(super) start_unix_ns: String,
    pub(super) duration_ns: u64,
    pub(super) status: String,
    pub(super) attributes: Vec<Attribute>,
    pub(super) events: Vec<Event>,
    pub(super) unfinished: bool,
}

impl Span {
    /// What was logged in it: all its events but the one that tells of its own failure.
    pub(super) fn logs(&self) -> impl Iterator<Item = &Event> {
        let is_own = |event: &Event| self.panel == "sql" && event.name == "exception";
        self.events.iter().filter(move |event| !is_own(event))
    }

    /// The text that an attribute has.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.attributes.iter().find(|attribute| attribute.key == key)?.value.as_str()
    }
}

#[derive(Deserialize)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) time_unix_ns: String,
    pub(super) attributes: Vec<Attribute>,
}

#[derive(Deserialize)]
pub(super) struct Attribute {
    pub(super) key: String,
    pub(super) value: serde_json::Value,
}

impl Api {
    pub(crate) fn new(panel: &str) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Api { base: format!("{panel}api/requests"), client }
    }

    /// The newest requests, or those before one.
    pub(super) async fn list(&self, before: Option<u64>, limit: usize) -> Result<List, AnyError> {
        let before = before.map(|seq| format!("&before={seq}")).unwrap_or_default();
        let list = self.read(&format!("?limit={limit}{before}")).await?;
        list.ok_or_else(|| format!("there is nothing at {}", self.base).into())
    }

    /// One request, whole, if the toolbar holds it.
    pub(super) async fn request(&self, id: &str) -> Result<Option<Detail>, AnyError> {
        self.read(&format!("/{id}")).await
    }

    /// The ids of all requests that the toolbar holds.
    pub(super) async fn all_ids(&self) -> Result<HashSet<String>, AnyError> {
        let mut ids = HashSet::new();
        let mut before = None;
        loop {
            let list = self.list(before, PAGE).await?;
            let Some(oldest) = list.requests.last() else { return Ok(ids) };
            before = Some(oldest.seq);
            ids.extend(list.requests.into_iter().map(|request| request.id));
        }
    }

    /// Waits until the toolbar holds all these requests and the calls that they made, or [`PATIENCE`] is at its end;
    /// what is missing then is found by the check.
    pub(crate) async fn wait_for_requests(&self, answers: &[Answer]) -> Result<(), AnyError> {
        let expected: usize = answers.iter().map(|answer| 1 + answer.planned.visit.work().calls).sum();
        let started = Instant::now();
        loop {
            let store = self.list(None, 1).await?.store;
            if store.requests + store.evicted >= expected || started.elapsed() > PATIENCE {
                return Ok(());
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    async fn read<T: DeserializeOwned>(&self, rest: &str) -> Result<Option<T>, AnyError> {
        let uri = format!("{}{rest}", self.base);
        let request = Request::get(&uri).body(Empty::new())?;
        let response = self.client.request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        match status {
            StatusCode::OK => Ok(Some(serde_json::from_slice(&body)?)),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(format!("{uri} answered {status}: {}", String::from_utf8_lossy(&body)).into()),
        }
    }
}
