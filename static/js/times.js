// Times of the server's pages in the viewer's zone; within the hour how long ago, or in how long. What is to come counts down.
// Without a script they are UTC.

import { exact, near, span } from "./format.js";

export function startTimes() {
  for (const node of document.querySelectorAll("time[data-time]")) {
    const text = "next" in node.dataset ? countdown(node.dateTime) : near(node.dateTime);
    if (node.textContent === text) continue;
    node.textContent = text;
    node.title = exact(node.dateTime);
  }
}

function countdown(iso) {
  const left = Date.parse(iso) - Date.now();
  return left <= 0 ? "due now" : left < 3_600_000 ? `in ${span(left)}` : near(iso);
}
