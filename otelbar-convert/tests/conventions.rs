//! Attributes go by the names asked for, and within the limits asked for.

mod common;

use common::*;
use opentelemetry::{Array, KeyValue, StringValue, Value};
use otelbar_convert::panel_data::{Entry, EntryKind, HttpCall, Level, Request, Sql};
use otelbar_convert::{Conventions, Names, PanelDataConverter, SpanLimits};

/// The attributes of the span that is made of a request or its one entry, sorted.
fn attributes(conventions: Conventions, request: &Request, entry: Option<&Entry>) -> Vec<String> {
    let mut data = data(request.clone());
    data.entries.extend(entry.cloned());
    let converter = PanelDataConverter::default().with_conventions(conventions);
    let span = converter.convert(&data).spans.pop().unwrap();
    let mut attributes: Vec<_> =
        span.data.attributes.iter().map(|a| format!("{}={}", a.key, a.value)).collect();
    attributes.retain(|attribute| !attribute.starts_with("otelbar."));
    attributes.sort();
    attributes
}

#[track_caller]
fn check(names: Names, request: &Request, entry: Option<&Entry>, expected: &[&str]) {
    let conventions = Conventions::default().with_http(names).with_database(names);
    assert_eq!(attributes(conventions, request, entry), expected);
}

fn request() -> Request {
    with(get("/books"), |it| {
        it.scheme = "https".into();
        it.path = "/books".into();
        it.query = Some("page=2".into());
        it.protocol_version = Some("1.1");
        it.server_address = Some("shop".into());
        it.server_port = Some(443);
        it.peer_address = Some("192.0.2.7".into());
        it.peer_port = Some(5000);
        it.user_agent = Some("curl".into());
        it.response_size = Some(80);
    })
}

#[test]
fn a_server_span_has_the_names_chosen() {
    let stable = [
        "client.address=192.0.2.7",
        "http.request.method=GET",
        "http.response.body.size=80",
        "http.response.status_code=200",
        "http.route=/books",
        "network.peer.address=192.0.2.7",
        "network.peer.port=5000",
        "network.protocol.version=1.1",
        "server.address=shop",
        "server.port=443",
        "url.path=/books",
        "url.query=page=2",
        "url.scheme=https",
        "user_agent.original=curl",
    ];
    let old = [
        "http.client_ip=192.0.2.7",
        "http.method=GET",
        "http.response_content_length=80",
        "http.route=/books",
        "http.scheme=https",
        "http.status_code=200",
        "http.target=/books?page=2",
        "http.user_agent=curl",
        "net.host.name=shop",
        "net.host.port=443",
        "net.protocol.version=1.1",
        "net.sock.peer.addr=192.0.2.7",
        "net.sock.peer.port=5000",
    ];
    let mut both: Vec<&str> = stable.into_iter().chain(old).collect();
    both.sort_unstable();
    both.dedup();
    check(Names::Stable, &request(), None, &stable);
    check(Names::Old, &request(), None, &old);
    check(Names::Both, &request(), None, &both);
}

#[test]
fn an_unknown_method_was_told_as_it_is() {
    let request = Request::new("BREW", "/a");
    check(Names::Old, &request, None, &["http.method=BREW", "http.scheme=http", "http.target=/a"]);
}

#[test]
fn a_client_span_has_the_names_chosen() {
    let call = with(HttpCall::new("GET", "http://stock/7"), |it| {
        it.server_address = Some("stock".into());
        it.server_port = Some(80);
        it.status = Some(200);
    });
    let call = at(Entry::new("", ms(1), EntryKind::HttpCall(call)), 0, 1);
    let old = [
        "http.method=GET",
        "http.status_code=200",
        "http.url=http://stock/7",
        "net.peer.name=stock",
        "net.peer.port=80",
    ];
    check(Names::Old, &request(), Some(&call), &old);
}

#[test]
fn a_database_span_has_the_names_chosen() {
    let sql = with(Sql::new("microsoft.sql_server", "SELECT * FROM books WHERE id = 7"), |it| {
        it.namespace = Some("shop".into())
    });
    let query = at(Entry::new("", ms(1), EntryKind::Sql(sql.clone())), 0, 1);
    let old = [
        "db.name=shop",
        "db.operation=SELECT",
        "db.query.summary=SELECT books",
        "db.sql.table=books",
        "db.statement=SELECT * FROM books WHERE id = ?",
        "db.system=mssql",
    ];
    check(Names::Old, &request(), Some(&query), &old);
    let oracle = with(sql, |it| it.system = "oracle.db".into());
    let query = at(Entry::new("", ms(1), EntryKind::Sql(oracle)), 0, 1);
    let both = attributes(Conventions::default().with_database(Names::Both), &request(), Some(&query));
    assert!(
        both.contains(&"db.system=oracle".to_owned())
            && both.contains(&"db.system.name=oracle.db".to_owned())
    );
    // Those of HTTP are chosen by themselves.
    let http = attributes(Conventions::default().with_http(Names::Old), &request(), Some(&query));
    assert!(http.contains(&"db.system.name=oracle.db".to_owned()));
}

#[test]
fn other_spans_and_names_that_are_there_already_stay() {
    let mut work = at(entry("work", 0), 0, 1);
    work.attributes.push(KeyValue::new("a", 1));
    check(Names::Old, &request(), Some(&work), &["a=1"]);
    let mut instrumented = at(call("http://a/b"), 0, 1);
    instrumented.attributes.push(KeyValue::new("http.url", "http://mine"));
    let both = attributes(Conventions::default().with_http(Names::Both), &request(), Some(&instrumented));
    assert!(both.contains(&"http.url=http://mine".to_owned()), "{both:?}");
}

#[test]
fn findings_do_not_depend_on_the_names() {
    let mut data = data(get("/"));
    data.entries.extend((0..6).map(|id| query(&format!("SELECT * FROM books WHERE id = {id}"))));
    let conventions = Conventions::default().with_http(Names::Old).with_database(Names::Old);
    let converted = PanelDataConverter::default().with_conventions(conventions).convert(&data);
    assert_eq!(converted.findings, convert(&data).findings);
}

#[test]
fn what_is_over_a_limit_is_left_out_and_counted() {
    let mut data = data(get("/"));
    let attributes: Vec<_> = (0..10).map(|i| KeyValue::new(format!("a{i}"), i64::from(i))).collect();
    data.entries.push(with(at(query("SELECT 1"), 0, 1), |it| {
        it.attributes = attributes.clone();
        it.dropped_attributes = 2;
    }));
    for _ in 0..3 {
        data.logs.push(with(log("said", None, Level::Info), |it| it.attributes = attributes.clone()));
    }
    let limits = SpanLimits::default().with_attributes(6).with_events(2).with_event_attributes(4);
    let converted = PanelDataConverter::default().with_span_limits(limits).convert(&data);

    let [root, query] = &converted.spans[..] else { panic!("two spans") };
    // What the conventions ask for is the last to go.
    assert_eq!(text(query, "db.system.name"), "sqlite");
    assert_eq!(query.data.attributes.len(), 6);
    assert_eq!(query.data.dropped_attributes_count, 2 + 4 + 10 - 6);
    assert_eq!((root.data.events.events.len(), root.data.events.dropped_count), (2, 1));
    assert_eq!(root.data.events.events[0].attributes.len(), 4);
    assert_eq!(root.data.events.events[0].dropped_attributes_count, 7);
    assert_eq!((converted.report.dropped_attributes, converted.report.dropped_events), (8 + 14, 1));
}

/// A value cut at so many characters, and how many were cut.
#[track_caller]
fn check_cut(value: impl Into<Value>, length: usize, expected: impl Into<Value>, count: u32) {
    let mut data = data(with(Request::default(), |it| it.method = "GET".into()));
    data.request.attributes.push(KeyValue::new("a", value.into()));
    let limits = SpanLimits::default().with_value_length(length);
    let converted = PanelDataConverter::default().with_span_limits(limits).convert(&data);
    assert_eq!(converted.spans[0].attribute("a"), Some(&expected.into()));
    assert_eq!(converted.report.cut_values, count);
}

#[test]
fn a_value_is_cut_on_a_character() {
    check_cut("naïve café", 5, "naïve", 1);
    check_cut("日本語日本語", 4, "日本語日", 1);
    check_cut("日本語日", 4, "日本語日", 0);
    check_cut("four", 4, "four", 0);
    check_cut(1234567, 4, 1234567, 0);
    let texts = |texts: &[&'static str]| -> Value {
        Value::Array(Array::String(texts.iter().map(|text| StringValue::from(*text)).collect()))
    };
    check_cut(texts(&["abcdef", "☕☕☕☕☕"]), 4, texts(&["abcd", "☕☕☕☕"]), 1);
}

#[test]
fn the_limits_of_the_specification_leave_values_whole() {
    let limits = SpanLimits::of_specification();
    assert_eq!((limits.attributes, limits.events, limits.event_attributes), (128, 128, 128));
    assert_eq!(limits.value_length, usize::MAX);
}
