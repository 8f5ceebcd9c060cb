//! How much memory spans take, roughly.

use std::borrow::Cow;

use opentelemetry::trace::{Event, Link, SpanContext, Status};
use opentelemetry::{Array, KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;

/// The bytes a span holds, near enough to bound a queue: the structures and their texts. A static name counts for
/// nothing; keys count, as they do not tell whether they are static. What the allocator adds is not known.
pub(crate) fn of_span(span: &SpanData) -> usize {
    let description = match &span.status {
        Status::Error { description } => description.len(),
        Status::Ok | Status::Unset => 0,
    };
    let events = span
        .events
        .iter()
        .map(|event| size_of::<Event>() + of_name(&event.name) + of_attributes(&event.attributes));
    let links = span
        .links
        .iter()
        .map(|link| size_of::<Link>() + of_trace_state(&link.span_context) + of_attributes(&link.attributes));
    size_of::<SpanData>()
        + of_trace_state(&span.span_context)
        + of_name(&span.name)
        + description
        + of_attributes(&span.attributes)
        + events.sum::<usize>()
        + links.sum::<usize>()
}

fn of_trace_state(context: &SpanContext) -> usize {
    let members = context.trace_state().into_iter();
    members.map(|(key, value)| size_of::<(String, String)>() + key.len() + value.len()).sum()
}

fn of_attributes(attributes: &[KeyValue]) -> usize {
    let sizes = attributes
        .iter()
        .map(|attribute| size_of::<KeyValue>() + attribute.key.as_str().len() + of_value(&attribute.value));
    sizes.sum()
}

#[expect(clippy::ptr_arg, reason = "what is borrowed weighs nothing")]
fn of_name(name: &Cow<'static, str>) -> usize {
    match name {
        Cow::Borrowed(_) => 0,
        Cow::Owned(name) => name.len(),
    }
}

fn of_value(value: &Value) -> usize {
    match value {
        Value::String(text) => text.as_str().len(),
        Value::Array(Array::String(texts)) => {
            texts.iter().map(|text| size_of_val(text) + text.as_str().len()).sum()
        }
        Value::Array(Array::Bool(values)) => size_of_val(values.as_slice()),
        Value::Array(Array::I64(values)) => size_of_val(values.as_slice()),
        Value::Array(Array::F64(values)) => size_of_val(values.as_slice()),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use opentelemetry::trace::SpanContext;
    use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};

    use super::*;
    use crate::test_span;

    #[test]
    fn what_can_grow_weighs() {
        let empty = test_span::empty();
        let text = || "x".repeat(10_000);
        let attribute = || vec![KeyValue::new("key", text())];
        let mut event = SpanEvents::default();
        event.events = vec![Event::new("log", UNIX_EPOCH, attribute(), 0)];
        let mut link = SpanLinks::default();
        link.links = vec![Link::new(SpanContext::empty_context(), attribute(), 0)];
        let list = Value::Array(Array::String(vec![text().into()]));
        for grown in [
            SpanData { attributes: attribute(), ..empty.clone() },
            SpanData { attributes: vec![KeyValue::new("key", list)], ..empty.clone() },
            SpanData { events: event, ..empty.clone() },
            SpanData { links: link, ..empty.clone() },
            SpanData { status: Status::error(text()), ..empty.clone() },
            SpanData { name: text().into(), ..empty.clone() },
            SpanData { attributes: vec![KeyValue::new(text(), true)], ..empty.clone() },
        ] {
            let more = of_span(&grown) - of_span(&empty);
            assert!((10_000..10_500).contains(&more), "{more}: {:?}", grown.status);
        }
    }
}
