// What `h` in dom.js takes.

/** What can be put into an element: nodes and text, however nested; null, undefined and false are skipped. */
export type Child = Node | string | number | boolean | null | undefined | readonly Child[];

export type Listeners = { [Name in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[Name]) => void };

export interface Attributes {
  on?: Listeners;
  data?: Record<string, string | null>;
  [name: string]: string | number | boolean | null | undefined | Listeners | Record<string, string | null>;
}
