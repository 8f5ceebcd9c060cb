// The API's terms in words for people. Pure.

import { count, moment, plural } from "./format.js";

/** `short` for a column, `title` for a sentence, `tone` for the colour. */
export function exportLabel({ state }) {
  return EXPORT[state] ?? { short: String(state), title: `Export state: ${state}.`, tone: "neutral" };
}

const EXPORT = {
  disabled: { short: "off", title: "No exporter is configured.", tone: "off" },
  not_sampled: { short: "unsampled", title: "The caller or the sampler decided against exporting this trace.", tone: "off" },
  pending: { short: "pending", title: "Recorded, not yet handed to the exporter.", tone: "neutral" },
  queued: { short: "queued", title: "Waiting in the exporter’s queue.", tone: "neutral" },
  in_flight: { short: "sending", title: "Sent, and not answered yet.", tone: "neutral" },
  retrying: { short: "retrying", title: "An attempt failed; another will be made.", tone: "warn" },
  spooled: { short: "on disk", title: "Kept on disk until the backend takes the spans, after a restart too.", tone: "warn" },
  accepted: { short: "accepted", title: "The backend acknowledged every span.", tone: "good" },
  partial: { short: "partial", title: "The backend rejected some of the spans.", tone: "warn" },
  failed: { short: "failed", title: "The spans could not be delivered.", tone: "bad" },
  dropped: { short: "dropped", title: "The spans were given up before the backend had taken them.", tone: "bad" },
};

/** What there is to say of a delivery beside its state: attempts, when the next is, what became of a part. */
export function deliveryNote({ state, attempt, next_unix_ns: next, spans }) {
  if (state === "retrying") return `attempt ${count(attempt)} failed, the next at ${moment(next, Date.now())}`;
  if (state === "in_flight" && attempt > 1) return `attempt ${count(attempt)}`;
  if (state === "partial" && spans.rejected > 0) return `${count(spans.rejected)} of ${plural(spans.handed_over, "span")} rejected`;
  if (state === "spooled") return plural(spans.spooled, "span");
  if ((state === "dropped" || state === "failed") && spans.dropped < spans.handed_over) return `${count(spans.dropped)} of ${plural(spans.handed_over, "span")}`;
  return null;
}

/** Why the link to a backend leads nowhere yet. */
export function notReady({ destination, state }) {
  return `${destination}: ${NOT_READY[state] ?? "not acknowledged yet"}`;
}

const NOT_READY = {
  retrying: "not reached yet, will be tried again",
  spooled: "not reached yet, kept on disk",
  partial: "some of its spans were rejected",
  failed: "the export failed",
  dropped: "the spans were given up",
};

/** The colour of a destination's health. */
export function healthTone(health) {
  return { healthy: "good", rejecting: "warn", failing: "bad", waiting: "bad" }[health] ?? "neutral";
}

/** When a destination is tried again, and why not now; null while spans go there. */
export function pauseText({ breaker, pause }, nowMs) {
  if (breaker.state === "half_open") return "It is being tried again.";
  if (pause === null) return null;
  const until = moment(pause.until_unix_ns, nowMs);
  return { retry_after: `The receiver asked to be sent nothing until ${until}.`, breaker: `It is left alone until ${until}.` }[pause.reason] ?? `The next attempt is at ${until}.`;
}

/** The exporter's drop counters that are not nought, in words. */
export function dropReasons(dropped) {
  return Object.entries(dropped)
    .filter(([reason, number]) => reason !== "total" && number > 0)
    .map(([reason, number]) => ({ number, ...(Object.hasOwn(DROPS, reason) ? DROPS[reason] : { what: reason.replaceAll("_", " "), why: `Reason: ${reason}.` }) }));
}

const DROPS = {
  queue_full: { what: "queue full", why: "The export queue had no room for them, or they made room for others." },
  shut_down: { what: "at shutdown", why: "The service ended before they could be sent." },
  closed: { what: "after shutdown", why: "They were recorded after the export had ended." },
  not_retryable: { what: "refused", why: "The backend refused them in a way that forbids another attempt." },
  expired: { what: "too old", why: "They were tried again until they were too old." },
  too_large: { what: "too large", why: "A span is larger than a request may be." },
  invalid_id: { what: "invalid id", why: "A trace id or span id of zero, which Zipkin does not take." },
  spool_full: { what: "disk full", why: "They lay on disk and made room for others." },
  panicked: { what: "internal error", why: "Lost by a fault in otelbar; the service’s log has it." },
  spool_damaged: { what: "damaged on disk", why: "They lay on disk and could not be read again." },
};

/** How a request ended. */
export function outcomeLabel(outcome) {
  return OUTCOMES[outcome] ?? { short: String(outcome), title: `Outcome: ${outcome}.`, tone: "neutral" };
}

const OUTCOMES = {
  completed: { short: "completed", title: "The body was sent to its end.", tone: "good" },
  client_gone: { short: "client gone", title: "The response was dropped before its end: the client went away.", tone: "warn" },
  cancelled: { short: "cancelled", title: "The handler’s future was dropped before it answered.", tone: "warn" },
  failed: { short: "failed", title: "The service or its body returned an error.", tone: "bad" },
};

/** What kind of finding it is; one this page does not know goes by its name. */
export function findingLabel(kind) {
  return Object.hasOwn(FINDINGS, kind) ? FINDINGS[kind] : { short: String(kind).replaceAll("_", " "), title: `Finding: ${kind}.` };
}

const FINDINGS = {
  n_plus_one: { short: "N+1", title: "N+1: the same query, cache operation or call ran once for each of many things." },
  slow_query: { short: "slow query", title: "Slow query: a query took longer than the threshold." },
  slow_span: { short: "slow", title: "Slow: a span took longer than the threshold, and no child of it explains that." },
  duplicate: { short: "duplicate", title: "Duplicate: the very same query, cache operation or call was made again, and nothing was written in between." },
  many_queries: { short: "many queries", title: "Many queries: the request ran more queries in all than the threshold." },
  long_wait: { short: "idle gap", title: "Idle gap: a long time between two steps in which nothing was recorded, such as waiting for a lock, a pool or a timer." },
  serial_calls: { short: "serial calls", title: "Serial calls: outgoing calls made one after the other that could run at the same time." },
  error: { short: "error", title: "Error: something failed, told once where it began." },
};

/** How the incoming trace context was taken. */
export function propagationLabel({ outcome, propagators }) {
  if (outcome === "absent") return { short: "absent", title: `${searchedFor(propagators)}: a new trace was started.`, tone: "neutral" };
  return PROPAGATION[outcome] ?? { short: String(outcome), title: `Outcome: ${outcome}.`, tone: "neutral" };
}

const PROPAGATION = {
  accepted: { short: "accepted", title: "The caller’s trace context was accepted: this request continues its trace.", tone: "good" },
  refused: { short: "refused", title: "The trace context that came is not valid: a new trace was started instead.", tone: "bad" },
};

/** Which formats a request was searched for that brought none of them. */
function searchedFor(propagators) {
  if (propagators.length === 0) return "No format of trace context is configured (OTEL_PROPAGATORS)";
  return `No trace context came with the request (formats looked for: ${propagators.join(", ")})`;
}

/** The names of the panels. */
export const KIND_NAMES = {
  request: "Request",
  sql: "SQL",
  http: "HTTP call",
  template: "Template",
  cache: "Cache",
  profile: "Profile",
  span: "Span",
};

/** Whether a method only reads (RFC 9110, 9.2.1, and QUERY of RFC 10008), deletes, or writes otherwise. */
export function methodClass(method) {
  return ["GET", "HEAD", "OPTIONS", "QUERY", "TRACE"].includes(method) ? "safe" : method === "DELETE" ? "delete" : "write";
}

/** The class that colours an HTTP status. */
export function statusClass(status) {
  return status === null ? "status-none" : `status-${Math.min(5, Math.max(1, Math.floor(status / 100)))}xx`;
}
