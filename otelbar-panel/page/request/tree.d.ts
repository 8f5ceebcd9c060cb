// What trace.js makes of a request's spans, and what the tabs expect of each other.

import type { Event, Span } from "../shared/answers.d.ts";

/** A span in its tree. Times are nanoseconds from the trace's start. */
export interface SpanNode {
  span: Span;
  /** Its place in the answer. */
  index: number;
  parent: SpanNode | null;
  children: SpanNode[];
  depth: number;
  /** How many spans are below it. */
  descendants: number;
  offset: number;
  duration: number;
  /** Whether it is of the request that is shown. */
  own: boolean;
  /** Whether it is of another service than the request. */
  foreign: boolean;
  error: boolean;
  /** Whether it names a parent that is not held. */
  remoteParent: boolean;
  /** Whether its parent is one of its own descendants, or itself. */
  cycle: boolean;
}

export interface Trace {
  id: string;
  traceId: string;
  /** When the earliest span starts. */
  base: string;
  end: number;
  /** In the order of the answer. */
  nodes: SpanNode[];
  /** In the order of the tree. */
  order: SpanNode[];
  roots: SpanNode[];
  byId: Map<string, SpanNode>;
  maxDepth: number;
  root: SpanNode | null;
  services: string[];
}

/** An event of a span, as one of the trace's logs. */
export interface Log {
  event: Event;
  node: SpanNode;
  index: number;
  level: string | null;
  offset: number;
  at: bigint;
}

/** A part of the trace's time. */
export interface Range {
  start: number;
  end: number;
}

/** What one of the tabs is to the view. */
export interface Tab {
  readonly element: HTMLElement;
  /** Whether it took the key. */
  key?(event: KeyboardEvent, typing: boolean): boolean;
  /** Called when it comes into sight. */
  shown?(): void;
}
