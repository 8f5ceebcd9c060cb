//! Names, attributes and statuses, by the semantic conventions.

use std::borrow::Cow;
use std::sync::Arc;

use opentelemetry::trace::{SpanKind, Status};
use opentelemetry::{Array, Key, KeyValue, StringValue, Value};

use super::{Panel, PanelDataConverter};
use crate::panel_data::{
    Cache, Details, Entry, EntryKind, HttpCall, Profile, Request, Source, Sql, Template,
};
use crate::redact::{REDACTED, Redactor};
use crate::report::Report;
use crate::sql::System;
use crate::{semconv, shape};

/// The methods known by default.
pub(super) const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// What the conventions say of an entry.
pub(super) struct Described {
    pub(super) panel: Panel,
    pub(super) name: Cow<'static, str>,
    /// Each name once.
    pub(super) attributes: Vec<KeyValue>,
    pub(super) status: Status,
    pub(super) shape: Option<u64>,
    pub(super) fingerprint: Option<u64>,
}

impl Described {
    fn new(panel: Panel, status: Status, room: usize) -> Self {
        Described {
            panel,
            name: Cow::Borrowed(""),
            attributes: Vec::with_capacity(room),
            status,
            shape: None,
            fingerprint: None,
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

    /// An answer, or that there was none.
    fn push_outcome(&mut self, status: Option<u16>, failure: &Option<Cow<'static, str>>, fails_from: u16) {
        match (status, failure) {
            (_, Some(failure)) => {
                self.push(semconv::ERROR_TYPE, failure.clone());
                if self.status == Status::Unset {
                    self.status = Status::error("");
                }
            }
            (Some(code), None) if code >= fails_from => {
                self.push(semconv::ERROR_TYPE, code.to_string());
                if self.status == Status::Unset {
                    self.status = Status::error("");
                }
            }
            _ => {}
        }
    }
}

impl PanelDataConverter {
    pub(super) fn describe_request(&self, request: &Request) -> Described {
        let mut described = Described::new(Panel::Request, Status::Unset, 17 + request.attributes.len());
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
        described.push_number(semconv::HTTP_RESPONSE_BODY_SIZE, request.response_size);
        described.push_text(semconv::SERVER_ADDRESS, &request.server_address);
        described.push_number(semconv::SERVER_PORT, request.server_port.map(u64::from));
        if let Some(peer) = request.peer_address.as_deref().map(Arc::<str>::from) {
            described.push(semconv::CLIENT_ADDRESS, Arc::clone(&peer));
            described.push(semconv::NETWORK_PEER_ADDRESS, peer);
        }
        described.push_number(semconv::NETWORK_PEER_PORT, request.peer_port.map(u64::from));
        if let Some(version) = request.protocol_version {
            described.push(semconv::NETWORK_PROTOCOL_VERSION, version);
        }
        described.push_text(semconv::USER_AGENT_ORIGINAL, &request.user_agent);
        described.push_outcome(request.status, &request.failure, 500);
        if let Some(failure) = &request.failure {
            described.status = Status::error(failure.clone());
        }
        described
    }

    pub(super) fn describe_entry(&self, entry: &Entry) -> Described {
        let status = match &entry.error {
            Some(description) => Status::error(description.clone()),
            None => Status::Unset,
        };
        let room = entry.attributes.len() + 4;
        let mut described = match &entry.kind {
            EntryKind::Span(kind) => self.describe_span(kind, entry, status, room),
            EntryKind::Sql(query) => self.describe_query(query, entry, status, room + 9),
            EntryKind::Template(template) => describe_template(template, status, room + 2),
            EntryKind::Cache(cache) => describe_cache(cache, status, room + 4),
            EntryKind::HttpCall(call) => self.describe_call(call, status, room + 7),
            EntryKind::Profile(profile) => describe_profile(profile, status, room + 4),
        };
        if let Some(details) = entry.details.as_deref() {
            self.push_details(&mut described, details);
        }
        if let Some(place) = &entry.source {
            source(place, &mut described.attributes);
        }
        described
    }

    /// Takes over what was recorded: each name once, the first one kept, and no value of a sensitive one.
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
            let mut attribute = attribute.clone();
            redact(&mut attribute, &self.redactor);
            attributes.push(attribute);
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
    fn describe_span(&self, kind: &SpanKind, entry: &Entry, status: Status, room: usize) -> Described {
        let find = |keys: &[&str]| {
            entry.attributes.iter().find(|attribute| keys.contains(&attribute.key.as_str())).map(|a| &a.value)
        };
        let mut described = Described::new(Panel::Span, status, room);
        described.name = entry.name.clone();
        if let Some(query) = find(&[semconv::DB_QUERY_TEXT, "db.statement"]) {
            described.panel = Panel::Sql;
            if let (Value::String(query), Some(Value::String(system))) =
                (query, find(&[semconv::DB_SYSTEM_NAME, "db.system"]))
            {
                let statement = self.statements.describe(query.as_str(), System::from_name(system.as_str()));
                described.shape = shape::of_statement(&statement);
            }
        } else if *kind == SpanKind::Client
            && let Some(method) = find(&[semconv::HTTP_REQUEST_METHOD, "http.method"])
        {
            described.panel = Panel::Http;
            if let (Value::String(method), Some(Value::String(url))) =
                (method, find(&[semconv::URL_FULL, "http.url"]))
            {
                described.shape = Some(shape::of_call(method.as_str(), url.as_str()));
            }
        } else if find(&[semconv::TEMPLATE_NAME]).is_some() {
            described.panel = Panel::Template;
        }
        described
    }

    fn describe_query(&self, query: &Sql, entry: &Entry, status: Status, room: usize) -> Described {
        let system = System::from_name(&query.system);
        let statement = self.statements.describe(&query.text, system);
        let parameters = entry.details.as_deref().and_then(|details| details.parameters.as_deref());
        let mut described = Described::new(Panel::Sql, status, room);
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
        described.push(semconv::DB_QUERY_TEXT, Arc::clone(&statement.text));
        described.push(semconv::DB_SYSTEM_NAME, system_name);
        described.push_text(semconv::DB_NAMESPACE, &query.namespace);
        described.push_number(semconv::DB_RESPONSE_RETURNED_ROWS, query.returned_rows);
        described.push_number(semconv::DB_AFFECTED_ROWS, query.affected_rows);
        described
    }

    fn describe_call(&self, call: &HttpCall, status: Status, room: usize) -> Described {
        let mut described = Described::new(Panel::Http, status, room);
        described.name = self.push_method(&mut described, &call.method);
        described.shape = Some(shape::of_call(&call.method, &call.url));
        described.fingerprint = shape::fingerprint_of_call(&call.method, &call.url);
        described.push(semconv::URL_FULL, call.url.clone());
        described.push_text(semconv::SERVER_ADDRESS, &call.server_address);
        described.push_number(semconv::SERVER_PORT, call.server_port.map(u64::from));
        described.push_number(semconv::HTTP_RESPONSE_STATUS_CODE, call.status.map(u64::from));
        described.push_number(semconv::HTTP_RESPONSE_BODY_SIZE, call.response_size);
        described.push_outcome(call.status, &call.failure, 400);
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

fn describe_template(template: &Template, status: Status, room: usize) -> Described {
    let mut described = Described::new(Panel::Template, status, room);
    described.name = Cow::Owned(["render ", &template.name].concat());
    described.push(semconv::TEMPLATE_NAME, template.name.clone());
    described.push_number(semconv::TEMPLATE_SIZE, template.size);
    described
}

fn describe_cache(cache: &Cache, status: Status, room: usize) -> Described {
    let mut described = Described::new(Panel::Cache, status, room);
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

fn describe_profile(profile: &Profile, status: Status, room: usize) -> Described {
    let mut described = Described::new(Panel::Profile, status, room);
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
pub(super) fn source(source: &Source, attributes: &mut Vec<KeyValue>) {
    if !source.target.is_empty() {
        attributes.push(text(semconv::TARGET, source.target.clone()));
    }
    if let Some(file) = &source.file {
        attributes.push(text(semconv::CODE_FILE_PATH, file.clone()));
    }
    if let Some(line) = source.line {
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

fn redact(attribute: &mut KeyValue, redactor: &Redactor) {
    if redactor.is_sensitive(attribute.key.as_str()) {
        attribute.value = match &attribute.value {
            // Headers are lists of their values, however many there were.
            Value::Array(Array::String(_)) => Value::Array(Array::String(vec![REDACTED.into()])),
            _ => Value::String(REDACTED.into()),
        };
    }
}
