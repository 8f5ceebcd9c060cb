// Protects: deep links, which people keep and the bar makes.

import assert from "node:assert/strict";
import test from "node:test";
import { listHash, parse, requestHash, TABS } from "../shared/location.js";

const list = (filter = "") => ({ view: "list", filter });
const request = (id, spanId = null, tab = "waterfall") => ({ view: "request", id, spanId, tab });

test("every address of the page is understood", () => {
  const check = (hash, expected) => assert.deepEqual(parse(hash), expected);
  check("", list());
  check("#", list());
  check("#/", list());
  check("#/?filter=status%3A5xx%20slow", list("status:5xx slow"));
  check("#/requests/00f067aa0ba902b7", request("00f067aa0ba902b7"));
  check("#/requests/00f067aa0ba902b7/", request("00f067aa0ba902b7"));
  check("#/requests/00f0/spans/a1", request("00f0", "a1"));
  check("#/requests/00f0/spans/a1?tab=logs", request("00f0", "a1", "logs"));
  check("#/requests/00f0?tab=no-such-tab", request("00f0"));
  check("#/requests/00f0/spans", request("00f0"));
  check("#/requests", list());
  check("#/elsewhere", list());
  check("#/requests/%E0%A4%A", request("%E0%A4%A"));
});

test("an address that was made is read back the same", () => {
  for (const filter of ["", "a b", "path:/x?y=1&z#w", "“%”"])
    assert.deepEqual(parse(listHash(filter)), list(filter));
  /** @type {[string, string | null, (typeof TABS)[number]][]} */
  const addresses = [
    ["00f0", null, "waterfall"],
    ["00f0", "a1", "queries"],
    ["a/b?c#d", "e/f", "logs"],
  ];
  for (const [id, span, tab] of addresses) {
    assert.deepEqual(parse(requestHash(id, span, tab)), request(id, span, tab));
  }
});
