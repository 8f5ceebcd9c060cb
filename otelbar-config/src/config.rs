use std::fmt;

use crate::effective::EffectiveConfig;
use crate::link::{TraceLink, TraceUi};
use crate::option_types::*;
use crate::option_value::OptionValue;
use crate::options::{options, row};
use crate::otlp::OtlpOptions;
use crate::sampler::Sampler;
use crate::secret::shorten;
use crate::setting::Source;
use crate::settings::{self, AnyOption, OptionKey, Settings, Values, option};
use crate::signal::Signal;
use crate::warning::Warning;

/// Every option of the toolbar and its pipelines, each valid and all going together.
///
/// It comes from [`from_env`](Self::from_env), from a [`builder`](Self::builder), or from both:
///
/// ```
/// use otelbar_config::OpenTelemetryConfig;
///
/// let (config, warnings) = OpenTelemetryConfig::from_env();
/// for warning in &warnings {
///     eprintln!("{warning}");
/// }
/// let config = config.to_builder().service_name("shop").build()?;
/// assert_eq!(config.service_name(), "shop");
/// # Ok::<_, otelbar_config::ConfigError>(())
/// ```
///
/// Two configurations are equal if the same values are in force, wherever they came from. Neither `Debug`
/// nor the [effective configuration](Self::effective) shows a secret.
#[derive(Clone)]
pub struct OpenTelemetryConfig {
    settings: Settings,
    pub(crate) values: Values,
}

impl OpenTelemetryConfig {
    pub(crate) fn new(settings: Settings) -> Self {
        let values = settings.values();
        OpenTelemetryConfig { settings, values }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Each option with its value and where that came from, without secrets.
    pub fn effective(&self) -> EffectiveConfig {
        EffectiveConfig::new(&self.settings, &self.values)
    }

    /// The value of an option: what its accessor gives, for code that gets the option as an argument.
    pub fn value<T>(&self, option: OptionKey<T>) -> &T {
        option.value(&self.values)
    }

    /// Where the value of an option came from: that of a wider option where the value is the wider option's.
    ///
    /// ```
    /// use otelbar_config::{OpenTelemetryConfig, Source, option};
    ///
    /// let config = OpenTelemetryConfig::builder().otlp_timeout("5s").build()?;
    /// assert_eq!(config.source(option::OTLP_TIMEOUT), Source::Builder);
    /// assert_eq!(config.source(option::OTLP_TRACES_TIMEOUT), Source::Builder);
    /// assert_eq!(config.source(option::ZIPKIN_TIMEOUT), Source::Default);
    /// # Ok::<_, otelbar_config::ConfigError>(())
    /// ```
    pub fn source<T: OptionValue>(&self, option: OptionKey<T>) -> Source {
        AnyOption::source(&option, &self.settings)
    }

    /// Everything about the OTLP export of `signal`.
    ///
    /// ```
    /// use otelbar_config::{OpenTelemetryConfig, Protocol, Signal};
    ///
    /// let config = OpenTelemetryConfig::builder()
    ///     .otlp_protocol(Protocol::HttpProtobuf)
    ///     .otlp_endpoint("http://collector:4318")
    ///     .build()?;
    /// assert_eq!(config.otlp(Signal::Traces).endpoint.to_string(), "http://collector:4318/v1/traces");
    /// # Ok::<_, otelbar_config::ConfigError>(())
    /// ```
    pub fn otlp(&self, signal: Signal) -> OtlpOptions {
        OtlpOptions::of(signal, &self.values)
    }

    /// Which traces are exported, with its argument.
    pub fn sampler(&self) -> Sampler {
        Sampler::new(self.traces_sampler(), self.traces_sampler_arg().unwrap_or(Ratio::ONE))
    }

    /// Every attribute of the resource, by the names of the semantic conventions: those with an option of
    /// their own first, then [`resource_attributes`](Self::resource_attributes).
    pub fn resource(&self) -> impl Iterator<Item = (&str, &str)> {
        let named = [
            (settings::SERVICE_NAME, Some(self.service_name())),
            (settings::SERVICE_VERSION, self.service_version()),
            (settings::SERVICE_NAMESPACE, self.service_namespace()),
            (settings::SERVICE_INSTANCE_ID, self.service_instance_id()),
            (settings::DEPLOYMENT_ENVIRONMENT, self.deployment_environment()),
        ];
        let named = named.into_iter().filter_map(|(key, value)| Some((key, value?)));
        named.chain(self.resource_attributes().iter())
    }

    /// How spans are batched.
    pub fn span_batches(&self) -> BatchOptions {
        BatchOptions {
            schedule_delay: self.bsp_schedule_delay(),
            export_timeout: self.bsp_export_timeout().limit(),
            max_queue_size: self.bsp_max_queue_size(),
            max_queue_bytes: Some(self.bsp_max_queue_bytes().bytes()),
            max_export_batch_size: self.bsp_max_export_batch_size(),
        }
    }

    /// How logs are batched.
    pub fn log_batches(&self) -> BatchOptions {
        BatchOptions {
            schedule_delay: self.blrp_schedule_delay(),
            export_timeout: self.blrp_export_timeout().limit(),
            max_queue_size: self.blrp_max_queue_size(),
            max_queue_bytes: None,
            max_export_batch_size: self.blrp_max_export_batch_size(),
        }
    }

    /// Where the trace with this id (32 hexadecimal digits) can be looked at.
    ///
    /// ```
    /// use otelbar_config::{OpenTelemetryConfig, TraceUi};
    ///
    /// let links = OpenTelemetryConfig::default().links(&"4bf92f3577b34da6a3ce929d0e0e4736");
    /// assert_eq!(links[0].ui, TraceUi::Jaeger);
    /// assert_eq!(links[0].url, "http://localhost:16686/trace/4bf92f3577b34da6a3ce929d0e0e4736");
    /// ```
    pub fn links(&self, trace_id: &impl fmt::Display) -> Vec<TraceLink> {
        vec![
            TraceLink { ui: TraceUi::Jaeger, url: self.jaeger_link().url(self.jaeger_ui(), trace_id) },
            TraceLink { ui: TraceUi::Zipkin, url: self.zipkin_link().url(self.zipkin_ui(), trace_id) },
        ]
    }

    /// Who may see the pages.
    ///
    /// ```
    /// use otelbar_config::{Access, OpenTelemetryConfig};
    ///
    /// let (config, _) = OpenTelemetryConfig::from_environment(&[("OTELBAR_ACCESS_TOKEN", "too short")]);
    /// assert_eq!(config.access(), Access::Nobody);
    /// ```
    pub fn access(&self) -> Access<'_> {
        match (&self.settings.unread.access_token, self.access_token()) {
            (Some(_), _) => Access::Nobody,
            (None, None) => Access::Local,
            (None, Some(token)) => Access::Token(token),
        }
    }

    /// The address that this exporter sends traces to, where one was given that cannot be read.
    ///
    /// The configuration then has the default in its place, as OpenTelemetry demands, but that is another place than
    /// the one that was meant: who exports by this exporter should not start.
    ///
    /// ```
    /// use otelbar_config::{OpenTelemetryConfig, TracesExporter};
    ///
    /// let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://coll ector:4317")];
    /// let (config, _) = OpenTelemetryConfig::from_environment(&environment);
    /// assert!(config.unreadable_endpoint(TracesExporter::Otlp).is_some());
    /// assert!(config.unreadable_endpoint(TracesExporter::Zipkin).is_none());
    /// ```
    pub fn unreadable_endpoint(&self, exporter: TracesExporter) -> Option<&Warning> {
        let unread = |option: OptionKey<Endpoint>| option.unread(&self.settings);
        match exporter {
            TracesExporter::Otlp => match unread(option::OTLP_TRACES_ENDPOINT) {
                None if self.settings.otlp_traces_endpoint.is_some() => None,
                None => unread(option::OTLP_ENDPOINT),
                own => own,
            },
            TracesExporter::Zipkin => unread(option::ZIPKIN_ENDPOINT),
            TracesExporter::Console => None,
        }
    }
}

macro_rules! accessors {
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
        /// One accessor for each option.
        impl OpenTelemetryConfig {
            $($(
                #[doc = $help]
                #[doc = ""]
                #[doc = concat!("Default: `", row!(@default_text $default), "`. Variable:" $(, " `", $variable, "`")+, ".")]
                $( #[doc = concat!("Not in effect ", stringify!($yet), ".")] )?
                pub fn $name(&self) -> row!(@view $type $(, $($view)+)?) {
                    accessors!(@get self.values, $name $(, $($view)+)?)
                }
            )+)+
        }
    };

    (@get $values:expr, $name:ident) => { $values.$name };
    (@get $values:expr, $name:ident, Option<&Secret<$view:ty>>) => { $values.$name.as_ref() };
    (@get $values:expr, $name:ident, Option<&$view:ty>) => { $values.$name.as_deref() };
    (@get $values:expr, $name:ident, &$view:ty) => { &$values.$name };
}
options!(accessors);

impl Default for OpenTelemetryConfig {
    fn default() -> Self {
        OpenTelemetryConfig::new(Settings::of_process())
    }
}

impl PartialEq for OpenTelemetryConfig {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values
    }
}

impl fmt::Debug for OpenTelemetryConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut options = f.debug_struct("OpenTelemetryConfig");
        for option in self.effective().options() {
            options.field(option.info.name, &format_args!("{}", shorten(&option.value)));
        }
        options.finish()
    }
}

/// How a signal is queued and sent in batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchOptions {
    /// How long a batch waits to be filled.
    pub schedule_delay: Duration,
    /// How long its export may take with all attempts; `None` is without limit.
    pub export_timeout: Option<Duration>,
    /// How many items are queued at most.
    pub max_queue_size: usize,
    /// How many bytes are queued at most; `None` is without limit.
    pub max_queue_bytes: Option<usize>,
    /// How many items a batch has at most; not more than the queue.
    pub max_export_batch_size: usize,
}

/// Who may see the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access<'a> {
    /// Only local callers.
    Local,
    /// Callers with this token; local ones need it too.
    Token(&'a Secret<String>),
    /// Nobody: a token was given that cannot be used, and behind a proxy every caller may look local.
    Nobody,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads every default of the table, which panics if one is refused.
    #[test]
    fn every_default_is_valid() {
        let config = OpenTelemetryConfig::default();
        assert!(crate::conflicts::combinations(&mut config.settings.clone()).is_empty());
    }

    #[test]
    fn deployment_chooses_the_sampler() {
        fn check(environment: &[(&str, &str); 3], expected: Sampler) {
            let (config, _) = OpenTelemetryConfig::from_environment(environment);
            assert_eq!(config.sampler(), expected, "{environment:?}");
        }
        const NOTHING: (&str, &str) = ("", "");
        let ratio = |r| Ratio::new(r).unwrap();
        let attribute = |value| ("OTEL_RESOURCE_ATTRIBUTES", value);
        let sampler = |name| ("OTEL_TRACES_SAMPLER", name);
        let production = attribute("deployment.environment.name=Production");
        check(&[NOTHING, NOTHING, NOTHING], Sampler::ParentBasedAlwaysOn);
        check(&[attribute("deployment.environment=staging"), NOTHING, NOTHING], Sampler::AlwaysOn);
        check(&[("OTELBAR_DEPLOYMENT_ENVIRONMENT", "development"), NOTHING, NOTHING], Sampler::AlwaysOn);
        check(&[production, NOTHING, NOTHING], Sampler::ParentBasedTraceIdRatio(ratio(0.1)));
        check(&[production, sampler("always_on"), NOTHING], Sampler::AlwaysOn);
        check(&[production, sampler("traceidratio"), NOTHING], Sampler::TraceIdRatio(Ratio::ONE));
        check(
            &[production, sampler("traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0.5")],
            Sampler::TraceIdRatio(ratio(0.5)),
        );
        // The argument has no effect without the sampler.
        check(
            &[production, ("OTEL_TRACES_SAMPLER_ARG", "0.5"), NOTHING],
            Sampler::ParentBasedTraceIdRatio(ratio(0.1)),
        );
    }

    #[test]
    fn the_builder_is_stronger_than_what_it_starts_from() {
        let environment = [("OTEL_SERVICE_NAME", "env"), ("OTEL_RESOURCE_ATTRIBUTES", "team=a,zone=z")];
        let (config, warnings) = OpenTelemetryConfig::from_environment(&environment);
        assert_eq!(warnings, []);
        let config = config
            .to_builder()
            .service_name("built")
            .resource_attributes("team=b,service.version=2")
            .build()
            .unwrap();
        let resource: Vec<_> = config.resource().collect();
        let expected = [("service.name", "built"), ("service.version", "2"), ("team", "b"), ("zone", "z")];
        assert_eq!(resource, expected);
    }

    #[test]
    fn a_signal_has_its_own_options_or_the_generic_ones() {
        let environment = [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/base"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=1"),
            ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "https://logs/here"),
            ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "b=2"),
            ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://metrics:4317"),
        ];
        let (config, _) = OpenTelemetryConfig::from_environment(&environment);
        let traces = config.otlp(Signal::Traces);
        assert_eq!(traces.endpoint.expose(), "http://collector:4318/base/v1/traces");
        assert_eq!(traces.timeout, None);
        assert_eq!(traces.headers.iter().collect::<Vec<_>>(), [("a", "1")]);
        let logs = config.otlp(Signal::Logs);
        assert_eq!(logs.endpoint.expose(), "https://logs/here");
        assert_eq!(logs.headers.iter().collect::<Vec<_>>(), [("b", "2")]);
        let metrics = config.otlp(Signal::Metrics);
        assert_eq!(metrics.endpoint, "http://metrics:4317".parse::<Endpoint>().unwrap());
        assert_eq!(metrics.protocol, Protocol::Grpc);
    }
}
