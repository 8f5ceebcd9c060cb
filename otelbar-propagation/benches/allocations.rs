//! What each case of the bench `propagation` allocates, beside a peer, once it is warm: one JSON object,
//! `{"case/ours": 0, "case/peer": 2, …}`, in a file in the folder `$BENCH_ALLOCS`, or on standard output without.

mod cases;

use std::path::Path;
use std::{env, fs, io};

use serde_json::{Map, Value};

struct Allocations(Map<String, Value>);

impl cases::Measure for Allocations {
    fn case(
        &mut self,
        id: &'static str,
        _limit: u64,
        ours: impl FnMut(),
        peer: &'static str,
        theirs: impl FnMut(),
    ) {
        self.0.insert(format!("{id}/ours"), count(ours).into());
        self.0.insert(format!("{id}/{peer}"), count(theirs).into());
    }
}

fn main() -> io::Result<()> {
    let mut allocations = Allocations(Map::new());
    cases::all(&mut allocations);
    let json = format!("{:#}", Value::Object(allocations.0));
    match env::var_os("BENCH_ALLOCS") {
        Some(folder) => fs::write(Path::new(&folder).join(concat!(env!("CARGO_PKG_NAME"), ".json")), json),
        None => {
            println!("{json}");
            Ok(())
        }
    }
}

/// Allocations of the second call, so that what is made once does not count.
fn count(mut call: impl FnMut()) -> u64 {
    call();
    allocation_counter::measure(call).count_total
}
