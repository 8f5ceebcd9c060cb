//! Whatever is in a record of the Python debug-toolbar, the rest of it converts.

mod common;

use std::error::Error;
use std::time::{Duration, SystemTime};

use common::{ms, text};
use opentelemetry::trace::{SpanId, Status};
use otelbar_convert::debug_toolbar::{Reader, Record};
use otelbar_convert::panel_data::{EntryKind, Level};
use otelbar_convert::redact::Redactor;
use otelbar_convert::{Converted, PanelDataConverter, Tree};
use proptest::prelude::*;
use serde_json::{Value, json};

fn read(record: &Value) -> Record {
    Reader::default().read(record.to_string().as_bytes()).expect("a record")
}

fn convert(record: &Record) -> Converted {
    PanelDataConverter::default().convert(&record.data)
}

/// A record with these panels, of a request that took 100 ms.
fn with_panels(panels: Value) -> Value {
    json!({
        "request_id": "26dae722-2fbd-484d-98b6-d9b0a7e67bd8",
        "metadata": {"method": "GET", "path": "/a", "status_code": 200},
        "timing_data": {"total_time": 0.1},
        "panel_data": panels,
    })
}

fn with_queries(queries: Value) -> Value {
    with_panels(json!({"SQLAlchemyPanel": {"queries": queries}}))
}

/// What of a record is not used, as lines, without the word on the time of day.
#[track_caller]
fn check_unused(record: &Value, expected: &[&str]) {
    let unused: Vec<_> = read(record).unused.iter().map(ToString::to_string).collect();
    let unused: Vec<_> =
        unused.iter().filter(|line| !line.starts_with("timing_data: has no time of day")).collect();
    assert_eq!(unused, expected);
}

#[test]
fn what_is_no_record_is_an_error_that_says_so() {
    #[track_caller]
    fn check(json: &str, expected: &str) {
        let error = Reader::default().read(json.as_bytes()).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with(expected), "{text}");
        assert!(error.source().is_none(), "it is told in the text, and not a second time as the cause");
    }
    check("", "the record is not valid JSON: EOF");
    check("{\"a\":", "the record is not valid JSON: EOF");
    check("{\"a\":NaN", "the record is not valid JSON");
    check("{} {}", "the record is not valid JSON: trailing characters");
    check("[]", "the record is an array; expected an object with request_id");
    check("null", "the record is null");
    check("7", "the record is a number");
    check("\"a\"", "the record is a string");
    check("true", "the record is a boolean");
}

#[test]
fn an_empty_record_gives_a_root() {
    let record = read(&json!({}));
    let converted = convert(&record);
    assert_eq!(converted.spans.len(), 1);
    assert_eq!(converted.spans[0].data.name, "HTTP");
    assert!(converted.spans[0].data.span_context.is_valid());
    check_unused(
        &json!({}),
        &[
            "metadata.method: is missing; the method is reported as _OTHER",
            "request_id: is missing; all records without it get the same ids",
        ],
    );
}

#[test]
fn the_ids_are_those_of_the_record() {
    let ids = |id: &str| {
        let context = read(&json!({"request_id": id})).data.span_context;
        (context.trace_id().to_string(), context.span_id())
    };
    assert_eq!(ids("26dae722-2fbd-484d-98b6-d9b0a7e67bd8").0, "26dae7222fbd484d98b6d9b0a7e67bd8");
    assert_eq!(ids("one"), ids("one"));
    assert_ne!(ids("one"), ids("two"));
    assert_ne!(ids("00000000-0000-0000-0000-000000000000").1, SpanId::INVALID);
}

#[test]
fn a_broken_traceparent_begins_a_trace() {
    let headers = json!({"headers": {"traceparent": "00-zz-00-01"}, "method": "GET"});
    let record = json!({"request_id": "one", "metadata": headers});
    assert_eq!(read(&record).data.remote_parent, None);
    check_unused(
        &record,
        &["metadata.headers.traceparent: is not a valid traceparent; the trace begins here"],
    );
}

#[test]
fn fields_of_the_wrong_type_count_as_missing() {
    check_unused(
        &json!({"request_id": 7, "metadata": [], "timing_data": "x", "panel_data": 1.5}),
        &[
            "metadata: is an array, expected an object",
            "timing_data: is a string, expected an object",
            "panel_data: is a number, expected an object",
            "metadata.method: is missing; the method is reported as _OTHER",
            "request_id: is a number, expected a string",
        ],
    );
    let odd = json!([
        7,
        {"sql": "SELECT 1"},
        {"sql": ["SELECT 1"], "duration": 1},
        {"sql": "SELECT 1", "duration": "soon", "dialect": 7},
    ]);
    check_unused(
        &with_queries(odd.clone()),
        &[
            "panel_data.SQLAlchemyPanel.queries[0]: is a number, expected an object",
            "panel_data.SQLAlchemyPanel.queries[1].duration: is missing; the duration is taken as zero",
            "panel_data.SQLAlchemyPanel.queries[2].sql: is an array, expected a string",
            "panel_data.SQLAlchemyPanel.queries[2]: has no statement",
            "panel_data.SQLAlchemyPanel.queries[3].dialect: is a number, expected a string",
            "panel_data.SQLAlchemyPanel.queries[3].duration: is a string, expected a number",
        ],
    );
    assert_eq!(read(&with_queries(odd)).data.entries.len(), 2);
    check_unused(
        &with_panels(json!({"SQLAlchemyPanel": {"queries": {}}, "TimerPanel": null, "CachePanel": []})),
        &[
            "panel_data.SQLAlchemyPanel.queries: is an object, expected an array",
            "panel_data.CachePanel: is an array, expected an object",
        ],
    );
}

#[test]
fn panels_that_are_not_known_are_named() {
    check_unused(
        &with_panels(json!({"GraphQLPanel": {}, "VersionsPanel": {}, "cache": {"operations": []}})),
        &[
            "panel_data.GraphQLPanel: is an unknown panel",
            "panel_data.VersionsPanel: describes the application, not the request",
        ],
    );
}

#[test]
fn more_than_a_hundred_losses_are_counted() {
    let queries: Vec<_> = (0..150).map(|_| json!({})).collect();
    let record = read(&with_queries(json!(queries)));
    assert_eq!((record.unused.len(), record.unused_more), (100, 51));
}

/// The duration of a query, and why its field was not used.
#[track_caller]
fn check_duration(json: &str, milliseconds: u64, expected: Option<&str>) {
    let query = format!(r#"{{"sql": "SELECT 1", {json}}}"#);
    let text = with_queries(json!(["QUERY"])).to_string().replace("\"QUERY\"", &query);
    let record = Reader::default().read(text.as_bytes()).unwrap();
    assert_eq!(record.data.entries[0].duration, ms(milliseconds));
    let reason =
        record.unused.iter().find(|unused| unused.path.contains(".duration")).map(|unused| &*unused.reason);
    assert_eq!(reason, expected);
}

#[test]
fn durations_are_in_seconds_unless_their_name_says_otherwise() {
    check_duration(r#""duration": 0.25"#, 250, None);
    check_duration(r#""duration_ms": 250"#, 250, None);
    check_duration(r#""duration": 0.25, "duration_ms": 7"#, 250, None);
    check_duration(r#""duration": null, "duration_ms": 250.0"#, 250, None);
    check_duration(r#""duration": -1, "duration_ms": 250.0"#, 250, Some("is a negative duration"));
    check_duration(r#""duration": -1"#, 0, Some("is a negative duration"));
    check_duration(r#""duration": 1e30"#, 0, Some("is a duration over 100 years"));
    check_duration(r#""duration": 1e10"#, 0, Some("is a duration over 100 years"));
    check_duration(r#""duration": 0"#, 0, None);
    let missing = "is missing; the duration is taken as zero";
    check_duration(r#""duration": NaN"#, 0, Some(missing));
    check_duration(r#""duration": -Infinity"#, 0, Some(missing));
    check_duration(r#""duration": 1e999"#, 0, Some("is a number out of range"));
}

#[test]
fn numbers_that_are_none_cost_themselves_alone() {
    let record =
        Reader::default().read(br#"{"request_id": "a", "timing_data": {"total_time": NaN}}"#).unwrap();
    assert_eq!(record.unused[0].path, "");
    assert!(record.unused[0].to_string().starts_with("the record: contains NaN or Infinity"));
}

#[test]
fn text_that_is_not_utf_8_is_replaced() {
    let mut json =
        with_queries(json!([{"sql": "SELECT 'X' FROM a", "duration": 0}])).to_string().into_bytes();
    let at = json.iter().position(|byte| *byte == b'X').unwrap();
    json[at] = 0xff;
    let record = Reader::default().read(&json).unwrap();
    assert!(record.unused[0].to_string().contains("not valid UTF-8"));
    let EntryKind::Sql(sql) = &record.data.entries[0].kind else { panic!("a query") };
    assert_eq!(sql.text, "SELECT '\u{fffd}' FROM a");

    let half_a_pair = r#"{"panel_data": {"SQLAlchemyPanel": {"queries": [{"sql": "SELECT '\udcff'"}]}}}"#;
    let record = Reader::default().read(half_a_pair.as_bytes()).unwrap();
    let EntryKind::Sql(sql) = &record.data.entries[0].kind else { panic!("a query") };
    assert!(sql.text.starts_with("SELECT '\u{fffd}"));
}

/// How long a request took, by these parts of its record.
#[track_caller]
fn check_total(timing: Value, panels: Value, milliseconds: u64) {
    let record = read(&json!({"timing_data": timing, "panel_data": panels}));
    assert_eq!(record.data.timer.duration, ms(milliseconds));
    assert!(record.data.timer.synthesised, "its time of day is worked out");
}

#[test]
fn the_time_a_request_took_is_found_in_five_places() {
    let query = json!({"queries": [{"sql": "a", "duration": 0.01}, {"sql": "b", "duration": 0.02}]});
    check_total(json!({"total_time": 0.2}), json!({"TimerPanel": {"total_time": 0.1}}), 100);
    check_total(json!({}), json!({"TimerPanel": {"total_time_ms": 100}}), 100);
    check_total(json!({"total_time": 0.2, "total_request_time": 0.3}), json!({}), 300);
    check_total(json!({"total_time": 0.2}), json!({"TimerPanel": {"total_time": -1}}), 200);
    check_total(json!({"request_start": 10.5, "request_end": 10.75}), json!({}), 250);
    check_total(json!({"request_start": 10.5, "request_end": 9}), json!({"SQLAlchemyPanel": query}), 30);
    check_total(json!({}), json!({}), 0);
}

#[test]
fn the_time_of_day_is_where_logs_and_operations_fit() {
    const NOON: f64 = 1_800_000_000.0;
    // Start of the request, and starts of the spans after it, in milliseconds after noon; and how many were moved.
    let check = |logs: &[f64], operations: &[(f64, f64)], expected: (i128, &[i128]), moved: u32| {
        let log = |at: &f64| json!({"message": "said", "created": NOON + at, "level_no": 20});
        let operation = |(end, duration): &(f64, f64)| json!({"operation": "GET", "key": "a", "duration": duration, "timestamp": NOON + end, "backend": "redis"});
        let record = read(&with_panels(json!({
            "LoggingPanel": {"records": logs.iter().map(log).collect::<Vec<_>>()},
            "CachePanel": {"operations": operations.iter().map(operation).collect::<Vec<_>>()},
        })));
        let converted = convert(&record);
        let after_noon = |at: SystemTime| {
            let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap();
            (since.as_micros() as i128 + 500).div_euclid(1000) - NOON as i128 * 1000
        };
        let starts: Vec<_> = converted.spans.iter().map(|span| after_noon(span.data.start_time)).collect();
        assert_eq!((starts[0], &starts[1..]), expected);
        assert_eq!(converted.report.moved, moved);
    };
    // Half of what is free lies before.
    check(&[0.0], &[], (-50, &[]), 0);
    check(&[0.0, 0.06], &[], (-20, &[]), 0);
    check(&[], &[(0.02, 0.02)], (-40, &[0]), 0);
    check(&[0.0], &[(0.1, 0.05)], (0, &[50]), 0);
    // A clock that was set leaves one outside.
    check(&[0.0, 0.02, 3600.0], &[], (-40, &[]), 1);
    check(&[0.0, 0.15], &[], (-50, &[]), 1);
}

#[test]
fn a_record_without_a_time_of_day_is_put_where_the_reader_says() {
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let json = with_panels(json!({})).to_string();
    let record = Reader::default().with_start(start).read(json.as_bytes()).unwrap();
    assert_eq!(record.data.timer.start, start);
    assert_eq!(record.unused.len(), 1);
}

#[test]
fn times_of_day_that_are_none_are_named() {
    let log = |created: Value| json!({"message": "said", "created": created});
    let logs =
        json!({"records": [log(json!(-1)), log(json!(1e300)), log(json!("noon")), {"message": "said"}]});
    let path = |i: usize, reason: &str| format!("panel_data.LoggingPanel.records[{i}].created: {reason}");
    let expected = [
        path(0, "is not a time between 1970 and 2262"),
        path(1, "is not a time between 1970 and 2262"),
        path(2, "is a string, expected a number"),
        path(3, "is missing; the log is put at the request's start"),
    ];
    check_unused(&with_panels(json!({"LoggingPanel": logs})), &expected.each_ref().map(|line| &**line));
}

/// The parameters of a query, as `name=value`.
#[track_caller]
fn check_parameters(raw: Value, expected: Option<&[&str]>) {
    let record = read(&with_queries(json!([{"sql": "SELECT ?", "duration": 0, "raw_parameters": raw}])));
    let parameters = record.data.entries[0].details.as_ref().and_then(|details| details.parameters.as_ref());
    let shown =
        parameters.map(|all| all.iter().map(|it| format!("{}={}", it.name, it.value)).collect::<Vec<_>>());
    assert_eq!(
        shown.as_deref(),
        expected.map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>()).as_deref()
    );
}

#[test]
fn parameters_come_in_many_forms() {
    check_parameters(json!(null), None);
    check_parameters(json!({"_positional": []}), Some(&[]));
    let values = json!({"_positional": [1, -1.5, "a", null, true, [1]]});
    check_parameters(values, Some(&["0=1", "1=-1.5", "2=a", "3=null", "4=true", "5=[1]"]));
    check_parameters(json!({"blurb": null, "price": 12.5}), Some(&["blurb=null", "price=12.5"]));
    check_parameters(json!({"password": "hunter2"}), Some(&["password=REDACTED"]));
    check_parameters(json!([1, "b"]), Some(&["0=1", "1=b"]));
    check_parameters(json!("(1, 'b')"), Some(&["0=(1, 'b')"]));
    check_parameters(json!({"_positional": 7}), Some(&["_positional=7"]));
}

#[test]
fn a_batch_says_how_many_it_ran() {
    let query = json!({
        "sql": "INSERT INTO a VALUES (?)", "duration": 0, "executemany": true,
        "raw_parameters": {"_positional": ["(1,)", "(2,)"]},
    });
    let converted = convert(&read(&with_queries(json!([query]))));
    assert_eq!(text(&converted.spans[1], "db.operation.batch.size"), "2");
}

#[test]
fn dialects_get_the_names_of_the_conventions() {
    let names = ["sqlite", "mssql", "oracle", "redshift", "cockroachdb", ""];
    let queries: Vec<_> = names.map(|name| json!({"sql": "SELECT 1", "duration": 0, "dialect": name})).into();
    let converted = convert(&read(&with_queries(json!(queries))));
    let systems: Vec<_> = converted.spans[1..].iter().map(|span| text(span, "db.system.name")).collect();
    assert_eq!(
        systems,
        ["sqlite", "microsoft.sql_server", "oracle.db", "aws.redshift", "cockroachdb", "other_sql"]
    );
}

/// Where a query comes from, as `file:line function`.
#[track_caller]
fn check_origin(fields: Value, expected: &str) {
    let mut query = json!({"sql": "SELECT 1", "duration": 0});
    query.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let converted = convert(&read(&with_queries(json!([query]))));
    let told = ["code.file.path", "code.line.number", "code.function.name"]
        .map(|key| text(&converted.spans[1], key));
    assert_eq!(told.join(" "), expected);
}

#[test]
fn a_query_tells_where_it_comes_from() {
    let stack = json!([
        {"file": "a.py", "line": 1, "function": "outer", "code": "inner()"},
        {"file": "b.py", "line": 2, "function": "inner", "code": ""},
        {"file": "c.py"},
    ]);
    check_origin(json!({"origin_key": "unknown"}), "  ");
    check_origin(json!({"origin_key": "/srv/a.py:87:row"}), "/srv/a.py 87 row");
    check_origin(json!({"origin_key": "C:\\a.py:87:row"}), "C:\\a.py 87 row");
    check_origin(json!({"origin_key": "a.py:x:row"}), "  ");
    check_origin(json!({"stack": stack}), "b.py 2 inner");
    // A place in a dependency is not used where the stack has one in the application.
    let dependency = "/srv/venv/lib/python3.13/site-packages/sqlalchemy/engine/base.py";
    let frame = |file: &str, line: u32| json!({"file": file, "line": line, "function": "f"});
    let frames = json!([frame("/srv/a.py", 1), frame("/srv/b.py", 2), frame(dependency, 3)]);
    check_origin(json!({"stack": frames}), "/srv/b.py 2 f");
    check_origin(json!({"stack": frames, "origin_key": format!("{dependency}:3:f")}), "/srv/b.py 2 f");
    check_origin(json!({"stack": frames, "origin_key": "/srv/a.py:1:f"}), "/srv/a.py 1 f");
    check_origin(json!({"stack": [frame(dependency, 3)]}), &format!("{dependency} 3 f"));
    let converted =
        convert(&read(&with_queries(json!([{"sql": "SELECT 1", "duration": 0, "stack": stack}]))));
    let trace = "  File \"a.py\", line 1, in outer\n    inner()\n  File \"b.py\", line 2, in inner";
    assert_eq!(text(&converted.spans[1], "code.stacktrace"), trace);
}

/// The route that is found for `GET` and a path.
#[track_caller]
fn check_route(path: &str, matched: Value, routes: Value, expected: Option<&str>) {
    let metadata = json!({"method": "GET", "path": path, "matched_route": matched, "routes": routes});
    assert_eq!(read(&json!({"metadata": metadata})).data.request.route.as_deref(), expected);
}

#[test]
fn the_route_is_a_template_and_never_the_path() {
    let route = |path: &str, methods: Value| json!({"path": path, "methods": methods});
    let routes = json!([
        route("/a/{id:int}", json!(["POST"])),
        route("/a/{id:int}", json!(["GET", "OPTIONS"])),
        route("/a/new", json!(["GET"])),
        {"methods": ["GET"]},
        route("/ws/{room}", json!([])),
    ]);
    check_route("/a/7", json!("/a/7"), routes.clone(), Some("/a/{id:int}"));
    check_route("/a/new", json!("/a/new"), routes.clone(), Some("/a/new"));
    check_route("/ws/7", json!("/ws/7"), routes.clone(), Some("/ws/{room}"));
    check_route("/b", json!("/b"), routes.clone(), None);
    check_route("/a/7", json!("/a/7"), json!(null), None);
    check_route("/a/7", json!(null), routes, None);
    check_route("/a/7", json!("/a/{id}"), json!(null), Some("/a/{id}"));
}

#[test]
fn headers_are_taken_over_on_demand_and_masked() {
    let record = json!({
        "request_id": "one",
        "panel_data": {
            "RequestPanel": {"method": "HEAD", "path": "/", "headers": {
                "Accept": "*/*", "Authorization": "Bearer 0123456789abcdef", "Host": "shop:8080",
            }},
            "ResponsePanel": {"status_code": 200, "headers": {
                "content-length": "80", "set-cookie": "sid=abcdef123456; Path=/",
            }},
        },
    });
    let reader = Reader::default().with_headers(["accept", "Authorization", "Set-Cookie"]);
    let record = reader.read(record.to_string().as_bytes()).unwrap();
    let root = convert(&record).spans.remove(0);
    assert_eq!(text(&root, "http.request.header.accept"), r#"["*/*"]"#);
    assert_eq!(text(&root, "http.request.header.authorization"), r#"["REDACTED"]"#);
    assert_eq!(text(&root, "http.response.header.set-cookie"), r#"["REDACTED"]"#);
    assert_eq!((text(&root, "server.address"), text(&root, "server.port")), ("shop".into(), "8080".into()));
    assert_eq!(text(&root, "http.response.body.size"), "", "HEAD has no body");
}

#[test]
fn secrets_are_masked_wherever_they_come_again() {
    let record = json!({
        "metadata": {
            "method": "GET", "path": "/reset/s3cr3t-t0ken", "query_string": "token=s3cr3t-t0ken&theme=dark",
            "headers": {"cookie": "session=cook1e-va1ue; theme=dark", "authorization": "Bearer bear3r-va1ue"},
            "cookies": {"session": "cook1e-va1ue"},
            "response_headers": {"set-cookie": "sid=s3t-c00kie; Path=/"},
        },
        "panel_data": {
            "SQLAlchemyPanel": {"queries": [{
                "sql": "SELECT * FROM s -- cook1e-va1ue", "duration": 0, "raw_parameters": ["cook1e-va1ue"],
                "stack": [{"file": "a", "line": 1, "function": "f", "code": "get('bear3r-va1ue')"}],
            }]},
            "CachePanel": {"operations": [{"operation": "GET", "key": "session:cook1e-va1ue", "duration": 0}]},
            "TemplatesPanel": {"renders": [{"template_name": "s3t-c00kie.html", "render_time": 0}]},
            "LoggingPanel": {"records": [{"message": "got bear3r-va1ue, theme dark", "created": 1}]},
        },
    });
    let record = read(&record);
    let converter = PanelDataConverter::default().with_sql_parameters(true);
    let shown = format!("{record:?} {:?}", converter.convert(&record.data));
    for secret in ["s3cr3t-t0ken", "cook1e-va1ue", "bear3r-va1ue", "s3t-c00kie"] {
        assert!(!shown.contains(secret), "{secret}");
    }
    assert!(shown.contains("got REDACTED, theme dark"), "short words stay");
    let plain = Reader::default().with_redactor(Redactor::default());
    let json = json!({"metadata": {"method": "GET", "query_string": "token=s3cr3t-t0ken"}}).to_string();
    let record = plain.read(json.as_bytes()).unwrap();
    assert_eq!(record.data.request.query.as_deref(), Some("token=s3cr3t-t0ken"), "as the redactor says");
}

#[test]
fn an_exception_is_taken_out_of_its_log() {
    let message = "failed\nTraceback (most recent call last):\n  File \"a\", line 1\nValueError: no";
    let log = json!({
        "level": "ERROR", "level_no": 40, "message": message, "exc_info": true, "created": 1, "name": "shop",
        "pathname": "a.py", "lineno": 7, "funcname": "f",
    });
    let record = read(&with_panels(json!({"LoggingPanel": {"records": [log]}})));
    assert_eq!((record.data.logs[0].level, &*record.data.logs[0].message), (Level::Error, "failed"));
    let root = convert(&record).spans.remove(0).data;
    let event = &root.events.events[0];
    assert_eq!(event.name, "exception");
    let find =
        |key: &str| event.attributes.iter().find(|a| a.key.as_str() == key).map(|a| a.value.to_string());
    assert_eq!(find("exception.type").as_deref(), Some("ValueError"));
    assert_eq!(find("exception.message").as_deref(), Some("no"));
    assert_eq!(find("exception.stacktrace").as_deref(), Some(&message[7..]));
    assert_eq!(find("code.function.name").as_deref(), Some("f"));
}

#[test]
fn hooks_that_ran_are_spans() {
    let handler =
        json!({"name": "before", "module": "shop", "file": "a.py", "line": 7, "qualname": "Shop.before"});
    let hooks = json!([
        {"hook_type": "before_request", "handler": handler, "duration_ms": 5, "success": true},
        {"hook_type": "after_request", "duration_ms": 1, "success": false, "error": "lost"},
        {"duration_ms": 1},
    ]);
    let record = read(&with_panels(json!({"EventsPanel": {"executed_hooks": hooks}})));
    let converted = convert(&record);
    let names: Vec<_> = converted.spans.iter().map(|span| &*span.data.name).collect();
    assert_eq!(names, ["GET", "Shop.before", "after_request"]);
    assert_eq!(converted.spans[1].duration(), ms(5));
    assert_eq!(text(&converted.spans[1], "code.line.number"), "7");
    assert_eq!(converted.spans[2].data.status, Status::error("lost"));
    assert_eq!(
        record.unused.last().unwrap().to_string(),
        "timing_data: has no time of day; the request starts at the time set for the reader"
    );
    assert_eq!(record.unused[0].path, "panel_data.EventsPanel.executed_hooks[2]");
}

#[test]
fn renders_operations_and_functions_need_a_name() {
    check_unused(
        &with_panels(json!({
            "TemplatesPanel": {"renders": [{"render_time": 0}]},
            "CachePanel": {"operations": [{"duration": 0}]},
            "ProfilingPanel": {"top_functions": [{"cumulative_time": 0}]},
        })),
        &[
            "panel_data.TemplatesPanel.renders[0]: has no template_name",
            "panel_data.CachePanel.operations[0]: has no operation",
            "panel_data.ProfilingPanel.top_functions[0]: has no function",
        ],
    );
}

#[test]
fn a_profile_longer_than_the_request_is_cut_and_told() {
    let function = json!({"function": "f", "filename": "~", "lineno": 0, "calls": 2, "cumulative_time": 0.5});
    let converted = convert(&read(&with_panels(json!({"ProfilingPanel": {"top_functions": [function]}}))));
    assert_eq!(converted.spans[1].duration(), ms(100));
    assert_eq!(text(&converted.spans[1], "otelbar.duration"), "0.5");
    assert_eq!(text(&converted.spans[1], "code.file.path"), "", "it is no file");
    assert_eq!(converted.report.cut, 1);
}

#[test]
fn hundred_thousand_queries_and_megabytes_of_sql_convert() {
    let many: Vec<_> =
        (0..100_000).map(|i| json!({"sql": format!("SELECT {i} FROM a"), "duration": 1e-6})).collect();
    let converted = convert(&read(&with_queries(json!(many))));
    assert_eq!(converted.spans.len(), 100_001);
    let found = &converted.findings[0];
    assert_eq!((found.span_ids.len(), found.spans_left_out), (100, 99_900));

    let long = format!("INSERT INTO a VALUES {}", "(1, 'two'), ".repeat(10 * 1024 * 1024 / 12));
    let converted = convert(&read(&with_queries(json!([{"sql": long, "duration": 0.01}]))));
    assert_eq!(converted.spans[1].data.name, "INSERT a");
}

/// Any JSON, with the names of a record in it, so that some of it is read.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-10_i64..10).prop_map(Value::from),
        Just(json!(1.8e9)),
        "[a-z:7 ]{0,12}".prop_map(Value::from),
        Just(json!("SELECT * FROM a WHERE b = 'c'")),
        Just(json!("m\nTraceback (most recent call last):\nKeyError: 1")),
    ];
    let name = prop_oneof![
        proptest::sample::select(vec![
            "request_id",
            "panel_data",
            "timing_data",
            "metadata",
            "SQLAlchemyPanel",
            "queries",
            "sql",
            "duration",
            "duration_ms",
            "raw_parameters",
            "stack",
            "origin_key",
            "LoggingPanel",
            "records",
            "created",
            "message",
            "exc_info",
            "CachePanel",
            "operations",
            "operation",
            "timestamp",
            "TemplatesPanel",
            "renders",
            "template_name",
            "render_time",
            "ProfilingPanel",
            "top_functions",
            "function",
            "cumulative_time",
            "TimerPanel",
            "total_time",
            "RequestPanel",
            "headers",
            "cookie",
            "traceparent",
            "EventsPanel",
            "executed_hooks",
            "handler",
            "routes",
            "path",
            "matched_route",
            "methods",
            "query_string",
        ])
        .prop_map(str::to_owned),
        "[a-z]{0,3}",
    ];
    leaf.prop_recursive(5, 200, 12, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec((name.clone(), inner), 0..10)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_record_gives_a_tree(metadata in any_json(), timing in any_json(), panels in any_json(), queries in any_json()) {
        let mut panels = panels;
        if let Some(panels) = panels.as_object_mut() {
            panels.insert("SQLAlchemyPanel".into(), json!({"queries": queries}));
        }
        let record = read(&json!({"request_id": "one", "metadata": metadata, "timing_data": timing, "panel_data": panels}));
        let converted = convert(&record);
        let tree = Tree::of(&converted.spans);
        for (i, span) in converted.spans.iter().enumerate() {
            prop_assert_eq!(tree.parent(i).is_none(), i == 0);
            if let Some(parent) = tree.parent(i) {
                let parent = &converted.spans[parent].data;
                prop_assert!(parent.start_time <= span.data.start_time && span.data.end_time <= parent.end_time);
            }
        }
    }

    #[test]
    fn any_bytes_are_a_record_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Reader::default().read(&bytes);
    }
}
