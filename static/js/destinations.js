// The left column: names for the other parts, and each destination's last tries as seen on this page.

import { el } from "./dom.js";
import { latencyShare } from "./format.js";
import { headline } from "./words.js";

const BARS = 16;

export class Destinations {
  constructor(list) {
    this.known = new Map(list.map((destination) => [destination.id, destination]));
    this.items = new Map([...document.querySelectorAll("[data-destination]")].map((node) => [node.dataset.destination, node]));
    this.last = new Map(); // destination → its newest entries, oldest first
    this.changed = new Set();
  }

  /** A destination added or deleted since the page was loaded has no name here. */
  name(id) {
    return this.known.get(id)?.name ?? `id ${id.slice(0, 8)}`;
  }

  isHeld(id) {
    return (this.known.get(id)?.state ?? "active") !== "active";
  }

  options() {
    return [...this.known.values()].map(({ id, name }) => el("option", { value: id }, name));
  }

  add(entries) {
    for (const entry of entries) {
      const list = this.last.get(entry.destination_id) ?? [];
      list.push(entry);
      if (list.length > BARS) list.shift();
      this.last.set(entry.destination_id, list);
      this.changed.add(entry.destination_id);
    }
  }

  draw() {
    for (const id of this.changed) {
      const item = this.items.get(id);
      if (item) drawItem(item, this.last.get(id));
    }
    this.changed.clear();
  }
}

function drawItem(item, entries) {
  item.querySelector(".strip").replaceChildren(...entries.map(bar));
  const newest = entries[entries.length - 1];
  const note = item.querySelector("[data-last]");
  note.hidden = newest.status === "success";
  note.textContent = note.hidden ? "" : `Last try failed: ${headline(newest)}`;
  const mark = item.querySelector(".shape");
  // Paused and disabled say more than a last try: their shape stays.
  if (item.dataset.state !== "active") return;
  mark.classList.remove("mute");
  mark.classList.toggle("ok", note.hidden);
  mark.classList.toggle("bad", !note.hidden);
}

function bar(entry) {
  const node = el(`i.${entry.status}`);
  node.style.setProperty("--share", entry.latency_ms === null ? 1 : latencyShare(entry.latency_ms));
  return node;
}
