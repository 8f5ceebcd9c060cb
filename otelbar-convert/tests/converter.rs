//! Panel data becomes one tree of spans, whatever is in it.

mod common;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use common::*;
use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanId, SpanKind, Status};
use otelbar_convert::panel_data::{
    Cache, Callsite, Entry, EntryKind, HttpCall, Level, Parameter, Profile, Request, Template, Times,
};
use otelbar_convert::redact::Redactor;
use otelbar_convert::{Converted, PanelDataConverter};
use otelbar_testkit::{SpanTree, assert_tree};
use proptest::prelude::*;

#[test]
fn each_kind_of_entry_is_a_span_under_its_parent() {
    let mut data = data(get("/books/{id}"));
    let outer = SpanId::from(7);
    data.entries.push(with(entry("handler", 50), |it| it.id = Some(outer)));
    data.entries.push(with(query("SELECT * FROM books WHERE id = 7"), |it| it.parent = Some(outer)));
    let template = with(Template::new("book.html"), |it| it.size = Some(10));
    data.entries.push(Entry::new("", Duration::ZERO, EntryKind::Template(template)));
    let cache = with(Cache::new("redis", "GET"), |it| {
        it.key = Some("book:7".into());
        it.hit = Some(true);
    });
    data.entries.push(Entry::new("", Duration::ZERO, EntryKind::Cache(cache)));
    let call = with(HttpCall::new("GET", "http://stock/7"), |it| it.status = Some(200));
    data.entries.push(Entry::new("", Duration::ZERO, EntryKind::HttpCall(call)));
    data.logs.push(log("loaded", Some(outer), Level::Info));
    data.logs.push(log("begun", None, Level::Debug));

    let spans: Vec<_> = convert(&data).spans.into_iter().map(|span| span.data).collect();
    assert_tree(
        SpanTree::of(&spans).without_attributes(),
        "
        GET /books/{id} [server]
          * begun
          handler [internal]
            * loaded
            SELECT books [client]
          GET [client]
          GET [client]
          render book.html [internal]
        ",
    );
}

/// The root of a request, as `name | status | error.type`.
#[track_caller]
fn check_root(request: Request, expected: &str) {
    let converted = convert(&data(request));
    let root = &converted.spans[0];
    let status = match &root.data.status {
        Status::Error { .. } => "error",
        _ => "unset",
    };
    assert_eq!(format!("{} | {status} | {}", root.data.name, text(root, "error.type")), expected);
}

#[test]
fn the_root_follows_the_conventions_of_http_servers() {
    check_root(get("/a/{b}"), "GET /a/{b} | unset | ");
    check_root(
        with(get(""), |it| {
            it.route = None;
            it.path = "/secret/7".into();
        }),
        "GET | unset | ",
    );
    check_root(with(get("/a"), |it| it.method = "get".into()), "HTTP /a | unset | ");
    check_root(
        with(get(""), |it| {
            it.method = "BREW".into();
            it.route = None;
        }),
        "HTTP | unset | ",
    );
    check_root(with(get("/a"), |it| it.method = "QUERY".into()), "QUERY /a | unset | ");
    check_root(with(get("/a"), |it| it.status = Some(404)), "GET /a | unset | ");
    check_root(with(get("/a"), |it| it.status = Some(503)), "GET /a | error | 503");
    check_root(
        with(get("/a"), |it| {
            it.failure = Some("cancelled".into());
            it.status = None;
        }),
        "GET /a | error | cancelled",
    );
    let converted = convert(&data(with(get("/a"), |it| it.method = "BREW".into())));
    assert_eq!(text(&converted.spans[0], "http.request.method"), "_OTHER");
    assert_eq!(text(&converted.spans[0], "http.request.method_original"), "BREW");
}

#[test]
fn a_call_that_came_to_an_error_is_one() {
    let call = |status, failure: Option<&'static str>| {
        let mut data = data(get("/"));
        let call = with(HttpCall::default(), |it| {
            it.method = "GET".into();
            it.status = status;
            it.failure = failure.map(Into::into);
        });
        data.entries.push(Entry::new("", Duration::ZERO, EntryKind::HttpCall(call)));
        let span = convert(&data).spans.remove(1);
        (matches!(span.data.status, Status::Error { .. }), text(&span, "error.type"))
    };
    assert_eq!(call(Some(302), None), (false, String::new()));
    assert_eq!(call(Some(404), None), (true, "404".into()));
    assert_eq!(call(None, Some("timeout")), (true, "timeout".into()));
}

#[test]
fn what_cannot_be_taken_as_it_is_is_reported() {
    let mut data = data(get("/"));
    let (a, b) = (SpanId::from(7), SpanId::from(8));
    data.entries.push(with(entry("a", 1), |it| {
        it.id = Some(a);
        it.parent = Some(b);
    }));
    data.entries.push(with(entry("b", 1), |it| {
        it.id = Some(b);
        it.parent = Some(a);
    }));
    data.entries.push(with(entry("a again", 1), |it| it.id = Some(a)));
    data.entries.push(with(entry("the root again", 1), |it| it.id = Some(ROOT)));
    data.entries.push(with(entry("orphan", 1), |it| it.parent = Some(SpanId::from(99))));
    data.logs.push(log("lost", Some(SpanId::from(98)), Level::Info));

    let Converted { spans, report, .. } = convert(&data);
    assert_eq!(spans.len(), 6);
    assert_eq!((report.duplicate_ids, report.unknown_parents, report.cycles), (2, 2, 1));
    assert_eq!(spans[0].data.events.events[0].name, "lost");
}

#[test]
fn attributes_are_there_once_and_without_secrets() {
    let mut data = data(get("/"));
    let attributes = vec![
        KeyValue::new("a", 1),
        KeyValue::new("password", "hunter2"),
        KeyValue::new("a", 2),
        KeyValue::new("user_password", 7),
    ];
    data.entries.push(with(at(entry("login", 0), 0, 1), |it| it.attributes = attributes));
    let converter = PanelDataConverter::default().with_redactor(Redactor::new(["password"], [""; 0]));
    let converted = converter.convert(&data);
    let expected = [
        KeyValue::new("a", 1),
        KeyValue::new("password", "REDACTED"),
        KeyValue::new("user_password", "REDACTED"),
    ];
    assert_eq!(converted.spans[1].data.attributes, expected);
    assert_eq!(converted.report.duplicate_attributes, 1);
}

#[test]
fn many_attributes_are_there_once_too() {
    let mut data = data(get("/"));
    let attribute = |i: i64| KeyValue::new(format!("a{}", i % 1000), i);
    data.entries.push(with(entry("work", 1), |it| it.attributes = (0..2000).map(attribute).collect()));
    let converted = convert(&data);
    assert_eq!(converted.report.duplicate_attributes, 1000);
    assert_eq!(text(&converted.spans[1], "a999"), "999");
}

#[test]
fn a_redactor_hides_attributes_of_the_conventions_as_well() {
    let converter = PanelDataConverter::default().with_redactor(Redactor::new(["address"], [""; 0]));
    let request = with(get("/"), |it| it.peer_address = Some("192.0.2.7".into()));
    let span = converter.convert(&data(request)).spans.remove(0);
    assert_eq!(text(&span, "client.address"), "REDACTED");
    assert_eq!(text(&span, "network.peer.address"), "REDACTED");
}

#[test]
fn parameters_of_queries_are_shown_on_demand() {
    let mut data = data(get("/"));
    let mut login = query("SELECT * FROM users WHERE name = ? AND password = :password");
    login.details_mut().parameters =
        Some(vec![Parameter::new("0", "ada"), Parameter::new("password", "hunter2")]);
    data.entries.push(login);
    assert_eq!(text(&convert(&data).spans[1], "db.query.parameter.0"), "");
    let converter = PanelDataConverter::default()
        .with_sql_parameters(true)
        .with_redactor(Redactor::new(["password"], [""; 0]));
    let span = converter.convert(&data).spans.remove(1);
    assert_eq!(text(&span, "db.query.parameter.0"), "ada");
    assert_eq!(text(&span, "db.query.parameter.password"), "REDACTED");
}

#[test]
fn where_in_the_code_something_comes_from_is_told() {
    let mut data = data(get("/"));
    let source = Callsite::new("shop").with_place("src/shop.rs", 87);
    let mut query = with(query("SELECT * FROM books"), |it| it.callsite = Some(source));
    query.details_mut().function = Some("author_row".into());
    query.details_mut().stacktrace = Some("author_row\nauthors".into());
    data.entries.push(query);
    let span = convert(&data).spans.remove(1);
    let told =
        ["otelbar.target", "code.file.path", "code.line.number", "code.function.name", "code.stacktrace"]
            .map(|key| text(&span, key));
    assert_eq!(told, ["shop", "src/shop.rs", "87", "author_row", "author_row\nauthors"]);
}

#[test]
fn a_profiled_function_is_an_internal_span() {
    let mut data = data(get("/"));
    let mut profile = Profile::new("fib");
    profile.calls = Some(1973);
    profile.primitive_calls = Some(1);
    profile.self_time = Some(ms(5));
    data.entries.push(Entry::new("", ms(6), EntryKind::Profile(profile)));
    let span = convert(&data).spans.remove(1);
    assert_eq!(
        (&*span.data.name, span.category.as_str(), &span.data.span_kind),
        ("fib", "profile", &SpanKind::Internal)
    );
    let told = [
        "code.function.name",
        "otelbar.profile.calls",
        "otelbar.profile.primitive_calls",
        "otelbar.profile.self_time",
    ]
    .map(|key| text(&span, key));
    assert_eq!(told, ["fib", "1973", "1", "0.005"]);
}

/// Category and status of a span of the application, by its attributes.
#[track_caller]
fn check_span(kind: SpanKind, attributes: &[(&'static str, &'static str)], expected: &str) {
    let mut data = data(get("/"));
    let mut span = Entry::new("work", ms(1), EntryKind::Span(kind));
    span.attributes = attributes.iter().map(|(key, value)| KeyValue::new(*key, *value)).collect();
    data.entries.push(span);
    let span = convert(&data).spans.remove(1);
    let repeats = if span.shape.is_some() { " that can repeat" } else { "" };
    assert_eq!(format!("{}{repeats}", span.category.as_str()), expected);
}

#[test]
fn spans_of_instrumentation_are_known_by_their_attributes() {
    check_span(SpanKind::Internal, &[("a", "b")], "span");
    check_span(SpanKind::Client, &[("db.query.text", "SELECT 1 FROM a")], "sql that can repeat");
    check_span(SpanKind::Internal, &[("db.statement", "SELECT 1 FROM a")], "sql that can repeat");
    check_span(SpanKind::Client, &[("db.system.name", "postgresql")], "sql");
    check_span(SpanKind::Internal, &[("db.system.name", "postgresql")], "span");
    let redis = [("db.system.name", "redis"), ("db.query.text", "GET a:1")];
    check_span(SpanKind::Client, &redis, "cache that can repeat");
    let documents = [("db.system", "mongodb"), ("db.statement", "{}")];
    check_span(SpanKind::Client, &documents, "sql that can repeat");
    let query = [("db.query.text", "SELECT 1 FROM a"), ("db.system.name", "sqlite")];
    check_span(SpanKind::Client, &query, "sql that can repeat");
    check_span(
        SpanKind::Client,
        &[("db.statement", "SELECT 1"), ("db.system", "mysql")],
        "sql that can repeat",
    );
    check_span(SpanKind::Client, &[("http.request.method", "GET")], "http");
    check_span(
        SpanKind::Client,
        &[("http.method", "GET"), ("http.url", "http://a/b")],
        "http that can repeat",
    );
    check_span(SpanKind::Server, &[("http.request.method", "GET")], "span");
    check_span(SpanKind::Internal, &[("otelbar.template.name", "a.html")], "template");
}

/// The event of a log, as `name | its attributes`, and the status of the span it was logged in.
#[track_caller]
fn check_event(level: Level, attributes: &[(&'static str, &'static str)], expected: &str) {
    let mut data = data(get("/"));
    data.entries.push(with(entry("work", 1), |it| it.id = Some(SpanId::from(7))));
    let mut log = log("it broke", Some(SpanId::from(7)), level);
    log.attributes = attributes.iter().map(|(key, value)| KeyValue::new(*key, *value)).collect();
    data.logs.push(log);
    let span = convert(&data).spans.remove(1).data;
    let event = &span.events.events[0];
    let attributes: Vec<_> = event.attributes.iter().map(|a| format!("{}={}", a.key, a.value)).collect();
    let status = match &span.status {
        Status::Error { description } => format!("error: {description}"),
        _ => "unset".to_owned(),
    };
    assert_eq!(format!("{} | {} | {status}", event.name, attributes.join(" ")), expected);
}

#[test]
fn a_log_is_an_event_and_one_with_an_error_an_exception() {
    check_event(Level::Info, &[("a", "1")], "it broke | otelbar.log.level=INFO a=1 | unset");
    check_event(Level::Error, &[("a", "1")], "it broke | otelbar.log.level=ERROR a=1 | unset");
    check_event(
        Level::Info,
        &[("otelbar.log.level", "NOTICE")],
        "it broke | otelbar.log.severity_number=9 otelbar.log.level=NOTICE | unset",
    );
    // A field of that name is the application's own.
    check_event(Level::Info, &[("level", "7")], "it broke | otelbar.log.level=INFO level=7 | unset");
    check_event(Level::Warn, &[("error", "lost")], "it broke | otelbar.log.level=WARN error=lost | unset");
    check_event(
        Level::Error,
        &[("error", "lost")],
        "exception | otelbar.log.level=ERROR exception.message=lost otelbar.log.message=it broke error=lost | error: lost",
    );
    check_event(
        Level::Warn,
        &[("exception.type", "Lost")],
        "exception | otelbar.log.level=WARN otelbar.log.message=it broke exception.type=Lost | unset",
    );
    check_event(
        Level::Fatal,
        &[("exception.message", "lost")],
        "exception | otelbar.log.level=FATAL otelbar.log.message=it broke exception.message=lost | error: lost",
    );
}

#[test]
fn the_same_data_gives_the_same_ids() {
    let mut data = data(get("/"));
    data.entries.extend((0..100).map(|_| query("SELECT 1")));
    let ids = || convert(&data).spans.iter().map(|span| span.data.span_context.span_id()).collect::<Vec<_>>();
    assert_eq!(ids(), ids());
    assert_eq!(ids().into_iter().collect::<HashSet<_>>().len(), 101);
}

/// Any entry: known or missing ids, parents and starts, absurd durations.
fn any_entry() -> impl Strategy<Value = Entry> {
    let id = || proptest::option::of((0_u64..12).prop_map(SpanId::from));
    let offset = || prop_oneof![8 => (0_u64..200).prop_map(Duration::from_millis), 1 => Just(Duration::MAX), 1 => Just(ms(u64::MAX))];
    (id(), id(), proptest::option::of(offset()), offset(), 0..5, ".{0,20}").prop_map(
        |(id, parent, start, duration, kind, text)| {
            let entry = match kind {
                0 => query(&text),
                1 => call(&text),
                2 => cache("GET", &text),
                3 => Entry::new("", Duration::ZERO, EntryKind::Profile(Profile::new(text))),
                _ => entry("work", 0),
            };
            with(entry, |it| {
                it.id = id;
                it.parent = parent;
                it.start = start;
                it.duration = duration;
            })
        },
    )
}

proptest! {
    #[test]
    fn any_data_gives_a_tree_with_one_root(
        entries in proptest::collection::vec(any_entry(), 0..40),
        spans_of_logs in proptest::collection::vec(0_u64..14, 0..10),
        reported in any::<bool>(),
        duration in prop_oneof![Just(Duration::ZERO), Just(ms(100)), Just(Duration::MAX)],
    ) {
        let mut data = request_of(duration, get("/"));
        let (count, logs) = (entries.len(), spans_of_logs.len());
        data.times = if reported { Times::Reported } else { Times::Measured };
        data.entries = entries;
        data.logs.extend(spans_of_logs.into_iter().map(|id| log("said", Some(SpanId::from(id)), Level::Info)));
        let converted = convert(&data);

        prop_assert_eq!(converted.spans.len(), count + 1);
        let mut place = HashMap::new();
        for (i, span) in converted.spans.iter().enumerate() {
            let (start, end) = (span.data.start_time, span.data.end_time);
            prop_assert!(start <= end);
            prop_assert!(place.insert(span.data.span_context.span_id(), i).is_none(), "ids are unique");
            if i > 0 {
                let parent = place.get(&span.data.parent_span_id).copied();
                prop_assert!(parent.is_some_and(|parent| parent < i), "parents come first, so there is no cycle");
                // What was measured is truth, and may leave its parent.
                if reported || span.synthesised {
                    let parent = &converted.spans[parent.unwrap()].data;
                    prop_assert!(parent.start_time <= start && end <= parent.end_time, "children lie inside");
                }
            }
        }
        prop_assert_eq!(converted.spans[0].data.parent_span_id, SpanId::INVALID);
        let events: usize = converted.spans.iter().map(|span| span.data.events.events.len()).sum();
        prop_assert_eq!(events, logs);
    }
}
