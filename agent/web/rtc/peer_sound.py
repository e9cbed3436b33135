"""A WebRTC peer as a sound device: the browser's microphone, and the voice that it plays, on one clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import numpy as np

from avatar.clock import EvenPlayer
from speech.audio import OUTPUT_RATE_HZ, AudioChunk, Samples
from speech.sound_track import SoundTrack

PIECE_SAMPLES = OUTPUT_RATE_HZ // 50
"""20 ms: what one Opus packet holds."""

MOST_QUEUED = 50
"""Pieces of the microphone's sound that wait, one second; of more, the oldest go and are counted."""


class PeerSound:
    """The sound of one visitor, whose connection may break and come back; a `SoundDevice`.

    Attributes:
        chunks_lost: pieces of the microphone's sound that nobody took in time.
    """

    has_microphone = True
    underflows = 0

    def __init__(self) -> None:
        self._even = EvenPlayer()
        self._track: SoundTrack | None = None
        self._heard: asyncio.Queue[Samples] = asyncio.Queue(MOST_QUEUED)
        self.chunks_lost = 0

    def heard_at(self, sample: int) -> float:
        """The event loop's time at which an output sample is sent."""
        return self._even.heard_at(sample)

    @asynccontextmanager
    async def playing(self, track: SoundTrack) -> AsyncGenerator[None, None]:
        """The track is sent to the peer."""
        self._track = track
        self.heard_at(0)
        try:
            yield
        finally:
            self._track = None

    async def piece(self, index: int) -> Samples:
        """The sound of 20 ms of output, when it is due.

        Args:
            index: which one, counted from the beginning of the conversation.
        """
        start = index * PIECE_SAMPLES
        await asyncio.sleep(self.heard_at(start) - asyncio.get_running_loop().time())
        if self._track is None:
            return np.zeros(PIECE_SAMPLES, np.float32)
        return self._track.take(start, PIECE_SAMPLES)

    def next_index(self) -> int:
        """The first piece that is not due yet."""
        now = asyncio.get_running_loop().time() - self.heard_at(0)
        return int(now * OUTPUT_RATE_HZ / PIECE_SAMPLES) + 1

    def hear(self, samples: Samples) -> None:
        """Takes what the peer's microphone heard: float32 mono at OUTPUT_RATE_HZ."""
        if self._heard.full():
            self._heard.get_nowait()
            self.chunks_lost += 1
        self._heard.put_nowait(samples)

    async def chunks(self) -> AsyncGenerator[AudioChunk, None]:
        """What the microphone hears, without end; nothing while there is no peer."""
        start = 0
        while True:
            samples = await self._heard.get()
            yield AudioChunk(samples, OUTPUT_RATE_HZ, start)
            start += len(samples)
