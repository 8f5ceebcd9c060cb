//! Reading allocates nothing, and writing at most once.

#[path = "../benches/cases/mod.rs"]
mod cases;

struct AllocationLimits;

impl cases::Measure for AllocationLimits {
    fn case(
        &mut self,
        id: &'static str,
        limit: u64,
        mut ours: impl FnMut(),
        peer: &'static str,
        mut theirs: impl FnMut(),
    ) {
        // What is made once does not count.
        ours();
        theirs();
        let ours = allocation_counter::measure(ours).count_total;
        let theirs = allocation_counter::measure(theirs).count_total;
        assert!(ours <= limit, "{id}: {ours} allocations, the limit is {limit}");
        assert!(ours <= theirs, "{id}: {ours} allocations, {peer} has {theirs}");
    }
}

/// Each case keeps to its limit, and allocates no more than its peer.
#[test]
fn every_case_keeps_to_its_limit() {
    cases::all(&mut AllocationLimits);
}
