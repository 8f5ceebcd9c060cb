//! The protobuf encoding of OTLP, from the SDK's spans straight to bytes.
//!
//! A message's length stands before its content. Attributes are so flat that theirs is found beforehand; that of a span,
//! an event or a link is put in afterwards, into room left for it, so that each is walked once. Fields come in the order
//! of their numbers and are left out when they hold their default, so the bytes are those of prost.

use opentelemetry::trace::{Event, Link, SpanContext, SpanId, TraceState};
use opentelemetry::{Array, InstrumentationScope, KeyValue, StringValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;

use super::otlp_fields::{flags, kind, nanos, sorted, status};
use super::{ResourceGroup, ScopeGroup};

/// `ExportTraceServiceRequest.resource_spans`.
const RESOURCE_SPANS: u32 = 1;
/// `ResourceSpans.scope_spans`.
const SCOPE_SPANS: u32 = 2;
/// `ScopeSpans.spans`.
const SPANS: u32 = 2;

/// The element of `ScopeSpans.spans`.
pub(super) fn span(span: &SpanData, state: Option<&str>, to: &mut Vec<u8>) {
    let SpanData {
        span_context,
        parent_span_id,
        parent_span_is_remote,
        span_kind,
        name,
        start_time,
        end_time,
        attributes,
        dropped_attributes_count,
        events,
        links,
        status: span_status,
        instrumentation_scope: _,
    } = span;
    // Most spans take 128 bytes to 16 KiB, and so two bytes for the length.
    message::<2>(SPANS, to, |to| {
        ids(span_context, to);
        match state {
            Some(state) => text(3, state, to),
            None => trace_state(3, span_context.trace_state(), to),
        }
        if *parent_span_id != SpanId::INVALID {
            id(4, parent_span_id.to_bytes(), to);
        }
        text(5, name, to);
        number(6, kind(span_kind), to);
        fixed64(7, nanos(*start_time), to);
        fixed64(8, nanos(*end_time), to);
        for attribute in attributes {
            key_value(9, attribute, to);
        }
        number(10, *dropped_attributes_count, to);
        for event in events.iter() {
            message::<1>(11, to, |to| span_event(event, to));
        }
        number(12, events.dropped_count, to);
        for link in links.iter() {
            message::<1>(13, to, |to| span_link(link, to));
        }
        number(14, links.dropped_count, to);
        let (code, words) = status(span_status);
        message::<1>(15, to, |to| {
            text(2, words, to);
            number(3, code, to);
        });
        fixed32(16, flags(span_context.trace_flags(), *parent_span_is_remote), to);
    });
}

/// The fields of a `ResourceSpans` without the list of scopes.
pub(super) fn resource(resource: &Resource) -> Vec<u8> {
    let mut to = Vec::new();
    message::<2>(1, &mut to, |to| {
        for (key, value) in sorted(resource) {
            attribute(1, key.as_str(), value, to);
        }
    });
    text(3, resource.schema_url().unwrap_or_default(), &mut to);
    to
}

/// The fields of a `ScopeSpans` without the list of spans.
pub(super) fn scope(scope: &InstrumentationScope) -> Vec<u8> {
    let mut to = Vec::new();
    message::<1>(1, &mut to, |to| {
        text(1, scope.name(), to);
        text(2, scope.version().unwrap_or_default(), to);
        for attribute in scope.attributes() {
            key_value(3, attribute, to);
        }
    });
    text(3, scope.schema_url().unwrap_or_default(), &mut to);
    to
}

/// An `ExportTraceServiceRequest` of what is encoded already, in the buffer of the longest list of spans.
pub(super) fn request(groups: Vec<ResourceGroup>) -> Vec<u8> {
    let mut body = Vec::new();
    for group in groups {
        open(RESOURCE_SPANS, group_len(&group), &mut body);
        body.extend_from_slice(&group.head);
        for mut scope in group.scopes {
            open(SCOPE_SPANS, scope_len(&scope), &mut body);
            body.extend_from_slice(&scope.head);
            // A large buffer more costs about as much as the encoding.
            if body.len() < scope.spans.len() {
                scope.spans.splice(..0, body);
                body = scope.spans;
            } else {
                body.extend_from_slice(&scope.spans);
            }
        }
    }
    body
}

fn group_len(group: &ResourceGroup) -> usize {
    group.head.len() + group.scopes.iter().map(|scope| framed(SCOPE_SPANS, scope_len(scope))).sum::<usize>()
}

fn scope_len(scope: &ScopeGroup) -> usize {
    scope.head.len() + scope.spans.len()
}

/// `Span.Event`.
fn span_event(event: &Event, to: &mut Vec<u8>) {
    fixed64(1, nanos(event.timestamp), to);
    text(2, &event.name, to);
    for attribute in &event.attributes {
        key_value(3, attribute, to);
    }
    number(4, event.dropped_attributes_count, to);
}

/// `Span.Link`.
fn span_link(link: &Link, to: &mut Vec<u8>) {
    ids(&link.span_context, to);
    trace_state(3, link.span_context.trace_state(), to);
    for attribute in &link.attributes {
        key_value(4, attribute, to);
    }
    number(5, link.dropped_attributes_count, to);
    fixed32(6, flags(link.span_context.trace_flags(), link.span_context.is_remote()), to);
}

/// `trace_id` and `span_id`, which have the same numbers in spans and links.
fn ids(context: &SpanContext, to: &mut Vec<u8>) {
    id(1, context.trace_id().to_bytes(), to);
    id(2, context.span_id().to_bytes(), to);
}

/// As in the header: `key=value`, with commas between.
fn trace_state(tag: u32, state: &TraceState, to: &mut Vec<u8>) {
    let mut members = state.into_iter();
    // Each has an equals sign, and a comma but for the first.
    let len = state.into_iter().map(|(key, value)| key.len() + value.len() + 2).sum::<usize>();
    let Some((key, value)) = members.next() else { return };
    open(tag, len - 1, to);
    for part in [key, "=", value] {
        to.extend_from_slice(part.as_bytes());
    }
    for (key, value) in members {
        for part in [",", key, "=", value] {
            to.extend_from_slice(part.as_bytes());
        }
    }
}

fn key_value(tag: u32, attribute: &KeyValue, to: &mut Vec<u8>) {
    self::attribute(tag, attribute.key.as_str(), &attribute.value, to);
}

/// A `KeyValue`.
fn attribute(tag: u32, key: &str, value: &Value, to: &mut Vec<u8>) {
    match value {
        Value::Bool(value) => pair(tag, key, value, to),
        Value::I64(value) => pair(tag, key, value, to),
        Value::F64(value) => pair(tag, key, value, to),
        Value::String(value) => pair(tag, key, value.as_str(), to),
        Value::Array(Array::Bool(values)) => pair(tag, key, values.as_slice(), to),
        Value::Array(Array::I64(values)) => pair(tag, key, values.as_slice(), to),
        Value::Array(Array::F64(values)) => pair(tag, key, values.as_slice(), to),
        Value::Array(Array::String(values)) => pair(tag, key, values.as_slice(), to),
        // A kind that is newer than this: as text, which is what OTLP has values become that it cannot hold.
        other => pair(tag, key, &*other.as_str(), to),
    }
}

fn pair<V: AnyValue + ?Sized>(tag: u32, key: &str, value: &V, to: &mut Vec<u8>) {
    let value_len = value.len();
    let len = if key.is_empty() { 0 } else { framed(1, key.len()) } + framed(2, value_len);
    match [u8::try_from(tag << 3 | LEN), u8::try_from(len), u8::try_from(key.len())] {
        // As nearly all are: a length is a byte, and the first fields are written at once.
        [Ok(tag @ ..0x80), Ok(len @ ..0x80), Ok(key_len @ 1..)] => {
            to.extend_from_slice(&[tag, len, 1 << 3 | LEN as u8, key_len]);
            to.extend_from_slice(key.as_bytes());
        }
        _ => {
            open(tag, len, to);
            text(1, key, to);
        }
    }
    open(2, value_len, to);
    value.write(to);
}

/// What an `AnyValue` can hold. It is written even where it is the default, for that is a value too.
trait AnyValue {
    fn len(&self) -> usize;

    fn write(&self, to: &mut Vec<u8>);
}

impl AnyValue for str {
    fn len(&self) -> usize {
        framed(1, str::len(self))
    }

    fn write(&self, to: &mut Vec<u8>) {
        bytes(1, self.as_bytes(), to);
    }
}

impl AnyValue for StringValue {
    fn len(&self) -> usize {
        AnyValue::len(self.as_str())
    }

    fn write(&self, to: &mut Vec<u8>) {
        self.as_str().write(to);
    }
}

impl AnyValue for bool {
    fn len(&self) -> usize {
        2
    }

    fn write(&self, to: &mut Vec<u8>) {
        key(2, VARINT, to);
        to.push(u8::from(*self));
    }
}

impl AnyValue for i64 {
    fn len(&self) -> usize {
        1 + varint_len(*self as u64)
    }

    fn write(&self, to: &mut Vec<u8>) {
        key(3, VARINT, to);
        varint(*self as u64, to);
    }
}

impl AnyValue for f64 {
    fn len(&self) -> usize {
        9
    }

    fn write(&self, to: &mut Vec<u8>) {
        key(4, FIXED64, to);
        to.extend_from_slice(&self.to_le_bytes());
    }
}

/// An `ArrayValue`.
impl<T: AnyValue> AnyValue for [T] {
    fn len(&self) -> usize {
        framed(5, values_len(self))
    }

    fn write(&self, to: &mut Vec<u8>) {
        open(5, values_len(self), to);
        for value in self {
            open(1, value.len(), to);
            value.write(to);
        }
    }
}

fn values_len<T: AnyValue>(values: &[T]) -> usize {
    values.iter().map(|value| framed(1, value.len())).sum()
}

// The wire format: a field is its key, which is its number with the type of what follows, and its value.

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LEN: u32 = 2;
const FIXED32: u32 = 5;

/// A field that holds a message; for its length there is room of so many bytes, which the content is moved to change.
fn message<const ROOM: usize>(tag: u32, to: &mut Vec<u8>, content: impl FnOnce(&mut Vec<u8>)) {
    key(tag, LEN, to);
    let at = to.len();
    to.extend_from_slice(&[0; ROOM]);
    content(to);
    let start = at + ROOM;
    let len = to.len() - start;
    let width = varint_len(len as u64);
    if width != ROOM {
        let end = to.len();
        to.resize(end.max(end + width - ROOM), 0);
        to.copy_within(start..end, at + width);
        to.truncate(end + width - ROOM);
    }
    let mut rest = len;
    for (index, byte) in to[at..at + width].iter_mut().enumerate() {
        let more = if index + 1 < width { 0x80 } else { 0 };
        *byte = (rest & 0x7f) as u8 | more;
        rest >>= 7;
    }
}

#[inline]
fn text(tag: u32, value: &str, to: &mut Vec<u8>) {
    if !value.is_empty() {
        bytes(tag, value.as_bytes(), to);
    }
}

#[inline]
fn id<const LEN: usize>(tag: u32, value: [u8; LEN], to: &mut Vec<u8>) {
    open(tag, LEN, to);
    to.extend_from_slice(&value);
}

#[inline]
fn bytes(tag: u32, value: &[u8], to: &mut Vec<u8>) {
    open(tag, value.len(), to);
    to.extend_from_slice(value);
}

#[inline]
fn number(tag: u32, value: u32, to: &mut Vec<u8>) {
    if value != 0 {
        key(tag, VARINT, to);
        varint(value.into(), to);
    }
}

#[inline]
fn fixed32(tag: u32, value: u32, to: &mut Vec<u8>) {
    if value != 0 {
        key(tag, FIXED32, to);
        to.extend_from_slice(&value.to_le_bytes());
    }
}

#[inline]
fn fixed64(tag: u32, value: u64, to: &mut Vec<u8>) {
    if value != 0 {
        key(tag, FIXED64, to);
        to.extend_from_slice(&value.to_le_bytes());
    }
}

/// A field's key and length, before its content.
#[inline]
fn open(tag: u32, len: usize, to: &mut Vec<u8>) {
    // Both are a byte nearly always, and then written at once.
    match (u8::try_from(tag << 3 | LEN), u8::try_from(len)) {
        (Ok(key @ ..0x80), Ok(len @ ..0x80)) => to.extend_from_slice(&[key, len]),
        _ => {
            key(tag, LEN, to);
            varint(len as u64, to);
        }
    }
}

/// The size of a field with its key and length.
#[inline]
fn framed(tag: u32, len: usize) -> usize {
    varint_len(u64::from(tag) << 3) + varint_len(len as u64) + len
}

#[inline]
fn key(tag: u32, kind: u32, to: &mut Vec<u8>) {
    varint(u64::from(tag << 3 | kind), to);
}

#[inline]
fn varint(mut value: u64, to: &mut Vec<u8>) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

#[inline]
fn varint_len(value: u64) -> usize {
    // Seven bits a byte, and one byte for zero: 9/64 is close enough to 1/7 over these bits.
    ((value | 1).ilog2() as usize * 9 + 73) / 64
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use opentelemetry::trace::Status;
    use opentelemetry_proto::tonic::resource::v1::Resource as ProtoResource;
    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
    use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
    use proptest::prelude::*;
    use prost::Message;

    use super::super::otlp_fields::arbitrary;
    use super::*;
    use crate::test_span;

    fn encoded(span: &SpanData) -> Vec<u8> {
        let mut bytes = Vec::new();
        super::span(span, None, &mut bytes);
        bytes
    }

    fn decoded(span: &SpanData) -> Span {
        ScopeSpans::decode(&*encoded(span)).unwrap().spans.remove(0)
    }

    /// By way of `opentelemetry-proto` and prost.
    fn reference(span: SpanData) -> Vec<u8> {
        ScopeSpans { spans: vec![span.into()], ..ScopeSpans::default() }.encode_to_vec()
    }

    proptest! {
        /// So they decode to the same, too.
        #[test]
        fn a_span_is_the_bytes_of_the_reference(span in arbitrary::span(&arbitrary::double())) {
            prop_assert_eq!(encoded(&span), reference(span));
        }

        #[test]
        fn a_scope_is_the_bytes_of_the_reference(scope in arbitrary::scope()) {
            let expected = ScopeSpans {
                scope: Some((&scope, None).into()),
                spans: Vec::new(),
                schema_url: scope.schema_url().unwrap_or_default().to_owned(),
            };
            prop_assert_eq!(super::scope(&scope), expected.encode_to_vec());
        }

        #[test]
        fn a_resource_is_the_bytes_of_the_reference_with_its_keys_in_order(resource in arbitrary::resource()) {
            let ResourceAttributesWithSchema { attributes, schema_url } = (&resource).into();
            let mut attributes = attributes.0;
            attributes.sort_by(|a, b| a.key.cmp(&b.key));
            let expected = ResourceSpans {
                resource: Some(ProtoResource { attributes, ..ProtoResource::default() }),
                scope_spans: Vec::new(),
                schema_url: schema_url.unwrap_or_default(),
            };
            prop_assert_eq!(super::resource(&resource), expected.encode_to_vec());
        }
    }

    /// Of the span and of an event in it, whose content then has to be moved.
    #[test]
    fn lengths_take_the_bytes_they_need() {
        for bits in [7, 14, 21] {
            for len in (1_usize << bits) - 60..(1 << bits) + 2 {
                let text = "x".repeat(len);
                let mut span = SpanData { name: "GET".into(), ..test_span::empty() };
                span.events.events = vec![Event::new(text, UNIX_EPOCH, Vec::new(), 0)];
                span.status = Status::Ok;
                assert_eq!(encoded(&span), reference(span), "{len}");
            }
        }
    }

    #[test]
    fn spans_follow_each_other() {
        let (a, b) = (test_span::empty(), SpanData { name: "b".into(), ..test_span::empty() });
        let mut bytes = encoded(&a);
        super::span(&b, None, &mut bytes);
        assert_eq!(ScopeSpans::decode(&*bytes).unwrap().spans, [Span::from(a), Span::from(b)]);
    }

    #[test]
    fn a_time_beyond_the_range_is_its_end() {
        #[track_caller]
        fn check(time: SystemTime, expected: u64) {
            let mut span = SpanData { start_time: time, end_time: time, ..test_span::empty() };
            span.events.events = vec![Event::new("log", time, Vec::new(), 0)];
            let span = decoded(&span);
            let times = [span.start_time_unix_nano, span.end_time_unix_nano, span.events[0].time_unix_nano];
            assert_eq!(times, [expected; 3]);
        }
        let last = UNIX_EPOCH + Duration::from_nanos(u64::MAX);
        check(UNIX_EPOCH - Duration::from_nanos(1), 0);
        check(last, u64::MAX);
        check(last + Duration::from_nanos(1), u64::MAX);
        check(UNIX_EPOCH + Duration::from_secs(1 << 40), u64::MAX);
    }
}
