// A lesson's goal and progress, and the tick by which a learner agrees that progress is remembered.

import { on } from "./events.js";
import { preferences } from "./storage.js";

export class Lesson {
  #place;
  #conversation;

  constructor(place, conversation) {
    this.#place = place;
    this.#conversation = conversation;
    on("lesson", (lesson) => this.#show(lesson));
    on("begun", ({ resumed }) => (place.hidden ||= !resumed));
    on("reset", () => (place.hidden = true));
    place.querySelector("input").addEventListener("change", ({ target }) => this.#remember(target.checked));
    place.querySelector("form").addEventListener("submit", (event) => this.#agree(event));
  }

  #show({ title, goal, number, total, right, is_over, is_remembered }) {
    const part = (name) => this.#place.querySelector(`.${name}`);
    part("title").textContent = title;
    part("goal").textContent = goal;
    part("count").textContent = is_over ? `${right} of ${total} right at once` : `${number} of ${total}`;
    const done = is_over ? number : number - 1;
    Object.assign(this.#place.querySelector("progress"), { max: Math.max(1, total), value: Math.max(0, done) });
    this.#place.querySelector("input").checked = is_remembered;
    part("learner").hidden = true;
    this.#place.hidden = false;
  }

  #remember(agreed) {
    const form = this.#place.querySelector("form");
    form.hidden = !agreed;
    if (agreed) {
      form.elements.learner.value = preferences.get("learner", "");
      form.elements.learner.focus();
    } else if (this.#conversation.wishes.learner) this.#begin("");
  }

  #agree(event) {
    event.preventDefault();
    const learner = event.target.elements.learner.value.trim();
    if (learner) this.#begin(learner);
  }

  /** The lesson begins again: whose progress it is counts from its first question. */
  #begin(learner) {
    preferences.set("learner", learner);
    this.#conversation.restart({ ...this.#conversation.wishes, learner });
  }
}
