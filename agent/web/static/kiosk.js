// The page on a screen that nobody looks after: it invites whoever comes by, talks, and forgets when they have gone.
//
//   attract   nobody is there: the face looks about, big letters invite
//   talk      somebody has spoken or touched the screen, until the conversation is forgotten
//   away      no conversation just now: the network, the server, or a place is missing; it comes back by itself

import { getJson } from "./api.js";
import { emit, on } from "./events.js";
import { stayAlive } from "./kiosk_recovery.js";
import { refuseGestures } from "./kiosk_screen.js";
import { opening } from "./opening.js";

const ALONE_MS = 20_000; // whoever touched the screen and says nothing has gone on
const LINE_MS = 7000; // reading two lines of large letters slowly, and looking at the face
const GLANCE_MS = [2500, 6000]; // between two glances
const WIDEST_DEG = { yaw: 16, pitch: 6 };
const SMILE = { emotion: "happy", intensity: 0.35 };

const root = document.documentElement;

/** Takes the page over: begins once everything of it is made. */
export async function begin(page) {
  emit("theme", { theme: "dark" });
  refuseGestures();
  stayAlive(page);
  new Kiosk(page);
}

class Kiosk {
  #page;
  #invitation = new Invitation();
  #state = "idle";
  #alone = 0;
  #glance = 0;
  #idle = new Idle();

  constructor(page) {
    this.#page = page;
    this.#become("away");
    on("link", ({ link }) => this.#linked(link));
    on("begun", ({ turns }) => this.#become(turns?.length ? "talk" : "attract"));
    on("state", ({ state }) => this.#acts(state));
    on("transcript", ({ text }) => text.trim() && !page.dock.call && this.#meet());
    on("attention", (detail) => this.#attends(detail));
    on("reset", () => this.#become("attract"));
    on("microphone", ({ state }) => this.#hears(state));
    addEventListener("pointerdown", () => this.#touched());
    addEventListener("keydown", ({ key }) => key.length === 1 && this.#meet());
    this.#hears(page.microphone.state);
    this.#idle.over = () => page.conversation.restart(opening.wishes);
    this.#linked(page.conversation.link);
  }

  #linked(link) {
    if (link !== "live") this.#become("away");
    else if (root.dataset.kiosk === "away") this.#become(this.#page.captions.isEmpty ? "attract" : "talk");
  }

  #hears(state) {
    root.dataset.hears = String(["on", "asking", "off"].includes(state));
    this.#invitation.show(this.#lines());
  }

  /** While it must be called, those who talk beside it are no visitors. */
  #attends({ awake }) {
    if (awake) this.#meet();
    this.#invitation.show(this.#lines());
  }

  #acts(state) {
    this.#state = state;
    if (state === "speaking" || (state === "thinking" && !this.#page.dock.call)) this.#meet();
    this.#idle.start();
  }

  /** Somebody touched the screen: it is all ears, and silent if it was speaking; a teacher begins. */
  #touched() {
    if (root.dataset.kiosk === "attract") this.#page.conversation.greet().catch(() => {});
    if (root.dataset.kiosk === "talk" && ["thinking", "speaking"].includes(this.#state)) {
      this.#page.conversation.stop().catch(() => {});
    }
    this.#meet();
  }

  #meet() {
    this.#idle.start();
    if (root.dataset.kiosk === "attract") this.#become("talk");
    this.#wait();
  }

  /** Goes back to inviting where nothing comes of it. */
  #wait() {
    clearTimeout(this.#alone);
    this.#alone = setTimeout(() => {
      if (root.dataset.kiosk === "talk" && this.#page.captions.isEmpty) this.#become("attract");
    }, ALONE_MS);
  }

  #become(mode) {
    if (root.dataset.kiosk === mode) return;
    root.dataset.kiosk = mode;
    this.#invitation.show(this.#lines());
    clearTimeout(this.#glance);
    if (mode === "attract") {
      this.#page.controls.set(SMILE);
      this.#lookAbout();
    } else if (mode === "talk") {
      this.#page.controls.set({ emotion: null, yaw_deg: null, pitch_deg: null });
      this.#wait();
    }
  }

  /** Glances here and there, and every other time at whoever may be standing there. */
  #lookAbout(atVisitor = true) {
    const angle = (widest) => (atVisitor ? null : Math.round((2 * Math.random() - 1) * widest));
    this.#page.controls.set({ yaw_deg: angle(WIDEST_DEG.yaw), pitch_deg: angle(WIDEST_DEG.pitch) });
    const [shortest, longest] = GLANCE_MS;
    const pause = shortest + Math.random() * (longest - shortest);
    this.#glance = setTimeout(() => this.#lookAbout(!atVisitor), pause);
  }

  #lines() {
    const { conversation, dock } = this.#page;
    if (root.dataset.kiosk === "talk") return [];
    if (root.dataset.kiosk === "away") {
      return [conversation.link === "waiting" ? "I am with somebody else: one moment, please." : "One moment: I am coming."];
    }
    if (root.dataset.hears === "true" && dock.call) {
      const call = dock.call.replaceAll(" ", "\u00a0"); // its words stay together
      return [`Hello! Say “${call}”, and talk to me.`, "Come closer: what would you like to know?"];
    }
    return root.dataset.hears === "true"
      ? ["Hello! Just talk to me.", "Come closer: what would you like to know?", "I am listening: ask me something."]
      : ["Hello! Touch the screen, and ask me something.", "What would you like to know?"];
  }
}

/** Big letters that change slowly. */
class Invitation {
  #place = document.createElement("p");
  #lines = [];
  #timer = 0;

  constructor() {
    this.#place.id = "invitation";
    this.#place.setAttribute("role", "status");
    document.getElementById("stage").append(this.#place);
  }

  show(lines) {
    if (lines.join() === this.#lines.join()) return;
    this.#lines = lines;
    clearTimeout(this.#timer);
    this.#next(0);
  }

  #next(index) {
    const line = this.#lines[index] ?? "";
    this.#place.hidden = !line;
    this.#place.toggleAttribute("data-stays", this.#lines.length === 1);
    const words = document.createElement("span");
    words.textContent = line;
    this.#place.replaceChildren(words); // a new element, so that it fades in anew
    if (this.#lines.length > 1) {
      this.#timer = setTimeout(() => this.#next((index + 1) % this.#lines.length), LINE_MS);
    }
  }
}

/** Where the server is no kiosk's, and keeps conversations for longer, the page itself forgets them. */
class Idle {
  #ms = 0;
  #timer = 0;
  over = () => {};

  constructor() {
    getJson("about").then(
      ({ kiosk, idle_reset_s }) => {
        this.#ms = kiosk ? 0 : 1000 * idle_reset_s;
        this.start();
      },
      () => {},
    );
  }

  start() {
    clearTimeout(this.#timer);
    if (this.#ms) this.#timer = setTimeout(() => root.dataset.kiosk === "talk" && this.over(), this.#ms);
  }
}
