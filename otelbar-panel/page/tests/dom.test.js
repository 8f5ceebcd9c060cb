// Protects: what `h` will and will not put on an element, without a browser.

import assert from "node:assert/strict";
import test from "node:test";
import { h, safeUrl } from "../shared/dom.js";

class FakeNode {
  constructor(tag) {
    this.tag = tag;
    this.attributes = {};
    this.children = [];
    this.dataset = {};
  }

  setAttribute(name, value) {
    this.attributes[name] = value;
  }

  append(child) {
    this.children.push(child);
  }

  addEventListener() {}
}

Object.assign(globalThis, { Node: FakeNode, document: { createElement: (tag) => new FakeNode(tag) } });

test("only http and https addresses are links", () => {
  const check = (value, expected) => assert.equal(safeUrl(value), expected);
  check("http://localhost:16686/trace/4bf9", "http://localhost:16686/trace/4bf9");
  check("HTTPS://example.com/?q=<b>", "https://example.com/?q=%3Cb%3E");
  for (const refused of [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    " javascript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "blob:http://h/1",
    "file:///etc/passwd",
    "//example.com",
    "/path",
    "http://",
    "http:javascript",
    "",
    null,
    7,
    ["http://h"],
  ])
    check(refused, null);
});

test("an href that is refused is left out, one within the page is kept", () => {
  assert.deepEqual(h("a", { href: "javascript:alert(1)" }).attributes, {});
  assert.deepEqual(h("a", { href: "#/requests/1" }).attributes, { href: "#/requests/1" });
  assert.deepEqual(h("a", { href: "#javascript:x" }).attributes, {});
});

test("attributes that carry script, style or another document are not set from here", () => {
  for (const name of ["onclick", "ONLOAD", "style", "src", "srcdoc", "action", "formaction", "xlink:href"]) {
    assert.throws(() => h("div", { [name]: "x" }), /is not set from here/);
  }
});

test("children are nodes or text, and nothing is parsed", () => {
  const child = h("b");
  assert.deepEqual(h("p", null, "<i>", [child, [3, null, false]], undefined).children, ["<i>", child, "3"]);
});
