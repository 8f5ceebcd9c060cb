//! The whole way to a backend that accepts everything, beside the SDK's batch processor with opentelemetry-otlp's
//! exporter: `cargo xtask bench export`.
//!
//! `export_…` is enqueuing many traces and waiting until the backend has them all; both queues hold them. `enqueue` is
//! what one finished trace costs the caller. `flat_out_…` is a thread that makes more than can be sent.

#![allow(missing_docs, reason = "the macros of criterion make functions without documentation")]

mod peer;
mod sink;
mod spans;

use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use opentelemetry::trace::{Span, SpanBuilder, Tracer, TracerProvider};
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanProcessor};
use otelbar_export::{Destination, Pipeline, Protocol, ToolbarSpanExporter, TraceBatch};
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
                    enqueue(&ours, traces);
                    ours.flush(PATIENCE).expect("a sink that takes all");
                },
                BatchSize::PerIteration,
            );
        });
        assert_eq!(ours.statistics()[0].spans.accepted, sink.spans(), "{:?}", ours.statistics());

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
    /// So few that they fit into any queue; what was enqueued is sent before the next.
    const AT_ONCE: usize = 2 * spans::BATCH / TRACE;
    let sink = Sink::start();
    let (ours, peer) = (
        ours(&sink, Protocol::HttpProtobuf),
        peer::batch_processor(&sink, Protocol::HttpProtobuf, peer::QUEUE),
    );
    let mut group = criterion.benchmark_group("enqueue");
    group.throughput(Throughput::Elements(TRACE as u64));
    group.bench_function("ours", |bencher| {
        bencher.iter_custom(|count| {
            in_parts(count, AT_ONCE, |traces| {
                let time = timed(|| enqueue(&ours, traces));
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

/// One thread enqueues finished traces, or single spans as the SDK ends them, as fast as it can make them. The time
/// is that in which `SPANS` arrive; of those that do not it is told.
fn flat_out(criterion: &mut Criterion) {
    type Way = (&'static str, fn(&Sink, Protocol));
    const WAYS: [(&str, [Way; 2]); 2] = [
        ("traces", [("ours", traces_to_ours), (peer::NAME, traces_to_peer)]),
        ("spans", [("ours", spans_to_ours), (peer::NAME, spans_to_peer)]),
    ];
    let runtime = around_grpc();
    let _inside = runtime.enter();
    for (name, protocol) in PROTOCOLS {
        for (of, ways) in WAYS {
            let mut group = criterion.benchmark_group(format!("flat_out_{of}_{name}"));
            group.throughput(Throughput::Elements(SPANS as u64));
            group.sample_size(10).sampling_mode(SamplingMode::Flat);
            for (who, run) in ways {
                let (mut runs, mut arrived) = (0, 0);
                group.bench_function(who, |bencher| {
                    bencher.iter_custom(|count| {
                        let mut time = Duration::ZERO;
                        for _ in 0..count {
                            let sink = Sink::start();
                            let took = timed(|| run(&sink, protocol));
                            time += took.mul_f64(SPANS as f64 / sink.spans() as f64);
                            runs += 1;
                            arrived += sink.spans();
                        }
                        time
                    });
                });
                if runs > 0 {
                    let share = 100.0 - 100.0 * arrived as f64 / (runs * SPANS) as f64;
                    println!("flat_out_{of}_{name}/{who}: {share:.1} % dropped");
                }
            }
            group.finish();
        }
    }
}

/// What one thread makes in one go.
const SPANS: usize = 20_000 * TRACE;

fn traces_to_ours(sink: &Sink, protocol: Protocol) {
    let (ours, service) = (ours(sink, protocol), spans::resource());
    for key in 0..(SPANS / TRACE) as u64 {
        // What has no room is missing from the sink.
        let _ = ours.enqueue(TraceBatch::new(key, service.clone(), spans::trace(key)));
    }
    ours.shutdown(PATIENCE).expect("a sink that takes all");
}

fn traces_to_peer(sink: &Sink, protocol: Protocol) {
    let peer = peer::batch_processor(sink, protocol, peer::QUEUE);
    for number in 0..(SPANS / TRACE) as u64 {
        spans::trace(number).into_iter().for_each(|span| peer.on_end(span));
    }
    peer.shutdown_with_timeout(PATIENCE).expect("a sink that takes all");
}

fn spans_to_ours(sink: &Sink, protocol: Protocol) {
    let ours = ours(sink, protocol);
    make_spans(ToolbarSpanExporter::from(ours.clone()));
    ours.shutdown(PATIENCE).expect("a sink that takes all");
}

fn spans_to_peer(sink: &Sink, protocol: Protocol) {
    make_spans(peer::batch_processor(sink, protocol, peer::QUEUE));
}

fn make_spans(processor: impl SpanProcessor + 'static) {
    let provider = SdkTracerProvider::builder().with_resource(spans::resource());
    let provider = provider.with_span_processor(processor).build();
    let tracer = provider.tracer("shop.http");
    for index in 0..SPANS as u64 {
        let mut span =
            tracer.build(SpanBuilder::from_name(spans::NAME).with_attributes(spans::attributes(index)));
        if spans::has_event(index) {
            span.add_event("cache miss", spans::event_attributes(index));
        }
    }
    provider.shutdown_with_timeout(PATIENCE).expect("a sink that takes all");
}

/// At a queue that the bytes bound, not the number of spans.
fn ours(sink: &Sink, protocol: Protocol) -> Pipeline {
    let endpoint = if protocol == Protocol::Grpc { sink.grpc_endpoint() } else { sink.http_endpoint() };
    let destination = Destination::otlp(endpoint).with_protocol(protocol);
    let builder = Pipeline::builder().with_destination(destination);
    builder.with_max_queue_size(usize::MAX).build().expect("a pipeline")
}

fn traces(count: usize) -> Vec<Vec<SpanData>> {
    (0..count as u64).map(spans::trace).collect()
}

fn enqueue(ours: &Pipeline, traces: Vec<Vec<SpanData>>) {
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
