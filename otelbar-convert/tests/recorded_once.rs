//! A query or call is told once, whichever sources tell of it, and without the values of users.

mod common;

use common::*;
use opentelemetry::trace::{Link, SpanId, SpanKind};
use opentelemetry::{KeyValue, Value};
use otelbar_convert::Category;
use otelbar_convert::panel_data::{Entry, EntryKind, HttpCall, Level, Sql};
use otelbar_convert::{Conventions, Converted, ConvertedSpan, PanelDataConverter};

const STATEMENT: &str = r#"SELECT "id", "bio" FROM "users" WHERE "id" = $1"#;

/// A span as an instrumentation makes it, with these attributes.
fn instrumented(id: u64, kind: SpanKind, attributes: &[(&'static str, &str)]) -> Entry {
    let attributes = attributes.iter().map(|(key, value)| KeyValue::new(*key, (*value).to_owned())).collect();
    with(at(Entry::new("sea_orm.find", ms(0), EntryKind::Span(kind)), 10, 30), |it| {
        it.id = Some(SpanId::from(id));
        it.attributes = attributes;
    })
}

/// What the driver says of a statement, within a span.
fn driver(parent: u64, text: &str) -> Entry {
    let sql = with(Sql::new("postgresql", text), |it| {
        it.returned_rows = Some(3);
        it.affected_rows = Some(0);
    });
    let entry = Entry::new("", ms(0), EntryKind::Sql(sql));
    with(at(entry, 12, 28), |it| it.parent = Some(SpanId::from(parent)))
}

fn converted(entries: Vec<Entry>) -> Converted {
    let mut data = data(get("/"));
    data.entries = entries;
    data.logs.push(log("odd", Some(SpanId::from(7)), Level::Info));
    convert(&data)
}

fn panels(converted: &Converted) -> Vec<&'static str> {
    converted.spans.iter().map(|span| span.category.as_str()).collect()
}

#[test]
fn a_driver_that_tells_of_the_mappers_statement_tells_of_the_same_query() {
    let laid_out = "\n  SELECT\n    \"id\",\n    \"bio\"\n  FROM\n    \"users\"\n  WHERE\n    \"id\" = $1\n";
    for said in [STATEMENT, laid_out] {
        let mapper = || {
            instrumented(7, SpanKind::Internal, &[("db.statement", STATEMENT), ("db.system", "postgresql")])
        };
        let converted = converted(vec![mapper(), driver(7, said)]);
        assert_eq!(panels(&converted), ["request", "sql"]);
        assert_eq!(converted.report.merged, 1);
        let span = &converted.spans[1];
        assert_eq!((times(span), span.entry), ((10, 30), Some(0)), "the span is as it was");
        assert_eq!(text(span, "db.response.returned_rows"), "3");
        assert_eq!(text(span, "otelbar.db.duration"), "0.016");
        assert_eq!(span.data.events.events.len(), 1);
    }
}

#[test]
fn what_stands_under_a_merged_query_stands_under_its_span() {
    let mapper = instrumented(7, SpanKind::Internal, &[("db.query.text", STATEMENT)]);
    let merged = with(driver(7, STATEMENT), |it| it.id = Some(SpanId::from(8)));
    let below = with(at(entry("below", 0), 13, 14), |it| it.parent = Some(SpanId::from(8)));
    let mut data = data(get("/"));
    data.entries = vec![mapper, merged, below];
    data.logs.push(log("odd", Some(SpanId::from(8)), Level::Info));
    let converted = convert(&data);
    assert_eq!(panels(&converted), ["request", "sql", "span"]);
    assert_eq!(converted.spans[2].data.parent_span_id, SpanId::from(7));
    assert_eq!(converted.spans[1].data.events.events[0].name, "odd");
    assert_eq!(converted.report.unknown_parents, 0);
    let records = PanelDataConverter::default().log_records(&data);
    assert_eq!(records[0].span_context.span_id(), SpanId::from(7));
}

#[test]
fn another_statement_in_a_mappers_span_is_another_query() {
    let mapper = || instrumented(7, SpanKind::Internal, &[("db.query.text", STATEMENT)]);
    let count = converted(vec![mapper(), driver(7, "SELECT count(*) FROM users")]);
    assert_eq!((panels(&count), count.report.merged), (vec!["request", "sql", "sql"], 0));
    // Of several the first is that of the span.
    let twice = converted(vec![mapper(), driver(7, STATEMENT), driver(7, STATEMENT)]);
    assert_eq!((panels(&twice), twice.report.merged), (vec!["request", "sql", "sql"], 1));
    let beside = converted(vec![mapper(), driver(1, STATEMENT)]);
    assert_eq!(panels(&beside), ["request", "sql", "sql"]);
    let plain = converted(vec![instrumented(7, SpanKind::Internal, &[]), driver(7, STATEMENT)]);
    assert_eq!(panels(&plain), ["request", "span", "sql"]);
}

#[test]
fn of_two_instrumentations_around_each_other_the_inner_is_counted() {
    let query = [("db.query.text", STATEMENT), ("db.system.name", "postgresql")];
    let inner = with(instrumented(8, SpanKind::Client, &query), |it| it.parent = Some(SpanId::from(7)));
    let nested = converted(vec![instrumented(7, SpanKind::Client, &query), inner.clone()]);
    assert_eq!(panels(&nested), ["request", "span", "sql"]);
    assert_eq!(text(&nested.spans[1], "db.query.text"), STATEMENT, "it is there as it was");
    // Only which database was called, around what was asked.
    let outer = instrumented(7, SpanKind::Client, &[("db.system.name", "postgresql")]);
    assert_eq!(panels(&converted(vec![outer, inner])), ["request", "span", "sql"]);
    let call = |url: &str| {
        let call = HttpCall::new("GET", url);
        let entry = Entry::new("", ms(1), EntryKind::HttpCall(call));
        with(entry, |it| it.parent = Some(SpanId::from(7)))
    };
    let outer =
        |url: &str| instrumented(7, SpanKind::Client, &[("http.request.method", "GET"), ("url.full", url)]);
    let counted = converted(vec![outer("http://a/b"), call("http://a/b")]);
    assert_eq!(panels(&counted), ["request", "span", "http"]);
    let redirected = converted(vec![outer("http://a/b"), call("http://c/d")]);
    assert_eq!(panels(&redirected), ["request", "http", "http"]);
}

/// A span with this text of a query for this system, as `name | panel | text | operation`.
#[track_caller]
fn check(system: &'static str, query: &str, expected: &str) {
    for names in [["db.system.name", "db.query.text"], ["db.system", "db.statement"]] {
        let attributes = [(names[0], system), (names[1], query)];
        let span = converted(vec![instrumented(7, SpanKind::Client, &attributes)]).spans.remove(1);
        let told = [
            &*span.data.name,
            span.category.as_str(),
            &text(&span, "db.query.text"),
            &text(&span, "db.operation.name"),
        ]
        .join(" | ");
        assert_eq!(told, expected);
        assert_eq!(text(&span, names[1]), text(&span, "db.query.text"), "hidden under each name");
        assert!(!format!("{:?}", span.data).contains("s3cr3t"), "{:?}", span.data);
    }
}

#[test]
fn a_span_that_has_a_querys_text_is_a_query_without_its_values() {
    let hidden = "SELECT users | sql | SELECT * FROM users WHERE bio = ? | SELECT";
    check("postgresql", "SELECT * FROM users WHERE bio = 's3cr3t'", hidden);
    check("mysql", r#"SELECT * FROM users WHERE bio = "s3cr3t""#, hidden);
    check("redis", "SET user:s3cr3t s3cr3t", "SET | cache | SET ? ? | SET");
    check("redis", "AUTH s3cr3t", "AUTH | cache | AUTH ? | AUTH");
    check("memcached", "get s3cr3t", "GET | cache | get ? | GET");
    check(
        "mongodb",
        r#"{"find": "users", "filter": {"bio": "s3cr3t"}}"#,
        r#"sea_orm.find | sql | {"find": ?, "filter": {"bio": ?}} | "#,
    );
    check("elasticsearch", "GET /users/_search?q=s3cr3t", "sea_orm.find | sql | GET ? | ");
}

/// Protects the values in a statement wherever it was recorded: on the request, in a log, on a link.
#[test]
fn a_querys_text_is_hidden_wherever_it_stands() {
    let query =
        |text: &'static str| vec![KeyValue::new("db.system", "mysql"), KeyValue::new("db.statement", text)];
    let mut data = data(get("/"));
    data.request.attributes = query("SELECT 'secret' FROM users");
    data.request.links = vec![Link::new(data.span_context.clone(), query("SELECT \"secret\" FROM users"), 0)];
    data.logs
        .push(with(log("ran", None, Level::Debug), |it| it.attributes = query("SELECT 0x5ec7e7 FROM users")));
    let converted = convert(&data);
    let root = &converted.spans[0].data;
    let hidden = Value::from("SELECT ? FROM users");
    let records = PanelDataConverter::default().log_records(&data);
    let places =
        [&root.attributes, &root.links[0].attributes, &root.events[0].attributes, &records[0].attributes];
    for (place, attributes) in places.into_iter().enumerate() {
        let text = attributes.iter().find(|attribute| attribute.key.as_str() == "db.query.text");
        let text =
            text.or_else(|| attributes.iter().find(|attribute| attribute.key.as_str() == "db.statement"));
        assert_eq!(text.map(|text| &text.value), Some(&hidden), "{place}");
    }
}

#[test]
fn what_an_instrumentation_has_said_stays_and_its_own_name_too() {
    let attributes =
        [("db.query.text", STATEMENT), ("db.query.summary", "find user"), ("db.system", "mssql")];
    let converted = converted(vec![instrumented(7, SpanKind::Internal, &attributes)]);
    let span = &converted.spans[1];
    assert_eq!(converted.report.duplicate_attributes, 0);
    assert_eq!(text(span, "db.query.summary"), "find user");
    assert_eq!(text(span, "otelbar.span.name"), "sea_orm.find");
    assert_eq!(text(span, "db.system.name"), "microsoft.sql_server");
    let named = |name: &'static str| {
        let entry = with(instrumented(7, SpanKind::Client, &attributes[..1]), |it| it.name = name.into());
        let span = self::converted(vec![entry]).spans.remove(1);
        (span.data.name.to_string(), text(&span, "otelbar.span.name"))
    };
    let summary = "SELECT \"users\"".to_owned();
    assert_eq!(named("SELECT \"users\""), (summary.clone(), String::new()));
    assert_eq!(
        named("SELECT * FROM users WHERE bio = 's3cr3t'"),
        (summary, String::new()),
        "it may hold values"
    );
}

#[test]
fn opt_in_attributes_that_we_add_are_exported_by_choice() {
    let exported = |entries: Vec<Entry>, conventions: Conventions| -> Vec<bool> {
        let mut data = data(with(get("/"), |it| it.response_size = Some(7)));
        data.entries = entries;
        let has = |span: ConvertedSpan| {
            let names = ["http.response.body.size", "db.response.returned_rows"];
            let data = span.into_exported(&conventions);
            data.attributes.iter().any(|attribute| names.contains(&attribute.key.as_str()))
        };
        convert(&data).spans.into_iter().map(has).collect()
    };
    let entries = || vec![driver(1, STATEMENT)];
    let none = Conventions::default();
    assert_eq!(exported(entries(), none), [false, false]);
    assert_eq!(exported(entries(), none.with_opt_in_attributes(|_| true)), [true, true]);
    let rows = none.with_opt_in_attributes(|name| name == "db.response.returned_rows");
    assert_eq!(exported(entries(), rows), [false, true]);
    // What an application has recorded is its own choice, also where a driver says it as well.
    let mut own = instrumented(7, SpanKind::Client, &[("db.query.text", STATEMENT)]);
    own.attributes.push(KeyValue::new("db.response.returned_rows", 3));
    assert_eq!(exported(vec![own.clone()], none), [false, true]);
    assert_eq!(exported(vec![own, driver(7, STATEMENT)], none), [false, true]);
    let mapper = instrumented(7, SpanKind::Client, &[("db.query.text", STATEMENT)]);
    assert_eq!(exported(vec![mapper, driver(7, STATEMENT)], none), [false, false]);
}

#[test]
fn a_repeated_mappers_statement_is_an_n_plus_one() {
    let one = |n: u64| {
        let mapper = instrumented(100 + n, SpanKind::Internal, &[("db.query.text", STATEMENT)]);
        [mapper, driver(100 + n, STATEMENT)]
    };
    let converted = converted((0..6).flat_map(one).collect());
    let titles: Vec<_> = converted.findings.iter().map(|finding| &*finding.title).collect();
    assert_eq!(titles, ["6 × SELECT \"users\" under one parent"]);
    assert!(converted.spans.iter().skip(1).all(|span| span.category == Category::Sql));
}
