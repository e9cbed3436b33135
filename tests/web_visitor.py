"""A visitor without a browser: an aiortc peer with a silent microphone that takes voice and face as they come."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, MediaStreamTrack

AUDIBLE = 300
"""Of 32767."""


class WebVisitor:
    """One visitor's connection.

    Args:
        answer: takes the SDP offer to the server, and gives its answer.

    Attributes:
        pictures: that came so far.
    """

    def __init__(self, answer: Callable[[str], Awaitable[str]]) -> None:
        self._answer = answer
        self._peer = RTCPeerConnection()
        self._taking: list[asyncio.Task[None]] = []
        self._is_spoken_to, self._is_seen = asyncio.Event(), asyncio.Event()
        self.pictures = 0

    async def connect(self) -> None:
        """Connects, and waits for the first picture."""
        peer = self._peer
        peer.on("track", lambda track: self._taking.append(asyncio.create_task(self._take(track))))
        peer.addTrack(AudioStreamTrack())
        peer.addTransceiver("video", "recvonly")
        await peer.setLocalDescription(await peer.createOffer())
        answer = await self._answer(peer.localDescription.sdp)
        await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await self._is_seen.wait()

    async def spoken_to(self) -> None:
        """Waits until something is heard."""
        await self._is_spoken_to.wait()

    async def hang_up(self) -> None:
        """Says good-bye, as a page that is closed does."""
        await self._peer.close()
        await asyncio.gather(*self._taking, return_exceptions=True)

    async def vanish(self) -> None:
        """The network is gone: nothing more is sent, not even a good-bye."""
        for transceiver in self._peer.getTransceivers():
            await transceiver.receiver.transport.transport._connection.close()
        await self.hang_up()

    async def _take(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            if track.kind == "video":
                self.pictures += 1
                self._is_seen.set()
            elif np.abs(frame.to_ndarray()).max() > AUDIBLE:
                self._is_spoken_to.set()
