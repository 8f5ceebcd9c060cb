// Protects: how durations, instants and counts are written out.

import assert from "node:assert/strict";
import test from "node:test";
import * as format from "../shared/format.js";

test("a duration is written with three significant digits in the unit that suits it", () => {
  const check = (ns, expected) => assert.equal(format.duration(ns), expected);
  check(0, "0 ns");
  check(7, "7 ns");
  check(999, "999 ns");
  check(1000, "1.00 µs");
  check(12_345, "12.3 µs");
  check(999_400, "999 µs");
  check(999_960, "1.00 ms");
  check(12_345_678, "12.3 ms");
  check(99_960_000, "100 ms");
  check(1_284_000_000, "1.28 s");
  check(59_990_000_000, "60.0 s");
  check(59_999_000_000, "1 min 00 s");
  check(125_000_000_000, "2 min 05 s");
  check(3_599_400_000_000, "59 min 59 s");
  check(3_599_600_000_000, "1 h 00 min");
  check(3_720_000_000_000, "1 h 02 min");
  check(-1500, "−1.50 µs");
  check(null, "–");
  check(Number.NaN, "–");
});

test("instants are exact to the nanosecond, though no number holds them", () => {
  assert.equal(format.between("1795198960935919500", "1795198960935919501"), 1);
  assert.equal(format.between("1795198960935919501", "1795198960935919500"), -1);
  assert.equal(format.utc("1795198960935919501"), "2026-11-20T18:22:40.935919501Z");
  assert.equal(format.utc("0"), "1970-01-01T00:00:00.000000000Z");
});

test("an instant that is no number does not break the page", () => {
  assert.equal(format.between("0", "not a number"), 0);
  assert.equal(format.instant(null), 0n);
});

test("an offset has a sign, but for nought", () => {
  assert.equal(format.offset(0), "0");
  assert.equal(format.offset(1500), "+1.50 µs");
  assert.equal(format.offset(-1500), "−1.50 µs");
});

test("an age is rounded down, and one in the future is now", () => {
  const check = (ms, expected) =>
    assert.equal(format.age("1000000000000000000", 1_000_000_000_000 + ms), expected);
  check(-5000, "now");
  check(999, "now");
  check(1000, "1 s");
  check(59_999, "59 s");
  check(60_000, "1 min");
  check(7_200_000, "2 h");
  check(4 * 86_400_000, "4 d");
});

test("sizes, counts, shares", () => {
  assert.equal(format.bytes(512), "512 B");
  assert.equal(format.bytes(181_234), "177 KiB");
  assert.equal(format.bytes(67_108_864), "64.0 MiB");
  assert.equal(format.bytes(1023.9 * 1024), "1.0 MiB");
  assert.equal(format.count(0), "0");
  assert.equal(format.count(1_234_567), "1,234,567");
  assert.equal(format.plural(1, "query", "queries"), "1 query");
  assert.equal(format.plural(2000, "query", "queries"), "2,000 queries");
  assert.equal(format.percent(1, 3), "33.3 %");
  assert.equal(format.percent(1, 1), "100 %");
  assert.equal(format.percent(1, 1e9), "<0.1 %");
  assert.equal(format.percent(0, 5), "0.0 %");
  assert.equal(format.percent(1, 0), "–");
});

test("attribute values of every type become text", () => {
  const check = (value, expected) => assert.equal(format.attributeValue(value), expected);
  check("a", "a");
  check(3, "3");
  check(true, "true");
  check(["a", 1], '["a",1]');
  check(null, "null");
});

test("what would hide or reorder text is spelled out, line breaks and tabs are kept", () => {
  assert.equal(format.visible("a\u202Eb\u0000c\u001b[31m"), "a\\u{202e}b\\u{0}c\\u{1b}[31m");
  assert.equal(format.visible("one\r\n\ttwo"), "one\n\ttwo");
  assert.equal(format.visible("Amélie 書店 🛒"), "Amélie 書店 🛒");
});
