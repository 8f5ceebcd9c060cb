//! The time of each case, beside a peer's: `cargo bench -p otelbar-propagation --all-features`.
//!
//! Criterion's ids are `case/otelbar` and `case/peer`. What is allocated is counted by the bench
//! `allocations`, whose counting would slow both down here.

#![allow(missing_docs, reason = "the macros of criterion make functions without documentation")]

mod cases;

use criterion::{Criterion, criterion_group, criterion_main};

fn benches(criterion: &mut Criterion) {
    for mut case in cases::all() {
        let mut group = criterion.benchmark_group(case.id);
        group.bench_function("otelbar", |bencher| bencher.iter(&mut case.ours));
        group.bench_function(case.peer, |bencher| bencher.iter(&mut case.theirs));
        group.finish();
    }
}

criterion_group!(propagation, benches);
criterion_main!(propagation);
