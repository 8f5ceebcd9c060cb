use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::hash::{BuildHasher, Hash};

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
