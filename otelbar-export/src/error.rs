//! Why a pipeline cannot be set up.

use std::fmt;
use std::io;

/// A pipeline could not be set up: an option cannot be used, or the system could not start a thread.
///
/// The message names the option as it was given (the method, or the variable of a configuration), its value unless that
/// may be a secret, and what to do.
///
/// ```
/// use otelbar_export::{Destination, Pipeline};
///
/// let error = Pipeline::builder().with_destination(Destination::otlp("collector:4318")).build().unwrap_err();
/// assert_eq!(error.option_name(), Some("Destination::otlp"));
/// assert_eq!(error.value(), Some("collector:4318"));
/// assert_eq!(error.missing_feature(), None);
/// ```
#[derive(Debug)]
pub struct SetupError {
    kind: Box<Kind>,
}

#[derive(Debug)]
enum Kind {
    Option {
        option: Setting,
        configured: bool,
        value: String,
        problem: String,
        remedy: String,
        feature: Option<&'static str>,
    },
    /// The address of an exporter in use was given, and cannot be read. Its default is not taken instead: that is another
    /// place.
    #[cfg(feature = "config")]
    Endpoint {
        place: String,
        value: String,
        problem: String,
        remedy: String,
    },
    System(io::Error),
}

impl SetupError {
    /// An option has a value that does not serve. The value is left empty where it may be a secret.
    pub(crate) fn option(
        option: Setting,
        value: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let (value, problem, remedy) = (value.into(), problem.into(), remedy.into());
        let kind = Kind::Option { option, configured: false, value, problem, remedy, feature: None };
        Self { kind: Box::new(kind) }
    }

    /// An option asks for what this build is without.
    pub(crate) fn missing(
        option: Setting,
        value: impl Into<String>,
        feature: &'static str,
        instead: &str,
    ) -> Self {
        let remedy = format!("enable the feature {feature} of otelbar-export, or {instead}");
        let mut error = Self::option(option, value, "is not in this build", remedy);
        if let Kind::Option { feature: missing, .. } = &mut *error.kind {
            *missing = Some(feature);
        }
        error
    }

    /// The address of an exporter cannot be read, as this warning says.
    #[cfg(feature = "config")]
    pub(crate) fn endpoint(warning: &otelbar_config::Warning) -> Self {
        let (place, value) = (warning.place().to_string(), warning.value().to_owned());
        let (problem, remedy) = (warning.problem().to_owned(), warning.remedy().to_owned());
        Self { kind: Box::new(Kind::Endpoint { place, value, problem, remedy }) }
    }

    pub(crate) fn system(error: io::Error) -> Self {
        Self { kind: Box::new(Kind::System(error)) }
    }

    /// The same, naming the variable rather than the method where the option comes from a configuration.
    pub(crate) fn named(mut self, from_config: bool) -> Self {
        if let Kind::Option { configured, .. } = &mut *self.kind {
            *configured = from_config;
        }
        self
    }

    /// The option that is wrong, as it was given: a method, or a variable of a configuration. `None` when no thread could be
    /// started.
    pub fn option_name(&self) -> Option<&str> {
        match &*self.kind {
            Kind::Option { option, configured, .. } => Some(option.name(*configured)),
            #[cfg(feature = "config")]
            Kind::Endpoint { place, .. } => Some(place),
            Kind::System(_) => None,
        }
    }

    /// The option's value; `None` where there is none, or where it may be a secret.
    pub fn value(&self) -> Option<&str> {
        let value = match &*self.kind {
            Kind::Option { value, .. } => value,
            #[cfg(feature = "config")]
            Kind::Endpoint { value, .. } => value,
            Kind::System(_) => "",
        };
        Some(value).filter(|value| !value.is_empty())
    }

    /// The feature of this crate that has to be enabled for what the option asks for.
    pub fn missing_feature(&self) -> Option<&'static str> {
        match &*self.kind {
            Kind::Option { feature, .. } => *feature,
            _ => None,
        }
    }

    /// Whether the address of an exporter was configured and cannot be read. A caller that leaves out what cannot be used should
    /// not leave this out: the exporter was wanted, and its default address is another place.
    pub fn is_unreadable_endpoint(&self) -> bool {
        match &*self.kind {
            #[cfg(feature = "config")]
            Kind::Endpoint { .. } => true,
            _ => false,
        }
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.kind {
            Kind::Option { option, configured, value, problem, remedy, .. } => {
                write!(f, "{}: {value:?} {problem}; {remedy}", option.name(*configured))
            }
            #[cfg(feature = "config")]
            Kind::Endpoint { place, value, problem, remedy } => {
                write!(f, "{place}: `{value}` {problem}; {remedy}")
            }
            Kind::System(error) => write!(f, "the export thread could not be started: {error}"),
        }
    }
}

/// Without a source: the message says already what the system said.
impl std::error::Error for SetupError {}

/// An option, as errors name it: by the method that sets it, or by the variable where it comes from a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    method: &'static str,
    variable: &'static str,
}

impl Setting {
    /// An option that no variable sets.
    pub(crate) const fn method(method: &'static str) -> Self {
        Self { method, variable: method }
    }

    /// An option that a variable sets as well.
    pub(crate) const fn new(method: &'static str, variable: &'static str) -> Self {
        Self { method, variable }
    }

    pub(crate) const fn name(self, configured: bool) -> &'static str {
        if configured { self.variable } else { self.method }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_answers_what_is_wrong_and_what_to_do() {
        const DELAY: Setting = Setting::new("with_delay", "OTEL_DELAY");
        let error = || SetupError::option(DELAY, "0", "leaves no time", "set it to 1 or more");
        assert_eq!(error().to_string(), "with_delay: \"0\" leaves no time; set it to 1 or more");
        assert_eq!(error().named(true).to_string(), "OTEL_DELAY: \"0\" leaves no time; set it to 1 or more");
        assert_eq!((error().option_name(), error().value()), (Some("with_delay"), Some("0")));
        assert_eq!(error().missing_feature(), None);

        let error = SetupError::missing(DELAY, "later", "time", "leave it out");
        assert_eq!(error.missing_feature(), Some("time"));
        let text = error.to_string();
        assert!(text.ends_with("enable the feature time of otelbar-export, or leave it out"), "{text}");

        let error = SetupError::system(io::Error::other("the system's words"));
        assert_eq!((error.option_name(), error.value()), (None, None));
        assert!(error.to_string().ends_with("the system's words"));
        assert!(std::error::Error::source(&error).is_none(), "or who prints the chain would read it twice");
    }
}
