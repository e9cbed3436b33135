// Both sides in writing: what is being understood (lighter while it may change), and each sentence as it is heard.

import { on } from "./events.js";

const MOST_LINES = 60;
const NEAR_PX = 40;

export class Captions {
  #log;
  #open = null; // the line that still grows
  #name = "Avatar";

  constructor(log) {
    this.#log = log;
    on("transcript", ({ text, final }) => this.#hear(text, final));
    on("sentence", ({ text }) => this.#say(text));
    on("filler", ({ text }) => this.#think(text));
    on("turn", ({ heard, interrupted }) => this.#finish(heard, interrupted));
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
    this.#open = null;
  }

  /** Shows a question that was typed. */
  ask(text) {
    this.#drop();
    this.#line("visitor", text); // an answer that is still heard grows above it
  }

  #hear(text, final) {
    const isGrowing = this.#open?.matches(".visitor.interim");
    if (!text.trim()) {
      if (final && isGrowing) this.#drop();
      return;
    }
    if (!isGrowing) this.#drop();
    const line = isGrowing ? this.#open : this.#line("visitor");
    this.#write(line, text);
    line.classList.toggle("interim", !final);
    this.#open = final ? null : line;
  }

  #say(text) {
    this.#drop();
    if (this.#open?.classList.contains("avatar")) this.#write(this.#open, `${said(this.#open)} ${text}`);
    else this.#open = this.#line("avatar", text);
  }

  /** What is said while the mind works goes when the answer comes. */
  #think(text) {
    this.#drop();
    this.#open = this.#line("avatar", text);
    this.#open.classList.add("interim");
  }

  /** What of an answer was really heard is what stays. */
  #finish(heard, interrupted) {
    this.#drop();
    if (heard) {
      const line = this.#open?.classList.contains("avatar") ? this.#open : this.#line("avatar");
      this.#write(line, interrupted ? `${heard} –` : heard);
    } else if (interrupted && this.#open?.classList.contains("avatar")) this.#open.remove();
    this.#open = null;
  }

  /** An interim line that came to nothing goes. */
  #drop() {
    if (!this.#open?.classList.contains("interim")) return;
    this.#open.remove();
    this.#open = null;
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
