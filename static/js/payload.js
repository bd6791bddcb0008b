// The data as it came. JSON.parse rounds numbers that a double can't hold, so the frame's text is kept and
// read again, digits kept, when somebody looks at an entry.

const keepsDigits = typeof JSON.rawJSON === "function";
const sources = new WeakMap();

/** Remembers where each entry stands in the text that brought it: of a frame in `entries`, of a REST list in `results`. */
export function remember(entries, text, list = "entries") {
  entries.forEach((entry, index) => sources.set(entry, { text, list, index }));
}

function keepDigits(_key, value, context) {
  const written = context?.source;
  if (typeof value !== "number" || written === undefined || String(value) === written) return value;
  return JSON.rawJSON(written);
}

function exactData(entry) {
  const source = sources.get(entry);
  if (!keepsDigits || !source) return entry.received_data;
  return JSON.parse(source.text, keepDigits)[source.list][source.index].received_data;
}

/** {text, cut, rounded}: pretty-printed; cut: only the beginning is known; rounded: this browser may round numbers. */
export function pretty(entry) {
  if (typeof entry.received_data_head === "string") return { text: visible(entry.received_data_head), cut: true, rounded: false };
  return { text: visible(JSON.stringify(exactData(entry), null, 2)), cut: false, rounded: !keepsDigits };
}

// Marks that turn the direction of text could make it read as something else.
const TURNING = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Text from outside for the eye, those marks written out. */
export const visible = (text) => text.replace(TURNING, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`);

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

// Invisible and direction-changing characters become \u escapes: the same JSON, and nothing hidden in a terminal.
const escaped = (json) =>
  json.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (found) =>
    [...Array(found.length).keys()].map((i) => `\\u${found.charCodeAt(i).toString(16).padStart(4, "0")}`).join(""));

/** A command that posts the same data as a new event; null when only its beginning is known. */
export function curl(entry, ingestUrl) {
  if (typeof entry.received_data_head === "string") return null;
  // The sender's id is used up: other bytes under it would be refused with 409.
  const id = `${entry.event_id.slice(0, 240)}-copy-${Date.now().toString(36)}`;
  return [
    `curl -X POST ${quoted(ingestUrl)}`,
    "-H 'Content-Type: application/json'",
    "-H 'CL-X-TOKEN: <your token>'",
    `-H ${quoted(`CL-X-EVENT-ID: ${id}`)}`,
    `--data-raw ${quoted(escaped(JSON.stringify(exactData(entry))))}`,
  ].join(" \\\n  ");
}
