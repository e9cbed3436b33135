// What this browser remembers. Storage may be forbidden (an embedded page, a private window): then it is nothing.

import { opening } from "./opening.js";

function remembering(storage) {
  return {
    get(key, otherwise) {
      try {
        return JSON.parse(window[storage].getItem(`visavis.${key}`)) ?? otherwise;
      } catch {
        return otherwise;
      }
    },
    set(key, value) {
      try {
        window[storage].setItem(`visavis.${key}`, JSON.stringify(value));
      } catch {
        // Not remembered, then.
      }
    },
    remove(key) {
      try {
        window[storage].removeItem(`visavis.${key}`);
      } catch {
        // There was nothing.
      }
    },
  };
}

/** The visitor's own settings. */
export const preferences = remembering("localStorage");

/** The conversation of this tab; a kiosk finds its own again after a restart of the browser, too. */
export const visit = remembering(opening.kiosk ? "localStorage" : "sessionStorage");
