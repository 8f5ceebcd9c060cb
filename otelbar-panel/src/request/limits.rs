use std::borrow::Cow;

use opentelemetry::{Array, KeyValue, StringValue, Value};
use otelbar_convert::panel_data::{Entry, EntryKind, Request};

use crate::text::MAX_TEXT;

/// Bytes of one text of a request's head that are kept at most.
const MAX_HEAD_TEXT: usize = 8 * 1024;

/// How much of one request is kept. Every text that is recorded passes through here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) spans: usize,
    pub(crate) logs: usize,
    pub(crate) attributes: usize,
    /// Events of one span, in what is exported.
    pub(crate) events: usize,
    /// Characters of one text.
    pub(crate) value_length: usize,
}

impl Limits {
    /// Cuts the texts of an entry and leaves attributes out; how many were cut or left out.
    pub(crate) fn entry(&self, entry: &mut Entry) -> u32 {
        let mut cut = self.attributes(&mut entry.attributes);
        cut += self.cow(&mut entry.name);
        if let Some(error) = &mut entry.error {
            cut += self.cow(error);
        }
        cut += match &mut entry.kind {
            EntryKind::Sql(sql) => self.text(&mut sql.text),
            EntryKind::Template(template) => self.text(&mut template.name),
            EntryKind::HttpCall(call) => self.text(&mut call.url),
            EntryKind::Cache(cache) => cache.key.as_mut().map_or(0, |key| self.text(key)),
            EntryKind::Profile(profile) => self.text(&mut profile.function),
            _ => 0,
        };
        entry.dropped_attributes += cut;
        cut
    }

    /// Keeps as many attributes as there may be, and cuts their texts; how many were cut or left out.
    pub(crate) fn attributes(&self, attributes: &mut Vec<KeyValue>) -> u32 {
        let over = attributes.len().saturating_sub(self.attributes);
        attributes.truncate(self.attributes);
        let cut: u32 = attributes.iter_mut().map(|attribute| self.value(&mut attribute.value)).sum();
        u32::try_from(over).unwrap_or(u32::MAX).saturating_add(cut)
    }

    /// Cuts a text at a character's end; 1 if it was too long.
    pub(crate) fn cow(&self, text: &mut Cow<'static, str>) -> u32 {
        let Some(end) = self.end_of(text) else { return 0 };
        *text = Cow::Owned(text[..end].to_owned());
        1
    }

    pub(crate) fn value(&self, value: &mut Value) -> u32 {
        match value {
            Value::String(text) => match self.end_of(text.as_str()) {
                Some(end) => {
                    *text = StringValue::from(text.as_str()[..end].to_owned());
                    1
                }
                None => 0,
            },
            Value::Array(Array::String(texts)) => {
                let mut cut = 0;
                for text in texts {
                    if let Some(end) = self.end_of(text.as_str()) {
                        *text = StringValue::from(text.as_str()[..end].to_owned());
                        cut = 1;
                    }
                }
                cut
            }
            _ => 0,
        }
    }

    fn text(&self, text: &mut String) -> u32 {
        let Some(end) = self.end_of(text) else { return 0 };
        text.truncate(end);
        text.shrink_to_fit();
        1
    }

    /// Where a text that is too long has to end.
    fn end_of(&self, text: &str) -> Option<usize> {
        // A text of so few bytes has no more characters.
        let long = text.len() > self.value_length;
        let by_characters = long.then(|| text.char_indices().nth(self.value_length)).flatten();
        let by_bytes = (text.len() > MAX_TEXT).then(|| text.floor_char_boundary(MAX_TEXT));
        by_characters.map(|(at, _)| at).into_iter().chain(by_bytes).min()
    }
}

/// Cuts the texts of a request's head, which a server may take at any length.
pub(crate) fn limit_head(request: &mut Request) {
    let options =
        [&mut request.query, &mut request.route, &mut request.user_agent, &mut request.server_address];
    let texts = options.into_iter().flatten().chain([&mut request.method, &mut request.path]);
    for text in texts.filter(|text| text.len() > MAX_HEAD_TEXT) {
        text.truncate(text.floor_char_boundary(MAX_HEAD_TEXT));
        text.push('…');
        text.shrink_to_fit();
    }
}

/// Roughly the bytes that the texts of a request's head hold.
pub(crate) fn head_bytes(request: &Request) -> usize {
    let options = [&request.query, &request.route, &request.user_agent, &request.server_address];
    let optional: usize = options.into_iter().flatten().map(String::len).sum();
    optional + request.method.len() + request.path.len() + attribute_bytes(&request.attributes)
}

/// Roughly the bytes that an entry holds besides itself.
pub(crate) fn entry_bytes(entry: &Entry) -> usize {
    let kind = match &entry.kind {
        EntryKind::Sql(sql) => sql.text.len() + sql.system.len(),
        EntryKind::Template(template) => template.name.len(),
        EntryKind::HttpCall(call) => call.url.len() + call.method.len(),
        EntryKind::Cache(cache) => cache.key.as_ref().map_or(0, String::len) + cache.operation.len(),
        EntryKind::Profile(profile) => profile.function.len(),
        _ => 0,
    };
    kind + entry.name.len()
        + entry.error.as_ref().map_or(0, |error| error.len())
        + attribute_bytes(&entry.attributes)
}

/// Roughly the bytes that attributes hold.
pub(crate) fn attribute_bytes(attributes: &[KeyValue]) -> usize {
    let text = |attribute: &KeyValue| match &attribute.value {
        Value::String(value) => value.as_str().len(),
        Value::Array(Array::String(values)) => values.iter().map(|value| value.as_str().len()).sum(),
        _ => 0,
    };
    attributes.iter().map(text).sum::<usize>() + size_of_val(attributes)
}
