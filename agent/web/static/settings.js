// The settings' sheet. Who it is begins a new conversation; its manner and the page change at once.

import { getJson, request } from "./api.js";
import { emit } from "./events.js";
import { preferences } from "./storage.js";

const EMOTIONS = ["happy", "sad", "angry", "surprised", "afraid", "disgusted", "contemptuous", "neutral"];

export class Settings {
  #sheet = document.getElementById("settings");
  #form = this.#sheet.querySelector("form");
  #fields = this.#form.elements;
  #conversation;
  #controls;
  #about = { portrait: "", uploads: false, upload_mb: 0 };
  #voices = [];
  #begun = "{}";
  #isFilled = false;

  constructor({ conversation, controls }) {
    this.#conversation = conversation;
    this.#controls = controls;
    const click = (id, act) => document.getElementById(id).addEventListener("click", act);
    click("open-settings", () => this.open());
    click("close-settings", () => this.close());
    click("bring", () => this.#fields.consent.checked && this.#fields.picture.click());
    click("again", () => this.#beginAgain());
    click("leave", () => {
      this.close();
      conversation.leave();
    });
    this.#sheet.addEventListener("click", (event) => event.target === this.#sheet && this.close());
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    this.#form.addEventListener("input", (event) => this.#change(event.target));
    this.#fields.emotion.append(new Option("As it feels", ""), ...EMOTIONS.map((one) => new Option(capital(one), one)));
    this.#restore();
  }

  /** What the visitor wished for last time. */
  get wishes() {
    return preferences.get("wishes", {});
  }

  set about(about) {
    this.#about = about;
    if (preferences.get("composure", null) === null) this.#fields.composure.value = about.composure;
    this.#fields.name.placeholder = about.name;
    this.#form.querySelector(".bring").hidden = !about.uploads;
  }

  get isOpen() {
    return this.#sheet.open;
  }

  open() {
    if (this.#sheet.showModal) this.#sheet.showModal();
    else this.#sheet.setAttribute("open", "");
    this.#fill();
  }

  close() {
    if (this.#sheet.close) this.#sheet.close();
    else this.#sheet.removeAttribute("open");
  }

  #restore() {
    const fields = this.#fields;
    fields.size.value = preferences.get("size", "medium");
    fields.theme.value = preferences.get("theme", "auto");
    fields.shortcuts.checked = preferences.get("shortcuts", true);
    fields.gaze.checked = preferences.get("gaze", false);
    fields.emotion.value = preferences.get("emotion", "");
    fields.intensity.value = preferences.get("intensity", 0.6);
    fields.composure.value = preferences.get("composure", 0.5);
    document.documentElement.dataset.captions = fields.size.value;
    if (fields.gaze.checked) this.#controls.followPointer(true);
    if (fields.emotion.value) this.#showEmotion();
    if (preferences.get("composure", null) !== null) this.#controls.set({ composure: Number(fields.composure.value) });
    fields.intensity.disabled = !fields.emotion.value;
  }

  #change(field) {
    const { name, type } = field;
    const value = type === "checkbox" ? field.checked : type === "range" ? Number(field.value) : field.value;
    if (["size", "theme", "shortcuts", "gaze", "emotion", "intensity", "composure"].includes(name))
      preferences.set(name, value);
    if (name === "size") document.documentElement.dataset.captions = value;
    else if (name === "theme") emit("theme", { theme: value });
    else if (name === "gaze") this.#controls.followPointer(value);
    else if (name === "composure") this.#controls.set({ composure: value });
    else if (name === "emotion" || name === "intensity") this.#showEmotion();
    else if (name === "consent") document.getElementById("bring").setAttribute("aria-disabled", String(!value));
    else if (name === "picture") this.#bring(field);
    else if (name === "language") this.#offerVoices();
    this.#form.querySelector(".again").hidden = JSON.stringify(this.#chosen()) === this.#begun;
  }

  #showEmotion() {
    const { emotion, intensity } = this.#fields;
    intensity.disabled = !emotion.value;
    this.#controls.set(
      emotion.value ? { emotion: emotion.value, intensity: Number(intensity.value) } : { emotion: null },
    );
  }

  // ---- who it is

  /** Asks the server what there is, the first time. */
  async #fill() {
    if (this.#isFilled) return;
    this.#isFilled = true;
    const nothing = () => [];
    const [people, voices, languages] = await Promise.all(
      ["portraits", "voices", "languages"].map((path) => getJson(path).catch(nothing)),
    );
    for (const { id, name, image } of people) this.#addPerson(id, name, image);
    this.#voices = voices;
    const named = languages.map((tag) => [nameOf(tag), tag]).sort();
    this.#fields.language.append(...named.map(([name, tag]) => new Option(name, tag)));
    const { portrait = "", language = "", voice = "", name = "" } = this.wishes;
    this.#fields.language.value = language;
    this.#offerVoices();
    this.#fields.voice.value = voice;
    this.#fields.name.value = name;
    this.#pick(portrait || this.#about.portrait);
    this.#begun = JSON.stringify(this.#chosen());
  }

  #addPerson(id, name, image) {
    const label = document.createElement("label");
    const radio = Object.assign(document.createElement("input"), { type: "radio", name: "portrait", value: id });
    const picture = Object.assign(document.createElement("img"), { src: image, alt: "" });
    const caption = Object.assign(document.createElement("span"), { textContent: name });
    label.append(radio, picture, caption);
    this.#form.querySelector(".people").append(label);
  }

  #pick(id) {
    for (const radio of this.#form.querySelectorAll("[name=portrait]")) radio.checked = radio.value === id;
  }

  #offerVoices() {
    const { language, voice } = this.#fields;
    const wanted = (language.value || this.#about.language || "en").split("-")[0];
    const fitting = this.#voices.filter((one) => one.language.split("-")[0] === wanted);
    voice.replaceChildren(
      new Option("The one that fits", ""),
      ...fitting.map(({ id, name, gender }) => new Option(gender ? `${name}, ${gender}` : name, id)),
    );
  }

  /** Wishes of the form; what is as the server has it is left out. */
  #chosen() {
    const { language, voice, name } = this.#fields;
    const portrait = this.#form.querySelector("[name=portrait]:checked")?.value ?? "";
    const all = {
      portrait: portrait === this.#about.portrait ? "" : portrait,
      language: language.value,
      voice: voice.value,
      name: name.value.trim(),
    };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value));
  }

  async #bring(field) {
    const [file] = field.files;
    field.value = "";
    const told = this.#form.querySelector(".bring .told");
    if (!file) return;
    if (file.size > this.#about.upload_mb * 1e6) {
      told.textContent = `The picture is too large: at most ${this.#about.upload_mb} MB.`;
      return;
    }
    told.textContent = "Looking for the face …";
    const body = new FormData();
    body.append("picture", file);
    body.append("consent", "true");
    try {
      const { id, notices } = await (await request("portraits", { method: "POST", body })).json();
      this.#addPerson(id, "Mine", URL.createObjectURL(file));
      this.#pick(id);
      told.textContent = ["It is here, for this visit.", ...notices].join(" ");
      this.#change({ name: "portrait" });
    } catch (error) {
      told.textContent = `That did not work: ${error.message}`;
    }
  }

  async #beginAgain() {
    const wishes = this.#chosen();
    const told = this.#form.querySelector(".again .told");
    told.textContent = "";
    try {
      await this.#conversation.restart(wishes);
    } catch (error) {
      told.textContent = error.message;
      return;
    }
    this.#begun = JSON.stringify(wishes);
    preferences.set("wishes", wishes);
    this.#form.querySelector(".again").hidden = true;
    this.close();
  }
}

/** Of a language; a tag that the browser does not know stays as it is. */
function nameOf(tag) {
  try {
    return new Intl.DisplayNames(["en"], { type: "language" }).of(tag);
  } catch {
    return tag;
  }
}

const capital = (word) => word[0].toUpperCase() + word.slice(1);
