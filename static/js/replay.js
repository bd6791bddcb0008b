// Sends an event again to one destination: asks first, says what came of it.

import { el } from "./dom.js";

export function replay(entry, name) {
  const button = el("button.button.primary", { type: "button" }, "Replay");
  const said = el("p.second", { role: "status" });
  const about = el("p", {}, "The same data goes to ", el("bdi", {}, name), " again, with the same ", el("code", {}, "webhook-id"), ".");
  button.addEventListener("click", async () => {
    button.disabled = true;
    said.textContent = await send(entry);
    button.disabled = false;
  });
  return el("details.confirm", { "data-keep": "replay" }, el("summary.button", {}, "Replay\u2026"), el("div.ask", {}, about, button, said));
}

async function send(entry) {
  try {
    const answer = await fetch(`/api/v1/events/${entry.event}/replay/`, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "X-CSRFToken": document.querySelector("input[name=csrfmiddlewaretoken]").value,
      },
      body: JSON.stringify({ destination_id: entry.destination_id }),
    });
    if (answer.ok) return "Sent again: its try appears here.";
    const { message, details } = await answer.json();
    return typeof details === "string" ? details : Object.values(details ?? {}).flat()[0] ?? message;
  } catch {
    return "The server did not answer. Look at the tries before you send it again.";
  }
}
