// SQL cut into tokens for colouring. Pure.

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
    "(?<string>'(?:[^']|'')*(?:'|$))",
    String.raw`(?<name>"[^"]*(?:"|$)|\`[^\`]*(?:\`|$))`,
    String.raw`(?<parameter>\$\d+|\?\d*|:[A-Za-z_]\w*|@[A-Za-z_]\w*)`,
    String.raw`(?<number>\b\d+(?:\.\d+)?\b)`,
    String.raw`(?<word>[A-Za-z_]\w*)`,
    String.raw`(?<other>::|\s+|[^\s\w])`,
  ].join("|"),
  "g",
);

/**
 * SQL cut into `{ type, text }`, type one of keyword, string, number, parameter, comment or plain. Loses no character.
 *
 * @param {string} sql
 */
export function tokens(sql) {
  /** @type {{ type: string, text: string }[]} */
  const found = [];
  let from = 0;
  const push = (/** @type {string} */ type, /** @type {string} */ text) => {
    const last = found[found.length - 1];
    if (last !== undefined && last.type === type) last.text += text;
    else found.push({ type, text });
  };
  for (const match of sql.matchAll(TOKEN)) {
    if (match.index > from) push("plain", sql.slice(from, match.index));
    from = match.index + match[0].length;
    const { comment, string, parameter, number, word } = match.groups ?? {};
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
