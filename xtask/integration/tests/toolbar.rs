//! The whole toolbar, in the demo: what its JSON API shows is what the backends hold.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::browser;
use common::demo::{self, Demo};
use common::held::{Held, of_service, settle, wait_for};
use otelbar_integration::compare::{Form, Span, Value as Found};
use otelbar_integration::{Collector, Jaeger, Zipkin, eventually};
use serde_json::Value;

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// What is told of a span everywhere: its parent, name, service and begin in microseconds, by its id.
type Told = BTreeMap<String, (Option<String>, String, String, u64)>;

/// What the toolbar shows of each trace.
fn shown(requests: &[Value]) -> BTreeMap<String, Told> {
    let mut traces: BTreeMap<String, Told> = BTreeMap::new();
    for request in requests {
        let trace = traces.entry(text(&request["request"]["trace_id"])).or_default();
        for span in request["spans"].as_array().unwrap() {
            let start: u64 = text(&span["start_unix_ns"]).parse().unwrap();
            let parent = span["parent_span_id"].as_str().map(str::to_owned);
            // Zipkin keeps no capital letters.
            let names = (text(&span["name"]).to_lowercase(), text(&span["service"]).to_lowercase());
            trace.insert(text(&span["span_id"]), (parent, names.0, names.1, start / 1_000));
        }
    }
    traces
}

/// What a backend tells of a trace.
fn told(spans: &[Span]) -> Told {
    let spans = spans.iter().map(|span| {
        let Some(Found::Text(service)) = span.resource.get("service.name") else { panic!("{span:?}") };
        let names = (span.name.to_lowercase(), service.to_lowercase());
        (span.span_id.clone(), (span.parent_span_id.clone(), names.0, names.1, span.start / 1_000))
    });
    spans.collect()
}

/// Asserts that the backend holds each trace that the toolbar shows, with the same spans, and some with both services.
#[track_caller]
fn assert_same(held: &impl Held, form: Form, shown: &BTreeMap<String, Told>) {
    let mut of_both = 0;
    for (trace_id, spans) in shown {
        let found = wait_for(held, form, trace_id, spans.len());
        assert_eq!(found.len(), spans.len(), "{}: {trace_id}: each once", form.title());
        let found = told(&found);
        assert_eq!(&found, spans, "{}: {trace_id}", form.title());
        let services: BTreeSet<&str> = found.values().map(|(_, _, service, _)| service.as_str()).collect();
        of_both += usize::from(services == BTreeSet::from(["inventory", "shop"]));
    }
    assert!(of_both >= 4, "{}: {of_both} traces of both services", form.title());
}

/// Protects the promise that the page and production show one thing: each trace of the toolbar's API is found in each
/// backend, span by span, with both services in it where one called the other.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn each_trace_of_the_demo_is_found_in_each_backend() {
    let (jaeger, zipkin, collector) =
        (Jaeger::shared().unwrap(), Zipkin::shared().unwrap(), Collector::shared().unwrap());
    let demo = Demo::start(&jaeger.otlp_http, Some(&zipkin), &[]);
    demo.visit_all();
    let traces = shown(&demo.requests());
    assert!(traces.len() >= 14, "{}", traces.len());
    assert_same(&*jaeger, Form::JaegerV3, &traces);
    assert_same(&*jaeger, Form::JaegerUi, &traces);
    assert_same(&*zipkin, Form::Zipkin, &traces);

    let demo = Demo::start(&collector.otlp_http, None, &[]);
    demo.visit_all();
    assert_same(&*collector, Form::CollectorFile, &shown(&demo.requests()));
}

/// Protects the whole of the demo's own traffic: streams that are left, tasks that outlive their request, failures and
/// callers of all kinds, over both versions of HTTP. What the toolbar says is exported is what the Collector gets, to the
/// span.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn the_demos_own_traffic_arrives_to_the_span() {
    // For this test only: services of other tests would be counted, too.
    let collector = Collector::alone().unwrap();
    let held = || ["shop", "inventory"].map(|service| of_service(&collector, service)).concat();
    let before = held().len();
    let summary = demo::own_traffic(200, &collector.otlp_http);
    let exported = usize::try_from(summary["exported"].as_u64().unwrap()).unwrap();
    assert!(exported > 1_000, "{summary}");
    settle(&*collector, Form::CollectorFile, &collector.otlp_http);
    // With the marker.
    let after = held();
    assert_eq!(after.len() - before, exported + 1, "{summary}");
    let ids: BTreeSet<String> = after[..].iter().map(Span::id).collect();
    assert_eq!(ids.len(), after.len(), "each once");
}

/// Protects context from outside: the trace goes on under the caller's span, with its trace state, and baggage that
/// comes with it harms nothing.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn a_trace_from_outside_goes_on_under_its_parent() {
    let (jaeger, zipkin) = (Jaeger::shared().unwrap(), Zipkin::shared().unwrap());
    let demo = Demo::start(&jaeger.otlp_http, Some(&zipkin), &[]);
    let trace_id = common::random_trace_id().to_string();
    let headers = [
        ("traceparent", &*format!("00-{trace_id}-00f067aa0ba902b7-03")),
        ("tracestate", "vendor=a1b2,other@tenant=00f067aa0ba902b7"),
        ("baggage", "user=alice;role=admin,cart=%C3%BC%20%2C"),
    ];
    assert_eq!(demo.get("/books/3", &headers), 200);
    let shown = shown(&demo.requests());

    let found = wait_for(&*jaeger, Form::JaegerV3, &trace_id, shown[&trace_id].len());
    let roots: Vec<&Span> =
        found.iter().filter(|span| span.parent_span_id.as_deref() == Some("00f067aa0ba902b7")).collect();
    let [root] = roots[..] else { panic!("{roots:?}") };
    assert_eq!(root.kind.as_deref(), Some("server"));
    // Sampled and random as the caller says, and that the parent is remote.
    assert_eq!(root.flags, Some(0x303));
    for span in &found {
        assert_eq!(span.trace_state, "vendor=a1b2,other@tenant=00f067aa0ba902b7", "{}", span.name);
    }
    assert_same_parent(&*jaeger, Form::JaegerUi, &root.id());
    assert_same_parent(&*zipkin, Form::Zipkin, &root.id());
}

#[track_caller]
fn assert_same_parent(held: &impl Held, form: Form, id: &str) {
    let (trace_id, span_id) = id.split_once('/').unwrap();
    let found = eventually(|| held.spans(form, trace_id).into_iter().find(|span| span.span_id == span_id));
    assert_eq!(found.unwrap().parent_span_id.as_deref(), Some("00f067aa0ba902b7"), "{}", form.title());
}

/// Protects what a developer learns of a backend that does not take a trace: its own words stand at the request.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn a_backends_words_stand_at_the_request() {
    let (jaeger, collector) = (Jaeger::shared().unwrap(), Collector::shared().unwrap());
    // otelbar:wrong
    let wrong = ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic%20b3RlbGJhcjp3cm9uZw==");
    let at_once = [
        ("OTELBAR_RETRY_MAX_AGE", "100"),
        ("OTELBAR_RETRY_INITIAL_BACKOFF", "10"),
        ("OTELBAR_BREAKER_OPEN_DURATION", "10"),
    ];
    for (otlp, variables, words) in [
        (
            &jaeger.otlp_http_basicauth,
            &[wrong][..],
            &["401 Unauthorized: ", "OTEL_EXPORTER_OTLP_HEADERS"][..],
        ),
        (&collector.otlp_http_refusing, &at_once, &["503", "data refused due to high memory usage"]),
    ] {
        let demo = Demo::start(otlp, None, variables);
        demo.get("/search?q=sea", &[]);
        let requests = demo.requests();
        let [request] = &requests[..] else { panic!("{requests:?}") };
        let export = &request["request"]["export"];
        assert_eq!(export["state"], "failed", "{export}");
        for words in words {
            assert!(text(&export["detail"]).contains(words), "{words}: {export}");
        }
        for link in request["links"].as_array().unwrap() {
            assert_eq!(link["ready"], false, "what did not arrive is not linked: {link}");
        }
        let exporter = &demo.api("requests?limit=1")["exporter"];
        assert_eq!(exporter["accepted"], 0, "{exporter}");
        assert!(text(&exporter["last_error"]).contains(words[0]), "{exporter}");
    }
}

/// Protects the page's links: the one to Zipkin shows the trace in Zipkin's own UI, the one to Jaeger carries the id for
/// which Jaeger answers.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn the_links_lead_to_the_trace() {
    let (jaeger, zipkin) = (Jaeger::shared().unwrap(), Zipkin::shared().unwrap());
    let demo = Demo::start(&jaeger.otlp_http, Some(&zipkin), &[("OTELBAR_JAEGER_UI", &jaeger.api)]);
    demo.get("/books/3", &[]);
    let requests = demo.requests();
    let request = requests.iter().find(|request| request["request"]["service"] == "shop").unwrap();
    let trace_id = text(&request["request"]["trace_id"]);
    let link = |name: &str| {
        let links = request["links"].as_array().unwrap();
        let link = links.iter().find(|link| link["name"] == name).unwrap();
        assert_eq!(link["ready"], true, "{link}");
        text(&link["url"])
    };

    assert_eq!(link("Jaeger"), format!("{}/trace/{trace_id}", jaeger.api));
    let spans = shown(&requests)[&trace_id].len();
    assert_eq!(wait_for(&*jaeger, Form::JaegerUi, &trace_id, spans).len(), spans);

    let url = link("Zipkin");
    assert_eq!(url, format!("{}/zipkin/traces/{trace_id}", zipkin.url));
    let page = browser::page(&url);
    for words in [&*trace_id, "get /books/{id}", "inventory", "get /stock/{id}"] {
        assert!(page.to_lowercase().contains(words), "{words} is not on Zipkin's page:\n{page}");
    }
}
