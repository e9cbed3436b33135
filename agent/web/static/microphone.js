// The visitor's microphone, or the friendly reason why there is none.

import { emit } from "./events.js";
import { opening } from "./opening.js";

const TYPING = "you can type your questions instead.";

export class Microphone {
  /** @type {MediaStreamTrack | null} */
  track = null;
  state = "off";
  /** Why it is unavailable, in one sentence. */
  why = "";
  #media;

  constructor(media) {
    this.#media = media;
  }

  /** Asks for it (the browser asks the visitor, too), and sends what it hears. */
  async open() {
    if (this.state === "asking" || this.track) return;
    this.#become("asking");
    try {
      if (!this.#media.constructor.isPossible) throw new DOMException("", "NotSupportedError");
      if (!navigator.mediaDevices?.getUserMedia) throw new DOMException("", "NotSupportedError");
      if (isForbidden()) throw new DOMException("", "NotAllowedError");
      const stream = await navigator.mediaDevices.getUserMedia({
        audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
      });
      [this.track] = stream.getAudioTracks();
      this.track.addEventListener("ended", () => this.#lose());
      await this.#media.setMicrophone(this.track);
      this.#become("on");
    } catch (error) {
      this.track = null;
      this.#refuse(sentenceFor(error));
    }
  }

  /** Keeps it open but silent, or lets it hear again. */
  setMuted(muted) {
    if (!this.track) return;
    this.track.enabled = !muted;
    this.#become(muted ? "muted" : "on");
  }

  async #lose() {
    this.track = null;
    await this.#media.setMicrophone(null);
    this.#refuse(`The microphone is gone: plug it in again and press its button, or ${TYPING}`);
  }

  #refuse(why) {
    this.why = why;
    this.#become("unavailable");
  }

  #become(state) {
    this.state = state;
    emit("microphone", { state, why: this.why });
  }
}

/** Whether the page around this one keeps the microphone to itself; undefined where the browser does not tell. */
function isForbidden() {
  const allows = (document.permissionsPolicy ?? document.featurePolicy)?.allowsFeature("microphone");
  return allows === undefined ? undefined : !allows;
}

function sentenceFor(error) {
  switch (error.name) {
    case "NotSupportedError":
      return window.isSecureContext
        ? `This browser does not let a page listen; ${TYPING}`
        : `Browsers lend the microphone only to pages opened over HTTPS; ${TYPING}`;
    case "NotAllowedError":
    case "SecurityError":
      return opening.embedded && isForbidden() !== false
        ? `The page around this one does not lend it the microphone; ${TYPING}`
        : `The microphone was not allowed: change that beside the page's address, or ${TYPING}`;
    case "NotFoundError":
      return `No microphone was found; ${TYPING}`;
    case "NotReadableError":
      return `Another program has the microphone; ${TYPING}`;
    default:
      return `The microphone does not work (${error.name}); ${TYPING}`;
  }
}
