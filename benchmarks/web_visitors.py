"""The visitors of benchmarks/web_sessions.py: WebRTC peers in a process of their own that ask, and count what comes.

Each sends recorded questions as its microphone, one every `EVERY_S`, and takes voice and face without decoding them: a
browser would be on another machine. Lines of JSON: out come the offers, `[number, sdp]`; in go the answers, likewise;
an empty line ends it, and out come the arrivals of the pictures, a list of seconds for each peer.

    python -m benchmarks.web_visitors 4
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from fractions import Fraction
from typing import Any

import av
import numpy as np
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack

from agent.commands.demo import QUESTIONS
from speech.audio import Samples
from speech.files.sound_file import read_audio

RATE_HZ = 48_000
PIECE = RATE_HZ // 50
EVERY_S = 9.0
FIRST_S, STAGGER_S = 2.0, 1.3


class Microphone(MediaStreamTrack):
    """Asks one question after the other, for ever.

    Args:
        questions: float32 [N] each, at RATE_HZ.
        first_s: silence before the first.
    """

    kind = "audio"

    def __init__(self, questions: list[Samples], first_s: float) -> None:
        super().__init__()
        every = round(EVERY_S * RATE_HZ)
        pieces = [np.concatenate([one, np.zeros(max(every - len(one), 0), np.float32)]) for one in questions]
        self._sound = np.concatenate(pieces)
        self._at = -round(first_s * RATE_HZ)
        self._began_s: float | None = None
        self._sent = 0

    async def recv(self) -> av.AudioFrame:
        """The next 20 ms, when they are due."""
        now = asyncio.get_running_loop().time
        if self._began_s is None:
            self._began_s = now()
        await asyncio.sleep(self._began_s + self._sent / RATE_HZ - now())
        index = np.arange(self._at, self._at + PIECE)
        sound = np.where(index < 0, 0.0, self._sound[index % len(self._sound)])
        frame = av.AudioFrame.from_ndarray((sound * 32767).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, self._sent, Fraction(1, RATE_HZ)
        self._at += PIECE
        self._sent += PIECE
        return frame


class Counting:
    """Stands where aiortc has its jitter buffer: notes when pictures are complete, and has nothing decoded."""

    def __init__(self) -> None:
        self.arrivals_s: list[float] = []

    def add(self, packet: Any) -> tuple[bool, None]:
        """Takes an RTP packet; the last one of a picture is marked."""
        if packet.marker:
            self.arrivals_s.append(time.monotonic())
        return False, None


async def main() -> None:
    """Connects, asks until it is stopped, and tells what came."""
    loop, count = asyncio.get_running_loop(), int(sys.argv[1])
    files = sorted(QUESTIONS.glob("*.wav"))[:7]
    questions = [read_audio(path, RATE_HZ) for path in files]
    peers, counts = [], []
    for number in range(count):
        peer = RTCPeerConnection()
        own = questions[number % len(files) :] + questions[: number % len(files)]
        peer.addTransceiver(Microphone(own, FIRST_S + STAGGER_S * number), "sendrecv")
        receivers: list[Any] = [transceiver.receiver for transceiver in peer.getTransceivers()]
        receivers.append(peer.addTransceiver("video", "recvonly").receiver)
        for receiver in receivers:
            receiver._RTCRtpReceiver__jitter_buffer = counting = Counting()
        counts.append(counting)
        peers.append(peer)
        await peer.setLocalDescription(await peer.createOffer())
        print(json.dumps([number, peer.localDescription.sdp]), flush=True)
    while line := (await loop.run_in_executor(None, sys.stdin.readline)).strip():
        number, sdp = json.loads(line)
        await peers[number].setRemoteDescription(RTCSessionDescription(sdp, "answer"))
    print(json.dumps([one.arrivals_s for one in counts]), flush=True)
    await asyncio.gather(*(peer.close() for peer in peers))


if __name__ == "__main__":
    asyncio.run(main())
