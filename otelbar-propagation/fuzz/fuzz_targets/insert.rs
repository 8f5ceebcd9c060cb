//! Any text put into a `tracestate` and a `baggage`: it is refused, or it comes back as it was, and the header
//! is valid. Each line of the input is a key and, behind an equals sign, a value.

#![no_main]

use libfuzzer_sys::fuzz_target;
use otelbar_propagation::{Baggage, Tracestate};

fuzz_target!(|text: &str| {
    let mut tracestate = Tracestate::new();
    let mut baggage = Baggage::new();
    for line in text.split('\n') {
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        if tracestate.insert(key, value).is_ok() {
            let written = tracestate.to_header().into_owned();
            let read = Tracestate::parse(&written).expect("what is written is valid");
            assert_eq!(read.members().next(), Some((key, value.trim_end_matches([' ', '\t']))));
        }
        if baggage.insert(key, value).is_ok() {
            let written = baggage.to_header().into_owned();
            let read = Baggage::parse(&written).expect("what is written is valid");
            assert_eq!(read.get(key).as_deref(), Some(value));
        }
    }
});
