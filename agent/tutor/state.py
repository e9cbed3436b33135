"""Where a learner is in a lesson, what a learner can do, and what a teacher does."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from pydantic import TypeAdapter, ValidationError

from agent.tutor.lesson import Lesson
from agent.tutor.verdict import Verdict
from agent.tutor.wishes import Named, Wish


class Phase(StrEnum):
    """Where a lesson is."""

    BEFORE = "before"
    ASKING = "asking"
    AGREEING = "agreeing"
    NAMING = "naming"
    OVER = "over"


class Outcome(StrEnum):
    """How a question went at its first asking."""

    RIGHT = "right"
    """Found, maybe with a hint or at the second go."""
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that the teacher does; `agent.tutor.wording` has words for it.

    Attributes:
        name: of the thing.
        values: what is filled into the words.
    """

    name: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The learner is still thinking."""


@dataclass(frozen=True, slots=True)
class Agreed:
    """An answer to a yes-or-no question; None for neither."""

    yes: bool | None


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A question of the learner's own, and what the mind says to it."""

    reply: str


@dataclass(frozen=True, slots=True)
class NoName:
    """An answer to "What's your name?" without one."""


@dataclass(frozen=True, slots=True)
class AskedForMeaning:
    """The learner asks what a word means; `remark` is what the lesson says of it, "" for nothing."""

    remark: str


Move = Verdict | Wish | Named | Unfinished | Agreed | Elsewhere | NoName | AskedForMeaning
"""What a learner does."""


@dataclass(frozen=True, slots=True)
class Result:
    """One answered question, for the progress; `is_right` without having been told."""

    key: str
    is_right: bool


@dataclass(frozen=True, slots=True)
class State:
    """Where a learner is in a lesson.

    Attributes:
        phase: what the teacher waits for.
        queue: numbers of the questions still to be asked, without the current one.
        current: number of the open question, or -1.
        misses: wrong answers to it at this asking.
        hints: hints to it that were given.
        outcomes: number of a question → how it went.
        returns: number of a question → how often it came back.
        total: how many different questions there are this time.
        last: number of the question before; -1 for none.
        results: for the progress, in their order.
        learner: who it is; "" for nobody known.
        agreed: whether progress may be remembered; None while not asked.
        was_unclear: an answer in AGREEING or NAMING had to be asked for again.
        is_between: AGREEING or NAMING in the middle of the lesson: then it goes on.
        was_unheard: the open question was drowned by an interruption, and no answer to it counts.
        used: name of an act → how often it was said.
        forgets: how often the learner was forgotten without being asked to say so.
    """

    phase: Phase = Phase.BEFORE
    queue: tuple[int, ...] = ()
    current: int = -1
    misses: int = 0
    hints: int = 0
    outcomes: Mapping[int, Outcome] = field(default_factory=dict)
    returns: Mapping[int, int] = field(default_factory=dict)
    total: int = 0
    last: int = -1
    results: tuple[Result, ...] = ()
    learner: str = ""
    agreed: bool | None = None
    was_unclear: bool = False
    is_between: bool = False
    was_unheard: bool = False
    used: Mapping[str, int] = field(default_factory=dict)
    forgets: int = 0

    @property
    def right(self) -> int:
        """Questions that were found at their first asking."""
        return sum(outcome is Outcome.RIGHT for outcome in self.outcomes.values())

    @property
    def begun(self) -> int:
        """Different questions that were asked so far, the open one included."""
        return len(self.outcomes) + (self.current >= 0 and self.current not in self.outcomes)


def unknown(state: State) -> State:
    """The same place in the lesson, of nobody in particular, of whom nothing is kept."""
    return replace(state, learner="", agreed=False)


@dataclass(frozen=True, slots=True)
class _Place:
    lesson: str
    state: State


_PLACE = TypeAdapter(_Place)


def written_place(lesson: Lesson, state: State) -> str:
    """A state as another process can go on from it."""
    return _PLACE.dump_json(_Place(_fingerprint(lesson), state)).decode()


def read_place(lesson: Lesson, written: str) -> State | None:
    """The state in which another process was; None where that was in another lesson, or is none."""
    try:
        place = _PLACE.validate_json(written)
    except ValidationError:
        return None
    return place.state if place.lesson == _fingerprint(lesson) else None


def _fingerprint(lesson: Lesson) -> str:
    """States hold the numbers of questions: they fit these questions in this order."""
    return hashlib.sha256(" ".join(question.key for question in lesson.questions).encode()).hexdigest()[:24]
