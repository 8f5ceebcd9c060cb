use std::fmt;

use crate::choice::Choice;
use crate::config::OpenTelemetryConfig;
use crate::conflicts;
use crate::option_types::*;
use crate::option_value::{InvalidValue, LEAVE_OUT, NO_EFFECT, OptionValue, WrongEntries};
use crate::options::{options, row};
use crate::secret::{MASK, shorten};
use crate::setting::{Set, Source};
use crate::settings::{OPTIONS, OptionKey, Settings, option};
use crate::spelling::nearest;

/// Sets options by hand: the strongest source. What is wrong is kept and reported by [`build`](Self::build),
/// all at once.
///
/// ```
/// use std::time::Duration;
/// use otelbar_config::OpenTelemetryConfig;
///
/// let error = OpenTelemetryConfig::builder()
///     .otlp_endpoint("collector")
///     .bsp_schedule_delay(Duration::ZERO)
///     .build()
///     .unwrap_err();
/// assert_eq!(error.to_string(), "\
/// 2 invalid options:
///   otlp_endpoint: `collector` has no scheme; write an address such as http://localhost:4318
///   bsp_schedule_delay: `0` is zero; give at least 1 millisecond");
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct Builder {
    /// What was set here.
    settings: Settings,
    /// What the configuration had that this one starts from.
    base: Settings,
    faults: Vec<InvalidOption>,
}

impl Builder {
    fn on(base: Settings) -> Self {
        Builder { settings: Settings::default(), base, faults: Vec::new() }
    }

    /// The configuration.
    ///
    /// # Errors
    ///
    /// Every option that is wrong, and every pair of options set here that do not go together. What does not go with
    /// an option of the configuration that this builder starts from is corrected: it may be that of an environment, which
    /// keeps no service from starting.
    pub fn build(self) -> Result<OpenTelemetryConfig, ConfigError> {
        let Builder { mut settings, base, mut faults } = self;
        settings.lift_resource();
        let own = conflicts::combinations(&mut settings.clone());
        let mut settings = settings.over(base);
        let conflicts =
            conflicts::combinations(&mut settings).into_iter().filter(|found| own.contains(found));
        faults.extend(conflicts.map(|conflict| InvalidOption {
            option: conflict.option.name.to_owned(),
            value: shorten(&conflict.value),
            why: conflict.why,
        }));
        if faults.is_empty() { Ok(OpenTelemetryConfig::new(settings)) } else { Err(ConfigError { faults }) }
    }

    /// Notes an option that there is none of. Its text may be a secret.
    fn unknown(mut self, option: &str) -> Self {
        let remedy = match nearest(option, OPTIONS.iter().map(|option| option.name)) {
            Some(near) => format!("did you mean {near}?"),
            None => "look its name up in the table of options".to_owned(),
        };
        let why = InvalidValue::new("is for an unknown option", remedy);
        self.faults.push(InvalidOption { option: shorten(option), value: MASK.to_owned(), why });
        self
    }

    /// Notes an option that has no effect yet. Its text may be a secret.
    fn without_effect(mut self, option: &'static str) -> Self {
        let why = InvalidValue::new(NO_EFFECT, LEAVE_OUT);
        self.faults.push(InvalidOption { option: option.to_owned(), value: MASK.to_owned(), why });
        self
    }

    fn accept<T: OptionValue>(mut self, option: OptionKey<T>, given: Given<T>) -> Self {
        let (shown, read) = match given {
            Given::Text(text) => (T::conceal(text.trim()), option.reader().parse(&text)),
            Given::Value(value) => (value.shown(), option.reader().checked(value)),
        };
        match read.and_then(in_effect) {
            Ok(value) => {
                *option.setting_mut(&mut self.settings) = Some(Set { value, source: Source::Builder });
            }
            Err(why) => {
                let option = option.info().name.to_owned();
                self.faults.push(InvalidOption { option, value: shorten(&shown), why });
            }
        }
        self
    }
}

/// Refuses a value that has what has no effect yet.
fn in_effect<T: OptionValue>(value: T) -> Result<T, InvalidValue> {
    let names = value.not_yet();
    if names.is_empty() {
        return Ok(value);
    }
    let text = value.text();
    let mut wrong = WrongEntries::of(&text);
    for name in names {
        wrong.push(name, NO_EFFECT, LEAVE_OUT);
    }
    wrong.why().map_or(Ok(value), Err)
}

macro_rules! setters {
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
        /// Every setter takes an owned text.
        const _: fn() = || { $($( let _: fn(String) -> Given<$type> = From::from; )+)+ };

        /// One setter for each option that is in effect. Each takes the value itself or its text.
        impl Builder {
            /// Sets the option of this name from a text, as it would stand in its variable: for command
            /// lines and other configuration files. An unknown name is reported by [`build`](Self::build).
            pub fn set(self, option: &str, text: &str) -> Self {
                match option {
                    $($( stringify!($name) => setters!(@set self, text, $name $(, $yet)?), )+)+
                    _ => self.unknown(option),
                }
            }

            $($( setters! { @setter $help, $key, $name, $type, $default $(, $yet)? } )+)+
        }
    };

    (@setter $help:literal, $key:ident, $name:ident, $type:ty, $default:tt) => {
        #[doc = $help]
        #[doc = ""]
        #[doc = concat!("Default: `", row!(@default_text $default), "`.")]
        pub fn $name(self, value: impl Into<Given<$type>>) -> Self {
            self.accept(option::$key, value.into())
        }
    };
    // A setter without effect would be a trap.
    (@setter $help:literal, $key:ident, $name:ident, $type:ty, $default:tt, $yet:ident) => {};

    (@set $builder:expr, $text:expr, $name:ident) => { $builder.$name($text) };
    (@set $builder:expr, $text:expr, $name:ident, $yet:ident) => { $builder.without_effect(stringify!($name)) };
}
options!(setters);

impl OpenTelemetryConfig {
    /// A builder on the defaults. The environment is not read.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A builder on this configuration: what it sets is stronger than what the configuration was read from.
    pub fn to_builder(&self) -> Builder {
        Builder::on(self.settings().clone())
    }
}

/// On the defaults.
impl Default for Builder {
    fn default() -> Self {
        Builder::on(Settings::of_process())
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("faults", &self.faults).finish_non_exhaustive()
    }
}

/// What a setter of the [`Builder`] takes: a value, or a text to be read.
#[derive(Clone)]
#[non_exhaustive]
pub enum Given<T> {
    /// The value itself.
    Value(T),
    /// Its text, as it would stand in the variable.
    Text(String),
}

/// Without secrets.
impl<T: OptionValue> fmt::Debug for Given<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Given::Value(value) => f.debug_tuple("Value").field(&value.shown()).finish(),
            Given::Text(text) => f.debug_tuple("Text").field(&T::conceal(text)).finish(),
        }
    }
}

impl<T: OptionValue> From<T> for Given<T> {
    fn from(value: T) -> Self {
        Given::Value(value)
    }
}

impl<T: OptionValue> From<T> for Given<Option<T>> {
    fn from(value: T) -> Self {
        Given::Value(Some(value))
    }
}

impl<T: OptionValue> From<&str> for Given<T> {
    fn from(text: &str) -> Self {
        Given::Text(text.to_owned())
    }
}

impl<T: OptionValue> From<&String> for Given<T> {
    fn from(text: &String) -> Self {
        Given::Text(text.clone())
    }
}

/// An owned text is read as well, where it is not the value itself. One implementation for all would overlap with that
/// for values, which are texts in some options; the table checks that none is missing.
macro_rules! from_text {
    ($($type:ty),+ $(,)?) => {$(
        impl From<String> for Given<$type> {
            fn from(text: String) -> Self {
                Given::Text(text)
            }
        }
    )+};
}

from_text! {
    bool, usize, ByteSize, Duration, Endpoint, Headers, IpNetworks, LevelFilter, Limit, LinkTemplate, OptInAttributes, Option<PathBuf>,
    Option<Ratio>, Option<Secret<PathBuf>>, Option<Secret<String>>, PagePath, ResourceAttributes, Timeout, Vec<String>,
}

impl<T: Choice> From<String> for Given<T> {
    fn from(text: String) -> Self {
        Given::Text(text)
    }
}

impl<T: Choice> From<String> for Given<Vec<T>> {
    fn from(text: String) -> Self {
        Given::Text(text)
    }
}

impl<T: Choice, const N: usize> From<[T; N]> for Given<Vec<T>> {
    fn from(choices: [T; N]) -> Self {
        Given::Value(choices.to_vec())
    }
}

impl<T: Choice> From<&[T]> for Given<Vec<T>> {
    fn from(choices: &[T]) -> Self {
        Given::Value(choices.to_vec())
    }
}

impl<const N: usize> From<[&str; N]> for Given<Vec<String>> {
    fn from(words: [&str; N]) -> Self {
        Given::Value(words.map(str::to_owned).to_vec())
    }
}

impl From<bool> for Given<OptInAttributes> {
    fn from(all: bool) -> Self {
        Given::Value(all.into())
    }
}

impl From<Duration> for Given<Timeout> {
    fn from(limit: Duration) -> Self {
        Given::Value(limit.into())
    }
}

impl From<usize> for Given<Limit> {
    fn from(limit: usize) -> Self {
        Given::Value(limit.into())
    }
}

impl From<usize> for Given<ByteSize> {
    fn from(bytes: usize) -> Self {
        Given::Value(bytes.into())
    }
}

/// A number that is no ratio is refused by [`Builder::build`], as its text is.
impl From<f64> for Given<Option<Ratio>> {
    fn from(ratio: f64) -> Self {
        Ratio::new(ratio).map_or_else(|| Given::Text(ratio.to_string()), |ratio| Given::Value(Some(ratio)))
    }
}

impl From<&Path> for Given<Option<PathBuf>> {
    fn from(path: &Path) -> Self {
        Given::Value(Some(path.to_owned()))
    }
}

impl From<&PathBuf> for Given<Option<PathBuf>> {
    fn from(path: &PathBuf) -> Self {
        Given::Value(Some(path.clone()))
    }
}

impl From<&Path> for Given<Option<Secret<PathBuf>>> {
    fn from(path: &Path) -> Self {
        Given::Value(Some(Secret::new(path.to_owned())))
    }
}

impl From<PathBuf> for Given<Option<Secret<PathBuf>>> {
    fn from(path: PathBuf) -> Self {
        Given::Value(Some(Secret::new(path)))
    }
}

/// Everything that is wrong with a configuration built by hand.
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    faults: Vec<InvalidOption>,
}

impl ConfigError {
    /// What is wrong, at least one thing.
    pub fn invalid_options(&self) -> &[InvalidOption] {
        &self.faults
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.faults.len() {
            1 => f.write_str("1 invalid option:")?,
            n => write!(f, "{n} invalid options:")?,
        }
        self.faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl std::error::Error for ConfigError {}

/// One option that is wrong.
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidOption {
    option: String,
    value: String,
    #[cfg_attr(feature = "serde", serde(flatten))]
    why: InvalidValue,
}

impl InvalidOption {
    /// The option.
    pub fn option(&self) -> &str {
        &self.option
    }

    /// What was given, shortened, `***` in place of secrets.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// What is wrong with it.
    pub fn problem(&self) -> &str {
        self.why.problem()
    }

    /// What to do.
    pub fn remedy(&self) -> &str {
        self.why.remedy()
    }
}

impl fmt::Display for InvalidOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: `{}` {}", self.option, self.value, self.why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(builder: Builder) -> Vec<(String, String)> {
        match builder.build() {
            Ok(_) => Vec::new(),
            Err(error) => error
                .invalid_options()
                .iter()
                .map(|f| (f.option().to_owned(), f.problem().to_owned()))
                .collect(),
        }
    }

    #[test]
    fn setters_take_what_is_at_hand() {
        let config = OpenTelemetryConfig::builder()
            .max_requests(50)
            .max_bytes(1 << 20)
            .attribute_value_length_limit(100)
            .otlp_timeout(Duration::from_secs(1))
            .traces_sampler("traceidratio")
            .traces_sampler_arg(0.5)
            .propagators(vec![Propagator::B3])
            .traces_exporters(&[crate::TracesExporter::Zipkin][..])
            .http_known_methods(vec!["GET".to_owned()])
            .allowed_hosts(["dev.local"])
            .otlp_certificate(Path::new("ca.pem"))
            .service_version("1.2".to_owned())
            .access_token(Secret::new("0123456789abcdef".to_owned()))
            .otlp_headers(Headers::new([("a", "b c,d")]).unwrap())
            .otlp_endpoint("http://collector:9000".to_owned())
            .capture("sql,log".to_owned())
            .build()
            .unwrap();
        assert_eq!(config.otlp_endpoint().to_string(), "http://collector:9000");
        assert_eq!(config.max_requests(), 50);
        assert_eq!(config.otlp_headers().iter().collect::<Vec<_>>(), [("a", "b c,d")]);
    }

    #[test]
    fn values_are_held_to_what_variables_can_say() {
        fn check(builder: Builder, problem: &str) {
            assert_eq!(
                problems(builder).into_iter().map(|(_, problem)| problem).collect::<Vec<_>>(),
                [problem]
            );
        }
        let new = OpenTelemetryConfig::builder;
        check(new().service_name(""), "is empty");
        check(new().service_name(" shop".to_owned()), "has white space around it");
        check(new().service_name("a\nb"), "has control characters");
        check(new().allowed_hosts(["a,b"]), "has an entry with a comma inside");
        check(new().allowed_hosts(["a b"]), "has an entry with white space inside");
        check(new().allowed_hosts([""]), "has an empty entry");
        check(new().allowed_hosts(["None"]), "is the word for an empty list");
        check(new().resource_attributes(ResourceAttributes::new([("", "1")])), "has an empty key");
        check(new().resource_attributes(ResourceAttributes::new([("a", "\n")])), "has control characters");
        check(new().otlp_certificate(Path::new("")), "is empty");
        check(new().otlp_timeout(Duration::from_secs(1 << 40)), "is longer than a year");
        check(new().capture([Capture::Sql, Capture::Cache]), "has `cache`, which is not in effect yet");
        check(new().traces_sampler("always_on").traces_sampler_arg(f64::NAN), "is not a ratio");
        check(new().slow_query_threshold(Duration::from_secs(1 << 40)), "is longer than a year");
        check(new().access_token("0123456789abcde"), "is shorter than 16 characters");
        check(new().set("max_request", "5"), "is for an unknown option");
        check(
            new().bsp_max_queue_size(10).bsp_max_export_batch_size(11),
            "is more than bsp_max_queue_size, which is 10",
        );
    }

    /// A service that starts from its environment must not fail for what is lenient there.
    #[test]
    fn conflicts_of_the_environment_are_not_errors_of_the_builder() {
        let environment = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4317"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ];
        let (config, warnings) = OpenTelemetryConfig::from_environment(&environment);
        assert_eq!(warnings.len(), 1);
        assert_eq!(problems(config.to_builder().service_name("shop")), []);
        // Nor is what does not go together with something set here.
        let protocol = config.to_builder().otlp_protocol("http/protobuf");
        assert_eq!(problems(protocol), []);
        let both = config.to_builder().otlp_protocol("http/protobuf").otlp_endpoint("http://localhost:4317");
        assert_eq!(problems(both).len(), 1);
        let (config, _) = OpenTelemetryConfig::from_environment(&[("OTEL_BSP_MAX_QUEUE_SIZE", "10")]);
        let config = config.to_builder().bsp_max_export_batch_size(100).build().unwrap();
        assert_eq!(config.bsp_max_export_batch_size(), 10);
    }

    #[test]
    fn what_a_setter_is_given_is_not_shown_when_it_is_secret() {
        fn check<T: OptionValue>(given: impl Into<Given<T>>) {
            let shown = format!("{:?}", given.into());
            assert!(!shown.contains("hush"), "{shown}");
        }
        check::<Headers>("a=hush");
        check::<Option<Secret<String>>>(Secret::new("hush".to_owned()));
        check::<crate::Endpoint>("http://a:hush@b");
    }
}
