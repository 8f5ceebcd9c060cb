//! What waits in a queue, in order, and what of it gives way.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use opentelemetry::trace::{Status, TraceId};
use tokio::time::Instant;

use crate::batch::{Enqueued, Portion};
use crate::pipeline::Overflow;

/// The place of a batch in a queue's order.
pub(crate) type Turn = u64;

/// A queue's bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Capacity {
    pub(super) spans: usize,
    pub(super) bytes: usize,
}

#[derive(Debug)]
pub(super) struct Entries {
    capacity: Capacity,
    overflow: Overflow,
    waiting: BTreeMap<Turn, Portion>,
    next_turn: Turn,
    spans: usize,
    bytes: usize,
    /// Kept only where whole traces give way.
    traces: HashMap<TraceId, Trace>,
    /// The turns of traces that are not precious.
    ordinary: BTreeSet<Turn>,
}

/// What waits of one trace.
#[derive(Debug, Default)]
struct Trace {
    turns: BTreeSet<Turn>,
    /// It has an error or took long, so that it goes last.
    precious: bool,
}

impl Entries {
    pub(super) fn new(capacity: Capacity, overflow: Overflow) -> Self {
        Self {
            capacity,
            overflow,
            waiting: BTreeMap::new(),
            next_turn: 0,
            spans: 0,
            bytes: 0,
            traces: HashMap::new(),
            ordinary: BTreeSet::new(),
        }
    }

    pub(super) fn spans(&self) -> usize {
        self.spans
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The turn of the batch that comes next.
    pub(super) fn next_turn(&self) -> Turn {
        self.next_turn
    }

    /// The turn of what has waited longest.
    pub(super) fn first_turn(&self) -> Option<Turn> {
        self.waiting.first_key_value().map(|(turn, _)| *turn)
    }

    /// When what has waited longest was enqueued, if that is known.
    pub(super) fn first_since(&self) -> Option<Instant> {
        self.waiting.first_key_value().and_then(|(_, portion)| portion.enqueued().since)
    }

    /// Puts a batch at the end.
    pub(super) fn push(&mut self, portion: Portion) {
        let turn = self.next_turn;
        self.next_turn += 1;
        if let Overflow::Traces { .. } = self.overflow {
            let precious = self.is_precious(portion.enqueued());
            let trace = self.traces.entry(portion.enqueued().trace).or_default();
            trace.turns.insert(turn);
            if precious && !trace.precious {
                trace.precious = true;
                for turn in &trace.turns {
                    self.ordinary.remove(turn);
                }
            }
            if !trace.precious {
                self.ordinary.insert(turn);
            }
        }
        self.insert(turn, portion);
    }

    /// Takes up to `limit` spans out, the oldest first, with the turn of the first. Only a batch that is larger
    /// than that is cut: the others share the fate of one request each, whole.
    pub(super) fn take(&mut self, limit: usize) -> Option<(Turn, Vec<Portion>)> {
        let first = self.first_turn()?;
        let mut taken = Vec::new();
        let mut room = limit;
        while let Some((&turn, portion)) = self.waiting.first_key_value() {
            let len = portion.len();
            if len > room && !taken.is_empty() {
                break;
            }
            let Some(mut portion) = self.remove(turn) else { break };
            if len > room {
                let rest = portion.split_off(room);
                self.insert(turn, rest);
            }
            room -= portion.len();
            taken.push(portion);
            if room == 0 {
                break;
            }
        }
        Some((first, taken))
    }

    /// Takes everything out.
    pub(super) fn take_all(&mut self) -> Vec<Portion> {
        self.traces.clear();
        self.ordinary.clear();
        (self.spans, self.bytes) = (0, 0);
        std::mem::take(&mut self.waiting).into_values().collect()
    }

    /// Whether there is room for it as things are. What is larger than the queue is taken when that is empty.
    pub(super) fn fits(&self, incoming: &Portion) -> bool {
        self.waiting.is_empty() || self.fits_without(incoming, 0, 0)
    }

    /// Takes out what has to give way for it; `None`, and nothing is touched, when that would not make room.
    pub(super) fn make_room(&mut self, incoming: &Portion) -> Option<Vec<Portion>> {
        if incoming.len() > self.capacity.spans || incoming.bytes() > self.capacity.bytes {
            return None;
        }
        let victims = match self.overflow {
            Overflow::Newest => return None,
            Overflow::Oldest => self.enough(incoming, self.waiting.keys().copied())?,
            Overflow::Traces { .. } => {
                let ordinary = self.ordinary.iter().copied();
                let known = self.traces.get(&incoming.enqueued().trace).is_some_and(|trace| trace.precious);
                if known || self.is_precious(incoming.enqueued()) {
                    let precious = self.waiting.keys().filter(|turn| !self.ordinary.contains(turn)).copied();
                    self.enough(incoming, ordinary.chain(precious))?
                } else {
                    self.enough(incoming, ordinary)?
                }
            }
        };
        Some(victims.into_iter().filter_map(|turn| self.remove(turn)).collect())
    }

    /// The first of these that make enough room, with the others of their traces.
    fn enough(&self, incoming: &Portion, candidates: impl Iterator<Item = Turn>) -> Option<BTreeSet<Turn>> {
        let (mut spans, mut bytes) = (0, 0);
        let mut chosen = BTreeSet::new();
        for candidate in candidates {
            if self.fits_without(incoming, spans, bytes) {
                break;
            }
            let Some(portion) = self.waiting.get(&candidate) else { continue };
            // A trace does not give way to its own next part: that does.
            let trace = self.traces.get(&portion.enqueued().trace);
            if trace.is_some() && portion.enqueued().trace == incoming.enqueued().trace {
                return None;
            }
            let mates = trace.map(|trace| trace.turns.iter().copied()).into_iter().flatten();
            for turn in mates.chain([candidate]) {
                // What has been sent in part is not given up: the parts have one fate.
                let Some(portion) = self.waiting.get(&turn).filter(|portion| !portion.is_rest()) else {
                    continue;
                };
                if chosen.insert(turn) {
                    spans += portion.len();
                    bytes += portion.bytes();
                }
            }
        }
        self.fits_without(incoming, spans, bytes).then_some(chosen)
    }

    fn fits_without(&self, incoming: &Portion, spans: usize, bytes: usize) -> bool {
        self.spans - spans + incoming.len() <= self.capacity.spans
            && self.bytes - bytes + incoming.bytes() <= self.capacity.bytes
    }

    fn insert(&mut self, turn: Turn, portion: Portion) {
        self.spans += portion.len();
        self.bytes += portion.bytes();
        self.waiting.insert(turn, portion);
    }

    fn remove(&mut self, turn: Turn) -> Option<Portion> {
        let portion = self.waiting.remove(&turn)?;
        self.spans -= portion.len();
        self.bytes -= portion.bytes();
        if self.ordinary.remove(&turn) || !self.traces.is_empty() {
            let id = portion.enqueued().trace;
            if let Some(trace) = self.traces.get_mut(&id) {
                trace.turns.remove(&turn);
                if trace.turns.is_empty() {
                    self.traces.remove(&id);
                }
            }
        }
        Some(portion)
    }

    fn is_precious(&self, enqueued: &Enqueued) -> bool {
        let Overflow::Traces { slow } = self.overflow else { return false };
        enqueued.spans.iter().any(|span| {
            matches!(span.status, Status::Error { .. })
                || span.end_time.duration_since(span.start_time).is_ok_and(|took| took >= slow)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, SystemTime};

    use opentelemetry_sdk::Resource;
    use opentelemetry_sdk::trace::SpanData;
    use proptest::prelude::*;

    use super::*;
    use crate::batch::{EnqueueId, TraceBatch};
    use crate::test_span;

    const SLOW: Duration = Duration::from_millis(100);

    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Nature {
        Plain,
        Failed,
        Slow,
    }

    fn portion(id: u64, trace: u128, spans: usize, nature: Nature) -> Portion {
        let status = if nature == Nature::Failed { Status::error("broke") } else { Status::Unset };
        let took = if nature == Nature::Slow { SLOW } else { Duration::ZERO };
        let span = SpanData {
            span_context: test_span::context(trace, id),
            end_time: SystemTime::UNIX_EPOCH + took,
            status,
            ..test_span::empty()
        };
        let batch = TraceBatch::new(id, Resource::builder_empty().build(), vec![span; spans]);
        Portion::whole(Enqueued::new(EnqueueId(id), batch))
    }

    fn entries(overflow: Overflow, waiting: &[(u128, usize, Nature)]) -> Entries {
        let capacity = Capacity { spans: 10, bytes: usize::MAX };
        let mut entries = Entries::new(capacity, overflow);
        for ((trace, spans, nature), id) in waiting.iter().zip(1..) {
            entries.push(portion(id, *trace, *spans, *nature));
        }
        entries
    }

    /// With batches of these traces, numbers of spans and natures waiting, in a queue for 10 spans: which of them,
    /// counted from 1, give way for another, or whether it is refused.
    #[track_caller]
    fn check(
        overflow: Overflow,
        waiting: &[(u128, usize, Nature)],
        incoming: (u128, usize, Nature),
        expected: Option<&[u64]>,
    ) {
        let mut entries = entries(overflow, waiting);
        let incoming = portion(99, incoming.0, incoming.1, incoming.2);
        assert!(!entries.fits(&incoming));
        let gone = entries.make_room(&incoming);
        let gone = gone.map(|gone| gone.iter().map(|portion| portion.id().0).collect::<Vec<_>>());
        assert_eq!(gone.as_deref(), expected);
        assert_eq!(entries.fits(&incoming), expected.is_some());
    }

    #[test]
    fn what_gives_way_is_as_chosen() {
        use Nature::{Failed, Plain, Slow};
        let traces = Overflow::Traces { slow: SLOW };
        let three = [(1, 4, Plain), (2, 3, Plain), (3, 3, Plain)];
        check(Overflow::Newest, &three, (4, 1, Failed), None);
        check(Overflow::Oldest, &three, (4, 1, Plain), Some(&[1]));
        check(Overflow::Oldest, &three, (4, 5, Plain), Some(&[1, 2]));
        check(Overflow::Oldest, &three, (4, 11, Plain), None);
        check(traces, &three, (4, 1, Plain), Some(&[1]));
        // All of a trace goes, and nothing of another.
        check(traces, &[(1, 4, Plain), (2, 3, Plain), (1, 3, Plain)], (4, 1, Plain), Some(&[1, 3]));
        // Errors and slow traces go last, and never for one that is neither.
        check(traces, &[(1, 4, Failed), (2, 3, Plain), (3, 3, Slow)], (4, 1, Plain), Some(&[2]));
        check(traces, &[(1, 4, Failed), (2, 3, Plain), (3, 3, Slow)], (4, 4, Plain), None);
        check(traces, &[(1, 4, Failed), (2, 3, Plain), (3, 3, Slow)], (4, 4, Slow), Some(&[1, 2]));
        check(traces, &[(1, 4, Failed), (2, 6, Slow)], (4, 1, Failed), Some(&[1]));
        // A part that fails makes the whole trace precious, the parts before it and after it too.
        check(
            traces,
            &[(1, 2, Plain), (1, 2, Failed), (1, 2, Plain), (2, 4, Plain)],
            (3, 1, Plain),
            Some(&[4]),
        );
        check(
            traces,
            &[(1, 2, Plain), (1, 2, Failed), (1, 2, Plain), (2, 4, Plain)],
            (1, 1, Plain),
            Some(&[4]),
        );
    }

    #[test]
    fn a_trace_does_not_give_way_to_its_own_next_part() {
        let traces = Overflow::Traces { slow: SLOW };
        check(traces, &[(1, 5, Nature::Plain), (1, 5, Nature::Plain)], (1, 1, Nature::Plain), None);
        check(traces, &[(1, 5, Nature::Failed), (1, 5, Nature::Plain)], (1, 1, Nature::Failed), None);
        check(traces, &[(1, 5, Nature::Plain), (2, 5, Nature::Plain)], (1, 1, Nature::Plain), None);
        check(traces, &[(2, 5, Nature::Plain), (1, 5, Nature::Plain)], (1, 1, Nature::Plain), Some(&[1]));
    }

    #[test]
    fn what_was_sent_in_part_is_not_given_up() {
        let mut entries = entries(Overflow::Oldest, &[(1, 10, Nature::Plain)]);
        let (_, taken) = entries.take(4).unwrap();
        assert_eq!((taken.len(), taken[0].len(), entries.spans()), (1, 4, 6));
        assert!(entries.make_room(&portion(2, 2, 5, Nature::Plain)).is_none());
    }

    proptest! {
        /// Whatever comes and goes, the sums are those of what waits, and nothing is remembered of what has gone.
        #[test]
        fn the_books_hold(
            steps in prop::collection::vec((0_u128..5, 1_usize..8, 0_usize..6), 1..80),
            policy in 0_usize..3,
        ) {
            let overflow = [Overflow::Newest, Overflow::Oldest, Overflow::Traces { slow: SLOW }][policy];
            let mut entries = entries(overflow, &[]);
            for ((trace, spans, what), id) in steps.into_iter().zip(1..) {
                let nature = [Nature::Plain, Nature::Failed, Nature::Slow][what % 3];
                let incoming = portion(id, trace, spans, nature);
                if what > 3 {
                    let before = entries.spans();
                    let taken = entries.take(spans).map_or(Vec::new(), |(_, taken)| taken);
                    prop_assert_eq!(before, entries.spans() + taken.iter().map(Portion::len).sum::<usize>());
                } else if entries.fits(&incoming) || entries.make_room(&incoming).is_some() {
                    entries.push(incoming);
                }
                prop_assert!(entries.spans() <= 10);
                prop_assert_eq!(entries.spans(), entries.waiting.values().map(Portion::len).sum::<usize>());
                prop_assert_eq!(entries.bytes(), entries.waiting.values().map(Portion::bytes).sum::<usize>());
                prop_assert!(entries.ordinary.iter().all(|turn| entries.waiting.contains_key(turn)));
                let turns: usize = entries.traces.values().map(|trace| trace.turns.len()).sum();
                let whole = entries.waiting.values().filter(|portion| !portion.is_rest()).count();
                prop_assert_eq!(turns, if policy == 2 { whole } else { 0 });
            }
        }

        /// Parts keep their spans and add up.
        #[test]
        fn a_cut_loses_nothing(whole in 1_usize..40, limit in 1_usize..15) {
            let mut entries = Entries::new(Capacity { spans: 100, bytes: usize::MAX }, Overflow::default());
            let incoming = portion(1, 1, whole, Nature::Plain);
            let enqueued = Arc::clone(&Arc::new(incoming.clone()));
            entries.push(incoming);
            let mut seen = 0;
            while entries.spans() > 0 {
                let (_, taken) = entries.take(limit).unwrap();
                seen += taken.iter().map(|portion| portion.spans().len()).sum::<usize>();
            }
            prop_assert_eq!(seen, enqueued.len());
            prop_assert!(entries.traces.is_empty() && entries.ordinary.is_empty());
        }
    }
}
