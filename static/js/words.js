// What a try's outcome means, in the words that the pages of the server use too: apps/deliveries/words.py.

import { byId } from "./dom.js";

const words = JSON.parse(byId("words").textContent);

function adviceOnStatus(status) {
  if (words.by_status[status]) return words.by_status[status];
  if (status >= 300 && status < 400) return words.redirect;
  return status >= 500 ? words.broken : words.refuses;
}

/** The code column: a status, or the error in one or two words. */
export function shortCode(entry) {
  if (entry.response_status !== null) return String(entry.response_status);
  return words.errors[entry.error]?.[0] ?? "–";
}

/** "503 Service Unavailable", "No answer in time". */
export function headline(entry) {
  if (entry.error && entry.error !== "http_status" && words.errors[entry.error]) return words.errors[entry.error][1];
  if (entry.response_status === null) return entry.status === "success" ? "Delivered" : "Not delivered";
  const reason = words.reasons[entry.response_status];
  return reason ? `${entry.response_status} ${reason}` : String(entry.response_status);
}

/** What to do about a failed try; empty for a success. */
export function advice(entry) {
  if (entry.status === "success") return "";
  if (words.errors[entry.error]) return words.errors[entry.error][2];
  return entry.response_status === null ? "" : adviceOnStatus(entry.response_status);
}

/** How a destination is: [look, word]. */
export const health = (state) => words.healths[state];

/** Why the socket stays closed, and the one link that helps: [text, link text, where]. */
export function closing(code, message, loginUrl) {
  switch (code) {
    case 4401: return ["You are signed out, so new tries do not appear here.", "Sign in", loginUrl];
    case 4403: return ["You are no longer a member of this account. An Admin of it can add you again.", "Go to the start", "/"];
    case 4404: return ["This account does not exist any more.", "Go to the start", "/"];
    default: return [`The server did not accept this page's request${message ? ` (${message})` : ""}.`, "Load the page again", ""];
  }
}
