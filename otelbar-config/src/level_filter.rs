use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use crate::choice::LogLevel;
use crate::option_value::{InvalidValue, OptionValue, Rejected, WrongEntries, entries, sealed};

/// From which level on spans and logs are taken, by their target: `level` for all, `target=level` for a target and
/// what is below it, separated by commas. The longest target that fits counts.
///
/// ```
/// use otelbar_config::{LevelFilter, LogLevel};
///
/// let filter: LevelFilter = "info,shop=debug,shop::cart=off".parse()?;
/// assert_eq!(filter.level_of("shop::stock"), LogLevel::Debug);
/// assert_eq!(filter.level_of("shop::cart"), LogLevel::Off);
/// assert_eq!(filter.level_of("shopping"), LogLevel::Info);
/// # Ok::<_, otelbar_config::InvalidValue>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelFilter {
    default: LogLevel,
    targets: Vec<(String, LogLevel)>,
}

impl LevelFilter {
    /// The level for all targets without one of their own; [`LogLevel::Off`] where the text names none.
    pub fn default_level(&self) -> LogLevel {
        self.default
    }

    /// The targets with a level of their own, in the order of the text.
    pub fn targets(&self) -> impl Iterator<Item = (&str, LogLevel)> {
        self.targets.iter().map(|(target, level)| (&**target, *level))
    }

    /// The level from which on this target is taken.
    pub fn level_of(&self, target: &str) -> LogLevel {
        let fits = |known: &str| {
            target.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        let longest = self.targets().filter(|(known, _)| fits(known)).max_by_key(|(known, _)| known.len());
        longest.map_or(self.default, |(_, level)| level)
    }

    fn read(text: &str) -> Result<Self, Rejected<Self>> {
        let mut filter = LevelFilter { default: LogLevel::Off, targets: Vec::new() };
        let mut wrong = WrongEntries::of(text);
        let mut right = false;
        let mut own: HashMap<&str, LogLevel> = HashMap::new();
        for entry in entries(text) {
            let (target, level) = match entry.split_once('=') {
                Some((target, level)) => (Some(target.trim()), level.trim()),
                None => (None, entry),
            };
            match (target, level.parse()) {
                (None, Ok(level)) => filter.default = level,
                (Some(target), Ok(level)) if is_target(target) => {
                    own.insert(target, level);
                }
                _ => {
                    wrong.push(entry, "is neither a level nor target=level", REMEDY);
                    continue;
                }
            }
            right = true;
        }
        // In the order of the text, each where it is named last.
        let named = entries(text).filter_map(|entry| Some(entry.split_once('=')?.0.trim()));
        for target in named.collect::<Vec<_>>().into_iter().rev() {
            if let Some((target, level)) = own.remove_entry(target) {
                filter.targets.push((target.to_owned(), level));
            }
        }
        filter.targets.reverse();
        wrong.finish(right.then_some(filter), || InvalidValue::new("has no entry", REMEDY))
    }
}

const REMEDY: &str = "write for example info,my_crate=debug, with off, error, warn, info, debug or trace";

fn is_target(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ':' | '.'))
}

impl FromStr for LevelFilter {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        LevelFilter::read(text).map_err(|rejected| rejected.why)
    }
}

impl fmt::Display for LevelFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.default.as_str())?;
        self.targets().try_for_each(|(target, level)| write!(f, ",{target}={level}"))
    }
}

impl sealed::Sealed for LevelFilter {}

impl OptionValue for LevelFilter {
    fn parse(text: &str) -> Result<Self, Rejected<Self>> {
        LevelFilter::read(text)
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, Option<&str>>) {
        let read =
            LevelFilter::parse(text).map_err(|rejected| rejected.instead.map(|filter| filter.to_string()));
        let read = read.map(|filter| filter.to_string());
        assert_eq!(read, expected.map(str::to_owned).map_err(|instead| instead.map(str::to_owned)));
    }

    #[test]
    fn entries_are_levels_and_targets() {
        check("debug", Ok("debug"));
        check("DEBUG, a::b = Warning,,c=off", Ok("debug,a::b=warn,c=off"));
        check("a=info", Ok("off,a=info"));
        check("a=info,a=debug,info,error", Ok("error,a=debug"));
    }

    #[test]
    fn what_is_right_of_a_wrong_text_is_kept() {
        check("loud", Err(None));
        check("info,a=loud,b=debug", Err(Some("info,b=debug")));
        check("info,=debug", Err(Some("info")));
        check("a b=debug", Err(None));
    }
}
