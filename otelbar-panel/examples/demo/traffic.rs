//! The demo's own traffic: overlapping requests of every kind, each of which implies what it has to leave behind.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use http::{HeaderMap, Method, Request, StatusCode, Version, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;

use crate::AnyError;
use crate::inventory::is_being_counted;
use crate::number::HEADER;
use crate::shop::{AUTHORS, BOOKS, SHELVES};

/// Requests that are under way at once.
const CONCURRENCY: usize = 16;
/// What the `User-Agent` header says before the request's number.
pub(crate) const USER_AGENT: &str = "otelbar-demo/";

/// A request that is to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planned {
    pub(crate) number: u32,
    pub(crate) visit: Visit,
    pub(crate) caller: Caller,
    pub(crate) version: Version,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Visit {
    Home,
    Book(u32),
    Authors {
        first: u32,
    },
    Search,
    Slow,
    Broken,
    Stream {
        shelves: u32,
    },
    /// The client goes away after so many parts of the stream.
    LeaveStream {
        shelves: u32,
        after: u32,
    },
    Checkout {
        book: u32,
        method: &'static Method,
    },
    ApiBooks,
    ApiBook(u32),
    ApiOrder {
        lines: u32,
    },
    NoSuchPage,
}

/// What trace context a request comes with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Caller {
    Untraced,
    Traced {
        trace_id: u128,
        parent_id: u64,
    },
    /// With a `traceparent` that is not one.
    Invalid(&'static str),
}

const INVALID: &[&str] = &[
    "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
    "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "garbage",
];

/// What a request leaves in its trace, in one service: its own spans beside the SERVER span, and its logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Work {
    /// Spans made with `tracing`.
    pub(crate) spans: usize,
    pub(crate) queries: usize,
    pub(crate) calls: usize,
    pub(crate) renders: usize,
    pub(crate) logs: usize,
}

impl Planned {
    /// The request with this number; the same number gives the same request.
    pub(crate) fn new(number: u32) -> Self {
        let (round, place) = (number / 20, number % 20);
        let visit = match place {
            0 | 1 => Visit::Home,
            // Two of the numbers are no books.
            2..=5 => Visit::Book(1 + (round * 4 + place) % (BOOKS + 2)),
            6 | 7 => Visit::Authors { first: 1 + round % AUTHORS },
            8 => Visit::Search,
            9 => Visit::Slow,
            10 => Visit::Broken,
            11 => Visit::Stream { shelves: 1 + round % SHELVES },
            12 => Visit::LeaveStream { shelves: 12, after: 1 + round % 3 },
            13 => Visit::Checkout { book: 1 + round % BOOKS, method: &Method::POST },
            14 => Visit::Checkout { book: 1 + (round + 12) % BOOKS, method: &Method::GET },
            15 => Visit::ApiBooks,
            16 | 17 => Visit::ApiBook(1 + (round * 7) % (BOOKS + 2)),
            18 => Visit::ApiOrder { lines: 1 + round % 4 },
            _ => Visit::NoSuchPage,
        };
        // Each kind of visit meets each kind of caller, over both versions of HTTP.
        let turn = place + round;
        let caller = match turn / 3 % 6 {
            0 | 1 => Caller::Traced {
                trace_id: 0x0de0_0000_0000_0000_0000_0000_0000_0000 | u128::from(number + 1),
                parent_id: 0x00f0_0000_0000_0000 | u64::from(number + 1),
            },
            2 => Caller::Invalid(INVALID[round as usize % INVALID.len()]),
            _ => Caller::Untraced,
        };
        let version = if turn % 3 == 1 { Version::HTTP_2 } else { Version::HTTP_11 };
        Planned { number, visit, caller, version }
    }

    fn request(&self, shop: SocketAddr) -> Result<Request<Full<Bytes>>, http::Error> {
        let mut request = Request::builder()
            .method(self.visit.method())
            .uri(format!("http://{shop}{}", self.visit.path()))
            .version(self.version)
            .header(header::ACCEPT, "text/html, */*")
            .header(header::USER_AGENT, format!("{USER_AGENT}{}", self.number))
            .header(HEADER, self.number);
        if self.version == Version::HTTP_11 {
            request = request.header(header::CONNECTION, "keep-alive");
        }
        match self.caller {
            Caller::Untraced => {}
            Caller::Traced { trace_id, parent_id } => {
                request = request.header("traceparent", format!("00-{trace_id:032x}-{parent_id:016x}-01"));
            }
            Caller::Invalid(traceparent) => request = request.header("traceparent", traceparent),
        }
        let body = match self.visit {
            Visit::ApiOrder { lines } => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                let lines: Vec<_> =
                    (1..=lines).map(|i| serde_json::json!({ "book": i, "quantity": i })).collect();
                serde_json::json!({ "customer": "Ada", "lines": lines }).to_string()
            }
            _ => String::new(),
        };
        request.body(body.into())
    }
}

impl Visit {
    pub(crate) fn method(&self) -> &'static Method {
        match self {
            Visit::Checkout { method, .. } => method,
            Visit::ApiOrder { .. } => &Method::POST,
            _ => &Method::GET,
        }
    }

    fn path(&self) -> String {
        match self {
            Visit::Home => "/".into(),
            Visit::Book(id) => format!("/books/{id}"),
            Visit::Authors { first } => format!("/authors?first={first}"),
            Visit::Search => "/search?q=sea".into(),
            // Few reviews: here the query is to be counted, not waited for.
            Visit::Slow => "/slow?reviews=30".into(),
            Visit::Broken => "/broken".into(),
            Visit::Stream { shelves } | Visit::LeaveStream { shelves, .. } => {
                format!("/stream?shelves={shelves}")
            }
            Visit::Checkout { book, .. } => format!("/checkout?book={book}"),
            Visit::ApiBooks => "/api/books".into(),
            Visit::ApiBook(id) => format!("/api/books/{id}"),
            Visit::ApiOrder { .. } => "/api/orders".into(),
            Visit::NoSuchPage => "/no/such/page".into(),
        }
    }

    /// The route that the path matches.
    pub(crate) fn route(&self) -> Option<&'static str> {
        Some(match self {
            Visit::Home => "/",
            Visit::Book(_) => "/books/{id}",
            Visit::Authors { .. } => "/authors",
            Visit::Search => "/search",
            Visit::Slow => "/slow",
            Visit::Broken => "/broken",
            Visit::Stream { .. } | Visit::LeaveStream { .. } => "/stream",
            Visit::Checkout { .. } => "/checkout",
            Visit::ApiBooks => "/api/books",
            Visit::ApiBook(_) => "/api/books/{id}",
            Visit::ApiOrder { .. } => "/api/orders",
            Visit::NoSuchPage => return None,
        })
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Visit::Book(id) | Visit::ApiBook(id) if *id > BOOKS => StatusCode::NOT_FOUND,
            Visit::NoSuchPage => StatusCode::NOT_FOUND,
            Visit::Broken => StatusCode::INTERNAL_SERVER_ERROR,
            Visit::ApiOrder { .. } => StatusCode::CREATED,
            _ => StatusCode::OK,
        }
    }

    /// What it leaves in the shop's part of its trace.
    pub(crate) fn work(&self) -> Work {
        // A stock that inventory does not tell is logged.
        let warnings = |book: u32| usize::from(is_being_counted(i64::from(book)));
        match *self {
            Visit::Home => Work { spans: 2, queries: 2, calls: 1, renders: 1, logs: 1 },
            Visit::Book(id) if id > BOOKS => Work { spans: 1, queries: 1, calls: 0, renders: 1, logs: 1 },
            Visit::Book(id) => Work { spans: 2, queries: 2, calls: 1, renders: 1, logs: 1 + warnings(id) },
            Visit::Authors { first } => {
                Work { spans: 1, queries: 1 + first as usize, calls: 0, renders: 1, logs: 1 }
            }
            Visit::Search | Visit::Slow | Visit::Broken => {
                Work { spans: 1, queries: 1, calls: 0, renders: 1, logs: 1 }
            }
            Visit::Stream { shelves } | Visit::LeaveStream { shelves, .. } => {
                let shelves = shelves as usize;
                Work {
                    spans: 1 + shelves,
                    queries: shelves,
                    calls: 0,
                    renders: 2 + shelves,
                    logs: 1 + shelves,
                }
            }
            Visit::Checkout { book, .. } => {
                Work { spans: 6, queries: 5, calls: 1, renders: 2, logs: 4 + warnings(book) }
            }
            Visit::ApiBooks => Work { spans: 1, queries: 1, calls: 0, renders: 0, logs: 1 },
            Visit::ApiBook(id) if id > BOOKS => Work { spans: 1, queries: 1, calls: 0, renders: 0, logs: 1 },
            Visit::ApiBook(id) => Work { spans: 3, queries: 1, calls: 2, renders: 0, logs: 1 + warnings(id) },
            Visit::ApiOrder { lines } => {
                Work { spans: 1, queries: 2 + lines as usize, calls: 0, renders: 0, logs: 1 }
            }
            Visit::NoSuchPage => Work { spans: 0, queries: 0, calls: 0, renders: 1, logs: 1 },
        }
    }
}

impl Work {
    /// What each call leaves in inventory's part of the trace.
    pub(crate) const OF_INVENTORY: Work = Work { spans: 1, queries: 0, calls: 0, renders: 0, logs: 1 };

    /// What a stream leaves at least when its client goes away after the first part.
    pub(crate) const OF_A_STREAM_LEFT: Work = Work { spans: 1, queries: 0, calls: 0, renders: 1, logs: 1 };
}

/// What became of a request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) planned: Planned,
    /// The id by which the toolbar knows the request, as the response's header told; or what went wrong.
    pub(crate) id: Result<String, String>,
}

/// Sends so many requests, [`CONCURRENCY`] at once.
pub(crate) async fn send(shop: SocketAddr, requests: u32) -> Vec<Answer> {
    let client = |http2| Client::builder(TokioExecutor::new()).http2_only(http2).build_http();
    let clients = Arc::new((client(false), client(true)));
    let next = Arc::new(AtomicU32::new(0));
    let mut senders = JoinSet::new();
    for _ in 0..CONCURRENCY {
        let (clients, next) = (Arc::clone(&clients), Arc::clone(&next));
        senders.spawn(async move {
            let mut answers = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= requests {
                    return answers;
                }
                let planned = Planned::new(number);
                let client = if planned.version == Version::HTTP_2 { &clients.1 } else { &clients.0 };
                let id = ask(client, shop, &planned).await.map_err(|error| error.to_string());
                answers.push(Answer { planned, id });
            }
        });
    }
    senders.join_all().await.into_iter().flatten().collect()
}

type HttpClient = Client<HttpConnector, Full<Bytes>>;

/// Makes one request, looks at the answer, and tells its id.
async fn ask(client: &HttpClient, shop: SocketAddr, planned: &Planned) -> Result<String, AnyError> {
    let response = client.request(planned.request(shop)?).await?;
    let (head, mut body) = response.into_parts();
    if head.status != planned.visit.status() {
        return Err(format!("the status is {} instead of {}", head.status, planned.visit.status()).into());
    }
    let id = request_id(&head.headers).ok_or("the answer does not tell the request's id")?;
    if let Visit::LeaveStream { after, .. } = planned.visit {
        for _ in 0..after {
            body.frame().await.ok_or("the stream is shorter than it should be")??;
        }
        return Ok(id);
    }
    let body = body.collect().await?.to_bytes();
    let is_page =
        head.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let bar = format!("data-request=\"{id}\"");
    if is_page && !String::from_utf8_lossy(&body).contains(&bar) {
        return Err("the page is without the toolbar's bar".into());
    }
    Ok(id)
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    Some(headers.get("otelbar-request")?.to_str().ok()?.rsplit('/').next()?.to_owned())
}
