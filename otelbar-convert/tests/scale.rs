//! A request of many spans takes time by their number, whatever their shape.

mod common;

use std::time::{Duration, Instant};

use common::*;
use opentelemetry::trace::SpanId;
use otelbar_convert::panel_data::{Level, PanelData};
use otelbar_convert::{Tree, findings};

const SPANS: u64 = 100_000;

/// What takes time by the square of the spans takes many minutes; what doesn't, a second or two in a debug build.
const MOST: Duration = Duration::from_secs(60);

/// Spans of all kinds, many of which failed in a way of their own, under the parents that `parent` names by number.
fn data_of(parent: impl Fn(u64) -> Option<u64>) -> PanelData {
    let id = |number: u64| SpanId::from(number + 2);
    let mut data = data(get("/"));
    for number in 0..SPANS {
        let mut entry = match number % 8 {
            0 => query("SELECT a FROM b WHERE c = 1"),
            1 => cache("GET", "a:1"),
            2 => call("http://a.example/b"),
            3 => entry("failing", 1),
            _ => entry("work", 1),
        };
        entry.id = Some(id(number));
        entry.parent = parent(number).map(id);
        entry.start = Some(Duration::from_micros(number));
        if number % 8 == 3 {
            entry.error = Some(format!("failed: {number}").into());
        }
        data.entries.push(entry);
        if number % 10 == 0 {
            data.logs.push(log("something is wrong", parent(number).map(id), Level::Error));
            data.logs.push(log("something is wrong", None, Level::Error));
        }
    }
    data
}

#[track_caller]
fn check(parent: impl Fn(u64) -> Option<u64>) {
    let data = data_of(parent);
    let start = Instant::now();
    let converted = convert(&data);
    let tree = Tree::of(&converted.spans);
    assert_eq!(tree.times().len() as u64, SPANS + 1);
    assert!(!tree.critical_path().is_empty() && !tree.categories().is_empty());
    assert!(findings::count_failures(&tree) > 0);
    assert!(start.elapsed() < MOST, "{:?}", start.elapsed());
}

#[test]
fn spans_side_by_side() {
    check(|_| None);
}

#[test]
fn spans_within_each_other() {
    check(|number| number.checked_sub(1));
}

#[test]
fn many_parents_of_many_spans() {
    check(|number| (number % 300 != 0).then_some(number - number % 300));
}

/// Half of the spans failed within each other, and the others failed within the innermost of them.
#[test]
fn failures_far_below_others() {
    let half = SPANS / 2;
    let mut data = data_of(|number| if number < half { number.checked_sub(1) } else { Some(half - 1) });
    for (number, entry) in data.entries.iter_mut().enumerate() {
        entry.error = Some(format!("failed: {number}").into());
    }
    let start = Instant::now();
    convert(&data);
    assert!(start.elapsed() < MOST, "{:?}", start.elapsed());
}

/// Many calls, each in spans that do nothing else.
#[test]
fn calls_far_below_what_makes_them() {
    let mut data = data_of(|number| if number % 25_000 == 0 { None } else { number.checked_sub(1) });
    for (number, entry) in data.entries.iter_mut().enumerate() {
        if number % 25_000 == 24_999 {
            entry.kind = call("http://a.example/b").kind;
        } else {
            entry.kind = common::entry("work", 1).kind;
        }
        entry.error = None;
    }
    data.logs.clear();
    let start = Instant::now();
    convert(&data);
    assert!(start.elapsed() < MOST, "{:?}", start.elapsed());
}
