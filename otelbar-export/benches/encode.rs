//! From a batch of spans to the body of a request: `cargo xtask bench encode`. What is allocated is counted by the bench
//! `allocations`.

#![allow(missing_docs, reason = "the macros of criterion make functions without documentation")]

mod encode_cases;
mod spans;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use encode_cases::{CASES, Case, Service};

fn encode(criterion: &mut Criterion) {
    let (service, spans) = (Service::new(spans::resource()), spans::spans(spans::BATCH));
    for Case { group, function, encode } in CASES {
        let mut group = criterion.benchmark_group(group);
        group.throughput(Throughput::Elements(spans.len() as u64));
        group.bench_function(function, |bencher| {
            // As in a pipeline, the body is dropped before the next is made.
            let run = |spans| drop(black_box(encode(&service, spans)));
            bencher.iter_batched(|| spans.clone(), run, BatchSize::PerIteration);
        });
        group.finish();
    }
}

criterion_group!(benches, encode);
criterion_main!(benches);
