// The controls under the face: the first question for the microphone, its button, the text box, stop, voice, captions.

import { emit, on } from "./events.js";
import { preferences, visit } from "./storage.js";

const element = (id) => document.getElementById(id);

const TYPING_MS = 5000;

export class Dock {
  #conversation;
  #microphone;
  #captions;
  #notices;
  #video = element("face");
  #state = "idle";
  #isPaused = false;
  #call = "";
  #toldTyping = -TYPING_MS;

  constructor({ conversation, microphone, captions, notices }) {
    this.#conversation = conversation;
    this.#microphone = microphone;
    this.#captions = captions;
    this.#notices = notices;
    element("talk").addEventListener("click", () => this.#listen());
    element("type").addEventListener("click", () => this.write());
    element("microphone").addEventListener("click", () => this.toggleMicrophone());
    element("dock").addEventListener("submit", (event) => this.#ask(event));
    element("dock").addEventListener("input", () => this.#tellTyping());
    element("pause").addEventListener("click", () => this.pause());
    element("stop").addEventListener("click", () => this.stop());
    element("voice").addEventListener("click", () => this.setVoice(this.#video.muted));
    element("captions-shown").addEventListener("click", () => this.showCaptions(element("captions").hidden));
    on("microphone", (detail) => this.#showMicrophone(detail));
    on("state", ({ state }) => {
      this.#state = state;
      this.#showWhatCanStop();
    });
    on("paused", ({ paused }) => {
      this.#isPaused = paused;
      this.#showWhatCanStop();
    });
    on("attention", ({ awake, call }) => {
      this.#call = awake ? "" : call;
      this.#label();
    });
    on("begun", () => {
      this.#call = "";
      this.#isPaused = false;
      this.#showWhatCanStop();
    });
    on("link", () => this.#label());
    on("media", ({ state }) => state === "live" && this.#soundIfAllowed());
    this.showCaptions(preferences.get("captions", true));
    // A browser lets a page sound only after the visitor has done something with it.
    for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => this.#soundIfAllowed());
  }

  /** What wakes the avatar; "" while nothing is needed. */
  get call() {
    return this.#call;
  }

  /** Shows the sentence that asks for the microphone; or goes on at once with what this tab did before. */
  welcome() {
    const before = visit.get("manner", "");
    if (before === "talk") this.#microphone.open();
    else element("welcome").hidden = before === "type";
  }

  /** The text box is ready. */
  write() {
    element("welcome").hidden = true;
    visit.set("manner", "type");
    element("dock").elements.text.focus();
  }

  toggleMicrophone() {
    if (this.#microphone.track) this.#microphone.setMuted(this.#microphone.state === "on");
    else if (this.#microphone.state === "unavailable") this.#listen();
    else {
      element("welcome").hidden = false;
      element("talk").focus();
    }
  }

  stop() {
    if (element("stop").getAttribute("aria-disabled") === "true") return;
    this.#conversation.stop().catch((error) => this.#notices.pass(error.message));
  }

  /** Pauses what is being said, or lets it go on. */
  pause() {
    if (element("pause").getAttribute("aria-disabled") === "true") return;
    const asked = this.#isPaused ? this.#conversation.resume() : this.#conversation.hold();
    asked.catch((error) => this.#notices.pass(error.message));
  }

  #showWhatCanStop() {
    const isBusy = this.#isPaused || ["speaking", "thinking"].includes(this.#state);
    for (const name of ["pause", "stop"]) element(name).setAttribute("aria-disabled", String(!isBusy));
    element("pause").setAttribute("aria-pressed", String(this.#isPaused));
    element("stage").dataset.paused = this.#isPaused;
    this.#label();
  }

  /** Whether the avatar is to be heard. */
  setVoice(isHeard, isRemembered = true) {
    this.#video.muted = !isHeard;
    this.#video.play().catch(() => {
      this.#video.muted = true;
      this.#video.play().catch(() => {});
      this.#showVoice();
    });
    if (isRemembered) preferences.set("voice", isHeard);
    this.#showVoice();
  }

  showCaptions(areShown) {
    element("captions").hidden = !areShown;
    element("captions-shown").setAttribute("aria-pressed", String(areShown));
    preferences.set("captions", areShown);
  }

  #listen() {
    visit.set("manner", "talk");
    element("welcome").hidden = true;
    element("microphone").focus();
    this.#microphone.open();
  }

  /** Whoever types is there: the avatar need not ask. */
  #tellTyping() {
    const now = performance.now();
    if (!this.#conversation.isReady || now - this.#toldTyping < TYPING_MS) return;
    this.#toldTyping = now;
    this.#conversation.touch().catch(() => {});
  }

  async #ask(event) {
    event.preventDefault();
    const box = element("dock").elements.text;
    const text = box.value.trim();
    if (!text) return;
    if (!this.#conversation.isReady) {
      this.#notices.pass("I am not there yet: your question stays here; send it in a moment.");
      return;
    }
    element("welcome").hidden = true;
    box.value = "";
    try {
      await this.#conversation.ask(text);
      this.#captions.ask(text);
    } catch (error) {
      box.value ||= text;
      this.#notices.pass(`That did not get through (${error.message}): please send it again.`);
    }
  }

  #soundIfAllowed() {
    if (!this.#video.muted || !this.#video.srcObject || !preferences.get("voice", true)) return;
    if (navigator.userActivation?.hasBeenActive === false && !this.#microphone.track) return;
    this.setVoice(true, false);
  }

  #showVoice() {
    element("voice").setAttribute("aria-pressed", String(!this.#video.muted));
    emit("voice", { muted: this.#video.muted });
  }

  #showMicrophone({ state }) {
    const button = element("microphone");
    button.setAttribute("aria-pressed", String(state === "on"));
    if (state === "unavailable") visit.remove("manner");
    if (state === "on") this.#soundIfAllowed();
    this.#label();
  }

  #label() {
    const { link } = this.#conversation;
    const words = {
      connecting: "Connecting",
      waiting: "In line",
      lost: "Reconnecting",
      over: "Gone",
      listening: "Listening",
      thinking: "Thinking",
      speaking: "Speaking",
    };
    if (this.#microphone.state !== "on") delete words.listening; // stopped, it waits for what it can't hear
    const ready = { on: this.#call ? `Say “${this.#call}”` : "Ready: just speak", muted: "You are muted", asking: "Asking your browser" };
    element("state").textContent =
      (link === "live" ? (this.#isPaused ? "Paused" : words[this.#state]) : words[link]) ?? ready[this.#microphone.state] ?? "Ready";
  }
}
