"""What an echo canceller is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from speech.audio import Samples


@dataclass(frozen=True, slots=True)
class EchoReport:
    """How the echo was in a piece of sound, for whoever measures.

    Attributes:
        echo_dbfs: its loudness before it was taken out, as far as it was found; RMS against full scale.
        cancelled_db: how much softer the sound is than it was heard, by the part that spares the user.
        is_double_talk: whether the user speaks, or something else sounds, while the avatar is heard.
    """

    echo_dbfs: float
    cancelled_db: float
    is_double_talk: bool


@dataclass(frozen=True, slots=True)
class CleanSound:
    """The next sound of the microphone without the echo; float32, both of one length.

    Attributes:
        words: for the recogniser: the user nearly whole, some echo may be left.
        voice: for the turn detector: surely no echo, some of the user may be missing.
        report: None where the avatar can't be heard.
        may_be_echo: what is left of an echo may be loud enough that a listener is misled: only what sounds like a voice
            is one.
    """

    words: Samples
    voice: Samples
    report: EchoReport | None = None
    may_be_echo: bool = False


class EchoCanceller(Protocol):
    """Cancels the echo in one stream of sound; called from one thread at a time."""

    def push(self, heard: Samples, played: Samples) -> CleanSound:
        """Takes the next piece of the stream; any chunking gives the same sound.

        Args:
            heard: float32 [N] mono at OUTPUT_RATE_HZ, what the microphone recorded.
            played: float32 [N], what the speaker played meanwhile or up to 0.1 s later, by the speaker's own report; a
                device may hold it for 0.4 s more.

        Returns:
            What is finished: whole blocks of 20 ms, in the order in which they came; maybe none.
        """
        ...

    def reset(self) -> None:
        """The devices were opened again, maybe others: what was learnt of room and clocks is wrong.

        What was played before is still heard.
        """
        ...
