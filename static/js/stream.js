// The middle column: decides when new tries enter the table, and what the toolbar says about it.

import { byId } from "./dom.js";
import { serverNow } from "./due.js";
import { count, rate } from "./format.js";
import { MOST, Rows } from "./rows.js";
import { matches } from "./store.js";

const DRAW_EVERY_MS = 100; // quicker is not seen, and costs a layout of the table each time

export class Stream {
  /** page: {store, destinations, connection, changed(), paused()}; open(entry, focus) is called for a chosen row. */
  constructor(page, open) {
    this.page = page;
    this.body = byId("rows");
    this.rows = new Rows(this.body, page, open);
    this.filter = { status: "", destination: "" };
    this.pending = []; // came in, match, and are not in the table yet
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
      this.atTop = seen.isIntersecting || seen.boundingClientRect.top > top + 1;
      this.schedule();
    }).observe(byId("top-mark"));
  }

  wire() {
    for (const radio of document.querySelectorAll("input[name=status]")) {
      radio.addEventListener("change", () => this.setFilter({ status: radio.value }));
    }
    const only = byId("only");
    only.append(...this.page.destinations.options());
    only.addEventListener("change", () => this.setFilter({ destination: only.value }));
    byId("clear").addEventListener("click", () => this.clearFilter());
    byId("pause").addEventListener("click", () => this.togglePause());
    byId("pill").addEventListener("click", () => this.toNewest());
    this.body.addEventListener("focusout", () => this.schedule());
    setInterval(() => this.drawToolbar(), 1000);
  }

  /** Rows stand still while they are paused, scrolled, or walked through by key. */
  get holds() {
    return this.paused || !this.atTop || this.body.querySelector(":focus-visible") !== null;
  }

  add(items) {
    this.rows.settle(items.filter((item) => !item.divider));
    this.pending.push(...items.filter((item) => matches(item, this.filter)));
    // Beyond what the table holds only the newest can still be shown, so the rest need not wait.
    this.skipped = (this.skipped ?? 0) + Math.max(0, this.pending.length - MOST);
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
    if (this.skipped) this.rebuild();
    else if (this.pending.length) this.rows.prepend(this.pending);
    this.pending = [];
    this.skipped = 0;
  }

  rebuild() {
    this.pending = [];
    this.skipped = 0;
    this.rows.replace(this.page.store.matching(this.filter, MOST));
    this.drawEmpty();
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

  setFilter(change) {
    Object.assign(this.filter, change);
    this.rebuild();
    this.schedule();
  }

  clearFilter() {
    document.querySelector("input[name=status][value='']").checked = true;
    byId("only").value = "";
    this.setFilter({ status: "", destination: "" });
  }

  togglePause() {
    this.paused = !this.paused;
    const button = byId("pause");
    button.textContent = this.paused ? "Go on" : "Pause";
    this.page.paused(this.paused);
    this.schedule();
  }

  drawPill() {
    const pill = byId("pill");
    const fresh = this.pending.filter((item) => !item.divider).length + this.skipped;
    pill.hidden = fresh === 0;
    pill.textContent = `${count(fresh)} new`;
  }

  drawEmpty() {
    const { seen } = this.page.store.totals;
    byId("no-entries").hidden = seen > 0;
    byId("no-match").hidden = seen === 0 || this.body.rows.length > 0 || this.pending.length > 0;
    this.body.parentElement.hidden = seen === 0;
  }

  drawToolbar() {
    const does = this.paused ? "paused" : this.holds ? "reading" : "following";
    const live = `${does} · ${rate(this.page.store.rate(serverNow()))}`;
    byId("rate").textContent = this.page.connection === "live" ? live : "not connected";
  }
}
