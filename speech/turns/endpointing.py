"""How long a silence must be to end a turn: fixed, or after what was said, how it sounded, and how this user pauses.

Nothing is waited for: the silence goes on while words and sound are judged, and what is not known yet is unclear.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from speech.audio import Samples
from speech.events import Transcript
from speech.turns.base import WORDS_MISS_S
from speech.turns.reading import Reading, read

Judge = Callable[[Samples], float]
"""Of the sound of an ending, float32 [N] at 16 kHz with `JUDGED_AT_S` of silence at its end → [0, 1], 1 is finished."""

HEARD_S = 8.0
"""How much of a turn is listened to for how it ends."""

RESUMED_S = 1.5
"""A voice that comes back so soon after the end of a turn shows that it was a pause."""

_SOUNDS_FINISHED = 0.6
"""Completeness from which on a turn sounds finished."""

_HARDLY_FINISHED = 0.06
"""Below this what reads finished counts no more than what does not."""

_FINISHED, _UNCLEAR, _READS_FINISHED, _DOUBTED, _FILLED, _OPEN = 0.42, 1.0, 1.25, 1.5, 1.75, 2.5
"""Shares of the wait: it reads and sounds finished; it sounds finished, and the words don't say; it reads finished, and
does not sound so, or that is not known yet; neither; a filled pause, where words are often wrong, or nothing that was
understood; it must go on."""

_PAUSED_BEFORE = 1.3
"""Who has paused in a turn waits longer in its later pauses, by this factor, before it reads and sounds finished."""

_NEXT_SENTENCE_S = 0.7
"""Who comes back later than this after what read and sounded finished has not paused in it, but says something else."""

_SHORTEST_PAUSE_S = 0.2
"""Shorter silences belong to the words (Goldman-Eisler 1968)."""

_QUANTILE, _STEP_S = 0.9, 0.1
_LEAST_PACE, _MOST_PACE = 0.8, 1.6
"""How far a user's own pauses shorten or lengthen all waits at most."""


class Endpointing(Protocol):
    """Says for one stream how long the silence of a pause must be; called from one thread at a time."""

    def completeness(self, sound: Samples) -> float | None:
        """Judges how a turn sounds in which somebody has been silent for `JUDGED_AT_S`.

        Args:
            sound: float32 [N] at 16 kHz: of the turn at most the last `HEARD_S`, that silence included.

        Returns:
            [0, 1], 1 sounds finished; None where the sound doesn't matter.
        """
        ...

    def wait_s(self, last_voiced_s: float, words: Transcript | None, completeness: float | None) -> float:
        """The silence that ends the turn, by what is known now, seconds.

        Args:
            last_voiced_s: where the pause began on the stream.
            words: what was understood so far; may be of an earlier moment.
            completeness: what `completeness` said of this pause; None before that.
        """
        ...

    def begin(self) -> None:
        """A new turn has begun."""
        ...

    def go_on(self, pause_s: float) -> None:
        """It was a pause of that length: the same turn goes on."""
        ...


class FixedWait:
    """An `Endpointing` that always waits equally long, seconds."""

    def __init__(self, end_of_turn_s: float) -> None:
        self._end_of_turn_s = end_of_turn_s

    def completeness(self, sound: Samples) -> None:
        """See `Endpointing.completeness`."""

    def wait_s(self, last_voiced_s: float, words: Transcript | None, completeness: float | None) -> float:
        """See `Endpointing.wait_s`."""
        return self._end_of_turn_s

    def begin(self) -> None:
        """See `Endpointing.begin`."""

    def go_on(self, pause_s: float) -> None:
        """See `Endpointing.go_on`."""


class AdaptiveWait:
    """An `Endpointing` that goes by words, sound, and the user's own pauses.

    Args:
        end_of_turn_s: the wait where it sounds finished and the words don't say; the others are shares of it.
        language: gives the code of the language spoken, "" to find it out; it may change.
        judge: of how it sounds.
    """

    def __init__(self, end_of_turn_s: float, language: Callable[[], str], judge: Judge) -> None:
        self._end_of_turn_s, self._language, self._judge = end_of_turn_s, language, judge
        self._usual_wait_s = end_of_turn_s
        self._read: tuple[str, Reading] = ("", Reading.UNCLEAR)
        self._has_paused = self._was_finished = False

    def completeness(self, sound: Samples) -> float:
        """See `Endpointing.completeness`."""
        return self._judge(sound)

    def wait_s(self, last_voiced_s: float, words: Transcript | None, completeness: float | None) -> float:
        """See `Endpointing.wait_s`."""
        if words is None or words.end_s < last_voiced_s - WORDS_MISS_S:  # of an earlier moment
            share = _share(Reading.UNCLEAR, completeness)
        else:
            reading = self._reading(words.text)
            if words.is_doubtful and reading is Reading.FINISHED:
                reading = Reading.UNCLEAR  # what must go on must do so even if it was misheard
            share = _share(reading, completeness)
            if not words.text:
                share = max(share, _FILLED)  # there is nothing to answer yet
        self._was_finished = share == _FINISHED
        return self._usual_wait_s * share * (_PAUSED_BEFORE if self._has_paused and share != _FINISHED else 1.0)

    def begin(self) -> None:
        """See `Endpointing.begin`."""
        self._has_paused = self._was_finished = False

    def go_on(self, pause_s: float) -> None:
        """See `Endpointing.go_on`: follows a quantile of the user's pauses (Robbins and Monro 1951)."""
        if pause_s < _SHORTEST_PAUSE_S:
            return
        if self._was_finished and pause_s > _NEXT_SENTENCE_S:
            self.begin()
            return
        self._has_paused = True
        above = pause_s > self._usual_wait_s
        moved = self._usual_wait_s + _STEP_S * (_QUANTILE if above else _QUANTILE - 1.0)
        self._usual_wait_s = self._end_of_turn_s * min(_MOST_PACE, max(_LEAST_PACE, moved / self._end_of_turn_s))

    def _reading(self, text: str) -> Reading:
        if self._read[0] != text:  # asked for every window of the pause
            self._read = (text, read(text, self._language()))
        return self._read[1]


def _share(reading: Reading, completeness: float | None) -> float:
    if reading is Reading.OPEN:
        return _OPEN
    if completeness == 0.0:
        return _FILLED
    if completeness is None or completeness < _SOUNDS_FINISHED:
        is_likely = reading is Reading.FINISHED and (completeness is None or completeness >= _HARDLY_FINISHED)
        return _READS_FINISHED if is_likely else _DOUBTED
    return _FINISHED if reading is Reading.FINISHED else _UNCLEAR
