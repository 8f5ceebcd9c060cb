//! `key=value,key=value` with percent-encoding: the syntax that header lists and resource attributes share.
//!
//! It is W3C Baggage without properties (OpenTelemetry specification, "Environment Variable Specification").

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::value::InvalidValue;

/// What is written as it is: letters, digits and what is common in keys and values without being syntax.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'/')
    .remove(b':')
    .remove(b'@')
    .remove(b'*');

/// Reads the pairs in order. Errors name the entry by its number, since its text may be secret.
pub(crate) fn parse(text: &str) -> Result<Vec<(String, String)>, InvalidValue> {
    let mut pairs = Vec::new();
    for (index, entry) in text.split(',').enumerate() {
        let entry = entry.trim();
        if entry.is_empty() {
            continue;
        }
        let number = index + 1;
        let (key, value) = entry.split_once('=').ok_or_else(|| {
            InvalidValue::new(format!("entry {number} has no `=`"), "write key=value,key=value")
        })?;
        let key = decode(key.trim(), number)?;
        if key.is_empty() {
            return Err(InvalidValue::new(format!("entry {number} has no key"), "write key=value,key=value"));
        }
        pairs.push((key, decode(value.trim(), number)?));
    }
    Ok(pairs)
}

/// Writes pairs so that [`parse`] reads them.
pub(crate) fn write<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let entries: Vec<_> = pairs
        .into_iter()
        .map(|(key, value)| {
            format!("{}={}", utf8_percent_encode(key, ENCODED), utf8_percent_encode(value, ENCODED))
        })
        .collect();
    entries.join(",")
}

fn decode(text: &str, number: usize) -> Result<String, InvalidValue> {
    const REMEDY: &str = "write % as %25, and other bytes as % and two hexadecimal digits";
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|&b| b == b'%') {
        match rest.get(at + 1..at + 3) {
            Some(hex) if hex.iter().all(u8::is_ascii_hexdigit) => rest = &rest[at + 3..],
            _ => {
                return Err(InvalidValue::new(
                    format!("entry {number} has a broken percent-encoding"),
                    REMEDY,
                ));
            }
        }
    }
    match percent_decode_str(text).decode_utf8() {
        Ok(decoded) => Ok(decoded.into_owned()),
        Err(_) => Err(InvalidValue::new(format!("entry {number} is not UTF-8 once decoded"), REMEDY)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_split_trimmed_and_decoded() {
        fn check(text: &str, expected: Result<&[(&str, &str)], &str>) {
            let read = parse(text);
            let read = match &read {
                Ok(pairs) => Ok(pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect::<Vec<_>>()),
                Err(invalid) => Err(invalid.problem()),
            };
            assert_eq!(read, expected.map(<[_]>::to_vec), "{text}");
        }
        check("a=b,c=d", Ok(&[("a", "b"), ("c", "d")]));
        check(" a = b , , c=d=", Ok(&[("a", "b"), ("c", "d=")]));
        check("a=%2C%20%3d,%61b=", Ok(&[("a", ", ="), ("ab", "")]));
        check("a=b,c", Err("entry 2 has no `=`"));
        check("=b", Err("entry 1 has no key"));
        check("a=%4", Err("entry 1 has a broken percent-encoding"));
        check("a=%", Err("entry 1 has a broken percent-encoding"));
        check("a=%zz", Err("entry 1 has a broken percent-encoding"));
        check("a=%ff", Err("entry 1 is not UTF-8 once decoded"));
    }
}
