//! The id of a trace.

use std::fmt;
use std::num::NonZero;
use std::str::FromStr;

use crate::error::{Reason, TraceIdError};
use crate::hex::{self, Hex};

/// The id of a trace: sixteen bytes that are not all zero, written as thirty-two lower-case
/// hexadecimal digits ([Trace Context, section 3.2.2.3](https://www.w3.org/TR/trace-context-2/#trace-id)).
///
/// An all-zero id cannot be held, so an `Option<TraceId>` is no larger than the id.
///
/// ```
/// use otelbar_propagation::TraceId;
///
/// let id: TraceId = "0af7651916cd43dd8448eb211c80319c".parse()?;
/// assert_eq!(id.to_bytes()[..2], [0x0a, 0xf7]);
/// assert_eq!(id.to_string(), "0af7651916cd43dd8448eb211c80319c");
/// assert_eq!(TraceId::from_bytes([0; 16]), None);
/// # Ok::<(), otelbar_propagation::TraceIdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId(NonZero<u128>);

impl TraceId {
    /// The id of these bytes, the most significant first, or `None` if all of them are zero.
    pub const fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        Self::from_u128(u128::from_be_bytes(bytes))
    }

    /// The id of this number, or `None` if it is zero.
    pub const fn from_u128(value: u128) -> Option<Self> {
        match NonZero::new(value) {
            Some(value) => Some(Self(value)),
            None => None,
        }
    }

    /// The id written as exactly thirty-two lower-case hexadecimal digits.
    ///
    /// # Errors
    ///
    /// Another length, another character (upper case too), or all zeros.
    pub fn from_hex(hex: impl AsRef<[u8]>) -> Result<Self, TraceIdError> {
        let hex = hex.as_ref();
        hex.try_into().ok().and_then(Self::decode).ok_or_else(|| {
            let (reason, offset) = hex::why_not::<32>(hex).unwrap_or((Reason::ZeroTraceId, 0));
            TraceIdError::new(reason, hex, offset)
        })
    }

    /// The sixteen bytes, the most significant first.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.to_u128().to_be_bytes()
    }

    /// The id as a number.
    pub const fn to_u128(self) -> u128 {
        self.0.get()
    }

    /// The thirty-two lower-case hexadecimal digits, on the stack.
    pub fn to_hex(self) -> Hex<32> {
        Hex::of_u128(self.to_u128())
    }

    pub(crate) fn decode(characters: &[u8; 32]) -> Option<Self> {
        Self::from_u128(hex::decode_u128(characters)?)
    }
}

impl FromStr for TraceId {
    type Err = TraceIdError;

    fn from_str(text: &str) -> Result<Self, TraceIdError> {
        Self::from_hex(text)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_hex(), f)
    }
}

impl fmt::LowerHex for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_hex(), f)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceId({self})")
    }
}

/// The thirty-two lower-case hexadecimal digits of a trace id, without allocating.
///
/// ```
/// use otelbar_propagation::{TraceId, format_trace_id};
///
/// let id = TraceId::from_u128(1).unwrap();
/// assert_eq!(format_trace_id(id), "00000000000000000000000000000001");
/// ```
pub fn format_trace_id(trace_id: TraceId) -> Hex<32> {
    trace_id.to_hex()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(hex: &str, reason: Reason, offset: usize) {
        let error = TraceId::from_hex(hex).unwrap_err();
        assert_eq!((error.reason(), error.offset()), (reason, offset), "{error}");
    }

    /// An id that is refused says why and where.
    #[test]
    fn refusals() {
        refused("", Reason::Empty, 0);
        refused("0af7651916cd43dd8448eb211c80319", Reason::TooShort, 31);
        refused("0af7651916cd43dd8448eb211c80319c0", Reason::TooLong, 32);
        refused("0af7651916cd43dd8448eb211c80319C", Reason::UpperCase, 31);
        refused("+af7651916cd43dd8448eb211c80319c", Reason::NotHex, 0);
        refused("00000000000000000000000000000000", Reason::ZeroTraceId, 0);
    }

    /// Hexadecimal and bytes name the same id, in both directions.
    #[test]
    fn hex_and_bytes_agree() {
        let bytes =
            [0x5f, 0x46, 0x7f, 0xe7, 0xbf, 0x42, 0x67, 0x6c, 5, 0xe2, 0x0b, 0xa4, 0xa9, 0x0e, 0x44, 0x8e];
        let id = TraceId::from_bytes(bytes).unwrap();
        assert_eq!(id.to_hex(), "5f467fe7bf42676c05e20ba4a90e448e");
        assert_eq!(TraceId::from_hex("5f467fe7bf42676c05e20ba4a90e448e"), Ok(id));
        assert_eq!(id.to_bytes(), bytes);
        assert_eq!(format!("{id:?}"), "TraceId(5f467fe7bf42676c05e20ba4a90e448e)");
    }

    /// `Option<TraceId>` costs no byte more than the id.
    #[test]
    fn an_option_is_as_large_as_the_id() {
        assert_eq!(size_of::<Option<TraceId>>(), 16);
    }
}
