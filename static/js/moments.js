// Times that are typed into filters, in the viewer's zone. The server is given moments; without a script it takes what is typed
// as UTC, and so it is labelled.

import { exact } from "./format.js";

const hasOffset = /(?:Z|[+-]\d\d:?\d\d)$/;

export function startMoments() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const input of document.querySelectorAll("input[data-moment]")) {
    const given = input.dataset.moment;
    const moment = hasOffset.test(given) ? given : `${given}Z`;
    if (!Number.isNaN(Date.parse(moment))) input.value = exact(moment).slice(0, 16).replace(" ", "T");
    input.parentElement.querySelector("[data-zone]").textContent = zone;
  }
  document.addEventListener("formdata", (event) => {
    for (const input of event.target.querySelectorAll("input[data-moment]")) {
      if (input.value) event.formData.set(input.name, new Date(input.value).toISOString());
    }
  });
}
