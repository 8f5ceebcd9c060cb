// The API's terms in words for people. Pure.

/** `short` for a column, `title` for a sentence, `tone` for the colour. */
export function exportLabel({ state }) {
  return EXPORT[state] ?? { short: String(state), title: `Export state: ${state}.`, tone: "neutral" };
}

const EXPORT = {
  disabled: { short: "off", title: "No exporter is configured.", tone: "off" },
  not_sampled: { short: "unsampled", title: "The caller or the sampler decided against exporting this trace.", tone: "off" },
  pending: { short: "pending", title: "Recorded, not yet handed to the exporter.", tone: "neutral" },
  queued: { short: "queued", title: "Waiting in the exporter’s queue, or on its way.", tone: "neutral" },
  accepted: { short: "accepted", title: "The backend acknowledged every span.", tone: "good" },
  partial: { short: "partial", title: "The backend rejected some of the spans.", tone: "warn" },
  failed: { short: "failed", title: "The spans could not be delivered.", tone: "bad" },
  dropped: { short: "dropped", title: "The spans were given up before they were sent.", tone: "bad" },
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
};

/** How the incoming trace context was taken. */
export function propagationLabel(outcome) {
  return PROPAGATION[outcome] ?? { short: String(outcome), title: `Outcome: ${outcome}.`, tone: "neutral" };
}

const PROPAGATION = {
  accepted: { short: "accepted", title: "The caller’s trace context was accepted: this request continues its trace.", tone: "good" },
  absent: { short: "absent", title: "No traceparent came with the request: a new trace was started.", tone: "neutral" },
  refused: { short: "refused", title: "The trace context that came is not valid: a new trace was started instead.", tone: "bad" },
};

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

/** The class that colours an HTTP status. */
export function statusClass(status) {
  return status === null ? "status-none" : `status-${Math.min(5, Math.max(1, Math.floor(status / 100)))}xx`;
}
