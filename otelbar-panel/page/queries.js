// The SQL spans of a trace grouped by statement, and SQL cut into tokens for colouring. Pure.

import { attribute } from "./format.js";

/** The statement a SQL span ran, by the present or the former name of the attribute, else what its name says. */
export function statement(span) {
  const text = attribute(span.attributes, "db.query.text", "db.statement");
  if (typeof text === "string" && text.trim() !== "") return text.trim();
  return span.name;
}

/**
 * Groups the SQL spans among `nodes`; spans belong together when system and statement are the same but for white
 * space. The most expensive group comes first; `findings` are the kinds of those that name one of its spans.
 */
export function groupQueries(nodes, findings = []) {
  const kinds = new Map();
  for (const { kind, span_ids: ids } of findings) for (const id of ids) kinds.set(id, (kinds.get(id) ?? new Set()).add(kind));
  const groups = new Map();
  for (const node of nodes) {
    if (node.span.panel !== "sql") continue;
    const text = statement(node.span);
    const system = attribute(node.span.attributes, "db.system.name", "db.system");
    const key = `${system ?? ""}\n${text.replace(/\s+/g, " ")}`;
    let group = groups.get(key);
    if (group === undefined) {
      group = { key, text, system, nodes: [], count: 0, total: 0, longest: node, rows: null, errors: 0, findings: new Set() };
      groups.set(key, group);
    }
    const rows = attribute(node.span.attributes, "db.response.returned_rows", "db.response.affected_rows");
    group.nodes.push(node);
    group.count += 1;
    group.total += node.duration;
    if (node.duration > group.longest.duration) group.longest = node;
    if (typeof rows === "number") group.rows = (group.rows ?? 0) + rows;
    if (node.error) group.errors += 1;
    for (const kind of kinds.get(node.span.span_id) ?? []) group.findings.add(kind);
  }
  return [...groups.values()].sort(ORDERS.total);
}

/** Orders of the groups a column's heading can ask for; the greatest comes first but for the statement. */
export const ORDERS = {
  count: (a, b) => b.count - a.count || b.total - a.total,
  total: (a, b) => b.total - a.total || b.count - a.count,
  longest: (a, b) => b.longest.duration - a.longest.duration,
  average: (a, b) => b.total / b.count - a.total / a.count,
  rows: (a, b) => (b.rows ?? -1) - (a.rows ?? -1),
  statement: (a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0),
};

const KEYWORDS = new Set(
  `add all alter and any as asc begin between by case cast check commit conflict constraint create cross current
  default delete desc distinct do drop else end except exists explain false fetch filter first for foreign from full
  group having if ilike in index inner insert intersect interval into is join key lateral left like limit lock natural
  not nothing null nulls offset on or order outer over partition pragma primary recursive references release replace
  returning right rollback rows savepoint select set share skip table then transaction true truncate union unique
  update using values view when where window with`.split(/\s+/),
);

const TOKEN = new RegExp(
  [
    String.raw`(?<comment>--[^\n]*|/\*[\s\S]*?(?:\*/|$))`,
    String.raw`(?<string>'(?:[^']|'')*(?:'|$))`,
    String.raw`(?<name>"[^"]*(?:"|$)|\`[^\`]*(?:\`|$))`,
    String.raw`(?<parameter>\$\d+|\?\d*|:[A-Za-z_]\w*|@[A-Za-z_]\w*)`,
    String.raw`(?<number>\b\d+(?:\.\d+)?\b)`,
    String.raw`(?<word>[A-Za-z_]\w*)`,
    String.raw`(?<other>::|\s+|[^\s\w])`,
  ].join("|"),
  "g",
);

/** SQL cut into `{ type, text }`, type one of keyword, string, number, parameter, comment or plain. Loses no character. */
export function tokens(sql) {
  const found = [];
  let from = 0;
  const push = (type, text) => {
    const last = found[found.length - 1];
    if (last !== undefined && last.type === type) last.text += text;
    else found.push({ type, text });
  };
  for (const match of sql.matchAll(TOKEN)) {
    if (match.index > from) push("plain", sql.slice(from, match.index));
    from = match.index + match[0].length;
    const { comment, string, parameter, number, word } = match.groups;
    if (comment !== undefined) push("comment", comment);
    else if (string !== undefined) push("string", string);
    else if (parameter !== undefined) push("parameter", parameter);
    else if (number !== undefined) push("number", number);
    else if (word !== undefined && KEYWORDS.has(word.toLowerCase())) push("keyword", word);
    else push("plain", match[0]);
  }
  if (from < sql.length) push("plain", sql.slice(from));
  return found;
}
