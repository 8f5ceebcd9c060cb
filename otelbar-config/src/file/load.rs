use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::{Reading, schema, yaml};
use crate::environment::Environment;
use crate::option_value::InvalidValue;
use crate::settings::Settings;
use crate::warning::{Place, Position, Warning};

/// A configuration file is at most this long, in bytes.
const LONGEST: u64 = 1 << 20;

/// The settings of the file at `path`.
pub(crate) fn load(
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

/// The settings of a file with this text. Messages call it `name`.
pub(crate) fn parse(
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
            Problem::Syntax { .. } => "fix the file there",
        }
    }
}
