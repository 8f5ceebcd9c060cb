// The page's own addresses, all behind the hash so that one index.html serves every one of them:
//   #/                                    the list          (?filter=status:5xx)
//   #/requests/{id}                       one request       (?tab=queries|logs|propagation)
//   #/requests/{id}/spans/{span_id}       with a span selected
// Pure.

export const TABS = ["waterfall", "queries", "logs", "propagation"];

/** What a hash asks for; an address that is none of ours is the list. */
export function parse(hash) {
  const [path, search = ""] = splitOnce(String(hash ?? "").replace(/^#/, ""), "?");
  const parameters = new URLSearchParams(search);
  const parts = path.split("/").filter((part) => part !== "").map(decode);
  if (parts[0] === "requests" && parts.length >= 2) {
    const tab = parameters.get("tab");
    return {
      view: "request",
      id: parts[1],
      spanId: parts[2] === "spans" && parts[3] ? parts[3] : null,
      tab: TABS.includes(tab) ? tab : "waterfall",
    };
  }
  return { view: "list", filter: parameters.get("filter") ?? "" };
}

/** The hash of the list. */
export function listHash(filter = "") {
  return filter === "" ? "#/" : `#/?filter=${encodeURIComponent(filter)}`;
}

/** The hash of a request, of a span in it, and of a tab. */
export function requestHash(id, spanId = null, tab = "waterfall") {
  let hash = `#/requests/${encodeURIComponent(id)}`;
  if (spanId !== null) hash += `/spans/${encodeURIComponent(spanId)}`;
  if (tab !== "waterfall") hash += `?tab=${tab}`;
  return hash;
}

function splitOnce(text, separator) {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
