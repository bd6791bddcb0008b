// While an export is written: reads the page again and shows what has changed, until nothing runs any more.

import { startTimes } from "./times.js";

const EVERY_MS = 2000;

async function look() {
  const answer = await fetch(location.href).catch(() => null);
  if (!answer?.ok) return setTimeout(look, EVERY_MS);
  // Signed out in between: the way to sign in, and back.
  if (answer.redirected) return location.reload();
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("progress");
  const shown = document.getElementById("progress");
  if (shown.innerText.trim() !== fresh.textContent.trim()) shown.replaceChildren(...fresh.childNodes);
  startTimes();
  if (shown.querySelector("[data-state=running]")) return setTimeout(look, EVERY_MS);
  return location.reload();
}

setTimeout(look, EVERY_MS);
