//! The id of a span.

use std::fmt;
use std::num::NonZero;
use std::str::FromStr;

use crate::error::{Reason, SpanIdError};
use crate::hex::{self, Hex};

/// The id of a span: eight bytes that are not all zero, written as sixteen lower-case
/// hexadecimal digits ([Trace Context, section 3.2.2.4](https://www.w3.org/TR/trace-context-2/#parent-id), where it is the `parent-id`).
///
/// An all-zero id cannot be held, so an `Option<SpanId>` is no larger than the id.
///
/// ```
/// use otelbar_propagation::SpanId;
///
/// let id: SpanId = "b7ad6b7169203331".parse()?;
/// assert_eq!(id.to_bytes()[..2], [0xb7, 0xad]);
/// assert_eq!(id.to_string(), "b7ad6b7169203331");
/// assert_eq!(SpanId::from_bytes([0; 8]), None);
/// # Ok::<(), otelbar_propagation::SpanIdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId(NonZero<u64>);

impl SpanId {
    /// The id of these bytes, the most significant first, or `None` if all of them are zero.
    pub const fn from_bytes(bytes: [u8; 8]) -> Option<Self> {
        Self::from_u64(u64::from_be_bytes(bytes))
    }

    /// The id of this number, or `None` if it is zero.
    pub const fn from_u64(value: u64) -> Option<Self> {
        match NonZero::new(value) {
            Some(value) => Some(Self(value)),
            None => None,
        }
    }

    /// The id written as exactly sixteen lower-case hexadecimal digits.
    ///
    /// # Errors
    ///
    /// Another length, another character (upper case too), or all zeros.
    pub fn from_hex(hex: impl AsRef<[u8]>) -> Result<Self, SpanIdError> {
        let hex = hex.as_ref();
        hex.try_into().ok().and_then(Self::decode).ok_or_else(|| {
            let (reason, offset) = hex::why_not::<16>(hex).unwrap_or((Reason::ZeroSpanId, 0));
            SpanIdError::new(reason, hex, offset)
        })
    }

    /// The eight bytes, the most significant first.
    pub const fn to_bytes(self) -> [u8; 8] {
        self.to_u64().to_be_bytes()
    }

    /// The id as a number.
    pub const fn to_u64(self) -> u64 {
        self.0.get()
    }

    /// The sixteen lower-case hexadecimal digits, on the stack.
    pub fn to_hex(self) -> Hex<16> {
        Hex::of_u64(self.to_u64())
    }

    pub(crate) fn decode(characters: &[u8; 16]) -> Option<Self> {
        Self::from_u64(hex::decode_u64(characters)?)
    }
}

impl FromStr for SpanId {
    type Err = SpanIdError;

    fn from_str(text: &str) -> Result<Self, SpanIdError> {
        Self::from_hex(text)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_hex(), f)
    }
}

impl fmt::LowerHex for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_hex(), f)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpanId({self})")
    }
}

/// The sixteen lower-case hexadecimal digits of a span id, without allocating.
///
/// ```
/// use otelbar_propagation::{SpanId, format_span_id};
///
/// let id = SpanId::from_u64(1).unwrap();
/// assert_eq!(format_span_id(id), "0000000000000001");
/// ```
pub fn format_span_id(span_id: SpanId) -> Hex<16> {
    span_id.to_hex()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(hex: &str, reason: Reason, offset: usize) {
        let error = SpanId::from_hex(hex).unwrap_err();
        assert_eq!((error.reason(), error.offset()), (reason, offset), "{error}");
    }

    /// An id that is refused says why and where.
    #[test]
    fn refusals() {
        refused("", Reason::Empty, 0);
        refused("b7ad6b716920333", Reason::TooShort, 15);
        refused("b7ad6b71692033310", Reason::TooLong, 16);
        refused("b7ad6b716920333A", Reason::UpperCase, 15);
        refused("+7ad6b7169203331", Reason::NotHex, 0);
        refused("0000000000000000", Reason::ZeroSpanId, 0);
    }

    /// Hexadecimal and bytes name the same id, in both directions.
    #[test]
    fn hex_and_bytes_agree() {
        let bytes = [0x4c, 0x72, 0x1b, 0xf3, 0x3e, 0x3c, 0xaf, 0x8f];
        let id = SpanId::from_bytes(bytes).unwrap();
        assert_eq!(id.to_hex(), "4c721bf33e3caf8f");
        assert_eq!(SpanId::from_hex("4c721bf33e3caf8f"), Ok(id));
        assert_eq!(id.to_bytes(), bytes);
        assert_eq!(format!("{id:?}"), "SpanId(4c721bf33e3caf8f)");
    }

    /// `Option<SpanId>` costs no byte more than the id.
    #[test]
    fn an_option_is_as_large_as_the_id() {
        assert_eq!(size_of::<Option<SpanId>>(), 8);
    }
}
