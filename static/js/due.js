// Countdowns: every element with data-due is rewritten once a second, by the server's clock.

import { exact, span } from "./format.js";

let ahead = 0; // the server's clock minus ours, in ms

export function setServerTime(iso) {
  const time = Date.parse(iso);
  if (!Number.isNaN(time)) ahead = time - Date.now();
}

export const serverNow = () => Date.now() + ahead;

const held = new WeakMap(); // node → whether nothing goes out when the time comes

/** isHeld(): whether the destination is paused or disabled, now. */
export function setDue(node, iso, isHeld) {
  node.dataset.due = iso;
  held.set(node, isHeld);
  write(node);
}

export function clearDue(node) {
  delete node.dataset.due;
  node.removeAttribute("title");
  node.textContent = "";
}

function write(node) {
  const isHeld = held.get(node)();
  const left = Date.parse(node.dataset.due) - serverNow();
  const text = isHeld ? "held" : left > 0 ? `in ${span(left)}` : "due now";
  if (node.textContent === text) return;
  node.textContent = text;
  node.title = isHeld ? "Held: the destination is paused or disabled" : exact(node.dataset.due);
}

export function startCountdowns() {
  setInterval(() => document.querySelectorAll("[data-due]").forEach(write), 1000);
}
