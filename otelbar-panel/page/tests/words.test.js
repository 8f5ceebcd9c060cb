// Protects: each state, kind and reason that the API knows has words, and a delivery says what there is to say.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";
import { methodClass } from "../list/method.js";
import { deliveryNote, notReady, propagationLabel } from "../request/words.js";
import { findingLabel } from "../shared/findings.js";
import { clock, dateTime } from "../shared/format.js";
import { exportLabel } from "../shared/words.js";
import { dropReasons, pauseText } from "../shell/words.js";
import { delivery, START_NS } from "./fixtures.js";

const API = await readFile(new URL("../../../docs/json-api.md", import.meta.url), "utf8");

/** The terms in backticks of the paragraph of the API's document that begins so. */
function terms(beginning) {
  const from = API.indexOf(beginning);
  assert.ok(from >= 0, beginning);
  const paragraph = API.slice(from + beginning.length).split(/\n- |\n\n/)[0];
  return [...paragraph.matchAll(/`([a-z_]+)`/g)].map(([, term]) => term);
}

test("every kind of finding has a label of its own", () => {
  const kinds = terms("- `finding_kinds`");
  assert.ok(kinds.length >= 8, String(kinds));
  for (const kind of kinds) assert.ok(!findingLabel(kind).title.startsWith("Finding:"), kind);
  assert.equal(findingLabel("brand_new").short, "brand new");
});

test("every state of a delivery has a label of its own", () => {
  const states = terms("- `export` is the worst").filter(
    (term) => !["state", "detail", "export"].includes(term),
  );
  assert.ok(states.length >= 11, String(states));
  for (const state of states) assert.ok(!exportLabel({ state }).title.startsWith("Export state:"), state);
});

test("every reason for a drop has words, and those of nought are left out", () => {
  const reasons = [
    "queue_full",
    "shut_down",
    "closed",
    "not_retryable",
    "expired",
    "too_large",
    "invalid_id",
    "spool_full",
    "spool_damaged",
    "panicked",
  ];
  for (const reason of reasons) {
    assert.ok(API.includes(`\`${reason}\``), reason);
    const [{ number, what, why }, ...rest] = dropReasons({
      total: 3,
      ...Object.fromEntries(reasons.map((each) => [each, each === reason ? 3 : 0])),
    });
    assert.deepEqual([number, rest], [3, []]);
    assert.ok(!why.startsWith("Reason:"), reason);
    assert.ok(what.length > 0);
  }
  assert.deepEqual(dropReasons(/** @type {any} */ ({ total: 1, brand_new: 1 })), [
    { number: 1, what: "brand new", why: "Reason: brand_new." },
  ]);
});

test("a delivery says what its state alone does not", () => {
  const check = (state, fields, expected) =>
    assert.equal(deliveryNote(delivery({ state, detail: null }, fields)), expected, state);
  const spans = {
    enqueued: 9,
    queued: 0,
    in_flight: 0,
    spooled: 0,
    accepted: 0,
    rejected: 0,
    undetermined: 0,
    dropped: 0,
  };
  check("accepted", {}, null);
  check("queued", {}, null);
  check("in_flight", {}, null);
  check("in_flight", { attempt: 3 }, "attempt 3");
  check(
    "retrying",
    { attempt: 2 },
    `attempt 2 failed, the next at ${dateTime(String(START_NS + 5_000_000_000n))}`,
  );
  check("spooled", {}, "9 spans");
  check("partial", { spans: { ...spans, accepted: 6, rejected: 3 } }, "3 of 9 spans rejected");
  check("partial", { spans: { ...spans, undetermined: 9 } }, null);
  check("dropped", {}, null);
  check("failed", { spans: { ...spans, accepted: 5, dropped: 4 } }, "4 of 9 spans");
});

test("a request without trace context says which propagators were tried", () => {
  const check = (propagators, expected) =>
    assert.equal(propagationLabel({ outcome: "absent", propagators }).title, expected);
  check(
    ["tracecontext", "baggage"],
    "The request had no trace context (propagators: tracecontext, baggage): a new trace was started.",
  );
  check(["b3multi"], "The request had no trace context (propagators: b3multi): a new trace was started.");
  check([], "No propagator is configured (OTEL_PROPAGATORS): a new trace was started.");
});

test("a destination that is paused says why and until when", () => {
  const [until, now] = [String(START_NS), Number(START_NS / 1000000n)];
  const check = (state, pause, expected, nowMs = now) =>
    assert.equal(pauseText({ breaker: { state }, pause }, nowMs), expected);
  check("closed", null, null);
  check("half_open", null, "The circuit breaker is half-open: one attempt is being made.");
  check(
    "open",
    { until_unix_ns: until, reason: "breaker" },
    `The circuit breaker is open until ${clock(until)}.`,
  );
  check(
    "closed",
    { until_unix_ns: until, reason: "retry_after" },
    `The receiver asked for no requests until ${clock(until)}.`,
  );
  check("closed", { until_unix_ns: until, reason: "backoff" }, `The next attempt is at ${clock(until)}.`);
  check(
    "closed",
    { until_unix_ns: until, reason: "retry_after" },
    `The receiver asked for no requests until ${dateTime(until)}.`,
    now - 3 * 86_400_000,
  );
});

test("a link that leads nowhere yet names whose answer is waited for", () => {
  assert.equal(notReady({ destination: "zipkin", state: "failed" }), "zipkin: the export failed");
  assert.equal(notReady({ destination: "otlp", state: "queued" }), "otlp: not acknowledged yet");
});

test("methods that only read are told from those that change something", () => {
  for (const method of ["GET", "HEAD", "OPTIONS", "QUERY", "TRACE"])
    assert.equal(methodClass(method), "safe", method);
  for (const method of ["POST", "PUT", "PATCH", "CONNECT", "BREW"])
    assert.equal(methodClass(method), "write", method);
  assert.equal(methodClass("DELETE"), "delete");
});
