use crate::findings::{Finding, FindingKind};
use crate::report::Report;
use crate::span::ConvertedSpan;

/// A request as spans.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Converted {
    /// The spans: the root first, parents before their children, siblings by their start.
    pub spans: Vec<ConvertedSpan>,
    /// What is wrong with the request, the worst first.
    pub findings: Vec<Finding>,
    /// How many more there are of each kind of which there are too many to tell.
    pub findings_left_out: Vec<(FindingKind, usize)>,
    /// What could not be taken as it was.
    pub report: Report,
}
