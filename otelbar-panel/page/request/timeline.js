// The geometry of the waterfall: ranges of time, ticks of the axis, places of bars and their labels. Pure.
// A range is `{ start, end }` in nanoseconds from the trace's start; places are fractions of the range, 0 to 1.

/** @import { Range } from "./tree.d.ts" */

/** What one can still tell apart when zoomed in all the way. */
const SHORTEST_RANGE_NS = 100;

const SECOND = 1e9;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Steps an axis is divided by, past those that are 1, 2 or 5 times a power of ten. */
const LONG_STEPS = [
  10 * SECOND,
  15 * SECOND,
  30 * SECOND,
  MINUTE,
  2 * MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  15 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  6 * HOUR,
  12 * HOUR,
  24 * HOUR,
];

/**
 * The axis: ticks at round times, at most `most` of them, labelled in one unit.
 *
 * @param {Range} range
 * @param {number} most
 */
export function ticks({ start, end }, most) {
  const step = niceStep((end - start) / Math.max(1, most));
  const found = [];
  for (let at = Math.ceil(start / step) * step; at <= end && found.length <= most; at += step) {
    found.push({ at, place: (at - start) / (end - start), label: axisLabel(at, step) });
  }
  return found;
}

/**
 * The smallest round step that is at least `atLeast` nanoseconds.
 *
 * @param {number} atLeast
 */
export function niceStep(atLeast) {
  if (atLeast > 5 * SECOND) {
    return LONG_STEPS.find((step) => step >= atLeast) ?? Math.ceil(atLeast / (24 * HOUR)) * 24 * HOUR;
  }
  const power = 10 ** Math.floor(Math.log10(Math.max(1, atLeast)));
  return Math.max(
    1,
    [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= atLeast * (1 - 1e-9)) ?? 1,
  );
}

/**
 * A time on the axis, with as many digits as the step between ticks needs.
 *
 * @param {number} at
 * @param {number} step
 */
export function axisLabel(at, step) {
  if (at === 0) return "0";
  if (step >= 10 * SECOND && at >= MINUTE) {
    const seconds = Math.round(at / SECOND);
    const rest = `${String(Math.floor(seconds / 60) % 60).padStart(seconds >= 3600 ? 2 : 1, "0")}:${String(seconds % 60).padStart(2, "0")}`;
    return seconds >= 3600 ? `${Math.floor(seconds / 3600)}:${rest} h` : `${rest} min`;
  }
  /** @type {[number, string]} */
  const [unit, name] =
    at >= SECOND ? [SECOND, "s"] : at >= 1e6 ? [1e6, "ms"] : at >= 1e3 ? [1e3, "µs"] : [1, "ns"];
  const digits = Math.max(0, Math.ceil(Math.log10(unit / step) - 1e-9));
  return `${(at / unit).toFixed(digits)} ${name}`;
}

/**
 * Where a span's bar lies in the range; null when it is wholly outside. `cutLeft`, `cutRight`: it goes on beyond.
 *
 * @param {number} offset
 * @param {number} duration
 * @param {Range} range
 */
export function barPlace(offset, duration, { start, end }) {
  if (offset > end || offset + duration < start) return null;
  const length = end - start;
  const left = Math.max(0, (offset - start) / length);
  const right = Math.min(1, (offset + duration - start) / length);
  return {
    left,
    width: Math.max(0, right - left),
    cutLeft: offset < start,
    cutRight: offset + duration > end,
  };
}

/**
 * On which side of its bar a label fits that needs `room`, where `spare` is free beyond the range's end; both are
 * fractions of the range's width.
 *
 * @param {{ left: number, width: number }} place
 * @param {number} room
 * @param {number} [spare]
 */
export function labelSide({ left, width }, room, spare = 0) {
  if (left + width + room <= 1 + spare) return "after";
  if (left >= room) return "before";
  return "inside";
}

/**
 * The share of a bar that was busy, or null where it is not known.
 *
 * @param {number | null} busy
 * @param {number} duration
 */
export function busyShare(busy, duration) {
  if (busy === null) return null;
  if (!(duration > 0)) return 1;
  return Math.min(1, Math.max(0, busy / duration));
}

/**
 * The places of events on the axis, those too close to tell apart merged; the most severe one gives the level.
 *
 * @param {{ at: number, level: string | null }[]} offsets
 * @param {Range} range
 * @param {number} resolution
 */
export function eventMarks(offsets, { start, end }, resolution) {
  const marks = new Map();
  for (const { at, level } of offsets) {
    const place = (at - start) / (end - start);
    if (place < 0 || place > 1) continue;
    const slot = Math.round(place / resolution);
    const known = marks.get(slot);
    if (known === undefined) marks.set(slot, { place, level, count: 1 });
    else {
      known.count += 1;
      if (severity(level) > severity(known.level)) known.level = level;
    }
  }
  return [...marks.values()];
}

/**
 * The range scaled by `factor` around `anchor` (a fraction of it), kept within `whole`.
 *
 * @param {Range} range
 * @param {number} factor
 * @param {number} anchor
 * @param {Range} whole
 */
export function zoom({ start, end }, factor, anchor, whole) {
  const fixed = start + (end - start) * anchor;
  const length = Math.min(whole.end - whole.start, Math.max(SHORTEST_RANGE_NS, (end - start) * factor));
  return within(fixed - length * anchor, length, whole);
}

/**
 * The range moved by `share` of its own length, kept within `whole`.
 *
 * @param {Range} range
 * @param {number} share
 * @param {Range} whole
 */
export function pan({ start, end }, share, whole) {
  return within(start + (end - start) * share, end - start, whole);
}

/**
 * A range about a span, with some room on both sides, kept within `whole`.
 *
 * @param {number} offset
 * @param {number} duration
 * @param {Range} whole
 */
export function around(offset, duration, whole) {
  const room = Math.max(duration * 0.1, SHORTEST_RANGE_NS);
  return within(offset - room, duration + 2 * room, whole);
}

/**
 * The range between two fractions of `whole`, in either order.
 *
 * @param {number} a
 * @param {number} b
 * @param {Range} whole
 */
export function between(a, b, whole) {
  const length = whole.end - whole.start;
  const low = Math.min(a, b);
  return within(whole.start + low * length, Math.max(Math.abs(b - a) * length, SHORTEST_RANGE_NS), whole);
}

/**
 * How far a row is indented, in pixels: less for each level the deeper the tree, and never past `most`.
 *
 * @param {number} depth
 * @param {number} maxDepth
 * @param {number} most
 */
export function indent(depth, maxDepth, most) {
  const step = Math.min(16, Math.max(3, Math.floor(most / Math.max(1, maxDepth))));
  return Math.min(depth * step, most);
}

/**
 * How severe a log level is, from 0 (none) to 6 (FATAL).
 *
 * @param {string | null} level
 */
export function severity(level) {
  return ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"].indexOf(String(level ?? "").toUpperCase()) + 1;
}

/**
 * @param {number} start
 * @param {number} length
 * @param {Range} whole
 */
function within(start, length, whole) {
  const size = Math.min(length, whole.end - whole.start);
  const from = Math.min(Math.max(start, whole.start), whole.end - size);
  return { start: from, end: from + size };
}
