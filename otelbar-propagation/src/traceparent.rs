//! The `traceparent` header.

use std::fmt;
use std::str::FromStr;

use crate::error::TraceparentError;
use crate::hex;
use crate::reason::Reason;
use crate::{SpanId, TraceFlags, TraceId};

/// What the `traceparent` header says: the trace, the caller's span in it, and the flags
/// ([Trace Context level 2, section 3.2](https://www.w3.org/TR/trace-context-2/#traceparent-header)).
///
/// An invalid one cannot be held. Reading does not allocate, and neither does writing:
///
/// ```
/// use otelbar_propagation::{TraceFlags, Traceparent, parse_traceparent};
///
/// let received = parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")?;
/// assert!(received.flags().is_sampled());
///
/// let own_span = "00f067aa0ba902b7".parse().unwrap();
/// let sent = received.with_parent_id(own_span);
/// let mut buffer = [0; Traceparent::LEN];
/// assert_eq!(sent.encode(&mut buffer), "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01");
/// # Ok::<(), otelbar_propagation::TraceparentError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Traceparent {
    trace_id: TraceId,
    parent_id: SpanId,
    flags: TraceFlags,
}

impl Traceparent {
    /// The header's name.
    pub const HEADER: &str = "traceparent";

    /// The length of a header of version 00, which is what is written: 55 characters.
    pub const LEN: usize = 55;

    /// The context of the span `parent_id` of the trace `trace_id`.
    pub const fn new(trace_id: TraceId, parent_id: SpanId, flags: TraceFlags) -> Self {
        Self { trace_id, parent_id, flags }
    }

    /// Reads the value of a `traceparent` header; see [`parse_traceparent`], which takes a `str`.
    ///
    /// # Errors
    ///
    /// Those of [`parse_traceparent`]. No sequence of bytes makes it panic.
    pub fn from_bytes(value: impl AsRef<[u8]>) -> Result<Self, TraceparentError> {
        Reading::new(value.as_ref()).map(|reading| reading.traceparent)
    }

    /// The id of the trace.
    pub const fn trace_id(self) -> TraceId {
        self.trace_id
    }

    /// The id of the caller's span: the parent of whatever span the receiver starts.
    pub const fn parent_id(self) -> SpanId {
        self.parent_id
    }

    /// The flags.
    pub const fn flags(self) -> TraceFlags {
        self.flags
    }

    /// The same trace seen from another span of it: what a service sends on from a span of its own.
    pub const fn with_parent_id(self, parent_id: SpanId) -> Self {
        Self { parent_id, ..self }
    }

    /// The same context with other flags. (The sampled flag may only change together with the parent
    /// id, and the random flag only with the trace id.)
    pub const fn with_flags(self, flags: TraceFlags) -> Self {
        Self { flags, ..self }
    }

    /// Writes the header's value into `buffer` and returns it as a string slice.
    pub fn encode(self, buffer: &mut [u8; Self::LEN]) -> &str {
        *buffer = self.to_bytes();
        // Only digits and dashes.
        str::from_utf8(buffer).unwrap_or_default()
    }

    /// The header's value.
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let mut value = *b"00-00000000000000000000000000000000-0000000000000000-00";
        let [_, _, _, fields @ ..] = &mut value;
        if let Some((trace_id, [_, fields @ ..])) = fields.split_first_chunk_mut()
            && let Some((parent_id, [_, flags @ ..])) = fields.split_first_chunk_mut()
        {
            hex::encode_u128(self.trace_id.to_u128(), trace_id);
            hex::encode_u64(self.parent_id.to_u64(), parent_id);
            flags.copy_from_slice(&hex::encode_u8(self.flags.to_bits()));
        }
        value
    }
}

impl FromStr for Traceparent {
    type Err = TraceparentError;

    fn from_str(text: &str) -> Result<Self, TraceparentError> {
        parse_traceparent(text)
    }
}

/// The header's value.
impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.encode(&mut [0; Self::LEN]))
    }
}

/// Reads the value of a `traceparent` header, strictly and without allocating.
///
/// Version 00 is exactly 55 characters of lower-case hexadecimal digits and dashes. Of a higher
/// version the same fields are read, and what follows them after a further dash is ignored; what is
/// written later is version 00 again. White space around the value is no part of it: take it away
/// before, as HTTP libraries and the extraction of this crate do.
///
/// # Errors
///
/// The first thing that is wrong, with its place: a field that is too short or too long, an upper-case
/// digit, a byte that is no digit, a missing dash, version ff, an id of zeros, text after the end.
///
/// ```
/// use otelbar_propagation::{Reason, parse_traceparent};
///
/// let traceparent = parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")?;
/// assert_eq!(traceparent.trace_id().to_hex(), "0af7651916cd43dd8448eb211c80319c");
///
/// let error = parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01").unwrap_err();
/// assert_eq!((error.reason(), error.offset()), (Reason::ZeroSpanId, 36));
/// # Ok::<(), otelbar_propagation::TraceparentError>(())
/// ```
pub fn parse_traceparent(value: &str) -> Result<Traceparent, TraceparentError> {
    Traceparent::from_bytes(value)
}

/// A header read, with what the reader may be warned of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub(crate) traceparent: Traceparent,
    /// The version the header was written in.
    pub(crate) version: u8,
    /// The flags as they came, with those that are not defined.
    pub(crate) flags: u8,
}

impl Reading {
    #[inline]
    pub(crate) fn new(value: &[u8]) -> Result<Self, TraceparentError> {
        Self::fast(value).ok_or_else(|| why_not(value))
    }

    #[inline]
    pub(crate) fn fast(value: &[u8]) -> Option<Self> {
        let (version, rest) = value.split_first_chunk::<2>()?;
        let (trace_id, rest) = rest.strip_prefix(b"-")?.split_first_chunk::<32>()?;
        let (parent_id, rest) = rest.strip_prefix(b"-")?.split_first_chunk::<16>()?;
        let (flags, rest) = rest.strip_prefix(b"-")?.split_first_chunk::<2>()?;

        let version = hex::decode_u8(version)?;
        let ends_well = rest.is_empty() || (version != 0 && rest[0] == b'-');
        if version == 0xff || !ends_well {
            return None;
        }
        let flags = hex::decode_u8(flags)?;
        let traceparent = Traceparent {
            trace_id: TraceId::decode(trace_id)?,
            parent_id: SpanId::decode(parent_id)?,
            flags: TraceFlags::from_bits(flags),
        };
        Some(Self { traceparent, version, flags })
    }
}

/// Why `value` is no traceparent, and the first byte at fault. Only for what [`Reading::fast`] refused.
///
/// It is no second parser: it accepts nothing, and keeps the reasons out of the way of the headers that are valid.
#[cold]
pub(crate) fn why_not(value: &[u8]) -> TraceparentError {
    let refused = |reason, offset| TraceparentError::new(reason, value, offset);
    if value.is_empty() {
        return refused(Reason::Empty, 0);
    }
    for (offset, &byte) in value.iter().take(Traceparent::LEN).enumerate() {
        let dash = matches!(offset, 2 | 35 | 52);
        if dash && byte != b'-' {
            return refused(Reason::MissingDash, offset);
        }
        if !dash && hex::nibble(byte).is_none() {
            return refused(hex::not_hex(byte), offset);
        }
    }
    let all_zero = |range: std::ops::Range<usize>| {
        value.get(range).is_some_and(|id| id.iter().all(|&byte| byte == b'0'))
    };
    match value.len() {
        len if len < Traceparent::LEN => refused(Reason::TooShort, len),
        _ if value.starts_with(b"ff") => refused(Reason::ForbiddenVersion, 0),
        _ if all_zero(3..35) => refused(Reason::ZeroTraceId, 3),
        _ if all_zero(36..52) => refused(Reason::ZeroSpanId, 36),
        _ if value.starts_with(b"00") => refused(Reason::TooLong, Traceparent::LEN),
        _ => refused(Reason::MissingDash, Traceparent::LEN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-12345678901234567890123456789012-1234567890123456-01";

    #[track_caller]
    fn accepted(value: &str, flags: TraceFlags) {
        let traceparent = parse_traceparent(value).unwrap();
        assert_eq!(traceparent.trace_id().to_hex(), "12345678901234567890123456789012");
        assert_eq!(traceparent.parent_id().to_hex(), "1234567890123456");
        assert_eq!(traceparent.flags(), flags);
    }

    #[track_caller]
    fn refused(value: impl AsRef<[u8]>, reason: Reason, offset: usize) {
        let error = Traceparent::from_bytes(value).unwrap_err();
        assert_eq!((error.reason(), error.offset()), (reason, offset), "{error}");
    }

    /// Version 00, each flag, and what is read of later versions.
    #[test]
    fn accepts_what_the_specification_allows() {
        accepted(VALID, TraceFlags::SAMPLED);
        accepted("00-12345678901234567890123456789012-1234567890123456-00", TraceFlags::NONE);
        accepted("00-12345678901234567890123456789012-1234567890123456-02", TraceFlags::RANDOM);
        accepted("00-12345678901234567890123456789012-1234567890123456-fc", TraceFlags::NONE);
        accepted("cc-12345678901234567890123456789012-1234567890123456-01", TraceFlags::SAMPLED);
        accepted("cc-12345678901234567890123456789012-1234567890123456-01-", TraceFlags::SAMPLED);
        accepted(
            "cc-12345678901234567890123456789012-1234567890123456-01-what-the-future-will-be-like",
            TraceFlags::SAMPLED,
        );
        accepted("fe-12345678901234567890123456789012-1234567890123456-01-\u{fc}", TraceFlags::SAMPLED);
    }

    /// Each field too short, too long, of the wrong characters, and each forbidden value.
    #[test]
    fn refuses_what_it_forbids() {
        refused("", Reason::Empty, 0);
        refused(&VALID[..54], Reason::TooShort, 54);
        refused("0-1-1-1", Reason::NotHex, 1);
        refused("0-12345678901234567890123456789012-1234567890123456-01", Reason::NotHex, 1);
        refused("000-12345678901234567890123456789012-1234567890123456-01", Reason::MissingDash, 2);
        refused("0000-12345678901234567890123456789012-1234567890123456-01", Reason::MissingDash, 2);
        refused(".0-12345678901234567890123456789012-1234567890123456-01", Reason::NotHex, 0);
        refused("0.-12345678901234567890123456789012-1234567890123456-01", Reason::NotHex, 1);
        refused("ff-12345678901234567890123456789012-1234567890123456-01", Reason::ForbiddenVersion, 0);
        refused("00-00000000000000000000000000000000-1234567890123456-01", Reason::ZeroTraceId, 3);
        refused("00-.2345678901234567890123456789012-1234567890123456-01", Reason::NotHex, 3);
        refused("00-1234567890123456789012345678901.-1234567890123456-01", Reason::NotHex, 34);
        refused("00-123456789012345678901234567890123-1234567890123456-01", Reason::MissingDash, 35);
        refused("00-1234567890123456789012345678901-1234567890123456-01", Reason::NotHex, 34);
        refused("00-12345678901234567890123456789012-0000000000000000-01", Reason::ZeroSpanId, 36);
        refused("00-12345678901234567890123456789012-.234567890123456-01", Reason::NotHex, 36);
        refused("00-12345678901234567890123456789012-123456789012345.-01", Reason::NotHex, 51);
        refused("00-12345678901234567890123456789012-12345678901234567-01", Reason::MissingDash, 52);
        refused("00-12345678901234567890123456789012-123456789012345-01", Reason::NotHex, 51);
        refused("00-12345678901234567890123456789012-1234567890123456-.0", Reason::NotHex, 53);
        refused("00-12345678901234567890123456789012-1234567890123456-0.", Reason::NotHex, 54);
        refused("00-12345678901234567890123456789012-1234567890123456-001", Reason::TooLong, 55);
        refused("00-12345678901234567890123456789012-1234567890123456-1", Reason::TooShort, 54);
        refused("00-12345678901234567890123456789012-1234567890123456-01-", Reason::TooLong, 55);
        refused("00-12345678901234567890123456789012-1234567890123456-01.", Reason::TooLong, 55);
        refused("00-12345678901234567890123456789012-1234567890123456-01-more", Reason::TooLong, 55);
        refused("cc-12345678901234567890123456789012-1234567890123456-01.more", Reason::MissingDash, 55);
        refused("00-ABCDEF78901234567890123456789012-1234567890123456-01", Reason::UpperCase, 3);
        refused("00-12345678901234567890123456789012-123456789012345F-01", Reason::UpperCase, 51);
        refused("+0-12345678901234567890123456789012-1234567890123456-01", Reason::NotHex, 0);
        refused(" 00-12345678901234567890123456789012-1234567890123456-01", Reason::NotHex, 0);
        refused([0xff; 55], Reason::NotHex, 0);
    }

    /// What is written is read back as the same context, in version 00 and only with defined flags.
    #[test]
    fn writes_what_it_reads() {
        assert_eq!(parse_traceparent(VALID).unwrap().to_string(), VALID);
        let later = "cc-12345678901234567890123456789012-1234567890123456-ff-more";
        assert_eq!(
            parse_traceparent(later).unwrap().to_string(),
            "00-12345678901234567890123456789012-1234567890123456-03"
        );
    }
}
