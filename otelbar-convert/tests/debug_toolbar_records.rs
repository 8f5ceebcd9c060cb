//! Ten real records of the Python debug-toolbar convert, each to the tree that is kept in `snapshots`.
//!
//! After a change that is meant, `UPDATE_SNAPSHOTS=1 cargo test -p otelbar-convert` writes them anew.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use opentelemetry::trace::{SpanId, TraceId};
use otelbar_convert::debug_toolbar::{Reader, Record};
use otelbar_convert::{Converted, FindingKind, PanelDataConverter, Tree};
use otelbar_testkit::SpanTree;

const RECORDS: [&str; 10] = [
    "cache_hits_misses",
    "empty_panel_data",
    "error_500",
    "html_page",
    "logs_all_levels",
    "n_plus_one",
    "profiled_nested",
    "slow_query",
    "trace_headers_auth",
    "transaction_types",
];

/// The record and its spans.
fn converted(name: &str) -> (Record, Converted) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records").join(name).with_extension("json");
    let json = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let record = Reader::default().read(&json).expect("a record");
    let converted = PanelDataConverter::default().convert(&record.data);
    (record, converted)
}

fn snapshot(record: &Record, converted: &Converted) -> String {
    let spans: Vec<_> = converted.spans.iter().map(|span| span.data.clone()).collect();
    let mut text = SpanTree::of(&spans).to_string();
    text.push_str("\nfindings:\n");
    for finding in &converted.findings {
        let ids = finding.span_ids.len();
        text.push_str(&format!(
            "{} {} {}\n",
            finding.severity.as_str(),
            finding.kind.as_str(),
            finding.title
        ));
        text.push_str(&format!("  {} {} ({ids} spans)\n", finding.sentence(), finding.remedy()));
    }
    text.push_str("\nunused:\n");
    for unused in &record.unused {
        text.push_str(&format!("{unused}\n"));
    }
    // A log with control characters must not make the snapshot a binary file.
    let shown =
        |c: char| if c.is_control() && c != '\n' { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(shown).collect()
}

#[test]
fn each_record_converts_to_its_tree() {
    for name in RECORDS {
        let (record, converted) = converted(name);
        let actual = snapshot(&record, &converted);
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/snapshots/{name}.txt"));
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            std::fs::write(&path, &actual).expect("a writable snapshot");
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        for (i, (expected, actual)) in expected.lines().zip(actual.lines()).enumerate() {
            assert_eq!(expected, actual, "{name}, line {}", i + 1);
        }
        assert_eq!(expected.len(), actual.len(), "{name} is longer or shorter than its snapshot");
    }
}

#[test]
fn each_record_gives_one_tree_with_all_inside() {
    for name in RECORDS {
        let (_, converted) = converted(name);
        let tree = Tree::of(&converted.spans);
        let mut ids = HashSet::new();
        for (i, span) in converted.spans.iter().enumerate() {
            assert!(ids.insert(span.data.span_context.span_id()), "{name}: ids are unique");
            assert_eq!(tree.parent(i).is_none(), i == 0, "{name}: there is one root");
            if let Some(parent) = tree.parent(i) {
                let parent = &converted.spans[parent].data;
                assert!(parent.start_time <= span.data.start_time, "{name}: {}", span.data.name);
                assert!(span.data.end_time <= parent.end_time, "{name}: {}", span.data.name);
            }
            for event in &span.data.events.events {
                let inside = span.data.start_time <= event.timestamp && event.timestamp <= span.data.end_time;
                assert!(inside, "{name}: {}", event.name);
            }
        }
        let path = tree.critical_path();
        let length: std::time::Duration =
            path.iter().map(|step| step.end.duration_since(step.start).unwrap()).sum();
        assert_eq!(length, converted.spans[0].duration(), "{name}: the critical path has no gap");
    }
}

#[test]
fn the_n_plus_one_is_found_with_its_queries_and_its_line() {
    let (record, converted) = converted("n_plus_one");
    let [finding] = &converted.findings[..] else { panic!("{:?}", converted.findings) };
    assert_eq!(finding.kind, FindingKind::NPlusOne);
    let location = finding.location.as_ref().unwrap();
    assert_eq!(location.to_string(), "/srv/shop/shop/controllers.py:87 (author_row)");
    let queries: Vec<SpanId> = converted
        .spans
        .iter()
        .filter(|span| span.data.name == "SELECT books")
        .map(|span| span.data.span_context.span_id())
        .collect();
    assert_eq!(queries.len(), 20);
    assert_eq!(finding.span_ids, queries);
    assert_eq!(record.data.entries.len(), 21);
}

#[test]
fn a_page_without_fault_has_no_finding() {
    for name in ["html_page", "cache_hits_misses", "empty_panel_data", "transaction_types"] {
        let (_, converted) = converted(name);
        assert_eq!(converted.findings, [], "{name}");
    }
}

#[test]
fn slow_and_failed_requests_are_found() {
    let kinds = |name| {
        let (_, converted) = converted(name);
        converted.findings.iter().map(|finding| finding.kind.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(kinds("slow_query"), ["slow_query"]);
    assert_eq!(kinds("error_500"), ["error"]);
    assert_eq!(kinds("logs_all_levels"), ["error"]);
}

#[test]
fn the_trace_of_the_caller_goes_on_and_no_secret_comes_out() {
    let (record, converted) = converted("trace_headers_auth");
    let root = &converted.spans[0].data;
    assert_eq!(root.span_context.trace_id(), TraceId::from(0x4bf92f3577b34da6a3ce929d0e0e4736));
    assert_eq!(root.parent_span_id, SpanId::from(0x00f067aa0ba902b7));
    assert!(root.parent_span_is_remote && root.span_context.is_sampled());
    assert_eq!(root.span_context.trace_state().get("rojo"), Some("00f067aa0ba902b7"));

    let everything = format!("{record:?} {converted:?}");
    for secret in ["demo-bearer", "demo-session", "demo-query-token"] {
        assert!(!everything.contains(secret), "{secret}");
    }
    let query = converted.spans[0].attribute("url.query").map(ToString::to_string);
    assert_eq!(query.as_deref(), Some("token=REDACTED&lang=en&lang=pl&empty="));
}

#[test]
fn requests_are_put_where_their_logs_and_cache_operations_fit() {
    let (_, converted) = converted("cache_hits_misses");
    let since = |at: SystemTime| at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros();
    let [root, operations @ ..] = &converted.spans[..] else { panic!("a root") };
    assert_eq!(operations.len(), 17);
    // The first operation ended at 1795198961.0440376 and had taken 0.7458 ms.
    assert_eq!(since(operations[0].data.start_time), 1_795_198_961_043_291);
    assert!(root.synthesised && operations.iter().all(|operation| !operation.synthesised));
    for pair in operations.windows(2) {
        assert!(pair[0].data.end_time <= pair[1].data.start_time, "a timestamp is taken at the end");
    }
    assert_eq!((converted.report.moved, converted.report.cut), (0, 0));
}

#[test]
fn the_route_is_found_by_the_path() {
    let (record, _) = converted("empty_panel_data");
    assert_eq!(record.data.request.route.as_deref(), Some("/api/authors/{author_id:int}"));
}
