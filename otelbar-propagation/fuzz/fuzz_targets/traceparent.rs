//! The reader of `traceparent` against the plain reading of the grammar.

#![no_main]

#[path = "../../tests/plain/mod.rs"]
#[allow(dead_code, reason = "each target uses its own part")]
mod plain;

use libfuzzer_sys::fuzz_target;
use otelbar_propagation::{TraceFlags, Traceparent};

fuzz_target!(|value: &[u8]| {
    let read = Traceparent::from_bytes(value);
    let found = read.as_ref().ok().map(|traceparent| {
        (traceparent.trace_id().to_string(), traceparent.parent_id().to_string(), traceparent.flags())
    });
    let expected = plain::traceparent(value)
        .map(|(trace_id, parent_id, flags)| (trace_id, parent_id, TraceFlags::from_bits(flags)));
    assert_eq!(found, expected);
    match read {
        Ok(traceparent) => assert_eq!(Traceparent::from_bytes(traceparent.to_bytes()), Ok(traceparent)),
        Err(error) => {
            assert!(error.offset() <= value.len());
            assert!(!error.to_string().contains(|character: char| character.is_control()));
        }
    }
});
