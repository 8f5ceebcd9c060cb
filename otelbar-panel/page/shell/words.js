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
  if (breaker.state === "half_open") return "It is being tried again.";
  if (pause === null) return null;
  const until = moment(pause.until_unix_ns, nowMs);
  if (pause.reason === "retry_after") return `The receiver asked to be sent nothing until ${until}.`;
  if (pause.reason === "breaker") return `It is left alone until ${until}.`;
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
    why: "The export queue had no room for them, or they made room for others.",
  },
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
