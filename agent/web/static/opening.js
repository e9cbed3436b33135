// How the page was opened: by itself, inside another page, or as a kiosk.

const asked = new URLSearchParams(location.search);

export const opening = {
  kiosk: asked.get("kiosk") === "1",
  embedded: window.parent !== window,
  portrait: asked.get("portrait") ?? "",
  lesson: asked.get("lesson") ?? "",
};
