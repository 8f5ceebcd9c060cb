// The Queries tab: SQL spans grouped by statement, each group opening to its spans.

/**
 * @import { Finding } from "../shared/answers.d.ts"
 * @import { Group } from "./queries.js"
 * @import { SpanNode, Tab, Trace } from "./tree.d.ts"
 */

import { h, icon, part, replace, setAttribute, some } from "../shared/dom.js";
import { findingLabel } from "../shared/findings.js";
import { count, duration, offset, percent, plural, truncate } from "../shared/format.js";
import { sqlBlock, sqlParts } from "./details.js";
import { groupQueries, ORDERS } from "./queries.js";

const COLUMNS = [
  ["statement", "Statement"],
  ["count", "Count"],
  ["total", "Total"],
  ["longest", "Longest"],
  ["average", "Average"],
  ["rows", "Rows"],
];
/** Spans listed in an opened group before asking for the rest. */
const FIRST = 50;
/** Statements that are shown at first. */
const FIRST_STATEMENTS = 200;

/** @implements {Tab} */
export class QueriesTab {
  #onSelect;
  /** @type {Group[]} */
  #groups = [];
  #order = "total";
  /** @type {Set<string>} */
  #open = new Set();
  /** @type {Set<string>} */
  #all = new Set();
  /** @type {SpanNode | null} */
  #selected = null;
  #total = 0;

  /** @param {{ onSelect: (node: SpanNode) => void }} handlers */
  constructor({ onSelect }) {
    this.#onSelect = onSelect;
    this.element = h("div", { class: "scroller tab-scroller" });
  }

  /**
   * @param {Trace} trace
   * @param {Finding[]} findings
   */
  update(trace, findings) {
    this.#groups = groupQueries(
      trace.order.filter((node) => node.own),
      findings,
    );
    this.#total = this.#groups.reduce((sum, group) => sum + group.total, 0);
    // A single statement is what one came to see.
    if (this.#groups.length === 1) this.#open.add(this.#groups[0].key);
    this.#show();
  }

  /** @param {SpanNode | null} node */
  select(node) {
    this.#selected = node;
    for (const row of this.element.querySelectorAll("tr[data-node]")) {
      const selected = node !== null && row.getAttribute("data-node") === String(node.index);
      row.classList.toggle("is-selected", selected);
      setAttribute(row, "aria-current", selected ? "true" : null);
    }
  }

  #show() {
    if (this.#groups.length === 0) {
      replace(
        this.element,
        h(
          "div",
          { class: "empty" },
          h("h2", null, "No queries"),
          h("p", { class: "muted" }, "The toolbar recorded no SQL for this request."),
        ),
      );
      return;
    }
    const groups = [...this.#groups].sort(ORDERS[this.#order]);
    const number = groups.reduce((sum, group) => sum + group.count, 0);
    replace(
      this.element,
      h(
        "p",
        { class: "tab-summary" },
        h("b", null, plural(number, "query", "queries")),
        ` in `,
        h("b", null, duration(this.#total)),
        ` over ${plural(groups.length, "statement")}`,
      ),
      h(
        "table",
        { class: "data queries" },
        h(
          "thead",
          null,
          h(
            "tr",
            null,
            COLUMNS.map(([name, label]) => this.#heading(name, label)),
          ),
        ),
        some(groups, (group) => this.#group(group), {
          first: FIRST_STATEMENTS,
          wrap: (button) => h("tbody", null, h("tr", null, h("td", { colspan: COLUMNS.length }, button))),
        }),
      ),
    );
    this.select(this.#selected);
  }

  /**
   * @param {string} name
   * @param {string} label
   */
  #heading(name, label) {
    const ordered = this.#order === name;
    return h(
      "th",
      {
        scope: "col",
        class: `q-${name}`,
        "aria-sort": ordered ? (name === "statement" ? "ascending" : "descending") : null,
      },
      h(
        "button",
        { class: "sort", type: "button", on: { click: () => this.#sort(name) } },
        label,
        ordered ? h("span", { "aria-hidden": "true" }, name === "statement" ? " ↑" : " ↓") : null,
      ),
    );
  }

  /** @param {string} name */
  #sort(name) {
    this.#order = name;
    this.#show();
    part(this.element, `th.q-${name} button`).focus();
  }

  /** @param {Group} group */
  #group(group) {
    const open = this.#open.has(group.key);
    const share = h("i");
    share.style.width = `${this.#total > 0 ? (100 * group.total) / this.#total : 0}%`;
    const toggle = h(
      "button",
      {
        class: "query-toggle",
        type: "button",
        "aria-expanded": String(open),
        on: { click: () => this.#toggle(group) },
      },
      icon("chevron"),
      h("span", { class: "statement mono sql" }, sqlParts(truncate(group.text.replace(/\s+/g, " "), 300))),
    );
    const rows = [
      h(
        "tr",
        { class: `query-group ${open ? "is-open" : ""}` },
        h(
          "td",
          { class: "q-statement" },
          h(
            "div",
            { class: "query-line" },
            toggle,
            [...group.findings]
              .map(findingLabel)
              .map(({ short, title }) => h("span", { class: "badge badge-warn", title }, short)),
            group.errors > 0 ? h("span", { class: "badge badge-bad" }, plural(group.errors, "error")) : null,
            group.system === null ? null : h("span", { class: "tag" }, String(group.system)),
          ),
        ),
        h("td", { class: "num" }, count(group.count)),
        h(
          "td",
          { class: "num q-total" },
          h(
            "span",
            { class: "share", title: `${percent(group.total, this.#total)} of the time in queries` },
            share,
          ),
          duration(group.total),
        ),
        h(
          "td",
          { class: "num" },
          h(
            "button",
            {
              class: "link",
              type: "button",
              title: "Go to the longest",
              on: { click: () => this.#onSelect(group.longest) },
            },
            duration(group.longest.duration),
          ),
        ),
        h("td", { class: "num" }, duration(group.total / group.count)),
        h(
          "td",
          { class: "num" },
          group.rows === null ? h("span", { class: "zero" }, "–") : count(group.rows),
        ),
      ),
    ];
    if (open) rows.push(...this.#spans(group));
    return h("tbody", null, rows);
  }

  /** @param {Group} group */
  #spans(group) {
    const nodes = this.#all.has(group.key) ? group.nodes : group.nodes.slice(0, FIRST);
    const rest = group.nodes.length - nodes.length;
    return [
      h("tr", { class: "query-text" }, h("td", { colspan: COLUMNS.length }, sqlBlock(group.text))),
      ...nodes.map((node) =>
        h(
          "tr",
          {
            class: "query-span",
            data: { node: String(node.index) },
            on: { click: () => this.#onSelect(node) },
          },
          h(
            "td",
            { class: "q-statement" },
            h(
              "div",
              { class: "query-line" },
              h("button", { class: "link mono", type: "button" }, node.span.span_id),
              h(
                "span",
                { class: "muted" },
                "at ",
                offset(node.offset),
                node.parent === null ? "" : ` in ${truncate(node.parent.span.name, 60)}`,
              ),
              node.error ? h("span", { class: "badge badge-bad" }, "error") : null,
            ),
          ),
          h("td"),
          h("td", { class: "num" }, duration(node.duration)),
          h("td", { colspan: 3 }),
        ),
      ),
      rest > 0
        ? h(
            "tr",
            null,
            h(
              "td",
              { colspan: COLUMNS.length },
              h(
                "button",
                { class: "button", type: "button", on: { click: () => this.#showAll(group) } },
                `Show ${count(rest)} more`,
              ),
            ),
          )
        : null,
    ].filter((row) => row !== null);
  }

  /** @param {Group} group */
  #toggle(group) {
    if (!this.#open.delete(group.key)) this.#open.add(group.key);
    /** @returns {NodeListOf<HTMLElement>} */
    const toggles = () => this.element.querySelectorAll(".query-toggle");
    const index = [...toggles()].indexOf(/** @type {HTMLElement} */ (document.activeElement));
    this.#show();
    toggles()[index]?.focus();
  }

  /** @param {Group} group */
  #showAll(group) {
    this.#all.add(group.key);
    this.#show();
  }
}
