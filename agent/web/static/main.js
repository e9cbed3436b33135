// The page: everything is made here, and given to those who need it.

import { getJson } from "./api.js";
import { Captions } from "./captions.js";
import { Controls } from "./controls.js";
import { Conversation } from "./conversation.js";
import { Dock } from "./dock.js";
import { on } from "./events.js";
import { Lesson } from "./lesson.js";
import { Light } from "./light.js";
import { Media } from "./media.js";
import { Microphone } from "./microphone.js";
import { Notices } from "./notices.js";
import { opening } from "./opening.js";
import { Settings } from "./settings.js";
import { obeyKeys } from "./shortcuts.js";

const element = (id) => document.getElementById(id);
const root = document.documentElement;
root.classList.toggle("kiosk", opening.kiosk);
root.classList.toggle("embedded", opening.embedded);

const face = element("face");
const conversation = new Conversation();
const about = getJson("about");
const media = new Media(
  conversation,
  face,
  about.catch(() => ({ ice_servers: [] })),
);
const microphone = new Microphone(media);
const controls = new Controls(conversation, media, element("frame"));
const captions = new Captions(element("captions"));
const notices = new Notices(element("notice"), conversation);
const light = new Light({
  stage: element("stage"),
  video: face,
  backdrop: element("backdrop"),
  still: element("still"),
  media,
});
const dock = new Dock({ conversation, microphone, captions, notices });
const lesson = new Lesson(element("lesson"), conversation);
const settings = new Settings({ conversation, controls });

/** For the kiosk, and for whoever looks from the browser's console. */
export const page = { conversation, media, microphone, controls, captions, notices, light, dock, lesson, settings };
window.visavis = page;

conversation.start({ ...settings.wishes, ...opening.wishes });

if (opening.kiosk) {
  import("./kiosk.js").then(({ begin }) => begin(page));
} else {
  dock.welcome();
  obeyKeys({ dock, settings });
}

about.then(
  (about) => {
    settings.about = about;
    introduce(about);
    on("begun", () => introduce(about));
  },
  () => {},
);

/** Who is here, everywhere on the page. */
function introduce(about) {
  const { portrait = about.portrait, name = about.names[portrait] ?? about.name } = conversation.wishes;
  for (const place of document.querySelectorAll("[data-name]")) place.textContent = name;
  face.setAttribute("aria-label", `${name}'s face, live`);
  captions.name = name;
  document.title = name;
  if (portrait in about.names) light.showPortrait(`api/portraits/${portrait}/image`);
}
