// What surrounds both views: the service's name, how full the store is, how the exporter fares, what was dropped, and
// whether the service answers at all.

/**
 * @import { ApiError } from "../shared/api.js"
 * @import { Exporter, List, Store } from "../shared/answers.d.ts"
 * @import { Status } from "../shared/view.d.ts"
 */

import { h, icon, replace, some } from "../shared/dom.js";
import { bytes, count, plural } from "../shared/format.js";
import { destinationCards, exporterBanners, exporterSummary } from "./exporter.js";
import { losses } from "./losses.js";
import { showShortcuts } from "./shortcuts.js";

/** @implements {Status} */
export class Shell {
  #service = h("span", { class: "service" });
  #store = h("div", { class: "store" });
  #losses = h("div", { class: "losses" });
  #exporter = h("button", {
    class: "exporter",
    type: "button",
    "aria-expanded": "false",
    "aria-controls": "drawer",
  });
  #warnings = h("button", {
    class: "icon-button warnings",
    type: "button",
    "aria-expanded": "false",
    "aria-controls": "drawer",
    hidden: true,
  });
  #drawer = h("section", { class: "drawer", id: "drawer", tabindex: "-1", hidden: true });
  /**
   * Which button's matter the drawer shows; null while it is closed.
   *
   * @type {HTMLButtonElement | null}
   */
  #open = null;
  /** @type {List | null} */
  #answer = null;
  #failures = h("div", { class: "banners" });
  #capture = h("div", { class: "banner banner-warning", role: "alert", hidden: true });
  #connection = h("div", { class: "banner banner-warning", role: "alert", hidden: true });
  #shown = "";

  /** @param {Element} root */
  constructor(root) {
    replace(
      root,
      h(
        "header",
        { class: "shell" },
        h(
          "a",
          { class: "brand", href: "#/", title: "All requests" },
          logo(),
          h("span", { class: "brand-name" }, "otelbar"),
        ),
        this.#service,
        h("div", { class: "spacer" }),
        this.#losses,
        this.#warnings,
        this.#exporter,
        this.#store,
        h(
          "button",
          {
            class: "icon-button",
            type: "button",
            title: "Keyboard shortcuts (?)",
            "aria-label": "Keyboard shortcuts",
            on: { click: showShortcuts },
          },
          "?",
        ),
      ),
      this.#drawer,
      this.#connection,
      this.#capture,
      this.#failures,
    );
    for (const button of [this.#exporter, this.#warnings])
      button.addEventListener("click", () => this.#toggle(button));
    this.#drawer.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      this.#close();
    });
  }

  /**
   * Shows of an answer all but its `requests`.
   *
   * @param {List} answer
   */
  status(answer) {
    const { service, warnings, capture, store, exporter } = answer;
    const { requests: _requests, ...rest } = answer;
    const signature = JSON.stringify(rest);
    if (signature === this.#shown) return;
    this.#shown = signature;
    this.#answer = answer;
    replace(this.#service, service);
    this.#service.title = `service.name = ${service}`;
    this.#showStore(store);
    this.#showExporter(exporter);
    this.#capture.hidden = capture.problem === null;
    replace(
      this.#capture,
      icon("warning"),
      h("span", null, h("b", null, "Not everything is recorded. "), capture.problem),
    );
    this.#showWarnings(warnings);
    this.#showDrawer();
    replace(
      this.#losses,
      losses(answer).map(({ number, what, why }) =>
        h("span", { class: "loss", title: why }, icon("warning"), h("b", null, count(number)), ` ${what}`),
      ),
    );
    this.#losses.title = "Dropped since the service started";
  }

  /**
   * Says that the service does not answer, or with null that it does.
   *
   * @param {ApiError | null} error
   */
  connection(error) {
    this.#connection.hidden = error === null;
    if (error === null) return;
    replace(
      this.#connection,
      icon("warning"),
      h("span", null, `${error.message} Showing the last known data; retrying.`),
    );
  }

  /** The service's name for titles. */
  get service() {
    return this.#service.textContent;
  }

  /** @param {Store} store */
  #showStore(store) {
    const share = Math.max(
      store.max_requests > 0 ? store.requests / store.max_requests : 0,
      store.max_bytes > 0 ? store.bytes / store.max_bytes : 0,
    );
    const fill = h("span", { class: "meter-fill" });
    fill.style.width = `${Math.min(100, share * 100)}%`;
    replace(
      this.#store,
      h("span", { class: "meter" }, fill),
      h("span", null, `${count(store.requests)} / ${count(store.max_requests)}`),
      h("span", { class: "muted wide-only" }, `${bytes(store.bytes)} of ${bytes(store.max_bytes)}`),
      store.open_requests === 0
        ? null
        : h("span", { class: "muted wide-only store-open" }, `${count(store.open_requests)} in progress`),
    );
    this.#store.title =
      `Store: ${plural(store.requests, "request")} of at most ${count(store.max_requests)}, ${bytes(store.bytes)} of at most ${bytes(store.max_bytes)}. ` +
      `When it is full, the oldest are evicted: ${count(store.evicted)} so far.` +
      (store.open_requests > 0
        ? ` Not included: ${plural(store.open_requests, "request")} in progress, ${bytes(store.open_bytes)}.`
        : "");
  }

  /** @param {Exporter | null} exporter */
  #showExporter(exporter) {
    replace(this.#failures, exporter === null ? null : exporterBanners(exporter));
    this.#exporter.disabled = exporter === null;
    if (exporter === null) {
      replace(this.#exporter, h("span", { class: "dot" }), h("span", { class: "muted" }, "no exporter"));
      this.#exporter.title = "No exporter is configured: the traces stay in this process.";
      return;
    }
    const { queued, spooled, accepted, rejected, dropped } = exporter;
    replace(this.#exporter, exporterSummary(exporter), icon("down"));
    this.#exporter.title =
      `Exporter to ${exporter.destinations.map(({ endpoint, health }) => `${endpoint}: ${health}`).join(", ")}. Spans: ${count(queued)} queued or in flight, ` +
      `${count(spooled)} on disk, ${count(accepted)} accepted, ${count(rejected)} rejected by the backend, ${count(dropped)} dropped. Click for details.`;
  }

  /** @param {string[]} warnings */
  #showWarnings(warnings) {
    this.#warnings.hidden = warnings.length === 0;
    replace(this.#warnings, icon("warning"), count(warnings.length));
    this.#warnings.title = `${plural(warnings.length, "warning")} about the configuration`;
    this.#warnings.setAttribute("aria-label", this.#warnings.title);
  }

  /** @param {HTMLButtonElement} button */
  #toggle(button) {
    if (this.#open === button) {
      this.#close();
      return;
    }
    this.#open = button;
    this.#showDrawer();
    this.#drawer.focus();
  }

  #close() {
    const button = this.#open;
    this.#open = null;
    this.#showDrawer();
    button?.focus();
  }

  #showDrawer() {
    const { exporter, warnings } = this.#answer ?? { exporter: null, warnings: [] };
    // What it was about may be gone.
    if (
      (this.#open === this.#exporter && exporter === null) ||
      (this.#open === this.#warnings && warnings.length === 0)
    )
      this.#open = null;
    for (const button of [this.#exporter, this.#warnings])
      button.setAttribute("aria-expanded", String(this.#open === button));
    this.#drawer.hidden = this.#open === null;
    if (this.#open === null) {
      replace(this.#drawer);
      return;
    }
    const about = this.#open === this.#exporter;
    const title = about ? "Exporter" : "Configuration";
    this.#drawer.setAttribute("aria-label", title);
    replace(
      this.#drawer,
      h(
        "header",
        null,
        h("h2", null, title),
        h(
          "button",
          {
            class: "icon-button",
            type: "button",
            title: "Close (Esc)",
            "aria-label": `Close: ${title}`,
            on: { click: () => this.#close() },
          },
          icon("close"),
        ),
      ),
      about
        ? exporter && destinationCards(exporter)
        : h(
            "ul",
            { class: "warning-list" },
            some(warnings, (warning) => h("li", { class: "prewrap" }, warning), {
              wrap: (button) => h("li", null, button),
            }),
          ),
    );
  }
}

function logo() {
  const mark = h("span", { class: "logo", "aria-hidden": "true" });
  for (let bar = 0; bar < 3; bar += 1) mark.append(h("i"));
  return mark;
}
