//! The protobuf encoding of OTLP.
//!
//! The lists of scopes and of spans are written by hand around what is encoded already; a message's fields may
//! come in any order.

use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};

use super::proto::{resource_message, scope_message, span_message};
use super::{ResourceGroup, ScopeGroup};

/// `ExportTraceServiceRequest.resource_spans`.
const RESOURCE_SPANS: u32 = 1;
/// `ResourceSpans.scope_spans`.
const SCOPE_SPANS: u32 = 2;
/// `ScopeSpans.spans`.
const SPANS: u32 = 2;

pub(super) fn span(span: &SpanData, to: &mut Vec<u8>) {
    prost::encoding::message::encode(SPANS, &span_message(span), to);
}

pub(super) fn resource(resource: &Resource) -> Vec<u8> {
    resource_message(resource).encode_to_vec()
}

pub(super) fn scope(scope: &InstrumentationScope) -> Vec<u8> {
    scope_message(scope).encode_to_vec()
}

pub(super) fn request(groups: &[ResourceGroup]) -> Vec<u8> {
    let mut body =
        Vec::with_capacity(groups.iter().map(|group| framed(RESOURCE_SPANS, group_len(group))).sum());
    for group in groups {
        open(RESOURCE_SPANS, group_len(group), &mut body);
        body.extend_from_slice(&group.head);
        for scope in &group.scopes {
            open(SCOPE_SPANS, scope_len(scope), &mut body);
            body.extend_from_slice(&scope.head);
            body.extend_from_slice(&scope.spans);
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

/// A field's tag and length, before its content.
fn open(tag: u32, len: usize, to: &mut Vec<u8>) {
    encode_key(tag, WireType::LengthDelimited, to);
    encode_varint(len as u64, to);
}

/// The size of a field with its tag and length.
fn framed(tag: u32, len: usize) -> usize {
    key_len(tag) + encoded_len_varint(len as u64) + len
}
