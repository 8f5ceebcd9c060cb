// Keeping the list up to date from partial answers of `GET api/requests`. Pure.

import { count, instant } from "./format.js";
import { dropReasons } from "./words.js";

/**
 * The requests held after an answer, newest first. The answer is the truth for the stretch it covers: from the newest
 * (or `before`) down to its last entry, or to the very beginning when it is shorter than `limit`. What was held
 * within that stretch and is not in the answer has been evicted. Of a service that was restarted, and counts from one
 * again, nothing is kept that was held before.
 */
export function merge(held, answer, { limit, before = null }) {
  if (before === null && restarted(held, answer)) return [...answer].sort(newestFirst);
  const upper = before ?? Infinity;
  const lower = answer.length < limit ? -Infinity : answer[answer.length - 1].seq;
  const answered = new Set(answer.map((request) => request.id));
  const kept = held.filter(({ id, seq }) => !answered.has(id) && (seq >= upper || seq < lower));
  return [...kept, ...answer].sort(newestFirst);
}

/** Whether the newest requests are of another run of the service: numbers went back, or are given to others now. */
function restarted(held, answer) {
  if (held.length === 0 || answer.length === 0) return false;
  const ids = new Map(answer.map(({ id, seq }) => [seq, id]));
  const newest = (requests) => requests.reduce((most, { seq }) => Math.max(most, seq), 0);
  return newest(held) > newest(answer) || held.some(({ id, seq }) => ids.has(seq) && ids.get(seq) !== id);
}

function newestFirst(a, b) {
  return b.seq - a.seq;
}

/** The request after (`step` 1) or before (−1) another in a list, newest first, which need not hold that one itself. */
export function neighbour(requests, { id, seq }, step) {
  const at = requests.findIndex((request) => request.id === id);
  if (at >= 0) return requests[at + step] ?? null;
  return (step > 0 ? requests.find((request) => request.seq < seq) : requests.findLast((request) => request.seq > seq)) ?? null;
}

/**
 * The requests that another service of the list most likely made: those whose trace also holds an earlier request of
 * another service. Maps the id of each to the earliest of these.
 */
export function nested(requests) {
  const traces = new Map();
  for (const request of requests) {
    const trace = traces.get(request.trace_id);
    if (trace === undefined) traces.set(request.trace_id, [request]);
    else trace.push(request);
  }
  const found = new Map();
  for (const trace of traces.values()) {
    if (trace.every(({ service }) => service === trace[0].service)) continue;
    const timed = trace.map((request) => ({ request, start: instant(request.start_unix_ns) })).sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
    for (const { request, start } of timed) {
      const entry = timed.find((other) => other.request.service !== request.service);
      if (entry.start < start) found.set(request.id, entry.request);
    }
  }
  return found;
}

/**
 * What a full bar stands for beside these durations: the longest, unless a few are so long that the others could not
 * be told apart; then the 95th percentile, which the few exceed.
 */
export function barScale(durations) {
  if (durations.length === 0) return 1;
  const sorted = [...durations].sort((a, b) => a - b);
  const longest = sorted[sorted.length - 1];
  const usual = sorted[Math.floor((sorted.length - 1) * 0.95)];
  return Math.max(1, longest > 4 * usual ? usual : longest);
}

/** The counters of `dropped` and of the exporter's destinations that are not nought, in words. */
export function losses(status) {
  const { dropped, exporter, internal_errors: internal } = status;
  const found = [];
  const add = (number, what, why) => {
    if (number > 0) found.push({ number, what, why });
  };
  add(dropped.requests, "requests", "Given up at the hand-over to the background thread: it could not keep up.");
  add(dropped.spans, "spans", "Over the limit of spans a request may record.");
  add(dropped.logs, "logs", "Over the limit of logs a request or span may record.");
  add(dropped.attributes, "attributes", "Over the limit of attributes of a span or event.");
  add(dropped.late, "late", "Recorded after their span had been exported.");
  add(internal.count, "internal errors", `Panics in otelbar’s own work, in the whole process; the application is not affected. Please report them. The last: ${internal.last}`);
  const destinations = exporter?.destinations ?? [];
  for (const destination of destinations) {
    const [lost, refused] = destinations.length > 1 ? [`${destination.name} spans dropped`, `${destination.name} spans rejected`] : ["spans not exported", "spans rejected"];
    const reasons = dropReasons(destination.dropped).map(({ number, what }) => `${what}: ${count(number)}`);
    add(destination.dropped.total, lost, `Given up by the exporter to ${destination.endpoint}. ${reasons.join(", ")}.`);
    add(destination.rejected, refused, `Received at ${destination.endpoint} and refused.`);
  }
  return found;
}
