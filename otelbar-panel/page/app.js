// Where the page starts: it shows the view the hash asks for, in the one shell that both views share.

import { ListView } from "./list/list.js";
import { parse } from "./shared/location.js";
import { RequestView } from "./request/request.js";
import { listSession } from "./shared/session.js";
import { Shell } from "./shell/shell.js";
import { showShortcuts } from "./shell/shortcuts.js";

const shell = new Shell(document.getElementById("shell"));
const container = document.getElementById("view");
const session = listSession();
let current = null;

function route() {
  const target = parse(location.hash);
  if (current?.accepts(target)) {
    current.show(target);
    return;
  }
  current?.destroy();
  container.replaceChildren();
  current = target.view === "request" ? new RequestView(container, { target, shell, session }) : new ListView(container, { target, shell, session });
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
