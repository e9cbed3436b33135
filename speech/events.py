"""Events of hearing: where speech starts, pauses and stops (turn detector), and transcripts (recogniser)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Someone began to speak.

    Attributes:
        at_s: onset of the voice on the input stream, seconds.
    """

    at_s: float


@dataclass(frozen=True, slots=True)
class SpeechPaused:
    """Someone paused: the turn may be over, or go on.

    Attributes:
        at_s: last voiced moment on the input stream, seconds.
    """

    at_s: float


@dataclass(frozen=True, slots=True)
class SpeechResumed:
    """The turn goes on after a pause.

    Attributes:
        at_s: when the voice came again on the input stream, seconds.
    """

    at_s: float


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """Someone finished speaking.

    Attributes:
        at_s: last voiced moment on the input stream, seconds.
        decided_at_s: input stream time at which the end of the turn was certain, seconds; the difference is the wait.
    """

    at_s: float
    decided_at_s: float


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was understood.

    Attributes:
        text: the words on one line, with capitals and marks where the recogniser gives them; "" when nothing was
            understood.
        is_final: False for an interim transcript, which may still change.
        start_s: where its sound begins on the input stream, seconds.
        end_s: where the sound ends on the input stream that was understood so far, seconds: what was said later is not
            in the text.
        is_doubtful: the recogniser found other words about as likely: singing, music, noise, or another language.
        confidence: [0, 1], how sure the recogniser is that no word is wrong; None where it can't tell.
    """

    text: str
    is_final: bool
    start_s: float
    end_s: float
    is_doubtful: bool = False
    confidence: float | None = None


VoiceEvent = SpeechStarted | SpeechPaused | SpeechResumed | SpeechStopped
"""What a turn detector reports."""
