//! What a row of the table becomes: a setting, a value, an accessor, a setter and a line of the account.

use crate::environment::{Environment, Reading, read_variable};
use crate::value::{InvalidValue, MAX_TEXT, OptionValue, Rejected};
use crate::warning::{Place, Position, Warning};

/// Where a value came from.
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Source {
    /// Nobody gave one.
    Default,
    /// The configuration file, at this place.
    File(Position),
    /// This environment variable.
    Environment {
        /// Its name.
        variable: &'static str,
    },
    /// The builder.
    Builder,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::Default => f.pad("default"),
            Source::File(position) => f.pad(&format!("file, line {}", position.line)),
            Source::Environment { variable } => f.pad(variable),
            Source::Builder => f.pad("builder"),
        }
    }
}

/// An option as it is declared: the same for every configuration.
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct OptionInfo {
    /// Its name: the accessor's, the setter's, and the key in the file's `otelbar` section.
    pub name: &'static str,
    /// The part of the configuration it belongs to.
    pub group: &'static str,
    /// Its environment variables; the first that is set and usable counts.
    pub variables: &'static [&'static str],
    /// Its default, as it would be written in the variable, or in words where it depends on other options.
    pub default: &'static str,
    /// One line on what it is.
    pub help: &'static str,
    /// Whether its value is never shown.
    pub secret: bool,
    /// What it means that its text cannot be read, where the default does not stand in for it; `None` where it does.
    pub unreadable: Option<&'static str>,
    /// Whether it is read, but has no effect yet. There is no setter for it, and nothing is said of it.
    pub not_yet: bool,
    /// Which of the names it takes have no effect yet. Setters refuse them.
    pub values_not_yet: &'static [&'static str],
}

impl OptionInfo {
    /// What of it has no effect yet, as a sentence: `Not in effect yet.` or `Not in effect yet: headers, profile.`
    pub fn reservation(&self) -> Option<String> {
        match (self.not_yet, self.values_not_yet) {
            (true, _) => Some("Not in effect yet.".to_owned()),
            (false, []) => None,
            (false, names) => Some(format!("Not in effect yet: {}.", names.join(", "))),
        }
    }
}

/// A value that a source gave.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Set<T> {
    pub(crate) value: T,
    pub(crate) source: Source,
}

/// What the sources gave for one option, before defaults.
pub(crate) type Setting<T> = Option<Set<T>>;

/// What the sources need to know of an option to read it.
pub(crate) struct Row<T> {
    pub(crate) name: &'static str,
    pub(crate) check: Check<T>,
    /// See [`OptionInfo::unreadable`].
    pub(crate) unreadable: Option<&'static str>,
    /// See [`OptionInfo::not_yet`].
    pub(crate) not_yet: bool,
}

/// A variable and how its text is read: `None` where it says nothing about the option.
pub(crate) struct Variable<T> {
    pub(crate) name: &'static str,
    pub(crate) parse: Parse<T>,
}

/// How a text is read, and what else must hold of its value.
pub(crate) type Parse<T> = fn(&str) -> Result<Option<T>, Rejected<Option<T>>>;
pub(crate) type Check<T> = fn(&T) -> Result<(), InvalidValue>;

/// A text that is no value of its option, without secrets, and why.
pub(crate) struct Refused {
    pub(crate) value: String,
    pub(crate) why: InvalidValue,
}

/// What can be used of a text, and why not all of it can. An empty text is neither.
pub(crate) fn accept<T: OptionValue>(
    text: &str,
    parse: Parse<T>,
    check: Check<T>,
) -> (Option<T>, Option<Refused>) {
    let text = text.trim();
    let refused = |why| Some(Refused { value: T::conceal(text), why });
    if text.is_empty() {
        return (None, None);
    }
    if text.len() > MAX_TEXT {
        let why = InvalidValue::new("is too long", format!("give at most {MAX_TEXT} bytes"));
        return (None, refused(why));
    }
    let (value, why) = match parse(text) {
        Ok(value) => (value, None),
        Err(Rejected { why, instead }) => (instead.flatten(), Some(why)),
    };
    match value.as_ref().map_or(Ok(()), check) {
        Ok(()) => (value, why.and_then(refused)),
        Err(why) => (None, refused(why)),
    }
}

/// Sets an option from a text in the file, and gives the warning there may be about it.
#[cfg(feature = "file")]
pub(crate) fn set<T: OptionValue>(
    row: &Row<T>,
    setting: &mut Setting<T>,
    unread: &mut Unread,
    text: &str,
    position: Position,
    path: &str,
) -> Option<Warning> {
    let (value, refused) = accept(text, plain, row.check);
    let place = || Place::File { path: path.to_owned(), position: Some(position) };
    let warning = refused.map(|refused| refused.warning(row, place(), value.is_some()));
    if let Some(value) = value {
        *setting = Some(Set { value, source: Source::File(position) });
        *unread = None;
    } else if let Some(warning) = &warning {
        *unread = Some(Box::new(warning.clone()));
    }
    warning.filter(|_| !row.not_yet)
}

impl Refused {
    /// About the option of this row. Something of the text may be in use nevertheless.
    pub(crate) fn warning<T>(self, row: &Row<T>, place: Place, in_use: bool) -> Warning {
        let unreadable = row.unreadable.filter(|_| !in_use);
        Warning::new(Some(row.name), place, self.value, self.why).with_consequence(unreadable)
    }
}

/// The warning about a text that nothing could be read of, if that was the last word of its source on the option.
pub(crate) type Unread = Option<Box<Warning>>;

/// What could not be read where these settings go over weaker ones: a value takes the place of what is weaker.
pub(crate) fn unread<T>(setting: &Setting<T>, strong: Unread, weak: Unread) -> Unread {
    strong.or(if setting.is_some() { None } else { weak })
}

pub(crate) fn plain<T: OptionValue>(text: &str) -> Result<Option<T>, Rejected<Option<T>>> {
    T::parse(text)
        .map(Some)
        .map_err(|rejected| Rejected { why: rejected.why, instead: rejected.instead.map(Some) })
}

pub(crate) fn source<T>(setting: &Setting<T>) -> Option<Source> {
    setting.as_ref().map(|set| set.source.clone())
}

/// `strong` where both are set, merged with `weak` if the type is one that merges.
pub(crate) fn layer<T: OptionValue>(strong: Setting<T>, weak: Setting<T>) -> Setting<T> {
    match (strong, weak) {
        (Some(strong), Some(weak)) => {
            Some(Set { value: strong.value.over(weak.value), source: strong.source })
        }
        (strong, weak) => strong.or(weak),
    }
}

/// Reads an option from its variables.
pub(crate) fn read<T: OptionValue>(
    row: &Row<T>,
    variables: &[Variable<T>],
    environment: &dyn Environment,
    reading: &mut Reading,
    unread: &mut Unread,
) -> Setting<T> {
    let setting = variables.iter().find_map(|variable| {
        let (setting, warning) = read_variable(row, variable, environment);
        if setting.is_none() && unread.is_none() {
            *unread = warning.clone().map(Box::new);
        }
        reading.warnings.extend(warning.filter(|_| !row.not_yet));
        setting
    });
    if setting.is_some() {
        *unread = None;
    }
    setting
}

/// The text of a default as a value.
pub(crate) fn default<T: OptionValue>(text: &str) -> T {
    match T::parse(text) {
        Ok(value) => value,
        // Defaults are literals of the table, and a test reads each of them.
        Err(rejected) => unreachable!("the default {text:?} is refused: {}", rejected.why()),
    }
}

macro_rules! options {
    ($(
        $group:literal {
            $(
                #[doc = $help:literal]
                $name:ident : $type:ty $(as ($($view:tt)+))?,
                default $default:tt,
                env [$($variable:literal $(via $reader:path)?),+]
                $(, check $check:expr)?
                $(, unreadable $unreadable:literal)?
                $(, not $yet:ident)?;
            )+
        }
    )+) => {
        /// Every option, in the order of the documentation.
        pub static OPTIONS: &[OptionInfo] = &[$($(
            OptionInfo {
                name: stringify!($name),
                group: $group,
                variables: &[$($variable),+],
                default: options!(@default_text $default),
                help: $help.trim_ascii(),
                secret: <$type as OptionValue>::SECRET,
                unreadable: options!(@unreadable $($unreadable)?),
                not_yet: options!(@not_yet $($yet)?),
                values_not_yet: <$type as OptionValue>::NOT_YET,
            },
        )+)+];

        /// What the sources gave.
        #[derive(Clone, Default)]
        pub(crate) struct Settings {
            $($( pub(crate) $name: Setting<$type>, )+)+
            pub(crate) unread: UnreadSettings,
            /// The name of the program, where it is known.
            pub(crate) executable: Option<String>,
        }

        /// What the sources gave that nothing could be read of.
        #[derive(Clone, Default)]
        pub(crate) struct UnreadSettings { $($( pub(crate) $name: declare::Unread, )+)+ }

        /// How each option is read.
        mod row {
            use super::*;

            $($(
                pub(super) fn $name() -> declare::Row<$type> {
                    declare::Row {
                        name: stringify!($name),
                        check: options!(@check $($check)?),
                        unreadable: options!(@unreadable $($unreadable)?),
                        not_yet: options!(@not_yet $($yet)?),
                    }
                }
            )+)+
        }

        /// What is in force.
        #[derive(Clone, PartialEq)]
        pub(crate) struct Values { $($( $name: $type, )+)+ }

        impl Settings {
            $($(
                /// The value in force: what is set, else the default.
                pub(crate) fn $name(&self) -> $type {
                    match &self.$name {
                        Some(set) => set.value.clone(),
                        None => options!(@default self, $type, $default),
                    }
                }
            )+)+

            pub(crate) fn read(environment: &dyn Environment, reading: &mut Reading) -> Settings {
                let mut unread = UnreadSettings::default();
                $($(
                    let $name = declare::read(
                        &row::$name(),
                        &[$( declare::Variable { name: $variable, parse: options!(@reader $type $(, $reader)?) } ),+],
                        environment,
                        reading,
                        &mut unread.$name,
                    );
                )+)+
                Settings { $($( $name, )+)+ unread, executable: executable(environment) }
            }

            /// Sets the option of this name, if there is one, from a text in the file, and gives the warning there may
            /// be about it.
            #[cfg(feature = "file")]
            pub(crate) fn set(
                &mut self,
                option: &str,
                text: &str,
                position: crate::warning::Position,
                path: &str,
            ) -> Option<crate::warning::Warning> {
                match option {
                    $($(
                        stringify!($name) => declare::set(
                            &row::$name(), &mut self.$name, &mut self.unread.$name, text, position, path,
                        ),
                    )+)+
                    _ => None,
                }
            }

            /// Notes that nothing could be read of what the file gives for the option of this name, and gives the
            /// warning back with what that means.
            #[cfg(feature = "file")]
            pub(crate) fn set_unread(
                &mut self,
                option: &str,
                warning: crate::warning::Warning,
            ) -> crate::warning::Warning {
                match option {
                    $($(
                        stringify!($name) => {
                            let warning = warning.about(&row::$name());
                            self.unread.$name = Some(Box::new(warning.clone()));
                            warning
                        }
                    )+)+
                    _ => warning,
                }
            }

            /// These, and what `weaker` has beside them.
            pub(crate) fn over(self, mut weaker: Settings) -> Settings {
                self.hide_narrower(&mut weaker);
                let unread = UnreadSettings { $($(
                    $name: declare::unread(&self.$name, self.unread.$name, weaker.unread.$name),
                )+)+ };
                Settings {
                    $($( $name: declare::layer(self.$name, weaker.$name), )+)+
                    unread,
                    executable: self.executable.or(weaker.executable),
                }
            }

            pub(crate) fn values(&self) -> Values {
                Values { $($( $name: self.$name(), )+)+ }
            }

            /// The source of each option, in the order of [`OPTIONS`]: that of a wider option where the
            /// value is its.
            pub(crate) fn sources(&self) -> Vec<Source> {
                vec![$($( options!(@source self, $name, $default), )+)+]
            }
        }

        impl Values {
            /// Each value for people, without secrets, in the order of [`OPTIONS`].
            pub(crate) fn shown(&self) -> Vec<String> {
                vec![$($( self.$name.shown(), )+)+]
            }
        }

        /// One accessor for each option.
        impl OpenTelemetryConfig {
            $($(
                #[doc = $help]
                #[doc = ""]
                #[doc = concat!("Default: `", options!(@default_text $default), "`. Variable:" $(, " `", $variable, "`")+, ".")]
                $( #[doc = concat!("Not in effect ", stringify!($yet), ".")] )?
                pub fn $name(&self) -> options!(@view $type $(, $($view)+)?) {
                    options!(@get self.values, $name $(, $($view)+)?)
                }
            )+)+
        }

        /// Every setter takes an owned text.
        const _: fn() = || { $($( let _: fn(String) -> Given<$type> = From::from; )+)+ };

        /// One setter for each option that is in effect. Each takes the value itself or its text.
        impl Builder {
            /// Sets the option of this name from a text, as it would stand in its variable: for command
            /// lines and other configuration files. An unknown name is reported by [`build`](Self::build).
            pub fn set(self, option: &str, text: &str) -> Self {
                match option {
                    $($( stringify!($name) => options!(@set self, text, $name $(, $yet)?), )+)+
                    _ => self.unknown(option),
                }
            }

            $($( options! { @setter $help, $name, $type, $default $(, $yet)? } )+)+
        }
    };

    (@setter $help:literal, $name:ident, $type:ty, $default:tt) => {
        #[doc = $help]
        #[doc = ""]
        #[doc = concat!("Default: `", options!(@default_text $default), "`.")]
        pub fn $name(mut self, value: impl Into<Given<$type>>) -> Self {
            let set = self.accept(&row::$name(), value.into());
            if set.is_some() {
                self.settings.$name = set;
            }
            self
        }
    };
    // A setter without effect would be a trap.
    (@setter $help:literal, $name:ident, $type:ty, $default:tt, $yet:ident) => {};

    (@set $builder:expr, $text:expr, $name:ident) => { $builder.$name($text) };
    (@set $builder:expr, $text:expr, $name:ident, $yet:ident) => { $builder.without_effect(stringify!($name)) };

    (@default_text (as $wide:ident)) => { concat!("as ", stringify!($wide)) };
    (@default_text (as $wide:ident, $closure:expr, $text:literal)) => { $text };
    (@default_text ($closure:expr, $text:literal)) => { $text };
    (@default_text none) => { "" };
    (@default_text $text:literal) => { $text };

    (@default $settings:ident, $type:ty, (as $wide:ident)) => { $settings.$wide() };
    (@default $settings:ident, $type:ty, (as $wide:ident, $($default:tt)+)) => {
        options!(@default $settings, $type, ($($default)+))
    };
    (@default $settings:ident, $type:ty, (|$s:pat_param| $value:expr, $text:literal)) => {{
        let $s: &Settings = $settings;
        $value
    }};
    (@default $settings:ident, $type:ty, none) => { <$type>::default() };
    (@default $settings:ident, $type:ty, $text:literal) => { declare::default::<$type>($text) };

    (@source $settings:ident, $name:ident, (as $wide:ident $($rest:tt)*)) => {
        declare::source(&$settings.$name).or(declare::source(&$settings.$wide)).unwrap_or(Source::Default)
    };
    (@source $settings:ident, $name:ident, $default:tt) => {
        declare::source(&$settings.$name).unwrap_or(Source::Default)
    };

    (@reader $type:ty) => { declare::plain::<$type> };
    (@reader $type:ty, $reader:path) => { $reader };

    (@not_yet) => { false };
    (@not_yet $yet:ident) => { true };

    (@unreadable) => { None };
    (@unreadable $unreadable:literal) => { Some($unreadable) };

    (@check) => { |_| Ok(()) };
    (@check $check:expr) => { $check };

    (@view $type:ty) => { $type };
    (@view $type:ty, $($view:tt)+) => { $($view)+ };

    (@get $values:expr, $name:ident) => { $values.$name };
    (@get $values:expr, $name:ident, Option<&Secret<$view:ty>>) => { $values.$name.as_ref() };
    (@get $values:expr, $name:ident, Option<&$view:ty>) => { $values.$name.as_deref() };
    (@get $values:expr, $name:ident, &$view:ty) => { &$values.$name };
}
pub(crate) use options;
