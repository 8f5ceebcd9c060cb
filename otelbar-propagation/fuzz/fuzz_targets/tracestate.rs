//! The reader of `tracestate` against the plain reading of the grammar. A line feed parts headers.

#![no_main]

#[path = "../../tests/plain/mod.rs"]
#[allow(dead_code, reason = "each target uses its own part")]
mod plain;

use libfuzzer_sys::fuzz_target;
use otelbar_propagation::{TraceContextLevel, Tracestate};

fuzz_target!(|text: &[u8]| {
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    let read = Tracestate::parse_lines(lines.iter().copied(), TraceContextLevel::Two);
    let found = read.as_ref().ok().map(|tracestate| {
        tracestate.members().map(|(key, value)| (key.to_owned(), value.to_owned())).collect::<Vec<_>>()
    });
    let expected = plain::tracestate(&lines);
    assert_eq!(found, expected);
    let level_1 = Tracestate::parse_lines(lines.iter().copied(), TraceContextLevel::One);
    let Ok(mut tracestate) = read else {
        assert!(level_1.is_err(), "level 2 allows all that level 1 does");
        return;
    };
    let header = tracestate.to_header().into_owned();
    assert_eq!(plain::tracestate(&[header.as_bytes()]), expected);
    assert_eq!(tracestate.header_len(), header.len());

    let (len, members) = (header.len() / 2, tracestate.len());
    let removed = tracestate.shorten(len);
    assert!(tracestate.header_len() <= len);
    assert_eq!(tracestate.len() + removed, members);
});
