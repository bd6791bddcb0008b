// What the server shows, fetched anew: the parts of a page are replaced, what is open and what has the focus stays.

import { startTimes } from "./times.js";

const RETRY_MS = 15_000;

function replace(part, now) {
  const open = new Set([...part.querySelectorAll("[data-keep][open]")].map((node) => node.dataset.keep));
  for (const node of now.querySelectorAll("[data-keep]")) node.open = open.has(node.dataset.keep);
  // What is the same stays, for whoever is reading or about to press it.
  if (!part.isEqualNode(now)) part.replaceChildren(...now.childNodes);
}

/** The way to sign in, and back. The live page says it by its socket, and keeps what is being read. */
function signedOut() {
  if (!document.body.classList.contains("live")) location.reload();
}

export class Fresh {
  /** `root` holds the parts, each with a `data-part`; `shown` is called with the new document after each time. */
  constructor(root, address, every, shown = () => {}) {
    Object.assign(this, { root, address, every, shown });
    this.wait(every);
    document.addEventListener("visibilitychange", () => document.hidden || this.refresh());
  }

  wait(milliseconds) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.refresh(), milliseconds);
  }

  async refresh() {
    if (document.hidden) return;
    let fresh = null;
    try {
      const answer = await fetch(this.address);
      if (answer.redirected) return signedOut();
      fresh = answer.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
    } catch {
      // The server is away: it is asked again.
    }
    if (fresh) this.show(fresh);
    this.wait(fresh ? this.every : RETRY_MS);
  }

  show(fresh) {
    for (const part of this.root.querySelectorAll("[data-part]")) {
      const now = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
      if (now && !part.contains(document.activeElement)) replace(part, now);
    }
    startTimes();
    this.shown(fresh);
  }
}
