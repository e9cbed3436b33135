"""A sound card that is none: it plays evenly, and hears what users were made to say, and in a room its own echo.

What is written is taken 10 ms at a time and heard SPEAKER_S later; what is said comes 20 ms at a time, MICROPHONE_S
late. It keeps the event loop's time, so that on a clock that jumps a busy machine changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Self

import numpy as np

from speech.audio import OUTPUT_RATE_HZ, AudioChunk, Samples
from speech.devices.sound_memory import MICROPHONE_BLOCK, SPEAKER_BLOCK, SoundMemory
from speech.sound_track import SoundTrack
from tests.room import BLOCK, EchoPath

SPEAKER_S, MICROPHONE_S = 0.03, 0.03
"""As speech/devices asks real devices for."""
ROOM_DBFS = -62.0


class SimulatedCard:
    """A sound card that plays into memory of its own and hears a script; a `SoundDevice`.

    Attributes:
        played: what was played, from sample 0 on.
    """

    has_microphone = True
    underflows = chunks_lost = openings = 0

    def __init__(self) -> None:
        self._start_s = 0.0
        self._memory = SoundMemory.create()
        self._script: list[tuple[float, Samples]] = []
        self._noise = np.random.default_rng(1)
        self.played: list[Samples] = []

    @property
    def all_played(self) -> Samples:
        """All of it in one piece."""
        return np.concatenate(self.played) if self.played else np.zeros(0, np.float32)

    def say(self, at_s: float, samples: Samples) -> int:
        """The user says this at a time of the event loop; returns the output sample that is heard just then."""
        self._script.append((at_s, samples))
        return self.sample_at(at_s)

    def played_from(self, start: int, count: int) -> Samples:
        """What is heard of the speaker while the microphone records from its sample `start` on: float32 [count]."""
        begin = start - round(SPEAKER_S * OUTPUT_RATE_HZ)
        first = max(0, begin) // SPEAKER_BLOCK
        blocks = self.played[first : (begin + count) // SPEAKER_BLOCK + 1]
        near = np.concatenate([np.zeros(max(0, -begin), np.float32), *blocks, np.zeros(count, np.float32)])
        offset = max(0, begin - first * SPEAKER_BLOCK)
        return near[offset : offset + count]

    def sample_at(self, at_s: float) -> int:
        """The output sample that is heard at a time of the event loop."""
        return round((at_s - self.heard_at(0)) * OUTPUT_RATE_HZ)

    def heard_at(self, sample: int) -> float:
        """See `avatar.clock.Player`."""
        return self._start_s + SPEAKER_S + sample / OUTPUT_RATE_HZ

    async def wait_while_paused(self) -> None:
        """It never is."""

    @asynccontextmanager
    async def playing(self, track: SoundTrack) -> AsyncGenerator[Self, None]:
        """Takes the track's sound as it is due."""
        self._start_s = asyncio.get_running_loop().time()
        track.attach_player(self._memory)
        playing = asyncio.create_task(self._play(), name="simulated speaker")
        try:
            yield self
        finally:
            playing.cancel()
            self._memory.close()

    async def _play(self) -> None:
        while True:
            due = round((asyncio.get_running_loop().time() - self._start_s) * OUTPUT_RATE_HZ)
            while sum(map(len, self.played[-1:])) * len(self.played) < due:
                self.played.append(self._memory.take(SPEAKER_BLOCK)[1])
            await asyncio.sleep(SPEAKER_BLOCK / OUTPUT_RATE_HZ)

    async def chunks(self) -> AsyncGenerator[AudioChunk, None]:
        """What the microphone hears."""
        start = 0
        while True:
            recorded_s = self._start_s + (start + MICROPHONE_BLOCK) / OUTPUT_RATE_HZ
            await asyncio.sleep(max(0.0, recorded_s + MICROPHONE_S - asyncio.get_running_loop().time()))
            yield AudioChunk(self.heard(start, MICROPHONE_BLOCK), OUTPUT_RATE_HZ, start)
            start += MICROPHONE_BLOCK

    def heard(self, start: int, count: int) -> Samples:
        """The user and the room, from a sample of the microphone on."""
        sound = (10.0 ** (ROOM_DBFS / 20.0) * self._noise.standard_normal(count)).astype(np.float32)
        for at_s, samples in self._script:
            begin = round((at_s - self._start_s) * OUTPUT_RATE_HZ) - start
            low, high = max(0, begin), min(count, begin + len(samples))
            if low < high:
                sound[low:high] += samples[low - begin : high - begin]
        return sound


class EchoingCard(SimulatedCard):
    """A simulated card in a room: its microphone hears its speaker.

    Args:
        path: from the one to the other.
    """

    def __init__(self, path: EchoPath) -> None:
        super().__init__()
        self._path = path
        self._reference = np.zeros(0, np.float32)

    def heard(self, start: int, count: int) -> Samples:
        """See `SimulatedCard.heard`; with the echo of what is heard meanwhile, by the speaker's own report."""
        played = self.played_from(start, count)
        self._reference = played
        echo = np.concatenate([self._path.push(block) for block in played.reshape(-1, BLOCK)])
        return super().heard(start, count) + echo

    def played_meanwhile(self) -> Samples:
        """See `agent.conversation.live_audio.SoundDevice`."""
        return self._reference
