use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::{named, schema, yaml};
use crate::config::OpenTelemetryConfig;
use crate::environment::{Environment, ProcessEnvironment, Reading};
use crate::options::Settings;
use crate::value::InvalidValue;
use crate::warning::{Place, Position, Warning};

/// A configuration file is at most this long, in bytes.
const LONGEST: u64 = 1 << 20;

/// Configuration files (feature `file`).
///
/// The format is OpenTelemetry's declarative configuration (`file_format: "1.0"`), as far as it concerns
/// resource, propagator, tracer, meter and logger providers, and a section `otelbar` whose keys are the names of
/// [`OPTIONS`](crate::OPTIONS). In values `${VAR}` and `${VAR:-default}` stand for variables of the environment.
/// What is not understood is a warning with its place; what the file does not say is left to the environment
/// and to the defaults.
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
        match named(environment) {
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
        let file = file(path.as_ref(), environment, &mut reading)?;
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
        let file = parse(text, name, environment, &mut reading)?;
        Ok(Self::layered(environment, file, reading))
    }
}

pub(super) fn file(
    path: &Path,
    environment: &dyn Environment,
    reading: &mut Reading,
) -> Result<Settings, FileError> {
    let name = path.display().to_string();
    let failed = |problem: Problem| FileError { path: name.clone(), problem };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| failed(Problem::Unreadable(error)))?;
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|error| failed(Problem::Unreadable(error)))?;
    if bytes.len() as u64 > LONGEST {
        return Err(failed(Problem::TooLong));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|&&b| b == b'\n').count() + 1;
        let start = valid.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        let column = String::from_utf8_lossy(&valid[start..]).chars().count() + 1;
        failed(Problem::Syntax { position: Position { line, column }, problem: "it is not UTF-8".to_owned() })
    })?;
    parse(&text, &name, environment, reading)
}

fn parse(
    text: &str,
    name: &str,
    environment: &dyn Environment,
    reading: &mut Reading,
) -> Result<Settings, FileError> {
    let tree = yaml::parse(text, environment).map_err(|error| FileError {
        path: name.to_owned(),
        problem: Problem::Syntax { position: error.position, problem: error.problem },
    })?;
    reading.path = Some(name.to_owned());
    Ok(schema::read(&tree, name, reading))
}

/// Why a configuration file could not be read or parsed.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}; {}", self.place(), problem.remedy())]
pub struct FileError {
    path: String,
    problem: Problem,
}

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
    #[error("is longer than {LONGEST} bytes")]
    TooLong,
    #[error("cannot be parsed: {problem}")]
    Syntax { position: Position, problem: String },
}

impl FileError {
    /// The path as it was given.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Where in the file; `None` if it could not be read at all.
    pub fn position(&self) -> Option<Position> {
        match self.problem {
            Problem::Syntax { position, .. } => Some(position),
            Problem::Unreadable(_) | Problem::TooLong => None,
        }
    }

    /// As the warning of a reader that goes on without the file.
    pub(super) fn into_warning(self) -> Warning {
        let why = InvalidValue::new(self.problem.to_string(), self.problem.remedy());
        Warning::new(None, self.place(), self.path, why)
    }

    fn place(&self) -> Place {
        Place::File { path: self.path.clone(), position: self.position() }
    }
}

impl Problem {
    fn remedy(&self) -> &'static str {
        match self {
            Problem::Unreadable(_) => "name a file that can be read in OTEL_CONFIG_FILE, or unset it",
            Problem::TooLong => "name a configuration file in OTEL_CONFIG_FILE",
            Problem::Syntax { .. } => "mend the file there",
        }
    }
}
