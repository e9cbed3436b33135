"""A user who goes on within a moment: what was taken for the end of the turn was a pause in it.

The answer that was begun is dropped without a trace, and the words before and after are one question.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from agent.conversation.events import Event, UserWentOnAfterEnd
from agent.conversation.hearing import UserSaid
from agent.conversation.reply import OpenTurn

MOMENT_S = 4.0
"""So long after the end was decided a voice belongs to the same turn, if hardly anything was answered by then."""

HEARD_WORDS = 2
"""Who has heard more of the answer than this interrupts it."""


@dataclass(frozen=True, slots=True)
class _Pause:
    """A turn whose end may have been none.

    Attributes:
        turn: that answers what was said before.
        before: the words of that.
        event: what is told if it was none.
    """

    turn: OpenTurn
    before: asyncio.Task[str]
    event: UserWentOnAfterEnd


class SameTurn:
    """Joins what is said after such a pause with what was said before.

    Args:
        tasks: own the joining of words that are still on their way.
        on_event: called when a turn goes on.
    """

    def __init__(self, tasks: asyncio.TaskGroup, on_event: Callable[[Event], None]) -> None:
        self._tasks, self._on_event = tasks, on_event
        self._pause: _Pause | None = None

    def spoken_into(self, turn: OpenTurn | None, position: int = 0) -> None:
        """The user begins to speak; what they say will show whether a turn goes on.

        Args:
            turn: the latest, or None. One that is over, or was typed or asked for by others, never goes on.
            position: output samples played so far.
        """
        self._pause = None
        if turn is None or turn.is_over or turn.task.cancelling() or isinstance(turn.question, str):
            return
        now, record = asyncio.get_running_loop().time(), turn.record
        heard = sum(word.end_sample <= position for word in record.words)
        if heard <= HEARD_WORDS and now - record.at_s["turn_end"] <= MOMENT_S:
            was_heard = "first_audio" in record.at_s
            event = UserWentOnAfterEnd(now - record.at_s["speech_end"], was_heard)
            self._pause = _Pause(turn, turn.question, event)

    def joined(self, said: UserSaid) -> UserSaid:
        """What is to be answered now: with what was said before in the same turn, whose answer is not wanted then."""
        pause, self._pause = self._pause, None
        if pause is None or pause.turn.is_over:
            return said
        pause.turn.goes_on = True
        self._on_event(pause.event)
        words = self._tasks.create_task(_joined(pause.before, said.words), name="words of one turn")
        return replace(said, words=words, start_sample=pause.turn.record.question_start_sample)

    def joined_early(self, words: str) -> str:
        """The same of interim words; "" where those before are still on their way."""
        if self._pause is None:
            return words
        return f"{self._pause.before.result()} {words}".strip() if self._pause.before.done() else ""


async def _joined(before: asyncio.Task[str], after: asyncio.Task[str]) -> str:
    return f"{await before} {await after}".strip()
