//! Lower-case hexadecimal, many characters at a step and without a branch for each.

use std::fmt;
use std::ops::Deref;

use crate::reason::Reason;

/// `N` lower-case hexadecimal characters on the stack: what [`format_trace_id`](crate::format_trace_id)
/// and [`format_span_id`](crate::format_span_id) return.
///
/// It dereferences to `str`, so it goes wherever a string slice does, and allocates nothing.
///
/// ```
/// use otelbar_propagation::{TraceId, format_trace_id};
///
/// let id = TraceId::from_bytes([0xab; 16]).unwrap();
/// let hex = format_trace_id(id);
/// assert_eq!(&*hex, "abababababababababababababababab");
/// assert!(hex.starts_with("ab"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hex<const N: usize>([u8; N]);

impl<const N: usize> Hex<N> {
    /// The characters as a string slice.
    pub fn as_str(&self) -> &str {
        // Only `encode` fills the array, and with ASCII only.
        str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The characters as bytes, all of them ASCII.
    pub const fn as_bytes(&self) -> &[u8; N] {
        &self.0
    }
}

impl Hex<32> {
    pub(crate) fn of_u128(value: u128) -> Self {
        let mut hex = [0; 32];
        encode_u128(value, &mut hex);
        Self(hex)
    }
}

impl Hex<16> {
    pub(crate) fn of_u64(value: u64) -> Self {
        let mut hex = [0; 16];
        encode_u64(value, &mut hex);
        Self(hex)
    }
}

impl<const N: usize> Deref for Hex<N> {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl<const N: usize> AsRef<str> for Hex<N> {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl<const N: usize> PartialEq<str> for Hex<N> {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl<const N: usize> PartialEq<&str> for Hex<N> {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl<const N: usize> fmt::Display for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<const N: usize> fmt::Debug for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// The value of two lower-case hexadecimal characters.
pub(crate) fn decode_u8(characters: &[u8; 2]) -> Option<u8> {
    Some(nibble(characters[0])? << 4 | nibble(characters[1])?)
}

/// The value of sixteen lower-case hexadecimal characters.
#[inline]
pub(crate) fn decode_u64(characters: &[u8; 16]) -> Option<u64> {
    // The wide instructions are made for twice as many.
    let mut padded = [b'0'; 32];
    padded[16..].copy_from_slice(characters);
    decode_u128(&padded).map(|value| value as u64)
}

/// The value of thirty-two lower-case hexadecimal characters.
#[inline]
pub(crate) fn decode_u128(characters: &[u8; 32]) -> Option<u128> {
    // There is no way out in the middle: so the compiler makes wide instructions of it.
    let mut nibbles = [0; 32];
    let mut bad = false;
    for (nibble, &character) in nibbles.iter_mut().zip(characters) {
        let (digit, letter) = (character.wrapping_sub(b'0'), character.wrapping_sub(b'a'));
        *nibble = if letter < 6 { letter + 10 } else { digit };
        bad |= digit >= 10 && letter >= 6;
    }
    let mut bytes = [0; 16];
    for (byte, [high, low]) in bytes.iter_mut().zip(nibbles.as_chunks::<2>().0) {
        *byte = high << 4 | low;
    }
    (!bad).then_some(u128::from_be_bytes(bytes))
}

/// The value of one lower-case hexadecimal character.
pub(crate) const fn nibble(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

/// Why this text is not `N` lower-case hexadecimal digits, and the first byte at fault.
pub(crate) fn why_not<const N: usize>(text: &[u8]) -> Option<(Reason, usize)> {
    if text.is_empty() {
        return Some((Reason::Empty, 0));
    }
    if let Some((offset, &byte)) = text.iter().take(N).enumerate().find(|(_, byte)| nibble(**byte).is_none())
    {
        return Some((not_hex(byte), offset));
    }
    match text.len() {
        len if len < N => Some((Reason::TooShort, len)),
        len if len > N => Some((Reason::TooLong, N)),
        _ => None,
    }
}

/// Why this byte is no lower-case hexadecimal digit.
pub(crate) const fn not_hex(byte: u8) -> Reason {
    if byte.is_ascii_hexdigit() { Reason::UpperCase } else { Reason::NotHex }
}

/// Two lower-case hexadecimal characters.
pub(crate) const fn encode_u8(value: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [DIGITS[(value >> 4) as usize], DIGITS[(value & 15) as usize]]
}

/// Writes sixteen lower-case hexadecimal characters.
#[inline]
pub(crate) fn encode_u64(value: u64, characters: &mut [u8; 16]) {
    let [high, low] = characters.as_chunks_mut().0 else { return };
    (*high, *low) = (encode_u32((value >> 32) as u32), encode_u32(value as u32));
}

/// Writes thirty-two lower-case hexadecimal characters.
#[inline]
pub(crate) fn encode_u128(value: u128, characters: &mut [u8; 32]) {
    let [high, low] = characters.as_chunks_mut().0 else { return };
    encode_u64((value >> 64) as u64, high);
    encode_u64(value as u64, low);
}

/// Eight characters at once, one in each byte of a `u64`.
#[inline]
fn encode_u32(value: u32) -> [u8; 8] {
    const EACH: u64 = 0x0101_0101_0101_0101;

    let words = u64::from(value);
    let words = (words | words << 16) & 0x0000_ffff_0000_ffff;
    let bytes = (words | words << 8) & 0x00ff_00ff_00ff_00ff;
    let nibbles = (bytes | bytes << 4) & (0x0f * EACH);
    let letters = (nibbles + 6 * EACH) >> 4 & EACH;
    (nibbles + u64::from(b'0') * EACH + letters * u64::from(b'a' - b'0' - 10)).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each place of the sixteen and of the thirty-two must accept and refuse exactly what the plain reading of
    /// one character does.
    #[test]
    fn every_byte_in_every_place_reads_as_the_plain_nibble() {
        fn plain(characters: &[u8]) -> Option<u128> {
            characters
                .iter()
                .try_fold(0, |value, &character| Some(value << 4 | u128::from(nibble(character)?)))
        }

        for byte in 0..=u8::MAX {
            for place in 0..32 {
                let mut characters = *b"0123456789abcdeffedcba9876543210";
                characters[place] = byte;
                let told = format!("byte {byte:#04x} in place {place}");
                assert_eq!(decode_u128(&characters), plain(&characters), "{told}");
                if let Some(short) = characters.first_chunk() {
                    assert_eq!(decode_u64(short).map(u128::from), plain(short), "{told}");
                }
            }
        }
    }

    /// What is written is what the standard library writes.
    #[test]
    fn encoding_agrees_with_the_standard_library() {
        for value in [0, 1, 9, 10, u64::MAX, 0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210] {
            assert_eq!(Hex::of_u64(value), *format!("{value:016x}"));
            let wide = u128::from(value) << 64 | u128::from(!value);
            assert_eq!(Hex::of_u128(wide), *format!("{wide:032x}"));
        }
        for value in 0..=u8::MAX {
            assert_eq!(str::from_utf8(&encode_u8(value)).unwrap(), format!("{value:02x}"));
            assert_eq!(decode_u8(&encode_u8(value)), Some(value));
        }
    }
}
