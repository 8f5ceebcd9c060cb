use std::fmt;

use crate::options::{OPTIONS, OptionInfo, Source};
use crate::secret::shorten;

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
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(transparent))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    entries: Vec<Entry>,
}

/// One option in an [`Account`].
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The option as it is declared: its name, variables, default and help.
    #[cfg_attr(feature = "serde", serde(flatten))]
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

/// A table: option, value, source, variable and help. Long values are shortened.
impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<_> = self.entries.iter().map(Entry::row).collect();
        let mut widths = HEAD.map(|title| title.len());
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        // The last column ends where its text does.
        widths[HEAD.len() - 1] = 0;
        let mut line = |cells: [&str; HEAD.len()]| {
            let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
            writeln!(f, "{}", padded.collect::<Vec<_>>().join("  ").trim_end())
        };
        line(HEAD)?;
        let mut group = "";
        for (entry, row) in self.entries.iter().zip(&rows) {
            if entry.option.group != group {
                group = entry.option.group;
                line(["", "", "", "", ""])?;
                line([group, "", "", "", ""])?;
            }
            line(row.each_ref().map(String::as_str))?;
        }
        Ok(())
    }
}

const HEAD: [&str; 5] = ["option", "value", "source", "variable", "help"];

impl Entry {
    fn row(&self) -> [String; HEAD.len()] {
        const WIDEST: usize = 40;
        let mut value: String = shorten(&self.value);
        if value.chars().count() > WIDEST {
            value = value.chars().take(WIDEST - 1).chain(['…']).collect();
        }
        let source = match &self.source {
            Source::Environment { .. } => "environment".to_owned(),
            source => source.to_string(),
        };
        let variable = match self.source {
            Source::Environment { variable } => variable,
            _ => self.option.variables.first().copied().unwrap_or_default(),
        };
        let help = [Some(self.option.help.to_owned()), self.option.reservation()];
        let help = help.into_iter().flatten().collect::<Vec<_>>().join(" ");
        [format!("  {}", self.option.name), value, source, variable.to_owned(), help]
    }
}
