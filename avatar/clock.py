"""The audio clock: samples played are the only time there is.

Frame `n` belongs to the output samples from `n * SAMPLES_PER_FRAME` on. Deadlines are computed from a sample whose time
is known and the sample count, so that errors never add up.
"""

from __future__ import annotations

import asyncio
import heapq
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

from avatar.motion import FRAME_RATE_HZ, LOOK_AHEAD_FRAMES
from speech.audio import OUTPUT_RATE_HZ
from speech.sound_track import SoundTrack

SAMPLES_PER_FRAME = OUTPUT_RATE_HZ // FRAME_RATE_HZ


class AudioClock(ABC):
    """Counts the samples played, and says when the next frame is due. Subclasses decide how time passes."""

    keeps_time: bool
    """Whether it goes on whatever happens, as real time does; else it waits for everything."""

    def __init__(self) -> None:
        self._next_frame = 0
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = 0

    @property
    def position(self) -> int:
        """Samples played so far."""
        return self._next_frame * SAMPLES_PER_FRAME

    async def next_frame(self) -> int:
        """Waits until the next frame may be made; returns its index."""
        await self._due(self._next_frame)
        return self._next_frame

    def is_late(self) -> bool:
        """Whether the frame just announced has missed its time, so that its picture is better left out."""
        return False

    def show_by(self) -> float:
        """The event loop's time after which a picture of the announced frame would be out of step with its sound."""
        return math.inf

    @abstractmethod
    def heard_at(self, sample: int) -> float:
        """The event loop's time at which an output sample is heard; where no time is kept, now."""

    def played(self, drawn_s: float | None = None) -> None:
        """Says that the announced frame and its sound went out.

        Args:
            drawn_s: the event loop's time at which its picture was there, or None for one that was left out.
        """
        self._next_frame += 1
        while self._waiting and self._waiting[0][0] <= self.position:
            future = heapq.heappop(self._waiting)[2]
            if not future.done():
                future.set_result(None)

    async def reached(self, sample: int) -> None:
        """Waits until everything before `sample` was played."""
        if sample <= self.position:
            return
        future = asyncio.get_running_loop().create_future()
        self._order += 1
        heapq.heappush(self._waiting, (sample, self._order, future))
        await future

    @abstractmethod
    async def caught_up(self, end: int) -> None:
        """Waits until a clock that keeps no time has played all it can of sound that is written up to `end`.

        What is written then begins at the same frame, whoever was quicker. Time that is kept is not waited for.
        """

    @abstractmethod
    async def _due(self, frame: int) -> None:
        """Waits until `frame` may be made."""


class Player(Protocol):
    """Whoever really plays the sound: a sound card, a peer."""

    def heard_at(self, sample: int) -> float:
        """The event loop's time at which an output sample is heard, or will be; infinite while it is paused."""
        ...

    async def wait_while_paused(self) -> None:
        """Waits until it plays, or goes on playing; returns at once where it can't be paused."""
        ...


class EvenPlayer:
    """Where nobody plays the sound, it would be heard at an even pace from the first frame on."""

    def __init__(self) -> None:
        self._started_s: float | None = None

    async def wait_while_paused(self) -> None:
        """It is never paused."""

    def heard_at(self, sample: int) -> float:
        """The event loop's time at which an output sample would be heard."""
        if self._started_s is None:
            self._started_s = asyncio.get_running_loop().time()
        return self._started_s + sample / OUTPUT_RATE_HZ


class PacedClock(AudioClock):
    """Real time: a frame is due when its first sample is heard.

    Args:
        player: who plays the sound; None keeps an even pace by the event loop's clock.
        ahead_s: frames are asked for so long before, so that their picture is there when the sound is.
        most_ahead_s: and where drawing takes longer than that, at most so long before.
    """

    keeps_time = True

    # A picture that would come more than one frame time too late is left out; its sound is not.
    LATE_AFTER_S = 1.0 / FRAME_RATE_HZ

    def __init__(self, player: Player | None = None, *, ahead_s: float = 0.0, most_ahead_s: float = 0.0) -> None:
        super().__init__()
        self._player: Player = player or EvenPlayer()
        self._ahead_s = self._least_ahead_s = ahead_s
        self._most_ahead_s = max(ahead_s, most_ahead_s)

    def is_late(self) -> bool:
        """Whether the announced frame is overdue by more than a frame time."""
        return asyncio.get_running_loop().time() - self._deadline(self._next_frame) > self.LATE_AFTER_S

    async def caught_up(self, end: int) -> None:
        """Time is kept: nothing is waited for."""

    def heard_at(self, sample: int) -> float:
        """When the player plays it."""
        return self._player.heard_at(sample)

    def show_by(self) -> float:
        """A frame time after its first sample is heard."""
        return self._player.heard_at(self._next_frame * SAMPLES_PER_FRAME) + self.LATE_AFTER_S

    def played(self, drawn_s: float | None = None) -> None:
        """Where drawing takes longer than expected, as on a busy machine, later frames are begun sooner."""
        if drawn_s is not None and math.isfinite(deadline_s := self._deadline(self._next_frame)):
            self._follow(drawn_s - deadline_s)
        super().played()

    def _follow(self, took_s: float) -> None:
        # Follows the slow ones: nine in ten are there in time.
        self._ahead_s += (0.18 if took_s > self._ahead_s else 0.02) * (took_s - self._ahead_s)
        self._ahead_s = min(max(self._ahead_s, self._least_ahead_s), self._most_ahead_s)

    async def _due(self, frame: int) -> None:
        loop = asyncio.get_running_loop()
        # A sound card keeps its own time, and may stop for a moment: it is asked again until the time has come.
        left_s = self._deadline(frame) - loop.time()
        while left_s > 0.0:
            if math.isfinite(left_s):
                await asyncio.sleep(left_s)
            else:
                await self._player.wait_while_paused()
            left_s = self._deadline(frame) - loop.time()
        await asyncio.sleep(0)  # a frame that is late must not starve the tasks that make the sound

    def _deadline(self, frame: int) -> float:
        return self._player.heard_at(frame * SAMPLES_PER_FRAME) - self._ahead_s


class OfflineClock(AudioClock):
    """As fast as the parts can: it waits for sound that is on its way, and for nothing else.

    Args:
        tracks: the sound tracks that must be settled before a frame is made.
    """

    keeps_time = False

    def __init__(self, tracks: Sequence[SoundTrack]) -> None:
        super().__init__()
        self._tracks = tracks

    def heard_at(self, sample: int) -> float:
        """Now."""
        return asyncio.get_running_loop().time()

    async def caught_up(self, end: int) -> None:
        """Waits until the next frame needs more sound than there is."""
        await self.reached((end // SAMPLES_PER_FRAME - LOOK_AHEAD_FRAMES) * SAMPLES_PER_FRAME)

    async def _due(self, frame: int) -> None:
        for track in self._tracks:
            await track.wait_until_known((frame + 1 + LOOK_AHEAD_FRAMES) * SAMPLES_PER_FRAME)
        await asyncio.sleep(0)  # frames must not starve the tasks that make the sound
