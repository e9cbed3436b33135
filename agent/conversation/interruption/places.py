"""Places in what the avatar says. A hold takes back what was not heard; when it goes on, all that lies later."""

from __future__ import annotations

import asyncio
import weakref
from dataclasses import dataclass

from avatar.clock import AudioClock


@dataclass(eq=False, slots=True, weakref_slot=True)
class Place:
    """An output sample; it moves with the sound that lies there."""

    sample: int


class Places:
    """All places that somebody still needs.

    Args:
        clock: counts what was played.
    """

    def __init__(self, clock: AudioClock) -> None:
        self._clock = clock
        self._all: weakref.WeakSet[Place] = weakref.WeakSet()
        self._held_at: int | None = None
        self._released = asyncio.Event()

    def at(self, sample: int) -> Place:
        """A place that moves from now on, as long as somebody keeps it."""
        place = Place(sample)
        self._all.add(place)
        return place

    @property
    def held_at(self) -> int:
        """The sample from which on nothing is heard, during a hold."""
        assert self._held_at is not None, "there is no hold"
        return self._held_at

    def hold(self, at: int) -> None:
        """What lies from sample `at` on was taken back, or comes later: nobody hears it before `release`."""
        self._held_at = at
        self._released.clear()

    def release(self, moved: int) -> None:
        """The hold is over: what lies there comes so many samples later."""
        if self._held_at is None:
            return
        for place in self._all:
            if place.sample >= self._held_at:
                place.sample += moved
        self._held_at = None
        self._released.set()

    async def released(self) -> None:
        """Waits for the end of a hold, if there is one."""
        while self._held_at is not None:
            await self._released.wait()

    async def heard(self, place: Place) -> None:
        """Waits until everything before a place was played, wherever it moves meanwhile."""
        while True:
            if self._held_at is not None and place.sample >= self._held_at:
                await self._released.wait()
            elif place.sample > self._clock.position:
                await self._clock.reached(place.sample)
            else:
                return
