//! What an open page costs the application: the time its requests take on a runtime with one worker thread, without a
//! page, with one that shows a request of many spans, and with as many questions as ten that know nothing would ask.
//!
//! Not by criterion, which measures means: what a page costs is seen in the slowest requests.
//!
//! ```text
//! cargo bench -p otelbar-panel --bench page -- [SPANS] [SECONDS]
//! ```

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use otelbar_panel::{OpenTelemetryConfig, OpenTelemetryPanel, PeerAddr, ToolbarLayer};
use serde_json::Value;
use tower::{Layer, Service, ServiceExt, service_fn};
use tracing::{info, info_span};
use tracing_subscriber::prelude::*;

/// How often a page asks.
const INTERVAL: Duration = Duration::from_secs(1);
/// How many pages the third column stands for.
const MANY: u32 = 10;
/// Between two requests of the application's, so that the store has room for all of them.
const PAUSE: Duration = Duration::from_millis(1);
/// Turns of the three, one after the other, so that what else the machine does concerns all.
const TURNS: u32 = 10;
/// Of the clock by which Linux counts processor time (`USER_HZ`).
const TICK_MS: f64 = 10.0;

type Body = Empty<Bytes>;

fn service(
    spans: usize,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send {
    service_fn(move |_: Request<Body>| async move {
        for n in 0..spans {
            let _span = info_span!("step", n).entered();
            info!(n, "worked");
        }
        tokio::task::yield_now().await;
        Ok(Response::new(Body::new()))
    })
}

async fn ask(layer: &ToolbarLayer, path: &str, known: Option<&HeaderValue>, spans: usize) -> Response<Bytes> {
    let mut request = Request::get(path).header("host", "localhost").body(Body::new()).expect("it is valid");
    request.extensions_mut().insert(PeerAddr::new(SocketAddr::from(([127, 0, 0, 1], 1))));
    request.headers_mut().insert("accept-encoding", HeaderValue::from_static("gzip"));
    if let Some(tag) = known {
        request.headers_mut().insert("if-none-match", tag.clone());
    }
    let Ok(answer) = layer.layer(service(spans)).oneshot(request).await;
    let (head, body) = answer.into_parts();
    let Ok(body) = body.collect().await;
    Response::from_parts(head, body.to_bytes())
}

/// Asks as a page does that shows this request: for what it does not know yet, or for all of it each time.
async fn show(layer: ToolbarLayer, id: String, interval: Duration, remembers: bool, asked: Arc<AtomicU32>) {
    let paths = [format!("/__otelbar/api/requests/{id}"), "/__otelbar/api/requests".to_owned()];
    let mut known = [None, None];
    loop {
        for (path, known) in paths.iter().zip(&mut known) {
            let answer = ask(&layer, path, known.as_ref().filter(|_| remembers), 0).await;
            *known = answer.headers().get("etag").cloned();
            asked.fetch_add(1, Ordering::Relaxed);
        }
        tokio::time::sleep(interval).await;
    }
}

/// The processor's time that the thread of the page has had, in ticks, where the system tells.
fn page_thread() -> Option<u64> {
    let tasks = std::fs::read_dir("/proc/self/task").ok()?;
    let read = |path: std::path::PathBuf| std::fs::read_to_string(path).unwrap_or_default();
    let task =
        tasks.filter_map(Result::ok).find(|task| read(task.path().join("comm")).trim() == "otelbar-page")?;
    let stat = read(task.path().join("stat"));
    // The name, which may hold spaces, is in brackets; the times are the 12th and 13th field after it.
    let fields = stat.rsplit_once(')')?.1.split_whitespace();
    fields.skip(11).take(2).map(|field| field.parse::<u64>().ok()).sum()
}

/// The times of the application's requests, for so long.
async fn measure(layer: ToolbarLayer, time: Duration, took: &mut Vec<Duration>) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        let layer = layer.clone();
        let started = Instant::now();
        // As a server does: a task for each.
        tokio::spawn(async move { ask(&layer, "/books", None, 20).await }).await.expect("it does not panic");
        took.push(started.elapsed());
        tokio::time::sleep(PAUSE).await;
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let (numbers, filters): (Vec<_>, Vec<_>) =
        args.iter().map(|arg| arg.parse::<u64>().map_err(|_| arg)).partition(Result::is_ok);
    let numbers: Vec<u64> = numbers.into_iter().flatten().collect();
    // As criterion does: with a filter, only what it fits.
    if filters
        .iter()
        .filter_map(|filter| filter.as_ref().err())
        .any(|filter| !"page".contains(filter.as_str()))
    {
        return;
    }
    let spans = usize::try_from(*numbers.first().unwrap_or(&10_000)).expect("it fits");
    let turn = Duration::from_secs(*numbers.get(1).unwrap_or(&30)) / (3 * TURNS);
    let config = OpenTelemetryConfig::builder()
        .service_name("bench")
        .traces_exporters([])
        .max_spans_per_request(spans + 1)
        .max_logs_per_request(spans + 1)
        .max_requests(1_000_000)
        .max_bytes(4 << 30)
        .build()
        .expect("the configuration is valid");
    let toolbar = OpenTelemetryPanel::new(config).expect("there is a thread");
    tracing_subscriber::registry().with(toolbar.tracing_layer()).init();
    let layer = toolbar.layer();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.expect("there is a thread").block_on(async move {
        let [mut without, mut one, mut many] = [const { Vec::new() }; 3];
        let asked = [Arc::<AtomicU32>::default(), Arc::default()];
        let mut ticks = [0; 2];
        for _ in 0..TURNS {
            // A new request each time, so that its view has to be made.
            ask(&layer, "/large", None, spans).await;
            toolbar.flush_async(Duration::from_secs(60)).await.expect("nothing is exported");
            measure(layer.clone(), turn, &mut without).await;
            let list = ask_plain(&toolbar, "api/requests?limit=500").await;
            let large = list["requests"].as_array().expect("it is a list");
            let large =
                large.iter().find(|request| request["path"] == "/large").map(|request| &request["id"]);
            let Some(id) = large.and_then(Value::as_str).map(str::to_owned) else { continue };
            for (place, (interval, remembers, took)) in
                [(INTERVAL, true, &mut one), (INTERVAL / MANY, false, &mut many)].into_iter().enumerate()
            {
                let before = page_thread().unwrap_or_default();
                let asked = Arc::clone(&asked[place]);
                let page = tokio::spawn(show(layer.clone(), id.clone(), interval, remembers, asked));
                measure(layer.clone(), turn, took).await;
                page.abort();
                ticks[place] += page_thread().unwrap_or_default() - before;
            }
        }
        let at = |took: &mut Vec<Duration>, part: f64| {
            took.sort_unstable();
            let last = took.len().saturating_sub(1);
            // Places are far below what a float holds exactly.
            took.get((last as f64 * part) as usize).copied().unwrap_or_default().as_secs_f64() * 1e6
        };
        println!("requests of 20 spans, beside pages on {spans} spans; microseconds");
        println!("{:>8} {:>10} {:>10} {:>7} {:>10} {:>7}", "", "without", "a page", "ratio", "ten", "ratio");
        for (name, part) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)] {
            let [a, b, c] = [&mut without, &mut one, &mut many].map(|took| at(took, part));
            println!("{name:>8} {a:>10.1} {b:>10.1} {:>7.2} {c:>10.1} {:>7.2}", b / a, c / a);
        }
        println!("{} requests without", without.len());
        for (name, (ticks, asked)) in ["a page", "ten"].into_iter().zip(ticks.into_iter().zip(&asked)) {
            let asked = asked.load(Ordering::Relaxed);
            let time = ticks as f64 * TICK_MS;
            println!(
                "{name}: {asked} questions, {:.2} ms of the page's thread each",
                time / f64::from(asked)
            );
        }
    });
}

/// An answer of the API's that is not compressed.
async fn ask_plain(toolbar: &OpenTelemetryPanel, path: &str) -> Value {
    let mut request = Request::get(format!("/__otelbar/{path}")).header("host", "localhost");
    let peer = PeerAddr::new(SocketAddr::from(([127, 0, 0, 1], 1)));
    request.extensions_mut().expect("it is valid").insert(peer);
    let request = request.body(Body::new()).expect("it is valid");
    let Ok(answer) = toolbar.layer().layer(service(0)).oneshot(request).await;
    let Ok(body) = answer.into_body().collect().await;
    serde_json::from_slice(&body.to_bytes()).expect("it is JSON")
}
