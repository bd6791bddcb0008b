// The live page: joins the socket, what was seen, and the three columns.

import { byId, el } from "./dom.js";
import { Destinations } from "./destinations.js";
import { Detail } from "./detail.js";
import { setServerTime, startCountdowns } from "./due.js";
import { startKeys } from "./keys.js";
import { A_PAGE, logs } from "./logs.js";
import { Older } from "./older.js";
import { LiveSocket } from "./socket.js";
import { Store } from "./store.js";
import { Stream } from "./stream.js";
import { closing } from "./words.js";

const STATES = {
  connecting: ["warn", "Connecting"],
  live: ["ok", "Live"],
  behind: ["warn", "Behind"],
  reconnecting: ["warn", "Reconnecting"],
  summarised: ["mute", "Summarised"],
  paused: ["mute", "Paused"],
  stopped: ["bad", "Stopped"],
};

const SEARCHED_LIVE = 2000; // tries; more than come in the 5 s by which the index may trail

const given = JSON.parse(byId("live-data").textContent);
const loginUrl = byId("scroller").dataset.login;

const page = {
  store: new Store(),
  destinations: new Destinations(),
  ingestUrl: byId("ingest-url").textContent,
  connection: "connecting",
  looking: false,
  role: null,
  mayReplay: given.may_replay,
  eventUrl: given.events,
  logsUrl: given.logs,
  filtered: false,
  changed() {
    page.destinations.draw();
    older.draw();
  },
  paused() {
    drawState();
  },
  look,
  fill,
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

/** Another filter: what is there from before, then what comes. */
async function look(filter) {
  socket.hold();
  page.looking = true;
  // The socket finds words at once, REST when they are indexed: so the newest are left to the socket.
  const after = filter.search ? Math.max(socket.oldest - 1, socket.cursor - SEARCHED_LIVE) : socket.cursor;
  const entries = await logs(given.logs, { ...filter, cursor_before: after + 1 });
  if (JSON.stringify(stream.filter) !== JSON.stringify(filter)) return; // another one was chosen meanwhile
  page.looking = false;
  page.filtered = Object.keys(filter).length > 0;
  page.store.clear();
  if (entries) page.store.add(entries);
  else page.store.addDivider({ divider: "What came before could not be loaded" });
  stream.rebuild();
  older.begin(entries?.[0]?.cursor ?? after + 1, entries !== null && entries.length < A_PAGE);
  stream.schedule();
  socket.follow(filter, after);
}

async function fill(item, row) {
  const { from, to } = item.summary;
  const entries = await logs(given.logs, { ...socket.filter, cursor_after: from - 1, cursor_before: to + 1 });
  // What came in the last seconds may not be searchable yet.
  if (!entries || (socket.filter.search && entries.length < Math.min(item.summary.total, A_PAGE))) {
    row.querySelector("button").textContent = "Not there yet: try again";
    return;
  }
  const left = page.store.fill(item, entries);
  stream.rows.fill(row, entries, left);
  stream.drawToolbar();
}

function drawState() {
  const live = stream.paused ? "paused" : stream.summedUp ? "summarised" : "live";
  const name = page.connection === "live" ? live : page.connection;
  const [look, word] = STATES[name];
  const chip = byId("state");
  if (byId("state-word").textContent === word) return;
  chip.className = `badge ${look}`;
  chip.querySelector(".shape").className = `shape ${look}`;
  byId("state-word").textContent = word;
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
  /** same: the logs that were seen still stand under their numbers. */
  reset(same) {
    // Who follows sees what is newest, without a hole; who reads goes on reading.
    if (!same || !stream.holds) {
      look(stream.filter);
      return;
    }
    const divider = { divider: "Older entries than these were skipped" };
    page.store.addDivider(divider);
    stream.add([divider]);
  },
  summary(frame) {
    stream.add([page.store.addSummary(frame)]);
  },
  entries(entries) {
    page.store.add(entries);
    if (!page.filtered) page.destinations.add(entries); // of some of its tries nothing can be said about a destination
    stream.add(entries);
    detail.update(entries);
  },
  closed(code, message) {
    on.state("stopped");
    notice(...closing(code, message, loginUrl));
  },
};

const socket = new LiveSocket({ path: given.socket, after: given.after, epoch: given.epoch, on });
const older = new Older({ page, stream, path: given.logs, after: given.after, days: given.kept_days, told: () => socket });

document.addEventListener("glance", ({ detail: fresh }) => page.destinations.follow(fresh));
startCountdowns();
startKeys({
  next: () => step(1),
  previous: () => step(-1),
  open: () => stream.rows.chosenRow()?.querySelector("button").click(),
  close: () => detail.close(),
  pause: () => stream.togglePause(),
  replay: () => detail.askToReplay(),
  search: () => byId("search").focus(),
});
socket.connect();
