// Protects: headers are taken apart for reading, whatever came.

import assert from "node:assert/strict";
import test from "node:test";
import { members, traceparentFields } from "../request/headers.js";

test("the fields of a traceparent", () => {
  const check = (value, expected) =>
    assert.deepEqual(
      traceparentFields(value)?.map(
        ({ name, value: text, note }) => `${name} ${text}${note ? ` (${note})` : ""}`,
      ),
      expected,
    );
  check("00-4bf9-00f0-03", [
    "version 00",
    "trace-id 4bf9",
    "parent-id 00f0",
    "trace-flags 03 (sampled, random trace id)",
  ]);
  check("01-a-b-00-x-y", [
    "version 01",
    "trace-id a",
    "parent-id b",
    "trace-flags 00 (not sampled)",
    "more x-y",
  ]);
  check("00-a-b-zz", ["version 00", "trace-id a", "parent-id b", "trace-flags zz"]);
  check("rubbish", undefined);
});

test("the members of tracestate and baggage", () => {
  assert.deepEqual(members("tracestate", "rojo=00f0, =x,,congo=t%20"), [
    { key: "rojo", value: "00f0", properties: [] },
    { key: "", value: "x", properties: [] },
    { key: "congo", value: "t%20", properties: [] },
  ]);
  assert.deepEqual(members("baggage", "user=Am%C3%A9lie;ttl=3 ; secret,bad=%E0%A4%A,flag"), [
    { key: "user", value: "Amélie", properties: ["ttl=3", "secret"] },
    { key: "bad", value: "%E0%A4%A", properties: [] },
    { key: "flag", value: "", properties: [] },
  ]);
});
