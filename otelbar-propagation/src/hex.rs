//! Lower-case hexadecimal, eight characters at a step and without a branch for each.

use std::fmt;
use std::ops::Deref;

use crate::error::Reason;

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
        // Only `encode` fills the array, and with ASCII alone.
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
        for (chunk, shift) in hex.as_chunks_mut::<8>().0.iter_mut().zip([96, 64, 32, 0]) {
            *chunk = encode_u32((value >> shift) as u32);
        }
        Self(hex)
    }
}

impl Hex<16> {
    pub(crate) fn of_u64(value: u64) -> Self {
        let mut hex = [0; 16];
        for (chunk, shift) in hex.as_chunks_mut::<8>().0.iter_mut().zip([32, 0]) {
            *chunk = encode_u32((value >> shift) as u32);
        }
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
    let [high, low] = characters.as_chunks::<8>().0 else { return None };
    let (high, low) = (decode_u32(*high), decode_u32(*low));
    ((high.1 | low.1) == 0).then_some(u64::from(high.0) << 32 | u64::from(low.0))
}

/// The value of thirty-two lower-case hexadecimal characters.
#[inline]
pub(crate) fn decode_u128(characters: &[u8; 32]) -> Option<u128> {
    let [a, b, c, d] = characters.as_chunks::<8>().0 else { return None };
    let (a, b, c, d) = (decode_u32(*a), decode_u32(*b), decode_u32(*c), decode_u32(*d));
    // One test for all: the four are computed side by side.
    let high = u64::from(a.0) << 32 | u64::from(b.0);
    let low = u64::from(c.0) << 32 | u64::from(d.0);
    ((a.1 | b.1 | c.1 | d.1) == 0).then_some(u128::from(high) << 64 | u128::from(low))
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

/// Eight characters at once, one in each byte of a `u64`: their value, and bits that are zero if all of them
/// are digits.
#[inline]
fn decode_u32(characters: [u8; 8]) -> (u32, u64) {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const TOP: u64 = 0x80 * EACH;

    let lanes = u64::from_be_bytes(characters);
    // The top bit of a lane is set where its character is at least the bound. A sum carries into the next lane
    // only from one whose top bit was set before, and that one is no digit.
    let at_least = |bound: u8| lanes.wrapping_add((0x80 - u64::from(bound)) * EACH);
    let digit = at_least(b'0') & !at_least(b'9' + 1);
    let letter = at_least(b'a') & !at_least(b'f' + 1) & TOP;
    let bad = (!(digit | letter) | lanes) & TOP;

    let nibbles = (lanes & (0x0f * EACH)) + (letter >> 7) * 9;
    let bytes = (nibbles | nibbles >> 4) & 0x00ff_00ff_00ff_00ff;
    let words = (bytes | bytes >> 8) & 0x0000_ffff_0000_ffff;
    ((words | words >> 16) as u32, bad)
}

/// The reverse of [`decode_u32`].
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

    /// Each lane of the eight must accept and refuse exactly what the plain reading of one does.
    #[test]
    fn every_byte_in_every_lane_reads_as_the_plain_nibble() {
        for lane in 0..8 {
            for byte in 0..=u8::MAX {
                let mut characters = *b"01234567";
                characters[lane] = byte;
                let plain = characters
                    .iter()
                    .try_fold(0_u32, |value, &character| Some(value << 4 | u32::from(nibble(character)?)));
                let (value, bad) = decode_u32(characters);
                assert_eq!((bad == 0).then_some(value), plain, "byte {byte:#04x} in lane {lane}");
            }
        }
    }

    /// What is written is what the standard library writes.
    #[test]
    fn encoding_agrees_with_the_standard_library() {
        for value in [0, 1, 9, 10, 0xffff_ffff, 0x1234_5678, 0x9abc_def0, 0x0a0b_0c0d] {
            assert_eq!(str::from_utf8(&encode_u32(value)).unwrap(), format!("{value:08x}"));
        }
        for value in 0..=u8::MAX {
            assert_eq!(str::from_utf8(&encode_u8(value)).unwrap(), format!("{value:02x}"));
            assert_eq!(decode_u8(&encode_u8(value)), Some(value));
        }
    }
}
