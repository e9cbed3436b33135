"""What a peer receives: the voice and the face, with timestamps from the same count of output samples."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from types import TracebackType
from typing import Self

import numpy as np
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import AudioFrame
from av import VideoFrame as Picture

from agent.web.rtc.peer_sound import PIECE_SAMPLES, PeerSound
from avatar.decoder import VideoFrame
from avatar.motion import Floats
from speech.audio import OUTPUT_RATE_HZ, Samples

VIDEO_CLOCK_HZ = 90_000
OPUS_RATE_HZ = 48_000


class VoiceTrack(MediaStreamTrack):
    """The avatar's voice, paced by the peer's sound device."""

    kind = "audio"

    def __init__(self, sound: PeerSound) -> None:
        super().__init__()
        self._sound, self._next = sound, -1

    async def recv(self) -> AudioFrame:
        """The next 20 ms, when they are due."""
        if self.readyState != "live":
            raise MediaStreamError
        if self._next < 0:
            self._next = self._sound.next_piece()
        samples = await self._sound.piece(self._next)
        doubled = np.repeat(np.clip(samples, -1.0, 1.0) * 32767.0, OPUS_RATE_HZ // OUTPUT_RATE_HZ).astype(np.int16)
        frame = AudioFrame.from_ndarray(doubled[None], format="s16", layout="mono")
        frame.sample_rate = OPUS_RATE_HZ
        frame.pts = self._next * PIECE_SAMPLES * (OPUS_RATE_HZ // OUTPUT_RATE_HZ)
        frame.time_base = Fraction(1, OPUS_RATE_HZ)
        self._next += 1
        return frame


class FaceTrack(MediaStreamTrack):
    """The face's pictures: the newest one that was not sent yet."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._newest: asyncio.Queue[VideoFrame] = asyncio.Queue(2)

    def show(self, frame: VideoFrame) -> None:
        """Takes a picture, on the event loop; of more than two that wait the older one goes."""
        if self._newest.full():
            self._newest.get_nowait()
        self._newest.put_nowait(frame)

    async def recv(self) -> Picture:
        """The next picture."""
        if self.readyState != "live":
            raise MediaStreamError
        frame = await self._newest.get()
        picture = Picture.from_ndarray(frame.image, format="rgb24")
        picture.pts = frame.pts_samples * (VIDEO_CLOCK_HZ // 1000) // (OUTPUT_RATE_HZ // 1000)
        picture.time_base = Fraction(1, VIDEO_CLOCK_HZ)
        return picture


class PeerFace:
    """An output that shows the face to whichever track is connected now."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.track: FaceTrack | None = None

    def __enter__(self) -> Self:
        return self

    def write(self, frame: VideoFrame | None, sound: Samples, motion: Floats) -> None:
        """See `Output.write`: the sound goes another way."""
        if frame is not None:
            self._loop.call_soon_threadsafe(self._show, frame)

    def _show(self, frame: VideoFrame) -> None:
        if self.track is not None:
            self.track.show(frame)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is kept."""
