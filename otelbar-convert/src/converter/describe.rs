//! Names, attributes and statuses, by the semantic conventions.

use std::borrow::Cow;
use std::sync::Arc;

use opentelemetry::trace::{SpanKind, Status};
use opentelemetry::{Key, KeyValue, StringValue, Value};

use super::query::{self, Query};
use crate::category::Category;
use crate::opt_in::OptIn;
use crate::panel_data::{
    Cache, Callsite, Details, Entry, EntryKind, Exception, HttpCall, Profile, Request, Sql, Template,
};
use crate::redact::{REDACTED, Redactor};
use crate::report::Report;
use crate::sql::{self, System};
use crate::{attribute, semconv, shape};

/// The methods known by default.
const METHODS: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"];

/// Describes requests and entries by the conventions.
#[derive(Clone, Debug)]
pub(super) struct Describer {
    pub(super) known_methods: Vec<String>,
    pub(super) sql_parameters: bool,
    redactor: Redactor,
    /// Whether the redactor hides an attribute that a convention or we have named.
    redacts_named: bool,
    /// Statements seen before; a service has few, and runs them over and over.
    statements: Arc<sql::StatementCache>,
}

impl Default for Describer {
    fn default() -> Self {
        Describer {
            known_methods: METHODS.map(String::from).into(),
            sql_parameters: false,
            redactor: Redactor::default(),
            redacts_named: false,
            statements: Arc::default(),
        }
    }
}

/// What the conventions say of an entry.
pub(super) struct Described {
    pub(super) category: Category,
    pub(super) name: Cow<'static, str>,
    /// Each name once.
    pub(super) attributes: Vec<KeyValue>,
    pub(super) status: Status,
    /// Why it failed, where that has a name.
    error_type: Option<StringValue>,
    pub(super) shape: Option<u64>,
    pub(super) fingerprint: Option<u64>,
    pub(super) opt_in: OptIn,
}

impl Described {
    fn new(category: Category, room: usize) -> Self {
        Described {
            category,
            name: Cow::Borrowed(""),
            attributes: Vec::with_capacity(room),
            status: Status::Unset,
            error_type: None,
            shape: None,
            fingerprint: None,
            opt_in: OptIn::default(),
        }
    }

    fn push(&mut self, key: &'static str, value: impl Into<StringValue>) {
        self.attributes.push(text(key, value));
    }

    fn push_text(&mut self, key: &'static str, value: &Option<String>) {
        if let Some(value) = value {
            self.push(key, value.clone());
        }
    }

    fn push_number(&mut self, key: &'static str, value: Option<u64>) {
        if let Some(value) = value {
            self.attributes.push(number(key, value));
        }
    }

    /// A number that the conventions want only where it was asked for.
    fn push_opt_in(&mut self, key: &'static str, value: Option<u64>) {
        self.push_number(key, value);
        if value.is_some() {
            self.opt_in.insert(key);
        }
    }

    /// It failed. Of what is said in several calls the first type and the first description that are any are kept.
    fn fail(&mut self, error_type: Option<StringValue>, description: &str) {
        let error_type = error_type.filter(|name| !name.as_str().is_empty());
        self.error_type = self.error_type.take().or(error_type);
        if matches!(&self.status, Status::Error { description } if !description.is_empty()) {
            return;
        }
        self.status = Status::error(description.to_owned());
    }

    fn fail_with(&mut self, exception: &Exception) {
        let error_type = exception.kind.clone().map(StringValue::from);
        self.fail(error_type, exception.message.as_deref().unwrap_or_default());
    }

    /// An HTTP status that is an error from this one on.
    fn fail_from(&mut self, status: Option<u16>, from: u16) {
        if let Some(status) = status.filter(|status| *status >= from) {
            self.fail(Some(status.to_string().into()), "");
        }
    }

    /// Adds the type of the error, unless it was recorded.
    fn push_error_type(&mut self, recorded: &[KeyValue]) {
        if let Some(error_type) = self.error_type.take()
            && attribute::find(recorded, semconv::ERROR_TYPE).is_none()
        {
            self.push(semconv::ERROR_TYPE, error_type);
        }
    }
}

impl Describer {
    pub(super) fn set_redactor(&mut self, redactor: Redactor) {
        self.redacts_named = semconv::NAMES.iter().any(|name| redactor.is_sensitive(name));
        self.redactor = redactor;
    }

    /// Whether a query that a driver tells of is the one that the span around it tells of.
    pub(super) fn is_same_query(&self, around: &Entry, sql: &Sql) -> bool {
        let EntryKind::Span(kind) = &around.kind else { return false };
        let query = self.query_of(around, *kind == SpanKind::Client);
        let Some(Query { category: Category::Sql, system, statement: Some(statement), .. }) = query else {
            return false;
        };
        let inner = self.statements.describe(&sql.text, System::from_name(&system));
        // Of the texts one may have been laid out anew by a logger.
        statement.fingerprint == inner.fingerprint
    }

    pub(super) fn describe_request(&self, request: &Request) -> Described {
        let mut described = Described::new(Category::Request, 18 + request.attributes.len());
        let method = self.push_method(&mut described, &request.method);
        described.name = match &request.route {
            // Concatenated, for `format!` would allocate twice.
            Some(route) => Cow::Owned([&*method, " ", route].concat()),
            None => method,
        };
        described.push(semconv::URL_PATH, request.path.clone());
        described.push_text(semconv::URL_QUERY, &request.query);
        described.push(semconv::URL_SCHEME, request.scheme.clone());
        described.push_text(semconv::HTTP_ROUTE, &request.route);
        described.push_number(semconv::HTTP_RESPONSE_STATUS_CODE, request.status.map(u64::from));
        described.push_opt_in(semconv::HTTP_RESPONSE_BODY_SIZE, request.response_size);
        described.push_text(semconv::SERVER_ADDRESS, &request.server_address);
        described.push_number(semconv::SERVER_PORT, request.server_port.map(u64::from));
        let peer = request.peer_address.as_deref().map(Arc::<str>::from);
        let client = request.client_address.as_deref().map(Arc::<str>::from);
        if let Some(client) = client.or_else(|| peer.clone()) {
            described.push(semconv::CLIENT_ADDRESS, client);
        }
        if let Some(peer) = peer {
            described.push(semconv::NETWORK_PEER_ADDRESS, peer);
        }
        described.push_number(semconv::NETWORK_PEER_PORT, request.peer_port.map(u64::from));
        if let Some(version) = request.protocol_version {
            described.push(semconv::NETWORK_PROTOCOL_VERSION, version);
        }
        described.push_text(semconv::USER_AGENT_ORIGINAL, &request.user_agent);
        if let Some(outcome) = &request.outcome {
            described.push(semconv::OUTCOME, outcome.clone());
        }
        if let Some(exception) = &request.exception {
            described.fail_with(exception);
        }
        if let Some(failure) = &request.failure {
            described.fail(Some(failure.clone().into()), failure);
        }
        described.fail_from(request.status, 500);
        described.push_error_type(&request.attributes);
        described
    }

    /// An entry, with what a second source tells of the same.
    pub(super) fn describe_entry(&self, entry: &Entry, twin: Option<&Entry>) -> Described {
        let room = entry.attributes.len() + 4;
        let mut described = match &entry.kind {
            EntryKind::Span(kind) => self.describe_span(kind, entry, room),
            EntryKind::Sql(query) => self.describe_query(query, entry, room + 9),
            EntryKind::Template(template) => describe_template(template, room + 2),
            EntryKind::Cache(cache) => describe_cache(cache, room + 4),
            EntryKind::HttpCall(call) => self.describe_call(call, room + 8),
            EntryKind::Profile(profile) => describe_profile(profile, room + 4),
        };
        described.fail_as(entry);
        if let Some(twin) = twin {
            described.fail_as(twin);
            described.push_twin(twin, &entry.attributes);
        }
        self.describe_failure(&mut described, &entry.attributes);
        let details = entry.details.as_deref();
        if details.is_some_and(|details| details.ok) {
            described.status = Status::Ok;
            described.error_type = None;
        }
        described.push_error_type(&entry.attributes);
        if let Some(details) = details {
            self.push_details(&mut described, details);
        }
        if let Some(place) = entry.callsite.as_ref().or_else(|| twin?.callsite.as_ref()) {
            callsite(place, &mut described.attributes);
        }
        described
    }

    /// Some mappers, such as SeaORM, record why a span failed only as an attribute, without a description of the status.
    fn describe_failure(&self, described: &mut Described, recorded: &[KeyValue]) {
        let is_bare = matches!(&described.status, Status::Error { description } if description.is_empty());
        let is_message = |attribute: &&KeyValue| attribute.key.as_str() == semconv::EXCEPTION_MESSAGE;
        if is_bare && let Some(message) = recorded.iter().find(is_message) {
            let mut message = message.clone();
            redact(&mut message, &self.redactor);
            described.fail(None, &message.value.as_str());
        }
    }

    /// Takes over what was recorded: each name once, the first one kept, no value of a sensitive one, and the text of a
    /// query without its literals.
    pub(super) fn add_recorded(
        &self,
        attributes: &mut Vec<KeyValue>,
        recorded: &[KeyValue],
        report: &mut Report,
    ) {
        if self.redacts_named {
            attributes.iter_mut().for_each(|attribute| redact(attribute, &self.redactor));
        }
        // Few are compared one by one; many would take time by their square.
        let mut seen = std::collections::HashSet::new();
        let mut has_query = false;
        let many = recorded.len() > 64;
        if many {
            seen.extend(attributes.iter().map(|attribute| attribute.key.clone()));
        }
        for attribute in recorded {
            let is_new = if many {
                seen.insert(attribute.key.clone())
            } else {
                !attributes.iter().any(|earlier| earlier.key == attribute.key)
            };
            if !is_new {
                report.duplicate_attributes += 1;
                continue;
            }
            has_query |= query::TEXT.contains(&attribute.key.as_str());
            let mut attribute = attribute.clone();
            redact(&mut attribute, &self.redactor);
            attributes.push(attribute);
        }
        if has_query
            && let Some(statement) =
                Query::of(recorded, false, None, &self.statements).and_then(|q| q.statement)
        {
            query::hide_text(attributes, &statement);
        }
    }

    /// Adds the method's attributes, and returns the name that it gives a span.
    fn push_method(&self, described: &mut Described, method: &str) -> Cow<'static, str> {
        if !self.known_methods.iter().any(|known| known == method) {
            described.push(semconv::HTTP_REQUEST_METHOD, "_OTHER");
            described.push(semconv::HTTP_REQUEST_METHOD_ORIGINAL, method.to_owned());
            return Cow::Borrowed("HTTP");
        }
        let method: Cow<'static, str> = match METHODS.into_iter().find(|known| *known == method) {
            Some(method) => Cow::Borrowed(method),
            None => Cow::Owned(method.to_owned()),
        };
        described.push(semconv::HTTP_REQUEST_METHOD, method.clone());
        method
    }

    /// A span of the application is what the attributes say that its instrumentation gave it.
    fn describe_span(&self, kind: &SpanKind, entry: &Entry, room: usize) -> Described {
        let find = |keys: &[&str]| {
            entry.attributes.iter().find(|attribute| keys.contains(&attribute.key.as_str())).map(|a| &a.value)
        };
        let mut described = Described::new(Category::Span, room);
        described.name = entry.name.clone();
        let is_client = *kind == SpanKind::Client;
        if let Some(query) = self.query_of(entry, is_client) {
            describe_recorded_query(&mut described, query, &entry.attributes);
        } else if is_client && let Some(method) = find(&[semconv::HTTP_REQUEST_METHOD, "http.method"]) {
            described.category = Category::Http;
            if let (Value::String(method), Some(Value::String(url))) =
                (method, find(&[semconv::URL_FULL, "http.url"]))
            {
                described.shape = Some(shape::of_call(method.as_str(), url.as_str()));
            }
        } else if find(&[semconv::TEMPLATE_NAME]).is_some() {
            described.category = Category::Template;
        }
        described
    }

    /// The query that a span of the application tells of.
    fn query_of(&self, entry: &Entry, is_client: bool) -> Option<Query> {
        if entry.attributes.is_empty() {
            return None;
        }
        let parameters = entry.details.as_deref().and_then(|details| details.parameters.as_deref());
        Query::of(&entry.attributes, is_client, parameters, &self.statements)
    }

    fn describe_query(&self, query: &Sql, entry: &Entry, room: usize) -> Described {
        let system = System::from_name(&query.system);
        let statement = self.statements.describe(&query.text, system);
        let parameters = entry.details.as_deref().and_then(|details| details.parameters.as_deref());
        let mut described = Described::new(Category::Sql, room);
        described.shape = shape::of_statement(&statement);
        described.fingerprint = shape::fingerprint_of_query(&query.text, &statement, parameters);
        // A name of the conventions needs no copy.
        let system_name: Cow<'static, str> = match &query.system {
            Cow::Owned(name) if *name == system.name() => Cow::Borrowed(system.name()),
            name => name.clone(),
        };
        described.name = match &statement.summary {
            Some(summary) => Cow::Owned(summary.to_string()),
            None => system_name.clone(),
        };
        push_shared(&mut described, semconv::DB_OPERATION_NAME, &statement.operation);
        push_shared(&mut described, semconv::DB_COLLECTION_NAME, &statement.collection);
        push_shared(&mut described, semconv::DB_QUERY_SUMMARY, &statement.summary);
        push_shared(&mut described, semconv::DB_STORED_PROCEDURE_NAME, &statement.stored_procedure);
        // A failure may be known without its query.
        if !statement.text.is_empty() {
            described.push(semconv::DB_QUERY_TEXT, Arc::clone(&statement.text));
        }
        described.push(semconv::DB_SYSTEM_NAME, system_name);
        described.push_text(semconv::DB_NAMESPACE, &query.namespace);
        described.push_answer(query);
        described
    }

    fn describe_call(&self, call: &HttpCall, room: usize) -> Described {
        let mut described = Described::new(Category::Http, room);
        let method = self.push_method(&mut described, &call.method);
        described.name = match &call.template {
            Some(template) => Cow::Owned([&*method, " ", template].concat()),
            None => method,
        };
        described.shape = Some(shape::of_call(&call.method, &call.url));
        described.fingerprint = shape::fingerprint_of_call(&call.method, &call.url);
        described.push(semconv::URL_FULL, call.url.clone());
        described.push_text(semconv::URL_TEMPLATE, &call.template);
        described.push_text(semconv::SERVER_ADDRESS, &call.server_address);
        described.push_number(semconv::SERVER_PORT, call.server_port.map(u64::from));
        described.push_number(semconv::HTTP_RESPONSE_STATUS_CODE, call.status.map(u64::from));
        described.push_opt_in(semconv::HTTP_RESPONSE_BODY_SIZE, call.response_size);
        if let Some(outcome) = &call.outcome {
            described.push(semconv::OUTCOME, outcome.clone());
        }
        described
    }

    fn push_details(&self, described: &mut Described, details: &Details) {
        if let Some(function) = &details.function {
            described.push(semconv::CODE_FUNCTION_NAME, function.clone());
        }
        described.push_text(semconv::CODE_STACKTRACE, &details.stacktrace);
        if !self.sql_parameters {
            return;
        }
        for parameter in details.parameters.iter().flatten() {
            let key = [semconv::DB_QUERY_PARAMETER, ".", &parameter.name].concat();
            let hidden = self.redactor.is_sensitive(&parameter.name);
            let value = if hidden { StringValue::from(REDACTED) } else { parameter.value.clone().into() };
            described.attributes.push(KeyValue::new(key, value));
        }
    }
}

impl Described {
    /// Whether it failed, by what is known of it besides its attributes.
    fn fail_as(&mut self, entry: &Entry) {
        if let Some(description) = &entry.error {
            self.fail(None, description);
        }
        if let Some(details) = entry.details.as_deref() {
            if let Some(error_type) = &details.error_type {
                self.fail(Some(error_type.clone().into()), "");
            }
            if let Some(exception) = &details.exception {
                self.fail_with(exception);
            }
        }
        match &entry.kind {
            EntryKind::HttpCall(call) => {
                if let Some(failure) = &call.failure {
                    self.fail(Some(failure.clone().into()), "");
                }
                self.fail_from(call.status, 400);
            }
            EntryKind::Sql(Sql { response_status: Some(code), .. }) if is_sql_error(code) => {
                self.fail(Some(code.clone().into()), "");
            }
            _ => {}
        }
    }

    /// What the database answered.
    fn push_answer(&mut self, query: &Sql) {
        self.push_text(semconv::DB_RESPONSE_STATUS_CODE, &query.response_status);
        self.push_opt_in(semconv::DB_RESPONSE_RETURNED_ROWS, query.returned_rows);
        self.push_number(semconv::DB_AFFECTED_ROWS, query.affected_rows);
    }

    /// What a second source knows of a query that a span tells of, unless the span has it.
    fn push_twin(&mut self, twin: &Entry, recorded: &[KeyValue]) {
        let EntryKind::Sql(sql) = &twin.kind else { return };
        let from = self.attributes.len();
        self.push_text(semconv::DB_NAMESPACE, &sql.namespace);
        self.push_answer(sql);
        self.attributes.push(KeyValue::new(semconv::DB_DURATION, twin.duration.as_secs_f64()));
        let mut at = 0;
        self.attributes.retain(|attribute| {
            at += 1;
            at <= from || !recorded.iter().any(|known| known.key == attribute.key)
        });
        for known in recorded {
            self.opt_in.remove(known.key.as_str());
        }
    }
}

/// Adds what the conventions want of a query and the span's own instrumentation has not recorded.
fn describe_recorded_query(described: &mut Described, query: Query, recorded: &[KeyValue]) {
    described.category = query.category;
    described.shape = query.shape;
    described.fingerprint = query.fingerprint;
    if let Some(name) = query.name()
        && name != described.name
    {
        let own_name = std::mem::replace(&mut described.name, name);
        if query::is_plain_name(&own_name) {
            described.push(semconv::SPAN_NAME, own_name);
        }
    }
    let is_recorded = |key: &str| attribute::find(recorded, key).is_some();
    if let Some(statement) = query.statement {
        let derived = [
            (semconv::DB_OPERATION_NAME, &query.operation),
            (semconv::DB_COLLECTION_NAME, &statement.collection),
            (semconv::DB_QUERY_SUMMARY, &statement.summary),
            (semconv::DB_STORED_PROCEDURE_NAME, &statement.stored_procedure),
        ];
        for (key, value) in derived.into_iter().filter(|(key, _)| !is_recorded(key)) {
            push_shared(described, key, value);
        }
        if !is_recorded(semconv::DB_QUERY_TEXT) {
            described.push(semconv::DB_QUERY_TEXT, Arc::clone(&statement.text));
        }
    }
    if !is_recorded(semconv::DB_SYSTEM_NAME) {
        described.push(semconv::DB_SYSTEM_NAME, query.system);
    }
}

/// Whether a database's code is one of an error. The classes 01 and 02 of SQLSTATE are warnings and no data.
fn is_sql_error(code: &str) -> bool {
    let is_sqlstate = code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_mild = is_sqlstate && (code == "00000" || code.starts_with("01") || code.starts_with("02"));
    !is_mild && !matches!(code, "" | "0") && !code.eq_ignore_ascii_case("ok")
}

fn describe_template(template: &Template, room: usize) -> Described {
    let mut described = Described::new(Category::Template, room);
    described.name = Cow::Owned(["render ", &template.name].concat());
    described.push(semconv::TEMPLATE_NAME, template.name.clone());
    described.push_number(semconv::TEMPLATE_SIZE, template.size);
    described
}

fn describe_cache(cache: &Cache, room: usize) -> Described {
    let mut described = Described::new(Category::Cache, room);
    described.name = Cow::Owned(cache.operation.clone());
    described.shape = Some(shape::of_cache(&cache.operation, cache.key.as_deref()));
    described.fingerprint = shape::fingerprint_of_cache(&cache.operation, cache.key.as_deref());
    described.push(semconv::DB_SYSTEM_NAME, cache.system.clone());
    described.push(semconv::DB_OPERATION_NAME, cache.operation.clone());
    described.push_text(semconv::CACHE_KEY, &cache.key);
    if let Some(hit) = cache.hit {
        described.attributes.push(KeyValue::new(semconv::CACHE_HIT, hit));
    }
    described
}

fn describe_profile(profile: &Profile, room: usize) -> Described {
    let mut described = Described::new(Category::Profile, room);
    described.name = Cow::Owned(profile.function.clone());
    described.push(semconv::CODE_FUNCTION_NAME, profile.function.clone());
    described.push_number(semconv::PROFILE_CALLS, profile.calls);
    described.push_number(semconv::PROFILE_PRIMITIVE_CALLS, profile.primitive_calls);
    if let Some(time) = profile.self_time {
        described.attributes.push(KeyValue::new(semconv::PROFILE_SELF_TIME, time.as_secs_f64()));
    }
    described
}

/// Where in the code something comes from.
pub(super) fn callsite(callsite: &Callsite, attributes: &mut Vec<KeyValue>) {
    if !callsite.target.is_empty() {
        attributes.push(text(semconv::TARGET, callsite.target.clone()));
    }
    if let Some(file) = &callsite.file {
        attributes.push(text(semconv::CODE_FILE_PATH, file.clone()));
    }
    if let Some(line) = callsite.line {
        attributes.push(number(semconv::CODE_LINE_NUMBER, u64::from(line)));
    }
}

pub(super) fn text(key: &'static str, value: impl Into<StringValue>) -> KeyValue {
    KeyValue::new(Key::from_static_str(key), Value::String(value.into()))
}

fn number(key: &'static str, value: u64) -> KeyValue {
    KeyValue::new(Key::from_static_str(key), i64::try_from(value).unwrap_or(i64::MAX))
}

fn push_shared(described: &mut Described, key: &'static str, value: &Option<Arc<str>>) {
    if let Some(value) = value {
        described.push(key, Arc::clone(value));
    }
}

/// Without keys, the converter leaves attributes as they were recorded.
fn redact(attribute: &mut KeyValue, redactor: &Redactor) {
    if !redactor.is_empty() {
        redactor.attribute(attribute);
    }
}
