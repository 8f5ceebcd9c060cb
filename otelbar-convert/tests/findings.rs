//! What is wrong with a request is found, and nothing else.

mod common;

use std::time::Duration;

use common::*;
use opentelemetry::KeyValue;
use opentelemetry::trace::SpanId;
use otelbar_convert::findings::Thresholds;
use otelbar_convert::panel_data::{
    Cache, Callsite, Entry, EntryKind, Exception, HttpCall, Level, PanelData, Parameter,
};
use otelbar_convert::{Finding, FindingKind, PanelDataConverter};

/// A request with room for these, of 900 ms at least.
fn request_with(entries: Vec<Entry>) -> PanelData {
    let ends = entries.iter().map(|entry| entry.start.unwrap_or_default() + entry.duration);
    let mut data = request_of(ends.max().unwrap_or_default().max(ms(900)), get("/"));
    data.entries = entries;
    data
}

fn find(data: &PanelData) -> Vec<Finding> {
    convert(data).findings
}

#[track_caller]
fn check_data(data: &PanelData, expected: &[&str]) {
    let shown: Vec<_> = find(data)
        .iter()
        .map(|f| format!("{} {}: {}", f.severity.as_str(), f.kind.as_str(), f.title))
        .collect();
    assert_eq!(shown, expected);
}

/// The findings of a request with these, as `severity kind: title`.
#[track_caller]
fn check(entries: Vec<Entry>, expected: &[&str]) {
    check_data(&request_with(entries), expected);
}

fn queries(count: u32) -> Vec<Entry> {
    (0..count).map(|id| query(&format!("SELECT * FROM books WHERE author = {id}"))).collect()
}

#[test]
fn the_same_query_over_and_over_is_an_n_plus_one() {
    check(queries(4), &[]);
    check(queries(5), &["warning n_plus_one: 5 × SELECT books under one parent"]);
    let many =
        ["critical n_plus_one: 50 × SELECT books under one parent", "warning many_queries: 50 queries"];
    check(queries(50), &many);
    check((0..9).map(|table| query(&format!("SELECT * FROM t{table}"))).collect(), &[]);
}

/// A query under each of these names, each under the request.
fn query_under_each(names: [&'static str; 6]) -> Vec<Entry> {
    let under = |(n, name): (u64, &'static str)| {
        let id = SpanId::from(100 + n);
        let sql = query(&format!("SELECT * FROM books WHERE id = {n}"));
        [with(entry(name, 1), |it| it.id = Some(id)), with(sql, |it| it.parent = Some(id))]
    };
    (0..).zip(names).flat_map(under).collect()
}

#[test]
fn lists_of_any_length_are_the_same_query() {
    let listed = |n: usize| query(&format!("SELECT * FROM books WHERE id IN ({}?)", "?, ".repeat(n)));
    check((0..6).map(listed).collect(), &["warning n_plus_one: 6 × SELECT books under one parent"]);
}

#[test]
fn parents_of_one_name_are_looked_at_together() {
    check(query_under_each(["a", "b", "c", "d", "e", "f"]), &[]);
    let found = &["warning n_plus_one: 6 × SELECT books under 6 × load_user"];
    check(query_under_each(["load_user"; 6]), found);
    let found = &["warning n_plus_one: 6 × SELECT books under 6 × load 1"];
    check(query_under_each(["load 1", "load 2", "load 3", "load 4", "load 5", "load 6"]), found);
}

#[test]
fn parents_of_one_name_are_looked_at_at_any_depth() {
    // handle ─ load_user ─ query, each once, and a function that calls itself.
    let deep = |names: &dyn Fn(u64) -> [&'static str; 2]| {
        let one = |n: u64| {
            let ids = [SpanId::from(100 + n), SpanId::from(200 + n)];
            let [outer, inner] = names(n);
            let sql = query(&format!("SELECT * FROM books WHERE id = {n}"));
            [
                with(entry(outer, 3), |it| it.id = Some(ids[0])),
                with(entry(inner, 2), |it| {
                    it.id = Some(ids[1]);
                    it.parent = Some(ids[0]);
                }),
                with(sql, |it| it.parent = Some(ids[1])),
            ]
        };
        (0..6).flat_map(one).collect::<Vec<_>>()
    };
    let found = &["warning n_plus_one: 6 × SELECT books under 6 × load_row"];
    check(deep(&|_| ["load_user", "load_row"]), found);
    check(deep(&|n| if n % 2 == 0 { ["a", "load_row"] } else { ["b", "load_row"] }), &[]);
    let nested = (0..6).flat_map(|n| {
        let id = SpanId::from(100 + n);
        let parent = (n > 0).then(|| SpanId::from(99 + n));
        let sql = query(&format!("SELECT * FROM books WHERE id = {n}"));
        [
            with(entry("walk", 9 - n), |it| {
                it.id = Some(id);
                it.parent = parent;
            }),
            with(sql, |it| it.parent = Some(id)),
        ]
    });
    check(nested.collect(), &["warning n_plus_one: 6 × SELECT books under 6 × walk"]);
}

#[test]
fn a_query_without_a_place_has_that_of_the_span_around_it() {
    let placed = |file: &'static str, entry: Entry| {
        with(entry, |it| it.callsite = Some(Callsite::new("").with_place(file, 7)))
    };
    #[track_caller]
    fn check_place(entries: Vec<Entry>, expected: Option<&str>) {
        let found = find(&request_with(entries)).remove(0);
        assert_eq!(found.location.map(|location| location.to_string()).as_deref(), expected);
    }
    let parents = |file, own: Option<&'static str>| -> Vec<Entry> {
        let place = |entry: Entry| match entry.kind {
            EntryKind::Sql(_) => own.map_or(entry.clone(), |own| placed(own, entry)),
            _ => placed(file, entry),
        };
        query_under_each(["load_user"; 6]).into_iter().map(place).collect()
    };
    check_place(parents("src/user.rs", None), Some("src/user.rs:7"));
    check_place(parents("src/user.rs", Some("src/row.rs")), Some("src/row.rs:7"));
    for dependency in [
        "/home/me/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/sea-orm-2.0.0/src/query.rs",
        "/usr/local/cargo/registry/src/github.com-1/sea-orm-2.0.0/src/query.rs",
        "/home/me/.cargo/git/checkouts/sea-orm-1/2/src/query.rs",
        r"C:\Users\me\.cargo\registry\src\index.crates.io-1\sqlx-0.9.0\src\lib.rs",
        "/rustc/1234/library/core/src/ops/function.rs",
        "/home/me/.rustup/toolchains/stable/lib/rustlib/src/rust/library/core/src/ops/function.rs",
        "/srv/venv/lib/python3.13/site-packages/sqlalchemy/engine/base.py",
        "/usr/lib/python3/dist-packages/django/db.py",
    ] {
        check_place(parents("src/user.rs", Some(dependency)), Some("src/user.rs:7"));
        check_place(parents(dependency, Some(dependency)), None);
    }
    let slow = with(query("SELECT * FROM books"), |it| {
        it.duration = ms(200);
        it.parent = Some(SpanId::from(7));
    });
    let outer = with(placed("src/user.rs", entry("load", 250)), |it| it.id = Some(SpanId::from(7)));
    check_place(vec![outer, slow], Some("src/user.rs:7"));
}

#[test]
fn each_source_line_is_looked_at_by_itself() {
    let from = |line: u32, entry: Entry| {
        let source = Callsite::new("").with_place("src/shop.rs", line);
        let mut entry = with(entry, |it| it.callsite = Some(source));
        entry.details_mut().function = Some("author_row".into());
        entry
    };
    let spread = queries(8).into_iter().zip([1, 2].into_iter().cycle()).map(|(q, line)| from(line, q));
    check(spread.collect(), &[]);
    let data = request_with(queries(6).into_iter().map(|query| from(87, query)).collect());
    let found = find(&data).remove(0);
    assert_eq!(found.location.as_ref().unwrap().to_string(), "src/shop.rs:87 (author_row)");
    assert_eq!(found.span_ids.len(), 6);
    assert!(found.sentence().contains("at src/shop.rs:87 (author_row)"), "{}", found.sentence());
    assert_eq!(found.detail, format!("{} {}", found.sentence(), found.remedy()));
}

#[test]
fn calls_are_compared_without_the_ids_in_their_path() {
    let calls = |url: &dyn Fn(u32) -> String| (0..6).map(|n| call(&url(n))).collect();
    let found = |what: &str| format!("warning n_plus_one: 6 × GET {what} under one parent");
    check(calls(&|n| format!("http://stock/items/{n}?x={n}")), &[&found("stock/items/…")]);
    check(calls(&|n| format!("http://me:pw@stock:80/{n}/price")), &[&found("stock:80/…/price")]);
    check(calls(&|n| format!("/relative/{n}")), &[&found("/relative/…")]);
    let paths = ["a", "b", "c", "d", "e", "f"];
    check(calls(&|n| format!("http://stock/{}", paths[n as usize])), &[]);
    check(calls(&|n| format!("http://{}/items", paths[n as usize])), &[]);
    let mixed =
        |n: u32| format!("http://stock/items/{n}/{}", if n.is_multiple_of(2) { "price" } else { "size" });
    check(calls(&mixed), &[]);
}

#[test]
fn cache_operations_are_compared_without_the_ids_in_their_key() {
    let keys = |key: &dyn Fn(u32) -> String| (0..6).map(|n| cache("GET", &key(n))).collect();
    check(keys(&|n| format!("book:{n}")), &["warning n_plus_one: 6 × GET under one parent"]);
    let names = ["a", "b", "c", "d", "e", "f"];
    check(keys(&|n| format!("book:{}", names[n as usize])), &[]);
    let unnamed = Cache::new("redis", "GET");
    let unnamed = || Entry::new("", ms(1), EntryKind::Cache(unnamed.clone()));
    check((0..6).map(|_| unnamed()).collect(), &["warning n_plus_one: 6 × GET under one parent"]);
}

#[test]
fn steering_a_transaction_is_no_repetition() {
    let steps = ["BEGIN", "SAVEPOINT a", "RELEASE SAVEPOINT a", "COMMIT", "PRAGMA foreign_keys"];
    check((0..40).map(|n| query(steps[n % 5])).collect(), &[]);
}

#[test]
fn a_repetition_says_in_what_order_it_ran_where_that_is_known() {
    let at_once = |n: u64| at(call(&format!("http://stock/{n}")), 0, 10);
    let data = request_with((0..6).map(at_once).collect());
    let sentence = |data: &PanelData| find(data)[0].sentence().to_owned();
    assert_eq!(
        sentence(&data),
        "The same call ran 6 times, some of them concurrently, and took 60.0 ms in all."
    );
    let in_turn = |n: u64| at(cache("GET", &format!("k{n}")), n * 10, n * 10 + 10);
    let data = request_with((0..6).map(in_turn).collect());
    assert_eq!(sentence(&data), "The same cache operation ran 6 times one by one and took 60.0 ms in all.");
    assert_eq!(
        sentence(&request_with(queries(6))),
        "The same query ran 6 times and took 6.0 ms in all.",
        "times were worked out"
    );
}

fn with_parameters(entry: Entry, values: &[&str]) -> Entry {
    let mut entry = entry;
    let parameter = |(i, value): (usize, &&str)| Parameter::new(i.to_string(), value.to_string());
    entry.details_mut().parameters = Some(values.iter().enumerate().map(parameter).collect());
    entry
}

#[test]
fn the_very_same_query_is_a_duplicate() {
    let by_id = |id| with_parameters(query("SELECT * FROM books WHERE id = ?"), &[id]);
    check(vec![by_id("1"), by_id("2")], &[]);
    check(vec![by_id("1"), by_id("2"), by_id("1")], &["info duplicate: 2 × identical SELECT books"]);
    // Whether the values are the same is not known.
    let unknown = || query("SELECT * FROM books WHERE id = $1");
    check(vec![unknown(), unknown()], &[]);
    let literal = || query("SELECT * FROM books WHERE id = 7");
    check(vec![literal(), literal()], &["info duplicate: 2 × identical SELECT books"]);
    let other = query("SELECT * FROM books WHERE id = 8");
    check(vec![literal(), other], &[]);
    let five = vec![literal(), literal(), literal(), literal(), literal()];
    let expected = [
        "warning n_plus_one: 5 × SELECT books under one parent",
        "warning duplicate: 5 × identical SELECT books",
    ];
    check(five, &expected);
    // These read nothing that could be kept.
    check(vec![query("SELECT 1"), query("SELECT 1")], &[]);
    let write = || query("UPDATE books SET n = n + 1");
    check(vec![write(), write()], &[]);
}

#[test]
fn what_was_written_in_between_is_asked_for_anew() {
    let read = || query("SELECT * FROM books WHERE id = 7");
    let found = &["info duplicate: 2 × identical SELECT books"];
    check(vec![read(), query("UPDATE books SET title = 'b'"), read()], &[]);
    check(vec![read(), query("INSERT INTO visits VALUES (1)"), read()], found);
    check(vec![read(), query("CALL refresh()"), read()], &[]);
    let joined = || query("SELECT * FROM books b, authors a WHERE a.id = 7");
    check(vec![joined(), query("INSERT INTO visits VALUES (1)"), joined()], &[]);
    let looked_up = "info duplicate: 2 × identical GET";
    check(vec![cache("GET", "a"), cache("SET", "b"), cache("GET", "a")], &[looked_up]);
    check(vec![cache("GET", "a"), cache("SET", "a"), cache("GET", "a")], &[]);
    check(vec![cache("GET", "a"), cache("MSET", "a,b"), cache("GET", "a")], &[]);
    let called = "info duplicate: 2 × identical GET a/b";
    check(vec![call("http://a/b?c=1"), call("http://a/b?c=1")], &[called]);
    let post = |url: &str| {
        let call = HttpCall::new("POST", url);
        Entry::new("", ms(1), EntryKind::HttpCall(call))
    };
    check(vec![post("http://a/b"), post("http://a/b")], &[]);
    check(vec![call("http://a/b"), post("http://a/b"), call("http://a/b")], &[]);
}

#[test]
fn a_slow_query_is_found() {
    let slow = with(query("SELECT * FROM readers"), |it| it.duration = ms(166));
    check(vec![slow], &["warning slow_query: SELECT readers took 166.0 ms"]);
}

#[test]
fn a_slow_span_is_found_where_nothing_below_explains_it() {
    let outer = SpanId::from(7);
    let second = Duration::from_secs(1);
    let wait = |busy| {
        with(entry("wait", 0), |it| {
            it.id = Some(outer);
            it.busy = busy;
            it.duration = second * 2;
        })
    };
    let found = &["warning slow_span: wait took 2000.0 ms"];
    check(vec![wait(Some(ms(1)))], found);
    check(vec![wait(Some(ms(1900)))], found);
    check(vec![wait(None)], found);
    let waits = find(&request_with(vec![wait(Some(ms(1)))])).remove(0);
    assert!(waits.remedy().contains("locks"), "{}", waits.remedy());
    let works = find(&request_with(vec![wait(Some(ms(1900)))])).remove(0);
    assert!(works.remedy().contains("Profile"), "{}", works.remedy());
    let inner = with(entry("lock", 0), |it| {
        it.parent = Some(outer);
        it.duration = second;
    });
    check(vec![wait(None), inner], &["warning slow_span: lock took 1000.0 ms"]);
    let slow = with(query("SELECT * FROM readers"), |it| {
        it.parent = Some(outer);
        it.duration = second;
    });
    check(vec![wait(None), slow], &["warning slow_query: SELECT readers took 1000.0 ms"]);
    let endless = with(entry("wait", 0), |it| it.duration = second * 20);
    check(vec![endless], &["critical slow_span: wait took 20000.0 ms"]);
}

#[test]
fn what_goes_on_after_the_request_makes_it_no_slower() {
    /// Of a request of so many milliseconds that spawned what goes on for seconds.
    #[track_caller]
    fn check(duration: u64, entries: Vec<Entry>, expected: &[&str]) {
        let mut data = request_of(ms(duration), get("/"));
        data.entries = entries;
        check_data(&data, expected);
    }
    let query = |from, to| at(query("SELECT * FROM readers"), from, to);
    let mail = |from, to| at(entry("mail", 0), from, to);
    check(150, vec![mail(50, 5_000)], &[]);
    check(150, vec![query(60, 5_000)], &[]);
    check(150, vec![query(0, 5_000)], &["warning slow_query: SELECT readers took 5000.0 ms"]);
    check(150, vec![query(200, 5_000)], &[]);
    check(150, vec![at(entry("a", 0), 10, 20), mail(4_000, 5_000)], &[]);
    check(2_000, vec![mail(500, 9_000)], &["warning slow_span: mail took 8500.0 ms"]);
}

#[test]
fn findings_are_bounded_and_the_worst_are_told() {
    // 5,000 queries, each slower than the one before.
    let slow =
        |n: u64| with(query(&format!("SELECT * FROM t{n} WHERE a = ?")), |it| it.duration = ms(100 + n));
    let mut data = request_of(Duration::from_secs(3_600), get("/"));
    data.entries = (0..5_000).map(slow).collect();
    let converted = PanelDataConverter::default().convert(&data);
    let of = |kind: &str| -> Vec<&Finding> {
        converted.findings.iter().filter(|finding| finding.kind.as_str() == kind).collect()
    };
    let slow = of("slow_query");
    assert_eq!((slow.len(), &*slow[0].title), (20, "SELECT t4999 took 5099.0 ms"));
    assert_eq!(slow[19].title, "SELECT t4980 took 5080.0 ms");
    assert_eq!(converted.findings_left_out, [(FindingKind::SlowQuery, 4_980)]);
    let many = of("many_queries");
    assert_eq!((many[0].span_ids.len(), many[0].spans_left_out), (100, 4_900));
    assert_eq!(many[0].title, "5000 queries");
}

#[test]
fn what_failed_is_told_once_where_it_began() {
    let (outer, inner) = (SpanId::from(7), SpanId::from(8));
    let failed = |name, id, parent| {
        with(entry(name, 1), |it| {
            it.id = Some(id);
            it.parent = parent;
            it.error = Some(format!("{name} lost").into());
        })
    };
    let mut data = request_with(vec![failed("load", outer, None), failed("read", inner, Some(outer))]);
    check_data(&data, &["warning error: read failed: read lost"]);
    assert_eq!(find(&data)[0].span_ids, [outer, inner]);
    assert_eq!(find(&data)[0].sentence(), "The request went on without it.");

    data.request.status = Some(503);
    check_data(&data, &["critical error: read failed: read lost"]);
    assert_eq!(find(&data)[0].span_ids, [ROOT, outer, inner]);
    assert_eq!(find(&data)[0].sentence(), "The response status was 503.");
}

#[test]
fn what_failed_is_told_once_also_through_spans_that_tell_of_no_failure() {
    let (outer, inner) = (SpanId::from(7), SpanId::from(8));
    let exception = with(Exception::default(), |it| it.message = Some("no discount: lost".into()));
    let request = with(get("/"), |it| {
        it.exception = Some(exception);
        it.status = Some(500);
    });
    let mut data = request_of(ms(900), request);
    let failed = with(query("SELECT 1 FROM a"), |it| {
        it.id = Some(inner);
        it.parent = Some(outer);
        it.error = Some("lost".into());
    });
    data.entries = vec![with(entry("handler", 2), |it| it.id = Some(outer)), failed];
    check_data(&data, &["critical error: SELECT a failed: lost"]);
    assert_eq!(find(&data)[0].span_ids, [ROOT, inner]);
    assert_eq!(find(&data)[0].sentence(), "The response status was 500.");
}

#[test]
fn failures_that_look_the_same_are_told_together() {
    let fails = || {
        let EntryKind::HttpCall(call) = call("http://stock/7").kind else { unreachable!() };
        Entry::new("", ms(1), EntryKind::HttpCall(with(call, |it| it.status = Some(502))))
    };
    // Asking again after a failure is no duplicate.
    check(vec![fails(), fails(), fails()], &["warning error: 3 × GET stock/7 failed: 502"]);
    let silent = || with(entry("work", 1), |it| it.error = Some("".into()));
    check(vec![silent()], &["warning error: work failed"]);
    check(vec![silent(), silent()], &["warning error: 2 × work failed"]);
}

#[test]
fn a_request_without_an_answer_is_told() {
    let mut data = request_with(vec![]);
    data.request = with(get("/"), |it| {
        it.status = None;
        it.failure = Some("cancelled".into());
    });
    check_data(&data, &["warning error: GET / failed: cancelled"]);
    assert_eq!(find(&data)[0].sentence(), "The request got no response.");
}

#[test]
fn the_exception_logged_last_says_why_something_failed() {
    let mut data = request_with(vec![]);
    data.request.status = Some(500);
    let exception = |kind: &'static str, message: String| {
        with(log("failed", None, Level::Error), |it| {
            it.attributes = vec![
                KeyValue::new("exception.type", kind),
                KeyValue::new("exception.message", message),
                KeyValue::new("exception.stacktrace", "…"),
            ]
        })
    };
    data.logs.push(exception("First", "one".into()));
    data.logs.push(exception("Last", format!("two{}\nlines", "o".repeat(300))));
    let found = find(&data).remove(0);
    assert_eq!(found.title, format!("GET / failed: Last: two{}…", "o".repeat(151)));
    assert_eq!(found.remedy(), "See its stack trace.");
}

#[test]
fn errors_logged_where_nothing_failed_are_told_as_such() {
    let mut data = request_with(vec![]);
    data.logs.push(log("odd", None, Level::Warn));
    check_data(&data, &[]);
    data.logs.push(log("bad", None, Level::Error));
    check_data(&data, &["warning error: 1 error logged"]);
    data.logs.push(log("worse", None, Level::Fatal));
    check_data(&data, &["warning error: 2 errors logged"]);
}

#[test]
fn a_long_wait_between_two_children_is_found() {
    let children = || vec![at(entry("a", 0), 10, 100), at(entry("b", 0), 400, 500)];
    check(children(), &["warning long_wait: 300.0 ms between a and b"]);
    // Something ran meanwhile.
    let with_other = [children(), vec![at(entry("c", 0), 50, 390)]].concat();
    check(with_other, &[]);
    // Before the first and after the last the request does its own work.
    check(vec![at(entry("a", 0), 400, 500)], &[]);
    // It was not waiting but working.
    let mut data = request_with(children());
    data.timer.busy = Some(ms(250));
    check_data(&data, &[]);
    data.timer.busy = Some(ms(20));
    check_data(&data, &["warning long_wait: 300.0 ms between a and b"]);
    // Where the times were worked out there is nothing to be seen.
    check(vec![entry("a", 10), entry("b", 10)], &[]);
}

#[test]
fn calls_that_could_run_together_are_found() {
    let urls = ["http://a/x", "http://b/y", "http://c/z", "http://d/w"];
    let row = |length: u64, pause: u64, count: usize| -> Vec<Entry> {
        let call = |(n, url): (u64, &&str)| {
            let from = n * (length + pause);
            at(call(url), from, from + length)
        };
        (0..).zip(&urls[..count]).map(call).collect()
    };
    check(row(150, 1, 3), &["info serial_calls: 3 calls one after the other"]);
    assert_eq!(
        find(&request_with(row(150, 1, 3)))[0].sentence(),
        "They took 450.0 ms; running them concurrently would save 300.0 ms."
    );
    // A token and what it is for; little to be saved; an answer worked on; already together.
    check(row(400, 1, 2), &[]);
    check(row(50, 1, 4), &[]);
    check(row(150, 50, 4), &[]);
    check(urls.map(|url| at(call(url), 0, 300)).into(), &[]);
    // A query between them may need the one and be needed by the other.
    let mut mixed = row(150, 1, 3);
    mixed[1] = at(query("SELECT * FROM books"), 151, 250);
    check(mixed, &[]);
    // What writes is in order for a reason.
    let mut writes = row(150, 1, 3);
    let EntryKind::HttpCall(post) = &mut writes[1].kind else { unreachable!() };
    post.method = "POST".into();
    check(writes, &[]);
}

/// Protects the method QUERY, which is safe (RFC 10008): it is in each list of those that read.
#[test]
fn calls_of_the_method_query_read() {
    let ask = |url: &str| {
        let call = with(HttpCall::new("QUERY", url), |it| it.status = Some(200));
        Entry::new("", ms(1), EntryKind::HttpCall(call))
    };
    let asked = vec![call("http://a/b"), ask("http://a/b"), call("http://a/b")];
    check(asked, &["info duplicate: 2 × identical GET a/b"]);
    // What was asked for stands in the body, which is not known.
    check(vec![ask("http://a/b"), ask("http://a/b")], &[]);
    let row = [(0, "http://a/x"), (150, "http://b/y"), (300, "http://c/z")];
    let row = row.map(|(from, url)| at(ask(url), from, from + 150));
    check(row.into(), &["info serial_calls: 3 calls one after the other"]);
}

#[test]
fn calls_behind_a_function_that_makes_them_are_found() {
    let urls = ["http://a/x", "http://b/y", "http://c/z"];
    let place = Callsite::new("").with_place("src/fetch.rs", 7);
    let behind = |(n, url): (u64, &&str)| {
        let id = SpanId::from(100 + n);
        let span = with(entry("fetch", 0), |it| {
            it.id = Some(id);
            it.callsite = Some(place.clone());
        });
        [
            at(span, n * 150, n * 150 + 150),
            with(at(call(url), n * 150 + 1, n * 150 + 149), |it| it.parent = Some(id)),
        ]
    };
    let mut data = request_of(ms(900), get("/"));
    data.entries = (0..).zip(&urls).flat_map(behind).collect();
    check_data(&data, &["info serial_calls: 3 calls one after the other"]);
    assert_eq!(find(&data)[0].location.as_ref().unwrap().to_string(), "src/fetch.rs:7");
    // One that does something else as well may need it in between.
    data.entries.push(with(at(query("SELECT * FROM a"), 160, 170), |it| it.parent = Some(SpanId::from(101))));
    check_data(&data, &[]);
}

#[test]
fn thresholds_are_kept() {
    let thresholds = Thresholds::default()
        .with_n_plus_one(0)
        .with_duplicates(0)
        .with_slow_query(ms(1))
        .with_slow_span(ms(2000))
        .with_many_queries(3)
        .with_long_wait(ms(5))
        .with_serial_calls(0, ms(5));
    assert_eq!((thresholds.n_plus_one, thresholds.duplicates, thresholds.serial_calls), (2, 2, 2));
    let row = [at(call("http://a/x"), 20, 30), at(call("http://b/y"), 30, 40)];
    let data = request_with([queries(3).into_iter().map(|q| at(q, 0, 1)).collect(), row.to_vec()].concat());
    let found = PanelDataConverter::default().with_thresholds(thresholds).convert(&data).findings;
    let kinds: Vec<_> = found.iter().map(|finding| finding.kind.as_str()).collect();
    let expected =
        ["n_plus_one", "slow_query", "slow_query", "slow_query", "many_queries", "long_wait", "serial_calls"];
    assert_eq!(kinds, expected);
}
