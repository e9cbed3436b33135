"""A reply in the making: it may be begun before it is sure that it is wanted, and the mind need not be asked for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Literal, Protocol

from agent.conversation.events import Say, TypedText
from agent.conversation.interruption.places import Place
from agent.conversation.turn import TurnRecord
from agent.intents.intent import Intent
from agent.intents.understood import intent_of
from agent.text.sentences import Sentence
from avatar.motion import Gesture


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

    def is_addressed(self, words: str) -> bool:
        """Whether words are meant for the avatar, as far as they tell; changes nothing."""
        ...

    def intent_of(self, words: str) -> Intent | None:
        """What words want of the conversation itself, in the language in which it is held now; changes nothing."""
        ...

    def touch(self) -> None:
        """The user types, or touches something: they are there."""
        ...

    def answers(self) -> None:
        """The words of a turn were meant for the avatar, and are answered by somebody else."""
        ...


class ForMind:
    """`Manners` without any: all words are for the mind.

    Args:
        language: of the conversation; "" for any.
    """

    def __init__(self, language: str = "en") -> None:
        self._language = language

    def is_for_mind(self, words: str) -> bool:
        """All are."""
        return True

    async def reply_to(self, words: str, *, typed: bool = False) -> None:
        """Leaves it to the mind."""

    def is_addressed(self, words: str) -> bool:
        """All are."""
        return True

    def intent_of(self, words: str) -> Intent | None:
        """See `Manners.intent_of`."""
        return intent_of(words, self._language)

    def touch(self) -> None:
        """Nobody waits for it."""

    def answers(self) -> None:
        """Nor for this."""


@dataclass(frozen=True, slots=True)
class Rest:
    """What was not heard of a reply that was cut.

    Attributes:
        sentences: from the beginning of the one that was cut on.
        is_whole: whether this is all that the mind had to say.
    """

    sentences: tuple[Sentence, ...]
    is_whole: bool


class Reply:
    """What is known of one reply; nothing of it goes out before it is confirmed.

    Args:
        question: what it answers.
        say: what is to be said as it is, without asking the mind.
        rest: what is to be said first, of a reply that was cut.

    Attributes:
        question: as above.
        say: as above.
        rest: as above.
        sentences: all of it so far.
        ends: where each of these ends in the output, of those that are spoken.
        is_thought: whether the mind has said all.
        closing: what the face does at its end, because of a stage direction after the last sentence.
        task: the work.
        is_made: whether nothing more of it will come.
        is_dropped: whether it is not wanted any more: what a backend that goes on still makes must not go out.
    """

    def __init__(self, question: str, say: str | None = None, rest: Rest | None = None) -> None:
        self.question, self.say, self.rest = question, say, rest
        self.sentences: list[Sentence] = []
        self.ends: list[Place] = []
        self.is_thought = False
        self.closing: Gesture | None = None
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

    def unheard(self, cut_sample: int) -> Rest | None:
        """What is left of it when it is cut there; None where all was heard, or it never went out."""
        heard = sum(place.sample <= cut_sample for place in self.ends)
        left = tuple(self.sentences[heard:])
        return Rest(left, self.is_thought) if self._record is not None and (left or not self.is_thought) else None

    def drop(self) -> None:
        """It is not wanted any more: stops mind and voice."""
        self.is_dropped = True
        if self.task is not None:
            self.task.cancel()


@dataclass(slots=True)
class OpenTurn:
    """A turn that goes on.

    Attributes:
        record: what happened in it so far.
        question: the words, or those that are on their way.
        say: what is to be said as it is.
        reply: the draft, and then what is really said.
        unheard_from: output sample from which on it was played to nobody; None where that is not known.
        goes_on: the user had only paused: the same turn is answered later, and nothing of this answer is remembered.
        task: the work.
    """

    record: TurnRecord
    question: asyncio.Task[str] | str
    say: str | None
    reply: Reply | None
    unheard_from: int | None = None
    goes_on: bool = False
    task: asyncio.Task[None] = field(init=False)

    @property
    def is_over(self) -> bool:
        """Whether nothing more of it will come."""
        return self.task.done()

    def cancel(self) -> None:
        """Nothing more of it goes out from this moment on."""
        if self.reply is not None:
            self.reply.is_dropped = True
        self.task.cancel()
