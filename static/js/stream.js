// The middle column: decides when new tries enter the table, and what the toolbar says about it.

import { byId } from "./dom.js";
import { serverNow } from "./due.js";
import { count, rate } from "./format.js";
import { MOST, Rows } from "./rows.js";
import { aSecond } from "./store.js";

const DRAW_EVERY_MS = 100; // quicker is not seen, and costs a layout of the table each time
const TYPED_MS = 400; // after the last letter, a search begins

export class Stream {
  /** page: {store, destinations, connection, changed(), paused(), look(filter), fill(item, row)}; open(entry, focus) is called
   * for a chosen row. */
  constructor(page, open) {
    this.page = page;
    this.body = byId("rows");
    this.rows = new Rows(this.body, page, open);
    this.pending = []; // came in, match, and are not in the table yet
    this.skipped = 0; // of these, the oldest that the table has no room for
    this.cut = 0; // newer tries than in the table, which made room for older ones
    this.lookedBack = false;
    this.paused = false;
    this.atTop = true;
    this.drawnAt = 0;
    this.watchTop();
    this.wire();
  }

  /** Scrolled away means that the mark above the table left upwards; a table further down the page is not scrolled. */
  watchTop() {
    const scroller = byId("scroller");
    new IntersectionObserver(([seen]) => {
      const top = Math.max(0, scroller.getBoundingClientRect().top);
      this.atTop = seen.isIntersecting || seen.boundingClientRect.top >= top;
      this.schedule();
    }, { rootMargin: "0px 0px 1000000px 0px" }).observe(byId("top-mark")); // from below to above it is a change too
  }

  wire() {
    const form = byId("filter");
    form.addEventListener("change", () => this.look());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.look();
    });
    byId("search").addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.look(), TYPED_MS);
    });
    byId("clear").addEventListener("click", () => {
      form.reset();
      this.look();
    });
    byId("pause").addEventListener("click", () => this.togglePause());
    byId("pill").addEventListener("click", () => this.toNewest());
    this.body.addEventListener("focusout", () => this.schedule());
    setInterval(() => this.drawToolbar(), 1000);
  }

  /** Rows stand still while they are paused, scrolled, or walked through by key. */
  get holds() {
    return this.paused || !this.atTop || this.cut > 0 || this.body.querySelector(":focus-visible") !== null;
  }

  add(items) {
    this.rows.settle(items.filter((item) => !item.divider));
    this.pending.push(...items);
    // Beyond what the table holds only the newest can still be shown, so the rest need not wait.
    this.skipped += Math.max(0, this.pending.length - MOST);
    if (this.pending.length > MOST) this.pending.splice(0, this.pending.length - MOST);
    this.schedule();
  }

  schedule() {
    if (this.frame) return;
    const wait = Math.max(0, this.drawnAt + DRAW_EVERY_MS - performance.now());
    this.frame = setTimeout(() => requestAnimationFrame(() => this.draw()), wait);
  }

  draw() {
    this.frame = null;
    this.drawnAt = performance.now();
    if (!this.holds) this.release();
    this.drawPill();
    this.drawEmpty();
    this.drawToolbar();
    this.page.changed();
  }

  release() {
    // Rows that never got in would leave a gap below these: then the table starts anew.
    if (this.skipped || this.cut) this.rebuild();
    else if (this.pending.length) this.rows.prepend(this.pending);
    this.pending = [];
    this.skipped = 0;
  }

  rebuild() {
    this.pending = [];
    this.skipped = 0;
    this.cut = 0;
    this.lookedBack = false;
    this.page.store.dropOlder();
    this.rows.replace(this.page.store.newestItems(MOST));
    this.drawEmpty();
  }

  /** entries: oldest first. Newer rows make room for them only while the table stands still; else these have no room. */
  addOlder(entries, focus) {
    const items = this.page.store.addOlder(entries, serverNow());
    this.cut += this.rows.append(items, { fromTop: this.holds, focus });
    this.lookedBack = this.lookedBack || entries.length > 0;
    this.schedule();
  }

  toNewest() {
    if (this.paused) this.togglePause();
    const scroller = byId("scroller");
    scroller.scrollTop = 0;
    if (scroller.getBoundingClientRect().top < 0) scroller.scrollIntoView();
    byId("pause").focus({ preventScroll: true });
    this.release();
    this.schedule();
  }

  /** What is chosen and typed, as REST and the socket name it. */
  get filter() {
    return Object.fromEntries([...new FormData(byId("filter"))].filter(([, value]) => value.trim()));
  }

  look() {
    clearTimeout(this.typing);
    const chosen = JSON.stringify(this.filter);
    if (chosen === this.looked) return;
    this.looked = chosen;
    this.page.look(this.filter);
  }

  togglePause() {
    this.paused = !this.paused;
    const button = byId("pause");
    button.textContent = this.paused ? "Go on" : "Pause";
    this.page.paused();
    this.schedule();
  }

  drawPill() {
    const pill = byId("pill");
    const fresh = this.pending.reduce((sum, item) => sum + (item.summary?.total ?? (item.divider ? 0 : 1)), this.skipped);
    pill.hidden = fresh + this.cut === 0;
    pill.textContent = this.cut ? `${count(fresh + this.cut)} newer` : `${count(fresh)} new`;
  }

  drawEmpty() {
    const none = this.body.rows.length === 0 && this.pending.length === 0;
    const filtered = Object.keys(this.filter).length > 0;
    byId("no-entries").hidden = !none || filtered || this.page.looking;
    byId("no-match").hidden = !none || !filtered || this.page.looking;
    this.body.parentElement.hidden = none;
  }

  drawToolbar() {
    const does = this.paused ? "paused" : this.holds ? "reading" : "following";
    const [shown, all] = this.page.store.recent(serverNow());
    this.summedUp = all > shown;
    const part = this.summedUp ? `, shown ${count(shown)} of ${count(all)}` : "";
    const connected = `${does} · ${rate(aSecond(all))}${part}`;
    byId("rate").textContent = { live: connected, behind: "catching up" }[this.page.connection] ?? "not connected";
    this.page.paused();
  }
}
