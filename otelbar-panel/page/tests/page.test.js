// Protects: the page as a browser shows it. Skipped where no Chromium is found; OTELBAR_CHROMIUM names one.

import assert from "node:assert/strict";
import test, { after, before, describe } from "node:test";
import { findBrowser, launch } from "./browser.js";
import {
  delivery,
  destination,
  failing,
  HOSTILE,
  hostile,
  instantaneous,
  large,
  nPlusOne,
  odd,
  productPage,
  quick,
  spawned,
  stockRequest,
} from "./fixtures.js";
import { serve } from "./mock_server.js";

const program = findBrowser();
const rowTexts = (selector) =>
  `[...document.querySelectorAll(${JSON.stringify(selector)})].map((row) => row.textContent)`;
const selectedName = "document.querySelector('.wf-row.is-selected .span-name')?.textContent";

describe("the page", { skip: program === null ? "no Chromium found" : false }, () => {
  let browser;
  let server;
  before(async () => {
    browser = await launch(program);
  });
  after(async () => {
    await browser.close();
  });

  /** A page of a fresh browser context on a server with `options`; fails when the page complained about anything. */
  async function visit(options, hash, act, { allow = /(?!)/, viewport = {}, search = "" } = {}) {
    server = await serve(options);
    const page = await browser.newPage(viewport);
    try {
      await page.goto(`${server.origin}/__otelbar/${search}${hash}`);
      await act(page, server);
      assert.deepEqual(
        page.problems.filter((problem) => !allow.test(problem)),
        [],
      );
      assert.equal(await page.evaluate("typeof window.pwned"), "undefined");
    } finally {
      await page.close();
      await server.close();
    }
  }

  test("an empty store tells what to do next", () =>
    visit({ details: [] }, "", async (page, { origin }) => {
      await page.waitFor("document.querySelector('.empty h2')?.textContent === 'No requests yet'");
      assert.equal(
        await page.evaluate("document.querySelector('.empty pre').textContent"),
        `curl -i ${origin}/`,
      );
    }));

  test("the list shows the newest first, and takes up what comes in", () =>
    visit({ details: [quick({ seq: 1 }), productPage({ seq: 2 })] }, "", async (page, { state }) => {
      await page.waitFor("document.querySelectorAll('.list-row[id]').length === 2");
      state.details.push(failing({ seq: 3 }));
      await page.waitFor("document.querySelectorAll('.list-row[id]').length === 3");
      const order = await page.evaluate(
        "[...document.querySelectorAll('.list-row[id]')].sort((a, b) => a.ariaRowIndex - b.ariaRowIndex).map((row) => row.querySelector('.route').textContent)",
      );
      assert.deepEqual(order, ["/checkout", "/products/{id}", "/healthz"]);
    }));

  test("a paused list asks no more, and resumes", () =>
    visit({ details: [quick({ seq: 1 })] }, "", async (page, { state }) => {
      await page.waitFor("document.querySelector('.list-row[id]')");
      await page.press("p");
      await page.waitFor("document.querySelector('.is-paused')");
      state.details.push(quick({ seq: 2 }));
      await page.press("p");
      await page.waitFor("document.querySelectorAll('.list-row[id]').length === 2");
    }));

  test("the filter narrows the list, is kept in the address, and says what it did not understand", () =>
    visit({ details: [quick({ seq: 1 }), failing({ seq: 2 })] }, "#/?filter=status:5xx", async (page) => {
      await page.waitFor("document.querySelectorAll('.list-row[id]').length === 1");
      assert.match(await page.evaluate("document.querySelector('.tally').textContent"), /^1 of 2/);
      await page.press("/");
      for (const key of " duration:>x") await page.press(key);
      await page.waitFor("document.querySelector('.problem').textContent.includes('duration:>200ms')");
      assert.match(
        await page.evaluate("decodeURIComponent(location.hash)"),
        /filter=status:5xx duration:>x$/,
      );
      await page.press("Escape");
      await page.waitFor("document.querySelectorAll('.list-row[id]').length === 2");
    }));

  test("the list is used by keys alone: choose, open, come back to the same place", () =>
    visit(
      { details: [quick({ seq: 1 }), productPage({ seq: 2 }), failing({ seq: 3 })] },
      "",
      async (page) => {
        await page.waitFor("document.querySelectorAll('.list-row[id]').length === 3");
        await page.press("j");
        await page.press("j");
        await page.press("Enter");
        await page.waitFor("document.querySelector('h1')?.textContent === '/products/{id}'");
        await page.press("Escape");
        await page.waitFor(
          "document.querySelector('.list-row.is-selected .route')?.textContent === '/products/{id}'",
        );
        await page.press("k");
        await page.waitFor(
          "document.querySelector('.list-row.is-selected .route')?.textContent === '/checkout'",
        );
      },
    ));

  test("a failing exporter is shown with its error, and every drop is counted", () =>
    visit(
      { details: [quick({ seq: 1 })], health: "failing", dropped: { spans: 3 } },
      "",
      async (page, { state }) => {
        await page.waitFor("document.querySelector('.banner-error:not([hidden])')");
        assert.match(
          await page.evaluate("document.querySelector('.banner-error').textContent"),
          /Connection refused \(os error 111\)/,
        );
        assert.deepEqual(await page.evaluate(rowTexts(".loss")), ["3 spans", "24 spans not exported"]);
        state.health = "healthy";
        await page.waitFor("document.querySelector('.banner-error') === null");
      },
    ));

  test("each destination is shown with its health, its breaker, its counters and its error", () => {
    const zipkin = {
      name: "zipkin",
      protocol: null,
      endpoint: "http://localhost:9411/api/v2/spans",
      health: "failing",
      spooled: 7,
      spooled_bytes: 2048,
      recovered: 3,
    };
    const destinations = [destination({ health: "healthy" }), destination(zipkin)];
    return visit({ details: [quick({ seq: 1 })], destinations }, "", async (page, { state }) => {
      await page.waitFor("document.querySelector('.list-row[id]')");
      assert.deepEqual(await page.evaluate(rowTexts(".exporter-name")), ["otlp", "zipkin"]);
      assert.deepEqual(await page.evaluate(rowTexts(".loss")), ["24 zipkin spans dropped"]);
      assert.match(
        await page.evaluate("document.querySelector('.banner-error').textContent"),
        /^Export to zipkin is failing\. .*refused.* · 12 spans waiting, 7 on disk, 24 dropped\. The circuit breaker is open until [-0-9:. ]+\. Requests/,
      );
      await page.click("document.querySelector('.exporter')");
      await page.waitFor("document.querySelectorAll('.destination').length === 2");
      assert.deepEqual(await page.evaluate(rowTexts(".destination:nth-child(2) .counters > div")), [
        "Queued8 5.0 KiB",
        "In flight4",
        "On disk7 2.0 KiB",
        "Accepted5,000",
        "Rejected0",
        "Dropped24",
      ]);
      assert.deepEqual(await page.evaluate(rowTexts(".destination:nth-child(2) .drop-reasons li")), [
        "10 queue full",
        "14 too old",
      ]);
      assert.match(
        await page.evaluate(
          "document.querySelector('.destination:nth-child(2) .destination-pause').textContent",
        ),
        /^The circuit breaker is open until/,
      );
      assert.match(
        await page.evaluate(
          "document.querySelector('.destination:nth-child(2) .destination-said').textContent",
        ),
        /^Last error, .*: could not connect/,
      );
      assert.equal(
        await page.evaluate("document.querySelector('.destination:nth-child(1) .destination-said')"),
        null,
      );
      state.destinations = [
        destination({ health: "healthy" }),
        destination({ ...zipkin, health: "healthy", spooled: 0 }),
      ];
      await page.waitFor(
        "document.querySelector('.banner') === null || document.querySelector('.banner-error') === null",
      );
      await page.waitFor(
        "document.querySelector('.destination:nth-child(2) .counters').textContent.includes('On disk0')",
      );
      await page.press("Escape");
      await page.waitFor(
        "document.querySelector('.drawer').hidden && document.activeElement.matches('.exporter')",
      );
    });
  });

  test("warnings about the configuration are counted in the head and told at a click", () =>
    visit(
      {
        details: [quick({ seq: 1 })],
        warnings: ["OTEL_BSP_SCHEDULE_DELAY is “soon”; 5000 is used", HOSTILE[0]],
      },
      "",
      async (page, { state }) => {
        await page.waitFor("document.querySelector('.warnings:not([hidden])')?.textContent === '2'");
        await page.click("document.querySelector('.warnings')");
        await page.waitFor("document.querySelectorAll('.warning-list li').length === 2");
        assert.deepEqual(await page.evaluate(rowTexts(".warning-list li")), state.warnings);
        await page.click("document.querySelector('.drawer .icon-button')");
        await page.waitFor("document.querySelector('.drawer').hidden");
      },
    ));

  test("without warnings the head has no sign of them", () =>
    visit({ details: [quick({ seq: 1 })] }, "", async (page) => {
      await page.waitFor("document.querySelector('.list-row[id]')");
      assert.equal(await page.evaluate("document.querySelector('.warnings').hidden"), true);
    }));

  test("a request shows how far it has come with each destination, and links where it has arrived", () => {
    const whole = productPage({ seq: 1, export: { state: "retrying", detail: "zipkin: no connection" } });
    whole.deliveries = [
      delivery({ state: "accepted", detail: null }),
      delivery({ state: "retrying", detail: "no connection" }, { destination: "zipkin", attempt: 2 }),
    ];
    whole.links[0].ready = true;
    whole.links[1] = { ...whole.links[1], destination: "zipkin", ready: false };
    return visit({ details: [whole] }, `#/requests/${whole.request.id}`, async (page) => {
      await page.waitFor("document.querySelectorAll('.fact-export').length === 2");
      const [otlp, zipkin] = await page.evaluate(rowTexts(".fact-export"));
      assert.equal(otlp, "Export to otlpaccepted");
      assert.match(zipkin, /^Export to zipkinretryingattempt 2 failed, the next at [-0-9:. ]+no connection$/);
      assert.deepEqual(await page.evaluate(rowTexts(".backend-link a")), ["Open in Jaeger"]);
      assert.equal(
        await page.evaluate("document.querySelector('.backend-reason').textContent"),
        "zipkin: not reached yet, will be retried",
      );
      whole.deliveries[1] = delivery({ state: "accepted", detail: null }, { destination: "zipkin" });
      whole.request.export = { state: "accepted", detail: null };
      whole.links[1].ready = true;
      await page.waitFor("document.querySelectorAll('.backend-link a').length === 2");
      assert.deepEqual(await page.evaluate(rowTexts(".fact-export")), [
        "Export to otlpaccepted",
        "Export to zipkinaccepted",
      ]);
    });
  });

  test("a backend that rejects spans is shown as what it is, with the way to the requests concerned", () =>
    visit({ details: [quick({ seq: 1 })], health: "rejecting" }, "", async (page) => {
      await page.waitFor(
        "document.querySelector('.banner-warning:not([hidden])')?.textContent.includes('The backend rejects spans')",
      );
      assert.equal(
        await page.evaluate("document.querySelector('.exporter-health').textContent"),
        "rejecting",
      );
      await page.click("document.querySelector('.banner-warning a')");
      await page.waitFor("document.querySelector('.filter').value === 'export:partial'");
    }));

  test("requests of another service have its name, and the nested ones are left out at a click", () => {
    const whole = productPage({ seq: 2 });
    return visit({ details: [stockRequest(whole, { seq: 1 }), whole] }, "", async (page) => {
      await page.waitFor("document.querySelectorAll('.list-row[id]').length === 2");
      assert.deepEqual(await page.evaluate(rowTexts(".list-row.is-nested .route")), ["/stock/{id}"]);
      assert.deepEqual(await page.evaluate(rowTexts(".service-chip:not([hidden])")), ["inventory"]);
      await page.click("document.querySelector('[data-term=entry]')");
      await page.waitFor("document.querySelectorAll('.list-row[id]').length === 1");
      assert.deepEqual(await page.evaluate(rowTexts(".list-row[id] .route")), ["/products/{id}"]);
    });
  });

  test("where no request is nested, nothing speaks of it", () =>
    visit({ details: [quick({ seq: 1 }), productPage({ seq: 2 })] }, "", async (page) => {
      await page.waitFor("document.querySelectorAll('.list-row[id]').length === 2");
      assert.equal(
        await page.evaluate(
          "document.querySelectorAll('.service-chip:not([hidden]), [data-term=entry]:not([hidden])').length",
        ),
        0,
      );
    }));

  test("each kind of finding has its badge, in the list and on the request", () => {
    const whole = nPlusOne({ seq: 1 });
    return visit({ details: [whole, failing({ seq: 2 })] }, "", async (page, { origin }) => {
      await page.waitFor("document.querySelectorAll('.list-row[id]').length === 2");
      assert.deepEqual(await page.evaluate(rowTexts(".list-row[id] .c-findings")), ["slow", "N+1slow query"]);
      assert.match(
        await page.evaluate("document.querySelectorAll('.c-findings[title]')[1].title"),
        /^2 findings\nN\+1: /,
      );
      await page.goto(`${origin}/__otelbar/?#/requests/${whole.request.id}?tab=queries`);
      await page.waitFor("document.querySelectorAll('.query-group').length === 2");
      assert.deepEqual(await page.evaluate(rowTexts(".finding .badge")), ["N+1", "slow query"]);
      assert.deepEqual(await page.evaluate(rowTexts(".query-group .badge")), ["N+1", "slow query"]);
    });
  });

  test("a service that went away is said to be away, and what was seen stays", () =>
    visit(
      { details: [quick({ seq: 1 })] },
      "",
      async (page, { close }) => {
        await page.waitFor("document.querySelector('.list-row[id]')");
        await close();
        await page.waitFor("document.querySelector('.banner-warning:not([hidden])')");
        assert.equal(await page.evaluate("document.querySelectorAll('.list-row[id]').length"), 1);
      },
      { allow: /ERR_CONNECTION/ },
    ));

  test("the token leaves the address, and no call carries it", () =>
    visit(
      { details: [productPage({ seq: 1 })], token: "s3cret&" },
      "",
      async (page, { state }) => {
        await page.waitFor("document.querySelector('.list-row[id]')");
        await page.press("j");
        await page.press("Enter");
        await page.waitFor("document.querySelector('.wf-row[id]')");
        assert.ok(
          state.calls.length >= 2 && !state.calls.some((call) => call.includes("token")),
          state.calls.join("\n"),
        );
        assert.equal(await page.evaluate("location.search"), "");
      },
      { search: "?token=s3cret%26" },
    ));

  test("where something other than the toolbar answers, the page says so", () => {
    const refused = { details: [quick({ seq: 1 })] };
    return visit(
      refused,
      "",
      async (page, { state }) => {
        await page.waitFor("document.querySelector('.list-row[id]')");
        state.refused = true;
        await page.waitFor(
          "document.querySelector('#shell .banner-warning:not([hidden])')?.textContent.startsWith('The toolbar did not answer')",
        );
      },
      { allow: /404/ },
    );
  });

  test("a deep link selects its span; choosing another changes the address, not the history", () => {
    const whole = productPage({ seq: 1 });
    const chosen = whole.spans.find(({ name }) => name === "SELECT reviews users");
    return visit(
      { details: [whole] },
      `#/requests/${whole.request.id}/spans/${chosen.span_id}`,
      async (page) => {
        await page.waitFor(`${selectedName} === 'SELECT reviews users'`);
        assert.match(
          await page.evaluate("document.querySelector('.details .sql').textContent"),
          /^SELECT r\.id/,
        );
        const length = await page.evaluate("history.length");
        await page.press("j");
        await page.waitFor(`${selectedName} === 'GET'`);
        assert.notEqual(
          await page.evaluate("location.hash"),
          `#/requests/${whole.request.id}/spans/${chosen.span_id}`,
        );
        assert.equal(await page.evaluate("history.length"), length);
      },
    );
  });

  test("the tree opens and closes by keys and by mouse", () => {
    const whole = nPlusOne({ seq: 1 });
    return visit({ details: [whole] }, `#/requests/${whole.request.id}`, async (page) => {
      await page.waitFor("document.querySelectorAll('.wf-row[id]').length === 24");
      await page.press("ArrowLeft");
      await page.waitFor("document.querySelectorAll('.wf-row[id]').length === 1");
      assert.equal(await page.evaluate("document.querySelector('.wf-row[id]').ariaExpanded"), "false");
      assert.equal(await page.evaluate("document.querySelector('.hidden-count').textContent"), "+23");
      await page.click("document.querySelector('.wf-row[id] .twisty')");
      await page.waitFor("document.querySelectorAll('.wf-row[id]').length === 24");
    });
  });

  test("a finding leads to its spans", () => {
    const whole = nPlusOne({ seq: 1 });
    return visit({ details: [whole] }, `#/requests/${whole.request.id}?tab=logs`, async (page) => {
      await page.waitFor("document.querySelector('.finding .chip')");
      await page.click("document.querySelector('.finding .chip')");
      await page.waitFor("document.querySelectorAll('.wf-row.is-found').length === 20");
      assert.equal(await page.evaluate(selectedName), "SELECT authors");
      await page.press("n");
      await page.waitFor("document.querySelector('.found-title').textContent.startsWith('2 of 20 spans')");
    });
  });

  test("a query and a log lead to their span", () => {
    const whole = failing({ seq: 1 });
    return visit({ details: [whole] }, `#/requests/${whole.request.id}?tab=queries`, async (page) => {
      await page.waitFor("document.querySelectorAll('.query-group').length === 3");
      await page.click("document.querySelector('.query-toggle')");
      await page.waitFor("document.querySelector('.query-span')");
      await page.click("document.querySelector('.query-span')");
      await page.waitFor("/\\/spans\\/[0-9a-f]+\\?tab=queries$/.test(location.hash)");
      assert.equal(await page.evaluate("document.querySelector('.details h2').textContent"), "UPDATE carts");
      await page.press("3");
      await page.waitFor("document.querySelectorAll('.log-row[id]').length === 5");
      await page.click("[...document.querySelectorAll('.log-row[id]')].at(-1)");
      await page.waitFor(
        "document.querySelector('.details .stack pre')?.textContent.includes('src/payment.rs:118:17')",
      );
    });
  });

  test("a refused trace context is shown with its reason", () => {
    const whole = failing({ seq: 1 });
    return visit({ details: [whole] }, `#/requests/${whole.request.id}?tab=propagation`, (page) =>
      page.waitFor(
        "document.querySelector('.verdict')?.textContent.includes('at byte 3: the trace id is all zeros')",
      ),
    );
  });

  test("links to a backend are inactive until it has acknowledged the trace", () => {
    const whole = productPage({ seq: 1, export: { state: "queued", detail: null } });
    for (const link of whole.links) link.ready = false;
    assert.equal(whole.deliveries[0].settled, false);
    return visit({ details: [whole] }, `#/requests/${whole.request.id}`, async (page) => {
      await page.waitFor("document.querySelectorAll('.backend-link.is-inactive').length === 2");
      assert.equal(await page.evaluate("document.querySelectorAll('.backend-link a').length"), 0);
      whole.request.export = { state: "accepted", detail: null };
      whole.deliveries = [delivery(whole.request.export)];
      for (const link of whole.links) link.ready = true;
      await page.waitFor("document.querySelectorAll('.backend-link a').length === 2");
    });
  });

  test("an unfinished span is marked, and the request read again until it ends", () => {
    const whole = spawned({ seq: 1, export: { state: "accepted", detail: null } });
    return visit({ details: [whole] }, `#/requests/${whole.request.id}`, async (page) => {
      await page.waitFor("document.querySelectorAll('.bar.is-unfinished').length === 2");
      for (const each of whole.spans) each.unfinished = false;
      await page.waitFor("document.querySelectorAll('.bar.is-unfinished').length === 0");
    });
  });

  test("a request that has not ended yet is waited for", () => {
    const whole = quick({ seq: 1 });
    return visit(
      { details: [whole] },
      "",
      async (page, { state, origin }) => {
        state.holdBack = 2;
        await page.goto(`${origin}/__otelbar/?#/requests/${whole.request.id}`);
        await page.waitFor("document.querySelector('h1')?.textContent === '/healthz'");
      },
      { allow: /404/ },
    );
  });

  test("of 5,000 spans only those in sight are drawn, and any is reached", () => {
    const whole = large({ seq: 1 });
    const last = whole.spans.at(-1);
    return visit({ details: [whole] }, `#/requests/${whole.request.id}`, async (page) => {
      await page.waitFor("document.querySelector('.wf-row[id]')");
      assert.ok((await page.evaluate("document.querySelectorAll('.wf-row[id]').length")) < 80);
      await page.press("G");
      await page.waitFor(
        `document.querySelector('.wf-row.is-selected[id="span-row-${whole.spans.indexOf(last)}"]')`,
      );
      await page.press("z");
      await page.waitFor("!document.querySelector('.overview-window').hidden");
      await page.press("0");
      await page.waitFor("document.querySelector('.overview-window').hidden");
    });
  });

  test("keys lead to the next and the previous request of the filtered list, and back to it", () => {
    const details = [failing({ seq: 1 }), quick({ seq: 2 }), failing({ seq: 3 }), failing({ seq: 4 })];
    // The address changes before the page does: it is there once it shows the request's span id.
    const at = ({ request }) =>
      `location.hash.startsWith('#/requests/${request.id}') && document.querySelector('main').textContent.includes('${request.id}')`;
    return visit({ details }, "#/?filter=errors", async (page, { state }) => {
      await page.waitFor("document.querySelectorAll('.list-row[id]').length === 3");
      await page.press("j");
      await page.press("Enter");
      await page.waitFor(at(details[3]));
      const length = await page.evaluate("history.length");
      await page.press("3");
      await page.press("]");
      await page.waitFor(at(details[2]));
      await page.waitFor("document.querySelector('#tab-logs').ariaSelected === 'true'");
      await page.press("J");
      await page.waitFor(at(details[0]));
      await page.press("]");
      await page.waitFor("document.querySelector('.step-next').disabled");
      await page.press("[");
      await page.waitFor(at(details[2]));
      await page.click("document.querySelector('.step-previous')");
      await page.waitFor(at(details[3]));
      state.details.push(failing({ seq: 5 }));
      await page.press("K");
      await page.waitFor(at(state.details[4]));
      assert.equal(await page.evaluate("history.length"), length);
      await page.press("Escape");
      await page.waitFor(
        `document.querySelector('.list-row.is-selected')?.id === 'request-${state.details[4].request.id}'`,
      );
    });
  });

  test("a deep link finds its neighbours without the list having been seen", () => {
    const details = Array.from({ length: 150 }, (_, index) => quick({ seq: index + 1 }));
    return visit({ details }, `#/requests/${details[10].request.id}`, async (page) => {
      await page.waitFor("document.querySelector('h1')");
      await page.press("]");
      await page.waitFor(`location.hash.startsWith('#/requests/${details[9].request.id}')`);
    });
  });

  test("a request that is evicted while one reads it stays, and is said to be gone", () => {
    const whole = spawned({ seq: 1 });
    return visit(
      { details: [whole] },
      `#/requests/${whole.request.id}`,
      async (page, { state }) => {
        await page.waitFor("document.querySelector('.wf-row[id]')");
        state.details.length = 0;
        await page.waitFor(
          "document.querySelector('.request-view > .banner:not([hidden])')?.textContent.includes('This request is no longer stored')",
        );
        assert.equal(await page.evaluate("document.querySelectorAll('.wf-row[id]').length"), 5);
      },
      { allow: /404/ },
    );
  });

  test("after a restart the list holds the new run alone", () =>
    visit(
      { details: Array.from({ length: 300 }, (_, index) => quick({ seq: index + 1 })) },
      "",
      async (page, { state }) => {
        await page.waitFor("document.querySelector('.tally').textContent === '300 requests'");
        state.details = Array.from({ length: 120 }, (_, index) =>
          nPlusOne({ seq: index + 1, id: `beef${String(index).padStart(12, "0")}` }),
        );
        await page.waitFor("document.querySelector('.list-row[id] .route')?.textContent === '/books'");
        assert.equal(await page.evaluate("document.querySelector('.tally').textContent"), "100 requests");
        await page.waitFor("document.querySelector('.tally').textContent === '120 requests'");
      },
    ));

  test("a refusal that comes later is told, and what was seen stays", () => {
    const whole = spawned({ seq: 1 });
    return visit(
      { details: [whole] },
      `#/requests/${whole.request.id}`,
      async (page, { state }) => {
        await page.waitFor("document.querySelector('.wf-row[id]')");
        state.refused = true;
        await page.waitFor(
          "document.querySelector('#shell .banner-warning:not([hidden])')?.textContent.includes('The toolbar did not answer')",
        );
        state.refused = false;
        await page.waitFor("document.querySelector('#shell .banner-warning:not([hidden])') === null");
        assert.ok(await page.evaluate("document.querySelector('.wf-row[id]') !== null"));
      },
      { allow: /404/ },
    );
  });

  test("odd names, times and trees neither break the layout nor the page", () => {
    const whole = [odd({ seq: 1 }), instantaneous({ seq: 2 })];
    const fits =
      "document.scrollingElement.scrollWidth <= innerWidth && [...document.querySelectorAll('.scroller')].every((each) => each.scrollWidth <= each.clientWidth)";
    return visit({ details: whole, health: "rejecting" }, "", async (page, { origin, state }) => {
      state.service = whole[0].request.service;
      await page.waitFor("document.querySelectorAll('.list-row[id]').length === 2");
      await page.waitFor("document.querySelector('.service').textContent.length > 500");
      assert.ok(await page.evaluate(fits), "the list");
      for (const { request, spans } of whole) {
        for (const tab of ["waterfall", "queries", "logs", "propagation"]) {
          await page.goto(`${origin}/__otelbar/?${tab}#/requests/${request.id}?tab=${tab}`);
          await page.waitFor(`document.querySelector('#tab-${tab}')?.ariaSelected === 'true'`);
          assert.ok(await page.evaluate(fits), tab);
        }
        await page.press("1");
        await page.waitFor(
          `document.querySelectorAll('.wf-row[id] .bar:not([hidden])').length === ${spans.length}`,
        );
        for (const key of "zz+-0") await page.press(key);
      }
    });
  });

  test("a span that starts before its parent is said to", () => {
    const whole = odd({ seq: 1 });
    return visit(
      { details: [whole] },
      `#/requests/${whole.request.id}/spans/${whole.spans[1].span_id}`,
      (page) =>
        page.waitFor(
          "document.querySelector('.details .note')?.textContent.includes('starts 400 µs before its parent')",
        ),
    );
  });

  test("that nothing of tracing arrives is said with the remedy, and no more when it does", () => {
    const problem =
      "The tracing subscriber is without the toolbar's layer. Add it: registry().with(toolbar.tracing_layer()).init().";
    return visit(
      { details: [quick({ seq: 1 })], capture: { tracing: "missing", problem } },
      "",
      async (page, { state }) => {
        await page.waitFor(
          `document.querySelector('#shell .banner-warning:not([hidden])')?.textContent === ${JSON.stringify(`Not everything is recorded. ${problem}`)}`,
        );
        state.capture = { tracing: "ok", problem: null };
        await page.waitFor("document.querySelector('#shell .banner-warning:not([hidden])') === null");
      },
    );
  });

  test("a backend that asks for a pause is told with the time, and faults of the toolbar's own are counted", () =>
    visit(
      {
        details: [quick({ seq: 1 })],
        destinations: [destination({ health: "waiting" })],
        internalErrors: { count: 2, last: "converting a request panicked: why" },
      },
      "",
      async (page) => {
        await page.waitFor(
          "/^Export is waiting\\. .*The receiver asked for no requests until 2026-[-0-9]+ [0-9:.]+\\. Requests/.test(document.querySelector('.banner-error')?.textContent)",
        );
        assert.ok((await page.evaluate(rowTexts(".loss"))).includes("2 internal errors"));
        assert.match(
          await page.evaluate(
            "[...document.querySelectorAll('.loss')].find((loss) => loss.textContent.includes('internal')).title",
          ),
          /The last: converting a request panicked: why$/,
        );
      },
    ));

  test("requests that have not ended are told beside the store, which does not count them", () =>
    visit({ details: [quick({ seq: 1 })] }, "", async (page, { state }) => {
      await page.waitFor("document.querySelector('.store')?.textContent.includes('1 / 500')");
      assert.equal(await page.evaluate("document.querySelector('.store-open')"), null);
      state.store = { open_requests: 2, open_bytes: 20480 };
      await page.waitFor("document.querySelector('.store-open')?.textContent === '2 in progress'");
      assert.match(
        await page.evaluate("document.querySelector('.store').title"),
        /Not included: 2 requests in progress, 20\.0 KiB\.$/,
      );
    }));

  test("a request that otelbar panicked on is marked in the list and at its head", () => {
    const whole = quick({ seq: 1, broken: true });
    return visit({ details: [whole] }, "", async (page, { origin }) => {
      await page.waitFor(
        "document.querySelector('.list-row[id] .tag-bad')?.textContent === 'internal error'",
      );
      await page.goto(`${origin}/__otelbar/?#/requests/${whole.request.id}`);
      await page.waitFor("document.querySelector('.tag-bad')?.title.endsWith('Please report it.')");
    });
  });

  test("a client that has gone and a cancelled request are no errors", () =>
    visit(
      {
        details: [
          quick({ seq: 1, outcome: "client_gone" }),
          quick({ seq: 2, outcome: "cancelled", status: null }),
          quick({ seq: 3, outcome: "failed", status: null }),
        ],
      },
      "",
      async (page) => {
        await page.waitFor("document.querySelectorAll('.list-row[id]').length === 3");
        const rows = await page.evaluate(
          "[...document.querySelectorAll('.list-row[id]')].sort((a, b) => a.ariaRowIndex - b.ariaRowIndex).map((row) => [row.querySelector('.tag').textContent, row.classList.contains('is-error')])",
        );
        assert.deepEqual(rows, [
          ["failed", true],
          ["cancelled", false],
          ["client gone", false],
        ]);
      },
    ));

  test("outgoing calls are shown with host and path, in the list and in the waterfall", () => {
    const whole = productPage({ seq: 1 });
    whole.request.called = ["GET 127.0.0.1:8081/stock/3"];
    return visit({ details: [whole] }, "", async (page, { origin }) => {
      await page.waitFor(
        "document.querySelector('.list-row[id] .c-calls')?.title === 'GET 127.0.0.1:8081/stock/3'",
      );
      await page.goto(`${origin}/__otelbar/?#/requests/${whole.request.id}`);
      await page.waitFor(
        "document.querySelector('.wf-row .span-target')?.textContent === '127.0.0.1:8081/stock/3'",
      );
    });
  });

  test("thousands of findings, events and members cost no more than some dozens until they are asked for", () => {
    const whole = quick({ seq: 1 });
    whole.findings = Array.from({ length: 5000 }, (_, index) => ({
      kind: "slow_query",
      severity: "warning",
      title: `finding ${index}`,
      detail: "",
      location: null,
      span_ids: [whole.request.id],
      spans_left_out: 0,
    }));
    whole.findings[0].spans_left_out = 1999;
    whole.findings_left_out = [
      { kind: "slow_query", count: 4980 },
      { kind: "n_plus_one", count: 2 },
    ];
    whole.spans[0].events = Array.from({ length: 3000 }, (_, index) => ({
      name: `event ${index}`,
      level: "INFO",
      time_unix_ns: whole.request.start_unix_ns,
      attributes: [],
    }));
    whole.spans[0].links = Array.from({ length: 300 }, () => ({
      trace_id: whole.request.trace_id,
      span_id: "00000000000000aa",
      attributes: [],
    }));
    whole.propagation.headers = [
      { name: "baggage", value: Array.from({ length: 4000 }, (_, index) => `a${index}=b`).join(",") },
    ];
    return visit({ details: [whole] }, `#/requests/${whole.request.id}`, async (page) => {
      await page.waitFor("document.querySelector('.findings .more')?.textContent === 'and 4,976 more'");
      assert.equal(
        await page.evaluate("document.querySelector('.findings-more').textContent"),
        "Not shown: 4,980 × slow query, 2 × N+1.",
      );
      assert.equal(
        await page.evaluate("document.querySelector('.finding .chip').textContent"),
        "Show 1 of 2,000 spans",
      );
      assert.ok((await page.evaluate("document.querySelectorAll('*').length")) < 2500);
      await page.evaluate("document.querySelector('.findings .more').click()");
      await page.waitFor(
        "document.querySelectorAll('.finding').length === 224 && document.querySelector('.findings .more').textContent === 'and 4,776 more'",
      );
    });
  });

  test("a span shows what it is linked to, within the trace and beyond", () => {
    const whole = productPage({ seq: 1 });
    const [, handler, other] = whole.spans;
    handler.links = [
      {
        trace_id: whole.request.trace_id,
        span_id: other.span_id,
        attributes: [{ key: "why", value: "it follows" }],
      },
      { trace_id: "0af7651916cd43dd8448eb211c80319c", span_id: "b7ad6b7169203331", attributes: [] },
    ];
    return visit(
      { details: [whole] },
      `#/requests/${whole.request.id}/spans/${handler.span_id}`,
      async (page) => {
        await page.waitFor("document.querySelectorAll('.span-links li').length === 2");
        assert.match(
          (await page.evaluate(rowTexts(".span-links li")))[1],
          /^b7ad6b7169203331 of the trace 0af7651916cd43dd8448eb211c80319c/,
        );
        await page.click("document.querySelector('.span-links button.link')");
        await page.waitFor(`${selectedName} === ${JSON.stringify(other.name)}`);
      },
    );
  });

  test("a panic is shown with its message, its place and its backtrace", () => {
    const whole = failing({ seq: 1 });
    const attributes = {
      "exception.type": "panic",
      "exception.message": "index out of bounds: the len is 3",
      "exception.stacktrace": "0: shop::checkout\n1: main",
      "code.file.path": "src/shop.rs",
      "code.line.number": 87,
    };
    whole.spans[0].events = [
      {
        name: "exception",
        level: null,
        time_unix_ns: whole.request.start_unix_ns,
        attributes: Object.entries(attributes).map(([key, value]) => ({ key, value })),
      },
    ];
    return visit({ details: [whole] }, `#/requests/${whole.request.id}`, async (page) => {
      await page.waitFor(
        "document.querySelector('.event-name')?.textContent === 'panic: index out of bounds: the len is 3'",
      );
      const text = await page.evaluate("document.querySelector('.event').textContent");
      for (const part of ["src/shop.rs", "87", "0: shop::checkout"]) assert.ok(text.includes(part), part);
    });
  });

  test("hostile data is shown as it is and does nothing, in the list and in every tab", () => {
    const whole = hostile({ seq: 1 });
    const destinations = HOSTILE.map((value) =>
      destination({
        name: value,
        protocol: value,
        endpoint: value,
        health: value,
        breaker: { state: "open", until_unix_ns: value },
        pause: { until_unix_ns: value, reason: value },
        dropped: /** @type {any} */ ({ total: 1, [value]: 1 }),
        last_error: { at_unix_ns: value, message: value },
        last_message: value,
      }),
    );
    whole.request.called = HOSTILE;
    for (const each of whole.spans)
      each.links = HOSTILE.map((value) => ({
        trace_id: value,
        span_id: value,
        attributes: [{ key: value, value }],
      }));
    return visit(
      {
        details: [whole],
        destinations,
        warnings: HOSTILE,
        capture: { tracing: HOSTILE[1], problem: HOSTILE[0] },
      },
      "",
      async (page, { state, origin }) => {
        state.service = HOSTILE[0];
        await page.waitFor("document.querySelector('.list-row[id]')");
        await page.click("document.querySelector('.warnings')");
        await page.waitFor(`document.querySelectorAll('.warning-list li').length === ${HOSTILE.length}`);
        await page.click("document.querySelector('.exporter')");
        await page.waitFor(`document.querySelectorAll('.destination').length === ${HOSTILE.length}`);
        await page.waitFor(
          `document.querySelector('.service').textContent === ${JSON.stringify(HOSTILE[0])}`,
        );
        for (const tab of ["waterfall", "queries", "logs", "propagation"]) {
          await page.goto(`${origin}/__otelbar/?tab=${tab}#/requests/${whole.request.id}?tab=${tab}`);
          await page.waitFor(`document.querySelector('#tab-${tab}')?.ariaSelected === 'true'`);
          for (let finding = 0; finding < HOSTILE.length; finding += 1) await page.press("j");
          await page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))");
          await page.evaluate(
            "document.querySelectorAll('.wf-row, .log-row, .query-toggle').forEach((each) => each.click())",
          );
          await page.evaluate(
            "document.querySelectorAll('.wf-row, .log-row, a, button').forEach((each) => each.dispatchEvent(new PointerEvent('pointermove', { bubbles: true })))",
          );
          const strange = await page.evaluate(
            '[...document.querySelectorAll(\'script:not([src="app.js"]), iframe, img, object, embed, [onload], [onerror], [onmouseover], [srcdoc], svg:not(.icon), a[href]:not([href^="#/"]):not([href^="http"])\')].map((each) => each.outerHTML)',
          );
          assert.deepEqual(strange, [], tab);
          assert.equal(await page.evaluate("typeof window.pwned"), "undefined", tab);
        }
      },
    );
  });

  test("nothing is cut off at 900 pixels", () => {
    const whole = failing({ seq: 1 });
    return visit(
      {
        details: [whole],
        destinations: [
          destination({ health: "rejecting" }),
          destination({ name: "zipkin", health: "failing", spooled: 1_234_567, spooled_bytes: 48_211_000 }),
        ],
        warnings: ["x".repeat(200)],
      },
      "",
      async (page, { origin }) => {
        const fits =
          "document.scrollingElement.scrollWidth <= innerWidth && [...document.querySelectorAll('.scroller')].every((each) => each.scrollWidth <= each.clientWidth)";
        await page.waitFor("document.querySelector('.list-row[id]')");
        assert.ok(await page.evaluate(fits));
        for (const button of [".exporter", ".warnings"]) {
          await page.click(`document.querySelector('${button}')`);
          await page.waitFor("!document.querySelector('.drawer').hidden");
          assert.ok(
            await page.evaluate(
              "[...document.querySelectorAll('.drawer, .drawer *')].every((each) => each.scrollWidth <= each.clientWidth || each.clientWidth === 0)",
            ),
            button,
          );
        }
        await page.goto(`${origin}/__otelbar/?#/requests/${whole.request.id}`);
        await page.waitFor("document.querySelector('.wf-row[id]')");
        assert.ok(await page.evaluate(fits));
        assert.ok(
          (await page.evaluate("document.querySelector('.details').getBoundingClientRect().width")) > 800,
          "the details stand below",
        );
      },
      { viewport: { width: 900, height: 700 } },
    );
  });
});
