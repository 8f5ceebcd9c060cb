//! Zipkin's B3, in one header or several
//! (<https://github.com/openzipkin/b3-propagation>; OpenTelemetry specification, "B3 Requirements").
//!
//! Trace ids of 64 bits are read as 128 bits with zeros before them. The id of the
//! parent of the caller's span is neither read nor written.

use crate::carrier::{Extractor, Injector};
use crate::error::Refusal;
use crate::found::{self, Found, single_value};
use crate::reason::Reason;
use crate::{SamplingState, SpanId, TraceContext, TraceId, hex};

const SINGLE: &str = "b3";
const TRACE_ID: &str = "x-b3-traceid";
const SPAN_ID: &str = "x-b3-spanid";
const PARENT_SPAN_ID: &str = "x-b3-parentspanid";
const SAMPLED: &str = "x-b3-sampled";
const FLAGS: &str = "x-b3-flags";

pub(crate) const SINGLE_FIELDS: &[&str] = &[SINGLE];
pub(crate) const MULTI_FIELDS: &[&str] = &[TRACE_ID, SPAN_ID, SAMPLED, FLAGS];
/// What is read, whatever is written.
pub(crate) const READ_FIELDS: &[&str] = &[SINGLE, TRACE_ID, SPAN_ID, SAMPLED, FLAGS];

/// Reads the single header, and the others if it has no valid context.
pub(crate) fn extract<C: Extractor + ?Sized>(carrier: &C) -> Found {
    match extract_single(carrier) {
        Found::Absent => extract_multi(carrier),
        refused @ Found::Refused(_) => match extract_multi(carrier) {
            accepted @ Found::Accepted { .. } => accepted,
            _ => refused,
        },
        found => found,
    }
}

/// Writes the header `b3`.
pub(crate) fn inject_single<C: Injector + ?Sized>(context: &TraceContext<'_>, carrier: &mut C) {
    let letter = letter(context.sampling());
    let Some(traceparent) = context.traceparent() else {
        if let (None, Some(letter)) = (context.trace_id(), letter) {
            carrier.set(SINGLE, letter);
        }
        return;
    };
    let mut value = [0; 51];
    value[..32].copy_from_slice(traceparent.trace_id().to_hex().as_bytes());
    value[32] = b'-';
    value[33..49].copy_from_slice(traceparent.parent_id().to_hex().as_bytes());
    let len = match letter {
        None => 49,
        Some(letter) => {
            value[49] = b'-';
            value[50..].copy_from_slice(letter.as_bytes());
            51
        }
    };
    carrier.set(SINGLE, str::from_utf8(&value[..len]).unwrap_or_default());
}

/// Writes the headers `x-b3-…`.
pub(crate) fn inject_multi<C: Injector + ?Sized>(context: &TraceContext<'_>, carrier: &mut C) {
    match (context.traceparent(), context.trace_id()) {
        (Some(traceparent), _) => {
            carrier.set(TRACE_ID, &traceparent.trace_id().to_hex());
            carrier.set(SPAN_ID, &traceparent.parent_id().to_hex());
            carrier.remove(PARENT_SPAN_ID);
        }
        // A decision needs no ids.
        (None, None) if context.sampling() != SamplingState::Deferred => {}
        (None, _) => return,
    }
    let (sampled, flags) = match context.sampling() {
        SamplingState::Debug => (None, Some("1")),
        state => (letter(state), None),
    };
    for (name, value) in [(SAMPLED, sampled), (FLAGS, flags)] {
        match value {
            Some(value) => carrier.set(name, value),
            None => carrier.remove(name),
        }
    }
}

/// How a decision is written; nothing for none.
const fn letter(state: SamplingState) -> Option<&'static str> {
    match state {
        SamplingState::Deferred => None,
        SamplingState::Deny => Some("0"),
        SamplingState::Accept => Some("1"),
        SamplingState::Debug => Some("d"),
    }
}

/// The decision that is written so, in the single header.
fn state(letter: u8) -> Option<SamplingState> {
    match letter {
        b'0' => Some(SamplingState::Deny),
        b'1' => Some(SamplingState::Accept),
        b'd' => Some(SamplingState::Debug),
        _ => None,
    }
}

fn extract_single<C: Extractor + ?Sized>(carrier: &C) -> Found {
    found::read_header(carrier, SINGLE, read_single)
}

fn read_single(value: &[u8]) -> Result<Found, (Reason, usize)> {
    if let [letter] = value
        && let Some(sampling) = state(*letter)
    {
        return Ok(Found::Decision(sampling));
    }
    // Longer than any id, so that the reason is found without reading all of a long text.
    let dash = value.iter().take(40).position(|&byte| byte == b'-').unwrap_or(value.len());
    let trace_id = trace_id(&value[..dash])?;
    let rest = value.get(dash + 1..).ok_or((Reason::TooShort, value.len()))?;
    let (span, rest) = rest.split_at(rest.len().min(16));
    let parent_id = span_id(span).map_err(|(reason, offset)| (reason, dash + 1 + offset))?;

    let start = dash + 17;
    let sampling = match rest {
        [] => SamplingState::Deferred,
        [b'-'] => return Err((Reason::TooShort, start + 1)),
        // The parent of the caller's span, behind a further dash, is of no use here.
        [b'-', letter] | [b'-', letter, b'-', ..] => {
            state(*letter).ok_or((Reason::SamplingState, start + 1))?
        }
        [b'-', letter, ..] if state(*letter).is_none() => return Err((Reason::SamplingState, start + 1)),
        [b'-', ..] => return Err((Reason::MissingDash, start + 2)),
        _ => return Err((Reason::MissingDash, start)),
    };
    Ok(Found::accepted(trace_id, parent_id, sampling))
}

fn extract_multi<C: Extractor + ?Sized>(carrier: &C) -> Found {
    read_multi(carrier).unwrap_or_else(Found::Refused)
}

fn read_multi<C: Extractor + ?Sized>(carrier: &C) -> Result<Found, Refusal> {
    // Proxies that pass a header on by its name send an empty one where they got none.
    let value =
        |name| single_value(carrier, name).map(|value| value.filter(|value: &&[u8]| !value.is_empty()));
    let (trace, span) = (value(TRACE_ID)?, value(SPAN_ID)?);
    let sampling = match value(SAMPLED)? {
        // Debug implies that the trace is sampled, whatever stands beside it.
        _ if value(FLAGS)? == Some(b"1") => SamplingState::Debug,
        // Early implementations wrote words.
        Some(b"1" | b"true") => SamplingState::Accept,
        Some(b"0" | b"false") => SamplingState::Deny,
        None => SamplingState::Deferred,
        Some(other) => return Err(Refusal::new(SAMPLED, Reason::SamplingState, other, 0)),
    };
    let (trace, span) = match (trace, span) {
        (Some(trace), Some(span)) => (trace, span),
        (Some(trace), None) => return Err(Refusal::new(SPAN_ID, Reason::MissingField, trace, 0)),
        (None, Some(span)) => return Err(Refusal::new(TRACE_ID, Reason::MissingField, span, 0)),
        (None, None) if sampling == SamplingState::Deferred => return Ok(Found::Absent),
        (None, None) => return Ok(Found::Decision(sampling)),
    };
    let trace_id = trace_id(trace).map_err(|(reason, at)| Refusal::new(TRACE_ID, reason, trace, at))?;
    let parent_id = span_id(span).map_err(|(reason, at)| Refusal::new(SPAN_ID, reason, span, at))?;
    Ok(Found::accepted(trace_id, parent_id, sampling))
}

/// A trace id of 32 digits, or of 16.
fn trace_id(text: &[u8]) -> Result<TraceId, (Reason, usize)> {
    if let Ok(short) = <&[u8; 16]>::try_from(text) {
        let value = hex::decode_u64(short).ok_or_else(|| why_not::<16>(text))?;
        return TraceId::from_u128(u128::from(value)).ok_or((Reason::ZeroTraceId, 0));
    }
    TraceId::from_hex(text).map_err(|error| (error.reason(), error.offset()))
}

fn span_id(text: &[u8]) -> Result<SpanId, (Reason, usize)> {
    SpanId::from_hex(text).map_err(|error| (error.reason(), error.offset()))
}

fn why_not<const N: usize>(text: &[u8]) -> (Reason, usize) {
    hex::why_not::<N>(text).unwrap_or((Reason::NotHex, 0))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const TRACE: &str = "80f198ee56343ba864fe8b2a57d3eff7";
    const SPAN: &str = "e457b5a2e4d86bd1";

    /// Reads these fields, and writes what was read as both forms.
    #[track_caller]
    fn accepted(fields: &[(&str, &str)], single: &str) {
        let found = extract(fields);
        let Found::Accepted { traceparent, sampling } = found else { panic!("not accepted: {found:?}") };
        let context = TraceContext::new(traceparent).with_sampling(sampling);
        let mut carrier = HashMap::from([("x-b3-parentspanid".to_owned(), "stale".to_owned())]);
        inject_single(&context, &mut carrier);
        assert_eq!(carrier["b3"], single);
        carrier.remove("b3");
        inject_multi(&context, &mut carrier);
        assert!(!carrier.contains_key("x-b3-parentspanid"));
        assert_eq!(extract(&carrier), Found::Accepted { traceparent, sampling });
    }

    #[track_caller]
    fn refused(fields: &[(&str, &str)], header: &str, reason: Reason, offset: usize) {
        let found = extract(fields);
        let Found::Refused(refusal) = found else { panic!("not refused: {found:?}") };
        assert_eq!((refusal.header(), refusal.reason(), refusal.offset()), (header, reason, offset));
    }

    /// The single header in each of its lengths and states.
    #[test]
    fn single() {
        accepted(&[("b3", &format!("{TRACE}-{SPAN}-1-05e3ac9a4f6e3b90"))], &format!("{TRACE}-{SPAN}-1"));
        accepted(&[("b3", &format!("{TRACE}-{SPAN}-0"))], &format!("{TRACE}-{SPAN}-0"));
        accepted(&[("b3", &format!("{TRACE}-{SPAN}-d"))], &format!("{TRACE}-{SPAN}-d"));
        accepted(&[("b3", &format!("{TRACE}-{SPAN}"))], &format!("{TRACE}-{SPAN}"));
        accepted(&[("b3", &format!("{SPAN}-{SPAN}-1"))], &format!("0000000000000000{SPAN}-{SPAN}-1"));
        let with_parent = |parent: &str| format!("{TRACE}-{SPAN}-1-{parent}");
        for parent in ["x", "", "0000000000000000", "05e3ac9a4f6e3b90-x", "\u{fc}"] {
            accepted(&[("b3", &with_parent(parent))], &format!("{TRACE}-{SPAN}-1"));
        }
    }

    /// The several headers, with debug above all and the words of early implementations.
    #[test]
    fn multi() {
        let ids = [("X-B3-TraceId", TRACE), ("X-B3-SpanId", SPAN)];
        let with = |more: &[(&'static str, &'static str)]| [&ids[..], more].concat();
        accepted(&with(&[("X-B3-Sampled", "1")]), &format!("{TRACE}-{SPAN}-1"));
        accepted(&with(&[("X-B3-Sampled", "false")]), &format!("{TRACE}-{SPAN}-0"));
        accepted(&with(&[("X-B3-Sampled", "0"), ("X-B3-Flags", "1")]), &format!("{TRACE}-{SPAN}-d"));
        accepted(&with(&[("X-B3-Flags", "0")]), &format!("{TRACE}-{SPAN}"));
        accepted(&with(&[]), &format!("{TRACE}-{SPAN}"));
        accepted(&with(&[("X-B3-Sampled", ""), ("X-B3-Flags", "")]), &format!("{TRACE}-{SPAN}"));
        accepted(&with(&[("X-B3-ParentSpanId", "x"), ("X-B3-Sampled", "1")]), &format!("{TRACE}-{SPAN}-1"));
        accepted(&[&ids[..], &[("b3", "nonsense")]].concat(), &format!("{TRACE}-{SPAN}"));
    }

    /// A decision without ids is read in either form, and written again as it came.
    #[test]
    fn decisions_without_ids() {
        use SamplingState::{Accept, Debug, Deny};

        for (fields, sampling, single) in [
            (&[("b3", "0")][..], Deny, "0"),
            (&[("b3", "1")], Accept, "1"),
            (&[("b3", "d")], Debug, "d"),
            (&[("x-b3-sampled", "0")], Deny, "0"),
            (&[("x-b3-sampled", "true")], Accept, "1"),
            (&[("x-b3-flags", "1"), ("x-b3-sampled", "0")], Debug, "d"),
            (&[("x-b3-sampled", "1"), ("x-b3-traceid", "")], Accept, "1"),
        ] {
            assert_eq!(extract(fields), Found::Decision(sampling), "{fields:?}");
            let context = TraceContext::empty().with_sampling(sampling);
            let mut carrier = HashMap::new();
            inject_single(&context, &mut carrier);
            assert_eq!(carrier["b3"], single);
            carrier.clear();
            inject_multi(&context, &mut carrier);
            assert_eq!(extract(&carrier), Found::Decision(sampling));
        }
        for nothing in [&[("x-b3-sampled", "")][..], &[("x-b3-flags", "0")], &[("x-b3-parentspanid", SPAN)]] {
            assert_eq!(extract(nothing), Found::Absent, "{nothing:?}");
        }
    }

    /// What is refused, where.
    #[test]
    fn refusals() {
        refused(&[("b3", "")], "b3", Reason::Empty, 0);
        refused(&[("b3", TRACE)], "b3", Reason::TooShort, 32);
        refused(&[("b3", &format!("{TRACE}-"))], "b3", Reason::Empty, 33);
        refused(&[("b3", &format!("{TRACE}0-{SPAN}"))], "b3", Reason::TooLong, 32);
        refused(&[("b3", &format!("{}-{SPAN}", TRACE.to_uppercase()))], "b3", Reason::UpperCase, 2);
        refused(&[("b3", &format!("0000000000000000-{SPAN}"))], "b3", Reason::ZeroTraceId, 0);
        refused(&[("b3", &format!("{TRACE}-0000000000000000-1"))], "b3", Reason::ZeroSpanId, 33);
        refused(&[("b3", &format!("{TRACE}-{SPAN}-"))], "b3", Reason::TooShort, 50);
        refused(&[("b3", &format!("{TRACE}-{SPAN}-x"))], "b3", Reason::SamplingState, 50);
        refused(&[("b3", &format!("{TRACE}-{SPAN}1"))], "b3", Reason::MissingDash, 49);
        refused(&[("b3", &format!("{TRACE}-{SPAN}-x-y"))], "b3", Reason::SamplingState, 50);
        refused(&[("b3", &format!("{TRACE}-{SPAN}-10"))], "b3", Reason::MissingDash, 51);
        refused(&[("b3", &"a".repeat(100_000))], "b3", Reason::TooLong, 32);
        refused(&[("b3", "1"), ("b3", "1")], "b3", Reason::Duplicated, 0);
        refused(&[("x-b3-traceid", TRACE)], "x-b3-spanid", Reason::MissingField, 0);
        refused(&[("x-b3-spanid", SPAN)], "x-b3-traceid", Reason::MissingField, 0);
        refused(
            &[("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN), ("x-b3-sampled", "maybe")],
            "x-b3-sampled",
            Reason::SamplingState,
            0,
        );
    }
}
