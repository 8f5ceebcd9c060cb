// Protects: the bar in an application's page. Skipped where no Chromium is found; OTELBAR_CHROMIUM names one.
// Its shadow tree is closed to the page, so these tests look at it as assistive technology does.

import assert from "node:assert/strict";
import test, { after, before, describe } from "node:test";
import { findBrowser, launch } from "./browser.js";
import { failing, HOSTILE, hostile, nPlusOne, quick } from "./fixtures.js";
import { serve } from "./mock_server.js";

const program = findBrowser();
const HOST = "document.querySelector('otelbar-pill')";

describe("the bar", { skip: program === null ? "no Chromium found" : false }, () => {
  let browser;
  before(async () => {
    browser = await launch(program);
  });
  after(async () => {
    await browser.close();
  });

  async function visit(options, act, { path = "/", allow = /favicon|404/ } = {}) {
    const server = await serve(options);
    const page = await browser.newPage({ width: 1000, height: 600 });
    try {
      await page.send("Accessibility.enable");
      await page.goto(server.origin + path);
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

  /** The bar's link: name and address. */
  async function link(page) {
    const { nodes } = await page.send("Accessibility.getFullAXTree");
    const found = nodes.filter((node) => node.role?.value === "link" && !node.ignored).at(-1);
    return (
      found && {
        name: found.name.value,
        url: found.properties.find(({ name }) => name === "url")?.value.value,
      }
    );
  }

  async function waitForName(page, pattern) {
    const until = Date.now() + 30_000;
    for (;;) {
      const found = await link(page);
      if (found && pattern.test(found.name)) return found;
      if (Date.now() > until) throw new Error(`the bar says ${JSON.stringify(found)}, not ${pattern}`);
      await page.evaluate("new Promise(requestAnimationFrame)");
    }
  }

  /** What the pill looks like within its edge. */
  async function picture(page) {
    const clip = await page.evaluate(
      `(() => { const { x, y, width, height } = ${HOST}.getBoundingClientRect(); return { x: x + 4, y: y + 4, width: width - 8, height: height - 8, scale: 1 }; })()`,
    );
    return (await page.send("Page.captureScreenshot", { format: "png", clip })).data;
  }

  /** Where the pill is drawn. */
  const box = (page) =>
    page.evaluate(
      `(() => { const { x, y, right, bottom } = ${HOST}.getBoundingClientRect(); return { x, y, right: innerWidth - right, bottom: innerHeight - bottom }; })()`,
    );

  test("it says how the request went and leads to it, relative to its own address", () => {
    const whole = nPlusOne({ seq: 1 });
    return visit({ details: [whole] }, async (page, { origin }) => {
      const { name, url } = await waitForName(page, /200/);
      assert.match(name, /^GET 200 ?38\.9 ms ?21 queries 27\.5 ms ?N\+1, slow query$/);
      assert.equal(url, `${origin}/__otelbar/#/requests/${whole.request.id}`);
    });
  });

  test("it waits for the record, which comes after the response has ended", () =>
    visit({ details: [] }, async (page, { state }) => {
      const whole = quick({ seq: 1 });
      state.appRequest = whole.request.id;
      state.holdBack = 3;
      state.details.push(whole);
      await page.send("Page.reload");
      await waitForName(page, /^GET 200/);
      assert.equal(state.calls.filter((call) => call.includes(whole.request.id)).length, 4);
    }));

  test("a refusal is shown in two words and not asked again", () =>
    visit(
      { details: [quick({ seq: 1 })] },
      async (page, { state, origin }) => {
        state.refused = true;
        await page.evaluate(
          `new Promise((resolve) => { ${HOST}.remove(); const script = document.createElement("script"); script.src = "/__otelbar/bar/bar.js"; script.dataset.request = "${"0".repeat(15)}1"; script.onload = resolve; document.body.append(script); })`,
        );
        const { url } = await waitForName(page, /^not allowed$/);
        assert.equal(url, `${origin}/__otelbar/#/requests/0000000000000001`);
        assert.equal(state.calls.filter((call) => call.endsWith("0000000000000001")).length, 1);
      },
      { allow: /favicon|404/ },
    ));

  test("it is opened by the cookie, and its link holds no token", () => {
    const whole = quick({ seq: 1 });
    return visit(
      { details: [whole], token: "s3cret" },
      async (page, { origin }) => {
        await page.goto(`${origin}/`);
        const { url } = await waitForName(page, /^GET 200/);
        assert.equal(url, `${origin}/__otelbar/#/requests/${whole.request.id}`);
      },
      { path: "/__otelbar/?token=s3cret" },
    );
  });

  test("a page out of the cache shows the request by which it was shown again", () => {
    const [first, second] = [
      quick({ seq: 1, id: "00000000000000aa" }),
      failing({ seq: 2, id: "00000000000000bb" }),
    ];
    return visit({ details: [first, second] }, async (page, { state, origin }) => {
      const answerFor = ({ request: { id } }) => ({
        etag: 'W/"x-otelbar"',
        "cache-control": "no-cache",
        "server-timing": `db;dur=1, otelbar;desc="${id}"`,
      });
      state.appRequest = first.request.id;
      state.appHeaders = answerFor(first);
      await page.goto(`${origin}/`);
      assert.match((await waitForName(page, /^[A-Z]+ [0-9]/)).url, /00000000000000aa$/);
      state.appHeaders = answerFor(second);
      state.appRequest = "0000000000000000";
      await page.goto("about:blank");
      await page.goto(`${origin}/`);
      assert.match((await waitForName(page, /^[A-Z]+ [0-9]/)).url, /00000000000000bb$/);
      assert.equal(
        await page.evaluate("document.querySelector('script[data-request]').dataset.request"),
        "00000000000000aa",
        "the page is the one that was kept",
      );
    });
  });

  test("it works under a strict policy of the page, its style included", () =>
    visit(
      {
        details: [quick({ seq: 1 })],
        appPolicy:
          "default-src 'none'; script-src 'self'; connect-src 'self'; require-trusted-types-for 'script'",
      },
      async (page) => {
        await waitForName(page, /^GET 200/);
        const { right, bottom } = await box(page);
        assert.deepEqual({ right, bottom }, { right: 12, bottom: 12 });
      },
      { allow: /favicon|404|inline style/ },
    ));

  test("its nonce is enough for the modules that it imports", () =>
    visit(
      { details: [] },
      async (page, { state }) => {
        const whole = nPlusOne({ seq: 1 });
        state.details.push(whole);
        state.appRequest = whole.request.id;
        state.appNonce = ' nonce="r4nd0m"';
        for (const sources of ["'nonce-r4nd0m'", "'nonce-r4nd0m' 'strict-dynamic'"]) {
          state.appPolicy = `default-src 'none'; script-src ${sources}; connect-src 'self'`;
          await page.send("Page.reload");
          await waitForName(page, /^GET 200 .*N\+1/);
        }
      },
      { allow: /favicon|404|inline style/ },
    ));

  test("a policy that forbids what it imports leaves it quiet and the page whole", () =>
    visit(
      { details: [quick({ seq: 1 })] },
      async (page, { state, origin }) => {
        state.appPolicy = `script-src ${origin}/__otelbar/bar/; connect-src 'self'`;
        await page.send("Page.reload");
        await waitForName(page, /^no data$/);
      },
      { allow: /favicon|404|script-src|Refused|violates/ },
    ));

  test("a policy that forbids its call leaves it quiet and the page whole", () =>
    visit(
      { details: [quick({ seq: 1 })], appPolicy: "script-src 'self'; connect-src 'none'" },
      (page) => waitForName(page, /^no data$/),
      { allow: /favicon|404|connect-src|Refused|violates/ },
    ));

  test("it adds one element beside the body, no global, no attribute of style", () =>
    visit({ details: [quick({ seq: 1 })] }, async (page) => {
      await waitForName(page, /^GET 200/);
      assert.equal(
        await page.evaluate(`${HOST}.parentElement === document.documentElement && ${HOST}.outerHTML`),
        "<otelbar-pill></otelbar-pill>",
      );
      assert.equal(await page.evaluate(`${HOST}.shadowRoot`), null);
      assert.deepEqual(
        await page.evaluate("Object.keys(window).filter((name) => /otelbar/i.test(name))"),
        [],
      );
    }));

  test("the page's own rules do not reach it", () =>
    visit({ details: [] }, async (page, { state }) => {
      const whole = quick({ seq: 1 });
      state.details.push(whole);
      state.appRequest = whole.request.id;
      state.appHead =
        "<style>body *, otelbar-pill { display: none !important; position: static !important; transform: scale(3) }</style>";
      await page.send("Page.reload");
      await waitForName(page, /^GET 200/);
      const style = await page.evaluate(
        `(() => { const { position, display, transform } = getComputedStyle(${HOST}); return { position, transform, shown: display !== "none" }; })()`,
      );
      assert.deepEqual(style, { position: "fixed", transform: "none", shown: true });
    }));

  test("a page that unsets everything, and runs from right to left, finds it as it is", () =>
    visit({ details: [quick({ seq: 1 })] }, async (page, { state }) => {
      const look = async () => {
        await waitForName(page, /^GET 200/);
        return { place: await box(page), drawn: await picture(page) };
      };
      const plain = await look();
      for (const head of [
        "<style>* { all: unset }</style>",
        "<style>*, *::before { all: unset !important } :host { display: none !important } html { direction: rtl !important; font: 40px serif !important; letter-spacing: 1em; text-transform: uppercase; --bg: red; --text: red }</style>",
        "<style>:root { display: grid; zoom: 1; writing-mode: vertical-rl; color-scheme: dark } html > * { display: none !important; visibility: hidden !important; opacity: 0 !important; clip-path: circle(0) !important; pointer-events: none !important }</style>",
      ]) {
        state.appHead = head;
        await page.send("Page.reload");
        const found = await look();
        assert.deepEqual(found, plain, head);
      }
    }));

  test("a base of the page does not lead it astray", () => {
    const whole = quick({ seq: 1 });
    return visit({ details: [whole] }, async (page, { state, origin }) => {
      state.appHead = `<base href="/deep/down/" target="other">`;
      await page.send("Page.reload");
      const { url } = await waitForName(page, /^GET 200/);
      assert.equal(url, `${origin}/__otelbar/#/requests/${whole.request.id}`);
      assert.ok(
        state.calls.every((call) => call.startsWith("/__otelbar/api/")),
        state.calls.join("\n"),
      );
    });
  });

  test("a base on another origin does not lead it astray where its own address is absolute", () => {
    const whole = quick({ seq: 1 });
    return visit({ details: [whole] }, async (page, { origin }) => {
      await page.evaluate(
        `new Promise((resolve) => { ${HOST}.remove(); const base = document.createElement("base"); base.href = "http://cdn.invalid/"; document.head.prepend(base); const script = document.createElement("script"); script.src = "${origin}/__otelbar/bar/bar.js"; script.dataset.request = "${whole.request.id}"; script.onload = resolve; document.body.append(script); })`,
      );
      const { url } = await waitForName(page, /^GET 200/);
      assert.equal(url, `${origin}/__otelbar/#/requests/${whole.request.id}`);
    });
  });

  test("it works in XHTML", () => {
    const whole = quick({ seq: 1 });
    return visit(
      { details: [whole] },
      async (page, { origin }) => {
        const { url } = await waitForName(page, /^GET 200/);
        assert.equal(url, `${origin}/__otelbar/#/requests/${whole.request.id}`);
        assert.equal(await page.evaluate("document.contentType"), "application/xhtml+xml");
        assert.deepEqual(await box(page).then(({ right, bottom }) => ({ right, bottom })), {
          right: 12,
          bottom: 12,
        });
      },
      { path: "/xhtml" },
    );
  });

  test("it is moved by its grip, and stands there again on the next page", () =>
    visit({ details: [quick({ seq: 1 })] }, async (page) => {
      await waitForName(page, /^GET 200/);
      const { x, y } = await box(page);
      await page.mouse("mouseMoved", x + 12, y + 14);
      await page.mouse("mousePressed", x + 12, y + 14, { button: "left", clickCount: 1 });
      await page.mouse("mouseMoved", 112, 64, { button: "left", buttons: 1 });
      await page.mouse("mouseReleased", 112, 64, { button: "left", clickCount: 1 });
      await page.waitFor(
        `${HOST}.getBoundingClientRect().x === 100 && ${HOST}.getBoundingClientRect().y === 50`,
      );
      await page.send("Page.reload");
      await waitForName(page, /^GET 200/);
      await page.waitFor(
        `${HOST}.getBoundingClientRect().x === 100 && ${HOST}.getBoundingClientRect().y === 50`,
      );
    }));

  test("it is closed for the session, and brought back by its shortcut", () =>
    visit({ details: [quick({ seq: 1 })] }, async (page) => {
      await waitForName(page, /^GET 200/);
      const { right, bottom } = await box(page);
      const [x, y] = [1000 - right - 12, 600 - bottom - 14];
      await page.mouse("mouseMoved", x, y);
      await page.mouse("mousePressed", x, y, { button: "left", clickCount: 1 });
      await page.mouse("mouseReleased", x, y, { button: "left", clickCount: 1 });
      await page.waitFor(`${HOST}.hidden`);
      await page.send("Page.reload");
      await page.waitFor(`${HOST}?.hidden`);
      await page.press("O", { code: "KeyO", modifiers: 1 | 8, text: undefined });
      await page.waitFor(`!${HOST}.hidden`);
    }));

  test("Esc closes it with the focus within, and is the page's own elsewhere", () =>
    visit({ details: [quick({ seq: 1 })] }, async (page) => {
      await waitForName(page, /^GET 200/);
      await page.press("Escape");
      assert.equal(await page.evaluate(`${HOST}.hidden`), false);
      // The page's link, then the grip.
      await page.press("Tab");
      await page.press("Tab");
      await page.press("Escape");
      await page.waitFor(`${HOST}.hidden`);
    }));

  test("it is not printed, and stays off within a frame", () =>
    visit(
      { details: [quick({ seq: 1 })] },
      async (page, { origin }) => {
        await page.waitFor(
          "document.querySelector('iframe').contentDocument.readyState === 'complete' && document.querySelector('iframe').contentDocument.querySelector('h1')",
        );
        assert.equal(
          await page.evaluate(
            "document.querySelector('iframe').contentDocument.querySelector('otelbar-pill')",
          ),
          null,
        );
        await page.goto(`${origin}/`);
        await waitForName(page, /^GET 200/);
        await page.send("Emulation.setEmulatedMedia", { media: "print" });
        assert.equal(await page.evaluate(`getComputedStyle(${HOST}).display`), "none");
      },
      { path: "/framed" },
    ));

  test("hostile data is shown as it is and does nothing", () => {
    const whole = hostile({ seq: 1 });
    return visit({ details: [whole] }, async (page) => {
      const { name } = await waitForName(page, /404/);
      assert.ok(name.startsWith(HOSTILE[1]), name);
    });
  });
});
