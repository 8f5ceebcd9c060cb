//! A query that has failed is not told as one that went well.

mod common;

use std::convert::Infallible;

use axum::body::Body;
use http::{Request, Response};
use otelbar_panel::query;
use serde_json::{Value, json};
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use tower::{Layer, service_fn};
use tracing::{Instrument, error, info_span};

async fn pool(connections: u32) -> SqlitePool {
    let options = SqlitePoolOptions::new().max_connections(connections).min_connections(connections);
    options.connect("sqlite::memory:").await.unwrap()
}

/// The spans of a request whose handler does this, the query's text first; then status, `error.type`, code and outcome.
async fn record<F: Future<Output = ()>>(pool: &SqlitePool, work: impl FnOnce() -> F) -> Vec<Value> {
    let toolbar = common::quiet_toolbar();
    let mut work = Some(work);
    let service = service_fn(move |_: Request<Body>| {
        let work = work.take().unwrap()();
        async {
            work.await;
            Ok::<_, Infallible>(Response::new(Body::empty()))
        }
    });
    common::call(toolbar.layer().layer(service), common::get("/")).await;
    // The driver's thread tells of a query when it has finished with it.
    pool.close().await;
    let request = common::the_request(&toolbar).await;
    let queries = request["spans"].as_array().unwrap().iter().filter(|span| span["panel"] == "sql");
    let shape = |span: &Value| {
        let of = |key: &str| common::attribute(span, key).cloned();
        json!([
            of("db.query.text"),
            span["status"],
            of("error.type"),
            of("db.response.status_code"),
            of("otelbar.outcome"),
        ])
    };
    queries.map(shape).collect()
}

/// Divides by zero, which SQLite gives a NULL for; the column takes none.
const FAILS: &str = "INSERT INTO t SELECT 1 / (SELECT count(*) FROM t)";

async fn with_table() -> SqlitePool {
    let pool = pool(1).await;
    sqlx::query("CREATE TABLE t (n INTEGER NOT NULL)").execute(&pool).await.unwrap();
    pool
}

fn failed() -> Value {
    json!(["INSERT INTO t SELECT ? / (SELECT count(*) FROM t)", "error", "1299", "1299", null])
}

fn unset(text: &str) -> Value {
    json!([text, "unset", null, null, null])
}

#[tokio::test]
async fn a_wrapped_query_fails_with_the_databases_code() {
    let pool = with_table().await;
    let queries = record(&pool, async || {
        query(sqlx::query("SELECT * FROM t").fetch_all(&pool)).await.unwrap();
        query(sqlx::query(FAILS).execute(&pool)).await.unwrap_err();
        query(sqlx::query("SELECT n FROM t").fetch_all(&pool)).await.unwrap();
        let none = query(sqlx::query("SELECT n FROM t WHERE n = n").fetch_one(&pool)).await;
        assert!(matches!(none, Err(sqlx::Error::RowNotFound)));
    })
    .await;
    let expected =
        [unset("SELECT * FROM t"), failed(), unset("SELECT n FROM t"), unset("SELECT n FROM t WHERE n = n")];
    assert_eq!(queries, expected);
}

#[tokio::test]
async fn a_query_is_found_in_functions_within_the_wrapper() {
    #[tracing::instrument(skip_all)]
    async fn insert(pool: &SqlitePool) -> Result<(), sqlx::Error> {
        let work = async { sqlx::query(FAILS).execute(pool).await.map(|_| ()) };
        work.instrument(info_span!("deeper")).await
    }
    let pool = with_table().await;
    let queries = record(&pool, async || {
        sqlx::query("SELECT * FROM t").fetch_all(&pool).await.unwrap();
        query(insert(&pool)).await.unwrap_err();
    })
    .await;
    assert_eq!(queries, [unset("SELECT * FROM t"), failed()]);
}

#[tokio::test]
async fn a_wrapped_query_is_seen_through_the_filter_that_the_page_recommends() {
    use tracing_subscriber::prelude::*;
    let pool = pool(1).await;
    let toolbar = common::quiet_toolbar();
    let filter = tracing_subscriber::EnvFilter::new("shop=info,otelbar::request=error,sqlx::query=debug");
    let filtered = tracing_subscriber::registry().with(toolbar.tracing_layer()).with(filter);
    let _default = tracing::subscriber::set_default(filtered);
    let refused = async { Err::<(), _>(std::io::Error::other("refused")) };
    let queries = record(&pool, async || drop(query(refused).await)).await;
    assert_eq!(queries, [json!([null, "error", "std::io::error::Error", null, null])]);
}

#[tokio::test]
async fn a_failure_without_a_query_is_recorded_too() {
    let pool = with_table().await;
    let queries = record(&pool, async || {
        pool.close().await;
        query(sqlx::query("SELECT 1").fetch_all(&pool)).await.unwrap_err();
    })
    .await;
    assert_eq!(queries, [json!([null, "error", "sqlx_core::error::Error", null, null])]);
}

#[tokio::test]
async fn an_errors_log_tells_of_the_query_before_it() {
    #[tracing::instrument(skip_all, err)]
    async fn change(pool: &SqlitePool) -> Result<(), sqlx::Error> {
        sqlx::query("SELECT * FROM t").fetch_all(pool).await?;
        sqlx::query(FAILS).execute(pool).await?;
        Ok(())
    }
    let pool = with_table().await;
    let queries = record(&pool, async || {
        let failure = change(&pool).await.unwrap_err();
        sqlx::query("SELECT n FROM t").fetch_all(&pool).await.unwrap();
        error!(error = &failure as &dyn std::error::Error, "it is told again, after another query");
    })
    .await;
    assert_eq!(queries[..2], [unset("SELECT * FROM t"), failed()]);
}

#[tokio::test]
async fn an_error_of_a_wrapped_query_is_not_put_down_to_another() {
    let pool = with_table().await;
    let queries = record(&pool, async || {
        sqlx::query("SELECT * FROM t").fetch_all(&pool).await.unwrap();
        let failure = query(sqlx::query(FAILS).execute(&pool)).await.unwrap_err();
        error!(error = %failure, "failed");
    })
    .await;
    assert_eq!(queries, [unset("SELECT * FROM t"), failed()]);
}

#[tokio::test]
async fn an_error_that_is_not_the_databases_says_nothing_of_queries() {
    let pool = with_table().await;
    let queries = record(&pool, async || {
        sqlx::query("SELECT * FROM t").fetch_all(&pool).await.unwrap();
        async { error!(error = "the mail was refused", "failed") }.instrument(info_span!("mail")).await;
    })
    .await;
    assert_eq!(queries, [unset("SELECT * FROM t")]);
}

#[tokio::test]
async fn outside_a_request_the_result_is_passed_on() {
    let pool = pool(1).await;
    assert!(query(sqlx::query("SELECT 1").fetch_one(&pool)).await.is_ok());
    assert!(query(sqlx::query("SELECT").fetch_one(&pool)).await.is_err());
}
