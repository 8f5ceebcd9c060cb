// Requests as the API would answer them: ordinary ones of a small shop, large and deep ones, and hostile ones.

/**
 * @import { Bar, Counts, Delivery, Destination, Detail, Exporter, List, Request, Span, Store } from "../shared/answers.d.ts"
 */

export const START_NS = 1795198960935919500n;

/** In the place of a request's id until `detail` knows it. */
const OWN = "";

/** Strings that must appear on the page as they stand and do nothing. */
export const HOSTILE = [
  `<script>window.pwned = 1</script>`,
  `<img src=x onerror="window.pwned = 2">`,
  `"><svg onload=window.pwned=3>`,
  `javascript:window.pwned=4`,
  `' onmouseover='window.pwned=5`,
  `</title></textarea><iframe srcdoc="<script>parent.pwned=6</script>">`,
  `{{constructor.constructor('window.pwned=7')()}}`,
  `\u202Eevil\u0000\u001b[31m`,
];

/** A sequence of pseudo-random numbers in 0..1: the same at each run, so that pictures and tests are. */
export function random(seed) {
  let state = seed >>> 0 || 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
}

export function hex(number, width) {
  return BigInt(number).toString(16).padStart(width, "0");
}

/**
 * One span; what is not given has the usual value.
 *
 * @param {Partial<Span>} fields
 * @returns {Span}
 */
export function span(fields) {
  return {
    span_id: "00000000000000a1",
    parent_span_id: null,
    request_id: OWN,
    service: "shop",
    scope: "shop::catalog",
    name: "work",
    display_name: fields.name ?? "work",
    kind: "internal",
    panel: "span",
    start_unix_ns: String(START_NS),
    duration_ns: 1_000_000,
    busy_ns: null,
    status: "unset",
    status_message: null,
    attributes: [],
    events: [],
    links: [],
    synthesised: false,
    unfinished: false,
    dropped: { attributes: 0, events: 0, links: 0 },
    ...fields,
  };
}

/**
 * One entry of the list; `counts` are merged.
 *
 * @param {Partial<Omit<Request, "counts">> & { counts?: Partial<Counts> }} [fields]
 * @returns {Request}
 */
export function summary({ counts = {}, ...fields } = {}) {
  return {
    id: "00f067aa0ba902b7",
    seq: 1,
    trace_id: "4bf92f3577b34da6a3ce929d0e0e4736",
    service: "shop",
    method: "GET",
    path: "/products/3",
    query: null,
    route: "/products/{id}",
    status: 200,
    start_unix_ns: String(START_NS),
    duration_ns: 12_345_678,
    outcome: "completed",
    error: false,
    broken: false,
    query_ns: 0,
    finding_kinds: [],
    called: [],
    export: { state: "accepted", detail: null },
    ...fields,
    counts: {
      spans: 1,
      queries: 0,
      calls: 0,
      renders: 0,
      cache: 0,
      logs: 0,
      errors: 0,
      findings: 0,
      ...counts,
    },
  };
}

/**
 * What became of a request's spans at one destination, by its list entry unless told otherwise.
 *
 * @param {Request["export"]} export
 * @param {Partial<Delivery>} [fields]
 * @returns {Delivery}
 */
export function delivery({ state, detail: said }, fields = {}) {
  const all = 9;
  const place = {
    queued: "queued",
    in_flight: "in_flight",
    retrying: "in_flight",
    spooled: "spooled",
    accepted: "accepted",
    partial: "accepted",
    dropped: "dropped",
    failed: "dropped",
  }[state];
  const spans = {
    enqueued: all,
    queued: 0,
    in_flight: 0,
    spooled: 0,
    accepted: 0,
    rejected: 0,
    undetermined: 0,
    dropped: 0,
  };
  if (place !== undefined) spans[place] = all;
  return {
    destination: "otlp",
    endpoint: "http://localhost:4318/v1/traces",
    state,
    detail: said,
    attempt: ["in_flight", "retrying", "failed"].includes(state) ? 1 : null,
    next_unix_ns: state === "retrying" ? String(START_NS + 5_000_000_000n) : null,
    settled: ["accepted", "partial", "dropped", "failed"].includes(state),
    spans,
    ...fields,
  };
}

/**
 * A whole request from its list entry, its spans and what else is given.
 *
 * @param {Request} request
 * @param {Span[]} spans
 * @param {Partial<Detail>} [rest]
 * @returns {Detail}
 */
export function detail(request, spans, rest = {}) {
  return {
    request,
    deliveries: ["disabled", "not_sampled"].includes(request.export.state) ? [] : [delivery(request.export)],
    propagation: {
      propagators: ["tracecontext", "baggage"],
      outcome: "absent",
      reason: null,
      warnings: [],
      parent_span_id: null,
      sampled: true,
      headers: [],
    },
    links: [],
    spans: spans.map((each) => ({
      ...each,
      request_id: each.request_id === OWN ? request.id : each.request_id,
    })),
    left_out: 0,
    findings: [],
    findings_left_out: [],
    dropped: { spans: 0, logs: 0, attributes: 0, late: 0 },
    ...rest,
  };
}

/** Builds a request span by span with times in microseconds from its start. */
export class RequestBuilder {
  /** @type {bigint} */
  #next;
  spans = [];

  constructor({ seq, start = START_NS, ...fields }) {
    this.start = BigInt(start);
    this.#next = BigInt(seq) * 100000n + 1n;
    const id = hex(0x5ba0_0000_0000_0000n + this.#next, 16);
    this.request = summary({
      id,
      seq,
      trace_id: hex(0x4bf92f3577b34da6a3ce929d_00000000n + this.#next, 32),
      start_unix_ns: String(this.start),
      ...fields,
    });
    this.rest = {};
  }

  /** The SERVER span; lasts as long as the request. */
  root(fields = {}) {
    const { request } = this;
    return this.add(null, {
      span_id: request.id,
      name: `${request.method} ${request.route ?? ""}`.trim(),
      kind: "server",
      panel: "request",
      scope: "otelbar",
      duration_ns: request.duration_ns,
      busy_ns: Math.round(request.duration_ns * 0.2),
      status: request.status >= 500 ? "error" : "unset",
      attributes: [
        { key: "http.request.method", value: request.method },
        { key: "url.path", value: request.path },
        { key: "url.scheme", value: "http" },
        ...(request.route === null ? [] : [{ key: "http.route", value: request.route }]),
        ...(request.status === null ? [] : [{ key: "http.response.status_code", value: request.status }]),
        { key: "server.address", value: "127.0.0.1" },
        { key: "server.port", value: 8080 },
        { key: "network.protocol.version", value: "1.1" },
        {
          key: "user_agent.original",
          value:
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0 Safari/537.36",
        },
      ],
      ...fields,
    });
  }

  /**
   * @param {Span | null} parent
   * @param {Partial<Span> & { at?: number, us?: number }} fields
   */
  add(parent, { at = 0, us, ...fields }) {
    const added = span({
      span_id: hex(0xa000_0000_0000_0000n + this.#next++, 16),
      parent_span_id: parent?.span_id ?? null,
      start_unix_ns: String(this.start + BigInt(Math.round(at * 1000))),
      ...(us === undefined ? {} : { duration_ns: Math.round(us * 1000) }),
      ...fields,
    });
    this.spans.push(added);
    return added;
  }

  sql(parent, at, us, text, summaryText, rows = 1, fields = {}) {
    return this.add(parent, {
      at,
      us,
      name: summaryText,
      kind: "client",
      panel: "sql",
      scope: "sqlx",
      attributes: [
        { key: "db.system.name", value: "sqlite" },
        { key: "db.namespace", value: "shop.db" },
        { key: "db.query.text", value: text },
        { key: "db.query.summary", value: summaryText },
        { key: "db.response.returned_rows", value: rows },
      ],
      ...fields,
    });
  }

  event(target, at, level, name, attributes = {}) {
    target.events.push({
      name,
      level,
      time_unix_ns: String(this.start + BigInt(Math.round(at * 1000))),
      attributes: Object.entries(attributes).map(([key, value]) => ({ key, value })),
    });
  }

  finish() {
    const { request, spans } = this;
    const sql = spans.filter(({ panel }) => panel === "sql");
    const events = spans.flatMap((each) => each.events);
    request.counts = {
      spans: spans.length,
      queries: sql.length,
      calls: spans.filter(({ panel, kind }) => panel === "http" && kind === "client").length,
      renders: spans.filter(({ panel }) => panel === "template").length,
      cache: spans.filter(({ panel }) => panel === "cache").length,
      logs: events.length,
      errors:
        spans.filter(({ status }) => status === "error").length +
        events.filter(({ level }) => level === "ERROR").length,
      findings: this.rest.findings?.length ?? 0,
    };
    request.finding_kinds = [...new Set((this.rest.findings ?? []).map(({ kind }) => kind))];
    request.query_ns = sql.reduce((sum, each) => sum + each.duration_ns, 0);
    request.error = spans.some(({ parent_span_id: parent, status }) => parent === null && status === "error");
    const ready = request.export.state === "accepted";
    return detail(request, spans, {
      links: [
        {
          name: "Jaeger",
          url: `http://localhost:16686/trace/${request.trace_id}`,
          destination: "otlp",
          ready,
        },
        {
          name: "Zipkin",
          url: `http://localhost:9411/zipkin/traces/${request.trace_id}`,
          destination: "otlp",
          ready,
        },
      ],
      ...this.rest,
    });
  }
}

const SELECT_PRODUCT = "SELECT id, title, price_cents, stock, author_id\nFROM products\nWHERE id = ?";
const SELECT_REVIEWS =
  "SELECT r.id, r.stars, r.body, u.name AS reviewer\nFROM reviews AS r\nJOIN users AS u ON u.id = r.user_id\nWHERE r.product_id = ? AND r.hidden = 0\nORDER BY r.created_at DESC\nLIMIT 10";
const SELECT_AUTHOR = "SELECT id, name, born FROM authors WHERE id = ?";

/** A page that reads, calls another service of the same trace, and renders. */
export function productPage(fields) {
  const b = new RequestBuilder({
    method: "GET",
    path: "/products/3",
    query: "page=2&sig=REDACTED",
    route: "/products/{id}",
    duration_ns: 12_345_678,
    ...fields,
  });
  const root = b.root();
  const handler = b.add(root, {
    at: 180,
    us: 11_800,
    busy_ns: 2_140_000,
    name: "show_product",
    attributes: [
      { key: "product.id", value: 3 },
      { key: "code.function.name", value: "shop::catalog::show_product" },
      { key: "code.file.path", value: "src/catalog.rs" },
      { key: "code.line.number", value: 87 },
    ],
  });
  b.event(handler, 240, "DEBUG", "session restored", { "session.age_s": 412, "user.id": 77 });
  const cache = b.add(handler, {
    at: 300,
    us: 42,
    name: "GET product:3",
    kind: "client",
    panel: "cache",
    scope: "shop::cache",
    attributes: [
      { key: "cache.hit", value: false },
      { key: "cache.key", value: "product:3" },
    ],
  });
  b.event(cache, 340, "TRACE", "miss");
  b.sql(handler, 420, 612, SELECT_PRODUCT, "SELECT products");
  b.sql(handler, 1090, 1480, SELECT_REVIEWS, "SELECT reviews users", 10);
  const call = b.add(handler, {
    at: 2700,
    us: 6_420,
    busy_ns: 190_000,
    name: "GET",
    kind: "client",
    panel: "http",
    scope: "otelbar_propagation",
    attributes: [
      { key: "http.request.method", value: "GET" },
      { key: "url.full", value: "http://127.0.0.1:8081/stock/3" },
      { key: "server.address", value: "127.0.0.1" },
      { key: "server.port", value: 8081 },
      { key: "http.response.status_code", value: 200 },
    ],
  });
  const other = hex(0xbeef_0000_0000_0000n + BigInt(b.request.seq), 16);
  const stock = b.add(call, {
    span_id: other,
    at: 3420,
    us: 4_900,
    busy_ns: 800_000,
    name: "GET /stock/{id}",
    kind: "server",
    panel: "request",
    service: "inventory",
    scope: "otelbar",
    request_id: other,
    attributes: [
      { key: "http.route", value: "/stock/{id}" },
      { key: "http.response.status_code", value: 200 },
    ],
  });
  b.add(stock, {
    at: 3600,
    us: 3_900,
    name: "SELECT stock",
    kind: "client",
    panel: "sql",
    scope: "sqlx",
    service: "inventory",
    request_id: other,
    attributes: [
      { key: "db.system.name", value: "sqlite" },
      { key: "db.query.text", value: "SELECT warehouse, amount FROM stock WHERE product_id = ?" },
    ],
  });
  b.event(stock, 7600, "INFO", "stock read", { warehouses: 3 });
  b.event(handler, 9200, "INFO", "product loaded", { "product.id": 3, reviews: 10 });
  const render = b.add(handler, {
    at: 9300,
    us: 2_310,
    busy_ns: 2_290_000,
    name: "product.html",
    panel: "template",
    scope: "minijinja",
    attributes: [
      { key: "template.name", value: "product.html" },
      { key: "template.bytes", value: 18_432 },
    ],
  });
  b.add(render, {
    at: 9900,
    us: 700,
    name: "reviews.html",
    panel: "template",
    scope: "minijinja",
    synthesised: true,
    attributes: [{ key: "template.name", value: "partials/reviews.html" }],
  });
  b.rest.propagation = {
    propagators: ["tracecontext", "baggage"],
    outcome: "accepted",
    reason: null,
    warnings: ["tracestate: member 2 dropped: the key is empty"],
    parent_span_id: "00f067aa0ba902b7",
    sampled: true,
    headers: [
      { name: "traceparent", value: `00-${b.request.trace_id}-00f067aa0ba902b7-03` },
      { name: "tracestate", value: "rojo=00f067aa0ba902b7, =x, congo=t61rcWkgMzE" },
      { name: "baggage", value: "userId=Am%C3%A9lie,serverNode=DF%2028;ttl=3,isProduction=false" },
    ],
  };
  root.parent_span_id = "00f067aa0ba902b7";
  return b.finish();
}

/** The request that a product page makes to the inventory, as the list has it. */
export function stockRequest(page, { seq }) {
  const spans = page.spans.filter(({ service }) => service === "inventory");
  const [root] = spans;
  const { trace_id, start_unix_ns, export: state } = page.request;
  const query = spans.filter(({ panel }) => panel === "sql");
  return detail(
    summary({
      id: root.span_id,
      seq,
      trace_id,
      service: "inventory",
      path: "/stock/3",
      route: "/stock/{id}",
      start_unix_ns: String(BigInt(start_unix_ns) + 3_420_000n),
      duration_ns: root.duration_ns,
      export: state,
      query_ns: query[0].duration_ns,
      counts: { spans: spans.length, queries: query.length, logs: 1 },
    }),
    [...spans, ...page.spans.filter((each) => !spans.includes(each))].map((each) => ({
      ...each,
      request_id: each.request_id,
    })),
    { links: page.links },
  );
}

/** The listing with one query too many for each book. */
export function nPlusOne(fields) {
  const b = new RequestBuilder({
    method: "GET",
    path: "/books",
    query: null,
    route: "/books",
    duration_ns: 38_900_000,
    ...fields,
  });
  const root = b.root();
  const handler = b.add(root, { at: 150, us: 38_300, busy_ns: 9_100_000, name: "list_books" });
  b.sql(
    handler,
    300,
    900,
    "SELECT id, title, author_id FROM books ORDER BY title LIMIT 20",
    "SELECT books",
    20,
  );
  const ids = [];
  for (let index = 0; index < 20; index += 1)
    ids.push(
      b.sql(handler, 1500 + index * 1550, 1180 + ((index * 37) % 11) * 30, SELECT_AUTHOR, "SELECT authors")
        .span_id,
    );
  b.add(handler, {
    at: 33_000,
    us: 5_100,
    busy_ns: 5_000_000,
    name: "books.html",
    panel: "template",
    scope: "minijinja",
  });
  b.event(handler, 32_900, "WARN", "slow listing", { books: 20, elapsed_ms: 32 });
  b.rest.findings = [
    {
      kind: "n_plus_one",
      severity: "warning",
      title: "20 × SELECT authors under list_books",
      detail:
        "The same statement ran 20 times under one parent and took 26.9 ms of 38.9 ms. Read the authors with one query, by a JOIN or WHERE id IN (…), before the loop.",
      location: "src/catalog.rs:112 (author_row)",
      span_ids: ids,
    },
    {
      kind: "slow_query",
      severity: "info",
      title: "SELECT books took 900 µs",
      detail: "It sorts by title without an index: CREATE INDEX books_title ON books (title).",
      location: null,
      span_ids: [b.spans[2].span_id],
    },
  ];
  return b.finish();
}

/** A failing page with an exception, its stack, and a refused trace context. */
export function failing(fields) {
  const b = new RequestBuilder({
    method: "POST",
    path: "/checkout",
    query: null,
    route: "/checkout",
    status: 500,
    duration_ns: 1_284_000_000,
    export: {
      state: "failed",
      detail:
        "could not connect to http://localhost:4318/v1/traces: Connection refused (os error 111); given up after 5 attempts",
    },
    ...fields,
  });
  const root = b.root({ status_message: "payment gateway answered 503" });
  const handler = b.add(root, {
    at: 210,
    us: 1_283_000,
    busy_ns: 4_000_000,
    name: "checkout",
    status: "error",
    status_message: "payment gateway answered 503",
  });
  b.sql(handler, 900, 1800, "BEGIN IMMEDIATE", "BEGIN", 0);
  b.sql(
    handler,
    3100,
    2300,
    "UPDATE carts SET state = 'ordered', updated_at = CURRENT_TIMESTAMP WHERE id = ? -- one row",
    "UPDATE carts",
    0,
  );
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const call = b.add(handler, {
      at: 8000 + attempt * 420_000,
      us: 310_000 + attempt * 20_000,
      busy_ns: 400_000,
      name: "POST",
      kind: "client",
      panel: "http",
      status: "error",
      status_message: "503 Service Unavailable",
      attributes: [
        { key: "http.request.method", value: "POST" },
        { key: "url.full", value: "https://pay.example.com/v2/charges" },
        { key: "http.response.status_code", value: 503 },
        { key: "http.request.resend_count", value: attempt },
        { key: "error.type", value: "503" },
      ],
    });
    b.event(call, 300_000 + attempt * 420_000, "WARN", "charge refused, trying again", { attempt });
  }
  b.event(handler, 1_280_000, "ERROR", "checkout failed", { "cart.id": "c-1881", "cart.items": [3, 17, 42] });
  b.event(handler, 1_280_200, null, "exception", {
    "exception.type": "shop::payment::Error",
    "exception.message": "payment gateway answered 503",
    "exception.stacktrace": [
      "payment gateway answered 503",
      "",
      "Caused by:",
      "    0: charge c-1881",
      "    1: 503 Service Unavailable",
      "",
      "   0: shop::payment::charge",
      "             at src/payment.rs:118:17",
      "   1: shop::checkout::checkout::{{closure}}",
      "             at src/checkout.rs:64:9",
      "   2: <axum::handler::future::IntoServiceFuture<F> as core::future::future::Future>::poll",
      "   3: tokio::runtime::task::core::Core<T,S>::poll",
    ].join("\n"),
  });
  b.sql(handler, 1_281_000, 900, "ROLLBACK", "ROLLBACK", 0);
  b.rest.propagation = {
    propagators: ["tracecontext", "baggage"],
    outcome: "refused",
    reason: "traceparent: at byte 3: the trace id is all zeros",
    warnings: ["tracestate dropped: there is no valid traceparent"],
    parent_span_id: null,
    sampled: true,
    headers: [
      { name: "traceparent", value: "00-00000000000000000000000000000000-00f067aa0ba902b7-01" },
      { name: "tracestate", value: "congo=t61rcWkgMzE" },
    ],
  };
  b.rest.findings = [
    {
      kind: "slow_span",
      severity: "warning",
      title: "checkout took 1283.0 ms",
      detail:
        "It was busy for 4.0 ms of that and waited for the rest, and none of its children took as long.",
      span_ids: [handler.span_id],
    },
  ];
  b.rest.dropped = { spans: 0, logs: 3, attributes: 1, late: 0 };
  handler.dropped = { attributes: 1, events: 3, links: 0 };
  return b.finish();
}

/** Work that goes on in a spawned task after the response: unfinished when read. */
export function spawned(fields) {
  const b = new RequestBuilder({
    method: "POST",
    path: "/orders",
    query: null,
    route: "/orders",
    status: 202,
    duration_ns: 3_100_000,
    export: { state: "pending", detail: null },
    ...fields,
  });
  const root = b.root();
  const handler = b.add(root, { at: 90, us: 2_900, busy_ns: 600_000, name: "create_order" });
  b.sql(
    handler,
    300,
    800,
    "INSERT INTO orders (id, user_id, total_cents) VALUES ($1, $2, $3) RETURNING id",
    "INSERT orders",
  );
  const task = b.add(handler, {
    at: 1800,
    us: 9_400,
    name: "send_confirmation",
    unfinished: true,
    busy_ns: 900_000,
  });
  b.add(task, {
    at: 2500,
    us: 8_700,
    name: "POST",
    kind: "client",
    panel: "http",
    unfinished: true,
    attributes: [{ key: "url.full", value: "http://mail.internal/send" }],
  });
  return b.finish();
}

/** Thousands of spans over minutes. */
export function large(fields, number = 5000) {
  const b = new RequestBuilder({
    method: "GET",
    path: "/reports/yearly",
    query: "year=2026",
    route: "/reports/{name}",
    duration_ns: 187_000_000_000,
    export: { state: "partial", detail: "the backend rejected 12 spans: span too old" },
    ...fields,
  });
  const next = random(7);
  const root = b.root();
  let at = 1000;
  const step = 186_000_000 / number;
  let parent = root;
  while (b.spans.length < number) {
    if (b.spans.length % 25 === 1)
      parent = b.add(root, {
        at,
        us: step * 24,
        busy_ns: Math.round(step * 6000),
        name: `month ${1 + Math.floor(b.spans.length / 25)}`,
        panel: "profile",
        scope: "shop::reports",
      });
    else if (next() < 0.6)
      b.sql(
        parent,
        at,
        step * (0.2 + next()),
        next() < 0.5 ? SELECT_PRODUCT : "SELECT sum(total_cents) FROM orders WHERE month = ? AND year = ?",
        next() < 0.5 ? "SELECT products" : "SELECT orders",
        Math.floor(next() * 90),
      );
    else
      b.add(parent, {
        at,
        us: step * next(),
        name: ["fold", "aggregate", "format row", "project"][Math.floor(next() * 4)],
      });
    if (next() < 0.3)
      b.event(
        b.spans.at(-1),
        at,
        ["TRACE", "DEBUG", "INFO", "INFO", "WARN", "ERROR"][Math.floor(next() * 6)],
        `row ${b.spans.length} done`,
        { row: b.spans.length },
      );
    at += step;
  }
  return b.finish();
}

/** A chain of `depth` spans, each the child of the one before. */
export function deep(fields, depth = 400) {
  const b = new RequestBuilder({
    method: "GET",
    path: "/tree",
    query: null,
    route: "/tree",
    duration_ns: 900_000,
    ...fields,
  });
  let parent = b.root();
  for (let level = 1; level < depth; level += 1)
    parent = b.add(parent, { at: level, us: 890 - 2 * level, name: `visit node at depth ${level}` });
  return b.finish();
}

/** Every text field is an attempt at the page. */
export function hostile(fields) {
  const text = (index) => HOSTILE[index % HOSTILE.length];
  const b = new RequestBuilder({
    method: text(1),
    path: `/${text(0)}`,
    query: text(2),
    route: text(1),
    service: text(0),
    outcome: text(5),
    export: { state: text(4), detail: text(1) },
    status: 404,
    duration_ns: 5_000_000,
    ...fields,
  });
  const root = b.root({
    name: text(0),
    scope: text(1),
    service: text(2),
    kind: text(4),
    panel: text(5),
    status: text(2),
    status_message: text(1),
  });
  HOSTILE.forEach((hostileText, index) => {
    const each = b.add(root, {
      at: 100 + index * 400,
      us: 350,
      name: hostileText,
      service: text(index + 1),
      scope: hostileText,
      status: "error",
      status_message: text(index + 2),
      panel: index % 2 ? "sql" : hostileText,
      attributes: [
        ...HOSTILE.map((value, at) => ({ key: `${text(at + 1)}`, value })),
        { key: "db.query.text", value: `SELECT '${hostileText}' -- ${hostileText}` },
        { key: "url.full", value: "javascript:window.pwned=8" },
        { key: "url.odd", value: "java\nscript:window.pwned=9" },
        { key: "url.http", value: `http://example.com/?q=${hostileText}` },
        { key: "list", value: HOSTILE },
      ],
    });
    b.event(each, 150 + index * 400, text(index), hostileText, {
      "exception.stacktrace": text(index),
      [text(index)]: text(index + 1),
    });
  });
  b.rest.propagation = {
    propagators: HOSTILE,
    outcome: text(0),
    reason: text(1),
    warnings: HOSTILE,
    parent_span_id: text(2),
    sampled: true,
    headers: HOSTILE.map((value, index) => ({ name: index % 2 ? "baggage" : text(index), value })),
  };
  b.rest.deliveries = HOSTILE.map((value, index) =>
    delivery(
      { state: value, detail: text(index + 1) },
      { destination: text(index + 2), endpoint: text(index + 3), next_unix_ns: value, settled: true },
    ),
  );
  b.rest.findings = HOSTILE.map((value, index) => ({
    kind: value,
    severity: text(index + 1),
    title: value,
    detail: text(index + 2),
    location: text(index + 3),
    span_ids: [root.span_id],
  }));
  const whole = b.finish();
  whole.links = [
    { name: text(0), url: "javascript:window.pwned=10", destination: text(2), ready: true },
    { name: text(1), url: "data:text/html,<script>alert(1)</script>", destination: text(3), ready: true },
  ];
  return whole;
}

/** The odd ways for a request to end, and short ones. */
export function quick(fields) {
  const b = new RequestBuilder({
    method: "GET",
    path: "/healthz",
    query: null,
    route: "/healthz",
    duration_ns: 84_210,
    export: { state: "not_sampled", detail: null },
    ...fields,
  });
  b.root({ busy_ns: 80_000 });
  return b.finish();
}

/** Names without an end, from right to left, several roots, no duration, and clocks that do not agree. */
export function odd(fields) {
  const long = "a-name-that-never-seems-to-come-to-its-end-".repeat(12);
  const b = new RequestBuilder({
    method: "PROPFIND",
    path: `/${long}/שלום/عالم`,
    query: `q=${long}`,
    route: `/${long}/{שם}`,
    service: `service-${long}`,
    duration_ns: 900_000,
    ...fields,
  });
  const root = b.root();
  const early = b.add(root, { at: -400, us: 300, name: "starts before its parent", service: "inventory" });
  b.add(early, {
    at: -500,
    us: 2_000,
    name: "starts earlier still, and ends after all",
    service: "inventory",
  });
  b.add(root, { at: 100, us: 0, name: "ארבעה 12 מלים", busy_ns: 0 });
  b.add(null, { at: 300, us: 0, name: "a second root" });
  b.add(null, {
    at: 350,
    us: 40,
    name: `its parent is elsewhere ${long}`,
    parent_span_id: "00f067aa0ba902b7",
    attributes: [
      { key: long, value: long },
      { key: "שם", value: "עברית 12.5 ms" },
    ],
  });
  return b.finish();
}

/** A request that took no time at all that its clock could tell. */
export function instantaneous(fields) {
  const b = new RequestBuilder({
    method: "GET",
    path: "/",
    query: null,
    route: "/",
    duration_ns: 0,
    ...fields,
  });
  const root = b.root({ busy_ns: 0 });
  b.sql(root, 0, 0, "SELECT 1", "SELECT");
  b.event(root, 0, "INFO", "done");
  return b.finish();
}

/** A day in the shop: `number` requests and those they make to the inventory, the newest last to start. */
export function shop(number, { now = START_NS + 600_000_000_000n } = {}) {
  const next = random(3);
  const made = [];
  for (let index = 1; index <= number; index += 1) {
    const start = BigInt(now) - BigInt(number - index) * 2_700_000_000n - BigInt(Math.floor(next() * 1e9));
    // The odd numbers are those of nested requests, which end before the one that made them.
    const seq = 2 * index;
    const at = { seq, start };
    const draw = next();
    if (index === number - 5) made.push(large(at));
    else if (index === number - 8) made.push(deep(at));
    else if (index === number - 11) made.push(spawned(at));
    else if (index === number - 3 || draw < 0.06) made.push(failing(at));
    else if (index === number - 1 || draw < 0.15) made.push(nPlusOne({ ...at, duration_ns: 38_900_000 }));
    else if (draw < 0.22)
      made.push(
        quick({
          ...at,
          method: "GET",
          path: "/favicon.ico",
          route: null,
          status: 404,
          duration_ns: 61_000 + Math.floor(next() * 30_000),
        }),
      );
    else if (draw < 0.27)
      made.push(
        quick({
          ...at,
          method: "DELETE",
          path: `/carts/${seq}/items/3`,
          route: "/carts/{id}/items/{item}",
          status: 204,
          duration_ns: 2_100_000,
          export: { state: "accepted", detail: null },
        }),
      );
    else if (draw < 0.31)
      made.push(
        quick({
          ...at,
          path: "/stream",
          route: "/stream",
          outcome: "client_gone",
          duration_ns: 4_410_000_000,
          export: { state: "accepted", detail: null },
        }),
      );
    else if (draw < 0.34)
      made.push(
        quick({
          ...at,
          path: "/slow",
          route: "/slow",
          status: null,
          outcome: "cancelled",
          duration_ns: 30_000_000_000,
          export: { state: "dropped", detail: "the exporter's queue of 2048 spans was full" },
        }),
      );
    else if (draw < 0.42) made.push(quick({ ...at, duration_ns: 40_000 + Math.floor(next() * 60_000) }));
    else if (draw < 0.46)
      made.push(
        quick({ ...at, path: "/old", route: "/old", status: 301, export: { state: "queued", detail: null } }),
      );
    else {
      const page = productPage({
        ...at,
        path: `/products/${1 + Math.floor(next() * 40)}`,
        duration_ns: 12_345_678,
        export: { state: index > number - 4 ? "queued" : "accepted", detail: null },
      });
      made.push(stockRequest(page, { seq: seq - 1 }), page);
    }
  }
  return made;
}

/**
 * What the bar says of a request.
 *
 * @param {Detail} detail
 * @returns {Bar}
 */
export function bar({ request, findings }) {
  const {
    id,
    trace_id,
    method,
    path,
    route,
    status,
    outcome,
    error,
    duration_ns,
    query_ns,
    finding_kinds,
    counts,
  } = request;
  return {
    ...{ id, trace_id, method, path, route, status, outcome, error, duration_ns, query_ns, finding_kinds },
    queries: counts.queries,
    errors: counts.errors,
    findings: counts.findings,
    finding_titles: findings.slice(0, 5).map(({ title }) => title),
    critical: findings.some(({ severity }) => severity === "critical"),
  };
}

/**
 * How the exporter does with one destination.
 *
 * @param {Partial<Destination>} [fields]
 * @returns {Destination}
 */
export function destination({ health = "healthy", ...fields } = {}) {
  const failing = health === "failing";
  const waiting = health === "waiting";
  const rejecting = health === "rejecting";
  return {
    name: "otlp",
    protocol: "http/protobuf",
    endpoint: "http://localhost:4318/v1/traces",
    health,
    breaker: failing
      ? { state: "open", until_unix_ns: String(START_NS + 30_000_000_000n) }
      : { state: "closed", until_unix_ns: null },
    pause:
      failing || waiting
        ? { until_unix_ns: String(START_NS + 30_000_000_000n), reason: waiting ? "retry_after" : "breaker" }
        : null,
    enqueued: 5036,
    recovered: 0,
    queued: failing ? 8 : 0,
    queued_bytes: failing ? 5120 : 0,
    in_flight: failing ? 4 : 0,
    spooled: 0,
    spooled_bytes: 0,
    accepted: 5000,
    rejected: rejecting ? 310 : 0,
    dropped: {
      total: failing ? 24 : 0,
      queue_full: failing ? 10 : 0,
      shut_down: 0,
      closed: 0,
      not_retryable: 0,
      expired: failing ? 14 : 0,
      too_large: 0,
      invalid_id: 0,
      spool_full: 0,
      spool_damaged: 0,
      panicked: 0,
    },
    requests: 71,
    last_error: failing
      ? {
          at_unix_ns: String(START_NS),
          message: "could not connect to http://localhost:4318/v1/traces: Connection refused (os error 111)",
        }
      : null,
    last_message: rejecting ? "timestamp too far in the past" : null,
    ...fields,
  };
}

const BADNESS = ["idle", "healthy", "rejecting", "failing", "waiting"];

/**
 * The exporter with these destinations; null where there is none.
 *
 * @param {Destination[]} destinations
 * @returns {Exporter | null}
 */
export function exporter(destinations) {
  if (destinations.length === 0) return null;
  const worst = destinations.reduce((worse, each) =>
    BADNESS.indexOf(each.health) > BADNESS.indexOf(worse.health) ? each : worse,
  );
  const sum = (/** @type {(each: Destination) => number} */ count) =>
    destinations.reduce((total, each) => total + count(each), 0);
  return {
    endpoint: worst.endpoint,
    health: worst.health,
    queued: sum((each) => each.queued + each.in_flight),
    spooled: sum((each) => each.spooled),
    accepted: sum((each) => each.accepted),
    rejected: sum((each) => each.rejected),
    dropped: sum((each) => each.dropped.total),
    last_error: worst.health === "rejecting" ? worst.last_message : (worst.last_error?.message ?? null),
    pause: worst.pause,
    destinations,
  };
}

/**
 * The rest of the list's answer.
 *
 * @param {{
 *   requests: number,
 *   health?: string,
 *   store?: Partial<Store>,
 *   internalErrors?: List["internal_errors"],
 *   dropped?: Partial<List["dropped"]>,
 *   warnings?: string[],
 *   capture?: List["capture"],
 *   destinations?: Destination[],
 * }} options
 * @returns {Omit<List, "requests">}
 */
export function status({
  requests,
  health = "failing",
  store = {},
  internalErrors = { count: 0, last: null },
  dropped = {},
  warnings = [],
  capture = { tracing: "ok", problem: null },
  destinations = health === "none" ? [] : [destination({ health })],
}) {
  return {
    service: "shop",
    warnings,
    capture,
    store: {
      requests,
      max_requests: 500,
      bytes: requests * 10_661,
      max_bytes: 67_108_864,
      evicted: 0,
      open_requests: 0,
      open_bytes: 0,
      view_bytes: 0,
      ...store,
    },
    internal_errors: internalErrors,
    dropped: { requests: 0, spans: 0, logs: 0, attributes: 0, late: 0, panics: 0, ...dropped },
    exporter: exporter(destinations),
  };
}
