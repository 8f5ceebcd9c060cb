//! A JSON object that is read field by field.

use serde_json::{Map, Value};

/// What is wrong, with the field's name.
pub(super) type Result<T> = std::result::Result<T, String>;

/// An object of which absent and null fields hold their default.
#[derive(Clone, Copy)]
pub(super) struct Object<'a>(&'a Map<String, Value>);

impl<'a> Object<'a> {
    pub(super) fn of(value: &'a Value, name: &str) -> Result<Self> {
        value.as_object().map(Self).ok_or_else(|| format!("{name} is no object: {value}"))
    }

    pub(super) fn field(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// The fields that are none of these.
    pub(super) fn others(&self, known: &[&str]) -> impl Iterator<Item = (&'a String, &'a Value)> {
        self.0.iter().filter(|(name, _)| !known.contains(&name.as_str()))
    }

    pub(super) fn read<T>(&self, name: &str, read: impl FnOnce(&'a Value) -> Option<T>) -> Result<Option<T>> {
        let Some(value) = self.field(name) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| format!("{name} cannot be {value}"))
    }

    pub(super) fn text(&self, name: &str) -> Result<String> {
        Ok(self.read(name, Value::as_str)?.unwrap_or_default().to_owned())
    }

    pub(super) fn id(&self, name: &str, bytes: usize) -> Result<Vec<u8>> {
        let read = |value: &Value| {
            let digits = value.as_str()?;
            let id: Vec<u8> = digits
                .as_bytes()
                .chunks(2)
                .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
                .collect::<Option<_>>()?;
            let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            (digits.is_empty() || (is_hex && digits.len() == 2 * bytes)).then_some(id)
        };
        Ok(self.read(name, read)?.unwrap_or_default())
    }

    pub(super) fn nanos(&self, name: &str) -> Result<u64> {
        let read = |value: &Value| match value {
            Value::String(text) => text.parse().ok(),
            value => value.as_u64(),
        };
        Ok(self.read(name, read)?.unwrap_or_default())
    }

    /// A 32-bit integer, or an enumeration.
    pub(super) fn number<T: TryFrom<i64> + Default>(&self, name: &str) -> Result<T> {
        Ok(self.read(name, |value| value.as_i64()?.try_into().ok())?.unwrap_or_default())
    }

    pub(super) fn list<T>(
        &self,
        name: &str,
        mut read: impl FnMut(Object<'a>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let items = self.read(name, Value::as_array)?.map(Vec::as_slice).unwrap_or_default();
        items.iter().map(|item| Object::of(item, name).and_then(&mut read)).collect()
    }

    pub(super) fn object<T>(
        &self,
        name: &str,
        read: impl FnOnce(Object<'a>) -> Result<T>,
    ) -> Result<Option<T>> {
        self.field(name).map(|value| Object::of(value, name).and_then(read)).transpose()
    }
}
