// A lesson's goal and progress, and the tick by which a learner agrees that progress is remembered.

import { emit, on } from "./events.js";
import { preferences } from "./storage.js";

export class Lesson {
  #place;
  #conversation;
  #isRemembered = false;

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
    this.#place.querySelector("input").checked = this.#isRemembered = is_remembered;
    part("learner").hidden = true;
    this.#place.hidden = false;
  }

  #remember(agreed) {
    const form = this.#place.querySelector("form");
    form.hidden = !agreed;
    if (agreed) {
      form.elements.learner.value = preferences.get("learner", "");
      form.elements.learner.focus();
    } else if (this.#isRemembered) this.#forget();
  }

  #agree(event) {
    event.preventDefault();
    const learner = event.target.elements.learner.value.trim();
    if (!learner) return;
    preferences.set("learner", learner);
    // The lesson begins again: whose progress it is counts from its first question.
    this.#conversation.restart({ ...this.#conversation.wishes, learner, remember: true });
  }

  /** All that is remembered of this learner is deleted, and the lesson goes on. */
  async #forget() {
    try {
      await this.#conversation.forgetLearner();
      preferences.set("learner", "");
    } catch (error) {
      this.#place.querySelector("input").checked = true;
      emit("problem", { message: error.message });
    }
  }
}
