//! From the toolbar's configuration.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use otelbar_config::{OpenTelemetryConfig, Signal};

use crate::{ExporterOptions, RetryPolicy, SetupError};

impl TryFrom<&OpenTelemetryConfig> for ExporterOptions {
    type Error = SetupError;

    /// The options for traces. What the configuration cannot say stays at its default.
    ///
    /// # Errors
    ///
    /// Names a header that HTTP does not allow, and an `https` endpoint when TLS is not in this build. Certificates,
    /// and what else this build may be without, are looked at when the pipeline starts.
    ///
    /// ```
    /// use otelbar_config::OpenTelemetryConfig;
    /// use otelbar_export::{ExporterOptions, Protocol};
    ///
    /// let config = OpenTelemetryConfig::builder()
    ///     .otlp_protocol(Protocol::HttpProtobuf)
    ///     .otlp_endpoint("http://127.0.0.1:4318")
    ///     .build()?;
    /// let options = ExporterOptions::try_from(&config)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn try_from(config: &OpenTelemetryConfig) -> Result<Self, SetupError> {
        let otlp = config.otlp(Signal::Traces);
        let batches = config.span_batches();
        let limits = [otlp.timeout, batches.export_timeout];
        let timeout = limits.into_iter().flatten().min().unwrap_or(Duration::MAX);
        let mut options = ExporterOptions::new(otlp.endpoint.expose())?
            .with_protocol(otlp.protocol)
            .with_compression(otlp.compression)
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
    fn the_protocol_and_the_scheme_are_taken_over() {
        #[track_caller]
        fn check(variables: &[(&str, &str)], endpoint: &str, protocol: Protocol, compression: Compression) {
            let config = OpenTelemetryConfig::from_environment(&|name: &str| {
                variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into())
            });
            let options = ExporterOptions::try_from(&config.0).unwrap();
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
        let tls = ExporterOptions::try_from(&config.0).unwrap().tls;
        assert_eq!(tls.authorities, Some("ca.pem".into()));
        assert_eq!(tls.identity, Some(("cert.pem".into(), "key.pem".into())));
    }
}
