// Protects: the geometry of the waterfall from nanoseconds to hours.

import assert from "node:assert/strict";
import test from "node:test";
import {
  around,
  axisLabel,
  barPlace,
  between,
  busyShare,
  eventMarks,
  indent,
  labelSide,
  niceStep,
  pan,
  ticks,
  zoom,
} from "../request/timeline.js";

const whole = { start: 0, end: 1000 };

test("ticks stand at round times in one unit", () => {
  const check = (start, end, most, expected) =>
    assert.deepEqual(
      ticks({ start, end }, most).map(({ label }) => label),
      expected,
    );
  check(0, 1, 4, ["0", "1 ns"]);
  check(
    0,
    12_345_678,
    5,
    ["0", "5.0 ms", "10.0 ms"].map((label) => label.replace(".0", "")),
  );
  check(0, 900_000, 5, ["0", "200 µs", "400 µs", "600 µs", "800 µs"]);
  check(0, 2_000_000_000, 4, ["0", "500 ms", "1.0 s", "1.5 s", "2.0 s"]);
  check(0, 187e9, 4, ["0", "1:00 min", "2:00 min", "3:00 min"]);
  check(0, 7_200e9, 4, ["0", "30:00 min", "1:00:00 h", "1:30:00 h", "2:00:00 h"]);
  check(1_000_500, 1_001_500, 4, ["1.0005 ms", "1.0010 ms", "1.0015 ms"]);
});

test("there are never more ticks than asked for but one, and at least one", () => {
  for (let exponent = 0; exponent < 15; exponent += 0.13) {
    const marks = ticks({ start: 0, end: 10 ** exponent }, 6);
    assert.ok(marks.length >= 1 && marks.length <= 7, `10^${exponent}: ${marks.length}`);
    assert.ok(marks.every(({ place }) => place >= 0 && place <= 1));
    assert.equal(
      new Set(marks.map(({ label }) => label)).size,
      marks.length,
      `labels at 10^${exponent} repeat`,
    );
  }
});

test("a step is 1, 2 or 5 times a power of ten, and a whole number of seconds or minutes above", () => {
  const check = (atLeast, expected) => assert.equal(niceStep(atLeast), expected);
  check(0.2, 1);
  check(3, 5);
  check(5, 5);
  check(6, 10);
  check(1.1e9, 2e9);
  check(6e9, 10e9);
  check(50e9, 60e9);
  check(2e15, 24 * 24 * 3600e9);
});

test("labels of small steps far from nought keep the digits that tell them apart", () => {
  assert.notEqual(axisLabel(60_000_000_100, 100), axisLabel(60_000_000_200, 100));
});

test("a bar is cut to the range, and none is drawn outside", () => {
  assert.deepEqual(barPlace(250, 500, whole), { left: 0.25, width: 0.5, cutLeft: false, cutRight: false });
  assert.deepEqual(barPlace(100, 800, { start: 200, end: 400 }), {
    left: 0,
    width: 1,
    cutLeft: true,
    cutRight: true,
  });
  assert.equal(barPlace(500, 10, { start: 0, end: 400 }), null);
  assert.equal(barPlace(0, 10, { start: 20, end: 400 }), null);
  assert.equal(barPlace(1000, 0, whole).left, 1);
});

test("a label stands after its bar, before it, or inside, wherever there is room", () => {
  const check = (left, width, room, spare, expected) =>
    assert.equal(labelSide({ left, width }, room, spare), expected);
  check(0.2, 0.2, 0.1, 0, "after");
  check(0.8, 0.15, 0.1, 0, "before");
  check(0, 1, 0.1, 0, "inside");
  check(0, 1, 0.1, 0.1, "after");
});

test("busy time is a share of the bar, and unknown is not nought", () => {
  assert.equal(busyShare(null, 100), null);
  assert.equal(busyShare(25, 100), 0.25);
  assert.equal(busyShare(250, 100), 1);
  assert.equal(busyShare(0, 0), 1);
});

test("events too close to tell apart become one mark of the most severe level", () => {
  const marks = eventMarks(
    [
      { at: 100, level: "INFO" },
      { at: 101, level: "ERROR" },
      { at: 700, level: null },
      { at: 2000, level: "ERROR" },
    ],
    whole,
    0.01,
  );
  assert.deepEqual(marks, [
    { place: 0.1, level: "ERROR", count: 2 },
    { place: 0.7, level: null, count: 1 },
  ]);
});

test("zooming keeps the anchor where it is and stays within the trace", () => {
  const near = (actual, start, end) =>
    assert.ok(
      Math.abs(actual.start - start) < 1e-6 && Math.abs(actual.end - end) < 1e-6,
      JSON.stringify(actual),
    );
  const long = { start: 0, end: 1e6 };
  near(zoom(long, 0.5, 0.5, long), 250_000, 750_000);
  near(zoom(long, 0.5, 0, long), 0, 500_000);
  near(zoom({ start: 0, end: 100_000 }, 4, 1, long), 0, 400_000);
  near(zoom(long, 2, 0.3, long), 0, 1e6);
  assert.ok(zoom(long, 1e-12, 0.5, long).end - zoom(long, 1e-12, 0.5, long).start >= 100 - 1e-6);
  near(pan({ start: 100_000, end: 300_000 }, 0.5, long), 200_000, 400_000);
  near(pan({ start: 900_000, end: 1e6 }, 5, long), 900_000, 1e6);
  near(around(400_000, 100_000, long), 390_000, 510_000);
  near(around(0, 1e6, long), 0, 1e6);
  near(between(0.75, 0.25, long), 250_000, 750_000);
});

test("a deep tree is indented less for each level, and never past its share", () => {
  assert.equal(indent(0, 3, 170), 0);
  assert.equal(indent(3, 3, 170), 48);
  assert.equal(indent(10, 20, 170), 80);
  assert.equal(indent(4000, 5000, 170), 170);
});
