// What a person would do who looks after the screen: begin again, plug in again, load the page again.

import { on } from "./events.js";
import { opening } from "./opening.js";
import { keepAwake } from "./kiosk_screen.js";

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
const LOOK_MS = 5000;
const STUCK_MS = 20_000; // no new picture for so long although there should be: nothing helps but loading anew
const RELOAD_PAUSE_MS = 60_000; // and that at most once a minute
const MICROPHONE_PAUSE_MS = 15_000;

/** Keeps conversation, microphone, sound and screen alive. */
export function stayAlive({ conversation, media, microphone, dock }) {
  keepAwake();
  keepConversation(conversation);
  keepMicrophone(microphone);
  on("media", ({ state }) => state === "live" && dock.setVoice(true, false));
  watchPicture(conversation, media);
}

/** A conversation that the server ended, or refuses, is begun anew, less and less often. */
function keepConversation(conversation) {
  let pause = FIRST_PAUSE_MS;
  let timer = 0;
  let hasRestarted = false;
  on("link", ({ link, status = 0 }) => {
    clearTimeout(timer);
    if (link === "live" || link === "waiting") {
      pause = FIRST_PAUSE_MS;
      // Another version of the server may bring another page with it.
      if (hasRestarted && link === "live") reload();
      hasRestarted = false;
    } else if (link === "over" || (link === "lost" && [401, 403].includes(status))) {
      hasRestarted = true;
      timer = setTimeout(() => conversation.restart(opening.wishes), pause);
      pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
    }
  });
  on("begun", ({ anew }) => (hasRestarted ||= anew));
}

/** Opens the microphone now, and again when one is plugged in, or somebody allows it. */
function keepMicrophone(microphone) {
  let timer = 0;
  const open = () => microphone.track || microphone.open();
  on("microphone", ({ state }) => {
    clearTimeout(timer);
    if (state === "unavailable") timer = setTimeout(open, MICROPHONE_PAUSE_MS);
  });
  navigator.mediaDevices?.addEventListener("devicechange", open);
  open();
}

/** Pictures must go on while there is a conversation and somebody could look. */
function watchPicture(conversation, media) {
  const face = document.getElementById("face");
  let shown = 0;
  let since = performance.now();
  setInterval(() => {
    const frames = face.getVideoPlaybackQuality?.().totalVideoFrames ?? face.currentTime;
    const goesOn = frames !== shown || document.hidden || conversation.link !== "live" || media.state === "none";
    shown = frames;
    if (goesOn) since = performance.now();
    else if (performance.now() - since > STUCK_MS) reload();
    if (face.paused) face.play().catch(() => {});
  }, LOOK_MS);
}

let isReloading = false;

/** Loads the page anew, if the server has it: a browser's own error page would stay for ever. */
async function reload() {
  const last = Number(sessionStorage.getItem("visavis.reloaded") ?? 0);
  if (isReloading || Date.now() - last < RELOAD_PAUSE_MS) return;
  isReloading = true;
  const page = await fetch(location.href, { cache: "no-store" }).catch(() => null);
  isReloading = page?.ok ?? false;
  if (!isReloading) return;
  sessionStorage.setItem("visavis.reloaded", String(Date.now()));
  location.reload();
}
