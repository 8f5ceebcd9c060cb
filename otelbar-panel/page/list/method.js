// The colour of a method. Pure.

/**
 * Whether a method only reads (RFC 9110, 9.2.1, and QUERY of RFC 10008), deletes, or writes otherwise.
 *
 * @param {string} method
 */
export function methodClass(method) {
  return ["GET", "HEAD", "OPTIONS", "QUERY", "TRACE"].includes(method)
    ? "safe"
    : method === "DELETE"
      ? "delete"
      : "write";
}
