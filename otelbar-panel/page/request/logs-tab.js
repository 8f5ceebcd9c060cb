// The Logs tab: every event of every span in the order of time.

/** @import { Log, SpanNode, Tab, Trace } from "./tree.d.ts" */

import { h, icon, part, replace, setAttribute, setText } from "../shared/dom.js";
import { count, offset, plural, utc } from "../shared/format.js";
import { Rows } from "../shared/rows.js";
import { levelBadge } from "./details.js";
import { collectLogs, filterLogs, LEVELS, levelCounts, summary, titleOf } from "./logs.js";

const ROW_HEIGHT = 26;

/** @implements {Tab} */
export class LogsTab {
  #onSelect;
  /** @type {Log[]} */
  #logs = [];
  /** @type {Log[]} */
  #shown = [];
  #levels = new Set(LEVELS);
  #generation = 0;
  /** @type {SpanNode | null} */
  #selected = null;
  #at = -1;
  #chips;
  #find;
  #tally;
  #grid;
  #scroller;
  #empty;
  #rows;

  /** @param {{ onSelect: (node: SpanNode) => void }} handlers */
  constructor({ onSelect }) {
    this.#onSelect = onSelect;
    this.#chips = h("div", { class: "chips", role: "group", "aria-label": "Levels" });
    this.#tally = h("span", { class: "muted tally", role: "status" });
    this.#find = h("input", {
      type: "search",
      class: "filter",
      placeholder: "Find in logs",
      "aria-label": "Find in logs",
      spellcheck: "false",
      autocomplete: "off",
      on: { input: () => this.#refresh() },
    });
    this.#empty = h("div", { class: "empty", hidden: true });
    const body = h("div", { role: "rowgroup" });
    this.#scroller = h(
      "div",
      { class: "scroller" },
      h(
        "div",
        { class: "log-row grid-head", role: "row", "aria-rowindex": "1" },
        ["Time", "Level", "Message", "Span"].map((label) => h("div", { role: "columnheader" }, label)),
      ),
      body,
      this.#empty,
    );
    this.#grid = h(
      "div",
      { class: "grid-focus", role: "grid", "aria-label": "Logs", tabindex: "0" },
      this.#scroller,
    );
    this.element = h(
      "div",
      { class: "logs" },
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
        this.#chips,
        h("div", { class: "spacer" }),
        this.#tally,
      ),
      this.#grid,
    );
    this.#rows = new Rows({
      scroller: this.#scroller,
      body,
      height: ROW_HEIGHT,
      key: (/** @type {Log} */ log) => `${log.node.index}.${log.index}`,
      signature: () => this.#generation,
      create: (log) => this.#createRow(log),
      patch: (row, log) => {
        const selected = log.node === this.#selected;
        row.classList.toggle("is-selected", selected);
        row.classList.toggle("is-current", this.#shown[this.#at] === log);
        row.setAttribute("aria-selected", String(selected));
      },
    });
  }

  /** @param {Trace} trace */
  update(trace) {
    this.#logs = collectLogs(trace);
    this.#generation += 1;
    this.#showLevels();
    this.#refresh();
  }

  /** @param {SpanNode | null} node */
  select(node) {
    this.#selected = node;
    this.#rows.render();
  }

  shown() {
    this.#rows.render();
  }

  destroy() {
    this.#rows.destroy();
  }

  /**
   * @param {KeyboardEvent} event
   * @param {boolean} typing
   */
  key(event, typing) {
    const { key } = event;
    if (key === "/") this.#find.focus();
    else if (key === "j" || key === "ArrowDown") this.#move(1);
    else if (key === "k" || key === "ArrowUp") this.#move(-1);
    else if (key === "PageDown") this.#move(this.#rows.pageSize);
    else if (key === "PageUp") this.#move(-this.#rows.pageSize);
    else if (key === "Escape" && this.#find.value !== "") {
      this.#find.value = "";
      this.#refresh();
    } else if (key === "Escape" && typing) this.#grid.focus();
    else return false;
    return true;
  }

  #refresh() {
    this.#shown = filterLogs(this.#logs, { levels: this.#levels, text: this.#find.value });
    this.#at = Math.min(this.#at, this.#shown.length - 1);
    this.#rows.update(this.#shown);
    this.#grid.setAttribute("aria-rowcount", String(this.#shown.length + 1));
    setText(
      this.#tally,
      this.#shown.length === this.#logs.length
        ? plural(this.#logs.length, "event")
        : `${count(this.#shown.length)} of ${plural(this.#logs.length, "event")}`,
    );
    this.#empty.hidden = this.#shown.length > 0;
    if (this.#shown.length === 0) {
      replace(
        this.#empty,
        this.#logs.length === 0
          ? [
              h("h2", null, "No logs"),
              h(
                "p",
                { class: "muted" },
                "No event was recorded in this request: tracing’s macros such as info! record one in the span they are called in.",
              ),
            ]
          : h("p", { class: "muted" }, "No event of these levels matches."),
      );
    }
  }

  #showLevels() {
    const counts = levelCounts(this.#logs);
    replace(
      this.#chips,
      // What `tracing` records is never fatal, so that one is there only when it can do something.
      LEVELS.map((level) => ({ level, number: counts.get(level) ?? 0 }))
        .filter(({ level, number }) => level !== "FATAL" || number > 0)
        .map(({ level, number }) =>
          h(
            "button",
            {
              class: "chip",
              type: "button",
              data: { level },
              "aria-pressed": String(this.#levels.has(level)),
              disabled: number === 0,
              title: "Show or hide this level; Alt+click shows only this level",
              on: { click: (event) => this.#toggleLevel(level, event.altKey) },
            },
            h("span", { class: `level level-${level.toLowerCase()}` }, level),
            h("span", { class: "muted" }, count(number)),
          ),
        ),
    );
  }

  /**
   * @param {string} level
   * @param {boolean} alone
   */
  #toggleLevel(level, alone) {
    if (alone) this.#levels = new Set(this.#levels.size === 1 && this.#levels.has(level) ? LEVELS : [level]);
    else if (!this.#levels.delete(level)) this.#levels.add(level);
    this.#showLevels();
    this.#refresh();
    part(this.#chips, `[data-level="${level}"]`).focus();
  }

  /** @param {number} step */
  #move(step) {
    if (this.#shown.length === 0) return;
    this.#at = Math.min(this.#shown.length - 1, Math.max(0, this.#at + step));
    this.#rows.reveal(this.#at);
    setAttribute(this.#grid, "aria-activedescendant", rowId(this.#shown[this.#at]));
    this.#onSelect(this.#shown[this.#at].node);
  }

  /** @param {Log} log */
  #createRow(log) {
    const { event, node, level } = log;
    const details = summary(event);
    return h(
      "div",
      {
        class: `log-row ${level === null ? "" : `log-${level.toLowerCase()}`}`,
        role: "row",
        id: rowId(log),
        on: {
          click: () => {
            if (String(getSelection()) !== "") return;
            this.#at = this.#shown.indexOf(log);
            this.#onSelect(node);
          },
        },
      },
      h("div", { role: "gridcell", class: "mono muted", title: utc(event.time_unix_ns) }, offset(log.offset)),
      h("div", { role: "gridcell" }, levelBadge(level)),
      h(
        "div",
        {
          role: "gridcell",
          class: "log-message",
          title: details === "" ? titleOf(event) : `${titleOf(event)}\n${details}`,
        },
        h("span", null, titleOf(event)),
        details === "" ? null : h("span", { class: "mono muted" }, details),
      ),
      h(
        "div",
        { role: "gridcell", class: "log-span" },
        h("button", { class: "link", type: "button", tabindex: "-1", title: node.span.name }, node.span.name),
      ),
    );
  }
}

/** @param {Log} log */
function rowId(log) {
  return `log-row-${log.node.index}-${log.index}`;
}
