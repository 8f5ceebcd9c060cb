// The waterfall: the tree of spans on the left, their bars over the time axis on the right, an overview above.

/**
 * @import { Finding } from "../shared/answers.d.ts"
 * @import { Range, SpanNode, Tab, Trace } from "./tree.d.ts"
 */

import { closest, h, icon, part, replace, setAttribute, setText } from "../shared/dom.js";
import { count, duration, between as elapsed, offset, percent, plural, truncate } from "../shared/format.js";
import { Rows } from "../shared/rows.js";
import { levelOf } from "./logs.js";
import { rememberedSize, rememberSize, splitter } from "./splitter.js";
import {
  around,
  barPlace,
  between,
  busyShare,
  eventMarks,
  indent,
  labelSide,
  pan,
  severity,
  ticks,
  zoom,
} from "./timeline.js";
import { callTarget, findNodes, kindTotals, panelOf, visibleNodes } from "./trace.js";
import { KIND_NAMES } from "./words.js";

const ROW_HEIGHT = 26;
const NAME_WIDTH = 380;
const TICK_ROOM = 110;
const OVERVIEW_HEIGHT = 44;
/** What the style sheet leaves free right of the lanes, so that labels of bars that reach the end fit there. */
const LABEL_ROOM = 76;

/**
 * Until there is one.
 *
 * @type {Trace}
 */
const EMPTY = {
  id: "",
  traceId: "",
  base: "0",
  end: 1,
  nodes: [],
  order: [],
  roots: [],
  byId: new Map(),
  maxDepth: 0,
  root: null,
  services: [],
};

/**
 * What of a row is changed when it is brought up to date.
 *
 * @typedef {{
 *   hidden: HTMLElement,
 *   bar: HTMLElement,
 *   label: HTMLElement,
 *   marks: HTMLElement,
 *   indentation: HTMLElement,
 *   text: string,
 *   events: { at: number, level: string | null }[],
 *   range: Range | null,
 *   lane: number,
 *   width: number,
 * }} Parts
 */

/** @implements {Tab} */
export class Waterfall {
  #onSelect;
  #trace = EMPTY;
  #generation = 0;
  /** @type {Set<SpanNode>} */
  #collapsed = new Set();
  /** @type {SpanNode | null} */
  #selected = null;
  /** @type {Finding | null} */
  #finding = null;
  #onlyFinding = false;
  /** @type {Set<SpanNode>} */
  #found = new Set();
  /** @type {Set<string> | null} */
  #kinds = null;
  #ownOnly = false;
  /** @type {Set<SpanNode> | null} */
  #matches = null;
  /** @type {SpanNode[]} */
  #visible = [];
  /** @type {Range} */
  #range = { start: 0, end: 1 };
  /** @type {WeakMap<HTMLElement, Parts>} */
  #parts = new WeakMap();
  #nameWidth = rememberedSize("name-width", NAME_WIDTH);
  #lane = 1;
  #tip = h("div", { class: "tip", hidden: true });
  #find;
  #kindChips = h("div", { class: "chips", role: "group", "aria-label": "Kinds of spans" });
  #own;
  #resetZoom;
  #strip = h("div", { class: "found-strip", hidden: true, role: "status" });
  #grid;
  #scroller;
  #axis = h("div", { class: "lane axis" });
  #lines = h("div", { class: "lane grid-lines", "aria-hidden": "true" });
  #back = h("div", { class: "wf-back" }, this.#lines);
  #cursor = h("i", { class: "cursor", hidden: true });
  #cursorLabel = h("span", { class: "cursor-label", hidden: true });
  #canvas = h("canvas", {
    class: "overview",
    role: "img",
    "aria-label": "Overview of the trace; drag to zoom, double-click to show all",
  });
  #window = h("div", { class: "overview-window" });
  #overview = h("div", { class: "lane overview-lane" }, this.#canvas, this.#window);
  #summary = h("div", { class: "wf-summary" });
  #none = h("div", { class: "empty", hidden: true });
  #rows;
  #observer;
  #dark = matchMedia("(prefers-color-scheme: dark)");
  #redraw = () => this.#drawOverview();

  /** @param {{ onSelect: (node: SpanNode) => void }} handlers */
  constructor({ onSelect }) {
    this.#onSelect = onSelect;
    this.#find = h("input", {
      type: "search",
      class: "filter",
      placeholder: "Find spans: name, attribute, id",
      "aria-label": "Find spans",
      spellcheck: "false",
      autocomplete: "off",
      on: {
        input: () => this.#refresh(),
        keydown: (event) => {
          if (event.key !== "Enter" && event.key !== "ArrowDown") return;
          this.#grid.focus();
          const first = this.#visible.find((node) => this.#matches === null || this.#matches.has(node));
          if (first !== undefined) this.#choose(first);
          event.preventDefault();
        },
      },
    });
    this.#own = h(
      "button",
      {
        class: "chip",
        type: "button",
        "aria-pressed": "false",
        title: "Hide spans of other requests of this trace",
        hidden: true,
        on: { click: () => this.#toggleOwn() },
      },
      "This request only",
    );
    this.#resetZoom = h(
      "button",
      {
        class: "chip is-strong",
        type: "button",
        hidden: true,
        title: "Show the whole trace (0)",
        on: { click: () => this.#setRange(this.#whole()) },
      },
      "Reset zoom",
    );
    const body = h("div", { role: "rowgroup" });
    const head = h(
      "div",
      { class: "wf-head" },
      h(
        "div",
        { class: "wf-row wf-overview" },
        this.#summary,
        h("div", { class: "wf-time" }, this.#overview),
      ),
      h(
        "div",
        { class: "wf-row wf-axis", role: "row", "aria-rowindex": "1" },
        h(
          "div",
          { class: "wf-name", role: "columnheader" },
          h("span", null, "Span"),
          h("span", { class: "spacer" }),
          h(
            "button",
            {
              class: "icon-button",
              type: "button",
              title: "Expand all",
              "aria-label": "Expand all",
              on: { click: () => this.#collapseAll(false) },
            },
            icon("expand"),
          ),
          h(
            "button",
            {
              class: "icon-button",
              type: "button",
              title: "Collapse all",
              "aria-label": "Collapse all",
              on: { click: () => this.#collapseAll(true) },
            },
            icon("collapse"),
          ),
        ),
        h("div", { class: "wf-time", role: "columnheader", "aria-label": "Time" }, this.#axis),
        splitter({
          label: "Width of the names",
          className: "wf-splitter",
          axis: "x",
          size: () => this.#nameWidth,
          resize: (width) => this.#setNameWidth(width),
          grows: 1,
        }),
      ),
    );
    this.#scroller = h("div", { class: "scroller wf-scroller" }, head, body, this.#back, this.#none);
    this.#grid = h(
      "div",
      { class: "grid-focus", role: "treegrid", "aria-label": "Spans", tabindex: "0" },
      this.#scroller,
    );
    this.#rows = new Rows({
      scroller: this.#scroller,
      body,
      height: ROW_HEIGHT,
      key: (/** @type {SpanNode} */ node) => node.index,
      signature: () => this.#generation,
      create: (node) => this.#createRow(node),
      patch: (element, node) => this.#patchRow(element, node),
    });
    this.#lines.append(this.#cursor);
    this.element = h(
      "div",
      { class: "waterfall" },
      h(
        "div",
        { class: "toolbar" },
        h(
          "label",
          { class: "field field-small" },
          icon("search"),
          this.#find,
          h("kbd", { "aria-hidden": "true" }, "/"),
        ),
        this.#kindChips,
        this.#own,
        this.#resetZoom,
      ),
      this.#strip,
      this.#grid,
      this.#tip,
    );
    this.element.style.setProperty("--name-width", `${this.#nameWidth}px`);
    this.#watchPointer(body);
    this.#watchOverview();
    this.#observer = new ResizeObserver(() => this.#layout());
    this.#observer.observe(this.#canvas);
    this.#dark.addEventListener("change", this.#redraw);
  }

  destroy() {
    this.#observer.disconnect();
    this.#rows.destroy();
    this.#dark.removeEventListener("change", this.#redraw);
    this.#tip.remove();
  }

  /**
   * Shows a trace. When it is the same one read again, what is collapsed, found and zoomed stays.
   *
   * @param {Trace} trace
   */
  update(trace) {
    const before = this.#trace;
    const zoomed = this.#range.start > 0 || this.#range.end < before.end;
    const collapsed = new Set([...this.#collapsed].map((node) => node.span.span_id));
    this.#trace = trace;
    this.#generation += 1;
    this.#collapsed = new Set(
      trace.nodes.filter((node) => node.children.length > 0 && collapsed.has(node.span.span_id)),
    );
    this.#range = zoomed
      ? { start: this.#range.start, end: Math.min(this.#range.end, trace.end) }
      : { start: 0, end: trace.end };
    if (this.#selected !== null) this.#selected = trace.byId.get(this.#selected.span.span_id) ?? null;
    if (this.#finding !== null) this.#markFound(this.#finding);
    this.#showKinds();
    this.#own.hidden = trace.nodes.every((node) => node.own);
    replace(
      this.#summary,
      h("span", null, plural(trace.nodes.length, "span")),
      h("span", null, duration(trace.end)),
      h("span", null, `depth ${trace.maxDepth + 1}`),
      trace.services.length > 1
        ? h("span", { title: trace.services.join("\n") }, plural(trace.services.length, "service"))
        : null,
    );
    this.#refresh();
  }

  /**
   * Marks a node as selected, and brings it into sight when `reveal` is set.
   *
   * @param {SpanNode | null} node
   * @param {{ reveal?: boolean }} [options]
   */
  select(node, { reveal = true } = {}) {
    this.#selected = node;
    if (node !== null && reveal) this.#bringIntoSight(node);
    this.#rows.render();
    this.#markActive();
  }

  /**
   * Highlights the spans of a finding and goes to the first of them.
   *
   * @param {Finding} finding
   */
  showFinding(finding) {
    this.#finding = finding;
    this.#onlyFinding = false;
    this.#markFound(finding);
    this.#refresh();
    const first = this.#trace.order.find((node) => this.#found.has(node));
    if (first !== undefined) this.#choose(first);
  }

  /** To be called when its tab comes into sight: only then it can be laid out. */
  shown() {
    this.#layout();
    if (this.#selected !== null) this.#bringIntoSight(this.#selected);
  }

  focus() {
    this.#grid.focus({ preventScroll: true });
  }

  /**
   * @param {KeyboardEvent} event
   * @param {boolean} typing
   */
  key(event, typing) {
    const { key } = event;
    if (key === "Escape") return this.#escape(typing);
    if (key === "/") this.#find.focus();
    else if (key === "j" || key === "ArrowDown") this.#move(1);
    else if (key === "k" || key === "ArrowUp") this.#move(-1);
    else if (key === "PageDown") this.#move(this.#rows.pageSize);
    else if (key === "PageUp") this.#move(-this.#rows.pageSize);
    else if (key === "Home" || key === "g") this.#move(-Infinity);
    else if (key === "End" || key === "G") this.#move(Infinity);
    else if (key === "ArrowLeft" || key === "h") this.#outwards();
    else if (key === "ArrowRight" || key === "l") this.#inwards();
    else if (key === "n") this.#nextFound(1);
    else if (key === "N") this.#nextFound(-1);
    else if (key === "z" && this.#selected !== null)
      this.#setRange(around(this.#selected.offset, this.#selected.duration, this.#whole()));
    else if (key === "+" || key === "=")
      this.#setRange(zoom(this.#range, 0.5, this.#anchor(), this.#whole()));
    else if (key === "-") this.#setRange(zoom(this.#range, 2, this.#anchor(), this.#whole()));
    else if (key === "0") this.#setRange(this.#whole());
    else return false;
    return true;
  }

  #refresh() {
    const trace = this.#trace;
    let matches = findNodes(trace, { text: this.#find.value, kinds: this.#kinds, ownOnly: this.#ownOnly });
    if (this.#onlyFinding)
      matches =
        matches === null ? this.#found : new Set([...matches].filter((node) => this.#found.has(node)));
    this.#matches = matches;
    this.#visible = visibleNodes(trace, { collapsed: this.#collapsed, matches });
    this.#rows.update(this.#visible);
    this.#grid.setAttribute("aria-rowcount", String(this.#visible.length + 1));
    this.#back.style.height = `${this.#visible.length * ROW_HEIGHT}px`;
    this.#none.hidden = this.#visible.length > 0;
    if (this.#visible.length === 0)
      replace(
        this.#none,
        h("p", { class: "muted" }, trace.nodes.length === 0 ? "No spans were recorded." : "No span matches."),
      );
    this.#showStrip();
    this.#layout();
    this.#markActive();
  }

  #layout() {
    const width = this.#canvas.clientWidth;
    if (width === 0) return;
    this.#lane = width;
    const most = Math.max(2, Math.floor(width / TICK_ROOM));
    const marks = ticks(this.#range, most);
    replace(
      this.#axis,
      marks.map(({ place, label }) => {
        const mark = h("span", { class: "tick" }, label);
        mark.style.left = `${place * 100}%`;
        return mark;
      }),
      this.#cursorLabel,
    );
    replace(
      this.#lines,
      marks.map(({ place }) => {
        const line = h("i");
        line.style.left = `${place * 100}%`;
        return line;
      }),
      this.#cursor,
    );
    const whole = this.#whole();
    const zoomed = this.#range.start > whole.start || this.#range.end < whole.end;
    this.#resetZoom.hidden = !zoomed;
    this.#window.hidden = !zoomed;
    this.#window.style.left = `${(100 * this.#range.start) / whole.end}%`;
    this.#window.style.width = `${(100 * (this.#range.end - this.#range.start)) / whole.end}%`;
    this.#drawOverview();
    this.#rows.render();
  }

  /** @param {SpanNode} node */
  #createRow(node) {
    const { span } = node;
    const kind = panelOf(span);
    const target = callTarget(span);
    const twisty =
      node.children.length > 0
        ? h(
            "button",
            { class: "twisty", type: "button", tabindex: "-1", "aria-hidden": "true" },
            icon("chevron"),
          )
        : h("span", { class: "twisty" });
    const hidden = h("span", { class: "hidden-count", hidden: true });
    const bar = h("div", {
      class: `bar ${node.error ? "is-error" : ""} ${span.unfinished ? "is-unfinished" : ""} ${span.synthesised ? "is-synthesised" : ""}`,
    });
    const label = h("span", { class: "bar-label" });
    const marks = h("div", { class: "marks" });
    const lane = h("div", { class: "lane" }, bar, marks, label);
    const name = h(
      "div",
      { class: "wf-name", role: "gridcell" },
      twisty,
      h("span", { class: "kind-dot", title: KIND_NAMES[kind] }),
      node.foreign
        ? h("span", { class: "service-chip", title: `Service ${span.service}` }, span.service)
        : null,
      h("span", { class: "span-name" }, span.name),
      target === null ? null : h("span", { class: "span-target mono muted", title: target }, target),
      node.error
        ? h(
            "span",
            { class: "mark mark-bad", title: span.status_message ?? "The span’s status is error" },
            icon("error"),
          )
        : null,
      node.error || !span.events.some((event) => levelOf(event) === "ERROR")
        ? null
        : h("span", { class: "mark mark-bad", title: "Has events of level ERROR" }, icon("error")),
      span.unfinished
        ? h("span", { class: "tag tag-warn", title: "The span had not ended when it was read" }, "unfinished")
        : null,
      span.synthesised
        ? h("span", { class: "tag", title: "Its times were estimated, not measured" }, "synthesised")
        : null,
      node.cycle
        ? h(
            "span",
            { class: "tag tag-bad", title: "Its parent is one of its own descendants; shown as a root" },
            "cycle",
          )
        : null,
      node.remoteParent && node.span.span_id !== this.#trace.id
        ? h(
            "span",
            { class: "tag", title: `Its parent ${span.parent_span_id} is not stored here` },
            "parent elsewhere",
          )
        : null,
      hidden,
    );
    const indentation = h("span", { class: "indent", "aria-hidden": "true" });
    name.prepend(indentation);
    const row = h(
      "div",
      {
        class: `wf-row kind-${kind} ${node.own ? "" : "is-other"} ${node.span.span_id === this.#trace.id ? "is-root" : ""}`,
        role: "row",
        id: `span-row-${node.index}`,
        "aria-level": node.depth + 1,
      },
      name,
      h("div", { class: "wf-time", role: "gridcell" }, lane),
    );
    const busy = busyShare(span.busy_ns, node.duration);
    if (busy !== null) {
      const filled = h("i", { class: "busy" });
      filled.style.width = `${busy * 100}%`;
      bar.append(filled);
      bar.classList.add("has-busy");
    }
    const text = `${span.unfinished ? "≥ " : span.synthesised ? "≈ " : ""}${duration(span.duration_ns)}`;
    label.append(text);
    const events = span.events.map((event) => ({
      at: elapsed(this.#trace.base, event.time_unix_ns),
      level: levelOf(event),
    }));
    this.#parts.set(row, {
      hidden,
      bar,
      label,
      marks,
      indentation,
      text,
      events,
      range: null,
      lane: 0,
      width: 0,
    });
    row.addEventListener("click", (event) => {
      if (closest(event, "button.twisty") !== null) this.#toggle(node);
      else this.#choose(node);
    });
    row.addEventListener("dblclick", (event) => {
      if (closest(event, ".wf-time") !== null)
        this.#setRange(around(node.offset, node.duration, this.#whole()));
      else if (closest(event, ".twisty") === null) this.#toggle(node);
    });
    return row;
  }

  /**
   * @param {HTMLElement} row
   * @param {SpanNode} node
   */
  #patchRow(row, node) {
    const parts = this.#parts.get(row);
    if (parts === undefined) return;
    const collapsed = this.#collapsed.has(node) && this.#matches === null;
    setAttribute(row, "aria-expanded", node.children.length === 0 ? null : String(!collapsed));
    row.classList.toggle("is-collapsed", collapsed);
    parts.hidden.hidden = !collapsed;
    if (collapsed) setText(parts.hidden, `+${count(node.descendants)}`);
    row.classList.toggle("is-selected", node === this.#selected);
    row.setAttribute("aria-selected", String(node === this.#selected));
    row.classList.toggle("is-found", this.#found.has(node));
    row.classList.toggle(
      "is-dim",
      (this.#matches !== null && !this.#matches.has(node)) ||
        (this.#finding !== null && !this.#found.has(node)),
    );
    if (parts.range === this.#range && parts.lane === this.#lane && parts.width === this.#nameWidth) return;
    Object.assign(parts, { range: this.#range, lane: this.#lane, width: this.#nameWidth });
    parts.indentation.style.width = `${indent(node.depth, this.#trace.maxDepth, this.#nameWidth * 0.45)}px`;
    const place = barPlace(node.offset, node.duration, this.#range);
    parts.bar.hidden = place === null;
    parts.label.hidden = place === null;
    parts.marks.hidden = place === null;
    if (place === null) return;
    const { bar, label } = parts;
    bar.style.left = `${place.left * 100}%`;
    bar.style.width = `${place.width * 100}%`;
    bar.classList.toggle("cut-left", place.cutLeft);
    bar.classList.toggle("cut-right", place.cutRight);
    // A character of the label is about 6.2 pixels wide; measuring each would force a layout for every row.
    const side = labelSide(place, (parts.text.length * 6.2 + 12) / this.#lane, LABEL_ROOM / this.#lane);
    label.className = `bar-label label-${side}`;
    label.style.left = side === "after" ? `${(place.left + place.width) * 100}%` : "";
    label.style.right =
      side === "before"
        ? `${(1 - place.left) * 100}%`
        : side === "inside"
          ? `${(1 - place.left - place.width) * 100}%`
          : "";
    replace(
      parts.marks,
      eventMarks(parts.events, this.#range, 3 / this.#lane).map(({ place: at, level }) => {
        const mark = h("i", {
          class: severity(level) >= 5 ? "mark-error" : severity(level) === 4 ? "mark-warn" : null,
        });
        mark.style.left = `${at * 100}%`;
        return mark;
      }),
    );
  }

  #showKinds() {
    const totals = kindTotals(this.#trace);
    replace(
      this.#kindChips,
      totals.length < 2
        ? null
        : totals.map(({ kind, count: number, duration: total }) =>
            h(
              "button",
              {
                class: `chip kind-chip kind-${kind}`,
                type: "button",
                title: `${KIND_NAMES[kind]}: ${plural(number, "span")}, ${duration(total)} in total. Show only these.`,
                "aria-pressed": String(this.#kinds?.has(kind) ?? false),
                on: { click: () => this.#toggleKind(kind) },
              },
              h("span", { class: "kind-dot" }),
              KIND_NAMES[kind],
              h("span", { class: "muted" }, count(number)),
            ),
          ),
    );
  }

  /** @param {string} kind */
  #toggleKind(kind) {
    const kinds = new Set(this.#kinds ?? []);
    if (!kinds.delete(kind)) kinds.add(kind);
    this.#kinds = kinds.size === 0 ? null : kinds;
    this.#showKinds();
    this.#refresh();
    part(this.#kindChips, `.kind-${kind}`).focus();
  }

  #toggleOwn() {
    this.#ownOnly = !this.#ownOnly;
    this.#own.setAttribute("aria-pressed", String(this.#ownOnly));
    this.#refresh();
  }

  /** @param {Finding} finding */
  #markFound(finding) {
    const ids = new Set(finding.span_ids);
    this.#found = new Set(this.#trace.order.filter((node) => ids.has(node.span.span_id)));
  }

  #showStrip() {
    const finding = this.#finding;
    this.#strip.hidden = finding === null;
    if (finding === null) return;
    const at = this.#placeIn(this.#trace.order.filter((node) => this.#found.has(node)));
    replace(
      this.#strip,
      h(
        "span",
        { class: "found-title" },
        h(
          "b",
          null,
          at < 0
            ? plural(this.#found.size, "span")
            : `${count(at + 1)} of ${plural(this.#found.size, "span")}`,
        ),
        ` of “${finding.title}”`,
      ),
      h(
        "button",
        { class: "chip", type: "button", title: "Previous (N)", on: { click: () => this.#nextFound(-1) } },
        "Previous",
      ),
      h(
        "button",
        { class: "chip", type: "button", title: "Next (n)", on: { click: () => this.#nextFound(1) } },
        "Next",
      ),
      h(
        "button",
        {
          class: "chip",
          type: "button",
          "aria-pressed": String(this.#onlyFinding),
          on: { click: () => this.#toggleOnlyFinding() },
        },
        "Show only these",
      ),
      h(
        "button",
        {
          class: "icon-button",
          type: "button",
          title: "Clear (Esc)",
          "aria-label": "Clear the highlighted spans",
          on: { click: () => this.#clearFinding() },
        },
        icon("close"),
      ),
    );
  }

  /**
   * Where the selected node is among others, or −1.
   *
   * @param {SpanNode[]} nodes
   */
  #placeIn(nodes) {
    return this.#selected === null ? -1 : nodes.indexOf(this.#selected);
  }

  #toggleOnlyFinding() {
    this.#onlyFinding = !this.#onlyFinding;
    this.#refresh();
    if (this.#selected !== null) this.#bringIntoSight(this.#selected);
  }

  #clearFinding() {
    this.#finding = null;
    this.#found = new Set();
    this.#onlyFinding = false;
    this.#refresh();
    if (this.#selected !== null) this.#bringIntoSight(this.#selected);
  }

  /** @param {1 | -1} step */
  #nextFound(step) {
    const found = this.#visible.filter((node) => this.#found.has(node));
    if (found.length === 0) return;
    const at = this.#placeIn(found);
    this.#choose(found[at < 0 ? 0 : (at + step + found.length) % found.length]);
  }

  /** @param {boolean} typing */
  #escape(typing) {
    if (typing && this.#find.value === "") {
      this.#grid.focus();
    } else if (this.#find.value !== "" || this.#kinds !== null) {
      this.#find.value = "";
      this.#kinds = null;
      this.#showKinds();
      this.#refresh();
    } else if (this.#finding !== null) {
      this.#clearFinding();
    } else {
      return false;
    }
    return true;
  }

  /** @param {SpanNode} node */
  #choose(node) {
    this.#selected = node;
    this.#bringIntoSight(node);
    this.#rows.render();
    this.#markActive();
    if (this.#finding !== null) this.#showStrip();
    this.#onSelect(node);
  }

  /** @param {SpanNode} node */
  #bringIntoSight(node) {
    let opened = false;
    for (let above = node.parent; above !== null; above = above.parent)
      opened = this.#collapsed.delete(above) || opened;
    if (opened) this.#refresh();
    this.#rows.reveal(this.#visible.indexOf(node), { centre: true });
  }

  #markActive() {
    setAttribute(
      this.#grid,
      "aria-activedescendant",
      this.#selected === null ? null : `span-row-${this.#selected.index}`,
    );
  }

  /** @param {number} step */
  #move(step) {
    if (this.#visible.length === 0) return;
    const at = this.#placeIn(this.#visible);
    const from = at < 0 ? (step > 0 ? -1 : 0) : at;
    const to = Math.min(this.#visible.length - 1, Math.max(0, from + step));
    this.#rows.reveal(to);
    this.#choose(this.#visible[to]);
  }

  #outwards() {
    const node = this.#selected;
    if (node === null) return;
    if (node.children.length > 0 && !this.#collapsed.has(node)) this.#toggle(node);
    else if (node.parent !== null) this.#choose(node.parent);
  }

  #inwards() {
    const node = this.#selected;
    if (node === null || node.children.length === 0) return;
    if (this.#collapsed.has(node)) this.#toggle(node);
    else this.#choose(node.children[0]);
  }

  /** @param {SpanNode} node */
  #toggle(node) {
    if (node.children.length === 0) return;
    if (!this.#collapsed.delete(node)) this.#collapsed.add(node);
    this.#refresh();
  }

  /** @param {boolean} collapse */
  #collapseAll(collapse) {
    this.#collapsed = new Set(
      collapse ? this.#trace.nodes.filter((node) => node.children.length > 0 && node.depth > 0) : [],
    );
    this.#refresh();
  }

  #whole() {
    return { start: 0, end: this.#trace.end };
  }

  #anchor() {
    if (this.#selected === null) return 0.5;
    const middle = this.#selected.offset + this.#selected.duration / 2;
    const place = (middle - this.#range.start) / (this.#range.end - this.#range.start);
    return place >= 0 && place <= 1 ? place : 0.5;
  }

  /** @param {Range} range */
  #setRange(range) {
    this.#range = range;
    this.#layout();
  }

  /** @param {number} width */
  #setNameWidth(width) {
    this.#nameWidth = Math.max(160, Math.min(width, this.#scroller.clientWidth - 240));
    this.element.style.setProperty("--name-width", `${this.#nameWidth}px`);
    rememberSize("name-width", this.#nameWidth);
    this.#layout();
  }

  /** @param {HTMLElement} body */
  #watchPointer(body) {
    const timeAt = (/** @type {MouseEvent} */ event) => {
      const box = this.#axis.getBoundingClientRect();
      return (event.clientX - box.left) / box.width;
    };
    this.#scroller.addEventListener("pointermove", (event) => {
      const place = timeAt(event);
      const inside = place >= 0 && place <= 1 && closest(event, ".wf-overview") === null;
      this.#cursor.hidden = !inside;
      this.#cursorLabel.hidden = !inside;
      if (inside) {
        this.#cursor.style.left = `${place * 100}%`;
        this.#cursorLabel.style.left = `${place * 100}%`;
        setText(
          this.#cursorLabel,
          duration(this.#range.start + place * (this.#range.end - this.#range.start)),
        );
      }
      const row = closest(event, ".wf-row[id]");
      this.#showTip(
        row === null || !body.contains(row)
          ? null
          : this.#visible[Number(row.getAttribute("aria-rowindex")) - 2],
        event,
      );
    });
    this.#scroller.addEventListener("pointerleave", () => {
      this.#cursor.hidden = true;
      this.#cursorLabel.hidden = true;
      this.#tip.hidden = true;
    });
    this.#scroller.addEventListener("scroll", () => (this.#tip.hidden = true), { passive: true });
    this.#scroller.addEventListener(
      "wheel",
      (event) => {
        const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey;
        if (event.ctrlKey || event.metaKey) {
          this.#setRange(
            zoom(
              this.#range,
              Math.exp(event.deltaY / 300),
              Math.min(1, Math.max(0, timeAt(event))),
              this.#whole(),
            ),
          );
        } else if (sideways) {
          this.#setRange(pan(this.#range, (event.deltaX || event.deltaY) / this.#lane, this.#whole()));
        } else {
          return;
        }
        event.preventDefault();
      },
      { passive: false },
    );
  }

  /**
   * @param {SpanNode | null | undefined} node
   * @param {MouseEvent} event
   */
  #showTip(node, event) {
    if (node === undefined || node === null) {
      this.#tip.hidden = true;
      return;
    }
    if (this.#tip.dataset.node !== `${this.#generation}.${node.index}`) {
      this.#tip.dataset.node = `${this.#generation}.${node.index}`;
      const { span } = node;
      const target = callTarget(span);
      const line = (/** @type {string} */ name, /** @type {string} */ value) => [
        h("dt", null, name),
        h("dd", null, value),
      ];
      replace(
        this.#tip,
        h(
          "div",
          { class: `tip-name kind-${panelOf(span)}` },
          h("span", { class: "kind-dot" }),
          span.name,
          target === null ? null : h("span", { class: "mono muted" }, truncate(target, 120)),
        ),
        h(
          "dl",
          null,
          line(
            "Duration",
            `${span.synthesised ? "≈ " : ""}${duration(span.duration_ns)}${span.unfinished ? " so far" : ""} · ${percent(node.duration, this.#trace.end)}`,
          ),
          span.busy_ns === null
            ? null
            : line(
                "Busy",
                `${duration(span.busy_ns)} · waiting ${duration(Math.max(0, node.duration - span.busy_ns))}`,
              ),
          line("Start", offset(node.offset)),
          line("End", offset(node.offset + node.duration)),
          span.events.length > 0 ? line("Events", count(span.events.length)) : null,
          this.#trace.services.length > 1 ? line("Service", span.service) : null,
        ),
      );
    }
    this.#tip.hidden = false;
    const { width, height } = this.#tip.getBoundingClientRect();
    const left = event.clientX + 16 + width > innerWidth ? event.clientX - width - 12 : event.clientX + 16;
    const top = event.clientY + 18 + height > innerHeight ? event.clientY - height - 12 : event.clientY + 18;
    this.#tip.style.left = `${Math.max(4, left)}px`;
    this.#tip.style.top = `${Math.max(4, top)}px`;
  }

  #watchOverview() {
    const lane = this.#overview;
    const placeOf = (/** @type {PointerEvent} */ event) => {
      const box = lane.getBoundingClientRect();
      return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    };
    lane.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      lane.setPointerCapture(event.pointerId);
      const from = placeOf(event);
      const move = (/** @type {PointerEvent} */ moved) => {
        const to = placeOf(moved);
        if (Math.abs(to - from) * this.#lane >= 3) this.#setRange(between(from, to, this.#whole()));
      };
      lane.addEventListener("pointermove", move);
      lane.addEventListener("lostpointercapture", () => lane.removeEventListener("pointermove", move), {
        once: true,
      });
    });
    lane.addEventListener("dblclick", () => this.#setRange(this.#whole()));
  }

  #drawOverview() {
    const trace = this.#trace;
    const width = this.#canvas.clientWidth;
    if (width === 0) return;
    const ratio = devicePixelRatio || 1;
    this.#canvas.width = Math.round(width * ratio);
    this.#canvas.height = Math.round(OVERVIEW_HEIGHT * ratio);
    const context = this.#canvas.getContext("2d");
    if (context === null) return;
    const style = getComputedStyle(this.element);
    /** @type {Map<string, string>} */
    const colours = new Map();
    const colour = (/** @type {string} */ kind) => {
      const known = colours.get(kind);
      if (known !== undefined) return known;
      const value = style.getPropertyValue(kind === "error" ? "--bad" : `--kind-${kind}`).trim();
      colours.set(kind, value);
      return value;
    };
    const room = OVERVIEW_HEIGHT - 6;
    const step = Math.min(5, room / Math.max(1, trace.order.length));
    context.scale(ratio, ratio);
    trace.order.forEach((node, index) => {
      context.fillStyle = colour(node.error ? "error" : panelOf(node.span));
      context.fillRect(
        (node.offset / trace.end) * width,
        3 + index * step,
        Math.max(1, (node.duration / trace.end) * width),
        Math.max(1, step - 1),
      );
    });
  }
}
