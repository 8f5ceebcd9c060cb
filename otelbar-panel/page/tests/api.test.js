// Protects: calls stay relative to the page, and errors are told in the API's words.

import assert from "node:assert/strict";
import test from "node:test";
import { apiUrl, errorMessage } from "../shared/api.js";

test("calls are relative to the page's own address, and take nothing of its query along", () => {
  const check = (page, expected) => assert.equal(apiUrl(page, "requests", { limit: 5, before: null }), expected);
  check("http://h/__otelbar/", "http://h/__otelbar/api/requests?limit=5");
  check("http://h/__otelbar/index.html#/requests/1", "http://h/__otelbar/api/requests?limit=5");
  check("https://h:8443/deep/debug/?token=a%26b&x=y#/", "https://h:8443/deep/debug/api/requests?limit=5");
});

test("an id cannot lead a call elsewhere", () => {
  assert.equal(apiUrl("http://h/bar/", `requests/${encodeURIComponent("../../x?y#z")}`), "http://h/bar/api/requests/..%2F..%2Fx%3Fy%23z");
});

test("the API's own words are shown, and the status when there are none", () => {
  assert.equal(errorMessage(403, '{"error":"give a token"}'), "give a token");
  assert.equal(errorMessage(502, "<html>"), "The service answered with status 502.");
  assert.equal(errorMessage(404, '{"error":{"a":1}}'), "The service answered with status 404.");
});
