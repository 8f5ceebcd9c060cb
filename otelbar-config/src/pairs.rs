//! `key=value,key=value` with percent-encoding: the syntax that header lists and resource attributes share.
//!
//! It is W3C Baggage without properties (OpenTelemetry specification, "Environment Variable Specification").

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::option_value::InvalidValue;

/// What is written as it is: letters, digits and what is common in keys and values without being syntax.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'/')
    .remove(b':')
    .remove(b'@')
    .remove(b'*');

/// A pair, with the number of its entry in the text, from 1.
pub(crate) struct Pair {
    pub(crate) number: usize,
    pub(crate) key: String,
    pub(crate) value: String,
}

/// Reads the pairs in order, each by itself. Errors name the entry by its number, since its text may be secret.
pub(crate) fn parse(text: &str) -> impl Iterator<Item = Result<Pair, InvalidValue>> {
    let entries = text.split(',').map(str::trim).enumerate().filter(|(_, entry)| !entry.is_empty());
    entries.map(|(index, entry)| {
        const REMEDY: &str = "write key=value,key=value";
        let number = index + 1;
        let (key, value) = entry
            .split_once('=')
            .ok_or_else(|| InvalidValue::new(format!("has no `=` in entry {number}"), REMEDY))?;
        let key = decode(key.trim(), number)?;
        if key.is_empty() {
            return Err(InvalidValue::new(format!("has no key in entry {number}"), REMEDY));
        }
        Ok(Pair { number, key, value: decode(value.trim(), number)? })
    })
}

/// Reads all of the pairs or none.
pub(crate) fn parse_all(text: &str) -> Result<Vec<(String, String)>, InvalidValue> {
    parse(text).map(|pair| pair.map(|Pair { key, value, .. }| (key, value))).collect()
}

/// Reads those of the pairs that can be used, and tells what is wrong with the others.
pub(crate) fn usable<T>(
    text: &str,
    mut check: impl FnMut(Pair) -> Result<T, InvalidValue>,
) -> (Vec<T>, Option<InvalidValue>) {
    const TOLD: usize = 3;
    let (mut usable, mut problems, mut remedy, mut more) = (Vec::new(), Vec::new(), None, 0);
    for pair in parse(text) {
        match pair.and_then(&mut check) {
            Ok(pair) => usable.push(pair),
            Err(_) if problems.len() == TOLD => more += 1,
            Err(why) => {
                problems.push(why.problem().to_owned());
                remedy.get_or_insert_with(|| why.remedy().to_owned());
            }
        }
    }
    let mut problem = problems.join(", ");
    if more > 0 {
        problem.push_str(&format!(", and {more} more entries that cannot be used"));
    }
    (usable, remedy.map(|remedy| InvalidValue::new(problem, remedy)))
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
                    format!("has an invalid percent-encoding in entry {number}"),
                    REMEDY,
                ));
            }
        }
    }
    match percent_decode_str(text).decode_utf8() {
        Ok(decoded) => Ok(decoded.into_owned()),
        Err(_) => Err(InvalidValue::new(
            format!("has invalid UTF-8 after percent-decoding in entry {number}"),
            REMEDY,
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_split_trimmed_and_decoded() {
        fn check(text: &str, expected: Result<&[(&str, &str)], &str>) {
            let read = parse_all(text);
            let read = match &read {
                Ok(pairs) => Ok(pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect::<Vec<_>>()),
                Err(invalid) => Err(invalid.problem()),
            };
            assert_eq!(read, expected.map(<[_]>::to_vec), "{text}");
        }
        check("a=b,c=d", Ok(&[("a", "b"), ("c", "d")]));
        check(" a = b , , c=d=", Ok(&[("a", "b"), ("c", "d=")]));
        check("a=%2C%20%3d,%61b=", Ok(&[("a", ", ="), ("ab", "")]));
        check("a=b,c", Err("has no `=` in entry 2"));
        check("=b", Err("has no key in entry 1"));
        check("a=%4", Err("has an invalid percent-encoding in entry 1"));
        check("a=%", Err("has an invalid percent-encoding in entry 1"));
        check("a=%zz", Err("has an invalid percent-encoding in entry 1"));
        check("a=%ff", Err("has invalid UTF-8 after percent-decoding in entry 1"));
    }
}
