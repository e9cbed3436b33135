// The conversation with the server: begins it, follows its events, finds it again after a loss, begins anew after its end.

import { ApiError, getJson, isOffline, post, request } from "./api.js";
import { emit } from "./events.js";
import { eventsOf } from "./server_events.js";
import { visit } from "./storage.js";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5000;
const FULL_PAUSE_MS = 10_000;
const SILENT_MS = 40_000; // the server sends a comment every 15 s: after so long the line is dead
const COMES_BACK = ["closed", "lost"]; // ends after which a page that is there begins anew by itself

/** @typedef {"connecting" | "waiting" | "live" | "lost" | "over"} Link */

export class Conversation {
  /** @type {Link} */
  link = "connecting";
  id = "";
  #wishes = {};
  #lastEvent = visit.get("event", 0);
  #hasBegun = false; // on this page
  #running = null; // AbortController of the present run
  #wake = () => {};

  constructor() {
    for (const kind of ["online", "pageshow"]) window.addEventListener(kind, () => this.#wake());
    document.addEventListener("visibilitychange", () => document.hidden || this.#wake());
  }

  get isReady() {
    return this.link === "live";
  }

  get wishes() {
    return this.#wishes;
  }

  /** Begins with these wishes, or goes on with the conversation that this tab had. */
  async start(wishes = this.#wishes) {
    this.#wishes = wishes;
    const known = visit.get("session", "");
    this.#run((await isOurs(known)) ? known : "");
  }

  /** Ends the conversation, and begins another one with other wishes. */
  async restart(wishes) {
    const old = this.id;
    this.#running?.abort();
    this.#forget();
    if (old) await request(`sessions/${old}`, { method: "DELETE" }).catch(() => {});
    this.#wishes = wishes;
    this.#run("");
  }

  /** Ends the conversation. */
  leave() {
    const old = this.id;
    this.#running?.abort();
    this.#forget();
    this.#become("over", { why: "" });
    if (old) request(`sessions/${old}`, { method: "DELETE", keepalive: true }).catch(() => {});
  }

  ask = (text) => post(`sessions/${this.id}/ask`, { text });
  greet = () => post(`sessions/${this.id}/greet`);
  touch = () => post(`sessions/${this.id}/touch`);
  hold = () => post(`sessions/${this.id}/hold`);
  resume = () => post(`sessions/${this.id}/resume`);
  stop = () => post(`sessions/${this.id}/stop`);
  control = (controls) => post(`sessions/${this.id}/controls`, controls);

  /** Has the server delete what it remembers of the learner of this conversation's lesson. */
  async forgetLearner() {
    await request(`sessions/${this.id}/learner`, { method: "DELETE" });
    const { learner, remember, ...wishes } = this.#wishes;
    this.#wishes = wishes;
  }

  async #run(known) {
    this.#running?.abort();
    const running = (this.#running = new AbortController());
    let pause = FIRST_PAUSE_MS;
    let anew = false;
    if (known) this.id = known;
    while (!running.signal.aborted) {
      try {
        if (this.id) await this.#resume();
        else await this.#begin(anew);
        pause = FIRST_PAUSE_MS;
        const end = await this.#follow(running.signal);
        if (end === "over") return;
        anew ||= end === "anew";
      } catch (error) {
        if (running.signal.aborted) return;
        if (!isOffline(error) && error.status === 404 && this.id) {
          anew = true;
          this.#forget();
          continue;
        }
        this.#become("lost", { why: isOffline(error) ? "" : error.message, status: error.status ?? 0 });
        if (error instanceof ApiError && [401, 403].includes(error.status)) return;
        if (error instanceof ApiError && error.status === 503) pause = FULL_PAUSE_MS;
      }
      await this.#pause(pause);
      pause = Math.min(2 * pause, Math.max(pause, LONGEST_PAUSE_MS));
    }
  }

  async #begin(anew) {
    if (this.link !== "lost") this.#become("connecting");
    const begun = await (await post("sessions", this.#wishes)).json();
    this.id = begun.id;
    visit.set("session", this.id);
    isOurs(this.id);
    this.#hasBegun = true;
    emit("begun", { resumed: false, anew, turns: [] });
    this.#become(begun.state === "waiting" ? "waiting" : "live", { place: begun.place ?? 0 });
  }

  async #resume() {
    const snapshot = await getJson(`sessions/${this.id}`);
    if (!this.#hasBegun) {
      emit("begun", { resumed: true, anew: false, turns: snapshot.turns });
      if (snapshot.lesson) emit("lesson", snapshot.lesson);
      if (snapshot.attention) emit("attention", snapshot.attention);
    }
    this.#hasBegun = true;
    this.#become(snapshot.state === "waiting" ? "waiting" : "live", { place: snapshot.place });
  }

  /** Follows the events until the stream ends: "over" or "anew" where the server has ended the conversation. */
  async #follow(signal) {
    const dead = new AbortController();
    signal.addEventListener("abort", () => dead.abort(), { once: true });
    let watchdog = 0;
    const alive = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => dead.abort(), SILENT_MS);
    };
    alive();
    try {
      const response = await request(`sessions/${this.id}/events`, {
        headers: this.#lastEvent ? { "Last-Event-ID": String(this.#lastEvent) } : {},
        signal: dead.signal,
        cache: "no-store",
      });
      for await (const { id, kind, data } of eventsOf(response.body, alive)) {
        if (signal.aborted) return "";
        this.#lastEvent = Number(id) || this.#lastEvent;
        visit.set("event", this.#lastEvent);
        if (kind === "place") this.#become("waiting", data);
        else if (kind === "ready") this.isReady || this.#become("live");
        else if (kind === "ended") return this.#end(data);
        else emit(kind, data);
      }
      return "";
    } finally {
      clearTimeout(watchdog);
      dead.abort();
    }
  }

  #end({ why, message }) {
    if (COMES_BACK.includes(why)) {
      this.#become("lost", { why: message }); // another server may go on with it; else it is begun anew
      return "anew";
    }
    this.#forget();
    this.#become("over", { why: message });
    return "over";
  }

  #forget() {
    this.id = "";
    this.#lastEvent = 0;
    visit.remove("session");
    visit.remove("event");
  }

  #become(link, detail = {}) {
    this.link = link;
    emit("link", { link, ...detail });
  }

  #pause(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Whether no other tab has this conversation: a duplicated tab has a copy of the first one's memory. */
function isOurs(id) {
  if (!id || !navigator.locks) return true;
  return new Promise((resolve) => {
    navigator.locks.request(`visavis.${id}`, { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      return lock && new Promise(() => {}); // held for as long as the page is there
    });
  });
}
