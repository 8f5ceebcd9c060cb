// The spans of a request as a tree, flattened to rows. Pure, and without recursion: a trace may be thousands deep.

import { attribute, between, instant } from "../shared/format.js";

export const KINDS = ["request", "sql", "http", "template", "cache", "profile", "span"];

/**
 * Builds the tree of `detail.spans`. Spans whose parent is not among them are roots (`remoteParent` when they name
 * one); a ring of parents is cut at its earliest span (`cycle`); a repeated span id stays a node of its own.
 */
export function buildTrace(detail) {
  const id = detail.request.id;
  const base = earliest(detail.spans, detail.request.start_unix_ns);
  const nodes = detail.spans.map((span, index) => ({
    span,
    index,
    parent: null,
    children: [],
    depth: 0,
    descendants: 0,
    offset: between(base, span.start_unix_ns),
    duration: Math.max(0, span.duration_ns ?? 0),
    own: span.request_id === null || span.request_id === id,
    foreign: span.service !== detail.request.service,
    error: span.status === "error",
    remoteParent: false,
    cycle: false,
  }));
  const byId = new Map();
  for (const node of nodes) if (!byId.has(node.span.span_id)) byId.set(node.span.span_id, node);

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
 */
export function visibleNodes(trace, { collapsed, matches = null }) {
  let kept = null;
  if (matches !== null) {
    kept = new Set();
    for (const match of matches) {
      for (let node = match; node !== null && !kept.has(node); node = node.parent) kept.add(node);
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

/** The set of nodes that hold `text` in name, ids, service or attributes and are of one of `kinds`; null for all. */
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

/** The panel a span belongs to; one this page does not know is shown as a plain span. */
export function panelOf(span) {
  return KINDS.includes(span.panel) ? span.panel : "span";
}

/** Host and path of the call that a span stands for, by the present or the former names; null for other spans. */
export function callTarget(span) {
  if (panelOf(span) !== "http" || span.kind === "server") return null;
  const text = (...keys) => {
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

/** For each panel present: how many spans, and the sum of their durations. */
export function kindTotals(trace) {
  const totals = new Map(KINDS.map((kind) => [kind, { kind, count: 0, duration: 0 }]));
  for (const node of trace.nodes) {
    const total = totals.get(panelOf(node.span));
    total.count += 1;
    total.duration += node.duration;
  }
  return [...totals.values()].filter((total) => total.count > 0);
}

function spanText(node) {
  // Worked out once and kept: finding as one types must not re-read 5,000 spans' attributes at each key.
  node.text ??= [
    node.span.name,
    node.span.span_id,
    node.span.service,
    node.span.scope,
    node.span.status_message,
    ...node.span.attributes.map(({ key, value }) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`),
    ...node.span.events.map((event) => event.name),
  ].join("\n").toLowerCase();
  return node.text;
}

function cutRings(nodes, roots) {
  const reached = new Set(preorder(roots));
  if (reached.size === nodes.length) return;
  for (const node of nodes.filter((candidate) => !reached.has(candidate)).sort(byStart)) {
    if (reached.has(node)) continue;
    // Walk up until a node repeats: that one is on the ring, and the earliest of the ring becomes a root.
    const seen = new Set();
    let at = node;
    while (!seen.has(at)) {
      seen.add(at);
      at = at.parent;
    }
    const ring = [];
    for (let member = at; ring.length === 0 || member !== at; member = member.parent) ring.push(member);
    const first = ring.sort(byStart)[0];
    first.parent.children = first.parent.children.filter((child) => child !== first);
    first.parent = null;
    first.cycle = true;
    roots.push(first);
    for (const newly of preorder([first])) reached.add(newly);
  }
}

function preorder(roots) {
  const order = [];
  const stack = [...roots].reverse();
  while (stack.length > 0) {
    const node = stack.pop();
    order.push(node);
    for (let index = node.children.length - 1; index >= 0; index -= 1) stack.push(node.children[index]);
  }
  return order;
}

function byStart(a, b) {
  return a.offset - b.offset || a.index - b.index;
}

function earliest(spans, fallback) {
  let first = null;
  for (const span of spans) {
    const start = instant(span.start_unix_ns);
    if (first === null || start < first) first = start;
  }
  return String(first ?? fallback);
}
