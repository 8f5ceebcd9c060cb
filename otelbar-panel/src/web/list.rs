//! The list of requests, as the JSON API shows it.

use super::json::{nanoseconds, unix_ns};
use super::{Pages, exporter, json};
use crate::guard;
use crate::record::Held;

pub(super) fn list(pages: &Pages, before: Option<u64>, limit: usize) -> json::List {
    let fill = pages.store.fill();
    let counters = &pages.recorder.counters;
    let reach = pages.recorder.reach.reach();
    json::List {
        service: pages.service.name.clone(),
        warnings: pages.warnings.all.clone(),
        capture: json::Capture { tracing: reach.as_str(), problem: reach.problem() },
        requests: pages.store.newest(before, limit).iter().map(|held| request(pages, held)).collect(),
        store: json::Store {
            requests: fill.requests,
            max_requests: fill.max_requests,
            bytes: fill.bytes,
            max_bytes: fill.max_bytes,
            evicted: fill.evicted,
            open_requests: pages.recorder.open.requests(),
            open_bytes: pages.recorder.open.bytes(),
            view_bytes: pages.views.bytes(),
        },
        internal_errors: internal_errors(),
        dropped: json::AllDropped {
            requests: counters.requests.value(),
            spans: counters.spans.value(),
            logs: counters.logs.value(),
            attributes: counters.attributes.value(),
            late: counters.late.value(),
            panics: counters.panics.value(),
        },
        exporter: exporter::exporter(pages),
    }
}

fn internal_errors() -> json::InternalErrors {
    let (count, last) = guard::caught();
    json::InternalErrors { count, last }
}

pub(super) fn request(pages: &Pages, held: &Held) -> json::Request {
    let context = &held.context;
    let summary = context.summary();
    let recording = context.described();
    let request = &recording.data().request;
    json::Request {
        id: context.id().to_string(),
        seq: held.seq,
        trace_id: context.span_context.trace_id().to_string(),
        service: context.service.name.clone(),
        method: request.method.clone(),
        path: request.path.clone(),
        query: request.query.clone(),
        route: request.route.clone(),
        status: request.status,
        start_unix_ns: unix_ns(recording.data().timer.start),
        duration_ns: nanoseconds(recording.data().timer.duration),
        outcome: recording.outcome.map_or("open", |outcome| outcome.as_str()),
        error: summary.failed,
        broken: recording.broken,
        counts: json::Counts {
            spans: summary.spans,
            queries: summary.queries,
            calls: summary.calls,
            renders: summary.renders,
            cache: summary.cache,
            logs: summary.logs,
            errors: summary.errors,
            findings: summary.findings,
        },
        query_ns: nanoseconds(summary.query_time),
        finding_kinds: summary.finding_kinds,
        called: summary.called,
        export: exporter::export(pages, context),
    }
}

/// What the bar says of a request.
pub(super) fn bar(held: &Held) -> json::Bar {
    let context = &held.context;
    let summary = context.summary();
    let recording = context.described();
    let request = &recording.data().request;
    json::Bar {
        id: context.id().to_string(),
        trace_id: context.span_context.trace_id().to_string(),
        method: request.method.clone(),
        path: request.path.clone(),
        route: request.route.clone(),
        status: request.status,
        outcome: recording.outcome.map_or("open", |outcome| outcome.as_str()),
        error: summary.failed,
        duration_ns: nanoseconds(recording.data().timer.duration),
        queries: summary.queries,
        query_ns: nanoseconds(summary.query_time),
        errors: summary.errors,
        findings: summary.findings,
        finding_kinds: summary.finding_kinds,
        finding_titles: summary.finding_titles,
        critical: summary.is_critical,
    }
}
