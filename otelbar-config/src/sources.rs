//! A configuration of the environment, and of a file beneath it.

#[cfg(feature = "file")]
use std::path::Path;

use crate::config::OpenTelemetryConfig;
use crate::conflicts;
use crate::environment::{Environment, ProcessEnvironment};
use crate::file::{self, Reading};
#[cfg(feature = "file")]
use crate::file::{FileError, named_file};
use crate::secret::shorten;
use crate::setting::{Conflict, Source};
use crate::settings::Settings;
use crate::unknown_variables::warn_of_unknown;
use crate::warning::{Place, Warning};

impl OpenTelemetryConfig {
    /// Reads the environment of the process, as [`from_environment`](Self::from_environment) does.
    pub fn from_env() -> (Self, Vec<Warning>) {
        Self::from_environment(&ProcessEnvironment)
    }

    /// Reads `environment`. What is not understood is left at its default, with a warning. What has no effect yet is
    /// read without a warning: the standard variables may be there for an SDK of the application's own.
    ///
    /// With the feature `file`, the file named by `OTEL_CONFIG_FILE` is read beneath it; if it cannot be, that
    /// is a warning, too. `try_from_environment` makes it an error.
    pub fn from_environment(environment: &dyn Environment) -> (Self, Vec<Warning>) {
        let mut reading = Reading::default();
        let file = file::beneath(environment, &mut reading);
        Self::layered(environment, file, reading)
    }

    /// The environment over what a file gave.
    fn layered(
        environment: &dyn Environment,
        mut file: Settings,
        mut reading: Reading,
    ) -> (Self, Vec<Warning>) {
        let mut settings = Settings::read(environment, &mut reading.warnings);
        warn_of_unknown(environment, &mut reading.warnings);
        settings.lift_resource();
        file.lift_resource();
        let mut settings = settings.over(file);
        let path = reading.path;
        let warning = |conflict: Conflict| {
            let place = match (conflict.source, &path) {
                (Source::Environment { variable }, _) => Place::Variable(variable.to_owned()),
                (Source::File(position), Some(path)) => {
                    Place::File { path: path.clone(), position: Some(position) }
                }
                _ => Place::Option(conflict.option.name),
            };
            Warning::new(Some(conflict.option), place, conflict.value, conflict.why)
        };
        let conflicts: Vec<_> = conflicts::combinations(&mut settings).into_iter().map(&warning).collect();
        let config = Self::new(settings);
        let effective = config.effective();
        let in_force = |warning: &Warning| {
            let concerned = warning.option()?;
            let mut options = effective.options().iter();
            options.find(|option| option.info.name == concerned.name).map(|option| option.value.as_str())
        };
        for warning in &mut reading.warnings {
            if let Some(value) = in_force(warning) {
                warning.set_used(value);
            }
        }
        for mut warning in conflicts {
            // What does not go together may be in force nevertheless.
            if let Some(value) = in_force(&warning).filter(|value| shorten(value) != warning.value()) {
                warning.set_used(value);
            }
            reading.warnings.push(warning);
        }
        (config, reading.warnings)
    }
}

/// Configuration files (feature `file`).
///
/// The format is OpenTelemetry's declarative configuration (`file_format: "1.0"`), as far as it concerns
/// resource, propagator, tracer, meter and logger providers, and a section `otelbar` whose keys are the names of
/// [`OPTIONS`](crate::OPTIONS). In values `${VAR}` and `${VAR:-default}` stand for variables of the environment.
/// What is not understood is a warning with its place; what the file does not say is left to the environment
/// and to the defaults.
#[cfg(feature = "file")]
impl OpenTelemetryConfig {
    /// Like [`from_env`](Self::from_env), but a file named by `OTEL_CONFIG_FILE` must be usable.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or is not YAML.
    pub fn try_from_env() -> Result<(Self, Vec<Warning>), FileError> {
        Self::try_from_environment(&ProcessEnvironment)
    }

    /// Like [`from_environment`](Self::from_environment), but a file named by `OTEL_CONFIG_FILE` must be usable.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or is not YAML.
    pub fn try_from_environment(environment: &dyn Environment) -> Result<(Self, Vec<Warning>), FileError> {
        match named_file(environment) {
            Some(path) => Self::from_file(path, environment),
            None => Ok(Self::from_environment(environment)),
        }
    }

    /// Reads this file, and `environment` over it; `OTEL_CONFIG_FILE` is not looked at.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is longer than 1 MiB, or is not YAML.
    pub fn from_file(
        path: impl AsRef<Path>,
        environment: &dyn Environment,
    ) -> Result<(Self, Vec<Warning>), FileError> {
        let mut reading = Reading::default();
        let file = file::load(path.as_ref(), environment, &mut reading)?;
        Ok(Self::layered(environment, file, reading))
    }

    /// Reads the text of a configuration file, and `environment` over it. Messages call the text `name`.
    ///
    /// ```
    /// use otelbar_config::OpenTelemetryConfig;
    ///
    /// let text = r#"
    /// file_format: "1.0"
    /// tracer_provider:
    ///   processors:
    ///     - batch:
    ///         schedule_delay: ${DELAY:-250}
    ///         exporter:
    ///           otlp_http:
    ///             endpoint: http://collector:4318/v1/traces
    /// otelbar:
    ///   slow_query_threshold: 20
    /// "#;
    /// let environment = [("OTELBAR_SLOW_QUERY_THRESHOLD", "30")];
    /// let (config, warnings) = OpenTelemetryConfig::from_yaml(text, "otel.yaml", &environment)?;
    /// assert!(warnings.is_empty());
    /// assert_eq!(config.bsp_schedule_delay().as_millis(), 250);
    /// assert_eq!(config.slow_query_threshold().as_millis(), 30);
    /// # Ok::<_, otelbar_config::FileError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the text is not YAML.
    pub fn from_yaml(
        text: &str,
        name: &str,
        environment: &dyn Environment,
    ) -> Result<(Self, Vec<Warning>), FileError> {
        let mut reading = Reading::default();
        let file = file::parse(text, name, environment, &mut reading)?;
        Ok(Self::layered(environment, file, reading))
    }
}
