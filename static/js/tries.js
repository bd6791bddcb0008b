// One event's tries, grouped by destination, newest first, down to where it was accepted.

import { badge, el, shape } from "./dom.js";
import { setDue } from "./due.js";
import { latency, plural } from "./format.js";
import { visible } from "./payload.js";
import { phases } from "./phases.js";
import { timeOf } from "./rows.js";
import { advice, headline } from "./words.js";

/** entries: newest first, of one event; chosen: the one in question; all: whether these are all there are. One section for each
 * destination, failing ones first. */
export function tries(entries, chosen, page, all) {
  const groups = new Map();
  for (const entry of entries) {
    if (!groups.has(entry.destination_id)) groups.set(entry.destination_id, []);
    groups.get(entry.destination_id).push(entry);
  }
  const rank = ([last]) => (last.destination_id === chosen.destination_id ? 0 : last.status === "failed" ? 1 : 2);
  return [...groups.values()].sort((a, b) => rank(a) - rank(b)).map((list) => group(list, chosen, page, all));
}

function group(list, chosen, page, all) {
  const [last] = list;
  const name = page.destinations.name(last.destination_id);
  const head = el("p.group-head", {}, el("strong", {}, el("bdi", {}, name)), stateBadge(last, page, all));
  const line = el("ol.line", {}, ...list.map(oneTry), ...earlier(list), accepted(last));
  const label = { "aria-label": `Tries at ${name}` };
  if (last.status === "failed" || last.destination_id === chosen.destination_id) {
    return el("section.group", label, head, why(name, last), line);
  }
  // All is well there: one line, the rest on demand.
  const short = `${plural(list.length, "try", "tries")} · ${latency(last.latency_ms)}`;
  return el("section.group", label, head, el("details", { "data-keep": `group-${last.destination_id}` }, el("summary", {}, short), line));
}

function stateBadge(last, page, all) {
  if (last.status === "success") return badge("ok", "success");
  if (last.late) return badge("mute", "late, changes nothing");
  if (!last.next_attempt_at) return badge("bad", "gave up");
  if (!all && !page.store.isNewest(last)) return badge("warn", "tried again");
  const left = el("span");
  setDue(left, last.next_attempt_at, () => page.destinations.isHeld(last.destination_id));
  return el("span.badge.warn", {}, shape("warn"), el("span", {}, "retrying ", left));
}

/** The sentence that answers "why, and what now". */
function why(name, last) {
  if (last.status === "success") return null;
  const said = last.response_status === null || (last.error && last.error !== "http_status")
    ? `${headline(last)}.`
    : `answered ${headline(last)}.`;
  const next = last.next_attempt_at ? " We try again by ourselves." : " No more tries follow.";
  return el("p.why", {}, el("bdi", {}, name), said.startsWith("answered") ? ` ${said}` : `: ${said}`, ` ${advice(last)}`, last.late ? "" : next);
}

function oneTry(entry) {
  const ok = entry.status === "success";
  return el("li", {},
    shape(ok ? "ok" : "bad"),
    el("div.try-head", {},
      el("span", {}, el("span.visually-hidden", {}, ok ? "success: " : "failed: "), headline(entry)),
      el("span.mono", {}, latency(entry.latency_ms))),
    el("p.second", {}, `try ${entry.attempt} of ${entry.max_attempts} · `, timeOf(entry.processed_timestamp), entry.late ? " · late" : ""),
    ...phases(entry),
    answer(entry),
    headers(entry));
}

function answer(entry) {
  if (entry.response_status === null) return null;
  if (!entry.response_body) return el("p.second", {}, "The answer has no body.");
  return el("pre.well", { tabindex: "0", role: "region", "aria-label": `Answer to try ${entry.attempt}`, "data-keep": `answer-${entry.id}` },
    visible(entry.response_body));
}

function headers(entry) {
  const all = Object.entries(entry.response_headers ?? {});
  if (!all.length) return null;
  const list = el("dl.headers", {}, ...all.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, visible(value)))));
  return el("details", { "data-keep": `headers-${entry.id}` }, el("summary", {}, plural(all.length, "answer header", "answer headers")), list);
}

/** Says so when tries are not here, instead of pretending there were none. */
function earlier(list) {
  const first = list[list.length - 1];
  if (first.attempt <= 1) return [];
  return [el("li.earlier", {}, shape("mute"), el("p.second", {}, `${plural(first.attempt - 1, "earlier try", "earlier tries")}, not shown here`))];
}

function accepted(entry) {
  return el("li.accepted", {}, shape("accent"), el("div.try-head", {}, el("span", {}, "Accepted")),
    el("p.second", {}, timeOf(entry.received_timestamp)));
}
