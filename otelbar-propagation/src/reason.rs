//! Why a header can be refused.

use std::fmt;

/// Why a header, or a member of one, was refused.
///
/// It is what the errors of this crate answer to `reason()`; its `Display` is a sentence about the
/// header's text, without the text itself. Small and `Copy`, so that refusals can be counted by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// There is nothing in it.
    Empty,
    /// The header occurs more than once, and only one is allowed.
    Duplicated,
    /// The text ends before all fields have been read.
    TooShort,
    /// There is text after the last field.
    TooLong,
    /// A dash was expected here.
    MissingDash,
    /// An upper-case hexadecimal digit, where only lower case is allowed.
    UpperCase,
    /// A byte that is no hexadecimal digit.
    NotHex,
    /// Version `ff`, which is forbidden.
    ForbiddenVersion,
    /// A trace id of zeros only.
    ZeroTraceId,
    /// A parent id (span id) of zeros only.
    ZeroSpanId,
    /// A list member without an equals sign after its key.
    MissingEquals,
    /// A list member that begins with its equals sign.
    EmptyKey,
    /// A byte that a key may not contain, or not at this place.
    KeyCharacter,
    /// A key, or one of its two parts, that is too long.
    KeyTooLong,
    /// An equals sign without a value after it.
    EmptyValue,
    /// A byte that a value may not contain.
    ValueCharacter,
    /// A value that is too long.
    ValueTooLong,
    /// More members than the list may have.
    TooManyMembers,
    /// More bytes than the list may have.
    ListTooLong,
    /// A sampling state that is not one of those the format knows.
    SamplingState,
    /// A field that the format requires is missing.
    MissingField,
}

impl Reason {
    const fn sentence(self) -> &'static str {
        match self {
            Self::Empty => "it is empty",
            Self::Duplicated => "the header occurs more than once",
            Self::TooShort => "it ends too early",
            Self::TooLong => "there is text after the last field",
            Self::MissingDash => "a dash was expected",
            Self::UpperCase => "an upper-case digit where only 0-9 and a-f are allowed",
            Self::NotHex => "a byte that is not one of 0-9 and a-f",
            Self::ForbiddenVersion => "version ff is forbidden",
            Self::ZeroTraceId => "the trace id is all zeros",
            Self::ZeroSpanId => "the parent id is all zeros",
            Self::MissingEquals => "a member without an equals sign",
            Self::EmptyKey => "a member without a key",
            Self::KeyCharacter => "a byte that is not allowed at this place of a key",
            Self::KeyTooLong => "a key that is too long",
            Self::EmptyValue => "a member without a value",
            Self::ValueCharacter => "a byte that is not allowed in a value",
            Self::ValueTooLong => "a value that is too long",
            Self::TooManyMembers => "too many members",
            Self::ListTooLong => "too many bytes in all",
            Self::SamplingState => "an unknown sampling state",
            Self::MissingField => "a required field is missing",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.sentence())
    }
}
