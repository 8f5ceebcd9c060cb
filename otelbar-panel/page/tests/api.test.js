// Protects: calls stay relative to the page, and errors are told in the API's words.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";
import { apiUrl, errorMessage, fetchList, fetchRequestText } from "../shared/api.js";

test("calls are relative to the page's own address, and take nothing of its query along", () => {
  const check = (page, expected) =>
    assert.equal(apiUrl(page, "requests", { limit: 5, before: null }), expected);
  check("http://h/__otelbar/", "http://h/__otelbar/api/requests?limit=5");
  check("http://h/__otelbar/index.html#/requests/1", "http://h/__otelbar/api/requests?limit=5");
  check("https://h:8443/deep/debug/?token=a%26b&x=y#/", "https://h:8443/deep/debug/api/requests?limit=5");
});

test("an id cannot lead a call elsewhere", () => {
  assert.equal(
    apiUrl("http://h/bar/", `requests/${encodeURIComponent("../../x?y#z")}`),
    "http://h/bar/api/requests/..%2F..%2Fx%3Fy%23z",
  );
});

test("the API's own words are shown, and the status when there are none", () => {
  assert.equal(errorMessage(403, '{"error":"give a token"}'), "give a token");
  assert.equal(errorMessage(502, "<html>"), "The service answered with status 502.");
  assert.equal(errorMessage(404, '{"error":{"a":1}}'), "The service answered with status 404.");
});

test("an answer that has not changed is not sent again, and is only taken for the same address", async () => {
  const calls = [];
  const answer = (status, body, tag) =>
    new Response(status === 304 ? null : body, {
      status,
      headers: { "content-type": "application/json", ...(tag && { etag: tag }) },
    });
  const answers = [
    answer(200, '{"requests":[1]}', 'W/"a"'),
    answer(304, null, 'W/"a"'),
    answer(200, '{"requests":[2]}', 'W/"b"'),
    answer(200, "one", 'W/"c"'),
    answer(304, null, 'W/"b"'),
    answer(200, "untagged"),
    answer(200, "again"),
  ];
  Object.assign(globalThis, {
    location: { href: "http://h/bar/" },
    fetch: async (_url, { headers }) => {
      calls.push(headers["if-none-match"] ?? null);
      return answers.shift();
    },
  });
  const requests = async (limit) => (await fetchList({ limit })).requests;
  assert.deepEqual(await requests(1), [1]);
  assert.deepEqual(await requests(1), [1]);
  assert.deepEqual(await requests(2), [2]);
  assert.equal(await fetchRequestText("00f0"), "one");
  assert.deepEqual(await requests(2), [2]);
  assert.equal(await fetchRequestText("00f1"), "untagged");
  assert.equal(await fetchRequestText("00f1"), "again");
  assert.deepEqual(calls, [null, 'W/"a"', null, null, 'W/"b"', null, null]);
});

test("the types of the answers are those of the API's document", async () => {
  const types = await readFile(new URL("../shared/answers.d.ts", import.meta.url), "utf8");
  const document = await readFile(new URL("../../../docs/json-api.md", import.meta.url), "utf8");
  const [list, whole, bar] = [...document.matchAll(/```json\n([\s\S]*?)```/g)].map(([, example]) =>
    JSON.parse(example),
  );
  const check = (name, example) => {
    const [, body] = new RegExp(`^export interface ${name} \\{\\n([\\s\\S]*?)^\\}`, "m").exec(types);
    const fields = [...body.matchAll(/^ {2}(\w+): /gm)].map(([, field]) => field);
    assert.deepEqual(fields.sort(), Object.keys(example).sort(), name);
  };
  const [request] = list.requests;
  const [span] = whole.spans;
  const [destination] = list.exporter.destinations;
  const [delivery] = whole.deliveries;
  check("List", list);
  check("Capture", list.capture);
  check("Request", request);
  check("Counts", request.counts);
  check("Export", request.export);
  check("Store", list.store);
  check("InternalErrors", list.internal_errors);
  check("AllDropped", list.dropped);
  check("Exporter", list.exporter);
  check("Pause", list.exporter.pause);
  check("Destination", destination);
  check("Breaker", destination.breaker);
  check("DestinationDropped", destination.dropped);
  check("LastError", destination.last_error);
  check("Detail", whole);
  check("Propagation", whole.propagation);
  check("Header", whole.propagation.headers[0]);
  check("Delivery", delivery);
  check("DeliverySpans", delivery.spans);
  check("BackendLink", whole.links[0]);
  check("Span", span);
  check("Attribute", span.attributes[0]);
  check("Event", span.events[0]);
  check("SpanLink", span.links[0]);
  check("SpanDropped", span.dropped);
  check("Finding", whole.findings[0]);
  check("FindingsLeftOut", whole.findings_left_out[0]);
  check("Dropped", whole.dropped);
  check("Bar", bar);
});
