// What this page has seen, newest last. Nothing here touches the document.

import { count } from "./format.js";
import { A_PAGE } from "./logs.js";

const KEEP = 2000;
const KEEP_OLDER = 1000; // as many as the table has rows
const RATE_WINDOW_MS = 10_000;
const SAMPLES = 64; // latencies kept for each destination, to know what is usual
const ENOUGH = 8; // below this many nothing is called usual
const SLOW_FLOOR_MS = 250; // quick enough for anybody, however quick the rest is

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

export class Store {
  constructor() {
    this.ended = []; // when each recent try ended
    this.summed = []; // [when, how many] of the recent summaries
    this.clear();
  }

  /** Begins anew, with another filter. */
  clear() {
    this.items = []; // entries, and {divider} where some were skipped or summed up
    this.older = []; // from before these, newest first, while somebody looks back
    this.newest = new Map(); // delivery → its newest entry that counts
    this.usual = new Map(); // destination → its last latencies
    this.slow = new WeakMap(); // entry → the usual latency that it exceeds
  }

  add(entries) {
    for (const entry of entries) {
      this.items.push(entry);
      this.ended.push(Date.parse(entry.processed_timestamp) + (entry.latency_ms ?? 0));
      this.know(entry);
    }
    this.trim();
  }

  know(entry) {
    const known = this.newest.get(entry.delivery_id);
    // A late failure changes nothing about its delivery; a late success ends it. What a summary is filled with may be old.
    const counts = !entry.late || entry.status === "success";
    if (counts && !(known?.cursor > entry.cursor)) this.newest.set(entry.delivery_id, entry);
    this.measure(entry);
  }

  addDivider(divider) {
    this.items.push(divider);
  }

  /** A row in place of the tries that a summary stands for. */
  addSummary(frame) {
    const item = summed(frame.from, frame.to, frame.by_status);
    this.summed.push([Date.now(), item.summary.total]);
    this.items.push(item);
    this.trim();
    return item;
  }

  /** The entries, oldest first, in place of the item that stands for them; returns what still stands for older ones, or null. */
  fill(item, entries) {
    const { from, total } = item.summary;
    for (const entry of entries) this.know(entry);
    const left = entries.length === A_PAGE && total > A_PAGE ? summed(from, entries[0].cursor - 1, { more: total - entries.length }) : null;
    const at = this.items.indexOf(item);
    if (at >= 0) this.items.splice(at, 1, ...(left ? [left] : []), ...entries);
    this.trim();
    return left;
  }

  /** Oldest first; returns them as the table shall show them: what is known already is the same entry. */
  addOlder(entries, now) {
    const known = new Map(this.items.map((item) => [item.id, item]));
    const fresh = entries.filter((entry) => !known.has(entry.id));
    for (const entry of fresh) {
      // A try that was due since then may have been made, and be no longer kept here: only of one to come is it certain.
      if (Date.parse(entry.next_attempt_at) > now) this.know(entry);
      else this.measure(entry);
    }
    this.older.push(...[...fresh].reverse());
    this.forget(this.older.splice(0, Math.max(0, this.older.length - KEEP_OLDER)));
    return entries.map((entry) => known.get(entry.id) ?? entry);
  }

  dropOlder() {
    this.forget(this.older.splice(0));
  }

  trim() {
    this.forget(this.items.splice(0, Math.max(0, this.items.length - KEEP)));
  }

  forget(items) {
    for (const item of items) {
      if (!item.divider && this.newest.get(item.delivery_id) === item) this.newest.delete(item.delivery_id);
    }
  }

  measure(entry) {
    if (entry.latency_ms === null) return;
    const samples = this.usual.get(entry.destination_id) ?? [];
    if (samples.length >= ENOUGH) {
      const usual = median(samples);
      if (entry.latency_ms > Math.max(SLOW_FLOOR_MS, 3 * usual)) this.slow.set(entry, usual);
    }
    samples.push(entry.latency_ms);
    if (samples.length > SAMPLES) samples.shift();
    this.usual.set(entry.destination_id, samples);
  }

  /** Null, or the destination's usual latency that this try is well above. */
  slowerThan(entry) {
    return this.slow.get(entry) ?? null;
  }

  /** True while a delivery's next try is the one that this entry names. */
  isNewest(entry) {
    return this.newest.get(entry.delivery_id) === entry;
  }

  newestItems(most) {
    return this.items.slice(-most).reverse();
  }

  ofEvent(event) {
    return [...this.items.filter((item) => item.event === event).reverse(), ...this.older.filter((item) => item.event === event)];
  }

  /** Tries of the last seconds, [shown, all of them]; by the server's clock, so that catching up does not count as traffic. */
  recent(serverNow) {
    this.ended = this.ended.filter((time) => serverNow - time < RATE_WINDOW_MS);
    this.summed = this.summed.filter(([when]) => Date.now() - when < RATE_WINDOW_MS);
    const hidden = this.summed.reduce((sum, [, number]) => sum + number, 0);
    return [this.ended.length, this.ended.length + hidden];
  }
}

export const aSecond = (number) => (number * 1000) / RATE_WINDOW_MS;

function summed(from, to, counts) {
  const total = Object.values(counts).reduce((sum, number) => sum + number, 0);
  const parts = Object.entries(counts).filter(([word]) => word !== "more").map(([word, number]) => `${count(number)} ${word}`);
  const divider = `${count(total)} more${parts.length ? `: ${parts.join(", ")}` : ""}. They came too quickly to be shown one by one.`;
  return { divider, summary: { from, to, total } };
}
