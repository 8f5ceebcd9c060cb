// The API's terms that only a request's page shows, in words for people. Pure.

/**
 * @import { Delivery, Propagation } from "../shared/answers.d.ts"
 * @import { TonedLabel } from "../shared/view.d.ts"
 */

import { count, moment, plural } from "../shared/format.js";

/**
 * What there is to say of a delivery beside its state: attempts, when the next is, what became of a part.
 *
 * @param {Delivery} delivery
 */
export function deliveryNote({ state, attempt, next_unix_ns: next, spans }) {
  if (state === "retrying" && attempt !== null && next !== null) {
    return `attempt ${count(attempt)} failed, the next at ${moment(next, Date.now())}`;
  }
  if (state === "in_flight" && attempt !== null && attempt > 1) return `attempt ${count(attempt)}`;
  if (state === "partial" && spans.rejected > 0)
    return `${count(spans.rejected)} of ${plural(spans.enqueued, "span")} rejected`;
  if (state === "spooled") return plural(spans.spooled, "span");
  if ((state === "dropped" || state === "failed") && spans.dropped < spans.enqueued)
    return `${count(spans.dropped)} of ${plural(spans.enqueued, "span")}`;
  return null;
}

/**
 * Why the link to a backend leads nowhere yet.
 *
 * @param {{ destination: string, state: string }} delivery
 */
export function notReady({ destination, state }) {
  return `${destination}: ${NOT_READY[state] ?? "not acknowledged yet"}`;
}

/** @type {Record<string, string>} */
const NOT_READY = {
  retrying: "not reached yet, will be retried",
  spooled: "not reached yet, stored on disk",
  partial: "some of its spans were rejected",
  failed: "the export failed",
  dropped: "the spans were dropped",
};

/**
 * How the incoming trace context was taken.
 *
 * @param {Pick<Propagation, "outcome" | "propagators">} propagation
 * @returns {TonedLabel}
 */
export function propagationLabel({ outcome, propagators }) {
  if (outcome === "absent")
    return {
      short: "absent",
      title: `${searchedFor(propagators)}: a new trace was started.`,
      tone: "neutral",
    };
  return PROPAGATION[outcome] ?? { short: String(outcome), title: `Outcome: ${outcome}.`, tone: "neutral" };
}

/** @type {Record<string, TonedLabel>} */
const PROPAGATION = {
  accepted: {
    short: "accepted",
    title: "The caller’s trace context was accepted: this request continues its trace.",
    tone: "good",
  },
  refused: {
    short: "refused",
    title: "The incoming trace context is invalid: a new trace was started.",
    tone: "bad",
  },
};

/**
 * Which formats a request was searched for that brought none of them.
 *
 * @param {string[]} propagators
 */
function searchedFor(propagators) {
  if (propagators.length === 0) return "No propagator is configured (OTEL_PROPAGATORS)";
  return `The request had no trace context (propagators: ${propagators.join(", ")})`;
}

/**
 * The names of the panels.
 *
 * @type {Record<string, string>}
 */
export const KIND_NAMES = {
  request: "Request",
  sql: "SQL",
  http: "HTTP call",
  template: "Template",
  cache: "Cache",
  profile: "Profile",
  span: "Span",
};
