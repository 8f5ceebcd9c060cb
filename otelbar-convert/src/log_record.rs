use std::borrow::Cow;
use std::time::SystemTime;

use opentelemetry::KeyValue;
use opentelemetry::trace::SpanContext;

use crate::panel_data::Level;

/// A log of a request as a record of its own, for pipelines that take logs and spans apart.
///
/// Only the loggers of `opentelemetry_sdk` can make its records. With the feature `logs`,
/// `write_to` fills in one of those.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LogRecord {
    /// When it was logged.
    pub timestamp: SystemTime,
    /// How severe it is.
    pub level: Level,
    /// `exception` where one was logged with it.
    pub event_name: Option<&'static str>,
    /// Module or logger it came from.
    pub target: Cow<'static, str>,
    /// What it says.
    pub body: Cow<'static, str>,
    /// Its fields, and its place in the code.
    pub attributes: Vec<KeyValue>,
    /// The span it was logged in.
    pub span_context: SpanContext,
}

#[cfg(feature = "logs")]
impl LogRecord {
    /// Fills in a record that a logger has made.
    pub fn write_to(&self, record: &mut impl opentelemetry::logs::LogRecord) {
        use opentelemetry::logs::{AnyValue, Severity};

        record.set_timestamp(self.timestamp);
        record.set_severity_number(match self.level {
            Level::Trace => Severity::Trace,
            Level::Debug => Severity::Debug,
            Level::Info => Severity::Info,
            Level::Warn => Severity::Warn,
            Level::Error => Severity::Error,
            Level::Fatal => Severity::Fatal,
        });
        record.set_severity_text(self.level.as_str());
        if let Some(name) = self.event_name {
            record.set_event_name(name);
        }
        if !self.target.is_empty() {
            record.set_target(self.target.clone());
        }
        record.set_body(AnyValue::from(self.body.clone().into_owned()));
        for attribute in &self.attributes {
            record.add_attribute(attribute.key.clone(), any_value(&attribute.value));
        }
        record.set_trace_context(
            self.span_context.trace_id(),
            self.span_context.span_id(),
            Some(self.span_context.trace_flags()),
        );
    }
}

#[cfg(feature = "logs")]
fn any_value(value: &opentelemetry::Value) -> opentelemetry::logs::AnyValue {
    use opentelemetry::logs::AnyValue;
    use opentelemetry::{Array, Value};

    fn list<T: Clone + Into<AnyValue>>(values: &[T]) -> AnyValue {
        AnyValue::ListAny(Box::new(values.iter().cloned().map(Into::into).collect()))
    }
    match value {
        Value::Bool(value) => AnyValue::Boolean(*value),
        Value::I64(value) => AnyValue::Int(*value),
        Value::F64(value) => AnyValue::Double(*value),
        Value::String(value) => AnyValue::String(value.clone()),
        Value::Array(Array::Bool(values)) => list(values),
        Value::Array(Array::I64(values)) => list(values),
        Value::Array(Array::F64(values)) => list(values),
        Value::Array(Array::String(values)) => list(values),
        other => AnyValue::from(other.to_string()),
    }
}
