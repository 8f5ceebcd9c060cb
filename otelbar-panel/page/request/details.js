// All that is known of one span: times, ids, attributes, events with their exceptions.

/**
 * @import { Attribute, Value } from "../shared/answers.d.ts"
 * @import { Child } from "../shared/element.d.ts"
 * @import { Tab } from "../shared/view.d.ts"
 * @import { SpanNode, Trace } from "./tree.d.ts"
 */

import { copyButton, externalLink, h, icon, part, replace, safeUrl, some } from "../shared/dom.js";
import {
  attribute,
  attributeValue,
  between,
  clock,
  count,
  duration,
  offset,
  percent,
  plural,
  truncate,
  utc,
} from "../shared/format.js";
import { requestHash } from "../shared/location.js";
import { levelOf, titleOf } from "./logs.js";
import { tokens } from "./sql.js";
import { callTarget, panelOf } from "./trace.js";
import { KIND_NAMES } from "./words.js";

const SQL_KEYS = ["db.query.text", "db.statement"];
/** Beyond this a value is folded, so that one large attribute does not bury the others. */
const LONG = 600;

export class Details {
  #onClose;
  #onGoto;

  /** @param {{ onClose: () => void, onGoto: (node: SpanNode, tab: Tab | null) => void }} handlers */
  constructor({ onClose, onGoto }) {
    this.#onClose = onClose;
    this.#onGoto = onGoto;
    this.element = h("aside", { class: "details", "aria-label": "Span details", tabindex: "-1" });
  }

  /**
   * Shows a node of a trace. `elsewhere` offers the way to the waterfall.
   *
   * @param {SpanNode} node
   * @param {Trace} trace
   * @param {{ elsewhere: boolean }} options
   */
  show(node, trace, { elsewhere }) {
    const { span } = node;
    const kind = panelOf(span);
    const sql =
      SQL_KEYS.map((key) => attribute(span.attributes, key)).find((value) => typeof value === "string") ??
      null;
    const rest = span.attributes.filter(({ key, value }) => !(SQL_KEYS.includes(key) && value === sql));
    const parent = node.parent;
    replace(
      this.element,
      h(
        "header",
        { class: `details-head kind-${kind}` },
        h("span", { class: "kind-dot" }),
        h("h2", { title: span.name }, span.name),
        elsewhere
          ? h(
              "button",
              { class: "button", type: "button", on: { click: () => this.#onGoto(node, "waterfall") } },
              "Show in waterfall",
            )
          : null,
        h(
          "button",
          {
            class: "icon-button",
            type: "button",
            title: "Close the details",
            "aria-label": "Close the details",
            on: { click: this.#onClose },
          },
          icon("close"),
        ),
      ),
      h(
        "div",
        { class: "details-body" },
        this.#notices(node),
        h(
          "div",
          { class: "figures" },
          figure(
            "Duration",
            `${span.synthesised ? "≈ " : ""}${duration(span.duration_ns)}`,
            span.unfinished ? "so far" : `${percent(node.duration, trace.end)} of the trace`,
          ),
          figure("Start", offset(node.offset), clock(span.start_unix_ns)),
          span.busy_ns === null
            ? figure("Busy", "–", "not measured")
            : figure(
                "Busy",
                duration(span.busy_ns),
                `waiting ${duration(Math.max(0, node.duration - span.busy_ns))}`,
              ),
        ),
        sql === null
          ? null
          : h(
              "section",
              null,
              h(
                "div",
                { class: "section-head" },
                h("h3", null, "Statement"),
                copyButton(sql, "the statement"),
              ),
              sqlBlock(sql),
            ),
        h(
          "section",
          null,
          h("h3", null, "Span"),
          h(
            "dl",
            { class: "facts" },
            fact("Kind", `${span.kind} · ${KIND_NAMES[kind]}`),
            fact("Status", span.status === "error" ? h("span", { class: "text-bad" }, "error") : span.status),
            span.status_message === null
              ? null
              : fact("Message", h("span", { class: "prewrap" }, span.status_message)),
            callTarget(span) === null
              ? null
              : fact("Call to", h("span", { class: "mono" }, callTarget(span))),
            fact("Service", span.service),
            fact("Scope", h("span", { class: "mono" }, span.scope)),
            fact("Span id", [
              h("span", { class: "mono" }, span.span_id),
              copyButton(span.span_id, "the span id"),
            ]),
            fact(
              "Parent",
              parent !== null
                ? h(
                    "button",
                    { class: "link", type: "button", on: { click: () => this.#onGoto(parent, null) } },
                    truncate(parent.span.name, 60),
                  )
                : span.parent_span_id === null
                  ? h("span", { class: "muted" }, "none (root span)")
                  : [
                      h("span", { class: "mono" }, span.parent_span_id),
                      h("span", { class: "muted" }, " not stored here"),
                    ],
            ),
            node.children.length > 0
              ? fact("Children", `${count(node.children.length)} · ${plural(node.descendants, "span")} below`)
              : null,
            node.own
              ? null
              : fact(
                  "Request",
                  h("a", { href: requestHash(span.request_id, span.span_id) }, span.request_id),
                ),
            fact("Started", h("span", { class: "mono" }, utc(span.start_unix_ns))),
          ),
        ),
        h(
          "section",
          null,
          h("h3", null, "Attributes ", h("span", { class: "muted" }, count(span.attributes.length))),
          attributeTable(rest, span.attributes.length),
          dropped(span.dropped.attributes, "attribute"),
        ),
        span.links.length === 0
          ? null
          : h(
              "section",
              null,
              h("h3", null, "Links ", h("span", { class: "muted" }, count(span.links.length))),
              this.#links(span, trace),
            ),
        h(
          "section",
          null,
          h("h3", null, "Events ", h("span", { class: "muted" }, count(span.events.length))),
          this.#events(node, trace),
          dropped(span.dropped.events, "event"),
        ),
      ),
    );
    part(this.element, ".details-body").scrollTop = 0;
  }

  /** @param {SpanNode} node */
  #notices(node) {
    const { span } = node;
    const notices = [];
    if (span.unfinished)
      notices.push("This span had not ended when it was read: its duration is the time so far.");
    if (span.synthesised) notices.push("The times of this span were estimated, not measured.");
    if (node.cycle) notices.push("The parents of this span form a cycle; it is shown as a root.");
    if (node.parent !== null && node.offset < node.parent.offset)
      notices.push(
        `This span starts ${duration(node.parent.offset - node.offset)} before its parent: their clocks differ.`,
      );
    if (!node.own) notices.push("This span belongs to another request of the same trace.");
    return notices.map((text) => h("p", { class: "note" }, icon("info"), h("span", null, text)));
  }

  /**
   * The spans that this one follows from, or is otherwise linked to.
   *
   * @param {SpanNode["span"]} span
   * @param {Trace} trace
   */
  #links({ links }, trace) {
    return h(
      "ul",
      { class: "span-links" },
      some(
        links,
        ({ trace_id: traceId, span_id: id, attributes }) => {
          const target = traceId === trace.traceId ? trace.byId.get(id) : undefined;
          return h(
            "li",
            null,
            target === undefined
              ? [
                  h("span", { class: "mono" }, id),
                  h(
                    "span",
                    { class: "muted" },
                    traceId === trace.traceId ? " of this trace, not stored here" : " of the trace ",
                  ),
                  traceId === trace.traceId
                    ? null
                    : [h("span", { class: "mono" }, traceId), copyButton(traceId, "the trace id")],
                ]
              : h(
                  "button",
                  { class: "link", type: "button", on: { click: () => this.#onGoto(target, null) } },
                  truncate(target.span.name, 60),
                ),
            attributes.length === 0 ? null : attributeTable(attributes),
          );
        },
        { wrap: (button) => h("li", null, button) },
      ),
    );
  }

  /**
   * @param {SpanNode} node
   * @param {Trace} trace
   */
  #events(node, trace) {
    const { events } = node.span;
    if (events.length === 0) return h("p", { class: "muted" }, "None.");
    return h(
      "ol",
      { class: "events" },
      some(
        events,
        (event) => {
          const stack = attribute(event.attributes, "exception.stacktrace");
          const level = levelOf(event);
          return h(
            "li",
            { class: "event" },
            h(
              "div",
              { class: "event-head" },
              levelBadge(level),
              h(
                "span",
                { class: "mono muted event-time", title: utc(event.time_unix_ns) },
                offset(between(trace.base, event.time_unix_ns)),
              ),
              h("span", { class: "event-name prewrap" }, titleOf(event)),
            ),
            event.attributes.length === 0
              ? null
              : attributeTable(
                  event.attributes.filter(
                    ({ key, value }) => key !== "exception.stacktrace" || typeof value !== "string",
                  ),
                ),
            typeof stack === "string"
              ? h(
                  "details",
                  { class: "stack", open: stack.length < 4000 },
                  h("summary", null, "Stack trace", copyButton(stack, "the stack trace")),
                  h("pre", { class: "code" }, stack),
                )
              : null,
          );
        },
        { wrap: (button) => h("li", { class: "event" }, button) },
      ),
    );
  }
}

/**
 * A level as a small label; an event without one is called that.
 *
 * @param {string | null} level
 */
export function levelBadge(level) {
  return level === null
    ? h("span", { class: "level" }, "event")
    : h("span", { class: `level level-${level.toLowerCase()}` }, level);
}

/**
 * SQL, coloured.
 *
 * @param {string} sql
 */
export function sqlBlock(sql) {
  return h("pre", { class: "code sql" }, sqlParts(sql));
}

/**
 * SQL as coloured pieces, for a block or a line.
 *
 * @param {string} sql
 */
export function sqlParts(sql) {
  return tokens(sql).map(({ type, text }) =>
    type === "plain" ? text : h("span", { class: `sql-${type}` }, text),
  );
}

/**
 * Attributes as a table, sorted by key. `all` is how many there are with those shown elsewhere.
 *
 * @param {Attribute[]} attributes
 * @param {number} [all]
 */
export function attributeTable(attributes, all = attributes.length) {
  if (attributes.length === 0) return all > 0 ? null : h("p", { class: "muted" }, "None.");
  const sorted = [...attributes].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return h(
    "table",
    { class: "attributes" },
    h(
      "tbody",
      null,
      sorted.map(({ key, value }) =>
        h(
          "tr",
          null,
          h("th", { scope: "row" }, breakable(key)),
          h("td", { class: `value-${typeof value}` }, attributeContent(value)),
        ),
      ),
    ),
  );
}

/**
 * A dotted key that may be broken after its dots and underscores, and nowhere else.
 *
 * @param {string} key
 */
function breakable(key) {
  return key.split(/(?<=[._])/).map((part, index) => [index === 0 ? null : h("wbr"), part]);
}

/** @param {Value} value */
function attributeContent(value) {
  if (typeof value === "string" && safeUrl(value) !== null) return externalLink(value, value);
  const text = attributeValue(value);
  if (text === "") return h("span", { class: "muted" }, "(empty)");
  if (text.length <= LONG) return h("span", { class: "prewrap" }, text);
  return h(
    "details",
    { class: "long" },
    h(
      "summary",
      null,
      h("span", { class: "prewrap" }, truncate(text, 160)),
      h("span", { class: "muted" }, ` ${plural(text.length, "character")}`),
    ),
    h("pre", { class: "code" }, text),
  );
}

/**
 * @param {number} number
 * @param {string} what
 */
function dropped(number, what) {
  return number > 0
    ? h(
        "p",
        { class: "note note-warn" },
        icon("warning"),
        h("span", null, `${plural(number, `${what} was`, `${what}s were`)} dropped: over the limit.`),
      )
    : null;
}

/**
 * @param {string} name
 * @param {string} value
 * @param {string} note
 */
function figure(name, value, note) {
  return h(
    "div",
    { class: "figure" },
    h("span", { class: "figure-name" }, name),
    h("span", { class: "figure-value" }, value),
    h("span", { class: "figure-note" }, note),
  );
}

/**
 * @param {string} name
 * @param {Child} value
 */
function fact(name, value) {
  return [h("dt", null, name), h("dd", null, value)];
}
