// The spans of a request as a tree, flattened to rows. Pure, and without recursion: a trace may be thousands deep.

import { attribute, between, instant } from "../shared/format.js";

/**
 * @import { Detail, Span } from "../shared/answers.d.ts"
 * @import { SpanNode, Trace } from "./tree.d.ts"
 */

export const KINDS = ["request", "sql", "http", "template", "cache", "profile", "span"];

/**
 * Builds the tree of `detail.spans`. Spans whose parent is not among them are roots (`remoteParent` when they name
 * one); a ring of parents is cut at its earliest span (`cycle`); a repeated span id stays a node of its own.
 *
 * @param {Pick<Detail, "request" | "spans">} detail
 * @returns {Trace}
 */
export function buildTrace(detail) {
  const id = detail.request.id;
  const base = earliest(detail.spans, detail.request.start_unix_ns);
  /** @type {SpanNode[]} */
  const nodes = detail.spans.map((span, index) => ({
    span,
    index,
    parent: null,
    children: [],
    depth: 0,
    descendants: 0,
    offset: between(base, span.start_unix_ns),
    duration: Math.max(0, span.duration_ns),
    own: span.request_id === id,
    foreign: span.service !== detail.request.service,
    error: span.status === "error",
    remoteParent: false,
    cycle: false,
  }));
  /** @type {Map<string, SpanNode>} */
  const byId = new Map();
  for (const node of nodes) if (!byId.has(node.span.span_id)) byId.set(node.span.span_id, node);

  /** @type {SpanNode[]} */
  const roots = [];
  for (const node of nodes) {
    const parentId = node.span.parent_span_id;
    const parent = parentId === null ? undefined : byId.get(parentId);
    if (parent === undefined || parent === node) {
      node.remoteParent = parentId !== null && parent === undefined;
      node.cycle = parent === node;
      roots.push(node);
    } else {
      node.parent = parent;
      parent.children.push(node);
    }
  }
  cutRings(nodes, roots);
  roots.sort(byStart);
  for (const node of nodes) node.children.sort(byStart);

  const order = preorder(roots);
  let maxDepth = 0;
  for (const node of order) {
    node.depth = node.parent === null ? 0 : node.parent.depth + 1;
    maxDepth = Math.max(maxDepth, node.depth);
  }
  for (let index = order.length - 1; index >= 0; index -= 1) {
    const node = order[index];
    if (node.parent !== null) node.parent.descendants += 1 + node.descendants;
  }
  const end = order.reduce((latest, node) => Math.max(latest, node.offset + node.duration), 0);
  return {
    id,
    traceId: detail.request.trace_id,
    base,
    // A trace of no measurable length still needs an axis.
    end: Math.max(end, 1),
    nodes,
    order,
    roots,
    byId,
    maxDepth,
    root: byId.get(id) ?? roots[0] ?? null,
    services: [...new Set(nodes.map((node) => node.span.service))],
  };
}

/**
 * The nodes to show, in order. `collapsed` holds nodes whose children are hidden. With `matches` (a set of nodes) only
 * these and their ancestors are shown, collapsed or not.
 *
 * @param {Trace} trace
 * @param {{ collapsed: Set<SpanNode>, matches?: Set<SpanNode> | null }} options
 */
export function visibleNodes(trace, { collapsed, matches = null }) {
  /** @type {Set<SpanNode> | null} */
  let kept = null;
  if (matches !== null) {
    kept = new Set();
    for (const match of matches) {
      for (
        let node = /** @type {SpanNode | null} */ (match);
        node !== null && !kept.has(node);
        node = node.parent
      )
        kept.add(node);
    }
  }
  const rows = [];
  let hiddenBelow = -1;
  for (const node of trace.order) {
    if (kept !== null) {
      if (kept.has(node)) rows.push(node);
      continue;
    }
    if (hiddenBelow >= 0 && node.depth > hiddenBelow) continue;
    hiddenBelow = collapsed.has(node) ? node.depth : -1;
    rows.push(node);
  }
  return rows;
}

/**
 * The set of nodes that hold `text` in name, ids, service or attributes and are of one of `kinds`; null for all.
 *
 * @param {Trace} trace
 * @param {{ text?: string, kinds?: Set<string> | null, ownOnly?: boolean }} options
 * @returns {Set<SpanNode> | null}
 */
export function findNodes(trace, { text = "", kinds = null, ownOnly = false }) {
  const needle = text.trim().toLowerCase();
  if (needle === "" && kinds === null && !ownOnly) return null;
  const found = new Set();
  for (const node of trace.order) {
    if (kinds !== null && !kinds.has(panelOf(node.span))) continue;
    if (ownOnly && !node.own) continue;
    if (needle === "" || spanText(node).includes(needle)) found.add(node);
  }
  return found;
}

/**
 * The panel a span belongs to; one that is not known here is shown as a plain span.
 *
 * @param {Span} span
 */
export function panelOf(span) {
  return KINDS.includes(span.panel) ? span.panel : "span";
}

/**
 * Host and path of the call that a span stands for, by the present or the former names; null for other spans.
 *
 * @param {Span} span
 */
export function callTarget(span) {
  if (panelOf(span) !== "http" || span.kind === "server") return null;
  const text = (/** @type {string[]} */ ...keys) => {
    const value = attribute(span.attributes, ...keys);
    return typeof value === "string" && value !== "" ? value : null;
  };
  const whole = /^[a-z][a-z0-9+.-]*:\/\/(?:[^@/?#]*@)?([^?#]*)/i.exec(text("url.full", "http.url") ?? "");
  if (whole !== null) return whole[1];
  const host = text("server.address", "net.peer.name");
  const port = attribute(span.attributes, "server.port", "net.peer.port");
  const path = text("url.path", "url.template") ?? "";
  return host === null ? null : `${host}${typeof port === "number" ? `:${port}` : ""}${path}`;
}

/**
 * For each panel present: how many spans, and the sum of their durations.
 *
 * @param {Trace} trace
 */
export function kindTotals(trace) {
  const totals = new Map(KINDS.map((kind) => [kind, { kind, count: 0, duration: 0 }]));
  for (const node of trace.nodes) {
    const total = totals.get(panelOf(node.span));
    if (total === undefined) continue;
    total.count += 1;
    total.duration += node.duration;
  }
  return [...totals.values()].filter((total) => total.count > 0);
}

/**
 * Worked out once and kept: finding as one types must not re-read 5,000 spans' attributes at each key.
 *
 * @type {WeakMap<SpanNode, string>}
 */
const texts = new WeakMap();

/** @param {SpanNode} node */
function spanText(node) {
  const known = texts.get(node);
  if (known !== undefined) return known;
  const text = [
    node.span.name,
    node.span.span_id,
    node.span.service,
    node.span.scope,
    node.span.status_message,
    ...node.span.attributes.map(
      ({ key, value }) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`,
    ),
    ...node.span.events.map((event) => event.name),
  ]
    .join("\n")
    .toLowerCase();
  texts.set(node, text);
  return text;
}

/**
 * @param {SpanNode[]} nodes
 * @param {SpanNode[]} roots
 */
function cutRings(nodes, roots) {
  const reached = new Set(preorder(roots));
  if (reached.size === nodes.length) return;
  for (const node of nodes.filter((candidate) => !reached.has(candidate)).sort(byStart)) {
    if (reached.has(node)) continue;
    // Walk up until a node repeats: that one is on the ring, and the earliest of the ring becomes a root.
    const seen = new Set();
    let at = node;
    while (at.parent !== null && !seen.has(at)) {
      seen.add(at);
      at = at.parent;
    }
    const ring = [at];
    for (let member = at.parent; member !== null && member !== at; member = member.parent) ring.push(member);
    const first = ring.sort(byStart)[0];
    if (first.parent !== null)
      first.parent.children = first.parent.children.filter((child) => child !== first);
    first.parent = null;
    first.cycle = true;
    roots.push(first);
    for (const newly of preorder([first])) reached.add(newly);
  }
}

/** @param {SpanNode[]} roots */
function preorder(roots) {
  const order = [];
  const stack = [...roots].reverse();
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    order.push(node);
    for (let index = node.children.length - 1; index >= 0; index -= 1) stack.push(node.children[index]);
  }
  return order;
}

/**
 * @param {SpanNode} a
 * @param {SpanNode} b
 */
function byStart(a, b) {
  return a.offset - b.offset || a.index - b.index;
}

/**
 * @param {Span[]} spans
 * @param {string} fallback
 */
function earliest(spans, fallback) {
  let first = null;
  for (const span of spans) {
    const start = instant(span.start_unix_ns);
    if (first === null || start < first) first = start;
  }
  return String(first ?? fallback);
}
