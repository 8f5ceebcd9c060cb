//! What each case allocates, beside a peer, once it is warm: a line of JSON for each, in the order of the bench
//! `propagation`.

mod cases;

struct Allocations;

impl cases::Measure for Allocations {
    fn case(
        &mut self,
        id: &'static str,
        _limit: u64,
        ours: impl FnMut(),
        peer: &'static str,
        theirs: impl FnMut(),
    ) {
        let (ours, theirs) = (count(ours), count(theirs));
        println!(r#"{{"id":"{id}","ours_allocs":{ours},"peer":"{peer}","peer_allocs":{theirs}}}"#);
    }
}

fn main() {
    cases::all(&mut Allocations);
}

/// Allocations of the second call, so that what is made once does not count.
fn count(mut call: impl FnMut()) -> u64 {
    call();
    allocation_counter::measure(call).count_total
}
