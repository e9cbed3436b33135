"""A reply in the making: it may be begun before it is sure that it is wanted."""

from __future__ import annotations

import asyncio

from agent.conversation.turn import TurnRecord


class Reply:
    """What is known of one reply; nothing of it goes out before it is confirmed.

    Args:
        question: what it answers.
        say: what is to be said as it is, without asking the mind.

    Attributes:
        question: as above.
        say: as above.
        task: the work.
        is_made: whether nothing more of it will come.
        is_dropped: whether it is not wanted any more: what a backend that goes on still makes must not go out.
    """

    def __init__(self, question: str, say: str | None) -> None:
        self.question, self.say = question, say
        self.task: asyncio.Task[None] | None = None
        self.is_made = self.is_dropped = False
        self._record: TurnRecord | None = None
        self._confirmed = asyncio.Event()
        self._early: dict[str, float] = {}

    def mark(self, stage: str) -> None:
        """Notes that a stage happens now."""
        now = asyncio.get_running_loop().time()
        if self._record is None:
            self._early.setdefault(stage, now)
        else:
            self._record.mark(stage, now)

    def confirm(self, record: TurnRecord) -> None:
        """It is wanted: it belongs to this turn, and may go out. What was ready before counts as ready now."""
        now = asyncio.get_running_loop().time()
        for stage, at_s in self._early.items():
            record.mark(stage, max(at_s, now))
        self._record = record
        self._confirmed.set()

    async def confirmed(self) -> TurnRecord:
        """Waits until it is wanted; returns the turn that it belongs to."""
        await self._confirmed.wait()
        assert self._record is not None
        return self._record

    async def finished(self) -> None:
        """Waits until all of it was handed over for playing."""
        assert self.task is not None
        await self.task

    def drop(self) -> None:
        """It is not wanted any more: stops mind and voice."""
        self.is_dropped = True
        if self.task is not None:
            self.task.cancel()
