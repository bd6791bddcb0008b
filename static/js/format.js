// Numbers and times as people read them, in the viewer's zone.

const two = (n) => String(n).padStart(2, "0");
const numbers = new Intl.NumberFormat("en");
const days = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const years = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

export const count = (n) => numbers.format(n);

export const plural = (n, one, many) => `${count(n)} ${n === 1 ? one : many}`;

/** 20 Nov 14:32. */
export function dayAndTime(when) {
  const t = new Date(when);
  return `${days.format(t)} ${two(t.getHours())}:${two(t.getMinutes())}`;
}

/** 14:32:08.112; of another day: 20 Nov 14:32; of another year: 20 Nov 2025. */
export function clock(iso, now = new Date()) {
  const t = new Date(iso);
  if (t.getFullYear() !== now.getFullYear()) return years.format(t);
  if (t.toDateString() !== now.toDateString()) return dayAndTime(t);
  return `${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}.${String(t.getMilliseconds()).padStart(3, "0")}`;
}

/** 3 min ago, in 40 s; further away: 14:32:08, of another day 20 Nov 14:32. */
export function near(iso, now = new Date()) {
  const away = new Date(iso) - now;
  const seconds = Math.round(Math.abs(away) / 1000);
  if (seconds >= 3600) return clock(iso, now).replace(/\.\d+$/, "");
  const span = seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`;
  return away > 0 ? `in ${span}` : `${span} ago`;
}

/** Date, time and offset from UTC, for the title of a time. */
export function exact(iso) {
  const t = new Date(iso);
  const away = -t.getTimezoneOffset();
  const zone = `${away < 0 ? "-" : "+"}${two(Math.floor(Math.abs(away) / 60))}:${two(Math.abs(away) % 60)}`;
  const date = `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())}`;
  const time = `${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}`;
  return `${date} ${time}.${String(t.getMilliseconds()).padStart(3, "0")} ${zone}`;
}

/** 4:41, 2:05 h, 1 d 3 h. */
export function span(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${two(seconds % 60)}`;
  const hours = Math.floor(seconds / 3600);
  if (hours < 24) return `${hours}:${two(Math.floor((seconds % 3600) / 60))} h`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export const latency = (ms) => (ms === null ? "–" : `${count(ms)} ms`);

/** 0 to 1 on a log scale from 1 ms to 30 s, the longest that a try may take. */
export function latencyShare(ms) {
  const share = Math.log10(Math.max(1, ms)) / Math.log10(30000);
  return Math.min(1, Math.max(0.04, share));
}

export function rate(perSecond) {
  const shown = perSecond >= 10 || perSecond === 0 ? Math.round(perSecond) : perSecond.toFixed(1);
  return `${shown}/s`;
}
