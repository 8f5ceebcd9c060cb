// Protects: what each term of the list's filter finds.

import assert from "node:assert/strict";
import test from "node:test";
import { parseFilter } from "../shared/filter.js";
import { summary } from "./fixtures.js";

const requests = {
  home: summary({ path: "/", route: "/", duration_ns: 2e6 }),
  search: summary({ path: "/search", query: "q=blue moon", route: null, status: 404 }),
  order: summary({
    method: "POST",
    path: "/orders",
    route: "/orders",
    status: 500,
    error: true,
    duration_ns: 600e6,
    counts: { errors: 2, queries: 12 },
  }),
  gone: summary({
    path: "/stream",
    route: "/stream",
    status: null,
    outcome: "client_gone",
    duration_ns: 4e9,
    export: { state: "dropped", detail: null },
  }),
  logged: summary({
    path: "/warned",
    route: "/warned",
    trace_id: "aaaabbbbccccddddaaaabbbbccccdddd",
    counts: { errors: 1, findings: 1 },
    finding_kinds: ["n_plus_one"],
  }),
  stock: summary({
    id: "beef000000000001",
    service: "inventory",
    path: "/stock/3",
    route: "/stock/{id}",
    counts: { findings: 2 },
    finding_kinds: ["slow_query", "slow_span"],
  }),
};

function check(text, ...expected) {
  const filter = parseFilter(text);
  const found = Object.keys(requests).filter((name) => filter.matches(requests[name]));
  assert.deepEqual(found, expected, `filter ${JSON.stringify(text)}`);
  return filter;
}

test("words are looked for in method, route, path with query, status and trace id, in any case", () => {
  check("", "home", "search", "order", "gone", "logged", "stock");
  check("ORDERS", "order");
  check("post", "order");
  check("404", "search");
  check("BBBBcccc", "logged");
  check("search?q=blue", "search");
});

test("quotes keep spaces, and what they hold is not taken as a term", () => {
  check('"blue moon"', "search");
  check('"errors"');
  check('path:"/se', "search");
});

test("terms must all hold; a dash negates", () => {
  check("get stream", "gone");
  check("-get", "order");
  check("-errors -slow", "home", "search", "stock");
});

test("status takes classes, numbers, lists and comparisons; a request without one matches none of them", () => {
  check("status:5xx", "order");
  check("status:4", "search");
  check("status:404,500", "search", "order");
  check("status:>=400", "search", "order");
  check("status:none", "gone");
  check("status:", "home", "search", "order", "gone", "logged", "stock");
});

test("flags", () => {
  check("errors", "order", "logged");
  check("Slow", "order", "gone");
  check("findings", "logged", "stock");
  check("N+1", "logged");
});

test("entry leaves out the requests that are known to be nested", () => {
  const nested = new Map([[requests.stock.id, requests.home]]);
  const found = (text) =>
    Object.keys(requests).filter((name) => parseFilter(text).matches(requests[name], nested));
  assert.deepEqual(found("entry get"), ["home", "search", "gone", "logged"]);
  assert.deepEqual(found("-entry"), ["stock"]);
});

test("fields", () => {
  check("method:post,put", "order");
  check("route:/orders", "order");
  check("trace:aaaabbbb", "logged");
  check("outcome:client", "gone");
  check("service:inventory", "stock");
  check("-service:shop", "stock");
  check("finding:slow_span,n_plus", "logged", "stock");
  check("export:dropped,failed", "gone");
  check("duration:>1s", "gone");
  check("duration:<=2ms", "home");
  check("duration:>=600", "order", "gone");
  check("queries:>10", "order");
});

test("a term that is not understood is named and left out, so the list does not vanish while one types", () => {
  assert.match(
    check("duration:>x get", "home", "search", "gone", "logged", "stock").problem,
    /duration:>200ms/,
  );
  assert.match(
    check("status:abc", "home", "search", "order", "gone", "logged", "stock").problem,
    /status:5xx/,
  );
  assert.equal(check("duration:>", "home", "search", "order", "gone", "logged", "stock").problem, null);
  assert.equal(check("http://x").problem, null);
});
