// Which request of a list comes next. Pure.

/** The request after (`step` 1) or before (−1) another in a list, newest first, which need not hold that one itself. */
export function neighbour(requests, { id, seq }, step) {
  const at = requests.findIndex((request) => request.id === id);
  if (at >= 0) return requests[at + step] ?? null;
  return (step > 0 ? requests.find((request) => request.seq < seq) : requests.findLast((request) => request.seq > seq)) ?? null;
}
