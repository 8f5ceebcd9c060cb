// Protects: rules every file of the page keeps, whatever it does.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path/posix";
import test from "node:test";

const PAGE = new URL("../", import.meta.url);
/** The folders of what is served, and who may import from whom; `app.js`, which starts the page, may from each. */
const ARROWS = {
  shared: ["shared"],
  shell: ["shell", "shared"],
  list: ["list", "shared"],
  request: ["request", "shared"],
  bar: ["bar", "shared"],
};
const FOLDERS = Object.keys(ARROWS);
const names = (folder) =>
  readdirSync(new URL(folder, PAGE), { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => join(folder, name));
const files = ["./", ...FOLDERS].flatMap(names);
const read = (name) => readFileSync(new URL(name, PAGE), "utf8");
const scripts = files.filter((name) => name.endsWith(".js"));
const styles = files.filter((name) => name.endsWith(".css"));
/** What a module imports, in its code and in the types of its comments. */
const imports = (name) =>
  [...read(name).matchAll(/\b(?:from |import |import\()"([^"]+)"/g)].map(([, source]) => source);

test("nothing turns text into markup or code", () => {
  const forbidden =
    /\b(?:inner|outer)HTML\b|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|setHTML|srcdoc|\beval\s*\(|new\s+Function|\bFunction\s*\(|set(?:Timeout|Interval)\(\s*["'`]|import\s*\(|javascript:/;
  for (const name of scripts) {
    // The bar, which is no module, may import those of the page by their names.
    const text =
      name === "bar/bar.js" ? read(name).replace(/\bimport\("\.\.\/shared\/[a-z-]+\.js"\)/g, "") : read(name);
    for (const [index, line] of text.split("\n").entries())
      assert.doesNotMatch(line, forbidden, `${name}:${index + 1}`);
  }
});

test("the document has no inline script, style or handler, as its policy forbids them", () => {
  const html = read("index.html");
  assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=/i);
  for (const [, body] of html.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)) assert.equal(body, "");
});

test("no file knows under which path it is served", () => {
  // The bar's head comment shows the tag as it is by default.
  for (const name of scripts)
    assert.ok(
      !read(name)
        .replace(/^\s*\/\/.*$/gm, "")
        .includes("__otelbar"),
      name,
    );
  assert.doesNotMatch(read("index.html"), /(?:src|href)="\//);
  for (const name of styles) assert.doesNotMatch(read(name), /url\(|@import/, name);
});

test("imports are files of the page, so that serving its folders is enough", () => {
  for (const name of scripts) {
    for (const source of imports(name)) {
      assert.match(source, /^\.\.?\/(?:[a-z]+\/)?[a-z-]+\.(?:js|d\.ts)$/, name);
      assert.ok(files.includes(join(dirname(name), source)), `${name} imports ${source}`);
    }
  }
});

test("a view imports from itself and from what is shared, and from no other view", () => {
  for (const [folder, allowed] of Object.entries(ARROWS)) {
    for (const name of files.filter(
      (file) => file.startsWith(`${folder}/`) && /\.(?:js|d\.ts)$/.test(file),
    )) {
      for (const source of imports(name)) {
        const target = join(dirname(name), source);
        assert.ok(allowed.includes(dirname(target)), `${name} imports ${target}`);
      }
    }
  }
});

test("no two modules import each other, over however many others", () => {
  const done = new Set();
  const visit = (name, path) => {
    assert.ok(!path.includes(name), [...path, name].join(" → "));
    if (done.has(name)) return;
    const modules = imports(name).filter((source) => source.endsWith(".js"));
    for (const source of modules) visit(join(dirname(name), source), [...path, name]);
    done.add(name);
  };
  for (const name of scripts) visit(name, []);
});

test("every style sheet is linked by the document, what is shared first", () => {
  const linked = [...read("index.html").matchAll(/<link rel="stylesheet" href="([^"]+)">/g)].map(
    ([, href]) => href,
  );
  assert.deepEqual([...linked].sort(), [...styles].sort());
  assert.equal(linked[0], "shared/shared.css");
});

test("modules that are named pure touch no document", () => {
  for (const name of scripts) {
    const text = read(name);
    if (/^\/\/.*\bPure\b/m.test(text.split("\n\n")[0]))
      assert.doesNotMatch(text, /\b(?:document|window|localStorage|fetch)\b[.(]/, name);
  }
});

test("every file says at its head what it is for", () => {
  for (const name of scripts) assert.match(read(name), /^\/\/ [A-Z]/, name);
  for (const name of styles) assert.match(read(name), /^\/\* [A-Z]/, name);
});

test("text stands out from every ground it is put on, in light and in dark", () => {
  const [light, dark] = read("shared/shared.css").split("@media (prefers-color-scheme: dark)");
  const tokens = (css) =>
    Object.fromEntries(
      [...css.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name, value]) => [name, value]),
    );
  const lightTokens = tokens(light);
  for (const [scheme, colours] of [
    ["light", lightTokens],
    ["dark", { ...lightTokens, ...tokens(dark) }],
  ]) {
    const check = (text, ground, least) => {
      const ratio = contrast(colours[text], colours[ground]);
      assert.ok(ratio >= least, `${scheme}: ${text} on ${ground} is ${ratio.toFixed(2)}, not ${least}`);
    };
    for (const ground of ["bg", "surface", "hover", "selected"])
      for (const text of ["text", "muted", "accent"]) check(text, ground, 4.5);
    for (const ground of ["bg", "selected"])
      for (const text of ["good", "warn", "bad"]) check(text, ground, 4.5);
    for (const text of ["text", "muted", "warn"]) check(text, "warn-bg", 4.5);
    for (const text of ["text", "muted", "bad"]) check(text, "bad-bg", 4.5);
    for (const kind of ["request", "sql", "http", "template", "cache", "profile", "span"])
      check(`kind-${kind}`, "bg", 3);
  }
});

function contrast(one, other) {
  const luminance = (colour) => {
    const [r, g, b] = [1, 3, 5].map((at) => {
      const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
      return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}
