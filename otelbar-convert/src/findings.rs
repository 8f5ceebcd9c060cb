//! What is wrong with a request.
//!
//! Each rule is a pure function over the [`Tree`] of converted spans, and gives the same findings for the same spans.
//! They know the stable names of attributes.
//!
//! | rule | finds | unless set |
//! |---|---|---|
//! | [`n_plus_one`] | the same statement, call or cache operation again and again under one parent | 5 times |
//! | [`duplicates`] | the very same asked for again, and nothing written in between | 2 times |
//! | [`slow_queries`] | a query that takes long | 100 ms |
//! | [`slow_spans`] | anything else that takes long, with no child to explain it | 1 s |
//! | [`many_queries`] | many queries in all | 50 |
//! | [`errors()`] | what failed, told once where it began, and what was logged as an error | |
//! | [`long_waits`] | a long time between two children of one parent in which nothing is known to happen | 250 ms |
//! | [`serial_calls`] | HTTP calls made one after the other that could run together | 3 calls, 200 ms to be saved |
//!
//! A rule that looks at when things happened does not look at times that were worked out. What goes on after the
//! request has ended, as background tasks do, takes none of its time, and is slow by what lies before the end.
//!
//! [`all`] tells no more than [`MAX_OF_A_KIND`] of one kind, the worst of them, and a finding names no more than
//! [`MAX_SPANS`] of its spans; how many more there are is told.

mod errors;
mod finding;
mod location;
mod repeats;
mod slow;
mod thresholds;
mod waits;

use crate::span::ConvertedSpan;
use crate::tree::Tree;

pub use errors::{count_failures, errors};
pub use finding::{Finding, FindingKind, MAX_SPANS, Severity};
pub use location::Location;
pub use repeats::{duplicates, many_queries, n_plus_one};
pub use slow::{slow_queries, slow_spans};
pub use thresholds::Thresholds;
pub use waits::{long_waits, serial_calls};

/// How many findings of one kind [`all`] tells.
pub const MAX_OF_A_KIND: usize = 20;

/// What is wrong with a request, as far as that is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Findings {
    /// The worst first.
    pub findings: Vec<Finding>,
    /// How many more there are of a kind, where there are more than [`MAX_OF_A_KIND`].
    pub left_out: Vec<(FindingKind, usize)>,
}

/// All rules, the worst findings first: by their severity, and of one kind by the time they cost.
pub fn all(spans: &[ConvertedSpan], thresholds: &Thresholds) -> Findings {
    let tree = Tree::of(spans);
    let rules =
        [errors, n_plus_one, slow_queries, slow_spans, many_queries, duplicates, long_waits, serial_calls];
    let mut all = Findings::default();
    for rule in rules {
        let mut found = rule(&tree, thresholds);
        found.sort_by_key(|finding| std::cmp::Reverse((finding.severity, finding.cost)));
        let over = found.len().saturating_sub(MAX_OF_A_KIND);
        if let Some(kind) = found.first().map(|finding| finding.kind).filter(|_| over > 0) {
            all.left_out.push((kind, over));
        }
        all.findings.extend(found.into_iter().take(MAX_OF_A_KIND));
    }
    all.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    all
}
