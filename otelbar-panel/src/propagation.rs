//! The trace context as it came and as it goes on.

use http::HeaderMap;
use opentelemetry::trace::{SpanContext, SpanId};
use otelbar_convert::redact::{REDACTED, Redactor};
use otelbar_propagation::{Baggage, Outcome, Propagators, TraceContext, TraceFlags, Traceparent, Tracestate};

use crate::PanelError;
use crate::recorder::Recorder;

/// The headers of W3C Trace Context and Baggage: shown whether they are read or not.
const HEADERS: [&str; 3] = ["traceparent", "tracestate", BAGGAGE];

const BAGGAGE: &str = "baggage";

/// Bytes of a header that are kept to be shown; what a propagator may carry is not more.
const SHOWN: usize = 8192;

/// What came with a request, for the page's view of it.
#[derive(Debug, Default)]
pub(crate) struct Propagation {
    pub(crate) outcome: Received,
    pub(crate) reason: Option<String>,
    pub(crate) warnings: Vec<String>,
    /// Each line of each header, made printable.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The caller's span.
    pub(crate) parent: Option<SpanId>,
    /// What is passed on to the services that this one calls.
    pub(crate) baggage: Option<String>,
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

/// The caller's part of a trace.
pub(crate) struct Remote {
    pub(crate) traceparent: Traceparent,
    pub(crate) tracestate: String,
}

/// The formats in which the context is read and written.
pub(crate) fn propagators(names: &[otelbar_config::Propagator]) -> Result<Propagators, PanelError> {
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    if names.is_empty() {
        return Ok(Propagators::new([]));
    }
    let (propagators, unknown) = Propagators::from_names(&names.join(","));
    match unknown.first() {
        None => Ok(propagators),
        Some(unknown) => Err(PanelError::option(format!(
            "OTEL_PROPAGATORS has {}, which is not supported; leave it out, or write tracecontext, baggage, b3, b3multi, \
             jaeger or xray",
            unknown.name()
        ))),
    }
}

/// Reads the trace context of a request, with an account of it.
pub(crate) fn extract(headers: &HeaderMap, recorder: &Recorder) -> (Option<Remote>, Propagation) {
    let propagators = &recorder.propagators;
    let fields =
        || HEADERS.into_iter().chain(propagators.iter().flat_map(|propagator| propagator.fields()).copied());
    if fields().all(|name| !headers.contains_key(name)) {
        return (None, Propagation::default());
    }
    let extraction = propagators.extract(headers);
    let (outcome, reason) = match extraction.outcome() {
        Outcome::Accepted(_) => (Received::Accepted, None),
        Outcome::Refused(refusal) => (Received::Refused, Some(refusal.to_string())),
        _ => (Received::Absent, None),
    };
    let remote = extraction.traceparent().map(|traceparent| Remote {
        traceparent,
        tracestate: extraction.tracestate().to_header().into_owned(),
    });
    let baggage = extraction.baggage();
    let mut shown: Vec<(&'static str, String)> = Vec::new();
    for name in fields() {
        if shown.iter().any(|(known, _)| *known == name) {
            continue;
        }
        for value in headers.get_all(name) {
            let text = printable(value.as_bytes());
            let text = if name == BAGGAGE { without_secrets(&text, &recorder.redactor) } else { text };
            shown.push((name, text));
        }
    }
    let propagation = Propagation {
        outcome,
        reason,
        warnings: extraction.warnings().map(|warning| warning.to_string()).collect(),
        headers: shown,
        parent: remote.as_ref().map(|remote| SpanId::from_bytes(remote.traceparent.parent_id().to_bytes())),
        baggage: (!baggage.is_empty()).then(|| baggage.to_header().into_owned()),
    };
    (remote, propagation)
}

/// Writes a span's context, with baggage, into the headers of an outgoing request.
pub(crate) fn inject(
    span: &SpanContext,
    baggage: Option<&str>,
    propagators: &Propagators,
    headers: &mut HeaderMap,
) {
    let ids = (
        otelbar_propagation::TraceId::from_bytes(span.trace_id().to_bytes()),
        otelbar_propagation::SpanId::from_bytes(span.span_id().to_bytes()),
    );
    let (Some(trace_id), Some(span_id)) = ids else { return };
    let flags = TraceFlags::from_bits(span.trace_flags().to_u8());
    let tracestate = span.trace_state().header();
    let context = TraceContext::new(Traceparent::new(trace_id, span_id, flags))
        .with_tracestate(Tracestate::parse(&tracestate).unwrap_or_default())
        .with_baggage(baggage.and_then(|baggage| Baggage::parse(baggage).ok()).unwrap_or_default());
    propagators.inject(&context, headers);
}

/// A line of baggage with the values of sensitive keys replaced.
fn without_secrets(line: &str, redactor: &Redactor) -> String {
    let member = |member: &str| match member.split_once('=') {
        Some((key, _)) if redactor.is_sensitive(key.trim()) => format!("{key}={REDACTED}"),
        _ => member.to_owned(),
    };
    line.split(',').map(member).collect::<Vec<_>>().join(",")
}

/// The value of a header as it can be shown: bytes that are no printable ASCII are escaped, and a long one is cut.
fn printable(value: &[u8]) -> String {
    let shown = &value[..value.len().min(SHOWN)];
    let mut text = String::with_capacity(shown.len());
    for byte in shown {
        match byte {
            b' '..=b'~' => text.push(char::from(*byte)),
            byte => text.extend(byte.escape_ascii().map(char::from)),
        }
    }
    if shown.len() < value.len() {
        text.push('…');
    }
    text
}
