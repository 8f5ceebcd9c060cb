//! The ids of a trace and of a span.

use std::fmt;
use std::num::NonZero;
use std::str::FromStr;

use crate::error::{SpanIdError, TraceIdError};
use crate::hex::{self, Hex};
use crate::reason::Reason;

/// Declares an id: a number that is not zero, with its bytes and its digits.
macro_rules! id {
    (
        $(#[$attribute:meta])*
        $name:ident($number:ident), $bytes:literal bytes, $digits:literal $digits_in_words:literal digits,
        $from_number:ident, $to_number:ident, $decode:ident, $hex_of:ident,
        $error:ident, $zero:ident
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(NonZero<$number>);

        impl $name {
            /// The id of these bytes, the most significant first, or `None` if all of them are zero.
            pub const fn from_bytes(bytes: [u8; $bytes]) -> Option<Self> {
                Self::$from_number($number::from_be_bytes(bytes))
            }

            /// The id of this number, or `None` if it is zero.
            pub const fn $from_number(value: $number) -> Option<Self> {
                match NonZero::new(value) {
                    Some(value) => Some(Self(value)),
                    None => None,
                }
            }

            #[doc = concat!("The id written as exactly ", $digits_in_words, " lower-case hexadecimal digits.")]
            ///
            /// # Errors
            ///
            /// Another length, another character (upper case too), or all zeros.
            pub fn from_hex(hex: impl AsRef<[u8]>) -> Result<Self, $error> {
                let hex = hex.as_ref();
                hex.try_into().ok().and_then(Self::decode).ok_or_else(|| {
                    let (reason, offset) = hex::why_not::<$digits>(hex).unwrap_or((Reason::$zero, 0));
                    $error::new(reason, hex, offset)
                })
            }

            /// The bytes, the most significant first.
            pub const fn to_bytes(self) -> [u8; $bytes] {
                self.$to_number().to_be_bytes()
            }

            /// The id as a number.
            pub const fn $to_number(self) -> $number {
                self.0.get()
            }

            #[doc = concat!("The ", $digits_in_words, " lower-case hexadecimal digits, on the stack.")]
            pub fn to_hex(self) -> Hex<$digits> {
                Hex::$hex_of(self.$to_number())
            }

            #[inline]
            pub(crate) fn decode(characters: &[u8; $digits]) -> Option<Self> {
                Self::$from_number(hex::$decode(characters)?)
            }
        }

        impl FromStr for $name {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, $error> {
                Self::from_hex(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.to_hex(), f)
            }
        }

        impl fmt::LowerHex for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.to_hex(), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

id! {
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
    TraceId(u128), 16 bytes, 32 "thirty-two" digits,
    from_u128, to_u128, decode_u128, of_u128,
    TraceIdError, ZeroTraceId
}

id! {
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
    SpanId(u64), 8 bytes, 16 "sixteen" digits,
    from_u64, to_u64, decode_u64, of_u64,
    SpanIdError, ZeroSpanId
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

    /// An id that is refused says why and where.
    #[test]
    fn refusals() {
        #[track_caller]
        fn trace(hex: &str, reason: Reason, offset: usize) {
            let error = TraceId::from_hex(hex).unwrap_err();
            assert_eq!((error.reason(), error.offset()), (reason, offset), "{error}");
        }
        #[track_caller]
        fn span(hex: &str, reason: Reason, offset: usize) {
            let error = SpanId::from_hex(hex).unwrap_err();
            assert_eq!((error.reason(), error.offset()), (reason, offset), "{error}");
        }
        trace("", Reason::Empty, 0);
        trace("0af7651916cd43dd8448eb211c80319", Reason::TooShort, 31);
        trace("0af7651916cd43dd8448eb211c80319c0", Reason::TooLong, 32);
        trace("0af7651916cd43dd8448eb211c80319C", Reason::UpperCase, 31);
        trace("+af7651916cd43dd8448eb211c80319c", Reason::NotHex, 0);
        trace("00000000000000000000000000000000", Reason::ZeroTraceId, 0);
        span("", Reason::Empty, 0);
        span("b7ad6b716920333", Reason::TooShort, 15);
        span("b7ad6b71692033310", Reason::TooLong, 16);
        span("b7ad6b716920333A", Reason::UpperCase, 15);
        span("+7ad6b7169203331", Reason::NotHex, 0);
        span("0000000000000000", Reason::ZeroSpanId, 0);
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

        let bytes = [0x4c, 0x72, 0x1b, 0xf3, 0x3e, 0x3c, 0xaf, 0x8f];
        let id = SpanId::from_bytes(bytes).unwrap();
        assert_eq!(id.to_hex(), "4c721bf33e3caf8f");
        assert_eq!(SpanId::from_hex("4c721bf33e3caf8f"), Ok(id));
        assert_eq!(id.to_bytes(), bytes);
        assert_eq!(format!("{id:?}"), "SpanId(4c721bf33e3caf8f)");
    }

    /// An `Option` of an id costs no byte more than the id.
    #[test]
    fn an_option_is_as_large_as_the_id() {
        assert_eq!(size_of::<Option<TraceId>>(), 16);
        assert_eq!(size_of::<Option<SpanId>>(), 8);
    }
}
