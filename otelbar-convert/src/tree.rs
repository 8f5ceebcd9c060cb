//! Where the time of a trace went.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanId, Status};

use crate::category::Category;
use crate::code_location;
use crate::span::ConvertedSpan;

/// Converted spans, with the parent and the children of each. The [findings](crate::findings) look at it too.
///
/// ```
/// # use std::time::{Duration, SystemTime};
/// # use opentelemetry::trace::{SpanContext, SpanId, SpanKind, TraceFlags, TraceId, TraceState};
/// # use otelbar_convert::panel_data::{Entry, EntryKind, PanelData, Request, Timer};
/// # use otelbar_convert::{PanelDataConverter, Tree};
/// # let context = SpanContext::new(
/// #     TraceId::from(1), SpanId::from(1), TraceFlags::SAMPLED, false, TraceState::default(),
/// # );
/// # let timer = Timer::new(SystemTime::UNIX_EPOCH, Duration::from_millis(20));
/// # let mut data = PanelData::new(context, timer, Request::new("GET", "/"));
/// # data.entries.push(Entry::new("load", Duration::from_millis(15), EntryKind::Span(SpanKind::Internal)));
/// let converted = PanelDataConverter::default().convert(&data);
/// let tree = Tree::of(&converted.spans);
/// assert_eq!(tree.times()[0].total, Duration::from_millis(20));
/// assert_eq!(tree.times()[0].own, Duration::from_millis(5));
/// let names: Vec<_> = tree.critical_path().iter().map(|step| &*tree.spans()[step.span].data.name).collect();
/// assert_eq!(names, ["load", "GET"]);
/// ```
#[derive(Clone, Debug)]
pub struct Tree<'a> {
    spans: &'a [ConvertedSpan],
    /// Most requests have nothing wrong that has to be looked for by it.
    index: OnceLock<Index>,
    placed: OnceLock<Vec<Option<usize>>>,
    failures: OnceLock<Failures>,
}

/// Where failures are, as seen from each span.
#[derive(Clone, Debug)]
struct Failures {
    /// The nearest span around it that failed.
    around: Vec<Option<usize>>,
    /// Whether one below it failed.
    below: Vec<bool>,
}

#[derive(Clone, Debug)]
struct Index {
    parents: Vec<Option<usize>>,
    /// Where the children of a span begin in `children`.
    first: Vec<usize>,
    children: Vec<usize>,
}

/// How long a span took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpanTime {
    /// From its start to its end.
    pub total: Duration,
    /// Of that, what no child covers.
    pub own: Duration,
}

/// A part of the critical path: a span's own work or waiting, that nothing else could have hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PathSegment {
    /// Place of the span.
    pub span: usize,
    /// When the path comes to the span.
    pub start: SystemTime,
    /// When it leaves it.
    pub end: SystemTime,
}

/// The spans of one category taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CategoryTime {
    /// What kind of work they stand for.
    pub category: Category,
    /// How many there are.
    pub count: usize,
    /// How many of them are errors.
    pub errors: usize,
    /// Their durations added up: more than the request's where they ran side by side.
    pub total: Duration,
    /// Time in which at least one of them ran.
    pub covered: Duration,
}

impl<'a> Tree<'a> {
    /// The tree of these spans, which come parents first, as [`Converted::spans`](crate::Converted::spans) does. One
    /// whose parent does not come before it counts as a root.
    pub fn of(spans: &'a [ConvertedSpan]) -> Self {
        Tree { spans, index: OnceLock::new(), placed: OnceLock::new(), failures: OnceLock::new() }
    }

    /// The spans.
    pub fn spans(&self) -> &'a [ConvertedSpan] {
        self.spans
    }

    /// Place of a span's parent.
    pub fn parent(&self, span: usize) -> Option<usize> {
        self.index().parents.get(span).copied().flatten()
    }

    /// Places of a span's children, in their order.
    pub fn children(&self, span: usize) -> &[usize] {
        let index = self.index();
        match index.first.get(span..span.saturating_add(2)) {
            Some([from, to]) => &index.children[*from..*to],
            _ => &[],
        }
    }

    /// Place of the nearest span that says where in the application it comes from: this one, or one around it.
    pub(crate) fn placed(&self, span: usize) -> Option<usize> {
        let placed = self.placed.get_or_init(|| {
            let mut placed: Vec<Option<usize>> = Vec::with_capacity(self.spans.len());
            for (i, span) in self.spans.iter().enumerate() {
                // Parents come first.
                let around = || placed.get(self.parent(i)?).copied().flatten();
                let nearest = code_location::place(span).map(|_| i).or_else(around);
                placed.push(nearest);
            }
            placed
        });
        placed.get(span).copied().flatten()
    }

    /// Place of the nearest span around this one that failed.
    pub(crate) fn failed_around(&self, span: usize) -> Option<usize> {
        self.failures().around.get(span).copied().flatten()
    }

    /// Whether a span below this one failed.
    pub(crate) fn fails_below(&self, span: usize) -> bool {
        self.failures().below.get(span).copied().unwrap_or_default()
    }

    fn failures(&self) -> &Failures {
        self.failures.get_or_init(|| {
            let failed: Vec<bool> = self.spans.iter().map(is_error).collect();
            let mut around: Vec<Option<usize>> = Vec::with_capacity(failed.len());
            let mut below = vec![false; failed.len()];
            // Parents come first.
            for i in 0..failed.len() {
                around.push(
                    self.parent(i)
                        .and_then(|parent| if failed[parent] { Some(parent) } else { around[parent] }),
                );
            }
            for i in (0..failed.len()).rev() {
                if let Some(parent) = self.parent(i) {
                    below[parent] |= failed[i] || below[i];
                }
            }
            Failures { around, below }
        })
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| Index::of(self.spans))
    }

    /// The time of each span, in their order.
    pub fn times(&self) -> Vec<SpanTime> {
        let time = |(i, span): (usize, &ConvertedSpan)| {
            let mut covered: Vec<_> =
                self.children(i).iter().map(|child| bounds(&self.spans[*child])).collect();
            let (start, end) = bounds(span);
            for (from, to) in &mut covered {
                *from = (*from).clamp(start, end.max(start));
                *to = (*to).clamp(start, end.max(start));
            }
            let total = span.duration();
            SpanTime { total, own: total.saturating_sub(union(covered)) }
        };
        self.spans.iter().enumerate().map(time).collect()
    }

    /// What the first span's end had to wait for, from its start to its end without a gap.
    ///
    /// At each instant it is the innermost span of those that finished last. A child that outlives its parent is not
    /// on the path, since the parent did not wait for it.
    pub fn critical_path(&self) -> Vec<PathSegment> {
        let Some(root) = self.spans.first() else { return Vec::new() };
        let mut path = Vec::new();
        // From the end back to the start: what is pending, until when, and which of its children is next.
        let (start, end) = bounds(root);
        let mut pending = vec![(0, start, end, self.by_end(0))];
        while let Some((span, start, until, children)) = pending.last_mut() {
            let next = children.pop().map(|child| (child, bounds(&self.spans[child])));
            let step = |from: SystemTime, to: SystemTime| {
                (from < to).then_some(PathSegment { span: *span, start: from, end: to })
            };
            match next {
                Some((child, (child_start, child_end))) => {
                    // What ends after the path has left was hidden by what the path went through.
                    if child_end > *until || child_start < *start || child_start == child_end {
                        continue;
                    }
                    path.extend(step(child_end, *until));
                    *until = child_start;
                    let children = self.by_end(child);
                    pending.push((child, child_start, child_end, children));
                }
                None => {
                    path.extend(step(*start, *until));
                    pending.pop();
                }
            }
        }
        path.reverse();
        path
    }

    /// Counts and times by category, in the order of [`Category`]; those without a span are left out.
    pub fn categories(&self) -> Vec<CategoryTime> {
        let mut order: Vec<usize> = (0..self.spans.len()).collect();
        order.sort_by_key(|i| self.spans[*i].category);
        let same = |one: &usize, other: &usize| self.spans[*one].category == self.spans[*other].category;
        let time = |group: &[usize]| CategoryTime {
            category: self.spans[group[0]].category,
            count: group.len(),
            errors: group.iter().filter(|i| is_error(&self.spans[**i])).count(),
            total: group.iter().fold(Duration::ZERO, |sum, i| sum.saturating_add(self.spans[*i].duration())),
            covered: union(group.iter().map(|i| bounds(&self.spans[*i])).collect()),
        };
        order.chunk_by(same).map(time).collect()
    }

    /// The children by their end, the last at the end.
    fn by_end(&self, span: usize) -> Vec<usize> {
        let mut children = self.children(span).to_vec();
        children.sort_by_key(|child| self.spans[*child].data.end_time);
        children
    }
}

impl Index {
    fn of(spans: &[ConvertedSpan]) -> Self {
        let mut by_id: HashMap<SpanId, usize> = HashMap::with_capacity(spans.len());
        let mut parents = Vec::with_capacity(spans.len());
        let mut first = vec![0; spans.len() + 1];
        for (i, span) in spans.iter().enumerate() {
            let parent = by_id.get(&span.data.parent_span_id).copied();
            parents.push(parent);
            // The roots are counted in the last place, which no span has.
            first[parent.unwrap_or(spans.len())] += 1;
            by_id.entry(span.data.span_context.span_id()).or_insert(i);
        }
        let mut sum = 0;
        for count in &mut first {
            sum += *count;
            *count = sum;
        }
        // Filled from behind, so that each span's place is where its children begin.
        let mut children = vec![0; spans.len()];
        for (i, parent) in parents.iter().enumerate().rev() {
            let at = &mut first[parent.unwrap_or(spans.len())];
            *at -= 1;
            children[*at] = i;
        }
        Index { parents, first, children }
    }
}

pub(crate) fn is_error(span: &ConvertedSpan) -> bool {
    matches!(span.data.status, Status::Error { .. })
}

pub(crate) fn bounds(span: &ConvertedSpan) -> (SystemTime, SystemTime) {
    (span.data.start_time, span.data.end_time)
}

/// Time that at least one of them covers.
pub(crate) fn union(mut intervals: Vec<(SystemTime, SystemTime)>) -> Duration {
    intervals.sort_unstable();
    let mut covered = Duration::ZERO;
    let mut until = SystemTime::UNIX_EPOCH;
    for (start, end) in intervals {
        covered += end.duration_since(start.max(until)).unwrap_or_default();
        until = until.max(end);
    }
    covered
}
