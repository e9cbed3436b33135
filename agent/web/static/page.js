// Connects to a new conversation: microphone out, voice and face in.
const captions = document.getElementById("captions");
let session;

async function begin() {
  session = (await (await fetch("api/sessions", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: "{}",
  })).json()).id;
  const events = new EventSource(`api/sessions/${session}/events`);
  for (const kind of ["state", "transcript", "sentence", "turn", "problem"])
    events.addEventListener(kind, (event) => { captions.textContent += `${kind} ${event.data}\n`; });
  const peer = new RTCPeerConnection();
  window.peer = peer;
  const stream = new MediaStream();
  peer.ontrack = (event) => { stream.addTrack(event.track); document.getElementById("face").srcObject = stream; };
  peer.addTransceiver("video", { direction: "recvonly" });
  const microphone = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true } });
  peer.addTransceiver(microphone.getAudioTracks()[0], { direction: "sendrecv" });
  await peer.setLocalDescription(await peer.createOffer());
  const answer = await fetch(`api/sessions/${session}/whep`, {
    method: "POST", headers: { "Content-Type": "application/sdp" }, body: peer.localDescription.sdp,
  });
  await peer.setRemoteDescription({ type: "answer", sdp: await answer.text() });
}

document.getElementById("talk").onclick = begin;
document.getElementById("typed").onsubmit = (event) => {
  event.preventDefault();
  fetch(`api/sessions/${session}/ask`, {
    method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ text: event.target.elements.text.value }),
  });
};
