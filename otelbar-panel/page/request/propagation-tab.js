// The Propagation tab: the trace context that came with the request, what was made of it, and why.

/**
 * @import { Detail } from "../shared/answers.d.ts"
 * @import { SpanNode, Tab, Trace } from "./tree.d.ts"
 */

import { copyButton, h, icon, replace, some } from "../shared/dom.js";
import { members, traceparentFields } from "./headers.js";
import { propagationLabel } from "./words.js";

/** @implements {Tab} */
export class PropagationTab {
  constructor() {
    this.element = h("div", { class: "scroller tab-scroller" });
  }

  /**
   * @param {Detail} detail
   * @param {Trace} trace
   * @param {(node: SpanNode) => void} onSelect
   */
  update(detail, trace, onSelect) {
    const { propagation, request } = detail;
    const label = propagationLabel(propagation);
    const parent =
      propagation.parent_span_id === null ? null : (trace.byId.get(propagation.parent_span_id) ?? null);
    replace(
      this.element,
      h(
        "div",
        { class: "propagation" },
        h(
          "div",
          { class: `verdict verdict-${label.tone}` },
          icon(label.tone === "bad" ? "error" : label.tone === "good" ? "done" : "info"),
          h(
            "div",
            null,
            h("b", null, label.title),
            propagation.reason === null ? null : h("p", { class: "mono prewrap" }, propagation.reason),
          ),
        ),
        propagation.warnings.map((warning) =>
          h("p", { class: "note note-warn" }, icon("warning"), h("span", { class: "prewrap" }, warning)),
        ),
        h(
          "dl",
          { class: "facts" },
          h("dt", null, "Outcome"),
          h("dd", null, label.short),
          h("dt", null, "Trace id"),
          h(
            "dd",
            null,
            h("span", { class: "mono" }, request.trace_id),
            copyButton(request.trace_id, "the trace id"),
            h(
              "span",
              { class: "muted" },
              propagation.outcome === "accepted" ? " from the caller" : " started here",
            ),
          ),
          h("dt", null, "Parent span"),
          h(
            "dd",
            null,
            propagation.parent_span_id === null
              ? h("span", { class: "muted" }, "none")
              : [
                  h("span", { class: "mono" }, propagation.parent_span_id),
                  parent === null
                    ? h("span", { class: "muted" }, " in another process")
                    : h(
                        "button",
                        { class: "link", type: "button", on: { click: () => onSelect(parent) } },
                        parent.span.name,
                      ),
                ],
          ),
          h("dt", null, "Sampled"),
          h("dd", null, propagation.sampled ? "yes" : "no"),
        ),
        h("h3", null, "Headers as received"),
        propagation.headers.length === 0
          ? h("p", { class: "muted" }, "The request had no trace context or baggage headers.")
          : h(
              "table",
              { class: "data headers" },
              h(
                "tbody",
                null,
                propagation.headers.map(({ name, value }) =>
                  h(
                    "tr",
                    null,
                    h("th", { scope: "row", class: "mono" }, name),
                    h(
                      "td",
                      null,
                      h("code", { class: "header-value" }, value === "" ? "(empty)" : value),
                      fieldsOf(name, value),
                    ),
                  ),
                ),
              ),
            ),
      ),
    );
  }
}

/**
 * @param {string} name
 * @param {string} value
 */
function fieldsOf(name, value) {
  if (name.toLowerCase() === "traceparent") {
    const fields = traceparentFields(value);
    if (fields === null) return null;
    return h(
      "dl",
      { class: "fields" },
      fields.map((field) => [
        h("dt", null, field.name),
        h(
          "dd",
          null,
          h("span", { class: "mono" }, field.value),
          field.note ? h("span", { class: "muted" }, ` ${field.note}`) : null,
        ),
      ]),
    );
  }
  const list = members(name.toLowerCase(), value);
  if (list.length === 0) return null;
  return h(
    "dl",
    { class: "fields" },
    some(
      list,
      (member) => [
        h("dt", null, member.key),
        h(
          "dd",
          null,
          h("span", { class: "mono" }, member.value),
          member.properties.length > 0
            ? h("span", { class: "muted" }, ` ; ${member.properties.join("; ")}`)
            : null,
        ),
      ],
      { wrap: (button) => h("dd", null, button) },
    ),
  );
}
