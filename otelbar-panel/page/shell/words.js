// The exporter's states and reasons in words for people. Pure.

/** @import { Destination } from "../shared/answers.d.ts" */

import { moment } from "../shared/format.js";

/**
 * The colour of a destination's health.
 *
 * @param {string} health
 */
export function healthTone(health) {
  return TONES[health] ?? "neutral";
}

/** @type {Record<string, string>} */
const TONES = { healthy: "good", rejecting: "warn", failing: "bad", waiting: "bad" };

/**
 * When a destination is tried again, and why not now; null while spans go there.
 *
 * @param {{ breaker: { state: string }, pause: Destination["pause"] }} destination
 * @param {number} nowMs
 */
export function pauseText({ breaker, pause }, nowMs) {
  if (breaker.state === "half_open") return "The circuit breaker is half-open: one attempt is being made.";
  if (pause === null) return null;
  const until = moment(pause.until_unix_ns, nowMs);
  if (pause.reason === "retry_after") return `The receiver asked for no requests until ${until}.`;
  if (pause.reason === "breaker") return `The circuit breaker is open until ${until}.`;
  return `The next attempt is at ${until}.`;
}

/**
 * The exporter's drop counters that are not nought, in words.
 *
 * @param {Partial<Destination["dropped"]> & { total: number }} dropped
 */
export function dropReasons(dropped) {
  return Object.entries(dropped)
    .filter(([reason, number]) => reason !== "total" && number > 0)
    .map(([reason, number]) => ({
      number,
      ...(Object.hasOwn(DROPS, reason)
        ? DROPS[reason]
        : { what: reason.replaceAll("_", " "), why: `Reason: ${reason}.` }),
    }));
}

/** @type {Record<string, { what: string, why: string }>} */
const DROPS = {
  queue_full: {
    what: "queue full",
    why: "The export queue was full, or newer spans took their place.",
  },
  shut_down: { what: "at shutdown", why: "The service ended before they could be sent." },
  closed: { what: "after shutdown", why: "They were recorded after the exporter had shut down." },
  not_retryable: {
    what: "refused",
    why: "The backend rejected them with an error that must not be retried.",
  },
  expired: { what: "too old", why: "They were retried until they were too old." },
  too_large: { what: "too large", why: "A single span exceeds the size limit of an export request." },
  invalid_id: { what: "invalid id", why: "A trace id or span id is zero, which Zipkin rejects." },
  spool_full: { what: "disk full", why: "The queue on disk was full, and newer spans took their place." },
  panicked: { what: "internal error", why: "Lost to a panic in otelbar; see the service’s log." },
  spool_damaged: { what: "damaged on disk", why: "The queue on disk could not be read." },
};
