"""Whose turn it is to speak."""

from __future__ import annotations

import asyncio
import math


class Floor:
    """The avatar has the floor from the end of a question until its answer was played or cut; else it is free."""

    def __init__(self) -> None:
        self._free, self._user_is_quiet = asyncio.Event(), asyncio.Event()
        self._free.set()
        self._user_is_quiet.set()
        self._freed_at_s = -math.inf
        self._held_at_s: float | None = None

    @property
    def is_free(self) -> bool:
        """Whether nobody is thinking or speaking, so that the user may speak."""
        return self._free.is_set()

    def free_for(self, seconds: float) -> bool:
        """Whether nobody has been heard who had it for so long: it was free, or its holder was silent."""
        since_s = self._freed_at_s if self.is_free else self._held_at_s
        return since_s is not None and asyncio.get_running_loop().time() >= since_s + seconds

    async def free(self) -> None:
        """Waits until it is free; of several who wait, those who come after one that took it wait on."""
        while not self.is_free:
            await self._free.wait()

    @property
    def user_is_quiet(self) -> bool:
        """Whether the user is not in the middle of an utterance."""
        return self._user_is_quiet.is_set()

    async def quiet(self) -> None:
        """Waits until the user is quiet."""
        await self._user_is_quiet.wait()

    def take(self) -> None:
        """The avatar begins to think about an answer."""
        self._free.clear()

    def give_back(self) -> None:
        """The answer is over."""
        self._freed_at_s = asyncio.get_running_loop().time()
        self._free.set()

    def hold(self) -> None:
        """The avatar falls silent and keeps the floor: the user may speak."""
        self._held_at_s = asyncio.get_running_loop().time()

    def resume(self) -> None:
        """It goes on, or has nothing to go on with."""
        self._held_at_s = None

    def user_begins(self) -> None:
        """An utterance of the user begins."""
        self._user_is_quiet.clear()

    def user_ends(self) -> None:
        """It is over."""
        self._user_is_quiet.set()
