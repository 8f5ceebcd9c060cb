use std::fmt;

use crate::option_info::OptionInfo;
use crate::option_value::InvalidValue;
use crate::secret::shorten;

/// Something in the environment or the file that could not be taken as it is, and what was taken instead; or that
/// nothing uses yet.
///
/// Values are shortened and without secrets. `Display` says all of it in one line:
///
/// ```
/// use otelbar_config::OpenTelemetryConfig;
///
/// let (_, warnings) = OpenTelemetryConfig::from_environment(&[("OTEL_BSP_SCHEDULE_DELAY", "-5")]);
/// assert_eq!(
///     warnings[0].to_string(),
///     "OTEL_BSP_SCHEDULE_DELAY: `-5` is negative; \
///      write milliseconds such as 5000, or a number with its unit such as 5s; used `5000`",
/// );
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    #[cfg_attr(feature = "serde", serde(serialize_with = "name"))]
    option: Option<&'static OptionInfo>,
    place: Place,
    value: String,
    #[cfg_attr(feature = "serde", serde(flatten))]
    why: InvalidValue,
    used: Option<String>,
    consequence: Option<&'static str>,
}

/// Where a warning comes from.
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// An environment variable.
    Variable(String),
    /// The configuration file.
    File {
        /// Its path as it was given.
        path: String,
        /// Where in it; `None` if all of it is meant.
        position: Option<Position>,
    },
    /// An option, where it is not known which source set it.
    Option(&'static str),
}

/// A position in a file.
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl Warning {
    /// `value` must be without secrets.
    pub(crate) fn new(
        option: Option<&'static OptionInfo>,
        place: Place,
        value: String,
        why: InvalidValue,
    ) -> Self {
        Warning { option, place, value: shorten(&value), why, used: None, consequence: None }
    }

    /// Nothing could be read of the option's text.
    pub(crate) fn of_unread(self) -> Self {
        Warning { consequence: self.option.and_then(|option| option.unreadable), ..self }
    }

    /// About an option of which nothing could be read.
    #[cfg(feature = "file")]
    pub(crate) fn about(self, option: &'static OptionInfo) -> Self {
        Warning { option: Some(option), ..self }.of_unread()
    }

    /// Says what is in force, unless nothing is used instead of what was given.
    pub(crate) fn set_used(&mut self, used: &str) {
        self.used = self.consequence.is_none().then(|| shorten(used));
    }

    /// The option concerned, if it is known which.
    pub fn option(&self) -> Option<&'static OptionInfo> {
        self.option
    }

    /// The variable, or the place in the file.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The environment variable, if it is one.
    pub fn variable(&self) -> Option<&str> {
        match &self.place {
            Place::Variable(name) => Some(name),
            _ => None,
        }
    }

    /// What was given, shortened, `***` in place of secrets.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// What is wrong with it.
    pub fn problem(&self) -> &str {
        self.why.problem()
    }

    /// What to do.
    pub fn remedy(&self) -> &str {
        self.why.remedy()
    }

    /// What is in force instead, shortened, `***` in place of secrets; empty if nothing is. `None` where what was given
    /// is in force, and where nothing is used instead.
    pub fn used(&self) -> Option<&str> {
        self.used.as_deref()
    }

    /// The consequence, where nothing is used instead of what was given: an address that cannot be read is not replaced
    /// by the default, which is another backend.
    pub fn consequence(&self) -> Option<&str> {
        self.consequence
    }
}

/// An option by its name.
#[cfg(feature = "serde")]
fn name<S: serde::Serializer>(
    option: &Option<&'static OptionInfo>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&option.map(|option| option.name), serializer)
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: `{}` {}", self.place, self.value, self.why)?;
        match (self.consequence, self.used.as_deref()) {
            (Some(consequence), _) => write!(f, "; until then {consequence}"),
            (None, None) => Ok(()),
            (None, Some("")) => f.write_str("; left unset"),
            (None, Some(used)) => write!(f, "; used `{used}`"),
        }
    }
}

/// A warning about what is in use is an error: see [`unreadable_endpoint`].
///
/// [`unreadable_endpoint`]: crate::OpenTelemetryConfig::unreadable_endpoint
impl std::error::Error for Warning {}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Variable(name) => f.write_str(name),
            Place::File { path, position: None } => f.write_str(path),
            Place::File { path, position: Some(position) } => write!(f, "{path}:{position}"),
            Place::Option(name) => f.write_str(name),
        }
    }
}
