//! How the text of an option is read.

use crate::environment::Environment;
use crate::option_info::OptionInfo;
use crate::option_value::{InvalidValue, MAX_TEXT, OptionValue, Rejected, empty, too_long};
use crate::setting::{Set, Setting, Source, Unread};
#[cfg(feature = "file")]
use crate::warning::Position;
use crate::warning::{Place, Warning};

/// An option with how it is read.
pub(crate) struct OptionReader<T: 'static> {
    pub(crate) info: &'static OptionInfo,
    pub(crate) variables: &'static [Variable<T>],
    pub(crate) check: Check<T>,
}

/// A variable and how its text is read: `None` where it says nothing about the option.
pub(crate) struct Variable<T> {
    pub(crate) name: &'static str,
    pub(crate) parse: Parse<T>,
}

/// How a text is read, and what else must hold of its value.
pub(crate) type Parse<T> = fn(&str) -> Result<Option<T>, Rejected<Option<T>>>;
pub(crate) type Check<T> = fn(&T) -> Result<(), InvalidValue>;

/// The text of the option itself.
pub(crate) fn plain<T: OptionValue>(text: &str) -> Result<Option<T>, Rejected<Option<T>>> {
    T::parse(text)
        .map(Some)
        .map_err(|rejected| Rejected { why: rejected.why, instead: rejected.instead.map(Some) })
}

/// The text of a default as a value.
pub(crate) fn default<T: OptionValue>(text: &str) -> T {
    match T::parse(text) {
        Ok(value) => value,
        // Defaults are literals of the table, and a test reads each of them.
        Err(rejected) => unreachable!("the default {text:?} is refused: {}", rejected.why()),
    }
}

/// A text that is no value of its option, without secrets, and why.
struct Refused {
    value: String,
    why: InvalidValue,
}

impl<T: OptionValue> OptionReader<T> {
    /// What can be used of a text in one of the option's own notations, and why not all of it can. An empty text is
    /// neither.
    fn read(&self, text: &str, parse: Parse<T>) -> (Option<T>, Option<Refused>) {
        let text = text.trim();
        let refused = |why| Some(Refused { value: T::conceal(text), why });
        if text.is_empty() {
            return (None, None);
        }
        if text.len() > MAX_TEXT {
            return (None, refused(too_long()));
        }
        let (value, why) = match parse(text) {
            Ok(value) => (value, None),
            Err(Rejected { why, instead }) => (instead.flatten(), Some(why)),
        };
        match value.as_ref().map_or(Ok(()), self.check) {
            Ok(()) => (value, why.and_then(refused)),
            Err(why) => (None, refused(why)),
        }
    }

    /// The value of a text, all of which must be usable.
    pub(crate) fn parse(&self, text: &str) -> Result<T, InvalidValue> {
        match self.read(text, plain) {
            (_, Some(refused)) => Err(refused.why),
            (None, None) => Err(empty()),
            (Some(value), None) => Ok(value),
        }
    }

    /// The value itself, if it is one that the option can have.
    pub(crate) fn checked(&self, value: T) -> Result<T, InvalidValue> {
        let value = value.checked()?;
        (self.check)(&value)?;
        Ok(value)
    }

    /// Reads the option from its variables, and adds the warnings there may be about it.
    pub(crate) fn read_variables(
        &self,
        environment: &dyn Environment,
        warnings: &mut Vec<Warning>,
    ) -> (Setting<T>, Unread) {
        let mut unread: Unread = None;
        let setting = self.variables.iter().find_map(|variable| {
            let (setting, warning) = self.read_variable(variable, environment);
            if setting.is_none() && unread.is_none() {
                unread = warning.clone().map(Box::new);
            }
            warnings.extend(warning.filter(|_| !self.info.not_yet));
            setting
        });
        if setting.is_some() {
            unread = None;
        }
        (setting, unread)
    }

    /// The value in one of the variables, and the warning there may be about it. Nothing and an empty text are the
    /// same.
    fn read_variable(
        &self,
        variable: &Variable<T>,
        environment: &dyn Environment,
    ) -> (Setting<T>, Option<Warning>) {
        let name = variable.name;
        let Some(text) = environment.var(name) else { return (None, None) };
        let (value, refused) = match text.to_str() {
            Some(text) => self.read(text, variable.parse),
            None => match T::parse_os(&text) {
                Some(value) => (Some(value), None),
                None => {
                    let why = InvalidValue::new("is not UTF-8", "write UTF-8");
                    (None, Some(Refused { value: T::conceal(&text.to_string_lossy()), why }))
                }
            },
        };
        let place = Place::Variable(name.to_owned());
        let warning = refused.map(|refused| self.warning(refused, place, value.is_some()));
        (value.map(|value| Set { value, source: Source::Environment { variable: name } }), warning)
    }

    /// The value of a text in the file, and the warning there may be about it.
    #[cfg(feature = "file")]
    pub(crate) fn read_file(
        &self,
        text: &str,
        position: Position,
        path: &str,
    ) -> (Setting<T>, Option<Warning>) {
        let (value, refused) = self.read(text, plain);
        let place = || Place::File { path: path.to_owned(), position: Some(position) };
        let warning = refused.map(|refused| self.warning(refused, place(), value.is_some()));
        (value.map(|value| Set { value, source: Source::File(position) }), warning)
    }

    /// Something of the text may be in use nevertheless.
    fn warning(&self, refused: Refused, place: Place, in_use: bool) -> Warning {
        let warning = Warning::new(Some(self.info), place, refused.value, refused.why);
        if in_use { warning } else { warning.of_unread() }
    }
}
