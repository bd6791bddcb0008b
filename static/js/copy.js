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

/** Puts text on the clipboard and says so on the button; source is selected when the browser does not let us. */
export async function copyText(button, text, source) {
  try {
    await navigator.clipboard.writeText(text);
    said(button, "Copied");
  } catch {
    // No clipboard outside a secure context: the selected text can still be copied by key.
    if (source) getSelection().selectAllChildren(source);
    said(button, source ? "Press Ctrl+C" : "The browser did not allow it");
  }
}

export function startCopyButtons() {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    const source = document.querySelector(button.dataset.copy);
    button.hidden = false;
    button.addEventListener("click", () => copyText(button, source.textContent, source));
  }
}
