// Drives a Chromium over the DevTools protocol through a pipe, so that the tests need nothing installed but it.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** The browser named by OTELBAR_CHROMIUM or found in PATH, else null. */
export function findBrowser() {
  if (process.env.OTELBAR_CHROMIUM) return process.env.OTELBAR_CHROMIUM;
  for (const directory of (process.env.PATH ?? "").split(delimiter)) {
    for (const name of NAMES) if (existsSync(join(directory, name))) return join(directory, name);
  }
  return null;
}

/** Starts a browser with a profile of its own; `close` ends it and removes the profile. */
export async function launch(program) {
  const profile = await mkdtemp(join(tmpdir(), "otelbar-page-"));
  const child = spawn(
    program,
    [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--no-default-browser-check",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--hide-scrollbars=false",
      "--remote-debugging-pipe",
      `--user-data-dir=${profile}`,
      "about:blank",
    ],
    { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] },
  );
  const connection = new Connection(child);
  return {
    newPage: (options) => Page.open(connection, options),
    close: async () => {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      connection.send("Browser.close").catch(() => {});
      await ended;
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

class Connection {
  #child;
  #next = 1;
  #waiting = new Map();
  #listeners = new Map();
  #buffer = "";

  constructor(child) {
    this.#child = child;
    child.stdio[4].setEncoding("utf8").on("data", (data) => this.#receive(data));
    child.stdio[3].on("error", () => {});
    child.once("exit", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("the browser has ended"));
      this.#waiting.clear();
    });
  }

  send(method, params = {}, sessionId = undefined) {
    const id = this.#next++;
    this.#child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  listen(sessionId, listener) {
    this.#listeners.set(sessionId, listener);
  }

  #receive(data) {
    const messages = (this.#buffer + data).split("\0");
    this.#buffer = messages.pop();
    for (const text of messages) {
      const { id, result, error, method, params, sessionId } = JSON.parse(text);
      if (id === undefined) {
        this.#listeners.get(sessionId)?.(method, params);
        continue;
      }
      const { resolve, reject } = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) reject(new Error(`${error.message} ${error.data ?? ""}`));
      else resolve(result);
    }
  }
}

class Page {
  /** Uncaught exceptions, console errors and violations of the content security policy. */
  problems = [];
  #connection;
  #session;
  #target;

  static async open(connection, { width = 1440, height = 900, dark = false } = {}) {
    const page = new Page();
    const { browserContextId } = await connection.send("Target.createBrowserContext");
    const { targetId } = await connection.send("Target.createTarget", {
      url: "about:blank",
      browserContextId,
    });
    const { sessionId } = await connection.send("Target.attachToTarget", { targetId, flatten: true });
    page.#connection = connection;
    page.#session = sessionId;
    page.#target = targetId;
    connection.listen(sessionId, (method, params) => {
      if (method === "Runtime.exceptionThrown")
        page.problems.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
      if (method === "Log.entryAdded" && params.entry.level === "error")
        page.problems.push(`${params.entry.source}: ${params.entry.text}`);
    });
    await page.send("Runtime.enable");
    await page.send("Log.enable");
    await page.send("Page.enable");
    await page.send("Emulation.setDeviceMetricsOverride", {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: false,
    });
    await page.send("Emulation.setEmulatedMedia", {
      features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }],
    });
    return page;
  }

  send(method, params) {
    return this.#connection.send(method, params, this.#session);
  }

  async goto(url) {
    await this.send("Page.navigate", { url });
    // The document before it, which is complete too, may still be there.
    const { origin } = new URL(url);
    await this.waitFor(`location.origin === ${JSON.stringify(origin)} && document.readyState === 'complete'`);
  }

  async evaluate(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Resolves once `expression` is truthy, asking at each frame; fails after `within` milliseconds. */
  async waitFor(expression, within = 30_000) {
    const until = Date.now() + within;
    for (;;) {
      try {
        // A frame need not come while hidden, so a timer stands by.
        const value = await this.evaluate(
          `new Promise((resolve, reject) => { const again = () => { try { resolve((() => (${expression}))()); } catch (error) { reject(error); } }; requestAnimationFrame(again); setTimeout(again, 100); })`,
        );
        if (value) return value;
      } catch (error) {
        // The document may be replaced while the expression runs.
        if (Date.now() > until || !/context|navigat|null|undefined/i.test(error.message)) throw error;
      }
      if (Date.now() > until) throw new Error(`waited in vain for ${expression}`);
    }
  }

  async press(key, { code = "", modifiers = 0, text = key.length === 1 ? key : undefined } = {}) {
    await this.send("Input.dispatchKeyEvent", {
      type: text === undefined ? "rawKeyDown" : "keyDown",
      key,
      code,
      modifiers,
      text,
      windowsVirtualKeyCode: KEY_CODES[key],
    });
    await this.send("Input.dispatchKeyEvent", {
      type: "keyUp",
      key,
      code,
      modifiers,
      windowsVirtualKeyCode: KEY_CODES[key],
    });
  }

  /** Clicks into the middle of what `expression` gives. */
  async click(expression, { button = "left" } = {}) {
    const { x, y } = await this.evaluate(
      `(() => { const box = (${expression}).getBoundingClientRect(); return { x: box.x + box.width / 2, y: box.y + box.height / 2 }; })()`,
    );
    await this.mouse("mouseMoved", x, y);
    await this.mouse("mousePressed", x, y, { button, clickCount: 1 });
    await this.mouse("mouseReleased", x, y, { button, clickCount: 1 });
  }

  mouse(type, x, y, more = {}) {
    return this.send("Input.dispatchMouseEvent", { type, x, y, ...more });
  }

  async screenshot() {
    const { data } = await this.send("Page.captureScreenshot", { format: "png" });
    return Buffer.from(data, "base64");
  }

  close() {
    return this.#connection.send("Target.closeTarget", { targetId: this.#target });
  }
}

const KEY_CODES = {
  Enter: 13,
  Escape: 27,
  ArrowLeft: 37,
  ArrowUp: 38,
  ArrowRight: 39,
  ArrowDown: 40,
  Tab: 9,
};
