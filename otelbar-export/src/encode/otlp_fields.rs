//! What both encodings take from a span in the same way.

#[cfg(test)]
pub(super) mod arbitrary;

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{SpanKind, Status, TraceFlags};
use opentelemetry::{Key, Value};
use opentelemetry_sdk::Resource;

/// The number of the kind in `Span.SpanKind`.
pub(super) fn kind(kind: &SpanKind) -> u32 {
    match kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    }
}

/// The code and the message of a `Status`. Only an error has a message.
pub(super) fn status(status: &Status) -> (u32, &str) {
    match status {
        Status::Unset => (0, ""),
        Status::Ok => (1, ""),
        Status::Error { description } => (2, description),
    }
}

/// The W3C flags, and with them that it is known (0x100) whether the parent, or what is linked, is remote (0x200).
pub(super) fn flags(flags: TraceFlags, is_remote: bool) -> u32 {
    u32::from(flags.to_u8()) | 0x100 | if is_remote { 0x200 } else { 0 }
}

/// Nanoseconds since 1970, or the end of the range that is nearest. (`opentelemetry-proto` lets them wrap around
/// from the year 2554 on.)
pub(super) fn nanos(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// The attributes by their keys: the SDK keeps them in a hash map, and the same spans are to be the same bytes.
pub(super) fn sorted(resource: &Resource) -> Vec<(&Key, &Value)> {
    let mut attributes: Vec<_> = resource.iter().collect();
    attributes.sort_unstable_by_key(|(key, _)| *key);
    attributes
}
