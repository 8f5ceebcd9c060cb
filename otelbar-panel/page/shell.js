// What surrounds both views: the service's name, how full the store is, how the exporter fares, what was dropped, and
// whether the service answers at all.

import { h, icon, replace } from "./dom.js";
import { losses } from "./feed.js";
import { bytes, count, plural } from "./format.js";
import { listHash } from "./location.js";
import { showShortcuts } from "./shortcuts.js";

export class Shell {
  #service = h("span", { class: "service" });
  #store = h("div", { class: "store" });
  #losses = h("div", { class: "losses" });
  #exporter = h("div", { class: "exporter" });
  #failure = h("div", { class: "banner banner-error", role: "alert", hidden: true });
  #connection = h("div", { class: "banner banner-warning", role: "alert", hidden: true });
  #shown = "";

  constructor(root) {
    replace(
      root,
      h(
        "header",
        { class: "shell" },
        h("a", { class: "brand", href: "#/", title: "All requests" }, logo(), h("span", { class: "brand-name" }, "otelbar")),
        this.#service,
        h("div", { class: "spacer" }),
        this.#losses,
        this.#exporter,
        this.#store,
        h("button", { class: "icon-button", type: "button", title: "Keyboard shortcuts (?)", "aria-label": "Keyboard shortcuts", on: { click: showShortcuts } }, "?"),
      ),
      this.#connection,
      this.#failure,
    );
  }

  /** Shows an answer's `service`, `store`, `dropped` and `exporter`. */
  status(answer) {
    const { service, store, dropped, exporter } = answer;
    const signature = JSON.stringify([service, store, dropped, exporter]);
    if (signature === this.#shown) return;
    this.#shown = signature;
    replace(this.#service, service);
    this.#service.title = `service.name = ${service}`;
    this.#showStore(store);
    this.#showExporter(exporter);
    replace(
      this.#losses,
      losses(answer).map(({ number, what, why }) => h("span", { class: "loss", title: why }, icon("warning"), h("b", null, count(number)), ` ${what}`)),
    );
    this.#losses.title = "Dropped since the service started";
  }

  /** Says that the service does not answer, or with null that it does. */
  connection(error) {
    this.#connection.hidden = error === null;
    if (error === null) return;
    replace(this.#connection, icon("warning"), h("span", null, `${error.message} Shown is what was last seen; trying again.`));
  }

  /** The service's name for titles. */
  get service() {
    return this.#service.textContent;
  }

  #showStore(store) {
    const share = Math.max(store.max_requests > 0 ? store.requests / store.max_requests : 0, store.max_bytes > 0 ? store.bytes / store.max_bytes : 0);
    const fill = h("span", { class: "meter-fill" });
    fill.style.width = `${Math.min(100, share * 100)}%`;
    replace(
      this.#store,
      h("span", { class: "meter" }, fill),
      h("span", null, `${count(store.requests)} / ${count(store.max_requests)}`),
      h("span", { class: "muted wide-only" }, `${bytes(store.bytes)} of ${bytes(store.max_bytes)}`),
    );
    this.#store.title =
      `Store: ${plural(store.requests, "request")} of at most ${count(store.max_requests)}, ${bytes(store.bytes)} of at most ${bytes(store.max_bytes)}. ` +
      `The oldest make room for the newest: ${count(store.evicted)} evicted so far.`;
  }

  #showExporter(exporter) {
    if (exporter === null) {
      replace(this.#exporter, h("span", { class: "dot" }), h("span", { class: "muted" }, "no exporter"));
      this.#exporter.title = "No exporter is configured: the traces stay in this process.";
      this.#failure.hidden = true;
      return;
    }
    const { endpoint, health, queued, accepted, rejected, dropped, last_error: lastError } = exporter;
    replace(
      this.#exporter,
      h("span", { class: `dot dot-${HEALTH[health] ?? "neutral"}` }),
      h("span", { class: "exporter-health" }, health),
      h("span", { class: "mono muted wide-only endpoint" }, endpoint),
      queued > 0 ? h("span", { class: "muted" }, `${count(queued)} queued`) : null,
    );
    this.#exporter.title =
      `Exporter to ${endpoint}: ${health}. Spans: ${count(queued)} queued or on their way, ${count(accepted)} accepted, ` +
      `${count(rejected)} rejected by the backend, ${count(dropped)} given up.` +
      (lastError !== null && health !== "failing" ? ` Last error: ${lastError}` : "");
    this.#failure.hidden = health !== "failing" && health !== "rejecting";
    this.#failure.classList.toggle("banner-error", health !== "rejecting");
    this.#failure.classList.toggle("banner-warning", health === "rejecting");
    if (health === "failing") {
      replace(
        this.#failure,
        icon("error"),
        h("span", null, h("b", null, "Export is failing. "), lastError ?? "The exporter gave no reason.", " ", h("span", { class: "banner-more" }, `${plural(queued, "span")} waiting, ${count(dropped)} given up. Requests are not affected.`)),
      );
    } else if (health === "rejecting") {
      replace(
        this.#failure,
        icon("warning"),
        h(
          "span",
          null,
          h("b", null, "The backend rejects spans. "),
          `It answers at ${endpoint}, but of what it was sent it has rejected ${plural(rejected, "span")} so far and accepted ${count(accepted)}. Its reason stands with `,
          h("a", { href: listHash("export:partial") }, "the requests concerned"),
          ".",
        ),
      );
    }
  }
}

const HEALTH = { healthy: "good", rejecting: "warn", failing: "bad", idle: "neutral" };

function logo() {
  const mark = h("span", { class: "logo", "aria-hidden": "true" });
  for (let bar = 0; bar < 3; bar += 1) mark.append(h("i"));
  return mark;
}
