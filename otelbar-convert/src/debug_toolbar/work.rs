//! What was done for the request.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use opentelemetry::KeyValue;

use super::json::{self, Object};
use super::losses::Losses;
use super::panels::{self, find};
use super::secrets::Secrets;
use crate::code_location::is_dependency;
use crate::panel_data::{Cache, Callsite, Entry, EntryKind, Level, Log, Parameter, Profile, Sql, Template};
use crate::redact::REDACTED;
use crate::semconv;

/// Entries and logs, each with the time of day where it is known: of an entry its start.
#[derive(Default)]
pub(super) struct Work {
    pub(super) entries: Vec<(Entry, Option<SystemTime>)>,
    pub(super) logs: Vec<(Log, Option<SystemTime>)>,
    /// Attributes of the request.
    pub(super) attributes: Vec<KeyValue>,
}

/// What is not read, and why.
const NOT_READ: [(&str, &str); 7] = [
    ("alerts", "is advice derived from the other panels"),
    ("headers", "repeats the headers of the request and the response"),
    ("staticfiles", "describes the application, not the request"),
    ("versions", "describes the application, not the request"),
    ("settings", "describes the application, not the request"),
    ("flags", "describes the application, not the request"),
    ("websocket", "describes connections, not the request"),
];

pub(super) fn read(panels: &Object<'_, '_>, secrets: &Secrets<'_>, losses: &Losses) -> Work {
    let mut work = Work::default();
    let mut panel = |name, read: &dyn Fn(&mut Work, &Object<'_, '_>)| {
        if let Some(panel) = find(panels, name).and_then(|name| panels.object(name)) {
            read(&mut work, &panel);
        }
    };
    // What is told first comes first where the times are worked out, and is the last to lie over others.
    panel("sqlalchemy", &|work, panel| work.read_queries(panel, secrets, losses));
    panel("templates", &|work, panel| work.read_renders(panel, secrets, losses));
    panel("cache", &|work, panel| work.read_cache(panel, secrets, losses));
    panel("events", &|work, panel| work.read_hooks(panel, secrets, losses));
    panel("profiling", &|work, panel| work.read_profile(panel, losses));
    panel("logging", &|work, panel| work.read_logs(panel, secrets, losses));
    panel("memory", &|work, panel| work.read_memory(panel));
    const READ: [&str; 11] = [
        "timer",
        "request",
        "response",
        "routes",
        "sqlalchemy",
        "templates",
        "cache",
        "events",
        "profiling",
        "logging",
        "memory",
    ];
    for name in panels.names() {
        let short = panels::short(name);
        if READ.contains(&&*short) {
            continue;
        }
        let reason = NOT_READ.iter().find(|(known, _)| *known == short).map(|(_, reason)| *reason);
        panels.lose(name, reason.unwrap_or("is an unknown panel"));
    }
    work
}

impl Work {
    /// When the request began, so that everything whose time of day is known lies within it; `None` where no time
    /// of day is known.
    ///
    /// A clock that was set while the request ran leaves some outside: those that are furthest from most of the others.
    pub(super) fn start_of_day(&self, duration: Duration) -> Option<SystemTime> {
        let entries = self.entries.iter().filter_map(|(entry, at)| Some(((*at)?, entry.duration)));
        let logs = self.logs.iter().filter_map(|(_, at)| Some(((*at)?, Duration::ZERO)));
        let mut known: Vec<(SystemTime, Duration)> = entries.chain(logs).collect();
        known.sort_unstable();
        let middle = known.get(known.len().checked_sub(1)? / 2)?.0;
        let is_near = |at: SystemTime| {
            let apart = at.duration_since(middle).or_else(|_| middle.duration_since(at));
            apart.is_ok_and(|apart| apart <= duration)
        };
        let near = || known.iter().filter(|(at, _)| is_near(*at));
        let first = near().map(|(at, _)| *at).min()?;
        let last = near().filter_map(|(at, duration)| at.checked_add(*duration)).max()?;
        // It began between the latest and the earliest time that leave room for all of it; half the way errs least.
        let spare = duration.saturating_sub(last.duration_since(first).unwrap_or_default());
        first.checked_sub(spare / 2)
    }

    fn read_queries(&mut self, panel: &Object<'_, '_>, secrets: &Secrets<'_>, losses: &Losses) {
        let Some(queries) = panel.list("queries") else { return };
        self.entries.reserve(queries.len());
        for query in queries.objects(losses) {
            let Some(text) = query.text("sql") else {
                query.lose_all("has no statement");
                continue;
            };
            let sql = Sql {
                system: system_name(query.text("dialect")),
                text: secrets.mask(text),
                ..Sql::default()
            };
            let mut entry = Entry::new("", duration_of(&query, "duration"), EntryKind::Sql(sql));
            read_origin(&query, &mut entry, secrets, losses);
            entry.details_mut().parameters = read_parameters(&query, secrets);
            if query.flag("executemany") == Some(true)
                && let Some(parameters) = &entry.details_mut().parameters
            {
                let count = i64::try_from(parameters.len()).unwrap_or(i64::MAX);
                // A batch of one is no batch.
                if count > 1 {
                    entry.attributes.push(KeyValue::new(semconv::DB_OPERATION_BATCH_SIZE, count));
                }
            }
            self.entries.push((entry, None));
        }
    }

    fn read_renders(&mut self, panel: &Object<'_, '_>, secrets: &Secrets<'_>, losses: &Losses) {
        let Some(renders) = panel.list("renders") else { return };
        for render in renders.objects(losses) {
            let Some(name) = render.text("template_name") else {
                render.lose_all("has no template_name");
                continue;
            };
            let template = Template { name: secrets.mask(name), size: None };
            let duration = duration_of(&render, "render_time");
            let mut entry = Entry::new("", duration, EntryKind::Template(template));
            if let Some(engine) = render.text("engine") {
                entry.attributes.push(KeyValue::new(semconv::TEMPLATE_ENGINE, engine));
            }
            self.entries.push((entry, None));
        }
    }

    fn read_cache(&mut self, panel: &Object<'_, '_>, secrets: &Secrets<'_>, losses: &Losses) {
        let Some(operations) = panel.list("operations") else { return };
        for operation in operations.objects(losses) {
            let Some(name) = operation.text("operation") else {
                operation.lose_all("has no operation");
                continue;
            };
            let cache = Cache {
                system: operation.text("backend").map_or(Cow::Borrowed("other"), Cow::Owned),
                operation: name,
                key: operation.text("key").map(|key| secrets.mask(key)),
                hit: operation.flag("hit"),
            };
            let duration = duration_of(&operation, "duration");
            // The time of day is taken when the operation has ended.
            let start = epoch(&operation, "timestamp").and_then(|end| end.checked_sub(duration));
            self.entries.push((Entry::new("", duration, EntryKind::Cache(cache)), start));
        }
    }

    fn read_hooks(&mut self, panel: &Object<'_, '_>, secrets: &Secrets<'_>, losses: &Losses) {
        for name in ["lifecycle_hooks", "request_hooks", "exception_handlers"] {
            if panel.value(name).is_some() {
                panel.lose(name, "describes the application, not the request");
            }
        }
        let Some(hooks) = panel.list("executed_hooks") else { return };
        for hook in hooks.objects(losses) {
            let handler = hook.object("handler");
            let text = |name: &str| handler.as_ref().and_then(|handler| handler.text(name));
            let Some(function) = text("qualname").or_else(|| text("name")).or_else(|| hook.text("hook_type"))
            else {
                hook.lose_all("has no handler");
                continue;
            };
            let kind = EntryKind::Profile(Profile { calls: Some(1), ..Profile::new(function) });
            let mut entry = Entry::new("", duration_of(&hook, "duration"), kind);
            entry.callsite = text("file").filter(|file| !file.is_empty()).map(|file| Callsite {
                target: text("module").unwrap_or_default().into(),
                file: Some(file.into()),
                line: handler.as_ref().and_then(|handler| handler.whole("line")).filter(|line| *line > 0),
            });
            if hook.flag("success") == Some(false) {
                let error = hook.text("error").unwrap_or_default();
                entry.error = Some(secrets.mask(error).into());
            }
            self.entries.push((entry, None));
        }
    }

    fn read_profile(&mut self, panel: &Object<'_, '_>, losses: &Losses) {
        for name in ["call_tree", "flamegraph_data"] {
            if panel.value(name).is_some() {
                panel.lose(name, "repeats the functions without their times");
            }
        }
        let Some(functions) = panel.list("top_functions") else { return };
        for function in functions.objects(losses) {
            let Some(name) = function.text("function") else {
                function.lose_all("has no function");
                continue;
            };
            let profile = Profile {
                function: name,
                calls: function.whole("calls"),
                primitive_calls: function.whole("primitive_calls"),
                self_time: function.duration("total_time"),
            };
            let duration = duration_of(&function, "cumulative_time");
            let mut entry = Entry::new("", duration, EntryKind::Profile(profile));
            // Functions that are not written in Python have `~` for a file.
            entry.callsite = function.text("filename").filter(|file| file != "~").map(|file| Callsite {
                target: Cow::Borrowed(""),
                file: Some(file.into()),
                line: function.whole("lineno").filter(|line| *line > 0),
            });
            self.entries.push((entry, None));
        }
    }

    fn read_logs(&mut self, panel: &Object<'_, '_>, secrets: &Secrets<'_>, losses: &Losses) {
        let Some(records) = panel.list("records") else { return };
        for record in records.objects(losses) {
            let name = record.text("level").unwrap_or_default();
            let mut attributes = Vec::new();
            const USUAL: [&str; 8] = ["", "NOTSET", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "FATAL"];
            if !USUAL.contains(&&*name) {
                attributes.push(KeyValue::new(semconv::LEVEL, name.clone()));
            }
            if let Some(function) = record.text("funcname") {
                attributes.push(KeyValue::new(semconv::CODE_FUNCTION_NAME, function));
            }
            let text = secrets.mask(record.text("message").unwrap_or_default());
            let has_exception =
                record.value("exc_info").is_some_and(|value| !matches!(value.get(), "false" | "\"\""));
            let parts = Message::of(&text, has_exception);
            if let Some(exception) = &parts.exception {
                attributes.push(KeyValue::new(semconv::EXCEPTION_TYPE, exception.kind.to_owned()));
                if !exception.message.is_empty() {
                    attributes.push(KeyValue::new(semconv::EXCEPTION_MESSAGE, exception.message.to_owned()));
                }
                attributes.push(KeyValue::new(semconv::EXCEPTION_STACKTRACE, exception.trace.to_owned()));
            }
            if let Some(stack) = parts.stack {
                attributes.push(KeyValue::new(semconv::CODE_STACKTRACE, stack.to_owned()));
            }
            let at = epoch(&record, "created");
            if at.is_none() && record.value("created").is_none() {
                record.lose("created", "is missing; the log is put at the request's start");
            }
            let log = Log {
                span: None,
                time: Duration::ZERO,
                level: level(record.number("level_no"), &name),
                callsite: Callsite {
                    target: record.text("name").unwrap_or_default().into(),
                    file: record.text("pathname").map(Cow::Owned),
                    line: record.whole("lineno"),
                },
                message: parts.head.to_owned().into(),
                attributes,
            };
            self.logs.push((log, at));
        }
    }

    fn read_memory(&mut self, panel: &Object<'_, '_>) {
        for (field, name) in [("peak_memory", semconv::MEMORY_PEAK), ("memory_delta", semconv::MEMORY_DELTA)]
        {
            if let Some(bytes) = panel.number(field) {
                self.attributes.push(KeyValue::new(name, bytes as i64));
            }
        }
        if panel.value("top_allocations").is_some() {
            panel.lose("top_allocations", "has no times");
        }
    }
}

/// A log's text, taken apart: what was said, the exception's traceback, and the stack that was asked for.
struct Message<'t> {
    head: &'t str,
    exception: Option<Exception<'t>>,
    stack: Option<&'t str>,
}

struct Exception<'t> {
    kind: &'t str,
    message: &'t str,
    trace: &'t str,
}

impl<'t> Message<'t> {
    fn of(text: &'t str, has_exception: bool) -> Self {
        const TRACEBACK: &str = "Traceback (most recent call last):\n";
        const STACK: &str = "\nStack (most recent call last):\n";

        let (text, stack) = match text.find(STACK) {
            Some(at) => (&text[..at], Some(&text[at + 1..])),
            None => (text, None),
        };
        let begin = match text.starts_with(TRACEBACK) {
            true => Some(0),
            false => text.find(&format!("\n{TRACEBACK}")).map(|at| at + 1),
        };
        let Some(begin) = begin.filter(|_| has_exception) else {
            return Message { head: text, exception: None, stack };
        };
        let trace = &text[begin..];
        // What was raised last stands below the last traceback, behind its frames, which are indented.
        let last = trace.rfind(TRACEBACK).map_or(0, |at| at + TRACEBACK.len());
        let mut at = last;
        for line in trace[last..].split_inclusive('\n') {
            if !line.starts_with([' ', '\t']) {
                break;
            }
            at += line.len();
        }
        let raised = trace[at..].trim_end();
        let (kind, message) = raised.split_once(": ").unwrap_or((raised.trim_end_matches(':'), ""));
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '<' | '>');
        let is_kind = !kind.is_empty() && kind.chars().all(is_name);
        let exception = is_kind.then_some(Exception { kind, message, trace });
        match exception {
            Some(_) => Message { head: text[..begin].trim_end_matches('\n'), exception, stack },
            None => Message { head: text, exception, stack },
        }
    }
}

/// A duration that has to be there; none where it is not.
fn duration_of(object: &Object<'_, '_>, name: &str) -> Duration {
    object.duration(name).unwrap_or_else(|| {
        if object.value(name).is_none() {
            object.lose(name, "is missing; the duration is taken as zero");
        }
        Duration::ZERO
    })
}

/// A time of day, in seconds since 1970.
fn epoch(object: &Object<'_, '_>, name: &str) -> Option<SystemTime> {
    let seconds = object.number(name)?;
    let since = Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|since| *since <= Duration::from_nanos(i64::MAX as u64));
    if since.is_none() {
        object.lose(name, "is not a time between 1970 and 2262");
    }
    SystemTime::UNIX_EPOCH.checked_add(since?)
}

/// `db.system.name` for SQLAlchemy's name of a dialect.
fn system_name(dialect: Option<String>) -> Cow<'static, str> {
    match dialect.as_deref() {
        None | Some("") => Cow::Borrowed("other_sql"),
        Some("mssql") => Cow::Borrowed("microsoft.sql_server"),
        Some("oracle") => Cow::Borrowed("oracle.db"),
        Some("redshift") => Cow::Borrowed("aws.redshift"),
        Some(other) => Cow::Owned(other.to_owned()),
    }
}

/// Where a query comes from: `origin_key`, or the innermost frame, of which one in the application's own code comes first.
fn read_origin(query: &Object<'_, '_>, entry: &mut Entry, secrets: &Secrets<'_>, losses: &Losses) {
    let mut place = query.text("origin_key").and_then(|key| {
        let (rest, function) = key.rsplit_once(':')?;
        let (file, line) = rest.rsplit_once(':')?;
        Some((file.to_owned(), line.parse().ok()?, function.to_owned()))
    });
    let is_foreign =
        |place: &Option<(String, u32, String)>| place.as_ref().is_none_or(|(file, ..)| is_dependency(file));
    let mut inner = None;
    let frames = query.list("stack");
    let mut trace = String::new();
    for frame in frames.iter().flat_map(|frames| frames.objects(losses)) {
        let (Some(file), Some(line)) = (frame.text("file"), frame.whole::<u32>("line")) else { continue };
        let function = frame.text("function").unwrap_or_default();
        // Writing into a string cannot fail. The format is the language's own.
        let _ = writeln!(trace, "  File \"{file}\", line {line}, in {function}");
        if let Some(code) = frame.text("code").filter(|code| !code.is_empty()) {
            let _ = writeln!(trace, "    {}", code.trim());
        }
        if !is_dependency(&file) || is_foreign(&inner) {
            inner = Some((file, line, function));
        }
    }
    if place.is_none() || (is_foreign(&place) && !is_foreign(&inner)) {
        place = inner;
    }
    if !trace.is_empty() {
        entry.details_mut().stacktrace = Some(secrets.mask(trace.trim_end().to_owned()));
    }
    if let Some((file, line, function)) = place {
        entry.callsite =
            Some(Callsite { target: Cow::Borrowed(""), file: Some(file.into()), line: Some(line) });
        entry.details_mut().function = Some(function.into());
    }
}

/// `raw_parameters`: by name, in a list, in a list called `_positional`, or one text for all.
fn read_parameters(query: &Object<'_, '_>, secrets: &Secrets<'_>) -> Option<Vec<Parameter>> {
    let value = query.value("raw_parameters")?;
    let text = |value: &serde_json::value::RawValue| {
        secrets.mask(json::text(value).unwrap_or_else(|| value.get().to_owned()))
    };
    let numbered = |values: &[&serde_json::value::RawValue]| {
        let number = |(place, value): (usize, &&serde_json::value::RawValue)| Parameter {
            name: place.to_string(),
            value: text(value),
        };
        values.iter().enumerate().map(number).collect()
    };
    match json::kind(value) {
        "an object" => {
            let object = query.object("raw_parameters")?;
            if let Some(list) = object.value("_positional").and_then(|_| object.list("_positional")) {
                return Some(numbered(list.values()));
            }
            let named = |(name, value): (&str, &serde_json::value::RawValue)| {
                let hidden = secrets.redactor.is_sensitive(name);
                Parameter::new(name, if hidden { REDACTED.to_owned() } else { text(value) })
            };
            Some(object.fields().map(named).collect())
        }
        "an array" => Some(numbered(query.list("raw_parameters")?.values())),
        _ => Some(numbered(&[value])),
    }
}

/// The level of Python's number, or of its name where there is no number.
fn level(number: Option<f64>, name: &str) -> Level {
    let number = number.unwrap_or(match name {
        "DEBUG" => 10.0,
        "WARNING" | "WARN" => 30.0,
        "ERROR" => 40.0,
        "CRITICAL" | "FATAL" => 50.0,
        _ => 20.0,
    });
    match number {
        number if number < 10.0 => Level::Trace,
        number if number < 20.0 => Level::Debug,
        number if number < 30.0 => Level::Info,
        number if number < 40.0 => Level::Warn,
        number if number < 50.0 => Level::Error,
        _ => Level::Fatal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_taken_apart() {
        #[track_caller]
        fn check(text: &str, has_exception: bool, expected: (&str, Option<(&str, &str)>, bool)) {
            let message = Message::of(text, has_exception);
            let exception = message.exception.map(|exception| (exception.kind, exception.message));
            assert_eq!((message.head, exception, message.stack.is_some()), expected);
        }
        const TRACE: &str = "Traceback (most recent call last):\n  File \"a\", line 1\n    f()\n";
        check("said", false, ("said", None, false));
        check("said", true, ("said", None, false));
        check(
            &format!("said\n{TRACE}ValueError: bad: 7"),
            true,
            ("said", Some(("ValueError", "bad: 7")), false),
        );
        let quoted = format!("said\n{TRACE}ValueError: bad");
        check(&quoted, false, (&quoted, None, false));
        check(&format!("{TRACE}a.b.Stop"), true, ("", Some(("a.b.Stop", "")), false));
        check(
            &format!("said\n{TRACE}KeyError: 1\n\nDuring handling …:\n\n{TRACE}app.Lost: two\nlines"),
            true,
            ("said", Some(("app.Lost", "two\nlines")), false),
        );
        check(
            &format!("said\n{TRACE}KeyError: 1\nStack (most recent call last):\n  File \"b\""),
            true,
            ("said", Some(("KeyError", "1")), true),
        );
        check("said\nStack (most recent call last):\n  File \"b\"", false, ("said", None, true));
        let cut = format!("said\n{TRACE}");
        check(&cut, true, (&cut, None, false));
    }

    #[test]
    fn levels_between_the_usual_ones_are_the_lower_one() {
        #[track_caller]
        fn check(number: Option<f64>, name: &str, expected: Level) {
            assert_eq!(level(number, name), expected);
        }
        check(Some(5.0), "FINE", Level::Trace);
        check(Some(10.0), "DEBUG", Level::Debug);
        check(Some(25.0), "NOTICE", Level::Info);
        check(Some(30.0), "WARNING", Level::Warn);
        check(Some(49.0), "ALERT", Level::Error);
        check(Some(50.0), "CRITICAL", Level::Fatal);
        check(None, "WARNING", Level::Warn);
        check(None, "DEBUG", Level::Debug);
        check(None, "ERROR", Level::Error);
        check(None, "CRITICAL", Level::Fatal);
        check(None, "", Level::Info);
    }
}
