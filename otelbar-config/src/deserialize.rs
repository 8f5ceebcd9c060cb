//! A builder from a map of options, wherever it is written.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::builder::Builder;

/// Reads a map whose keys are the names of [`OPTIONS`](crate::OPTIONS): a section of the application's own
/// configuration file. Values are texts, numbers, booleans or lists of them. What is wrong with an option is
/// reported by [`build`](Builder::build), with all else.
///
/// ```
/// use otelbar_config::Builder;
///
/// let section = r#"{"service_name": "shop", "max_requests": 50, "capture": ["sql", "log"]}"#;
/// let config = serde_json::from_str::<Builder>(section)?.build()?;
/// assert_eq!((config.service_name(), config.max_requests()), ("shop", 50));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
impl<'de> Deserialize<'de> for Builder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Options)
    }
}

struct Options;

impl<'de> Visitor<'de> for Options {
    type Value = Builder;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map from names of options to their values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Builder, A::Error> {
        let mut builder = Builder::default();
        while let Some((option, text)) = map.next_entry::<String, Text>()? {
            if let Some(text) = text.0 {
                builder = builder.set(&option, &text);
            }
        }
        Ok(builder)
    }
}

/// A value as it would be written in a variable; `None` for null.
struct Text(Option<String>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Value)
    }
}

struct Value;

impl<'de> Visitor<'de> for Value {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, a boolean or a list of them")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Text, E> {
        Ok(Text(Some(value.to_string())))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Text, E> {
        Ok(Text(Some(value.to_string())))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Text, E> {
        Ok(Text(Some(value.to_string())))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Text, E> {
        Ok(Text(Some(value.to_string())))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Text, E> {
        Ok(Text(Some(value.to_owned())))
    }

    fn visit_unit<E: Error>(self) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_none<E: Error>(self) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Text, D::Error> {
        Text::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Text, A::Error> {
        let mut words = Vec::new();
        while let Some(Text(word)) = seq.next_element()? {
            words.extend(word);
        }
        Ok(Text(Some(if words.is_empty() { crate::option_value::NONE.to_owned() } else { words.join(",") })))
    }
}
