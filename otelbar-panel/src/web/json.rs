//! The shapes of the JSON API, as `docs/json-api.md` tells them.

use std::time::{Duration, SystemTime};

use opentelemetry::{Array, Value};
use serde::ser::{Serialize, SerializeSeq, Serializer};

use super::gzip::Part;

/// An answer's body.
pub(super) fn parts(answer: &impl Serialize) -> serde_json::Result<Vec<Part>> {
    Ok(vec![Part::Plain(serde_json::to_vec(answer)?.into())])
}

#[derive(serde::Serialize)]
pub(super) struct List {
    pub(super) service: String,
    pub(super) warnings: Vec<String>,
    pub(super) capture: Capture,
    pub(super) requests: Vec<Request>,
    pub(super) store: Store,
    pub(super) internal_errors: InternalErrors,
    pub(super) dropped: AllDropped,
    pub(super) exporter: Option<Exporter>,
}

#[derive(serde::Serialize)]
pub(super) struct Request {
    pub(super) id: String,
    pub(super) seq: u64,
    pub(super) trace_id: String,
    pub(super) service: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) route: Option<String>,
    pub(super) status: Option<u16>,
    pub(super) start_unix_ns: String,
    pub(super) duration_ns: u64,
    pub(super) outcome: &'static str,
    pub(super) error: bool,
    pub(super) broken: bool,
    pub(super) counts: Counts,
    pub(super) query_ns: u64,
    pub(super) finding_kinds: Vec<&'static str>,
    pub(super) called: Vec<String>,
    pub(super) export: Export,
}

#[derive(Default, serde::Serialize)]
pub(super) struct Counts {
    pub(super) spans: usize,
    pub(super) queries: usize,
    pub(super) calls: usize,
    pub(super) renders: usize,
    pub(super) cache: usize,
    pub(super) logs: usize,
    pub(super) errors: usize,
    pub(super) findings: usize,
}

#[derive(serde::Serialize)]
pub(super) struct Export {
    pub(super) state: &'static str,
    pub(super) detail: Option<String>,
}

/// What the bar says of its request.
#[derive(serde::Serialize)]
pub(super) struct Bar {
    pub(super) id: String,
    pub(super) trace_id: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) route: Option<String>,
    pub(super) status: Option<u16>,
    pub(super) outcome: &'static str,
    pub(super) error: bool,
    pub(super) duration_ns: u64,
    pub(super) queries: usize,
    pub(super) query_ns: u64,
    pub(super) errors: usize,
    pub(super) findings: usize,
    pub(super) finding_kinds: Vec<&'static str>,
    pub(super) finding_titles: Vec<String>,
    pub(super) critical: bool,
}

#[derive(serde::Serialize)]
pub(super) struct Store {
    pub(super) requests: usize,
    pub(super) max_requests: usize,
    pub(super) bytes: usize,
    pub(super) max_bytes: usize,
    pub(super) evicted: u64,
    pub(super) open_requests: usize,
    pub(super) open_bytes: usize,
    pub(super) view_bytes: usize,
}

#[derive(serde::Serialize)]
pub(super) struct InternalErrors {
    pub(super) count: u64,
    pub(super) last: Option<String>,
}

#[derive(serde::Serialize)]
pub(super) struct AllDropped {
    pub(super) requests: u64,
    pub(super) spans: u64,
    pub(super) logs: u64,
    pub(super) attributes: u64,
    pub(super) late: u64,
    pub(super) panics: u64,
}

#[derive(serde::Serialize)]
pub(super) struct Exporter {
    pub(super) endpoint: String,
    pub(super) health: &'static str,
    pub(super) queued: u64,
    pub(super) spooled: u64,
    pub(super) accepted: u64,
    pub(super) rejected: u64,
    pub(super) dropped: u64,
    pub(super) last_error: Option<String>,
    pub(super) pause: Option<Pause>,
    pub(super) destinations: Vec<Destination>,
}

#[derive(serde::Serialize)]
pub(super) struct Destination {
    pub(super) name: &'static str,
    pub(super) protocol: Option<String>,
    pub(super) endpoint: String,
    pub(super) health: &'static str,
    pub(super) breaker: Breaker,
    pub(super) pause: Option<Pause>,
    pub(super) enqueued: u64,
    pub(super) recovered: u64,
    pub(super) queued: u64,
    pub(super) queued_bytes: u64,
    pub(super) in_flight: u64,
    pub(super) spooled: u64,
    pub(super) spooled_bytes: u64,
    pub(super) accepted: u64,
    pub(super) rejected: u64,
    pub(super) dropped: DropCounts,
    pub(super) requests: u64,
    pub(super) last_error: Option<LastError>,
    pub(super) last_message: Option<String>,
}

#[derive(serde::Serialize)]
pub(super) struct Breaker {
    pub(super) state: &'static str,
    pub(super) until_unix_ns: Option<String>,
}

/// For how long nothing is sent, and why.
#[derive(serde::Serialize)]
pub(super) struct Pause {
    pub(super) until_unix_ns: String,
    pub(super) reason: &'static str,
}

#[derive(serde::Serialize)]
pub(super) struct DropCounts {
    pub(super) total: u64,
    pub(super) queue_full: u64,
    pub(super) shut_down: u64,
    pub(super) closed: u64,
    pub(super) not_retryable: u64,
    pub(super) expired: u64,
    pub(super) too_large: u64,
    pub(super) invalid_id: u64,
    pub(super) spool_full: u64,
    pub(super) spool_damaged: u64,
    pub(super) panicked: u64,
}

#[derive(serde::Serialize)]
pub(super) struct LastError {
    pub(super) at_unix_ns: String,
    pub(super) message: String,
}

#[derive(serde::Serialize)]
pub(super) struct Capture {
    pub(super) tracing: &'static str,
    pub(super) problem: Option<String>,
}

#[derive(serde::Serialize)]
pub(super) struct Detail<'a> {
    pub(super) request: Request,
    pub(super) propagation: Propagation<'a>,
    pub(super) deliveries: Vec<Delivery>,
    pub(super) links: Vec<Link>,
    pub(super) left_out: usize,
    pub(super) findings: &'a [Finding],
    pub(super) findings_left_out: &'a [FindingsLeftOut],
    pub(super) dropped: Dropped,
    // The spans come last; they are written already.
}

#[derive(serde::Serialize)]
pub(super) struct Propagation<'a> {
    pub(super) propagators: Vec<String>,
    pub(super) outcome: &'static str,
    pub(super) reason: Option<&'a str>,
    pub(super) warnings: &'a [String],
    pub(super) parent_span_id: Option<String>,
    pub(super) sampled: bool,
    pub(super) headers: Vec<Header<'a>>,
}

#[derive(serde::Serialize)]
pub(super) struct Header<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
}

#[derive(serde::Serialize)]
pub(super) struct Delivery {
    pub(super) destination: &'static str,
    pub(super) endpoint: String,
    pub(super) state: &'static str,
    pub(super) detail: Option<String>,
    pub(super) attempt: Option<u32>,
    pub(super) next_unix_ns: Option<String>,
    pub(super) settled: bool,
    pub(super) spans: SpanCounts,
}

#[derive(serde::Serialize)]
pub(super) struct SpanCounts {
    pub(super) enqueued: u64,
    pub(super) queued: u64,
    pub(super) in_flight: u64,
    pub(super) spooled: u64,
    pub(super) accepted: u64,
    pub(super) rejected: u64,
    pub(super) undetermined: u64,
    pub(super) dropped: u64,
}

#[derive(serde::Serialize)]
pub(super) struct Link {
    pub(super) name: &'static str,
    pub(super) url: String,
    pub(super) destination: &'static str,
    pub(super) ready: bool,
}

#[derive(serde::Serialize)]
pub(super) struct Span {
    pub(super) span_id: String,
    pub(super) parent_span_id: Option<String>,
    pub(super) request_id: String,
    pub(super) service: String,
    pub(super) scope: String,
    pub(super) name: String,
    pub(super) display_name: String,
    pub(super) kind: &'static str,
    pub(super) panel: &'static str,
    pub(super) start_unix_ns: String,
    pub(super) duration_ns: u64,
    pub(super) busy_ns: Option<u64>,
    pub(super) status: &'static str,
    pub(super) status_message: Option<String>,
    pub(super) attributes: Vec<Attribute>,
    pub(super) events: Vec<Event>,
    pub(super) links: Vec<SpanLink>,
    pub(super) synthesised: bool,
    pub(super) unfinished: bool,
    pub(super) dropped: SpanDropped,
}

#[derive(serde::Serialize)]
pub(super) struct SpanDropped {
    pub(super) attributes: u32,
    pub(super) events: u32,
    pub(super) links: u32,
}

/// Another span that a span names, of this trace or of another.
#[derive(serde::Serialize)]
pub(super) struct SpanLink {
    pub(super) trace_id: String,
    pub(super) span_id: String,
    pub(super) attributes: Vec<Attribute>,
}

#[derive(serde::Serialize)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) level: Option<String>,
    pub(super) time_unix_ns: String,
    pub(super) attributes: Vec<Attribute>,
}

#[derive(serde::Serialize)]
pub(super) struct Attribute {
    pub(super) key: String,
    pub(super) value: AnyValue,
}

#[derive(Debug, serde::Serialize)]
pub(super) struct Finding {
    pub(super) kind: &'static str,
    pub(super) severity: &'static str,
    pub(super) title: String,
    pub(super) detail: String,
    pub(super) location: Option<String>,
    pub(super) span_ids: Vec<String>,
    pub(super) spans_left_out: usize,
}

#[derive(Debug, serde::Serialize)]
pub(super) struct FindingsLeftOut {
    pub(super) kind: &'static str,
    pub(super) count: usize,
}

#[derive(serde::Serialize)]
pub(super) struct Dropped {
    pub(super) spans: u64,
    pub(super) logs: u64,
    pub(super) attributes: u64,
    pub(super) late: u64,
}

/// The value of an attribute; an integer that a JavaScript number cannot hold is a string.
pub(super) struct AnyValue(pub(super) Value);

const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

impl Serialize for AnyValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::I64(value) => Integer(*value).serialize(serializer),
            Value::F64(value) => Float(*value).serialize(serializer),
            Value::String(value) => serializer.serialize_str(value.as_str()),
            Value::Array(Array::Bool(values)) => values.serialize(serializer),
            Value::Array(Array::I64(values)) => list(values.iter().map(|value| Integer(*value)), serializer),
            Value::Array(Array::F64(values)) => list(values.iter().map(|value| Float(*value)), serializer),
            Value::Array(Array::String(values)) => {
                list(values.iter().map(|value| value.as_str()), serializer)
            }
            other => serializer.serialize_str(&other.to_string()),
        }
    }
}

struct Integer(i64);

impl Serialize for Integer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.unsigned_abs() <= MAX_SAFE_INTEGER {
            true => serializer.serialize_i64(self.0),
            false => serializer.collect_str(&self.0),
        }
    }
}

/// JSON cannot write NaN or infinity; they are texts as Rust writes them, while OTLP's JSON has the names of protobuf's
/// mapping, which otelbar-export keeps to itself.
struct Float(f64);

impl Serialize for Float {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.is_finite() {
            true => serializer.serialize_f64(self.0),
            false => serializer.collect_str(&self.0),
        }
    }
}

fn list<T: Serialize, S: Serializer>(
    values: impl Iterator<Item = T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(None)?;
    for value in values {
        list.serialize_element(&value)?;
    }
    list.end()
}

pub(super) fn unix_ns(instant: SystemTime) -> String {
    instant.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
}

pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: impl Into<Value>, expected: &str) {
        assert_eq!(serde_json::to_string(&AnyValue(value.into())).unwrap(), expected);
    }

    #[test]
    fn values_keep_what_javascript_can_hold() {
        check("a\"<b", r#""a\"<b""#);
        check(true, "true");
        check(9_007_199_254_740_991_i64, "9007199254740991");
        check(9_007_199_254_740_993_i64, "\"9007199254740993\"");
        check(i64::MIN, "\"-9223372036854775808\"");
        check(1.5, "1.5");
        check(f64::NAN, "\"NaN\"");
        check(f64::INFINITY, "\"inf\"");
        check(Value::Array(Array::I64(vec![1, i64::MAX])), "[1,\"9223372036854775807\"]");
    }
}
