// The list of recent requests: live, filtered, used by mouse or keys.

import { ApiError, fetchList } from "../shared/api.js";
import {
  announce,
  closest,
  h,
  icon,
  part,
  replace,
  replaceHash,
  setAttribute,
  setText,
} from "../shared/dom.js";
import { merge, nested } from "../shared/feed.js";
import { filterRequests, hasError, parseFilter } from "../shared/filter.js";
import { findingLabel } from "../shared/findings.js";
import { age, count, dateTime, duration, plural, visible } from "../shared/format.js";
import { listHash, requestHash } from "../shared/location.js";
import { Poll } from "../shared/poll.js";
import { Rows } from "../shared/rows.js";
import { exportLabel, outcomeLabel, statusClass } from "../shared/words.js";
import { methodClass } from "./method.js";
import { barScale } from "./scale.js";

/**
 * @import { List, Request } from "../shared/answers.d.ts"
 * @import { ListTarget, Session, Status, Target, View } from "../shared/view.d.ts"
 */

const POLL_MS = 1000;
const AFTER_ERROR_MS = 3000;
/** What is asked for each second; every FULL_EVERY-th time all that the API gives at once. */
const QUICK = 100;
const FULL = 500;
const FULL_EVERY = 10;
const ROW_HEIGHT = 30;

const QUICK_FILTERS = [
  ["errors", "Errors", "Failed requests, 5xx, spans with an error, ERROR logs"],
  ["slow", "Slow", "500 ms or longer"],
  [
    "findings",
    "Findings",
    "N+1, slow and duplicate queries, too many of them, slow spans, idle gaps, serial calls, errors",
  ],
  ["entry", "Entry requests only", "Hide requests made by another service in this list"],
];

const COLUMNS = [
  ["method", "Method"],
  ["target", "Route"],
  ["status", "Status"],
  ["duration", "Duration"],
  ["spans", "Spans"],
  ["queries", "Queries"],
  ["calls", "Calls"],
  ["logs", "Logs"],
  ["errors", "Errors"],
  ["findings", "Findings"],
  ["export", "Export"],
  ["age", "Age"],
];

/** @implements {View} */
export class ListView {
  #shell;
  #session;
  #poll;
  #rounds = 0;
  #filter = parseFilter("");
  /** @type {Request[]} */
  #shown = [];
  /** @type {Map<string, Request>} */
  #nested = new Map();
  #scale = 1;
  /** @type {ApiError | null} */
  #failed = null;
  #more = false;
  /** @type {Set<string>} */
  #fresh = new Set();
  #problem = h("span", { class: "problem", role: "status" });
  #tally = h("span", { class: "muted tally", role: "status" });
  #empty = h("div", { class: "empty" });
  #body = h("div", { role: "rowgroup" });
  #input;
  #pause;
  #chips;
  #grid;
  #scroller;
  #older;
  #rows;
  #clock;
  #ended = new AbortController();

  /**
   * @param {Element} container
   * @param {{ target: ListTarget, shell: Status, session: Session }} options
   */
  constructor(container, { target, shell, session }) {
    this.#shell = shell;
    this.#session = session;
    this.#input = h("input", {
      type: "search",
      class: "filter",
      placeholder: "Filter: path, route, method, trace id, status:5xx, duration:>200ms, errors, slow, n+1",
      "aria-label": "Filter requests",
      spellcheck: "false",
      autocomplete: "off",
      on: {
        input: () => this.#setFilter(this.#input.value),
        keydown: (event) => {
          if (event.key === "ArrowDown" || event.key === "Enter") {
            this.#grid.focus();
            if (this.#session.selected === null || event.key === "ArrowDown") this.#move(1);
            event.preventDefault();
          }
        },
      },
    });
    this.#pause = h("button", { class: "button", type: "button", on: { click: () => this.#togglePause() } });
    this.#chips = QUICK_FILTERS.map(([term, label, title]) =>
      h(
        "button",
        {
          class: "chip",
          type: "button",
          title,
          "aria-pressed": "false",
          data: { term },
          on: { click: () => this.#toggleTerm(term) },
        },
        label,
      ),
    );
    this.#older = h(
      "button",
      { class: "button older", type: "button", hidden: true, on: { click: () => this.#loadOlder() } },
      "Load older requests",
    );
    this.#scroller = h(
      "div",
      { class: "scroller list-scroller" },
      h(
        "div",
        { class: "list-row grid-head", role: "row", "aria-rowindex": "1" },
        COLUMNS.map(([name, label]) => h("div", { class: `c-${name}`, role: "columnheader" }, label)),
      ),
      this.#body,
      this.#empty,
      this.#older,
    );
    this.#grid = h(
      "div",
      { class: "grid-focus", role: "grid", "aria-label": "Requests", tabindex: "0" },
      this.#scroller,
    );
    container.append(
      h(
        "div",
        { class: "list-view" },
        h(
          "div",
          { class: "toolbar" },
          h(
            "label",
            { class: "field" },
            icon("search"),
            this.#input,
            h("kbd", { "aria-hidden": "true" }, "/"),
          ),
          h("div", { class: "chips", role: "group", "aria-label": "Quick filters" }, this.#chips),
          this.#problem,
          h("div", { class: "spacer" }),
          this.#tally,
          this.#pause,
        ),
        this.#grid,
      ),
    );
    this.#rows = new Rows({
      scroller: this.#scroller,
      body: this.#body,
      height: ROW_HEIGHT,
      key: (request) => request.id,
      signature,
      create: (request) => this.#createRow(request),
      patch: (element, request) => this.#patchRow(element, request),
    });
    document.title = "otelbar";
    this.#poll = new Poll(
      (signal) => this.#load(signal),
      () => (this.#failed === null ? POLL_MS : AFTER_ERROR_MS),
    );
    this.show(target);
    this.#scroller.scrollTop = session.scrollTop;
    // It may be another than was opened from here.
    this.#rows.reveal(this.#shown.findIndex(({ id }) => id === session.selected));
    // A full answer first, and again after coming back: what was held may have been evicted meanwhile.
    this.#poll.now();
    if (session.paused) this.#poll.paused = true;
    this.#showPause();
    this.#clock = setInterval(() => {
      if (!document.hidden) this.#rows.render();
    }, 1000);
  }

  /** @param {Target} target */
  accepts(target) {
    return target.view === "list";
  }

  /** @param {ListTarget} target */
  show(target) {
    if (this.#input.value !== target.filter) this.#input.value = target.filter;
    this.#applyFilter(target.filter);
  }

  destroy() {
    this.#session.scrollTop = this.#scroller.scrollTop;
    this.#ended.abort();
    this.#poll.stop();
    this.#rows.destroy();
    clearInterval(this.#clock);
  }

  /**
   * @param {KeyboardEvent} event
   * @param {boolean} typing
   */
  key(event, typing) {
    const { key } = event;
    if (key === "Escape") {
      if (typing && this.#input.value === "") this.#grid.focus();
      else if (this.#input.value !== "") this.#setFilter("");
      else this.#select(null);
      return true;
    }
    if (key === "/") this.#input.focus();
    else if (key === "p") this.#togglePause();
    else if (key === "j" || key === "ArrowDown") this.#move(1);
    else if (key === "k" || key === "ArrowUp") this.#move(-1);
    else if (key === "PageDown") this.#move(this.#rows.pageSize);
    else if (key === "PageUp") this.#move(-this.#rows.pageSize);
    else if (key === "Home" || key === "g") this.#move(-Infinity);
    else if (key === "End" || key === "G") this.#move(Infinity);
    else if (
      key === "Enter" &&
      (event.target === document.body || event.target === this.#grid) &&
      this.#session.selected !== null
    )
      this.#open(this.#session.selected);
    else return false;
    return true;
  }

  /** @param {AbortSignal} signal */
  async #load(signal) {
    // After a failure, too: the service may have been restarted.
    const full = this.#failed !== null || this.#rounds % FULL_EVERY === 0;
    this.#rounds += 1;
    const limit = full ? FULL : QUICK;
    try {
      const answer = await fetchList({ limit }, signal);
      this.#failed = null;
      this.#shell.connection(null);
      this.#shell.status(answer);
      this.#take(answer, { limit });
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      this.#failed = error;
      if (this.#session.loaded) this.#shell.connection(error);
      this.#showEmpty();
    }
  }

  /**
   * @param {List} answer
   * @param {{ limit: number, before?: number }} reach
   */
  #take(answer, reach) {
    const session = this.#session;
    const known = new Set(session.held.map((request) => request.id));
    if (session.loaded && reach.before === undefined) {
      this.#fresh = new Set(answer.requests.filter(({ id }) => !known.has(id)).map(({ id }) => id));
    }
    session.held = merge(session.held, answer.requests, reach);
    session.service = answer.service;
    session.loaded = true;
    this.#more = session.held.length < answer.store.requests;
    if (answer.service) document.title = `${answer.service} · otelbar`;
    this.#refresh();
  }

  async #loadOlder() {
    const before = this.#session.held.at(-1)?.seq;
    if (before === undefined) return;
    this.#older.disabled = true;
    try {
      const answer = await fetchList({ limit: FULL, before }, this.#ended.signal);
      this.#take(answer, { limit: FULL, before });
    } catch (error) {
      if (this.#ended.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      this.#shell.connection(error);
    } finally {
      this.#older.disabled = false;
    }
  }

  #refresh() {
    const { held } = this.#session;
    this.#nested = nested(held);
    this.#shown = filterRequests(held, this.#filter, this.#nested);
    this.#showEntryChip();
    this.#scale = barScale(this.#shown.map((request) => request.duration_ns));
    this.#rows.update(this.#shown, { anchored: true });
    this.#grid.setAttribute("aria-rowcount", String(this.#shown.length + 1));
    setText(
      this.#tally,
      this.#filter.empty
        ? plural(held.length, "request")
        : `${count(this.#shown.length)} of ${plural(held.length, "request")}`,
    );
    this.#older.hidden = !this.#more;
    this.#markSelected();
    this.#showEmpty();
  }

  /** @param {string} text */
  #setFilter(text) {
    if (this.#input.value !== text) this.#input.value = text;
    replaceHash(listHash(text));
    this.#applyFilter(text);
  }

  /** @param {string} text */
  #applyFilter(text) {
    this.#session.filter = text;
    this.#filter = parseFilter(text);
    setText(this.#problem, this.#filter.problem ?? "");
    setAttribute(this.#input, "aria-invalid", this.#filter.problem === null ? null : "true");
    const terms = text.toLowerCase().split(/\s+/);
    for (const chip of this.#chips)
      chip.setAttribute("aria-pressed", String(terms.includes(chip.dataset.term ?? "")));
    this.#refresh();
  }

  /** The chip that hides nested requests is there only when it can do something. */
  #showEntryChip() {
    const chip = this.#chips.find(({ dataset }) => dataset.term === "entry");
    if (chip !== undefined)
      chip.hidden = this.#nested.size === 0 && chip.getAttribute("aria-pressed") === "false";
  }

  /** @param {string} term */
  #toggleTerm(term) {
    const terms = this.#input.value.split(/\s+/).filter((word) => word !== "");
    const without = terms.filter((word) => word.toLowerCase() !== term);
    this.#setFilter((without.length === terms.length ? [...terms, term] : without).join(" "));
  }

  #togglePause() {
    this.#session.paused = !this.#session.paused;
    this.#poll.paused = this.#session.paused;
    this.#showPause();
    announce(this.#session.paused ? "Paused" : "Live");
  }

  #showPause() {
    const { paused } = this.#session;
    replace(this.#pause, icon(paused ? "play" : "pause"), paused ? "Resume" : "Pause");
    this.#pause.classList.toggle("is-paused", paused);
    this.#pause.title = paused ? "The list is paused; resume (p)" : "The list is live; pause it (p)";
  }

  /** @param {number} step */
  #move(step) {
    if (this.#shown.length === 0) return;
    const at = this.#shown.findIndex((request) => request.id === this.#session.selected);
    const from = at < 0 ? (step > 0 ? -1 : 0) : at;
    const to = Math.min(this.#shown.length - 1, Math.max(0, from + step));
    this.#rows.reveal(to);
    this.#select(this.#shown[to].id);
  }

  /** @param {string | null} id */
  #select(id) {
    this.#session.selected = id;
    this.#rows.render();
    this.#markSelected();
  }

  #markSelected() {
    const { selected } = this.#session;
    const shown = selected !== null && this.#shown.some((request) => request.id === selected);
    setAttribute(this.#grid, "aria-activedescendant", shown ? `request-${selected}` : null);
  }

  /** @param {string} id */
  #open(id) {
    this.#session.selected = id;
    location.hash = requestHash(id);
  }

  /** @param {Request} request */
  #createRow(request) {
    const target = targetOf(request);
    const { counts } = request;
    const kinds = request.finding_kinds.map(findingLabel);
    const state = exportLabel(request.export);
    const row = h(
      "div",
      {
        class: `list-row ${hasError(request) ? "is-error" : ""}`,
        role: "row",
        id: `request-${request.id}`,
        on: {
          click: (event) => {
            // The link opens by itself, and in a new tab when asked to; a selection of text is no click.
            if (closest(event, "a") !== null || String(getSelection()) !== "") return;
            this.#open(request.id);
          },
        },
      },
      h(
        "div",
        { class: "c-method", role: "gridcell" },
        h("span", { class: `method method-${methodClass(request.method)}` }, request.method),
      ),
      h(
        "div",
        { class: "c-target", role: "gridcell" },
        h(
          "a",
          { href: requestHash(request.id), class: "route", tabindex: "-1" },
          request.route ?? request.path,
        ),
        h("span", { class: "service-chip" }, request.service),
        request.route !== null && target === request.route
          ? null
          : h(
              "span",
              { class: "path" },
              request.route === null ? `${target.slice(request.path.length)}` : target,
            ),
        request.broken
          ? h(
              "span",
              {
                class: "tag tag-bad",
                title: "otelbar panicked while converting it: only the request itself is shown and exported",
              },
              "internal error",
            )
          : null,
        request.outcome === "completed"
          ? null
          : h(
              "span",
              { class: `tag tag-${request.outcome === "failed" ? "bad" : "warn"}` },
              outcomeLabel(request.outcome).short,
            ),
      ),
      h(
        "div",
        { class: "c-status", role: "gridcell" },
        h("span", { class: `status ${statusClass(request.status)}` }, request.status ?? "–"),
      ),
      h(
        "div",
        { class: "c-duration", role: "gridcell", title: dateTime(request.start_unix_ns) },
        h("span", { class: "duration-text" }, duration(request.duration_ns)),
        h("span", { class: "duration-bar", "aria-hidden": "true" }, h("i")),
      ),
      number("spans", counts.spans),
      h(
        "div",
        { class: "c-queries", role: "gridcell" },
        counts.queries === 0
          ? h("span", { class: "zero" }, "–")
          : [
              h("span", null, count(counts.queries)),
              h("span", { class: "muted" }, duration(request.query_ns)),
            ],
      ),
      number("calls", counts.calls, "", request.called),
      number("logs", counts.logs),
      number("errors", counts.errors, "bad"),
      h(
        "div",
        {
          class: "c-findings",
          role: "gridcell",
          title:
            kinds.length === 0
              ? null
              : [plural(counts.findings, "finding"), ...kinds.map(({ title }) => title)].join("\n"),
        },
        kinds.length === 0
          ? h("span", { class: "zero" }, "–")
          : kinds.map(({ short }) => h("span", { class: "badge badge-warn" }, short)),
      ),
      h(
        "div",
        {
          class: "c-export",
          role: "gridcell",
          title: request.export.detail === null ? state.title : `${state.title}\n${request.export.detail}`,
        },
        h("span", { class: `dot dot-${state.tone}` }),
        h("span", null, state.short),
      ),
      h("div", { class: "c-age", role: "gridcell", title: dateTime(request.start_unix_ns) }),
    );
    if (this.#fresh.has(request.id)) row.classList.add("is-fresh");
    return row;
  }

  /**
   * @param {HTMLElement} row
   * @param {Request} request
   */
  #patchRow(row, request) {
    const selected = request.id === this.#session.selected;
    row.classList.toggle("is-selected", selected);
    row.setAttribute("aria-selected", String(selected));
    const entry = this.#nested.get(request.id);
    row.classList.toggle("is-nested", entry !== undefined);
    setAttribute(part(row, ".c-target"), "title", visible(targetTitle(request, entry)));
    part(row, ".service-chip").hidden = request.service === this.#session.service;
    const share = request.duration_ns / this.#scale;
    const bar = part(row, ".duration-bar");
    part(bar, "i").style.width = `${Math.min(100, Math.max(2, 100 * share))}%`;
    bar.classList.toggle("is-beyond", share > 1);
    setText(part(row, ".c-age"), age(request.start_unix_ns, Date.now()));
  }

  #showEmpty() {
    const { held, loaded } = this.#session;
    const state =
      this.#shown.length > 0
        ? ""
        : held.length > 0
          ? "filtered"
          : !loaded && this.#failed === null
            ? "loading"
            : !loaded
              ? "failed"
              : "none";
    const signature = `${state} ${this.#failed?.message ?? ""} ${held.length}`;
    if (this.#empty.dataset.state === signature) return;
    this.#empty.dataset.state = signature;
    this.#empty.hidden = state === "";
    if (state === "filtered") {
      replace(
        this.#empty,
        h("h2", null, "No request matches"),
        h("p", null, `None of the ${plural(held.length, "request")} matches the filter.`),
        h(
          "button",
          { class: "button", type: "button", on: { click: () => this.#setFilter("") } },
          "Clear the filter",
        ),
      );
    } else if (state === "loading") {
      replace(this.#empty, h("p", { class: "muted" }, "Loading…"));
    } else if (this.#failed !== null) {
      const refused = this.#failed.status === 401 || this.#failed.status === 403;
      replace(
        this.#empty,
        h("h2", null, refused ? "Not allowed" : "No answer"),
        h("p", null, this.#failed.message),
        refused ? null : h("p", { class: "muted" }, "Retrying every few seconds."),
      );
    } else if (state === "none") {
      replace(
        this.#empty,
        h("h2", null, "No requests yet"),
        h("p", null, "Send a request to the service; it appears here when its response has ended:"),
        h("pre", { class: "code" }, `curl -i ${location.origin}/`),
        h(
          "p",
          { class: "muted" },
          "If nothing appears, check that the toolbar’s layer wraps the routes you call (in axum, add it after them). Requests to the toolbar’s own pages are not recorded.",
        ),
      );
    }
  }
}

/** @type {WeakMap<Request, string>} */
const signatures = new WeakMap();

/**
 * By which a request that has changed is told; worked out once for each answer.
 *
 * @param {Request} request
 */
function signature(request) {
  const known = signatures.get(request);
  if (known !== undefined) return known;
  const text = JSON.stringify(request);
  signatures.set(request, text);
  return text;
}

/**
 * @param {Request} request
 * @param {Request | undefined} entry
 */
function targetTitle(request, entry) {
  return [
    `${request.method} ${targetOf(request)}`,
    request.route === null ? "no route matched" : `route ${request.route}`,
    `service ${request.service}`,
    `trace ${request.trace_id}`,
    entry === undefined ? null : `part of ${entry.method} ${entry.route ?? entry.path} of ${entry.service}`,
  ]
    .filter((line) => line !== null)
    .join("\n");
}

/** @param {Request} request */
function targetOf({ path, query }) {
  return query === null || query === "" ? path : `${path}?${query}`;
}

/**
 * A cell with a number; `named` are some of the things counted, for its tooltip.
 *
 * @param {string} name
 * @param {number} value
 * @param {string} [tone]
 * @param {string[]} [named]
 */
function number(name, value, tone = "", named = []) {
  const title = [...named, value > named.length ? `and ${count(value - named.length)} more` : null]
    .filter((line) => line !== null)
    .join("\n");
  return h(
    "div",
    { class: `c-${name}`, role: "gridcell", title: named.length === 0 ? null : title },
    value === 0
      ? h("span", { class: "zero" }, "–")
      : h("span", tone === "" ? null : { class: `number-${tone}` }, count(value)),
  );
}
