// The events of all spans of a trace as one log, in the order of time. Pure.

/**
 * @import { Event } from "../shared/answers.d.ts"
 * @import { Log, Trace } from "./tree.d.ts"
 */

import { attribute, attributeValue, between, instant } from "../shared/format.js";

export const LEVELS = ["FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE"];

/**
 * Every event with its node, its distance from the trace's start and its level (`null` when it has none).
 *
 * @param {Trace} trace
 */
export function collectLogs(trace) {
  /** @type {Log[]} */
  const found = [];
  for (const node of trace.order) {
    node.span.events.forEach((event, index) => {
      found.push({
        event,
        node,
        index,
        level: levelOf(event),
        offset: between(trace.base, event.time_unix_ns),
        at: instant(event.time_unix_ns),
      });
    });
  }
  // Array.prototype.sort is stable: events of one instant stay in the order of the spans.
  return found.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

/**
 * An event's level; an exception without one counts as an error.
 *
 * @param {Event} event
 */
export function levelOf(event) {
  const level = String(event.level ?? "").toUpperCase();
  if (LEVELS.includes(level)) return level;
  return event.name === "exception" ? "ERROR" : null;
}

/**
 * What an event says in a line: an exception what it is and its message, anything else its name.
 *
 * @param {Event} event
 */
export function titleOf(event) {
  if (event.name !== "exception") return event.name;
  const [type, message] = ["exception.type", "exception.message"]
    .map((key) => attribute(event.attributes, key))
    .map((value) => (value === null || value === "" ? null : attributeValue(value)));
  return [type, message].filter((part) => part !== null).join(": ") || event.name;
}

/**
 * The logs of the wanted levels that hold `text`. Events without a level are wanted as long as INFO is.
 *
 * @param {Log[]} logs
 * @param {{ levels: Set<string>, text?: string }} wanted
 */
export function filterLogs(logs, { levels, text = "" }) {
  const needle = text.trim().toLowerCase();
  return logs.filter((log) => {
    if (!levels.has(log.level ?? "INFO")) return false;
    return needle === "" || logText(log).includes(needle);
  });
}

/**
 * How many logs each level has; those without one are counted as INFO, as they are filtered.
 *
 * @param {Log[]} logs
 */
export function levelCounts(logs) {
  const counts = new Map(LEVELS.map((level) => [level, 0]));
  for (const log of logs) counts.set(log.level ?? "INFO", (counts.get(log.level ?? "INFO") ?? 0) + 1);
  return counts;
}

/**
 * The attributes on one line: `user.id=7 cart.items=3`.
 *
 * @param {Event} event
 */
export function summary(event) {
  const told =
    event.name === "exception"
      ? ["exception.type", "exception.message", "exception.stacktrace"]
      : ["exception.stacktrace"];
  return event.attributes
    .filter(({ key }) => !told.includes(key))
    .map(({ key, value }) => `${key}=${attributeValue(value)}`)
    .join("  ")
    .replace(/\s*\n\s*/g, " ⏎ ");
}

/** @type {WeakMap<Log, string>} */
const texts = new WeakMap();

/** @param {Log} log */
function logText(log) {
  const known = texts.get(log);
  if (known !== undefined) return known;
  const text = `${titleOf(log.event)}\n${summary(log.event)}\n${log.node.span.name}`.toLowerCase();
  texts.set(log, text);
  return text;
}
