//! One request, as the JSON API shows it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;

use super::gzip::Part;
use super::list::request;
use super::views::View;
use super::{Pages, exporter, json};
use crate::record::Held;

/// Spans in the answer for a request, beyond which those of other requests of its trace are left out.
const MAX_SPANS_OF_OTHERS: usize = 20_000;

pub(super) fn detail(pages: &Pages, held: &Held) -> Result<Vec<Part>, serde_json::Error> {
    let context = &held.context;
    let view = pages.views.of(context);
    let mut views = vec![Arc::clone(&view)];
    let mut spans = view.ids.len();
    let mut left_out = 0;
    for other in pages.store.trace(context.span_context.trace_id()) {
        if other.context.id() == context.id() {
            continue;
        }
        if spans + other.context.lock().entries() > MAX_SPANS_OF_OTHERS {
            left_out += 1;
            continue;
        }
        let other = pages.views.of(&other.context);
        spans += other.ids.len();
        views.push(other);
    }
    let dropped = context.lock().dropped;
    let propagation = &context.propagation;
    let head = json::Detail {
        request: request(pages, held),
        propagation: json::Propagation {
            propagators: pages.recorder.propagators.iter().map(|one| one.to_string()).collect(),
            outcome: propagation.outcome.as_str(),
            reason: propagation.reason.as_deref(),
            warnings: &propagation.warnings,
            parent_span_id: propagation.parent.map(|id| id.to_string()),
            sampled: context.span_context.is_sampled(),
            headers: propagation.headers.iter().map(|(name, value)| json::Header { name, value }).collect(),
        },
        deliveries: exporter::deliveries(pages, context),
        links: exporter::links(pages, context),
        left_out,
        findings: &view.findings,
        findings_left_out: &view.findings_left_out,
        dropped: json::Dropped {
            spans: dropped.spans,
            logs: dropped.logs,
            attributes: dropped.attributes,
            late: dropped.late,
        },
    };
    with_spans(&head, &in_tree_order(&views))
}

/// The head of an answer with the spans, which are written already.
fn with_spans(head: &json::Detail<'_>, views: &[&View]) -> Result<Vec<Part>, serde_json::Error> {
    let mut head = serde_json::to_vec(head)?;
    // Of the object's end.
    head.pop();
    head.extend_from_slice(b",\"spans\":[");
    let mut parts = vec![Part::Plain(head.into())];
    for view in views.iter().filter(|view| !view.spans.is_empty()) {
        if parts.len() > 1 {
            parts.push(Part::Plain(Bytes::from_static(b",")));
        }
        parts.push(Part::Deflated(Arc::clone(&view.spans)));
    }
    parts.push(Part::Plain(Bytes::from_static(b"]}")));
    Ok(parts)
}

/// Puts the requests of one trace into an order: one that was called comes after the one whose span called it, and
/// otherwise they stay in theirs.
fn in_tree_order(views: &[Arc<View>]) -> Vec<&View> {
    let ids =
        |(place, view): (usize, &Arc<View>)| view.ids.iter().map(move |id| (*id, place)).collect::<Vec<_>>();
    // A trace of one request, as most are, needs no table of its spans.
    let owners: HashMap<_, _> = match views {
        [_] => HashMap::new(),
        views => views.iter().enumerate().flat_map(ids).collect(),
    };
    let caller = |view: &View| view.parent.and_then(|parent| owners.get(&parent).copied());
    let mut called: Vec<Vec<usize>> = vec![Vec::new(); views.len()];
    let mut ready = BTreeSet::new();
    for (place, view) in views.iter().enumerate() {
        match caller(view).filter(|caller| *caller != place) {
            Some(caller) => called[caller].push(place),
            None => {
                ready.insert(place);
            }
        }
    }
    let mut waiting: BTreeSet<usize> = (0..views.len()).collect();
    let mut ordered = Vec::with_capacity(views.len());
    // In a cycle of requests none is first, so any is.
    while let Some(next) = ready.pop_first().or_else(|| waiting.first().copied()) {
        if waiting.remove(&next) {
            ordered.push(&*views[next]);
            ready.extend(called[next].iter().filter(|place| waiting.contains(place)));
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::SpanId;

    use super::*;

    /// Requests, each with the ids of its spans and its caller's, and the order of their first ids.
    #[track_caller]
    fn check(requests: &[(&[u64], Option<u64>)], expected: &[u64]) {
        let view = |(ids, parent): &(&[u64], Option<u64>)| {
            Arc::new(View {
                ids: ids.iter().copied().map(SpanId::from).collect(),
                parent: parent.map(SpanId::from),
                ..View::default()
            })
        };
        let views: Vec<_> = requests.iter().map(view).collect();
        let ordered: Vec<_> = in_tree_order(&views).iter().map(|view| view.ids[0]).collect();
        assert_eq!(ordered, expected.iter().copied().map(SpanId::from).collect::<Vec<_>>());
    }

    #[test]
    fn a_request_comes_after_the_one_that_called_it() {
        check(&[(&[1], None)], &[1]);
        check(&[(&[1], Some(9))], &[1]);
        check(&[(&[1, 2], Some(4)), (&[3, 4], None)], &[3, 1]);
        check(&[(&[1], Some(3)), (&[2], None), (&[3], Some(2)), (&[4], Some(9))], &[2, 3, 1, 4]);
    }

    #[test]
    fn requests_that_call_each_other_are_all_shown() {
        check(&[(&[1], Some(2)), (&[2], Some(1))], &[1, 2]);
        check(&[(&[1], Some(1))], &[1]);
        check(&[(&[1], None), (&[2], Some(3)), (&[3], Some(2))], &[1, 2, 3]);
    }
}
