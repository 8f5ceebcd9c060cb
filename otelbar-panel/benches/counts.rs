//! What doesn't depend on the machine's mood: instructions that recording takes on the thread that serves the request, and
//! bytes of the API's answers. One JSON object, `{"case": {"unit": "…", "ours": 1, "peer": 2}, …}`, in a file in the
//! folder `$BENCH_COUNTS`, or on standard output without.
//!
//! Instructions are counted by valgrind's callgrind, which runs this program again for each count; without valgrind they
//! are left out. Of two runs that differ in the number of things in a request the difference is what the things cost.

mod service;

use std::borrow::Cow;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, error, fs};

use fastrace::collector::{Config, Reporter, SpanRecord};
use fastrace::local::LocalSpan;
use fastrace::prelude::{Event, Span, SpanContext};
use http::{Request, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use opentelemetry::trace::{SpanBuilder, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SdkTracer;
use otelbar_panel::{PeerAddr, ToolbarLayer};
use serde_json::{Map, Value, json};
use service::{provider, serve, service, service_in_span, toolbar};
use tower::{Layer, Service};
use tracing::{debug, info, info_span};
use tracing_subscriber::prelude::*;

type Error = Box<dyn error::Error>;

/// What a request holds, many times over.
const THINGS: [&str; 4] = ["span_of_4_fields", "span_without_fields", "log", "query"];
/// Who records it: nobody but the registry, the toolbar, the usual way of getting the same spans, and two that have an API
/// of their own, which no driver of a database uses.
const RECORDERS: [&str; 5] = ["bare", "ours", "tracing_opentelemetry", "opentelemetry_sdk", "fastrace"];
/// The toolbar disabled.
const OFF: &str = "off";
/// Requests in one count. What is made once has been made before.
const REQUESTS: u64 = 20;

fn main() -> Result<(), Error> {
    let args: Vec<String> = env::args().skip(1).collect();
    if let [count, recorder, thing, things] = &args[..]
        && count == "count"
    {
        let thing = THINGS.into_iter().find(|name| name == thing).ok_or("there is no such thing")?;
        record(recorder, thing, things.parse()?);
        return Ok(());
    }
    // A name of a benchmark that `cargo xtask bench` was asked for.
    if args.iter().any(|arg| !arg.starts_with("--") && !arg.contains("recording") && !arg.contains("api")) {
        return Ok(());
    }
    let mut counts = Map::new();
    sizes(&mut counts)?;
    instructions(&mut counts)?;
    let json = format!("{:#}", Value::Object(counts));
    match env::var_os("BENCH_COUNTS") {
        Some(folder) => fs::write(Path::new(&folder).join(concat!(env!("CARGO_PKG_NAME"), ".json")), json)?,
        None => println!("{json}"),
    }
    Ok(())
}

fn instructions(counts: &mut Map<String, Value>) -> Result<(), Error> {
    let version =
        Command::new("valgrind").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !version.is_ok_and(|status| status.success()) {
        eprintln!("instructions are left out: valgrind is not installed");
        return Ok(());
    }
    let mut case =
        |name: String, recorders: &[&str], count: &dyn Fn(&str) -> Result<u64, Error>| -> Result<(), Error> {
            let mut row = Map::from_iter([("unit".to_owned(), "instructions".into())]);
            for recorder in recorders {
                // Compared is always the toolbar.
                let who = if *recorder == OFF { "ours" } else { recorder };
                row.insert(who.to_owned(), count(recorder)?.into());
            }
            counts.insert(name, row.into());
            Ok(())
        };
    let request = |recorder: &str| Ok(callgrind(recorder, THINGS[0], 0)? / REQUESTS);
    let each = |recorder: &str, thing: &str| {
        let few = callgrind(recorder, thing, 10)?;
        let many = callgrind(recorder, thing, 110)?;
        Ok(many.saturating_sub(few) / 100 / REQUESTS)
    };
    case("recording_request".to_owned(), &RECORDERS, &request)?;
    for thing in THINGS {
        let recorders = if thing == "query" { &RECORDERS[..3] } else { &RECORDERS };
        case(format!("recording_{thing}"), recorders, &|recorder| each(recorder, thing))?;
    }
    case("recording_off_request".to_owned(), &["bare", OFF], &request)?;
    case(format!("recording_off_{}", THINGS[0]), &["bare", OFF], &|recorder| each(recorder, THINGS[0]))
}

/// Instructions of [`REQUESTS`] requests with so many things, on their thread alone.
fn callgrind(recorder: &str, thing: &str, things: u64) -> Result<u64, Error> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"])
        .arg("--toggle-collect=*counted_by_callgrind*")
        .arg(env::current_exe()?)
        .args(["count", recorder, thing, &things.to_string()])
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let count = said.lines().find_map(|line| line.split("Collected :").nth(1)?.trim().parse().ok());
    count.ok_or_else(|| format!("callgrind counted nothing:\n{said}").into())
}

/// The one function in which callgrind counts. Its name is how it is found.
#[inline(never)]
fn counted_by_callgrind(serve: &mut dyn FnMut()) {
    serve();
    black_box(());
}

/// Serves requests, as `recorder` records them.
fn record(recorder: &str, thing: &'static str, things: u64) {
    let work = move || self::work(thing, things);
    let toolbar = toolbar(recorder != OFF);
    let provider = provider();
    let mut serve: Box<dyn FnMut()> = match recorder {
        "opentelemetry_sdk" => {
            let tracer = provider.tracer("bench");
            Box::new(move || {
                let root = tracer.start_with_context("request", &Context::new());
                let _current = Context::new().with_span(root).attach();
                by_the_sdk(&tracer, thing, things);
            })
        }
        "fastrace" => {
            fastrace::set_reporter(Nothing, Config::default());
            Box::new(move || {
                let root = Span::root("request", SpanContext::random());
                let _current = root.set_local_parent();
                by_fastrace(thing, things);
            })
        }
        "ours" => {
            tracing_subscriber::registry().with(toolbar.tracing_layer()).init();
            let mut service = toolbar.layer().layer(service(work));
            Box::new(move || serve(&mut service))
        }
        OFF => {
            tracing_subscriber::registry().with(Nothing).with(toolbar.tracing_layer()).init();
            let mut service = toolbar.layer().layer(service(work));
            Box::new(move || serve(&mut service))
        }
        "tracing_opentelemetry" => {
            let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("bench"));
            tracing_subscriber::registry().with(layer).init();
            let mut service = service_in_span(work);
            Box::new(move || serve(&mut service))
        }
        _ => {
            tracing_subscriber::registry().with(Nothing).init();
            let mut service = service(work);
            Box::new(move || serve(&mut service))
        }
    };
    // What finds a full queue is dropped, and costs less. The toolbar's own has room for all of this.
    let empty_queues = || {
        _ = provider.force_flush();
        if recorder == "fastrace" {
            fastrace::flush();
        }
    };
    for _ in 0..REQUESTS {
        serve();
        empty_queues();
    }
    for _ in 0..REQUESTS {
        counted_by_callgrind(&mut serve);
        empty_queues();
    }
}

/// Bytes of the answers that the page reads, in full and as a browser asks for them.
fn sizes(counts: &mut Map<String, Value>) -> Result<(), Error> {
    let toolbar = toolbar(true);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tracing::subscriber::with_default(tracing_subscriber::registry().with(toolbar.tracing_layer()), || {
        let mut size = |name: &str, path: &str| -> Result<(), Error> {
            let plain = runtime.block_on(answer(&toolbar.layer(), path, "identity"));
            let packed = runtime.block_on(answer(&toolbar.layer(), path, "gzip"));
            counts.insert(name.to_owned(), json!({"unit": "bytes", "ours": plain.len()}));
            counts.insert(format!("{name}_gzip"), json!({"unit": "bytes", "ours": packed.len()}));
            Ok(())
        };
        size("api_page", "")?;
        for things in [10, 1_000] {
            serve(&mut toolbar.layer().layer(service(|| work(THINGS[0], things))));
            _ = toolbar.flush(Duration::from_secs(60));
            let list = runtime.block_on(answer(&toolbar.layer(), "api/requests?limit=1", "identity"));
            let list: Value = serde_json::from_slice(&list)?;
            let id = list["requests"][0]["id"].as_str().ok_or("the list names the request")?;
            size(&format!("api_request_of_{things}_spans"), &format!("api/requests/{id}"))?;
        }
        for _ in 0..100 {
            serve(&mut toolbar.layer().layer(service(|| work(THINGS[0], 10))));
        }
        _ = toolbar.flush(Duration::from_secs(60));
        size("api_list_of_100", "api/requests?limit=100")
    })
}

/// The body of the toolbar's own answer.
async fn answer(layer: &ToolbarLayer, path: &str, encoding: &str) -> Bytes {
    let request = Request::get(format!("/__otelbar/{path}"))
        .header(header::HOST, "localhost")
        .header(header::CONNECTION, "keep-alive")
        .header(header::ACCEPT_ENCODING, encoding)
        .extension(PeerAddr::new(([127, 0, 0, 1], 50_000).into()))
        .body(Empty::<Bytes>::new())
        .expect("the request is valid");
    let Ok(answer) = layer.layer(service(|| ())).call(request).await;
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    answer.into_body().collect().await.expect("the body is whole").to_bytes()
}

fn work(thing: &str, things: u64) {
    for n in 0..things {
        match thing {
            "span_of_4_fields" => drop(
                info_span!("step", n = black_box(n), cached = black_box(true), kind = "inner", name = "cart")
                    .entered(),
            ),
            "span_without_fields" => drop(info_span!("step").entered()),
            "log" => info!(n = black_box(n), user = black_box("alice"), "worked"),
            _ => debug!(
                target: "sqlx::query",
                summary = "SELECT id, name, price …",
                db.statement = black_box("\n\nSELECT id, name, price FROM products WHERE shop = $1 AND id = $2\n"),
                rows_affected = 0_u64,
                rows_returned = black_box(n),
                elapsed = ?Duration::from_micros(120),
                elapsed_secs = 0.00012,
            ),
        }
    }
}

/// The same by the SDK's own API.
fn by_the_sdk(tracer: &SdkTracer, thing: &str, things: u64) {
    for n in 0..things {
        match thing {
            "span_of_4_fields" => {
                let attributes = [
                    KeyValue::new("n", black_box(n) as i64),
                    KeyValue::new("cached", black_box(true)),
                    KeyValue::new("kind", "inner"),
                    KeyValue::new("name", "cart"),
                ];
                drop(tracer.build(SpanBuilder::from_name("step").with_attributes(attributes)));
            }
            "span_without_fields" => drop(tracer.start("step")),
            _ => {
                let attributes =
                    vec![KeyValue::new("n", black_box(n) as i64), KeyValue::new("user", black_box("alice"))];
                Context::map_current(|current| current.span().add_event("worked", attributes));
            }
        }
    }
}

/// The same by fastrace, whose values are texts.
fn by_fastrace(thing: &str, things: u64) {
    for n in 0..things {
        match thing {
            "span_of_4_fields" => drop(LocalSpan::enter_with_local_parent("step").with_properties(|| {
                [
                    ("n", Cow::Owned(black_box(n).to_string())),
                    ("cached", Cow::Borrowed(if black_box(true) { "true" } else { "false" })),
                    ("kind", Cow::Borrowed("inner")),
                    ("name", Cow::Borrowed("cart")),
                ]
            })),
            "span_without_fields" => drop(LocalSpan::enter_with_local_parent("step")),
            _ => LocalSpan::add_event(Event::new("worked").with_properties(|| {
                [("n", Cow::Owned(black_box(n).to_string())), ("user", Cow::Borrowed(black_box("alice")))]
            })),
        }
    }
}

/// A layer that wants everything and does nothing: what `tracing` and its registry cost. As a reporter, too.
struct Nothing;

impl Reporter for Nothing {
    fn report(&mut self, _: Vec<SpanRecord>) {}
}

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Nothing {}
