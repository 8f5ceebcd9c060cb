//! Converting a request allocates little, so that the thread behind the service has little to do.

#[path = "../benches/requests/mod.rs"]
mod requests;

use otelbar_convert::{PanelData, PanelDataConverter};

/// Allocations for each span, once the statements are known.
#[track_caller]
fn check(data: &PanelData, most: u64) {
    let converter = PanelDataConverter::default();
    let spans = converter.convert(data).spans.len() as u64;
    let count = allocation_counter::measure(|| drop(converter.convert(data))).count_total;
    assert!(count <= most * spans, "{count} for {spans} spans");
}

#[test]
fn a_page_takes_five_allocations_a_span() {
    check(&requests::of_a_page(), 5);
}

#[test]
fn plain_spans_take_little_more_than_their_name() {
    check(&requests::of_spans(10_000), 2);
}
