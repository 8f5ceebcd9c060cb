//! What a source gives for an option, and what of it does not go together.

use crate::option_info::OptionInfo;
use crate::option_value::{InvalidValue, OptionValue};
use crate::warning::{Position, Warning};

/// Where a value came from.
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Source {
    /// No source gave one.
    Default,
    /// The configuration file, at this place.
    File(Position),
    /// This environment variable.
    Environment {
        /// Its name.
        variable: &'static str,
    },
    /// The builder.
    Builder,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::Default => f.pad("default"),
            Source::File(position) => f.pad(&format!("file, line {}", position.line)),
            Source::Environment { variable } => f.pad(variable),
            Source::Builder => f.pad("builder"),
        }
    }
}

/// A value that a source gave.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Set<T> {
    pub(crate) value: T,
    pub(crate) source: Source,
}

/// What the sources gave for one option, before defaults.
pub(crate) type Setting<T> = Option<Set<T>>;

/// `strong` where both are set, merged with `weak` if the type is one that merges.
pub(crate) fn layer<T: OptionValue>(strong: Setting<T>, weak: Setting<T>) -> Setting<T> {
    match (strong, weak) {
        (Some(strong), Some(weak)) => {
            Some(Set { value: strong.value.over(weak.value), source: strong.source })
        }
        (strong, weak) => strong.or(weak),
    }
}

/// The warning about a text that nothing could be read of, if that was the last word of its source on the option.
pub(crate) type Unread = Option<Box<Warning>>;

/// An option that does not go with others.
#[derive(PartialEq)]
pub(crate) struct Conflict {
    pub(crate) option: &'static OptionInfo,
    pub(crate) source: Source,
    /// Without secrets.
    pub(crate) value: String,
    pub(crate) why: InvalidValue,
}

impl Conflict {
    pub(crate) fn new<T: OptionValue>(option: &'static OptionInfo, set: &Set<T>, why: InvalidValue) -> Self {
        Conflict { option, source: set.source.clone(), value: set.value.shown(), why }
    }
}
