"""The face as a peer receives it: pictures encoded where they were drawn, with their places in the sound."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from types import TracebackType
from typing import Self

from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import Packet
from av.stream import Stream

from agent.web.rtc.encoder import FaceEncoder
from agent.web.rtc.peer_sound import PIECE_SAMPLES, PeerSound
from avatar.decoder import VideoFrame
from avatar.motion import Floats
from speech.audio import Samples

MOST_WAITING = 2
"""Encoded pictures that wait to be sent. A network that takes no more loses pictures before they are encoded: every one
that is builds on the one before."""


class FaceTrack(MediaStreamTrack):
    """The face's pictures for one connection.

    Attributes:
        dropped: pictures that the network had no room for.
    """

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._sending_loop = asyncio.get_running_loop()
        self._encoder = FaceEncoder()
        self._encoded: asyncio.Queue[Packet[Stream] | None] = asyncio.Queue(MOST_WAITING + 1)
        self._key_frame_wanted = threading.Event()
        self.dropped = 0

    def encode(self, frame: VideoFrame) -> None:
        """Takes a picture; in one thread at a time, not the event loop's."""
        if self._encoded.qsize() >= MOST_WAITING:
            self.dropped += 1
            return
        wanted = self._key_frame_wanted.is_set()
        self._key_frame_wanted.clear()
        packet = self._encoder.encode(frame, key_frame=wanted)
        self._sending_loop.call_soon_threadsafe(self._send, packet)

    def want_key_frame(self) -> None:
        """The peer lost a picture: the next one does not build on it."""
        self._key_frame_wanted.set()

    def set_bitrate(self, bitrate: int) -> None:
        """The peer has room for so many bits a second."""
        self._encoder.bitrate = bitrate

    async def recv(self) -> Packet[Stream]:
        """The next picture."""
        packet = await self._encoded.get() if self.readyState == "live" else None
        if packet is None:
            raise MediaStreamError
        return packet

    def stop(self) -> None:
        """Ends the track; whoever waits for a picture is woken."""
        super().stop()
        self._send(None)

    def _send(self, packet: Packet[Stream] | None) -> None:
        if not self._encoded.full():
            self._encoded.put_nowait(packet)


class PeerFace:
    """An output that shows the face to whichever track is connected now.

    Args:
        sound: says where the sound that the pictures belong to begins.
    """

    def __init__(self, sound: PeerSound) -> None:
        self._sound = sound
        self.track: FaceTrack | None = None

    def __enter__(self) -> Self:
        return self

    def write(self, frame: VideoFrame | None, sound: Samples, motion: Floats) -> None:
        """See `Output.write`: the sound goes another way."""
        track = self.track
        if frame is not None and track is not None:
            start = self._sound.first_piece * PIECE_SAMPLES
            track.encode(replace(frame, pts_samples=start + frame.pts_samples))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is kept."""
