//! What requests look like as JSON: worked out when it is first asked for, and kept while it is good and there is room.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use flate2::Compression;
use opentelemetry::trace::SpanId;
use otelbar_convert::Converted;

use super::gzip::Deflated;
use super::json;
use super::span::span;
use crate::record::{Freshness, RequestContext};

/// One request's spans and findings.
#[derive(Debug, Default)]
pub(super) struct View {
    /// The spans as JSON, with commas between them.
    pub(super) spans: Arc<Deflated>,
    /// Their ids, in the same order: the request's own first.
    pub(super) ids: Vec<SpanId>,
    /// Whose child the request is.
    pub(super) parent: Option<SpanId>,
    pub(super) findings: Vec<json::Finding>,
    pub(super) findings_left_out: Vec<json::FindingsLeftOut>,
}

/// The views that were asked for last.
#[derive(Debug)]
pub(super) struct Views {
    max_bytes: usize,
    kept: Mutex<KeptViews>,
}

/// The one that was asked for last comes first.
#[derive(Debug, Default)]
struct KeptViews {
    entries: VecDeque<KeptView>,
    bytes: usize,
}

#[derive(Debug)]
struct KeptView {
    request: SpanId,
    freshness: Freshness,
    view: Arc<View>,
    bytes: usize,
}

impl Views {
    /// Those that are kept may hold so many bytes together.
    pub(super) fn new(max_bytes: usize) -> Self {
        Views { max_bytes, kept: Mutex::default() }
    }

    /// The view of a request as it is now.
    pub(super) fn of(&self, request: &RequestContext) -> Arc<View> {
        let (version, goes_on) = request.version();
        if let Some(view) = self.lock().find(request.id(), version, goes_on) {
            return view;
        }
        let started = Instant::now();
        let snapshot = request.snapshot();
        let converted = request.convert(&snapshot);
        if let Some(converted) = &converted {
            request.sum_up(&snapshot, converted, started);
        }
        drop(snapshot.data);
        let view = Arc::new(View::new(request, converted));
        let bytes = view.size();
        let entry = KeptView {
            request: request.id(),
            freshness: Freshness::of(snapshot.version, started),
            view: Arc::clone(&view),
            bytes,
        };
        let dropped = self.lock().keep(entry, self.max_bytes);
        // Freed when nobody waits for the lock.
        drop(dropped);
        view
    }

    /// Bytes of those that are kept.
    pub(super) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, KeptViews> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeptViews {
    fn find(&mut self, request: SpanId, version: u64, goes_on: bool) -> Option<Arc<View>> {
        let place = self.entries.iter().position(|entry| entry.request == request)?;
        let entry = self.entries.remove(place)?;
        if !entry.freshness.is_good(version, goes_on) {
            self.bytes -= entry.bytes;
            return None;
        }
        let view = Arc::clone(&entry.view);
        self.entries.push_front(entry);
        Some(view)
    }

    /// Keeps an entry in the place of the one of the same request; gives what had to make room for it.
    fn keep(&mut self, entry: KeptView, max_bytes: usize) -> Vec<KeptView> {
        let mut dropped = Vec::new();
        if let Some(place) = self.entries.iter().position(|old| old.request == entry.request) {
            dropped.extend(self.entries.remove(place));
        }
        self.bytes += entry.bytes;
        self.entries.push_front(entry);
        self.bytes -= dropped.iter().map(|entry| entry.bytes).sum::<usize>();
        while self.bytes > max_bytes
            && let Some(oldest) = self.entries.pop_back()
        {
            self.bytes -= oldest.bytes;
            dropped.push(oldest);
        }
        dropped
    }
}

impl View {
    fn new(request: &RequestContext, converted: Option<Converted>) -> Self {
        let Some(converted) = converted else { return View::default() };
        let mut spans = Vec::new();
        let mut ids = Vec::with_capacity(converted.spans.len());
        for one in &converted.spans {
            let end = spans.len();
            if !ids.is_empty() {
                spans.push(b',');
            }
            // Of the types that a span has none can fail to be written.
            if serde_json::to_writer(&mut spans, &span(request, one)).is_err() {
                spans.truncate(end);
                continue;
            }
            ids.push(one.data.span_context.span_id());
        }
        let parent = converted.spans.first().map(|root| root.data.parent_span_id);
        View {
            spans: Arc::new(Deflated::new(&spans, Compression::fast())),
            ids,
            parent: parent.filter(|parent| *parent != SpanId::INVALID),
            findings: converted
                .findings
                .iter()
                .map(|finding| json::Finding {
                    kind: finding.kind.as_str(),
                    severity: finding.severity.as_str(),
                    title: finding.title.clone(),
                    detail: finding.detail.clone(),
                    location: finding.location.as_ref().map(ToString::to_string),
                    span_ids: finding.span_ids.iter().map(SpanId::to_string).collect(),
                    spans_left_out: finding.spans_left_out,
                })
                .collect(),
            findings_left_out: converted
                .findings_left_out
                .iter()
                .map(|(kind, count)| json::FindingsLeftOut { kind: kind.as_str(), count: *count })
                .collect(),
        }
    }

    /// Roughly the memory it holds, in bytes.
    fn size(&self) -> usize {
        let finding = |finding: &json::Finding| {
            size_of::<json::Finding>()
                + finding.title.len()
                + finding.detail.len()
                + finding.location.as_ref().map_or(0, String::len)
                + finding.span_ids.iter().map(|id| size_of::<String>() + id.len()).sum::<usize>()
        };
        size_of::<KeptView>()
            + size_of::<View>()
            + self.spans.size()
            + self.ids.capacity() * size_of::<SpanId>()
            + self.findings.iter().map(finding).sum::<usize>()
            + self.findings_left_out.len() * size_of::<json::FindingsLeftOut>()
    }
}

#[cfg(test)]
mod tests {
    use super::super::gzip::{Part, plain};
    use super::*;
    use crate::record::{Outcome, test_context, test_log};

    #[test]
    fn a_view_is_made_once_and_again_when_something_was_recorded() {
        let views = Views::new(usize::MAX);
        let request = test_context();
        request.finish(Outcome::Completed);
        let first = views.of(&request);
        assert!(Arc::ptr_eq(&first, &views.of(&request)));
        request.log(test_log());
        let second = views.of(&request);
        assert!(!Arc::ptr_eq(&first, &second));
        let spans = |view: &View| {
            let body = plain(&[Part::Deflated(Arc::clone(&view.spans))]);
            String::from_utf8(body.to_vec()).unwrap()
        };
        assert!(spans(&second).contains("said") && !spans(&first).contains("said"));
        assert_eq!(views.lock().entries.len(), 1, "one for a request");
        assert_eq!(views.bytes(), second.size());
    }

    #[test]
    fn what_was_asked_for_last_is_kept_within_the_bound() {
        let entry = |request: u64, bytes| KeptView {
            request: SpanId::from(request),
            freshness: Freshness::of(1, Instant::now()),
            view: Arc::default(),
            bytes,
        };
        let mut kept = KeptViews::default();
        assert!(kept.keep(entry(1, 40), 100).is_empty());
        assert!(kept.keep(entry(2, 40), 100).is_empty());
        assert!(kept.find(SpanId::from(1), 1, false).is_some());
        assert_eq!(kept.keep(entry(3, 40), 100).len(), 1);
        assert!(kept.find(SpanId::from(2), 1, false).is_none(), "nobody asked for it for the longest time");
        assert_eq!(kept.bytes, 80);
        assert_eq!(kept.keep(entry(4, 1000), 100).len(), 3, "what is too large is not kept either");
        assert_eq!(kept.bytes, 0);
    }

    /// A conversion that is under way does not keep the request from being recorded, nor does it see what is recorded
    /// after it has begun.
    #[test]
    fn a_snapshot_holds_no_lock_and_stays_as_it_is() {
        let request = test_context();
        let snapshot = request.snapshot();
        request.log(test_log());
        request.with_request(|request| request.route = Some("/later".to_owned()));
        assert!(snapshot.data.logs.is_empty() && snapshot.data.request.route.is_none());
        assert_eq!(request.snapshot().data.logs.len(), 1);
    }
}
