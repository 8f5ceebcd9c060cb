// A stand-in for the toolbar while the page is worked on:
//
//   node otelbar-panel/page/tests/mock_server.js [--port 8099] [--requests 120] [--health failing|rejecting|healthy|idle|none]
//                                                [--live] [--hostile] [--token T] [--two] [--warn]
//
// It serves the page under /__otelbar/ with the policy it is served with for real, the API from fixtures, and an
// "application" page at / that carries the bar. With --live a request is added each 1.5 s.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { bar, destination, failing, hostile, nPlusOne, productPage, shop, status } from "./fixtures.js";

const PAGE = new URL("../", import.meta.url);
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};
export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Starts the server; `state` may be changed while it runs. Resolves to `{ origin, state, close }`. */
export async function serve({
  port = 0,
  details = [],
  health = "healthy",
  destinations = undefined,
  warnings = [],
  capture = undefined,
  store = {},
  internalErrors = undefined,
  dropped = {},
  token = null,
  appPolicy = null,
} = {}) {
  const state = {
    details,
    health,
    destinations,
    warnings,
    capture,
    store,
    internalErrors,
    dropped,
    token,
    appPolicy,
    appRequest: details.at(-1)?.request.id ?? "0000000000000000",
    appHead: "",
    appNonce: "",
    appHeaders: {},
    refused: false,
    calls: [],
    holdBack: 0,
  };
  const server = createServer((request, response) =>
    answer(state, request, response).catch((error) => send(response, 500, "text/plain", String(error))),
  );
  await new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(undefined)));
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    origin: `http://127.0.0.1:${address.port}`,
    state,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(state, request, response) {
  const url = new URL(request.url, "http://mock");
  if (url.pathname === "/") return applicationPage(state, request, response);
  if (url.pathname === "/xhtml")
    return send(response, 200, "application/xhtml+xml; charset=utf-8", xhtml(state));
  if (url.pathname === "/framed")
    return send(
      response,
      200,
      TYPES[".html"],
      `<!doctype html><title>framed</title><iframe src="/"></iframe>`,
    );
  if (!url.pathname.startsWith("/__otelbar/")) return send(response, 404, "text/plain", "not found");
  if (state.token !== null) {
    if (url.searchParams.get("token") === state.token) {
      return send(response, 303, "text/plain", "", {
        location: url.pathname,
        "set-cookie": `otelbar_token=${encodeURIComponent(state.token)}; Path=/__otelbar; HttpOnly; SameSite=Strict`,
      });
    }
    // As the application answers at any other address.
    if (
      !(request.headers.cookie ?? "").split("; ").includes(`otelbar_token=${encodeURIComponent(state.token)}`)
    )
      return send(response, 404, "text/plain", "not found");
  }
  const path = url.pathname.slice("/__otelbar/".length);
  if (path.startsWith("api/")) {
    state.calls.push(url.pathname + url.search);
    if (state.refused) return send(response, 404, "text/plain", "not found");
    return api(state, path.slice(4), url.searchParams, response, request.headers);
  }
  const file = path === "" ? "index.html" : path;
  if (!/^(?:[a-z]+\/)?[a-z-]+\.(html|js|css|svg)$/.test(file))
    return send(response, 404, "text/plain", "not found");
  const text = await readFile(fileURLToPath(new URL(file, PAGE)));
  return send(response, 200, TYPES[extname(file)], text, {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
  });
}

function api(state, path, parameters, response, asked) {
  if (path === "requests") {
    const limit = Number(parameters.get("limit") ?? 100);
    const before = Number(parameters.get("before") ?? Infinity);
    const requests = state.details
      .map(({ request }) => request)
      .filter(({ seq }) => seq < before)
      .sort((a, b) => b.seq - a.seq)
      .slice(0, limit);
    const { service, ...rest } = status({
      requests: state.details.length,
      health: state.health,
      destinations: state.destinations,
      warnings: state.warnings,
      capture: state.capture,
      store: state.store,
      internalErrors: state.internalErrors,
      dropped: state.dropped,
    });
    return json(response, 200, { service: state.service ?? service, requests, ...rest }, asked);
  }
  const [kind, id] = path.split("/");
  const found = state.details.find(({ request }) => id === encodeURIComponent(request.id));
  if (found === undefined || state.holdBack-- > 0)
    return json(response, 404, {
      error: "No request with this id is held: it has not ended yet, or made room for newer ones.",
    });
  return json(response, 200, kind === "bar" ? bar(found) : found, asked);
}

/** The application's page, with the headers that a test gave it; one with an `etag` is answered with 304 when it is known. */
function applicationPage(state, request, response) {
  const headers = {
    ...(state.appPolicy === null ? {} : { "content-security-policy": state.appPolicy }),
    ...state.appHeaders,
  };
  if (headers.etag !== undefined && request.headers["if-none-match"] === headers.etag)
    return send(response, 304, TYPES[".html"], "", headers);
  return send(response, 200, TYPES[".html"], application(state), headers);
}

function application(state) {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>The book shop</title>${state.appHead}
<style>body{font:16px/1.5 Georgia,serif;max-width:46rem;margin:3rem auto;padding:0 1rem;color:#222}
div,a,span{letter-spacing:.2em;color:crimson}a{border:3px dotted}</style></head>
<body><h1>The book shop</h1><p>An application's own page, whose styles must not reach the bar.</p><p><a href="/">A link</a></p>
<script src="/__otelbar/bar/bar.js" data-request="${state.appRequest}"${state.appNonce} defer></script></body></html>`;
}

/** The same as XML, in which elements need their namespace, and attributes their value. */
function xhtml(state) {
  return `<?xml version="1.0" encoding="utf-8"?>
<html xmlns="http://www.w3.org/1999/xhtml" lang="en"><head><title>The book shop</title></head>
<body><h1>The book shop</h1><p><a href="/">A link</a></p>
<script src="/__otelbar/bar/bar.js" data-request="${state.appRequest}" defer="defer"></script></body></html>`;
}

/** With an entity tag, and without a body where the caller knows it. */
function json(response, code, value, asked = {}) {
  const text = JSON.stringify(value);
  const etag = `W/"${createHash("sha256").update(text).digest("hex").slice(0, 16)}"`;
  const headers = { "cache-control": "no-store", etag };
  if (asked["if-none-match"] === etag) send(response, 304, "application/json", "", headers);
  else send(response, code, "application/json", text, headers);
}

function send(response, code, type, body, headers = {}) {
  response.writeHead(code, { "content-type": type, ...headers });
  response.end(body);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "8099" },
      requests: { type: "string", default: "120" },
      health: { type: "string", default: "failing" },
      live: { type: "boolean" },
      hostile: { type: "boolean" },
      token: { type: "string" },
      two: { type: "boolean" },
      warn: { type: "boolean" },
    },
  });
  const now = () => BigInt(Date.now()) * 1000000n;
  const number = Number(values.requests);
  const details = number === 0 ? [] : shop(number, { now: now() });
  if (values.hostile) details.push(hostile({ seq: 2 * number + 1, start: now() }));
  const zipkin = {
    name: "zipkin",
    protocol: null,
    endpoint: "http://localhost:9411/api/v2/spans",
    spooled: 120,
    spooled_bytes: 48_211,
  };
  const destinations = values.two
    ? [destination({ health: "healthy" }), destination({ ...zipkin, health: values.health })]
    : undefined;
  const warnings = values.warn
    ? ["OTEL_BSP_SCHEDULE_DELAY is “soon”: not a number of milliseconds; 5000 is used"]
    : [];
  const server = await serve({
    port: Number(values.port),
    details,
    destinations,
    warnings,
    health: values.health,
    dropped: values.health === "failing" ? { spans: 3, late: 1 } : {},
    token: values.token ?? null,
  });
  if (values.live) {
    let seq = 100000;
    setInterval(() => {
      const make = [productPage, nPlusOne, failing, productPage][seq % 4];
      server.state.details.push(make({ seq: seq++, start: now() }));
      if (server.state.details.length > 500) server.state.details.shift();
    }, 1500);
  }
  console.log(`${server.origin}/__otelbar/  and the bar at  ${server.origin}/`);
}
