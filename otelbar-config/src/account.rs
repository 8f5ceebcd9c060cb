use std::fmt;

use crate::options::{OPTIONS, OptionInfo, Source};

/// The configuration in force, option by option, without secrets: a value for the page, and by `Display`
/// a table for people.
///
/// ```
/// use otelbar_config::{OpenTelemetryConfig, Source};
///
/// let (config, _) = OpenTelemetryConfig::from_environment(&[("OTEL_BSP_MAX_QUEUE_SIZE", "4096")]);
/// let account = config.account();
/// let entry = account.entry("bsp_max_queue_size").unwrap();
/// assert_eq!(entry.value, "4096");
/// assert_eq!(entry.source, Source::Environment { variable: "OTEL_BSP_MAX_QUEUE_SIZE" });
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    entries: Vec<Entry>,
}

/// One option in an [`Account`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The option as it is declared: its name, variables, default and help.
    pub option: &'static OptionInfo,
    /// Its value as it would be written in its variable, `***` in place of secrets; empty if it has none.
    pub value: String,
    /// Where the value came from.
    pub source: Source,
}

impl Account {
    pub(crate) fn new(values: Vec<String>, sources: Vec<Source>) -> Self {
        let entries = OPTIONS.iter().zip(values).zip(sources);
        Account {
            entries: entries.map(|((option, value), source)| Entry { option, value, source }).collect(),
        }
    }

    /// Every option, in the order of the documentation.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The option of this name.
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.option.name == name)
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut group = "";
        for entry in &self.entries {
            if entry.option.group != group {
                let blank = if group.is_empty() { "" } else { "\n" };
                group = entry.option.group;
                writeln!(f, "{blank}{group}")?;
            }
            writeln!(f, "  {:<38} {:<38} {}", entry.option.name, entry.value, entry.source)?;
        }
        Ok(())
    }
}
