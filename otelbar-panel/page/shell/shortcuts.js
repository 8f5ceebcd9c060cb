// The list of keyboard shortcuts, opened with `?`.

import { h } from "../shared/dom.js";

/** @type {[string, [string, string][]][]} */
const GROUPS = [
  [
    "List",
    [
      ["j  k", "Next, previous request"],
      ["Enter", "Open the request"],
      ["/", "Filter"],
      ["p", "Pause, resume"],
      ["Esc", "Leave the filter, clear it"],
    ],
  ],
  [
    "Request",
    [
      ["j  k", "Next, previous span"],
      ["←  →", "Collapse, expand; to the parent, to the child"],
      ["Enter", "Go to the details of the span"],
      ["1 – 4", "Waterfall, queries, logs, propagation"],
      ["/", "Find spans or logs"],
      ["z", "Zoom to the selected span"],
      ["+  −  0", "Zoom in, out, show all"],
      ["[  ]", "Previous, next request of the list (K, J as well)"],
      ["n  N", "Next, previous span of a finding"],
      ["Esc", "Clear the search; back to the list"],
    ],
  ],
];

/** Opens the dialog; Esc or a click closes it. */
export function showShortcuts() {
  const dialog = h(
    "dialog",
    { class: "shortcuts", "aria-label": "Keyboard shortcuts" },
    h("h2", null, "Keyboard shortcuts"),
    h(
      "div",
      { class: "shortcut-groups" },
      GROUPS.map(([title, keys]) =>
        h(
          "section",
          null,
          h("h3", null, title),
          h(
            "dl",
            null,
            keys.map(([key, what]) => [
              h(
                "dt",
                null,
                key.split("  ").map((part) => h("kbd", null, part)),
              ),
              h("dd", null, what),
            ]),
          ),
        ),
      ),
    ),
    h("form", { method: "dialog" }, h("button", { class: "button", type: "submit" }, "Close")),
  );
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
}
