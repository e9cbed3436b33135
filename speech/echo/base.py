"""What an echo canceller is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from speech.audio import Samples


@dataclass(frozen=True, slots=True)
class CleanSound:
    """A piece of the microphone's sound without the echo; float32, as long as the piece.

    Attributes:
        words: for the recogniser: the user nearly whole, some echo may be left.
        voice: for the turn detector: surely no echo, some of the user may be missing.
    """

    words: Samples
    voice: Samples


class EchoCanceller(Protocol):
    """Cancels the echo in one stream of sound; called from one thread at a time."""

    def push(self, heard: Samples, played: Samples) -> CleanSound:
        """Takes the next piece of the stream.

        Args:
            heard: float32 [N] mono at OUTPUT_RATE_HZ, what the microphone recorded.
            played: float32 [N], what the speaker played meanwhile, as far as that is known.
        """
        ...

    def reset(self) -> None:
        """The devices have changed: what was learnt of the room is wrong."""
        ...
