// Keys that work anywhere on the page; single letters can be turned off, as WCAG 2.1.4 asks.

import { preferences } from "./storage.js";

export function obeyKeys({ dock, settings }) {
  const letters = {
    m: () => dock.toggleMicrophone(),
    v: () => dock.setVoice(document.getElementById("face").muted),
    p: () => dock.pause(),
    c: () => dock.showCaptions(document.getElementById("captions").hidden),
    "/": () => dock.write(),
    ",": () => settings.open(),
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || settings.isOpen) return;
    if (event.key === "Escape") {
      dock.stop();
      return;
    }
    if (event.target.closest?.("input, select, textarea") || !preferences.get("shortcuts", true)) return;
    const act = letters[event.key.toLowerCase()];
    if (!act || event.repeat) return;
    event.preventDefault();
    act();
  });
}
