// Protects: the tree is built whatever the spans look like.

import assert from "node:assert/strict";
import test from "node:test";
import { buildTrace, callTarget, findNodes, kindTotals, visibleNodes } from "../request/trace.js";
import { deep, detail, hostile, large, productPage, START_NS, span, summary } from "./fixtures.js";

const at = (offset) => String(START_NS + BigInt(offset));
const make = (...spans) =>
  detail(
    summary({ id: "root" }),
    spans.map(([span_id, parent_span_id, offset = 0, more = {}]) =>
      span({ span_id, parent_span_id, start_unix_ns: at(offset), duration_ns: 10, ...more }),
    ),
  );

/** The tree as indented text. */
const drawn = (trace, nodes = trace.order) =>
  nodes.map(
    (node) =>
      `${"  ".repeat(node.depth)}${node.span.span_id}${node.remoteParent ? " (remote)" : ""}${node.cycle ? " (cycle)" : ""}`,
  );

test("children stand below their parents in the order of their start", () => {
  const trace = buildTrace(make(["root", null], ["b", "root", 20], ["a", "root", 10], ["a1", "a", 11]));
  assert.deepEqual(drawn(trace), ["root", "  a", "    a1", "  b"]);
  assert.equal(trace.root.descendants, 3);
  assert.equal(trace.maxDepth, 2);
});

test("a parent that comes after its child is found", () => {
  assert.deepEqual(drawn(buildTrace(make(["child", "root", 5], ["root", null]))), ["root", "  child"]);
});

test("a span whose parent is not held is a root and says so", () => {
  assert.deepEqual(drawn(buildTrace(make(["root", "elsewhere"], ["orphan", "lost", 5]))), [
    "root (remote)",
    "orphan (remote)",
  ]);
});

test("a ring of parents is cut at its earliest span", () => {
  assert.deepEqual(drawn(buildTrace(make(["root", null], ["b", "a", 20], ["a", "b", 10], ["c", "b", 30]))), [
    "root",
    "a (cycle)",
    "  b",
    "    c",
  ]);
});

test("a span that is its own parent is a root", () => {
  assert.deepEqual(drawn(buildTrace(make(["root", "root"]))), ["root (cycle)"]);
});

test("a span id that comes twice is shown twice", () => {
  const trace = buildTrace(make(["root", null], ["a", "root", 1], ["a", "root", 2], ["x", "a", 3]));
  assert.deepEqual(drawn(trace), ["root", "  a", "    x", "  a"]);
});

test("no spans at all", () => {
  const trace = buildTrace(make());
  assert.deepEqual(drawn(trace), []);
  assert.equal(trace.root, null);
  assert.ok(trace.end > 0);
});

test("times are measured from the earliest span, to the latest end", () => {
  const trace = buildTrace(
    make(
      ["root", null, 100, { duration_ns: 50 }],
      ["early", null, 40],
      ["late", "root", 140, { duration_ns: 500 }],
    ),
  );
  assert.equal(trace.base, at(40));
  assert.deepEqual(
    trace.order.map((node) => node.offset),
    [0, 60, 100],
  );
  assert.equal(trace.end, 600);
});

test("ten thousand spans, each the child of the one before, overflow no stack", () => {
  const trace = buildTrace(deep({ seq: 1 }, 10_000));
  assert.equal(trace.maxDepth, 9999);
  assert.equal(trace.root.descendants, 9999);
});

test("a collapsed node hides all that is below it and nothing else", () => {
  const trace = buildTrace(
    make(["root", null], ["a", "root", 1], ["a1", "a", 2], ["a2", "a1", 3], ["b", "root", 4]),
  );
  const collapsed = new Set([trace.byId.get("a")]);
  assert.deepEqual(drawn(trace, visibleNodes(trace, { collapsed })), ["root", "  a", "  b"]);
  collapsed.add(trace.root);
  assert.deepEqual(drawn(trace, visibleNodes(trace, { collapsed })), ["root"]);
});

test("what is found is shown with its ancestors, though collapsed", () => {
  const trace = buildTrace(
    make(
      ["root", null],
      ["a", "root", 1],
      ["a1", "a", 2, { attributes: [{ key: "db.query.text", value: "SELECT Needle" }] }],
      ["b", "root", 4],
    ),
  );
  const matches = findNodes(trace, { text: "needle" });
  assert.deepEqual(
    [...matches].map((node) => node.span.span_id),
    ["a1"],
  );
  assert.deepEqual(drawn(trace, visibleNodes(trace, { collapsed: new Set([trace.root]), matches })), [
    "root",
    "  a",
    "    a1",
  ]);
  assert.equal(findNodes(trace, {}), null);
});

test("spans of another request and another service are told apart", () => {
  const trace = buildTrace(productPage({ seq: 1 }));
  assert.deepEqual(
    trace.order.filter((node) => node.foreign).map((node) => node.span.name),
    ["GET /stock/{id}", "SELECT stock"],
  );
  assert.equal(findNodes(trace, { ownOnly: true }).size, trace.nodes.length - 2);
  assert.deepEqual(trace.services, ["shop", "inventory"]);
});

test("the kinds are counted, and a kind unknown to the page counts as a plain span", () => {
  const totals = kindTotals(
    buildTrace(make(["root", null, 0, { panel: "request" }], ["a", "root", 1, { panel: "graphql" }])),
  );
  assert.deepEqual(
    totals.map(({ kind, count, duration }) => [kind, count, duration]),
    [
      ["request", 1, 10],
      ["span", 1, 10],
    ],
  );
});

test("hostile data builds a tree like any other", () => {
  assert.equal(buildTrace(hostile({ seq: 1 })).order.length, 9);
});

test("5,000 spans are laid out well within a frame or two", () => {
  const whole = large({ seq: 1 });
  const started = performance.now();
  const trace = buildTrace(whole);
  visibleNodes(trace, { collapsed: new Set() });
  // Generous by a factor of ten or more: this is to catch what grows with the square.
  assert.ok(performance.now() - started < 500);
  assert.equal(trace.order.length, 5000);
});

test("a call is known by host and path, whichever names tell of them", () => {
  const check = (attributes, expected, more = {}) =>
    assert.equal(
      callTarget(
        span({
          panel: "http",
          kind: "client",
          attributes: Object.entries(attributes).map(([key, value]) => ({ key, value })),
          ...more,
        }),
      ),
      expected,
    );
  check({ "url.full": "https://pay.example.com/v2/charges?key=REDACTED#a" }, "pay.example.com/v2/charges");
  check({ "url.full": "http://REDACTED:REDACTED@stock:81/items/7" }, "stock:81/items/7");
  check({ "http.url": "http://[::1]:80" }, "[::1]:80");
  check({ "server.address": "stock", "server.port": 81, "url.path": "/a" }, "stock:81/a");
  check({ "server.address": "stock", "url.template": "/a/{id}" }, "stock/a/{id}");
  check({ "net.peer.name": "stock" }, "stock");
  check({ "url.full": "javascript:alert(1)" }, null);
  check({}, null);
  check({ "url.full": "http://a/" }, null, { kind: "server" });
  check({ "url.full": "http://a/" }, null, { panel: "span" });
});
