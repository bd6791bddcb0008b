// Below the table: what is older, when somebody scrolls there or asks for it.

import { byId } from "./dom.js";
import { count, dayAndTime, plural } from "./format.js";
import { logs } from "./logs.js";

const AT_ONCE = 100;

export class Older {
  /** page: {store, looking}; stream: the table; path: of the logs in REST; after: where the socket begins; days: so long a log
   * is kept; told(): {filter, oldest} as the socket has them. */
  constructor({ page, stream, path, after, days, told }) {
    Object.assign(this, { page, stream, path, days, told, loading: false });
    this.foot = byId("older-foot");
    this.button = byId("older");
    this.begin(after + 1, false);
    this.button.addEventListener("click", (event) => this.load({ asked: true, byKey: event.detail === 0 }));
    this.watch = new IntersectionObserver(([seen]) => seen.isIntersecting && this.load({}));
    this.watch.observe(this.foot);
  }

  /** Everything from this cursor on comes another way; `all`: nothing that matches is older. */
  begin(cursor, all) {
    this.begins = cursor;
    this.wrong = "";
    this.end = all ? this.before : null;
    this.draw();
  }

  /** All that matches from this cursor on is in the table, or is said there to be missing. */
  get before() {
    return this.stream.rows.oldest() ?? this.begins;
  }

  get atEnd() {
    return this.before === 1 || this.end === this.before;
  }

  async load({ asked = false, byKey = false }) {
    if (this.loading || this.atEnd || this.page.looking || this.foot.hidden) return;
    const { before } = this;
    const { filter } = this.told();
    // Where it is in sight the table stands still, so that it has room below.
    if (asked) this.foot.scrollIntoView({ block: "nearest" });
    Object.assign(this, { loading: true, wrong: "" });
    this.draw();
    const entries = await logs(this.path, { ...filter, cursor_before: before, ordering: "-cursor" }, AT_ONCE);
    this.loading = false;
    // Another filter was chosen meanwhile, or the table let go of its last rows: they would leave a hole.
    if (filter !== this.told().filter || before !== this.before) return this.draw();
    if (entries) this.show(entries, before, byKey);
    else this.wrong = "Older ones could not be loaded.";
    this.draw();
  }

  show(entries, before, byKey) {
    this.stream.addOlder(entries, byKey);
    if (entries.length < AT_ONCE) this.end = entries[0]?.cursor ?? before;
    if (byKey && !entries.length) byId("scroller").focus({ preventScroll: true });
    if (this.before === before) return; // there was no more, or no room
    // Is it still in sight?
    this.watch.unobserve(this.foot);
    this.watch.observe(this.foot);
  }

  draw() {
    this.foot.hidden = this.stream.body.rows.length === 0;
    this.button.hidden = this.atEnd;
    this.button.textContent = this.loading ? "Loading" : this.wrong ? "Try again" : "Older";
    const text = this.wrong || [this.shown(), this.atEnd ? this.last() : ""].join(" ").trim();
    const says = byId("older-says");
    if (says.textContent !== text) says.textContent = text;
  }

  /** What stands in the table, once somebody has looked further back. */
  shown() {
    const { rows, body, cut, lookedBack } = this.stream;
    const last = lookedBack && rows.lastEntry();
    if (!last) return "";
    const newer = cut ? ` ${count(cut)} newer ones made room: the button at the top brings them back.` : "";
    return `${count(body.rows.length)} shown, back to ${dayAndTime(last.processed_timestamp)}.${newer}`;
  }

  last() {
    const { filter, oldest } = this.told();
    const filtered = Object.keys(filter).length > 0;
    const kept = plural(this.days, "day", "days");
    if (filtered) return oldest > 1 ? `Nothing older matches. Logs are removed after ${kept}.` : "This is the first one that matches.";
    return this.before > 1 ? `Older logs were removed after ${kept}.` : "This is the first one.";
  }
}
