//! Times are kept where they are known, and worked out where they are not.

mod common;

use std::time::{Duration, SystemTime};

use common::*;
use opentelemetry::trace::SpanId;
use otelbar_convert::panel_data::{Entry, Level, Timer, Times};
use otelbar_convert::{Converted, Report};
use proptest::prelude::*;

/// `name from–to` of each span but the root, `~` before those worked out, in the order of the data.
fn shown(converted: &Converted) -> Vec<String> {
    let mut spans: Vec<_> = converted.spans[1..].iter().collect();
    spans.sort_by_key(|span| span.entry);
    let show = |span: &&otelbar_convert::ConvertedSpan| {
        let (from, to) = times(span);
        format!("{}{} {from}-{to}", if span.synthesised { "~" } else { "" }, span.data.name)
    };
    spans.iter().map(show).collect()
}

#[track_caller]
fn check(times: Times, entries: Vec<Entry>, expected: &[&str]) -> Report {
    let mut data = data(get("/"));
    data.times = times;
    data.entries = entries;
    let converted = convert(&data);
    assert_eq!(shown(&converted), expected);
    converted.report
}

#[test]
fn missing_times_are_worked_out_inside_the_parent_and_marked() {
    let outer = SpanId::from(7);
    let inside = |name, duration| with(entry(name, duration), |it| it.parent = Some(outer));
    let entries = vec![
        with(at(entry("outer", 0), 20, 50), |it| it.id = Some(outer)),
        inside("a", 10),
        inside("b", 10),
        // It fits, but only over the others.
        inside("too long", 25),
        inside("c", 10),
    ];
    let mut data = data(get("/"));
    data.entries = entries.clone();
    let converted = convert(&data);
    let marks: Vec<_> =
        converted.spans.iter().map(|span| text(span, "otelbar.synthesised") == "true").collect();
    assert_eq!(marks, [false, false, true, true, true, true]);
    let report = check(
        Times::Measured,
        entries,
        &["outer 20-50", "~a 20-30", "~b 30-40", "~too long 25-50", "~c 40-50"],
    );
    assert_eq!(report.synthesised, 4);
}

#[test]
fn what_is_worked_out_fills_the_gaps_between_what_is_known() {
    check(
        Times::Measured,
        vec![
            at(entry("known", 0), 10, 30),
            at(entry("known", 0), 25, 40),
            at(entry("known", 0), 60, 90),
            entry("a", 5),
            entry("b", 15),
            entry("c", 5),
            entry("d", 10),
            // The gap that was passed over for b has still room.
            entry("e", 5),
            entry("no gap", 50),
        ],
        &[
            "known 10-30",
            "known 25-40",
            "known 60-90",
            "~a 0-5",
            "~b 40-55",
            "~c 55-60",
            "~d 90-100",
            "~e 5-10",
            "~no gap 50-100",
        ],
    );
}

#[test]
fn what_is_longer_than_its_parent_is_cut_and_says_so() {
    let report = check(Times::Measured, vec![entry("long", 250)], &["~long 0-100"]);
    assert_eq!((report.cut, report.synthesised), (1, 1));
    let mut data = data(get("/"));
    data.entries.push(entry("long", 250));
    let span = convert(&data).spans.remove(1);
    assert_eq!(text(&span, "otelbar.duration"), "0.25");
}

#[test]
fn measured_work_may_outlive_its_parent() {
    let report = check(
        Times::Measured,
        vec![at(entry("spawned", 0), 90, 300), at(entry("inside", 0), 10, 20)],
        &["spawned 90-300", "inside 10-20"],
    );
    assert_eq!((report.outlived, report.moved, report.cut), (1, 0, 0));
}

#[test]
fn reported_work_does_not_leave_its_parent() {
    let outer = SpanId::from(7);
    let report = check(
        Times::Reported,
        vec![
            at(entry("late", 0), 90, 150),
            at(entry("long", 0), 10, 250),
            with(at(entry("outer", 0), 20, 40), |it| it.id = Some(outer)),
            with(at(entry("early", 0), 5, 15), |it| it.parent = Some(outer)),
            at(entry("right", 0), 0, 100),
        ],
        &["late 40-100", "long 0-100", "outer 20-40", "early 20-30", "right 0-100"],
    );
    assert_eq!((report.moved, report.cut, report.outlived), (3, 1, 0));
}

#[test]
fn logs_of_a_clock_that_was_set_stay_in_their_span() {
    let time_of_log = |times| {
        let mut data = data(get("/"));
        data.times = times;
        data.logs.push(with(log("late", None, Level::Info), |it| it.time = ms(500)));
        let converted = convert(&data);
        let event = &converted.spans[0].data.events.events[0];
        let since = event.timestamp.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        (since.as_millis(), converted.report.moved)
    };
    assert_eq!(time_of_log(Times::Measured), (500, 0));
    assert_eq!(time_of_log(Times::Reported), (100, 1));
}

/// Instants that no backend can hold are brought in, and counted.
#[track_caller]
fn check_absurd(timer: Timer, entry: Option<Entry>, expected: u32) {
    let mut data = data(get("/"));
    data.timer = timer;
    data.entries.extend(entry);
    let converted = convert(&data);
    assert_eq!(converted.report.absurd_times, expected);
    for span in &converted.spans {
        let end = span.data.end_time.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert!(i64::try_from(end.as_nanos()).is_ok(), "{end:?}");
    }
}

#[test]
fn absurd_times_are_brought_in_and_counted() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    check_absurd(Timer::new(now, ms(100)), None, 0);
    check_absurd(Timer::new(now, Duration::MAX), None, 1);
    check_absurd(Timer::new(SystemTime::UNIX_EPOCH - ms(1), ms(100)), None, 1);
    check_absurd(Timer::new(now + Duration::from_secs(1 << 40), ms(100)), None, 2);
    let endless = with(entry("endless", 0), |it| {
        it.start = Some(ms(1));
        it.duration = Duration::MAX;
    });
    check_absurd(Timer::new(now, ms(100)), Some(endless), 1);
    let never = with(entry("never", 1), |it| it.start = Some(Duration::MAX));
    check_absurd(Timer::new(now, ms(100)), Some(never), 1);
}

#[test]
fn what_took_no_time_is_counted_once_it_has_ended() {
    let open = with(entry("open", 0), |it| it.ended = false);
    let report = check(Times::Measured, vec![entry("a", 0), open], &["~a 0-0", "~open 0-0"]);
    assert_eq!(report.zero_durations, 1);
}

#[test]
fn busy_time_is_never_more_than_the_duration() {
    let mut data = data(get("/"));
    data.timer.busy = Some(ms(500));
    data.entries.push(with(entry("work", 10), |it| it.busy = Some(ms(20))));
    let converted = convert(&data);
    assert_eq!(converted.spans[0].busy, Some(ms(100)));
    assert_eq!(converted.spans[1].busy, Some(ms(10)));
}

#[test]
fn a_request_whose_times_were_worked_out_is_marked() {
    let mut data = data(get("/"));
    data.timer.synthesised = true;
    let root = convert(&data).spans.remove(0);
    assert!(root.synthesised);
    assert_eq!(text(&root, "otelbar.synthesised"), "true");
}

proptest! {
    #[test]
    fn what_has_room_beside_each_other_does_not_overlap(
        durations in proptest::collection::vec(0_u64..50, 0..40),
        spare in 0_u64..50,
    ) {
        let whole = durations.iter().sum::<u64>() + spare;
        let mut data = request_of(ms(whole), get("/"));
        data.entries = durations.into_iter().map(|milliseconds| entry("work", milliseconds)).collect();
        let converted = convert(&data);
        for pair in converted.spans[1..].windows(2) {
            prop_assert!(pair[0].data.end_time <= pair[1].data.start_time);
        }
    }
}
