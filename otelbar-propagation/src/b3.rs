//! Zipkin's B3, in one header or several
//! (<https://github.com/openzipkin/b3-propagation>; OpenTelemetry specification, "B3 Requirements").
//!
//! Trace ids of 64 bits are read as 128 bits with zeros before them. The parent's span id is checked, not
//! kept, and not written.

use crate::carrier::{Extractor, Injector};
use crate::error::{Reason, Refusal};
use crate::extraction::{Found, single_value};
use crate::{SpanId, TraceContext, TraceFlags, TraceId, Traceparent, hex};

const SINGLE: &str = "b3";
const TRACE_ID: &str = "x-b3-traceid";
const SPAN_ID: &str = "x-b3-spanid";
const PARENT_SPAN_ID: &str = "x-b3-parentspanid";
const SAMPLED: &str = "x-b3-sampled";
const FLAGS: &str = "x-b3-flags";

pub(crate) const MULTI_FIELDS: &[&str] = &[TRACE_ID, SPAN_ID, SAMPLED, FLAGS];

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
    let Some(traceparent) = context.traceparent() else { return };
    let mut value = [0; 51];
    value[..32].copy_from_slice(traceparent.trace_id().to_hex().as_bytes());
    value[32] = b'-';
    value[33..49].copy_from_slice(traceparent.parent_id().to_hex().as_bytes());
    let len = match Sampling::of(context) {
        Sampling::Deferred => 49,
        sampling => {
            value[49] = b'-';
            value[50] = sampling.letter();
            51
        }
    };
    carrier.set(SINGLE, str::from_utf8(&value[..len]).unwrap_or_default());
}

/// Writes the headers `x-b3-…`.
pub(crate) fn inject_multi<C: Injector + ?Sized>(context: &TraceContext<'_>, carrier: &mut C) {
    let Some(traceparent) = context.traceparent() else { return };
    carrier.set(TRACE_ID, &traceparent.trace_id().to_hex());
    carrier.set(SPAN_ID, &traceparent.parent_id().to_hex());
    carrier.remove(PARENT_SPAN_ID);
    let (sampled, flags) = match Sampling::of(context) {
        Sampling::Debug => (None, Some("1")),
        Sampling::Accept => (Some("1"), None),
        Sampling::Deny => (Some("0"), None),
        Sampling::Deferred => (None, None),
    };
    for (name, value) in [(SAMPLED, sampled), (FLAGS, flags)] {
        match value {
            Some(value) => carrier.set(name, value),
            None => carrier.remove(name),
        }
    }
}

/// What was decided about the trace.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sampling {
    Deferred,
    Deny,
    Accept,
    Debug,
}

impl Sampling {
    fn of(context: &TraceContext<'_>) -> Self {
        let sampled = context.traceparent().is_some_and(|traceparent| traceparent.flags().is_sampled());
        match (context.is_debug(), context.is_deferred(), sampled) {
            (true, ..) => Self::Debug,
            (_, true, false) => Self::Deferred,
            (.., true) => Self::Accept,
            (.., false) => Self::Deny,
        }
    }

    const fn letter(self) -> u8 {
        match self {
            Self::Debug => b'd',
            Self::Accept => b'1',
            Self::Deny | Self::Deferred => b'0',
        }
    }

    fn found(self, trace_id: TraceId, parent_id: SpanId) -> Found {
        let sampled = matches!(self, Self::Accept | Self::Debug);
        let flags = TraceFlags::NONE.with_sampled(sampled);
        Found::Accepted {
            traceparent: Traceparent::new(trace_id, parent_id, flags),
            debug: self == Self::Debug,
            deferred: self == Self::Deferred,
        }
    }
}

fn extract_single<C: Extractor + ?Sized>(carrier: &C) -> Found {
    match single_value(carrier, SINGLE) {
        Ok(None) => Found::Absent,
        Ok(Some(value)) => read_single(value)
            .unwrap_or_else(|(reason, offset)| Found::Refused(Refusal::new(SINGLE, reason, value, offset))),
        Err(refusal) => Found::Refused(refusal),
    }
}

fn read_single(value: &[u8]) -> Result<Found, (Reason, usize)> {
    if matches!(value, b"0" | b"1" | b"d") {
        return Ok(Found::DecisionOnly);
    }
    let dash = value.iter().position(|&byte| byte == b'-').unwrap_or(value.len());
    let trace_id = trace_id(&value[..dash])?;
    let rest = value.get(dash + 1..).ok_or((Reason::TooShort, value.len()))?;
    let (span, rest) = rest.split_at(rest.len().min(16));
    let parent_id = span_id(span).map_err(|(reason, offset)| (reason, dash + 1 + offset))?;

    let start = dash + 17;
    let sampling = match rest {
        [] => return Ok(Sampling::Deferred.found(trace_id, parent_id)),
        [b'-', letter, ..] => match letter {
            b'0' => Sampling::Deny,
            b'1' => Sampling::Accept,
            b'd' => Sampling::Debug,
            _ => return Err((Reason::SamplingState, start + 1)),
        },
        [b'-'] => return Err((Reason::TooShort, start + 1)),
        _ => return Err((Reason::MissingDash, start)),
    };
    match rest.get(2..).unwrap_or_default() {
        [] => {}
        [b'-', parent @ ..] => {
            span_id(parent).map_err(|(reason, offset)| (reason, start + 3 + offset))?;
        }
        _ => return Err((Reason::MissingDash, start + 2)),
    }
    Ok(sampling.found(trace_id, parent_id))
}

fn extract_multi<C: Extractor + ?Sized>(carrier: &C) -> Found {
    read_multi(carrier).unwrap_or_else(Found::Refused)
}

fn read_multi<C: Extractor + ?Sized>(carrier: &C) -> Result<Found, Refusal> {
    let (trace, span) = (single_value(carrier, TRACE_ID)?, single_value(carrier, SPAN_ID)?);
    let (sampled, flags) = (single_value(carrier, SAMPLED)?, single_value(carrier, FLAGS)?);
    let (trace, span) = match (trace, span) {
        (Some(trace), Some(span)) => (trace, span),
        (Some(trace), None) => return Err(Refusal::new(SPAN_ID, Reason::MissingField, trace, 0)),
        (None, Some(span)) => return Err(Refusal::new(TRACE_ID, Reason::MissingField, span, 0)),
        (None, None) if sampled.is_some() || flags.is_some() => return Ok(Found::DecisionOnly),
        (None, None) => return Ok(Found::Absent),
    };
    let trace_id = trace_id(trace).map_err(|(reason, at)| Refusal::new(TRACE_ID, reason, trace, at))?;
    let parent_id = span_id(span).map_err(|(reason, at)| Refusal::new(SPAN_ID, reason, span, at))?;
    let sampling = match sampled {
        // Debug implies that the trace is sampled, whatever stands beside it.
        _ if flags == Some(b"1") => Sampling::Debug,
        // Early implementations wrote words.
        Some(b"1" | b"true") => Sampling::Accept,
        Some(b"0" | b"false") => Sampling::Deny,
        None => Sampling::Deferred,
        Some(other) => return Err(Refusal::new(SAMPLED, Reason::SamplingState, other, 0)),
    };
    Ok(sampling.found(trace_id, parent_id))
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
        let Found::Accepted { traceparent, debug, deferred } = found else {
            panic!("not accepted: {found:?}")
        };
        let context = TraceContext::new(traceparent).with_debug(debug).with_deferred(deferred);
        let mut carrier = HashMap::from([("x-b3-parentspanid".to_owned(), "stale".to_owned())]);
        inject_single(&context, &mut carrier);
        assert_eq!(carrier["b3"], single);
        carrier.remove("b3");
        inject_multi(&context, &mut carrier);
        assert!(!carrier.contains_key("x-b3-parentspanid"));
        assert_eq!(extract(&carrier), Found::Accepted { traceparent, debug, deferred });
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
        assert_eq!(extract(&[("b3", "0")][..]), Found::DecisionOnly);
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
        assert_eq!(extract(&[("x-b3-sampled", "0")][..]), Found::DecisionOnly);
        accepted(&[&ids[..], &[("b3", "nonsense")]].concat(), &format!("{TRACE}-{SPAN}"));
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
        refused(&[("b3", &format!("{TRACE}-{SPAN}-1-x"))], "b3", Reason::NotHex, 52);
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
