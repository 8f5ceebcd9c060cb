use std::fmt;

use crate::option_info::OptionInfo;
use crate::secret::shorten;
use crate::setting::Source;
use crate::settings::{ALL, Settings, Values};

/// The configuration in force, option by option, without secrets: a value for the page, and by `Display`
/// a table for people.
///
/// ```
/// use otelbar_config::{OpenTelemetryConfig, Source};
///
/// let (config, _) = OpenTelemetryConfig::from_environment(&[("OTEL_BSP_MAX_QUEUE_SIZE", "4096")]);
/// let effective = config.effective();
/// let set: Vec<_> = effective.options().iter().filter(|option| option.source != Source::Default).collect();
/// assert_eq!((set[0].info.name, set[0].value.as_str()), ("bsp_max_queue_size", "4096"));
/// ```
///
/// For a single option there are [`value`](crate::OpenTelemetryConfig::value) and
/// [`source`](crate::OpenTelemetryConfig::source).
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(transparent))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectiveConfig {
    options: Vec<EffectiveOption>,
}

/// One option in an [`EffectiveConfig`].
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EffectiveOption {
    /// The option as it is declared: its name, variables, default and help.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub info: &'static OptionInfo,
    /// Its value as it would be written in its variable, `***` in place of secrets; empty if it has none.
    pub value: String,
    /// Where the value came from.
    pub source: Source,
}

impl EffectiveConfig {
    pub(crate) fn new(settings: &Settings, values: &Values) -> Self {
        let options = ALL.iter().map(|option| EffectiveOption {
            info: option.info(),
            value: option.shown(values),
            source: option.source(settings),
        });
        EffectiveConfig { options: options.collect() }
    }

    /// Every option, in the order of the documentation.
    pub fn options(&self) -> &[EffectiveOption] {
        &self.options
    }
}

/// A table: option, value, source, variable and help. Long values are shortened.
impl fmt::Display for EffectiveConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<_> = self.options.iter().map(EffectiveOption::row).collect();
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
        for (option, row) in self.options.iter().zip(&rows) {
            if option.info.group != group {
                group = option.info.group;
                line(["", "", "", "", ""])?;
                line([group, "", "", "", ""])?;
            }
            line(row.each_ref().map(String::as_str))?;
        }
        Ok(())
    }
}

const HEAD: [&str; 5] = ["option", "value", "source", "variable", "help"];

impl EffectiveOption {
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
            _ => self.info.variables.first().copied().unwrap_or_default(),
        };
        let help = [Some(self.info.help.to_owned()), self.info.reservation()];
        let help = help.into_iter().flatten().collect::<Vec<_>>().join(" ");
        [format!("  {}", self.info.name), value, source, variable.to_owned(), help]
    }
}
