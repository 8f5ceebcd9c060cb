use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::hash::{BuildHasher, Hash};

use crate::options::declare::{Refused, Row, Variable, accept};
use crate::options::{OPTIONS, Set, Setting, Source};
use crate::secret::{MASK, shorten};
use crate::spelling::nearest;
use crate::value::{InvalidValue, OptionValue};
use crate::warning::{Place, Warning};

/// Where variables come from. Closures, maps and arrays of pairs are environments, so that tests need
/// not touch that of the process.
///
/// ```
/// use otelbar_config::OpenTelemetryConfig;
///
/// let (config, warnings) = OpenTelemetryConfig::from_environment(&[("OTEL_SERVICE_NAME", "shop")]);
/// assert_eq!(config.service_name(), "shop");
/// assert!(warnings.is_empty());
/// ```
pub trait Environment {
    /// The value of a variable, if it is set.
    fn var(&self, name: &str) -> Option<OsString>;

    /// The names of all variables, as far as they are known: misspelt ones are looked for among them.
    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    /// The name of the program's file, if it is known: a service without a name is called by it
    /// (semantic conventions, `service.name` and `process.executable.name`).
    fn executable(&self) -> Option<OsString> {
        None
    }
}

/// The environment of the process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn var(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }

    fn names(&self) -> Vec<String> {
        std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect()
    }

    fn executable(&self) -> Option<OsString> {
        std::env::current_exe().ok()?.file_name().map(Into::into)
    }
}

/// The name of the program as a text without control characters.
pub(crate) fn executable(environment: &dyn Environment) -> Option<String> {
    let name = environment.executable()?;
    let name = name.to_string_lossy();
    // Linux says so of a file that was replaced since the program was started.
    let name = name.strip_suffix(" (deleted)").unwrap_or(&name).trim();
    let name = name.replace(char::is_control, "_");
    (!name.is_empty()).then_some(name)
}

impl<F: Fn(&str) -> Option<String>> Environment for F {
    fn var(&self, name: &str) -> Option<OsString> {
        self(name).map(Into::into)
    }
}

impl<K: Borrow<str> + Eq + Hash, V: AsRef<str>, S: BuildHasher> Environment for HashMap<K, V, S> {
    fn var(&self, name: &str) -> Option<OsString> {
        self.get(name).map(|value| value.as_ref().into())
    }

    fn names(&self) -> Vec<String> {
        self.keys().map(|name| name.borrow().to_owned()).collect()
    }
}

impl<K: Borrow<str> + Ord, V: AsRef<str>> Environment for BTreeMap<K, V> {
    fn var(&self, name: &str) -> Option<OsString> {
        self.get(name).map(|value| value.as_ref().into())
    }

    fn names(&self) -> Vec<String> {
        self.keys().map(|name| name.borrow().to_owned()).collect()
    }
}

impl<K: AsRef<str>, V: AsRef<str>, const N: usize> Environment for [(K, V); N] {
    fn var(&self, name: &str) -> Option<OsString> {
        self.iter().find(|(known, _)| known.as_ref() == name).map(|(_, value)| value.as_ref().into())
    }

    fn names(&self) -> Vec<String> {
        self.iter().map(|(name, _)| name.as_ref().to_owned()).collect()
    }
}

/// What is noted while the sources are read.
#[derive(Default)]
pub(crate) struct Reading {
    pub(crate) warnings: Vec<Warning>,
    /// The path of the file, if one was read.
    pub(crate) path: Option<String>,
}

/// The value of an option in one of its variables, and the warning there may be about it. Nothing and an empty text
/// are the same.
pub(crate) fn read_variable<T: OptionValue>(
    row: &Row<T>,
    variable: &Variable<T>,
    environment: &dyn Environment,
) -> (Setting<T>, Option<Warning>) {
    let name = variable.name;
    let Some(text) = environment.var(name) else { return (None, None) };
    let (value, refused) = match text.to_str() {
        Some(text) => accept(text, variable.parse, row.check),
        None => match T::parse_os(&text) {
            Some(value) => (Some(value), None),
            None => {
                let why = InvalidValue::new("is not UTF-8", "write UTF-8");
                (None, Some(Refused { value: T::conceal(&text.to_string_lossy()), why }))
            }
        },
    };
    let place = Place::Variable(name.to_owned());
    let warning = refused.map(|refused| refused.warning(row, place, value.is_some()));
    (value.map(|value| Set { value, source: Source::Environment { variable: name } }), warning)
}

/// Warns of variables that look as if they were meant for an option but are none.
///
/// Those of `OTELBAR_` are this crate's alone. Other parts of OpenTelemetry have `OTEL_` variables of their
/// own, so that only those are reported that differ from a known one by a slip.
pub(crate) fn misspelt(environment: &dyn Environment, reading: &mut Reading) {
    let known: Vec<&str> = OPTIONS.iter().flat_map(|option| option.variables).copied().collect();
    let mut names: Vec<_> = environment.names();
    names.retain(|name| {
        let ours = name.starts_with("OTELBAR_") || name.starts_with("OTEL_");
        ours && name != CONFIG_FILE && !known.contains(&name.as_str())
    });
    names.sort_unstable();
    // Nobody has so many, and each is compared with all that are known.
    names.truncate(MOST_LOOKED_AT);
    for name in names {
        let own = name.starts_with("OTELBAR_");
        let near = nearest(&name, known.iter().copied());
        let remedy = match near {
            Some(near) => format!("perhaps {near} is meant"),
            None if own => "look its name up in the table of options".to_owned(),
            None => continue,
        };
        let why = InvalidValue::new("is in a variable that is not known", remedy);
        // What it holds is not known either: it may be a secret.
        reading.warnings.push(Warning::new(None, Place::Variable(shorten(&name)), MASK.to_owned(), why));
    }
}

/// How many unknown variables are looked at.
const MOST_LOOKED_AT: usize = 100;

/// The variable that names the configuration file.
pub(crate) const CONFIG_FILE: &str = "OTEL_CONFIG_FILE";
