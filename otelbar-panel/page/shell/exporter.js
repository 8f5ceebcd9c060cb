// How the exporter does: in the page's head, as banners where something is wrong, and whole for each destination.

/** @import { Destination, Exporter } from "../shared/answers.d.ts" */

import { h, icon } from "../shared/dom.js";
import { bytes, clock, count, dateTime, plural } from "../shared/format.js";
import { listHash } from "../shared/location.js";
import { dropReasons, healthTone, pauseText } from "./words.js";

/**
 * The exporter in a few words for the head.
 *
 * @param {Exporter} exporter
 */
export function exporterSummary({ destinations }) {
  if (destinations.length === 1) {
    const [{ health, endpoint, queued, in_flight: inFlight, spooled }] = destinations;
    const waiting = queued + inFlight;
    return [
      dot(health),
      h("span", { class: "exporter-health" }, health),
      h("span", { class: "mono muted wide-only endpoint" }, endpoint),
      waiting > 0 ? h("span", { class: "muted" }, `${count(waiting)} queued`) : null,
      spooled > 0 ? h("span", { class: "muted" }, `${count(spooled)} on disk`) : null,
    ];
  }
  return destinations.map(({ name, health, endpoint }) =>
    h(
      "span",
      { class: "exporter-destination", title: endpoint },
      dot(health),
      h("span", { class: "exporter-name" }, name),
      h("span", { class: "exporter-health muted wide-only" }, health),
    ),
  );
}

/**
 * A banner for each destination that fails, waits or rejects.
 *
 * @param {Exporter} exporter
 */
export function exporterBanners({ destinations }) {
  const several = destinations.length > 1;
  return destinations.flatMap((destination) => {
    const {
      name,
      endpoint,
      health,
      queued,
      in_flight: inFlight,
      spooled,
      accepted,
      rejected,
      dropped,
    } = destination;
    if (health === "failing" || health === "waiting") {
      /** @type {[number, string][]} */
      const counts = [
        [queued + inFlight, "waiting"],
        [spooled, "on disk"],
        [dropped.total, "dropped"],
      ];
      const kept = counts
        .filter(([number]) => number > 0)
        .map(([number, where], index) => `${index === 0 ? plural(number, "span") : count(number)} ${where}`)
        .join(", ");
      const more = [
        kept === "" ? null : `${kept}.`,
        pauseText(destination, Date.now()),
        "Requests are not affected.",
      ];
      return h(
        "div",
        { class: "banner banner-error", role: "alert" },
        icon("error"),
        h(
          "span",
          null,
          h(
            "b",
            null,
            `${several ? `Export to ${name}` : "Export"} is ${health === "waiting" ? "waiting" : "failing"}. `,
          ),
          destination.last_error?.message ?? "No reason was given.",
          h("span", { class: "banner-more" }, ` · ${more.filter((part) => part !== null).join(" ")}`),
        ),
      );
    }
    if (health === "rejecting") {
      return h(
        "div",
        { class: "banner banner-warning", role: "alert" },
        icon("warning"),
        h(
          "span",
          null,
          h("b", null, several ? `The receiver of ${name} rejects spans. ` : "The backend rejects spans. "),
          `${endpoint} answers, but it has rejected ${plural(rejected, "span")} so far and accepted ${count(accepted)}. Its reason is shown with `,
          h("a", { href: listHash("export:partial") }, "the affected requests"),
          ".",
        ),
      );
    }
    return [];
  });
}

/**
 * All that is known of each destination.
 *
 * @param {Exporter} exporter
 */
export function destinationCards({ destinations }) {
  return h("div", { class: "destinations" }, destinations.map(card));
}

/** @param {Destination} destination */
function card(destination) {
  const { name, protocol, endpoint, health, last_error: error, last_message: message, dropped } = destination;
  const pause = pauseText(destination, Date.now());
  const reasons = dropReasons(dropped);
  return h(
    "section",
    { class: "destination", "aria-label": `Destination ${name}` },
    h(
      "h3",
      null,
      dot(health),
      h("span", null, name),
      protocol === null ? null : h("span", { class: "muted" }, protocol),
      h("span", { class: `tone-${healthTone(health)}` }, health),
    ),
    h("p", { class: "mono muted destination-endpoint" }, endpoint),
    pause === null ? null : h("p", { class: "text-warn destination-pause" }, pause),
    h(
      "dl",
      { class: "counters" },
      counter("Queued", destination.queued, destination.queued > 0 ? bytes(destination.queued_bytes) : null),
      counter("In flight", destination.in_flight),
      counter(
        "On disk",
        destination.spooled,
        destination.spooled > 0 ? bytes(destination.spooled_bytes) : null,
        destination.recovered > 0
          ? `${plural(destination.recovered, "span")} recovered when the service started`
          : null,
      ),
      counter(
        "Accepted",
        destination.accepted,
        null,
        `In ${plural(destination.requests, "request")}, each attempt counted`,
      ),
      counter("Rejected", destination.rejected, null, "Rejected by the receiver (partial success)", "warn"),
      counter("Dropped", dropped.total, null, "Dropped by the exporter", "warn"),
    ),
    reasons.length === 0
      ? null
      : h(
          "ul",
          { class: "drop-reasons" },
          reasons.map(({ number, what, why }) =>
            h("li", { class: "text-warn", title: why }, h("b", null, count(number)), ` ${what}`),
          ),
        ),
    error === null
      ? null
      : h(
          "p",
          { class: "destination-said prewrap" },
          h(
            "span",
            { class: "muted", title: dateTime(error.at_unix_ns) },
            `Last error, ${clock(error.at_unix_ns)}: `,
          ),
          error.message,
        ),
    message === null
      ? null
      : h(
          "p",
          { class: "destination-said prewrap" },
          h("span", { class: "muted" }, "Last message of a partial success: "),
          message,
        ),
  );
}

/**
 * @param {string} name
 * @param {number} number
 * @param {string | null} [note]
 * @param {string | null} [title]
 * @param {string | null} [tone]
 */
function counter(name, number, note = null, title = null, tone = null) {
  return h(
    "div",
    { title },
    h("dt", null, name),
    h(
      "dd",
      { class: number === 0 ? "zero" : tone === null ? null : `text-${tone}` },
      count(number),
      note === null ? null : h("span", { class: "muted" }, ` ${note}`),
    ),
  );
}

/** @param {string} health */
function dot(health) {
  return h("span", { class: `dot dot-${healthTone(health)}` });
}
