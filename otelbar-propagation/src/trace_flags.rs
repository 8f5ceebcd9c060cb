//! The flags of a trace context.

use std::fmt;
use std::ops::{BitAnd, BitOr};

use crate::trace_context_level::TraceContextLevel;

/// The flags a caller sends with a trace: whether it recorded it, and whether the trace id is random.
///
/// Only flags that are defined can be held: the six other bits are reserved, and a writer must set
/// them to zero ([Trace Context level 2, section 3.2.2.5](https://www.w3.org/TR/trace-context-2/#trace-flags)).
///
/// ```
/// use otelbar_propagation::TraceFlags;
///
/// let flags = TraceFlags::from_bits(0b1000_0001);
/// assert!(flags.is_sampled() && !flags.is_random());
/// assert_eq!(flags, TraceFlags::SAMPLED);
/// assert_eq!((flags | TraceFlags::RANDOM).to_string(), "03");
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceFlags(u8);

impl TraceFlags {
    /// No flag: not sampled, and nothing known of how the trace id was made. The default.
    pub const NONE: Self = Self(0);
    /// The caller may have recorded the trace (bit 0).
    pub const SAMPLED: Self = Self(1);
    /// The right-most seven bytes of the trace id are random (bit 1; level 2 of the specification).
    pub const RANDOM: Self = Self(2);

    const DEFINED: u8 = 3;

    /// The flags in `bits`. Bits that are not defined are left out.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & Self::DEFINED)
    }

    /// The flags as the byte that goes into the header.
    pub const fn to_bits(self) -> u8 {
        self.0
    }

    /// Whether the caller may have recorded the trace.
    pub const fn is_sampled(self) -> bool {
        self.0 & Self::SAMPLED.0 != 0
    }

    /// Whether the right-most seven bytes of the trace id are known to be random.
    pub const fn is_random(self) -> bool {
        self.0 & Self::RANDOM.0 != 0
    }

    /// The same flags with the sampled flag set or unset.
    pub const fn with_sampled(self, sampled: bool) -> Self {
        Self(self.0 & !Self::SAMPLED.0 | sampled as u8)
    }

    /// The same flags with the random flag set or unset.
    pub const fn with_random(self, random: bool) -> Self {
        Self(self.0 & !Self::RANDOM.0 | (random as u8) << 1)
    }

    /// The flags that this level of the specification defines; level 1 defines only the sampled flag.
    pub const fn at_level(self, level: TraceContextLevel) -> Self {
        match level {
            TraceContextLevel::One => Self(self.0 & Self::SAMPLED.0),
            TraceContextLevel::Two => self,
        }
    }

    /// The bits of a received byte that are not defined.
    pub(crate) const fn undefined_bits(bits: u8) -> u8 {
        bits & !Self::DEFINED
    }
}

impl BitOr for TraceFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for TraceFlags {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// Two lower-case hexadecimal digits, as in the header.
impl fmt::Display for TraceFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}", self.0)
    }
}

impl fmt::Debug for TraceFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.is_sampled(), self.is_random()) {
            (false, false) => "TraceFlags(NONE)",
            (true, false) => "TraceFlags(SAMPLED)",
            (false, true) => "TraceFlags(RANDOM)",
            (true, true) => "TraceFlags(SAMPLED | RANDOM)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No byte off the wire brings a reserved flag in, and each defined one survives.
    #[test]
    fn every_byte_keeps_the_defined_flags_alone() {
        for bits in 0..=u8::MAX {
            let flags = TraceFlags::from_bits(bits);
            assert_eq!(flags.to_bits(), bits & 3);
            assert_eq!(flags.is_sampled(), bits & 1 != 0);
            assert_eq!(flags.is_random(), bits & 2 != 0);
            assert_eq!(flags.with_sampled(true).with_random(false), TraceFlags::SAMPLED);
            assert_eq!(flags.with_sampled(false).with_random(true), TraceFlags::RANDOM);
            assert_eq!(flags.at_level(TraceContextLevel::One).to_bits(), bits & 1);
        }
    }
}
