// <form data-check>: says beside a field what the server will say to it, while it is typed. Every rule is the server's: it is
// asked at the form's own address, does nothing, and answers with what is wrong.

import { el } from "./dom.js";

const QUIET_MS = 400;

/** What the server refused stands there already, without a place that is read out when it changes. */
function place(field) {
  const said = el("div.said", { role: "status" }, field.querySelector(".errorlist"));
  field.insertBefore(said, field.querySelector(":scope > .help"));
  return said;
}

function show(input, said, messages) {
  const id = `${input.id}_error`;
  const described = (input.getAttribute("aria-describedby") ?? "").split(" ").filter((each) => each && each !== id);
  if (messages.length) described.push(id);
  if (messages.length) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
  if (described.length) input.setAttribute("aria-describedby", described.join(" "));
  else input.removeAttribute("aria-describedby");
  // Only what is new is read out.
  const shown = [...said.querySelectorAll("li")].map((item) => item.textContent);
  if (shown.join("\n") === messages.join("\n")) return;
  const items = messages.map((message) => el("li", {}, message));
  said.replaceChildren(...(items.length ? [el("ul.errorlist", { id }, ...items)] : []));
}

function start(form) {
  const places = new Map([...form.querySelectorAll(".field")].map((field) => [field.querySelector("[name]"), place(field)]));
  const touched = new Set();
  let waiting = 0;
  let asked = new AbortController();

  async function check() {
    clearTimeout(waiting);
    asked.abort();
    asked = new AbortController();
    const request = { method: "POST", headers: { "X-Check": "1" }, body: new FormData(form), redirect: "error", signal: asked.signal };
    // Without an answer nothing is said: the post itself is judged all the same.
    const answer = await fetch(form.action, request).catch(() => null);
    const told = answer?.ok ? await answer.json().catch(() => null) : null;
    if (!told || request.signal.aborted) return;
    for (const [input, said] of places) {
      // What nobody has come to yet is not wrong.
      if (touched.has(input) || input.value) show(input, said, told.errors[input.name] ?? []);
    }
  }

  form.addEventListener("input", (event) => {
    touched.add(event.target);
    clearTimeout(waiting);
    waiting = setTimeout(check, QUIET_MS);
  });
  form.addEventListener("change", (event) => {
    touched.add(event.target);
    check();
  });
  // What the browser itself finds wrong is seen where it stands.
  form.addEventListener("invalid", (event) => event.target.closest("details")?.setAttribute("open", ""), { capture: true });
  form.addEventListener("submit", () => {
    clearTimeout(waiting);
    asked.abort();
  });
}

document.querySelectorAll("form[data-check]").forEach(start);
