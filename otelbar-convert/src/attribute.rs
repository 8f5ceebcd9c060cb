//! Looking attributes up by their name.

use opentelemetry::{KeyValue, Value};

/// The value of the attribute of this name, of several the first.
pub(crate) fn find<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    attributes.iter().find(|attribute| attribute.key.as_str() == key).map(|attribute| &attribute.value)
}

/// The same, if it is a text.
pub(crate) fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    match find(attributes, key) {
        Some(Value::String(text)) => Some(text.as_str()),
        _ => None,
    }
}
