// The live page: joins the socket, what was seen, and the three columns.

import { byId, el, shape } from "./dom.js";
import { Destinations } from "./destinations.js";
import { Detail } from "./detail.js";
import { setServerTime, startCountdowns } from "./due.js";
import { count } from "./format.js";
import { startKeys } from "./keys.js";
import { LiveSocket } from "./socket.js";
import { Store } from "./store.js";
import { Stream } from "./stream.js";
import { closing } from "./words.js";

const STATES = {
  connecting: ["warn", "Connecting"],
  live: ["ok", "Live"],
  reconnecting: ["warn", "Reconnecting"],
  paused: ["mute", "Paused"],
  stopped: ["bad", "Stopped"],
};

const given = JSON.parse(byId("live-data").textContent);
const loginUrl = byId("scroller").dataset.login;

const page = {
  store: new Store(),
  destinations: new Destinations(given.destinations),
  ingestUrl: byId("ingest-url").textContent,
  connection: "connecting",
  role: null,
  changed() {
    page.destinations.draw();
    drawSummary();
  },
  paused() {
    drawState();
  },
};

const stream = new Stream(page, choose);
const detail = new Detail(page, () => {
  stream.rows.focusChosen();
  stream.rows.choose(null);
});

function choose(entry, focus) {
  stream.rows.choose(entry);
  detail.show(entry, focus);
}

function step(direction) {
  const entry = stream.rows.step(direction);
  if (entry && detail.isOpen) choose(entry, false);
}

function drawState() {
  const name = stream.paused && page.connection === "live" ? "paused" : page.connection;
  const [look, word] = STATES[name];
  const chip = byId("state");
  if (byId("state-word").textContent === word) return;
  chip.className = `badge ${look}`;
  chip.querySelector(".shape").className = `shape ${look}`;
  byId("state-word").textContent = word;
}

function drawSummary() {
  const { seen, success, failed } = page.store.totals;
  const line = byId("summary");
  line.hidden = seen === 0;
  line.replaceChildren(
    `Seen on this page: ${count(seen)} ${seen === 1 ? "try" : "tries"}, `,
    shape("ok"), ` ${count(success)} success, `,
    shape(failed ? "bad" : "mute"), ` ${count(failed)} failed`);
}

function notice(text, linkText, where) {
  const line = byId("notice");
  line.replaceChildren(`${text} `, el("a", { href: where }, linkText));
  line.hidden = false;
}

const on = {
  state(name) {
    page.connection = name;
    drawState();
    stream.drawToolbar();
  },
  hello(frame) {
    setServerTime(frame.server_time);
    if (page.role && page.role !== frame.role) notice(`Your role is now ${frame.role}.`, "Load the page again", "");
    page.role = frame.role;
  },
  reset() {
    const divider = { divider: "Older entries than these were skipped" };
    page.store.addDivider(divider);
    stream.add([divider]);
  },
  entries(entries) {
    page.store.add(entries);
    page.destinations.add(entries);
    stream.add(entries);
    detail.update(entries);
  },
  closed(code, message) {
    on.state("stopped");
    notice(...closing(code, message, loginUrl));
  },
};

startCountdowns();
startKeys({
  next: () => step(1),
  previous: () => step(-1),
  open: () => stream.rows.chosenRow()?.querySelector("button").click(),
  close: () => detail.close(),
  pause: () => stream.togglePause(),
});
new LiveSocket({ path: given.socket, after: given.after, epoch: given.epoch, on }).connect();
