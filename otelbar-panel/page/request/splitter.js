// A bar between two panes that is dragged, or moved with the arrow keys. Sizes are remembered where the browser allows it.

import { h } from "../shared/dom.js";

/**
 * `axis` is "x" (panes side by side) or "y", or a function telling which holds now. `size()` is the present size,
 * `resize(pixels)` sets it, `grows` is 1 when moving right or down makes the sized pane larger, else −1.
 *
 * @param {{
 *   label: string,
 *   axis: "x" | "y" | (() => "x" | "y"),
 *   size: () => number,
 *   resize: (pixels: number) => void,
 *   grows: 1 | -1,
 *   className?: string,
 * }} options
 */
export function splitter({ label, axis, size, resize, grows, className = "" }) {
  const handle = h("div", {
    class: `splitter ${className}`,
    role: "separator",
    tabindex: "0",
    "aria-label": label,
  });
  const direction = () => (typeof axis === "function" ? axis() : axis);
  const orient = () =>
    handle.setAttribute("aria-orientation", direction() === "x" ? "vertical" : "horizontal");
  orient();
  handle.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    handle.setPointerCapture(event.pointerId);
    handle.classList.add("is-dragged");
    const along = direction();
    const from = along === "x" ? event.clientX : event.clientY;
    const before = size();
    const move = (/** @type {PointerEvent} */ moved) =>
      resize(before + grows * ((along === "x" ? moved.clientX : moved.clientY) - from));
    const stop = () => {
      handle.classList.remove("is-dragged");
      handle.removeEventListener("pointermove", move);
    };
    handle.addEventListener("pointermove", move);
    handle.addEventListener("lostpointercapture", stop, { once: true });
  });
  handle.addEventListener("focus", orient);
  handle.addEventListener("keydown", (event) => {
    const [less, more] = direction() === "x" ? ["ArrowLeft", "ArrowRight"] : ["ArrowUp", "ArrowDown"];
    if (event.key !== less && event.key !== more) return;
    resize(size() + grows * (event.key === more ? 24 : -24));
    event.preventDefault();
    event.stopPropagation();
  });
  return handle;
}

/**
 * A size kept in the browser under `name`, or `fallback`.
 *
 * @param {string} name
 * @param {number} fallback
 */
export function rememberedSize(name, fallback) {
  try {
    const value = Number(localStorage.getItem(`otelbar.${name}`));
    return value > 0 ? value : fallback;
  } catch {
    return fallback;
  }
}

/**
 * Keeps a size in the browser, or does not where that is refused.
 *
 * @param {string} name
 * @param {number} value
 */
export function rememberSize(name, value) {
  try {
    localStorage.setItem(`otelbar.${name}`, String(Math.round(value)));
  } catch {
    // Storage may be off; the size then lasts as long as the page.
  }
}
