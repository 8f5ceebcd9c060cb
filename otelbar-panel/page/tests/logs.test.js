// Protects: events of all spans as one log, and its filters.

import assert from "node:assert/strict";
import test from "node:test";
import { collectLogs, filterLogs, LEVELS, levelCounts, summary as line, titleOf } from "../request/logs.js";
import { buildTrace } from "../request/trace.js";
import { detail, START_NS, span, summary } from "./fixtures.js";

const event = (offset, level, name, attributes = []) => ({
  name,
  level,
  time_unix_ns: String(START_NS + BigInt(offset)),
  attributes,
});
const logs = collectLogs(
  buildTrace(
    detail(summary(), [
      span({ span_id: "a", events: [event(30, "INFO", "third"), event(10, "warn", "first")] }),
      span({
        span_id: "b",
        name: "other",
        events: [event(20, null, "second", [{ key: "user", value: "Ann" }]), event(40, null, "exception")],
      }),
    ]),
  ),
);
const names = (found) => found.map((log) => log.event.name);

test("events of all spans come in the order of time", () => {
  assert.deepEqual(names(logs), ["first", "second", "third", "exception"]);
  assert.deepEqual(
    logs.map((log) => log.offset),
    [10, 20, 30, 40],
  );
});

test("levels are read in any case; an exception without one is an error", () => {
  assert.deepEqual(
    logs.map((log) => log.level),
    ["WARN", null, "INFO", "ERROR"],
  );
  assert.deepEqual(
    [...levelCounts(logs)],
    [
      ["FATAL", 0],
      ["ERROR", 1],
      ["WARN", 1],
      ["INFO", 2],
      ["DEBUG", 0],
      ["TRACE", 0],
    ],
  );
});

test("filters by level and by text in message, attributes and span", () => {
  const all = new Set(LEVELS);
  assert.deepEqual(names(filterLogs(logs, { levels: new Set(["INFO"]) })), ["second", "third"]);
  assert.deepEqual(names(filterLogs(logs, { levels: all, text: "user=ann" })), ["second"]);
  assert.deepEqual(names(filterLogs(logs, { levels: all, text: "OTHER" })), ["second", "exception"]);
  assert.deepEqual(names(filterLogs(logs, { levels: new Set() })), []);
});

test("attributes fit on one line, and the stack trace stays out of it", () => {
  assert.equal(
    line(
      event(0, "INFO", "x", [
        { key: "a", value: "1\n  2" },
        { key: "exception.stacktrace", value: "long" },
        { key: "b", value: [1, 2] },
      ]),
    ),
    "a=1 ⏎ 2  b=[1,2]",
  );
});

test("an exception is told by what it is and its message", () => {
  const check = (attributes, title, rest) => {
    const exception = event(
      0,
      null,
      "exception",
      Object.entries(attributes).map(([key, value]) => ({ key, value })),
    );
    assert.deepEqual([titleOf(exception), line(exception)], [title, rest]);
  };
  check(
    {
      "exception.type": "panic",
      "exception.message": "index out of bounds",
      "exception.stacktrace": "0: a",
      "code.line.number": 7,
    },
    "panic: index out of bounds",
    "code.line.number=7",
  );
  check({ "exception.message": "gone" }, "gone", "");
  check({}, "exception", "");
  assert.equal(titleOf(event(0, "INFO", "said")), "said");
});
