//! The spans of a trace in the order of a tree.

use std::collections::{HashMap, HashSet};

use opentelemetry::trace::SpanId;
use opentelemetry_sdk::trace::SpanData;

/// A span's place in the tree.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// Its index among the spans.
    pub(super) span: usize,
    /// That of the node it stands under.
    pub(super) parent: Option<usize>,
    pub(super) depth: usize,
    /// Whether no sibling follows.
    pub(super) is_last: bool,
    pub(super) has_children: bool,
    pub(super) oddity: Option<Oddity>,
}

/// What is to be told about a span's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Oddity {
    /// Its parent is in another process.
    ParentIsRemote,
    /// Its parent should be here, and is not.
    ParentIsMissing,
    /// It is its own ancestor.
    InCircle,
    /// A span with its id came before.
    SameIdAgain,
}

/// Each span once, parents before their children, siblings in the order given.
pub(super) fn arrange(spans: &[&SpanData]) -> Vec<Node> {
    let mut by_id: HashMap<SpanId, usize> = HashMap::new();
    let mut repeated = HashSet::new();
    for (index, span) in spans.iter().enumerate() {
        if *by_id.entry(span.span_context.span_id()).or_insert(index) != index {
            repeated.insert(index);
        }
    }
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); spans.len()];
    let mut roots = Vec::new();
    for (index, span) in spans.iter().enumerate() {
        match by_id.get(&span.parent_span_id) {
            Some(parent) => children[*parent].push(index),
            None => roots.push((index, parent_elsewhere(span))),
        }
    }
    let mut walk = Walk { children, repeated, seen: vec![false; spans.len()], nodes: Vec::new() };
    for (root, oddity) in roots {
        walk.from(root, oddity);
    }
    // No root leads to these, so each has itself among its ancestors or stands under such a one.
    for index in 0..spans.len() {
        if !walk.seen[index] {
            walk.from(index, Some(Oddity::InCircle));
        }
    }
    walk.nodes
}

fn parent_elsewhere(span: &SpanData) -> Option<Oddity> {
    match span.parent_span_id {
        SpanId::INVALID => None,
        _ if span.parent_span_is_remote => Some(Oddity::ParentIsRemote),
        _ => Some(Oddity::ParentIsMissing),
    }
}

struct Walk {
    children: Vec<Vec<usize>>,
    repeated: HashSet<usize>,
    seen: Vec<bool>,
    nodes: Vec<Node>,
}

impl Walk {
    /// Not by recursion: a trace may be deeper than the stack.
    fn from(&mut self, root: usize, oddity: Option<Oddity>) {
        let node = |span, parent, depth, is_last, oddity| Node {
            span,
            parent,
            depth,
            is_last,
            has_children: false,
            oddity,
        };
        let mut next = vec![node(root, None, 0, true, oddity)];
        while let Some(mut node_here) = next.pop() {
            let (here, depth) = (node_here.span, node_here.depth);
            self.seen[here] = true;
            let mut children = std::mem::take(&mut self.children[here]);
            children.retain(|child| !self.seen[*child]);
            node_here.has_children = !children.is_empty();
            if self.repeated.contains(&here) {
                node_here.oddity = node_here.oddity.or(Some(Oddity::SameIdAgain));
            }
            self.nodes.push(node_here);
            let last = children.last().copied();
            next.extend(
                children
                    .iter()
                    .rev()
                    .map(|child| node(*child, Some(here), depth + 1, last == Some(*child), None)),
            );
        }
    }
}
