//! The fields of `tracing`'s spans and events: as they are recorded, and what they mean.

use std::borrow::Cow;

use opentelemetry::trace::SpanKind;
use opentelemetry::{Key, KeyValue, Value};
use otelbar_convert::panel_data::Entry;
use otelbar_convert::redact::REDACTED;

/// Fields, one behind the other, and likewise their texts.
#[derive(Debug, Default)]
pub(crate) struct FieldList {
    fields: Vec<RecordedField>,
    texts: String,
}

#[derive(Clone, Copy, Debug)]
struct RecordedField {
    name: &'static str,
    value: RecordedValue,
}

/// A value of a field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RecordedValue {
    Bool(bool),
    I64(i64),
    F64(f64),
    /// A text of so many bytes.
    Text(u32),
    /// What was there is a secret.
    Redacted,
}

/// How much of a list something has.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extent {
    fields: u32,
    texts: u32,
}

impl Extent {
    pub(super) fn add(&mut self, other: Extent) {
        self.fields += other.fields;
        self.texts += other.texts;
    }
}

impl FieldList {
    pub(crate) fn push(&mut self, name: &'static str, value: RecordedValue) {
        self.fields.push(RecordedField { name, value });
    }

    pub(crate) fn push_text(&mut self, name: &'static str, text: &str) {
        self.texts.push_str(text);
        self.push(name, RecordedValue::Text(text.len() as u32));
    }

    /// Takes the fields of another list in, behind its own.
    pub(super) fn append(&mut self, other: &FieldList) -> Extent {
        self.fields.extend_from_slice(&other.fields);
        self.texts.push_str(&other.texts);
        Extent { fields: other.fields.len() as u32, texts: other.texts.len() as u32 }
    }

    /// Forgets them, and keeps room for the next.
    pub(crate) fn clear(&mut self) {
        /// What is kept, in fields and in bytes of text.
        const ROOM: (usize, usize) = (64, 4 * 1024);
        self.fields.clear();
        self.fields.shrink_to(ROOM.0);
        self.texts.clear();
        self.texts.shrink_to(ROOM.1);
    }

    pub(crate) fn iter(&self) -> Fields<'_> {
        Fields { fields: &self.fields, texts: &self.texts }
    }

    /// Roughly the bytes that it holds.
    pub(super) fn bytes(&self) -> usize {
        self.fields.capacity() * size_of::<RecordedField>() + self.texts.capacity()
    }
}

/// Goes through fields.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'l> {
    fields: &'l [RecordedField],
    texts: &'l str,
}

/// A field's value, with its text.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FieldValue<'l> {
    Text(&'l str),
    Other(RecordedValue),
}

impl<'l> Fields<'l> {
    /// Those at the front, and moves on behind them.
    pub(super) fn split_off(&mut self, extent: Extent) -> Fields<'l> {
        let (fields, rest) = self.fields.split_at(extent.fields as usize);
        let (texts, other_texts) = self.texts.split_at(extent.texts as usize);
        *self = Fields { fields: rest, texts: other_texts };
        Fields { fields, texts }
    }

    /// The error among the fields of an event, under one of the names that are common for it.
    pub(crate) fn error(&self) -> Option<Cow<'l, str>> {
        let mut fields = self.clone();
        let (_, value) = fields.find(|(name, _)| ERROR_NAMES.contains(name))?;
        Some(match value {
            FieldValue::Text(text) => Cow::Borrowed(text),
            FieldValue::Other(value) => Cow::Owned(value.into_value().as_str().into_owned()),
        })
    }
}

const ERROR_NAMES: [&str; 3] = ["error", "err", "exception"];

impl<'l> Iterator for Fields<'l> {
    type Item = (&'static str, FieldValue<'l>);

    fn next(&mut self) -> Option<Self::Item> {
        let (first, rest) = self.fields.split_first()?;
        self.fields = rest;
        let value = match first.value {
            RecordedValue::Text(length) => {
                let (text, rest) = self.texts.split_at(length as usize);
                self.texts = rest;
                FieldValue::Text(text)
            }
            other => FieldValue::Other(other),
        };
        Some((first.name, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.fields.len(), Some(self.fields.len()))
    }
}

impl RecordedValue {
    fn into_value(self) -> Value {
        match self {
            RecordedValue::Bool(value) => Value::Bool(value),
            RecordedValue::I64(value) => Value::I64(value),
            RecordedValue::F64(value) => Value::F64(value),
            RecordedValue::Text(_) | RecordedValue::Redacted => Value::from(REDACTED),
        }
    }
}

/// What fields mean.
///
/// Those that steer OpenTelemetry (`otel.name`, `otel.kind`, `otel.status_code`, `otel.status_description`) are taken as
/// that, those that the `log` crate's records carry give the record's origin, and the rest become attributes.
#[derive(Debug, Default)]
pub(super) struct Meaning {
    pub(super) attributes: Vec<KeyValue>,
    pub(super) message: Option<String>,
    pub(super) name: Option<String>,
    pub(super) kind: Option<SpanKind>,
    pub(super) status: FieldStatus,
    pub(super) log_target: Option<String>,
    pub(super) log_file: Option<String>,
    pub(super) log_line: Option<u32>,
}

impl Meaning {
    pub(super) fn of(fields: Fields<'_>) -> Self {
        let mut meaning =
            Meaning { attributes: Vec::with_capacity(fields.size_hint().0), ..Meaning::default() };
        for (name, value) in fields {
            match value {
                FieldValue::Text(text) => meaning.take_text(name, text),
                FieldValue::Other(RecordedValue::I64(line)) if name == "log.line" => {
                    meaning.log_line = u32::try_from(line).ok();
                }
                FieldValue::Other(value) => meaning.push(name, value.into_value()),
            }
        }
        meaning
    }

    fn take_text(&mut self, name: &'static str, text: &str) {
        match name {
            "message" => self.message = Some(text.to_owned()),
            "otel.name" => self.name = Some(text.to_owned()),
            "otel.kind" => self.kind = kind(text),
            "otel.status_code" => self.status.code = Code::of(text),
            "otel.status_description" | "otel.status_message" => {
                self.status.description = Some(text.to_owned());
            }
            "log.target" => self.log_target = Some(text.to_owned()),
            "log.file" => self.log_file = Some(text.to_owned()),
            name => self.push(name, Value::from(text.to_owned())),
        }
    }

    fn push(&mut self, name: &'static str, value: Value) {
        self.attributes.push(KeyValue::new(Key::from_static_str(name), value));
    }

    /// Takes a field `message` for what it is in a span: a field like any other.
    pub(super) fn keep_message(&mut self) {
        if let Some(message) = self.message.take() {
            self.push("message", Value::from(message));
        }
    }

    /// What an event says: its message, or else the error that it has as a field.
    pub(super) fn said(&mut self) -> Option<String> {
        self.message.take().or_else(|| {
            let is_error = |attribute: &&KeyValue| ERROR_NAMES.contains(&attribute.key.as_str());
            let error = self.attributes.iter().find(is_error)?;
            Some(error.value.as_str().into_owned())
        })
    }
}

/// What the fields of a span say of its status: `otel.status_code` and `otel.status_description`.
#[derive(Debug, Default)]
pub(super) struct FieldStatus {
    code: Option<Code>,
    description: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    Ok,
    Error,
}

impl Code {
    /// `unset` and what is not known say nothing.
    fn of(text: &str) -> Option<Code> {
        let codes = [("ok", Code::Ok), ("error", Code::Error)];
        codes.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, code)| code)
    }
}

impl FieldStatus {
    pub(super) fn says_something(&self) -> bool {
        self.code.is_some() || self.description.is_some()
    }

    /// A description that came before its code.
    pub(super) fn waiting(&self) -> Option<&String> {
        self.description.as_ref().filter(|_| self.code.is_none())
    }

    pub(super) fn add_waiting(&mut self, waiting: String) {
        self.description.get_or_insert(waiting);
    }

    /// A description is that of an error: it has an effect where the span is in error, by this call or an earlier one.
    pub(super) fn apply(&self, entry: &mut Entry) {
        match self.code {
            Some(Code::Ok) => {
                entry.error = None;
                entry.details_mut().ok = true;
            }
            Some(Code::Error) => {
                entry.error = Some(self.description.clone().unwrap_or_default().into());
                if let Some(details) = &mut entry.details {
                    details.ok = false;
                }
            }
            None => {
                if let (Some(error), Some(description)) = (&mut entry.error, &self.description) {
                    *error = description.clone().into();
                }
            }
        }
    }
}

fn kind(text: &str) -> Option<SpanKind> {
    let kinds = [
        ("server", SpanKind::Server),
        ("client", SpanKind::Client),
        ("producer", SpanKind::Producer),
        ("consumer", SpanKind::Consumer),
        ("internal", SpanKind::Internal),
    ];
    kinds.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, kind)| kind)
}
