// How the page was opened: by itself, inside another page, or as a kiosk.

const asked = new URLSearchParams(location.search);

const WISHES = ["portrait", "voice", "language", "name", "lesson"];

export const opening = {
  kiosk: asked.get("kiosk") === "1",
  embedded: window.parent !== window,
  /** What its address asks of the conversation, such as ?portrait=ada. */
  wishes: Object.fromEntries([...asked].filter(([wish, value]) => WISHES.includes(wish) && value)),
};
