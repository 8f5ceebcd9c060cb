//! The time of a trace is told apart.

mod common;

use std::time::{Duration, SystemTime};

use common::*;
use opentelemetry::trace::SpanId;
use otelbar_convert::panel_data::{Entry, PanelData};
use otelbar_convert::{Converted, Tree};
use proptest::prelude::*;

fn request_with(entries: Vec<Entry>) -> Converted {
    let mut data: PanelData = data(get("/"));
    data.entries = entries;
    convert(&data)
}

fn with_id(id: u64, entry: Entry) -> Entry {
    with(entry, |it| it.id = Some(SpanId::from(id)))
}

fn under(parent: u64, entry: Entry) -> Entry {
    with(entry, |it| it.parent = Some(SpanId::from(parent)))
}

#[track_caller]
fn check_path(entries: Vec<Entry>, expected: &[&str]) {
    let converted = request_with(entries);
    let tree = Tree::of(&converted.spans);
    let since = |instant: SystemTime| instant.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    let path: Vec<_> = tree
        .critical_path()
        .iter()
        .map(|step| {
            format!("{} {}-{}", tree.spans()[step.span].data.name, since(step.start), since(step.end))
        })
        .collect();
    assert_eq!(path, expected);
}

#[test]
fn the_critical_path_is_what_the_end_had_to_wait_for() {
    check_path(vec![], &["GET / 0-100"]);
    check_path(
        vec![at(entry("a", 0), 10, 40), at(entry("b", 0), 50, 90)],
        &["GET / 0-10", "a 10-40", "GET / 40-50", "b 50-90", "GET / 90-100"],
    );
    // Of those side by side it goes through the one that ended last.
    check_path(
        vec![at(entry("short", 0), 10, 40), at(entry("long", 0), 10, 90)],
        &["GET / 0-10", "long 10-90", "GET / 90-100"],
    );
    check_path(
        vec![with_id(7, at(entry("outer", 0), 0, 100)), under(7, at(entry("inner", 0), 20, 100))],
        &["outer 0-20", "inner 20-100"],
    );
    // Nobody waited for what outlives its parent.
    check_path(vec![at(entry("spawned", 0), 50, 300)], &["GET / 0-100"]);
    check_path(vec![at(entry("nothing", 0), 50, 50)], &["GET / 0-100"]);
}

#[test]
fn own_time_is_what_no_child_covers() {
    let converted = request_with(vec![
        with_id(7, at(entry("outer", 0), 10, 60)),
        under(7, at(entry("a", 0), 20, 40)),
        under(7, at(entry("b", 0), 30, 50)),
        under(7, at(entry("spawned", 0), 55, 300)),
    ]);
    let tree = Tree::of(&converted.spans);
    let times: Vec<_> =
        tree.times().iter().map(|time| (time.total.as_millis(), time.own.as_millis())).collect();
    // The request; outer less 20 to 50 and 55 to 60; those without children.
    assert_eq!(times, [(100, 50), (50, 15), (20, 20), (20, 20), (245, 245)]);
}

#[test]
fn panels_are_counted_and_their_time_added_up() {
    let failed = with(at(query("SELECT 1"), 30, 60), |it| it.error = Some("lost".into()));
    let converted = request_with(vec![at(query("SELECT 1"), 0, 40), failed, at(call("http://a/b"), 70, 80)]);
    let shown: Vec<_> = Tree::of(&converted.spans)
        .categories()
        .iter()
        .map(|panel| {
            let (total, covered) = (panel.total.as_millis(), panel.covered.as_millis());
            format!("{} {} {} {total} {covered}", panel.category.as_str(), panel.count, panel.errors)
        })
        .collect();
    assert_eq!(shown, ["request 1 0 100 100", "sql 2 1 70 60", "http 1 0 10 10"]);
}

#[test]
fn a_tree_of_any_spans_has_their_parents_and_children() {
    let mut converted = request_with(vec![
        with_id(7, at(entry("a", 0), 0, 50)),
        under(7, at(entry("b", 0), 0, 10)),
        at(entry("c", 0), 60, 70),
    ]);
    let tree = Tree::of(&converted.spans);
    assert_eq!(tree.children(0), [1, 3]);
    assert_eq!(tree.children(1), [2]);
    assert_eq!((tree.parent(0), tree.parent(2), tree.parent(9)), (None, Some(1), None));
    assert!(tree.children(9).is_empty());

    // Out of order, a span whose parent comes later is a root.
    converted.spans.reverse();
    let tree = Tree::of(&converted.spans);
    assert_eq!((tree.parent(1), tree.parent(3)), (None, None));
    assert!(Tree::of(&[]).critical_path().is_empty());
}

#[test]
fn a_deep_tree_needs_no_deep_stack() {
    let deep = (1..100_000_u64).map(|n| with_id(n + 1, under(n, at(entry("deep", 0), 0, 100)))).collect();
    let converted = request_with(deep);
    let path = Tree::of(&converted.spans).critical_path();
    assert_eq!(path.len(), 1);
    assert_eq!(path[0].span, 99_999);
}

proptest! {
    #[test]
    fn the_critical_path_has_no_gap(
        spans in proptest::collection::vec((0_u64..20, 0_u64..120, 0_u64..120), 0..30),
    ) {
        let made = |(n, (parent, one, other)): (usize, (u64, u64, u64))| {
            with_id(n as u64 + 2, under(parent + 1, at(entry("work", 0), one.min(other), one.max(other))))
        };
        let converted = request_with(spans.into_iter().enumerate().map(made).collect());
        let tree = Tree::of(&converted.spans);
        let path = tree.critical_path();
        let root = &converted.spans[0].data;
        prop_assert_eq!(path.first().map(|step| step.start), Some(root.start_time));
        prop_assert_eq!(path.last().map(|step| step.end), Some(root.end_time));
        for pair in path.windows(2) {
            prop_assert_eq!(pair[0].end, pair[1].start);
        }
        for (time, span) in tree.times().iter().zip(&converted.spans) {
            prop_assert!(time.own <= time.total && time.total == span.duration());
        }
        for panel in tree.categories() {
            prop_assert!(panel.covered <= panel.total || panel.total == Duration::ZERO);
        }
    }
}
