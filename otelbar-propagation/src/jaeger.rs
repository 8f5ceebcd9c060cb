//! Jaeger's own format: `uber-trace-id: trace:span:parent:flags`, and a field `uberctx-key` for each entry of
//! the baggage (<https://www.jaegertracing.io/sdk-migration/#propagation-format>).
//!
//! Ids may be written without the zeros before them, and colons percent-encoded. The id of the parent of the
//! caller's span is not read, and written as `0`.

use crate::carrier::{Extractor, Injector};
use crate::found::{self, Found};
use crate::reason::Reason;
use crate::{SamplingState, SpanId, TraceContext, TraceId, hex, percent};

pub(crate) const HEADER: &str = "uber-trace-id";
/// What the name of a field of baggage begins with.
pub(crate) const BAGGAGE_PREFIX: &str = "uberctx-";

/// Bytes of a field that is not read in which its end is looked for.
const MAX_SKIPPED: usize = 64;

const SAMPLED: u8 = 1;
const DEBUG: u8 = 2;

pub(crate) fn extract<C: Extractor + ?Sized>(carrier: &C) -> Found {
    found::read_header(carrier, HEADER, read)
}

/// The entries of the baggage: keys, and values still percent-encoded.
pub(crate) fn baggage<C: Extractor + ?Sized>(carrier: &C) -> impl Iterator<Item = (&str, &str)> {
    carrier.fields().filter_map(|(name, value)| {
        let (prefix, key) = name.split_at_checked(BAGGAGE_PREFIX.len())?;
        prefix.eq_ignore_ascii_case(BAGGAGE_PREFIX).then_some((key, str::from_utf8(value).ok()?))
    })
}

pub(crate) fn inject<C: Injector + ?Sized>(context: &TraceContext<'_>, carrier: &mut C) {
    if let Some(traceparent) = context.traceparent() {
        let mut value = *b"00000000000000000000000000000000:0000000000000000:0:0";
        value[..32].copy_from_slice(traceparent.trace_id().to_hex().as_bytes());
        value[33..49].copy_from_slice(traceparent.parent_id().to_hex().as_bytes());
        value[52] = match context.sampling() {
            SamplingState::Debug => b'0' + SAMPLED + DEBUG,
            SamplingState::Accept => b'0' + SAMPLED,
            SamplingState::Deny | SamplingState::Deferred => b'0',
        };
        carrier.set(HEADER, str::from_utf8(&value).unwrap_or_default());
    }
    for entry in context.baggage() {
        let mut name = String::with_capacity(BAGGAGE_PREFIX.len() + entry.key().len());
        name.push_str(BAGGAGE_PREFIX);
        name.push_str(entry.key());
        name.make_ascii_lowercase();
        carrier.set(&name, &entry.encoded_value());
    }
}

fn read(value: &[u8]) -> Result<Found, (Reason, usize)> {
    let mut fields = Fields { value, offset: 0, ended: false };
    let trace = fields.number::<32>()?;
    let span = fields.number::<16>()?;
    fields.skip()?;
    let flags = fields.number::<2>()? as u8;
    if !fields.ended {
        return Err((Reason::TooLong, fields.offset));
    }
    let trace_id = TraceId::from_u128(trace).ok_or((Reason::ZeroTraceId, 0))?;
    // Sixteen digits are 64 bits.
    let parent_id = SpanId::from_u64(span as u64).ok_or((Reason::ZeroSpanId, 0))?;
    let sampling = match flags & DEBUG {
        0 => SamplingState::of_flag(flags & SAMPLED != 0),
        _ => SamplingState::Debug,
    };
    Ok(Found::accepted(trace_id, parent_id, sampling))
}

/// The length of the colon that a text begins with, percent-encoded or not.
fn colon(text: &[u8]) -> Option<usize> {
    match text {
        [b':', ..] => Some(1),
        _ => (percent::decode_byte(text) == Some(b':')).then_some(3),
    }
}

/// The fields between colons.
struct Fields<'v> {
    value: &'v [u8],
    offset: usize,
    ended: bool,
}

impl Fields<'_> {
    /// Leaves out the next field, whatever is in it.
    fn skip(&mut self) -> Result<(), (Reason, usize)> {
        if self.ended {
            return Err((Reason::TooShort, self.value.len()));
        }
        let rest = self.value.get(self.offset..).unwrap_or_default();
        let separator = |at: usize| Some(at + rest.get(at..).and_then(colon)?);
        let end = (0..rest.len().min(MAX_SKIPPED)).find_map(separator);
        self.offset += end.ok_or((Reason::TooShort, self.value.len()))?;
        Ok(())
    }

    /// The number in the next field, of one to `MAX` digits.
    fn number<const MAX: usize>(&mut self) -> Result<u128, (Reason, usize)> {
        if self.ended {
            return Err((Reason::TooShort, self.value.len()));
        }
        let start = self.offset;
        let mut number = 0;
        loop {
            let rest = self.value.get(self.offset..).unwrap_or_default();
            let separator = match (rest, colon(rest)) {
                ([], _) => 0,
                (_, Some(len)) => len,
                ([digit, ..], None) => {
                    let digit = hex::nibble(*digit).ok_or((hex::not_hex(*digit), self.offset))?;
                    if self.offset - start == MAX {
                        return Err((Reason::TooLong, self.offset));
                    }
                    number = number << 4 | u128::from(digit);
                    self.offset += 1;
                    continue;
                }
            };
            if self.offset == start {
                return Err((
                    if self.value.is_empty() { Reason::Empty } else { Reason::MissingField },
                    start,
                ));
            }
            self.offset += separator;
            self.ended = separator == 0;
            return Ok(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::Baggage;

    #[track_caller]
    fn accepted(value: &str, written: &str) {
        let Found::Accepted { traceparent, sampling } = extract(&[(HEADER, value)][..]) else {
            panic!("not accepted: {value}")
        };
        let mut carrier = HashMap::new();
        inject(&TraceContext::new(traceparent).with_sampling(sampling), &mut carrier);
        assert_eq!(carrier[HEADER], written);
    }

    #[track_caller]
    fn refused(value: &str, reason: Reason, offset: usize) {
        let Found::Refused(refusal) = extract(&[(HEADER, value)][..]) else { panic!("not refused: {value}") };
        assert_eq!((refusal.reason(), refusal.offset()), (reason, offset), "{refusal}");
    }

    /// Ids of every length, the flags, and colons that are encoded.
    #[test]
    fn accepts() {
        let full = "80f198ee56343ba864fe8b2a57d3eff7:e457b5a2e4d86bd1:0:1";
        accepted(full, full);
        accepted(&full.replace(':', "%3A"), full);
        accepted(&full.replace(':', "%3a"), full);
        accepted("1:2:3:1", "00000000000000000000000000000001:0000000000000002:0:1");
        accepted("1:2:0:0", "00000000000000000000000000000001:0000000000000002:0:0");
        accepted("1:2:0:2", "00000000000000000000000000000001:0000000000000002:0:3");
        accepted("1:2:0:09", "00000000000000000000000000000001:0000000000000002:0:1");
        for parent in ["", "x", "10000000000000000", "\u{fc}"] {
            let value = format!("1:2:{parent}:3");
            accepted(&value, "00000000000000000000000000000001:0000000000000002:0:3");
            accepted(&value.replace(':', "%3A"), "00000000000000000000000000000001:0000000000000002:0:3");
        }
    }

    /// What is refused, where.
    #[test]
    fn refuses() {
        refused("", Reason::Empty, 0);
        refused(":1:0:1", Reason::MissingField, 0);
        refused("1", Reason::TooShort, 1);
        refused("1:2:0", Reason::TooShort, 5);
        refused("1:2:0:", Reason::MissingField, 6);
        refused("1:2:0:1:", Reason::TooLong, 8);
        refused("1:2:0:111", Reason::TooLong, 8);
        refused(&format!("1:2:{}", "x".repeat(100_000)), Reason::TooShort, 100_004);
        refused("0:2:0:1", Reason::ZeroTraceId, 0);
        refused("1:0:0:1", Reason::ZeroSpanId, 0);
        refused("1:A:0:1", Reason::UpperCase, 2);
        refused("1:+1:0:1", Reason::NotHex, 2);
        refused("100000000000000000000000000000000:2:0:1", Reason::TooLong, 32);
        refused("1:10000000000000000:0:1", Reason::TooLong, 18);
    }

    /// Baggage travels in fields of its own, encoded.
    #[test]
    fn baggage_travels_in_fields() {
        let mut carrier = HashMap::new();
        let context = TraceContext::empty().with_baggage(Baggage::parse("User=a%20b,tier=100%").unwrap());
        inject(&context, &mut carrier);
        let mut entries: Vec<_> = baggage(&carrier).collect();
        entries.sort_unstable();
        assert_eq!(entries, [("tier", "100%25"), ("user", "a%20b")]);
    }
}
