// One sentence at a time about what the visitor should know: the most important one.

import { on } from "./events.js";

const PASSING_MS = 7000;
const PATIENCE_MS = 1200; // a wait shorter than this needs no words
const ORDER = ["link", "voice", "media", "asleep", "passing", "microphone"];
const PLACES = ["", "next", "second", "third", "fourth", "fifth", "sixth"];

export class Notices {
  #place;
  #shown = new Map();
  #timer = 0;
  #passing = 0;
  #conversation;
  #wasLost = false;

  constructor(place, conversation) {
    this.#place = place;
    this.#conversation = conversation;
    on("link", (detail) => this.#link(detail));
    on("begun", ({ anew }) => {
      this.set("asleep", "");
      if (anew) this.pass("I had to start afresh and have forgotten what we said: please ask again.");
    });
    on("media", ({ state }) => this.#media(state));
    on("microphone", ({ state, why }) => this.set("microphone", state === "unavailable" ? why : ""));
    on("attention", ({ awake, call }) => this.set("asleep", awake ? "" : `Say “${call}”, and I will listen.`));
    on("problem", ({ message }) => this.pass(message));
    on("dropped", ({ text, why }) => this.pass(`“${text}” was not answered: ${why}.`));
  }

  /** Shows a sentence for as long as it holds; "" when it no longer does. */
  set(kind, text, action = null) {
    if (text) this.#shown.set(kind, { text, action });
    else this.#shown.delete(kind);
    this.#show();
  }

  /** Shows a sentence for some seconds. */
  pass(text) {
    clearTimeout(this.#passing);
    this.set("passing", text);
    this.#passing = setTimeout(() => this.set("passing", ""), PASSING_MS);
  }

  #link({ link, place = 0, why = "", status = 0 }) {
    clearTimeout(this.#timer);
    const later = (text) => (this.#timer = setTimeout(() => this.set("link", text), PATIENCE_MS));
    const again = { label: "Begin again", run: () => this.#conversation.start() };
    if (link === "connecting") later("One moment: the face is being made ready …");
    else if (link === "waiting") this.set("link", line(place));
    else if (link === "lost" && [401, 403].includes(status)) this.set("link", `The server says: ${why}.`);
    else if (link === "lost" && status === 503) this.set("link", `Busy just now: ${why}. I go on trying.`);
    else if (link === "lost" && why) this.set("link", `The server says: ${why}. I go on trying.`);
    else if (link === "lost") later("The connection is lost; I am coming back as soon as I can …");
    else if (link === "over") this.set("link", farewell(why), again);
    else {
      if (this.#wasLost && this.#shown.has("link")) this.pass("Here I am again: we go on where we were.");
      this.set("link", "");
    }
    this.#wasLost = link === "lost";
  }

  #media(state) {
    if (state === "none")
      this.set("media", "This browser can't show live pictures; I answer your typed questions in writing.");
    else if (state === "lost") this.set("media", "Picture and sound don't get through; I go on trying, and you can type.");
    else this.set("media", "");
  }

  #show() {
    const kind = ORDER.find((one) => this.#shown.has(one));
    const { text = "", action = null } = this.#shown.get(kind) ?? {};
    if (this.#place.dataset.text === text) return;
    this.#place.dataset.text = text;
    const sentence = document.createElement("p");
    sentence.textContent = text;
    if (action) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = action.label;
      button.addEventListener("click", action.run);
      sentence.append(" ", button);
    }
    this.#place.replaceChildren(...(text ? [sentence] : []));
  }
}

const line = (place) => {
  const which = PLACES[place] ?? `number ${place}`;
  return `Busy just now: you are ${place > 1 ? `${which} in line` : which}, and let in by itself.`;
};

const farewell = (why) => (why ? `The conversation has ended: ${why}.` : "Good-bye!");
