// The light around the face, which shows what it is doing, and the face's background drawn out to the window's edges.

import { on } from "./events.js";

const EVERY_FRAMES = 5; // the background hardly moves
const EDGE = 0.05; // of the picture's width, taken for its edge
const LOWEST = 0.8; // below it a picture shows shoulders rather than background
const ROWS = 32;

export class Light {
  #stage;
  #video;
  #backdrop;
  #still;
  #edges = document.createElement("canvas");
  #media;
  #calm = matchMedia("(prefers-reduced-motion: reduce)");
  #count = 0;

  constructor({ stage, video, backdrop, still, media }) {
    this.#stage = stage;
    this.#video = video;
    this.#backdrop = backdrop.getContext("2d");
    this.#still = still.getContext("2d");
    this.#edges.width = 2;
    this.#edges.height = ROWS;
    this.#media = media;
    on("state", ({ state }) => {
      stage.dataset.state = state;
      if (state === "speaking") this.#pulse();
    });
    on("link", ({ link }) => (stage.dataset.link = link));
    on("media", ({ state }) => {
      if (state === "closing") this.#keep();
      stage.dataset.media = state;
    });
    on("microphone", ({ state }) => (stage.dataset.microphone = state));
    addEventListener("resize", () => this.#draw());
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(this.#frame);
    else video.addEventListener("timeupdate", () => this.#shown());
  }

  /** Shows a portrait while the live face is on its way, or where it can't come. */
  async showPortrait(address) {
    const picture = Object.assign(new Image(), { src: address });
    await picture.decode().then(
      () => this.#stage.dataset.picture !== "live" && this.#showStill(picture),
      () => {}, // then there is none until the live one
    );
  }

  #showStill(picture) {
    this.#still.drawImage(picture, 0, 0, this.#still.canvas.width, this.#still.canvas.height);
    this.#draw(this.#still.canvas);
  }

  /** The last picture stays when its connection goes. */
  #keep() {
    if (this.#stage.dataset.picture !== "live") return;
    this.#stage.dataset.picture = "still";
    this.#showStill(this.#video);
  }

  #shown() {
    if (this.#media.state === "live") this.#stage.dataset.picture = "live";
    if (this.#count++ % EVERY_FRAMES === 0) this.#draw();
  }

  #frame = () => {
    this.#shown();
    this.#video.requestVideoFrameCallback(this.#frame);
  };

  /** The colours of the picture's left and right edges, drawn outwards. */
  #draw(picture = this.#video) {
    const size = picture.videoWidth ?? picture.width;
    if (!size) return;
    const edges = this.#edges.getContext("2d");
    const band = size * EDGE;
    edges.drawImage(picture, 0, 0, band, size * LOWEST, 0, 0, 1, ROWS);
    edges.drawImage(picture, size - band, 0, band, size * LOWEST, 1, 0, 1, ROWS);
    const { canvas } = this.#backdrop;
    const half = canvas.width / 2;
    const shown = this.#video.getBoundingClientRect();
    const stage = this.#stage.getBoundingClientRect();
    const top = ((shown.top - stage.top) / stage.height) * canvas.height;
    const height = (shown.height / stage.height) * canvas.height;
    this.#backdrop.imageSmoothingQuality = "high";
    for (const side of [0, 1]) {
      this.#backdrop.drawImage(this.#edges, side, 0, 1, 1, side * half, 0, half, top + 1);
      this.#backdrop.drawImage(this.#edges, side, 0, 1, ROWS, side * half, top, half, height * LOWEST);
      const end = top + height * LOWEST - 1;
      this.#backdrop.drawImage(this.#edges, side, ROWS - 1, 1, 1, side * half, end, half, canvas.height - end);
    }
  }

  /** While it speaks the light follows the voice. */
  #pulse = () => {
    const speaks = this.#stage.dataset.state === "speaking" && !this.#calm.matches;
    this.#stage.style.setProperty("--level", speaks ? Math.min(1, this.#media.level * 4).toFixed(3) : "0");
    if (speaks) requestAnimationFrame(this.#pulse);
  };
}
