// Building DOM. Everything shown goes through `h`, which makes elements and text nodes and nothing else: no markup is
// ever parsed, no attribute can carry script or style, and a link leads to http(s) or within this page.

import { count, visible } from "./format.js";

/** @import { Attributes, Child } from "./element.d.ts" */

const FORBIDDEN = /^(on|style$|src|action$|formaction$|xlink)/i;
const SVG = "http://www.w3.org/2000/svg";

/**
 * The address when it is an absolute http or https one, else null.
 *
 * @param {unknown} value
 */
export function safeUrl(value) {
  // Without the scheme spelled out `new URL` could still find one after stripping control characters.
  if (typeof value !== "string" || !/^https?:\/\//i.test(value)) return null;
  try {
    const url = new URL(value);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}

/**
 * An element. `attributes` are set as attributes, but for `on` (listeners by event), `data` (data-… attributes) and
 * `href` (checked); null, undefined and false leave one out. Children are nodes, text, or arrays of these.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes | null} [attributes]
 * @param {Child[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, attributes = null, ...children) {
  const element = document.createElement(tag);
  const { on = {}, data = {}, ...rest } = attributes ?? {};
  for (const [event, listener] of Object.entries(on)) {
    element.addEventListener(event, /** @type {EventListener} */ (listener));
  }
  for (const [key, text] of Object.entries(data))
    if (text !== null && text !== undefined) element.dataset[key] = text;
  for (const [name, value] of Object.entries(rest)) {
    if (value === null || value === undefined || value === false) {
    } else if (FORBIDDEN.test(name)) {
      throw new Error(`attribute ${name} is not set from here`);
    } else if (name === "href") {
      const target = String(value).startsWith("#/") ? String(value) : safeUrl(value);
      if (target !== null) element.setAttribute("href", target);
    } else {
      element.setAttribute(name, value === true ? "" : visible(String(value)));
    }
  }
  append(element, children);
  return element;
}

/**
 * Appends nodes and text, however nested; null, undefined and false are skipped.
 *
 * @param {Element} element
 * @param {readonly Child[]} children
 */
export function append(element, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(element, child);
    else element.append(child instanceof Node ? child : visible(String(child)));
  }
}

/**
 * Elements for the first of many items, and a button that shows more of the rest: thousands at once would make the page
 * slow. `wrap` puts the button into what may stand beside the elements.
 *
 * @template Item
 * @param {readonly Item[]} items
 * @param {(item: Item) => Child} create
 * @param {{ first?: number, step?: number, wrap?: (button: HTMLButtonElement) => HTMLElement }} [options]
 * @returns {Child[]}
 */
export function some(items, create, { first = 24, step = 200, wrap = (button) => button } = {}) {
  const shown = items.slice(0, first).map(create);
  const rest = items.slice(first);
  if (rest.length === 0) return shown;
  const next = Math.min(step, rest.length);
  const button = h(
    "button",
    { class: "button more", type: "button", title: `Show the next ${count(next)}` },
    `and ${count(rest.length)} more`,
  );
  const place = wrap(button);
  button.addEventListener("click", () => {
    const more = h("div", null, some(rest, create, { first: step, step, wrap }));
    place.replaceWith(...more.childNodes);
  });
  return [...shown, place];
}

/**
 * Puts `children` in the place of what `element` held.
 *
 * @param {Element} element
 * @param {Child[]} children
 */
export function replace(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

/**
 * Changes an element's text only when it differs, so that a selection in it survives.
 *
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  const shown = visible(text);
  if (element.textContent !== shown) element.textContent = shown;
}

/**
 * Sets or, for null, removes an attribute, when it differs.
 *
 * @param {Element} element
 * @param {string} name
 * @param {string | number | null} value
 */
export function setAttribute(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value));
}

/**
 * The nearest element that matches, from the one an event happened on outwards.
 *
 * @param {globalThis.Event} event
 * @param {string} selector
 */
export function closest(event, selector) {
  return event.target instanceof Element ? event.target.closest(selector) : null;
}

/**
 * The element within another that its maker has put there.
 *
 * @param {Element} element
 * @param {string} selector
 * @returns {HTMLElement}
 */
export function part(element, selector) {
  const found = element.querySelector(selector);
  if (!(found instanceof HTMLElement)) throw new Error(`there is no ${selector}`);
  return found;
}

/**
 * Puts another hash in the place of the address's own: no step for the Back button.
 *
 * @param {string} hash
 */
export function replaceHash(hash) {
  try {
    if (hash !== location.hash) history.replaceState(null, "", hash);
  } catch {
    // Browsers refuse it when it comes too often, as with a key held down; the address then lags behind.
  }
}

/**
 * A link out of the page, in a new tab; plain text where the address is not an http(s) one.
 *
 * @param {string} url
 * @param {Child[]} children
 */
export function externalLink(url, ...children) {
  if (safeUrl(url) === null) return h("span", null, children);
  return h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, children);
}

const ICONS = {
  back: "M10 3 5 8l5 5",
  up: "M3.5 10 8 5.5l4.5 4.5",
  down: "M3.5 6 8 10.5 12.5 6",
  chevron: "M6 4l4 4-4 4",
  close: "M4 4l8 8M12 4l-8 8",
  copy: "M6 6h7v7H6zM10 6V3H3v7h3",
  done: "M3 8.5 6.5 12 13 4.5",
  external: "M7 3H3v10h10V9M9 3h4v4M13 3 7.5 8.5",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  play: "M5 3.5v9l7-4.5z",
  search: "M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zM10.5 10.5 14 14",
  warning: "M8 2.5 14.5 13.5h-13zM8 6.5v3.2M8 11.4v.4",
  error: "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zM8 5v3.6M8 10.6v.5",
  info: "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zM8 7.4V11M8 5v.4",
  expand: "M4 6l4-3 4 3M4 10l4 3 4-3",
  collapse: "M4 3l4 3 4-3M4 13l4-3 4 3",
};

/**
 * A line drawing of 16 by 16, hidden from assistive technology.
 *
 * @param {keyof typeof ICONS} name
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/**
 * A button that copies `text` and says so.
 *
 * @param {string} text
 * @param {string} what
 */
export function copyButton(text, what) {
  const button = h(
    "button",
    { class: "icon-button copy", type: "button", title: `Copy ${what}`, "aria-label": `Copy ${what}` },
    icon("copy"),
  );
  button.addEventListener("click", async (event) => {
    event.stopPropagation();
    const copied = await copy(text);
    replace(button, icon(copied ? "done" : "close"));
    announce(copied ? `Copied ${what}` : `Could not copy ${what}`);
    setTimeout(() => replace(button, icon("copy")), 1200);
  });
  return button;
}

/**
 * Tells assistive technology what has happened without moving the focus.
 *
 * @param {string} text
 */
export function announce(text) {
  const region = document.getElementById("announcer");
  if (region !== null) region.textContent = text;
}

/** @param {string} text */
async function copy(text) {
  try {
    // Only there in secure contexts, which plain http to another machine is not.
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
      return true;
    }
  } catch {
    // Refused; the older way may still work.
  }
  const area = h("textarea", { class: "offscreen", readonly: true, "aria-hidden": "true" });
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  return copied;
}
