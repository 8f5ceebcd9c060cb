//! From the toolbar's configuration.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use otelbar_config::{Compression, OpenTelemetryConfig, Protocol, Signal};

use crate::{ExporterOptions, RetryPolicy, SetupError};

impl TryFrom<&OpenTelemetryConfig> for ExporterOptions {
    type Error = SetupError;

    /// The options for traces. What the configuration cannot say stays at its default.
    ///
    /// # Errors
    ///
    /// Names what is configured and not supported yet: gRPC, JSON, compression, `https`.
    ///
    /// ```
    /// use otelbar_config::OpenTelemetryConfig;
    /// use otelbar_export::ExporterOptions;
    ///
    /// let config = OpenTelemetryConfig::builder().otlp_endpoint("http://127.0.0.1:4318").build()?;
    /// let options = ExporterOptions::try_from(&config)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn try_from(config: &OpenTelemetryConfig) -> Result<Self, SetupError> {
        let otlp = config.otlp(Signal::Traces);
        if otlp.protocol != Protocol::HttpProtobuf {
            return Err(SetupError::option(
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
                otlp.protocol.to_string(),
                "is not supported yet",
                "set it to http/protobuf, which receivers offer on port 4318 as a rule",
            ));
        }
        if otlp.compression != Compression::None {
            return Err(SetupError::option(
                "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
                otlp.compression.to_string(),
                "is not supported yet",
                "set it to none",
            ));
        }
        let batches = config.span_batches();
        let limits = [otlp.timeout, batches.export_timeout];
        let timeout = limits.into_iter().flatten().min().unwrap_or(Duration::MAX);
        let mut options = ExporterOptions::new(otlp.endpoint.expose())?
            .with_timeout(timeout)
            .with_batch_size(batches.max_export_batch_size)
            .with_batch_delay(batches.schedule_delay)
            .with_queue_size(batches.max_queue_size)
            .with_queue_bytes(config.bsp_max_queue_bytes().bytes());
        options = options.with_retry(RetryPolicy {
            initial: config.retry_initial_backoff(),
            max: config.retry_max_backoff(),
            max_age: config.retry_max_age(),
            ..RetryPolicy::default()
        });
        for (name, value) in otlp.headers.iter() {
            options = options.with_header(name, value)?;
        }
        Ok(options)
    }
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
    use super::*;

    #[test]
    fn every_option_for_traces_is_taken_over() {
        let config = OpenTelemetryConfig::from_environment(&|name: &str| {
            let value = match name {
                "OTEL_EXPORTER_OTLP_ENDPOINT" => "http://collector:4318/base",
                "OTEL_EXPORTER_OTLP_HEADERS" => "x-key=a%20b",
                "OTEL_EXPORTER_OTLP_TIMEOUT" => "3000",
                "OTEL_BSP_SCHEDULE_DELAY" => "700",
                "OTEL_BSP_MAX_QUEUE_SIZE" => "99",
                "OTEL_BSP_MAX_EXPORT_BATCH_SIZE" => "11",
                "OTELBAR_BSP_MAX_QUEUE_BYTES" => "33MiB",
                _ => return None,
            };
            Some(value.into())
        })
        .0;
        let options = ExporterOptions::try_from(&config).unwrap();
        assert_eq!(&*options.endpoint.text, "http://collector:4318/base/v1/traces");
        assert_eq!(options.headers["x-key"], "a b");
        assert_eq!(options.timeout, Duration::from_secs(3));
        assert_eq!(options.batch_delay, Duration::from_millis(700));
        assert_eq!((options.queue_size, options.batch_size), (99, 11));
        assert_eq!(options.queue_bytes, 33 << 20);
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
            assert_eq!(ExporterOptions::try_from(&config.0).unwrap().timeout, expected);
        }
        check("10000", "30000", Duration::from_secs(10));
        check("60000", "30000", Duration::from_secs(30));
        check("0", "0", Duration::MAX);
    }

    #[test]
    fn what_is_not_supported_is_named_with_the_remedy() {
        #[track_caller]
        fn check(variable: &str, value: &str, message: &str) {
            let config =
                OpenTelemetryConfig::from_environment(&|name: &str| (name == variable).then(|| value.into()));
            let error = ExporterOptions::try_from(&config.0).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
        let unsupported =
            |option: &str, value: &str| format!("{option}: {value:?} is not supported yet; set it to");
        for protocol in ["grpc", "http/json"] {
            let message = unsupported("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", protocol);
            check("OTEL_EXPORTER_OTLP_PROTOCOL", protocol, &message);
        }
        let message = unsupported("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip");
        check("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip", &message);
        let message = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: \"https://h/v1/traces\" asks for TLS";
        check("OTEL_EXPORTER_OTLP_ENDPOINT", "https://h", message);
    }
}
