// The chosen row: why, and what to do. A column on wide screens, a sheet of its own on others.

import { byId, el } from "./dom.js";
import { copyText } from "./copy.js";
import { serverNow } from "./due.js";
import { plural } from "./format.js";
import { logs } from "./logs.js";
import { curl, pretty } from "./payload.js";
import { replay } from "./replay.js";
import { timeOf } from "./rows.js";
import { tries } from "./tries.js";

const asSheet = matchMedia("(max-width: 719px)"); // the same width as in app.css
const CHOSEN_MS = 150; // whoever walks on by key sooner asks for nothing
const LATE_MS = 3000; // after its time the next try has usually come by, unless a filter keeps it away
const AGAIN_MS = 10000; // most tries that are due have ended by then
const DAY_MS = 86400000; // a browser's timer takes no more than 24 of them

export class Detail {
  /** page: {destinations, store, ingestUrl, eventUrl, logsUrl, mayReplay}; closed() is called when a person closes it. */
  constructor(page, closed) {
    Object.assign(this, { page, closed, entry: null });
    this.panel = byId("detail");
    this.body = byId("detail-body");
    this.empty = byId("detail-empty");
    asSheet.addEventListener("change", () => this.setModal());
  }

  get isOpen() {
    return this.entry !== null;
  }

  show(entry, focus) {
    if (this.entry?.event !== entry.event) Object.assign(this, { known: new Map(), all: false });
    this.entry = entry;
    this.know([...this.page.store.ofEvent(entry.event), entry]);
    this.tries = el("div.tries");
    this.told = el("div.told", { role: "status" });
    this.body.replaceChildren(this.head(entry), ...this.actions(entry), this.tries, this.told, ...data(entry));
    this.drawTries();
    this.setOpen(true);
    this.load();
    this.panel.scrollTop = 0;
    // A sheet covers the row that had the focus.
    if (focus || asSheet.matches) byId("detail-title").focus();
  }

  know(entries) {
    for (const entry of entries) if (!this.known.has(entry.id)) this.known.set(entry.id, entry);
  }

  /** The event's tries that did not come by on this page. */
  async load() {
    const { entry } = this;
    await new Promise((resolve) => setTimeout(resolve, CHOSEN_MS));
    if (entry !== this.entry) return;
    const found = await logs(this.page.logsUrl, { event: entry.event });
    if (entry !== this.entry) return; // another one was chosen meanwhile
    this.know(found ?? []);
    this.all ||= found !== null;
    this.told.replaceChildren(...(found ? [] : this.failed()));
    this.drawTries();
  }

  failed() {
    const again = el("button.button.small", { type: "button" }, "Try again");
    again.addEventListener("click", () => {
      byId("detail-title").focus({ preventScroll: true }); // the button goes when it has helped
      this.load();
    });
    return [el("p.second", {}, "What was tried earlier could not be loaded."), again];
  }

  close() {
    if (!this.isOpen) return;
    clearTimeout(this.awaiting);
    this.entry = null;
    this.setOpen(false);
    this.closed();
  }

  /** Takes those of the shown event. */
  update(entries) {
    const own = this.isOpen ? entries.filter((entry) => entry.event === this.entry.event) : [];
    if (!own.length) return;
    this.know(own);
    this.drawTries();
  }

  drawTries() {
    const open = new Set([...this.tries.querySelectorAll("details[open]")].map((node) => node.dataset.keep));
    const focused = this.tries.contains(document.activeElement) && document.activeElement.closest("[data-keep]").dataset.keep;
    const list = [...this.known.values()].sort((a, b) => b.cursor - a.cursor);
    this.tries.replaceChildren(...tries(list, this.entry, this.page, this.all));
    for (const node of this.tries.querySelectorAll("details")) node.open = open.has(node.dataset.keep);
    if (focused) this.focusKept(focused);
    this.awaitNext(list);
    const places = new Set(list.map((entry) => entry.destination_id)).size;
    this.counted.textContent = ` · ${plural(places, "destination", "destinations")}${this.all ? "" : " seen here"}`;
  }

  /** A try that is due and did not come by here is asked for: a filter may leave it out. */
  awaitNext(list) {
    clearTimeout(this.awaiting);
    const newest = new Map(list.toReversed().map((entry) => [entry.destination_id, entry]));
    const awaited = [...newest.values()].filter((last) => last.next_attempt_at && !this.page.destinations.isHeld(last.destination_id));
    if (!awaited.length) return;
    const left = Math.min(...awaited.map((last) => Date.parse(last.next_attempt_at))) - serverNow();
    this.awaiting = setTimeout(() => this.load(), Math.min(left > 0 ? left + LATE_MS : AGAIN_MS, DAY_MS));
  }

  focusKept(name) {
    const node = this.tries.querySelector(`[data-keep="${CSS.escape(name)}"]`);
    (node?.querySelector(":scope > summary") ?? node)?.focus({ preventScroll: true });
  }

  setOpen(open) {
    this.body.hidden = !open;
    this.empty.hidden = open;
    // Only one of the two may carry the id that names the panel.
    this.empty.querySelector("h2").id = open ? "" : "detail-title";
    if (!open) this.body.replaceChildren();
    document.body.classList.toggle("detail-open", open);
    this.setModal();
  }

  setModal() {
    const modal = this.isOpen && asSheet.matches;
    for (const node of document.querySelectorAll(".bar, .list, .stream, .summary, .skip")) node.inert = modal;
  }

  head(entry) {
    this.counted = el("span");
    const close = el("button.close", { type: "button", "aria-label": "Close the detail" }, "\u00d7");
    close.addEventListener("click", () => this.close());
    return el("header.detail-head", {},
      el("p.second", {}, "Event"), close,
      el("h2.mono.break", { id: "detail-title", tabindex: "-1" }, entry.event_id),
      el("p.second", {}, "received ", timeOf(entry.received_timestamp), this.counted));
  }

  actions(entry) {
    const open = el("a.button", { href: `${this.page.eventUrl}${entry.event}/` }, "Open");
    this.asking = this.page.mayReplay ? replay(entry, this.page.destinations.name(entry.destination_id)) : null;
    return [el("div.actions", {}, this.asking, this.copy(entry), open)];
  }

  copy(entry) {
    if (!curl(entry, this.page.ingestUrl)) return null;
    const button = el("button.button", { type: "button", title: "A command that sends this data again, as a new event" }, "Copy curl");
    // Made anew at each press: an event id can be used once.
    button.addEventListener("click", () => copyText(button, curl(entry, this.page.ingestUrl)));
    return button;
  }

  askToReplay() {
    if (!this.isOpen || !this.asking) return;
    this.asking.open = true;
    this.asking.querySelector("button").focus();
  }
}

function data(entry) {
  const { text, cut, rounded } = pretty(entry);
  const nodes = [el("h3", {}, "Data"), el("pre.well", { tabindex: "0", role: "region", "aria-label": "Data" }, ...coloured(text, cut))];
  if (cut) nodes.push(el("p.second", {}, "Only the beginning is shown: the data is over 4 KiB."));
  if (rounded) nodes.push(el("p.second", {}, "This browser may round very long numbers here. They were sent as they came."));
  return nodes;
}

/** Keys stand back, values come forward; a cut text may break anywhere and stays as it is. */
function coloured(text, cut) {
  if (cut) return [text];
  return text.split("\n").map((line) => {
    const key = /^(\s*)("(?:[^"\\]|\\.)*":)(.*)$/.exec(line);
    return key ? el("span", {}, key[1], el("span.key", {}, key[2]), `${key[3]}\n`) : `${line}\n`;
  });
}
