// Protects: rules every file of the page keeps, whatever it does.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import test from "node:test";

const PAGE = new URL("../", import.meta.url);
const files = readdirSync(PAGE, { withFileTypes: true }).filter((entry) => entry.isFile()).map(({ name }) => name);
const read = (name) => readFileSync(new URL(name, PAGE), "utf8");
const scripts = files.filter((name) => name.endsWith(".js"));

test("nothing turns text into markup or code", () => {
  const forbidden = /\b(?:inner|outer)HTML\b|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|setHTML|srcdoc|\beval\s*\(|new\s+Function|\bFunction\s*\(|set(?:Timeout|Interval)\(\s*["'`]|import\s*\(|javascript:/;
  for (const name of scripts) {
    read(name).split("\n").forEach((line, index) => assert.doesNotMatch(line, forbidden, `${name}:${index + 1}`));
  }
});

test("the document has no inline script, style or handler, as its policy forbids them", () => {
  const html = read("index.html");
  assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=/i);
  for (const [, body] of html.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)) assert.equal(body, "");
});

test("no file knows under which path it is served", () => {
  // The bar's head comment shows the tag as it is by default.
  for (const name of scripts) assert.ok(!read(name).replace(/^\s*\/\/.*$/gm, "").includes("__otelbar"), name);
  assert.doesNotMatch(read("index.html"), /(?:src|href)="\//);
  assert.doesNotMatch(read("app.css"), /url\(|@import/);
});

test("imports are files of this folder, so that serving the folder is enough", () => {
  for (const name of scripts) {
    for (const [, source] of read(name).matchAll(/^(?:import|export)[^"]*?from "([^"]+)"/gm)) {
      assert.match(source, /^\.\/[a-z-]+\.js$/, name);
      assert.ok(files.includes(source.slice(2)), `${name} imports ${source}`);
    }
  }
});

test("modules that are named pure touch no document", () => {
  for (const name of scripts) {
    const text = read(name);
    if (/^\/\/.*\bPure\b/m.test(text.split("\n\n")[0])) assert.doesNotMatch(text, /\b(?:document|window|localStorage|fetch)\b[.(]/, name);
  }
});

test("every file says at its head what it is for", () => {
  for (const name of scripts) assert.match(read(name), /^\/\/ [A-Z]/, name);
  assert.match(read("app.css"), /^\/\* [A-Z]/);
});

test("text stands out from every ground it is put on, in light and in dark", () => {
  const [light, dark] = read("app.css").split("@media (prefers-color-scheme: dark)");
  const tokens = (css) => Object.fromEntries([...css.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name, value]) => [name, value]));
  const lightTokens = tokens(light);
  for (const [scheme, colours] of [["light", lightTokens], ["dark", { ...lightTokens, ...tokens(dark) }]]) {
    const check = (text, ground, least) => {
      const ratio = contrast(colours[text], colours[ground]);
      assert.ok(ratio >= least, `${scheme}: ${text} on ${ground} is ${ratio.toFixed(2)}, not ${least}`);
    };
    for (const ground of ["bg", "surface", "hover", "selected"]) for (const text of ["text", "muted", "accent"]) check(text, ground, 4.5);
    for (const ground of ["bg", "selected"]) for (const text of ["good", "warn", "bad"]) check(text, ground, 4.5);
    for (const text of ["text", "muted", "warn"]) check(text, "warn-bg", 4.5);
    for (const text of ["text", "muted", "bad"]) check(text, "bad-bg", 4.5);
    for (const kind of ["request", "sql", "http", "template", "cache", "profile", "span"]) check(`kind-${kind}`, "bg", 3);
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
