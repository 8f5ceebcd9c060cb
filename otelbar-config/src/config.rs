use std::fmt;
use std::time::Duration;

use crate::account::Account;
use crate::builder::Builder;
use crate::check::{self, Conflict};
use crate::choice::TracesExporter;
use crate::environment::{Environment, ProcessEnvironment, Reading, executable, misspelt};
use crate::options::{Set, Settings, Source, Values};
use crate::page::Link;
use crate::resource::ResourceAttributes;
use crate::sampler::{Ratio, Sampler};
use crate::secret::{Secret, shorten};
use crate::warning::{Place, Warning};

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
/// nor the [account](Self::account) shows a secret.
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

    /// A builder on the defaults. The environment is not read.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The settings of a configuration that is made by hand: none, but for what this program is.
    pub(crate) fn of_process() -> Settings {
        Settings { executable: executable(&ProcessEnvironment), ..Settings::default() }
    }

    /// A builder on this configuration: what it sets is stronger than what the configuration was read from.
    pub fn to_builder(&self) -> Builder {
        Builder::on(self.settings.clone())
    }

    /// Reads the environment of the process, as [`from_environment`](Self::from_environment) does.
    pub fn from_env() -> (Self, Vec<Warning>) {
        Self::from_environment(&ProcessEnvironment)
    }

    /// Reads `environment`. What is not understood is left at its default, with a warning. What has no effect yet is
    /// read without a word: the standard variables may be there for an SDK of the application's own.
    ///
    /// With the feature `file`, the file named by `OTEL_CONFIG_FILE` is read beneath it; if it cannot be, that
    /// is a warning, too. `try_from_environment` makes it an error.
    pub fn from_environment(environment: &dyn Environment) -> (Self, Vec<Warning>) {
        let mut reading = Reading::default();
        let file = crate::file::beneath(environment, &mut reading);
        Self::layered(environment, file, reading)
    }

    /// The environment over what a file gave.
    pub(crate) fn layered(
        environment: &dyn Environment,
        mut file: Settings,
        mut reading: Reading,
    ) -> (Self, Vec<Warning>) {
        let mut settings = Settings::read(environment, &mut reading);
        misspelt(environment, &mut reading);
        settings.lift_resource();
        file.lift_resource();
        let mut settings = settings.over(file);
        let path = reading.path;
        let warning = |conflict: Conflict| {
            let place = match (conflict.source, &path) {
                (Source::Environment { variable }, _) => Place::Variable(variable.to_owned()),
                (Source::File(position), Some(path)) => {
                    Place::File { path: path.clone(), position: Some(position) }
                }
                _ => Place::Option(conflict.option),
            };
            Warning::new(Some(conflict.option), place, conflict.value, conflict.why)
        };
        let conflicts: Vec<_> = check::combinations(&mut settings).into_iter().map(&warning).collect();
        let config = Self::new(settings);
        let account = config.account();
        let in_force = |warning: &Warning| account.entry(warning.option()?).map(|entry| entry.value.as_str());
        for warning in &mut reading.warnings {
            if let Some(value) = in_force(warning) {
                warning.set_used(value);
            }
        }
        for mut warning in conflicts {
            // What does not go together may be in force nevertheless.
            if let Some(value) = in_force(&warning).filter(|value| shorten(value) != warning.value()) {
                warning.set_used(value);
            }
            reading.warnings.push(warning);
        }
        (config, reading.warnings)
    }

    /// Each option with its value and where that came from, without secrets.
    pub fn account(&self) -> Account {
        Account::new(self.values.shown(), self.settings.sources())
    }

    /// Which traces are exported, with its argument.
    pub fn sampler(&self) -> Sampler {
        Sampler::new(self.traces_sampler(), self.traces_sampler_arg().unwrap_or(Ratio::ONE))
    }

    /// Every attribute of the resource, by the names of the semantic conventions: those with an option of
    /// their own first, then [`resource_attributes`](Self::resource_attributes).
    pub fn resource(&self) -> impl Iterator<Item = (&str, &str)> {
        let named = [
            (SERVICE_NAME, Some(self.service_name())),
            (SERVICE_VERSION, self.service_version()),
            (SERVICE_NAMESPACE, self.service_namespace()),
            (SERVICE_INSTANCE_ID, self.service_instance_id()),
            (DEPLOYMENT_ENVIRONMENT, self.deployment_environment()),
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
    /// use otelbar_config::OpenTelemetryConfig;
    ///
    /// let links = OpenTelemetryConfig::default().links(&"4bf92f3577b34da6a3ce929d0e0e4736");
    /// assert_eq!(links[0].name, "Jaeger");
    /// assert_eq!(links[0].url, "http://localhost:16686/trace/4bf92f3577b34da6a3ce929d0e0e4736");
    /// ```
    pub fn links(&self, trace_id: &impl fmt::Display) -> Vec<Link> {
        vec![
            Link { name: "Jaeger", url: self.jaeger_link().url(self.jaeger_ui(), trace_id) },
            Link { name: "Zipkin", url: self.zipkin_link().url(self.zipkin_ui(), trace_id) },
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
        let (settings, unread) = (&self.settings, &self.settings.unread);
        match exporter {
            TracesExporter::Otlp => match (&unread.otlp_traces_endpoint, &settings.otlp_traces_endpoint) {
                (Some(warning), _) => Some(warning),
                (None, Some(_)) => None,
                (None, None) => unread.otlp_endpoint.as_deref(),
            },
            TracesExporter::Zipkin => unread.zipkin_endpoint.as_deref(),
            TracesExporter::Console => None,
        }
    }
}

impl Default for OpenTelemetryConfig {
    fn default() -> Self {
        OpenTelemetryConfig::new(Self::of_process())
    }
}

impl PartialEq for OpenTelemetryConfig {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values
    }
}

impl fmt::Debug for OpenTelemetryConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let account = self.account();
        let mut options = f.debug_struct("OpenTelemetryConfig");
        for entry in account.entries() {
            options.field(entry.option.name, &format_args!("{}", shorten(&entry.value)));
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
    /// Only callers on this machine.
    Local,
    /// Whoever has this token, on this machine too.
    Token(&'a Secret<String>),
    /// Nobody: a token was given that cannot be used, and behind a proxy every caller may look local.
    Nobody,
}

const SERVICE_NAME: &str = "service.name";
const SERVICE_VERSION: &str = "service.version";
const SERVICE_NAMESPACE: &str = "service.namespace";
const SERVICE_INSTANCE_ID: &str = "service.instance.id";
const DEPLOYMENT_ENVIRONMENT: &str = "deployment.environment.name";
/// Its name before the conventions were stable.
const OLD_DEPLOYMENT_ENVIRONMENT: &str = "deployment.environment";

impl Settings {
    /// Takes out of `weaker` what would win over a wider option of these, though its source is weaker: the
    /// endpoint of traces in a file, say, when the environment has an endpoint for all signals.
    pub(crate) fn hide_narrower(&self, weaker: &mut Settings) {
        macro_rules! hide {
            ($($wide:ident: $($narrow:ident)+;)+) => {
                $( if self.$wide.is_some() || self.unread.$wide.is_some() {
                    $( weaker.$narrow = None; weaker.unread.$narrow = None; )+
                } )+
            };
        }
        hide! {
            otlp_endpoint: otlp_traces_endpoint otlp_metrics_endpoint otlp_logs_endpoint;
            otlp_protocol: otlp_traces_protocol otlp_metrics_protocol otlp_logs_protocol;
            otlp_insecure: otlp_traces_insecure otlp_metrics_insecure otlp_logs_insecure;
            otlp_headers: otlp_traces_headers otlp_metrics_headers otlp_logs_headers;
            otlp_timeout: otlp_traces_timeout otlp_metrics_timeout otlp_logs_timeout;
            otlp_compression: otlp_traces_compression otlp_metrics_compression otlp_logs_compression;
            otlp_certificate: otlp_traces_certificate otlp_metrics_certificate otlp_logs_certificate;
            otlp_client_certificate:
                otlp_traces_client_certificate otlp_metrics_client_certificate otlp_logs_client_certificate;
            otlp_client_key: otlp_traces_client_key otlp_metrics_client_key otlp_logs_client_key;
            attribute_value_length_limit:
                span_attribute_value_length_limit logrecord_attribute_value_length_limit;
            attribute_count_limit:
                span_attribute_count_limit event_attribute_count_limit link_attribute_count_limit
                logrecord_attribute_count_limit;
            traces_sampler: traces_sampler_arg;
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Endpoint, Protocol, Signal};

    /// Reads every default of the table, which panics if one is refused.
    #[test]
    fn every_default_is_valid() {
        let config = OpenTelemetryConfig::default();
        assert!(check::combinations(&mut config.settings.clone()).is_empty());
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
        // The argument alone does not count.
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
