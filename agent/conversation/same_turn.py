"""A user who goes on within a moment: what was taken for the end of the turn was a pause in it.

The answer that was begun is dropped without a trace, and the words before and after are one question.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from agent.conversation.events import Event, UserWentOnAfterEnd
from agent.conversation.hearing import UserSaid
from agent.conversation.turn import TurnRecord

MOMENT_S = 4.0
"""So long after the end was decided a voice may belong to the same turn; while the mind works that long, it is rather
"hello?"."""

HEARD_WORDS = 2
"""Who has heard more of the answer than this interrupts it."""


class SameTurn:
    """Keeps what was said before a pause until the rest of the turn has come.

    Args:
        tasks: own the joining of words that are still on their way.
        on_event: called when a turn goes on.
    """

    def __init__(self, tasks: asyncio.TaskGroup, on_event: Callable[[Event], None]) -> None:
        self._tasks, self._on_event = tasks, on_event
        self._before: asyncio.Task[str] | None = None
        self._start_sample: int | None = None

    def goes_on(self, question: asyncio.Task[str] | str, record: TurnRecord, position: int) -> bool:
        """The user speaks while a turn is answered: whether that turn goes on. Its words are then kept.

        Args:
            question: what the turn answers; one that was typed or asked for by others never goes on.
            record: what happened in the turn.
            position: output samples played so far.
        """
        now = asyncio.get_running_loop().time()
        heard = sum(word.end_sample <= position for word in record.words)
        if isinstance(question, str) or heard > HEARD_WORDS or now - record.at_s["turn_end"] > MOMENT_S:
            return False
        self._before, self._start_sample = question, record.question_start_sample
        was_heard = bool(record.words) and "first_audio" in record.at_s
        self._on_event(UserWentOnAfterEnd(now - record.at_s["speech_end"], was_heard))
        return True

    def joined(self, said: UserSaid) -> UserSaid:
        """What was said with what came before it in the same turn, if anything did."""
        before, self._before = self._before, None
        if before is None:
            return said
        words = self._tasks.create_task(_joined(before, said.words), name="words of one turn")
        return replace(said, words=words, start_sample=self._start_sample)

    def joined_early(self, words: str) -> str:
        """The same of interim words; "" where those before are still on their way."""
        if self._before is None:
            return words
        return f"{self._before.result()} {words}".strip() if self._before.done() else ""


async def _joined(before: asyncio.Task[str], after: asyncio.Task[str]) -> str:
    return f"{await before} {await after}".strip()
