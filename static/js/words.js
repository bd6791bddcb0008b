// What a try's outcome means, in words that say what happened and what to do.

const REASONS = {
  200: "OK", 201: "Created", 202: "Accepted", 204: "No Content",
  301: "Moved Permanently", 302: "Found", 303: "See Other", 307: "Temporary Redirect", 308: "Permanent Redirect",
  400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
  406: "Not Acceptable", 408: "Request Timeout", 409: "Conflict", 410: "Gone", 411: "Length Required",
  413: "Content Too Large", 415: "Unsupported Media Type", 422: "Unprocessable Content", 429: "Too Many Requests",
  500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
  504: "Gateway Timeout",
};

// code → [in the table, what happened, what to do]
const ERRORS = {
  timeout: ["timeout", "No answer in time", "Let the receiver answer first and do its work after, or give the destination a longer timeout."],
  connection_refused: ["refused", "Connection refused", "Nothing listens at that host and port. Start the receiver, or correct the port in the URL."],
  connection_failed: ["no conn", "Could not connect", "Check the host and port in the URL, and that the receiver's firewall lets us in."],
  connection_closed: ["closed", "Connection closed before an answer", "The receiver or a proxy before it hung up. Look in its log at this time."],
  dns_failed: ["no host", "Host name not found", "Check the spelling of the host in the URL, and its DNS record."],
  tls_failed: ["TLS", "No secure connection", "The certificate may be expired, self-signed or for another host. Renew or correct it at the receiver."],
  address_forbidden: ["blocked", "Address not allowed", "The URL leads to an address that is never dialled from here, such as a private network. Use a public one, or ask the operator to allow the network."],
  invalid_response: ["invalid", "The answer is not HTTP", "Check the scheme and port in the URL: something other than a web server answers there."],
  url_too_long: ["too big", "Not sent: the URL would be over 8 KiB", "GET carries the data in the URL. Set the destination's method to POST."],
  internal: ["fault", "Failed on our side", "Nothing is wrong with the destination. If it happens again, tell the operator the event id and the time."],
};

const BY_STATUS = {
  401: "It wants credentials. Correct the destination's headers.",
  403: "It refuses us. Correct the destination's headers, or let us in at the receiver.",
  404: "Nothing is at that path. Correct the destination's URL.",
  405: "It does not take this method. Change the destination's HTTP method.",
  408: "It did not get the request in time. If this stays, look at the receiver's load.",
  410: "It says that it is gone for good, so the destination is disabled. Correct its URL and resume it, or delete it.",
  413: "The data is too large for it. Raise the limit at the receiver.",
  415: "It does not take this content type. Set Content-Type in the destination's headers.",
  429: "It asks for fewer requests. Nothing to do if it catches up; else lower the destination's rate.",
};

function adviceOnStatus(status) {
  if (BY_STATUS[status]) return BY_STATUS[status];
  if (status >= 300 && status < 400) return "Redirects are not followed. Put the final address into the destination's URL.";
  if (status >= 500) return "The receiver failed. Its answer below, or its log at this time, says why.";
  return "The receiver does not accept this data. Its answer below says why.";
}

/** The code column: a status, or the error in one or two words. */
export function shortCode(entry) {
  if (entry.response_status !== null) return String(entry.response_status);
  return ERRORS[entry.error]?.[0] ?? "–";
}

/** "503 Service Unavailable", "No answer in time". */
export function headline(entry) {
  if (entry.error && entry.error !== "http_status" && ERRORS[entry.error]) return ERRORS[entry.error][1];
  if (entry.response_status === null) return entry.status === "success" ? "Delivered" : "Not delivered";
  const reason = REASONS[entry.response_status];
  return reason ? `${entry.response_status} ${reason}` : String(entry.response_status);
}

/** What to do about a failed try; empty for a success. */
export function advice(entry) {
  if (entry.status === "success") return "";
  if (ERRORS[entry.error]) return ERRORS[entry.error][2];
  return entry.response_status === null ? "" : adviceOnStatus(entry.response_status);
}

/** Why the socket stays closed, and the one link that helps: [text, link text, where]. */
export function closing(code, message, loginUrl) {
  switch (code) {
    case 4401: return ["You are signed out, so new tries do not appear here.", "Sign in", loginUrl];
    case 4403: return ["You are no longer a member of this account. An Admin of it can add you again.", "Go to the start", "/"];
    case 4404: return ["This account does not exist any more.", "Go to the start", "/"];
    default: return [`The server did not accept this page's request${message ? ` (${message})` : ""}.`, "Load the page again", ""];
  }
}
