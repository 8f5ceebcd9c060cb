//! What backends hold of a trace, by their own APIs.

use std::fs;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use otelbar_export::Destination;
use otelbar_integration::compare::{Form, Span, compare, lines};
use otelbar_integration::{Collector, Jaeger, Zipkin, eventually};

use super::{deliver_all, http};

/// A backend that can be asked in a form.
pub(crate) trait Held {
    /// Its answer for a trace: its spans, none where it does not know it.
    fn spans(&self, form: Form, trace_id: &str) -> Vec<Span>;
}

impl Held for Jaeger {
    /// Without what Jaeger does for its UI: taking repeats away, moving clocks.
    fn spans(&self, form: Form, trace_id: &str) -> Vec<Span> {
        let address = match form {
            Form::JaegerV3 => format!("{}/api/v3/traces/{trace_id}?raw_traces=true", self.api),
            _ => format!("{}/api/traces/{trace_id}?raw=true", self.api),
        };
        answer(&address).map_or_else(Vec::new, |text| form.read(&text).unwrap())
    }
}

impl Held for Zipkin {
    fn spans(&self, form: Form, trace_id: &str) -> Vec<Span> {
        let text = answer(&format!("{}/api/v2/trace/{trace_id}", self.url));
        text.map_or_else(Vec::new, |text| form.read(&text).unwrap())
    }
}

impl Held for Collector {
    fn spans(&self, form: Form, trace_id: &str) -> Vec<Span> {
        let lines = written(self);
        let lines = lines.lines().filter(|line| line.contains(trace_id));
        let spans = lines.flat_map(|line| form.read(line).unwrap());
        spans.filter(|span| span.trace_id == trace_id).collect()
    }
}

/// All that the Collector holds of a service: only the lines with its name are read.
pub(crate) fn of_service(collector: &Collector, service: &str) -> Vec<Span> {
    let lines = written(collector);
    let lines = lines.lines().filter(|line| line.contains(service));
    let is_of_it = |span: &Span| format!("{:?}", span.resource["service.name"]) == format!("{service:?}");
    lines.flat_map(|line| Form::CollectorFile.read(line).unwrap()).filter(is_of_it).collect()
}

/// The whole lines of the Collector's file: the last may be in the making.
fn written(collector: &Collector) -> String {
    let mut text = fs::read_to_string(&collector.file).unwrap_or_default();
    text.truncate(text.rfind('\n').unwrap_or_default());
    text
}

/// Of an answer, in bytes.
const LARGEST: u64 = 64 * 1024 * 1024;

/// The body of a successful answer.
fn answer(address: &str) -> Option<String> {
    let mut answer = ureq::get(address).call().ok()?;
    answer.body_mut().with_config().limit(LARGEST).read_to_string().ok()
}

/// The spans of a trace, as soon as there are so many.
pub(crate) fn wait_for(held: &impl Held, form: Form, trace_id: &str, spans: usize) -> Vec<Span> {
    let found = eventually(|| Some(held.spans(form, trace_id)).filter(|found| found.len() >= spans));
    found.unwrap_or_else(|| held.spans(form, trace_id))
}

/// Sends spans of one trace with these options, and asserts that the backend tells of them in this form exactly what is
/// left when the form's losses are taken away.
#[track_caller]
pub(crate) fn assert_held(
    held: &impl Held,
    form: Form,
    destination: impl Into<Destination>,
    resource: &Resource,
    spans: Vec<SpanData>,
) -> (Vec<Span>, Vec<Span>) {
    let sent: Vec<Span> = spans.iter().map(|data| Span::sent(resource, data)).collect();
    let statistics = deliver_all(destination, resource, spans);
    assert_eq!(statistics.spans.accepted, sent.len() as u64, "{statistics:?}");
    let found = wait_for(held, form, &sent[0].trace_id, sent.len());
    let differences = compare(&form.expected(&sent), &found);
    assert!(differences.is_empty(), "{}:{}", form.title(), lines(&differences));
    (sent, found)
}

/// Asserts that each loss of the table is one: that something of what was sent is not to be found without it.
#[track_caller]
pub(crate) fn assert_each_loss_is_one(form: Form, sent_and_found: &[(Vec<Span>, Vec<Span>)]) {
    for (index, loss) in form.losses().iter().enumerate() {
        let is_lost = |(sent, found): &(Vec<Span>, Vec<Span>)| {
            !compare(&form.expected_without(sent, Some(index)), found).is_empty()
        };
        assert!(sent_and_found.iter().any(is_lost), "{}: {} is not lost", form.title(), loss.what);
    }
}

/// Sends a span of its own to a receiver over HTTP, and waits until it is held: all that came there before is held then,
/// too.
#[track_caller]
pub(crate) fn settle(held: &impl Held, form: Form, receiver: &str) {
    let marker = super::span("marker");
    let trace_id = super::trace_id(&marker);
    let destination: Destination = match form {
        Form::Zipkin => Destination::zipkin(receiver).into(),
        _ => http(receiver).into(),
    };
    assert!(super::deliver(destination, marker));
    assert_eq!(wait_for(held, form, &trace_id, 1).len(), 1, "the marker arrives");
}
