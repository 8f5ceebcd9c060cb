//! Why a header was refused: the reason, where, and a piece of the text that is safe to show.

use std::error::Error;
use std::fmt;

use crate::hex;
use crate::reason::Reason;

/// The one thing inside each error of this crate.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Defect {
    subject: &'static str,
    reason: Reason,
    offset: u32,
    excerpt: Excerpt,
}

impl Defect {
    /// A defect of `subject` (a header's name) whose value is `text`, found at byte `offset` of it.
    #[cold]
    pub(crate) fn new(subject: &'static str, reason: Reason, text: &[u8], offset: usize) -> Self {
        Self {
            subject,
            reason,
            offset: u32::try_from(offset).unwrap_or(u32::MAX),
            excerpt: Excerpt::around(text, offset),
        }
    }

    pub(crate) const fn subject(&self) -> &'static str {
        self.subject
    }

    pub(crate) const fn reason(&self) -> Reason {
        self.reason
    }

    pub(crate) const fn offset(&self) -> usize {
        self.offset as usize
    }

    pub(crate) fn excerpt(&self) -> &str {
        self.excerpt.as_str()
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, reason, offset, .. } = self;
        write!(f, "{subject}: {reason}, at byte {offset} of \"{}\"", self.excerpt())
    }
}

impl fmt::Debug for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Defect")
            .field("subject", &self.subject)
            .field("reason", &self.reason)
            .field("offset", &self.offset)
            .field("excerpt", &self.excerpt())
            .finish()
    }
}

/// A piece of untrusted text around a place in it, kept on the stack: at most [`Excerpt::MAX`]
/// bytes, all of it printable. What is not printable ASCII is written as `\x1b`, a backslash as
/// `\\`, a quote as `\"`, and what was cut away as `…`.
#[derive(Clone, PartialEq, Eq)]
struct Excerpt {
    bytes: [u8; Self::MAX],
    len: u8,
}

impl Excerpt {
    const MAX: usize = 78;
    /// The `…` at either end.
    const ELLIPSIS: &[u8] = "…".as_bytes();
    /// How much of the text before the place is shown when it does not fit from its beginning.
    const BEFORE: usize = 12;

    fn around(text: &[u8], offset: usize) -> Self {
        let mut excerpt = Self { bytes: [0; Self::MAX], len: 0 };
        // A whole traceparent fits, so that it is cut only where something was added to it.
        let start = if offset < 60 { 0 } else { offset.min(text.len()).saturating_sub(Self::BEFORE) };
        if start > 0 {
            excerpt.push(Self::ELLIPSIS);
        }
        for &byte in text.get(start..).unwrap_or_default() {
            let mut escaped = [b'\\', b'x', 0, 0];
            let piece: &[u8] = match byte {
                b'\\' => b"\\\\",
                b'"' => b"\\\"",
                b' '..=b'~' => &[byte],
                _ => {
                    [escaped[2], escaped[3]] = hex::encode_u8(byte);
                    &escaped
                }
            };
            if excerpt.len as usize + piece.len() + Self::ELLIPSIS.len() > Self::MAX {
                excerpt.push(Self::ELLIPSIS);
                break;
            }
            excerpt.push(piece);
        }
        excerpt
    }

    fn push(&mut self, piece: &[u8]) {
        let start = self.len as usize;
        if let Some(room) = self.bytes.get_mut(start..start + piece.len()) {
            room.copy_from_slice(piece);
            self.len += piece.len() as u8;
        }
    }

    fn as_str(&self) -> &str {
        // Whole pieces of UTF-8 only are pushed.
        str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }
}

/// Declares an error type around a [`Defect`].
macro_rules! fault_error {
    ($(#[$attribute:meta])* $name:ident, $subject:literal) => {
        $(#[$attribute])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(Defect);

        impl $name {
            #[allow(dead_code, reason = "not every error is made in every combination of features")]
            #[cold]
            pub(crate) fn new(reason: Reason, text: &[u8], offset: usize) -> Self {
                Self(Defect::new($subject, reason, text, offset))
            }

            /// Why it was refused.
            pub const fn reason(&self) -> Reason {
                self.0.reason()
            }

            /// Where: the first byte at fault, counted from the beginning of the text that was read.
            /// With several headers of one name that is the text of one of them.
            pub const fn offset(&self) -> usize {
                self.0.offset()
            }

            /// The text around that place, at most 78 bytes: what is not printable ASCII is escaped,
            /// so that it is safe in a log and on a terminal. (A page still has to escape it for HTML.)
            pub fn excerpt(&self) -> &str {
                self.0.excerpt()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.0).finish()
            }
        }

        impl Error for $name {}

        impl From<$name> for Refusal {
            fn from(error: $name) -> Self {
                Self(error.0)
            }
        }
    };
}

fault_error! {
    /// What is wrong with a trace id: [`TraceId::from_str`](std::str::FromStr::from_str) and
    /// [`TraceId::from_hex`](crate::TraceId::from_hex).
    TraceIdError, "trace id"
}

fault_error! {
    /// What is wrong with a span id: [`SpanId::from_str`](std::str::FromStr::from_str) and
    /// [`SpanId::from_hex`](crate::SpanId::from_hex).
    SpanIdError, "span id"
}

fault_error! {
    /// What is wrong with a `traceparent` header: [`parse_traceparent`](crate::parse_traceparent).
    ///
    /// ```
    /// use otelbar_propagation::{Reason, parse_traceparent};
    ///
    /// let error = parse_traceparent("00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01").unwrap_err();
    /// assert_eq!(error.reason(), Reason::UpperCase);
    /// assert_eq!(error.offset(), 4);
    /// assert_eq!(
    ///     error.to_string(),
    ///     "traceparent: an upper-case digit where only 0-9 and a-f are allowed, at byte 4 of \
    ///      \"00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01\"",
    /// );
    /// ```
    TraceparentError, "traceparent"
}

fault_error! {
    /// What is wrong with a `tracestate` header, or with a member to be put into one:
    /// [`Tracestate::parse`](crate::Tracestate::parse) and [`Tracestate::insert`](crate::Tracestate::insert).
    TracestateError, "tracestate"
}

fault_error! {
    /// What is wrong with a `baggage` header, or with an entry to be put into one:
    /// [`Baggage::parse`](crate::Baggage::parse) and [`Baggage::insert`](crate::Baggage::insert).
    BaggageError, "baggage"
}

/// Why the trace context of a request was refused, whatever header it came in.
///
/// ```
/// # #[cfg(feature = "http")] {
/// use http::{HeaderMap, HeaderValue};
/// use otelbar_propagation::{Reason, extract_trace_context};
///
/// let mut headers = HeaderMap::new();
/// headers.insert("traceparent", HeaderValue::from_static("hello"));
/// let extraction = extract_trace_context(&headers);
/// let refusal = extraction.refusal().unwrap();
/// assert_eq!(refusal.header(), "traceparent");
/// assert_eq!(refusal.reason(), Reason::NotHex);
/// assert_eq!(refusal.offset(), 0);
/// assert_eq!(refusal.excerpt(), "hello");
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Refusal(Defect);

impl Refusal {
    #[cold]
    pub(crate) fn new(header: &'static str, reason: Reason, text: &[u8], offset: usize) -> Self {
        Self(Defect::new(header, reason, text, offset))
    }

    /// The header that was refused, in lower case.
    pub const fn header(&self) -> &'static str {
        self.0.subject()
    }

    /// Why it was refused.
    pub const fn reason(&self) -> Reason {
        self.0.reason()
    }

    /// Where: the first byte at fault, counted from the beginning of the header's value.
    pub const fn offset(&self) -> usize {
        self.0.offset()
    }

    /// The text around that place, at most 78 bytes: what is not printable ASCII is escaped, so that
    /// it is safe in a log and on a terminal. (A page still has to escape it for HTML.)
    pub fn excerpt(&self) -> &str {
        self.0.excerpt()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Refusal").field(&self.0).finish()
    }
}

impl Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &[u8], offset: usize, expected: &str) {
        assert_eq!(Excerpt::around(text, offset).as_str(), expected);
    }

    /// Whatever came over the wire, a log line or a terminal gets printable text only.
    #[test]
    fn an_excerpt_is_printable() {
        check(b"", 0, "");
        check(b"plain", 2, "plain");
        check(b"a\r\nb\0\x1b[31m", 0, "a\\x0d\\x0ab\\x00\\x1b[31m");
        check("\u{fc}\u{202e}".as_bytes(), 0, "\\xc3\\xbc\\xe2\\x80\\xae");
        check(b"\"\\", 0, "\\\"\\\\");
    }

    /// It shows the place at fault, and stays short.
    #[test]
    fn an_excerpt_is_cut_around_the_place() {
        let long: Vec<u8> = (b'a'..=b'z').cycle().take(1000).collect();
        check(&long, 0, "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvw…");
        let middle = Excerpt::around(&long, 500);
        assert!(middle.as_str().starts_with("…") && middle.as_str().ends_with("…"));
        assert!(middle.as_str().contains(str::from_utf8(&long[500..520]).unwrap()));
        check(&long, 1000, "…abcdefghijkl");
        check(&long, usize::MAX, "…abcdefghijkl");
    }
}
