// What the list holds, and what outlives a view.

/** @import { Session } from "./view.d.ts" */

/**
 * What outlives the view, so that coming back from a request finds the list as it was left.
 *
 * @returns {Session}
 */
export function listSession() {
  return { held: [], service: null, filter: "", selected: null, scrollTop: 0, paused: false, loaded: false };
}
