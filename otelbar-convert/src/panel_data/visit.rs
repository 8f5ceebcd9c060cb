use std::borrow::Cow;

use opentelemetry::trace::Link;
use opentelemetry::{InstrumentationScope, KeyValue};

use super::{
    Cache, Callsite, Details, Entry, EntryKind, Exception, HttpCall, Log, Parameter, Profile, Request, Sql,
    Template,
};

/// Goes through all that panel data holds besides itself: its texts and lists, to bound, measure or clean them.
///
/// Who keeps what an application records must bound each part of it. The types of this module may get further fields;
/// [`Request::visit_mut`], [`Entry::visit_mut`] and [`Log::visit_mut`] go through those as well.
pub trait VisitMut {
    /// A word of which there are few: a method, a route, a host, the name of a database.
    fn name(&mut self, name: &mut String);

    /// The same, where it may be a constant.
    fn static_name(&mut self, name: &mut Cow<'static, str>);

    /// A text of any length: a statement, a URL, a stack trace.
    fn text(&mut self, text: &mut String);

    /// The same, where it may be a constant: a message, the name of a span.
    fn static_text(&mut self, text: &mut Cow<'static, str>);

    /// A text from the head of a request, which servers take at any length: path, query, user agent.
    fn head(&mut self, text: &mut String);

    /// Attributes, with their keys and values.
    fn attributes(&mut self, attributes: &mut Vec<KeyValue>);

    /// Links, with their trace states and attributes.
    fn links(&mut self, links: &mut Vec<Link>);

    /// What made a span.
    fn scope(&mut self, scope: &mut InstrumentationScope);

    /// The parameters of a query.
    fn parameters(&mut self, parameters: &mut Vec<Parameter>);
}

// Each type is taken apart by naming all its fields, so that none that is added can be forgotten here.

impl Request {
    /// Goes through all that it holds.
    pub fn visit_mut(&mut self, visitor: &mut impl VisitMut) {
        let Request {
            method,
            scheme,
            path,
            query,
            route,
            protocol_version: _,
            server_address,
            server_port: _,
            peer_address,
            peer_port: _,
            client_address,
            user_agent,
            status: _,
            response_size: _,
            outcome,
            failure,
            exception,
            links,
            attributes,
        } = self;
        visitor.name(method);
        visitor.static_name(scheme);
        visitor.head(path);
        [query, user_agent].into_iter().flatten().for_each(|text| visitor.head(text));
        let names = [route, server_address, peer_address, client_address];
        names.into_iter().flatten().for_each(|name| visitor.name(name));
        [outcome, failure].into_iter().flatten().for_each(|name| visitor.static_name(name));
        if let Some(exception) = exception {
            exception.visit_mut(visitor);
        }
        visitor.links(links);
        visitor.attributes(attributes);
    }
}

impl Entry {
    /// Goes through all that it holds.
    pub fn visit_mut(&mut self, visitor: &mut impl VisitMut) {
        let Entry {
            id: _,
            parent: _,
            start: _,
            duration: _,
            ended: _,
            busy: _,
            name,
            kind,
            callsite,
            attributes,
            dropped_attributes: _,
            error,
            details,
        } = self;
        visitor.static_text(name);
        if let Some(error) = error {
            visitor.static_text(error);
        }
        visitor.attributes(attributes);
        if let Some(callsite) = callsite {
            callsite.visit_mut(visitor);
        }
        kind.visit_mut(visitor);
        if let Some(details) = details {
            details.visit_mut(visitor);
        }
    }
}

impl Log {
    /// Goes through all that it holds.
    pub fn visit_mut(&mut self, visitor: &mut impl VisitMut) {
        let Log { span: _, time: _, level: _, callsite, message, attributes } = self;
        callsite.visit_mut(visitor);
        visitor.static_text(message);
        visitor.attributes(attributes);
    }
}

impl EntryKind {
    fn visit_mut(&mut self, visitor: &mut impl VisitMut) {
        match self {
            EntryKind::Span(_) => {}
            EntryKind::Sql(Sql {
                system,
                namespace,
                text,
                returned_rows: _,
                affected_rows: _,
                response_status,
            }) => {
                visitor.static_name(system);
                [namespace, response_status].into_iter().flatten().for_each(|name| visitor.name(name));
                visitor.text(text);
            }
            EntryKind::Template(Template { name, size: _ }) => visitor.text(name),
            EntryKind::Cache(Cache { system, operation, key, hit: _ }) => {
                visitor.static_name(system);
                visitor.name(operation);
                if let Some(key) = key {
                    visitor.text(key);
                }
            }
            EntryKind::HttpCall(HttpCall {
                method,
                url,
                template,
                server_address,
                server_port: _,
                status: _,
                response_size: _,
                outcome,
                failure,
            }) => {
                visitor.name(method);
                visitor.text(url);
                [template, server_address].into_iter().flatten().for_each(|name| visitor.name(name));
                [outcome, failure].into_iter().flatten().for_each(|name| visitor.static_name(name));
            }
            EntryKind::Profile(Profile { function, calls: _, primitive_calls: _, self_time: _ }) => {
                visitor.text(function);
            }
        }
    }
}

impl Details {
    fn visit_mut(&mut self, visitor: &mut impl VisitMut) {
        let Details {
            exception,
            error_type,
            ok: _,
            links,
            dropped_links: _,
            scope,
            function,
            stacktrace,
            parameters,
        } = self;
        if let Some(exception) = exception {
            exception.visit_mut(visitor);
        }
        [error_type, function].into_iter().flatten().for_each(|name| visitor.static_name(name));
        visitor.links(links);
        if let Some(scope) = scope {
            visitor.scope(scope);
        }
        if let Some(stacktrace) = stacktrace {
            visitor.text(stacktrace);
        }
        if let Some(parameters) = parameters {
            visitor.parameters(parameters);
        }
    }
}

impl Exception {
    fn visit_mut(&mut self, visitor: &mut impl VisitMut) {
        let Exception { kind, message, stacktrace } = self;
        if let Some(kind) = kind {
            visitor.static_name(kind);
        }
        if let Some(message) = message {
            visitor.static_text(message);
        }
        if let Some(stacktrace) = stacktrace {
            visitor.text(stacktrace);
        }
    }
}

impl Callsite {
    fn visit_mut(&mut self, visitor: &mut impl VisitMut) {
        let Callsite { target, file, line: _ } = self;
        visitor.static_name(target);
        if let Some(file) = file {
            visitor.static_name(file);
        }
    }
}
