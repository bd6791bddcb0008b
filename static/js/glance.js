// Numbers at a glance: fetched anew as the server shows them, and drawn as charts. Without this script they are there too.

import { el } from "./dom.js";
import { count, dayAndTime } from "./format.js";
import { Fresh } from "./fresh.js";

const { uPlot } = window;

const percent = (share) => `${Number((share * 100).toPrecision(3))} %`;
const ms = (value) => `${count(value)} ms`;
const perSecond = (value) => `${count(value)}/s`;

// Of each chart its lines: name in the series, colour, words. The first has its ground filled.
const LINES = {
  accepted: [["accepted", "--accent", perSecond]],
  success: [["success", "--accent", percent]],
  latency: [["p95", "--accent", ms, "p95"], ["p50", "--mute", ms, "p50"], ["p99", "--warn", ms, "p99"]],
  waiting: [["waiting", "--warn", count]],
};

const when = (seconds, step) => {
  const text = dayAndTime(seconds * 1000);
  return step >= 86_400 ? text.slice(0, -6) : text.slice(-5);
};
const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const large = (root) => root.dataset.size === "large";

class Chart {
  constructor(root, holder) {
    this.root = root;
    this.holder = holder;
    this.lines = LINES[holder.dataset.chart];
    this.readout = el("p.chart-at", { "aria-hidden": "true" });
    this.plot = null;
    new ResizeObserver(() => this.plot?.setSize(this.size())).observe(holder);
  }

  size() {
    return { width: this.holder.clientWidth, height: this.holder.clientHeight };
  }

  data(series) {
    return [series.times, ...this.lines.map(([name]) => series[name])];
  }

  draw(series) {
    if (this.plot) {
      this.plot.setData(this.data(series));
      return;
    }
    this.holder.replaceChildren(this.readout);
    this.plot = new uPlot(this.options(), this.data(series), this.holder);
  }

  /** Colours are of the scheme in which it was drawn. */
  forget() {
    this.plot?.destroy();
    this.plot = null;
  }

  options() {
    const axis = { stroke: token("--ink2"), grid: { stroke: token("--line"), width: 1 }, ticks: { show: false }, font: `12px ${token("--sans")}` };
    const times = { ...axis, size: 30, gap: 8, grid: { show: false }, values: (_, all, __, ___, step) => all.map((each) => when(each, step)) };
    const values = { ...axis, size: 60, values: (_, all) => all.map(this.lines[0][2]) };
    return {
      ...this.size(),
      axes: large(this.root) ? [times, values] : [{ show: false }, { show: false }],
      padding: large(this.root) ? [8, 28, 0, 0] : [2, 0, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { setScale: false, x: false, y: false }, points: { size: 6 } },
      scales: { y: { range: (_, __, high) => [0, this.holder.dataset.chart === "success" ? 1.02 : Math.max(high ?? 0, 1e-3) * 1.05] } },
      series: [{}, ...this.lines.map(([, colour], place) => ({
        stroke: token(colour),
        width: place ? 1 : 1.5,
        fill: place ? undefined : `color-mix(in srgb, ${token(colour)} 10%, transparent)`,
        points: { show: (plot, index) => plot.data[index].filter((value) => value !== null).length === 1, size: 5 },
        show: place === 0 || large(this.root),
      }))],
      hooks: { setCursor: [(plot) => this.say(plot)] },
    };
  }

  /** What stands under the pointer. */
  say(plot) {
    const at = plot.cursor.idx;
    this.readout.hidden = at === null || at === undefined;
    if (this.readout.hidden) return;
    const told = this.lines.map(([, , words, name = ""], place) => [plot.data[place + 1][at], words, name])
      .filter(([value], place) => value !== null && value !== undefined && (place === 0 || large(this.root)))
      .map(([value, words, name]) => `${name} ${words(value)}`.trim());
    const [first, second] = plot.data[0];
    const time = dayAndTime(plot.data[0][at] * 1000);
    this.readout.textContent = [second - first < 3600 ? time.slice(-5) : time, ...told].join(" · ");
  }
}

class Glance {
  constructor(root) {
    this.root = root;
    this.charts = [...root.querySelectorAll("[data-chart]")].map((holder) => new Chart(root, holder));
    this.draw();
    new Fresh(document, root.dataset.glance, root.dataset.anew * 1000, (fresh) => {
      root.querySelector("#glance-series").textContent = fresh.querySelector("#glance-series").textContent;
      this.draw();
      document.dispatchEvent(new CustomEvent("glance", { detail: fresh }));
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      for (const chart of this.charts) chart.forget();
      this.draw();
    });
  }

  draw() {
    const series = JSON.parse(this.root.querySelector("#glance-series").textContent);
    for (const chart of this.charts) chart.draw(series);
  }
}

for (const root of document.querySelectorAll("[data-glance]")) new Glance(root);
