// Where the page starts: it shows the view the hash asks for, in the one shell that both views share.

import { ListView } from "./list/list.js";
import { RequestView } from "./request/request.js";
import { part } from "./shared/dom.js";
import { parse } from "./shared/location.js";
import { listSession } from "./shared/session.js";
import { Shell } from "./shell/shell.js";
import { showShortcuts } from "./shell/shortcuts.js";

/** @import { View } from "./shared/view.d.ts" */

const shell = new Shell(part(document.body, "#shell"));
const container = part(document.body, "#view");
const session = listSession();
/** @type {View | null} */
let current = null;

function route() {
  const target = parse(location.hash);
  if (current?.accepts(target)) {
    current.show(target);
    return;
  }
  current?.destroy();
  container.replaceChildren();
  current =
    target.view === "request"
      ? new RequestView(container, { target, shell, session })
      : new ListView(container, { target, shell, session });
}

window.addEventListener("hashchange", route);

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]") !== null) return;
  const typing = event.target instanceof HTMLElement && event.target.matches("input, textarea, select");
  if (typing && event.key !== "Escape") return;
  if (event.key === "?") {
    showShortcuts();
    event.preventDefault();
    return;
  }
  if (current?.key(event, typing)) event.preventDefault();
});

route();
