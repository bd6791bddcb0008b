// Keys of the live page. Single letters can be switched off, for people whose speech input types them.

import { byId } from "./dom.js";

const SETTING = "datapusher.keys";
const typing = (target) => target.closest("input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]");

/** actions: {next, previous, open, close, pause, replay, search}; a close that had something to close returns true. */
export function startKeys(actions) {
  const dialog = byId("keys");
  const on = setting();
  const letters = { j: actions.next, k: actions.previous, p: actions.pause, r: actions.replay, "/": actions.search };
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
    if (event.key === "Escape") actions.close();
    else if (event.key === "Enter" && event.target === document.body) actions.open();
    // The list stays within reach: in it the letters are switched on again.
    else if (event.key === "?" && !typing(event.target)) dialog.showModal();
    else if (on.checked && letters[event.key] && !typing(event.target)) letters[event.key]();
    else return;
    event.preventDefault();
  });
}

function setting() {
  const box = byId("keys-on");
  box.checked = localStorage.getItem(SETTING) !== "off";
  box.addEventListener("change", () => localStorage.setItem(SETTING, box.checked ? "on" : "off"));
  return box;
}
