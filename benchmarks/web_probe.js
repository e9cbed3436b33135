// Put into a page before its own scripts: keeps what a WebRTC peer really plays, and what its microphone hears, with
// times in milliseconds of `performance.now()`. Sound in pieces of 10 ms: [time, peak, time of the first loud sample];
// pictures as a small grey region each: [time, grey values]; the states that the page shows: [time, state].
window.probe = { peers: [], heard: [], said: [], pcm: [], pictures: [], states: [] };

new MutationObserver(([{ target }]) => probe.states.push([performance.now(), target.dataset.state]))
  .observe(document, { subtree: true, attributeFilter: ["data-state"] });

class ProbedPeer extends RTCPeerConnection {
  constructor(...options) {
    super(...options);
    probe.peers.push(this);
    this.addEventListener("track", ({ track }) => (track.kind === "audio" ? hear(track, probe.heard) : watch(track)));
  }
}
window.RTCPeerConnection = ProbedPeer;

if (navigator.mediaDevices) {
  const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wishes) => {
    const stream = await open(wishes);
    hear(stream.getAudioTracks()[0], probe.said);
    return stream;
  };
}

async function hear(track, kept) {
  const context = (probe.context ??= new AudioContext({ sampleRate: 48000, latencyHint: "interactive" }));
  const code = `registerProcessor("probe", class extends AudioWorkletProcessor {
    constructor() { super(); this.kept = new Float32Array(480); this.count = 0; }
    process([[samples]]) {
      if (samples) for (const sample of samples) {
        this.kept[this.count++] = sample;
        if (this.count === 480) {
          this.port.postMessage([currentTime, this.kept]); this.kept = new Float32Array(480); this.count = 0;
        }
      }
      return true;
    }
  })`;
  await (probe.module ??= context.audioWorklet.addModule("data:text/javascript," + encodeURIComponent(code)));
  const worklet = new AudioWorkletNode(context, "probe");
  worklet.port.onmessage = ({ data: [ended, samples] }) => {
    const { contextTime, performanceTime } = context.getOutputTimestamp();
    const at = performanceTime + (ended - 0.01 - contextTime) * 1000;
    let peak = 0, first = -1;
    samples.forEach((sample, index) => {
      peak = Math.max(peak, Math.abs(sample));
      if (first < 0 && Math.abs(sample) > 0.05) first = index;
    });
    kept.push([at, peak, first < 0 ? null : at + first / 48]);
    if (probe.keepsSound && kept === probe.heard) probe.pcm.push(samples);
  };
  const source = context.createMediaStreamSource(new MediaStream([track]));
  const quiet = context.createGain();
  quiet.gain.value = 0; // the page itself plays it
  source.connect(worklet).connect(quiet).connect(context.destination);
}

function watch(track) {
  const video = document.createElement("video");
  video.muted = true;
  video.srcObject = new MediaStream([track]);
  video.play();
  const canvas = new OffscreenCanvas(32, 24), pen = canvas.getContext("2d", { willReadFrequently: true });
  const look = (now, picture) => {
    const [left, top, width, height] = probe.region ?? [0.3, 0.5, 0.4, 0.3];
    const { videoWidth: w, videoHeight: h } = video;
    pen.drawImage(video, left * w, top * h, width * w, height * h, 0, 0, 32, 24);
    const { data } = pen.getImageData(0, 0, 32, 24);
    const grey = Array.from({ length: 32 * 24 }, (_, index) => data[4 * index + 1]);
    probe.pictures.push([picture.expectedDisplayTime, grey]);
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
}

// Offset of the sound against the picture that are played now, as the browser itself tells: positive where sound is late.
probe.offset = async () => {
  const playing = {};
  for (const peer of probe.peers.filter((one) => one.connectionState === "connected"))
    for (const report of (await peer.getStats()).values())
      if (report.type === "inbound-rtp") playing[report.kind] = report;
  const { audio, video } = playing;
  if (!audio?.estimatedPlayoutTimestamp || !video?.estimatedPlayoutTimestamp) return null;
  return {
    offset: video.estimatedPlayoutTimestamp - audio.estimatedPlayoutTimestamp,
    soundBuffered: (1000 * audio.jitterBufferDelay) / audio.jitterBufferEmittedCount,
    picturesBuffered: (1000 * video.jitterBufferDelay) / video.jitterBufferEmittedCount,
    concealed: audio.concealedSamples / audio.totalSamplesReceived,
    freezes: video.freezeCount,
  };
};

// The sound that was kept, as 16-bit samples at 48 kHz in base64.
probe.sound = () => {
  const bytes = new Uint8Array(Int16Array.from(probe.pcm.flatMap((one) => Array.from(one, (x) => 32767 * x))).buffer);
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
};
