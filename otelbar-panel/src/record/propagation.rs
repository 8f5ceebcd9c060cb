//! The trace context as it came and as it goes on.

use std::borrow::Cow;

use http::{HeaderMap, HeaderValue};
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId};
use otelbar_convert::redact::REDACTED;
use otelbar_propagation::{Extracted, Propagators, SamplingState, TraceContext, Traceparent, Tracestate};

use super::propagation_headers::PropagationHeaders;
use super::recorder::Recorder;

const BAGGAGE: &str = "baggage";

/// Bytes of all headers of a request that are kept to be shown, names and values: what a propagator has to carry.
const MAX_SHOWN: usize = 8192;

/// Entries of baggage whose values are shown.
const MAX_SHOWN_ENTRIES: usize = 128;

/// What came with a request, for the page's view of it and for the services that this one calls.
#[derive(Debug, Default)]
pub(crate) struct Propagation {
    pub(crate) outcome: Received,
    pub(crate) reason: Option<String>,
    pub(crate) warnings: Vec<String>,
    /// Each line of each header, made printable and without secrets.
    pub(crate) headers: Vec<(Cow<'static, str>, String)>,
    /// The caller's span.
    pub(crate) parent: Option<SpanId>,
    /// What is passed on, from the request's own span. It was read once, and a clone of it copies no text.
    pub(crate) passed_on: TraceContext<'static>,
}

impl Propagation {
    /// Roughly the memory it holds, in bytes, with the trace state that the request's span context holds again.
    pub(crate) fn bytes(&self) -> usize {
        let line = |(name, value): &(Cow<'static, str>, String)| {
            let name = if let Cow::Owned(name) = name { name.len() } else { 0 };
            name + value.len() + size_of::<(Cow<'static, str>, String)>()
        };
        let tracestate = self.passed_on.tracestate();
        self.reason.as_ref().map_or(0, String::len)
            + self.warnings.iter().map(|warning| size_of::<String>() + warning.len()).sum::<usize>()
            + self.headers.iter().map(line).sum::<usize>()
            + 2 * tracestate.header_len()
            + tracestate.len() * size_of::<(String, String)>()
            + self.passed_on.baggage().header_len()
    }

    /// What is passed on from this span of the request.
    pub(crate) fn passed_on_from(&self, span: SpanId) -> TraceContext<'static> {
        match otelbar_propagation::SpanId::try_from(span) {
            Ok(span) => self.passed_on.clone().with_parent_id(span),
            Err(_) => self.passed_on.clone(),
        }
    }

    /// Makes the request's own span that from which the context is passed on.
    pub(crate) fn pass_on_from(&mut self, received: TraceContext<'static>, span: &SpanContext) {
        let Some(traceparent) = Traceparent::from_span_context(span) else { return };
        let sampling = match received.sampling() {
            SamplingState::Debug => SamplingState::Debug,
            _ => SamplingState::of_flag(span.is_sampled()),
        };
        self.passed_on = TraceContext::new(traceparent)
            .with_sampling(sampling)
            .with_tracestate(received.tracestate().clone())
            .with_baggage(received.baggage().clone());
    }

    /// The `tracestate` of the trace as it is written in the header.
    pub(crate) fn trace_state(&self) -> Option<Cow<'_, str>> {
        Some(self.passed_on.tracestate()).filter(|state| !state.is_empty()).map(Tracestate::to_header)
    }
}

/// Whether there was a trace to take part in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Received {
    #[default]
    Absent,
    Accepted,
    Refused,
}

impl Received {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Received::Absent => "absent",
            Received::Accepted => "accepted",
            Received::Refused => "refused",
        }
    }
}

/// Reads the trace context of a request, with an account of it.
pub(crate) fn extract(headers: &HeaderMap, recorder: &Recorder) -> (TraceContext<'static>, Propagation) {
    if !recorder.propagation_headers.are_in(headers) {
        return (TraceContext::empty(), Propagation::default());
    }
    let extraction = recorder.propagators.extract(headers);
    let (context, warnings) = extraction.context_and_warnings();
    let (outcome, reason) = match extraction.extracted() {
        Extracted::Accepted(_) | Extracted::Begun(_) => (Received::Accepted, None),
        Extracted::Refused(refusal) => (Received::Refused, Some(refusal.to_string())),
        _ => (Received::Absent, None),
    };
    let mut propagation = Propagation {
        outcome,
        reason,
        warnings: warnings.iter().map(ToString::to_string).collect(),
        headers: Vec::new(),
        parent: context.traceparent().map(|traceparent| traceparent.parent_id().into()),
        passed_on: TraceContext::empty(),
    };
    let left_out = show(headers, recorder, &mut propagation.headers);
    if left_out > 0 {
        propagation.warnings.push(format!(
            "the headers are longer than {MAX_SHOWN} bytes; {left_out} of them are not shown, or not to their end"
        ));
    }
    (context.into_owned(), propagation)
}

/// Writes the context of the current OpenTelemetry context into the headers of an outgoing request.
pub(crate) fn inject_current(propagators: &Propagators, headers: &mut HeaderMap) {
    let context = Context::map_current(TraceContext::from_opentelemetry);
    propagators.inject(&context, headers);
}

/// Collects the headers that have to do with propagation, as they can be shown; how many were cut or left out.
fn show(headers: &HeaderMap, recorder: &Recorder, shown: &mut Vec<(Cow<'static, str>, String)>) -> usize {
    let Recorder { redactor, propagation_headers, .. } = recorder;
    let PropagationHeaders { names, prefixes } = propagation_headers;
    let mut room = Room { bytes: MAX_SHOWN, entries: MAX_SHOWN_ENTRIES, left_out: 0 };
    for name in names.iter().copied() {
        for value in headers.get_all(name) {
            let whole = value.as_bytes();
            let text = room.line(name, whole);
            let text = text.map(|text| match name {
                BAGGAGE => room.members(&redactor.baggage(&text)),
                _ => redactor.baggage(&text).into_owned(),
            });
            shown.extend(text.map(|text| (Cow::Borrowed(name), text)));
        }
    }
    for prefix in prefixes {
        for (name, value) in headers {
            let Some(key) = name.as_str().strip_prefix(prefix) else { continue };
            let secret = HeaderValue::from_static(REDACTED);
            let value = if redactor.is_sensitive(key) { &secret } else { value };
            let text = room.line(name.as_str(), value.as_bytes());
            let text = text.map(|text| redactor.cleaned(text).into_owned());
            shown.extend(text.map(|text| (Cow::Owned(name.as_str().to_owned()), text)));
        }
    }
    room.left_out
}

/// How much can still be shown.
struct Room {
    bytes: usize,
    entries: usize,
    left_out: usize,
}

impl Room {
    /// The value of a header: bytes that are not printable ASCII are escaped, and what there is no room for is cut.
    /// Nothing if there is no room at all.
    fn line(&mut self, name: &str, value: &[u8]) -> Option<String> {
        let Some(room) = self.bytes.checked_sub(name.len()).filter(|room| *room > 0) else {
            self.left_out += 1;
            return None;
        };
        let mut text = String::with_capacity(value.len().min(room));
        let mut is_cut = false;
        for byte in value {
            if text.len() >= room {
                is_cut = true;
                break;
            }
            match byte {
                b' '..=b'~' => text.push(char::from(*byte)),
                byte => text.extend(byte.escape_ascii().map(char::from)),
            }
        }
        self.bytes = room.saturating_sub(text.len());
        if is_cut {
            self.left_out += 1;
            text.push('…');
        }
        Some(text)
    }

    /// A line of baggage, as far as its members are not too many.
    fn members(&mut self, line: &str) -> String {
        let mut shown = String::with_capacity(line.len());
        for (index, member) in line.split(',').enumerate() {
            if index > 0 {
                shown.push(',');
            }
            if self.entries == 0 {
                self.left_out += 1;
                shown.push('…');
                break;
            }
            self.entries -= 1;
            shown.push_str(member);
        }
        shown.shrink_to_fit();
        shown
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{TraceFlags, TraceId, TraceState};

    use super::*;

    /// However much came with a request, what goes on with each call is at hand: nothing is read again, or copied.
    #[test]
    fn what_is_passed_on_is_read_once() {
        let member = |n: usize| format!("k{n}=v{n}");
        let list = (0..32).map(member).collect::<Vec<_>>().join(",");
        let received =
            TraceContext::new("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse().unwrap())
                .with_tracestate(list.parse().unwrap())
                .with_baggage(list.parse().unwrap());
        let span =
            SpanContext::new(TraceId::from(1), SpanId::from(2), TraceFlags::SAMPLED, false, TraceState::NONE);
        let mut propagation = Propagation::default();
        propagation.pass_on_from(received, &span);
        let mut passed_on = TraceContext::empty();
        let made = allocation_counter::measure(|| passed_on = propagation.passed_on_from(SpanId::from(3)));
        assert_eq!(made.count_total, 0);
        let expected = "00-00000000000000000000000000000001-0000000000000003-01";
        assert_eq!(passed_on.traceparent().unwrap().to_string(), expected);
        assert_eq!(
            (passed_on.tracestate().to_string(), passed_on.baggage().to_string()),
            (list.clone(), list)
        );
    }
}
