//! What a debug toolbar knows of one request.
//!
//! A source that measured everything (the live capture) fills in ids, parents and starts; one that knows only
//! durations leaves them `None`, and the converter works them out and marks what it worked out. Instants inside a request
//! are offsets on a monotonic clock from [`Timer::start`], so that a step of the wall clock cannot reorder spans.

mod visit;

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind};
use opentelemetry::{InstrumentationScope, KeyValue};

pub use visit::VisitMut;

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
    /// How far the starts and durations can be trusted.
    pub times: Times,
}

impl PanelData {
    /// A request of which only its identity, its times and its head are known yet.
    pub fn new(span_context: SpanContext, timer: Timer, request: Request) -> Self {
        PanelData {
            span_context,
            remote_parent: None,
            timer,
            request,
            entries: Vec::new(),
            logs: Vec::new(),
            times: Times::default(),
        }
    }
}

/// How far the starts and durations of a request's data can be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Times {
    /// All were read from one monotonic clock. They are kept: what ends after its parent was spawned by it and is
    /// counted in [`Report::outlived`](crate::Report::outlived).
    #[default]
    Measured,
    /// They come from several clocks, or from one that can be set. No span and no log leaves its parent: it is moved
    /// inside, and cut where it is longer than the parent.
    Reported,
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
    /// Whether `start` or `duration` was worked out rather than measured.
    pub synthesised: bool,
}

impl Timer {
    /// The times of a request that has ended.
    pub fn new(start: SystemTime, duration: Duration) -> Self {
        Timer { start, duration, busy: None, ended: true, synthesised: false }
    }

    /// The times of a request that is being worked on.
    pub fn open(start: SystemTime) -> Self {
        Timer { start, duration: Duration::ZERO, busy: None, ended: false, synthesised: false }
    }
}

/// The HTTP side of a request. Text is as the application should see it in a backend: already redacted.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
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
    /// Address of the client, where a proxy that is trusted has told it; that of the other end of the connection where it
    /// is `None`.
    pub client_address: Option<String>,
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
    /// How it ended where that was neither by a whole response nor by an error, such as `client_gone` or `cancelled`:
    /// `otelbar.outcome` of the span, which is no error for it.
    pub outcome: Option<Cow<'static, str>>,
    /// What kept it from a whole response: `error.type` of the span, such as `std::io::error::Error`.
    pub failure: Option<Cow<'static, str>>,
    /// The error or panic that it failed with, where the source has more of it than its type.
    pub exception: Option<Exception>,
    /// Other spans that the SERVER span is linked to.
    pub links: Vec<Link>,
    /// Further attributes of the SERVER span.
    pub attributes: Vec<KeyValue>,
}

impl Request {
    /// A request over `http` of which only its method and path are known.
    pub fn new(method: impl Into<String>, path: impl Into<String>) -> Self {
        let scheme = Cow::Borrowed("http");
        Request { method: method.into(), scheme, path: path.into(), ..Request::default() }
    }
}

/// One thing that was done for a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
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
    pub callsite: Option<Callsite>,
    /// Further attributes, as recorded.
    pub attributes: Vec<KeyValue>,
    /// Attributes left out over a limit.
    pub dropped_attributes: u32,
    /// Set where it went wrong: the description of the span's error status.
    pub error: Option<Cow<'static, str>>,
    /// What few sources know of an entry.
    pub details: Option<Box<Details>>,
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
            callsite: None,
            attributes: Vec::new(),
            dropped_attributes: 0,
            error: None,
            details: None,
        }
    }

    /// The details, to fill in.
    pub fn details_mut(&mut self) -> &mut Details {
        self.details.get_or_insert_default()
    }
}

/// What few sources know of an [`Entry`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Details {
    /// The error or panic that it failed with; its span is in error.
    pub exception: Option<Exception>,
    /// `error.type`: a class of errors, of which there are few, such as the error's type or a status code; its span is
    /// in error. The exception's type where it is `None`.
    pub error_type: Option<Cow<'static, str>>,
    /// Whether the application said that it went well: the span's status is `Ok`, whatever else is known of it.
    pub ok: bool,
    /// Other spans that its span is linked to.
    pub links: Vec<Link>,
    /// Links left out over a limit.
    pub dropped_links: u32,
    /// What made its span, where that is known: `otelbar` unless set.
    pub scope: Option<InstrumentationScope>,
    /// `code.function.name`: the function it was done in.
    pub function: Option<Cow<'static, str>>,
    /// `code.stacktrace`: the calls that led to it, as the language writes them.
    pub stacktrace: Option<String>,
    /// The values bound to a query's parameters, in their order; `None` where it is unknown whether there were any.
    ///
    /// They tell repetitions from variations. They are attributes only where the converter
    /// [is told so](crate::PanelDataConverter::with_sql_parameters).
    pub parameters: Option<Vec<Parameter>>,
}

/// An error or a panic, as the [conventions for exceptions](https://opentelemetry.io/docs/specs/semconv/exceptions/)
/// tell of one. It is told as an event at the end of its span.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exception {
    /// `exception.type`: its type, such as `std::io::error::Error`, or `panic`.
    pub kind: Option<Cow<'static, str>>,
    /// `exception.message`: what it says, without its type.
    pub message: Option<Cow<'static, str>>,
    /// `exception.stacktrace`: the calls that led to it, as the language writes them.
    pub stacktrace: Option<String>,
}

impl Exception {
    /// An error or panic without a stack trace.
    pub fn new(kind: Option<Cow<'static, str>>, message: Option<Cow<'static, str>>) -> Self {
        Exception { kind, message, stacktrace: None }
    }
}

/// A value bound to a parameter of a query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parameter {
    /// The parameter's name, or its place from 0.
    pub name: String,
    /// The value as text.
    pub value: String,
}

impl Parameter {
    /// A parameter and its value.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Parameter { name: name.into(), value: value.into() }
    }
}

/// A place in the code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Callsite {
    /// Module or logger.
    pub target: Cow<'static, str>,
    /// Path of the file.
    pub file: Option<Cow<'static, str>>,
    /// Line in the file, from 1.
    pub line: Option<u32>,
}

impl Callsite {
    /// A module or logger, whose file and line are not known.
    pub fn new(target: impl Into<Cow<'static, str>>) -> Self {
        Callsite { target: target.into(), file: None, line: None }
    }

    /// Sets the file and the line in it.
    #[must_use]
    pub fn with_place(mut self, file: impl Into<Cow<'static, str>>, line: u32) -> Self {
        self.file = Some(file.into());
        self.line = Some(line);
        self
    }
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
    /// A function, as a profiler saw it.
    Profile(Profile),
}

/// A database query.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
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
    /// `db.response.status_code`: the database's code of what went wrong, such as the SQLSTATE `23505`; its span is in
    /// error.
    pub response_status: Option<String>,
}

impl Sql {
    /// A statement, and the `db.system.name` of the database that it was sent to.
    pub fn new(system: impl Into<Cow<'static, str>>, text: impl Into<String>) -> Self {
        Sql { system: system.into(), text: text.into(), ..Sql::default() }
    }
}

/// A rendered template.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Template {
    /// The template's name.
    pub name: String,
    /// Bytes it rendered to.
    pub size: Option<u64>,
}

impl Template {
    /// A template of which only the name is known.
    pub fn new(name: impl Into<String>) -> Self {
        Template { name: name.into(), size: None }
    }
}

/// A cache operation.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
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

impl Cache {
    /// An operation, and the `db.system.name` of the cache that it was done in.
    pub fn new(system: impl Into<Cow<'static, str>>, operation: impl Into<String>) -> Self {
        Cache { system: system.into(), operation: operation.into(), ..Cache::default() }
    }
}

/// An outgoing HTTP call.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct HttpCall {
    /// Method as it was sent.
    pub method: String,
    /// The whole URL, already redacted.
    pub url: String,
    /// `url.template`: the path's template, such as `/users/{id}`, where the caller has one.
    pub template: Option<String>,
    /// Host called, without the port.
    pub server_address: Option<String>,
    /// Port called.
    pub server_port: Option<u16>,
    /// Status of the answer; `None` where there was none.
    pub status: Option<u16>,
    /// Bytes of the answer's body that were read.
    pub response_size: Option<u64>,
    /// How it ended where that was neither by an answer nor by an error, such as `cancelled`: `otelbar.outcome` of the
    /// span, which is no error for it.
    pub outcome: Option<Cow<'static, str>>,
    /// `error.type` where the call did not come to an answer.
    pub failure: Option<Cow<'static, str>>,
}

impl HttpCall {
    /// A call whose answer is not known.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        HttpCall { method: method.into(), url: url.into(), ..HttpCall::default() }
    }
}

/// A function, as a profiler saw it; the entry's duration is the time spent in it and in what it called.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Profile {
    /// The function's name.
    pub function: String,
    /// How often it was called.
    pub calls: Option<u64>,
    /// How often it was called other than by itself.
    pub primitive_calls: Option<u64>,
    /// Time spent in the function's own code.
    pub self_time: Option<Duration>,
}

impl Profile {
    /// A function of which only the name is known.
    pub fn new(function: impl Into<String>) -> Self {
        Profile { function: function.into(), ..Profile::default() }
    }
}

/// One line of a log.
///
/// An exception logged with it is in its attributes, under `exception.type`, `exception.message` and
/// `exception.stacktrace`; a severity that no [`Level`] names is there as `level`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Log {
    /// Span id of what it was logged in; the request itself where it is `None` or not in the list.
    pub span: Option<SpanId>,
    /// When, as an offset from the request's start.
    pub time: Duration,
    /// How severe it is.
    pub level: Level,
    /// Where in the code it comes from.
    pub callsite: Callsite,
    /// What it says.
    pub message: Cow<'static, str>,
    /// Its fields.
    pub attributes: Vec<KeyValue>,
}

impl Log {
    /// A log at the request's start, of which only its level and message are known.
    pub fn new(level: Level, message: impl Into<Cow<'static, str>>) -> Self {
        Log {
            span: None,
            time: Duration::ZERO,
            level,
            callsite: Callsite::default(),
            message: message.into(),
            attributes: Vec::new(),
        }
    }
}

/// Severity of a [`Log`]: the six ranges that `SeverityNumber` has in the data model of OpenTelemetry's logs.
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
    /// The service cannot go on.
    Fatal,
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
            Level::Fatal => "FATAL",
        }
    }

    /// `SeverityNumber` of a log record, the lowest of the level's range.
    pub fn severity_number(self) -> u8 {
        match self {
            Level::Trace => 1,
            Level::Debug => 5,
            Level::Info => 9,
            Level::Warn => 13,
            Level::Error => 17,
            Level::Fatal => 21,
        }
    }
}
