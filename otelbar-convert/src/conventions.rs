use std::borrow::Cow;

use opentelemetry::trace::SpanKind;
use opentelemetry::{InstrumentationScope, Key, KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;

use crate::opt_in::OptIn;
use crate::{attribute, semconv};

/// By which names of the semantic conventions attributes go.
///
/// What [`OTEL_SEMCONV_STABILITY_OPT_IN`](https://opentelemetry.io/docs/specs/semconv/non-normative/http-migration/)
/// chooses: `http` and `database` are [`Names::Stable`], `http/dup` and `database/dup` are [`Names::Both`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Conventions {
    /// Those of HTTP servers and clients.
    pub http: Names,
    /// Those of databases and caches.
    pub database: Names,
    /// Which attributes are exported that the conventions have only where they are asked for.
    pub(crate) opt_in: OptIn,
}

/// Which names of a convention that has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Names {
    /// The stable ones, such as `http.request.method`.
    #[default]
    Stable,
    /// Both, for the time of a migration.
    Both,
    /// Those from before they were stable, such as `http.method`.
    Old,
}

impl Conventions {
    /// Sets the names for HTTP.
    #[must_use]
    pub fn with_http(mut self, names: Names) -> Self {
        self.http = names;
        self
    }

    /// Sets the names for databases and caches.
    #[must_use]
    pub fn with_database(mut self, names: Names) -> Self {
        self.database = names;
        self
    }

    /// Sets which of [`semconv::OPT_IN`] spans are [exported with](crate::ConvertedSpan::into_exported); none are unless
    /// set. What an application has recorded itself under such a name is exported anyway.
    ///
    /// ```
    /// use otelbar_convert::Conventions;
    ///
    /// let with_rows = Conventions::default().with_opt_in_attributes(|name| name == "db.response.returned_rows");
    /// assert_ne!(with_rows, Conventions::default());
    /// ```
    #[must_use]
    pub fn with_opt_in_attributes(mut self, exported: impl Fn(&str) -> bool) -> Self {
        self.opt_in = OptIn::default();
        semconv::OPT_IN.into_iter().filter(|name| exported(name)).for_each(|name| self.opt_in.insert(name));
        self
    }

    /// Gives a span's attributes, which have stable names, the names chosen.
    ///
    /// Functions that look at spans, such as the [findings](crate::findings), know only the stable names; a service
    /// that shows spans and exports them applies this on the way out, most simply by
    /// [`ConvertedSpan::into_exported`](crate::ConvertedSpan::into_exported). A span that has lost stable names no
    /// longer follows the version of the conventions that its scope names, so the scope loses its schema URL.
    pub fn apply(&self, span: &mut SpanData) {
        let has = |key: &str| attribute::find(&span.attributes, key).is_some();
        let (names, old_name): (_, fn(&str) -> Option<&'static str>) = if has(semconv::DB_SYSTEM_NAME) {
            (self.database, old_database_name)
        } else if !has(semconv::HTTP_REQUEST_METHOD) {
            return;
        } else if span.span_kind == SpanKind::Server {
            (self.http, old_server_name)
        } else {
            (self.http, old_client_name)
        };
        if names == Names::Stable {
            return;
        }
        let mut old = Vec::with_capacity(span.attributes.len());
        for attribute in &span.attributes {
            if let Some(name) = old_name(attribute.key.as_str()) {
                old.push(KeyValue::new(Key::from_static_str(name), old_value(attribute)));
            }
        }
        old.extend(old_target(&span.attributes));
        old.extend(old_method(&span.attributes));
        if names == Names::Old {
            let replaced = |key: &str| {
                old_name(key).is_some()
                    || matches!(
                        key,
                        semconv::URL_PATH
                            | semconv::URL_QUERY
                            | semconv::HTTP_REQUEST_METHOD
                            | semconv::HTTP_REQUEST_METHOD_ORIGINAL
                    )
            };
            span.attributes.retain(|attribute| !replaced(attribute.key.as_str()));
            if span.instrumentation_scope.schema_url() == Some(semconv::SCHEMA_URL) {
                span.instrumentation_scope = without_schema(&span.instrumentation_scope);
            }
        }
        for attribute in old {
            if !span.attributes.iter().any(|other| other.key == attribute.key) {
                span.attributes.push(attribute);
            }
        }
    }
}

fn without_schema(scope: &InstrumentationScope) -> InstrumentationScope {
    let named = InstrumentationScope::builder(scope.name().to_owned());
    let named = match scope.version() {
        Some(version) => named.with_version(version.to_owned()),
        None => named,
    };
    named.with_attributes(scope.attributes().cloned()).build()
}

fn old_http_name(name: &str) -> Option<&'static str> {
    Some(match name {
        semconv::HTTP_RESPONSE_STATUS_CODE => "http.status_code",
        semconv::HTTP_RESPONSE_BODY_SIZE => "http.response_content_length",
        semconv::URL_SCHEME => "http.scheme",
        semconv::URL_FULL => "http.url",
        semconv::USER_AGENT_ORIGINAL => "http.user_agent",
        semconv::CLIENT_ADDRESS => "http.client_ip",
        semconv::NETWORK_PROTOCOL_VERSION => "net.protocol.version",
        semconv::NETWORK_PEER_ADDRESS => "net.sock.peer.addr",
        semconv::NETWORK_PEER_PORT => "net.sock.peer.port",
        _ => return None,
    })
}

fn old_server_name(name: &str) -> Option<&'static str> {
    match name {
        semconv::SERVER_ADDRESS => Some("net.host.name"),
        semconv::SERVER_PORT => Some("net.host.port"),
        _ => old_http_name(name),
    }
}

fn old_client_name(name: &str) -> Option<&'static str> {
    match name {
        semconv::SERVER_ADDRESS => Some("net.peer.name"),
        semconv::SERVER_PORT => Some("net.peer.port"),
        _ => old_http_name(name),
    }
}

fn old_database_name(name: &str) -> Option<&'static str> {
    Some(match name {
        semconv::DB_SYSTEM_NAME => "db.system",
        semconv::DB_NAMESPACE => "db.name",
        semconv::DB_QUERY_TEXT => "db.statement",
        semconv::DB_OPERATION_NAME => "db.operation",
        semconv::DB_COLLECTION_NAME => "db.sql.table",
        semconv::SERVER_ADDRESS => "net.peer.name",
        semconv::SERVER_PORT => "net.peer.port",
        _ => return None,
    })
}

/// The value that goes with the old name: some databases were called otherwise.
fn old_value(attribute: &KeyValue) -> Value {
    match &attribute.value {
        Value::String(system) if attribute.key.as_str() == semconv::DB_SYSTEM_NAME => match system.as_str() {
            "microsoft.sql_server" => Value::from("mssql"),
            "oracle.db" => Value::from("oracle"),
            _ => attribute.value.clone(),
        },
        value => value.clone(),
    }
}

/// The stable name of a database for the one that it had in `db.system`; `other_sql` where there is none.
pub(crate) fn stable_system(name: &str) -> Cow<'static, str> {
    match name {
        "" => Cow::Borrowed("other_sql"),
        "mssql" => Cow::Borrowed("microsoft.sql_server"),
        "oracle" => Cow::Borrowed("oracle.db"),
        name => Cow::Owned(name.to_owned()),
    }
}

/// `http.target` was path and query in one.
fn old_target(attributes: &[KeyValue]) -> Option<KeyValue> {
    let path = attribute::find(attributes, semconv::URL_PATH)?.as_str();
    let target = match attribute::find(attributes, semconv::URL_QUERY) {
        Some(query) => format!("{path}?{}", query.as_str()),
        None => path.into_owned(),
    };
    Some(KeyValue::new("http.target", target))
}

/// `http.method` was the method as it was sent, known or not.
fn old_method(attributes: &[KeyValue]) -> Option<KeyValue> {
    let find = |key: &str| attribute::find(attributes, key);
    let method =
        find(semconv::HTTP_REQUEST_METHOD_ORIGINAL).or_else(|| find(semconv::HTTP_REQUEST_METHOD))?;
    Some(KeyValue::new("http.method", method.clone()))
}
