// What happens on the page, as DOM events of the document: "visavis:link", "visavis:state", "visavis:sentence", …
//
// Modules hear of each other only through these. Of the page itself:
//   link        {link: "connecting" | "waiting" | "live" | "lost" | "over", place, why}  to the conversation
//   begun       {resumed, anew}         a conversation is there: an earlier one, or one in place of a lost one
//   media       {state}                 "live" once picture and sound flow, "closing", "lost", "none" where they can't
//   microphone  {state}                 "off", "asking", "on", "muted", "unavailable"
//   voice       {muted}                 whether the avatar can be heard
// and of the server, as it sends them: state, transcript, sentence, filler, turn, problem, dropped, reset, lesson,
// attention, paused.

export function emit(kind, detail = {}) {
  document.dispatchEvent(new CustomEvent(`visavis:${kind}`, { detail }));
}

export function on(kind, listener) {
  document.addEventListener(`visavis:${kind}`, (event) => listener(event.detail));
}
