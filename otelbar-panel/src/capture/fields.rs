use std::borrow::Cow;
use std::fmt;

use opentelemetry::trace::SpanKind;
use opentelemetry::{Key, KeyValue, Value};
use otelbar_convert::panel_data::Entry;
use otelbar_convert::redact::{REDACTED, Redactor};
use otelbar_convert::{semconv, sql};
use tracing::field::{Field, Visit};

use super::libraries;
use crate::text;

/// Collects the fields of a `tracing` span or event.
///
/// Fields that steer OpenTelemetry (`otel.name`, `otel.kind`, `otel.status_code`, `otel.status_description`) are taken
/// as that, those that the `log` crate's records carry give the record's origin, and the rest become attributes. A
/// sensitive field's value is not even formatted, and the secrets in other texts are replaced.
pub(crate) struct Fields<'r> {
    redactor: &'r Redactor,
    pub(crate) attributes: Vec<KeyValue>,
    pub(crate) message: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) kind: Option<SpanKind>,
    code: Option<Code>,
    description: Option<String>,
    pub(crate) log_target: Option<String>,
    pub(crate) log_file: Option<String>,
    pub(crate) log_line: Option<u32>,
}

impl<'r> Fields<'r> {
    pub(crate) fn new(redactor: &'r Redactor, room: usize) -> Self {
        Fields {
            redactor,
            attributes: Vec::with_capacity(room),
            message: None,
            name: None,
            kind: None,
            code: None,
            description: None,
            log_target: None,
            log_file: None,
            log_line: None,
        }
    }

    /// What the fields say of the span's status.
    pub(crate) fn status(&mut self) -> FieldStatus {
        FieldStatus { code: self.code.take(), description: self.description.take() }
    }

    /// Takes a field `message` for what it is in a span: a field like any other.
    pub(crate) fn keep_message(&mut self) {
        if let Some(message) = self.message.take() {
            self.push("message", Value::from(message));
        }
    }

    fn text(&mut self, field: &Field, text: impl FnOnce() -> String) {
        match field.name() {
            "message" => self.message = Some(self.clean(text())),
            "otel.name" => self.name = Some(self.clean(text())),
            "otel.kind" => self.kind = kind(&text()),
            "otel.status_code" => self.code = Code::of(&text()),
            "otel.status_description" | "otel.status_message" => self.description = Some(self.clean(text())),
            "log.target" => self.log_target = Some(text()),
            "log.file" => self.log_file = Some(text()),
            "log.module_path" => {}
            libraries::MYSQL_PARAMETERS => {}
            libraries::MYSQL_STATEMENT => self.statement("mysql", &text()),
            name if self.redactor.is_sensitive_field(name) => self.push(name, Value::from(REDACTED)),
            name => {
                let text = text();
                let value = match self.redactor.value(name, &text) {
                    Cow::Owned(clean) => Value::from(clean),
                    Cow::Borrowed(_) => Value::from(text),
                };
                self.push(name, value);
            }
        }
    }

    /// Takes the statement of a span that stands for a query.
    fn statement(&mut self, system: &'static str, statement: &str) {
        let statement = sql::describe(statement, sql::System::from_name(system));
        self.push(semconv::DB_QUERY_TEXT, Value::from(statement.text.into_owned()));
        self.push(semconv::DB_SYSTEM_NAME, Value::from(system));
    }

    fn clean(&self, text: String) -> String {
        self.redactor.cleaned(text).into_owned()
    }

    fn number(&mut self, field: &Field, value: impl Into<Value>) {
        let name = field.name();
        let value =
            if self.redactor.is_sensitive_number(name) { Value::from(REDACTED) } else { value.into() };
        self.push(name, value);
    }

    fn push(&mut self, name: &'static str, value: Value) {
        self.attributes.push(KeyValue::new(Key::from_static_str(name), value));
    }
}

/// What the fields of a span say of its status: `otel.status_code` and `otel.status_description`.
#[derive(Debug)]
pub(crate) struct FieldStatus {
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
    pub(crate) fn says_something(&self) -> bool {
        self.code.is_some() || self.description.is_some()
    }

    /// A description that came before its code.
    pub(crate) fn waiting(&self) -> Option<String> {
        self.description.clone().filter(|_| self.code.is_none())
    }

    pub(crate) fn add_waiting(&mut self, waiting: &Option<String>) {
        if self.description.is_none() {
            self.description.clone_from(waiting);
        }
    }

    /// A description is that of an error: it has an effect where the span is in error, by this call or an earlier one.
    pub(crate) fn apply(&self, entry: &mut Entry) {
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

/// The error among the fields of an event, under one of the names that are common for it.
pub(crate) fn error_of(attributes: &[KeyValue]) -> Option<&Value> {
    let names = ["error", "err", "exception"];
    attributes
        .iter()
        .find(|attribute| names.contains(&attribute.key.as_str()))
        .map(|attribute| &attribute.value)
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.number(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "log.line" {
            self.log_line = u32::try_from(value).ok();
            return;
        }
        match i64::try_from(value) {
            Ok(value) => self.number(field, value),
            // OpenTelemetry knows signed 64 bits alone; text keeps the digits.
            Err(_) => self.text(field, || value.to_string()),
        }
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        match i64::try_from(value) {
            Ok(value) => self.number(field, value),
            Err(_) => self.text(field, || value.to_string()),
        }
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        match i64::try_from(value) {
            Ok(value) => self.number(field, value),
            Err(_) => self.text(field, || value.to_string()),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        // Whether there is a secret isn't one.
        self.push(field.name(), Value::from(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, || text::copied(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.text(field, || text::of_error(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, || text::formatted(format_args!("{value:?}")));
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
