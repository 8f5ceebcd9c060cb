//! When each entry was done.

use std::collections::BinaryHeap;
use std::time::Duration;

use super::interval::{Clock, Interval};
use super::layout::{Layout, ROOT};
use crate::panel_data::{PanelData, Times};
use crate::report::Report;

/// Finds the interval of each node: as measured, or worked out inside its parent's.
///
/// What has no start comes one after the other, in the order of the data, in the gaps that what has one leaves. What
/// finds no gap is put over the others, as late as its parent permits; what is longer than its parent is cut.
pub(super) fn place(data: &PanelData, layout: &mut Layout, clock: Clock, report: &mut Report) {
    let whole = data.timer.duration.min(clock.last);
    report.absurd_times += u32::from(whole < data.timer.duration);
    let root = Interval { duration: whole, synthesised: data.timer.synthesised, ..Interval::default() };
    layout.set_interval(ROOT, root);

    let mut placing = Placing::default();
    let mut next = Some(ROOT);
    while let Some(parent) = next {
        let around = layout.interval(parent);
        let mut child = layout.first_child(parent);
        while let Some(node) = child {
            let entry = &data.entries[node - 1];
            report.zero_durations += u32::from(entry.ended && entry.duration.is_zero());
            match entry.start {
                Some(start) => {
                    let known = Interval { start, duration: entry.duration, ..Interval::default() };
                    let interval = match data.times {
                        Times::Measured => measured(known, around, clock, report),
                        Times::Reported => reported(known, around, report),
                    };
                    layout.set_interval(node, interval);
                }
                None => placing.unknown.push(node),
            }
            child = layout.next_sibling(node);
        }
        if !placing.unknown.is_empty() {
            let mut child = layout.first_child(parent);
            while let Some(node) = child {
                if data.entries[node - 1].start.is_some() {
                    placing.known.push(layout.interval(node));
                }
                child = layout.next_sibling(node);
            }
            let put = |child: usize, start| {
                let wanted = data.entries[child - 1].duration;
                let duration = wanted.min(around.duration);
                let cut = duration < wanted;
                report.synthesised += 1;
                report.cut += u32::from(cut);
                layout.set_interval(child, Interval { start, duration, synthesised: true, cut });
            };
            placing.place(around, put, |child| data.entries[child - 1].duration);
        }
        next = layout.next(parent);
    }
}

/// As it is, but within what an instant can be.
fn measured(mut known: Interval, around: Interval, clock: Clock, report: &mut Report) -> Interval {
    if known.start > clock.last || known.end() > clock.last {
        known.start = known.start.min(clock.last);
        known.duration = known.duration.min(clock.last - known.start);
        report.absurd_times += 1;
    }
    report.outlived += u32::from(known.start < around.start || known.end() > around.end());
    known
}

/// Inside the parent: a clock that was set moves a start and leaves a duration right.
fn reported(known: Interval, around: Interval, report: &mut Report) -> Interval {
    let duration = known.duration.min(around.duration);
    let start = known.start.clamp(around.start, around.end() - duration);
    let cut = duration < known.duration;
    report.cut += u32::from(cut);
    report.moved += u32::from(start != known.start);
    Interval { start, duration, synthesised: false, cut }
}

/// Finds room for the children of one parent that have no start. Kept to use its memory again.
#[derive(Default)]
struct Placing {
    known: Vec<Interval>,
    unknown: Vec<usize>,
    gaps: Vec<Gap>,
    without_room: Vec<usize>,
}

/// Free time; the largest is the greatest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Gap {
    room: Duration,
    start: Duration,
}

impl Placing {
    /// How many gaps are looked at before a child is put back.
    const LOOK_AHEAD: usize = 8;

    fn place(
        &mut self,
        around: Interval,
        mut put: impl FnMut(usize, Duration),
        duration: impl Fn(usize) -> Duration,
    ) {
        self.find_gaps(around);
        let mut first = 0;
        for &child in &self.unknown {
            let duration = duration(child);
            let ahead = &self.gaps[first..];
            match ahead.iter().take(Self::LOOK_AHEAD).position(|gap| gap.room >= duration) {
                Some(further) => {
                    first += further;
                    put(child, self.gaps[first].take(duration));
                }
                None => self.without_room.push(child),
            }
        }
        self.place_the_rest(around, put, duration);
        self.known.clear();
        self.unknown.clear();
    }

    /// Fills the largest gaps, out of order, and then what there is none for comes over the others.
    fn place_the_rest(
        &mut self,
        around: Interval,
        mut put: impl FnMut(usize, Duration),
        duration: impl Fn(usize) -> Duration,
    ) {
        if self.without_room.is_empty() {
            return;
        }
        let mut gaps = BinaryHeap::from(std::mem::take(&mut self.gaps));
        for child in self.without_room.drain(..) {
            let duration = duration(child);
            match gaps.peek_mut() {
                Some(mut gap) if gap.room >= duration => put(child, gap.take(duration)),
                _ => put(child, around.end() - duration.min(around.duration)),
            }
        }
        self.gaps = gaps.into_vec();
    }

    fn find_gaps(&mut self, around: Interval) {
        self.gaps.clear();
        self.known.sort_unstable_by_key(|known| known.start);
        let mut free_from = around.start;
        for known in &self.known {
            if known.start > free_from {
                let room = known.start.min(around.end()).saturating_sub(free_from);
                self.gaps.push(Gap { room, start: free_from.min(around.end()) });
            }
            free_from = free_from.max(known.end());
        }
        let room = around.end().saturating_sub(free_from);
        self.gaps.push(Gap { room, start: free_from.min(around.end()) });
    }
}

impl Gap {
    /// Takes its first part away.
    fn take(&mut self, duration: Duration) -> Duration {
        let start = self.start;
        self.start += duration;
        self.room -= duration;
        start
    }
}
