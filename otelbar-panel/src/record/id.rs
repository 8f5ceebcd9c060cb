use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};

/// A random id that is valid: not zero.
pub(crate) fn new_span_id() -> SpanId {
    loop {
        let id = RandomIdGenerator::default().new_span_id();
        if id != SpanId::INVALID {
            return id;
        }
    }
}

/// The n-th id that is derived from another one, by the mixing function of SplitMix64: it maps no two numbers to the same
/// id.
pub(super) fn derived_id(from: SpanId, n: u64) -> SpanId {
    let mut bits = u64::from_be_bytes(from.to_bytes()).wrapping_add(n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^= bits >> 31;
    // One number of all leads to no valid id; any other will do for it.
    SpanId::from(if bits == 0 { !n } else { bits })
}

/// A random id that is valid: not zero.
pub(crate) fn new_trace_id() -> TraceId {
    loop {
        let id = RandomIdGenerator::default().new_trace_id();
        if id != TraceId::INVALID {
            return id;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn derived_ids_are_valid_and_differ() {
        for from in [SpanId::from(1), SpanId::from(u64::MAX), new_span_id()] {
            let ids: HashSet<SpanId> = (0..10_000).map(|n| derived_id(from, n)).collect();
            assert!(ids.len() == 10_000 && !ids.contains(&SpanId::INVALID) && !ids.contains(&from), "{from}");
        }
    }
}
