// Countdowns: every element with data-due is rewritten once a second, by the server's clock.

import { exact, span } from "./format.js";

let ahead = 0; // the server's clock minus ours, in ms

export function setServerTime(iso) {
  const time = Date.parse(iso);
  if (!Number.isNaN(time)) ahead = time - Date.now();
}

export const serverNow = () => Date.now() + ahead;

/** held: the destination is paused or disabled, so nothing goes out when the time comes. */
export function setDue(node, iso, held) {
  node.dataset.due = iso;
  if (held) node.dataset.held = "";
  node.title = held ? "Held: the destination is paused or disabled" : exact(iso);
  write(node);
}

export function clearDue(node) {
  delete node.dataset.due;
  node.removeAttribute("title");
  node.textContent = "";
}

function write(node) {
  const left = Date.parse(node.dataset.due) - serverNow();
  const text = "held" in node.dataset ? "held" : left > 0 ? `in ${span(left)}` : "due now";
  if (node.textContent !== text) node.textContent = text;
}

export function startCountdowns() {
  setInterval(() => document.querySelectorAll("[data-due]").forEach(write), 1000);
}
