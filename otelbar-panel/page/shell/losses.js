// What was dropped since the service started, in words. Pure.

/** @import { List } from "../shared/answers.d.ts" */

import { count } from "../shared/format.js";
import { dropReasons } from "./words.js";

/**
 * The counters of `dropped` and of the exporter's destinations that are not nought, in words.
 *
 * @param {Omit<List, "requests">} status
 */
export function losses(status) {
  const { dropped, exporter, internal_errors: internal } = status;
  /** @type {{ number: number, what: string, why: string }[]} */
  const found = [];
  const add = (/** @type {number} */ number, /** @type {string} */ what, /** @type {string} */ why) => {
    if (number > 0) found.push({ number, what, why });
  };
  add(
    dropped.requests,
    "requests",
    "Not exported: the exporter’s queue was full until the store had to let go of them.",
  );
  add(dropped.spans, "spans", "Over the limit of spans per request.");
  add(dropped.logs, "logs", "Over the limit of logs per request or span.");
  add(dropped.attributes, "attributes", "Over the limit of attributes per span or event.");
  add(dropped.late, "late", "Recorded after their span had been exported.");
  add(
    internal.count,
    "internal errors",
    `Panics in otelbar’s own code, in the whole process; the application is not affected. Please report them. The last: ${internal.last}`,
  );
  const destinations = exporter?.destinations ?? [];
  for (const destination of destinations) {
    const [lost, refused] =
      destinations.length > 1
        ? [`${destination.name} spans dropped`, `${destination.name} spans rejected`]
        : ["spans not exported", "spans rejected"];
    const reasons = dropReasons(destination.dropped).map(({ number, what }) => `${what}: ${count(number)}`);
    add(
      destination.dropped.total,
      lost,
      `Dropped by the exporter to ${destination.endpoint}. ${reasons.join(", ")}.`,
    );
    add(destination.rejected, refused, `Rejected by ${destination.endpoint}.`);
  }
  return found;
}
