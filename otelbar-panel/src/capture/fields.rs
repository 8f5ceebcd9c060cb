use std::cell::RefCell;
use std::fmt;

use otelbar_convert::redact::Redactor;
use otelbar_convert::{semconv, sql};
use tracing::field::{Field, Visit};

use super::libraries;
use crate::record::{FieldList, RecordedValue};
use crate::text;

thread_local! {
    /// Where fields are collected. Not borrowed while they are, for a value's own code may record something.
    static LIST: RefCell<FieldList> = RefCell::default();
}

/// Lends a list for fields to be collected in. They are formatted by the application's code, so no lock may be held.
pub(super) fn with_list<T>(collect: impl FnOnce(&mut FieldList) -> T) -> T {
    let mut list = LIST.try_with(|list| std::mem::take(&mut *list.borrow_mut())).unwrap_or_default();
    let collected = collect(&mut list);
    list.clear();
    let _ = LIST.try_with(|kept| *kept.borrow_mut() = list);
    collected
}

/// Collects what `record` visits, and hands it over.
pub(super) fn collect<T>(
    redactor: &Redactor,
    record: impl FnOnce(&mut FieldCollector<'_>),
    take: impl FnOnce(&FieldList) -> T,
) -> T {
    with_list(|list| {
        record(&mut FieldCollector { redactor, list });
        take(list)
    })
}

/// Collects the fields of a `tracing` span or event. A sensitive field's value is not even formatted, and the secrets in
/// other texts are replaced.
pub(super) struct FieldCollector<'c> {
    redactor: &'c Redactor,
    list: &'c mut FieldList,
}

/// What becomes of a field that is a text.
enum Reading {
    Nothing,
    /// It says something of the record itself, and is taken as it is.
    Word,
    /// It holds a text for people.
    Message,
    /// The statement of a span that stands for a query, in this database.
    Statement(&'static str),
    Value,
}

impl FieldCollector<'_> {
    /// Takes a text in, which `write` hands to what it is given.
    fn text(&mut self, field: &Field, write: impl FnOnce(&mut dyn FnMut(&str))) {
        let name = field.name();
        let reading = match name {
            "message" | "otel.name" | "otel.status_description" | "otel.status_message" => Reading::Message,
            "otel.kind" | "otel.status_code" | "log.target" | "log.file" => Reading::Word,
            "log.module_path" | libraries::MYSQL_PARAMETERS => Reading::Nothing,
            libraries::MYSQL_STATEMENT => Reading::Statement("mysql"),
            name if self.redactor.is_sensitive_field(name) => {
                self.list.push(name, RecordedValue::Redacted);
                Reading::Nothing
            }
            _ => Reading::Value,
        };
        let Self { redactor, list } = self;
        match reading {
            Reading::Nothing => {}
            Reading::Word => write(&mut |text| list.push_text(name, text)),
            Reading::Message => write(&mut |text| list.push_text(name, &redactor.text(text))),
            Reading::Value => write(&mut |text| list.push_text(name, &redactor.value(name, text))),
            Reading::Statement(system) => write(&mut |text| {
                let statement = sql::describe(text, sql::System::from_name(system));
                list.push_text(semconv::DB_QUERY_TEXT, &statement.text);
                list.push_text(semconv::DB_SYSTEM_NAME, system);
            }),
        }
    }

    fn number(&mut self, field: &Field, value: RecordedValue) {
        let name = field.name();
        let is_secret = self.redactor.is_sensitive_number(name);
        self.list.push(name, if is_secret { RecordedValue::Redacted } else { value });
    }

    /// Takes an integer in. OpenTelemetry knows signed 64 bits alone; text keeps the digits of others.
    fn integer<N: Copy + fmt::Display>(&mut self, field: &Field, value: N)
    where
        i64: TryFrom<N>,
    {
        match i64::try_from(value) {
            Ok(value) => self.number(field, RecordedValue::I64(value)),
            Err(_) => self.text(field, |take| take(&value.to_string())),
        }
    }
}

impl Visit for FieldCollector<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.number(field, RecordedValue::F64(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, RecordedValue::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.integer(field, value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.integer(field, value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.integer(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        // Whether there is a secret isn't one.
        self.list.push(field.name(), RecordedValue::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, |take| take(text::bounded_str(value)));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.text(field, |take| text::with_error(value, take));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, |take| text::with_formatted(format_args!("{value:?}"), take));
    }
}
