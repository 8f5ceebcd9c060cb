// The SQL spans of a trace grouped by statement. Pure.

/**
 * @import { Finding, Span } from "../shared/answers.d.ts"
 * @import { SpanNode } from "./tree.d.ts"
 */

import { attribute } from "../shared/format.js";

/**
 * @typedef {{
 *   key: string,
 *   text: string,
 *   system: string | null,
 *   nodes: SpanNode[],
 *   count: number,
 *   total: number,
 *   longest: SpanNode,
 *   rows: number | null,
 *   errors: number,
 *   findings: Set<string>,
 * }} Group the spans of one statement
 */

/**
 * The statement a SQL span ran, by the present or the former name of the attribute, else what its name says.
 *
 * @param {Span} span
 */
export function statement(span) {
  const text = attribute(span.attributes, "db.query.text", "db.statement");
  if (typeof text === "string" && text.trim() !== "") return text.trim();
  return span.name;
}

/**
 * Groups the SQL spans among `nodes`; spans belong together when system and statement are the same but for white
 * space. The most expensive group comes first; `findings` are the kinds of those that name one of its spans.
 *
 * @param {SpanNode[]} nodes
 * @param {Pick<Finding, "kind" | "span_ids">[]} [findings]
 */
export function groupQueries(nodes, findings = []) {
  /** @type {Map<string, Set<string>>} */
  const kinds = new Map();
  for (const { kind, span_ids: ids } of findings)
    for (const id of ids) kinds.set(id, (kinds.get(id) ?? new Set()).add(kind));
  /** @type {Map<string, Group>} */
  const groups = new Map();
  for (const node of nodes) {
    if (node.span.panel !== "sql") continue;
    const text = statement(node.span);
    const name = attribute(node.span.attributes, "db.system.name", "db.system");
    const system = name === null ? null : String(name);
    const key = `${system ?? ""}\n${text.replace(/\s+/g, " ")}`;
    let group = groups.get(key);
    if (group === undefined) {
      group = {
        key,
        text,
        system,
        nodes: [],
        count: 0,
        total: 0,
        longest: node,
        rows: null,
        errors: 0,
        findings: new Set(),
      };
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

/**
 * Orders of the groups a column's heading can ask for; the greatest comes first but for the statement.
 *
 * @type {Record<string, (a: Group, b: Group) => number>}
 */
export const ORDERS = {
  count: (a, b) => b.count - a.count || b.total - a.total,
  total: (a, b) => b.total - a.total || b.count - a.count,
  longest: (a, b) => b.longest.duration - a.longest.duration,
  average: (a, b) => b.total / b.count - a.total / a.count,
  rows: (a, b) => (b.rows ?? -1) - (a.rows ?? -1),
  statement: (a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0),
};
