// The bar: a small pill in the application's own HTML pages that tells how the request of this page went and opens it.
//
//   <script src="/__otelbar/bar/bar.js" data-request="SPAN_ID" defer></script>
//
// A classic script, since a page that keeps its document over navigations runs it again, which a module would not be.
// It leaves the page alone: one element beside <body>, its insides in a closed shadow tree, its style a constructed
// sheet (which no Content-Security-Policy forbids), no globals. It is not shown in print, and stays off within frames.
// All text is set as text.

/** @import { Bar } from "../shared/answers.d.ts" */

(() => {
  const script = document.currentScript;
  if (!(script instanceof HTMLScriptElement) || window.top !== window.self) return;
  const TAG = "otelbar-pill";
  const isId = (/** @type {string | undefined} */ text) => /^[0-9a-f]{16}$/.test(text ?? "");
  // A page out of the browser's cache holds the id of the request that put it there; the head of the answer that let it
  // be shown again is newer. It is told in secure contexts, and of the request that the document came with.
  const [navigation] = /** @type {PerformanceNavigationTiming[]} */ (
    performance.getEntriesByType("navigation")
  );
  const told = navigation?.serverTiming?.find(({ name }) => name === "otelbar")?.description;
  const id = isId(told) && document.querySelector(TAG) === null ? told : script.dataset.request;
  if (!isId(id)) return;

  const CLOSED = "otelbar.closed";
  const PLACE = "otelbar.place";
  // The record is there only after the response has ended; about nine seconds in all.
  const DELAYS_MS = [40, 80, 160, 320, 640, 1000, 1500, 2200, 3000];
  const EDGE = 12;

  const base = new URL("..", script.src);
  const page = new URL(base);
  const api = new URL(`api/bar/${id}`, base);
  page.hash = `#/requests/${id}`;

  const STYLE = `
    :host {
      all: initial !important;
      position: fixed !important;
      z-index: 2147483647 !important;
      color-scheme: light dark !important;
      /* The two that "all" leaves out. */
      direction: ltr !important;
      unicode-bidi: isolate !important;
      pointer-events: none !important;
    }
    :host { left: auto; }
    :host([hidden]) { display: none !important; }
    @media print { :host { display: none !important; } }
    * { box-sizing: border-box; }
    [hidden] { display: none !important; }
    .pill {
      --bg: #ffffff; --text: #1a1f26; --muted: #5a6472; --border: #c6ccd4; --hover: #eef1f5;
      --good: #15713f; --warn: #855300; --bad: #bd2626; --focus: #3157d5;
      display: flex; align-items: stretch; height: 28px; max-width: calc(100vw - 24px);
      border: 1px solid var(--border); border-radius: 7px; overflow: hidden;
      color: var(--text); background: var(--bg); box-shadow: 0 2px 10px rgb(20 28 40 / 18%);
      font: 12px/1 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
      font-variant-numeric: tabular-nums; white-space: nowrap; pointer-events: auto; user-select: none;
    }
    @media (prefers-color-scheme: dark) {
      .pill {
        --bg: #20252d; --text: #e2e6ec; --muted: #97a2b1; --border: #414a57; --hover: #2b323c;
        --good: #58c58d; --warn: #e8b45a; --bad: #ff7b7b; --focus: #8fb0ff;
        box-shadow: 0 2px 12px rgb(0 0 0 / 50%);
      }
    }
    button, a { margin: 0; border: 0; color: inherit; background: none; font: inherit; text-decoration: none; cursor: pointer; }
    a:hover, .close:hover { background: var(--hover); }
    :focus { outline: none; }
    :focus-visible { outline: 2px solid var(--focus); outline-offset: -2px; border-radius: 6px; }
    .grip { display: flex; align-items: center; padding: 0 6px 0 7px; cursor: grab; touch-action: none; }
    .grip:active { cursor: grabbing; }
    .logo { display: grid; align-content: center; gap: 2px; width: 16px; height: 16px; padding: 0 3px; border-radius: 4px; background: #3157d5; }
    .logo i { height: 2px; border-radius: 1px; background: #fff; }
    .logo i:nth-child(2) { width: 5px; margin-left: 2px; }
    .logo i:nth-child(3) { width: 4px; margin-left: 5px; }
    a { display: flex; align-items: center; gap: 10px; min-width: 0; padding: 0 8px 0 4px; overflow: hidden; }
    .muted { color: var(--muted); }
    .good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); }
    b { font-weight: 600; }
    .close { width: 24px; padding: 0; color: var(--muted); font-size: 14px; }
  `;

  /**
   * @template {keyof HTMLElementTagNameMap} Tag
   * @param {Tag} tag
   * @param {string} [className]
   * @param {string} [text]
   */
  const make = (tag, className, text) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };

  // A page that keeps its document over navigations (Turbo and the like) runs this again.
  for (const old of document.querySelectorAll(TAG)) old.remove();

  const host = document.createElement(TAG);
  const root = host.attachShadow({ mode: "closed" });
  const pill = make("div", "pill");
  const grip = make("button", "grip");
  const logo = make("span", "logo");
  const link = make("a");
  const close = make("button", "close", "×");
  for (let bar = 0; bar < 3; bar += 1) logo.append(make("i"));
  pill.setAttribute("role", "region");
  pill.setAttribute("aria-label", "otelbar");
  grip.type = "button";
  grip.title = "Drag to move; arrow keys move it from corner to corner";
  grip.setAttribute("aria-label", "Move the bar");
  grip.append(logo);
  link.href = page.href;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  close.type = "button";
  close.title = "Close for this session (Esc); Alt+Shift+O brings it back";
  close.setAttribute("aria-label", "Close the bar");
  pill.append(grip, link, close);
  root.append(pill);
  /** @type {CSSStyleDeclaration} */
  let placing;
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    // A rule of the shadow tree's own: it wins over the page's, which an attribute of the element would not.
    const rules = [...sheet.cssRules].filter((rule) => rule instanceof CSSStyleRule);
    const own = rules.find((rule) => rule.selectorText === ":host" && rule.style.length === 1);
    if (own === undefined) return;
    placing = own.style;
  } catch {
    // Without its style it would be in the way.
    return;
  }

  /**
   * @param {"localStorage" | "sessionStorage"} storage
   * @param {string} key
   */
  const stored = (storage, key) => {
    try {
      return window[storage].getItem(key);
    } catch {
      return null;
    }
  };
  /**
   * @param {"localStorage" | "sessionStorage"} storage
   * @param {string} key
   * @param {string | null} value
   */
  const store = (storage, key, value) => {
    try {
      if (value === null) window[storage].removeItem(key);
      else window[storage].setItem(key, value);
    } catch {
      // Storage may be off; it then lasts as long as the page.
    }
  };

  // A place is a distance from the nearest horizontal and vertical edge, so that it holds when the window's size changes.
  const DEFAULT_PLACE = { x: "right", y: "bottom", dx: EDGE, dy: EDGE };
  /** @type {Record<string, { x?: string, y?: string }>} */
  const SIDES = {
    ArrowLeft: { x: "left" },
    ArrowRight: { x: "right" },
    ArrowUp: { y: "top" },
    ArrowDown: { y: "bottom" },
  };
  let place = readPlace();

  /** @returns {typeof DEFAULT_PLACE} */
  function readPlace() {
    try {
      const { x, y, dx, dy } = JSON.parse(stored("localStorage", PLACE) ?? "{}") ?? {};
      if (["left", "right"].includes(x) && ["top", "bottom"].includes(y) && dx >= 0 && dy >= 0)
        return { x, y, dx, dy };
    } catch {
      // Not what this script wrote.
    }
    return DEFAULT_PLACE;
  }

  function showPlace() {
    const { innerWidth, innerHeight } = window;
    const { width, height } = pill.getBoundingClientRect();
    const dx = Math.max(0, Math.min(place.dx, innerWidth - width));
    const dy = Math.max(0, Math.min(place.dy, innerHeight - height));
    for (const side of ["left", "right"])
      placing.setProperty(side, side === place.x ? `${dx}px` : "auto", "important");
    for (const side of ["top", "bottom"])
      placing.setProperty(side, side === place.y ? `${dy}px` : "auto", "important");
  }

  /** @param {typeof place} next */
  function moveTo(next) {
    place = next;
    showPlace();
    store("localStorage", PLACE, JSON.stringify(place));
  }

  grip.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const box = pill.getBoundingClientRect();
    const grabbed = { x: event.clientX - box.left, y: event.clientY - box.top };
    const move = (/** @type {PointerEvent} */ moved) => {
      const left = Math.max(0, Math.min(moved.clientX - grabbed.x, window.innerWidth - box.width));
      const top = Math.max(0, Math.min(moved.clientY - grabbed.y, window.innerHeight - box.height));
      const right = window.innerWidth - left - box.width;
      const bottom = window.innerHeight - top - box.height;
      moveTo({
        x: left < right ? "left" : "right",
        dx: Math.min(left, right),
        y: top < bottom ? "top" : "bottom",
        dy: Math.min(top, bottom),
      });
    };
    grip.setPointerCapture(event.pointerId);
    grip.addEventListener("pointermove", move);
    grip.addEventListener("lostpointercapture", () => grip.removeEventListener("pointermove", move), {
      once: true,
    });
  });

  grip.addEventListener("keydown", (event) => {
    const side = SIDES[event.key];
    if (side === undefined) return;
    event.preventDefault();
    moveTo({ ...place, dx: EDGE, dy: EDGE, ...side });
  });

  /** @param {boolean} closed */
  function setClosed(closed) {
    host.hidden = closed;
    store("sessionStorage", CLOSED, closed ? "1" : null);
    if (!closed) showPlace();
  }

  close.addEventListener("click", () => setClosed(true));
  pill.addEventListener("keydown", (event) => {
    // Only with the focus within: Esc is the page's own otherwise.
    if (event.key === "Escape") setClosed(true);
  });
  window.addEventListener("resize", function resized() {
    if (host.isConnected) showPlace();
    else window.removeEventListener("resize", resized);
  });
  document.addEventListener("keydown", function shortcut(event) {
    if (!host.isConnected) {
      document.removeEventListener("keydown", shortcut);
      return;
    }
    if (
      event.defaultPrevented ||
      event.code !== "KeyO" ||
      !event.altKey ||
      !event.shiftKey ||
      event.ctrlKey ||
      event.metaKey
    )
      return;
    event.preventDefault();
    if (host.hidden) setClosed(false);
    else link.click();
  });

  // How the page words it. The modules are fetched while the record is waited for; their addresses are relative to this
  // script's, and they carry its nonce.
  async function loadWords() {
    const [findings, format] = await Promise.all([
      import("../shared/findings.js"),
      import("../shared/format.js"),
    ]);
    return { ...findings, ...format };
  }

  /**
   * @param {string} text
   * @param {string} title
   */
  function say(text, title) {
    link.replaceChildren(make("span", "muted", text));
    link.title = title;
    showPlace();
  }

  /**
   * @param {Bar} request
   * @param {Awaited<ReturnType<typeof loadWords>>} words
   */
  function show(request, { duration, findingLabel, plural, visible }) {
    const status = request.status ?? 0;
    const failed = request.error || status >= 500 || request.outcome === "failed";
    const tone = failed ? "bad" : status >= 400 || request.outcome !== "completed" ? "warn" : "good";
    const answer = make("span");
    answer.append(
      make("span", "muted", `${visible(request.method)} `),
      make("b", tone, visible(String(request.status ?? request.outcome))),
    );
    const parts = [answer, make("b", "", duration(request.duration_ns))];
    if (request.queries > 0) {
      const queries = make("span", "", plural(request.queries, "query", "queries"));
      queries.append(make("span", "muted", ` ${duration(request.query_ns)}`));
      parts.push(queries);
    }
    if (request.errors > 0) parts.push(make("b", "bad", plural(request.errors, "error")));
    if (request.finding_kinds.length > 0) {
      const kinds = request.finding_kinds.map((kind) => visible(findingLabel(kind).short));
      parts.push(make("b", request.critical ? "bad" : "warn", kinds.join(", ")));
    }
    link.replaceChildren(...parts);
    const more = request.findings - request.finding_titles.length;
    link.title = [
      `${request.method} ${request.route ?? request.path}`,
      `trace ${request.trace_id}`,
      ...request.finding_titles.map((title) => `• ${title}`),
      ...(more > 0 ? [`and ${plural(more, "more finding")}`] : []),
      "Open the request (Alt+Shift+O)",
    ]
      .map(visible)
      .join("\n");
    showPlace();
  }

  async function load() {
    let words;
    try {
      words = await loadWords();
    } catch {
      return say(
        "no data",
        "The toolbar’s scripts could not be loaded: the service is down, or the page’s Content-Security-Policy blocks them.",
      );
    }
    for (let attempt = 0; host.isConnected; attempt += 1) {
      let problem;
      try {
        const response = await fetch(api, {
          cache: "no-store",
          credentials: "same-origin",
          headers: { accept: "application/json" },
        });
        const json = response.headers.get("content-type")?.includes("json");
        // Who may not see the toolbar gets what the application answers at any other address.
        if (response.status < 500 && !json)
          return say(
            "not allowed",
            "The toolbar is off, or this browser may not see it; the service’s log says why.",
          );
        if (response.ok) return show(await response.json(), words);
        // Too many calls wait for the toolbar (503), or the request has not ended.
        if (![404, 503].includes(response.status))
          return say(`no data (${response.status})`, "The toolbar could not read this request.");
        problem = "The toolbar has no record of this request: it has not ended yet, or was not recorded.";
      } catch {
        problem =
          "The toolbar could not be reached: the service is down, or the page’s Content-Security-Policy blocks the call.";
      }
      if (attempt >= DELAYS_MS.length) return say("no data", problem);
      await new Promise((resolve) => setTimeout(resolve, DELAYS_MS[attempt]));
    }
  }

  // Beside <body>, so that the page's own selectors and layouts of its children see nothing new.
  document.documentElement.append(host);
  say("…", "Waiting for the request to end");
  host.hidden = stored("sessionStorage", CLOSED) === "1";
  load();
})();
