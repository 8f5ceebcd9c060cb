//! The configuration file: OpenTelemetry's declarative configuration, with an `otelbar` section.

#[cfg(feature = "file")]
mod load;
#[cfg(feature = "file")]
mod schema;
#[cfg(feature = "file")]
mod substitute;
#[cfg(feature = "file")]
mod yaml;

#[cfg(feature = "file")]
pub use load::FileError;
#[cfg(feature = "file")]
pub(crate) use load::{load, parse};

use crate::environment::Environment;
use crate::settings::Settings;
use crate::warning::Warning;

/// What is noted while the environment and the file are read.
#[derive(Default)]
pub(crate) struct Reading {
    pub(crate) warnings: Vec<Warning>,
    /// The path of the file, if one was read.
    pub(crate) path: Option<String>,
}

/// The variable that names the configuration file.
pub(crate) const CONFIG_FILE: &str = "OTEL_CONFIG_FILE";

/// The path in `OTEL_CONFIG_FILE`.
pub(crate) fn named_file(environment: &dyn Environment) -> Option<String> {
    let path = environment.var(CONFIG_FILE)?;
    let path = path.to_string_lossy().trim().to_owned();
    (!path.is_empty()).then_some(path)
}

/// What the file named in the environment gives. Leaves a warning if it gives nothing.
pub(crate) fn beneath(environment: &dyn Environment, reading: &mut Reading) -> Settings {
    match named_file(environment) {
        Some(path) => read(&path, environment, reading),
        None => Settings::default(),
    }
}

#[cfg(feature = "file")]
fn read(path: &str, environment: &dyn Environment, reading: &mut Reading) -> Settings {
    load::load(path.as_ref(), environment, reading).unwrap_or_else(|error| {
        let warning = error.into_warning();
        reading.warnings.push(warning.clone());
        let mut settings = Settings::default();
        // Whether it has a token is not known: without one the pages would open to all that looks local.
        settings.unread.access_token = Some(Box::new(warning));
        settings
    })
}

#[cfg(not(feature = "file"))]
fn read(path: &str, _: &dyn Environment, reading: &mut Reading) -> Settings {
    use crate::option_value::InvalidValue;
    use crate::warning::Place;

    let why = InvalidValue::new(
        "is not read: this program is built without configuration files",
        "build it with the feature `file` of otelbar-config",
    );
    reading.warnings.push(Warning::new(None, Place::Variable(CONFIG_FILE.to_owned()), path.to_owned(), why));
    Settings::default()
}
