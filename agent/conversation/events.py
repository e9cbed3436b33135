"""What comes into a session besides sound, and what it tells while it runs."""

from __future__ import annotations

from dataclasses import dataclass

from agent.conversation.turn import TurnRecord
from agent.text.sentences import Sentence
from avatar.motion import ConversationState
from speech.events import Transcript


@dataclass(frozen=True, slots=True)
class TypedText:
    """A question that came as text."""

    text: str


@dataclass(frozen=True, slots=True)
class Say:
    """A text that is to be said as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class TalkKey:
    """The user pressed or released the key that opens the microphone."""

    is_down: bool


@dataclass(frozen=True, slots=True)
class RecordingEnded:
    """The recorded question is over: if it was not answered yet, it is now or never."""

    name: str


@dataclass(frozen=True, slots=True)
class UserStopped:
    """The user pressed the key that silences the avatar."""


@dataclass(frozen=True, slots=True)
class UserLeft:
    """The user has gone: what is still being said need not be said to the end."""


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The person now does something else."""

    state: ConversationState


@dataclass(frozen=True, slots=True)
class SentenceHeard:
    """The first sample of a sentence is heard; `Sentence` itself is told when it begins to be written."""

    sentence: Sentence


@dataclass(frozen=True, slots=True)
class Problem:
    """Something went wrong, and the session goes on."""

    message: str


@dataclass(frozen=True, slots=True)
class TurnFinished:
    """A turn is over, and this is what happened in it."""

    record: TurnRecord


@dataclass(frozen=True, slots=True)
class RequestDropped:
    """What was asked of the avatar, and waited for the floor, is not answered or said.

    Attributes:
        request: what it was.
        why: in words.
    """

    request: TypedText | Say
    why: str


@dataclass(frozen=True, slots=True)
class LessonMoved:
    """Where a lesson is now; told when what it says about it begins to be heard.

    Attributes:
        title: of the lesson.
        goal: what it is for, in a sentence or two.
        question: the open question as it is written; "" where none is.
        number: how many questions have begun, repetitions not counted.
        total: how many there are this time.
        right: answered rightly at the first go.
        missed: not answered rightly so far.
        is_over: the last question was answered, or the learner stopped.
        is_remembered: progress is kept, as the learner agreed.
        place: all of it, for a teacher elsewhere who goes on from there; not to be shown.
    """

    title: str
    goal: str
    question: str
    number: int
    total: int
    right: int
    missed: int
    is_over: bool
    is_remembered: bool
    place: str = ""


Event = StateChanged | Transcript | Sentence | SentenceHeard | Problem | TurnFinished | RequestDropped | LessonMoved
