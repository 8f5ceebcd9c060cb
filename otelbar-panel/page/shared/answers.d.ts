// The answers of the JSON API, as docs/json-api.md describes them; tests/api.test.js compares the two.

/** Nanoseconds since the Unix epoch, as a decimal string: they do not fit a number. */
export type Instant = string;

/** `GET api/requests` */
export interface List {
  service: string;
  warnings: string[];
  capture: Capture;
  requests: Request[];
  store: Store;
  internal_errors: InternalErrors;
  dropped: AllDropped;
  exporter: Exporter | null;
}

export interface Capture {
  tracing: string;
  problem: string | null;
}

export interface Request {
  id: string;
  seq: number;
  trace_id: string;
  service: string;
  method: string;
  path: string;
  query: string | null;
  route: string | null;
  status: number | null;
  start_unix_ns: Instant;
  duration_ns: number;
  outcome: string;
  error: boolean;
  broken: boolean;
  counts: Counts;
  query_ns: number;
  finding_kinds: string[];
  called: string[];
  export: Export;
}

export interface Counts {
  spans: number;
  queries: number;
  calls: number;
  renders: number;
  cache: number;
  logs: number;
  errors: number;
  findings: number;
}

export interface Export {
  state: string;
  detail: string | null;
}

export interface Store {
  requests: number;
  max_requests: number;
  bytes: number;
  max_bytes: number;
  evicted: number;
  open_requests: number;
  open_bytes: number;
  view_bytes: number;
}

export interface InternalErrors {
  count: number;
  last: string | null;
}

export interface AllDropped {
  requests: number;
  spans: number;
  logs: number;
  attributes: number;
  late: number;
  panics: number;
}

export interface Exporter {
  endpoint: string;
  health: string;
  queued: number;
  spooled: number;
  accepted: number;
  rejected: number;
  dropped: number;
  last_error: string | null;
  pause: Pause | null;
  destinations: Destination[];
}

export interface Pause {
  until_unix_ns: Instant;
  reason: string;
}

export interface Breaker {
  state: string;
  until_unix_ns: Instant | null;
}

export interface Destination {
  name: string;
  protocol: string | null;
  endpoint: string;
  health: string;
  breaker: Breaker;
  pause: Pause | null;
  enqueued: number;
  recovered: number;
  queued: number;
  queued_bytes: number;
  in_flight: number;
  spooled: number;
  spooled_bytes: number;
  accepted: number;
  rejected: number;
  dropped: DestinationDropped;
  requests: number;
  last_error: LastError | null;
  last_message: string | null;
}

/** By reason; `total` is their sum. */
export interface DestinationDropped {
  total: number;
  queue_full: number;
  shut_down: number;
  closed: number;
  not_retryable: number;
  expired: number;
  too_large: number;
  invalid_id: number;
  spool_full: number;
  spool_damaged: number;
  panicked: number;
}

export interface LastError {
  at_unix_ns: Instant;
  message: string;
}

/** `GET api/requests/{id}` */
export interface Detail {
  request: Request;
  propagation: Propagation;
  deliveries: Delivery[];
  links: BackendLink[];
  spans: Span[];
  left_out: number;
  findings: Finding[];
  findings_left_out: FindingsLeftOut[];
  dropped: Dropped;
}

export interface Propagation {
  propagators: string[];
  outcome: string;
  reason: string | null;
  warnings: string[];
  parent_span_id: string | null;
  sampled: boolean;
  headers: Header[];
}

export interface Header {
  name: string;
  value: string;
}

export interface Delivery {
  destination: string;
  endpoint: string;
  state: string;
  detail: string | null;
  attempt: number | null;
  next_unix_ns: Instant | null;
  settled: boolean;
  spans: DeliverySpans;
}

export interface DeliverySpans {
  enqueued: number;
  queued: number;
  in_flight: number;
  spooled: number;
  accepted: number;
  rejected: number;
  undetermined: number;
  dropped: number;
}

export interface BackendLink {
  name: string;
  url: string;
  destination: string;
  ready: boolean;
}

export interface Span {
  span_id: string;
  parent_span_id: string | null;
  request_id: string;
  service: string;
  scope: string;
  name: string;
  display_name: string;
  kind: string;
  panel: string;
  start_unix_ns: Instant;
  duration_ns: number;
  busy_ns: number | null;
  status: string;
  status_message: string | null;
  attributes: Attribute[];
  events: Event[];
  links: SpanLink[];
  synthesised: boolean;
  unfinished: boolean;
  dropped: SpanDropped;
}

export type Scalar = string | number | boolean;
/** Integers beyond ±2⁵³ come as strings. */
export type Value = Scalar | Scalar[];

export interface Attribute {
  key: string;
  value: Value;
}

export interface Event {
  name: string;
  level: string | null;
  time_unix_ns: Instant;
  attributes: Attribute[];
}

export interface SpanLink {
  trace_id: string;
  span_id: string;
  attributes: Attribute[];
}

export interface SpanDropped {
  attributes: number;
  events: number;
  links: number;
}

export interface Finding {
  kind: string;
  severity: string;
  title: string;
  detail: string;
  location: string | null;
  span_ids: string[];
  spans_left_out: number;
}

/** `GET api/bar/{id}` */
export interface Bar {
  id: string;
  trace_id: string;
  method: string;
  path: string;
  route: string | null;
  status: number | null;
  outcome: string;
  error: boolean;
  duration_ns: number;
  queries: number;
  query_ns: number;
  errors: number;
  findings: number;
  finding_kinds: string[];
  /** Of the first few. */
  finding_titles: string[];
  /** Whether a finding is critical. */
  critical: boolean;
}

export interface FindingsLeftOut {
  kind: string;
  count: number;
}

export interface Dropped {
  spans: number;
  logs: number;
  attributes: number;
  late: number;
}
