// Where a try's time went, as a bar and in words. apps/deliveries/views/timings.py makes the same for the pages without scripts.

import { drawn, el } from "./dom.js";
import { count } from "./format.js";

const WORDS = { dns: "DNS", connect: "connect", tls: "TLS", first_byte: "first byte" };
const LEAST = 0.015; // of the whole bar: what took less is seen too
const ROUNDED = 3; // milliseconds by which whole numbers may miss the whole

/** The bar is for the eye only, the words say all. Nothing where nothing is known. */
export function phases(entry) {
  const timings = entry.timings ?? {};
  const known = Object.keys(WORDS).map((name) => [name, timings[`${name}_ms`] ?? null]).filter(([, ms]) => ms !== null);
  if (!known.length) return [];
  return [bar(known, entry.latency_ms ?? 0), words(known)];
}

const look = (name) => `phase-${name.replace("_", "-")}`;

function bar(known, whole) {
  const spent = known.reduce((sum, [, ms]) => sum + ms, 0);
  const rest = whole - spent > ROUNDED ? whole - spent : 0;
  const widths = known.map(([, ms]) => (ms ? Math.max(ms, (spent + rest) * LEAST) : 0));
  const one = 100 / (widths.reduce((sum, width) => sum + width, rest) || 1);
  let before = 0;
  const parts = known.map(([name], place) => {
    const share = widths[place] * one;
    before += share;
    return drawn("rect", { class: look(name), x: (before - share).toFixed(2), width: share.toFixed(2), height: 1 });
  });
  return drawn("svg", { class: "phase-bar", viewBox: "0 0 100 1", preserveAspectRatio: "none", "aria-hidden": "true" }, ...parts);
}

function words(known) {
  const names = known.map(([name]) => name);
  const parts = known.map(([name, ms], place) => [
    place ? " · " : "",
    el(`span.phase.${look(name)}`, {}, `${WORDS[name]} ${count(ms)}${place === known.length - 1 ? " ms" : ""}`),
  ]);
  const isKept = names.includes("first_byte") && !names.includes("connect");
  return el("p.second.phases", {}, isKept ? "kept connection · " : "", ...parts.flat(), names.includes("first_byte") ? "" : " · no first byte");
}
