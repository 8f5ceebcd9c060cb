// Which request of a list comes next. Pure.

/** @import { Request } from "../shared/answers.d.ts" */

/**
 * The request after (`step` 1) or before (−1) another in a list, newest first, which need not hold that one itself.
 *
 * @param {Request[]} requests
 * @param {{ id: string, seq?: number }} from
 * @param {1 | -1} step
 * @returns {Request | null}
 */
export function neighbour(requests, { id, seq }, step) {
  const at = requests.findIndex((request) => request.id === id);
  if (at >= 0) return requests[at + step] ?? null;
  return (
    (seq === undefined
      ? undefined
      : step > 0
        ? requests.find((request) => request.seq < seq)
        : requests.findLast((request) => request.seq > seq)) ?? null
  );
}
