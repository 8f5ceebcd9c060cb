//! Panel data becomes one tree of spans, whatever is in it.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{KeyValue, Value};
use otelbar_convert::panel_data::{
    Cache, Entry, EntryKind, HttpCall, Level, Log, PanelData, Request, Source, Sql, Template, Timer,
};
use otelbar_convert::redact::Redactor;
use otelbar_convert::{Converted, ConvertedSpan, PanelDataConverter};
use otelbar_testkit::{SpanTree, assert_tree};
use proptest::prelude::*;

const ROOT: SpanId = SpanId::from_bytes([0, 0, 0, 0, 0, 0, 0, 1]);

fn data(request: Request) -> PanelData {
    let context = SpanContext::new(TraceId::from(1), ROOT, TraceFlags::SAMPLED, false, TraceState::default());
    PanelData::new(context, Timer::new(SystemTime::UNIX_EPOCH, Duration::from_millis(100)), request)
}

fn get(route: &str) -> Request {
    Request {
        method: "GET".into(),
        route: Some(route.into()),
        path: "/".into(),
        status: Some(200),
        ..Default::default()
    }
}

fn entry(name: &'static str, milliseconds: u64) -> Entry {
    Entry::new(name, Duration::from_millis(milliseconds), EntryKind::Span(SpanKind::Internal))
}

fn query(text: &str) -> Entry {
    let sql = Sql { system: "sqlite".into(), text: text.into(), ..Default::default() };
    Entry::new("", Duration::from_millis(1), EntryKind::Sql(sql))
}

fn log(message: &'static str, span: Option<SpanId>, level: Level) -> Log {
    Log {
        span,
        time: Duration::ZERO,
        level,
        source: Source::default(),
        message: message.into(),
        attributes: vec![],
    }
}

fn convert(data: &PanelData) -> Converted {
    PanelDataConverter::default().convert(data)
}

fn text(span: &ConvertedSpan, key: &str) -> String {
    span.attribute(key).map(Value::to_string).unwrap_or_default()
}

#[test]
fn each_kind_of_entry_is_a_span_under_its_parent() {
    let mut data = data(get("/books/{id}"));
    let outer = SpanId::from(7);
    data.entries.push(Entry { id: Some(outer), ..entry("handler", 50) });
    data.entries.push(Entry { parent: Some(outer), ..query("SELECT * FROM books WHERE id = 7") });
    let template = Template { name: "book.html".into(), size: Some(10) };
    data.entries.push(Entry::new("", Duration::ZERO, EntryKind::Template(template)));
    let cache = Cache {
        system: "redis".into(),
        operation: "GET".into(),
        key: Some("book:7".into()),
        hit: Some(true),
    };
    data.entries.push(Entry::new("", Duration::ZERO, EntryKind::Cache(cache)));
    let call = HttpCall {
        method: "GET".into(),
        url: "http://stock/7".into(),
        status: Some(200),
        ..Default::default()
    };
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
    check_root(Request { route: None, path: "/secret/7".into(), ..get("") }, "GET | unset | ");
    check_root(Request { method: "get".into(), ..get("/a") }, "HTTP /a | unset | ");
    check_root(Request { method: "BREW".into(), route: None, ..get("") }, "HTTP | unset | ");
    check_root(Request { status: Some(404), ..get("/a") }, "GET /a | unset | ");
    check_root(Request { status: Some(503), ..get("/a") }, "GET /a | error | 503");
    check_root(
        Request { failure: Some("cancelled".into()), status: None, ..get("/a") },
        "GET /a | error | cancelled",
    );
    let converted = convert(&data(Request { method: "BREW".into(), ..get("/a") }));
    assert_eq!(text(&converted.spans[0], "http.request.method"), "_OTHER");
    assert_eq!(text(&converted.spans[0], "http.request.method_original"), "BREW");
}

#[test]
fn a_call_that_came_to_an_error_is_one() {
    let call = |status, failure: Option<&'static str>| {
        let mut data = data(get("/"));
        let call =
            HttpCall { method: "GET".into(), status, failure: failure.map(Into::into), ..Default::default() };
        data.entries.push(Entry::new("", Duration::ZERO, EntryKind::HttpCall(call)));
        let span = convert(&data).spans.remove(1);
        (matches!(span.data.status, Status::Error { .. }), text(&span, "error.type"))
    };
    assert_eq!(call(Some(302), None), (false, String::new()));
    assert_eq!(call(Some(404), None), (true, "404".into()));
    assert_eq!(call(None, Some("timeout")), (true, "timeout".into()));
}

#[test]
fn missing_times_are_worked_out_inside_the_parent_and_marked() {
    let mut data = data(get("/"));
    let outer = SpanId::from(7);
    data.entries.push(Entry {
        id: Some(outer),
        start: Some(Duration::from_millis(20)),
        ..entry("outer", 30)
    });
    data.entries.push(Entry { parent: Some(outer), ..entry("a", 10) });
    data.entries.push(Entry { parent: Some(outer), ..entry("b", 10) });
    data.entries.push(Entry { parent: Some(outer), ..entry("too long", 25) });

    let converted = convert(&data);
    let since = |instant: SystemTime| instant.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    let times: Vec<_> = converted
        .spans
        .iter()
        .map(|span| {
            (&*span.data.name, since(span.data.start_time), since(span.data.end_time), span.synthesised)
        })
        .collect();
    assert_eq!(
        times,
        [
            ("GET /", 0, 100, false),
            ("outer", 20, 50, false),
            ("a", 20, 30, true),
            // It fits, but only over the others.
            ("too long", 25, 50, true),
            ("b", 30, 40, true),
        ]
    );
    assert_eq!(text(&converted.spans[2], "otelbar.synthesised"), "true");
    assert_eq!(converted.report.synthesised, 3);
}

#[test]
fn what_cannot_be_taken_as_it_is_is_reported() {
    let mut data = data(get("/"));
    let (a, b) = (SpanId::from(7), SpanId::from(8));
    data.entries.push(Entry { id: Some(a), parent: Some(b), ..entry("a", 1) });
    data.entries.push(Entry { id: Some(b), parent: Some(a), ..entry("b", 1) });
    data.entries.push(Entry { id: Some(a), ..entry("a again", 1) });
    data.entries.push(Entry { id: Some(ROOT), ..entry("the root again", 1) });
    data.entries.push(Entry { parent: Some(SpanId::from(99)), ..entry("orphan", 1) });
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
    data.entries.push(Entry { attributes, ..entry("login", 1) });
    let converter = PanelDataConverter::default().with_redactor(Redactor::new(["password"], [""; 0]));
    let span = converter.convert(&data).spans.remove(1);
    let expected = [
        KeyValue::new("a", 1),
        KeyValue::new("password", "REDACTED"),
        KeyValue::new("user_password", "REDACTED"),
    ];
    assert_eq!(span.data.attributes[..3], expected);
}

#[test]
fn the_same_data_gives_the_same_ids() {
    let mut data = data(get("/"));
    data.entries.extend((0..100).map(|_| query("SELECT 1")));
    let ids = || convert(&data).spans.iter().map(|span| span.data.span_context.span_id()).collect::<Vec<_>>();
    assert_eq!(ids(), ids());
    assert_eq!(ids().into_iter().collect::<HashSet<_>>().len(), 101);
}

/// The findings of a request with these queries, as `severity title`.
#[track_caller]
fn check_findings(entries: Vec<Entry>, expected: &[&str]) {
    let mut data = data(get("/"));
    data.entries = entries;
    let findings = convert(&data).findings;
    let shown: Vec<_> = findings.iter().map(|f| format!("{} {}", f.severity.as_str(), f.title)).collect();
    assert_eq!(shown, expected);
}

#[test]
fn the_same_query_over_and_over_is_found() {
    let by_id = |count: u32| {
        (0..count).map(|id| query(&format!("SELECT * FROM books WHERE author = {id}"))).collect()
    };
    check_findings(by_id(4), &[]);
    check_findings(by_id(5), &["warning 5 × SELECT books under one parent"]);
    check_findings(by_id(50), &["critical 50 × SELECT books under one parent"]);
    let tables = (0..9).map(|table| query(&format!("SELECT * FROM t{table}"))).collect();
    check_findings(tables, &[]);
    let parents = (0..9).flat_map(|n| {
        let id = SpanId::from(100 + n);
        [
            Entry { id: Some(id), ..entry("task", 1) },
            Entry { parent: Some(id), ..query("SELECT * FROM books") },
        ]
    });
    check_findings(parents.collect(), &[]);
    let call = |n: u32| {
        let call = HttpCall {
            method: "GET".into(),
            url: format!("http://stock/items/{n}?x={n}"),
            ..Default::default()
        };
        Entry::new("", Duration::ZERO, EntryKind::HttpCall(call))
    };
    check_findings((0..6).map(call).collect(), &["warning 6 × GET under one parent"]);
}

#[test]
fn a_slow_query_is_found() {
    let slow = Entry { duration: Duration::from_millis(166), ..query("SELECT * FROM readers") };
    check_findings(vec![slow], &["warning SELECT readers took 166.0 ms"]);
}

#[test]
fn a_slow_span_is_found_where_nothing_below_explains_it() {
    let outer = SpanId::from(7);
    let second = Duration::from_secs(1);
    let wait = Entry {
        id: Some(outer),
        busy: Some(Duration::from_millis(1)),
        duration: second * 2,
        ..entry("wait", 0)
    };
    check_findings(vec![wait.clone()], &["warning wait took 2000.0 ms"]);
    let inner = Entry { parent: Some(outer), duration: second, ..entry("lock", 0) };
    check_findings(vec![wait.clone(), inner], &["warning lock took 1000.0 ms"]);
    let slow = Entry { parent: Some(outer), duration: second, ..query("SELECT * FROM readers") };
    check_findings(vec![wait, slow], &["warning SELECT readers took 1000.0 ms"]);
}

/// Any entry: known or missing ids, parents and starts, absurd durations.
fn any_entry() -> impl Strategy<Value = Entry> {
    let id = || proptest::option::of((0_u64..12).prop_map(SpanId::from));
    let offset = || prop_oneof![0_u64..200, Just(u64::MAX)].prop_map(Duration::from_millis);
    (id(), id(), proptest::option::of(offset()), offset(), any::<bool>(), ".{0,20}").prop_map(
        |(id, parent, start, duration, sql, text)| {
            let entry = if sql { query(&text) } else { entry("work", 0) };
            Entry { id, parent, start, duration, ..entry }
        },
    )
}

proptest! {
    #[test]
    fn any_data_gives_a_tree_with_one_root(
        entries in proptest::collection::vec(any_entry(), 0..40),
        spans_of_logs in proptest::collection::vec(0_u64..14, 0..10),
    ) {
        let mut data = data(get("/"));
        let (count, logs) = (entries.len(), spans_of_logs.len());
        data.entries = entries;
        data.logs.extend(spans_of_logs.into_iter().map(|id| log("said", Some(SpanId::from(id)), Level::Info)));
        let converted = convert(&data);

        prop_assert_eq!(converted.spans.len(), count + 1);
        let mut place = HashMap::new();
        for (i, span) in converted.spans.iter().enumerate() {
            prop_assert!(span.data.start_time <= span.data.end_time);
            prop_assert!(place.insert(span.data.span_context.span_id(), i).is_none(), "ids are unique");
            if i > 0 {
                let parent = place.get(&span.data.parent_span_id);
                prop_assert!(parent.is_some_and(|parent| *parent < i), "parents come first, so there is no cycle");
            }
        }
        prop_assert_eq!(converted.spans[0].data.parent_span_id, SpanId::INVALID);
        let events: usize = converted.spans.iter().map(|span| span.data.events.events.len()).sum();
        prop_assert_eq!(events, logs);
    }

    #[test]
    fn what_is_worked_out_lies_inside_the_request(durations in proptest::collection::vec(0_u64..50, 0..20)) {
        let mut data = data(get("/"));
        data.entries = durations.into_iter().map(|milliseconds| entry("work", milliseconds)).collect();
        let converted = convert(&data);
        let root = &converted.spans[0].data;
        for span in &converted.spans[1..] {
            prop_assert!(root.start_time <= span.data.start_time && span.data.end_time <= root.end_time);
        }
    }
}
