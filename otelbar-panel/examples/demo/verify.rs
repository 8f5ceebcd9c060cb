//! Finds out what became of the demo's own traffic: whether each span, query and log was recorded under the request
//! whose number it bears, and whether the collector has received exactly what the toolbar's API shows.

mod api;
mod exported;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use otelbar_panel::OpenTelemetryPanel;
use otelbar_testkit::Collector;
use serde::Serialize;

pub(crate) use self::api::Api;
use self::api::{Attribute, Detail, Span};
use self::exported::Exported;
use crate::AnyError;
use crate::number::{ATTRIBUTE, QUERY_PREFIX, TEMPLATE_PREFIX, URL_PREFIX};
use crate::traffic::{Answer, Caller, Planned, USER_AGENT, Visit, Work};

/// An export that makes no progress for so long is given up.
const GIVE_UP: Duration = Duration::from_secs(5);
/// How long one look at the export's progress may take.
const LOOK: Duration = Duration::from_millis(500);
/// Complaints that are printed; the rest is counted.
const COMPLAINTS: usize = 20;

/// Waits until everything is exported or given up; whether all of it was settled.
pub(crate) async fn wait_for_export(toolbar: &OpenTelemetryPanel, api: &Api) -> Result<bool, AnyError> {
    let mut progress = (0, Instant::now());
    loop {
        if toolbar.flush_async(LOOK).await.is_ok() {
            return Ok(true);
        }
        let settled = api.list(None, 1).await?.exporter.map_or(0, |exporter| exporter.settled());
        if settled > progress.0 {
            progress = (settled, Instant::now());
        } else if progress.1.elapsed() > GIVE_UP {
            // What it says is left is told with the rest.
            return Ok(toolbar.shutdown_async(LOOK).await.is_ok());
        }
    }
}

/// What was found out.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    requests: usize,
    traces: HashSet<String>,
    spans: BTreeMap<&'static str, usize>,
    exported: u64,
    dropped: u64,
    lost: u64,
    misattributed: u64,
    complaints: Vec<String>,
}

/// The verdict as it is printed.
#[derive(Serialize)]
pub(crate) struct Summary<'v> {
    requests: usize,
    traces: usize,
    spans: &'v BTreeMap<&'static str, usize>,
    exported: u64,
    dropped: u64,
    misattributed: u64,
    panel: &'v str,
}

impl Verdict {
    pub(crate) fn summary<'v>(&'v self, panel: &'v str) -> Summary<'v> {
        Summary {
            requests: self.requests,
            traces: self.traces.len(),
            spans: &self.spans,
            exported: self.exported,
            // What the toolbar says that it dropped, and what is missing all the same.
            dropped: self.dropped + self.lost,
            misattributed: self.misattributed,
            panel,
        }
    }

    pub(crate) fn is_good(&self) -> bool {
        let all = self.spans.values().sum::<usize>() as u64;
        self.misattributed == 0
            && self.dropped + self.lost == 0
            && self.traces.len() == self.requests
            && self.exported == all
    }

    /// What is wrong, line by line.
    pub(crate) fn complaints(&self) -> impl Iterator<Item = String> {
        let more = self.complaints.len().saturating_sub(COMPLAINTS);
        let rest = (more > 0).then(|| format!("… and {more} more"));
        self.complaints.iter().take(COMPLAINTS).cloned().chain(rest)
    }

    /// So many things are where they do not belong, or are not what they should be.
    fn misattributed(&mut self, count: usize, complaint: String) {
        self.misattributed += count as u64;
        self.complaints.push(complaint);
    }

    /// So many things are not where they should be.
    fn lost(&mut self, count: usize, complaint: String) {
        self.lost += count as u64;
        self.complaints.push(complaint);
    }

    /// Something was recorded as often as it was done.
    fn same(&mut self, what: &str, found: usize, expected: usize) {
        match found.checked_sub(expected) {
            Some(0) => {}
            Some(surplus) => self.misattributed(surplus, format!("{what}: {found} instead of {expected}")),
            None => self.lost(expected - found, format!("{what}: {found} instead of {expected}")),
        }
    }

    /// Something is what it should be.
    fn equal<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, found: T, expected: T) {
        if found != expected {
            self.misattributed(1, format!("{what} is {found:?} instead of {expected:?}"));
        }
    }
}

/// SQLite's code where a column that takes no NULL is given one: `SQLITE_CONSTRAINT_NOTNULL`.
const NOT_NULL: &str = "1299";

/// Reads everything back.
pub(crate) async fn check(
    api: &Api,
    answers: &[Answer],
    collector: Option<&Collector>,
) -> Result<Verdict, AnyError> {
    let mut verdict = Verdict { requests: answers.len(), ..Verdict::default() };
    let mut unclaimed = api.all_ids().await?;
    let mut exported = collector.map(|collector| Exported::new(collector.spans()));
    for answer in answers {
        let number = answer.planned.number;
        let id = match &answer.id {
            Ok(id) => id,
            Err(error) => {
                verdict.lost(1, format!("request {number} ({:?}): {error}", answer.planned.visit));
                continue;
            }
        };
        let Some(detail) = api.request(id).await? else {
            verdict.lost(1, format!("request {number}: the toolbar does not hold {id}"));
            continue;
        };
        check_trace(&mut verdict, &answer.planned, id, &detail);
        verdict.traces.insert(detail.request.trace_id.clone());
        for span in &detail.spans {
            *verdict.spans.entry(kind(&span.kind)).or_default() += 1;
            unclaimed.remove(&span.request_id);
            if let Some(exported) = &mut exported {
                exported.compare(&mut verdict, number, &detail.request.trace_id, span);
            }
        }
    }
    for id in unclaimed {
        verdict.misattributed(1, format!("{id} was recorded in the trace of none of the requests sent"));
    }
    if let Some(exported) = exported {
        exported.complain_of_the_rest(&mut verdict);
    }

    let account = api.list(None, 1).await?;
    let exporter = account.exporter.ok_or("the toolbar has no exporter")?;
    verdict.exported = exporter.everywhere();
    verdict.dropped =
        account.dropped.total() + exporter.rejected + exporter.dropped + exporter.queued + exporter.spooled;
    if let Some(error) = exporter.last_error.filter(|_| verdict.dropped > 0) {
        verdict.complaints.push(format!("{} spans were dropped: {error}", verdict.dropped));
    }
    Ok(verdict)
}

/// Checks one request with all that belongs to its trace, in both services.
fn check_trace(verdict: &mut Verdict, planned: &Planned, id: &str, detail: &Detail) {
    let number = planned.number;
    let about = |what: &str| format!("request {number} ({:?}): {what}", planned.visit);

    for span in &detail.spans {
        let what = about(&format!("{} {:?}", span.panel, span.name));
        verdict.equal(&format!("{what}: the number"), number_of(span), Some(number));
        for event in span.logs() {
            let log = format!("{what}: the number of the log {:?}", event.name);
            verdict.equal(&log, number_in(&event.attributes), Some(number));
        }
        if span.unfinished {
            verdict.lost(1, format!("{what} has not ended"));
        }
    }

    let request = &detail.request;
    verdict.equal(&about("the method"), &*request.method, planned.visit.method().as_str());
    verdict.equal(&about("the route"), request.route.as_deref(), planned.visit.route());
    verdict.equal(&about("the status"), request.status, Some(planned.visit.status().as_u16()));
    if matches!(planned.visit, Visit::Broken) {
        let queries = detail.spans.iter().filter(|span| span.panel == "sql");
        let failures: Vec<_> =
            queries.map(|span| (&*span.status, span.text("db.response.status_code"))).collect();
        verdict.equal(&about("the query's failure"), failures, vec![("error", Some(NOT_NULL))]);
    }
    check_caller(verdict, planned, detail);
    check_tree(verdict, planned, id, detail);

    let mut services: HashMap<&str, Work> = HashMap::new();
    for span in &detail.spans {
        count(services.entry(&span.request_id).or_default(), span);
    }
    let own = services.remove(id).unwrap_or_default();
    let expected = planned.visit.work();
    let left = matches!(planned.visit, Visit::LeaveStream { .. }) && request.outcome == "client_gone";
    if left {
        // How far the stream came before the client's leaving was noticed is not known; what it did is bounded.
        let least = Work::OF_A_STREAM_LEFT;
        let between = |found: usize, least: usize, most: usize| found.clamp(least, most);
        let bounded = Work {
            spans: between(own.spans, least.spans, expected.spans),
            queries: between(own.queries, least.queries, expected.queries),
            calls: between(own.calls, least.calls, expected.calls),
            renders: between(own.renders, least.renders, expected.renders),
            logs: between(own.logs, least.logs, expected.logs),
        };
        check_work(verdict, &about("shop"), own, bounded);
    } else {
        verdict.equal(&about("the outcome"), &*request.outcome, "completed");
        check_work(verdict, &about("shop"), own, expected);
    }
    verdict.same(&about("requests to inventory"), services.len(), expected.calls);
    for work in services.into_values() {
        check_work(verdict, &about("inventory"), work, Work::OF_INVENTORY);
    }
}

/// The trace is the caller's, where the caller had one, and a new one elsewhere.
fn check_caller(verdict: &mut Verdict, planned: &Planned, detail: &Detail) {
    let about = |what: &str| format!("request {}: {what}", planned.number);
    let propagation = &detail.propagation;
    let (outcome, parent) = match planned.caller {
        Caller::Untraced => ("absent", None),
        Caller::Invalid(_) => ("refused", None),
        Caller::Traced { trace_id, parent_id } => {
            verdict.equal(&about("the trace id"), &detail.request.trace_id, &format!("{trace_id:032x}"));
            ("accepted", Some(format!("{parent_id:016x}")))
        }
    };
    verdict.equal(&about("the propagation"), &*propagation.outcome, outcome);
    verdict.equal(&about("the remote parent"), &propagation.parent_span_id, &parent);
    if outcome == "refused" && propagation.reason.is_none() {
        verdict.misattributed(1, about("it is not said why the traceparent was refused"));
    }
}

/// Parents lead from each span to the one root: the SERVER span of the shop. That of inventory is the child of the call
/// that it answers.
fn check_tree(verdict: &mut Verdict, planned: &Planned, id: &str, detail: &Detail) {
    let about = |what: &str| format!("request {}: {what}", planned.number);
    let spans: HashMap<&str, &Span> = detail.spans.iter().map(|span| (&*span.span_id, span)).collect();
    verdict.equal(&about("the number of span ids"), spans.len(), detail.spans.len());
    let Some(root) = spans.get(id) else {
        verdict.lost(1, about("the root is missing"));
        return;
    };
    verdict.equal(&about("the root's service"), &*root.service, "shop");
    verdict.equal(&about("the root's parent"), &root.parent_span_id, &detail.propagation.parent_span_id);
    let user_agent = root.text("user_agent.original").unwrap_or_default();
    verdict.equal(&about("the user agent"), user_agent, &format!("{USER_AGENT}{}", planned.number));

    let parent = |span: &Span| span.parent_span_id.as_deref().and_then(|parent| spans.get(parent)).copied();
    for span in detail.spans.iter().filter(|span| span.span_id != id) {
        let what = about(&format!("{} {:?}", span.panel, span.name));
        let mut steps = 0;
        let mut at = Some(span);
        while let Some(here) = at.filter(|here| here.span_id != id && steps <= detail.spans.len()) {
            steps += 1;
            at = parent(here);
        }
        if at.is_none_or(|at| at.span_id != id) {
            verdict.misattributed(1, format!("{what}: its parents do not lead to the root"));
        }
        let Some(parent) = parent(span) else { continue };
        if span.kind == "server" {
            let called = parent.text("url.full").unwrap_or_default();
            let answered = span.text("url.path").unwrap_or_default();
            verdict.equal(&format!("{what}: the parent"), &*parent.panel, "http");
            verdict.equal(&format!("{what}: the call's path"), path(called), answered);
        } else {
            verdict.equal(&format!("{what}: the parent's request"), &parent.request_id, &span.request_id);
        }
    }
}

fn check_work(verdict: &mut Verdict, about: &str, found: Work, expected: Work) {
    verdict.same(&format!("{about}: spans"), found.spans, expected.spans);
    verdict.same(&format!("{about}: queries"), found.queries, expected.queries);
    verdict.same(&format!("{about}: calls"), found.calls, expected.calls);
    verdict.same(&format!("{about}: renders"), found.renders, expected.renders);
    verdict.same(&format!("{about}: logs"), found.logs, expected.logs);
}

fn count(work: &mut Work, span: &Span) {
    work.logs += span.logs().count();
    match &*span.panel {
        "sql" => work.queries += 1,
        "http" => work.calls += 1,
        "template" => work.renders += 1,
        "request" => {}
        _ => work.spans += 1,
    }
}

/// The number that a span bears, each kind in a place of its own.
fn number_of(span: &Span) -> Option<u32> {
    match &*span.panel {
        "sql" => digits(span.text("db.query.text")?.strip_prefix(QUERY_PREFIX)?),
        "http" => digits(span.text("url.full")?.split_once(URL_PREFIX)?.1),
        "template" => digits(span.text("otelbar.template.name")?.split_once(TEMPLATE_PREFIX)?.1),
        _ => number_in(&span.attributes),
    }
}

fn number_in(attributes: &[Attribute]) -> Option<u32> {
    attributes.iter().find(|attribute| attribute.key == ATTRIBUTE)?.value.as_u64()?.try_into().ok()
}

/// The number that a text begins with.
fn digits(text: &str) -> Option<u32> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

/// The path of an absolute URL.
fn path(url: &str) -> &str {
    let path = url.splitn(4, '/').nth(3).map_or("", |rest| &url[url.len() - rest.len() - 1..]);
    path.split('?').next().unwrap_or_default()
}

fn kind(kind: &str) -> &'static str {
    match kind {
        "server" => "server",
        "client" => "client",
        "internal" => "internal",
        _ => "other",
    }
}
