//! Attribute names: the stable semantic conventions of OpenTelemetry, and the few of our own.
//!
//! Ours begin with `otelbar.`; they say what no convention has a name for. [`SCHEMA_URL`] names the version of the
//! conventions.
#![allow(
    missing_docs,
    reason = "each constant is the attribute it names; the conventions linked here document them"
)]

/// The version of the conventions that is followed, as the spans' scope tells it.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.42.0";

/// Attributes that the converter adds and the conventions have only where they are asked for (requirement level
/// "Opt-In").
pub const OPT_IN: [&str; 2] = [HTTP_RESPONSE_BODY_SIZE, DB_RESPONSE_RETURNED_ROWS];

// HTTP, https://opentelemetry.io/docs/specs/semconv/http/http-spans/
pub const HTTP_REQUEST_METHOD: &str = "http.request.method";
pub const HTTP_REQUEST_METHOD_ORIGINAL: &str = "http.request.method_original";
pub const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";
pub const HTTP_RESPONSE_BODY_SIZE: &str = "http.response.body.size";
pub const HTTP_ROUTE: &str = "http.route";
pub const URL_PATH: &str = "url.path";
pub const URL_QUERY: &str = "url.query";
pub const URL_SCHEME: &str = "url.scheme";
pub const URL_FULL: &str = "url.full";
pub const URL_TEMPLATE: &str = "url.template";
pub const SERVER_ADDRESS: &str = "server.address";
pub const SERVER_PORT: &str = "server.port";
pub const CLIENT_ADDRESS: &str = "client.address";
pub const NETWORK_PEER_ADDRESS: &str = "network.peer.address";
pub const NETWORK_PEER_PORT: &str = "network.peer.port";
pub const NETWORK_PROTOCOL_VERSION: &str = "network.protocol.version";
pub const USER_AGENT_ORIGINAL: &str = "user_agent.original";
pub const ERROR_TYPE: &str = "error.type";
/// The `error.type` of what failed in a way that has no name.
pub const ERROR_TYPE_OTHER: &str = "_OTHER";

// Databases, https://opentelemetry.io/docs/specs/semconv/database/database-spans/
pub const DB_SYSTEM_NAME: &str = "db.system.name";
pub const DB_NAMESPACE: &str = "db.namespace";
pub const DB_COLLECTION_NAME: &str = "db.collection.name";
pub const DB_OPERATION_NAME: &str = "db.operation.name";
pub const DB_QUERY_TEXT: &str = "db.query.text";
pub const DB_QUERY_SUMMARY: &str = "db.query.summary";
pub const DB_STORED_PROCEDURE_NAME: &str = "db.stored_procedure.name";
pub const DB_RESPONSE_STATUS_CODE: &str = "db.response.status_code";
pub const DB_RESPONSE_RETURNED_ROWS: &str = "db.response.returned_rows";
pub const DB_OPERATION_BATCH_SIZE: &str = "db.operation.batch.size";
/// Followed by the parameter's name or place.
pub const DB_QUERY_PARAMETER: &str = "db.query.parameter";

// Code and exceptions
pub const CODE_FUNCTION_NAME: &str = "code.function.name";
pub const CODE_FILE_PATH: &str = "code.file.path";
pub const CODE_LINE_NUMBER: &str = "code.line.number";
pub const CODE_STACKTRACE: &str = "code.stacktrace";
pub const EXCEPTION: &str = "exception";
/// Name of the event of a log that says nothing in words.
pub const LOG: &str = "log";
pub const EXCEPTION_TYPE: &str = "exception.type";
pub const EXCEPTION_MESSAGE: &str = "exception.message";
pub const EXCEPTION_STACKTRACE: &str = "exception.stacktrace";

/// Severity of a log kept as a span event: `TRACE` to `FATAL`, or the source's own word.
pub const LEVEL: &str = "otelbar.log.level";
/// Severity of such a log by the numbers of OpenTelemetry, where the word is the source's own.
pub const SEVERITY_NUMBER: &str = "otelbar.log.severity_number";
/// What a log kept as a span event says, where the event's name is `exception`.
pub const LOG_MESSAGE: &str = "otelbar.log.message";
/// Module or logger a log or span came from.
pub const TARGET: &str = "otelbar.target";
/// Name that an instrumentation gave a span which goes by another, by the conventions.
pub const SPAN_NAME: &str = "otelbar.span.name";

/// Name of a rendered template.
pub const TEMPLATE_NAME: &str = "otelbar.template.name";
/// Bytes that a template rendered to.
pub const TEMPLATE_SIZE: &str = "otelbar.template.size";
/// What rendered a template, such as `jinja2`.
pub const TEMPLATE_ENGINE: &str = "otelbar.template.engine";
/// Rows that a statement changed.
pub const DB_AFFECTED_ROWS: &str = "otelbar.db.affected_rows";
/// Seconds that a query took by the source that told of it last, where two sources told of it.
pub const DB_DURATION: &str = "otelbar.db.duration";
/// Key of a cache operation.
pub const CACHE_KEY: &str = "otelbar.cache.key";
/// Whether a cache lookup found its key.
pub const CACHE_HIT: &str = "otelbar.cache.hit";
/// How often a profiled function was called.
pub const PROFILE_CALLS: &str = "otelbar.profile.calls";
/// How often a profiled function was called other than by itself.
pub const PROFILE_PRIMITIVE_CALLS: &str = "otelbar.profile.primitive_calls";
/// Seconds spent in a profiled function's own code.
pub const PROFILE_SELF_TIME: &str = "otelbar.profile.self_time";
/// Seconds that a span took by its source, where it had to be cut to lie inside its parent.
pub const DURATION: &str = "otelbar.duration";
/// Most bytes of memory that were in use during a request.
pub const MEMORY_PEAK: &str = "otelbar.memory.peak";
/// Bytes of memory that a request left in use.
pub const MEMORY_DELTA: &str = "otelbar.memory.delta";
/// `true` on a span whose times were worked out rather than measured.
pub const SYNTHESISED: &str = "otelbar.synthesised";
/// How a request or call ended, where that was neither by a whole answer nor by an error: `client_gone`, `cancelled`.
pub const OUTCOME: &str = "otelbar.outcome";

/// Every name above that a value of the data goes under.
pub(crate) const NAMES: [&str; 53] = [
    HTTP_REQUEST_METHOD,
    HTTP_REQUEST_METHOD_ORIGINAL,
    HTTP_RESPONSE_STATUS_CODE,
    HTTP_RESPONSE_BODY_SIZE,
    HTTP_ROUTE,
    URL_PATH,
    URL_QUERY,
    URL_SCHEME,
    URL_FULL,
    URL_TEMPLATE,
    SERVER_ADDRESS,
    SERVER_PORT,
    CLIENT_ADDRESS,
    NETWORK_PEER_ADDRESS,
    NETWORK_PEER_PORT,
    NETWORK_PROTOCOL_VERSION,
    USER_AGENT_ORIGINAL,
    ERROR_TYPE,
    DB_SYSTEM_NAME,
    DB_NAMESPACE,
    DB_COLLECTION_NAME,
    DB_OPERATION_NAME,
    DB_QUERY_TEXT,
    DB_QUERY_SUMMARY,
    DB_STORED_PROCEDURE_NAME,
    DB_RESPONSE_STATUS_CODE,
    DB_RESPONSE_RETURNED_ROWS,
    DB_OPERATION_BATCH_SIZE,
    CODE_FUNCTION_NAME,
    CODE_FILE_PATH,
    CODE_LINE_NUMBER,
    CODE_STACKTRACE,
    EXCEPTION_TYPE,
    EXCEPTION_MESSAGE,
    EXCEPTION_STACKTRACE,
    LOG_MESSAGE,
    TARGET,
    SPAN_NAME,
    TEMPLATE_NAME,
    TEMPLATE_SIZE,
    TEMPLATE_ENGINE,
    DB_AFFECTED_ROWS,
    DB_DURATION,
    CACHE_KEY,
    CACHE_HIT,
    PROFILE_CALLS,
    PROFILE_PRIMITIVE_CALLS,
    PROFILE_SELF_TIME,
    DURATION,
    MEMORY_PEAK,
    MEMORY_DELTA,
    SYNTHESISED,
    OUTCOME,
];
