use std::collections::HashMap;
use std::time::Duration;

use super::finding::{Finding, FindingKind, Severity, milliseconds};
use super::location::Location;
use super::thresholds::Thresholds;
use crate::category::Category;
use crate::span::ConvertedSpan;
use crate::tree::{Tree, bounds, is_error, union};
use crate::{semconv, shape};

/// The same statement, call or cache operation at least so often, from one line where that is known: under one parent,
/// or under parents of one name, as those of a function are that is called in a loop.
///
/// [`ConvertedSpan::shape`] says what is the same. Parents are of one name where their own parents are, up to the
/// request; ids in a name do not count, and neither does a function that calls itself.
pub fn n_plus_one(tree: &Tree<'_>, thresholds: &Thresholds) -> Vec<Finding> {
    let spans = tree.spans();
    let candidates = spans.iter().filter(|span| span.shape.is_some()).count();
    if candidates < thresholds.n_plus_one {
        return Vec::new();
    }
    let mut alike: Vec<(u64, usize)> = Vec::with_capacity(candidates);
    alike.extend(spans.iter().enumerate().filter_map(|(i, span)| Some((span.shape?, i))));
    alike.sort_unstable();
    let is_often = |group: &[(u64, usize)]| group.len() >= thresholds.n_plus_one;
    let mut often = alike.chunk_by(|one, other| one.0 == other.0).filter(|group| is_often(group)).peekable();
    if often.peek().is_none() {
        return Vec::new();
    }
    let ways = ways(tree);
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for group in often {
        let mut by_place: HashMap<(u64, Option<Location>), Vec<usize>> = HashMap::new();
        for &(_, i) in group {
            let way = tree.parent(i).and_then(|parent| ways.get(parent).copied()).unwrap_or_default();
            by_place.entry((way, Location::of(tree, i))).or_default().push(i);
        }
        groups.extend(by_place.into_values().filter(|group| group.len() >= thresholds.n_plus_one));
    }
    groups.sort_unstable();
    groups.iter().filter_map(|group| describe(tree, group, thresholds)).collect()
}

/// Of each span the names on the way to it, as one number.
fn ways(tree: &Tree<'_>) -> Vec<u64> {
    let mut ways: Vec<u64> = Vec::with_capacity(tree.spans().len());
    let mut names: Vec<u64> = Vec::with_capacity(tree.spans().len());
    for (i, span) in tree.spans().iter().enumerate() {
        let name = shape::of_name(&span.data.name);
        // Parents come first.
        let around = tree.parent(i).and_then(|parent| Some((*names.get(parent)?, *ways.get(parent)?)));
        ways.push(match around {
            Some((same, way)) if same == name => way,
            Some((_, way)) => shape::below(way, name),
            None => name,
        });
        names.push(name);
    }
    ways
}

fn describe(tree: &Tree<'_>, group: &[usize], thresholds: &Thresholds) -> Option<Finding> {
    let spans = tree.spans();
    let members = || group.iter().filter_map(|i| spans.get(*i));
    let first = members().next()?;
    let count = group.len();
    let total = total(members());
    let location = Location::of_all(tree, group);
    let is_same = first.fingerprint.is_some() && members().all(|span| span.fingerprint == first.fingerprint);
    let what = match first.category {
        Category::Sql => "query",
        Category::Cache => "cache operation",
        _ => "call",
    };
    let remedy = match first.category {
        _ if is_same => "Run it once, and keep the result for the request.",
        Category::Sql => "Fetch them with one statement: a JOIN, or WHERE … IN (…).",
        Category::Cache => "Fetch them with one multi-key operation.",
        _ => "Use one batch call, or run the calls concurrently.",
    };
    // Times that were worked out do not say in what order things happened.
    let order = if members().any(|span| span.synthesised) {
        ""
    } else if union(members().map(bounds).collect()) < total.mul_f64(0.9) {
        ", some of them concurrently,"
    } else {
        " one by one"
    };
    let at = location.as_ref().map(|location| format!(" at {location}")).unwrap_or_default();
    let mut parents: Vec<usize> = group.iter().filter_map(|i| tree.parent(*i)).collect();
    parents.sort_unstable();
    parents.dedup();
    let under = match (parents.len(), parents.first().and_then(|parent| spans.get(*parent))) {
        (2.., Some(parent)) => format!("{} × {}", parents.len(), parent.data.name),
        _ => "one parent".to_owned(),
    };
    let name = match first.category {
        Category::Http => shape::without_ids_in_path(&first.display_name()),
        _ => first.data.name.to_string(),
    };
    let is_bad = count >= thresholds.n_plus_one.saturating_mul(10);
    let finding = Finding::new(
        FindingKind::NPlusOne,
        if is_bad { Severity::Critical } else { Severity::Warning },
        format!("{count} × {name} under {under}"),
        &format!("The same {what} ran {count} times{order}{at} and took {} in all.", milliseconds(total)),
        remedy,
    );
    Some(finding.with_spans(members()).at(location))
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
    let counts = |(_, span): &(usize, &ConvertedSpan)| span.shape.is_some() && !is_error(span);
    let mut in_time: Vec<(usize, &ConvertedSpan)> = spans.iter().enumerate().filter(counts).collect();
    in_time.sort_by_key(|(_, span)| span.data.start_time);

    let mut writes = Writes::default();
    let mut groups: HashMap<(u64, u64), Vec<usize>> = HashMap::new();
    for (i, span) in in_time {
        match span.fingerprint {
            Some(fingerprint) => {
                groups.entry((fingerprint, writes.before(span))).or_default().push(i);
            }
            None => writes.record(span),
        }
    }
    let mut groups: Vec<Vec<usize>> =
        groups.into_values().filter(|group| group.len() >= thresholds.duplicates).collect();
    groups.iter_mut().for_each(|group| group.sort_unstable());
    groups.sort_unstable();
    let describe = |group: &Vec<usize>| {
        let members = || group.iter().filter_map(|i| spans.get(*i));
        let first = members().next()?;
        let count = group.len();
        let what = match first.category {
            Category::Sql => "query with equal parameters",
            Category::Cache => "lookup of one key",
            _ => "call",
        };
        let wasted = total(members().skip(1));
        let is_often = count >= thresholds.n_plus_one;
        let finding = Finding::new(
            FindingKind::Duplicate,
            if is_often { Severity::Warning } else { Severity::Info },
            format!("{count} × identical {}", first.display_name()),
            &format!(
                "The same {what} ran {count} times; all but the first took {} together.",
                milliseconds(wasted)
            ),
            "Keep the result for the request, and reuse it.",
        );
        Some(finding.with_spans(members()).with_cost(wasted).at(Location::of_all(tree, group)))
    };
    groups.iter().filter_map(describe).collect()
}

/// How often what is read was written.
#[derive(Default)]
struct Writes<'s> {
    to_anything: u64,
    to_unknown: u64,
    by_target: HashMap<(Category, &'s str), u64>,
}

impl<'s> Writes<'s> {
    fn record(&mut self, span: &'s ConvertedSpan) {
        if is_read(span) {
            return;
        }
        self.to_anything += 1;
        match target(span) {
            Some(target) => *self.by_target.entry((span.category, target)).or_default() += 1,
            None => self.to_unknown += 1,
        }
    }

    /// A number that changes when what is read is written.
    fn before(&self, span: &'s ConvertedSpan) -> u64 {
        match target(span) {
            Some(target) => {
                self.to_unknown + self.by_target.get(&(span.category, target)).copied().unwrap_or_default()
            }
            None => self.to_anything,
        }
    }
}

fn is_read(span: &ConvertedSpan) -> bool {
    let operation = span.text(semconv::DB_OPERATION_NAME).unwrap_or_default();
    match span.category {
        Category::Cache => shape::is_cache_read(operation),
        Category::Sql => operation.eq_ignore_ascii_case("SELECT"),
        _ => matches!(span.text(semconv::HTTP_REQUEST_METHOD), Some("GET" | "HEAD" | "OPTIONS" | "QUERY")),
    }
}

/// The one table or key that a span reads or writes.
fn target(span: &ConvertedSpan) -> Option<&str> {
    match span.category {
        Category::Sql => span.text(semconv::DB_COLLECTION_NAME),
        // Several keys are told with commas between them.
        Category::Cache => span.text(semconv::CACHE_KEY).filter(|key| !key.contains(',')),
        _ => None,
    }
}

/// At least so many queries in the request.
pub fn many_queries(tree: &Tree<'_>, thresholds: &Thresholds) -> Vec<Finding> {
    let queries = || tree.spans().iter().filter(|span| span.category == Category::Sql);
    let count = queries().count();
    if count == 0 || count < thresholds.many_queries {
        return Vec::new();
    }
    let finding = Finding::new(
        FindingKind::ManyQueries,
        Severity::Warning,
        format!("{count} queries"),
        &format!("The request ran {count} queries, which took {} in all.", milliseconds(total(queries()))),
        "Look for repeated queries and queries for single rows; batch them, or keep their results.",
    );
    vec![finding.with_spans(queries())]
}

fn total<'a>(spans: impl Iterator<Item = &'a ConvertedSpan>) -> Duration {
    spans.fold(Duration::ZERO, |sum, span| sum.saturating_add(span.duration()))
}
