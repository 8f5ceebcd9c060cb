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
    title: "N+1: the same query, cache operation or call ran once per item.",
  },
  slow_query: { short: "slow query", title: "Slow query: a query took longer than the threshold." },
  slow_span: {
    short: "slow",
    title: "Slow: a span took longer than the threshold, and none of its children explains it.",
  },
  duplicate: {
    short: "duplicate",
    title: "Duplicate: the same query, cache operation or call was repeated with no write in between.",
  },
  many_queries: {
    short: "many queries",
    title: "Many queries: the request ran more queries in all than the threshold.",
  },
  long_wait: {
    short: "idle gap",
    title:
      "Idle gap: nothing was recorded for a long time between two steps, such as a wait for a lock, a pool or a timer.",
  },
  serial_calls: {
    short: "serial calls",
    title: "Serial calls: outgoing calls made one after the other that could run at the same time.",
  },
  error: { short: "error", title: "Error: something failed; reported once, where it began." },
};
