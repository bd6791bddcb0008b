// What this page has seen, newest last. Nothing here touches the document.

const KEEP = 2000;
const RATE_WINDOW_MS = 10_000;
const SAMPLES = 64; // latencies kept for each destination, to know what is usual
const ENOUGH = 8; // below this many nothing is called usual
const SLOW_FLOOR_MS = 250; // quick enough for anybody, however quick the rest is

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

export class Store {
  constructor() {
    this.items = []; // entries, and {divider} where some were skipped
    this.totals = { seen: 0, success: 0, failed: 0 };
    this.newest = new Map(); // delivery → its newest entry that counts
    this.usual = new Map(); // destination → its last latencies
    this.slow = new WeakMap(); // entry → the usual latency that it exceeds
    this.ended = []; // when each recent try ended
  }

  add(entries) {
    for (const entry of entries) {
      this.items.push(entry);
      this.totals.seen += 1;
      this.totals[entry.status] += 1;
      // A late failure changes nothing about its delivery; a late success ends it.
      if (!entry.late || entry.status === "success") this.newest.set(entry.delivery_id, entry);
      this.ended.push(Date.parse(entry.processed_timestamp) + (entry.latency_ms ?? 0));
      this.measure(entry);
    }
    this.trim();
  }

  addDivider(divider) {
    this.items.push(divider);
  }

  trim() {
    for (const item of this.items.splice(0, Math.max(0, this.items.length - KEEP))) {
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

  matching(filter, most) {
    const found = [];
    for (let i = this.items.length - 1; i >= 0 && found.length < most; i -= 1) {
      if (matches(this.items[i], filter)) found.push(this.items[i]);
    }
    return found.some((item) => !item.divider) ? found : [];
  }

  ofEvent(event) {
    return this.items.filter((item) => item.event === event).reverse();
  }

  /** Tries a second that ended in the last seconds by the server's clock, so that catching up does not count as traffic. */
  rate(serverNow) {
    this.ended = this.ended.filter((time) => serverNow - time < RATE_WINDOW_MS);
    return (this.ended.length * 1000) / RATE_WINDOW_MS;
  }
}

export function matches(item, filter) {
  if (item.divider) return true;
  if (filter.status && item.status !== filter.status) return false;
  return !filter.destination || item.destination_id === filter.destination;
}
