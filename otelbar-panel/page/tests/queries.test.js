// Protects: how SQL spans are grouped, and that colouring SQL loses none of it.

import assert from "node:assert/strict";
import test from "node:test";
import { groupQueries } from "../request/queries.js";
import { tokens } from "../request/sql.js";
import { buildTrace } from "../request/trace.js";
import { detail, HOSTILE, nPlusOne, START_NS, span, summary } from "./fixtures.js";

/** @import { Attribute, Span } from "../shared/answers.d.ts" */

/**
 * @param {string} id
 * @param {string | null} text
 * @param {number} duration
 * @param {Partial<Span> & { system?: string, more?: Attribute[] }} [options]
 */
const sql = (id, text, duration, { system = "sqlite", more = [], ...fields } = {}) =>
  span({
    span_id: id,
    panel: "sql",
    name: "query",
    duration_ns: duration,
    start_unix_ns: String(START_NS),
    attributes: [
      { key: "db.system.name", value: system },
      ...(text === null ? [] : [{ key: "db.query.text", value: text }]),
      ...more,
    ],
    ...fields,
  });
const groupsOf = (spans, findings) => groupQueries(buildTrace(detail(summary(), spans)).order, findings);

test("the same statement is one group, whatever its white space", () => {
  const groups = groupsOf([
    sql("a", "SELECT 1\n  FROM t", 10),
    sql("b", "SELECT 1 FROM t", 30),
    sql("c", "SELECT 2 FROM t", 100),
  ]);
  assert.deepEqual(
    groups.map(({ text, count, total, longest }) => [text, count, total, longest.span.span_id]),
    [
      ["SELECT 2 FROM t", 1, 100, "c"],
      ["SELECT 1\n  FROM t", 2, 40, "b"],
    ],
  );
});

test("the same statement of two systems is two groups", () => {
  assert.equal(
    groupsOf([sql("a", "SELECT 1", 1), sql("b", "SELECT 1", 1, { system: "postgresql" })]).length,
    2,
  );
});

test("the former name of the attribute and a span without text are understood", () => {
  const groups = groupsOf([
    sql("a", null, 2, { more: [{ key: "db.statement", value: "SELECT old" }] }),
    sql("b", null, 1),
  ]);
  assert.deepEqual(
    groups.map(({ text }) => text),
    ["SELECT old", "query"],
  );
});

test("rows are added up where they are known, errors are counted, other spans left out", () => {
  const row = (value) => [{ key: "db.response.returned_rows", value }];
  const groups = groupsOf([
    sql("a", "S", 1, { more: row(2) }),
    sql("b", "S", 1, { more: row(3), status: "error" }),
    sql("c", "T", 1),
    span({ span_id: "d" }),
  ]);
  assert.deepEqual(
    groups.map(({ rows, errors }) => [rows, errors]),
    [
      [5, 1],
      [null, 0],
    ],
  );
});

test("a group that an N+1 finding covers says so", () => {
  const whole = nPlusOne({ seq: 1 });
  const groups = groupQueries(buildTrace(whole).order, whole.findings);
  assert.deepEqual(
    groups.map(({ count, findings }) => [count, [...findings]]),
    [
      [20, ["n_plus_one"]],
      [1, ["slow_query"]],
    ],
  );
});

test("tokens have the types that colours are for", () => {
  const check = (text, ...expected) =>
    assert.deepEqual(
      tokens(text)
        .filter(({ type }) => type !== "plain")
        .map(({ type, text: part }) => `${type} ${part}`),
      expected,
    );
  check("SELECT a FROM t WHERE id = $1", "keyword SELECT", "keyword FROM", "keyword WHERE", "parameter $1");
  check("select 'it''s' -- why", "keyword select", "string 'it''s'", "comment -- why");
  check("x = 4.5 AND y::text = :name", "number 4.5", "keyword AND", "parameter :name");
  check(`"select" /* from */`, "comment /* from */");
  check("selected froms");
});

test("no character is lost, whatever the text", () => {
  for (const text of ["", "'", "/*", '"', "`a", "SELECT 'a", "é→🛒 $ ? ?1 @x", ...HOSTILE]) {
    assert.equal(
      tokens(text)
        .map((token) => token.text)
        .join(""),
      text,
    );
  }
});
