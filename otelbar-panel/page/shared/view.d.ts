// What the parts of the page expect of each other.

import type { List, Request } from "./answers.d.ts";
import type { ApiError } from "./api.js";

/** What an address asks for. */
export type Target = ListTarget | RequestTarget;

export interface ListTarget {
  view: "list";
  filter: string;
}

export interface RequestTarget {
  view: "request";
  id: string;
  spanId: string | null;
  tab: Tab;
}

export type Tab = "waterfall" | "queries" | "logs" | "propagation";

/** A view, as the page's start knows it. */
export interface View {
  /** Whether it can show what an address asks for. */
  accepts(target: Target): boolean;
  show(target: Target): void;
  /** Whether it took the key. `typing`: the focus is in a field. */
  key(event: KeyboardEvent, typing: boolean): boolean;
  destroy(): void;
}

/** What surrounds the views, as they know it. */
export interface Status {
  status(answer: List): void;
  connection(error: ApiError | null): void;
}

/** What outlives a view, so that coming back from a request finds the list as it was left. */
export interface Session {
  held: Request[];
  service: string | null;
  filter: string;
  selected: string | null;
  scrollTop: number;
  paused: boolean;
  loaded: boolean;
}

/** A term in words: `short` for a column, `title` for a sentence. */
export interface Label {
  short: string;
  title: string;
}

/** `tone` for the colour. */
export interface TonedLabel extends Label {
  tone: string;
}
