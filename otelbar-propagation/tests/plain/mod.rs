//! The grammars of the headers, read in the plainest way: slow, and obviously right. The property tests and
//! the fuzz targets hold the readers of the crate against these.

/// Trace id, parent id and flags of a `traceparent`, if it is valid.
pub(crate) fn traceparent(value: &[u8]) -> Option<(String, String, u8)> {
    let hex = |range: std::ops::Range<usize>| {
        let field = str::from_utf8(value.get(range)?).ok()?;
        field.chars().all(|character| "0123456789abcdef".contains(character)).then_some(field)
    };
    let dash = |at: usize| value.get(at) == Some(&b'-');

    let (version, trace_id, parent_id, flags) = (hex(0..2)?, hex(3..35)?, hex(36..52)?, hex(53..55)?);
    let dashes = dash(2) && dash(35) && dash(52);
    let end = value.len() == 55 || (version != "00" && dash(55));
    let zero = |field: &str| field.chars().all(|character| character == '0');
    if !dashes || !end || version == "ff" || zero(trace_id) || zero(parent_id) {
        return None;
    }
    Some((trace_id.to_owned(), parent_id.to_owned(), u8::from_str_radix(flags, 16).ok()?))
}

/// The members of a `tracestate` over several headers, if it is valid: of a key that comes twice the first.
pub(crate) fn tracestate(lines: &[&[u8]]) -> Option<Vec<(String, String)>> {
    let joined = lines.join(&b","[..]);
    let mut members = Vec::new();
    for member in joined.split(|byte| *byte == b',') {
        let member = member.trim_ascii_blank();
        if member.is_empty() {
            continue;
        }
        let member = str::from_utf8(member).ok()?;
        let (key, value) = member.split_once('=')?;
        let first = key.chars().next()?;
        let key_is_valid = (first.is_ascii_lowercase() || first.is_ascii_digit())
            && key.len() <= 256
            && key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-*/@".contains(c));
        let value_is_valid = (1..=256).contains(&value.len())
            && value.chars().all(|c| (' '..='~').contains(&c) && c != ',' && c != '=');
        if !key_is_valid || !value_is_valid {
            return None;
        }
        members.push((key.to_owned(), value.to_owned()));
    }
    if members.len() > 32 {
        return None;
    }
    let mut kept: Vec<(String, String)> = Vec::new();
    for (key, value) in members {
        if kept.iter().all(|(other, _)| *other != key) {
            kept.push((key, value));
        }
    }
    Some(kept)
}

/// Key, value as text, and the properties of an entry.
pub(crate) type Entry = (String, String, Vec<(String, Option<String>)>);

/// The entries of a `baggage` over several headers that are valid, without the limits on their number and
/// length.
pub(crate) fn baggage(lines: &[&[u8]]) -> Vec<Entry> {
    let joined = lines.join(&b","[..]);
    joined.split(|byte| *byte == b',').filter_map(|member| entry(str::from_utf8(member).ok()?)).collect()
}

fn entry(member: &str) -> Option<Entry> {
    let mut parts = member.split(';');
    let (key, value) = parts.next()?.split_once('=')?;
    let (key, value) = (token(key)?, decoded(value)?);
    let mut properties = Vec::new();
    for part in parts {
        properties.push(match part.split_once('=') {
            Some((key, value)) => (token(key)?, Some(decoded(value)?)),
            None => (token(part)?, None),
        });
    }
    Some((key, value, properties))
}

fn token(text: &str) -> Option<String> {
    let text = text.trim_matches([' ', '\t']);
    let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    (!text.is_empty() && text.chars().all(allowed)).then(|| text.to_owned())
}

fn decoded(text: &str) -> Option<String> {
    let text = text.trim_matches([' ', '\t']);
    if !text.chars().all(|c| ('!'..='~').contains(&c) && !"\",;\\".contains(c)) {
        return None;
    }
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let encoded = rest
            .get(1..3)
            .filter(|digits| first == '%' && digits.chars().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let len = match encoded {
            Some(byte) => {
                bytes.push(byte);
                3
            }
            None => {
                bytes.push(first as u8);
                1
            }
        };
        rest = &rest[len..];
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

trait TrimBlank {
    fn trim_ascii_blank(&self) -> &Self;
}

impl TrimBlank for [u8] {
    fn trim_ascii_blank(&self) -> &[u8] {
        let blank = |byte: &u8| *byte == b' ' || *byte == b'\t';
        let start = self.iter().position(|byte| !blank(byte)).unwrap_or(self.len());
        let end = self.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
        &self[start..end]
    }
}
