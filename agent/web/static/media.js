// Picture and sound of the avatar, and the visitor's microphone, over one WebRTC connection.
//
// The connection is made once, when the conversation begins: its audio goes both ways from the start, and the
// microphone's track is put into it when the visitor agrees. So the face is there before anybody is asked anything.

import { request } from "./api.js";
import { emit, on } from "./events.js";

const GATHERING_MS = 300; // addresses of a STUN server that answers later are not worth waiting for
const FLOWING_MS = 8000; // longer means that the network lets no picture through
const BROKEN_MS = 1500; // a wireless network often loses a second
const SHORT_PAUSE_MS = 500;
const LONG_PAUSE_MS = 30_000; // what does not get through twice hardly will soon, and every try halts a written answer

export class Media {
  /** @type {RTCPeerConnection | null} */
  peer = null;
  /** @type {RTCDataChannel | null} */
  controls = null;
  stream = typeof MediaStream === "undefined" ? null : new MediaStream();
  state = "none";
  #conversation;
  #video;
  #about;
  #microphone = null;
  #failures = 0; // in a row
  #timer = 0;

  /**
   * @param {HTMLVideoElement} video shows the face and plays the voice
   * @param {Promise<{ice_servers: RTCIceServer[]}>} about of the server
   */
  constructor(conversation, video, about) {
    this.#conversation = conversation;
    this.#video = video;
    this.#about = about;
    on("link", ({ link }) => {
      if (link === "live") this.#ensure();
      else if (link === "over") this.close();
    });
    on("begun", ({ resumed }) => resumed || this.close());
  }

  static get isPossible() {
    return typeof RTCPeerConnection !== "undefined" && typeof MediaStream !== "undefined";
  }

  /** Sends this microphone track from now on; null for none. */
  async setMicrophone(track) {
    this.#microphone = track;
    await this.#sender?.replaceTrack(track);
  }

  /** How loud the avatar is heard, 0 to 1. */
  get level() {
    const receiver = this.peer?.getReceivers().find((one) => one.track.kind === "audio");
    return receiver?.getSynchronizationSources?.()[0]?.audioLevel ?? 0;
  }

  close() {
    clearTimeout(this.#timer);
    if (this.peer) this.#become("closing");
    this.peer?.close();
    this.peer = this.controls = null;
  }

  get #sender() {
    return this.peer?.getTransceivers().find((one) => one.receiver.track.kind === "audio")?.sender;
  }

  #ensure() {
    if (!Media.isPossible) this.#read();
    else if (!this.peer || ["failed", "closed"].includes(this.peer.connectionState)) this.#connect();
  }

  async #connect() {
    this.close();
    const { ice_servers: iceServers } = await this.#about;
    if (this.peer || !this.#conversation.isReady) return;
    const peer = (this.peer = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" }));
    const again = (ms) => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => peer === this.peer && this.#lose(), ms);
    };
    peer.ontrack = ({ track }) => this.#show(track);
    peer.onconnectionstatechange = () => {
      if (peer.connectionState === "connected") {
        clearTimeout(this.#timer);
        this.#failures = 0;
        this.#become("live");
      } else if (peer.connectionState === "disconnected") again(BROKEN_MS);
      else if (["failed", "closed"].includes(peer.connectionState)) again(0);
    };
    peer.addTransceiver("video", { direction: "recvonly" });
    peer.addTransceiver(this.#microphone ?? "audio", { direction: "sendrecv" });
    this.controls = peer.createDataChannel("controls");
    again(FLOWING_MS);
    try {
      await peer.setLocalDescription(await peer.createOffer());
      await gathered(peer);
      const answer = await request(`sessions/${this.#conversation.id}/whep`, {
        method: "POST",
        headers: { "Content-Type": "application/sdp" },
        body: peer.localDescription.sdp,
      });
      const sdp = await answer.text();
      if (peer === this.peer) await peer.setRemoteDescription({ type: "answer", sdp });
    } catch {
      if (peer === this.peer) again(0);
    }
  }

  /** Answers come in writing while no picture and no sound get through: else time would stand still. */
  async #read() {
    this.#become(Media.isPossible ? "lost" : "none");
    await request(`sessions/${this.#conversation.id}/reading`, { method: "POST" }).catch(() => {});
  }

  #lose() {
    this.close();
    if (++this.#failures < 2) this.#become("lost");
    else this.#read();
    const pause = this.#failures < 2 ? SHORT_PAUSE_MS : LONG_PAUSE_MS;
    this.#timer = setTimeout(() => this.#conversation.isReady && this.#ensure(), pause);
  }

  #show(track) {
    for (const old of this.stream.getTracks()) if (old.kind === track.kind) this.stream.removeTrack(old);
    this.stream.addTrack(track);
    this.#video.srcObject ??= this.stream; // not before: an empty one would keep the page loading
  }

  #become(state) {
    this.state = state;
    emit("media", { state });
  }
}

function gathered(peer) {
  if (peer.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((resolve) => {
    peer.addEventListener("icegatheringstatechange", () => peer.iceGatheringState === "complete" && resolve());
    setTimeout(resolve, GATHERING_MS);
  });
}
