//! What the collector received, compared with what the API shows.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanKind, Status};
use otelbar_testkit::ReceivedSpan;
use serde_json::Value;

use super::Verdict;
use super::api::{Attribute, Span};

/// The spans that the collector received and that were not compared yet.
pub(super) struct Exported {
    spans: HashMap<(String, String), Vec<ReceivedSpan>>,
}

impl Exported {
    pub(super) fn new(received: Vec<ReceivedSpan>) -> Self {
        let mut spans: HashMap<_, Vec<_>> = HashMap::with_capacity(received.len());
        for span in received {
            spans.entry((span.trace_id(), span.span_id())).or_default().push(span);
        }
        Exported { spans }
    }

    /// Looks for a span of the API's, and takes it out.
    pub(super) fn compare(&mut self, verdict: &mut Verdict, number: u32, trace_id: &str, span: &Span) {
        let what = format!("request {number}: {} {:?} at the collector", span.panel, span.name);
        let received = self.spans.remove(&(trace_id.to_owned(), span.span_id.clone())).unwrap_or_default();
        match &received[..] {
            [] => verdict.lost(1, format!("{what} is missing")),
            [received] => {
                let (received, shown) = (Content::of_received(received), Content::of_shown(span));
                for field in received.differences(&shown) {
                    verdict.misattributed(
                        1,
                        format!("{what} differs from what the toolbar shows in its {field}"),
                    );
                }
            }
            several => verdict.misattributed(1, format!("{what} came {} times", several.len())),
        }
    }

    /// What is left was shown nowhere.
    pub(super) fn complain_of_the_rest(self, verdict: &mut Verdict) {
        for ((trace_id, _), spans) in self.spans {
            for span in spans {
                verdict.misattributed(
                    1,
                    format!("the collector has {:?} in {trace_id}, the toolbar has not", span.name()),
                );
            }
        }
    }
}

/// What a span says, in a form that both sides have.
struct Content {
    service: String,
    name: String,
    kind: &'static str,
    parent: Option<String>,
    start: u128,
    end: u128,
    status: String,
    attributes: BTreeMap<String, String>,
    /// Time, name and attributes of each.
    events: Vec<(u128, String, BTreeMap<String, String>)>,
}

impl Content {
    fn of_shown(span: &Span) -> Self {
        let start = span.start_unix_ns.parse().unwrap_or_default();
        let attributes = |attributes: &[Attribute]| {
            attributes.iter().map(|attribute| (attribute.key.clone(), text(&attribute.value))).collect()
        };
        let events = span.events.iter().map(|event| {
            (
                event.time_unix_ns.parse().unwrap_or_default(),
                event.name.clone(),
                attributes(&event.attributes),
            )
        });
        Content {
            service: span.service.clone(),
            name: span.name.clone(),
            kind: super::kind(&span.kind),
            parent: span.parent_span_id.clone(),
            start,
            end: start + u128::from(span.duration_ns),
            status: span.status.clone(),
            attributes: {
                let mut attributes: BTreeMap<_, _> = attributes(&span.attributes);
                attributes.retain(|key, _| !OPT_IN.contains(&key.as_str()));
                attributes
            },
            events: events.collect(),
        }
    }

    fn of_received(received: &ReceivedSpan) -> Self {
        let events = received.events().map(|event| (since_epoch(event.time), event.name, event.attributes));
        Content {
            service: received.service_name(),
            name: received.name().to_owned(),
            kind: match received.kind() {
                SpanKind::Server => "server",
                SpanKind::Client => "client",
                SpanKind::Internal => "internal",
                _ => "other",
            },
            parent: received.parent_span_id(),
            start: since_epoch(received.start()),
            end: since_epoch(received.end()),
            status: match received.status() {
                Status::Unset => "unset",
                Status::Ok => "ok",
                Status::Error { .. } => "error",
            }
            .to_owned(),
            attributes: received.attributes(),
            events: events.collect(),
        }
    }
}

impl Content {
    /// Names what is not the same.
    fn differences(&self, other: &Self) -> impl Iterator<Item = &'static str> {
        let same = [
            ("service", self.service == other.service),
            ("name", self.name == other.name),
            ("kind", self.kind == other.kind),
            ("parent", self.parent == other.parent),
            ("start", self.start == other.start),
            ("end", self.end == other.end),
            ("status", self.status == other.status),
            ("attributes", self.attributes == other.attributes),
            ("events", self.events == other.events),
        ];
        same.into_iter().filter(|(_, same)| !same).map(|(field, _)| field)
    }
}

fn since_epoch(time: SystemTime) -> u128 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_nanos()
}

/// Attributes that the page shows and that are exported by choice.
const OPT_IN: [&str; 2] = ["http.response.body.size", "db.response.returned_rows"];

/// A value in the form that [`ReceivedSpan::attributes`] has.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => format!("[{}]", values.iter().map(text).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}
