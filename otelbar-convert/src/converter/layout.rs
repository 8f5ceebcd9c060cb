//! The entries as a tree.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use opentelemetry::trace::SpanId;

use super::interval::Interval;
use crate::panel_data::{Entry, EntryKind, PanelData, Sql};
use crate::report::Report;

/// The request, by its place in a [`Layout`]; the entry at `i` stands at `i + 1`.
pub(super) const ROOT: usize = 0;

/// Which entry is the child of which, and when each was done.
///
/// Children are linked rather than listed, so that going through a request of any size takes no memory.
pub(super) struct Layout {
    nodes: Vec<Node>,
    by_id: HashMap<SpanId, usize, BuildHasherDefault<IdHasher>>,
    /// The log after each log of the same node.
    next_log: Vec<usize>,
}

#[derive(Clone, Copy)]
struct Node {
    id: SpanId,
    parent: usize,
    first_child: usize,
    next_sibling: usize,
    first_log: usize,
    logs: usize,
    /// Of two nodes that tell of the same, the other; the one that has children is the one kept.
    twin: usize,
    /// Whether it is told by its twin and is no node of the tree.
    merged: bool,
    interval: Interval,
}

/// Where there is no node or no log.
const NONE: usize = usize::MAX;

impl Layout {
    /// `is_same` says whether a query tells of the same as the span around it.
    pub(super) fn of(data: &PanelData, is_same: impl Fn(&Entry, &Sql) -> bool, report: &mut Report) -> Self {
        let root = Node {
            id: data.span_context.span_id(),
            parent: ROOT,
            first_child: NONE,
            next_sibling: NONE,
            first_log: NONE,
            logs: 0,
            twin: NONE,
            merged: false,
            interval: Interval::default(),
        };
        let mut layout = Layout {
            nodes: vec![root; data.entries.len() + 1],
            by_id: HashMap::with_capacity_and_hasher(data.entries.len() + 1, BuildHasherDefault::default()),
            next_log: vec![NONE; data.logs.len()],
        };
        layout.assign_ids(data, report);
        layout.find_parents(data, report);
        layout.break_cycles(report);
        layout.merge_twins(data, is_same, report);
        for node in (1..layout.nodes.len()).rev() {
            if layout.nodes[node].merged {
                continue;
            }
            let parent = layout.nodes[node].parent;
            layout.nodes[node].next_sibling = layout.nodes[parent].first_child;
            layout.nodes[parent].first_child = node;
        }
        for (i, log) in data.logs.iter().enumerate().rev() {
            let node = match log.span {
                None => ROOT,
                Some(id) => layout.find(id).unwrap_or_else(|| {
                    report.unknown_parents += 1;
                    ROOT
                }),
            };
            layout.next_log[i] = layout.nodes[node].first_log;
            layout.nodes[node].first_log = i;
            layout.nodes[node].logs += 1;
        }
        layout
    }

    pub(super) fn id(&self, node: usize) -> SpanId {
        self.nodes[node].id
    }

    pub(super) fn parent(&self, node: usize) -> usize {
        self.nodes[node].parent
    }

    /// The entry, by its place in the data, that tells of the same as this node and has no node of its own.
    pub(super) fn twin(&self, node: usize) -> Option<usize> {
        some(self.nodes[node].twin).and_then(|twin| twin.checked_sub(1))
    }

    pub(super) fn interval(&self, node: usize) -> Interval {
        self.nodes[node].interval
    }

    pub(super) fn set_interval(&mut self, node: usize, interval: Interval) {
        self.nodes[node].interval = interval;
    }

    /// The node whose own id this is, or that tells of what had it.
    pub(super) fn find(&self, id: SpanId) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    pub(super) fn first_child(&self, node: usize) -> Option<usize> {
        some(self.nodes[node].first_child)
    }

    pub(super) fn next_sibling(&self, node: usize) -> Option<usize> {
        some(self.nodes[node].next_sibling)
    }

    /// The node after this one, each parent before its children.
    pub(super) fn next(&self, node: usize) -> Option<usize> {
        let mut at = node;
        if let Some(child) = self.first_child(at) {
            return Some(child);
        }
        while at != ROOT {
            if let Some(sibling) = self.next_sibling(at) {
                return Some(sibling);
            }
            at = self.nodes[at].parent;
        }
        None
    }

    /// How many logs a node has.
    pub(super) fn log_count(&self, node: usize) -> usize {
        self.nodes[node].logs
    }

    /// The places of a node's logs.
    pub(super) fn logs(&self, node: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(some(self.nodes[node].first_log), |log| some(self.next_log[*log]))
    }

    /// Puts siblings into the order of their start, and those that start together into the order of the data.
    pub(super) fn sort_by_start(&mut self) {
        let mut children = Vec::new();
        for parent in 0..self.nodes.len() {
            if self.is_sorted(parent) {
                continue;
            }
            children
                .extend(std::iter::successors(self.first_child(parent), |child| self.next_sibling(*child)));
            children.sort_unstable_by_key(|child| (self.nodes[*child].interval.start, *child));
            let mut next = NONE;
            for child in children.drain(..).rev() {
                self.nodes[child].next_sibling = next;
                next = child;
            }
            self.nodes[parent].first_child = next;
        }
    }

    fn is_sorted(&self, parent: usize) -> bool {
        let starts = std::iter::successors(self.first_child(parent), |child| self.next_sibling(*child))
            .map(|child| self.nodes[child].interval.start);
        starts.is_sorted()
    }

    /// One id for each entry: its own where it has one that no other has, else one derived from the request's, so that
    /// converting the same data again gives the same ids.
    fn assign_ids(&mut self, data: &PanelData, report: &mut Report) {
        self.by_id.insert(self.nodes[ROOT].id, ROOT);
        let mut without = 0;
        for (i, entry) in data.entries.iter().enumerate() {
            self.nodes[i + 1].id = SpanId::INVALID;
            if let Some(id) = entry.id.filter(|id| *id != SpanId::INVALID) {
                if let std::collections::hash_map::Entry::Vacant(vacant) = self.by_id.entry(id) {
                    vacant.insert(i + 1);
                    self.nodes[i + 1].id = id;
                    continue;
                }
                report.duplicate_ids += 1;
            }
            without += 1;
        }
        if without == 0 {
            return;
        }
        let seed = u64::from_be_bytes(self.nodes[ROOT].id.to_bytes());
        for node in 1..self.nodes.len() {
            let mut at = seed.wrapping_add(node as u64);
            while self.nodes[node].id == SpanId::INVALID {
                // Different numbers give different ids, so only those of the data can be in the way.
                let id = SpanId::from(mix(at));
                if !self.by_id.contains_key(&id) {
                    self.nodes[node].id = id;
                }
                at = at.wrapping_add(0x5851_f42d_4c95_7f2d);
            }
        }
    }

    fn find_parents(&mut self, data: &PanelData, report: &mut Report) {
        for (i, entry) in data.entries.iter().enumerate() {
            self.nodes[i + 1].parent = match entry.parent {
                None => ROOT,
                Some(parent) => self.find(parent).unwrap_or_else(|| {
                    report.unknown_parents += 1;
                    ROOT
                }),
            };
        }
    }

    /// Takes a query that a driver has told of into the span of a mapper around it, where both tell of one statement;
    /// of several in one span the first. What stands under the query stands under the span then.
    fn merge_twins(&mut self, data: &PanelData, is_same: impl Fn(&Entry, &Sql) -> bool, report: &mut Report) {
        for (i, entry) in data.entries.iter().enumerate() {
            let EntryKind::Sql(sql) = &entry.kind else { continue };
            let parent = self.nodes[i + 1].parent;
            let Some(around) = parent.checked_sub(1).and_then(|place| data.entries.get(place)) else {
                continue;
            };
            if self.nodes[parent].twin == NONE && is_same(around, sql) {
                self.nodes[parent].twin = i + 1;
                self.nodes[i + 1].merged = true;
                report.merged += 1;
            }
        }
        if report.merged == 0 {
            return;
        }
        for node in 1..self.nodes.len() {
            let parent = self.nodes[node].parent;
            if self.nodes[parent].merged {
                self.nodes[node].parent = self.nodes[parent].parent;
            }
            if self.nodes[node].merged {
                self.by_id.insert(self.nodes[node].id, self.nodes[node].parent);
            }
        }
    }

    fn break_cycles(&mut self, report: &mut Report) {
        // Parents that come first cannot make one, and sources that record as it happens put them first.
        if self.nodes.iter().enumerate().skip(1).all(|(i, node)| node.parent < i) {
            return;
        }
        #[derive(Clone, Copy, PartialEq)]
        enum Seen {
            No,
            OnThisPath,
            ReachesRoot,
        }
        let mut seen = vec![Seen::No; self.nodes.len()];
        seen[ROOT] = Seen::ReachesRoot;
        let mut path = Vec::new();
        for first in 1..self.nodes.len() {
            let mut at = first;
            while seen[at] == Seen::No {
                seen[at] = Seen::OnThisPath;
                path.push(at);
                at = self.nodes[at].parent;
            }
            if seen[at] == Seen::OnThisPath {
                self.nodes[at].parent = ROOT;
                report.cycles += 1;
            }
            for node in path.drain(..) {
                seen[node] = Seen::ReachesRoot;
            }
        }
    }
}

fn some(link: usize) -> Option<usize> {
    Some(link).filter(|link| *link != NONE)
}

/// Hashes span ids, of which most are random as they are.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        mix(self.0)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 = self.0.rotate_left(23) ^ u64::from_ne_bytes(word);
        }
    }
}

/// The finaliser of SplitMix64: neighbouring numbers give ids that share nothing, and different ones different ids.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
