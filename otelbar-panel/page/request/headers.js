// Trace context headers taken apart for reading. Pure, and lenient: the server has judged them already, this only
// shows where one field ends and the next begins.

/** @typedef {{ name: string, value: string, note?: string | null }} Field */

/**
 * The fields of a `traceparent`, or null when it has not even their number.
 *
 * @param {string} value
 * @returns {Field[] | null}
 */
export function traceparentFields(value) {
  const parts = value.split("-");
  if (parts.length < 4) return null;
  const [version, traceId, parentId, flags, ...rest] = parts;
  const bits = Number.parseInt(flags, 16);
  return [
    { name: "version", value: version },
    { name: "trace-id", value: traceId },
    { name: "parent-id", value: parentId },
    { name: "trace-flags", value: flags, note: Number.isNaN(bits) ? null : flagNames(bits) },
    ...(rest.length > 0 ? [{ name: "more", value: rest.join("-") }] : []),
  ];
}

/**
 * The members of `tracestate` or `baggage`: key, value (percent-decoded for baggage) and properties.
 *
 * @param {string} name
 * @param {string} value
 */
export function members(name, value) {
  return value
    .split(",")
    .map((member) => member.trim())
    .filter((member) => member !== "")
    .map((member) => {
      const [pair, ...properties] = name === "baggage" ? member.split(";") : [member];
      const equals = pair.indexOf("=");
      const key = equals < 0 ? pair.trim() : pair.slice(0, equals).trim();
      const raw = equals < 0 ? "" : pair.slice(equals + 1).trim();
      return {
        key,
        value: name === "baggage" ? percentDecode(raw) : raw,
        properties: properties.map((text) => text.trim()),
      };
    });
}

/** @param {number} bits */
function flagNames(bits) {
  const names = [bits & 1 ? "sampled" : "not sampled"];
  if (bits & 2) names.push("random trace id");
  return names.join(", ");
}

/** @param {string} text */
function percentDecode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
