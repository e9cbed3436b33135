"""How long a silence must be to end a turn: fixed, or after what was said, how it sounded, and how this user pauses.

Nothing is waited for: the silence goes on while words and sound are judged, and what is not known yet is unclear.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from speech.audio import Samples
from speech.events import Transcript
from speech.turns.reading import Reading

HEARD_S = 8.0
"""How much of a turn is listened to for how it ends."""

JUDGED_AT_S = 0.19
"""Silence after which the sound is judged: it belongs to what is judged, and the words are being decoded meanwhile."""

_FINISHED_SHARE, _OPEN_SHARE = 0.5, 3.0
"""Of the wait where nothing is clear: after what reads and sounds finished, and after what must go on."""

_SOUNDS_FINISHED, _SOUNDS_OPEN = 0.6, 0.3
"""Limits of what a judge of the sound says."""

_QUANTILE, _STEP = 0.9, 0.1
_LEAST_PACE, _MOST_PACE = 0.8, 1.6
"""How far a user's own pauses shorten or lengthen all waits."""

_WORDS_MISS_S = 0.1
"""Words hold for all that was said if they hold up to so little before the last voice: two detectors differ by that."""


class Endpointing(Protocol):
    """Says for one stream how long the silence of a pause must be; called from one thread at a time."""

    def hear_end(self, sound: Samples) -> None:
        """Somebody has been silent for `JUDGED_AT_S`.

        Args:
            sound: float32 [N] at 16 kHz: the last `HEARD_S` at most, that silence included.
        """
        ...

    def wait_s(self, last_voiced_s: float, words: Transcript | None) -> float:
        """The silence that ends the turn, by what is known now, seconds.

        Args:
            last_voiced_s: where the pause began on the stream.
            words: what was understood so far; may be of an earlier moment.
        """
        ...

    def go_on(self, pause_s: float) -> None:
        """It was a pause of that length: the same turn goes on."""
        ...


class FixedWait:
    """An `Endpointing` that always waits equally long, seconds."""

    def __init__(self, end_of_turn_s: float) -> None:
        self._end_of_turn_s = end_of_turn_s

    def hear_end(self, sound: Samples) -> None:
        """See `Endpointing.hear_end`."""

    def wait_s(self, last_voiced_s: float, words: Transcript | None) -> float:
        """See `Endpointing.wait_s`."""
        return self._end_of_turn_s

    def go_on(self, pause_s: float) -> None:
        """See `Endpointing.go_on`."""


class AdaptiveWait:
    """An `Endpointing` that goes by words, sound, and the user's own pauses.

    Args:
        end_of_turn_s: the wait where nothing is clear; the others are shares of it.
        language: code of the language spoken, "" to find it out.
        completeness: judges the sound of an ending, float32 [N] at 16 kHz → [0, 1], 1 is surely finished.
    """

    def __init__(self, end_of_turn_s: float, language: str, completeness: Callable[[Samples], float]) -> None:
        self._end_of_turn_s, self._language, self._completeness = end_of_turn_s, language, completeness
        self._longest_pause_s = end_of_turn_s
        self._sound: float | None = None
        self._read: tuple[str, Reading] = ("", Reading.UNCLEAR)

    @property
    def pace(self) -> float:
        """By how much this user's pauses lengthen the waits; 1 at first."""
        return min(_MOST_PACE, max(_LEAST_PACE, self._longest_pause_s / self._end_of_turn_s))

    def hear_end(self, sound: Samples) -> None:
        """See `Endpointing.hear_end`."""
        self._sound = self._completeness(sound)
