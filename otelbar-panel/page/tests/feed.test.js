// Protects: the list stays true when it is put together from partial answers.

import assert from "node:assert/strict";
import test from "node:test";
import { barScale } from "../list/scale.js";
import { neighbour } from "../request/neighbour.js";
import { merge, nested } from "../shared/feed.js";
import { losses } from "../shell/losses.js";
import { destination, status } from "./fixtures.js";

/** @returns {any} what the functions under test read of a request */
const request = (seq, id = `r${seq}`) => ({ id, seq });
const requests = (...seqs) => seqs.map((seq) => request(seq));
const check = (held, answer, reach, expected) =>
  assert.deepEqual(
    merge(held, answer, reach).map(({ seq }) => seq),
    expected,
  );

test("newer requests come before those held", () => {
  check(requests(2, 1), requests(4, 3), { limit: 2 }, [4, 3, 2, 1]);
});

test("an entry that came again replaces the one held", () => {
  const merged = merge([{ ...request(1), state: "pending" }], [{ ...request(1), state: "accepted" }], {
    limit: 5,
  });
  assert.deepEqual(merged, [{ ...request(1), state: "accepted" }]);
});

test("a full answer keeps what is older than it reaches", () => {
  check(requests(5, 4, 3, 2, 1), requests(6, 5, 4), { limit: 3 }, [6, 5, 4, 3, 2, 1]);
});

test("a short answer is all there is: the rest was evicted", () => {
  check(requests(5, 4, 3, 2, 1), requests(6, 5, 4), { limit: 10 }, [6, 5, 4]);
  check(requests(5, 4), [], { limit: 10 }, []);
});

test("a service that was restarted counts from one again", () => {
  check(requests(500, 499), [request(2, "new2"), request(1, "new1")], { limit: 10 }, [2, 1]);
});

test("of a restarted service nothing older is kept, however far it has come since", () => {
  const anew = (...seqs) => seqs.map((seq) => request(seq, `new${seq}`));
  // It has not come as far as before, but further than an answer reaches.
  check(requests(500, 499, 2, 1), anew(9, 8, 7), { limit: 3 }, [9, 8, 7]);
  // It has come further: a number that was given to another tells.
  check(requests(8, 7, 2, 1), anew(9, 8, 7), { limit: 3 }, [9, 8, 7]);
});

test("the next and the one before are found in the list, and beside a request it does not hold", () => {
  const list = requests(9, 7, 5);
  const check = (of, step, expected) =>
    assert.equal(neighbour(list, of, step)?.seq, expected, `${JSON.stringify(of)} ${step}`);
  check(request(7), 1, 5);
  check(request(7), -1, 9);
  check(request(9), -1, undefined);
  check(request(5), 1, undefined);
  check(request(6), 1, 5);
  check(request(6), -1, 7);
  check(request(2), 1, undefined);
  check({ id: "unknown" }, 1, undefined);
});

test("older requests are added below, and do not touch the newer ones", () => {
  check(requests(9, 8), requests(7, 6), { limit: 2, before: 8 }, [9, 8, 7, 6]);
  check(requests(9, 8, 3), requests(7), { limit: 2, before: 8 }, [9, 8, 7]);
});

test("a request is nested in the earliest one of another service of its trace", () => {
  const at = (id, trace_id, service, start) => ({
    id,
    trace_id,
    service,
    start_unix_ns: String(1795198960935919500n + BigInt(start)),
  });
  const check = (requests, expected) =>
    assert.deepEqual(
      [...nested(requests)].map(([id, entry]) => [id, entry.id]),
      expected,
    );
  check([], []);
  // Times beyond 2^53, of which a number would tell these two apart no more.
  check([at("b", "t", "inventory", 1), at("a", "t", "shop", 0)], [["b", "a"]]);
  check([at("a", "t", "shop", 0), at("b", "t", "inventory", 0)], []);
  check([at("a", "t", "shop", 0), at("b", "t", "shop", 5)], []);
  check([at("a", "t", "shop", 0), at("b", "u", "inventory", 5)], []);
  check(
    [
      at("c", "t", "stock", 9),
      at("b", "t", "inventory", 5),
      at("d", "t", "shop", 12),
      at("a", "t", "shop", 0),
    ],
    [
      ["b", "a"],
      ["c", "a"],
      ["d", "b"],
    ],
  );
});

test("bars are scaled to the longest, unless a few would flatten all others", () => {
  assert.equal(barScale([]), 1);
  assert.equal(barScale([5]), 5);
  assert.equal(barScale([1, 2, 3, 4]), 4);
  assert.equal(barScale([...Array(99).fill(10), 1000]), 10);
});

test("every counter of something lost is shown, and only when it is not nought", () => {
  assert.deepEqual(losses(status({ requests: 1, health: "none" })), []);
  const all = status({
    requests: 1,
    health: "failing",
    dropped: { requests: 1, spans: 2, logs: 3, attributes: 4, late: 5 },
  });
  all.exporter.destinations[0].rejected = 6;
  assert.deepEqual(
    losses(all).map(({ number }) => number),
    [1, 2, 3, 4, 5, 24, 6],
  );
});

test("what several destinations lost is told of each, with the reasons", () => {
  const destinations = [
    destination({ health: "healthy" }),
    destination({ name: "zipkin", endpoint: "http://z", health: "failing" }),
  ];
  assert.deepEqual(losses(status({ requests: 1, destinations })), [
    {
      number: 24,
      what: "zipkin spans dropped",
      why: "Dropped by the exporter to http://z. queue full: 10, too old: 14.",
    },
  ]);
});
