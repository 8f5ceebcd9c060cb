use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::hash::{BuildHasher, Hash};

use crate::options::declare::Variable;
use crate::options::{Set, Setting, Source};
use crate::value::{InvalidValue, MAX_TEXT, OptionValue};
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
}

/// The value of an option in one of its variables. Nothing, an empty text and what is unusable are the same;
/// the last is warned about.
pub(crate) fn read_variable<T: OptionValue>(
    option: &'static str,
    variable: &Variable<T>,
    check: fn(&T) -> Result<(), InvalidValue>,
    environment: &dyn Environment,
    reading: &mut Reading,
) -> Setting<T> {
    let name = variable.name;
    let mut warn = |value: String, why: InvalidValue| {
        reading.warnings.push(Warning::new(Some(option), Place::Variable(name.to_owned()), value, why));
    };
    let text = environment.var(name)?;
    let Some(text) = text.to_str() else {
        let why = InvalidValue::new("is not UTF-8", "write UTF-8");
        warn(T::conceal(&text.to_string_lossy()), why);
        return None;
    };
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    if text.len() > MAX_TEXT {
        let why = InvalidValue::new("is too long", format!("write at most {MAX_TEXT} bytes"));
        warn(T::conceal(text), why);
        return None;
    }
    let value = match (variable.parse)(text) {
        Ok(value) => value,
        Err(rejected) => {
            warn(T::conceal(text), rejected.why);
            rejected.instead.flatten()
        }
    }?;
    if let Err(why) = check(&value) {
        warn(T::conceal(text), why);
        return None;
    }
    Some(Set { value, source: Source::Environment { variable: name } })
}
