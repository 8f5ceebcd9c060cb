// The client of the JSON API. Addresses are relative to the page's own, so the toolbar may live under any path.
// Where a token is asked for, the browser has it in a cookie, and nothing here knows of it.

/** @import { List } from "./answers.d.ts" */

const TIMEOUT_MS = 15_000;
const NOT_THE_TOOLBAR =
  "The toolbar did not answer: it is off, or this browser may not see it. The service’s log says why. If a token is set, open this page with ?token=… in the address.";

/** An answer that is no success. `status` is the HTTP status, or 0 when there was no answer at all. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.name = "ApiError";
    this.status = status;
  }
}

/**
 * The address of a call, for the page at `pageUrl`.
 *
 * @param {string} pageUrl
 * @param {string} path
 * @param {Record<string, string | number | null | undefined>} [parameters]
 */
export function apiUrl(pageUrl, path, parameters = {}) {
  const page = new URL(pageUrl);
  const url = new URL(`./api/${path}`, page);
  url.search = "";
  url.hash = "";
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined) url.searchParams.set(name, String(value));
  }
  return url.href;
}

/**
 * The last answer about the list and about a request, each with its entity tag: an answer that has not changed is not
 * sent again. The browser does not keep them (`no-store`), since they can hold what is private.
 *
 * @type {Map<string, { url: string, tag: string, text: string }>}
 */
const known = new Map();

/**
 * The newest requests, or those older than `before`.
 *
 * @param {{ limit: number, before?: number | null }} reach
 * @param {AbortSignal} [signal]
 * @returns {Promise<List>}
 */
export async function fetchList({ limit, before = null }, signal) {
  return parseAnswer(await fetchText("requests", { limit, before }, signal));
}

/**
 * What an answer's text holds.
 *
 * @param {string} text
 */
export function parseAnswer(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError(0, "The answer is not valid JSON: it was cut off, or changed on the way.");
  }
}

/**
 * One request as the text that came, so that the caller can tell cheaply whether anything has changed.
 *
 * @param {string} id
 * @param {AbortSignal} [signal]
 */
export function fetchRequestText(id, signal) {
  return fetchText(`requests/${encodeURIComponent(id)}`, {}, signal);
}

/**
 * @param {string} path
 * @param {Parameters<typeof apiUrl>[2]} parameters
 * @param {AbortSignal | undefined} signal
 */
async function fetchText(path, parameters, signal) {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const url = apiUrl(location.href, path, parameters);
  const kind = path.split("/").length > 1 ? "request" : "list";
  const before = known.get(kind);
  const same = before?.url === url ? before : null;
  let response;
  let text;
  try {
    response = await fetch(url, {
      cache: "no-store",
      credentials: "same-origin",
      headers: { accept: "application/json", ...(same && { "if-none-match": same.tag }) },
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    text = await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(
      0,
      timeout.aborted ? "The service did not answer in time." : "The service does not answer.",
    );
  }
  if (response.status === 304 && same !== null) return same.text;
  if (!response.headers.get("content-type")?.includes("json")) {
    // Who may not see the toolbar gets what the application answers at any other address.
    throw response.status < 500
      ? new ApiError(403, NOT_THE_TOOLBAR)
      : new ApiError(response.status, errorMessage(response.status, text));
  }
  if (!response.ok) throw new ApiError(response.status, errorMessage(response.status, text));
  const tag = response.headers.get("etag");
  if (tag === null) known.delete(kind);
  else known.set(kind, { url, tag, text });
  return text;
}

/**
 * The API's own words about a refusal, or the status when there are none.
 *
 * @param {number} status
 * @param {string} text
 */
export function errorMessage(status, text) {
  try {
    const { error } = JSON.parse(text);
    if (typeof error === "string" && error !== "") return error;
  } catch {
    // Not the API's answer; the status has to do.
  }
  return `The service answered with status ${status}.`;
}
