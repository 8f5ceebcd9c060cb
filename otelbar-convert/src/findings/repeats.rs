use std::collections::HashMap;
use std::time::Duration;

use super::{Finding, FindingKind, Location, Severity, Thresholds, milliseconds, text};
use crate::converted::{ConvertedSpan, Panel};
use crate::tree::{Tree, bounds, is_error, union};
use crate::{semconv, shape};

/// The same statement, call or cache operation at least so often under one parent, from one line where that is known.
///
/// [`ConvertedSpan::shape`] says what is the same.
pub fn n_plus_one(tree: &Tree<'_>, thresholds: &Thresholds) -> Vec<Finding> {
    let spans = tree.spans();
    let candidates = spans.iter().filter(|span| span.shape.is_some()).count();
    if candidates < thresholds.n_plus_one {
        return Vec::new();
    }
    let mut alike = Vec::with_capacity(candidates);
    let key =
        |(i, span): (usize, &ConvertedSpan)| Some((span.data.parent_span_id.to_bytes(), span.shape?, i));
    alike.extend(spans.iter().enumerate().filter_map(key));
    alike.sort_unstable();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for group in alike.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1)) {
        if group.len() < thresholds.n_plus_one {
            continue;
        }
        let mut by_line: HashMap<Option<Location>, Vec<usize>> = HashMap::new();
        for &(_, _, i) in group {
            by_line.entry(Location::of(&spans[i])).or_default().push(i);
        }
        groups.extend(by_line.into_values().filter(|group| group.len() >= thresholds.n_plus_one));
    }
    groups.sort_unstable_by_key(|group| group[0]);
    groups.iter().map(|group| describe(spans, group, thresholds)).collect()
}

fn describe(spans: &[ConvertedSpan], group: &[usize], thresholds: &Thresholds) -> Finding {
    let members = || group.iter().map(|i| &spans[*i]);
    let first = &spans[group[0]];
    let count = group.len();
    let total = total(members());
    let location = Location::of_all(members());
    let is_same = first.fingerprint.is_some() && members().all(|span| span.fingerprint == first.fingerprint);
    let (what, remedy) = match (first.panel, is_same) {
        (_, true) => ("", "Ask once, and keep the answer for the request."),
        (Panel::Sql, _) => ("query", "Fetch them with one statement: a JOIN, or WHERE … IN (…)."),
        (Panel::Cache, _) => ("cache operation", "Fetch them with one operation on many keys."),
        _ => ("call", "Ask for them with one call, or make the calls at the same time."),
    };
    let what = match (what, first.panel) {
        ("", Panel::Sql) => "query",
        ("", Panel::Cache) => "cache operation",
        ("", _) => "call",
        (what, _) => what,
    };
    // Times that were worked out do not say in what order things happened.
    let order = if members().any(|span| span.synthesised) {
        ""
    } else if union(members().map(bounds).collect()) < total.mul_f64(0.9) {
        ", some of them at the same time,"
    } else {
        " one by one"
    };
    let at = location.as_ref().map(|location| format!(" at {location}")).unwrap_or_default();
    let is_bad = count >= thresholds.n_plus_one.saturating_mul(10);
    let finding = Finding::new(
        FindingKind::NPlusOne,
        if is_bad { Severity::Critical } else { Severity::Warning },
        format!("{count} × {} under one parent", first.data.name),
        &format!("The same {what} ran {count} times{order}{at} and took {} in all.", milliseconds(total)),
        remedy,
    );
    Finding { location, ..finding.with_spans(members()) }
}

/// The very same query, lookup or call at least so often in the request, anywhere in it.
///
/// [`ConvertedSpan::fingerprint`] says what is the very same. A table or key that is written makes what is read from it
/// afterwards a new question; so does a write of which the table is unknown, and for a query over several tables any
/// write. What failed is left out: asking again is a retry.
pub fn duplicates(tree: &Tree<'_>, thresholds: &Thresholds) -> Vec<Finding> {
    let spans = tree.spans();
    if spans.iter().filter(|span| span.fingerprint.is_some()).count() < thresholds.duplicates {
        return Vec::new();
    }
    let counts = |i: &usize| spans[*i].shape.is_some() && !is_error(&spans[*i]);
    let mut in_time: Vec<usize> = (0..spans.len()).filter(counts).collect();
    in_time.sort_by_key(|i| spans[*i].data.start_time);

    let mut writes = Writes::default();
    let mut groups: HashMap<(u64, u64), Vec<usize>> = HashMap::new();
    for i in in_time {
        match spans[i].fingerprint {
            Some(fingerprint) => {
                groups.entry((fingerprint, writes.before(&spans[i]))).or_default().push(i);
            }
            None => writes.record(&spans[i]),
        }
    }
    let mut groups: Vec<Vec<usize>> =
        groups.into_values().filter(|group| group.len() >= thresholds.duplicates).collect();
    groups.iter_mut().for_each(|group| group.sort_unstable());
    groups.sort_unstable_by_key(|group| group[0]);
    let describe = |group: &Vec<usize>| {
        let members = || group.iter().map(|i| &spans[*i]);
        let first = &spans[group[0]];
        let count = group.len();
        let what = match first.panel {
            Panel::Sql => "query with equal parameters",
            Panel::Cache => "lookup of one key",
            _ => "call",
        };
        let wasted = total(members().skip(1));
        let is_often = count >= thresholds.n_plus_one;
        let finding = Finding::new(
            FindingKind::Duplicate,
            if is_often { Severity::Warning } else { Severity::Info },
            format!("{count} × the very same {}", first.data.name),
            &format!(
                "The same {what} ran {count} times; all but the first took {} together.",
                milliseconds(wasted)
            ),
            "Keep the answer for the request, and pass it to where it is needed again.",
        );
        Finding { location: Location::of_all(members()), ..finding.with_spans(members()) }
    };
    groups.iter().map(describe).collect()
}

/// How often what is read was written.
#[derive(Default)]
struct Writes<'s> {
    to_anything: u64,
    to_unknown: u64,
    by_target: HashMap<(Panel, &'s str), u64>,
}

impl<'s> Writes<'s> {
    fn record(&mut self, span: &'s ConvertedSpan) {
        if is_read(span) {
            return;
        }
        self.to_anything += 1;
        match target(span) {
            Some(target) => *self.by_target.entry((span.panel, target)).or_default() += 1,
            None => self.to_unknown += 1,
        }
    }

    /// A number that changes when what is read is written.
    fn before(&self, span: &'s ConvertedSpan) -> u64 {
        match target(span) {
            Some(target) => {
                self.to_unknown + self.by_target.get(&(span.panel, target)).copied().unwrap_or_default()
            }
            None => self.to_anything,
        }
    }
}

fn is_read(span: &ConvertedSpan) -> bool {
    let operation = text(span, semconv::DB_OPERATION_NAME).unwrap_or_default();
    match span.panel {
        Panel::Cache => shape::is_cache_read(operation),
        Panel::Sql => operation.eq_ignore_ascii_case("SELECT"),
        _ => matches!(text(span, semconv::HTTP_REQUEST_METHOD), Some("GET" | "HEAD" | "OPTIONS")),
    }
}

/// The one table or key that a span reads or writes.
fn target(span: &ConvertedSpan) -> Option<&str> {
    match span.panel {
        Panel::Sql => text(span, semconv::DB_COLLECTION_NAME),
        // Several keys are told with commas between them.
        Panel::Cache => text(span, semconv::CACHE_KEY).filter(|key| !key.contains(',')),
        _ => None,
    }
}

/// At least so many queries in the request.
pub fn many_queries(tree: &Tree<'_>, thresholds: &Thresholds) -> Vec<Finding> {
    let queries = || tree.spans().iter().filter(|span| span.panel == Panel::Sql);
    let count = queries().count();
    if count == 0 || count < thresholds.many_queries {
        return Vec::new();
    }
    let finding = Finding::new(
        FindingKind::ManyQueries,
        Severity::Warning,
        format!("{count} queries"),
        &format!("The request ran {count} queries, which took {} in all.", milliseconds(total(queries()))),
        "See which of them ask for the same or for one row each, and fetch more at once or keep what was fetched.",
    );
    vec![finding.with_spans(queries())]
}

fn total<'a>(spans: impl Iterator<Item = &'a ConvertedSpan>) -> Duration {
    spans.fold(Duration::ZERO, |sum, span| sum.saturating_add(span.duration()))
}
