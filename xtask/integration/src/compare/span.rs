//! A span in the form in which all are compared.

use std::collections::BTreeMap;
use std::fmt;

/// The value of an attribute, with its type.
#[derive(Clone)]
pub enum Value {
    /// A text.
    Text(String),
    /// True or false.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A double.
    Double(f64),
    /// A list.
    List(Vec<Value>),
}

impl fmt::Debug for Value {
    /// The type is told by the form: `"1"`, `true`, `1`, `1.0`, `["a"]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Bool(value) => write!(f, "{value:?}"),
            Self::Int(number) => write!(f, "{number:?}"),
            // As short as tells one double from all others.
            Self::Double(number) => write!(f, "{number:?}"),
            Self::List(values) => write!(f, "{values:?}"),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// Attributes by their keys; their order means nothing.
pub(crate) type Attributes = BTreeMap<String, Value>;

/// A span, with all that OTLP tells of it. What a backend's form has no place for is empty.
#[derive(Clone, Debug, Default)]
pub struct Span {
    /// As 32 hex digits.
    pub trace_id: String,
    /// As 16 hex digits.
    pub span_id: String,
    /// As 16 hex digits.
    pub parent_span_id: Option<String>,
    /// The name.
    pub name: String,
    /// In small letters; `None` is unspecified.
    pub kind: Option<String>,
    /// Nanoseconds since 1970.
    pub start: u64,
    /// Nanoseconds.
    pub duration: Option<i128>,
    /// As the header has it.
    pub trace_state: String,
    /// As OTLP has them: of W3C, and whether it is known (0x100) that the parent is remote (0x200).
    pub flags: Option<u32>,
    /// Of the span.
    pub attributes: Attributes,
    /// In their order.
    pub events: Vec<Event>,
    /// In their order.
    pub links: Vec<Link>,
    /// `ok` or `error`.
    pub status: Option<String>,
    /// The description of the status.
    pub status_message: String,
    /// Counts of what was left out.
    pub dropped_attributes: u32,
    /// Counts of what was left out.
    pub dropped_events: u32,
    /// Counts of what was left out.
    pub dropped_links: u32,
    /// What made it.
    pub scope: Scope,
    /// Of the resource's attributes.
    pub resource_schema_url: String,
    /// Of the service.
    pub resource: Attributes,
    /// What a form tells besides, by the names it has there.
    pub besides: BTreeMap<String, String>,
}

/// An event of a span.
#[derive(Clone, Debug, Default)]
pub struct Event {
    /// The name.
    pub name: String,
    /// Nanoseconds since 1970.
    pub time: u64,
    /// Of the event.
    pub attributes: Attributes,
    /// A count of what was left out.
    pub dropped_attributes: u32,
}

/// A link of a span.
#[derive(Clone, Debug, Default)]
pub struct Link {
    /// As 32 hex digits.
    pub trace_id: String,
    /// As 16 hex digits.
    pub span_id: String,
    /// As the header has it.
    pub trace_state: String,
    /// As those of a span.
    pub flags: Option<u32>,
    /// Of the link.
    pub attributes: Attributes,
    /// A count of what was left out.
    pub dropped_attributes: u32,
}

/// An instrumentation scope.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The name.
    pub name: String,
    /// The version.
    pub version: String,
    /// Of the scope's attributes.
    pub schema_url: String,
    /// Of the scope.
    pub attributes: Attributes,
}

impl Span {
    /// Trace id and span id.
    pub fn id(&self) -> String {
        format!("{}/{}", self.trace_id, self.span_id)
    }

    /// Each field by its path, with its value as a text that tells its type. What is empty is left out.
    pub fn fields(&self) -> BTreeMap<String, String> {
        let mut fields = Fields::default();
        fields.text("traceId", &self.trace_id);
        fields.text("spanId", &self.span_id);
        fields.text("parentSpanId", self.parent_span_id.as_deref().unwrap_or_default());
        fields.text("name", &self.name);
        fields.text("kind", self.kind.as_deref().unwrap_or_default());
        fields.put("start", self.start);
        fields.some("duration", self.duration);
        fields.text("traceState", &self.trace_state);
        fields.some("flags", self.flags);
        fields.attributes("attributes", &self.attributes);
        fields.count("droppedAttributesCount", self.dropped_attributes);
        for (index, event) in self.events.iter().enumerate() {
            let path = |field: &str| format!("events[{index}].{field}");
            fields.put(&path("name"), format!("{:?}", event.name));
            fields.put(&path("time"), event.time);
            fields.attributes(&path("attributes"), &event.attributes);
            fields.count(&path("droppedAttributesCount"), event.dropped_attributes);
        }
        fields.count("droppedEventsCount", self.dropped_events);
        for (index, link) in self.links.iter().enumerate() {
            let path = |field: &str| format!("links[{index}].{field}");
            fields.put(&path("traceId"), &link.trace_id);
            fields.put(&path("spanId"), &link.span_id);
            fields.text(&path("traceState"), &link.trace_state);
            fields.some(&path("flags"), link.flags);
            fields.attributes(&path("attributes"), &link.attributes);
            fields.count(&path("droppedAttributesCount"), link.dropped_attributes);
        }
        fields.count("droppedLinksCount", self.dropped_links);
        fields.text("status.code", self.status.as_deref().unwrap_or_default());
        fields.text("status.message", &self.status_message);
        fields.text("scope.name", &self.scope.name);
        fields.text("scope.version", &self.scope.version);
        fields.text("scope.schemaUrl", &self.scope.schema_url);
        fields.attributes("scope.attributes", &self.scope.attributes);
        fields.text("resource.schemaUrl", &self.resource_schema_url);
        fields.attributes("resource.attributes", &self.resource);
        for (name, value) in &self.besides {
            fields.put(name, value);
        }
        fields.0
    }
}

#[derive(Default)]
struct Fields(BTreeMap<String, String>);

impl Fields {
    fn put(&mut self, path: &str, value: impl ToString) {
        self.0.insert(path.to_owned(), value.to_string());
    }

    fn some(&mut self, path: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.put(path, value);
        }
    }

    fn text(&mut self, path: &str, value: &str) {
        if !value.is_empty() {
            self.put(path, format!("{value:?}"));
        }
    }

    fn count(&mut self, path: &str, count: u32) {
        if count > 0 {
            self.put(path, count);
        }
    }

    fn attributes(&mut self, path: &str, attributes: &Attributes) {
        for (key, value) in attributes {
            self.put(&format!("{path}.{key}"), format!("{value:?}"));
        }
    }
}
