"""What a page is told of its conversation: states, captions of both sides as they are heard, turns."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from agent.conversation.events import (
    AnswerPaused,
    AttentionChanged,
    ConversationForgotten,
    Event,
    FillerSaid,
    LessonMoved,
    Problem,
    RequestDropped,
    SentenceHeard,
    StateChanged,
    TurnFinished,
    UtteranceDropped,
)
from agent.text.foreign_text import without_folders
from agent.web.visits.event_log import EventLog
from agent.web.visits.snapshot import MOST_TURNS, HeardTurn
from speech.events import Transcript


class Captions:
    """Writes a session's events into the log of its visit.

    Args:
        log: which pages follow.
        turns: those that were there before, oldest first.
        lesson_place: where a lesson was then.

    Attributes:
        turns: the newest that are over.
        state: what the avatar does: "idle", "listening", "thinking" or "speaking".
        lesson: where a lesson is, as the page was told; None for none.
        attention: whether the avatar must be called, as the page was told; None where nobody need call it.
        lesson_place: for a teacher who goes on with the lesson; "" for none.
    """

    def __init__(self, log: EventLog, turns: Sequence[HeardTurn] = (), lesson_place: str = "") -> None:
        self._log, self.lesson_place = log, lesson_place
        self.lesson: dict[str, Any] | None = None
        self.attention: dict[str, Any] | None = None
        self.turns = deque(turns, MOST_TURNS)
        self.state = "idle"

    @property
    def is_awake(self) -> bool:
        """Whether what is said now is meant for the avatar, as far as it must be called."""
        return self.attention is None or bool(self.attention["awake"])

    def begin(self) -> None:
        """A conversation begins."""
        self.state = "idle"
        self._log.add("state", state=self.state)

    def forget(self) -> None:
        """Nothing of what was said stays."""
        self.turns.clear()
        self.lesson, self.lesson_place = None, ""
        self._log.forget()

    def tell(self, event: Event) -> None:
        """Takes one event; called on the event loop."""
        match event:
            case StateChanged(state):
                self.state = state.value
                self._log.add("state", state=self.state)
            case AnswerPaused(is_paused):
                self._log.add("paused", paused=is_paused)
            case Transcript(text, is_final):
                self._log.add("transcript", passing=not is_final, text=text, final=is_final)
            case SentenceHeard(sentence):
                self._log.add("sentence", index=sentence.index, text=sentence.text)
            case FillerSaid(text, "filler"):
                self._log.add("filler", text=text)
            case UtteranceDropped(why):
                self._log.add("unanswered", why=why)
            case TurnFinished(record):
                turn = HeardTurn(question=record.question, heard=record.heard, interrupted=record.interrupted)
                if not record.is_unanswered:
                    self.turns.append(turn)
                self._log.add("turn", **turn.model_dump())
            case ConversationForgotten():
                self.turns.clear()
            case LessonMoved():
                self.lesson = asdict(event)
                self.lesson_place = self.lesson.pop("place")
                self._log.add("lesson", **self.lesson)
            case AttentionChanged(is_awake, call):
                self.attention = {"awake": is_awake, "call": call}
                self._log.add("attention", **self.attention)
            case Problem(message):
                self._log.add("problem", message=without_folders(message))
            case RequestDropped(request, why):
                self._log.add("dropped", text=request.text, why=why)
