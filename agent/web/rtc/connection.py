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

    While it is there, `sound` plays and the conversation's time goes on; without one it stands still.

    Args:
        sound: of the visitor, whichever connection it goes over.
        face: likewise.
        on_lost: called on the event loop, once, when the peer has gone or never came, not where `close` was called.
            `close` is still to be called.
        on_controls: called on the event loop with what came over the data channel "controls".
        servers: STUN and TURN.
    """

    def __init__(
        self,
        sound: PeerSound,
        face: PeerFace,
        *,
        on_lost: Callable[[], None],
        on_controls: Callable[[str], None] = lambda message: None,
        servers: RTCConfiguration,
    ) -> None:
        self._sound, self._face, self._on_lost, self._on_controls = sound, face, on_lost, on_controls
        self._peer = RTCPeerConnection(servers)
        self._track = FaceTrack()
        self._hearing: asyncio.Task[None] | None = None
        self._is_closed = False

    async def answer(self, offer: str) -> str:
        """Takes a peer's SDP offer, and gives the answer; media begins to flow as soon as the peer has it."""
        peer = self._peer

        @peer.on("track")
        def heard(track: MediaStreamTrack) -> None:
            if track.kind == "audio" and self._hearing is None:
                self._hearing = asyncio.create_task(self._hear(track), name="peer's microphone")

        peer.on("connectionstatechange", self._state_changed)
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        peer.addTrack(VoiceTrack(self._sound))
        peer.addTrack(self._track)
        await peer.setLocalDescription(await peer.createAnswer())
        return peer.localDescription.sdp

    async def close(self) -> None:
        """Hangs up."""
        self._is_closed = True
        self._stop_showing()
        if self._hearing is not None:
            self._hearing.cancel()
            await asyncio.gather(self._hearing, return_exceptions=True)
        await self._peer.close()

    def _state_changed(self) -> None:
        match self._peer.connectionState:
            case "connected":
                self._face.track = self._track
                self._sound.attach(self)
            case "failed" | "closed" if not self._is_closed:
                self._stop_showing()
                self._on_lost()

    def _stop_showing(self) -> None:
        self._sound.detach(self)
        if self._face.track is self._track:
            self._face.track = None

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
