// The table: one row a try, newest on top, never more than MOST.

import { el, badge, shape } from "./dom.js";
import { clearDue, setDue } from "./due.js";
import { clock, exact, latency, latencyShare } from "./format.js";
import { headline, shortCode } from "./words.js";

export const MOST = 1000;

export class Rows {
  /** page: {destinations, store}; open(entry, focus) is called for a chosen row. */
  constructor(body, page, open) {
    Object.assign(this, { body, page, open });
    this.entries = new WeakMap(); // row → entry
    this.summaries = new WeakMap(); // row → the item that stands for tries that are not shown
    this.waiting = new Map(); // delivery → the cell that counts down to its next try
    this.chosen = null; // an entry's id: rows come and go, it stays
    body.addEventListener("click", (event) => this.clicked(event));
  }

  clicked(event) {
    const row = event.target.closest("tr");
    const item = row && event.target.closest("button.fill") && this.summaries.get(row);
    if (item) this.page.fill(item, row);
    const entry = row && this.entries.get(row);
    // A click that ends a selection of text is no choice of a row.
    if (!entry || getSelection().toString()) return;
    // detail is 0 when the button was pressed by key: then the focus follows into the detail.
    this.open(entry, event.detail === 0);
  }

  /** items: oldest first. */
  prepend(items) {
    const fragment = document.createDocumentFragment();
    for (const item of items.slice(-MOST)) fragment.prepend(this.row(item));
    this.body.prepend(fragment);
    while (this.body.rows.length > MOST) this.forget(this.body.lastElementChild);
    this.keepOneTabStop();
  }

  /** items: oldest first, from before all others; what the table then holds too much goes from its top, or from its end. Returns
   * how many tries went from the top. */
  append(items, { fromTop, focus }) {
    // What only said that these are missing.
    while (this.body.lastElementChild && !this.cursorOf(this.body.lastElementChild)) this.forget(this.body.lastElementChild);
    const fragment = document.createDocumentFragment();
    for (const item of items) fragment.prepend(this.row(item));
    const first = fragment.firstElementChild;
    this.body.append(fragment);
    const over = Math.max(0, this.body.rows.length - MOST);
    const gone = [...this.body.rows].slice(...(fromTop ? [0, over] : [MOST]));
    const cut = fromTop ? gone.reduce((sum, row) => sum + this.triesOf(row), 0) : 0;
    standingStill(this.body.rows[fromTop ? over : 0], () => gone.forEach((row) => this.forget(row)));
    this.keepOneTabStop();
    if (focus) first?.querySelector("button").focus({ preventScroll: true });
    return cut;
  }

  cursorOf(row) {
    return this.entries.get(row)?.cursor ?? this.summaries.get(row)?.summary.from ?? null;
  }

  triesOf(row) {
    return this.entries.has(row) ? 1 : (this.summaries.get(row)?.summary.total ?? 0);
  }

  /** The lowest cursor that the table stands for; null where it is empty. */
  oldest() {
    let row = this.body.lastElementChild;
    while (row && !this.cursorOf(row)) row = row.previousElementSibling;
    return row && this.cursorOf(row);
  }

  /** The last row that is a try. */
  lastEntry() {
    return this.entries.get([...this.body.querySelectorAll("tr[data-id]")].at(-1)) ?? null;
  }

  /** In place of a row that stands for them: the entries, oldest first, and below them what still stands for older ones. */
  fill(row, entries, left) {
    if (!row.isConnected) return;
    row.before(...[...entries].reverse().map((entry) => this.row(entry)));
    if (left) row.before(this.row(left));
    row.remove();
    while (this.body.rows.length > MOST) this.forget(this.body.lastElementChild);
    this.keepOneTabStop();
    if (entries.length) this.body.querySelector(`tr[data-id="${CSS.escape(entries.at(-1).id)}"] button`)?.focus();
  }

  /** items: newest first. */
  replace(items) {
    this.waiting.clear();
    this.body.replaceChildren();
    this.prepend([...items].reverse());
  }

  forget(row) {
    const entry = this.entries.get(row);
    if (entry && row.contains(this.waiting.get(entry.delivery_id) ?? null)) this.waiting.delete(entry.delivery_id);
    row.remove();
  }

  /** Tab reaches the table once, at the chosen or the first row; j and k go on from there. */
  keepOneTabStop() {
    const stop = this.chosenRow() ?? this.body.querySelector("tr[data-id]");
    const before = this.body.querySelector("button[tabindex='0']");
    const button = stop?.querySelector("button");
    if (before === button) return;
    before?.setAttribute("tabindex", "-1");
    button?.setAttribute("tabindex", "0");
  }

  chosenRow() {
    return this.chosen && this.body.querySelector(`tr[data-id="${CSS.escape(this.chosen)}"]`);
  }

  choose(entry) {
    const before = this.chosenRow();
    before?.classList.remove("chosen");
    before?.querySelector("button").removeAttribute("aria-current");
    this.chosen = entry?.id ?? null;
    const row = this.chosenRow();
    row?.classList.add("chosen");
    row?.querySelector("button").setAttribute("aria-current", "true");
    this.keepOneTabStop();
  }

  /** Moves the focus by one row, from the focused, else the chosen, else onto the first; returns its entry. */
  step(direction) {
    const all = [...this.body.querySelectorAll("tr[data-id]")];
    const from = document.activeElement.closest?.("#rows tr") ?? this.chosenRow();
    const at = from ? all.indexOf(from) + direction : 0;
    const row = all[Math.min(Math.max(at, 0), all.length - 1)];
    row?.querySelector("button").focus();
    row?.scrollIntoView({ block: "nearest" });
    return row ? this.entries.get(row) : null;
  }

  focusChosen() {
    this.chosenRow()?.querySelector("button").focus();
  }

  row(item) {
    if (item.divider) {
      const button = item.summary ? el("button.button.small.fill", { type: "button" }, "Show them") : null;
      const row = el(item.summary ? "tr.divider.summed" : "tr.divider", { role: "row" }, el("td", { role: "cell", colspan: 8 }, item.divider, " ", button));
      if (item.summary) this.summaries.set(row, item);
      return row;
    }
    const name = this.page.destinations.name(item.destination_id);
    const chosen = item.id === this.chosen;
    const row = el(`tr.${item.status}`, { role: "row", "data-id": item.id },
      cell("time", timeOf(item.processed_timestamp)),
      cell("event", this.button(item, chosen)),
      cell("dest", el("bdi", { title: name }, name)),
      cell("status", item.status === "success" ? badge("ok", "success") : badge("bad", "failed")),
      cell("code.num", el("span", { title: headline(item) }, shortCode(item))),
      this.latencyCell(item),
      cell("try.num", `${item.attempt}/${item.max_attempts}`),
      this.nextCell(item));
    if (chosen) row.classList.add("chosen");
    this.entries.set(row, item);
    return row;
  }

  button(item, chosen) {
    return el("button", { type: "button", tabindex: "-1", title: item.event_id, "aria-current": chosen ? "true" : null }, item.event_id);
  }

  latencyCell(item) {
    if (item.latency_ms === null) return cell("latency.num", "–");
    const usual = this.page.store.slowerThan(item);
    const bar = el("span.latency-bar", { "aria-hidden": "true" });
    bar.style.setProperty("--share", latencyShare(item.latency_ms));
    const td = cell("latency.num", latency(item.latency_ms), bar);
    if (usual !== null) {
      td.classList.add("slow");
      td.title = `Slow: usually ${latency(usual)} here`;
      td.prepend(shape("warn"), el("span.visually-hidden", {}, "slow "));
    }
    return td;
  }

  nextCell(item) {
    if (item.late) return cell("next.num", el("span", { title: "Another worker had already taken this try over" }, "late"));
    if (item.status === "success") return cell("next.num");
    if (!item.next_attempt_at) return cell("next.num", el("span", { title: "No more tries" }, "gave up"));
    const td = cell("next.num");
    if (!this.page.store.isNewest(item)) return td;
    setDue(td, item.next_attempt_at, () => this.page.destinations.isHeld(item.destination_id));
    this.waiting.set(item.delivery_id, td);
    return td;
  }

  /** Ends the countdowns of tries that have now been made, shown or not. */
  settle(entries) {
    for (const { delivery_id: delivery, late, status } of entries) {
      const td = this.waiting.get(delivery);
      if (!td || (late && status !== "success")) continue;
      clearDue(td);
      this.waiting.delete(delivery);
    }
  }
}

/** Rows above this one go without moving it; most browsers see to that themselves. */
function standingStill(row, remove) {
  const top = row?.getBoundingClientRect().top;
  remove();
  if (!row || CSS.supports("overflow-anchor", "auto")) return;
  const moved = () => row.getBoundingClientRect().top - top;
  row.closest(".stream-scroll").scrollTop += moved();
  window.scrollBy(0, moved());
}

const cell = (kind, ...children) => el(`td.c-${kind}`, { role: "cell" }, ...children);

export const timeOf = (iso) => el("time", { datetime: iso, title: exact(iso) }, clock(iso));
