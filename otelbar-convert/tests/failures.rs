//! What failed is told as the semantic conventions tell it, once, and what isn't known to have gone well isn't called so.

mod common;

use common::*;
use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use otelbar_convert::findings::count_failures;
use otelbar_convert::panel_data::{
    Details, Entry, EntryKind, Exception, HttpCall, Level, Log, PanelData, Request, Sql,
};
use otelbar_convert::redact::Redactor;
use otelbar_convert::{ConvertedSpan, PanelDataConverter, SpanLimits, Tree};

fn exception(kind: &'static str, message: &'static str) -> Exception {
    let text = |text: &'static str| (!text.is_empty()).then(|| text.into());
    Exception::new(text(kind), text(message))
}

/// A span's status, `error.type` and exceptions, as `status: description | error.type | type: message …`.
fn told(span: &ConvertedSpan) -> String {
    let status = match &span.data.status {
        Status::Unset => "unset".to_owned(),
        Status::Ok => "ok".to_owned(),
        Status::Error { description } => format!("error: {description}"),
    };
    let of = |event: &opentelemetry::trace::Event, key: &str| {
        let attribute = event.attributes.iter().find(|attribute| attribute.key.as_str() == key);
        attribute.map(|attribute| attribute.value.to_string()).unwrap_or_default()
    };
    let exceptions: Vec<_> = span
        .data
        .events
        .events
        .iter()
        .filter(|event| event.name == "exception")
        .map(|event| format!("{}: {}", of(event, "exception.type"), of(event, "exception.message")))
        .collect();
    format!("{status} | {} | {}", text(span, "error.type"), exceptions.join(", "))
}

#[track_caller]
fn check_request(request: Request, expected: &str) {
    assert_eq!(told(&convert(&data(request)).spans[0]), expected);
}

#[test]
fn a_request_fails_with_its_exception() {
    check_request(get("/"), "unset |  | ");
    let panicked = || Some(exception("panic", "index out of bounds"));
    let of = |exception| {
        with(get("/"), |it| {
            it.exception = exception;
            it.status = None;
        })
    };
    check_request(of(panicked()), "error: index out of bounds | panic | panic: index out of bounds");
    // The answer of a layer that caught it.
    let answered = with(of(panicked()), |it| it.status = Some(500));
    check_request(answered, "error: index out of bounds | panic | panic: index out of bounds");
    let failed = with(of(None), |it| it.failure = Some("hyper::Error".into()));
    check_request(failed, "error: hyper::Error | hyper::Error | ");
    let failed = with(of(Some(exception("", "reset"))), |it| it.failure = Some("hyper::Error".into()));
    check_request(failed, "error: reset | hyper::Error | : reset");
    let recorded = with(get("/"), |it| {
        it.status = Some(500);
        it.attributes = vec![KeyValue::new("error.type", "Declined")];
    });
    check_request(recorded, "error:  | Declined | ");
}

#[test]
fn a_client_that_goes_and_a_cancelled_request_are_no_errors() {
    let of = |outcome: &'static str, status| {
        with(get("/"), |it| {
            it.outcome = Some(outcome.into());
            it.status = status;
        })
    };
    for (outcome, status) in [("client_gone", Some(200)), ("client_gone", Some(404)), ("cancelled", None)] {
        let converted = convert(&data(of(outcome, status)));
        assert_eq!(told(&converted.spans[0]), "unset |  | ");
        assert_eq!(text(&converted.spans[0], "otelbar.outcome"), outcome);
        assert!(converted.findings.is_empty());
    }
    check_request(of("client_gone", Some(500)), "error:  | 500 | ");
}

fn span_with(details: impl FnOnce(&mut Details)) -> Entry {
    let mut entry = entry("work", 1);
    details(entry.details_mut());
    entry
}

#[track_caller]
fn check_entry(entry: Entry, expected: &str) {
    let mut data = data(get("/"));
    data.entries.push(entry);
    assert_eq!(told(&convert(&data).spans[1]), expected);
}

#[test]
fn what_failed_has_the_type_of_its_error() {
    check_entry(entry("work", 1), "unset |  | ");
    check_entry(with(entry("work", 1), |it| it.error = Some("lost".into())), "error: lost | _OTHER | ");
    check_entry(with(entry("work", 1), |it| it.error = Some("".into())), "error:  | _OTHER | ");
    let of = |kind, message| span_with(|details| details.exception = Some(exception(kind, message)));
    check_entry(of("io::Error", "disk full"), "error: disk full | io::Error | io::Error: disk full");
    check_entry(of("", "disk full"), "error: disk full | _OTHER | : disk full");
    // What the application says of its status comes first.
    let described = with(of("io::Error", "disk full"), |it| it.error = Some("declined".into()));
    check_entry(described, "error: declined | io::Error | io::Error: disk full");
    let typed = span_with(|details| {
        details.error_type = Some("Declined".into());
        details.exception = Some(exception("io::Error", "disk full"));
    });
    check_entry(typed, "error: disk full | Declined | io::Error: disk full");
    let recorded = with(of("io::Error", ""), |it| it.attributes = vec![KeyValue::new("error.type", "Own")]);
    check_entry(recorded, "error:  | Own | io::Error: ");
    // A mapper may record the message only as an attribute.
    let message = || vec![KeyValue::new("exception.message", "disk full")];
    let bare = with(entry("work", 1), |it| {
        it.error = Some("".into());
        it.attributes = message();
    });
    check_entry(bare.clone(), "error: disk full | _OTHER | ");
    check_entry(with(bare, |it| it.error = Some("declined".into())), "error: declined | _OTHER | ");
    check_entry(with(entry("work", 1), |it| it.attributes = message()), "unset |  | ");
}

#[test]
fn what_the_application_calls_ok_is_ok() {
    let ok = span_with(|details| details.ok = true);
    check_entry(ok, "ok |  | ");
    let handled = span_with(|details| {
        details.ok = true;
        details.exception = Some(exception("io::Error", "disk full"));
    });
    check_entry(handled, "ok |  | io::Error: disk full");
}

fn query_answered(code: &str) -> Entry {
    let sql = with(Sql::default(), |it| {
        it.text = "SELECT 1 FROM a".into();
        it.response_status = Some(code.into());
    });
    Entry::new("", ms(1), EntryKind::Sql(sql))
}

#[test]
fn a_query_fails_by_the_code_of_its_database() {
    for code in ["23505", "42P01", "1062", "ORA-17002", "ERROR"] {
        check_entry(query_answered(code), &format!("error:  | {code} | "));
    }
    for code in ["00000", "01000", "02000", "0", "OK", ""] {
        check_entry(query_answered(code), "unset |  | ");
    }
    let mut data = data(get("/"));
    data.entries.push(query_answered("23505"));
    assert_eq!(text(&convert(&data).spans[1], "db.response.status_code"), "23505");
    let mut failed = query_answered("23505");
    failed.details_mut().exception = Some(exception("sqlx::Error", "duplicate key"));
    check_entry(failed, "error: duplicate key | sqlx::Error | sqlx::Error: duplicate key");
}

#[test]
fn a_call_that_was_given_up_is_no_error() {
    let of = |outcome: Option<&'static str>, failure: Option<&'static str>, status| {
        let call = with(HttpCall::new("GET", "http://a/b"), |it| {
            it.outcome = outcome.map(Into::into);
            it.failure = failure.map(Into::into);
            it.status = status;
        });
        Entry::new("", ms(1), EntryKind::HttpCall(call))
    };
    check_entry(of(Some("cancelled"), None, None), "unset |  | ");
    check_entry(of(None, Some("timeout"), None), "error:  | timeout | ");
    check_entry(of(None, None, Some(404)), "error:  | 404 | ");
}

fn work(id: u64, parent: Option<u64>) -> Entry {
    with(entry("work", 1), |it| {
        it.id = Some(SpanId::from(id));
        it.parent = parent.map(SpanId::from);
    })
}

fn logged(message: &'static str, span: u64, attributes: &[(&'static str, &'static str)]) -> Log {
    let attributes = attributes.iter().map(|(key, value)| KeyValue::new(*key, *value)).collect();
    with(log(message, Some(SpanId::from(span)), Level::Error), |it| it.attributes = attributes)
}

#[test]
fn an_exception_that_was_logged_is_told_once() {
    #[track_caller]
    fn check(attributes: &[(&'static str, &'static str)], expected: &str) {
        let mut data = data(get("/"));
        let mut work = work(7, None);
        work.details_mut().exception = Some(exception("io::Error", "disk full"));
        data.entries.push(work);
        data.logs.push(logged("failed", 7, attributes));
        assert_eq!(told(&convert(&data).spans[1]), expected);
    }
    check(&[("error", "disk full")], "error: disk full | io::Error | io::Error: disk full");
    check(&[("exception.type", "io::Error")], "error: disk full | io::Error | io::Error: disk full");
    check(&[("error", "other")], "error: disk full | io::Error | : other, io::Error: disk full");
    check(&[], "error: disk full | io::Error | io::Error: disk full");
}

#[test]
fn a_span_in_error_by_a_log_has_the_words_and_the_type_of_the_error() {
    #[track_caller]
    fn check(message: &'static str, attributes: &[(&'static str, &'static str)], expected: &str) {
        let mut data = data(get("/"));
        data.entries.push(work(7, None));
        let mut log = logged(message, 7, attributes);
        log.callsite.file = Some("src/shop.rs".into());
        data.logs.push(log);
        assert_eq!(told(&convert(&data).spans[1]), expected);
    }
    // As `#[instrument(err)]` logs it: without a message, for which `tracing` has the event's place.
    check("event src/shop.rs:28", &[("error", "disk full")], "error: disk full | _OTHER | : disk full");
    check("loading failed", &[("err", "disk full")], "error: disk full | _OTHER | : disk full");
    check(
        "loading failed",
        &[("exception.type", "Lost"), ("exception.message", "disk full")],
        "error: disk full | Lost | Lost: disk full",
    );
    check("loading failed", &[("exception.type", "Lost")], "error: loading failed | Lost | Lost: ");
    check("loading failed", &[], "unset |  | ");
}

#[test]
fn an_event_has_a_name_always() {
    let mut data = data(get("/"));
    data.entries.push(work(7, None));
    data.logs.push(logged("", 7, &[]));
    data.logs.push(logged("", 7, &[("error", "disk full")]));
    let span = convert(&data).spans.remove(1).data;
    let names: Vec<_> = span.events.events.iter().map(|event| &*event.name).collect();
    assert_eq!(names, ["log", "exception"]);
    let is_message = |attribute: &KeyValue| attribute.key.as_str() == "otelbar.log.message";
    assert!(!span.events.events[1].attributes.iter().any(is_message), "there was none");
}

/// How many failures there are in a request with these.
#[track_caller]
fn check_count(entries: Vec<Entry>, logs: Vec<Log>, expected: usize) {
    let mut data: PanelData = data(get("/"));
    data.entries = entries;
    data.logs = logs;
    assert_eq!(count_failures(&Tree::of(&convert(&data).spans)), expected);
}

#[test]
fn a_failure_is_counted_once() {
    let fails = |id, parent| with(work(id, parent), |it| it.error = Some("lost".into()));
    check_count(vec![work(7, None)], vec![], 0);
    check_count(vec![fails(7, None)], vec![], 1);
    check_count(vec![fails(7, None)], vec![logged("lost", 7, &[])], 1);
    check_count(vec![fails(7, None)], vec![logged("lost", 7, &[("error", "lost")])], 1);
    check_count(vec![fails(7, None), fails(8, Some(7))], vec![logged("lost", 8, &[])], 1);
    check_count(vec![fails(7, None), fails(8, None)], vec![], 2);
    // One logged where nothing failed is a failure of its own, and so is each further one.
    check_count(vec![work(7, None)], vec![logged("odd", 7, &[]), logged("odd", 7, &[])], 2);
    let notice = with(logged("odd", 7, &[]), |it| it.level = Level::Warn);
    check_count(vec![work(7, None)], vec![notice], 0);
    // A level with a name of its own is as severe as its number says.
    check_count(vec![work(7, None)], vec![logged("odd", 7, &[("otelbar.log.level", "ALERT")])], 1);
}

/// Protects the count where the failure went through a span that tells of none, as `#[instrument]` without `err` does.
#[test]
fn a_failure_that_is_passed_on_by_its_message_is_counted_once() {
    let fails =
        |id, parent, message: &'static str| with(work(id, parent), |it| it.error = Some(message.into()));
    let through = |outer: &'static str, inner: &'static str| {
        vec![fails(7, None, outer), work(8, Some(7)), work(9, Some(8)), fails(10, Some(9), inner)]
    };
    for (outer, inner, expected) in [
        ("lost", "lost", 1),
        ("cannot load: lost", "lost", 1),
        ("cannot load (lost: disk full)", "lost: disk full", 1),
        ("cannot load\n  lost", "lost\n", 1),
        // The one says nothing of the other.
        ("refused", "lost", 2),
        ("cannot load: lost", "lost: disk full", 2),
        ("lostness", "lost", 2),
        ("unlost", "lost", 2),
        ("café lost", "caf", 2),
        ("lost", "", 2),
        ("", "lost", 2),
    ] {
        check_count(through(outer, inner), vec![], expected);
    }
    // Another failure, of which nothing is said, is one of its own.
    let two = [through("cannot load: lost", "lost"), vec![fails(11, Some(8), "refused")]].concat();
    check_count(two, vec![], 2);
    // Through a failure: what it says itself is passed on, or not.
    let chain = |middle| {
        vec![fails(7, None, "page: a"), work(8, Some(7)), fails(9, Some(8), middle), fails(10, Some(9), "b")]
    };
    check_count(chain("a"), vec![], 1);
    check_count(chain("c"), vec![], 2);
}

/// Protects the count where the request itself failed with what a query in a handler failed with.
#[test]
fn a_request_that_passes_on_a_failure_is_counted_with_it() {
    let request = |message| {
        with(get("/"), |it| {
            it.exception = Some(exception("Discount", message));
            it.status = Some(500);
        })
    };
    let failed = || {
        with(query("SELECT 1 FROM a"), |it| {
            it.error = Some("NOT NULL failed".into());
            it.parent = Some(SpanId::from(7));
        })
    };
    let count = |message| {
        let mut data = data(request(message));
        data.entries = vec![work(7, None), failed()];
        count_failures(&Tree::of(&convert(&data).spans))
    };
    assert_eq!(count("no discount for order 1: NOT NULL failed"), 1);
    assert_eq!(count("no discount for order 1"), 2);
}

/// Protects the count where an error is logged beside the failure that it tells of, and not in it.
#[test]
fn an_error_that_is_logged_above_or_below_its_failure_is_counted_once() {
    let fails =
        |id, parent, message: &'static str| with(work(id, parent), |it| it.error = Some(message.into()));
    let above = || vec![work(7, None), work(8, Some(7)), fails(9, Some(8), "lost")];
    check_count(above(), vec![logged("cannot load: lost", 7, &[])], 1);
    check_count(above(), vec![logged("cannot load", 7, &[])], 2);
    check_count(above(), vec![logged("cannot load: lost", 7, &[]), logged("odd", 8, &[])], 2);
    let below = || vec![fails(7, None, "cannot load: lost"), work(8, Some(7)), work(9, Some(8))];
    check_count(below(), vec![logged("lost", 9, &[])], 1);
    check_count(below(), vec![logged("page: cannot load: lost", 9, &[])], 1);
    check_count(below(), vec![logged("odd", 9, &[])], 2);
}

#[test]
fn a_span_of_the_api_keeps_its_scope_and_says_its_status_itself() {
    let scope = InstrumentationScope::builder("reqwest-tracing").with_version("1.2").build();
    let mut data = data(get("/"));
    let mut api = work(7, None);
    api.details_mut().scope = Some(scope.clone());
    data.entries.push(api);
    data.entries.push(work(8, None));
    data.logs.push(logged("exception", 7, &[("exception.type", "Retried")]));
    let spans = convert(&data).spans;
    assert_eq!(spans[1].data.instrumentation_scope, scope);
    assert_eq!(told(&spans[1]), "unset |  | Retried: ", "an exception may have been handled");
    let own = &spans[2].data.instrumentation_scope;
    assert_eq!((own.name(), own.schema_url()), ("otelbar", Some("https://opentelemetry.io/schemas/1.42.0")));
}

#[test]
fn links_are_kept() {
    let other =
        SpanContext::new(TraceId::from(9), SpanId::from(9), TraceFlags::SAMPLED, true, TraceState::default());
    let link = Link::new(other.clone(), vec![KeyValue::new("why", "retry")], 0);
    let mut data = data(with(get("/"), |it| it.links = vec![link.clone()]));
    let mut follows = entry("work", 1);
    follows.details_mut().links = vec![link];
    follows.details_mut().dropped_links = 3;
    data.entries.push(follows);
    for (span, dropped) in convert(&data).spans.iter().zip([0, 3]) {
        assert_eq!(span.data.links.links.len(), 1);
        assert_eq!(span.data.links.links[0].span_context, other);
        assert_eq!(span.data.links.dropped_count, dropped);
    }
}

#[test]
fn links_keep_to_the_limits_and_no_secrets() {
    let attributes = || vec![KeyValue::new("password", "hunter2"), KeyValue::new("why", "retry")];
    let link = || Link::new(SpanContext::NONE, attributes(), 0);
    let mut data = data(get("/"));
    let mut follows = entry("work", 1);
    follows.details_mut().links = vec![link(), link(), link()];
    data.entries.push(follows);
    let converter = PanelDataConverter::default()
        .with_redactor(Redactor::common())
        .with_span_limits(SpanLimits::default().with_links(2).with_link_attributes(1));
    let converted = converter.convert(&data);
    let links = &converted.spans[1].data.links;
    assert_eq!((links.links.len(), links.dropped_count, converted.report.dropped_links), (2, 1, 1));
    assert_eq!(links.links[0].attributes, [KeyValue::new("password", "REDACTED")]);
    assert_eq!(links.links[0].dropped_attributes_count, 1);
}

#[test]
fn a_call_is_named_by_its_template_and_shown_with_its_place() {
    #[track_caller]
    fn check(method: &str, url: &str, template: Option<&str>, expected: (&str, &str)) {
        let mut data = data(get("/"));
        let call = with(HttpCall::new(method, url), |it| it.template = template.map(Into::into));
        data.entries.push(Entry::new("", ms(1), EntryKind::HttpCall(call)));
        let span = convert(&data).spans.remove(1);
        assert_eq!((&*span.data.name, &*span.display_name()), expected);
        assert_eq!(text(&span, "url.template"), template.unwrap_or_default());
    }
    let url = "https://me:pw@stock.example:8080/items/7?token=a#b";
    check("GET", url, None, ("GET", "GET stock.example:8080/items/7"));
    check("GET", url, Some("/items/{id}"), ("GET /items/{id}", "GET stock.example:8080/items/7"));
    check("GET", "//me:pw@stock.example/items?token=a", None, ("GET", "GET stock.example/items"));
    check("QUERY", "http://a", None, ("QUERY", "QUERY a"));
    check("BREW", "http://a/", None, ("HTTP", "HTTP a/"));
    check("GET", "", None, ("GET", "GET"));
    let root = convert(&data(get("/a"))).spans.remove(0);
    assert_eq!(root.display_name(), "GET /a");
    let mut data = data(get("/"));
    data.entries.push(Entry::new("load", ms(1), EntryKind::Span(SpanKind::Internal)));
    assert_eq!(convert(&data).spans[1].display_name(), "load");
}
