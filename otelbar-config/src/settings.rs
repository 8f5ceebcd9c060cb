//! The options as handles, what the sources gave for them, and the values in force.

use std::fmt;

use crate::amount::holds_a_trace;
use crate::environment::{Environment, ProcessEnvironment, executable};
use crate::option_info::OptionInfo;
use crate::option_reader::{self, OptionReader, Variable};
use crate::option_types::*;
use crate::option_value::{OptionValue, hard_to_guess, positive, within};
use crate::options::{options, row};
use crate::resource::unknown_service;
use crate::sampler::by_deployment;
use crate::setting::{self, Set, Setting, Source, Unread};
use crate::signal::Signal;
use crate::variable_readers;
#[cfg(feature = "file")]
use crate::warning::Position;
use crate::warning::Warning;

/// An option as a handle of its type: it asks a configuration for the [value](crate::OpenTelemetryConfig::value) of
/// the option and for the [source](crate::OpenTelemetryConfig::source) of that.
///
/// There is a constant for each option in the module [`option`].
pub struct OptionKey<T: 'static>(&'static Definition<T>);

/// How an option is read, and its place in what all options have.
struct Definition<T: 'static> {
    reader: OptionReader<T>,
    setting: fn(&Settings) -> &Setting<T>,
    slot: fn(&mut Settings) -> (&mut Setting<T>, &mut Unread),
    unread: fn(&Settings) -> &Unread,
    value: fn(&Values) -> &T,
    default: fn(&Settings) -> T,
    /// The option whose value is that of this one where this one is not set.
    wider: Option<&'static dyn AnyOption>,
}

impl<T> OptionKey<T> {
    /// The option as it is declared: its name, variables, default and help.
    pub fn info(self) -> &'static OptionInfo {
        self.0.reader.info
    }

    pub(crate) fn reader(self) -> &'static OptionReader<T> {
        &self.0.reader
    }

    pub(crate) fn setting(self, settings: &Settings) -> &Setting<T> {
        (self.0.setting)(settings)
    }

    pub(crate) fn setting_mut(self, settings: &mut Settings) -> &mut Setting<T> {
        (self.0.slot)(settings).0
    }

    pub(crate) fn unread(self, settings: &Settings) -> Option<&Warning> {
        (self.0.unread)(settings).as_deref()
    }

    pub(crate) fn value(self, values: &Values) -> &T {
        (self.0.value)(values)
    }
}

impl<T> Clone for OptionKey<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for OptionKey<T> {}

impl<T> fmt::Debug for OptionKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OptionKey").field(&self.info().name).finish()
    }
}

/// An option of any type.
pub(crate) trait AnyOption: Sync {
    fn info(&self) -> &'static OptionInfo;
    /// Reads it from its variables.
    fn read(&self, settings: &mut Settings, environment: &dyn Environment, warnings: &mut Vec<Warning>);
    /// Sets it from a text in the file, and gives the warning there may be about it.
    #[cfg(feature = "file")]
    fn set(&self, settings: &mut Settings, text: &str, position: Position, path: &str) -> Option<Warning>;
    /// Notes that nothing could be read of what the file gives for it, and gives the warning back with the
    /// consequence.
    #[cfg(feature = "file")]
    fn set_unread(&self, settings: &mut Settings, warning: Warning) -> Warning;
    /// Takes what `weaker` has, where `settings` have nothing or it is to be merged.
    fn layer(&self, settings: &mut Settings, weaker: &mut Settings);
    /// Whether a source gave something, readable or not.
    fn is_given(&self, settings: &Settings) -> bool;
    fn unset(&self, settings: &mut Settings);
    /// That of a wider option where the value is the wider option's.
    fn source(&self, settings: &Settings) -> Source;
    /// The value for people, without secrets.
    fn shown(&self, values: &Values) -> String;
}

impl<T: OptionValue> AnyOption for OptionKey<T> {
    fn info(&self) -> &'static OptionInfo {
        self.0.reader.info
    }

    fn read(&self, settings: &mut Settings, environment: &dyn Environment, warnings: &mut Vec<Warning>) {
        let (setting, unread) = (self.0.slot)(settings);
        (*setting, *unread) = self.0.reader.read_variables(environment, warnings);
    }

    #[cfg(feature = "file")]
    fn set(&self, settings: &mut Settings, text: &str, position: Position, path: &str) -> Option<Warning> {
        let (setting, unread) = (self.0.slot)(settings);
        let (value, warning) = self.0.reader.read_file(text, position, path);
        if value.is_some() {
            (*setting, *unread) = (value, None);
        } else if let Some(warning) = &warning {
            *unread = Some(Box::new(warning.clone()));
        }
        warning.filter(|_| !self.info().not_yet)
    }

    #[cfg(feature = "file")]
    fn set_unread(&self, settings: &mut Settings, warning: Warning) -> Warning {
        let warning = warning.about(self.info());
        *(self.0.slot)(settings).1 = Some(Box::new(warning.clone()));
        warning
    }

    fn layer(&self, settings: &mut Settings, weaker: &mut Settings) {
        let (setting, unread) = (self.0.slot)(settings);
        let (weak, weak_unread) = (self.0.slot)(weaker);
        // A value takes the place of what is weaker, readable or not.
        if setting.is_none() && unread.is_none() {
            *unread = weak_unread.take();
        }
        *setting = setting::layer(setting.take(), weak.take());
    }

    fn is_given(&self, settings: &Settings) -> bool {
        self.setting(settings).is_some() || self.unread(settings).is_some()
    }

    fn unset(&self, settings: &mut Settings) {
        let (setting, unread) = (self.0.slot)(settings);
        (*setting, *unread) = (None, None);
    }

    fn source(&self, settings: &Settings) -> Source {
        match (self.setting(settings), self.0.wider) {
            (Some(set), _) => set.source.clone(),
            (None, Some(wider)) => wider.source(settings),
            (None, None) => Source::Default,
        }
    }

    fn shown(&self, values: &Values) -> String {
        self.value(values).shown()
    }
}

/// What may stand in memory at most, as a count: more is a mistake.
const MANY: usize = 16_777_216;

macro_rules! settings {
    ($(
        $group:literal {
            $(
                #[doc = $help:literal]
                $key:ident $name:ident : $type:ty $(as ($($view:tt)+))?,
                default $default:tt,
                env [$($variable:literal $(via $reader:path)?),+]
                $(, check $check:expr)?
                $(, unreadable $unreadable:literal)?
                $(, not $yet:ident)?;
            )+
        }
    )+) => {
        /// A handle for each option, of the type of its value.
        ///
        /// ```
        /// use otelbar_config::{OpenTelemetryConfig, Source, option};
        ///
        /// let (config, _) = OpenTelemetryConfig::from_environment(&[("OTEL_BSP_MAX_QUEUE_SIZE", "4096")]);
        /// assert_eq!(*config.value(option::BSP_MAX_QUEUE_SIZE), 4096);
        /// let source = config.source(option::BSP_MAX_QUEUE_SIZE);
        /// assert_eq!(source, Source::Environment { variable: "OTEL_BSP_MAX_QUEUE_SIZE" });
        /// assert_eq!(config.source(option::JAEGER_UI), Source::Default);
        /// ```
        pub mod option {
            use super::*;

            $($(
                #[doc = $help]
                pub const $key: OptionKey<$type> = {
                    const INFO: OptionInfo = OptionInfo {
                        name: stringify!($name),
                        group: $group,
                        variables: &[$($variable),+],
                        default: row!(@default_text $default),
                        help: $help.trim_ascii(),
                        secret: <$type as OptionValue>::SECRET,
                        unreadable: settings!(@unreadable $($unreadable)?),
                        not_yet: settings!(@not_yet $($yet)?),
                        values_not_yet: <$type as OptionValue>::NOT_YET,
                    };
                    const DEFINITION: Definition<$type> = Definition {
                        reader: OptionReader {
                            info: &INFO,
                            variables: &[
                                $( Variable { name: $variable, parse: settings!(@reader $type $(, $reader)?) } ),+
                            ],
                            check: settings!(@check $($check)?),
                        },
                        setting: |settings| &settings.$name,
                        slot: |settings| (&mut settings.$name, &mut settings.unread.$name),
                        unread: |settings| &settings.unread.$name,
                        value: |values| &values.$name,
                        default: settings!(@default $type, $default),
                        wider: settings!(@wider $default),
                    };
                    assert!(same_name(stringify!($key), stringify!($name)));
                    OptionKey(&DEFINITION)
                };
            )+)+
        }

        /// Every option, in the order of the documentation.
        pub static OPTIONS: &[OptionInfo] = &[$($( *option::$key.0.reader.info, )+)+];

        /// The same as handles.
        pub(crate) static ALL: &[&dyn AnyOption] = &[$($( &option::$key, )+)+];

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
        pub(crate) struct UnreadSettings { $($( pub(crate) $name: Unread, )+)+ }

        /// What is in force.
        #[derive(Clone, PartialEq)]
        pub(crate) struct Values { $($( pub(crate) $name: $type, )+)+ }

        impl Settings {
            $($(
                /// The value in force: what is set, else the default.
                pub(crate) fn $name(&self) -> $type {
                    self.value(option::$key)
                }
            )+)+

            pub(crate) fn values(&self) -> Values {
                Values { $($( $name: self.$name(), )+)+ }
            }
        }
    };

    (@default $type:ty, (as $key:ident $wide:ident)) => { |settings| settings.$wide() };
    (@default $type:ty, (as $key:ident $wide:ident, $($default:tt)+)) => { settings!(@default $type, ($($default)+)) };
    (@default $type:ty, (|$s:pat_param| $value:expr, $text:literal)) => { |$s: &Settings| $value };
    (@default $type:ty, none) => { |_| <$type>::default() };
    (@default $type:ty, $text:literal) => { |_| option_reader::default::<$type>($text) };

    (@wider (as $key:ident $($rest:tt)*)) => { Some(&$key) };
    (@wider $default:tt) => { None };

    (@reader $type:ty) => { option_reader::plain::<$type> };
    (@reader $type:ty, $reader:path) => { $reader };

    (@not_yet) => { false };
    (@not_yet $yet:ident) => { true };

    (@unreadable) => { None };
    (@unreadable $unreadable:literal) => { Some($unreadable) };

    (@check) => { |_| Ok(()) };
    (@check $check:expr) => { $check };
}
options!(settings);

/// Whether a constant has the name of its option in capitals.
const fn same_name(constant: &str, option: &str) -> bool {
    let (constant, option) = (constant.as_bytes(), option.as_bytes());
    let mut same = constant.len() == option.len();
    let mut index = 0;
    while same && index < option.len() {
        same = constant[index] == option[index].to_ascii_uppercase();
        index += 1;
    }
    same
}

impl Settings {
    /// The value in force: what is set, else the default.
    pub(crate) fn value<T: OptionValue>(&self, option: OptionKey<T>) -> T {
        match option.setting(self) {
            Some(set) => set.value.clone(),
            None => (option.0.default)(self),
        }
    }

    /// Those of a configuration that is made by hand: none, but for what this program is.
    pub(crate) fn of_process() -> Settings {
        Settings { executable: executable(&ProcessEnvironment), ..Settings::default() }
    }

    /// Reads every option from its variables.
    pub(crate) fn read(environment: &dyn Environment, warnings: &mut Vec<Warning>) -> Settings {
        let mut settings = Settings { executable: executable(environment), ..Settings::default() };
        for option in ALL {
            option.read(&mut settings, environment, warnings);
        }
        settings
    }

    /// These, and what `weaker` has beside them.
    pub(crate) fn over(mut self, mut weaker: Settings) -> Settings {
        self.hide_narrower(&mut weaker);
        for option in ALL {
            option.layer(&mut self, &mut weaker);
        }
        self.executable = self.executable.or(weaker.executable);
        self
    }

    /// Takes out of `weaker` what would win over a wider option of these, though its source is weaker: the
    /// endpoint of traces in a file, say, when the environment has an endpoint for all signals.
    fn hide_narrower(&self, weaker: &mut Settings) {
        for (wide, narrower) in NARROWER {
            if wide.is_given(self) {
                narrower.iter().for_each(|narrow| narrow.unset(weaker));
            }
        }
    }

    /// Moves the attributes of the resource that have an option of their own to it. The option wins where
    /// the same source has both.
    pub(crate) fn lift_resource(&mut self) {
        let Some(Set { value: attributes, source }) = &mut self.resource_attributes else { return };
        let take = |attributes: &mut ResourceAttributes, key| {
            attributes
                .remove(key)
                .map(|value| value.trim().to_owned())
                .filter(|value| !value.is_empty())
                .map(|value| Set { value, source: source.clone() })
        };
        let optional = |set: Set<String>| Set { value: Some(set.value), source: set.source };
        let name = take(attributes, SERVICE_NAME);
        let version = take(attributes, SERVICE_VERSION).map(optional);
        let namespace = take(attributes, SERVICE_NAMESPACE).map(optional);
        let instance = take(attributes, SERVICE_INSTANCE_ID).map(optional);
        let deployment = take(attributes, DEPLOYMENT_ENVIRONMENT).map(optional);
        let old_deployment = take(attributes, OLD_DEPLOYMENT_ENVIRONMENT).map(optional);
        self.service_name = self.service_name.take().or(name);
        self.service_version = self.service_version.take().or(version);
        self.service_namespace = self.service_namespace.take().or(namespace);
        self.service_instance_id = self.service_instance_id.take().or(instance);
        self.deployment_environment = self.deployment_environment.take().or(deployment).or(old_deployment);
        if self.resource_attributes.as_ref().is_some_and(|set| set.value.is_empty()) {
            self.resource_attributes = None;
        }
    }

    /// Where a receiver on this machine listens.
    fn default_endpoint(&self, protocol: Protocol) -> Endpoint {
        option_reader::default(match protocol {
            Protocol::Grpc => "http://localhost:4317",
            Protocol::HttpProtobuf | Protocol::HttpJson => "http://localhost:4318",
        })
    }

    /// The endpoint of a signal that has none of its own: the generic one, or the default of the signal's
    /// protocol; over HTTP with the signal's path.
    fn endpoint_of(&self, signal: Signal) -> Endpoint {
        let protocol = match signal {
            Signal::Traces => self.otlp_traces_protocol(),
            Signal::Metrics => self.otlp_metrics_protocol(),
            Signal::Logs => self.otlp_logs_protocol(),
        };
        let generic = match &self.otlp_endpoint {
            Some(set) => set.value.clone(),
            None => self.default_endpoint(protocol),
        };
        match protocol {
            Protocol::Grpc => generic.origin(),
            Protocol::HttpProtobuf | Protocol::HttpJson => generic.join(signal.otlp_path()),
        }
    }
}

// The attributes of the resource that have an option of their own (semantic conventions, "Resource").
pub(crate) const SERVICE_NAME: &str = "service.name";
pub(crate) const SERVICE_VERSION: &str = "service.version";
pub(crate) const SERVICE_NAMESPACE: &str = "service.namespace";
pub(crate) const SERVICE_INSTANCE_ID: &str = "service.instance.id";
pub(crate) const DEPLOYMENT_ENVIRONMENT: &str = "deployment.environment.name";
/// Its name before the conventions were stable.
const OLD_DEPLOYMENT_ENVIRONMENT: &str = "deployment.environment";

/// Options that are for all of what others are for in part.
static NARROWER: &[(&dyn AnyOption, &[&dyn AnyOption])] = {
    use option::*;

    &[
        (&OTLP_ENDPOINT, &[&OTLP_TRACES_ENDPOINT, &OTLP_METRICS_ENDPOINT, &OTLP_LOGS_ENDPOINT]),
        (&OTLP_PROTOCOL, &[&OTLP_TRACES_PROTOCOL, &OTLP_METRICS_PROTOCOL, &OTLP_LOGS_PROTOCOL]),
        (&OTLP_INSECURE, &[&OTLP_TRACES_INSECURE, &OTLP_METRICS_INSECURE, &OTLP_LOGS_INSECURE]),
        (&OTLP_HEADERS, &[&OTLP_TRACES_HEADERS, &OTLP_METRICS_HEADERS, &OTLP_LOGS_HEADERS]),
        (&OTLP_TIMEOUT, &[&OTLP_TRACES_TIMEOUT, &OTLP_METRICS_TIMEOUT, &OTLP_LOGS_TIMEOUT]),
        (&OTLP_COMPRESSION, &[&OTLP_TRACES_COMPRESSION, &OTLP_METRICS_COMPRESSION, &OTLP_LOGS_COMPRESSION]),
        (&OTLP_CERTIFICATE, &[&OTLP_TRACES_CERTIFICATE, &OTLP_METRICS_CERTIFICATE, &OTLP_LOGS_CERTIFICATE]),
        (
            &OTLP_CLIENT_CERTIFICATE,
            &[
                &OTLP_TRACES_CLIENT_CERTIFICATE,
                &OTLP_METRICS_CLIENT_CERTIFICATE,
                &OTLP_LOGS_CLIENT_CERTIFICATE,
            ],
        ),
        (&OTLP_CLIENT_KEY, &[&OTLP_TRACES_CLIENT_KEY, &OTLP_METRICS_CLIENT_KEY, &OTLP_LOGS_CLIENT_KEY]),
        (
            &ATTRIBUTE_VALUE_LENGTH_LIMIT,
            &[&SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT, &LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT],
        ),
        (
            &ATTRIBUTE_COUNT_LIMIT,
            &[
                &SPAN_ATTRIBUTE_COUNT_LIMIT,
                &EVENT_ATTRIBUTE_COUNT_LIMIT,
                &LINK_ATTRIBUTE_COUNT_LIMIT,
                &LOGRECORD_ATTRIBUTE_COUNT_LIMIT,
            ],
        ),
        (&TRACES_SAMPLER, &[&TRACES_SAMPLER_ARG]),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    /// A narrower option has the default of the wider one, and is hidden by it: two places that say the same.
    #[test]
    fn what_takes_its_default_from_a_wider_option_is_hidden_by_it() {
        let hidden = |wide: &str, narrow: &str| {
            NARROWER.iter().any(|(known, narrower)| {
                known.info().name == wide && narrower.iter().any(|known| known.info().name == narrow)
            })
        };
        for option in OPTIONS {
            if let Some(wide) = option.default.strip_prefix("as ") {
                assert!(hidden(wide, option.name), "{wide}: {}", option.name);
            }
        }
    }

    /// A constant that is not its option's cannot be compiled.
    #[test]
    fn a_constant_has_the_name_of_its_option() {
        assert!(same_name("OTLP_ENDPOINT", "otlp_endpoint"));
        assert!(!same_name("OTLP_ENDPOINT", "otlp_endpoints"));
        assert!(!same_name("OTLP_HEADERS", "otlp_timeout"));
    }
}
