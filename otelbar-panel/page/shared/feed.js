// Keeping the list up to date from partial answers of `GET api/requests`. Pure.

/** @import { Request } from "./answers.d.ts" */

import { instant } from "./format.js";

/**
 * The requests held after an answer, newest first. The answer is the truth for the stretch it covers: from the newest
 * (or `before`) down to its last entry, or to the very beginning when it is shorter than `limit`. What was held
 * within that stretch and is not in the answer has been evicted. Of a service that was restarted, and counts from one
 * again, nothing is kept that was held before.
 *
 * @param {Request[]} held
 * @param {Request[]} answer
 * @param {{ limit: number, before?: number | null }} reach
 */
export function merge(held, answer, { limit, before = null }) {
  if (before === null && restarted(held, answer)) return [...answer].sort(newestFirst);
  const upper = before ?? Infinity;
  const lower = answer.length < limit ? -Infinity : answer[answer.length - 1].seq;
  const answered = new Set(answer.map((request) => request.id));
  const kept = held.filter(({ id, seq }) => !answered.has(id) && (seq >= upper || seq < lower));
  return [...kept, ...answer].sort(newestFirst);
}

/**
 * Whether the newest requests are of another run of the service: numbers went back, or are given to others now.
 *
 * @param {Request[]} held
 * @param {Request[]} answer
 */
function restarted(held, answer) {
  if (held.length === 0 || answer.length === 0) return false;
  const ids = new Map(answer.map(({ id, seq }) => [seq, id]));
  const newest = (/** @type {Request[]} */ requests) =>
    requests.reduce((most, { seq }) => Math.max(most, seq), 0);
  return newest(held) > newest(answer) || held.some(({ id, seq }) => ids.has(seq) && ids.get(seq) !== id);
}

/**
 * @param {Request} a
 * @param {Request} b
 */
function newestFirst(a, b) {
  return b.seq - a.seq;
}

/**
 * The requests that another service of the list most likely made: those whose trace also holds an earlier request of
 * another service. Maps the id of each to the earliest of these.
 *
 * @param {Request[]} requests
 * @returns {Map<string, Request>}
 */
export function nested(requests) {
  /** @type {Map<string, Request[]>} */
  const traces = new Map();
  for (const request of requests) {
    const trace = traces.get(request.trace_id);
    if (trace === undefined) traces.set(request.trace_id, [request]);
    else trace.push(request);
  }
  const found = new Map();
  for (const trace of traces.values()) {
    if (trace.every(({ service }) => service === trace[0].service)) continue;
    const timed = trace
      .map((request) => ({ request, start: instant(request.start_unix_ns) }))
      .sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
    for (const { request, start } of timed) {
      const entry = timed.find((other) => other.request.service !== request.service);
      if (entry !== undefined && entry.start < start) found.set(request.id, entry.request);
    }
  }
  return found;
}
