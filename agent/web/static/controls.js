// What the face is asked for at any moment: emotion, composure, and a gaze that may follow the pointer.

import { on } from "./events.js";

const PAUSE_MS = 80; // the face makes its motion in blocks of 200 ms: more often would be of no use
const EYE_CONTACT_MS = 1500; // it looks back at the visitor when the pointer has rested for so long
const WIDEST_DEG = 25;

export class Controls {
  #conversation;
  #media;
  #kept = {}; // what a new conversation is asked for, too
  #next = {};
  #isSending = false;
  #frame;
  #resting = 0;

  constructor(conversation, media, frame) {
    this.#conversation = conversation;
    this.#media = media;
    this.#frame = frame;
    on("link", ({ link }) => link === "live" && this.#ask(this.#kept));
  }

  /** Asks for a change, such as {emotion: "happy", intensity: 0.6} or {composure: null}; null leaves it to the face. */
  set(change) {
    this.#kept = { ...this.#kept, ...change };
    this.#ask(change);
  }

  /** Whether the eyes follow the pointer. */
  followPointer(follows) {
    document.removeEventListener("pointermove", this.#look);
    clearTimeout(this.#resting);
    if (follows) document.addEventListener("pointermove", this.#look, { passive: true });
    else this.#lookAtVisitor();
  }

  #look = ({ clientX, clientY }) => {
    const face = this.#frame.getBoundingClientRect();
    const reach = Math.min(face.width, face.height) / 2;
    const degrees = (offset) => Math.round(WIDEST_DEG * Math.tanh(offset / reach) * 10) / 10;
    // The face's own left is the viewer's right; its eyes are a little above the middle.
    this.#ask({
      yaw_deg: degrees(clientX - (face.left + face.width / 2)),
      pitch_deg: degrees(face.top + 0.45 * face.height - clientY),
    });
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => this.#lookAtVisitor(), EYE_CONTACT_MS);
  };

  #lookAtVisitor() {
    this.#ask({ yaw_deg: null, pitch_deg: null });
  }

  #ask(change) {
    this.#next = { ...this.#next, ...change };
    if (!this.#isSending) this.#send();
  }

  /** Sends the newest of everything, one message at a time. */
  async #send() {
    this.#isSending = true;
    while (Object.keys(this.#next).length > 0 && this.#conversation.isReady) {
      const change = this.#next;
      this.#next = {};
      const channel = this.#media.controls;
      if (channel?.readyState === "open") channel.send(JSON.stringify(change));
      else await this.#conversation.control(change).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    this.#isSending = false;
  }
}
