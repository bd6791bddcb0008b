// Elements are made here and nowhere else: text only, so that what came from outside never becomes markup.

/** el("p.second", {title: "…"}, "text", child): attributes that are null or false are left out. */
export function el(kind, attributes = {}, ...children) {
  const [tag, ...classes] = kind.split(".");
  const node = document.createElement(tag);
  if (classes.length) node.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** The same of SVG: drawn("rect", {width: 3}). */
export function drawn(tag, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

export const byId = (id) => document.getElementById(id);

/** A state is a shape and a word; the shape alone is for the eye only. */
export const shape = (state) => el(`span.shape.${state}`, { "aria-hidden": "true" });

export const badge = (state, word) => el(`span.badge.${state}`, {}, shape(state), word);

/** Says something to a screen reader without moving the focus. */
export function announce(text) {
  byId("announcer").textContent = text;
}
