//! From the toolbar's configuration.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use otelbar_config::{OpenTelemetryConfig, QueueOverflow, Signal, Timeout, TracesExporter};

use crate::error::SetupError;
use crate::options::ExporterOptions;
use crate::options::named_by_variable;
use crate::pipeline::{BreakerPolicy, Overflow, RetryPolicy};
use crate::spool::SpoolOptions;
use crate::transport::ConsoleTarget;

impl ExporterOptions {
    /// The options for each exporter of traces that the configuration names (`OTEL_TRACES_EXPORTER`), in that order;
    /// nothing for `none`. What the configuration cannot say stays at its default, but for proxies: these are those of
    /// the process's environment, as [`with_proxy_from_env`](Self::with_proxy_from_env) reads them. With a spool each
    /// has a folder in it, by its name there: `otlp`, `zipkin`.
    ///
    /// ```
    /// use otelbar_config::{OpenTelemetryConfig, TracesExporter};
    /// use otelbar_export::{ExporterOptions, Protocol, ToolbarSpanExporter};
    ///
    /// let config = OpenTelemetryConfig::builder()
    ///     .traces_exporters(vec![TracesExporter::Otlp])
    ///     .otlp_protocol(Protocol::HttpProtobuf)
    ///     .otlp_endpoint("http://127.0.0.1:4318")
    ///     .build()?;
    /// let exporter = ToolbarSpanExporter::to_all(ExporterOptions::from_config(&config)?)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`for_exporter`](Self::for_exporter).
    pub fn from_config(config: &OpenTelemetryConfig) -> Result<Vec<Self>, SetupError> {
        let exporters = config.traces_exporters().iter();
        exporters.map(|exporter| Self::for_exporter(*exporter, config)).collect()
    }

    /// The options for one exporter of traces, whether the configuration names it or not.
    ///
    /// # Errors
    ///
    /// [`SetupError::Endpoint`] where the exporter's address cannot be read. Else names a header that HTTP does not
    /// allow, and what is not in this build: an exporter, or TLS for an `https` endpoint. Certificates, and what else
    /// this build may be without, are looked at when the pipeline starts.
    pub fn for_exporter(exporter: TracesExporter, config: &OpenTelemetryConfig) -> Result<Self, SetupError> {
        if let Some(warning) = config.unreadable_endpoint(exporter) {
            return Err(SetupError::Endpoint(Box::new(warning.clone())));
        }
        let made = for_exporter(exporter, config).map_err(|error| named_by_variable(error, "timeout"))?;
        Ok(with_limits(made, exporter, config).configured())
    }
}

fn for_exporter(
    exporter: TracesExporter,
    config: &OpenTelemetryConfig,
) -> Result<ExporterOptions, SetupError> {
    match exporter {
        TracesExporter::Otlp => otlp(config),
        #[cfg(feature = "zipkin")]
        TracesExporter::Zipkin => {
            let timeout = timeout(config.zipkin_timeout(), config);
            Ok(ExporterOptions::zipkin(config.zipkin_endpoint().expose())?.with_timeout(timeout))
        }
        TracesExporter::Console => {
            Ok(ExporterOptions::console(ConsoleTarget::Stdout, config.console_format()))
        }
        other => Err(SetupError::option(
            "OTEL_TRACES_EXPORTER",
            other.to_string(),
            "is not in this build",
            "enable the feature of that name of otelbar-export, or leave it out",
        )),
    }
}

fn otlp(config: &OpenTelemetryConfig) -> Result<ExporterOptions, SetupError> {
    let otlp = config.otlp(Signal::Traces);
    let mut options = ExporterOptions::new(otlp.endpoint.expose())?
        .with_protocol(otlp.protocol)
        .with_compression(otlp.compression)
        .with_timeout(timeout(otlp.timeout.map_or(Timeout::NONE, Timeout::from), config));
    #[cfg(feature = "tls")]
    {
        if let Some(authorities) = otlp.certificate {
            options = options.with_certificate(authorities);
        }
        // One without the other is a warning of the configuration.
        if let (Some(certificate), Some(key)) = (otlp.client_certificate, otlp.client_key) {
            options = options.with_client_certificate(certificate, key.expose());
        }
    }
    for (name, value) in otlp.headers.iter() {
        options = options.with_header(name, value)?;
    }
    Ok(options)
}

/// The shorter of an exporter's own timeout and that of a batch.
fn timeout(own: Timeout, config: &OpenTelemetryConfig) -> Duration {
    let limits = [own.limit(), config.span_batches().export_timeout];
    limits.into_iter().flatten().min().unwrap_or(Duration::MAX)
}

/// What all exporters have in common.
fn with_limits(
    options: ExporterOptions,
    exporter: TracesExporter,
    config: &OpenTelemetryConfig,
) -> ExporterOptions {
    let batches = config.span_batches();
    let overflow = match config.bsp_overflow() {
        QueueOverflow::Newest => Overflow::Newest,
        QueueOverflow::Oldest => Overflow::Oldest,
        _ => Overflow::Traces { slow: config.slow_span_threshold() },
    };
    let mut options = options
        .with_proxy_from_env()
        .with_batch_size(batches.max_export_batch_size)
        .with_batch_delay(batches.schedule_delay)
        .with_queue_size(batches.max_queue_size)
        .with_queue_bytes(config.bsp_max_queue_bytes().bytes())
        .with_overflow(overflow)
        .with_retry(RetryPolicy {
            initial: config.retry_initial_backoff(),
            max: config.retry_max_backoff(),
            max_age: config.retry_max_age(),
            ..RetryPolicy::default()
        })
        .with_breaker(BreakerPolicy {
            failure_threshold: u32::try_from(config.breaker_failure_threshold()).unwrap_or(u32::MAX),
            open_duration: config.breaker_open_duration(),
        });
    if let Some(folder) = config.spool_dir().filter(|_| exporter != TracesExporter::Console) {
        let bytes = config.spool_max_bytes().bytes() as u64;
        let spool = SpoolOptions::new(folder.join(exporter.as_str()))
            .with_max_bytes(bytes)
            .with_write_delay(config.spool_write_delay());
        options = options.with_spool(spool);
    }
    options
}

/// The resource a configuration describes: `service.name` and its fellows, its further attributes, and
/// `telemetry.sdk.*`.
///
/// ```
/// use otelbar_config::OpenTelemetryConfig;
///
/// let config = OpenTelemetryConfig::builder().service_name("shop").build()?;
/// let resource = otelbar_export::resource(&config);
/// assert_eq!(resource.get(&"service.name".into()), Some("shop".into()));
/// # Ok::<(), otelbar_config::ConfigError>(())
/// ```
pub fn resource(config: &OpenTelemetryConfig) -> Resource {
    let attributes = config.resource().map(|(key, value)| KeyValue::new(key.to_owned(), value.to_owned()));
    Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes(attributes)
        .build()
}

#[cfg(test)]
mod tests {
    use otelbar_config::{Compression, Protocol};

    use super::*;
    use crate::transport::proxy::ProxyOptions;

    /// The options of the one exporter.
    fn of(config: &OpenTelemetryConfig) -> ExporterOptions {
        ExporterOptions::from_config(config).unwrap().remove(0)
    }

    #[test]
    fn each_exporter_has_options_of_its_own() {
        let config = OpenTelemetryConfig::from_environment(&|name: &str| {
            let value = match name {
                "OTEL_TRACES_EXPORTER" => "zipkin,otlp",
                "OTEL_EXPORTER_ZIPKIN_ENDPOINT" => "http://zipkin:9411/api/v2/spans",
                "OTEL_EXPORTER_ZIPKIN_TIMEOUT" => "1234",
                "OTELBAR_SPOOL_DIR" => "spool",
                "OTELBAR_SPOOL_MAX_BYTES" => "7MiB",
                "OTELBAR_SPOOL_WRITE_DELAY" => "321",
                _ => return None,
            };
            Some(value.into())
        })
        .0;
        let all = ExporterOptions::from_config(&config);
        if cfg!(not(feature = "zipkin")) {
            let error = all.unwrap_err().to_string();
            assert!(error.starts_with("OTEL_TRACES_EXPORTER: \"zipkin\" is not in this build"), "{error}");
            return;
        }
        let all = all.unwrap();
        let endpoints: Vec<&str> = all.iter().map(|options| &*options.endpoint.text).collect();
        assert_eq!(endpoints, ["http://zipkin:9411/api/v2/spans", "http://localhost:4317"]);
        assert_eq!(all[0].timeout, Duration::from_millis(1234));
        let spools = ["zipkin", "otlp"]
            .map(|name| std::path::Path::new("spool").join(name))
            .map(|folder| SpoolOptions::new(folder).with_max_bytes(7 << 20))
            .map(|spool| spool.with_write_delay(Duration::from_millis(321)));
        assert_eq!([&all[0], &all[1]].map(|options| options.spool.clone().unwrap()), spools);
        let none = OpenTelemetryConfig::from_environment(&[("OTEL_TRACES_EXPORTER", "none")]).0;
        assert!(ExporterOptions::from_config(&none).unwrap().is_empty());
    }

    /// The default is another place than the one that was meant.
    #[test]
    fn an_endpoint_that_cannot_be_read_is_an_error_of_its_exporter() {
        let environment =
            [("OTEL_EXPORTER_OTLP_ENDPOINT", "collector"), ("OTEL_TRACES_EXPORTER", "console,otlp")];
        let config = OpenTelemetryConfig::from_environment(&environment).0;
        assert!(ExporterOptions::for_exporter(TracesExporter::Console, &config).is_ok());
        let error = ExporterOptions::from_config(&config).unwrap_err();
        assert!(matches!(error, SetupError::Endpoint(_)), "{error:?}");
        assert_eq!(
            error.to_string(),
            "OTEL_EXPORTER_OTLP_ENDPOINT: `collector` has no scheme; write an address such as http://localhost:4318"
        );
    }

    #[test]
    fn every_option_for_traces_is_taken_over() {
        let config = OpenTelemetryConfig::from_environment(&|name: &str| {
            let value = match name {
                "OTEL_EXPORTER_OTLP_ENDPOINT" => "http://collector:4318/base",
                "OTEL_EXPORTER_OTLP_PROTOCOL" => "http/protobuf",
                "OTEL_EXPORTER_OTLP_HEADERS" => "x-key=a%20b",
                "OTEL_EXPORTER_OTLP_TIMEOUT" => "3000",
                "OTEL_BSP_SCHEDULE_DELAY" => "700",
                "OTEL_BSP_MAX_QUEUE_SIZE" => "99",
                "OTEL_BSP_MAX_EXPORT_BATCH_SIZE" => "11",
                "OTELBAR_BSP_MAX_QUEUE_BYTES" => "33MiB",
                "OTELBAR_BSP_OVERFLOW" => "oldest",
                "OTELBAR_BREAKER_FAILURE_THRESHOLD" => "3",
                "OTELBAR_BREAKER_OPEN_DURATION" => "44000",
                _ => return None,
            };
            Some(value.into())
        })
        .0;
        let options = of(&config);
        assert_eq!(&*options.endpoint.text, "http://collector:4318/base/v1/traces");
        assert_eq!(options.headers["x-key"], "a b");
        assert_eq!(options.timeout, Duration::from_secs(3));
        assert_eq!(options.batch_delay, Duration::from_millis(700));
        assert_eq!((options.queue_size, options.batch_size), (99, 11));
        assert_eq!(options.queue_bytes, 33 << 20);
        assert_eq!(options.overflow, Overflow::Oldest);
        let breaker = BreakerPolicy { failure_threshold: 3, open_duration: Duration::from_secs(44) };
        assert_eq!(options.breaker, breaker);
        assert_eq!(options.spool, None);
    }

    #[test]
    fn the_shorter_of_both_timeouts_holds_and_none_is_none() {
        #[track_caller]
        fn check(timeout: &str, export_timeout: &str, expected: Duration) {
            let config = OpenTelemetryConfig::from_environment(&|name: &str| match name {
                "OTEL_EXPORTER_OTLP_TIMEOUT" => Some(timeout.into()),
                "OTEL_BSP_EXPORT_TIMEOUT" => Some(export_timeout.into()),
                _ => None,
            });
            assert_eq!(of(&config.0).timeout, expected);
        }
        check("10000", "30000", Duration::from_secs(10));
        check("60000", "30000", Duration::from_secs(30));
        check("0", "0", Duration::MAX);
    }

    #[test]
    fn the_protocol_and_the_scheme_are_taken_over() {
        #[track_caller]
        fn check(variables: &[(&str, &str)], endpoint: &str, protocol: Protocol, compression: Compression) {
            let config = OpenTelemetryConfig::from_environment(&|name: &str| {
                variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into())
            });
            let options = of(&config.0);
            assert_eq!(&*options.endpoint.text, endpoint);
            assert_eq!((options.protocol, options.compression), (protocol, compression));
        }
        check(&[], "http://localhost:4317", Protocol::Grpc, Compression::None);
        const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
        const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
        const COMPRESSION: &str = "OTEL_EXPORTER_OTLP_COMPRESSION";
        let grpc = (PROTOCOL, "grpc");
        check(&[grpc, (COMPRESSION, "gzip")], "http://localhost:4317", Protocol::Grpc, Compression::Gzip);
        check(
            &[(PROTOCOL, "http/json"), (COMPRESSION, "zstd")],
            "http://localhost:4318/v1/traces",
            Protocol::HttpJson,
            Compression::Zstd,
        );
        let insecure = ("OTEL_EXPORTER_OTLP_INSECURE", "true");
        check(&[grpc, (ENDPOINT, "h:4317"), insecure], "http://h:4317", Protocol::Grpc, Compression::None);
        if cfg!(feature = "tls") {
            check(&[grpc, (ENDPOINT, "h:4317")], "https://h:4317", Protocol::Grpc, Compression::None);
        }
    }

    #[test]
    fn proxies_are_those_of_the_environment() {
        let config = OpenTelemetryConfig::from_environment(&|_: &str| None).0;
        let proxy = of(&config).proxy;
        assert!(matches!(proxy, ProxyOptions::Variables(_)), "{proxy:?}");
    }

    #[cfg(feature = "tls")]
    #[test]
    fn certificates_are_taken_over() {
        let config = OpenTelemetryConfig::from_environment(&|name: &str| {
            let value = match name {
                "OTEL_EXPORTER_OTLP_CERTIFICATE" => "ca.pem",
                "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE" => "cert.pem",
                "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY" => "key.pem",
                _ => return None,
            };
            Some(value.into())
        });
        let tls = of(&config.0).tls;
        assert_eq!(tls.authorities, Some("ca.pem".into()));
        assert_eq!(tls.identity, Some(("cert.pem".into(), "key.pem".into())));
    }
}
