"""One WebRTC connection, answered: its microphone is heard, voice and face are sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import av
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from agent.web.rtc.peer_sound import PeerSound
from agent.web.rtc.tracks import FaceTrack, PeerFace, VoiceTrack
from speech.audio import OUTPUT_RATE_HZ


class Connection:
    """A peer's connection; `Visit` has one at a time.

    Args:
        sound: of the visitor, whichever connection it goes over.
        face: likewise.
        on_lost: called on the event loop when the peer has gone, not where `close` was called.
        servers: STUN and TURN.
    """

    def __init__(
        self, sound: PeerSound, face: PeerFace, *, on_lost: Callable[[], None], servers: RTCConfiguration
    ) -> None:
        self._sound, self._face, self._on_lost = sound, face, on_lost
        self._peer = RTCPeerConnection(servers)
        self._hearing: asyncio.Task[None] | None = None

    async def answer(self, offer: str) -> str:
        """Takes a peer's SDP offer, and gives the answer; media begins to flow as soon as the peer has it."""
        peer = self._peer

        @peer.on("track")
        def heard(track: MediaStreamTrack) -> None:
            if track.kind == "audio" and self._hearing is None:
                self._hearing = asyncio.create_task(self._hear(track), name="peer's microphone")

        @peer.on("connectionstatechange")
        def changed() -> None:
            if peer.connectionState == "failed":
                self._on_lost()

        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        self._face.track = FaceTrack()
        peer.addTrack(VoiceTrack(self._sound))
        peer.addTrack(self._face.track)
        await peer.setLocalDescription(await peer.createAnswer())
        return peer.localDescription.sdp

    async def close(self) -> None:
        """Hangs up."""
        if self._hearing is not None:
            self._hearing.cancel()
            await asyncio.gather(self._hearing, return_exceptions=True)
        self._face.track = None
        await self._peer.close()

    async def _hear(self, track: MediaStreamTrack) -> None:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=OUTPUT_RATE_HZ)
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            assert isinstance(frame, av.AudioFrame)
            for piece in resampler.resample(frame):
                self._sound.hear(piece.to_ndarray()[0])
