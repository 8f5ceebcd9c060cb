//! From the toolbar's configuration.

use std::borrow::Cow;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use otelbar_config::{
    Environment, OpenTelemetryConfig, QueueOverflow, Signal, Source, Timeout, TracesExporter, option,
};

use crate::pipeline::{BreakerPolicy, Overflow, PipelineBuilder, RetryPolicy};
use crate::spool::SpoolOptions;
use crate::transport::{Compression, ConsoleFormat, Destination, OtlpDestination, Protocol, Unusable};

impl PipelineBuilder {
    /// A pipeline as the configuration describes it, with a destination for each exporter of traces that it names
    /// (`OTEL_TRACES_EXPORTER`), in that order; with none for `none`. What the configuration cannot say stays at its
    /// default, but for proxies: these are those of the environment, as
    /// [`with_proxy_from`](OtlpDestination::with_proxy_from) reads them.
    ///
    /// ```
    /// use otelbar_config::{OpenTelemetryConfig, ProcessEnvironment, Protocol, TracesExporter};
    /// use otelbar_export::PipelineBuilder;
    ///
    /// let config = OpenTelemetryConfig::builder()
    ///     .traces_exporters(vec![TracesExporter::Otlp])
    ///     .otlp_protocol(Protocol::HttpProtobuf)
    ///     .otlp_endpoint("http://127.0.0.1:4318")
    ///     .build()?;
    /// let pipeline = PipelineBuilder::from_config(&config, &ProcessEnvironment).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// What cannot be used is an error when it is built: an address that
    /// [cannot be read](crate::SetupError::is_unreadable_endpoint), a header that HTTP does not allow, what is not in this
    /// build.
    pub fn from_config(config: &OpenTelemetryConfig, environment: &dyn Environment) -> Self {
        let config = &*as_this_build_can(config);
        let batches = config.span_batches();
        let overflow = match config.bsp_overflow() {
            QueueOverflow::Newest => Overflow::Newest,
            QueueOverflow::Oldest => Overflow::Oldest,
            _ => Overflow::Traces { slow: config.slow_span_threshold() },
        };
        let mut builder = Self { configured: true, ..Self::default() }
            .with_max_export_batch_size(batches.max_export_batch_size)
            .with_scheduled_delay(batches.schedule_delay)
            .with_max_queue_size(batches.max_queue_size)
            .with_max_queue_bytes(config.bsp_max_queue_bytes().bytes())
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
        if let Some(folder) = config.spool_dir() {
            let spool = SpoolOptions::new(folder)
                .with_max_bytes(config.spool_max_bytes().bytes() as u64)
                .with_write_delay(config.spool_write_delay());
            builder = builder.with_spool(spool);
        }
        for exporter in config.traces_exporters() {
            builder = builder.with_destination(destination(*exporter, config, environment).configured());
        }
        builder
    }
}

/// The configuration, with OTLP over HTTP where this build is without gRPC and nobody asked for that: the protocol is at
/// its default, and an endpoint that was set is not at the port of gRPC (4317), where no other protocol would be answered.
pub fn as_this_build_can(config: &OpenTelemetryConfig) -> Cow<'_, OpenTelemetryConfig> {
    /// The usual port of gRPC.
    const GRPC: u16 = 4317;
    let is_set = |source: Source| source != Source::Default;
    let asks_for_grpc =
        is_set(config.source(option::OTLP_TRACES_ENDPOINT)) && config.otlp_traces_endpoint().port() == GRPC;
    if cfg!(feature = "grpc") || is_set(config.source(option::OTLP_TRACES_PROTOCOL)) || asks_for_grpc {
        return Cow::Borrowed(config);
    }
    let over_http = config.to_builder().otlp_protocol(otelbar_config::Protocol::HttpProtobuf).build();
    // What cannot be built anew, which was built before, stays: then it is told that gRPC is missing.
    over_http.map_or(Cow::Borrowed(config), Cow::Owned)
}

fn destination(
    exporter: TracesExporter,
    config: &OpenTelemetryConfig,
    environment: &dyn Environment,
) -> Destination {
    if let Some(warning) = config.unreadable_endpoint(exporter) {
        return Destination::unusable(Unusable::Endpoint(Box::new(warning.clone())));
    }
    let variable = |name: &str| environment.var(name)?.to_str().map(str::to_owned);
    match exporter {
        TracesExporter::Otlp => otlp(config).with_proxy_from(variable).into(),
        #[cfg(feature = "zipkin")]
        TracesExporter::Zipkin => Destination::zipkin(config.zipkin_endpoint().expose())
            .with_timeout(timeout(config.zipkin_timeout(), config))
            .with_proxy_from(variable)
            .into(),
        TracesExporter::Console => {
            let format = match config.console_format() {
                otelbar_config::ConsoleFormat::Json => ConsoleFormat::Json,
                _ => ConsoleFormat::Readable,
            };
            Destination::console().with_format(format).into()
        }
        other => Destination::unusable(Unusable::Missing(other)),
    }
}

fn otlp(config: &OpenTelemetryConfig) -> OtlpDestination {
    let otlp = config.otlp(Signal::Traces);
    let protocol = match otlp.protocol {
        otelbar_config::Protocol::Grpc => Protocol::Grpc,
        otelbar_config::Protocol::HttpJson => Protocol::HttpJson,
        _ => Protocol::HttpProtobuf,
    };
    let compression = match otlp.compression {
        otelbar_config::Compression::Gzip => Compression::Gzip,
        otelbar_config::Compression::Zstd => Compression::Zstd,
        _ => Compression::None,
    };
    let mut destination = Destination::otlp(otlp.endpoint.expose())
        .with_protocol(protocol)
        .with_compression(compression)
        .with_timeout(timeout(otlp.timeout.map_or(Timeout::NONE, Timeout::from), config));
    #[cfg(feature = "tls")]
    {
        if let Some(authorities) = otlp.certificate {
            destination = destination.with_certificate(authorities);
        }
        // One without the other is a warning of the configuration.
        if let (Some(certificate), Some(key)) = (otlp.client_certificate, otlp.client_key) {
            destination = destination.with_client_certificate(certificate, key.expose());
        }
    }
    for (name, value) in otlp.headers.iter() {
        destination = destination.with_header(name, value);
    }
    destination
}

/// The shorter of an exporter's own timeout and that of a batch.
fn timeout(own: Timeout, config: &OpenTelemetryConfig) -> Duration {
    let limits = [own.limit(), config.span_batches().export_timeout];
    limits.into_iter().flatten().min().unwrap_or(Duration::MAX)
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
    use crate::error::SetupError;

    /// What these variables describe.
    fn read(variables: &[(&str, &str)]) -> PipelineBuilder {
        let environment =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let config = OpenTelemetryConfig::from_environment(&environment).0;
        PipelineBuilder::from_config(&config, &environment)
    }

    /// The one destination, which is OTLP.
    fn otlp(variables: &[(&str, &str)]) -> OtlpDestination {
        read(variables).destinations[0].as_otlp().clone()
    }

    #[test]
    fn each_exporter_has_settings_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let builder = read(&[
            ("OTEL_TRACES_EXPORTER", "zipkin,otlp"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_ZIPKIN_ENDPOINT", "http://zipkin:9411/api/v2/spans"),
            ("OTEL_EXPORTER_ZIPKIN_TIMEOUT", "1234"),
            ("OTELBAR_SPOOL_DIR", folder.path().to_str().unwrap()),
            ("OTELBAR_SPOOL_MAX_BYTES", "7MiB"),
            ("OTELBAR_SPOOL_WRITE_DELAY", "321"),
        ]);
        let spool = SpoolOptions::new(folder.path())
            .with_max_bytes(7 << 20)
            .with_write_delay(Duration::from_millis(321));
        assert_eq!(builder.options.spool, Some(spool));
        if cfg!(not(feature = "zipkin")) {
            let error = builder.build().unwrap_err();
            assert_eq!(error.missing_feature(), Some("zipkin"));
            assert!(error.to_string().starts_with("OTEL_TRACES_EXPORTER: \"zipkin\" is not in"), "{error}");
            return;
        }
        assert!(format!("{:?}", builder.destinations[0]).contains("timeout: 1.234s"));
        let pipeline = builder.build().unwrap();
        let endpoints: Vec<&str> = pipeline.destinations().map(|info| &*info.endpoint).collect();
        assert_eq!(endpoints, ["http://zipkin:9411/api/v2/spans", "http://localhost:4318/v1/traces"]);
        // The folders are those of earlier versions.
        assert!(folder.path().join("zipkin").is_dir() && folder.path().join("otlp").is_dir());
        assert!(read(&[("OTEL_TRACES_EXPORTER", "none")]).destinations.is_empty());
    }

    /// The default is another place than the one that was meant.
    #[test]
    fn an_endpoint_that_cannot_be_read_is_an_error_even_where_others_serve() {
        let builder =
            read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector"), ("OTEL_TRACES_EXPORTER", "console,otlp")]);
        let check = |error: SetupError| {
            assert!(error.is_unreadable_endpoint(), "{error:?}");
            assert_eq!(error.option_name(), Some("OTEL_EXPORTER_OTLP_ENDPOINT"));
            let expected = "OTEL_EXPORTER_OTLP_ENDPOINT: `collector` has no scheme; write an address such as \
                            http://localhost:4318";
            assert_eq!(error.to_string(), expected);
        };
        check(builder.clone().build().unwrap_err());
        check(builder.build_usable().unwrap_err());
    }

    #[test]
    fn every_option_for_traces_is_taken_over() {
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/base"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20b"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "3000"),
            ("OTEL_BSP_SCHEDULE_DELAY", "700"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "99"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "11"),
            ("OTELBAR_BSP_MAX_QUEUE_BYTES", "33MiB"),
            ("OTELBAR_BSP_OVERFLOW", "oldest"),
            ("OTELBAR_BREAKER_FAILURE_THRESHOLD", "3"),
            ("OTELBAR_BREAKER_OPEN_DURATION", "44000"),
        ];
        let http = otlp(&variables).http;
        assert_eq!(http.url, "http://collector:4318/base/v1/traces");
        assert_eq!(http.headers, [("x-key".to_owned(), "a b".to_owned())]);
        assert_eq!(http.timeout, Duration::from_secs(3));
        let options = read(&variables).options;
        assert_eq!(options.scheduled_delay, Duration::from_millis(700));
        assert_eq!((options.max_queue_size, options.max_export_batch_size), (99, 11));
        assert_eq!(options.max_queue_bytes, 33 << 20);
        assert_eq!(options.overflow, Overflow::Oldest);
        let breaker = BreakerPolicy { failure_threshold: 3, open_duration: Duration::from_secs(44) };
        assert_eq!(options.breaker, breaker);
        assert_eq!(options.spool, None);
    }

    #[test]
    fn the_shorter_of_both_timeouts_holds_and_none_is_none() {
        #[track_caller]
        fn check(timeout: &str, export_timeout: &str, expected: Duration) {
            let variables =
                [("OTEL_EXPORTER_OTLP_TIMEOUT", timeout), ("OTEL_BSP_EXPORT_TIMEOUT", export_timeout)];
            assert_eq!(otlp(&variables).http.timeout, expected);
        }
        check("10000", "30000", Duration::from_secs(10));
        check("60000", "30000", Duration::from_secs(30));
        check("0", "0", Duration::MAX);
    }

    #[test]
    fn the_protocol_and_the_scheme_are_taken_over() {
        const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
        const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
        const COMPRESSION: &str = "OTEL_EXPORTER_OTLP_COMPRESSION";
        #[track_caller]
        fn check(variables: &[(&str, &str)], endpoint: &str, protocol: Protocol, compression: Compression) {
            let destination = otlp(variables);
            assert_eq!(destination.http.url, endpoint);
            assert_eq!((destination.protocol, destination.http.compression), (protocol, compression));
        }
        if cfg!(feature = "grpc") {
            check(&[], "http://localhost:4317", Protocol::Grpc, Compression::None);
        } else {
            let http = Protocol::HttpProtobuf;
            check(&[], "http://localhost:4318/v1/traces", http, Compression::None);
            let collector = |port| format!("http://collector:{port}");
            let at = |port| [(ENDPOINT, collector(port))];
            let [(name, other)] = at(4318);
            check(&[(name, &other)], "http://collector:4318/v1/traces", http, Compression::None);
            // Whose port is that of gRPC means gRPC, and is told what is missing.
            let [(name, grpc)] = at(4317);
            check(&[(name, &grpc)], "http://collector:4317", Protocol::Grpc, Compression::None);
            assert_eq!(read(&[(name, &grpc)]).build().unwrap_err().missing_feature(), Some("grpc"));
        }
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
        check(&[grpc, (ENDPOINT, "h:4317")], "https://h:4317", Protocol::Grpc, Compression::None);
    }

    #[test]
    fn proxies_are_those_of_the_environment() {
        let proxy = format!("{:?}", otlp(&[("https_proxy", "http://proxy:3128")]).http.proxy);
        assert_eq!(proxy, r#"Variables(["https_proxy"])"#);
    }

    #[cfg(feature = "tls")]
    #[test]
    fn certificates_are_taken_over() {
        let tls = otlp(&[
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "ca.pem"),
            ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", "cert.pem"),
            ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "key.pem"),
        ])
        .http
        .tls;
        assert_eq!(tls.authorities, Some("ca.pem".into()));
        assert_eq!(tls.identity, Some(("cert.pem".into(), "key.pem".into())));
    }
}
