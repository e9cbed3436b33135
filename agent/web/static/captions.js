// Both sides in writing: what is being understood (lighter while it may change), and each sentence as it is heard.

import { on } from "./events.js";

const MOST_LINES = 60;
const NEAR_PX = 40;

export class Captions {
  #log;
  #answer = null; // the avatar's line of the turn that goes on: whatever is said into it stands below
  #growing = null; // what is being understood of the visitor
  #heard = null; // what was understood of them last
  #name = "Avatar";

  constructor(log) {
    this.#log = log;
    on("transcript", ({ text, final }) => this.#hear(text, final));
    on("sentence", ({ text }) => this.#say(text));
    on("filler", ({ text }) => this.#think(text));
    on("unanswered", () => this.#takeBack());
    on("turn", ({ heard, interrupted }) => this.#finish(heard, interrupted));
    on("state", ({ state }) => state === "idle" && this.#hear("", true)); // words that came to nothing go
    on("reset", () => this.clear());
    on("begun", ({ resumed, anew, turns }) => {
      if (!resumed && !anew) this.clear();
      if (!resumed || this.#log.children.length > 0) return;
      for (const { question, heard, interrupted } of turns) {
        if (question) this.ask(question);
        this.#finish(heard, interrupted);
      }
    });
    // A screen reader would talk over a voice that can be heard.
    on("voice", ({ muted }) => this.#log.setAttribute("aria-live", muted ? "polite" : "off"));
    this.#log.addEventListener("scroll", () => this.#log.classList.toggle("read-back", !this.#isAtEnd()));
  }

  set name(name) {
    this.#name = name;
  }

  get isEmpty() {
    return this.#log.children.length === 0;
  }

  clear() {
    this.#log.replaceChildren();
    this.#answer = this.#growing = this.#heard = null;
  }

  /** Shows a question that was typed. */
  ask(text) {
    this.#line("visitor", text); // an answer that is still heard grows above it
  }

  #hear(text, final) {
    if (text.trim()) {
      const line = (this.#growing ??= this.#line("visitor"));
      this.#write(line, text);
      line.classList.toggle("interim", !final);
      if (final) this.#heard = line;
    } else if (final) this.#growing?.remove();
    if (final) this.#growing = null;
  }

  /** What was not meant for the avatar is nobody's business. */
  #takeBack() {
    this.#heard?.remove();
    this.#heard = null;
  }

  #say(text) {
    this.#dropFiller();
    if (this.#answer) this.#write(this.#answer, `${said(this.#answer)} ${text}`);
    else this.#answer = this.#line("avatar", text);
  }

  /** What is said while the mind works goes when the answer comes. */
  #think(text) {
    this.#dropFiller();
    this.#answer ??= this.#line("avatar", text);
    this.#answer.classList.add("interim");
  }

  /** What of an answer was really heard is what stays. */
  #finish(heard, interrupted) {
    this.#dropFiller();
    if (heard) this.#write((this.#answer ??= this.#line("avatar")), interrupted ? `${heard} –` : heard);
    else if (interrupted) this.#answer?.remove();
    this.#answer = null;
  }

  #dropFiller() {
    if (!this.#answer?.classList.contains("interim")) return;
    this.#answer.remove();
    this.#answer = null;
  }

  #line(whose, text = "") {
    const line = document.createElement("p");
    line.className = whose;
    const who = document.createElement("span");
    who.className = "unseen";
    who.textContent = whose === "avatar" ? `${this.#name}: ` : "You: ";
    line.append(who, document.createElement("span"));
    const stays = this.#isAtEnd();
    this.#log.append(line);
    while (this.#log.children.length > MOST_LINES) this.#log.firstChild.remove();
    this.#write(line, text, stays);
    return line;
  }

  #write(line, text, stays = this.#isAtEnd()) {
    line.lastChild.textContent = text;
    if (stays) this.#log.scrollTop = this.#log.scrollHeight;
  }

  #isAtEnd() {
    return this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < NEAR_PX;
  }
}

const said = (line) => line.lastChild.textContent;
