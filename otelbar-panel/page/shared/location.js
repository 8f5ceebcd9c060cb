// The page's own addresses, all behind the hash so that one index.html serves every one of them:
//   #/                                    the list          (?filter=status:5xx)
//   #/requests/{id}                       one request       (?tab=queries|logs|propagation)
//   #/requests/{id}/spans/{span_id}       with a span selected
// Pure.

/** @import { Tab, Target } from "./view.d.ts" */

/** @type {Tab[]} */
export const TABS = ["waterfall", "queries", "logs", "propagation"];

/**
 * What a hash asks for; an unknown address is the list.
 *
 * @param {string} hash
 * @returns {Target}
 */
export function parse(hash) {
  const [path, search = ""] = splitOnce(String(hash ?? "").replace(/^#/, ""), "?");
  const parameters = new URLSearchParams(search);
  const parts = path
    .split("/")
    .filter((part) => part !== "")
    .map(decode);
  if (parts[0] === "requests" && parts.length >= 2) {
    const wanted = parameters.get("tab");
    return {
      view: "request",
      id: parts[1],
      spanId: parts[2] === "spans" && parts[3] ? parts[3] : null,
      tab: TABS.find((tab) => tab === wanted) ?? "waterfall",
    };
  }
  return { view: "list", filter: parameters.get("filter") ?? "" };
}

/** The hash of the list. */
export function listHash(filter = "") {
  return filter === "" ? "#/" : `#/?filter=${encodeURIComponent(filter)}`;
}

/**
 * The hash of a request, of a span in it, and of a tab.
 *
 * @param {string} id
 * @param {string | null} [spanId]
 * @param {Tab} [tab]
 */
export function requestHash(id, spanId = null, tab = "waterfall") {
  let hash = `#/requests/${encodeURIComponent(id)}`;
  if (spanId !== null) hash += `/spans/${encodeURIComponent(spanId)}`;
  if (tab !== "waterfall") hash += `?tab=${tab}`;
  return hash;
}

/**
 * @param {string} text
 * @param {string} separator
 */
function splitOnce(text, separator) {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** @param {string} part */
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
