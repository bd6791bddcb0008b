// Copy buttons: <button data-copy="#id" hidden> copies the text of that element. Hidden until a script can serve them.

import { announce } from "./dom.js";

const SHOWN_MS = 2000;

function said(button, text) {
  button.dataset.label ??= button.textContent;
  button.textContent = text;
  announce(text);
  clearTimeout(Number(button.dataset.timer));
  button.dataset.timer = setTimeout(() => (button.textContent = button.dataset.label), SHOWN_MS);
}

/** Of a promise the browser awaits the text itself: it forgets that a button was pressed while we wait. */
function put(text) {
  if (typeof text === "string") return navigator.clipboard.writeText(text);
  return navigator.clipboard.write([new ClipboardItem({ "text/plain": text })]);
}

/** Puts text, or what is promised, on the clipboard and says so on the button; source is selected when the browser does not let us. */
export async function copyText(button, text, source) {
  try {
    await put(text);
    said(button, "Copied");
  } catch {
    // No clipboard outside a secure context: the selected text can still be copied by key.
    if (source) getSelection().selectAllChildren(source);
    const there = await Promise.resolve(text).then(() => true, () => false);
    said(button, source ? "Press Ctrl+C" : there ? "The browser did not allow it" : "It could not be loaded");
  }
}

export function startCopyButtons() {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    const source = document.querySelector(button.dataset.copy);
    button.hidden = false;
    button.addEventListener("click", () => copyText(button, source.textContent, source));
  }
}
