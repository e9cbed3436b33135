"""What comes into a session besides sound, and what it tells while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
class UserPaused:
    """The user pressed the key that pauses the avatar, or lets it go on."""


@dataclass(frozen=True, slots=True)
class UserLeft:
    """The user has gone: what is still being said need not be said to the end."""


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The person now does something else."""

    state: ConversationState


@dataclass(frozen=True, slots=True)
class AnswerPaused:
    """An answer waits because somebody asked for that; or it does no more, and goes on or is over.

    Attributes:
        is_paused: which of the two.
    """

    is_paused: bool


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


@dataclass(frozen=True, slots=True)
class AttentionChanged:
    """Whether somebody may speak to the avatar now without calling it; told only where it must be called.

    Attributes:
        is_awake: they may.
        call: what they say else: its wake phrase, or its name.
    """

    is_awake: bool
    call: str


@dataclass(frozen=True, slots=True)
class ConversationForgotten:
    """The user wants forgotten what they said; nobody keeps anything from before this."""


@dataclass(frozen=True, slots=True)
class SaidGoodbye:
    """The user said goodbye, and the avatar's goodbye was heard."""


# ---- how the two of them share the floor: for whoever measures it; nothing depends on these


@dataclass(frozen=True, slots=True)
class VoiceDucked:
    """The avatar's voice goes down, because the user's was heard.

    Attributes:
        onset_s: event-loop time of the first sample of the user's voice.
        at_s: event-loop time at which the first sample at the lower level is heard; may lie a little ahead.
    """

    onset_s: float
    at_s: float


@dataclass(frozen=True, slots=True)
class VoiceHeld:
    """The avatar's voice falls silent, and what it has not said is kept.

    Attributes:
        at_s: event-loop time at which the silence begins; may lie a little ahead.
        onset_s: event-loop time of the first sample of the user's voice; None where somebody asked for it.
    """

    at_s: float
    onset_s: float | None = None


@dataclass(frozen=True, slots=True)
class VoiceResumed:
    """The avatar's voice goes on from where it was, at its full level.

    Attributes:
        at_s: event-loop time at which that is heard; may lie a little ahead.
        was_held: it had fallen silent; else it was only ducked.
        was_asked: somebody asked for it; else it was no interruption at all, and a hold before was a false stop.
    """

    at_s: float
    was_held: bool
    was_asked: bool = False


@dataclass(frozen=True, slots=True)
class VoiceCut:
    """The avatar's voice stops for good: the turn is interrupted.

    Attributes:
        at_s: event-loop time from which nothing more is heard; that of the hold, where one came before.
        onset_s: event-loop time of the first sample of the user's voice; None where somebody asked for it.
    """

    at_s: float
    onset_s: float | None = None


@dataclass(frozen=True, slots=True)
class EchoMeasured:
    """What of the avatar's own voice came back into the microphone since the last report; once a second at most.

    Attributes:
        level_db: the echo as it was heard, in dB relative to full scale.
        erle_db: echo return loss enhancement: how much of it was taken out, in dB (ITU-T G.168).
        double_talk_s: seconds in which both of them spoke.
    """

    level_db: float
    erle_db: float
    double_talk_s: float


@dataclass(frozen=True, slots=True)
class UserWentOnAfterEnd:
    """What was taken for the end of the user's turn was none: the same turn goes on.

    Attributes:
        after_s: seconds from the end of the user's voice to its return.
        was_heard: the avatar had begun to say something, and so it cut in.
    """

    after_s: float
    was_heard: bool


@dataclass(frozen=True, slots=True)
class FillerSaid:
    """Something was said while the mind worked, or while the user spoke.

    Attributes:
        text: what.
        kind: "filler" before an answer, "backchannel" while the user has the floor.
    """

    text: str
    kind: Literal["filler", "backchannel"]


@dataclass(frozen=True, slots=True)
class UtteranceDropped:
    """What was heard is not answered.

    Attributes:
        why: "empty": no words in it; "aside": not meant for the avatar; "asleep": the wake phrase was missing; "own":
            the avatar's own words, back from the room.
    """

    why: Literal["empty", "aside", "asleep", "own"]


FloorEvent = (
    VoiceDucked
    | VoiceHeld
    | VoiceResumed
    | VoiceCut
    | EchoMeasured
    | UserWentOnAfterEnd
    | FillerSaid
    | UtteranceDropped
)
"""What `agent.conversation.latency` counts in the record of the turn in which it happens."""

Event = (
    StateChanged
    | AnswerPaused
    | Transcript
    | Sentence
    | SentenceHeard
    | Problem
    | TurnFinished
    | RequestDropped
    | LessonMoved
    | AttentionChanged
    | ConversationForgotten
    | SaidGoodbye
    | FloorEvent
)
