// Data that is too large for a page: all of it is fetched once, when somebody copies it or looks for something in it. What was
// found is shown with what stands around it, so that the page stays quick at any size.

import { copyText } from "./copy.js";
import { byId, el } from "./dom.js";
import { count } from "./format.js";
import { visible } from "./payload.js";

const TYPED_MS = 250; // after the last letter
const BEFORE = 1000; // characters shown around what was found
const AFTER = 4000;
const MOST = 10_000; // places; nobody steps through more

class Find {
  constructor(root) {
    Object.assign(this, { root, address: root.dataset.find, input: byId("find"), pre: byId("raw"), all: null, at: 0, places: [] });
    this.beginning = this.pre.textContent;
    this.input.addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.look(), TYPED_MS);
    });
    this.input.addEventListener("keydown", (event) => event.key === "Enter" && this.step(event.shiftKey ? -1 : 1));
    byId("find-previous").addEventListener("click", () => this.step(-1));
    byId("find-next").addEventListener("click", () => this.step(1));
    byId("copy-all").addEventListener("click", (event) => copyText(event.currentTarget, this.load()));
    root.hidden = byId("copy-all").hidden = false;
  }

  /** A promise of the whole text; after a failure it is asked for anew. */
  load() {
    this.all ??= fetched(this.address).catch((error) => {
      this.all = null;
      throw error;
    });
    return this.all;
  }

  async look() {
    clearTimeout(this.typing);
    const words = this.input.value;
    Object.assign(this, { looked: words, places: [], at: 0 });
    if (!words) {
      this.pre.textContent = this.beginning;
      return this.say("");
    }
    this.say("Looking");
    const text = await this.load().catch(() => null);
    if (words !== this.looked) return; // typed on meanwhile
    if (text === null) {
      this.looked = null;
      return this.say("The data could not be loaded. Try again, or download it.");
    }
    this.text = text;
    this.places = placesOf(words, text);
    if (this.places.length) this.show();
    else this.say("Not found");
  }

  step(direction) {
    if (this.input.value !== this.looked) return this.look();
    const { length } = this.places;
    if (!length) return;
    this.at = (this.at + direction + length) % length;
    this.show();
  }

  show() {
    const { text, pre, places, at } = this;
    const [start, end] = places[at];
    const mark = el("mark", {}, text.slice(start, end));
    pre.replaceChildren(text.slice(Math.max(0, start - BEFORE), start), mark, text.slice(end, end + AFTER));
    pre.scrollTop += mark.getBoundingClientRect().top - pre.getBoundingClientRect().top - pre.clientHeight / 3;
    const number = places.length < MOST ? count(places.length) : `${count(MOST)} or more`;
    this.say(`${count(at + 1)} of ${number}, at character ${count(start + 1)} of ${count(text.length)}`);
  }

  say(text) {
    byId("find-says").textContent = text;
  }
}

async function fetched(address) {
  const answer = await fetch(address);
  // Whoever is signed out is led to a page.
  if (!answer.ok || answer.redirected) throw new Error(`${address}: ${answer.status}`);
  return visible(await answer.text());
}

/** [where it begins, where it ends] of each, whatever the case of its letters. */
function placesOf(words, text) {
  const pattern = new RegExp(words.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"), "giu");
  const places = [];
  for (let found = pattern.exec(text); found && places.length < MOST; found = pattern.exec(text)) {
    places.push([found.index, pattern.lastIndex]);
  }
  return places;
}

new Find(document.querySelector("[data-find]"));
