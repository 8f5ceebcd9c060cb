// The kinds of findings in words for people; the bar reads them, too. Pure.

/** @import { Label } from "./view.d.ts" */

/**
 * What kind of finding it is; one that is not known here goes by its name.
 *
 * @param {string} kind
 * @returns {Label}
 */
export function findingLabel(kind) {
  return Object.hasOwn(FINDINGS, kind)
    ? FINDINGS[kind]
    : { short: String(kind).replaceAll("_", " "), title: `Finding: ${kind}.` };
}

/** @type {Record<string, Label>} */
const FINDINGS = {
  n_plus_one: {
    short: "N+1",
    title: "N+1: the same query, cache operation or call ran once for each of many things.",
  },
  slow_query: { short: "slow query", title: "Slow query: a query took longer than the threshold." },
  slow_span: {
    short: "slow",
    title: "Slow: a span took longer than the threshold, and no child of it explains that.",
  },
  duplicate: {
    short: "duplicate",
    title:
      "Duplicate: the very same query, cache operation or call was made again, and nothing was written in between.",
  },
  many_queries: {
    short: "many queries",
    title: "Many queries: the request ran more queries in all than the threshold.",
  },
  long_wait: {
    short: "idle gap",
    title:
      "Idle gap: a long time between two steps in which nothing was recorded, such as waiting for a lock, a pool or a timer.",
  },
  serial_calls: {
    short: "serial calls",
    title: "Serial calls: outgoing calls made one after the other that could run at the same time.",
  },
  error: { short: "error", title: "Error: something failed, told once where it began." },
};
