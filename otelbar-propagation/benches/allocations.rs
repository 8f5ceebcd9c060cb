//! What each case allocates, beside a peer, once it is warm: a line of JSON for each, in the order of the bench
//! `propagation`.

mod cases;

fn main() {
    for mut case in cases::all() {
        let (ours, theirs) = (count(&mut case.ours), count(&mut case.theirs));
        let (id, peer) = (case.id, case.peer);
        println!(r#"{{"id":"{id}","ours_allocs":{ours},"peer":"{peer}","peer_allocs":{theirs}}}"#);
    }
}

/// Allocations of the second call, so that what is made once does not count.
fn count(call: &mut dyn FnMut()) -> u64 {
    call();
    allocation_counter::measure(call).count_total
}
