//! What the forms of backends cannot hold, which the documentation prints as a table.

use std::mem::take;

use super::span::{Event, Link, Span, Value};

/// Something that a form cannot hold, and what becomes of it there.
#[derive(Debug)]
pub struct Loss {
    /// What is lost.
    pub what: &'static str,
    /// What is there instead.
    pub becomes: &'static str,
    change: Change,
}

#[derive(Debug)]
enum Change {
    Span(fn(&mut Span)),
    Trace(fn(&mut Vec<Span>)),
}

impl Loss {
    const fn new(what: &'static str, becomes: &'static str, change: fn(&mut Span)) -> Self {
        Self { what, becomes, change: Change::Span(change) }
    }

    /// One that is about the spans of a trace together.
    const fn of_trace(what: &'static str, becomes: &'static str, change: fn(&mut Vec<Span>)) -> Self {
        Self { what, becomes, change: Change::Trace(change) }
    }

    /// Makes of the spans of a trace what is to be seen of them.
    pub(super) fn apply(&self, spans: &mut Vec<Span>) {
        match self.change {
            Change::Span(change) => spans.iter_mut().for_each(change),
            Change::Trace(change) => change(spans),
        }
    }
}

const NOT_THERE: &str = "not there";

pub(super) const JAEGER_V3: &[Loss] = &[
    Loss::new("an end before the start", "an end 1 ns after the start, and a warning", mend_duration),
    Loss::new("schema URLs", NOT_THERE, without_schema_urls),
];

pub(super) const JAEGER_UI: &[Loss] = &[
    Loss::of_trace("a double that is infinite or no number", "no answer for its whole trace", |spans| {
        let is_none = |value: &Value| matches!(value, Value::Double(number) if !number.is_finite());
        if spans.iter().any(|span| span.attributes.values().any(is_none)) {
            spans.clear();
        }
    }),
    Loss::new("an end before the start", "an end 1 ns after the start, and a warning", mend_duration),
    Loss::new("a trace id that begins with 16 zeros", "its last 16 digits", short_trace_id),
    Loss::new("nanoseconds", "microseconds, the rest is cut off of begin and duration", |span| {
        span.start = span.start / 1_000 * 1_000;
        span.duration = span.duration.map(|nanos| nanos / 1_000 * 1_000);
        for event in &mut span.events {
            event.time = event.time / 1_000 * 1_000;
        }
    }),
    Loss::new("flags of the span, and whether its parent is remote", NOT_THERE, |span| span.flags = None),
    Loss::new("an attribute that is a list", "its JSON as a text", |span| {
        each_value(span, |value| {
            if let Value::List(_) = value {
                *value = Value::Text(json(value));
            }
        });
    }),
    Loss::new("of a link all but its trace and span", NOT_THERE, |span| {
        for link in &mut span.links {
            let Link { trace_id, span_id, .. } = take(link);
            *link = Link { trace_id, span_id, ..Link::default() };
        }
    }),
    Loss::new("counts of what was dropped of a span", NOT_THERE, |span| {
        (span.dropped_attributes, span.dropped_events, span.dropped_links) = (0, 0, 0);
    }),
    Loss::new("the count of what was dropped of an event", NOT_THERE, |span| {
        span.events.iter_mut().for_each(|event| event.dropped_attributes = 0);
    }),
    Loss::new("an event's name beside an attribute `event`", "the attribute", |span| {
        for event in &mut span.events {
            if let Some(Value::Text(name)) = event.attributes.remove("event") {
                event.name = name;
            }
        }
    }),
    Loss::new("attributes of the scope", NOT_THERE, |span| span.scope.attributes.clear()),
    Loss::new("schema URLs", NOT_THERE, without_schema_urls),
];

pub(super) const ZIPKIN: &[Loss] = &[
    Loss::new("a trace id that begins with 16 zeros", "its last 16 digits", short_trace_id),
    Loss::new("links", NOT_THERE, |span| span.links.clear()),
    Loss::new("trace state", NOT_THERE, |span| span.trace_state.clear()),
    Loss::new("flags, and whether the parent is remote", NOT_THERE, |span| span.flags = None),
    Loss::new("schema URLs", NOT_THERE, without_schema_urls),
    Loss::new("the kind INTERNAL", "no kind", |span| {
        span.kind = take(&mut span.kind).filter(|kind| kind != "internal");
    }),
    Loss::new("nanoseconds", "microseconds, the rest is cut off of begin and duration", |span| {
        span.start = span.start / 1_000 * 1_000;
        span.duration = span.duration.map(|nanos| match nanos {
            1..1_000 => nanos,
            _ => nanos / 1_000 * 1_000,
        });
        for event in &mut span.events {
            event.time = event.time / 1_000 * 1_000;
        }
    }),
    Loss::new("a duration of less than a microsecond", "1 µs", |span| {
        span.duration = span.duration.map(|nanos| if (0..1_000).contains(&nanos) { 1_000 } else { nanos });
    }),
    Loss::new("an end before the start", "no duration", |span| {
        span.duration = take(&mut span.duration).filter(|nanos| *nanos >= 0);
    }),
    Loss::new("attributes of an event, and their dropped count", "JSON behind its name", |span| {
        for event in &mut span.events {
            let mut attributes: Vec<String> =
                event.attributes.iter().map(|(key, value)| format!("{key:?}:{}", json(value))).collect();
            if event.dropped_attributes > 0 {
                attributes.push(format!("\"otel.dropped_attributes_count\":{}", event.dropped_attributes));
            }
            if !attributes.is_empty() {
                // As JSON objects have it here, by key.
                attributes.sort();
                event.name = format!("{:?}: {{{}}}", event.name, attributes.join(","));
            }
            let Event { name, time, .. } = take(event);
            *event = Event { name, time, ..Event::default() };
        }
    }),
    Loss::new("the order of events in one microsecond, and repeats", "by their texts, one of each", |span| {
        span.events.sort_by(|a, b| (a.time, &a.name).cmp(&(b.time, &b.name)));
        span.events.dedup_by(|a, b| (a.time, &a.name) == (b.time, &b.name));
    }),
    Loss::new("types of attributes", "texts: `true`, `42`, `1.5`; a list is its JSON", |span| {
        each_value(span, |value| *value = Value::Text(text(value)));
    }),
    Loss::new(
        "whether an attribute is of the span, its scope or its resource",
        "all are tags; of one key the span's wins over the scope's, and that over the resource's",
        |span| {
            let service = span.resource.remove_entry("service.name");
            let mut tags = take(&mut span.resource);
            tags.extend(take(&mut span.scope.attributes));
            tags.extend(take(&mut span.attributes));
            span.attributes = tags;
            span.resource.extend(service);
        },
    ),
    Loss::new("an attribute `otel.scope.name`", "the scope's name", |span| {
        span.attributes.remove("otel.scope.name");
    }),
    Loss::new("an attribute `error` that is false", NOT_THERE, |span| {
        span.attributes.retain(|key, value| key != "error" || text(value) != "false");
    }),
    Loss::new("capital letters in the names of spans and services", "small letters", |span| {
        span.name = span.name.to_lowercase();
        if let Some(Value::Text(service)) = span.resource.get_mut("service.name") {
            *service = service.to_lowercase();
        }
    }),
    // No losses, but not as it was sent.
    Loss::new(
        "U+2028 beside another character that is not ASCII, in one text",
        "kept, but the answer ends in zero bytes, for which Zipkin's UI shows nothing",
        spoil_answer,
    ),
    Loss::new(
        "`server.address` and `server.port` of a span of kind CLIENT or PRODUCER",
        "tags, and the remote endpoint as well",
        |span| {
            if !matches!(span.kind.as_deref(), Some("client" | "producer")) {
                return;
            }
            if let (Some(address), Some(port)) =
                (span.attributes.get("server.address"), span.attributes.get("server.port"))
            {
                let endpoint = format!("{} {}", text(address), text(port));
                span.besides.insert("remoteEndpoint".to_owned(), endpoint);
            }
        },
    ),
];

fn mend_duration(span: &mut Span) {
    if span.duration.is_some_and(|nanos| nanos < 0) {
        span.duration = Some(1);
        span.besides.insert("warning \"Negative duration detected\"".to_owned(), String::new());
    }
}

/// Marks a span for which Zipkin reckons its JSON longer than it is.
pub(super) fn spoil_answer(span: &mut Span) {
    let is_spoilt = |text: &String| {
        text.contains('\u{2028}') && text.contains(|other: char| !other.is_ascii() && other != '\u{2028}')
    };
    let in_attributes =
        span.attributes.values().any(|value| matches!(value, Value::Text(text) if is_spoilt(text)));
    if in_attributes || span.events.iter().any(|event| is_spoilt(&event.name)) {
        span.besides.insert("the answer's end".to_owned(), "zero bytes".to_owned());
    }
}

fn short_trace_id(span: &mut Span) {
    let links = span.links.iter_mut().map(|link| &mut link.trace_id);
    for trace_id in links.chain([&mut span.trace_id]) {
        if let Some(short) = trace_id.strip_prefix("0000000000000000") {
            *trace_id = short.to_owned();
        }
    }
}

fn without_schema_urls(span: &mut Span) {
    span.scope.schema_url.clear();
    span.resource_schema_url.clear();
}

fn each_value(span: &mut Span, change: impl Fn(&mut Value)) {
    let events = span.events.iter_mut().flat_map(|event| event.attributes.values_mut());
    let links = span.links.iter_mut().flat_map(|link| link.attributes.values_mut());
    let shared = span.scope.attributes.values_mut().chain(span.resource.values_mut());
    span.attributes.values_mut().chain(events).chain(links).chain(shared).for_each(change);
}

/// A text as it stands, anything else as JSON.
fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Double(number) if !number.is_finite() => double_name(*number).to_owned(),
        other => json(other),
    }
}

/// As protobuf's JSON calls what JSON has no number for.
fn double_name(number: f64) -> &'static str {
    match number {
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        _ => "NaN",
    }
}

fn json(value: &Value) -> String {
    match value {
        Value::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Double(number) if number.is_finite() => serde_json::Value::from(*number).to_string(),
        Value::Double(number) => format!("{:?}", double_name(*number)),
        Value::List(values) => format!("[{}]", values.iter().map(json).collect::<Vec<_>>().join(",")),
    }
}
