//! Reading allocates nothing, and writing at most once.

#[path = "../benches/cases/mod.rs"]
mod cases;

/// Each case keeps to its limit, and allocates no more than its peer.
#[test]
fn every_case_keeps_to_its_limit() {
    for mut case in cases::all() {
        let count = |call: &mut dyn FnMut()| {
            // What is made once does not count.
            call();
            allocation_counter::measure(call).count_total
        };
        let (ours, theirs) = (count(&mut case.ours), count(&mut case.theirs));
        assert!(ours <= case.limit, "{}: {ours} allocations, the limit is {}", case.id, case.limit);
        assert!(ours <= theirs, "{}: {ours} allocations, {} has {theirs}", case.id, case.peer);
    }
}
