// The live socket: connects, catches up from the last cursor, and comes back by itself.
// Every log is handed on exactly once: a frame that does not start at our cursor is not taken, the socket starts anew there.

import { remember } from "./payload.js";

const SILENCE_MS = 35_000; // the server says something every 15 s: two missed, and a little
const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 15_000;
const FINAL = new Set([4400, 4401, 4403, 4404]);
const SUMMARY_ABOVE = 50; // tries a second: more cannot be read, and would cost the page its quickness

export class LiveSocket {
  /** on: {state(word), entries(list), summary(frame), reset(same), hello(frame), closed(code, message)} */
  constructor({ path, after, epoch, on }) {
    Object.assign(this, { path, cursor: after, epoch, on });
    this.filter = {}; // names and values as REST has them
    this.held = false;
    this.oldest = 1;
    this.goal = 0; // the newest cursor when the server last said hello
    this.behind = false;
    this.failures = 0;
    this.ended = false;
    window.addEventListener("online", () => this.connect());
    window.addEventListener("offline", () => this.retry());
    // A page kept by the back button comes back with a dead socket.
    window.addEventListener("pageshow", (event) => event.persisted && this.connect());
  }

  url() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const query = new URLSearchParams({ after: this.cursor, summary_above: SUMMARY_ABOVE, ...this.filter });
    if (this.epoch) query.set("epoch", this.epoch);
    return `${scheme}//${location.host}${this.path}?${query}`;
  }

  /** Nothing comes until `follow`. */
  hold() {
    this.held = true;
    this.drop();
  }

  /** Goes on after this cursor, with this filter. */
  follow(filter, cursor) {
    Object.assign(this, { filter, cursor, held: false });
    this.connect();
  }

  connect() {
    if (this.ended || this.held) return;
    this.drop();
    this.on.state(this.failures ? "reconnecting" : "connecting");
    const socket = new WebSocket(this.url(), "datapusher.v1");
    this.socket = socket;
    this.refused = null;
    this.listen();
    socket.onmessage = (event) => socket === this.socket && this.receive(event.data);
    socket.onclose = (event) => socket === this.socket && this.lost(event.code);
  }

  /** Forgets the present socket, so that nothing late of it is heard. */
  drop() {
    clearTimeout(this.timer);
    clearTimeout(this.watch);
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  listen() {
    clearTimeout(this.watch);
    this.watch = setTimeout(() => this.retry(), SILENCE_MS);
  }

  lost(code) {
    const final = this.refused ?? (FINAL.has(code) ? { code, message: "" } : null);
    if (!final) return this.retry();
    this.ended = true;
    this.drop();
    this.on.closed(final.code, final.message);
  }

  retry() {
    if (this.ended || this.held) return;
    this.drop();
    this.on.state("reconnecting");
    const most = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(this.failures, 10));
    this.failures += 1;
    this.timer = setTimeout(() => this.connect(), most * (0.5 + Math.random() / 2));
  }

  receive(text) {
    this.listen();
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      this.retry();
      return;
    }
    if (frame.type === "hello") this.hello(frame);
    else if (frame.type === "logs") this.logs(frame, text);
    else if (frame.type === "summary") this.summary(frame);
    else if (frame.type === "heartbeat") this.heartbeat(frame);
    else if (frame.type === "error" && FINAL.has(frame.code)) this.refused = frame;
  }

  hello(frame) {
    // Not when the database was put back: then other logs stand under the numbers that were seen.
    const same = frame.cursor >= this.cursor && (!this.epoch || frame.epoch === this.epoch);
    this.epoch = frame.epoch;
    this.oldest = frame.oldest;
    if (frame.reset) this.cursor = frame.cursor;
    this.goal = frame.newest;
    // After a reset too, until something has come from where it goes on.
    this.behind = Boolean(frame.reset) || this.cursor < this.goal;
    this.on.hello(frame);
    this.on.state(this.behind ? "behind" : "live");
    if (frame.reset) this.on.reset(same);
  }

  /** What was missed has come. */
  caughtUp() {
    if (!this.behind || this.cursor < this.goal) return;
    this.behind = false;
    this.on.state("live");
  }

  logs(frame, text) {
    if (frame.after !== this.cursor) {
      this.retry();
      return;
    }
    remember(frame.entries, text);
    const fresh = frame.entries.filter((entry) => entry.cursor > this.cursor);
    this.cursor = frame.cursor;
    this.failures = 0;
    if (fresh.length) this.on.entries(fresh);
    this.caughtUp();
  }

  summary(frame) {
    if (frame.from !== this.cursor + 1) {
      this.retry();
      return;
    }
    this.cursor = frame.to;
    this.failures = 0;
    this.on.summary(frame);
    this.caughtUp();
  }

  heartbeat(frame) {
    if (frame.cursor > this.cursor) {
      this.retry();
      return;
    }
    this.failures = 0;
    this.caughtUp();
  }
}
