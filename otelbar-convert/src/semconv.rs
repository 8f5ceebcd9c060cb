//! Attribute names: the stable semantic conventions of OpenTelemetry, and the few of our own.
//!
//! Ours begin with `otelbar.`; they say what no convention has a name for.
#![allow(
    missing_docs,
    reason = "each constant is the attribute it names; the conventions linked here document them"
)]

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
pub const SERVER_ADDRESS: &str = "server.address";
pub const SERVER_PORT: &str = "server.port";
pub const CLIENT_ADDRESS: &str = "client.address";
pub const NETWORK_PEER_ADDRESS: &str = "network.peer.address";
pub const NETWORK_PEER_PORT: &str = "network.peer.port";
pub const NETWORK_PROTOCOL_VERSION: &str = "network.protocol.version";
pub const USER_AGENT_ORIGINAL: &str = "user_agent.original";
pub const ERROR_TYPE: &str = "error.type";

// Databases, https://opentelemetry.io/docs/specs/semconv/database/database-spans/
pub const DB_SYSTEM_NAME: &str = "db.system.name";
pub const DB_NAMESPACE: &str = "db.namespace";
pub const DB_COLLECTION_NAME: &str = "db.collection.name";
pub const DB_OPERATION_NAME: &str = "db.operation.name";
pub const DB_QUERY_TEXT: &str = "db.query.text";
pub const DB_QUERY_SUMMARY: &str = "db.query.summary";
pub const DB_STORED_PROCEDURE_NAME: &str = "db.stored_procedure.name";
pub const DB_RESPONSE_RETURNED_ROWS: &str = "db.response.returned_rows";

// Code and exceptions
pub const CODE_FUNCTION_NAME: &str = "code.function.name";
pub const CODE_FILE_PATH: &str = "code.file.path";
pub const CODE_LINE_NUMBER: &str = "code.line.number";
pub const EXCEPTION: &str = "exception";
pub const EXCEPTION_MESSAGE: &str = "exception.message";

/// Severity of a log kept as a span event, as `tracing` names it.
pub const LEVEL: &str = "level";
/// Module or logger a log or span came from, as `tracing` names it.
pub const TARGET: &str = "target";

/// Name of a rendered template.
pub const TEMPLATE_NAME: &str = "otelbar.template.name";
/// Bytes that a template rendered to.
pub const TEMPLATE_SIZE: &str = "otelbar.template.size";
/// Rows that a statement changed.
pub const DB_AFFECTED_ROWS: &str = "otelbar.db.affected_rows";
/// Key of a cache operation.
pub const CACHE_KEY: &str = "otelbar.cache.key";
/// Whether a cache lookup found its key.
pub const CACHE_HIT: &str = "otelbar.cache.hit";
/// `true` on a span whose times were worked out rather than measured.
pub const SYNTHESISED: &str = "otelbar.synthesised";
/// How a request ended, where that was not by sending its body to the end.
pub const OUTCOME: &str = "otelbar.outcome";
