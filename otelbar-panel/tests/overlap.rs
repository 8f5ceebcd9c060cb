//! Requests that overlap on several threads, and each finds exactly its own: not one span, log or query of another, none
//! missing, and each below its parent.
//!
//! Twice: [some with a real database](each_of_500_overlapping_requests_has_exactly_its_own), whose driver has threads of its
//! own, and [many that are all open at once](each_of_10_000_requests_that_are_open_at_once_has_exactly_its_own), in every
//! way that code may go on elsewhere.

mod common;

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::{Router, routing};
use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt;
use opentelemetry::context::FutureExt;
use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use otelbar_panel::PeerAddr;
use otelbar_testkit::Collector;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use tokio::sync::{Barrier, mpsc, oneshot, watch};
use tokio::task::{JoinSet, spawn_blocking, yield_now};
use tower::ServiceExt;
use tracing::{Instrument, debug, info, info_span};

const REQUESTS: u32 = 500;

#[derive(Clone)]
struct App {
    pool: SqlitePool,
    /// Held by every task that outlives its response, so that the test knows when the last one is done.
    working: mpsc::Sender<()>,
}

/// Does for the request number `n` what only `n` does: so many queries, awaits, and tasks of three kinds.
async fn work(State(app): State<App>, Path(n): Path<u32>) -> String {
    info!(n, "begun");
    for _ in 0..queries(n) {
        query(&app.pool, n).await;
    }
    for _ in 0..awaits(n) {
        async {
            tokio::task::yield_now().await;
            info!(n, "awaited");
        }
        .instrument(info_span!("step", n))
        .await;
    }
    for kind in 0..tasks(n) {
        let (pool, working) = (app.pool.clone(), app.working.clone());
        let task = async move {
            tokio::task::yield_now().await;
            query(&pool, n).await;
            info!(n, "spawned");
            drop(working);
        };
        match kind % 3 {
            0 => drop(tokio::spawn(task.instrument(info_span!("by tracing", n)))),
            1 => drop(tokio::spawn(with_span(task, n).with_current_context())),
            _ => {
                let span = info_span!("by thread", n);
                let runtime = tokio::runtime::Handle::current();
                drop(std::thread::spawn(move || span.in_scope(|| runtime.block_on(task))));
            }
        }
    }
    n.to_string()
}

/// Opens its span inside the task, where the OpenTelemetry context alone says which request it is.
async fn with_span(task: impl Future<Output = ()>, n: u32) {
    task.instrument(info_span!("by context", n)).await;
}

async fn query(pool: &SqlitePool, n: u32) {
    // The alias survives the removal of literals.
    sqlx::query(AssertSqlSafe(format!("SELECT 1 AS alias_of_{n}"))).fetch_all(pool).await.unwrap();
}

fn queries(n: u32) -> u32 {
    n % 4
}

fn awaits(n: u32) -> u32 {
    n % 3
}

fn tasks(n: u32) -> u32 {
    n % 5
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_of_500_overlapping_requests_has_exactly_its_own() {
    let toolbar = common::quiet_toolbar();
    // Opened beforehand: a request that opens a connection truly has the queries by which that is set up.
    let pool = SqlitePoolOptions::new()
        .min_connections(8)
        .max_connections(8)
        .connect("sqlite::memory:")
        .await
        .unwrap();
    let (working, mut all_done) = mpsc::channel(1);
    let app = App { pool: pool.clone(), working };
    let router = Router::new().route("/jobs/{n}", routing::get(work)).with_state(app).layer(toolbar.layer());

    let mut clients = JoinSet::new();
    for n in 0..REQUESTS {
        let router = router.clone();
        clients.spawn(async move {
            let (head, body) = common::call(router, common::get(&format!("/jobs/{n}"))).await;
            assert_eq!((head.status.as_u16(), &body[..]), (200, n.to_string().as_bytes()));
        });
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    drop(router);
    assert!(all_done.recv().await.is_none());
    // The driver's threads tell of a query when they have finished with it.
    pool.close().await;

    let requests = common::requests(&toolbar).await;
    assert!(requests.iter().all(|request| request["dropped"]["spans"] == 0));
    check(&requests, REQUESTS, expected);
}

/// Each number is that of one request, which has the tree that it must have and nothing that bears another's number.
fn check(requests: &[Value], count: u32, expected: impl Fn(u32) -> String) {
    let mut found = BTreeSet::new();
    let mut ids = HashSet::new();
    for request in requests {
        let spans = request["spans"].as_array().unwrap();
        let path = common::attribute(&spans[0], "url.path").unwrap().as_str().unwrap();
        let n: u32 = path.rsplit('/').next().unwrap().parse().unwrap();
        assert!(found.insert(n), "{n} is there twice");
        let tree = common::tree(request);
        assert_eq!(tree, expected(n), "request {n}");
        assert_eq!(tree.lines().count(), spans.len(), "request {n} has spans below none of its own");
        for span in spans {
            bears_its_number(span, n);
            let id = span["span_id"].as_str().unwrap();
            assert!(ids.insert(id), "{id} is the id of two spans");
        }
    }
    assert!(found.into_iter().eq(0..count));
}

/// The tree that request `n` must have.
fn expected(n: u32) -> String {
    let task = |kind: &str| format!("  by {kind} [spawned]\n    SELECT\n");
    let of_kind = |kind: u32| (0..tasks(n)).filter(|task| task % 3 == kind).count();
    let mut tree = "GET /jobs/{n} [begun]\n".to_owned();
    tree += &"  SELECT\n".repeat(queries(n) as usize);
    tree += &task("context").repeat(of_kind(1));
    tree += &task("thread").repeat(of_kind(2));
    tree += &task("tracing").repeat(of_kind(0));
    tree += &"  step [awaited]\n".repeat(awaits(n) as usize);
    tree
}

/// Each span, each log and each query carries the number of its request.
#[track_caller]
fn bears_its_number(span: &Value, n: u32) {
    match span["panel"].as_str().unwrap() {
        "request" => assert_eq!(common::attribute(span, "url.path").unwrap(), &format!("/jobs/{n}")),
        "sql" => {
            assert_eq!(
                common::attribute(span, "db.query.text").unwrap(),
                &format!("SELECT ? AS alias_of_{n}")
            )
        }
        _ => assert_eq!(common::attribute(span, "n").unwrap(), n),
    }
    for event in span["events"].as_array().unwrap() {
        assert_eq!(common::attribute(event, "n").unwrap(), n);
    }
}

/// Requests of which the first has not ended when the last has begun.
const OPEN: u32 = 10_000;

/// What the requests share that are all open at once.
struct Crowd {
    /// Opens when every request has come to it. Each does so once, in the middle of its work.
    gate: Barrier,
    /// Made with the OpenTelemetry API, whose spans are recorded as well.
    tracer: SdkTracer,
    /// Tells when all responses have been read.
    over: watch::Receiver<bool>,
    /// Held by every task that outlives its response.
    working: mpsc::Sender<()>,
}

/// How a request works on, where its spans, logs and queries could come under another request, or under none.
#[derive(Clone, Copy)]
enum Way {
    Span,
    Spawned,
    Context,
    Blocking,
    Joined,
    Selected,
    Aborted,
    Api,
    Late,
}

const WAYS: [Way; 9] = [
    Way::Span,
    Way::Spawned,
    Way::Context,
    Way::Blocking,
    Way::Joined,
    Way::Selected,
    Way::Aborted,
    Way::Api,
    Way::Late,
];

/// The way of request `n`.
fn way(n: u32) -> Way {
    WAYS[n as usize % WAYS.len()]
}

/// The parts in which the response of request `n` is streamed.
fn parts(n: u32) -> u32 {
    1 + n % 2
}

impl Crowd {
    async fn go(self: &Arc<Self>, way: Way, n: u32) {
        match way {
            Way::Span => self.in_span(n).instrument(info_span!("span", n)).await,
            Way::Spawned => self.spawned(n).instrument(info_span!("spawned", n)).await,
            Way::Context => self.by_context(n).await,
            Way::Blocking => self.blocking(n).await,
            Way::Joined => self.joined(n).instrument(info_span!("joined", n)).await,
            Way::Selected => self.selected(n).instrument(info_span!("selected", n)).await,
            Way::Aborted => self.aborted(n).await,
            Way::Api => self.by_api(n).await,
            Way::Late => self.late(n).await,
        }
    }

    async fn in_span(&self, n: u32) {
        info!(n, "before");
        self.gate.wait().await;
        tell_of_query(n);
        info!(n, "after");
    }

    async fn spawned(self: &Arc<Self>, n: u32) {
        let crowd = Arc::clone(self);
        let inner = async move {
            info!(n, "inner task");
            crowd.gate.wait().await;
            info_span!("in a task", n).in_scope(|| tell_of_query(n));
        };
        let outer = async move {
            yield_now().await;
            info!(n, "outer task");
            tokio::spawn(inner.in_current_span()).await.unwrap();
            tell_of_query(n);
        };
        tokio::spawn(outer.in_current_span()).await.unwrap();
    }

    async fn by_context(self: &Arc<Self>, n: u32) {
        let crowd = Arc::clone(self);
        let inner = async move {
            info!(n, "by the context alone");
            tell_of_query(n);
            async {
                crowd.gate.wait().await;
                tell_of_query(n);
            }
            .instrument(info_span!("in the inner task", n))
            .await;
        };
        let outer = async move {
            async { tokio::spawn(inner.with_current_context()).await.unwrap() }
                .instrument(info_span!("context", n))
                .await;
        };
        tokio::spawn(outer.with_current_context()).await.unwrap();
    }

    async fn blocking(&self, n: u32) {
        let span = info_span!("blocking", n);
        self.gate.wait().await;
        let work = move || {
            let _entered = span.entered();
            info!(n, "on a thread");
            info_span!("below", n).in_scope(|| tell_of_query(n));
        };
        spawn_blocking(work).await.unwrap();
    }

    async fn joined(&self, n: u32) {
        let left = async {
            info!(n, "waits");
            self.gate.wait().await;
            tell_of_query(n);
        };
        let right = async {
            yield_now().await;
            tell_of_query(n);
            yield_now().await;
            info!(n, "goes on");
        };
        tokio::join!(left.instrument(info_span!("left", n)), right.instrument(info_span!("right", n)));
    }

    async fn selected(&self, n: u32) {
        let lost = async {
            info!(n, "begun");
            tell_of_query(n);
            pending().await
        };
        let won = async {
            self.gate.wait().await;
            tell_of_query(n);
        };
        tokio::select! {
            // The one that loses has begun.
            biased;
            () = lost.instrument(info_span!("lost", n)) => unreachable!(),
            () = won.instrument(info_span!("won", n)) => info!(n, "done"),
        }
    }

    async fn aborted(&self, n: u32) {
        let (begin, begun) = oneshot::channel();
        let task = async move {
            tell_of_query(n);
            begin.send(()).unwrap();
            pending().await
        };
        let task = tokio::spawn(task.instrument(info_span!("aborted", n)));
        begun.await.unwrap();
        self.gate.wait().await;
        task.abort();
        assert!(Result::<(), _>::unwrap_err(task.await).is_cancelled());
    }

    async fn by_api(&self, n: u32) {
        let span = self.tracer.span_builder("api").with_attributes([KeyValue::new("n", i64::from(n))]);
        let context = Context::current_with_span(span.start(&self.tracer));
        let work = async {
            info!(n, "under a span of the API");
            self.gate.wait().await;
            info_span!("below the API's", n).in_scope(|| tell_of_query(n));
        };
        work.with_context(context).await;
    }

    /// Works on when its request, and every other, has ended.
    async fn late(&self, n: u32) {
        let (mut over, working) = (self.over.clone(), self.working.clone());
        let task = async move {
            over.wait_for(|over| *over).await.unwrap();
            tell_of_query(n);
            info!(n, "late");
            drop(working);
        };
        tokio::spawn(task.instrument(info_span!("late", n)));
        self.gate.wait().await;
    }
}

/// What `sqlx` tells of a query when it is done.
fn tell_of_query(n: u32) {
    debug!(
        target: "sqlx::query",
        summary = "SELECT ? AS …",
        db.statement = format!("\n\nSELECT 1 AS alias_of_{n}\n"),
        rows_affected = 0_u64,
        rows_returned = 1_u64,
        elapsed = ?Duration::ZERO,
        elapsed_secs = 0.0,
    );
}

/// Streams its response; the spans of a part are made while the body is polled.
async fn stream_after_work(State(crowd): State<Arc<Crowd>>, Path(n): Path<u32>) -> Body {
    info!(n, "begun");
    crowd.go(way(n), n).await;
    let parts = stream::unfold(0, move |part| async move {
        let work = async {
            tell_of_query(n);
            yield_now().await;
            info!(n, "made");
            Ok::<_, Infallible>(Bytes::from(format!("{n}/{part}\n")))
        };
        if part < parts(n) { Some((work.instrument(info_span!("part", n)).await, part + 1)) } else { None }
    });
    Body::from_stream(parts)
}

#[test]
fn each_of_10_000_requests_that_are_open_at_once_has_exactly_its_own() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        // What blocks waits for nobody.
        .max_blocking_threads(4)
        .build()
        .unwrap();
    runtime.block_on(async {
        let collector = Collector::start().unwrap();
        let toolbar = common::toolbar_with(|config| {
            common::exporting_to(&collector, config)
                .max_requests(OPEN as usize)
                .max_bytes(1_usize << 30)
                .bsp_max_queue_bytes(1_usize << 30)
                // What takes long is not sent again.
                .otlp_timeout(10 * common::PATIENCE)
        });
        let provider = SdkTracerProvider::builder().with_span_processor(toolbar.span_processor()).build();
        let (working, mut all_done) = mpsc::channel(1);
        let (all_read, over) = watch::channel(false);
        let gate = Barrier::new(OPEN as usize);
        let crowd = Crowd { gate, tracer: provider.tracer("test"), over, working };
        let router = Router::new()
            .route("/jobs/{n}", routing::get(stream_after_work))
            .with_state(Arc::new(crowd))
            .layer(toolbar.layer());

        let received = Arc::new(Barrier::new(OPEN as usize));
        let mut clients = JoinSet::new();
        for n in 0..OPEN {
            let (router, received) = (router.clone(), Arc::clone(&received));
            clients.spawn(async move {
                let mut request = common::get(&format!("/jobs/{n}"));
                request.extensions_mut().insert(PeerAddr::new(([127, 0, 0, 1], 9).into()));
                let mut body = router.oneshot(request).await.unwrap().into_body();
                let mut text = Vec::new();
                while let Some(frame) = body.frame().await {
                    // Every body has begun before one goes on.
                    if text.is_empty() {
                        received.wait().await;
                    }
                    text.extend(frame.unwrap().into_data().unwrap());
                }
                let expected: String = (0..parts(n)).map(|part| format!("{n}/{part}\n")).collect();
                assert_eq!(String::from_utf8(text).unwrap(), expected);
            });
        }
        drop(router);
        while let Some(client) = clients.join_next().await {
            client.unwrap();
        }
        all_read.send(true).unwrap();
        assert!(all_done.recv().await.is_none());

        toolbar.flush_async(10 * common::PATIENCE).await.unwrap();
        let list = common::api(&toolbar, "api/requests?limit=1").await;
        let none = json!({"requests": 0, "spans": 0, "logs": 0, "attributes": 0, "late": 0, "panics": 0});
        assert_eq!((&list["dropped"], &list["store"]["evicted"]), (&none, &0.into()));
        let exported = exported(&collector);
        check(&exported, OPEN, of_way);
    });
}

/// What of each request was exported, trace by trace, in the form in which the JSON API tells it; that would take many times as
/// long for all of them.
fn exported(collector: &Collector) -> Vec<Value> {
    let mut traces: BTreeMap<String, VecDeque<Value>> = BTreeMap::new();
    let attribute = |key: &str, value: Value| json!({"key": key, "value": value});
    let number = |n: &String| attribute("n", n.parse::<u32>().unwrap().into());
    for span in collector.spans() {
        let (panel, attribute) = if span.kind() == SpanKind::Server {
            ("request", attribute("url.path", span.attribute("url.path").unwrap().into()))
        } else if let Some(query) = span.attribute("db.query.text") {
            ("sql", attribute("db.query.text", query.into()))
        } else {
            ("span", number(&span.attribute("n").unwrap()))
        };
        let events = span
            .events()
            .map(|event| json!({"name": event.name, "attributes": [number(&event.attributes["n"])]}));
        let value = json!({
            "panel": panel,
            "span_id": span.span_id(),
            "parent_span_id": span.parent_span_id(),
            "name": span.name(),
            "attributes": [attribute],
            "events": events.collect::<Vec<_>>(),
        });
        let trace = traces.entry(span.trace_id()).or_default();
        match panel {
            "request" => trace.push_front(value),
            _ => trace.push_back(value),
        }
    }
    traces.into_values().map(|spans| json!({"spans": Vec::from(spans)})).collect()
}

/// The tree that a request must have by its way.
fn of_way(n: u32) -> String {
    let work = match way(n) {
        Way::Span => "  span [after, before]\n    SELECT\n",
        Way::Spawned => "  spawned [inner task, outer task]\n    SELECT\n    in a task\n      SELECT\n",
        Way::Context => "  context [by the context alone]\n    SELECT\n    in the inner task\n      SELECT\n",
        Way::Blocking => "  blocking [on a thread]\n    below\n      SELECT\n",
        Way::Joined => "  joined\n    left [waits]\n      SELECT\n    right [goes on]\n      SELECT\n",
        Way::Selected => "  selected [done]\n    lost [begun]\n      SELECT\n    won\n      SELECT\n",
        Way::Aborted => "  aborted\n    SELECT\n",
        Way::Api => "  api [under a span of the API]\n    below the API's\n      SELECT\n",
        Way::Late => "  late [late]\n    SELECT\n",
    };
    let parts = "  part [made]\n    SELECT\n".repeat(parts(n) as usize);
    // Siblings by their names, as in the tree.
    let mut below = [work, &parts];
    below.sort_unstable();
    format!("GET /jobs/{{n}} [begun]\n{}", below.concat())
}
