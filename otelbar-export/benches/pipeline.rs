//! The whole way to a backend that accepts everything, beside the SDK's batch processor with opentelemetry-otlp's
//! exporter: `cargo xtask bench export hand_over`.
//!
//! `export_…` is handing over many traces and waiting until the backend has them all; both queues hold them. `hand_over`
//! is what one finished trace costs the caller. At the end it is told what is left of the spans of one thread that makes
//! them as fast as it can.

#![allow(missing_docs, reason = "the macros of criterion make functions without documentation")]

mod peer;
mod sink;
mod spans;

use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use opentelemetry::KeyValue;
use opentelemetry::trace::{Span, SpanBuilder, Tracer, TracerProvider};
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanProcessor};
use otelbar_export::{ExporterOptions, Protocol, ToolbarSpanExporter, TraceBatch};
use sink::Sink;
use spans::TRACE;
use tokio::runtime::Runtime;

const PROTOCOLS: [(&str, Protocol); 2] = [("http", Protocol::HttpProtobuf), ("grpc", Protocol::Grpc)];
/// Traces exported in one go: 40 batches.
const TRACES: usize = 40 * spans::BATCH / TRACE;
const PATIENCE: Duration = Duration::from_secs(60);

fn export(criterion: &mut Criterion) {
    let runtime = around_grpc();
    let _inside = runtime.enter();
    for (name, protocol) in PROTOCOLS {
        let mut group = criterion.benchmark_group(format!("export_{name}"));
        group.throughput(Throughput::Elements((TRACES * TRACE) as u64));
        group.sample_size(20);
        let sink = Sink::start();
        let ours = ours(&sink, protocol);
        group.bench_function("ours", |bencher| {
            bencher.iter_batched(
                || traces(TRACES),
                |traces| {
                    hand_over(&ours, traces);
                    ours.flush(PATIENCE).expect("a sink that takes all");
                },
                BatchSize::PerIteration,
            );
        });
        assert_eq!(ours.accounts()[0].accepted, sink.spans(), "{:?}", ours.accounts());

        let (sink, mut sent) = (Sink::start(), 0);
        let peer = peer::batch_processor(&sink, protocol, TRACES * TRACE);
        group.bench_function(peer::NAME, |bencher| {
            bencher.iter_batched(
                || traces(TRACES),
                |traces| {
                    sent += (TRACES * TRACE) as u64;
                    end(&peer, traces);
                    peer.force_flush().expect("a sink that takes all");
                },
                BatchSize::PerIteration,
            );
        });
        assert_eq!(sent, sink.spans());
        group.finish();
    }
}

fn one_trace(criterion: &mut Criterion) {
    /// So few that they fit into any queue; what was handed over is sent before the next.
    const AT_ONCE: usize = 2 * spans::BATCH / TRACE;
    let sink = Sink::start();
    let (ours, peer) =
        (ours(&sink, Protocol::HttpProtobuf), peer::batch_processor(&sink, Protocol::HttpProtobuf, 2048));
    let mut group = criterion.benchmark_group("hand_over");
    group.throughput(Throughput::Elements(TRACE as u64));
    group.bench_function("ours", |bencher| {
        bencher.iter_custom(|count| {
            in_parts(count, AT_ONCE, |traces| {
                let time = timed(|| hand_over(&ours, traces));
                ours.flush(PATIENCE).expect("a sink that takes all");
                time
            })
        });
    });
    group.bench_function(peer::NAME, |bencher| {
        bencher.iter_custom(|count| {
            in_parts(count, AT_ONCE, |traces| {
                let time = timed(|| end(&peer, traces));
                peer.force_flush().expect("a sink that takes all");
                time
            })
        });
    });
    group.finish();
}

/// The sum of the times that `run` takes for so many traces.
fn in_parts(count: u64, at_once: usize, mut run: impl FnMut(Vec<Vec<SpanData>>) -> Duration) -> Duration {
    let mut left = usize::try_from(count).expect("a count");
    let mut time = Duration::ZERO;
    while left > 0 {
        let part = left.min(at_once);
        left -= part;
        time += run(traces(part));
    }
    time
}

fn timed(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

/// One thread makes spans with the SDK, each as soon as the one before has ended: what arrives of them.
fn flat_out(_: &mut Criterion) {
    const SPANS: usize = 500_000;
    let runtime = around_grpc();
    let _inside = runtime.enter();
    println!("\n{SPANS} spans of one thread as fast as it makes them");
    for (name, protocol) in PROTOCOLS {
        let sink = Sink::start();
        let ours = ours(&sink, protocol);
        let provider = SdkTracerProvider::builder().with_resource(spans::resource());
        let made = make(provider.with_span_processor(ours.clone()).build(), SPANS);
        ours.flush(PATIENCE).expect("a sink that takes all");
        tell(name, "ours, a queue of 64 MiB", made, &sink, SPANS);

        let sink = Sink::start();
        let peer = peer::batch_processor(&sink, protocol, 2048);
        let provider = SdkTracerProvider::builder().with_resource(spans::resource());
        let provider = provider.with_span_processor(peer).build();
        let made = make(provider.clone(), SPANS);
        provider.force_flush().expect("a sink that takes all");
        tell(name, "opentelemetry_otlp, a queue of 2048 spans", made, &sink, SPANS);
    }
}

fn tell(protocol: &str, who: &str, made: Duration, sink: &Sink, spans: usize) {
    let dropped = spans as u64 - sink.spans();
    let percent = 100.0 * dropped as f64 / spans as f64;
    let rate = spans as f64 / made.as_secs_f64() / 1e3;
    println!("{protocol}: {who}: {dropped} dropped ({percent:.1} %), made at {rate:.0} k spans/s");
}

fn make(provider: SdkTracerProvider, spans: usize) -> Duration {
    let tracer = provider.tracer("shop.http");
    timed(|| {
        for index in 0..spans {
            let mut span = tracer.build(SpanBuilder::from_name("SELECT songs artists").with_attributes([
                KeyValue::new("db.system.name", "postgresql"),
                KeyValue::new(
                    "db.query.text",
                    format!("SELECT * FROM songs WHERE artist_id = ${}", index % 7),
                ),
                KeyValue::new("server.address", "db.internal"),
                KeyValue::new("server.port", 5432),
                KeyValue::new("db.response.returned_rows", (index % 300) as i64),
                KeyValue::new("db.cached", index.is_multiple_of(2)),
            ]));
            if index.is_multiple_of(5) {
                span.add_event("cache miss", vec![KeyValue::new("cache.key", format!("cart:{index}"))]);
            }
        }
    })
}

/// At a queue that the bytes bound, not the number of spans.
fn ours(sink: &Sink, protocol: Protocol) -> ToolbarSpanExporter {
    let endpoint = if protocol == Protocol::Grpc { sink.grpc_endpoint() } else { sink.http_endpoint() };
    let options = ExporterOptions::new(&endpoint).expect("an endpoint").with_protocol(protocol);
    ToolbarSpanExporter::new(options.with_queue_size(usize::MAX)).expect("a pipeline")
}

fn traces(count: usize) -> Vec<Vec<SpanData>> {
    let trace = spans::spans(TRACE);
    (0..count).map(|_| trace.clone()).collect()
}

fn hand_over(ours: &ToolbarSpanExporter, traces: Vec<Vec<SpanData>>) {
    let service = spans::resource();
    for (spans, key) in traces.into_iter().zip(0_u64..) {
        ours.enqueue(TraceBatch::new(key, service.clone(), spans)).expect("room in the queue");
    }
}

fn end(peer: &impl SpanProcessor, traces: Vec<Vec<SpanData>>) {
    traces.into_iter().flatten().for_each(|span| peer.on_end(span));
}

/// The peer's way over gRPC runs on a runtime of the application.
fn around_grpc() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

criterion_group!(benches, export, one_trace, flat_out);
criterion_main!(benches);
