// How numbers, times and ids are written out. Pure: no DOM, no clock of its own.
// Durations are numbers of nanoseconds; instants are nanoseconds since the Unix epoch as decimal strings.

const MICRO = 1e3;
const MILLI = 1e6;
const SECOND = 1e9;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** @import { Attribute, Value } from "./answers.d.ts" */

/**
 * Three significant digits, so that a column of durations can be compared at a glance.
 *
 * @param {number} value
 */
function significant(value) {
  if (value >= 99.95) return value.toFixed(0);
  if (value >= 9.995) return value.toFixed(1);
  return value.toFixed(2);
}

/**
 * `850 ns`, `12.3 µs`, `4.56 ms`, `1.23 s`, `2 min 05 s`, `1 h 02 min`.
 *
 * @param {number | null | undefined} ns
 * @returns {string}
 */
export function duration(ns) {
  if (ns === null || ns === undefined || !Number.isFinite(ns)) return "–";
  if (ns < 0) return `−${duration(-ns)}`;
  if (ns < MICRO) return `${Math.round(ns)} ns`;
  // The bounds leave room for rounding: 999.96 µs is 1.00 ms, not 1000 µs.
  if (ns < 999.5 * MICRO) return `${significant(ns / MICRO)} µs`;
  if (ns < 999.5 * MILLI) return `${significant(ns / MILLI)} ms`;
  if (ns < 59.995 * SECOND) return `${significant(ns / SECOND)} s`;
  if (ns < HOUR - SECOND / 2) {
    const seconds = Math.round(ns / SECOND);
    return `${Math.floor(seconds / 60)} min ${pad(seconds % 60)} s`;
  }
  const minutes = Math.round(ns / MINUTE);
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
}

/**
 * A place on the time axis: `+4.56 ms`.
 *
 * @param {number} ns
 */
export function offset(ns) {
  if (ns === 0) return "0";
  return ns < 0 ? duration(ns) : `+${duration(ns)}`;
}

/**
 * `to − from` as a number of nanoseconds. Exact up to 104 days, which no trace exceeds.
 *
 * @param {string} from
 * @param {string} to
 */
export function between(from, to) {
  return Number(instant(to) - instant(from));
}

/**
 * The instant as a BigInt; what is no number counts as the epoch rather than breaking the page.
 *
 * @param {string | null} text
 */
export function instant(text) {
  try {
    return BigInt(text ?? 0);
  } catch {
    return 0n;
  }
}

/**
 * Local time of day to the millisecond: `14:02:36.935`.
 *
 * @param {string} unixNs
 */
export function clock(unixNs) {
  const date = dateOf(unixNs);
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.${pad(date.getMilliseconds(), 3)}`;
}

/**
 * Local date and time of day: `2026-11-20 14:02:36.935`.
 *
 * @param {string} unixNs
 */
export function dateTime(unixNs) {
  const date = dateOf(unixNs);
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ${clock(unixNs)}`;
}

/**
 * A moment near now by its time of day, one of another day with its date: `14:02:36.935`, `2026-11-20 14:02:36.935`.
 *
 * @param {string} unixNs
 * @param {number} nowMs
 */
export function moment(unixNs, nowMs) {
  return dateOf(unixNs).toDateString() === new Date(nowMs).toDateString() ? clock(unixNs) : dateTime(unixNs);
}

/**
 * The full instant in UTC with all nine digits, for tooltips and copying.
 *
 * @param {string} unixNs
 */
export function utc(unixNs) {
  const date = dateOf(unixNs);
  if (Number.isNaN(date.getTime())) return String(unixNs);
  const nanos = String(((instant(unixNs) % 1000000000n) + 1000000000n) % 1000000000n).padStart(9, "0");
  return `${date.toISOString().slice(0, 19)}.${nanos}Z`;
}

/**
 * How long ago: `now`, `5 s`, `3 min`, `2 h`, `4 d`.
 *
 * @param {string} unixNs
 * @param {number} nowMs
 */
export function age(unixNs, nowMs) {
  const seconds = Math.floor((nowMs - Number(instant(unixNs) / 1000000n)) / 1000);
  if (seconds < 1) return "now";
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

/**
 * `512 B`, `177 KiB`, `64.0 MiB`.
 *
 * @param {number} count
 */
export function bytes(count) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = count;
  let unit = 0;
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.95 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`;
}

/**
 * `12,345`: the same in every locale, as the rest of the page is.
 *
 * @param {number} number
 */
export function count(number) {
  return String(number).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/**
 * `1 query`, `3 queries`.
 *
 * @param {number} number
 * @param {string} one
 * @param {string} [many]
 */
export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/**
 * `7.3 %`, with `<0.1 %` rather than a nought that is none.
 *
 * @param {number} part
 * @param {number} whole
 */
export function percent(part, whole) {
  if (!(whole > 0)) return "–";
  const value = (100 * part) / whole;
  if (value > 0 && value < 0.05) return "<0.1 %";
  return `${value >= 99.95 ? value.toFixed(0) : value.toFixed(1)} %`;
}

/**
 * An attribute's value as text: strings as they stand, arrays and the rest as JSON.
 *
 * @param {unknown} value
 */
export function attributeValue(value) {
  if (typeof value === "string") return value;
  if (value === null || value === undefined) return "null";
  if (typeof value === "object") return JSON.stringify(value);
  return String(value);
}

/**
 * The value of the first of `keys` among `attributes`, or null.
 *
 * @param {Attribute[]} attributes
 * @param {string[]} keys
 * @returns {Value | null}
 */
export function attribute(attributes, ...keys) {
  for (const key of keys) {
    for (const entry of attributes) {
      if (entry.key === key) return entry.value;
    }
  }
  return null;
}

/**
 * Characters that would be invisible or reorder the text around them (controls, bidirectional overrides), spelled out.
 * What an application recorded must not be able to look like something else.
 *
 * @param {string} text
 */
export function visible(text) {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => {
      if (character === "\r") return "";
      return `\\u{${character.charCodeAt(0).toString(16)}}`;
    },
  );
}

/**
 * A string cut to `length` characters with an ellipsis, for tooltips and labels.
 *
 * @param {string} text
 * @param {number} length
 */
export function truncate(text, length) {
  return text.length <= length ? text : `${text.slice(0, Math.max(0, length - 1))}…`;
}

/** @param {string} unixNs */
function dateOf(unixNs) {
  return new Date(Number(instant(unixNs) / 1000000n));
}

/**
 * @param {number} number
 * @param {number} [width]
 */
function pad(number, width = 2) {
  return String(number).padStart(width, "0");
}
