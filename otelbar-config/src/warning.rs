use std::fmt;

use crate::secret::shorten;
use crate::value::InvalidValue;

/// Something in the environment or the file that could not be taken as it is, and what was taken instead.
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    option: Option<&'static str>,
    place: Place,
    value: String,
    why: InvalidValue,
    used: Option<String>,
}

/// Where a warning comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// An environment variable.
    Variable(String),
    /// A place in the configuration file.
    File {
        /// The file's path as it was given.
        path: String,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
    },
    /// An option that no variable and no file has set.
    Option(&'static str),
}

impl Warning {
    /// `value` must be without secrets.
    pub(crate) fn new(option: Option<&'static str>, place: Place, value: String, why: InvalidValue) -> Self {
        Warning { option, place, value: shorten(&value), why, used: None }
    }

    pub(crate) fn set_used(&mut self, used: &str) {
        self.used = Some(shorten(used));
    }

    /// The option concerned, if it is known which.
    pub fn option(&self) -> Option<&'static str> {
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

    /// What is in force instead, shortened, `***` in place of secrets; empty if nothing is.
    pub fn used(&self) -> Option<&str> {
        self.used.as_deref()
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: `{}` {}", self.place, self.value, self.why)?;
        match self.used.as_deref() {
            None => Ok(()),
            Some("") => f.write_str("; left unset"),
            Some(used) => write!(f, "; used `{used}`"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Variable(name) => f.write_str(name),
            Place::File { path, line, column } => write!(f, "{path}:{line}:{column}"),
            Place::Option(name) => f.write_str(name),
        }
    }
}
