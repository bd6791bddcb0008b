// On every page: copy buttons, times, and menus that close as menus do.

import { startCopyButtons } from "./copy.js";
import { startMoments } from "./moments.js";
import { startTimes } from "./times.js";

const openMenus = () => document.querySelectorAll("details.menu[open]");

document.addEventListener("click", (event) => {
  for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of openMenus()) {
    menu.open = false;
    menu.querySelector("summary").focus();
    event.preventDefault();
  }
});

startCopyButtons();
startMoments();
startTimes();
setInterval(startTimes, 1000);

// The chosen tab is in sight, where they scroll.
for (const here of document.querySelectorAll(".tabs [aria-current]")) {
  const tabs = here.parentElement;
  tabs.scrollLeft = here.offsetLeft - tabs.offsetLeft - (tabs.clientWidth - here.offsetWidth) / 2;
}
