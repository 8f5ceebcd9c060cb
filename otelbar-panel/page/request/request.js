// One request: its head, what was found in it, and the tabs that show its spans, queries, logs and trace context.

import { ApiError, fetchList, fetchRequestText, parseAnswer } from "../shared/api.js";
import {
  announce,
  copyButton,
  externalLink,
  h,
  icon,
  part,
  replace,
  replaceHash,
  setText,
  some,
} from "../shared/dom.js";
import { merge, nested } from "../shared/feed.js";
import { filterRequests, parseFilter } from "../shared/filter.js";
import { findingLabel } from "../shared/findings.js";
import { clock, count, dateTime, duration, plural, utc } from "../shared/format.js";
import { listHash, requestHash, TABS } from "../shared/location.js";
import { Poll } from "../shared/poll.js";
import { exportLabel, outcomeLabel, statusClass } from "../shared/words.js";
import { Details } from "./details.js";
import { LogsTab } from "./logs-tab.js";
import { neighbour } from "./neighbour.js";
import { PropagationTab } from "./propagation-tab.js";
import { QueriesTab } from "./queries-tab.js";
import { rememberedSize, rememberSize, splitter } from "./splitter.js";
import { buildTrace } from "./trace.js";
import { Waterfall } from "./waterfall.js";
import { deliveryNote, notReady } from "./words.js";

/**
 * @import { BackendLink, Delivery, Detail, Export } from "../shared/answers.d.ts"
 * @import { Child } from "../shared/element.d.ts"
 * @import { RequestTarget, Session, Status, Tab as Name, Target, View } from "../shared/view.d.ts"
 * @import { SpanNode, Tab, Trace } from "./tree.d.ts"
 */

const POLL_MS = 1000;
const POLL_MOST_MS = 10_000;
const STATUS_POLL_MS = 5000;
/** A record appears shortly after the response has ended; until then a 404 is asked again. */
const PATIENCE_MS = 5000;
/** What is asked for when the way to the next request leads past what the list holds. */
const MORE = 100;
const NARROW = matchMedia("(max-width: 1180px)");

/** @implements {View} */
export class RequestView {
  #id;
  #shell;
  #session;
  /** @type {Name} */
  #tab = "waterfall";
  /** @type {string | null} */
  #spanId = null;
  /** @type {string | null} */
  #text = null;
  /** @type {{ detail: Detail, trace: Trace } | null} */
  #shown = null;
  /** @type {SpanNode | null} */
  #selected = null;
  #closed = false;
  #opened = performance.now();
  #delay = POLL_MS;
  #settled = false;
  #poll;
  #statusPoll;
  #walking = false;
  #ended = new AbortController();
  #gone = h(
    "div",
    { class: "banner banner-warning", role: "status", hidden: true },
    icon("warning"),
    h(
      "span",
      null,
      h("b", null, "This request is no longer stored. "),
      "It was evicted for newer ones, or the service was restarted. Showing the last known data.",
    ),
  );
  #head = h("div", { class: "request-head" });
  #findings = h("div", { class: "findings", hidden: true });
  #tablist;
  #panels;
  #details;
  #split;
  #notice = h("div", { class: "empty" }, h("p", { class: "muted" }, "Loading…"));
  #content;
  #tabs;

  /**
   * @param {Element} container
   * @param {{ target: RequestTarget, shell: Status, session: Session }} options
   */
  constructor(container, { target, shell, session }) {
    this.#id = target.id;
    this.#shell = shell;
    this.#session = session;
    session.selected = target.id;
    this.#tab = target.tab;
    this.#spanId = target.spanId;
    const onSelect = (/** @type {SpanNode} */ node) => this.#select(node, { reveal: false });
    this.#panels = {
      waterfall: new Waterfall({ onSelect }),
      queries: new QueriesTab({ onSelect }),
      logs: new LogsTab({ onSelect }),
      propagation: new PropagationTab(),
    };
    this.#details = new Details({
      onClose: () => this.#showDetails(false),
      onGoto: (node, tab) => {
        this.#select(node, { reveal: true });
        if (tab !== null) this.#showTab(tab);
      },
    });
    /** @param {Name} name */
    const tab = (name) => ({
      button: h(
        "button",
        {
          class: "tab",
          role: "tab",
          type: "button",
          id: `tab-${name}`,
          "aria-controls": `panel-${name}`,
          on: { click: () => this.#showTab(name) },
        },
        h("span", null, name[0].toUpperCase() + name.slice(1)),
      ),
      note: h("span", { class: "tab-note" }),
      panel: h(
        "section",
        {
          class: "panel",
          role: "tabpanel",
          id: `panel-${name}`,
          "aria-labelledby": `tab-${name}`,
          hidden: true,
        },
        this.#panels[name].element,
      ),
    });
    this.#tabs = {
      waterfall: tab("waterfall"),
      queries: tab("queries"),
      logs: tab("logs"),
      propagation: tab("propagation"),
    };
    const tabs = TABS.map((name) => this.#tabs[name]);
    for (const { button, note } of tabs) button.append(note);
    this.#tablist = h(
      "div",
      {
        class: "tabs",
        role: "tablist",
        "aria-label": "Views of the request",
        on: {
          keydown: (event) => {
            const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
            if (step === 0) return;
            this.#showTab(TABS[(TABS.indexOf(this.#tab) + step + TABS.length) % TABS.length]);
            part(this.#tablist, `#tab-${this.#tab}`).focus();
            event.preventDefault();
          },
        },
      },
      tabs.map(({ button }) => button),
    );
    this.#split = h(
      "div",
      { class: "split" },
      h(
        "div",
        { class: "split-main" },
        tabs.map(({ panel }) => panel),
      ),
      splitter({
        label: "Size of the details",
        className: "split-handle",
        axis: () => (NARROW.matches ? "y" : "x"),
        size: () => (NARROW.matches ? this.#details.element.offsetHeight : this.#details.element.offsetWidth),
        resize: (size) => this.#resizeDetails(size),
        grows: -1,
      }),
      this.#details.element,
    );
    this.#split.style.setProperty("--details-width", `${rememberedSize("details-width", 440)}px`);
    this.#split.style.setProperty("--details-height", `${rememberedSize("details-height", 280)}px`);
    this.#content = h(
      "div",
      { class: "request-content", hidden: true },
      this.#findings,
      this.#tablist,
      this.#split,
    );
    container.append(
      h("div", { class: "request-view" }, this.#head, this.#gone, this.#notice, this.#content),
    );
    replace(this.#head, h("div", { class: "request-line" }, this.#backLink()));
    document.title = `Request ${this.#id} · otelbar`;
    this.#poll = new Poll(
      (signal) => this.#load(signal),
      () => (this.#settled ? null : this.#delay),
    );
    this.#statusPoll = new Poll(
      (signal) => this.#loadStatus(signal),
      () => STATUS_POLL_MS,
    );
    this.#poll.now();
    this.#statusPoll.now();
  }

  /** @param {Target} target */
  accepts(target) {
    return target.view === "request" && target.id === this.#id;
  }

  /** @param {RequestTarget} target */
  show(target) {
    this.#spanId = target.spanId;
    const node = target.spanId === null ? null : (this.#shown?.trace.byId.get(target.spanId) ?? null);
    if (node !== null && node !== this.#selected) this.#select(node, { reveal: true });
    if (target.tab !== this.#tab) this.#showTab(target.tab);
  }

  destroy() {
    this.#ended.abort();
    this.#poll.stop();
    this.#statusPoll.stop();
    this.#panels.waterfall.destroy();
    this.#panels.logs.destroy();
  }

  /**
   * @param {KeyboardEvent} event
   * @param {boolean} typing
   */
  key(event, typing) {
    const { key } = event;
    /** @type {Tab} */
    const panel = this.#panels[this.#tab];
    // Arrows and letters belong to what has the focus when that is a control of its own.
    const inDetails = event.target instanceof Node && this.#details.element.contains(event.target);
    if (inDetails && key.startsWith("Arrow")) return false;
    if (this.#shown !== null && panel.key?.(event, typing)) return true;
    if (key === "Escape") {
      location.hash = listHash(this.#session.filter);
      return true;
    }
    if (
      key === "Enter" &&
      event.target instanceof Element &&
      event.target.matches(".grid-focus") &&
      this.#selected !== null &&
      !this.#closed
    ) {
      this.#details.element.focus();
      return true;
    }
    if (key === "[" || key === "K" || key === "]" || key === "J") {
      this.#walk(key === "]" || key === "J" ? 1 : -1);
      return true;
    }
    if (/^[1-4]$/.test(key) && this.#shown !== null) {
      this.#showTab(TABS[Number(key) - 1]);
      return true;
    }
    return false;
  }

  /** @param {AbortSignal} signal */
  async #load(signal) {
    const started = performance.now();
    try {
      const text = await fetchRequestText(this.#id, signal);
      this.#shell.connection(null);
      if (text !== this.#text) {
        const detail = parseAnswer(text);
        this.#text = text;
        this.#take(detail);
        this.#delay = POLL_MS;
      } else {
        this.#delay = Math.min(POLL_MOST_MS, this.#delay * 1.5);
      }
      // Reading a large trace again must not keep the service, or this page, busy.
      this.#delay = Math.max(this.#delay, 10 * (performance.now() - started));
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      this.#fail(error);
    }
  }

  /** @param {AbortSignal} signal */
  async #loadStatus(signal) {
    try {
      this.#shell.status(await fetchList({ limit: 1 }, signal));
      if (this.#settled) this.#shell.connection(null);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      // Until it is settled the request's own call reports what is wrong.
      if (this.#settled && this.#shown !== null) this.#shell.connection(error);
    }
  }

  /** @param {ApiError} error */
  #fail(error) {
    if (this.#shown !== null) {
      // What is shown stays: a request may be evicted while one reads it.
      if (error.status === 404) {
        this.#settled = true;
        this.#gone.hidden = false;
        this.#shell.connection(null);
      } else {
        this.#shell.connection(error);
      }
      return;
    }
    const waiting = error.status === 404 && performance.now() - this.#opened < PATIENCE_MS;
    this.#delay = waiting ? 500 : 3000;
    this.#settled = error.status === 404 && !waiting;
    replace(
      this.#notice,
      waiting
        ? h("p", { class: "muted" }, "Waiting for the request to end…")
        : [
            h(
              "h2",
              null,
              error.status === 404
                ? "This request is not stored"
                : error.status === 403 || error.status === 401
                  ? "Not allowed"
                  : "No answer",
            ),
            h("p", null, error.message),
            h("a", { class: "button", href: listHash(this.#session.filter) }, "All requests"),
          ],
    );
  }

  /** @param {Detail} detail */
  #take(detail) {
    // Only what has changed is shown anew: what is open, selected or being copied stays.
    const before = this.#shown;
    const first = before === null;
    this.#gone.hidden = true;
    const same = (/** @type {keyof Detail} */ name) =>
      before !== null && JSON.stringify(detail[name]) === JSON.stringify(before.detail[name]);
    const sameSpans = same("spans");
    const sameFindings = same("findings");
    const trace = before !== null && sameSpans ? before.trace : buildTrace(detail);
    this.#shown = { detail, trace };
    this.#settled =
      detail.deliveries.every(({ settled }) => settled) && !detail.spans.some((span) => span.unfinished);
    const { request } = detail;
    document.title = `${request.method} ${request.route ?? request.path} · ${request.service} · otelbar`;
    this.#notice.hidden = true;
    this.#content.hidden = false;
    if (!sameSpans) {
      this.#panels.waterfall.update(trace);
      this.#panels.logs.update(trace);
    }
    if (!sameSpans || !sameFindings) this.#panels.queries.update(trace, detail.findings);
    if (!sameSpans || !same("propagation")) {
      this.#panels.propagation.update(detail, trace, (node) => {
        this.#showTab("waterfall");
        this.#select(node, { reveal: true });
      });
    }
    this.#showHead(detail, trace);
    if (!sameFindings) this.#showFindings(detail);
    this.#showNotes(detail, trace);
    if (first) this.#showTab(this.#tab);
    if (!sameSpans) {
      const wanted = this.#selected?.span.span_id ?? this.#spanId;
      const node = (wanted === null ? undefined : trace.byId.get(wanted)) ?? trace.root;
      this.#selected = node;
      this.#mark(node, { reveal: first });
    }
    if (first && this.#tab === "waterfall") this.#panels.waterfall.focus();
  }

  #backLink() {
    const step = (/** @type {1 | -1} */ by, /** @type {"up" | "down"} */ name, /** @type {string} */ title) =>
      h(
        "button",
        {
          class: `icon-button step-${by > 0 ? "next" : "previous"}`,
          type: "button",
          title,
          "aria-label": title,
          on: { click: () => this.#walk(by) },
        },
        icon(name),
      );
    return h(
      "nav",
      { class: "request-nav", "aria-label": "Requests" },
      h(
        "a",
        { class: "back", href: listHash(this.#session.filter), title: "All requests (Esc)" },
        icon("back"),
        "Requests",
      ),
      step(-1, "up", "Previous request of the list: the newer one ([)"),
      step(1, "down", "Next request of the list: the older one (])"),
    );
  }

  /**
   * Goes to the next request of the list as it was filtered there, or with −1 to the one before.
   *
   * @param {1 | -1} step
   */
  async #walk(step) {
    if (this.#walking) return;
    this.#walking = true;
    try {
      const from = this.#shown?.detail.request ?? { id: this.#id };
      const session = this.#session;
      const next = () =>
        neighbour(
          filterRequests(session.held, parseFilter(session.filter), nested(session.held)),
          from,
          step,
        );
      let found = session.loaded && this.#shown !== null ? next() : null;
      if (found === null) {
        await this.#fetchMore(null);
        found = next();
      }
      const oldest = session.held.at(-1)?.seq;
      if (found === null && step > 0 && oldest !== undefined) {
        await this.#fetchMore(oldest);
        found = next();
      }
      if (found === null) {
        part(this.#head, step > 0 ? ".step-next" : ".step-previous").setAttribute("disabled", "");
        announce(step > 0 ? "No older request in the list" : "No newer request in the list");
      } else {
        // Replaced, not pushed: walking through requests is no step for the Back button.
        location.replace(requestHash(found.id, null, this.#tab));
      }
    } catch (error) {
      if (this.#ended.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      announce(error.message);
    } finally {
      this.#walking = false;
    }
  }

  /** @param {number | null} before */
  async #fetchMore(before) {
    const session = this.#session;
    const reach = { limit: MORE, before };
    const answer = await fetchList(reach, this.#ended.signal);
    session.held = merge(session.held, answer.requests, reach);
    session.service = answer.service;
    session.loaded = true;
  }

  /**
   * @param {Detail} detail
   * @param {Trace} trace
   */
  #showHead({ request, deliveries, links, dropped }, trace) {
    const outcome = outcomeLabel(request.outcome);
    const target =
      request.query === null || request.query === "" ? request.path : `${request.path}?${request.query}`;
    const lost = Object.entries(dropped).filter(([, number]) => number > 0);
    replace(
      this.#head,
      h(
        "div",
        { class: "request-line" },
        this.#backLink(),
        h("span", { class: "method" }, request.method),
        trace.services.length > 1
          ? h("span", { class: "service-chip", title: `Service ${request.service}` }, request.service)
          : null,
        h("h1", { title: request.route ?? request.path }, request.route ?? request.path),
        h(
          "span",
          { class: `status status-large ${statusClass(request.status)}` },
          request.status ?? "no status",
        ),
        h("span", { class: "request-duration" }, duration(request.duration_ns)),
        h(
          "span",
          {
            class: `outcome tone-${outcome.tone} ${request.outcome === "completed" ? "wide-only" : ""}`,
            title: outcome.title,
          },
          outcome.short,
        ),
        request.broken
          ? h(
              "span",
              {
                class: "tag tag-bad",
                title:
                  "otelbar panicked while converting it: only the request itself is shown and exported. Please report it.",
              },
              "internal error",
            )
          : null,
        h("span", { class: "spacer" }),
        backendLinks(links, deliveries),
      ),
      h(
        "div",
        { class: "request-facts" },
        request.route !== null && target === request.route
          ? null
          : headFact(
              "Path",
              [h("span", { class: "mono clip", title: target }, target), copyButton(target, "the path")],
              "fact-path",
            ),
        headFact("Trace", [
          h("span", { class: "mono" }, request.trace_id),
          copyButton(request.trace_id, "the trace id"),
        ]),
        headFact("Span", [h("span", { class: "mono" }, request.id), copyButton(request.id, "the span id")]),
        headFact(
          "Started",
          h(
            "span",
            { title: `${dateTime(request.start_unix_ns)}\n${utc(request.start_unix_ns)}` },
            clock(request.start_unix_ns),
          ),
        ),
        deliveries.length === 0
          ? headFact("Export", deliveryState(request.export), "fact-export")
          : deliveries.map((delivery) =>
              headFact(
                deliveries.length > 1 ? `Export to ${delivery.destination}` : "Export",
                deliveryState(delivery),
                "fact-export",
              ),
            ),
        lost.length === 0
          ? null
          : headFact(
              "Dropped",
              h(
                "span",
                {
                  class: "text-warn",
                  title: "Not recorded for this request: over a limit, or too late",
                },
                lost
                  .map(([what, number]) =>
                    what === "late" ? `${count(number)} late` : plural(number, what.replace(/s$/, "")),
                  )
                  .join(", "),
              ),
            ),
      ),
    );
  }

  /** @param {Detail} detail */
  #showFindings({ findings, findings_left_out: leftOut }) {
    this.#findings.hidden = findings.length === 0;
    replace(
      this.#findings,
      some(findings, (finding) => {
        const bad = finding.severity === "critical";
        const label = findingLabel(finding.kind);
        return h(
          "details",
          { class: `finding finding-${SEVERITIES.includes(finding.severity) ? finding.severity : "info"}` },
          h(
            "summary",
            null,
            icon(bad ? "error" : finding.severity === "warning" ? "warning" : "info"),
            h(
              "span",
              {
                class: `badge badge-${bad ? "bad" : finding.severity === "warning" ? "warn" : "info"}`,
                title: label.title,
              },
              label.short,
            ),
            h("span", { class: "finding-title" }, finding.title),
            finding.location === null
              ? null
              : h("span", { class: "mono muted finding-location" }, finding.location),
            h("span", { class: "finding-detail muted" }, finding.detail),
            finding.span_ids.length === 0
              ? null
              : h(
                  "button",
                  {
                    class: "chip",
                    type: "button",
                    on: {
                      click: (event) => {
                        event.preventDefault();
                        this.#showTab("waterfall");
                        this.#panels.waterfall.showFinding(finding);
                        this.#panels.waterfall.focus();
                      },
                    },
                  },
                  finding.spans_left_out > 0
                    ? `Show ${count(finding.span_ids.length)} of ${plural(finding.span_ids.length + finding.spans_left_out, "span")}`
                    : `Show ${plural(finding.span_ids.length, "span")}`,
                ),
          ),
          h("p", { class: "prewrap" }, finding.detail),
        );
      }),
      leftOut.length === 0
        ? null
        : h(
            "p",
            { class: "muted findings-more" },
            "Not shown: ",
            leftOut
              .map(({ kind, count: number }) => `${count(number)} × ${findingLabel(kind).short}`)
              .join(", "),
            ".",
          ),
    );
  }

  /**
   * @param {Detail} detail
   * @param {Trace} trace
   */
  #showNotes({ request, propagation }, trace) {
    const logs = trace.nodes.reduce((sum, node) => sum + node.span.events.length, 0);
    setText(this.#tabs.waterfall.note, count(trace.nodes.length));
    setText(
      this.#tabs.queries.note,
      request.counts.queries > 0 ? `${count(request.counts.queries)} · ${duration(request.query_ns)}` : "0",
    );
    setText(this.#tabs.logs.note, count(logs));
    const refused = propagation.outcome === "refused";
    const { note } = this.#tabs.propagation;
    setText(
      note,
      refused
        ? "refused"
        : propagation.warnings.length > 0
          ? plural(propagation.warnings.length, "warning")
          : propagation.outcome,
    );
    note.classList.toggle("text-bad", refused);
    note.classList.toggle("text-warn", !refused && propagation.warnings.length > 0);
  }

  /** @param {Name} name */
  #showTab(name) {
    this.#tab = name;
    for (const tab of TABS) {
      const { button, panel } = this.#tabs[tab];
      const active = tab === name;
      button.setAttribute("aria-selected", String(active));
      button.tabIndex = active ? 0 : -1;
      panel.hidden = !active;
    }
    this.#split.classList.toggle(
      "without-details",
      name === "propagation" || this.#closed || this.#selected === null,
    );
    if (this.#selected !== null && this.#shown !== null)
      this.#details.show(this.#selected, this.#shown.trace, { elsewhere: name !== "waterfall" });
    /** @type {Tab} */
    const panel = this.#panels[name];
    panel.shown?.();
    this.#writeHash();
  }

  /**
   * Selects a span for all tabs, the details and the address.
   *
   * @param {SpanNode} node
   * @param {{ reveal: boolean }} options
   */
  #select(node, { reveal }) {
    this.#selected = node;
    this.#spanId = node.span.span_id;
    this.#closed = false;
    this.#mark(node, { reveal });
    this.#writeHash();
  }

  /**
   * @param {SpanNode | null} node
   * @param {{ reveal: boolean }} options
   */
  #mark(node, { reveal }) {
    this.#split.classList.toggle(
      "without-details",
      node === null || this.#tab === "propagation" || this.#closed,
    );
    if (node === null || this.#shown === null) return;
    this.#panels.waterfall.select(node, { reveal });
    this.#panels.queries.select(node);
    this.#panels.logs.select(node);
    this.#details.show(node, this.#shown.trace, { elsewhere: this.#tab !== "waterfall" });
  }

  /** @param {boolean} shown */
  #showDetails(shown) {
    this.#closed = !shown;
    this.#split.classList.toggle("without-details", !shown);
    this.#panels.waterfall.focus();
  }

  /** @param {number} size */
  #resizeDetails(size) {
    const most =
      (NARROW.matches ? this.#split.clientHeight : this.#split.clientWidth) - (NARROW.matches ? 160 : 420);
    const held = Math.max(NARROW.matches ? 120 : 280, Math.min(size, most));
    const name = NARROW.matches ? "details-height" : "details-width";
    this.#split.style.setProperty(`--${name}`, `${held}px`);
    rememberSize(name, held);
  }

  #writeHash() {
    replaceHash(requestHash(this.#id, this.#spanId, this.#tab));
  }
}

const SEVERITIES = ["info", "warning", "critical"];

/**
 * @param {string} name
 * @param {Child} value
 * @param {string} [className]
 */
function headFact(name, value, className = "") {
  return h("div", { class: `head-fact ${className}` }, h("span", { class: "head-fact-name" }, name), value);
}

/**
 * A delivery's state with what more there is to say.
 *
 * @param {Delivery | Export} delivery
 */
function deliveryState(delivery) {
  const state = exportLabel(delivery);
  const note = "spans" in delivery ? deliveryNote(delivery) : null;
  const { detail } = delivery;
  return [
    h("span", { class: `dot dot-${state.tone}` }),
    h(
      "span",
      { title: "endpoint" in delivery ? `${state.title}\n${delivery.endpoint}` : state.title },
      state.short,
    ),
    note === null ? null : h("span", { class: "muted" }, note),
    detail === null
      ? null
      : h("span", { class: `muted ${state.tone === "bad" ? "prewrap" : "clip"}`, title: detail }, detail),
  ];
}

/**
 * @param {BackendLink[]} links
 * @param {Delivery[]} deliveries
 */
function backendLinks(links, deliveries) {
  const waiting = links.filter(({ ready }) => !ready).map(({ destination }) => destination);
  const reasons = deliveries
    .filter(({ destination, state }) => waiting.includes(destination) && state !== "accepted")
    .map(notReady);
  return [
    links.map(({ name, url, ready }) =>
      ready
        ? h(
            "span",
            { class: "backend-link" },
            externalLink(
              url,
              h("span", null, h("span", { class: "wide-only" }, "Open in "), name),
              icon("external"),
            ),
          )
        : h(
            "span",
            { class: "backend-link is-inactive", role: "link", "aria-disabled": "true" },
            name,
            " ",
            icon("external"),
          ),
    ),
    reasons.length === 0
      ? null
      : h("span", { class: "backend-reason muted clip", title: reasons.join("\n") }, reasons.join("; ")),
  ];
}
