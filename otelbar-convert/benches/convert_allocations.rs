//! What converting a request allocates, once the statements are known: written to the folder `BENCH_ALLOCS`, or printed.

mod requests;

use std::path::Path;

use otelbar_convert::{PanelData, PanelDataConverter};

fn main() {
    let counts = serde_json::json!({
        "convert_page/ours": count(&requests::of_a_page()),
        "convert_spans/ours/10000": count(&requests::of_spans(10_000)),
    });
    match std::env::var_os("BENCH_ALLOCS") {
        Some(folder) => {
            let path = Path::new(&folder).join("otelbar-convert.json");
            std::fs::write(&path, counts.to_string()).expect("a folder to write to");
        }
        None => println!("{counts}"),
    }
}

/// Allocations of the second call, so that what is kept from the first does not count.
fn count(data: &PanelData) -> u64 {
    let converter = PanelDataConverter::default();
    drop(converter.convert(data));
    allocation_counter::measure(|| drop(converter.convert(data))).count_total
}
