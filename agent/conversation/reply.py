"""A reply in the making: it may be begun before it is sure that it is wanted, and the mind need not be asked for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal, Protocol

from agent.conversation.events import Say, TypedText
from agent.conversation.turn import TurnRecord


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Nothing is said to what was heard.

    Attributes:
        why: as in `UtteranceDropped`.
    """

    why: Literal["empty", "aside", "asleep"]


class Manners(Protocol):
    """Looks at the user's words before the mind does."""

    def is_for_mind(self, words: str) -> bool:
        """Whether an answer of the mind may be begun early; called with interim words, and changes nothing."""
        ...

    async def reply_to(self, words: str, *, typed: bool = False) -> Say | TypedText | Unanswered | None:
        """Called once with the words of each turn, before the mind is asked; what they ask for is done then.

        Args:
            words: as they were understood.
            typed: they came as text, and so are meant for the avatar.

        Returns:
            What is said instead of the mind's answer; another question for the mind; that nothing is said; or None:
            the words are for the mind as they are.
        """
        ...


class ForMind:
    """`Manners` without any: all words are for the mind."""

    def is_for_mind(self, words: str) -> bool:
        """All are."""
        return True

    async def reply_to(self, words: str, *, typed: bool = False) -> None:
        """Leaves it to the mind."""


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
