//! The reader of `baggage` against the plain reading of the grammar. A line feed parts headers.

#![no_main]

#[path = "../../tests/plain/mod.rs"]
#[allow(dead_code, reason = "each target uses its own part")]
mod plain;

use libfuzzer_sys::fuzz_target;
use otelbar_propagation::Baggage;

fuzz_target!(|text: &[u8]| {
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    let baggage = Baggage::parse_lines(lines.iter().copied(), |error| {
        assert!(!error.to_string().contains(|character: char| character.is_control()));
    });
    let found = entries(&baggage);
    let expected = plain::baggage(&lines);
    if expected.len() <= Baggage::MAX_ENTRIES && text.len() <= Baggage::MAX_LEN / 3 {
        assert_eq!(found, expected);
    }
    assert!(found.len() <= Baggage::MAX_ENTRIES && baggage.header_len() <= Baggage::MAX_LEN);
    let header = baggage.to_header();
    assert!(header.bytes().all(|byte| byte.is_ascii_graphic()));
    let again = Baggage::parse(&header).expect("what is written is valid");
    assert_eq!(entries(&again), found);
    assert_eq!(again.to_header(), header);
});

fn entries(baggage: &Baggage<'_>) -> Vec<plain::Entry> {
    let mut entries = Vec::new();
    for entry in baggage {
        let mut properties = Vec::new();
        for property in entry.properties() {
            properties.push((property.key().to_owned(), property.value().map(|value| value.into_owned())));
        }
        entries.push((entry.key().to_owned(), entry.value().into_owned(), properties));
    }
    entries
}
