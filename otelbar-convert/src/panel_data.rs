//! What a debug toolbar knows of one request.
//!
//! A source that measured everything (the live capture) fills in ids, parents and starts; one that knows durations
//! alone leaves them `None`, and the converter works them out and marks what it worked out. Instants inside a request
//! are offsets on a monotonic clock from [`Timer::start`], so that a step of the wall clock cannot reorder spans.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind};

/// One request, with all that happened in it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PanelData {
    /// Trace id, span id, flags and trace state of the request's SERVER span.
    pub span_context: SpanContext,
    /// Span id of the caller, where its trace context was accepted.
    pub remote_parent: Option<SpanId>,
    /// When it began and how long it took.
    pub timer: Timer,
    /// What was asked and answered.
    pub request: Request,
    /// What was done for it: each becomes a span.
    pub entries: Vec<Entry>,
    /// What was logged: each becomes an event of the span it was logged in.
    pub logs: Vec<Log>,
}

impl PanelData {
    /// A request of which only its identity, its times and its head are known yet.
    pub fn new(span_context: SpanContext, timer: Timer, request: Request) -> Self {
        PanelData { span_context, remote_parent: None, timer, request, entries: Vec::new(), logs: Vec::new() }
    }
}

/// The times of a request.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Timer {
    /// When the request arrived, by the wall clock.
    pub start: SystemTime,
    /// From its arrival to the end of its body, on a monotonic clock.
    pub duration: Duration,
    /// How much of the duration was spent working rather than waiting, where the source tells.
    pub busy: Option<Duration>,
    /// Whether it has ended; if not, `duration` is the time so far.
    pub ended: bool,
}

impl Timer {
    /// The times of a request that has ended.
    pub fn new(start: SystemTime, duration: Duration) -> Self {
        Timer { start, duration, busy: None, ended: true }
    }

    /// The times of a request that is being worked on.
    pub fn open(start: SystemTime) -> Self {
        Timer { start, duration: Duration::ZERO, busy: None, ended: false }
    }
}

/// The HTTP side of a request. Text is as the application should see it in a backend: already redacted.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Method as it was sent, in its own case.
    pub method: String,
    /// `http` or `https`.
    pub scheme: Cow<'static, str>,
    /// Path without the query.
    pub path: String,
    /// Query without the question mark.
    pub query: Option<String>,
    /// The template the path matched, such as `/items/{id}`.
    pub route: Option<String>,
    /// `1.0`, `1.1`, `2` or `3`.
    pub protocol_version: Option<&'static str>,
    /// Host the client asked for, without the port.
    pub server_address: Option<String>,
    /// Port the client asked for.
    pub server_port: Option<u16>,
    /// Address of the other end of the connection.
    pub peer_address: Option<String>,
    /// Port of the other end of the connection.
    pub peer_port: Option<u16>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// Status of the response; `None` where there was none.
    pub status: Option<u16>,
    /// Bytes of the response's body that were sent.
    pub response_size: Option<u64>,
    /// Why there was no whole response: `error.type` of the span, such as `cancelled`.
    pub failure: Option<Cow<'static, str>>,
    /// Further attributes of the SERVER span.
    pub attributes: Vec<KeyValue>,
}

/// One thing that was done for a request.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its span id; derived from the request's and its place in the list where it is `None`.
    pub id: Option<SpanId>,
    /// Span id of what it was done for; the request itself where it is `None` or not in the list.
    pub parent: Option<SpanId>,
    /// Start, as an offset from the request's start; worked out where it is `None`.
    pub start: Option<Duration>,
    /// How long it took, or has taken so far.
    pub duration: Duration,
    /// Whether it has ended.
    pub ended: bool,
    /// How much of the duration was spent working rather than waiting, where the source tells.
    pub busy: Option<Duration>,
    /// Name for an entry whose kind implies none.
    pub name: Cow<'static, str>,
    /// What it was.
    pub kind: EntryKind,
    /// Where in the code it comes from.
    pub source: Option<Source>,
    /// Further attributes, as recorded.
    pub attributes: Vec<KeyValue>,
    /// Attributes left out over a limit.
    pub dropped_attributes: u32,
    /// Set where it went wrong: the description of the span's error status.
    pub error: Option<Cow<'static, str>>,
}

impl Entry {
    /// An entry of which only its name, duration and kind are known.
    pub fn new(name: impl Into<Cow<'static, str>>, duration: Duration, kind: EntryKind) -> Self {
        Entry {
            id: None,
            parent: None,
            start: None,
            duration,
            ended: true,
            busy: None,
            name: name.into(),
            kind,
            source: None,
            attributes: Vec::new(),
            dropped_attributes: 0,
            error: None,
        }
    }
}

/// A place in the code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// Module or logger.
    pub target: Cow<'static, str>,
    /// Path of the file.
    pub file: Option<Cow<'static, str>>,
    /// Line in the file, from 1.
    pub line: Option<u32>,
}

/// What an [`Entry`] was.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EntryKind {
    /// A span of the application.
    Span(SpanKind),
    /// A database query.
    Sql(Sql),
    /// A rendered template.
    Template(Template),
    /// A cache operation.
    Cache(Cache),
    /// An outgoing HTTP call.
    HttpCall(HttpCall),
}

/// A database query.
#[derive(Clone, Debug, Default)]
pub struct Sql {
    /// `db.system.name`, such as `sqlite` or `postgresql`.
    pub system: Cow<'static, str>,
    /// `db.namespace`: the database's name, where known.
    pub namespace: Option<String>,
    /// The statement as it was sent; its literals are replaced on conversion.
    pub text: String,
    /// Rows it returned.
    pub returned_rows: Option<u64>,
    /// Rows it changed.
    pub affected_rows: Option<u64>,
}

/// A rendered template.
#[derive(Clone, Debug, Default)]
pub struct Template {
    /// The template's name.
    pub name: String,
    /// Bytes it rendered to.
    pub size: Option<u64>,
}

/// A cache operation.
#[derive(Clone, Debug, Default)]
pub struct Cache {
    /// `db.system.name` of the cache, such as `redis` or `memcached`.
    pub system: Cow<'static, str>,
    /// The command, such as `GET`.
    pub operation: String,
    /// The key asked for.
    pub key: Option<String>,
    /// Whether a lookup found its key.
    pub hit: Option<bool>,
}

/// An outgoing HTTP call.
#[derive(Clone, Debug, Default)]
pub struct HttpCall {
    /// Method as it was sent.
    pub method: String,
    /// The whole URL, already redacted.
    pub url: String,
    /// Host called, without the port.
    pub server_address: Option<String>,
    /// Port called.
    pub server_port: Option<u16>,
    /// Status of the answer; `None` where there was none.
    pub status: Option<u16>,
    /// Bytes of the answer's body that were read.
    pub response_size: Option<u64>,
    /// `error.type` where the call did not come to an answer.
    pub failure: Option<Cow<'static, str>>,
}

/// One line of a log.
#[derive(Clone, Debug)]
pub struct Log {
    /// Span id of what it was logged in; the request itself where it is `None` or not in the list.
    pub span: Option<SpanId>,
    /// When, as an offset from the request's start.
    pub time: Duration,
    /// How severe it is.
    pub level: Level,
    /// Where in the code it comes from.
    pub source: Source,
    /// What it says.
    pub message: Cow<'static, str>,
    /// Its fields.
    pub attributes: Vec<KeyValue>,
}

/// Severity of a [`Log`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Finest detail.
    Trace,
    /// Detail for debugging.
    Debug,
    /// Normal events.
    Info,
    /// Something to look at.
    Warn,
    /// Something went wrong.
    Error,
}

impl Level {
    /// The level in capitals, as logs show it.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Trace => "TRACE",
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Warn => "WARN",
            Level::Error => "ERROR",
        }
    }
}
