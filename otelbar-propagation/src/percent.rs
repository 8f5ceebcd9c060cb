//! Percent-encoding (RFC 3986, section 2.1).
//!
//! The crate's own, since with its default features it depends on nothing; and `percent-encoding` neither encodes a lone
//! percent sign of a text that is encoded already, nor tells whether there is one.

use std::borrow::Cow;

/// The byte that `%` and two hexadecimal digits of either case stand for.
pub(crate) fn decode_byte(text: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = text else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    Some((digit(*high)? << 4 | digit(*low)?) as u8)
}

/// Decodes a text. A percent sign that encodes nothing stands for itself.
pub(crate) fn decode(value: &str) -> Cow<'_, str> {
    let bytes = value.as_bytes();
    let Some(first) = bytes.iter().position(|&byte| byte == b'%') else { return Cow::Borrowed(value) };
    let mut decoded = Vec::with_capacity(bytes.len());
    decoded.extend_from_slice(&bytes[..first]);
    let mut rest = &bytes[first..];
    while let [byte, tail @ ..] = rest {
        match decode_byte(rest) {
            Some(byte) => {
                decoded.push(byte);
                rest = &rest[3..];
            }
            None => {
                decoded.push(*byte);
                rest = tail;
            }
        }
    }
    Cow::Owned(match String::from_utf8(decoded) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

/// Appends `value`, with each byte encoded that is not `plain`.
pub(crate) fn encode(value: &str, plain: impl Fn(u8) -> bool, text: &mut String) {
    for byte in value.bytes() {
        if plain(byte) {
            text.push(char::from(byte));
        } else {
            const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
            text.push('%');
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

/// Writes a text that is encoded already; a percent sign that encodes nothing gets encoded, as strict
/// readers want it.
pub(crate) fn rewrite(value: &str, mut write: impl FnMut(&str)) {
    let mut rest = value;
    let mut from = 0;
    while let Some(found) = rest.get(from..).and_then(|tail| tail.find('%')) {
        let at = from + found;
        let next = at + 1;
        if decode_byte(&rest.as_bytes()[at..]).is_some() {
            from = next;
        } else {
            write(&rest[..next]);
            write("25");
            rest = &rest[next..];
            from = 0;
        }
    }
    if !rest.is_empty() {
        write(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A percent sign that encodes nothing stands for itself, and is encoded where it is written again.
    #[test]
    fn lone_percent_signs() {
        fn check(text: &str, decoded: &str, rewritten: &str) {
            let mut written = String::new();
            rewrite(text, |piece| written.push_str(piece));
            assert_eq!((&*decode(text), &*written), (decoded, rewritten), "{text}");
            assert_eq!(decode(&written), decoded);
        }
        check("", "", "");
        check("plain", "plain", "plain");
        check("%", "%", "%25");
        check("%4", "%4", "%254");
        check("%%41", "%A", "%25%41");
        check("%zz%e4", "%zz\u{fffd}", "%25zz%e4");
        check("100%", "100%", "100%25");
    }

    /// What is not plain is encoded, each byte of it.
    #[test]
    fn bytes_are_encoded() {
        let mut text = String::new();
        encode("a%\u{e9}", |byte| byte.is_ascii_alphanumeric(), &mut text);
        assert_eq!(text, "a%25%C3%A9");
        assert_eq!(decode(&text), "a%\u{e9}");
    }
}
