// The API's terms that both views show, in words for people. Pure.

/** @import { TonedLabel } from "./view.d.ts" */

/**
 * What became of a request's spans, or of those for one destination.
 *
 * @param {{ state: string }} export
 * @returns {TonedLabel}
 */
export function exportLabel({ state }) {
  return EXPORT[state] ?? { short: String(state), title: `Export state: ${state}.`, tone: "neutral" };
}

/** @type {Record<string, TonedLabel>} */
const EXPORT = {
  disabled: { short: "off", title: "No exporter is configured.", tone: "off" },
  not_sampled: {
    short: "unsampled",
    title: "The caller or the sampler decided not to export this trace.",
    tone: "off",
  },
  pending: { short: "pending", title: "Recorded, not yet enqueued for export.", tone: "neutral" },
  queued: { short: "queued", title: "Waiting in the exporter’s queue.", tone: "neutral" },
  in_flight: { short: "sending", title: "Sent; waiting for the backend’s answer.", tone: "neutral" },
  retrying: { short: "retrying", title: "An attempt failed; it will be retried.", tone: "warn" },
  spooled: {
    short: "on disk",
    title: "Stored on disk until the backend accepts the spans, even across a restart.",
    tone: "warn",
  },
  accepted: { short: "accepted", title: "The backend acknowledged every span.", tone: "good" },
  partial: { short: "partial", title: "The backend rejected some of the spans.", tone: "warn" },
  failed: { short: "failed", title: "The spans could not be delivered.", tone: "bad" },
  dropped: {
    short: "dropped",
    title: "The spans were dropped before the backend accepted them.",
    tone: "bad",
  },
};

/**
 * How a request ended.
 *
 * @param {string} outcome
 * @returns {TonedLabel}
 */
export function outcomeLabel(outcome) {
  return OUTCOMES[outcome] ?? { short: String(outcome), title: `Outcome: ${outcome}.`, tone: "neutral" };
}

/** @type {Record<string, TonedLabel>} */
const OUTCOMES = {
  completed: { short: "completed", title: "The whole body was sent.", tone: "good" },
  client_gone: {
    short: "client gone",
    title: "The client disconnected before the response was complete.",
    tone: "warn",
  },
  cancelled: {
    short: "cancelled",
    title: "The handler’s future was dropped before it responded.",
    tone: "warn",
  },
  failed: { short: "failed", title: "The service or its body returned an error.", tone: "bad" },
};

/**
 * The class that colours an HTTP status.
 *
 * @param {number | null} status
 */
export function statusClass(status) {
  return status === null ? "status-none" : `status-${Math.min(5, Math.max(1, Math.floor(status / 100)))}xx`;
}
