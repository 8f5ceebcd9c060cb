use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use crate::option_value::{InvalidValue, OptionValue, Rejected, sealed};
use crate::pairs;

/// Attributes of the resource beside those that have an option of their own (`OTEL_RESOURCE_ATTRIBUTES`).
///
/// A text with one entry that cannot be read is refused as a whole (OpenTelemetry specification, "Resource SDK",
/// Specifying resource information via an environment variable).
///
/// Keys are unique: the last value given for a key is kept. Where several sources give attributes
/// they are merged, and for a key that several have the strongest source counts.
///
/// ```
/// use otelbar_config::ResourceAttributes;
///
/// let attributes: ResourceAttributes = "host.name=a%2Cb,team=shop".parse()?;
/// assert_eq!(attributes.iter().next(), Some(("host.name", "a,b")));
/// # Ok::<_, otelbar_config::InvalidValue>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ResourceAttributes(Vec<(String, String)>);

impl ResourceAttributes {
    /// Attributes of keys and values as they are, without percent-encoding.
    pub fn new<K: Into<String>, V: Into<String>>(attributes: impl IntoIterator<Item = (K, V)>) -> Self {
        let mut unique: Vec<(String, String)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for (key, value) in attributes {
            let (key, value) = (key.into(), value.into());
            match places.get(&key) {
                Some(&place) => unique[place].1 = value,
                None => {
                    places.insert(key.clone(), unique.len());
                    unique.push((key, value));
                }
            }
        }
        ResourceAttributes(unique)
    }

    /// Keys and values in the order they were given.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes the value of `key` out.
    pub(crate) fn remove(&mut self, key: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| known == key)?;
        Some(self.0.remove(at).1)
    }
}

/// The name of a service that has none (semantic conventions, `service.name`).
pub(crate) fn unknown_service(executable: Option<&str>) -> String {
    match executable {
        Some(executable) => format!("unknown_service:{executable}"),
        None => "unknown_service".to_owned(),
    }
}

impl FromStr for ResourceAttributes {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        ResourceAttributes::new(pairs::parse_all(text)?).checked()
    }
}

impl sealed::Sealed for ResourceAttributes {}

impl OptionValue for ResourceAttributes {
    fn parse(text: &str) -> Result<Self, Rejected<Self>> {
        text.parse().map_err(Into::into)
    }

    fn checked(self) -> Result<Self, InvalidValue> {
        if self.0.iter().any(|(key, _)| key.is_empty()) {
            return Err(InvalidValue::new("has an empty key", "give each attribute a key"));
        }
        if self.0.iter().any(|(key, value)| key.chars().chain(value.chars()).any(char::is_control)) {
            return Err(InvalidValue::new("has control characters", "write printable text"));
        }
        Ok(self)
    }

    fn text(&self) -> String {
        pairs::write(self.iter())
    }

    fn over(self, weaker: Self) -> Self {
        ResourceAttributes::new(weaker.0.into_iter().chain(self.0))
    }
}

impl fmt::Display for ResourceAttributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl fmt::Debug for ResourceAttributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name of a service that is not printable could not be set by its own variable.
    #[test]
    fn attributes_are_printable() {
        let error = "service.name=a%0ab".parse::<ResourceAttributes>().unwrap_err();
        assert_eq!(error.problem(), "has control characters");
    }

    #[test]
    fn a_stronger_source_wins_by_key() {
        let strong: ResourceAttributes = "a=1,b=2".parse().unwrap();
        let weak: ResourceAttributes = "b=0,c=3".parse().unwrap();
        assert_eq!(strong.over(weak).text(), "b=2,c=3,a=1");
    }
}
