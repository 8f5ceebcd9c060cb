//! The table of options. Everything else about an option comes from its row here: handle, accessor, setter,
//! variable, default, check and documentation.
//!
//! A row reads: the constant of its handle and its name, the type with the type of its accessor, the default, the
//! variables, and what else there is to it:
//!
//! - `default "text"` as it would stand in the variable; `none`; `(as OTHER other)` for the value of a wider option;
//!   `(|s| value, "in words")` for one that depends on other options;
//! - `env ["VARIABLE" via reader]`, where the text is not that of the option itself;
//! - `check function`, what must hold of a value besides its type;
//! - `unreadable "consequence"`, where the default is not used instead of a text that cannot be read;
//! - `not yet`, where nothing reads the option so far.
//!
//! `options!(each)` gives all rows to the macro `each`, in whose module the names of a row must be known.

macro_rules! options {
    ($each:ident) => {
        $each! {
            "General" {
                /// Whether the toolbar and its pipelines do anything.
                ENABLED enabled: bool,
                    default "true", env ["OTELBAR_ENABLED" via variable_readers::switch, "OTEL_SDK_DISABLED" via variable_readers::negated];
                /// How much the toolbar and its pipelines log about themselves.
                LOG_LEVEL log_level: LogLevel,
                    default "info", env ["OTEL_LOG_LEVEL"], not yet;
            }

            "Resource" {
                /// The name of the service. The default is that of the semantic conventions.
                SERVICE_NAME service_name: String as (&str),
                    default (|s| unknown_service(s.executable.as_deref()), "unknown_service:<executable>"),
                    env ["OTEL_SERVICE_NAME"];
                /// The version of the service.
                SERVICE_VERSION service_version: Option<String> as (Option<&str>),
                    default none, env ["OTELBAR_SERVICE_VERSION"];
                /// The namespace of the service: the names of services are unique within it.
                SERVICE_NAMESPACE service_namespace: Option<String> as (Option<&str>),
                    default none, env ["OTELBAR_SERVICE_NAMESPACE"];
                /// The id of this instance of the service.
                SERVICE_INSTANCE_ID service_instance_id: Option<String> as (Option<&str>),
                    default none, env ["OTELBAR_SERVICE_INSTANCE_ID"];
                /// Where the service runs: development, staging, production or another name. It chooses the sampler.
                DEPLOYMENT_ENVIRONMENT deployment_environment: Option<String> as (Option<&str>),
                    default none, env ["OTELBAR_DEPLOYMENT_ENVIRONMENT"];
                /// Further attributes of the resource: key=value,key=value, percent-encoded. All sources are merged.
                RESOURCE_ATTRIBUTES resource_attributes: ResourceAttributes as (&ResourceAttributes),
                    default none, env ["OTEL_RESOURCE_ATTRIBUTES"];
            }

            "Propagation" {
                /// How the context of a trace travels in headers, in order of preference.
                PROPAGATORS propagators: Vec<Propagator> as (&[Propagator]),
                    default "tracecontext,baggage", env ["OTEL_PROPAGATORS"];
            }

            "Sampling" {
                /// Which traces are exported. All in development and staging, 10% of new ones in production.
                TRACES_SAMPLER traces_sampler: SamplerKind,
                    default (|s| by_deployment(s.deployment_environment().as_deref()).0,
                        "by deployment_environment, parentbased_always_on where that is not known"),
                    env ["OTEL_TRACES_SAMPLER"];
                /// The ratio of a sampler that has one, from 0 to 1; 1 if it is left out.
                TRACES_SAMPLER_ARG traces_sampler_arg: Option<Ratio>,
                    default (|s| match s.traces_sampler {
                        Some(_) => None,
                        None => by_deployment(s.deployment_environment().as_deref()).1,
                    }, "by deployment_environment, else 1"),
                    env ["OTEL_TRACES_SAMPLER_ARG"];
            }

            "Exporters" {
                /// Where traces are exported to: otlp, zipkin, console, or several of them.
                TRACES_EXPORTERS traces_exporters: Vec<TracesExporter> as (&[TracesExporter]),
                    default "otlp", env ["OTEL_TRACES_EXPORTER"];
                /// How spans are written to standard output: readable, or json (one OTLP request per line).
                CONSOLE_FORMAT console_format: ConsoleFormat,
                    default "readable", env ["OTELBAR_CONSOLE_FORMAT"];
                /// Where metrics are exported to.
                METRICS_EXPORTERS metrics_exporters: Vec<MetricsExporter> as (&[MetricsExporter]),
                    default "otlp", env ["OTEL_METRICS_EXPORTER"], not yet;
                /// Where logs are exported to.
                LOGS_EXPORTERS logs_exporters: Vec<LogsExporter> as (&[LogsExporter]),
                    default "otlp", env ["OTEL_LOGS_EXPORTER"], not yet;
            }

            "OTLP" {
                /// The OTLP protocol: grpc, http/protobuf or http/json.
                OTLP_PROTOCOL otlp_protocol: Protocol,
                    default "grpc", env ["OTEL_EXPORTER_OTLP_PROTOCOL"];
                /// The OTLP protocol for traces.
                OTLP_TRACES_PROTOCOL otlp_traces_protocol: Protocol,
                    default (as OTLP_PROTOCOL otlp_protocol), env ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"];
                /// The OTLP protocol for metrics.
                OTLP_METRICS_PROTOCOL otlp_metrics_protocol: Protocol,
                    default (as OTLP_PROTOCOL otlp_protocol), env ["OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"], not yet;
                /// The OTLP protocol for logs.
                OTLP_LOGS_PROTOCOL otlp_logs_protocol: Protocol,
                    default (as OTLP_PROTOCOL otlp_protocol), env ["OTEL_EXPORTER_OTLP_LOGS_PROTOCOL"], not yet;

                /// The OTLP endpoint; over HTTP the path of each signal (v1/traces) is appended.
                OTLP_ENDPOINT otlp_endpoint: Endpoint as (&Endpoint),
                    default (|s| s.default_endpoint(s.otlp_protocol()),
                        "http://localhost:4317 for grpc, else http://localhost:4318"),
                    env ["OTEL_EXPORTER_OTLP_ENDPOINT"], unreadable "nothing is sent by OTLP";
                /// The OTLP endpoint for traces, used as it is.
                OTLP_TRACES_ENDPOINT otlp_traces_endpoint: Endpoint as (&Endpoint),
                    default (as OTLP_ENDPOINT otlp_endpoint, |s| s.endpoint_of(Signal::Traces), "otlp_endpoint, over HTTP with v1/traces"),
                    env ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"], unreadable "no traces are sent by OTLP";
                /// The OTLP endpoint for metrics, used as it is.
                OTLP_METRICS_ENDPOINT otlp_metrics_endpoint: Endpoint as (&Endpoint),
                    default (as OTLP_ENDPOINT otlp_endpoint, |s| s.endpoint_of(Signal::Metrics), "otlp_endpoint, over HTTP with v1/metrics"),
                    env ["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"], unreadable "no metrics are sent by OTLP", not yet;
                /// The OTLP endpoint for logs, used as it is.
                OTLP_LOGS_ENDPOINT otlp_logs_endpoint: Endpoint as (&Endpoint),
                    default (as OTLP_ENDPOINT otlp_endpoint, |s| s.endpoint_of(Signal::Logs), "otlp_endpoint, over HTTP with v1/logs"),
                    env ["OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"], unreadable "no logs are sent by OTLP", not yet;

                /// Whether the connection to an endpoint without a scheme is without TLS.
                OTLP_INSECURE otlp_insecure: bool,
                    default "false", env ["OTEL_EXPORTER_OTLP_INSECURE"];
                /// Whether the connection to an endpoint of traces without a scheme is without TLS.
                OTLP_TRACES_INSECURE otlp_traces_insecure: bool,
                    default (as OTLP_INSECURE otlp_insecure), env ["OTEL_EXPORTER_OTLP_TRACES_INSECURE"];
                /// Whether the connection to an endpoint of metrics without a scheme is without TLS.
                OTLP_METRICS_INSECURE otlp_metrics_insecure: bool,
                    default (as OTLP_INSECURE otlp_insecure), env ["OTEL_EXPORTER_OTLP_METRICS_INSECURE"], not yet;
                /// Whether the connection to an endpoint of logs without a scheme is without TLS.
                OTLP_LOGS_INSECURE otlp_logs_insecure: bool,
                    default (as OTLP_INSECURE otlp_insecure), env ["OTEL_EXPORTER_OTLP_LOGS_INSECURE"], not yet;

                /// Headers sent with each export: name=value,name=value, values percent-encoded.
                OTLP_HEADERS otlp_headers: Headers as (&Headers),
                    default none, env ["OTEL_EXPORTER_OTLP_HEADERS"];
                /// Headers sent with each export of traces, instead of otlp_headers.
                OTLP_TRACES_HEADERS otlp_traces_headers: Headers as (&Headers),
                    default (as OTLP_HEADERS otlp_headers), env ["OTEL_EXPORTER_OTLP_TRACES_HEADERS"];
                /// Headers sent with each export of metrics, instead of otlp_headers.
                OTLP_METRICS_HEADERS otlp_metrics_headers: Headers as (&Headers),
                    default (as OTLP_HEADERS otlp_headers), env ["OTEL_EXPORTER_OTLP_METRICS_HEADERS"], not yet;
                /// Headers sent with each export of logs, instead of otlp_headers.
                OTLP_LOGS_HEADERS otlp_logs_headers: Headers as (&Headers),
                    default (as OTLP_HEADERS otlp_headers), env ["OTEL_EXPORTER_OTLP_LOGS_HEADERS"], not yet;

                /// The timeout of an export, in milliseconds; 0 is no limit.
                OTLP_TIMEOUT otlp_timeout: Timeout,
                    default "10000", env ["OTEL_EXPORTER_OTLP_TIMEOUT"];
                /// The timeout of an export of traces, in milliseconds; 0 is no limit.
                OTLP_TRACES_TIMEOUT otlp_traces_timeout: Timeout,
                    default (as OTLP_TIMEOUT otlp_timeout), env ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"];
                /// The timeout of an export of metrics, in milliseconds; 0 is no limit.
                OTLP_METRICS_TIMEOUT otlp_metrics_timeout: Timeout,
                    default (as OTLP_TIMEOUT otlp_timeout), env ["OTEL_EXPORTER_OTLP_METRICS_TIMEOUT"], not yet;
                /// The timeout of an export of logs, in milliseconds; 0 is no limit.
                OTLP_LOGS_TIMEOUT otlp_logs_timeout: Timeout,
                    default (as OTLP_TIMEOUT otlp_timeout), env ["OTEL_EXPORTER_OTLP_LOGS_TIMEOUT"], not yet;

                /// How exports are compressed: none, gzip or zstd.
                OTLP_COMPRESSION otlp_compression: Compression,
                    default "none", env ["OTEL_EXPORTER_OTLP_COMPRESSION"];
                /// How exports of traces are compressed.
                OTLP_TRACES_COMPRESSION otlp_traces_compression: Compression,
                    default (as OTLP_COMPRESSION otlp_compression), env ["OTEL_EXPORTER_OTLP_TRACES_COMPRESSION"];
                /// How exports of metrics are compressed.
                OTLP_METRICS_COMPRESSION otlp_metrics_compression: Compression,
                    default (as OTLP_COMPRESSION otlp_compression), env ["OTEL_EXPORTER_OTLP_METRICS_COMPRESSION"], not yet;
                /// How exports of logs are compressed.
                OTLP_LOGS_COMPRESSION otlp_logs_compression: Compression,
                    default (as OTLP_COMPRESSION otlp_compression), env ["OTEL_EXPORTER_OTLP_LOGS_COMPRESSION"], not yet;

                /// The PEM file of the CA certificates trusted for the endpoint, instead of the system's.
                OTLP_CERTIFICATE otlp_certificate: Option<PathBuf> as (Option<&Path>),
                    default none, env ["OTEL_EXPORTER_OTLP_CERTIFICATE"];
                /// The PEM file of the CA certificates trusted for the endpoint of traces.
                OTLP_TRACES_CERTIFICATE otlp_traces_certificate: Option<PathBuf> as (Option<&Path>),
                    default (as OTLP_CERTIFICATE otlp_certificate), env ["OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE"];
                /// The PEM file of the CA certificates trusted for the endpoint of metrics.
                OTLP_METRICS_CERTIFICATE otlp_metrics_certificate: Option<PathBuf> as (Option<&Path>),
                    default (as OTLP_CERTIFICATE otlp_certificate), env ["OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE"], not yet;
                /// The PEM file of the CA certificates trusted for the endpoint of logs.
                OTLP_LOGS_CERTIFICATE otlp_logs_certificate: Option<PathBuf> as (Option<&Path>),
                    default (as OTLP_CERTIFICATE otlp_certificate), env ["OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE"], not yet;

                /// The PEM file of the client certificate.
                OTLP_CLIENT_CERTIFICATE otlp_client_certificate: Option<PathBuf> as (Option<&Path>),
                    default none, env ["OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"];
                /// The PEM file of the client certificate for traces.
                OTLP_TRACES_CLIENT_CERTIFICATE otlp_traces_client_certificate: Option<PathBuf> as (Option<&Path>),
                    default (as OTLP_CLIENT_CERTIFICATE otlp_client_certificate),
                    env ["OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE"];
                /// The PEM file of the client certificate for metrics.
                OTLP_METRICS_CLIENT_CERTIFICATE otlp_metrics_client_certificate: Option<PathBuf> as (Option<&Path>),
                    default (as OTLP_CLIENT_CERTIFICATE otlp_client_certificate),
                    env ["OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE"], not yet;
                /// The PEM file of the client certificate for logs.
                OTLP_LOGS_CLIENT_CERTIFICATE otlp_logs_client_certificate: Option<PathBuf> as (Option<&Path>),
                    default (as OTLP_CLIENT_CERTIFICATE otlp_client_certificate),
                    env ["OTEL_EXPORTER_OTLP_LOGS_CLIENT_CERTIFICATE"], not yet;

                /// The PEM file of the client certificate's private key.
                OTLP_CLIENT_KEY otlp_client_key: Option<Secret<PathBuf>> as (Option<&Secret<PathBuf>>),
                    default none, env ["OTEL_EXPORTER_OTLP_CLIENT_KEY"];
                /// The PEM file of the client certificate's private key for traces.
                OTLP_TRACES_CLIENT_KEY otlp_traces_client_key: Option<Secret<PathBuf>> as (Option<&Secret<PathBuf>>),
                    default (as OTLP_CLIENT_KEY otlp_client_key), env ["OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY"];
                /// The PEM file of the client certificate's private key for metrics.
                OTLP_METRICS_CLIENT_KEY otlp_metrics_client_key: Option<Secret<PathBuf>> as (Option<&Secret<PathBuf>>),
                    default (as OTLP_CLIENT_KEY otlp_client_key), env ["OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY"], not yet;
                /// The PEM file of the client certificate's private key for logs.
                OTLP_LOGS_CLIENT_KEY otlp_logs_client_key: Option<Secret<PathBuf>> as (Option<&Secret<PathBuf>>),
                    default (as OTLP_CLIENT_KEY otlp_client_key), env ["OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY"], not yet;
            }

            "Zipkin" {
                /// The Zipkin endpoint, which gets spans as Zipkin v2 JSON.
                ZIPKIN_ENDPOINT zipkin_endpoint: Endpoint as (&Endpoint),
                    default "http://localhost:9411/api/v2/spans", env ["OTEL_EXPORTER_ZIPKIN_ENDPOINT"],
                    unreadable "nothing is sent to Zipkin";
                /// The timeout of an export to Zipkin, in milliseconds; 0 is no limit.
                ZIPKIN_TIMEOUT zipkin_timeout: Timeout,
                    default "10000", env ["OTEL_EXPORTER_ZIPKIN_TIMEOUT"];
            }

            "Batches of spans" {
                /// How long spans wait for a batch to fill, in milliseconds.
                BSP_SCHEDULE_DELAY bsp_schedule_delay: Duration,
                    default "5000", env ["OTEL_BSP_SCHEDULE_DELAY"], check positive;
                /// The timeout of one attempt to export a batch, in milliseconds; 0 is no limit.
                BSP_EXPORT_TIMEOUT bsp_export_timeout: Timeout,
                    default "30000", env ["OTEL_BSP_EXPORT_TIMEOUT"];
                /// The maximum number of spans in the queue.
                BSP_MAX_QUEUE_SIZE bsp_max_queue_size: usize,
                    default "2048", env ["OTEL_BSP_MAX_QUEUE_SIZE"], check within::<1, MANY>;
                /// The maximum size of the spans in the queue, in bytes.
                BSP_MAX_QUEUE_BYTES bsp_max_queue_bytes: ByteSize,
                    default "64MiB", env ["OTELBAR_BSP_MAX_QUEUE_BYTES"], check holds_a_trace;
                /// The maximum number of spans in a batch; not more than bsp_max_queue_size.
                BSP_MAX_EXPORT_BATCH_SIZE bsp_max_export_batch_size: usize,
                    default (|s| s.bsp_max_queue_size().min(512), "512, or bsp_max_queue_size where that is less"),
                    env ["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"], check within::<1, MANY>;
                /// What is dropped when the queue is full: newest, oldest, or traces (whole ones, oldest first; last those with an error or over slow_span_threshold).
                BSP_OVERFLOW bsp_overflow: QueueOverflow,
                    default "traces", env ["OTELBAR_BSP_OVERFLOW"];
            }

            "Persistent queue" {
                /// The directory of the persistent queue, where spans that cannot be sent wait, over restarts too. Without one they wait in memory.
                SPOOL_DIR spool_dir: Option<PathBuf> as (Option<&Path>),
                    default none, env ["OTELBAR_SPOOL_DIR"];
                /// The maximum size of the persistent queue of each destination, in bytes; the oldest spans are dropped first.
                SPOOL_MAX_BYTES spool_max_bytes: ByteSize,
                    default "64MiB", env ["OTELBAR_SPOOL_MAX_BYTES"], check holds_a_trace;
                /// How long an enqueued span may be only in memory before it is written to the persistent queue, in milliseconds.
                SPOOL_WRITE_DELAY spool_write_delay: Duration,
                    default "1000", env ["OTELBAR_SPOOL_WRITE_DELAY"], check positive;
            }

            "Batches of logs" {
                /// How long logs wait for a batch to fill, in milliseconds.
                BLRP_SCHEDULE_DELAY blrp_schedule_delay: Duration,
                    default "1000", env ["OTEL_BLRP_SCHEDULE_DELAY"], check positive, not yet;
                /// The timeout of the export of a batch of logs with all its attempts, in milliseconds; 0 is no limit.
                BLRP_EXPORT_TIMEOUT blrp_export_timeout: Timeout,
                    default "30000", env ["OTEL_BLRP_EXPORT_TIMEOUT"], not yet;
                /// The maximum number of logs in the queue.
                BLRP_MAX_QUEUE_SIZE blrp_max_queue_size: usize,
                    default "2048", env ["OTEL_BLRP_MAX_QUEUE_SIZE"], check within::<1, MANY>, not yet;
                /// The maximum number of logs in a batch; not more than blrp_max_queue_size.
                BLRP_MAX_EXPORT_BATCH_SIZE blrp_max_export_batch_size: usize,
                    default (|s| s.blrp_max_queue_size().min(512), "512, or blrp_max_queue_size where that is less"),
                    env ["OTEL_BLRP_MAX_EXPORT_BATCH_SIZE"], check within::<1, MANY>, not yet;
            }

            "Metrics" {
                /// Which measurements have an exemplar.
                METRICS_EXEMPLAR_FILTER metrics_exemplar_filter: ExemplarFilter,
                    default "trace_based", env ["OTEL_METRICS_EXEMPLAR_FILTER"], not yet;
                /// The interval of the exports of metrics, in milliseconds.
                METRIC_EXPORT_INTERVAL metric_export_interval: Duration,
                    default "60000", env ["OTEL_METRIC_EXPORT_INTERVAL"], check positive, not yet;
                /// The timeout of an export of metrics, in milliseconds; 0 is no limit.
                METRIC_EXPORT_TIMEOUT metric_export_timeout: Timeout,
                    default "30000", env ["OTEL_METRIC_EXPORT_TIMEOUT"], not yet;
            }

            "Retry and circuit breaker" {
                /// How long an export is retried, in milliseconds, before its spans are dropped.
                RETRY_MAX_AGE retry_max_age: Duration,
                    default "300000", env ["OTELBAR_RETRY_MAX_AGE"], check positive;
                /// The maximum backoff before the first retry, in milliseconds; it doubles with each retry.
                RETRY_INITIAL_BACKOFF retry_initial_backoff: Duration,
                    default (|s| s.retry_max_backoff().min(Duration::from_millis(500)),
                        "500, or retry_max_backoff where that is less"),
                    env ["OTELBAR_RETRY_INITIAL_BACKOFF"], check positive;
                /// The maximum backoff before any retry, in milliseconds, unless the server asks for more.
                RETRY_MAX_BACKOFF retry_max_backoff: Duration,
                    default "10000", env ["OTELBAR_RETRY_MAX_BACKOFF"], check positive;
                /// How many exports in a row must fail for the circuit breaker to open.
                BREAKER_FAILURE_THRESHOLD breaker_failure_threshold: usize,
                    default "5", env ["OTELBAR_BREAKER_FAILURE_THRESHOLD"], check within::<1, 1_000_000>;
                /// How long the circuit breaker stays open before one export is tried, in milliseconds.
                BREAKER_OPEN_DURATION breaker_open_duration: Duration,
                    default "30000", env ["OTELBAR_BREAKER_OPEN_DURATION"], check positive;
            }

            "Limits" {
                /// The maximum length of an attribute value, in characters.
                ATTRIBUTE_VALUE_LENGTH_LIMIT attribute_value_length_limit: Limit,
                    default "unlimited", env ["OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"];
                /// The maximum number of attributes of a span, event, link or log.
                ATTRIBUTE_COUNT_LIMIT attribute_count_limit: usize,
                    default "128", env ["OTEL_ATTRIBUTE_COUNT_LIMIT"], check within::<0, MANY>;
                /// The maximum length of a span's attribute value, in characters.
                SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT span_attribute_value_length_limit: Limit,
                    default (as ATTRIBUTE_VALUE_LENGTH_LIMIT attribute_value_length_limit),
                    env ["OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT"];
                /// The maximum number of attributes of a span.
                SPAN_ATTRIBUTE_COUNT_LIMIT span_attribute_count_limit: usize,
                    default (as ATTRIBUTE_COUNT_LIMIT attribute_count_limit),
                    env ["OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT"], check within::<0, MANY>;
                /// The maximum number of events of a span.
                SPAN_EVENT_COUNT_LIMIT span_event_count_limit: usize,
                    default "128", env ["OTEL_SPAN_EVENT_COUNT_LIMIT"], check within::<0, MANY>;
                /// The maximum number of links of a span.
                SPAN_LINK_COUNT_LIMIT span_link_count_limit: usize,
                    default "128", env ["OTEL_SPAN_LINK_COUNT_LIMIT"], check within::<0, MANY>;
                /// The maximum number of attributes of a span's event.
                EVENT_ATTRIBUTE_COUNT_LIMIT event_attribute_count_limit: usize,
                    default (as ATTRIBUTE_COUNT_LIMIT attribute_count_limit),
                    env ["OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT"], check within::<0, MANY>, not yet;
                /// The maximum number of attributes of a span's link.
                LINK_ATTRIBUTE_COUNT_LIMIT link_attribute_count_limit: usize,
                    default (as ATTRIBUTE_COUNT_LIMIT attribute_count_limit),
                    env ["OTEL_LINK_ATTRIBUTE_COUNT_LIMIT"], check within::<0, MANY>, not yet;
                /// The maximum length of a log's attribute value, in characters.
                LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT logrecord_attribute_value_length_limit: Limit,
                    default (as ATTRIBUTE_VALUE_LENGTH_LIMIT attribute_value_length_limit),
                    env ["OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT"], not yet;
                /// The maximum number of attributes of a log.
                LOGRECORD_ATTRIBUTE_COUNT_LIMIT logrecord_attribute_count_limit: usize,
                    default (as ATTRIBUTE_COUNT_LIMIT attribute_count_limit),
                    env ["OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT"], check within::<0, MANY>, not yet;
            }

            "Semantic conventions" {
                /// The semantic conventions of HTTP spans: stable, old, or dup for both.
                HTTP_SEMCONV http_semconv: Semconv,
                    default "stable", env ["OTELBAR_HTTP_SEMCONV", "OTEL_SEMCONV_STABILITY_OPT_IN" via variable_readers::http_opt_in];
                /// The semantic conventions of database spans: stable, old, or dup for both.
                DATABASE_SEMCONV database_semconv: Semconv,
                    default "stable",
                    env ["OTELBAR_DATABASE_SEMCONV", "OTEL_SEMCONV_STABILITY_OPT_IN" via variable_readers::database_opt_in];
                /// The known HTTP methods, case-sensitive; others are exported as _OTHER. Replaces the default list.
                HTTP_KNOWN_METHODS http_known_methods: Vec<String> as (&[String]),
                    default "CONNECT,DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT,QUERY,TRACE",
                    env ["OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS"];
                /// Whether opt-in attributes (http.response.body.size, db.response.returned_rows) are exported: true, false, or their names.
                OPT_IN_ATTRIBUTES opt_in_attributes: OptInAttributes as (&OptInAttributes),
                    default "false", env ["OTELBAR_OPT_IN_ATTRIBUTES"];
                /// The db.system.name of queries whose events do not have it, such as those of sqlx.
                SQL_SYSTEM sql_system: String as (&str),
                    default "other_sql", env ["OTELBAR_SQL_SYSTEM"];
            }

            "Links to backends" {
                /// The URL of the Jaeger UI.
                JAEGER_UI jaeger_ui: Endpoint as (&Endpoint),
                    default "http://localhost:16686", env ["OTELBAR_JAEGER_UI"];
                /// The URL of a trace in the Jaeger UI, with {ui} and {trace_id}.
                JAEGER_LINK jaeger_link: LinkTemplate as (&LinkTemplate),
                    default "{ui}/trace/{trace_id}", env ["OTELBAR_JAEGER_LINK"];
                /// The URL of the Zipkin UI.
                ZIPKIN_UI zipkin_ui: Endpoint as (&Endpoint),
                    default "http://localhost:9411", env ["OTELBAR_ZIPKIN_UI"];
                /// The URL of a trace in the Zipkin UI, with {ui} and {trace_id}.
                ZIPKIN_LINK zipkin_link: LinkTemplate as (&LinkTemplate),
                    default "{ui}/zipkin/traces/{trace_id}", env ["OTELBAR_ZIPKIN_LINK"];
            }

            "Toolbar" {
                /// The path under which the toolbar's page and API answer.
                TOOLBAR_PATH toolbar_path: PagePath as (&str),
                    default "/__otelbar", env ["OTELBAR_PATH"];
                /// The maximum number of requests in memory; the oldest are dropped first.
                MAX_REQUESTS max_requests: usize,
                    default "500", env ["OTELBAR_MAX_REQUESTS"], check within::<1, MANY>;
                /// The maximum size of the requests in memory, in bytes; the oldest are dropped first.
                MAX_BYTES max_bytes: ByteSize,
                    default "64MiB", env ["OTELBAR_MAX_BYTES"], check holds_a_trace;
                /// The maximum number of spans recorded of a request.
                MAX_SPANS_PER_REQUEST max_spans_per_request: usize,
                    default "10000", env ["OTELBAR_MAX_SPANS_PER_REQUEST"], check within::<1, MANY>;
                /// The maximum number of logs recorded of a request.
                MAX_LOGS_PER_REQUEST max_logs_per_request: usize,
                    default "2000", env ["OTELBAR_MAX_LOGS_PER_REQUEST"], check within::<0, MANY>;
                /// The duration from which a query is slow, in milliseconds.
                SLOW_QUERY_THRESHOLD slow_query_threshold: Duration,
                    default "100", env ["OTELBAR_SLOW_QUERY_THRESHOLD"];
                /// The duration from which a span other than a query is slow, in milliseconds.
                SLOW_SPAN_THRESHOLD slow_span_threshold: Duration,
                    default "1000", env ["OTELBAR_SLOW_SPAN_THRESHOLD"];
                /// How many similar calls below one span are an N+1.
                N_PLUS_ONE_THRESHOLD n_plus_one_threshold: usize,
                    default "5", env ["OTELBAR_N_PLUS_ONE_THRESHOLD"], check within::<2, MANY>;
                /// Query keys whose values become REDACTED, besides redacted_attribute_keys; a nested key matches by its last part. Replaces the default list.
                REDACTED_QUERY_KEYS redacted_query_keys: Vec<String> as (&[String]),
                    default "AWSAccessKeyId,Signature,sig,X-Goog-Signature,X-Amz-Signature,X-Amz-Credential,X-Amz-Security-Token,SAMLResponse,code,key",
                    env ["OTELBAR_REDACTED_QUERY_KEYS"];
                /// Values become REDACTED if their name contains such a word (user.oldPassword1; one under five letters as a whole word). Replaces the default list.
                REDACTED_ATTRIBUTE_KEYS redacted_attribute_keys: Vec<String> as (&[String]),
                    default "access_key,api_key,auth,authorization,bearer,card_number,connection_string,cookie,credential,credit_card,csrf,cvc,cvv,dbpass,dsn,encryption_key,jwt,license_key,master_key,otp,pass,passcode,passkey,passphrase,passwd,password,pin,private_key,pwd,recovery_code,secret,security_code,sessid,session,sid,signing_key,ssh_key,ssn,token,totp,userpass,xsrf",
                    env ["OTELBAR_REDACTED_ATTRIBUTE_KEYS"];
                /// The token for the page, at least 16 characters. Without one only local callers have access; behind a proxy all may look local, so set one.
                ACCESS_TOKEN access_token: Option<Secret<String>> as (Option<&Secret<String>>),
                    default none, env ["OTELBAR_ACCESS_TOKEN"], check hard_to_guess,
                    unreadable "nobody has access to the page";
                /// Further host names (Host header, without port) that the page answers to; loopback addresses, localhost and *.localhost are always allowed.
                ALLOWED_HOSTS allowed_hosts: Vec<String> as (&[String]),
                    default "none", env ["OTELBAR_ALLOWED_HOSTS"];
                /// The proxies whose Forwarded and X-Forwarded-* headers are trusted: IP addresses and networks (10.0.0.0/8).
                TRUSTED_PROXIES trusted_proxies: IpNetworks as (&IpNetworks),
                    default "none", env ["OTELBAR_TRUSTED_PROXIES"];
                /// Whether the bar is injected into the application's HTML pages.
                INJECT_BAR inject_bar: bool,
                    default "true", env ["OTELBAR_INJECT_BAR" via variable_readers::switch];
                /// What is recorded: sql, sql_parameters, template, cache, http, headers, profile, log.
                CAPTURE capture: Vec<Capture> as (&[Capture]),
                    default "sql,template,http,log", env ["OTELBAR_CAPTURE"];
                /// The level from which spans and logs are recorded: level,target=level. Replaces the default list.
                CAPTURE_LEVEL capture_level: LevelFilter as (&LevelFilter),
                    default "debug,h2=info,hyper=info,hyper_util=info,mio=info,reqwest=info,rustls=info,tokio=info,tower=info",
                    env ["OTELBAR_CAPTURE_LEVEL"];
            }
        }
    };
}
pub(crate) use options;

/// What of a row becomes a text or an expression, for the macros that are given the rows.
macro_rules! row {
    (@default_text (as $key:ident $wide:ident)) => { concat!("as ", stringify!($wide)) };
    (@default_text (as $key:ident $wide:ident, $closure:expr, $text:literal)) => { $text };
    (@default_text ($closure:expr, $text:literal)) => { $text };
    (@default_text none) => { "" };
    (@default_text $text:literal) => { $text };

    (@view $type:ty) => { $type };
    (@view $type:ty, $($view:tt)+) => { $($view)+ };
}
pub(crate) use row;
