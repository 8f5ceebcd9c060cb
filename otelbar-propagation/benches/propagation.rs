//! The time of each case, beside a peer's. What is allocated is counted by the bench `allocations`, whose
//! counting would slow both down here; `cargo xtask bench propagation` makes one table of the two.

#![allow(missing_docs, reason = "the macros of criterion make functions without documentation")]

mod cases;

use criterion::{Criterion, criterion_group, criterion_main};

struct Time<'c>(&'c mut Criterion);

impl cases::Measure for Time<'_> {
    fn case(
        &mut self,
        id: &'static str,
        _limit: u64,
        mut ours: impl FnMut(),
        peer: &'static str,
        mut theirs: impl FnMut(),
    ) {
        let mut group = self.0.benchmark_group(id);
        group.bench_function("ours", |bencher| bencher.iter(&mut ours));
        group.bench_function(peer, |bencher| bencher.iter(&mut theirs));
        group.finish();
    }
}

fn benches(criterion: &mut Criterion) {
    cases::all(&mut Time(criterion));
}

criterion_group!(propagation, benches);
criterion_main!(propagation);
