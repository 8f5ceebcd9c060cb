//! What one format finds in a carrier.

use crate::carrier::Extractor;
use crate::error::Refusal;
use crate::id::{SpanId, TraceId};
use crate::member_list::trim_bytes;
use crate::reason::Reason;
use crate::sampling_state::SamplingState;
use crate::trace_flags::TraceFlags;
use crate::traceparent::Traceparent;

/// What one format says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Absent,
    /// Whether to record the trace, but not which.
    #[cfg_attr(
        not(any(feature = "b3", feature = "xray")),
        expect(dead_code, reason = "`traceparent` has no decision without a trace")
    )]
    Decision(SamplingState),
    Refused(Refusal),
    /// A trace without a span.
    #[cfg_attr(not(feature = "xray"), expect(dead_code, reason = "only X-Ray has a trace without a span"))]
    Begun {
        trace_id: TraceId,
        sampling: SamplingState,
    },
    Accepted {
        traceparent: Traceparent,
        sampling: SamplingState,
    },
}

impl Found {
    #[cfg_attr(
        not(any(feature = "b3", feature = "jaeger", feature = "xray")),
        expect(dead_code, reason = "`traceparent` is read as a whole")
    )]
    pub(crate) fn accepted(trace_id: TraceId, parent_id: SpanId, sampling: SamplingState) -> Self {
        let flags = TraceFlags::NONE.with_sampled(sampling.is_sampled());
        Self::Accepted { traceparent: Traceparent::new(trace_id, parent_id, flags), sampling }
    }

    #[inline(always)]
    pub(crate) fn traceparent(traceparent: Traceparent) -> Self {
        Self::Accepted { traceparent, sampling: SamplingState::of_flag(traceparent.flags().is_sampled()) }
    }
}

/// What `read` finds in the value of a header that may occur once only; an error is the reason of a refusal and the
/// byte at fault.
#[cfg_attr(
    not(any(feature = "b3", feature = "jaeger", feature = "xray")),
    expect(dead_code, reason = "`traceparent` has an error of its own")
)]
pub(crate) fn read_header<C: Extractor + ?Sized>(
    carrier: &C,
    header: &'static str,
    read: impl FnOnce(&[u8]) -> Result<Found, (Reason, usize)>,
) -> Found {
    match single_value(carrier, header) {
        Ok(None) => Found::Absent,
        Ok(Some(value)) => read(value)
            .unwrap_or_else(|(reason, offset)| Found::Refused(Refusal::new(header, reason, value, offset))),
        Err(refusal) => Found::Refused(refusal),
    }
}

/// The value of a header that may occur once only, without the white space around it.
#[inline(always)]
pub(crate) fn single_value<'a, C: Extractor + ?Sized>(
    carrier: &'a C,
    header: &'static str,
) -> Result<Option<&'a [u8]>, Refusal> {
    let mut values = carrier.values(header);
    let first = values.next();
    if first.is_none() {
        return Ok(None);
    }
    match values.next() {
        Some(second) => Err(Refusal::new(header, Reason::Duplicated, second, 0)),
        None => Ok(first.map(trim_bytes)),
    }
}
