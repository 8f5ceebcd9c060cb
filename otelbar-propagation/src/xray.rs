//! AWS X-Ray: `x-amzn-trace-id: Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`
//! (<https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>).
//!
//! The fields come in any order, and others between them (`Self`, `Lineage`) are ignored. Load balancers send a
//! `Root` without a `Parent`: the trace has an id then, and no span yet.

use crate::carrier::{Extractor, Injector};
use crate::found::{self, Found};
use crate::member_list::trimmed;
use crate::reason::Reason;
use crate::{SamplingState, SpanId, TraceContext, TraceId, hex};

pub(crate) const HEADER: &str = "x-amzn-trace-id";

pub(crate) fn extract<C: Extractor + ?Sized>(carrier: &C) -> Found {
    found::read_header(carrier, HEADER, read)
}

pub(crate) fn inject<C: Injector + ?Sized>(context: &TraceContext<'_>, carrier: &mut C) {
    let Some(traceparent) = context.traceparent() else { return };
    let mut value = *b"Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0";
    let trace_id = traceparent.trace_id().to_hex();
    let (time, unique) = trace_id.as_bytes().split_at(8);
    value[7..15].copy_from_slice(time);
    value[16..40].copy_from_slice(unique);
    value[48..64].copy_from_slice(traceparent.parent_id().to_hex().as_bytes());
    let sampling = context.sampling();
    value[73] = if sampling.is_sampled() { b'1' } else { b'0' };
    // A decision that is left to others is not written.
    let len = if sampling == SamplingState::Deferred { 64 } else { value.len() };
    carrier.set(HEADER, str::from_utf8(&value[..len]).unwrap_or_default());
}

/// Bytes of the header that are read; AWS's own have less than 500.
const MAX_LEN: usize = 2048;

fn read(value: &[u8]) -> Result<Found, (Reason, usize)> {
    if value.len() > MAX_LEN {
        return Err((Reason::TooLong, MAX_LEN));
    }
    let (mut trace_id, mut parent_id, mut sampled) = (None, None, None);
    let mut start = 0;
    for field in value.split(|&byte| byte == b';') {
        let (blank, trimmed) = trimmed(field);
        let begin = start + blank;
        start += field.len() + 1;
        let Some(equals) = trimmed.iter().position(|&byte| byte == b'=') else { continue };
        let (name, text) = (&trimmed[..equals], &trimmed[equals + 1..]);
        let at = begin + equals + 1;
        let twice = match name {
            b"Root" => {
                trace_id.replace(root(text).map_err(|(reason, offset)| (reason, at + offset))?).is_some()
            }
            b"Parent" => {
                let id = SpanId::from_hex(text).map_err(|error| (error.reason(), at + error.offset()))?;
                parent_id.replace(id).is_some()
            }
            b"Sampled" => {
                let state = match text {
                    b"1" => SamplingState::Accept,
                    b"0" => SamplingState::Deny,
                    b"?" | b"" => SamplingState::Deferred,
                    _ => return Err((Reason::SamplingState, at)),
                };
                sampled.replace(state).is_some()
            }
            _ => false,
        };
        if twice {
            return Err((Reason::Duplicated, begin));
        }
    }
    match (trace_id, parent_id, sampled) {
        (Some(trace_id), Some(parent_id), sampled) => {
            Ok(Found::accepted(trace_id, parent_id, sampled.unwrap_or_default()))
        }
        (Some(trace_id), None, sampled) => {
            Ok(Found::Begun { trace_id, sampling: sampled.unwrap_or_default() })
        }
        (None, None, Some(sampled)) if sampled != SamplingState::Deferred => Ok(Found::Decision(sampled)),
        (None, None, Some(_)) => Ok(Found::Absent),
        (None, ..) if value.is_empty() => Err((Reason::Empty, 0)),
        (None, ..) => Err((Reason::MissingField, value.len())),
    }
}

/// The trace id of `1-5759e988-bd862e3fe1be46a994272793`.
fn root(text: &[u8]) -> Result<TraceId, (Reason, usize)> {
    const LEN: usize = 35;

    let mut digits = [0; 32];
    let mut filled = 0;
    for (offset, &byte) in text.iter().take(LEN).enumerate() {
        match offset {
            0 if byte != b'1' => return Err((Reason::ForbiddenVersion, 0)),
            0 => {}
            1 | 10 if byte != b'-' => return Err((Reason::MissingDash, offset)),
            1 | 10 => {}
            _ if hex::nibble(byte).is_none() => return Err((hex::not_hex(byte), offset)),
            _ => {
                digits[filled] = byte;
                filled += 1;
            }
        }
    }
    match text.len() {
        len if len < LEN => Err((Reason::TooShort, len)),
        len if len > LEN => Err((Reason::TooLong, LEN)),
        _ => TraceId::decode(&digits).ok_or((Reason::ZeroTraceId, 2)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

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

    const ROOT: &str = "Root=1-5759e988-bd862e3fe1be46a994272793";
    const PARENT: &str = "Parent=53995c3f42cd8ad8";

    /// The fields in any order, with others between, and each state of the decision.
    #[test]
    fn accepts() {
        let full = format!("{ROOT};{PARENT};Sampled=1");
        accepted(&full, &full);
        accepted(&format!("Sampled=1; Self=1-x ;{PARENT};Lineage=a:1; {ROOT}"), &full);
        accepted(&format!("{ROOT};{PARENT};Sampled=0"), &format!("{ROOT};{PARENT};Sampled=0"));
        accepted(&format!("{ROOT};{PARENT};Sampled=?"), &format!("{ROOT};{PARENT}"));
        accepted(&format!("{ROOT};{PARENT};"), &format!("{ROOT};{PARENT}"));
    }

    /// What load balancers and gateways send: a trace without a span, and decisions without a trace.
    #[test]
    fn a_trace_without_a_parent() {
        use SamplingState::{Accept, Deferred, Deny};

        let trace_id = "5759e988bd862e3fe1be46a994272793".parse().unwrap();
        for (value, sampling) in [
            (ROOT.to_owned(), Deferred),
            (format!("{ROOT};Sampled=?"), Deferred),
            (format!("{ROOT};Sampled=1"), Accept),
            (format!("Self=1-67891234-12456789abcdef012345678;{ROOT};Sampled=0"), Deny),
        ] {
            let found = extract(&[(HEADER, &value)][..]);
            assert_eq!(found, Found::Begun { trace_id, sampling }, "{value}");
        }
        assert_eq!(extract(&[(HEADER, "Sampled=0")][..]), Found::Decision(Deny));
        assert_eq!(extract(&[(HEADER, "Sampled=?")][..]), Found::Absent);
        let mut carrier = HashMap::new();
        inject(&TraceContext::begun(trace_id), &mut carrier);
        assert!(carrier.is_empty());
    }

    /// What is refused, where.
    #[test]
    fn refuses() {
        refused("", Reason::Empty, 0);
        refused("Self=1-x", Reason::MissingField, 8);
        refused(&";".repeat(100_000), Reason::TooLong, 2048);
        refused(PARENT, Reason::MissingField, 23);
        refused(&format!("{ROOT};{ROOT};{PARENT}"), Reason::Duplicated, 41);
        refused(&format!("{ROOT};{PARENT};Sampled=yes"), Reason::SamplingState, 73);
        refused("Root=2-5759e988-bd862e3fe1be46a994272793", Reason::ForbiddenVersion, 5);
        refused("Root=1-5759e988_bd862e3fe1be46a994272793", Reason::MissingDash, 15);
        refused("Root=1-5759E988-bd862e3fe1be46a994272793", Reason::UpperCase, 11);
        refused("Root=1-5759e988-bd862e3fe1be46a99427279", Reason::TooShort, 39);
        refused("Root=1-5759e988-bd862e3fe1be46a9942727930", Reason::TooLong, 40);
        refused("Root=1-00000000-000000000000000000000000", Reason::ZeroTraceId, 7);
        refused(&format!("{ROOT};Parent=0000000000000000"), Reason::ZeroSpanId, 48);
    }
}
