// The left column: names for the other parts, how each destination is, and its last tries as seen on this page.

import { byId, el } from "./dom.js";
import { latencyShare } from "./format.js";
import { headline, health } from "./words.js";

const BARS = 16;
const CLOSED = new Set(["paused", "disabled"]);
const BY_TRIES = new Set(["idle", "healthy", "failing"]); // the others say more than a last try

export class Destinations {
  constructor() {
    this.names = new Map(); // of the deleted ones too: their tries are still there
    this.items = new Map();
    this.last = new Map(); // destination → its newest entries, oldest first
    this.changed = new Set();
    this.find();
  }

  find() {
    for (const item of document.querySelectorAll("[data-destination]")) {
      const { destination: id } = item.dataset;
      const name = item.querySelector(".dest-name").title;
      if (!this.names.has(id)) byId("only").append(el("option", { value: id }, name));
      this.names.set(id, name);
      this.items.set(id, item);
    }
  }

  /** What is new in each has been put in its place; here, who came and who went. */
  follow(fresh) {
    const now = new Map([...fresh.querySelectorAll("[data-destination]")].map((item) => [item.dataset.destination, item]));
    for (const [id, item] of now) if (!this.items.has(id)) byId("destination-list").append(item);
    for (const [id, item] of this.items) {
      if (now.has(id)) continue;
      item.remove();
      this.items.delete(id);
    }
    this.find();
  }

  /** A destination added since then has no name here. */
  name(id) {
    return this.names.get(id) ?? `id ${id.slice(0, 8)}`;
  }

  isHeld(id) {
    return CLOSED.has(this.items.get(id)?.querySelector("[data-health]").dataset.health);
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
  const state = item.querySelector("[data-health]");
  if (!BY_TRIES.has(state.dataset.health)) return;
  const [look, word] = health(note.hidden ? "healthy" : "failing");
  item.querySelector(".shape").className = `shape ${look}`;
  state.textContent = word;
}

function bar(entry) {
  const node = el(`i.${entry.status}`);
  node.style.setProperty("--share", entry.latency_ms === null ? 1 : latencyShare(entry.latency_ms));
  return node;
}
