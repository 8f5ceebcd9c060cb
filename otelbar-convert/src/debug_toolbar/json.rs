//! JSON of which any part may be missing or of another type.
//!
//! Values stay text until they are asked for, so that one that cannot be read does not cost the others, and a record of many
//! megabytes takes little more memory than its text.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::losses::Losses;

/// The text of a record, as JSON.
pub(super) struct Document<'a>(Cow<'a, str>);

impl<'a> Document<'a> {
    pub(super) fn of(bytes: &'a [u8], losses: &Losses) -> serde_json::Result<Self> {
        let text = String::from_utf8_lossy(bytes);
        if let Cow::Owned(_) = text {
            losses.add("", "is not valid UTF-8; invalid bytes were replaced by U+FFFD");
        }
        let Err(error) = serde_json::from_str::<IgnoredAny>(&text) else { return Ok(Document(text)) };
        // Python writes infinite numbers and NaN as words that JSON does not have.
        match without_no_numbers(&text) {
            Some(repaired) if serde_json::from_str::<IgnoredAny>(&repaired).is_ok() => {
                losses.add("", "contains NaN or Infinity, which JSON does not allow; they were read as null");
                Ok(Document(Cow::Owned(repaired)))
            }
            _ => Err(error),
        }
    }

    pub(super) fn value(&self) -> serde_json::Result<&RawValue> {
        serde_json::from_str(&self.0)
    }
}

/// The text with `null` for `NaN`, `Infinity` and `-Infinity` outside of strings; `None` where there are none.
fn without_no_numbers(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    let mut in_string = false;
    let bytes = text.as_bytes();
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if in_string => at += 1,
            b'"' => in_string = !in_string,
            b'N' | b'I' | b'-' if !in_string => {
                let word = ["NaN", "-NaN", "Infinity", "-Infinity"]
                    .into_iter()
                    .find(|word| bytes[at..].starts_with(word.as_bytes()));
                if let Some(word) = word {
                    out.push_str(&text[copied..at]);
                    out.push_str("null");
                    copied = at + word.len();
                    at = copied - 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    (copied > 0).then(|| out + &text[copied..])
}

/// What kind of value it is, in words.
pub(super) fn kind(value: &RawValue) -> &'static str {
    match value.get().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// Where a value stands.
#[derive(Clone)]
enum Path<'p> {
    Named(String),
    Item(&'p str, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Named(path) => f.write_str(path),
            Path::Item(list, index) => write!(f, "{list}[{index}]"),
        }
    }
}

/// An object, read one field at a time. What a field holds of the wrong type counts as missing, and is reported.
pub(super) struct Object<'a, 'p> {
    path: Path<'p>,
    fields: Fields<'a>,
    losses: &'p Losses,
}

/// A list, and where it stands.
pub(super) struct List<'a> {
    path: String,
    items: Vec<&'a RawValue>,
}

impl<'a, 'p> Object<'a, 'p> {
    pub(super) fn root(value: &'a RawValue, losses: &'p Losses) -> Option<Self> {
        let fields = serde_json::from_str(value.get()).ok()?;
        Some(Object { path: Path::Named(String::new()), fields, losses })
    }

    pub(super) fn empty(losses: &'p Losses) -> Self {
        Object { path: Path::Named(String::new()), fields: Fields(Vec::new()), losses }
    }

    /// The names of the fields, in their order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.0.iter().map(|(name, _)| &**name)
    }

    /// The names and values of the fields, in their order.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.fields.0.iter().map(|(name, value)| (&**name, *value))
    }

    /// The value, if it is there and not null. Of two fields of one name it is the later one's.
    pub(super) fn value(&self, name: &str) -> Option<&'a RawValue> {
        let (_, value) = self.fields.0.iter().rfind(|(other, _)| other == name)?;
        Some(*value).filter(|value| value.get() != "null")
    }

    pub(super) fn object(&self, name: &str) -> Option<Object<'a, 'p>> {
        let value = self.value(name)?;
        match serde_json::from_str(value.get()) {
            Ok(fields) => Some(Object { path: Path::Named(self.path_of(name)), fields, losses: self.losses }),
            Err(_) => self.wrong(name, value, "an object"),
        }
    }

    pub(super) fn list(&self, name: &str) -> Option<List<'a>> {
        let value = self.value(name)?;
        match serde_json::from_str(value.get()) {
            Ok(items) => Some(List { path: self.path_of(name), items }),
            Err(_) => self.wrong(name, value, "an array"),
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.text_of(name, self.value(name)?)
    }

    /// The text that is this value of the field of this name.
    pub(super) fn text_of(&self, name: &str, value: &RawValue) -> Option<String> {
        match text(value) {
            Some(text) => Some(text),
            None => self.wrong(name, value, "a string"),
        }
    }

    pub(super) fn number(&self, name: &str) -> Option<f64> {
        let value = self.value(name)?;
        match serde_json::from_str(value.get()) {
            Ok(number) => Some(number),
            Err(_) if kind(value) == "a number" => {
                self.lose(name, "is a number out of range");
                None
            }
            Err(_) => self.wrong(name, value, "a number"),
        }
    }

    pub(super) fn whole<T: TryFrom<u64>>(&self, name: &str) -> Option<T> {
        let value = self.value(name)?;
        let number =
            serde_json::from_str::<u64>(value.get()).ok().and_then(|number| T::try_from(number).ok());
        match number {
            Some(number) => Some(number),
            None => self.wrong(name, value, "an integer in range"),
        }
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        let value = self.value(name)?;
        match serde_json::from_str(value.get()) {
            Ok(flag) => Some(flag),
            Err(_) => self.wrong(name, value, "a boolean"),
        }
    }

    /// A duration, in seconds under this name, or in milliseconds under this name with `_ms`.
    pub(super) fn duration(&self, name: &str) -> Option<Duration> {
        self.seconds(name, 1.0).or_else(|| self.seconds(&format!("{name}_ms"), 1e-3))
    }

    fn seconds(&self, name: &str, scale: f64) -> Option<Duration> {
        let number = self.number(name)? * scale;
        let duration = Duration::try_from_secs_f64(number).ok();
        // What took longer than a century was not measured.
        let possible = duration.filter(|duration| duration.as_secs() < 3_155_760_000);
        if possible.is_none() {
            let reason = if number < 0.0 { "is a negative duration" } else { "is a duration over 100 years" };
            self.lose(name, reason);
        }
        possible
    }

    /// Reports that a field was not used.
    pub(super) fn lose(&self, name: &str, reason: impl Into<Cow<'static, str>>) {
        self.losses.add(self.path_of(name), reason);
    }

    /// Reports that the whole object was not used.
    pub(super) fn lose_all(&self, reason: impl Into<Cow<'static, str>>) {
        self.losses.add(&self.path, reason);
    }

    fn path_of(&self, name: &str) -> String {
        match &self.path {
            Path::Named(path) if path.is_empty() => name.to_owned(),
            path => format!("{path}.{name}"),
        }
    }

    fn wrong<T>(&self, name: &str, value: &RawValue, expected: &str) -> Option<T> {
        self.lose(name, format!("is {}, expected {expected}", kind(value)));
        None
    }
}

impl<'a> List<'a> {
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn values(&self) -> &[&'a RawValue] {
        &self.items
    }

    /// The objects in it; what is not an object is reported.
    pub(super) fn objects<'p>(&'p self, losses: &'p Losses) -> impl Iterator<Item = Object<'a, 'p>> {
        self.items.iter().enumerate().filter_map(move |(index, item)| {
            let path = Path::Item(&self.path, index);
            match serde_json::from_str(item.get()) {
                Ok(fields) => Some(Object { path, fields, losses }),
                Err(_) => {
                    losses.add(path, format!("is {}, expected an object", kind(item)));
                    None
                }
            }
        })
    }
}

/// A text; half of a surrogate pair, by which Python keeps bytes that are no UTF-8, becomes U+FFFD.
pub(super) fn text(value: &RawValue) -> Option<String> {
    struct Lossy(String);

    impl<'de> Deserialize<'de> for Lossy {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Bytes;
            impl Visitor<'_> for Bytes {
                type Value = Lossy;
                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("a string")
                }
                fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Lossy, E> {
                    Ok(Lossy(String::from_utf8_lossy(bytes).into_owned()))
                }
            }
            deserializer.deserialize_bytes(Bytes)
        }
    }

    if !value.get().starts_with('"') {
        return None;
    }
    let exact = serde_json::from_str::<String>(value.get());
    exact.or_else(|_| serde_json::from_str::<Lossy>(value.get()).map(|Lossy(text)| text)).ok()
}

/// The fields of an object in their order.
struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Vec<(Cow<'de, str>, &'de RawValue)>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some((Name(name), value)) = map.next_entry()? {
                    fields.push((name, value));
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(Entries).map(Fields)
    }
}

/// A field's name, without a copy where it has no escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Cow<'de, str>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }
            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(name))
            }
            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(name.to_owned()))
            }
        }
        deserializer.deserialize_str(Text).map(Name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_what_is_no_number_become_null_outside_of_strings() {
        #[track_caller]
        fn check(text: &str, expected: Option<&str>) {
            assert_eq!(without_no_numbers(text).as_deref(), expected);
        }
        check(r#"{"a":1}"#, None);
        check(r#"{"a":NaN,"b":[-Infinity,Infinity]}"#, Some(r#"{"a":null,"b":[null,null]}"#));
        check(r#"{"NaN":"Infinity \" NaN"}"#, None);
        check(r#"{"NaN \\":NaN}"#, Some(r#"{"NaN \\":null}"#));
        check("[-1,-NaN]", Some("[-1,null]"));
    }

    #[test]
    fn half_a_surrogate_pair_is_replaced() {
        let check = |json: &str, expected: Option<&str>| {
            assert_eq!(text(serde_json::from_str(json).unwrap()).as_deref(), expected);
        };
        check(r#""caf\u00e9""#, Some("café"));
        check(r#""a\udcffb""#, Some("a\u{fffd}\u{fffd}\u{fffd}b"));
        check("7", None);
    }
}
