//! Floating point numbers in JSON.

use serde::{Serialize, Serializer};

/// A number, or its name where JSON has no number for it: `NaN`, `Infinity`, `-Infinity`, as protobuf's mapping to JSON
/// calls them.
pub(super) struct Double(pub(super) f64);

impl Double {
    /// The name of a number that is not finite.
    pub(super) fn name(&self) -> Option<&'static str> {
        match self.0 {
            number if number.is_finite() => None,
            f64::INFINITY => Some("Infinity"),
            f64::NEG_INFINITY => Some("-Infinity"),
            _ => Some("NaN"),
        }
    }
}

impl Serialize for Double {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.name() {
            Some(name) => serializer.serialize_str(name),
            None => serializer.serialize_f64(self.0),
        }
    }
}
