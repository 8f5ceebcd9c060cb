// The list's filter: parsing what was typed and matching requests against it. Pure.
//
// Terms are separated by spaces and must all hold; quotes keep spaces, a leading `-` negates.
//   word                 found in method, route, path, query, status, trace id or span id
//   errors, slow, findings, n+1
//   entry                made by no other listed service: see `nested` in feed.js
//   method: path: route: trace: service: outcome: export: finding:      a comma means "or"
//   status:5xx  status:404  status:>=400
//   duration:>200ms  spans: queries: calls: logs: errors: findings: with a number or a comparison

/** @import { Request } from "./answers.d.ts" */

/** @typedef {{ has(id: string): boolean }} Nested what holds the ids of nested requests */
/** @typedef {(request: Request, nested: Nested) => boolean} Test */
/** @typedef {{ test: Test } | { problem: string }} Term what a term asks for, or why it is not understood */
/** @typedef {{ empty: boolean, problem: string | null, matches: (request: Request, nested?: Nested) => boolean }} Filter */

/** From this duration on a request counts as `slow`. */
export const SLOW_NS = 500e6;

/** @type {Record<string, (request: Request) => string | null>} */
const TEXT_KEYS = {
  method: (request) => request.method,
  path: (request) => request.path,
  route: (request) => request.route,
  trace: (request) => request.trace_id,
  service: (request) => request.service,
  outcome: (request) => request.outcome,
  export: (request) => request.export.state,
  finding: (request) => request.finding_kinds.join(" "),
};

/** @type {(keyof Request["counts"])[]} */
const COUNT_KEYS = ["spans", "queries", "calls", "renders", "cache", "logs", "errors", "findings"];

/** @type {Record<string, Test>} */
const FLAGS = {
  errors: hasError,
  error: hasError,
  slow: (request) => request.duration_ns >= SLOW_NS,
  findings: (request) => request.counts.findings > 0,
  "n+1": (request) => request.finding_kinds.includes("n_plus_one"),
  entry: (request, nested) => !nested.has(request.id),
};

/** @type {Nested} */
const NONE = new Set();

/** @type {Record<string, number>} */
const UNITS = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, min: 60e9 };

/**
 * Whether something went wrong in the request, be it answered or not.
 *
 * @param {Request} request
 */
export function hasError(request) {
  return (
    request.error || request.counts.errors > 0 || (request.status ?? 0) >= 500 || request.outcome === "failed"
  );
}

/**
 * Parses a filter. `matches(request, nested)` applies it, where `nested` has the ids of nested requests; `problem` says
 * what could not be understood (such a term is left out, so that the list does not vanish while one types); `empty` is
 * true when nothing is asked for.
 *
 * @param {string} text
 * @returns {Filter}
 */
export function parseFilter(text) {
  /** @type {Test[]} */
  const tests = [];
  let problem = null;
  for (const { word, negated, quoted } of words(text)) {
    const term = quoted ? { test: containing(word) } : parseTerm(word);
    if ("problem" in term) {
      problem ??= term.problem;
    } else {
      tests.push(negated ? (request, nested) => !term.test(request, nested) : term.test);
    }
  }
  return {
    empty: tests.length === 0,
    problem,
    matches: (request, nested = NONE) => tests.every((test) => test(request, nested)),
  };
}

/**
 * The requests that a parsed filter leaves, in their order.
 *
 * @param {Request[]} requests
 * @param {Filter} filter
 * @param {Nested} nested
 */
export function filterRequests(requests, filter, nested) {
  return filter.empty ? requests : requests.filter((request) => filter.matches(request, nested));
}

/** @param {string} text */
function words(text) {
  const found = [];
  // Either a quoted run, or a run without spaces in which quotes may enclose them: path:"a b".
  for (const [word] of String(text).matchAll(/-?"[^"]*"?|(?:[^\s"]|"[^"]*"?)+/g)) {
    const negated = word.length > 1 && word.startsWith("-");
    const bare = negated ? word.slice(1) : word;
    const plain = bare.replaceAll('"', "");
    if (plain !== "") found.push({ word: plain, negated, quoted: bare.startsWith('"') });
  }
  return found;
}

/**
 * @param {string} word
 * @returns {Term}
 */
function parseTerm(word) {
  const lower = word.toLowerCase();
  if (Object.hasOwn(FLAGS, lower)) return { test: FLAGS[lower] };
  const colon = word.indexOf(":");
  if (colon > 0) {
    const key = lower.slice(0, colon);
    const value = lower.slice(colon + 1);
    if (Object.hasOwn(TEXT_KEYS, key)) return textTerm(TEXT_KEYS[key], value);
    if (key === "status") return statusTerm(value);
    if (key === "duration")
      return comparison(value, durationValue, (request) => request.duration_ns, "duration:>200ms");
    const counted = COUNT_KEYS.find((each) => each === key);
    if (counted !== undefined) {
      return comparison(value, countValue, (request) => request.counts[counted], `${key}:>10`);
    }
  }
  return { test: containing(word) };
}

/**
 * @param {string} word
 * @returns {Test}
 */
function containing(word) {
  const needle = word.toLowerCase();
  return (request) => {
    const target = request.query === null ? request.path : `${request.path}?${request.query}`;
    const fields = [request.method, request.route, target, request.status, request.trace_id, request.id];
    return fields.some((field) => field !== null && String(field).toLowerCase().includes(needle));
  };
}

/**
 * @param {(request: Request) => string | null} field
 * @param {string} value
 * @returns {Term}
 */
function textTerm(field, value) {
  const wanted = value.split(",").filter((part) => part !== "");
  if (wanted.length === 0) return { test: () => true };
  return {
    test: (request) => {
      const text = String(field(request) ?? "").toLowerCase();
      return wanted.some((part) => text.includes(part));
    },
  };
}

/**
 * @param {string} value
 * @returns {Term}
 */
function statusTerm(value) {
  if (value === "") return { test: () => true };
  /** @type {Test[]} */
  const tests = [];
  for (const part of value.split(",").filter((text) => text !== "")) {
    if (/^[1-5](xx?)?$/.test(part)) {
      tests.push((request) => Math.floor((request.status ?? 0) / 100) === Number(part[0]));
    } else if (part === "none") {
      tests.push((request) => request.status === null);
    } else {
      const term = comparison(
        part,
        countValue,
        (request) => request.status,
        "status:5xx, status:404 or status:>=400",
      );
      if ("problem" in term) return term;
      tests.push(term.test);
    }
  }
  return { test: (request) => tests.some((test) => test(request, NONE)) };
}

/**
 * @param {string} value
 * @param {(text: string) => number | null} parseValue
 * @param {(request: Request) => number | null} field
 * @param {string} example
 * @returns {Term}
 */
function comparison(value, parseValue, field, example) {
  const [, operator = "=", rest = ""] = /^(>=|<=|>|<|=)?(.*)$/s.exec(value) ?? [];
  if (rest === "") return { test: () => true };
  const limit = parseValue(rest);
  if (limit === null) return { problem: `“${value}” is not a valid value; for example: ${example}` };
  /** @type {Record<string, (number: number) => boolean>} */
  const comparisons = {
    ">": (number) => number > limit,
    ">=": (number) => number >= limit,
    "<": (number) => number < limit,
    "<=": (number) => number <= limit,
    "=": (number) => number === limit,
  };
  return {
    test: (request) => {
      const number = field(request);
      return number !== null && comparisons[operator](number);
    },
  };
}

/** @param {string} text */
function countValue(text) {
  return /^\d+$/.test(text) ? Number(text) : null;
}

/** @param {string} text */
function durationValue(text) {
  const match = /^(\d+(?:\.\d+)?)(ns|us|µs|ms|s|min)?$/.exec(text);
  // A bare number is taken as milliseconds, the unit most requests are measured in.
  return match === null ? null : Number(match[1]) * UNITS[match[2] ?? "ms"];
}
