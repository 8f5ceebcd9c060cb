//! Converting requests: `cargo xtask bench convert`.
//!
//! `convert_page` is one request of 26 spans and 30 logs, `convert_spans` one of so many spans; dropping the result is
//! part of it. What is allocated is counted by the bench `convert_allocations`, whose counting would slow it down here.

#![allow(missing_docs, reason = "the macros of criterion make functions without documentation")]

mod requests;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use otelbar_convert::PanelDataConverter;

fn page(criterion: &mut Criterion) {
    let (converter, data) = (PanelDataConverter::default(), requests::of_a_page());
    let mut group = criterion.benchmark_group("convert_page");
    group.throughput(Throughput::Elements(data.entries.len() as u64 + 1));
    group.bench_function("ours", |bencher| bencher.iter(|| converter.convert(black_box(&data))));
    group.finish();
}

fn spans(criterion: &mut Criterion) {
    let converter = PanelDataConverter::default();
    let mut group = criterion.benchmark_group("convert_spans");
    group.sample_size(20);
    for count in [100, 1_000, 10_000, 100_000] {
        let data = requests::of_spans(count);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::new("ours", count), |bencher| {
            bencher.iter(|| converter.convert(black_box(&data)));
        });
    }
    group.finish();
}

criterion_group!(convert, page, spans);
criterion_main!(convert);
