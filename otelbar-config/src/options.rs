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
//! - `unreadable "consequence"`, where no default stands in for a text that cannot be read;
//! - `not yet`, where nothing reads the option so far.
//!
//! `options!(each)` gives all rows to the macro `each`, in whose module the names of a row must be known.

macro_rules! options {
    ($each:ident) => {
        $each! {
            "General" {
                /// Whether the toolbar and its pipelines do anything.
                ENABLED enabled: bool,
                    default "true", env ["OTELBAR_ENABLED" via readers::switch, "OTEL_SDK_DISABLED" via readers::negated];
                /// How much the toolbar and its pipelines log about themselves.
                LOG_LEVEL log_level: LogLevel,
                    default "info", env ["OTEL_LOG_LEVEL"], not yet;
            }

            "Resource" {
                /// The name of the service; the fallback is the semantic conventions' own.
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
                /// Where traces are sent; several at once if wanted.
                TRACES_EXPORTERS traces_exporters: Vec<TracesExporter> as (&[TracesExporter]),
                    default "otlp", env ["OTEL_TRACES_EXPORTER"];
                /// How spans are written to standard output: readable, or json for lines of OTLP's JSON.
                CONSOLE_FORMAT console_format: ConsoleFormat,
                    default "readable", env ["OTELBAR_CONSOLE_FORMAT"];
                /// Where metrics are sent.
                METRICS_EXPORTERS metrics_exporters: Vec<MetricsExporter> as (&[MetricsExporter]),
                    default "otlp", env ["OTEL_METRICS_EXPORTER"], not yet;
                /// Where logs are sent.
                LOGS_EXPORTERS logs_exporters: Vec<LogsExporter> as (&[LogsExporter]),
                    default "otlp", env ["OTEL_LOGS_EXPORTER"], not yet;
            }

            "OTLP" {
                /// How OTLP is spoken: grpc, http/protobuf or http/json.
                OTLP_PROTOCOL otlp_protocol: Protocol,
                    default "grpc", env ["OTEL_EXPORTER_OTLP_PROTOCOL"];
                /// How traces are sent by OTLP.
                OTLP_TRACES_PROTOCOL otlp_traces_protocol: Protocol,
                    default (as OTLP_PROTOCOL otlp_protocol), env ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"];
                /// How metrics are sent by OTLP.
                OTLP_METRICS_PROTOCOL otlp_metrics_protocol: Protocol,
                    default (as OTLP_PROTOCOL otlp_protocol), env ["OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"], not yet;
                /// How logs are sent by OTLP.
                OTLP_LOGS_PROTOCOL otlp_logs_protocol: Protocol,
                    default (as OTLP_PROTOCOL otlp_protocol), env ["OTEL_EXPORTER_OTLP_LOGS_PROTOCOL"], not yet;

                /// The address of the OTLP receiver; over HTTP the path of each signal (v1/traces) is added to it.
                OTLP_ENDPOINT otlp_endpoint: Endpoint as (&Endpoint),
                    default (|s| s.default_endpoint(s.otlp_protocol()),
                        "http://localhost:4317 for grpc, else http://localhost:4318"),
                    env ["OTEL_EXPORTER_OTLP_ENDPOINT"], unreadable "nothing is sent by OTLP";
                /// The address traces are sent to, as it stands.
                OTLP_TRACES_ENDPOINT otlp_traces_endpoint: Endpoint as (&Endpoint),
                    default (as OTLP_ENDPOINT otlp_endpoint, |s| s.endpoint_of(Signal::Traces), "otlp_endpoint, over HTTP with v1/traces"),
                    env ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"], unreadable "no traces are sent by OTLP";
                /// The address metrics are sent to, as it stands.
                OTLP_METRICS_ENDPOINT otlp_metrics_endpoint: Endpoint as (&Endpoint),
                    default (as OTLP_ENDPOINT otlp_endpoint, |s| s.endpoint_of(Signal::Metrics), "otlp_endpoint, over HTTP with v1/metrics"),
                    env ["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"], unreadable "no metrics are sent by OTLP", not yet;
                /// The address logs are sent to, as it stands.
                OTLP_LOGS_ENDPOINT otlp_logs_endpoint: Endpoint as (&Endpoint),
                    default (as OTLP_ENDPOINT otlp_endpoint, |s| s.endpoint_of(Signal::Logs), "otlp_endpoint, over HTTP with v1/logs"),
                    env ["OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"], unreadable "no logs are sent by OTLP", not yet;

                /// Whether an endpoint without a scheme is spoken to without TLS.
                OTLP_INSECURE otlp_insecure: bool,
                    default "false", env ["OTEL_EXPORTER_OTLP_INSECURE"];
                /// Whether an endpoint of traces without a scheme is spoken to without TLS.
                OTLP_TRACES_INSECURE otlp_traces_insecure: bool,
                    default (as OTLP_INSECURE otlp_insecure), env ["OTEL_EXPORTER_OTLP_TRACES_INSECURE"];
                /// Whether an endpoint of metrics without a scheme is spoken to without TLS.
                OTLP_METRICS_INSECURE otlp_metrics_insecure: bool,
                    default (as OTLP_INSECURE otlp_insecure), env ["OTEL_EXPORTER_OTLP_METRICS_INSECURE"], not yet;
                /// Whether an endpoint of logs without a scheme is spoken to without TLS.
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

                /// How long one export may take, in milliseconds; 0 is without limit.
                OTLP_TIMEOUT otlp_timeout: Timeout,
                    default "10000", env ["OTEL_EXPORTER_OTLP_TIMEOUT"];
                /// How long one export of traces may take, in milliseconds; 0 is without limit.
                OTLP_TRACES_TIMEOUT otlp_traces_timeout: Timeout,
                    default (as OTLP_TIMEOUT otlp_timeout), env ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"];
                /// How long one export of metrics may take, in milliseconds; 0 is without limit.
                OTLP_METRICS_TIMEOUT otlp_metrics_timeout: Timeout,
                    default (as OTLP_TIMEOUT otlp_timeout), env ["OTEL_EXPORTER_OTLP_METRICS_TIMEOUT"], not yet;
                /// How long one export of logs may take, in milliseconds; 0 is without limit.
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

                /// The PEM file of the authorities trusted to vouch for the receiver, instead of the system's.
                OTLP_CERTIFICATE otlp_certificate: Option<PathBuf> as (Option<&Path>),
                    default none, env ["OTEL_EXPORTER_OTLP_CERTIFICATE"];
                /// The PEM file of the authorities trusted for the receiver of traces.
                OTLP_TRACES_CERTIFICATE otlp_traces_certificate: Option<PathBuf> as (Option<&Path>),
                    default (as OTLP_CERTIFICATE otlp_certificate), env ["OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE"];
                /// The PEM file of the authorities trusted for the receiver of metrics.
                OTLP_METRICS_CERTIFICATE otlp_metrics_certificate: Option<PathBuf> as (Option<&Path>),
                    default (as OTLP_CERTIFICATE otlp_certificate), env ["OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE"], not yet;
                /// The PEM file of the authorities trusted for the receiver of logs.
                OTLP_LOGS_CERTIFICATE otlp_logs_certificate: Option<PathBuf> as (Option<&Path>),
                    default (as OTLP_CERTIFICATE otlp_certificate), env ["OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE"], not yet;

                /// The PEM file of the certificate shown to the receiver.
                OTLP_CLIENT_CERTIFICATE otlp_client_certificate: Option<PathBuf> as (Option<&Path>),
                    default none, env ["OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"];
                /// The PEM file of the certificate shown to the receiver of traces.
                OTLP_TRACES_CLIENT_CERTIFICATE otlp_traces_client_certificate: Option<PathBuf> as (Option<&Path>),
                    default (as OTLP_CLIENT_CERTIFICATE otlp_client_certificate),
                    env ["OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE"];
                /// The PEM file of the certificate shown to the receiver of metrics.
                OTLP_METRICS_CLIENT_CERTIFICATE otlp_metrics_client_certificate: Option<PathBuf> as (Option<&Path>),
                    default (as OTLP_CLIENT_CERTIFICATE otlp_client_certificate),
                    env ["OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE"], not yet;
                /// The PEM file of the certificate shown to the receiver of logs.
                OTLP_LOGS_CLIENT_CERTIFICATE otlp_logs_client_certificate: Option<PathBuf> as (Option<&Path>),
                    default (as OTLP_CLIENT_CERTIFICATE otlp_client_certificate),
                    env ["OTEL_EXPORTER_OTLP_LOGS_CLIENT_CERTIFICATE"], not yet;

                /// The PEM file of the client certificate's private key.
                OTLP_CLIENT_KEY otlp_client_key: Option<Secret<PathBuf>> as (Option<&Secret<PathBuf>>),
                    default none, env ["OTEL_EXPORTER_OTLP_CLIENT_KEY"];
                /// The PEM file of the private key for the receiver of traces.
                OTLP_TRACES_CLIENT_KEY otlp_traces_client_key: Option<Secret<PathBuf>> as (Option<&Secret<PathBuf>>),
                    default (as OTLP_CLIENT_KEY otlp_client_key), env ["OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY"];
                /// The PEM file of the private key for the receiver of metrics.
                OTLP_METRICS_CLIENT_KEY otlp_metrics_client_key: Option<Secret<PathBuf>> as (Option<&Secret<PathBuf>>),
                    default (as OTLP_CLIENT_KEY otlp_client_key), env ["OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY"], not yet;
                /// The PEM file of the private key for the receiver of logs.
                OTLP_LOGS_CLIENT_KEY otlp_logs_client_key: Option<Secret<PathBuf>> as (Option<&Secret<PathBuf>>),
                    default (as OTLP_CLIENT_KEY otlp_client_key), env ["OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY"], not yet;
            }

            "Zipkin" {
                /// The address spans are sent to, as JSON of Zipkin's version 2.
                ZIPKIN_ENDPOINT zipkin_endpoint: Endpoint as (&Endpoint),
                    default "http://localhost:9411/api/v2/spans", env ["OTEL_EXPORTER_ZIPKIN_ENDPOINT"],
                    unreadable "nothing is sent to Zipkin";
                /// How long one export to Zipkin may take, in milliseconds; 0 is without limit.
                ZIPKIN_TIMEOUT zipkin_timeout: Timeout,
                    default "10000", env ["OTEL_EXPORTER_ZIPKIN_TIMEOUT"];
            }

            "Batches of spans" {
                /// How long spans wait for a batch to fill, in milliseconds.
                BSP_SCHEDULE_DELAY bsp_schedule_delay: Duration,
                    default "5000", env ["OTEL_BSP_SCHEDULE_DELAY"], check positive;
                /// How long one attempt to export a batch may take, in milliseconds; 0 is without limit.
                BSP_EXPORT_TIMEOUT bsp_export_timeout: Timeout,
                    default "30000", env ["OTEL_BSP_EXPORT_TIMEOUT"];
                /// How many spans the queue holds.
                BSP_MAX_QUEUE_SIZE bsp_max_queue_size: usize,
                    default "2048", env ["OTEL_BSP_MAX_QUEUE_SIZE"], check within::<1, MANY>;
                /// How many bytes of spans the queue holds.
                BSP_MAX_QUEUE_BYTES bsp_max_queue_bytes: ByteSize,
                    default "64MiB", env ["OTELBAR_BSP_MAX_QUEUE_BYTES"], check holds_a_trace;
                /// How many spans a batch holds; not more than the queue.
                BSP_MAX_EXPORT_BATCH_SIZE bsp_max_export_batch_size: usize,
                    default (|s| s.bsp_max_queue_size().min(512), "512, or bsp_max_queue_size where that is less"),
                    env ["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"], check within::<1, MANY>;
                /// What gives way when the queue is full: newest, oldest, or traces: whole ones, oldest first, those with an error or slower than slow_span_threshold last.
                BSP_OVERFLOW bsp_overflow: QueueOverflow,
                    default "traces", env ["OTELBAR_BSP_OVERFLOW"];
            }

            "Spool" {
                /// The folder where spans wait that cannot be sent now, over restarts too. Without one they wait in the queue.
                SPOOL_DIR spool_dir: Option<PathBuf> as (Option<&Path>),
                    default none, env ["OTELBAR_SPOOL_DIR"];
                /// How many bytes they may take there, for each destination; the oldest make room.
                SPOOL_MAX_BYTES spool_max_bytes: ByteSize,
                    default "64MiB", env ["OTELBAR_SPOOL_MAX_BYTES"], check holds_a_trace;
                /// With a spool, how long after its hand-over a span may be only in memory, in milliseconds.
                SPOOL_WRITE_DELAY spool_write_delay: Duration,
                    default "1000", env ["OTELBAR_SPOOL_WRITE_DELAY"], check positive;
            }

            "Batches of logs" {
                /// How long logs wait for a batch to fill, in milliseconds.
                BLRP_SCHEDULE_DELAY blrp_schedule_delay: Duration,
                    default "1000", env ["OTEL_BLRP_SCHEDULE_DELAY"], check positive, not yet;
                /// How long the export of a batch of logs may take with all its attempts, in milliseconds; 0 is without limit.
                BLRP_EXPORT_TIMEOUT blrp_export_timeout: Timeout,
                    default "30000", env ["OTEL_BLRP_EXPORT_TIMEOUT"], not yet;
                /// How many logs the queue holds.
                BLRP_MAX_QUEUE_SIZE blrp_max_queue_size: usize,
                    default "2048", env ["OTEL_BLRP_MAX_QUEUE_SIZE"], check within::<1, MANY>, not yet;
                /// How many logs a batch holds; not more than the queue.
                BLRP_MAX_EXPORT_BATCH_SIZE blrp_max_export_batch_size: usize,
                    default (|s| s.blrp_max_queue_size().min(512), "512, or blrp_max_queue_size where that is less"),
                    env ["OTEL_BLRP_MAX_EXPORT_BATCH_SIZE"], check within::<1, MANY>, not yet;
            }

            "Metrics" {
                /// Which measurements carry an exemplar.
                METRICS_EXEMPLAR_FILTER metrics_exemplar_filter: ExemplarFilter,
                    default "trace_based", env ["OTEL_METRICS_EXEMPLAR_FILTER"], not yet;
                /// How often metrics are exported, in milliseconds.
                METRIC_EXPORT_INTERVAL metric_export_interval: Duration,
                    default "60000", env ["OTEL_METRIC_EXPORT_INTERVAL"], check positive, not yet;
                /// How long an export of metrics may take, in milliseconds; 0 is without limit.
                METRIC_EXPORT_TIMEOUT metric_export_timeout: Timeout,
                    default "30000", env ["OTEL_METRIC_EXPORT_TIMEOUT"], not yet;
            }

            "Retry and breaker" {
                /// For how long an export is tried again, in milliseconds, before its spans are dropped.
                RETRY_MAX_AGE retry_max_age: Duration,
                    default "300000", env ["OTELBAR_RETRY_MAX_AGE"], check positive;
                /// How long the first retry waits at most, in milliseconds; each further one twice as long.
                RETRY_INITIAL_BACKOFF retry_initial_backoff: Duration,
                    default (|s| s.retry_max_backoff().min(Duration::from_millis(500)),
                        "500, or retry_max_backoff where that is less"),
                    env ["OTELBAR_RETRY_INITIAL_BACKOFF"], check positive;
                /// How long any retry waits at most, in milliseconds, unless the server asks for more.
                RETRY_MAX_BACKOFF retry_max_backoff: Duration,
                    default "10000", env ["OTELBAR_RETRY_MAX_BACKOFF"], check positive;
                /// How many exports fail in a row before the breaker opens and none is tried.
                BREAKER_FAILURE_THRESHOLD breaker_failure_threshold: usize,
                    default "5", env ["OTELBAR_BREAKER_FAILURE_THRESHOLD"], check within::<1, 1_000_000>;
                /// How long the breaker stays open before one export is tried, in milliseconds.
                BREAKER_OPEN_DURATION breaker_open_duration: Duration,
                    default "30000", env ["OTELBAR_BREAKER_OPEN_DURATION"], check positive;
            }

            "Limits" {
                /// How many characters the value of an attribute has.
                ATTRIBUTE_VALUE_LENGTH_LIMIT attribute_value_length_limit: Limit,
                    default "unlimited", env ["OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"];
                /// How many attributes a span, event, link or log has.
                ATTRIBUTE_COUNT_LIMIT attribute_count_limit: usize,
                    default "128", env ["OTEL_ATTRIBUTE_COUNT_LIMIT"], check within::<0, MANY>;
                /// How many characters the value of a span's attribute has.
                SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT span_attribute_value_length_limit: Limit,
                    default (as ATTRIBUTE_VALUE_LENGTH_LIMIT attribute_value_length_limit),
                    env ["OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT"];
                /// How many attributes a span has.
                SPAN_ATTRIBUTE_COUNT_LIMIT span_attribute_count_limit: usize,
                    default (as ATTRIBUTE_COUNT_LIMIT attribute_count_limit),
                    env ["OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT"], check within::<0, MANY>;
                /// How many events a span has.
                SPAN_EVENT_COUNT_LIMIT span_event_count_limit: usize,
                    default "128", env ["OTEL_SPAN_EVENT_COUNT_LIMIT"], check within::<0, MANY>;
                /// How many links a span has.
                SPAN_LINK_COUNT_LIMIT span_link_count_limit: usize,
                    default "128", env ["OTEL_SPAN_LINK_COUNT_LIMIT"], check within::<0, MANY>;
                /// How many attributes an event of a span has.
                EVENT_ATTRIBUTE_COUNT_LIMIT event_attribute_count_limit: usize,
                    default (as ATTRIBUTE_COUNT_LIMIT attribute_count_limit),
                    env ["OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT"], check within::<0, MANY>, not yet;
                /// How many attributes a link of a span has.
                LINK_ATTRIBUTE_COUNT_LIMIT link_attribute_count_limit: usize,
                    default (as ATTRIBUTE_COUNT_LIMIT attribute_count_limit),
                    env ["OTEL_LINK_ATTRIBUTE_COUNT_LIMIT"], check within::<0, MANY>, not yet;
                /// How many characters the value of a log's attribute has.
                LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT logrecord_attribute_value_length_limit: Limit,
                    default (as ATTRIBUTE_VALUE_LENGTH_LIMIT attribute_value_length_limit),
                    env ["OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT"], not yet;
                /// How many attributes a log has.
                LOGRECORD_ATTRIBUTE_COUNT_LIMIT logrecord_attribute_count_limit: usize,
                    default (as ATTRIBUTE_COUNT_LIMIT attribute_count_limit),
                    env ["OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT"], check within::<0, MANY>, not yet;
            }

            "Semantic conventions" {
                /// Which names the attributes of HTTP spans have: stable, old, or dup for both.
                HTTP_SEMCONV http_semconv: Semconv,
                    default "stable", env ["OTELBAR_HTTP_SEMCONV", "OTEL_SEMCONV_STABILITY_OPT_IN" via readers::http_opt_in];
                /// Which names the attributes of database spans have: stable, old, or dup for both.
                DATABASE_SEMCONV database_semconv: Semconv,
                    default "stable",
                    env ["OTELBAR_DATABASE_SEMCONV", "OTEL_SEMCONV_STABILITY_OPT_IN" via readers::database_opt_in];
                /// The HTTP methods known by name; others are exported as _OTHER. Upper and lower case differ. Replaces the default list.
                HTTP_KNOWN_METHODS http_known_methods: Vec<String> as (&[String]),
                    default "CONNECT,DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT,QUERY,TRACE",
                    env ["OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS"];
                /// Whether opt-in attributes (http.response.body.size, db.response.returned_rows) are exported: true, false, or their names.
                OPT_IN_ATTRIBUTES opt_in_attributes: OptInAttributes as (&OptInAttributes),
                    default "false", env ["OTELBAR_OPT_IN_ATTRIBUTES"];
                /// The db.system.name of queries whose events do not tell it, as those of sqlx.
                SQL_SYSTEM sql_system: String as (&str),
                    default "other_sql", env ["OTELBAR_SQL_SYSTEM"];
            }

            "Links to backends" {
                /// The address of Jaeger's user interface.
                JAEGER_UI jaeger_ui: Endpoint as (&Endpoint),
                    default "http://localhost:16686", env ["OTELBAR_JAEGER_UI"];
                /// The address of a trace there.
                JAEGER_LINK jaeger_link: LinkTemplate as (&LinkTemplate),
                    default "{ui}/trace/{trace_id}", env ["OTELBAR_JAEGER_LINK"];
                /// The address of Zipkin's user interface.
                ZIPKIN_UI zipkin_ui: Endpoint as (&Endpoint),
                    default "http://localhost:9411", env ["OTELBAR_ZIPKIN_UI"];
                /// The address of a trace there.
                ZIPKIN_LINK zipkin_link: LinkTemplate as (&LinkTemplate),
                    default "{ui}/zipkin/traces/{trace_id}", env ["OTELBAR_ZIPKIN_LINK"];
            }

            "Toolbar" {
                /// The path under which the toolbar's page and API answer.
                TOOLBAR_PATH toolbar_path: PagePath as (&str),
                    default "/__otelbar", env ["OTELBAR_PATH"];
                /// How many requests are held; the oldest make room.
                MAX_REQUESTS max_requests: usize,
                    default "500", env ["OTELBAR_MAX_REQUESTS"], check within::<1, MANY>;
                /// How many bytes of requests are held; the oldest make room.
                MAX_BYTES max_bytes: ByteSize,
                    default "64MiB", env ["OTELBAR_MAX_BYTES"], check holds_a_trace;
                /// How many spans of a request are recorded.
                MAX_SPANS_PER_REQUEST max_spans_per_request: usize,
                    default "10000", env ["OTELBAR_MAX_SPANS_PER_REQUEST"], check within::<1, MANY>;
                /// How many logs of a request are recorded.
                MAX_LOGS_PER_REQUEST max_logs_per_request: usize,
                    default "2000", env ["OTELBAR_MAX_LOGS_PER_REQUEST"], check within::<0, MANY>;
                /// From when on a query is slow, in milliseconds.
                SLOW_QUERY_THRESHOLD slow_query_threshold: Duration,
                    default "100", env ["OTELBAR_SLOW_QUERY_THRESHOLD"];
                /// From when on a span other than a query is slow, in milliseconds.
                SLOW_SPAN_THRESHOLD slow_span_threshold: Duration,
                    default "1000", env ["OTELBAR_SLOW_SPAN_THRESHOLD"];
                /// From how many alike calls on, below one span, they are an N+1.
                N_PLUS_ONE_THRESHOLD n_plus_one_threshold: usize,
                    default "5", env ["OTELBAR_N_PLUS_ONE_THRESHOLD"], check within::<2, MANY>;
                /// Query keys whose values become REDACTED, besides redacted_attribute_keys; a nested key matches by its last part. Replaces the default list.
                REDACTED_QUERY_KEYS redacted_query_keys: Vec<String> as (&[String]),
                    default "AWSAccessKeyId,Signature,sig,X-Goog-Signature,X-Amz-Signature,X-Amz-Credential,X-Amz-Security-Token,SAMLResponse,code,key",
                    env ["OTELBAR_REDACTED_QUERY_KEYS"];
                /// Words that make a value REDACTED where its name contains one (user.oldPassword1); those under five letters must stand alone. Replaces the default list.
                REDACTED_ATTRIBUTE_KEYS redacted_attribute_keys: Vec<String> as (&[String]),
                    default "access_key,api_key,auth,authorization,bearer,card_number,connection_string,cookie,credential,credit_card,csrf,cvc,cvv,dbpass,dsn,encryption_key,jwt,license_key,master_key,otp,pass,passcode,passkey,passphrase,passwd,password,pin,private_key,pwd,recovery_code,secret,security_code,sessid,session,sid,signing_key,ssh_key,ssn,token,totp,userpass,xsrf",
                    env ["OTELBAR_REDACTED_ATTRIBUTE_KEYS"];
                /// The token that opens the pages, from anywhere: at least 16 characters. Without one only local callers see them; behind a proxy all may look local, so set one.
                ACCESS_TOKEN access_token: Option<Secret<String>> as (Option<&Secret<String>>),
                    default none, env ["OTELBAR_ACCESS_TOKEN"], check hard_to_guess,
                    unreadable "nobody may see the pages";
                /// Further names (Host header, without port) under which the page answers; loopback addresses, localhost and *.localhost always do.
                ALLOWED_HOSTS allowed_hosts: Vec<String> as (&[String]),
                    default "none", env ["OTELBAR_ALLOWED_HOSTS"];
                /// The proxies whose Forwarded and X-Forwarded-* headers are believed: IP addresses and networks (10.0.0.0/8).
                TRUSTED_PROXIES trusted_proxies: IpNetworks as (&IpNetworks),
                    default "none", env ["OTELBAR_TRUSTED_PROXIES"];
                /// Whether the bar is put into the HTML pages of the application.
                INJECT_BAR inject_bar: bool,
                    default "true", env ["OTELBAR_INJECT_BAR" via readers::switch];
                /// What is recorded: sql, sql_parameters, template, cache, http, headers, profile, log.
                CAPTURE capture: Vec<Capture> as (&[Capture]),
                    default "sql,template,http,log", env ["OTELBAR_CAPTURE"];
                /// From which level on spans and logs are recorded: level,target=level. Replaces the default list.
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
