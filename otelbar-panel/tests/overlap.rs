//! Requests that overlap on several threads, and each finds exactly its own.

mod common;

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::{Router, routing};
use opentelemetry::context::FutureExt;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{Instrument, info, info_span};

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
    let mut found = BTreeMap::new();
    for request in &requests {
        let path = request["request"]["path"].as_str().unwrap();
        let n: u32 = path.rsplit('/').next().unwrap().parse().unwrap();
        assert!(found.insert(n, request).is_none(), "{n} is there twice");
    }
    assert_eq!(found.len(), REQUESTS as usize);
    for (n, request) in found {
        assert_eq!(common::tree(request), expected(n), "request {n}");
        for span in request["spans"].as_array().unwrap() {
            bears_its_number(span, n);
        }
        assert_eq!(request["dropped"]["spans"], 0);
    }
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
